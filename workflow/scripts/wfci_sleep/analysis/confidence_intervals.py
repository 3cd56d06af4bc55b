"""Confidence intervals of measures over epochs that are not independent."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

CONFIDENCE = 0.95

LEAST_CLUSTERS = 3
"""Fewest mice, or bouts, for an interval; an interval from two would hold nearly every value."""

WIDEST = 0.9
"""An interval that holds more than this share of the possible values says nothing and is left out."""

_NO_SPREAD = 1e-9
"""Values that differ by less differ by rounding only."""


class Interval(NamedTuple):
    """A measure with its 95 % confidence interval; tables have columns of these names.

    Attributes
    ----------
    value : float
        NaN where the measure is not defined.
    ci_low, ci_high : float
        NaN where there is no interval.
    interval_over : str
        The clusters behind the interval (`4 mice`, `35 bouts`); where these are too few, their number (`none: 2 mice`).
        Empty where the measure is not defined.
    """

    value: float
    ci_low: float
    ci_high: float
    interval_over: str


def with_intervals(
    sums: np.ndarray,
    mice: np.ndarray,
    measure: Callable[[np.ndarray], dict[tuple[str, str], np.ndarray]],
    resamples: int,
    seed: int,
) -> dict[tuple[str, str], Interval]:
    """Measures of the summed bouts with 95 % confidence intervals, from a bootstrap (Efron 1979, Ann. Stat. 7, 1).

    Neighbouring epochs are not independent, so the bootstrap draws clusters with replacement: the mice where there are
    several, else the bouts of the one. Percentiles of the resampled measures make intervals that are too narrow for few
    clusters: with twelve mice 90 % of them hold the truth, with four 80 %. These are Student's t intervals with the
    bootstrap's standard error (Hesterberg 2015, Am. Stat. 69, 371), corrected for n clusters by sqrt(n / (n - 1)), on
    the scale of Fisher's z = artanh(value), on which measures close to 1 are less skewed.

    Where nothing is wrong, clusters do not differ and the bootstrap has no spread. The share that may be wrong
    nevertheless has an upper bound: with no failure in n trials, 1 - 0.025^(1 / n) (Clopper & Pearson 1934, Biometrika
    26, 404), where n is the number of bouts, as a bout may be wrong as a whole. No interval is narrower towards 1 than
    where nothing was wrong, nor towards 0 than where nothing was right. Kappa falls faster than accuracy, by
    1 / (1 - chance).

    In simulations 94 to 99 % of the intervals of accuracy, kappa and weighted F1 held the truth with three, four and
    twelve mice and with 12 and 150 bouts of a session, 89 to 97 % with forty bouts, for raters who are wrong in 20 %,
    2 %, 1 % and 0.5 % of the epochs.

    Parameters
    ----------
    sums : array, shape (n_bouts, ...)
        Confusion matrix, or calibration sums, of each bout.
    mice : array, shape (n_bouts,)
        The mouse of each bout.
    measure : function of an array of shape (..., *sums.shape[1:])
        Gives arrays of shape (...) by (metric, state).
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    dict of (metric, state) to Interval
        Without limits where the measure is defined in fewer than `LEAST_CLUSTERS` clusters, or where the interval would
        be wider than `WIDEST`. The order of the bouts does not matter.

    Examples
    --------
    >>> right = np.array([[[5, 0], [0, 0]], [[0, 0], [0, 5]]] * 6)  # twelve bouts, nothing wrong in any
    >>> def accuracy(sums):
    ...     return {("accuracy", ""): np.trace(sums, axis1=-2, axis2=-1) / sums.sum(axis=(-2, -1))}
    >>> round(with_intervals(right, np.full(12, "Ms1"), accuracy, 100, 0)["accuracy", ""].ci_low, 2)
    0.74
    """
    nothing = Interval(np.nan, np.nan, np.nan, "")
    if not len(sums):
        return dict.fromkeys(measure(sums.sum(axis=0)), nothing)
    names, mouse = np.unique(mice, return_inverse=True)
    several = len(names) > 1
    kinds = ("mouse", "mice") if several else ("bout", "bouts")
    clusters = np.stack([sums[mouse == each].sum(axis=0) for each in range(len(names))]) if several else sums
    n_clusters = len(clusters)
    # Sorted by content: the draws depend on the order of the clusters.
    clusters = clusters[np.lexsort(clusters.reshape(n_clusters, -1).T)]
    drawn = np.random.default_rng(seed).multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters), size=resamples)
    resampled = measure(np.tensordot(drawn, clusters, axes=1))
    of_clusters, of_bouts = measure(clusters), measure(sums)
    total = clusters.sum(axis=0)
    intervals = {}
    for key, measured in measure(total).items():
        value, is_kappa = float(measured), key[0] == "kappa"
        if np.isnan(value):
            intervals[key] = nothing
            continue
        # Most single bouts have no kappa, but every bout contributes to it.
        occurs = ("accuracy", "") if is_kappa else key
        n, n_bouts = (int(np.isfinite(found[occurs]).sum()) for found in (of_clusters, of_bouts))
        reach = _most_wrong(n_bouts) / (1 - float(chance_agreement(total)) if is_kappa else 1)
        spread = resampled[key][np.isfinite(resampled[key])].std()
        low, high = _limits(value, spread, n, reach, lowest=-1.0 if is_kappa else 0.0)
        over = f"{n} {kinds[n > 1]}"
        intervals[key] = Interval(value, low, high, f"none: {over}" if np.isnan(low) else over)
    return intervals


def _most_wrong(n: int) -> float:
    """Upper bound of the share that may be wrong where none of n trials was (Clopper & Pearson 1934).

    Examples
    --------
    >>> round(_most_wrong(12), 3), round(_most_wrong(1000), 4)
    (0.265, 0.0037)
    """
    return 1 - ((1 - CONFIDENCE) / 2) ** (1 / n)


def _limits(value: float, spread: float, n: int, reach: float, lowest: float) -> tuple[float, float]:
    """Limits of the interval around a measure of n clusters; NaN where n is too small or the interval too wide.

    Parameters
    ----------
    value, spread : float
        The measure and its standard error from the bootstrap.
    n : int
    reach : float
        Distance from 1 at which the measure may lie where nothing was wrong.
    lowest : float
        Lowest value of the measure.
    """
    if n < LEAST_CLUSTERS:
        return np.nan, np.nan
    if spread < _NO_SPREAD:
        low, high = value - reach, value + reach
    else:
        low, high = _on_fishers_scale(value, _students_t(n) * np.sqrt(n / (n - 1)) * spread)
        low, high = min(low, 1 - reach), max(high, lowest + reach)
    low, high = max(low, lowest), min(high, 1.0)
    return (low, high) if high - low <= WIDEST * (1 - lowest) else (np.nan, np.nan)


def half_width_of_mean(values: pd.Series | pd.DataFrame) -> float | pd.Series:
    """Half the width of the 95 % t interval (Student 1908) of a mean.

    Parameters
    ----------
    values : Series or table of float
        Each column of a table has a mean of its own; missing values are left out.

    Returns
    -------
    float, or Series of float by column
        NaN for fewer than `LEAST_CLUSTERS` values, and for values that do not differ.

    Examples
    --------
    >>> round(float(half_width_of_mean(pd.Series([1.0, 2.0, 3.0]))), 3)
    2.484
    >>> half_width_of_mean(pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1.0, 1.0, 1.0]})).round(3).tolist()
    [2.484, nan]
    """
    n = values.count()
    known = (values.std() > _NO_SPREAD) & (n >= LEAST_CLUSTERS)
    return values.sem() * _students_t(n) * np.where(known, 1, np.nan)


def _students_t(n: int | pd.Series) -> float | pd.Series:
    """Quantile of Student's t for the interval of a mean of n values."""
    return stdtrit(n - 1, (1 + CONFIDENCE) / 2)


def _on_fishers_scale(value: float, half_width: float) -> tuple[float, float]:
    """Interval around a value, symmetric on the scale of Fisher's z, whose slope is 1 / (1 - value^2).

    Examples
    --------
    >>> tuple(round(limit, 3) for limit in _on_fishers_scale(0.9, 0.1))
    (0.738, 0.964)
    """
    value = np.clip(value, -1 + 1e-12, 1 - 1e-12)
    z, half = np.arctanh(value), half_width / (1 - value**2)
    return float(np.tanh(z - half)), float(np.tanh(z + half))


def chance_agreement(confusion: np.ndarray) -> np.ndarray:
    """Share of epochs on which two raters agree by chance, given how often each gives each state.

    Parameters
    ----------
    confusion : array of float, shape (..., classes, classes)

    Returns
    -------
    array of float, shape (...)
    """
    return (confusion.sum(axis=-1) * confusion.sum(axis=-2)).sum(axis=-1) / confusion.sum(axis=(-2, -1)) ** 2
