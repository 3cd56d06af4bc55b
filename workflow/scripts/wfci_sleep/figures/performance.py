"""How well the network scores: each metric pooled, with its confidence interval, and mouse by mouse."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.typing import ColorType

from wfci_sleep.analysis.confidence_intervals import Interval
from wfci_sleep.analysis.performance import NO_SKILL, value_in_words
from wfci_sleep.figures.style import TWO_COLUMNS_MM, Look, Named, new_figure, state_colours, styled
from wfci_sleep.states import BY_NAME
from wfci_sleep.tables import read_table
from wfci_sleep.tables.results import METRICS

_OVERALL = (("accuracy", "Accuracy"), ("f1_weighted", "Weighted F1"), ("kappa", "Cohen's kappa"))

_SPREAD = 0.22

_MARKS = {"": "o", NO_SKILL: "x", "no interval": "+"}
"""Marks of mice, by what is said of their kappa."""


def draw(inputs: Named, params: Named) -> Figure:
    """Draw the measures of an experiment from `metrics`."""
    return plot_performance(read_table(inputs.metrics, METRICS))


@styled
def plot_performance(metrics: pd.DataFrame) -> Figure:
    """Draw accuracy, weighted F1, kappa and the F1 of each state.

    Parameters
    ----------
    metrics : table with columns level, unit, metric, state, value, ci_low, ci_high, interval_over
        As in metrics.tsv; rows of level `pooled` and `mouse` are drawn.

    Returns
    -------
    Figure
        For each metric the pooled value with its confidence interval, and a mark for each mouse beside it, always in
        the same order from left to right; the pooled value in words below. A kappa whose interval includes 0 is an open
        diamond, or a cross, and is said to be no better than chance; a mouse without an interval has a plus.
    """
    metrics = metrics.assign(state=metrics["state"].fillna(""))
    states = [name for name in BY_NAME if (metrics["state"] == name).any()]
    columns: list[tuple[str, str, str, ColorType]] = [(metric, "", title, "0.2") for metric, title in _OVERALL]
    columns += [
        ("f1", name, f"F1 {BY_NAME[name].title}", colour)
        for name, colour in zip(states, state_colours(states), strict=True)
    ]
    figure = new_figure(TWO_COLUMNS_MM, 80)
    axes = figure.subplots()
    mice = metrics.loc[metrics["level"] == "mouse", "unit"].unique()
    place_of = dict(zip(mice, _offsets(len(mice)), strict=True))
    lowest, said = 0.0, set()
    labels = [title for _, _, title, _ in columns]
    for x, (metric, state, _, colour) in enumerate(columns):
        rows = metrics[(metrics["metric"] == metric) & (metrics["state"] == state)].dropna(subset="value")
        for row in rows[rows["level"] == "mouse"].itertuples():
            doubt = _doubt(metric, row)
            axes.plot(x + place_of[row.unit], row.value, **_mouse(doubt, colour))
            said.add(doubt)
        pooled = rows[rows["level"] == "pooled"]
        for row in pooled.itertuples():
            doubt = _doubt(metric, row)
            face: Look = {"mfc": "white", "mec": colour} if doubt == NO_SKILL else {"mec": "white"}
            # A metric of few epochs may come without an interval: NaN draws the value alone.
            axes.plot([x, x], [row.ci_low, row.ci_high], color=colour, lw=2.5, solid_capstyle="butt")
            axes.plot(x, row.value, "D", ms=4, mew=0.5, color=colour, **face)
            labels[x] += f"\n{_in_words(row)}" + ("\nno better\nthan chance" if doubt == NO_SKILL else "")
        if rows.empty:
            axes.text(x, 0.5, "not\ndefined", ha="center", va="center", color="0.35", fontsize=7)
        lowest = np.nanmin([lowest, *rows["value"], *pooled["ci_low"]])
    axes.plot(
        [], [], "D-", ms=4, lw=2.5, color="0.2", mec="white", mew=0.5, label="all test epochs, with 95 % interval"
    )
    for doubt in _MARKS:
        if not doubt or doubt in said:
            label = f"the same, kappa: {doubt}" if doubt else f"one mouse (n = {len(mice)})"
            axes.plot([], [], **_mouse(doubt, "0.2"), label=label)
    figure.legend(loc="outside upper right", ncols=4, columnspacing=1.2, handletextpad=0.4)
    axes.set(xlim=(-0.6, len(columns) - 0.4), ylim=(lowest - (0.05 if lowest < 0 else 0), 1.03), ylabel="Value")
    axes.set_xticks(range(len(columns)), labels)
    axes.axhline(0, color="0.8", lw=0.6, zorder=0)
    return figure


def _doubt(metric: str, row: Interval) -> str:
    """What is said of a kappa that cannot be told from chance: a key of `_MARKS`."""
    if metric != "kappa" or row.ci_low > 0:
        return ""
    return "no interval" if np.isnan(row.ci_low) else NO_SKILL


def _mouse(doubt: str, colour: ColorType) -> Look:
    """Look of a mouse's mark."""
    return {"marker": _MARKS[doubt], "ms": 3.5, "mfc": "none", "mec": colour, "mew": 0.7, "ls": "none"}


def _in_words(row: Interval) -> str:
    r"""Value, and below it its interval, or that and why there is none.

    Examples
    --------
    >>> _in_words(Interval(0.842, 0.801, 0.878, "4 mice"))
    '0.84\n0.80 to 0.88'
    >>> _in_words(Interval(0.842, np.nan, np.nan, "none: 2 mice"))
    '0.84\nno interval:\n2 mice'
    """
    return value_in_words(row).replace(" (", "\n").replace(": ", ":\n").removesuffix(")")


def _offsets(n: int) -> np.ndarray:
    """Places of `n` dots beside the pooled value: spread out, always the same.

    Examples
    --------
    >>> _offsets(3).round(2).tolist()
    [0.11, 0.22, 0.33]
    """
    return _SPREAD + np.linspace(-0.5, 0.5, n) * _SPREAD if n > 1 else np.full(n, _SPREAD)
