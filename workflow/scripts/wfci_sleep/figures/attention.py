"""Temporal attention: when in an epoch, and in a session, the network looked."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from wfci_sleep.analysis import attention
from wfci_sleep.analysis.sessions import session_positions
from wfci_sleep.figures.style import (
    ONE_COLUMN_MM,
    TWO_COLUMNS_MM,
    Look,
    Named,
    label_log_ticks,
    new_figure,
    say,
    state_colours,
    state_titles,
    styled,
    time_unit,
)
from wfci_sleep.layout import EPOCH_S
from wfci_sleep.scoring.explanations import read_attention
from wfci_sleep.tables import read_table
from wfci_sleep.tables.recordings import RECORDINGS

_NEAR, _REST = "#d95f02", "0.45"

_QUARTILES: Look = {"color": "0.6", "lw": 0.8}


def draw_time_course(inputs: Named, params: Named) -> Figure:
    """Draw the mean attention over the window from `attention` of each fold; `classes` are the states' names."""
    epochs, weights, window_s = read_attention(inputs.attention, params.classes)
    return plot_attention_time_course(weights, epochs["y_pred"].to_numpy(), params.classes, window_s)


def draw_distribution(inputs: Named, params: Named) -> Figure:
    """Draw the distribution of attention from `attention` of each fold; `classes` are the states' names."""
    epochs, weights, _ = read_attention(inputs.attention, params.classes)
    return plot_attention_distribution(weights, epochs["y_pred"].to_numpy(), params.classes)


def draw_transitions(inputs: Named, params: Named) -> Figure:
    """Draw attention near transitions from `attention` of each fold and `recordings`."""
    recordings = read_table(inputs.recordings, RECORDINGS)
    epochs, weights, _ = read_attention(inputs.attention, params.classes, recordings)
    positions = session_positions(epochs, recordings)
    return plot_attention_transitions(weights, positions, epochs["y_pred"].to_numpy(), epochs["mouse"].tolist())


def draw_session(inputs: Named, params: Named) -> Figure:
    """Draw the attention over the session of the mouse `mouse` from `attention` of each fold and `recordings`."""
    recordings = read_table(inputs.recordings, RECORDINGS)
    epochs, weights, _ = read_attention(inputs.attention, params.classes, recordings)
    own = (epochs["mouse"] == params.mouse).to_numpy()
    start_s = session_positions(epochs[own], recordings) * EPOCH_S
    y_pred = epochs.loc[own, "y_pred"].to_numpy()
    return plot_attention_session(weights[own], start_s, y_pred, params.classes, params.mouse)


