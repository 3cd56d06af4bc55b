"""Fragmentation of sleep: bouts and transitions, by the human, the networks and further raters."""

import textwrap
from collections.abc import Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator

from wfci_sleep.analysis.networks import is_network, title_of
from wfci_sleep.data.names import HUMAN
from wfci_sleep.figures.style import TWO_COLUMNS_MM, Named, new_figure, say, state_titles, styled
from wfci_sleep.layout import EPOCH_S
from wfci_sleep.states import BY_NAME
from wfci_sleep.tables import read_table
from wfci_sleep.tables.results import BOUTS, FRAGMENTATION, TRANSITIONS

_COUNTING = {
    "gaps-end-bouts": "bouts end at gaps",
    "published": "counted across gaps as if nothing lay between, as published",
}

_HUMAN_LOOK = ("0.15", "-")

_NETWORK_LOOKS: tuple[tuple, ...] = (
    ("#aa3377", "--"),
    ("#8f4f1f", (0, (7, 2))),
    ("#4b2e9e", (0, (2, 1))),
    ("#e69fc4", (0, (6, 1, 1, 1))),
)

_FURTHER_LOOKS: tuple[tuple, ...] = (
    ("#ccbb44", "-."),
    ("#66ccee", ":"),
    ("#ee6677", (0, (1, 3))),
    ("#999999", (0, (5, 1, 1, 1, 1, 1))),
)
"""Colours and lines of raters by their sort; none is the colour of a state."""

_LOG_RATIO = 10.0
"""Ratio of the longest to the shortest mean bout above which the axis is logarithmic."""

_NAME_WIDTH = {0: 9, 90: 20}
"""Characters of a rater's name in a line below a panel, by the rotation of the line in degrees."""


def draw(inputs: Named, params: Named) -> Figure:
    """Draw `fragmentation`, `bouts` and `transitions` as the way of counting `counting` has them."""
    described = {inputs.fragmentation: FRAGMENTATION, inputs.bouts: BOUTS, inputs.transitions: TRANSITIONS}
    tables = [read_table(path, table) for path, table in described.items()]
    return plot_fragmentation(*(table[table["counting"] == params.counting] for table in tables))


@styled
def plot_fragmentation(fragmentation: pd.DataFrame, bouts: pd.DataFrame, transitions: pd.DataFrame) -> Figure:
    """Draw lengths of bouts and numbers of transitions by each rater.

    Parameters
    ----------
    fragmentation : table with columns mouse, scorer, counting, state, mean_bout_s, n_transitions
        As in fragmentation.tsv, the rows of one way of counting.
    bouts : table with columns mouse, scorer, state, duration_s
        As in bouts.tsv, the same way of counting.
    transitions : table with columns mouse, scorer, from, to, probability
        As in transitions.tsv, the same way of counting.

    Returns
    -------
    Figure
        Top: mean bout length of each state and number of transitions, a dot for each mouse, its raters joined by a
        line, the mean over mice as a bar. Middle: share of bouts that last at least as long, a thick line for all mice
        and a thin one for each. Bottom: which state follows which, a dot for each mouse and the mean as a bar.

    Raises
    ------
    ValueError
        If the table holds more than one way of counting.
    """
    countings = fragmentation["counting"].unique()
    if len(countings) > 1:
        raise ValueError(f"the table holds {len(countings)} ways of counting ({', '.join(countings)}), expected one")
    if fragmentation.empty:
        figure = new_figure(TWO_COLUMNS_MM, 40)
        axes = figure.subplots()
        say(axes, "no scored epochs")
        axes.set(xticks=[], yticks=[])
        return figure
    states = [name for name in BY_NAME if (fragmentation["state"] == name).any()]
    looks = _looks(fragmentation["scorer"].unique())
    n_mice = fragmentation["mouse"].nunique()
    figure = new_figure(TWO_COLUMNS_MM, 190)
    counting = _COUNTING.get(countings[0], countings[0])
    figure.suptitle(f"{n_mice} {'mouse' if n_mice == 1 else 'mice'}; {counting}", x=0.02, ha="left")
    rows = figure.add_gridspec(4, 1, height_ratios=[0.06, 1.1, 1, 1])
    _draw_legend(figure.add_subplot(rows[0]), looks)
    _draw_lengths(rows[1].subgridspec(1, len(states) + 1).subplots(squeeze=False)[0], fragmentation, states, looks)
    _draw_distributions(
        rows[2].subgridspec(1, len(states), wspace=0.02).subplots(squeeze=False)[0], bouts, states, looks
    )
    _draw_targets(figure.add_subplot(rows[3]), transitions, states, looks)
    return figure


