"""The confusion matrix: counts and row percentages, as a green heat map."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix

from wfci_sleep.analysis.performance import measures
from wfci_sleep.figures.style import ONE_COLUMN_MM, Named, new_figure, state_titles, styled
from wfci_sleep.scoring.predictions import read_test_predictions


def draw(inputs: Named, params: Named) -> Figure:
    """Draw the confusion matrix of the test epochs in `predictions` of each fold; `classes` are the states' names."""
    predictions = read_test_predictions(inputs.predictions, params.classes)
    return plot_confusion(predictions["y_true"], predictions["y_pred"], params.classes)


@styled
def plot_confusion(y_true: np.ndarray, y_pred: np.ndarray, names: Sequence[str]) -> Figure:
    """Draw how many epochs of each state were given which state.

    Parameters
    ----------
    y_true, y_pred : array of int, shape (n_epochs,)
        Class indices: the human's and the network's.
    names : sequence of str
        Names of the classes, e.g. wake, nrem, rem.

    Returns
    -------
    Figure
        A row for each state of the human; colour and percentage are shares of the row. A state that the human never
        scored has a blank row that says so. The title gives accuracy and kappa.
    """
    counts = confusion_counts(np.asarray(y_true), np.asarray(y_pred), len(names))
    figure = new_figure(ONE_COLUMN_MM, 70)
    axes = figure.subplots()
    draw_confusion(axes, counts, names, "{:.1f} %")
    titles = state_titles(names)
    axes.set_yticklabels([f"{title}\n(n = {n})" for title, n in zip(titles, counts.sum(axis=1), strict=True)])
    axes.set_xticklabels([f"{title}\n(n = {n})" for title, n in zip(titles, counts.sum(axis=0), strict=True)])
    axes.set(xlabel="Network", ylabel="Human")
    figure.colorbar(axes.collections[0], ax=axes, shrink=0.8, label="Share of the human's epochs (%)")
    figure.suptitle(_summary(counts, names), fontsize=8)
    return figure


def draw_confusion(axes: Axes, counts: np.ndarray, names: Sequence[str], percentage: str, **look: Any) -> None:
    """Draw a confusion matrix.

    Parameters
    ----------
    axes : Axes
    counts : array of int, shape (n_classes, n_classes)
        Colour and percentage are shares of the row; an empty row is left blank and says so.
    names : sequence of str
        Names of the classes.
    percentage : str
        How a percentage is written, e.g. `"{:.1f} %"`.
    **look
        More arguments of seaborn's `heatmap`.
    """
    totals = counts.sum(axis=1)
    percentages = 100 * counts / np.maximum(totals, 1)[:, None]
    texts = [
        [f"{count}\n{percentage.format(share)}" for count, share in zip(*row, strict=True)]
        for row in zip(counts, percentages, strict=True)
    ]
    titles = state_titles(names)
    sns.heatmap(
        percentages,
        annot=np.where(totals[:, None] > 0, texts, ""),
        fmt="",
        mask=np.repeat(totals[:, None] == 0, len(names), axis=1),
        cmap="Greens",
        vmin=0,
        vmax=100,
        square=True,
        linewidths=0.5,
        linecolor="0.8",
        xticklabels=titles,
        yticklabels=titles,
        cbar=False,
        ax=axes,
        **look,
    )
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    for row in np.flatnonzero(totals == 0):
        axes.text(
            len(names) / 2, row + 0.5, "no examples", ha="center", va="center", color="0.35", fontsize=7, bbox=box
        )
    axes.tick_params(length=0)
    axes.tick_params(axis="y", rotation=0)


def _summary(counts: np.ndarray, names: Sequence[str]) -> str:
    """Number of epochs, accuracy and kappa in words."""
    n = counts.sum()
    if not n:
        return "no test epochs"
    found = measures(counts, names)
    accuracy, kappa = found["accuracy", ""], found["kappa", ""]
    kappa_words = "kappa not defined" if np.isnan(kappa) else f"kappa {kappa:.2f}"
    return f"{n} test epoch{'' if n == 1 else 's'}: accuracy {accuracy:.2f}, {kappa_words}"


def confusion_counts(y_true: np.ndarray, y_pred: np.ndarray, n_classes: int) -> np.ndarray:
    """Confusion counts; scikit-learn refuses empty input and labels that never occur, a small recording has both."""
    if not np.isin(y_true, np.arange(n_classes)).any():
        return np.zeros((n_classes, n_classes), dtype=np.int64)
    return confusion_matrix(y_true, y_pred, labels=np.arange(n_classes))
