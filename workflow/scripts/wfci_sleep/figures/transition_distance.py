"""How well epochs are scored by their distance to the next change of state."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from wfci_sleep.figures.style import ONE_COLUMN_MM, new_figure, state_colours, state_titles, styled
from wfci_sleep.transition_distance import DISTANCES

_SIDES = 0.16


@styled
def plot_transition_distance(table: pd.DataFrame, names: Sequence[str]) -> Figure:
    """Draw the share of epochs scored rightly against their distance to the next change of state.

    Parameters
    ----------
    table : table with columns mouse, distance, y_true, y_pred, n, share
        As `transition_distance_table` gives it.
    names : sequence of str
        Names of the states.

    Returns
    -------
    Figure
        For each state a line through all epochs, with their number in the legend, and a dot for each mouse. The unknown
        distances stand apart.
    """
    figure = new_figure(ONE_COLUMN_MM, 75)
    axes = figure.subplots()
    sides = np.linspace(-_SIDES, _SIDES, len(names))
    place = {distance: x for x, distance in enumerate(DISTANCES)}
    right = table[table["y_true"] == table["y_pred"]]
    for name, title, colour, side in zip(names, state_titles(names), state_colours(names), sides, strict=True):
        rows = right[right["y_true"] == name]
        pooled = rows[rows["mouse"] == "all"].set_index("distance").reindex(DISTANCES)
        mice = rows[rows["mouse"] != "all"]
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
            table.loc[(table["mouse"] == "all") & (table["y_true"] == name), "n"].sum(),
        )
        axes.plot(x[:-1], pooled["share"][:-1], "D-", ms=4, color=colour, label=f"{title} (n = {n})")
        axes.plot(x[-1:], pooled["share"][-1:], "D", ms=4, color=colour)
    axes.axvline(len(DISTANCES) - 1.5, color="0.85", lw=0.6)
    axes.set(ylim=(-0.03, 1.03), xlabel="Epochs of 10 s to the next change of state", ylabel="Share scored rightly")
    axes.set_xticks(range(len(DISTANCES)), DISTANCES)
    figure.legend(loc="outside upper center", ncols=len(names), columnspacing=1)
    return figure
