"""How well the network scores: accuracy, kappa, F1, calibration error and their confidence intervals.

scikit-learn counts the confusion matrices. The measures are computed from the matrices here, because a bootstrap asks
for thousands of them at once, which scikit-learn's functions take one at a time; a test holds them against
scikit-learn's.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from wfci_sleep.calibration import bin_sums, error_of_sums
from wfci_sleep.files import read_table

CONFIDENCE = 0.95

COLUMNS = ["level", "unit", "metric", "state", "value", "ci_low", "ci_high", "n"]


def measures(confusion: np.ndarray, names: Sequence[str]) -> dict[tuple[str, str], np.ndarray]:
    """Measures of agreement from confusion matrices.

    Parameters
    ----------
    confusion : array of int, shape (..., classes, classes)
        Counts; truth in rows, prediction in columns.
    names : sequence of str
        Names of the classes.

    Returns
    -------
    dict of (metric, state) to array of float, shape (...)
        accuracy, kappa (Cohen 1960) and f1_weighted with state ""; precision, recall, f1 for each state. NaN where a
        measure has no meaning (kappa of a single class, recall of a state that does not occur).

    Examples
    --------
    >>> found = measures(np.array([[3, 1], [0, 4]]), ["wake", "sleep"])
    >>> float(found["accuracy", ""]), float(found["kappa", ""]), float(found["precision", "wake"])
    (0.875, 0.75, 1.0)
    """
    confusion = np.asarray(confusion, dtype=np.float64)
    total = confusion.sum(axis=(-2, -1))
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    true, predicted = confusion.sum(axis=-1), confusion.sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        accuracy = right.sum(axis=-1) / total
        chance = (true * predicted).sum(axis=-1) / total**2
        precision, recall = right / predicted, right / true
        f1 = 2 * right / (true + predicted)
        found = {
            ("accuracy", ""): accuracy,
            ("kappa", ""): (accuracy - chance) / (1 - chance),
            ("f1_weighted", ""): np.where(true > 0, f1 * true, 0).sum(axis=-1) / total,
        }
    for index, name in enumerate(names):
        found["precision", name] = precision[..., index]
        found["recall", name] = recall[..., index]
        found["f1", name] = f1[..., index]
    return found


def cluster_confusions(y_true: np.ndarray, y_pred: np.ndarray, clusters: np.ndarray, n_classes: int) -> np.ndarray:
    """Confusion matrix of each cluster of epochs: shape (n_clusters, classes, classes)."""
    from sklearn.metrics import confusion_matrix  # here, as few steps count and many import this module

    return np.stack(
        [
            confusion_matrix(y_true[clusters == cluster], y_pred[clusters == cluster], labels=range(n_classes))
            for cluster in np.unique(clusters)
        ]
    )


def network_confidence(predictions: pd.DataFrame) -> pd.Series:
    """Probability that the network itself gives the predicted class: the highest of the columns p_<state>."""
    return predictions.filter(regex="^p_").max(axis=1)


def calibration_sums(predictions: pd.DataFrame, clusters: np.ndarray) -> np.ndarray:
    """Sums of `calibration.bin_sums` of each cluster of epochs: shape (n_clusters, 2, 3, n_bins).

    First those of the network's own confidence, then those of the calibrated one (column confidence).
    """
    confidences = np.stack([network_confidence(predictions), predictions["confidence"]])
    correct = (predictions["y_true"] == predictions["y_pred"]).to_numpy()
    chosen = [clusters == cluster for cluster in np.unique(clusters)]
    return np.stack([[bin_sums(kind[rows], correct[rows]) for kind in confidences] for rows in chosen])


def calibration_errors(sums: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """Expected calibration error of the network (ece) and after calibration (ece_calibrated), as `measures` has it.

    Parameters
    ----------
    sums : array of float, shape (..., 2, 3, n_bins)
        As in `calibration_sums`, of a cluster or of several added up.
    """
    errors = error_of_sums(sums)
    return {("ece", ""): errors[..., 0], ("ece_calibrated", ""): errors[..., 1]}


def with_intervals(
    sums: np.ndarray,
    measure: Callable[[np.ndarray], dict[tuple[str, str], np.ndarray]],
    resamples: int,
    seed: int,
) -> dict[tuple[str, str], tuple[float, float, float]]:
    """Measures of the added up clusters with 95 % confidence intervals from a bootstrap (Efron 1979) over the clusters.

    Epochs that follow each other are not independent, so what is drawn with replacement are clusters: mice, or bouts
    within a mouse. Percentiles of the resampled measures make intervals that are too narrow for few clusters: with
    twelve mice 90 % of them hold the truth, with four 80 %. These are Student's t intervals with the bootstrap's
    standard error (Hesterberg 2015, Am. Stat. 69, 371), corrected for n clusters by sqrt(n / (n - 1)), on the scale of
    Fisher's z = artanh(value), on which measures close to 1 are less skewed. In simulations 94 to 96 % of them held the
    truth with four mice, with twelve and with 150 bouts of a session, 93 % with forty bouts.

    Parameters
    ----------
    sums : array, shape (n_clusters, ...)
        What the measures are made from, of each cluster: confusion matrices or calibration sums.
    measure : function of an array of shape (..., *sums.shape[1:])
        Gives arrays of shape (...) by (metric, state).
    resamples : int
    seed : int

    Returns
    -------
    dict of (metric, state) to (value, low, high)
        low and high are NaN where a single cluster has what is measured, which says nothing about spread, and both
        equal to the value where no cluster differs, as when all is right.
    """
    n_clusters = len(sums)
    values = {key: float(value) for key, value in measure(sums.sum(axis=0)).items()}
    if n_clusters == 1:
        return {key: (value, np.nan, np.nan) for key, value in values.items()}
    drawn = np.random.default_rng(seed).multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters), size=resamples)
    resampled = measure(np.tensordot(drawn, sums, axes=1))
    width = _students_t(n_clusters) * np.sqrt(n_clusters / (n_clusters - 1))
    intervals = {}
    for key, value in values.items():
        known = resampled[key][np.isfinite(resampled[key])]
        # Without the only cluster that has a state there is no measure, and with it always the same.
        spread = known.std() if known.size else np.nan
        if spread < 1e-9 and known.size < resamples:
            spread = np.nan
        low, high = _on_fishers_scale(value, width * spread)
        # Kappa alone can be negative.
        intervals[key] = (value, low if key[0] == "kappa" else max(low, 0.0), high)
    return intervals


def half_width_of_mean(values: pd.Series | pd.DataFrame) -> float | pd.Series:
    """Half the width of the 95 % t interval (Student 1908) of a mean.

    Parameters
    ----------
    values : Series or table of float
        Two rows at least, none of them missing; each column of a table has a mean of its own.

    Returns
    -------
    float, or Series of float by column

    Examples
    --------
    >>> round(float(half_width_of_mean(pd.Series([1.0, 2.0, 3.0]))), 3)
    2.484
    """
    return values.sem() * _students_t(len(values))


def _students_t(n: int) -> float:
    """Quantile of Student's t that bounds the interval of a mean of n values."""
    return stdtrit(n - 1, (1 + CONFIDENCE) / 2)