def _looks(raters: Sequence[str]) -> dict[str, tuple]:
    """Colour and line of each rater, in drawing order: human, networks, further ones."""
    networks = [rater for rater in raters if is_network(rater)]
    further = [rater for rater in raters if rater != HUMAN and not is_network(rater)]
    looks: dict[str, tuple] = {HUMAN: _HUMAN_LOOK} if HUMAN in raters else {}
    looks |= dict(zip(networks, cycle(_NETWORK_LOOKS), strict=False))
    return looks | dict(zip(further, cycle(_FURTHER_LOOKS), strict=False))


def _draw_legend(axes: Axes, looks: dict) -> None:
    """Draw the legend of the raters in a row of its own."""
    handles = [
        Line2D([], [], color=colour, ls=line, lw=1.6, marker="o", ms=4, label=title_of(rater))
        for rater, (colour, line) in looks.items()
    ]
    handles.append(Line2D([], [], color="0.75", lw=0.7, label="one mouse"))
    axes.set_axis_off()
    axes.legend(handles=handles, loc="center left", ncols=min(len(handles), 5), handlelength=3, borderaxespad=0)


def _draw_lengths(panels: Sequence[Axes], fragmentation: pd.DataFrame, states: list[str], looks: dict) -> None:
    """Mean bout lengths on a common axis, and the number of transitions."""
    places = np.arange(len(looks))
    lengths = fragmentation.loc[fragmentation["state"] != "all", "mean_bout_s"].dropna()
    logarithmic = len(lengths) and lengths.max() > _LOG_RATIO * lengths.min()
    for axes, name, title in zip(panels, states, state_titles(states), strict=False):
        table = _by_rater(fragmentation[fragmentation["state"] == name], "mean_bout_s", looks)
        _draw_dots(axes, table, places, looks, f"no bout of {title}")
        axes.set_title(f"{title} bouts")
        if logarithmic:
            axes.set(yscale="log", ylim=(lengths.min() / 1.3, lengths.max() * 1.3))
            _round_log_ticks(axes.yaxis)
        else:
            axes.set_ylim(0, 1.08 * lengths.max() if len(lengths) else 1)
            axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    panels[0].set_ylabel("Mean length (s)")
    table = _by_rater(fragmentation[fragmentation["state"] == "all"], "n_transitions", looks)
    _draw_dots(panels[-1], table, places, looks, "no transitions counted")
    panels[-1].set(title="Transitions", ylabel="Number", ylim=(0, max(1, 1.08 * np.nanmax(table.to_numpy()))))
    panels[-1].yaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
    for axes in panels:
        rotation = 90 if len(looks) > 3 else 0
        names = [textwrap.fill(title_of(rater), _NAME_WIDTH[rotation], break_long_words=False) for rater in looks]
        axes.set_xticks(places, names, rotation=rotation)
        axes.set_xlim(-0.6, len(looks) - 0.4)


def _by_rater(rows: pd.DataFrame, column: str, looks: dict) -> pd.DataFrame:
    """Values with mice in rows and raters in columns."""
    return rows.pivot(index="mouse", columns="scorer", values=column).reindex(columns=list(looks)).astype(float)


