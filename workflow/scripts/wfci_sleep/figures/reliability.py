"""Reliability: how often the network is right where it says how sure it is, before and after calibration."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wfci_sleep.analysis.performance import reliability_intervals
from wfci_sleep.figures.style import ONE_COLUMN_MM, Named, new_figure, say, styled
from wfci_sleep.scoring.calibration import expected_calibration_error, reliability
from wfci_sleep.scoring.confidence import network_confidence
from wfci_sleep.scoring.predictions import read_test_predictions

_BEFORE = ("network", "0.45", "o")
_AFTER = ("calibrated", "#d95f02", "D")


def draw(inputs: Named, params: Named) -> Figure:
    """Draw the calibration from `predictions` of each fold, with the intervals that `analysis` sets."""
    predictions = read_test_predictions(inputs.predictions, params.classes)
    return plot_reliability(predictions, params.analysis["bootstrap_resamples"], params.analysis["seed"])


@styled
def plot_reliability(predictions: pd.DataFrame, resamples: int, seed: int) -> Figure:
    """Draw accuracy against confidence.

    Parameters
    ----------
    predictions : table with columns mouse, recording, epoch, y_true, y_pred, p_<state>, confidence
        The test epochs of all folds.
    resamples, seed : int
        Of the intervals' bootstrap.

    Returns
    -------
    Figure
        Above the accuracy in ten bins of confidence, at the mean confidence of the bin, with its 95 % interval where
        there are mice (or bouts) enough; below the share of epochs in each bin. The legend gives the expected
        calibration error.
    """
    correct = (predictions["y_true"] == predictions["y_pred"]).to_numpy()
    confidences = [network_confidence(predictions).to_numpy(), predictions["confidence"].to_numpy()]
    figure = new_figure(ONE_COLUMN_MM, 115)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    if len(predictions):
        intervals = reliability_intervals(predictions, resamples, seed)
        for (name, colour, marker), confidence, side in zip((_BEFORE, _AFTER), confidences, (0, 1), strict=True):
            label = f"{name}, ECE {expected_calibration_error(confidence, correct):.3f}"
            table = reliability(confidence, correct)
            limits = [intervals[name, str(bin_)][1:3] for bin_ in range(len(table))]
            occurs = table["n"] > 0
            _points(above, table[occurs], np.array(limits)[occurs], colour, marker, label)
            _bars(below, table, colour, side)
    else:
        say(above, "no epochs")
    above.plot([0, 1], [0, 1], color="0.7", lw=0.8, ls="--", zorder=0, label="confidence = accuracy")
    if len(predictions):
        figure.legend(*above.get_legend_handles_labels(), loc="outside upper right")
    # The winning class of k has at least 1 / k: bins below are always empty.
    n_classes = predictions.filter(regex="^p_").shape[1]
    above.set(xlim=(np.ceil(10 / n_classes - 1) / 10, 1.01), ylim=(0, 1.03), ylabel="Accuracy")
    below.set(xlabel="Confidence (probability of the predicted state)", ylabel="Epochs (%)")
    above.set_title(f"{len(predictions)} epochs; upright lines: 95 % intervals", loc="left")
    return figure


def _points(axes: Axes, table: np.ndarray, limits: np.ndarray, colour: str, marker: str, label: str) -> None:
    """Accuracy of the bins that hold epochs, joined by a line, with the limits of its intervals."""
    axes.vlines(table["confidence"], *limits.T, color=colour, lw=1.2, alpha=0.7)
    axes.plot(table["confidence"], table["accuracy"], marker=marker, ms=4, color=colour, lw=0.8, label=label)


def _bars(axes: Axes, table: np.ndarray, colour: str, side: int) -> None:
    """Share of epochs in each bin: the left (0) or right (1) half of the bin."""
    half = (table["high"] - table["low"]) / 2
    share = 100 * table["n"] / table["n"].sum()
    axes.bar(table["low"] + side * half, share, width=0.9 * half, align="edge", color=colour)
