"""The confusion matrix: counts and row percentages, as a green heat map."""

from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix

from wfci_sleep.figures.style import ONE_COLUMN_MM, new_figure, state_titles, styled


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
        scored has a blank row that says so.
    """
    counts = _counts(np.asarray(y_true), np.asarray(y_pred), len(names))
    totals = counts.sum(axis=1)
    percentages = 100 * counts / np.maximum(totals, 1)[:, None]
    texts = [
        [f"{count}\n{share:.1f} %" for count, share in zip(*row, strict=True)]
        for row in zip(counts, percentages, strict=True)
    ]
    titles = state_titles(names)
    figure = new_figure(ONE_COLUMN_MM, 70)
    axes = figure.subplots()
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
        yticklabels=[f"{title}\n(n = {total})" for title, total in zip(titles, totals, strict=True)],
        cbar_kws={"label": "Share of the human's epochs (%)", "shrink": 0.8},
        ax=axes,
    )
    for row in np.flatnonzero(totals == 0):
        axes.text(len(names) / 2, row + 0.5, "no examples", ha="center", va="center", color="0.35", fontsize=7)
    axes.set(xlabel="Network", ylabel="Human")
    axes.tick_params(length=0)
    axes.tick_params(axis="y", rotation=0)
    return figure


def _counts(y_true: np.ndarray, y_pred: np.ndarray, n_classes: int) -> np.ndarray:
    """Confusion counts; scikit-learn refuses empty input and labels that never occur, a small recording has both."""
    if not np.isin(y_true, np.arange(n_classes)).any():
        return np.zeros((n_classes, n_classes), dtype=np.int64)
    return confusion_matrix(y_true, y_pred, labels=np.arange(n_classes))
