"""Fragmentation of sleep: bout lengths and transitions, as the human and the network score them."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wfci_sleep.figures.style import TWO_COLUMNS_MM, new_figure, say, styled
from wfci_sleep.states import BY_NAME

_COUNTING = {
    "gaps-end-bouts": "bouts end at gaps",
    "published": "counted across gaps, as published",
}

_SCORERS = {"human": "Human", "cnn-bilstm": "CNN-\nBiLSTM", "mvg-cnn": "MVG-\nCNN"}


@styled
def plot_fragmentation(fragmentation: pd.DataFrame) -> Figure:
    """Draw each mouse's mean bout length of each state and its number of transitions, scorer beside scorer.

    Parameters
    ----------
    fragmentation : table with columns mouse, scorer, counting, state, mean_bout_s, n_transitions
        As in fragmentation.tsv, the rows of one way of counting.

    Returns
    -------
    Figure
        One panel a state and one for transitions: a dot for each mouse, its scorers joined by a line, and the mean
        over mice as a bar.

    Raises
    ------
    ValueError
        If the table holds more than one way of counting.
    """
    countings = fragmentation["counting"].unique()
    if len(countings) > 1:
        raise ValueError(f"the table holds {len(countings)} ways of counting ({', '.join(countings)}), expected one")
    states = [name for name in BY_NAME if (fragmentation["state"] == name).any()]
    scorers = sorted(fragmentation["scorer"].unique(), key=lambda name: (name != "human", name))
    figure = new_figure(TWO_COLUMNS_MM, 70)
    if len(countings):
        figure.suptitle(f"Fragmentation ({_COUNTING.get(countings[0], countings[0])})")
    panels = figure.subplots(1, len(states) + 1, squeeze=False)[0]
    for axes, name in zip(panels, states, strict=False):
        rows = fragmentation[fragmentation["state"] == name]
        _draw_pairs(axes, rows, "mean_bout_s", scorers, BY_NAME[name].colour, f"no bout of {BY_NAME[name].title}")
        axes.set(title=f"{BY_NAME[name].title} bouts", ylabel="Mean length (s)")
    whole = fragmentation[fragmentation["state"] == "all"]
    _draw_pairs(panels[-1], whole, "n_transitions", scorers, "0.2", "no transitions counted")
    panels[-1].set(title="Transitions", ylabel="Number")
    return figure


def _draw_pairs(axes: Axes, rows: pd.DataFrame, column: str, scorers: list[str], colour, absent: str) -> None:
    """Draw one value a mouse and scorer; mice without the state under one scorer keep the dot of the other."""
    axes.set_xticks(range(len(scorers)), [_SCORERS.get(name, name) for name in scorers])
    axes.set_xlim(-0.6, max(len(scorers), 1) - 0.4)
    values = rows.pivot(index="mouse", columns="scorer", values=column).reindex(columns=scorers).astype(float)
    if not np.isfinite(values.to_numpy()).any():
        say(axes, absent)
        axes.set_yticks([])
        return
    places = np.arange(len(scorers))
    axes.plot(places, values.to_numpy().T, color="0.75", lw=0.7, zorder=1)
    long = values.melt(var_name="scorer", value_name="value").dropna()
    look = {"data": long, "x": "scorer", "y": "value", "order": scorers, "color": colour, "ax": axes}
    sns.stripplot(**look, jitter=False, size=4, zorder=2)
    sns.pointplot(**look, errorbar=None, linestyle="none", marker="_", markersize=16, markeredgewidth=2, zorder=3)
    axes.set_xticks(places, [_SCORERS.get(name, name) for name in scorers])
    highest = float(long["value"].max())
    axes.set(xlabel="", ylim=(0, 1.08 * highest if highest > 0 else 1))
    for place, scorer in enumerate(scorers):
        if values[scorer].isna().all():
            axes.text(place, 0.5 * axes.get_ylim()[1], "none", ha="center", va="center", color="0.35", fontsize=7)
