"""Examples: one window of a test epoch with what the network found in it, on disk for movies and notebooks."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import h5py
import numpy as np
import pandas as pd

from wfci_sleep.errors import InputError
from wfci_sleep.files import written_atomically
from wfci_sleep.metrics import network_confidence
from wfci_sleep.states import FRAME_RATE_HZ


@dataclass(frozen=True)
class Example:
    """A window of a test epoch, and what the network that was not trained on it found there.

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
        Positions in `states`: the human's and the network's.
    probabilities : array of float32, shape (n_states,)
        As the network gives them.
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


_SINGLE = ("mouse", "recording", "epoch", "window_s", "y_true", "y_pred")
_ARRAYS = ("probabilities", "attention")


def choose_epoch(predictions: pd.DataFrame, which: str, states: Sequence[str]) -> int:
    """Choose the test epoch that serves as an example.

    Parameters
    ----------
    predictions : table with columns mouse, recording, epoch, y_true, y_pred, p_<state>
        The test epochs of all folds, as `metrics.read_test_predictions` gives them.
    which : str
        A state: of its epochs that were predicted rightly, the one with the highest probability. Or
        `<mouse>_<recording>_<epoch>`; tested in several folds, where its probability is highest.
    states : sequence of str
        Names of the classes.

    Returns
    -------
    int
        Row of the table, by position.

    Raises
    ------
    InputError
        If no epoch of the state was predicted rightly, or the chosen one was not tested.

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
        advice = "choose another state or an epoch, <mouse>_<recording>_<epoch>"
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
    """Write an example (HDF5), atomically: single values as attributes, with frame_rate_hz; class maps below `heat`."""
    with written_atomically(path) as temporary, h5py.File(temporary, "w") as file:
        for name in _SINGLE:
            file.attrs[name] = getattr(example, name)
        file.attrs["frame_rate_hz"] = FRAME_RATE_HZ
        file["states"] = np.array(example.states, dtype=h5py.string_dtype())
        for name in _ARRAYS:
            file[name] = getattr(example, name)
        file.create_dataset("frames", data=example.frames, compression="gzip", compression_opts=1)
        for method, heat in example.heat.items():
            file.create_dataset(f"heat/{method}", data=heat, compression="gzip", compression_opts=1)


def read_example(path: str | os.PathLike) -> Example:
    """Read what `write_example` wrote."""
    with h5py.File(path) as file:
        single = {name: file.attrs[name] for name in _SINGLE}
        single |= {name: int(single[name]) for name in ("epoch", "y_true", "y_pred")}
        return Example(
            **single,
            states=list(file["states"].asstr()),
            **{name: file[name][()] for name in (*_ARRAYS, "frames")},
            heat={method: heat[()] for method, heat in file["heat"].items()},
        )
