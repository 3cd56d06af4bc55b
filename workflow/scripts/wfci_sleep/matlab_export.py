"""Results as MATLAB files, with the names, shapes and labels that the published MATLAB scripts read.

The scripts are those beside Zhang et al. 2024, J. Neurosci. Methods 411, 110250. They load the labels, the attention
weights and the maps of one mouse at a time; the same variables of all mice together stand beside them.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.io import savemat

from wfci_sleep.errors import InputError
from wfci_sleep.examples import Example
from wfci_sleep.explanations import MouseMaps
from wfci_sleep.files import written_atomically

KEY = ["mouse", "recording", "epoch"]

_HEADER_BYTES = 116


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
        The rows of `predictions` with their index; an epoch that several folds tested has a row for each.

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
    """Collect what each MATLAB file holds.

    Parameters
    ----------
    predictions : table with columns mouse, y_true, y_pred, p_<state>
        The test epochs in the order of the files' rows.
    classes : sequence of str
        Names of the classes; a class's place is its label (0 wake, 1 NREM, 2 REM).
    weights : array of float, shape (n_epochs, T)
        Attention weights of the same epochs.
    window_s : float
        Length of the window in seconds.
    maps : MouseMaps
        Grad-CAM of the mice.
    examples : sequence of Example
        Those that were made; wrongly scored ones are left out, and all but the surest of a state or of a mouse's state.

    Returns
    -------
    dict of path to dict of variable to array
        Of all mice `y_trues.mat` and `y_preds.mat` (1 x N), `y_scores.mat` (N x classes), `att_weights.mat` (N x T) and
        `subject_avg_gradcam.mat` (mice x states x 128 x columns, beside their names and numbers of examples), and
        `example_data.mat` (a cell a state: T x rows x columns, empty without an example). Below `mice/` the same of
        each mouse, in the files that the published scripts load: `<mouse>_<length>s.mat`,
        `<mouse>_attention_weights.mat` and `gradcam/<mouse>_avg_hemis_label<label>.mat`, which holds a map, 128 x
        columns, and the mouse's own example of the state if there is one.
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
    """Frames of the rightly scored examples by mouse and label, the surest of them last."""
    right = [example for example in examples if example.y_true == example.y_pred]
    right.sort(key=lambda example: example.probabilities[example.y_pred])
    frames = {}
    for example in right:
        frames.pop((example.mouse, example.y_pred), None)
        frames[example.mouse, example.y_pred] = example.frames.astype(np.float32)
    return frames


def _labels(predictions: pd.DataFrame, classes: Sequence[str]) -> dict[str, np.ndarray]:
    """True and predicted labels as rows, probabilities with a column a class."""
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
    """Bring attention weights into the order of the predictions.

    Parameters
    ----------
    predictions : table with columns mouse, recording, epoch
        Indexed by the row that each epoch had before it was sorted.
    epochs : table with columns mouse, recording, epoch
        What each row of `weights` belongs to, as `explanations.read_attention` gives it.
    weights : array of float, shape (n_epochs, T)

    Returns
    -------
    array of float, shape (n_epochs, T)

    Raises
    ------
    InputError
        If the weights are of other epochs than the predictions.
    """
    rows = predictions.index.to_numpy()
    if len(rows) != len(epochs) or not (epochs.loc[rows, KEY].to_numpy() == predictions[KEY].to_numpy()).all():
        raise InputError(
            f"attention.h5 holds {len(epochs)} test epochs that are not the {len(rows)} of predictions.tsv, expected "
            "the same in the same order; delete both and score again"
        )
    return weights[rows]


def write_mat(path: str | os.PathLike, variables: Mapping[str, np.ndarray], text: str) -> None:
    """Write a MATLAB v5 file, atomically; the same variables give the same bytes.

    Parameters
    ----------
    path : path
    variables : mapping of name to array
        Arrays of one axis become rows, arrays of objects cells.
    text : str
        What the head of the file says, ASCII, cut after 116 characters.
    """
    with written_atomically(path) as temporary:
        savemat(temporary, dict(variables), do_compression=True, oned_as="row")
        with Path(temporary).open("r+b") as file:
            # SciPy's own text holds the time of writing.
            file.write(f"MATLAB 5.0 MAT-file, {text}".encode("ascii")[:_HEADER_BYTES].ljust(_HEADER_BYTES))
