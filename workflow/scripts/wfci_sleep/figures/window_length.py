"""How long the window should be: weighted F1 and kappa against its length, published and ours."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wfci_sleep.analysis.published import WINDOW_METRICS, WINDOW_PROTOCOL, WINDOW_SECONDS, caveat, length_table
from wfci_sleep.figures.style import TWO_COLUMNS_MM, Named, new_figure, styled
from wfci_sleep.tables import read_tables
from wfci_sleep.tables.results import METRICS

_TITLES = {"f1_weighted": "Weighted F1", "kappa": "Cohen's kappa"}

_PUBLISHED_COLOUR = "0.45"

_OUR_COLOUR = "#d95f02"


def draw(inputs: Named, params: Named) -> Figure:
    """Draw the lengths `seconds` from the metrics.tsv of each in `metrics_of_lengths`.

    `question` holds their common settings `folds` and `labels`.
    """
    metrics = read_tables(params.seconds, inputs.metrics_of_lengths, METRICS)
    ours = f"this run, {params.question['folds']['protocol']}, 95 % interval"
    return plot_window_length(length_table(metrics), ours, caveat(WINDOW_PROTOCOL, params.question))


@styled
def plot_window_length(lengths: pd.DataFrame, ours: str, caveat: str = "") -> Figure:
    """Draw weighted F1 and kappa of each length of the window beside the published ones.

    Parameters
    ----------
    lengths : table with columns seconds, metric, value, ci_low, ci_high
        As `published.length_table` gives it; a value or an interval may be missing.
    ours : str
        What the legend calls them, e.g. their protocol.
    caveat : str
        Why the two are not to be compared, written below them; nothing where they are.

    Returns
    -------
    Figure
        A panel a metric: circles joined by a line as published, diamonds with 95 % intervals ours. One length alone is
        one diamond, and a line in the corner says so.
    """
    figure = new_figure(TWO_COLUMNS_MM, 80 if caveat else 75)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, (metric, published) in zip(panels, WINDOW_METRICS.items(), strict=True):
        axes.plot(WINDOW_SECONDS, published, "o--", ms=4, mfc="white", color=_PUBLISHED_COLOUR, label="published")
        _points(axes, lengths[lengths["metric"] == metric], ours)
        axes.set_title(_TITLES[metric])
        axes.set_xlabel("Length of the window (s)")
    lowest = np.nanmin([0.0, *lengths["value"], *lengths["ci_low"]])
    panels[0].set(ylim=(lowest - 0.03, 1.03), xlim=(0, 21), ylabel="Value")
    panels[0].set_xticks(sorted({*WINDOW_SECONDS, *lengths["seconds"]}))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    if caveat:
        figure.supxlabel(caveat.capitalize(), fontsize=7, color="0.35")
    return figure


def _points(axes: Axes, rows: pd.DataFrame, label: str) -> None:
    """Our values with their intervals; in words what there is only one or none of."""
    rows = rows.sort_values("seconds").dropna(subset="value")
    axes.vlines(rows["seconds"], rows["ci_low"], rows["ci_high"], color=_OUR_COLOUR, lw=2, alpha=0.6)
    axes.plot(rows["seconds"], rows["value"], "D-", ms=4.5, color=_OUR_COLOUR, label=label)
    if len(rows) < 2:
        words = f"ours: {rows['seconds'].item()} s only" if len(rows) else "ours: not defined"
        axes.text(0.99, 0.02, words, transform=axes.transAxes, ha="right", va="bottom", color=_OUR_COLOUR, fontsize=7)
