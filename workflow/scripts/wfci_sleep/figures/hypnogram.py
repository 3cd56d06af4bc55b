"""Hypnograms of several raters, one above the other, and a network's probabilities below."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from wfci_sleep.analysis.agreement import pair_kappa_in_words
from wfci_sleep.analysis.hypnogram import Hypnogram
from wfci_sleep.analysis.networks import is_network, read_networks, title_of
from wfci_sleep.analysis.raters import read_raters
from wfci_sleep.analysis.sessions import session_hypnograms, session_values
from wfci_sleep.data.names import HUMAN
from wfci_sleep.figures.style import (
    GAP_COLOUR,
    PAGE_HEIGHT_MM,
    PAUSE_HATCH,
    TWO_COLUMNS_MM,
    Look,
    Named,
    new_figure,
    say,
    state_colours,
    state_titles,
    styled,
    time_ticks,
    time_unit,
)
from wfci_sleep.tables import read_table
from wfci_sleep.tables.recordings import RECORDINGS
from wfci_sleep.tables.results import AGREEMENT

_GAPS: dict[str, tuple[str, Look]] = {
    "unscored": ("not scored", {"facecolor": GAP_COLOUR, "linewidth": 0}),
    # With an edge: in a session of hours a pause is too narrow for its hatching to be seen.
    "pause": ("pause between recordings", {**PAUSE_HATCH, "edgecolor": "0.35", "linewidth": 0.5}),
}

_HYPNOGRAM_MM, _STRIP_MM, _PROBABILITIES_MM, _MARGIN_MM = 27.0, 11.0, 27.0, 16.0


def draw(inputs: Named, params: Named) -> Figure:
    """Draw the hypnograms of the mouse `mouse` by `networks`, the human, and the further raters `scorers`."""
    hypnograms, predictions, recordings = read_session(inputs, params)
    agreement = read_table(inputs.agreement, AGREEMENT)
    notes = {
        rater: pair_kappa_in_words(agreement, params.mouse, rater, HUMAN).replace("kappa", "kappa with the human")
        for rater in hypnograms
        if rater != HUMAN
    }
    columns = [f"p_{name}" for name in params.classes]
    probabilities = session_values(predictions, columns, recordings) if hypnograms else None
    return plot_hypnogram(hypnograms, params.mouse, probabilities, notes)


def read_session(inputs: Named, params: Named) -> tuple[dict[str, Hypnogram], pd.DataFrame, pd.DataFrame]:
    """Read the session of the mouse `mouse` from `networks`, `recordings`, and the tables of `scorers`.

    Of `networks` the parameters hold the rater behind each file: a fold's predictions.

    Returns
    -------
    hypnograms : dict of rater to Hypnogram
        Empty if the mouse has no test epoch with a score.
    predictions : table
        The mouse's test epochs, as the first network predicted them.
    recordings : table
        All recordings of the run.
    """
    recordings = read_table(inputs.recordings, RECORDINGS)
    networks = {
        rater: predictions[predictions["mouse"] == params.mouse]
        for rater, predictions in read_networks(params.networks, inputs.networks, params.classes, recordings).items()
    }
    further = read_raters(params.scorers, inputs.scorers, recordings, params.classes)
    hypnograms = session_hypnograms(networks, recordings, params.classes, further).get(params.mouse, {})
    return hypnograms, next(iter(networks.values())), recordings


@styled
def plot_hypnogram(
    hypnograms: Mapping[str, Hypnogram],
    title: str,
    probabilities: np.ndarray | None = None,
    notes: Mapping[str, str] | None = None,
) -> Figure:
    """Draw the hypnograms of one mouse's session on one time axis.

    Parameters
    ----------
    hypnograms : mapping of str to Hypnogram
        Rater -> hypnogram, as `session_hypnograms` gives them: of several networks the experiment's own is the first.
        All cover the same time.
    title : str
        Title of the figure, e.g. the mouse.
    probabilities : array of float, shape (n_epochs, n_classes), optional
        Of the first network, NaN where there are none, as `session_values` gives them.
    notes : mapping of str to str, optional
        Rater -> what its panel's title says beside its name, e.g. `"kappa with the human 0.67 (0.60 to 0.74)"`.

    Returns
    -------
    Figure
        One panel a rater, the networks at the top and the human below all others: state k is a block between k and
        k + 1 in its colour; time without a score is light grey, a pause between recordings hatched. Below, for each
        network, a strip with a mark for each epoch in which it and the human disagree, and the first network's
        probabilities, stacked in the order of the states. The axis counts hours, or minutes if the session is shorter
        than an hour.
    """
    networks = [rater for rater in hypnograms if is_network(rater)]
    raters = sorted(hypnograms, key=lambda rater: (rater == HUMAN, not is_network(rater)))
    compared = networks if HUMAN in hypnograms else []
    heights = [_HYPNOGRAM_MM] * max(1, len(raters)) + [_STRIP_MM] * len(compared)
    heights += [_PROBABILITIES_MM] * (probabilities is not None)
    figure = new_figure(TWO_COLUMNS_MM, min(PAGE_HEIGHT_MM, _MARGIN_MM + sum(heights)))
    figure.suptitle(title, x=0.02, ha="left")
    panels = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    unit, unit_s = set_time_axis(panels[-1], hypnograms)
    if not hypnograms:
        say(panels[0], f"no scored epochs of {title}")
        panels[0].set(xticks=[], yticks=[])
    for axes, rater in zip(panels, raters, strict=False):
        draw_hypnogram(axes, hypnograms[rater], unit_s)
        words = rater_title(rater, hypnograms[rater])
        note = (notes or {}).get(rater)
        axes.set_title(f"{words}: {note}" if note else words, loc="left")
    said = {rater: title_of(rater) for rater in networks} if len(networks) > 1 else {}
    for strip, network in zip(panels[len(raters) :], compared, strict=False):
        words = draw_disagreements(strip, hypnograms[network], hypnograms[HUMAN], unit_s)
        strip.set_title(f"{said.get(network, 'Network')} and human disagree: {words}", loc="left")
    if probabilities is not None:
        own = networks[0]
        _draw_probabilities(panels[-1], probabilities, hypnograms[own], unit_s)
        panels[-1].set_title(f"Probability of each state by {said.get(own, 'the network')}, stacked", loc="left")
    figure.legend(handles=legend_handles(hypnograms), loc="outside upper right", ncols=6, handlelength=1.2)
    return figure


def set_time_axis(axes: Axes, hypnograms: Mapping[str, Hypnogram]) -> tuple[str, float]:
    """Give the axis the limits and ticks of a session.

    Returns
    -------
    unit : str
        `h` or `min`.
    unit_s : float
        Its length in seconds.
    """
    known = [hypnogram for hypnogram in hypnograms.values() if len(hypnogram)]
    start_s = min((hypnogram.start_s for hypnogram in known), default=0.0)
    end_s = max((hypnogram.start_s + len(hypnogram) * hypnogram.epoch_s for hypnogram in known), default=0.0)
    unit, unit_s = time_unit(end_s - start_s)
    if known:
        axes.set_xlim(start_s / unit_s, end_s / unit_s)
        axes.set_xticks(time_ticks(start_s / unit_s, end_s / unit_s, unit))
    axes.set_xlabel(f"Time ({unit})")
    return unit, unit_s


def rater_title(rater: str, hypnogram: Hypnogram) -> str:
    """A rater's name in figures, and the states that it never gave."""
    absent = [f"no {title}" for label, title in enumerate(hypnogram.titles) if not (hypnogram.states == label).any()]
    return title_of(rater) + (f" ({', '.join(absent)})" if absent and len(hypnogram) else "")


