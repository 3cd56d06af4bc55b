"""Share of epochs scored correctly, by their distance to the next transition."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from wfci_sleep.analysis.transition_distance import DISTANCES
from wfci_sleep.data.names import POOLED
from wfci_sleep.figures.style import ONE_COLUMN_MM, Named, new_figure, state_colours, state_titles, styled
from wfci_sleep.tables import read_table
from wfci_sleep.tables.results import TRANSITION_DISTANCE

_SIDES = 0.16


def draw(inputs: Named, params: Named) -> Figure:
    """Draw the scores near transitions from `transition_distance`; `classes` are the states' names."""
    return plot_transition_distance(read_table(inputs.transition_distance, TRANSITION_DISTANCE), params.classes)


@styled
def plot_transition_distance(table: pd.DataFrame, names: Sequence[str]) -> Figure:
    """Draw the share of epochs scored correctly against their distance to the next transition.

    Parameters
    ----------
    table : table with columns mouse, distance, y_true, y_pred, n, share
        As `transition_distance_table` gives it.
    names : sequence of str
        Names of the states.

    Returns
    -------
    Figure
        For each state a line through all epochs, with their number in the legend, and a dot for each mouse. Unknown
        distances stand apart.
    """
    figure = new_figure(ONE_COLUMN_MM, 75)
    axes = figure.subplots()
    sides = np.linspace(-_SIDES, _SIDES, len(names))
    place = {distance: x for x, distance in enumerate(DISTANCES)}
    right = table[table["y_true"] == table["y_pred"]]
    for name, title, colour, side in zip(names, state_titles(names), state_colours(names), sides, strict=True):
        rows = right[right["y_true"] == name]
        pooled = rows[rows["mouse"] == POOLED].set_index("distance").reindex(DISTANCES)
        mice = rows[rows["mouse"] != POOLED]
        axes.plot(
            mice["distance"].map(place).astype(float) + side,
            mice["share"],
            "o",
            ms=2.5,
            mfc="none",
            mec=colour,
            mew=0.6,
        )
        x, n = (
            np.arange(len(DISTANCES)) + side,
            table.loc[(table["mouse"] == POOLED) & (table["y_true"] == name), "n"].sum(),
        )
        axes.plot(x[:-1], pooled["share"][:-1], "D-", ms=4, color=colour, label=f"{title} (n = {n})")
        axes.plot(x[-1:], pooled["share"][-1:], "D", ms=4, color=colour)
    axes.axvline(len(DISTANCES) - 1.5, color="0.85", lw=0.6)
    axes.set(ylim=(-0.03, 1.03), xlabel="Epochs of 10 s to the next transition", ylabel="Share scored correctly")
    axes.set_xticks(range(len(DISTANCES)), DISTANCES)
    figure.legend(loc="outside upper center", ncols=len(names), columnspacing=1)
    return figure
