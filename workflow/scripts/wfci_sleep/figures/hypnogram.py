"""Hypnograms of several scorers, one above the other."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wfci_sleep.figures.style import GAP_COLOUR, TWO_COLUMNS_MM, new_figure, say, state_colours, styled, time_unit
from wfci_sleep.hypnogram import Hypnogram
from wfci_sleep.states import GAP


@styled
def plot_hypnogram(hypnograms: Mapping[str, Hypnogram], title: str) -> Figure:
    """Draw the hypnograms of one mouse's session on one time axis.

    Parameters
    ----------
    hypnograms : mapping of str to Hypnogram
        Scorer -> hypnogram, in the order of the panels from top to bottom.
    title : str
        Title of the figure, e.g. the mouse.

    Returns
    -------
    Figure
        One panel a scorer: state k is a block between k and k + 1 in its colour; time without a state is light grey.
        The axis counts hours, or minutes if the session is shorter than an hour.
    """
    longest_s = max((len(hypnogram) * hypnogram.epoch_s for hypnogram in hypnograms.values()), default=0.0)
    unit, unit_s = time_unit(longest_s)
    figure = new_figure(TWO_COLUMNS_MM, 14 + 26 * max(1, len(hypnograms)))
    figure.suptitle(title)
    panels = figure.subplots(max(1, len(hypnograms)), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (scorer, hypnogram) in zip(panels, hypnograms.items(), strict=False):
        _draw_hypnogram(axes, hypnogram, unit_s)
        absent = [
            name
            for label, name in enumerate(hypnogram.titles)
            if len(hypnogram) and not (hypnogram.states == label).any()
        ]
        axes.set_title(scorer + (f" (no {', no '.join(absent)})" if absent else ""), loc="left")
    if longest_s:
        panels[-1].set_xlim(0, longest_s / unit_s)
    panels[-1].set_xlabel(f"Time ({unit})")
    return figure


def _draw_hypnogram(axes: Axes, hypnogram: Hypnogram, unit_s: float) -> None:
    """Draw the bouts of each state, and the gaps, as one collection each."""
    n_states = len(hypnogram.names)
    axes.set(ylim=(0, n_states), yticks=np.arange(n_states) + 0.5, yticklabels=hypnogram.titles)
    axes.tick_params(axis="y", length=0)
    if not len(hypnogram):
        say(axes, "no epochs")
        return
    is_gap = np.concatenate([[False], hypnogram.states == GAP, [False]])
    starts, ends = np.flatnonzero(np.diff(is_gap.astype(int)) == 1), np.flatnonzero(np.diff(is_gap.astype(int)) == -1)
    gaps = np.column_stack([starts, ends - starts]) * hypnogram.epoch_s / unit_s
    axes.broken_barh(gaps, (0, n_states), facecolor=GAP_COLOUR, linewidth=0, label="gap")
    bouts = hypnogram.bouts()
    for label, (name, colour) in enumerate(zip(hypnogram.names, state_colours(hypnogram.names), strict=True)):
        spans = bouts.loc[bouts["state"] == name, ["start_s", "duration_s"]].to_numpy() / unit_s
        axes.broken_barh(spans, (label, 1), facecolor=colour, linewidth=0, label=name)