def draw_hypnogram(axes: Axes, hypnogram: Hypnogram, unit_s: float) -> None:
    """Draw the bouts of each state, and the gaps of each kind, as one collection each."""
    n_states = len(hypnogram.names)
    axes.set(ylim=(0, n_states), yticks=np.arange(n_states) + 0.5, yticklabels=hypnogram.titles)
    axes.tick_params(axis="y", length=0)
    if not len(hypnogram):
        say(axes, "no epochs")
        return
    gaps, bouts = hypnogram.gaps(), hypnogram.bouts()
    for kind, (_, look) in _GAPS.items():
        axes.broken_barh(_spans(gaps, "kind", kind, unit_s), (0, n_states), label=kind, **look)
    for label, (name, colour) in enumerate(zip(hypnogram.names, state_colours(hypnogram.names), strict=True)):
        axes.broken_barh(_spans(bouts, "state", name, unit_s), (label, 1), facecolor=colour, lw=0, label=name)


def _spans(table: pd.DataFrame, column: str, value: str, unit_s: float) -> list[tuple[float, float]]:
    """Start and duration of the rows that hold `value`, in the axis's unit."""
    rows = table[table[column] == value]
    return list(zip(rows["start_s"] / unit_s, rows["duration_s"] / unit_s, strict=True))


