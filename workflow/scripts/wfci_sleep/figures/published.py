"""The published numbers beside ours."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wfci_sleep.analysis.published import SECOND_RATER, SECONDS_OF
from wfci_sleep.figures.style import TWO_COLUMNS_MM, Look, Named, new_figure, styled
from wfci_sleep.tables import read_table
from wfci_sleep.tables.results import PUBLISHED

METRICS = {"accuracy": "accuracy", "kappa": "kappa", "f1_weighted": "weighted F1"}

_PUBLISHED: Look = {"marker": "o", "mfc": "white", "color": "0.45", "ls": "", "ms": 4.5}
_OURS: Look = {"marker": "D", "color": "#d95f02", "ls": "", "ms": 4}
_OTHER_QUESTION: Look = {**_OURS, "mfc": "white"}


def draw(inputs: Named, params: Named) -> Figure:
    """Draw the published numbers and ours from `published`."""
    return plot_published(read_table(inputs.published, PUBLISHED))


@styled
def plot_published(table: pd.DataFrame) -> Figure:
    """Draw every published number with ours and its interval on the same line.

    Parameters
    ----------
    table : table with columns what, metric, published, ours, ci_low, ci_high, note
        As `published.beside_published` gives it; ours may be missing.

    Returns
    -------
    Figure
        A panel of tests and sessions, and one for each metric of the window lengths. Circles are published, diamonds
        ours with 95 % intervals, open where the question is not the same. Lines without a number of ours have none.
    """
    seconds = table["what"].map(SECONDS_OF)
    tests, windows = table[seconds.isna()], table.assign(seconds=seconds)[seconds.notna()]
    figure = new_figure(TWO_COLUMNS_MM, 88)
    left, *right = figure.subplots(1, 3, sharex=True, width_ratios=[1.2, 1, 1])
    tested = tests["what"].str.replace(f", {SECOND_RATER}", f"\n{SECOND_RATER}") + ": " + tests["metric"].map(METRICS)
    _lines(left, tests, tested)
    for axes, (metric, rows) in zip(right, windows.groupby("metric", sort=False), strict=True):
        _lines(axes, rows, [f"{length:g} s" for length in rows["seconds"]])
        axes.set_title(f"Windows: {METRICS[metric]}")
    left.set_title("Tests and sessions")
    lowest = np.nanmin([0.0, *table["ours"], *table["ci_low"]])
    left.set_xlim(lowest - 0.03, 1.03)
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper right", ncols=3)
    return figure


def _lines(axes: Axes, rows: pd.DataFrame, labels: Sequence[str]) -> None:
    """A line a number, from top to bottom."""
    height = np.arange(len(rows))
    other = rows["note"].fillna("").str.contains("not the same question").to_numpy()
    axes.hlines(height, rows["ci_low"], rows["ci_high"], color=_OURS["color"], lw=1.5, alpha=0.6)
    axes.plot(rows["published"], height, label="published", **_PUBLISHED)
    ours = rows["ours"].to_numpy(dtype=float)
    axes.plot(np.where(other, np.nan, ours), height, label="this run, with 95 % interval", **_OURS)
    axes.plot(np.where(other, ours, np.nan), height, label="the same, to another question", **_OTHER_QUESTION)
    axes.set_yticks(height, labels)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="y", color="0.92", lw=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel("Value")
