"""Performance of the network: accuracy, kappa, F1, calibration error and their confidence intervals.

The measures are computed here from matrices of counts, because a bootstrap needs thousands of them at once and
scikit-learn's functions take one at a time. A test compares them with scikit-learn's.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from wfci_sleep.analysis.confidence_intervals import Interval, chance_agreement, with_intervals
from wfci_sleep.scoring.calibration import N_BINS, bin_sums, error_of_sums
from wfci_sleep.scoring.confidence import network_confidence

NO_SKILL = "no better than chance"
"""Words for a kappa whose interval includes 0."""

COLUMNS = ["level", "unit", "metric", "state", "value", "ci_low", "ci_high", "n", "interval_over"]


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
        accuracy, kappa (Cohen 1960, Educ. Psychol. Meas. 20, 37) and f1_weighted with state ""; precision, recall, f1
        for each state. NaN where a measure is not defined (kappa of a single class, recall of a state that does not
        occur).

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
        chance = chance_agreement(confusion)
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


def bout_confusions(y_true: np.ndarray, y_pred: np.ndarray, bouts: np.ndarray, n_classes: int) -> np.ndarray:
    """Confusion matrix of each bout.

    Parameters
    ----------
    y_true, y_pred : array of int, shape (n_epochs,)
        Class indices.
    bouts : array of int, shape (n_epochs,)
        Number of the bout that each epoch lies in.
    n_classes : int

    Returns
    -------
    array of int64, shape (n_bouts, n_classes, n_classes)
        In the order of the bouts' numbers; truth in rows, prediction in columns.
    """
    numbers, bout = np.unique(bouts, return_inverse=True)
    counts = np.zeros((len(numbers), n_classes, n_classes), dtype=np.int64)
    np.add.at(counts, (bout, y_true, y_pred), 1)
    return counts


def calibration_sums(predictions: pd.DataFrame, bouts: np.ndarray) -> np.ndarray:
    """Sums of `calibration.bin_sums` of each bout.

    Parameters
    ----------
    predictions : table with columns y_true, y_pred, p_<state>, confidence
    bouts : array of int, shape (n_epochs,)
        Number of the bout that each epoch lies in.

    Returns
    -------
    array of float, shape (n_bouts, 2, 3, n_bins)
        In the order of the bouts' numbers; of the network's own confidence, then of the calibrated one (column
        confidence).
    """
    confidences = np.stack([network_confidence(predictions), predictions["confidence"]])
    correct = (predictions["y_true"] == predictions["y_pred"]).to_numpy()
    chosen = [bouts == bout for bout in np.unique(bouts)]
    sums = [[bin_sums(kind[rows], correct[rows]) for kind in confidences] for rows in chosen]
    return np.reshape(sums, (len(sums), 2, 3, N_BINS))


def calibration_errors(sums: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """Expected calibration error of the network (ece) and after calibration (ece_calibrated).

    Parameters
    ----------
    sums : array of float, shape (..., 2, 3, n_bins)
        As `calibration_sums` gives them, of one bout or of several added up.

    Returns
    -------
    dict of (metric, "") to array of float, shape (...)
    """
    errors = error_of_sums(sums)
    return {("ece", ""): errors[..., 0], ("ece_calibrated", ""): errors[..., 1]}


def bin_accuracies(sums: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """Accuracy in each bin of confidence.

    Parameters
    ----------
    sums : array of float, shape (..., 2, 3, n_bins)
        As for `calibration_errors`.

    Returns
    -------
    dict of (kind of confidence, number of the bin) to array of float, shape (...)
        Kinds are network and calibrated. NaN for a bin without epochs.
    """
    with np.errstate(invalid="ignore"):
        accuracies = sums[..., 2, :] / sums[..., 0, :]
    kinds = ("network", "calibrated")
    return {
        (kind, str(bin_)): accuracies[..., place, bin_] for place, kind in enumerate(kinds) for bin_ in range(N_BINS)
    }


def metrics_table(predictions: pd.DataFrame, names: Sequence[str], resamples: int, seed: int) -> pd.DataFrame:
    """Measures pooled, per fold and per mouse.

    Parameters
    ----------
    predictions : table with columns mouse, recording, epoch, fold, y_true, y_pred, p_<state>, confidence
        The test epochs of all folds.
    names : sequence of str
        Names of the classes.
    resamples, seed : int
        Of the bootstrap: over mice where a unit has several, over the human's bouts within a mouse.

    Returns
    -------
    table with columns level (pooled, fold, mouse), unit, metric, state, value, ci_low, ci_high, n (epochs),
    interval_over (as in `Interval`)
        The calibration error of few epochs is biased upwards, as it is a mean of absolute distances.
    """
    predictions = predictions.assign(bout=numbered_bouts(predictions))
    units = [("pooled", "all", predictions)]
    units += [("fold", str(fold), table) for fold, table in predictions.groupby("fold", sort=False)]
    units += [("mouse", mouse, table) for mouse, table in predictions.groupby("mouse", sort=False)]
    rows = []
    for level, unit, table in units:
        bouts, mice = _bouts_and_mice(table)
        confusions = bout_confusions(table["y_true"], table["y_pred"], bouts, len(names))
        found = with_intervals(confusions, mice, partial(measures, names=names), resamples, seed)
        found |= with_intervals(calibration_sums(table, bouts), mice, calibration_errors, resamples, seed)
        for (metric, state), (value, low, high, over) in found.items():
            rows.append((level, unit, metric, state, value, low, high, len(table), over))
    return pd.DataFrame(rows, columns=COLUMNS)


def reliability_intervals(predictions: pd.DataFrame, resamples: int, seed: int) -> dict[tuple[str, str], Interval]:
    """Accuracy in each bin of confidence with its interval.

    Parameters
    ----------
    predictions, resamples, seed
        As for `metrics_table`.

    Returns
    -------
    dict of (kind of confidence, number of the bin) to Interval
        Kinds are network and calibrated.
    """
    bouts, mice = _bouts_and_mice(predictions.assign(bout=numbered_bouts(predictions)))
    return with_intervals(calibration_sums(predictions, bouts), mice, bin_accuracies, resamples, seed)


def _bouts_and_mice(epochs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Number of each epoch's bout, and the mouse of each bout in the order of their numbers."""
    return epochs["bout"].to_numpy(), epochs.groupby("bout")["mouse"].first().to_numpy()


