"""Examples: the window of one test epoch and its explanation, on disk for movies and notebooks."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from wfci_sleep.errors import InputError
from wfci_sleep.files.arrays import Array, read_arrays, write_arrays
from wfci_sleep.layout import FRAME_RATE_HZ
from wfci_sleep.scoring.confidence import network_confidence
from wfci_sleep.scoring.explanations import METHOD_TITLES
from wfci_sleep.states import STATES

TARGET = "the target results/<run>/<experiment>/movies/<state>.mp4 or .../<mouse>_<recording>_<epoch>.mp4"
"""How a user asks for the movie of an example."""


@dataclass(frozen=True)
class Example:
    """The window of a test epoch, and what a network that was not trained on it found there.

    Attributes
    ----------
    mouse, recording : str
    epoch : int
        Number of the epoch in the recording.
    window_s : float
        Length of the window in seconds.
    states : list of str
        Names of the classes.
    y_true, y_pred : int
        State by the human and by the network, as positions in `states`.
    probabilities : array of float32, shape (n_states,)
        Of the network, before calibration.
    frames : array of float16 or float32, shape (T, rows, columns)
        The window as it is stored in the shard; zero outside the mask.
    attention : array of float32, shape (T,)
        Weights over time; they sum to 1.
    heat : dict of method to array of float32, shape (T, h, w)
        Class activation map of `y_pred` by each method, 0..1 over the window, before resizing.
    """

    mouse: str
    recording: str
    epoch: int
    window_s: float
    states: list[str]
    y_true: int
    y_pred: int
    probabilities: np.ndarray
    frames: np.ndarray
    attention: np.ndarray
    heat: dict[str, np.ndarray]


_STATE = Array((), "whole number", 0, len(STATES) - 1)
_HEAT = {f"heat/{method}": Array(("frame", "y", "x"), lowest=0, highest=1) for method in METHOD_TITLES}
_EXAMPLE = {
    **dict.fromkeys(("mouse", "recording"), Array((), "text")),
    "epoch": Array((), "whole number", 0),
    "window_s": Array(lowest=0),
    **dict.fromkeys(("y_true", "y_pred"), _STATE),
    "states": Array(("state",), "text"),
    "probabilities": Array(("state",), lowest=0, highest=1),
    "frames": Array(("frame", "row", "column")),
    "attention": Array(("frame",), lowest=0, highest=1),
    **_HEAT,
}


def choose_epoch(predictions: pd.DataFrame, which: str, states: Sequence[str]) -> int:
    """Choose the test epoch that serves as an example.

    Parameters
    ----------
    predictions : table with columns mouse, recording, epoch, y_true, y_pred, p_<state>
        The test epochs of all folds, as `predictions.read_test_predictions` gives them.
    which : str
        A state: of its correctly predicted epochs, the one with the highest probability. Or
        `<mouse>_<recording>_<epoch>`; if several folds tested it, the prediction with the highest probability.
    states : sequence of str
        Names of the classes.

    Returns
    -------
    int
        Row of the table, by position.

    Raises
    ------
    InputError
        If no epoch of the state was predicted correctly, or no fold tested the chosen epoch.

    Examples
    --------
    >>> table = {"mouse": "Ms1", "recording": "fc1", "epoch": [3, 4, 5], "y_true": 1, "y_pred": [0, 1, 1]}
    >>> predictions = pd.DataFrame({**table, "p_wake": [0.9, 0.4, 0.2], "p_sleep": [0.1, 0.6, 0.8]})
    >>> choose_epoch(predictions, "sleep", ["wake", "sleep"]), choose_epoch(predictions, "Ms1_fc1_4", ["wake", "sleep"])
    (2, 1)
    """
    if which in states:
        index = list(states).index(which)
        fits = (predictions["y_true"] == index) & (predictions["y_pred"] == index)
        problem = f"none of the {len(predictions)} test epochs is {which} for both the human and the network"
        advice = f"choose another state or an epoch, {TARGET}"
    else:
        names = predictions["mouse"] + "_" + predictions["recording"] + "_" + predictions["epoch"].astype(str)
        fits = names == which
        problem = "no test epoch of that name"
        advice = f"expected a state ({', '.join(states)}) or <mouse>_<recording>_<epoch>"
        if len(names):
            advice += f" of a test epoch, such as {names.iloc[0]}"
    places = np.flatnonzero(fits)
    if not places.size:
        raise InputError(f"example {which}: {problem}; {advice}")
    return int(places[network_confidence(predictions).to_numpy()[places].argmax()])


def write_example(path: str | os.PathLike, example: Example) -> None:
    """Write an example (HDF5), atomically.

    Single values become attributes, with frame_rate_hz beside them; class activation maps go into the group `heat`.
    """
    heat = {f"heat/{method}": maps for method, maps in example.heat.items()}
    values = {name: getattr(example, name) for name in _EXAMPLE.keys() - _HEAT.keys()}
    write_arrays(path, {**values, **heat, "frame_rate_hz": FRAME_RATE_HZ})


def read_example(path: str | os.PathLike) -> Example:
    """Read what `write_example` wrote.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    found = read_arrays(path, _EXAMPLE)
    values = {name: value if _EXAMPLE[name].axes else value.item() for name, value in found.items()}
    heat = {name.removeprefix("heat/"): values.pop(name) for name in _HEAT}
    return Example(**{**values, "states": values["states"].tolist()}, heat=heat)