def _on_fishers_scale(value: float, half_width: float) -> tuple[float, float]:
    """Interval around a value that is symmetric on the scale of Fisher's z, whose slope is 1 / (1 - value^2).

    Examples
    --------
    >>> tuple(round(limit, 3) for limit in _on_fishers_scale(0.9, 0.1))
    (0.738, 0.964)
    >>> _on_fishers_scale(1.0, 0.0)
    (1.0, 1.0)
    """
    if half_width == 0:
        return value, value
    value = np.clip(value, -1 + 1e-12, 1 - 1e-12)
    z, half = np.arctanh(value), half_width / (1 - value**2)
    return float(np.tanh(z - half)), float(np.tanh(z + half))


def metrics_table(predictions: pd.DataFrame, names: Sequence[str], resamples: int, seed: int) -> pd.DataFrame:
    """Measures pooled, per fold and per mouse.

    Parameters
    ----------
    predictions : table with columns mouse, recording, epoch, fold, y_true, y_pred, p_<state>, confidence
        The test epochs of all folds.
    names : sequence of str
        Names of the classes.
    resamples, seed : int
        Of the bootstrap: over mice where a unit has several, over the expert's bouts within a mouse.

    Returns
    -------
    table with columns level (pooled, fold, mouse), unit, metric, state, value, ci_low, ci_high, n (epochs)
        A calibration error is a mean of distances: few epochs make it larger than it is.
    """
    predictions = predictions.assign(bout=_bouts(predictions))
    units = [("pooled", "all", predictions)]
    units += [("fold", str(fold), table) for fold, table in predictions.groupby("fold", sort=False)]
    units += [("mouse", mouse, table) for mouse, table in predictions.groupby("mouse", sort=False)]
    rows = []
    for level, unit, table in units:
        clusters = (table["mouse"] if table["mouse"].nunique() > 1 else table["bout"]).to_numpy()
        truth, predicted = table["y_true"].to_numpy(), table["y_pred"].to_numpy()
        confusions = cluster_confusions(truth, predicted, clusters, len(names))
        found = with_intervals(confusions, partial(measures, names=names), resamples, seed)
        found |= with_intervals(calibration_sums(table, clusters), calibration_errors, resamples, seed)
        for (metric, state), (value, low, high) in found.items():
            rows.append((level, unit, metric, state, value, low, high, len(table)))
    return pd.DataFrame(rows, columns=COLUMNS)


def _bouts(predictions: pd.DataFrame) -> pd.Series:
    """Number of the expert's bout that each epoch lies in, within its mouse."""
    ordered = predictions.sort_values(["mouse", "recording", "epoch"])
    breaks = (
        (ordered["recording"] != ordered["recording"].shift())
        | (ordered["mouse"] != ordered["mouse"].shift())
        | (ordered["epoch"] != ordered["epoch"].shift() + 1)
        | (ordered["y_true"] != ordered["y_true"].shift())
    )
    return breaks.cumsum()


def metrics_document(table: pd.DataFrame) -> dict:
    """The same measures nested for JSON.

    `pooled`, `fold` -> number and `mouse` -> name hold n, the values by metric (and state), and below `ci95` the
    intervals [low, high] in the same places; what has no value is None.
    """
    document: dict = {}
    for row in table.itertuples():
        unit = document.setdefault(row.level, {})
        if row.level != "pooled":
            unit = unit.setdefault(row.unit, {})
        unit["n"] = int(row.n)
        intervals = unit.setdefault("ci95", {})
        if row.state:
            unit, intervals = unit.setdefault(row.metric, {}), intervals.setdefault(row.metric, {})
        unit[row.state or row.metric] = _number(row.value)
        intervals[row.state or row.metric] = [_number(row.ci_low), _number(row.ci_high)]
    return document


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def read_test_predictions(paths: Sequence[str]) -> pd.DataFrame:
    """Test epochs of all folds of an experiment; column `fold` counts from 1 in the order of `paths`."""
    folds = [read_table(path, ["mouse", "split"]).assign(fold=number) for number, path in enumerate(paths, start=1)]
    predictions = pd.concat(folds, ignore_index=True)
    return predictions[predictions["split"] == "test"].reset_index(drop=True)
