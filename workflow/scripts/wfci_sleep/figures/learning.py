"""Learning curves of each fold: loss and kappa over the training epochs."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from wfci_sleep.figures.style import TWO_COLUMNS_MM, Named, label_log_ticks, new_figure, say, styled
from wfci_sleep.tables import read_table
from wfci_sleep.tables.networks import HISTORY

_PANELS = (("loss", "Loss"), ("kappa", "Cohen's kappa"))

_LOG_RATIO = 30.0
"""Ratio of the largest to the smallest loss above which the axis is logarithmic, to show the end of a training."""

_SPLITS = (("", "training", "0.25"), ("val_", "validation", "#d95f02"))


def draw(inputs: Named, params: Named) -> Figure:
    """Draw the learning curves from `history` of each fold."""
    histories = [read_table(path, HISTORY).assign(fold=fold) for fold, path in enumerate(inputs.history, start=1)]
    return plot_learning_curves(pd.concat(histories, ignore_index=True))


@styled
def plot_learning_curves(history: pd.DataFrame) -> Figure:
    """Draw loss and kappa over the training epochs.

    Parameters
    ----------
    history : table with columns fold, pass, loss, val_loss, kappa, val_kappa
        The history.csv of every fold, one below the other; `pass` is the training epoch, from 1.

    Returns
    -------
    Figure
        A panel for loss and one for kappa, training and validation in each: a thin line for each fold, a thick one for
        their mean as far as all folds go; dots mark the training epoch of each fold with the lowest validation loss,
        whose weights are kept.
    """
    n_folds = history["fold"].nunique()
    figure = new_figure(TWO_COLUMNS_MM, 75)
    for axes, (column, label) in zip(figure.subplots(1, 2), _PANELS, strict=True):
        for prefix, split, colour in _SPLITS:
            by_fold = history.pivot(index="pass", columns="fold", values=prefix + column).astype(float)
            epochs = by_fold.index.to_numpy()
            # A lone point makes no line: mark it.
            marker = "." if len(epochs) == 1 else ""
            axes.plot(epochs, by_fold.to_numpy(), color=colour, lw=0.5, alpha=0.6, marker=marker)
            # Only where every fold has a value: a mean of those that are left would jump wherever a fold ends.
            mean = by_fold.mean(axis=1, skipna=False)
            axes.plot(epochs, mean, color=colour, lw=1.8, marker=marker, label=f"{split}, mean of folds")
        best = _best_epochs(history)
        axes.plot(
            best["pass"],
            best[f"val_{column}"],
            "o",
            ms=3.5,
            color=_SPLITS[1][2],
            mec="white",
            mew=0.4,
            label="kept",
        )
        if column == "loss" and _spans_decades(history[["loss", "val_loss"]].to_numpy(dtype=float)):
            axes.set_yscale("log")
            label_log_ticks(axes.yaxis)
        axes.set(xlabel="Training epoch", ylabel=label)
        axes.set_xlim(history["pass"].min() - 0.5, history["pass"].max() + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
        if not np.isfinite(history[[column, f"val_{column}"]].to_numpy(dtype=float)).any():
            say(axes, "no values")
            axes.set(xticks=[], yticks=[])
    handles, labels = axes.get_legend_handles_labels()
    handles.append(Line2D([], [], color="0.25", lw=0.5, alpha=0.6))
    figure.legend(handles, [*labels, "one fold"], loc="outside upper right", ncols=4)
    figure.suptitle(f"{n_folds} {'fold' if n_folds == 1 else 'folds'}", x=0.02, ha="left")
    return figure


def _spans_decades(losses: np.ndarray) -> bool:
    """Whether losses are all positive and span a ratio of `_LOG_RATIO`.

    Examples
    --------
    >>> _spans_decades(np.array([0.5, 0.3, np.nan])), _spans_decades(np.array([0.5, 0.01]))
    (False, True)
    """
    known = losses[np.isfinite(losses)]
    return bool(known.size) and bool(0 < known.min() * _LOG_RATIO < known.max())


def _best_epochs(history: pd.DataFrame) -> pd.DataFrame:
    """Find the row of each fold with the lowest validation loss."""
    scored = history.dropna(subset="val_loss")
    return scored.loc[scored.groupby("fold")["val_loss"].idxmin()]
