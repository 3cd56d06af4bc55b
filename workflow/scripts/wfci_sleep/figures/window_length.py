"""How long the window should be: weighted F1 and kappa against its length, published and ours."""

from collections.abc import Mapping
from itertools import cycle, islice

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wfci_sleep.analysis.networks import title_of
from wfci_sleep.analysis.published import NETWORK, WINDOW_METRICS, WINDOW_PROTOCOL, WINDOW_SECONDS, caveat, length_table
from wfci_sleep.figures.style import TWO_COLUMNS_MM, Named, new_figure, styled
from wfci_sleep.tables import read_tables
from wfci_sleep.tables.results import METRICS

_TITLES = {"f1_weighted": "Weighted F1", "kappa": "Cohen's kappa"}

_PUBLISHED_COLOUR = "0.45"

_OUR_LOOKS = (("#d95f02", "D-"), ("#7570b3", "s-"), ("#1b9e77", "^-"))
"""Colour, marker and line of each sweep of ours."""

_CAVEAT_MM, _WORDS_HEIGHT = 5, 0.06
"""Height of a line below the panels, and of one in the corner of a panel as a share of it."""


def draw(inputs: Named, params: Named) -> Figure:
    """Draw `sweeps`, kind of network -> its lengths `seconds` and their common settings `question`.

    `metrics_of_lengths` holds the metrics.tsv of each length, kind by kind. Titles of networks are written where there
    is another than the published one.
    """
    paths = iter(inputs.metrics_of_lengths)
    named = [*map(title_of, params.sweeps)] != [NETWORK]
    sweeps, caveats = {}, []
    for kind, sweep in params.sweeps.items():
        title = f"{title_of(kind)}: " if named else ""
        metrics = read_tables(sweep["seconds"], [*islice(paths, len(sweep["seconds"]))], METRICS)
        sweeps[f"{title}this run, {sweep['question']['folds']['protocol']}, 95 % interval"] = length_table(metrics)
        if words := caveat(WINDOW_PROTOCOL, sweep["question"]):
            caveats.append(title + words)
    return plot_window_length(sweeps, "\n".join(caveats), f"{NETWORK}: published" if named else "published")


@styled
def plot_window_length(sweeps: Mapping[str, pd.DataFrame], caveat: str = "", published: str = "published") -> Figure:
    """Draw weighted F1 and kappa of each length of the window beside the published ones.

    Parameters
    ----------
    sweeps : mapping of str to table with columns seconds, metric, value, ci_low, ci_high
        What the legend calls each sweep of ours, e.g. its network and protocol -> its lengths, as
        `published.length_table` gives them; a value or an interval may be missing.
    caveat : str
        Why the two are not to be compared, written below them; nothing where they are.
    published : str
        What the legend calls the published points.

    Returns
    -------
    Figure
        A panel a metric: circles joined by a line as published; ours with 95 % intervals, diamonds for the first sweep
        and other markers for further ones. One length alone is one marker, and a line in the corner says so.
    """
    figure = new_figure(TWO_COLUMNS_MM, 75 + _CAVEAT_MM * len(caveat.splitlines()))
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, (metric, values) in zip(panels, WINDOW_METRICS.items(), strict=True):
        axes.plot(WINDOW_SECONDS, values, "o--", ms=4, mfc="white", color=_PUBLISHED_COLOUR, label=published)
        for (label, lengths), look in zip(sweeps.items(), cycle(_OUR_LOOKS), strict=False):
            _points(axes, lengths[lengths["metric"] == metric], label, *look)
        axes.set_title(_TITLES[metric])
        axes.set_xlabel("Length of the window (s)")
    ours = pd.concat(sweeps.values())
    lowest = np.nanmin([0.0, *ours["value"], *ours["ci_low"]])
    panels[0].set(ylim=(lowest - 0.03, 1.03), xlim=(0, 21), ylabel="Value")
    panels[0].set_xticks(sorted({*WINDOW_SECONDS, *ours["seconds"]}))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    if caveat:
        figure.supxlabel(caveat[0].upper() + caveat[1:], fontsize=7, color="0.35")
    return figure


def _points(axes: Axes, rows: pd.DataFrame, label: str, colour: str, line: str) -> None:
    """Our values with their intervals; in words what there is only one or none of."""
    rows = rows.sort_values("seconds").dropna(subset="value")
    axes.vlines(rows["seconds"], rows["ci_low"], rows["ci_high"], color=colour, lw=2, alpha=0.6)
    axes.plot(rows["seconds"], rows["value"], line, ms=4.5, color=colour, label=label)
    if len(rows) < 2:
        words = f"ours: {rows['seconds'].item()} s only" if len(rows) else "ours: not defined"
        height = 0.02 + _WORDS_HEIGHT * len(axes.texts)
        axes.text(0.99, height, words, transform=axes.transAxes, ha="right", va="bottom", color=colour, fontsize=7)
