"""Experiments beside each other, mouse by mouse."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from wfci_sleep.analysis.comparison import by_mouse
from wfci_sleep.figures.style import TWO_COLUMNS_MM, Look, Named, new_figure, styled
from wfci_sleep.tables import read_tables
from wfci_sleep.tables.results import METRICS

_TITLES = {"kappa": "Cohen's kappa", "f1_weighted": "Weighted F1"}

_LINE_MM, _MARGIN_MM = 5.5, 28.0

_MOUSE: Look = {"marker": "o", "ls": "", "ms": 3, "mfc": "none", "mec": "0.55", "mew": 0.7}
_MEAN: Look = {"marker": "D", "ms": 4, "lw": 1.5, "color": "#d95f02"}


def draw(inputs: Named, params: Named) -> Figure:
    """Draw `experiments` from the metrics.tsv of each in `metrics_of_experiments`; `reference` is one of them."""
    metrics = read_tables(params.experiments, inputs.metrics_of_experiments, METRICS)
    return plot_comparison(metrics, params.reference)


@styled
def plot_comparison(metrics: Mapping[str, pd.DataFrame], reference: str) -> Figure:
    """Draw what each experiment reaches on each mouse.

    Parameters
    ----------
    metrics : mapping of experiment to table
        metrics.tsv of each experiment.
    reference : str
        Name of the experiment that the others are compared with.

    Returns
    -------
    Figure
        A panel for kappa and one for weighted F1, a line for each experiment: its mice, always in the same order from
        top to bottom, their mean and standard deviation. The dotted line is the reference's mean.
    """
    measures = {name: by_mouse(table) for name, table in metrics.items()}
    mice = list(dict.fromkeys(mouse for table in measures.values() for mouse in table.index))
    height = np.arange(len(measures))
    figure = new_figure(TWO_COLUMNS_MM, _MARGIN_MM + _LINE_MM * len(measures))
    panels = figure.subplots(1, 2, sharey=True, sharex=True)
    places = np.linspace(-0.25, 0.25, len(mice)) if len(mice) > 1 else np.zeros(len(mice))
    lowest = 0.0
    for axes, (metric, title) in zip(panels, _TITLES.items(), strict=True):
        table = pd.DataFrame({name: each[metric] for name, each in measures.items()}).reindex(mice)
        axes.axvline(table[reference].mean(), color="0.4", lw=0.8, ls=":")
        for y, name in zip(height, table, strict=True):
            values = table[name].to_numpy(dtype=float)
            axes.plot(values, y + places, **_MOUSE)
            if np.isfinite(values).any():
                spread = np.nanstd(values, ddof=1) if np.isfinite(values).sum() > 1 else np.nan
                axes.errorbar(np.nanmean(values), y, xerr=spread, **_MEAN)
            else:
                axes.text(0.5, y, "not defined", ha="center", va="center", color="0.35", fontsize=7)
            lowest = np.nanmin([lowest, *values])
        axes.set_title(title)
        axes.set_xlabel("Value")
        axes.grid(axis="y", color="0.93", lw=0.6)
        axes.set_axisbelow(True)
    panels[0].set(xlim=(lowest - 0.03, 1.03), ylim=(len(height) - 0.5, -0.5))
    panels[0].set_yticks(height, list(measures))
    shown = [
        Line2D([], [], **_MOUSE, label="one mouse"),
        Line2D([], [], **_MEAN | {"ls": "-"}, label="mean and standard deviation"),
        Line2D([], [], color="0.4", lw=0.8, ls=":", label=f"mean of {reference}"),
    ]
    figure.legend(handles=shown, loc="outside upper right", ncols=3)
    return figure
