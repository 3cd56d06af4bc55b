"""What each fold has to learn from and to be tested on: epochs of each state in training, validation and test."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wfci_sleep.figures.style import (
    PAGE_HEIGHT_MM,
    TWO_COLUMNS_MM,
    Named,
    new_figure,
    state_colours,
    state_titles,
    styled,
)
from wfci_sleep.tables import read_table
from wfci_sleep.tables.results import FOLD_STATES
from wfci_sleep.training.fold_states import SPLIT_TITLES, lack

_LINE_MM, _MARGIN_MM = 6.0, 24.0

_ROOM = 1.7
"""Width of a panel in multiples of its longest bar: numbers and words stand behind the bars."""

_WARNING_COLOUR = "#c1121f"


def draw(inputs: Named, params: Named) -> Figure:
    """Draw the states of each fold from `fold_states`; `classes` are their names."""
    return plot_folds(read_table(inputs.fold_states, FOLD_STATES), params.classes)


@styled
def plot_folds(states: pd.DataFrame, names: Sequence[str]) -> Figure:
    """Draw how many epochs of each state each split of each fold has.

    Parameters
    ----------
    states : table with columns fold, split, state, epochs
        As in folds-states.tsv.
    names : sequence of str
        Names of the states.

    Returns
    -------
    Figure
        A panel a split, a bar a fold, parted by state; behind it its number of epochs, and in red which state the
        training lacks, or which is the only one of validation or test.
    """
    folds = states["fold"].unique()
    figure = new_figure(TWO_COLUMNS_MM, min(PAGE_HEIGHT_MM, _MARGIN_MM + _LINE_MM * len(folds)))
    panels = figure.subplots(1, len(SPLIT_TITLES), sharey=True)
    for axes, (split, title) in zip(panels, SPLIT_TITLES.items(), strict=True):
        rows = states[states["split"] == split]
        counts = rows.pivot(index="fold", columns="state", values="epochs").loc[folds, list(names)]
        _draw_bars(axes, counts, split)
        axes.set_title(title)
        axes.set_xlabel("Epochs of 10 s")
    panels[0].set_yticks(range(len(folds)), [f"fold {fold}" for fold in folds])
    panels[0].set_ylim(len(folds) - 0.4, -0.6)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=len(names))
    return figure


def _draw_bars(axes: Axes, counts: pd.DataFrame, split: str) -> None:
    """Draw a bar a fold, with its number of epochs and what it lacks behind it."""
    places, ends = np.arange(len(counts)), counts.cumsum(axis=1)
    for name, title, colour in zip(counts, state_titles(counts), state_colours(counts), strict=True):
        axes.barh(places, counts[name], left=ends[name] - counts[name], height=0.7, color=colour, label=title)
    totals = ends.iloc[:, -1]
    longest = max(1, totals.max())
    for place, (total, (_, row)) in enumerate(zip(totals, counts.iterrows(), strict=True)):
        words = lack(split, row)
        said = f"{total:,}, {words}" if words else f"{total:,}"
        ink = _WARNING_COLOUR if words else "0.2"
        axes.text(total + 0.03 * longest, place, said, va="center", color=ink, fontsize=7)
    axes.set_xlim(0, _ROOM * longest)
    axes.tick_params(axis="y", length=0)