@styled
def plot_attention_time_course(
    weights: np.ndarray, y_pred: np.ndarray, names: Sequence[str], window_s: float
) -> Figure:
    """Draw the mean attention over the window for each predicted state.

    Parameters
    ----------
    weights : array of float, shape (n_epochs, n_frames)
        Attention weights.
    y_pred : array of int, shape (n_epochs,)
        Predicted class of each epoch.
    names : sequence of str
        Names of the classes.
    window_s : float
        Length of the window in seconds.

    Returns
    -------
    Figure
        One panel a state: a bar for each time step, the mean of the weights scaled to 0..1 within each epoch; grey
        lines mark the quartiles of the epochs.
    """
    scaled = attention.scaled_to_unit(weights)
    mean, quartiles, counts = attention.summary_by_state(scaled, y_pred, len(names))
    step_s = window_s / scaled.shape[1]
    time_s = (np.arange(scaled.shape[1]) + 0.5) * step_s
    figure = new_figure(TWO_COLUMNS_MM, 20 + 26 * len(names))
    panels = figure.subplots(len(names), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for state, (axes, title, colour) in enumerate(zip(panels, state_titles(names), state_colours(names), strict=True)):
        axes.set_title(f"{title} (epochs: {counts[state]})", loc="left")
        if counts[state] == 0:
            say(axes, f"no epoch scored {title}")
            continue
        axes.bar(time_s, mean[state], width=step_s, color=colour, linewidth=0)
        axes.plot(time_s, quartiles[state].T, **_QUARTILES)
    highest = max((quartiles[counts > 0].max(), mean[counts > 0].max())) if counts.any() else 0.0
    panels[-1].set(xlabel="Time in the window (s)", xlim=(0, window_s), ylim=(0, 1.05 * highest if highest > 0 else 1))
    figure.supylabel("Attention, scaled to 0..1 in each epoch", fontsize=8)
    if counts.any():
        quartile = Line2D([], [], **_QUARTILES, label="quartiles of the epochs")
        figure.legend(handles=[quartile], loc="outside upper right")
    return figure


@styled
def plot_attention_session(
    weights: np.ndarray, start_s: np.ndarray, y_pred: np.ndarray, names: Sequence[str], mouse: str
) -> Figure:
    """Draw the attention weights of all epochs of a mouse, end to end.

    Parameters
    ----------
    weights : array of float, shape (n_epochs, n_frames)
        Attention weights.
    start_s : array of float, shape (n_epochs,)
        Start of each epoch in seconds since the session began.
    y_pred : array of int, shape (n_epochs,)
        Predicted class of each epoch.
    names : sequence of str
        Names of the classes.
    mouse : str
        Name of the mouse.

    Returns
    -------
    Figure
        One panel: weights over time in the colour of the predicted state. A window that is longer or shorter than an
        epoch is drawn over the time of its epoch.
    """
    weights, start_s, y_pred = np.asarray(weights), np.asarray(start_s), np.asarray(y_pred)
    within_s = (np.arange(weights.shape[1]) + 0.5) / weights.shape[1] * EPOCH_S
    unit, unit_s = time_unit(start_s.max() + EPOCH_S if len(weights) else 0.0)
    figure = new_figure(TWO_COLUMNS_MM, 55)
    axes = figure.subplots()
    for state, (title, colour) in enumerate(zip(state_titles(names), state_colours(names), strict=True)):
        chosen = y_pred == state
        times, heights = (start_s[chosen, None] + within_s) / unit_s, weights[chosen]
        # NaN after each epoch lifts the pen, so that one line draws all epochs of a state.
        pen_up = np.full((len(heights), 1), np.nan)
        line_x, line_y = np.hstack([times, pen_up]).ravel(), np.hstack([heights, pen_up]).ravel()
        label = f"{title} (n = {chosen.sum()})" if chosen.any() else f"{title} (no epochs)"
        # Some hundred thousand points: an image inside the SVG file is much smaller than the line.
        axes.plot(line_x, line_y, color=colour, lw=0.4, rasterized=True, label=label)
    if len(weights):
        axes.axhline(1 / weights.shape[1], color="0.5", lw=0.7, ls=":", label="equal attention")
        axes.set_xlim(start_s.min() / unit_s, (start_s.max() + EPOCH_S) / unit_s)
        axes.set_ylim(0, max(float(weights.max()) * 1.05, 1e-12))
    else:
        say(axes, "no epochs")
    axes.set(xlabel=f"Time ({unit})", ylabel="Attention weight")
    legend = figure.legend(loc="outside upper right", ncols=len(names) + 1)
    for handle in legend.get_lines():
        handle.set_linewidth(1.5)
    axes.set_title(f"Attention over the session of {mouse}", loc="left")
    return figure


@styled
def plot_attention_distribution(weights: np.ndarray, y_pred: np.ndarray, names: Sequence[str]) -> Figure:
    """Draw the distribution of the attention weights of each predicted state.

    Parameters
    ----------
    weights : array of float, shape (n_epochs, n_frames)
        Attention weights.
    y_pred : array of int, shape (n_epochs,)
        Predicted class of each epoch.
    names : sequence of str
        Names of the classes.

    Returns
    -------
    Figure
        One panel a state: histogram with 100 bins, common to all states, that adds up to 1.
    """
    weights, y_pred = np.asarray(weights), np.asarray(y_pred)
    groups = [weights[y_pred == state] for state in range(len(names))]
    edges, probabilities = attention.histograms(groups)
    figure = new_figure(ONE_COLUMN_MM, 20 + 26 * len(names))
    panels = figure.subplots(len(names), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, group, row, title, colour in zip(
        panels, groups, probabilities, state_titles(names), state_colours(names), strict=True
    ):
        axes.set_title(f"{title} (epochs: {len(group)})", loc="left")
        if not group.size:
            say(axes, f"no epoch scored {title}")
            continue
        axes.stairs(row, edges, fill=True, color=colour)
        axes.axvline(1 / weights.shape[1], color="0.5", lw=0.7, ls=":")
    # Attention is sparse: a few weights near 1, most near 0.
    panels[-1].set(xlabel="Attention weight (dotted: equal attention)", xlim=(0, edges[-1]), yscale="log")
    label_log_ticks(panels[-1].yaxis)
    figure.supylabel("Probability", fontsize=8)
    return figure


@styled
def plot_attention_transitions(
    weights: np.ndarray, epoch_index: np.ndarray, y_pred: np.ndarray, mice: Sequence[str] | None = None
) -> Figure:
    """Draw the attention weights near transitions of the predicted state against all others.

    Parameters
    ----------
    weights : array of float, shape (n_epochs, n_frames)
        Attention weights.
    epoch_index : array of int, shape (n_epochs,)
        Position of each epoch in time, as `sessions.session_positions` gives it.
    y_pred : array of int, shape (n_epochs,)
        Predicted class of each epoch.
    mice : sequence of str, shape (n_epochs,), optional
        Mouse of each epoch; without it all epochs count as of one mouse.

    Returns
    -------
    Figure
        Left: histograms of the weights within 30 frames of a transition, and of the rest. Right: the two means of
        each mouse.
    """
    weights = np.asarray(weights)
    mouse_of = np.full(len(weights), "all") if mice is None else np.asarray(mice)
    near = attention.near_transition(y_pred, epoch_index, weights.shape[1])
    figure = new_figure(TWO_COLUMNS_MM, 65)
    distribution, means = figure.subplots(1, 2, width_ratios=(2, 1))
    reach = attention.TRANSITION_FRAMES
    figure.suptitle(f"Attention within {reach} frames of a transition, against the rest")
    if not near.any():
        for axes in (distribution, means):
            say(axes, "no transition between\nneighbouring epochs")
            axes.set_axis_off()
        return figure
    edges, probabilities = attention.histograms([weights[near], weights[~near]])
    for row, name, colour, n in zip(
        probabilities, ("near a transition", "rest"), (_NEAR, _REST), (near.sum(), (~near).sum()), strict=True
    ):
        distribution.stairs(row, edges, color=colour, lw=1.2, label=f"{name} (n = {n:,} frames)")
    distribution.axvline(1 / weights.shape[1], color="0.5", lw=0.7, ls=":", label="equal attention")
    distribution.set(xlabel="Attention weight", ylabel="Probability", xlim=(0, edges[-1]), yscale="log")
    label_log_ticks(distribution.yaxis)
    distribution.legend()
    pairs = np.array([_means(weights[mouse_of == mouse], near[mouse_of == mouse]) for mouse in np.unique(mouse_of)])
    means.plot([0, 1], pairs.T, "-o", color="0.6", mfc="none", ms=4, lw=0.7)
    means.plot([-0.25, 1.25], np.nanmean(pairs, axis=0), "_", color="black", ms=12, mew=2, ls="none")
    means.set_xticks([0, 1], ["near a\ntransition", "rest"])
    n_pairs = len(pairs)
    means.set(
        xlim=(-0.6, 1.6), ylabel="Mean attention weight", title=f"{n_pairs} {'mouse' if n_pairs == 1 else 'mice'}"
    )
    return figure


def _means(weights: np.ndarray, near: np.ndarray) -> list[float]:
    """Mean weight of the frames near a transition and of the others; NaN where there are none."""
    return [float(weights[chosen].mean()) if chosen.any() else np.nan for chosen in (near, ~near)]