def _draw_dots(axes: Axes, table: pd.DataFrame, places: np.ndarray, looks: dict, absent: str) -> None:
    """Draw a dot for each mouse and rater, lines that join a mouse's dots, and the mean over mice as a bar."""
    if not table.notna().to_numpy().any():
        say(axes, absent)
        return
    axes.plot(places, table.to_numpy().T, color="0.75", lw=0.7, zorder=1, label="mouse")
    half = 0.3 * (places[1] - places[0] if len(places) > 1 else 1)
    for place, (rater, (colour, _)) in zip(places, looks.items(), strict=True):
        values = table[rater].dropna()
        axes.plot(np.full(len(values), place), values, "o", color=colour, ms=3.5, mew=0, zorder=2, label=rater)
        if len(values):
            axes.hlines(values.mean(), place - half, place + half, color=colour, lw=1.8, zorder=3)
        else:
            axes.annotate("none", (place, 0.5), xycoords=("data", "axes fraction"), ha="center", color=colour, size=7)


def _draw_distributions(panels: Sequence[Axes], bouts: pd.DataFrame, states: list[str], looks: dict) -> None:
    """Share of the bouts of each state that last at least as long as each length."""
    longest_s = bouts["duration_s"].max() if len(bouts) else EPOCH_S
    for axes, name, title in zip(panels, states, state_titles(states), strict=True):
        axes.set(xscale="log", xlim=(0.9 * EPOCH_S, 1.2 * longest_s), ylim=(0, 1.03), title=f"{title} bouts")
        axes.set_xlabel("At least this long (s)")
        _round_log_ticks(axes.xaxis)
        own = bouts[bouts["state"] == name]
        if own.empty:
            say(axes, f"no bout of {title}")
        for rater, (colour, line) in looks.items():
            scored = own[own["scorer"] == rater]
            for _, of_mouse in scored.groupby("mouse"):
                axes.plot(*_survival(of_mouse["duration_s"]), color=colour, lw=0.4, alpha=0.3, drawstyle="steps-pre")
            label = title_of(rater)
            axes.plot(
                *_survival(scored["duration_s"]), color=colour, ls=line, lw=1.6, drawstyle="steps-pre", label=label
            )
    panels[0].set_ylabel("Share of bouts")


def _survival(durations_s: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Lengths that occur, and the share of bouts at least as long; from 0 s, and down to none behind the longest.

    Examples
    --------
    >>> lengths, shares = _survival(pd.Series([10.0, 30.0, 30.0, 60.0]))
    >>> lengths.tolist(), shares.tolist()
    ([0.0, 10.0, 30.0, 60.0, 60.0], [1.0, 1.0, 0.75, 0.25, 0.0])
    """
    if durations_s.empty:
        return np.empty(0), np.empty(0)
    lengths, counts = np.unique(durations_s, return_counts=True)
    shares = counts[::-1].cumsum()[::-1] / len(durations_s)
    return np.concatenate([[0], lengths, lengths[-1:]]), np.concatenate([[1], shares, [0]])


def _draw_targets(axes: Axes, transitions: pd.DataFrame, states: list[str], looks: dict) -> None:
    """Probability of each state to follow another one, a group of dots each."""
    pairs = [(source, target) for source in states for target in states if source != target]
    offsets = 0.7 * ((np.arange(len(looks)) + 0.5) / len(looks) - 0.5)
    for place, (source, target) in enumerate(pairs):
        rows = transitions[(transitions["from"] == source) & (transitions["to"] == target)]
        table = _by_rater(rows, "probability", looks)
        if table.notna().to_numpy().any():
            _draw_dots(axes, table, place + offsets, looks, "")
        else:
            left = f"{BY_NAME[source].title}\nnever left"
            axes.text(place, 0.5, left, ha="center", va="center", color="0.35", fontsize=7)
    axes.set_xticks(range(len(pairs)), [" to ".join(state_titles(pair)) for pair in pairs])
    axes.set(xlim=(-0.6, len(pairs) - 0.4), ylim=(-0.03, 1.03), ylabel="Probability")
    axes.set_title("Which state follows, among the transitions that leave a state")


def _round_log_ticks(axis: Axis) -> None:
    """Label 1, 2 and 5 of each decade as plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(LogLocator(subs=()))