def draw_disagreements(axes: Axes, one: Hypnogram, other: Hypnogram, unit_s: float) -> str:
    """Mark the epochs to which two raters gave different states; gaps stay blank.

    Returns
    -------
    str
        How many epochs that is, of those to which both gave a state.
    """
    common = (one.states >= 0) & (other.states >= 0)
    differ = common & (one.states != other.states)
    edges = np.flatnonzero(np.diff(differ, prepend=False, append=False)).reshape(-1, 2)
    starts_s, ends_s = (one.start_s + edges * one.epoch_s).T
    # A thin edge, so that a single epoch of a long session is still seen.
    spans = list(zip(starts_s / unit_s, (ends_s - starts_s) / unit_s, strict=True))
    axes.broken_barh(spans, (0, 1), facecolor="black", edgecolor="black", lw=0.3, label="disagree")
    axes.set(ylim=(0, 1), yticks=[])
    if not common.any():
        return "no epoch has both scores"
    return f"{differ.sum()} of {common.sum()} epochs ({100 * differ.sum() / common.sum():.1f} %)"


def _draw_probabilities(axes: Axes, probabilities: np.ndarray, hypnogram: Hypnogram, unit_s: float) -> None:
    """Stack the probabilities of the classes, from the first at the bottom; epochs without any stay blank."""
    edges = (hypnogram.start_s + np.arange(len(probabilities) + 1) * hypnogram.epoch_s) / unit_s
    tops = np.cumsum(probabilities, axis=1)
    bottoms = tops - probabilities
    for bottom, top, name, colour in zip(
        bottoms.T, tops.T, hypnogram.names, state_colours(hypnogram.names), strict=True
    ):
        axes.stairs(top, edges, baseline=bottom, fill=True, color=colour, lw=0, label=name)
    axes.set(ylim=(0, 1), yticks=[0, 0.5, 1])
    if np.isnan(tops).all():
        say(axes, "no scored epochs")


def legend_handles(hypnograms: Mapping[str, Hypnogram]) -> list[Patch]:
    """What the colours mean: the states, and the kinds of gaps that occur."""
    names = next((hypnogram.names for hypnogram in hypnograms.values()), ())
    found = {kind for hypnogram in hypnograms.values() for kind in hypnogram.gaps()["kind"]}
    colours = zip(state_titles(names), state_colours(names), strict=True)
    meanings: list[tuple[str, Look]] = [(title, {"facecolor": colour}) for title, colour in colours]
    meanings += [meaning for kind, meaning in _GAPS.items() if kind in found]
    return [Patch(label=label, **look) for label, look in meanings]
