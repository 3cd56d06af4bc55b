"""Temporal attention by state: scaling, means, histograms, frames near a transition.

As in Zhang et al. 2024, J. Neurosci. Methods 411, 110250: the weights of each epoch scaled to 0..1 and averaged by
predicted state, histograms of the weights by state, and the weights near a transition against the rest.
"""

import numpy as np

from wfci_sleep.layout import EPOCH_FRAMES
from wfci_sleep.preprocessing.windowings import lead_frames

TRANSITION_FRAMES = 30
"""Frames on either side of a transition that count as near it."""

N_BINS = 100
"""Bins of the published histograms."""


def scaled_to_unit(weights: np.ndarray) -> np.ndarray:
    """Scale the weights of each epoch to 0..1.

    Parameters
    ----------
    weights : array of float, shape (n_epochs, n_frames)
        Attention weights.

    Returns
    -------
    array of float64, shape (n_epochs, n_frames)
        0 at an epoch's smallest weight, 1 at its largest; 0 throughout where all weights of an epoch are equal.

    Examples
    --------
    >>> scaled_to_unit(np.array([[0.2, 0.3, 0.4], [0.1, 0.1, 0.1]])).round(6).tolist()
    [[0.0, 0.5, 1.0], [0.0, 0.0, 0.0]]
    """
    weights = np.asarray(weights, dtype=np.float64)
    lowest = weights.min(axis=1, keepdims=True)
    span = weights.max(axis=1, keepdims=True) - lowest
    return np.divide(weights - lowest, span, out=np.zeros_like(weights), where=span > 0)


def summary_by_state(
    values: np.ndarray, states: np.ndarray, n_states: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and quartiles over the epochs of each state, frame by frame.

    Parameters
    ----------
    values : array of float, shape (n_epochs, n_frames)
    states : array of int, shape (n_epochs,)
        Class index of each epoch.
    n_states : int
        Number of classes.

    Returns
    -------
    mean : array of float64, shape (n_states, n_frames)
        NaN for a state without epochs.
    quartiles : array of float64, shape (n_states, 2, n_frames)
        25th and 75th percentile; NaN for a state without epochs.
    counts : array of int64, shape (n_states,)
        Epochs of each state.

    Examples
    --------
    >>> mean, quartiles, counts = summary_by_state(np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([0, 0]), 2)
    >>> mean.tolist(), counts.tolist()
    ([[0.5, 1.0], [nan, nan]], [2, 0])
    """
    values, states = np.asarray(values, dtype=np.float64), np.asarray(states)
    mean = np.full((n_states, values.shape[1]), np.nan)
    quartiles = np.full((n_states, 2, values.shape[1]), np.nan)
    counts = np.bincount(states, minlength=n_states)
    for state in np.flatnonzero(counts):
        chosen = values[states == state]
        mean[state] = chosen.mean(axis=0)
        quartiles[state] = np.percentile(chosen, [25, 75], axis=0)
    return mean, quartiles, counts


def histograms(groups: list[np.ndarray], n_bins: int = N_BINS) -> tuple[np.ndarray, np.ndarray]:
    """Histograms of several groups of weights over the same bins; each adds up to 1.

    Parameters
    ----------
    groups : list of array of float
        Weights (at least 0), of any shape.
    n_bins : int
        Number of equal bins between 0 and the largest weight of all groups.

    Returns
    -------
    edges : array of float64, shape (n_bins + 1,)
    probabilities : array of float64, shape (n_groups, n_bins)
        NaN for a group without weights.

    Examples
    --------
    >>> edges, probabilities = histograms([np.array([0.1, 0.1, 0.9, 1.0]), np.array([])], n_bins=2)
    >>> edges.tolist(), probabilities.tolist()
    ([0.0, 0.5, 1.0], [[0.5, 0.5], [nan, nan]])
    """
    groups = [np.asarray(group, dtype=np.float64).ravel() for group in groups]
    largest = max((group.max() for group in groups if group.size), default=0.0)
    edges = np.linspace(0, largest if largest > 0 else 1.0, n_bins + 1)
    probabilities = np.full((len(groups), n_bins), np.nan)
    for row, group in zip(probabilities, groups, strict=True):
        if group.size:
            row[:] = np.histogram(group, edges)[0] / group.size
    return edges, probabilities


def near_transition(
    states: np.ndarray,
    positions: np.ndarray,
    n_frames: int,
    reach: int = TRANSITION_FRAMES,
    frames_per_epoch: int = EPOCH_FRAMES,
) -> np.ndarray:
    """Find the frames within `reach` frames of a transition.

    Transitions lie at the borders of epochs. A window shorter than an epoch holds the epoch's first frames; a longer
    one has as many frames before the epoch as after it. Distances are measured from the epoch's borders, not from the
    window's ends.

    Parameters
    ----------
    states : array of int, shape (n_epochs,)
        Class index of each epoch.
    positions : array of int, shape (n_epochs,)
        Position of each epoch in time, as `sessions.session_positions` gives it; in any order, none twice.
    n_frames : int
        Frames of a window.
    reach : int
        Frames before and after a transition that count as near it.
    frames_per_epoch : int
        Frames of an epoch.

    Returns
    -------
    array of bool, shape (n_epochs, n_frames)
        A transition across a gap (positions that differ by more than one) does not count.

    Examples
    --------
    >>> near_transition(np.array([0, 1, 1, 0]), np.array([0, 1, 2, 7]), 4, reach=1, frames_per_epoch=4).astype(int)
    array([[0, 0, 0, 1],
           [1, 0, 0, 0],
           [0, 0, 0, 0],
           [0, 0, 0, 0]])
    """
    states, positions = np.asarray(states), np.asarray(positions)
    order = np.argsort(positions)
    transition = (np.diff(positions[order]) == 1) & (np.diff(states[order]) != 0)
    before, after = np.zeros(len(states), dtype=bool), np.zeros(len(states), dtype=bool)
    before[order[1:]] = transition
    after[order[:-1]] = transition
    frame = np.arange(n_frames) - lead_frames(n_frames, frames_per_epoch)
    near_start = (frame >= -reach) & (frame < reach)
    near_end = (frame >= frames_per_epoch - reach) & (frame < frames_per_epoch + reach)
    return (before[:, None] & near_start) | (after[:, None] & near_end)
