"""Results as MATLAB files, with the names, shapes and labels that the published MATLAB scripts read.

The scripts belong to Zhang et al. 2024, J. Neurosci. Methods 411, 110250. They load the labels, the attention weights
and the maps of one mouse at a time; further files hold the same variables of all mice together.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from wfci_sleep.errors import InputError
from wfci_sleep.scoring.examples import Example
from wfci_sleep.scoring.explanations import MouseMaps

KEY = ["mouse", "recording", "epoch"]


def in_time_order(predictions: pd.DataFrame, recordings: pd.DataFrame) -> pd.DataFrame:
    """Sort scored epochs by mouse, recording and epoch.

    Parameters
    ----------
    predictions : table with columns mouse, recording, epoch, fold
        The test epochs of all folds.
    recordings : table with columns mouse, recording
        As in recordings.tsv: mice in natural order, recordings in order of time.

    Returns
    -------
    table
        The rows of `predictions` with their index; an epoch that several folds tested has one row per fold.

    Examples
    --------
    >>> recordings = pd.DataFrame({"mouse": ["Ms2", "Ms10"], "recording": ["a", "b"]})
    >>> columns = {"mouse": ["Ms10", "Ms2", "Ms2"], "recording": ["b", "a", "a"], "epoch": [0, 3, 1], "fold": 1}
    >>> in_time_order(pd.DataFrame(columns), recordings).index.tolist()
    [2, 1, 0]
    """
    places = {key: place for place, key in enumerate(zip(recordings["mouse"], recordings["recording"], strict=True))}
    keys = zip(predictions["mouse"], predictions["recording"], strict=True)
    placed = predictions.assign(place=[places[key] for key in keys])
    return placed.sort_values(["place", "epoch", "fold"], kind="stable").drop(columns="place")


def matlab_variables(
    predictions: pd.DataFrame,
    classes: Sequence[str],
    weights: np.ndarray,
    window_s: float,
    maps: MouseMaps,
    examples: Sequence[Example] = (),
) -> dict[str, dict[str, np.ndarray]]:
    """Collect the variables of each MATLAB file.

    Parameters
    ----------
    predictions : table with columns mouse, y_true, y_pred, p_<state>
        The test epochs, in the order in which the files hold them.
    classes : sequence of str
        Names of the classes; the position of a class is its label (0 wake, 1 NREM, 2 REM).
    weights : array of float, shape (n_epochs, T)
        Attention weights of the same epochs.
    window_s : float
        Length of the window in seconds.
    maps : MouseMaps
        Grad-CAM of the mice.
    examples : sequence of Example
        The examples that were made. The files hold the correctly scored one with the highest probability, of each
        state and of each mouse's state.

    Returns
    -------
    dict of path to dict of variable to array
        For all mice: `y_trues.mat` and `y_preds.mat` (1 x N), `y_scores.mat` (N x classes), `att_weights.mat` (N x T),
        `subject_avg_gradcam.mat` (mice x states x 128 x columns, with their names and numbers of examples) and
        `example_data.mat` (one cell per state: T x rows x columns, empty without an example). For each mouse, the
        files that the published scripts load, below `mice/`: `<mouse>_<length>s.mat`, `<mouse>_attention_weights.mat`
        and `gradcam/<mouse>_avg_hemis_label<label>.mat`, which holds a map, 128 x columns, and the mouse's own example
        of the state if there is one.
    """
    mice = list(dict.fromkeys(predictions["mouse"]))
    places = [maps.mice.index(mouse) for mouse in mice]
    labels = _labels(predictions, classes)
    files = {f"{name}.mat": {name: values} for name, values in labels.items()}
    files["att_weights.mat"] = {"att_weights": weights}
    files["subject_avg_gradcam.mat"] = {
        "subject_avg_gradcam": maps.maps[places],
        "mice": _cells(mice),
        "states": _cells(maps.states),
        "examples": maps.examples[places],
    }
    frames = _surest_frames(examples)
    of_state = {label: window for (_, label), window in frames.items()}
    windows = [of_state.get(label, np.zeros((0, 0))) for label in range(len(classes))]
    files["example_data.mat"] = {"example_data": _cells(windows), "states": _cells(classes)}
    for place, mouse in zip(places, mice, strict=True):
        own = (predictions["mouse"] == mouse).to_numpy()
        files[f"mice/{mouse}_{window_s:g}s.mat"] = _labels(predictions[own], classes)
        files[f"mice/{mouse}_attention_weights.mat"] = {"att_weights": weights[own]}
        for label, heat in enumerate(maps.maps[place]):
            own_example = {"example_data": frames[mouse, label]} if (mouse, label) in frames else {}
            files[f"mice/gradcam/{mouse}_avg_hemis_label{label}.mat"] = {"subject_avg_gradcam": heat, **own_example}
    return files


def _surest_frames(examples: Sequence[Example]) -> dict[tuple[str, int], np.ndarray]:
    """Frames of the surest correctly scored example by mouse and label, in increasing order of their probabilities."""
    right = [example for example in examples if example.y_true == example.y_pred]
    right.sort(key=lambda example: example.probabilities[example.y_pred])
    frames: dict[tuple[str, int], np.ndarray] = {}
    for example in right:
        frames.pop((example.mouse, example.y_pred), None)
        frames[example.mouse, example.y_pred] = example.frames.astype(np.float32)
    return frames


def _labels(predictions: pd.DataFrame, classes: Sequence[str]) -> dict[str, np.ndarray]:
    """True and predicted labels as rows, probabilities with one column per class."""
    return {
        "y_trues": predictions["y_true"].to_numpy(dtype=np.int64),
        "y_preds": predictions["y_pred"].to_numpy(dtype=np.int64),
        "y_scores": predictions[[f"p_{name}" for name in classes]].to_numpy(dtype=np.float64),
    }


def _cells(entries: Sequence[str] | Sequence[np.ndarray]) -> np.ndarray:
    """A 1 x n cell array of texts or arrays."""
    cells = np.empty((1, len(entries)), dtype=object)
    for place, entry in enumerate(entries):
        cells[0, place] = entry
    return cells


def matching_weights(predictions: pd.DataFrame, epochs: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
    """Sort attention weights as the predictions are.

    Parameters
    ----------
    predictions : table with columns mouse, recording, epoch
        Indexed by the row that each epoch had before it was sorted.
    epochs : table with columns mouse, recording, epoch
        The epoch of each row of `weights`, as `explanations.read_attention` gives it.
    weights : array of float, shape (n_epochs, T)

    Returns
    -------
    array of float, shape (n_epochs, T)

    Raises
    ------
    InputError
        If the weights and the predictions are not of the same epochs.
    """
    rows: np.ndarray = predictions.index.to_numpy()
    if len(rows) != len(epochs) or not (epochs.loc[rows, KEY].to_numpy() == predictions[KEY].to_numpy()).all():
        raise InputError(
            f"attention.h5 holds {len(epochs)} test epochs that are not the {len(rows)} of predictions.tsv, expected "
            "the same in the same order; delete both and run the same command again: they are made again"
        )
    return weights[rows]