def numbered_bouts(predictions: pd.DataFrame) -> pd.Series:
    """Number of the human's bout that each epoch lies in; a bout ends where an epoch is missing.

    Parameters
    ----------
    predictions : table with columns mouse, recording, epoch, y_true

    Returns
    -------
    Series of int, with the index of `predictions`, in order of mouse, recording and epoch
    """
    ordered = predictions.sort_values(["mouse", "recording", "epoch"])
    breaks = (
        (ordered["recording"] != ordered["recording"].shift())
        | (ordered["mouse"] != ordered["mouse"].shift())
        | (ordered["epoch"] != ordered["epoch"].shift() + 1)
        | (ordered["y_true"] != ordered["y_true"].shift())
    )
    return breaks.cumsum()


def value_in_words(row: Interval) -> str:
    """A measure with its interval, as in texts and figures.

    Parameters
    ----------
    row : Interval, or a row of metrics.tsv or agreement.tsv

    Examples
    --------
    >>> value_in_words(Interval(0.671, 0.6, 0.74, "35 bouts"))
    '0.67 (0.60 to 0.74)'
    >>> value_in_words(Interval(-0.001, -0.2, 0.2, "35 bouts"))
    '0.00 (-0.20 to 0.20)'
    >>> value_in_words(Interval(0.5, np.nan, np.nan, "none: 2 mice"))
    '0.50 (no interval: 2 mice)'
    """
    if np.isnan(row.value):
        return "not defined"
    if np.isnan(row.ci_low):
        return f"{row.value:z.2f} (no interval: {row.interval_over.removeprefix('none: ')})"
    return f"{row.value:z.2f} ({row.ci_low:z.2f} to {row.ci_high:z.2f})"


def kappa_in_words(row: Interval) -> str:
    """Kappa with its interval, and whether the interval includes 0.

    Parameters
    ----------
    row : Interval, or a row of metrics.tsv or agreement.tsv

    Examples
    --------
    >>> kappa_in_words(Interval(0.05, -0.02, 0.12, "4 mice"))
    'kappa 0.05 (-0.02 to 0.12), no better than chance'
    """
    return f"kappa {value_in_words(row)}" + (f", {NO_SKILL}" if row.ci_low <= 0 else "")


def doubts(table: pd.DataFrame) -> list[str]:
    """Say where kappa is no better than chance, has no interval, or is not defined.

    Parameters
    ----------
    table : table
        As `metrics_table` gives it.

    Returns
    -------
    list of str
        A line for all test epochs together and for each mouse, unless kappa's interval lies above 0.

    Examples
    --------
    >>> rows = [("pooled", "all", "kappa", "", 0.5, 0.4, 0.6, 90, "3 mice"),
    ...         ("mouse", "Ms1", "kappa", "", 0.1, -0.1, 0.3, 30, "9 bouts")]
    >>> doubts(pd.DataFrame(rows, columns=COLUMNS))
    ['mouse Ms1: kappa 0.10 (-0.10 to 0.30), no better than chance']
    """
    kappas = table[(table["metric"] == "kappa") & table["level"].isin(["pooled", "mouse"])]
    return [
        f"{'all test epochs' if row.level == 'pooled' else f'mouse {row.unit}'}: {kappa_in_words(row)}"
        for row in kappas.itertuples()
        if not row.ci_low > 0
    ]


def metrics_document(table: pd.DataFrame) -> dict:
    """The measures of `metrics_table`, nested for JSON.

    Parameters
    ----------
    table : table
        As `metrics_table` gives it.

    Returns
    -------
    dict
        `pooled`, `fold` -> number and `mouse` -> name hold n, the values by metric (and state), and under `ci95` the
        intervals [low, high] by metric (and state). None for values and limits that are NaN.
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
