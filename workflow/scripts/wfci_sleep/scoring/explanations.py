"""Explanations on disk: attention.h5 and gradcam.h5 of each fold."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from wfci_sleep.data.atlas import Atlas
from wfci_sleep.errors import InputError
from wfci_sleep.files.arrays import Array, read_arrays, write_arrays
from wfci_sleep.files.atomic import MADE_AGAIN
from wfci_sleep.layout import FRAME_RATE_HZ, FRAME_SHAPE, hemisphere_columns
from wfci_sleep.preprocessing.survey import read_surveys
from wfci_sleep.preprocessing.windows import Windowing
from wfci_sleep.scoring.predictions import check_recorded

METHOD_TITLES = {"gradcam": "Grad-CAM", "gradcam_plus_plus": "Grad-CAM++"}
"""Titles of the methods of class activation maps; the keys name their maps in gradcam.h5."""

LINKS = ("moment", "moment")
"""Shape of maps of links for `read_gradcam`: as many rows as columns."""

EPOCH_COLUMNS = ["mouse", "recording", "epoch", "start_s", "y_true", "y_pred"]

_ATTENTION = {
    **dict.fromkeys(("mouse", "recording"), Array(("epoch",), "text")),
    "epoch": Array(("epoch",), "whole number", 0),
    "start_s": Array(("epoch",), lowest=0),
    "weights": Array(("epoch", "frame"), lowest=0, highest=1),
    "window_s": Array(lowest=0),
}
_GRADCAM = {
    "mouse": Array(("mouse",), "text"),
    "states": Array(("state",), "text"),
    "examples": Array(("mouse", "state"), "whole number", 0),
}

_OFF = 1e-3
"""Largest distance from 1 of the sum of an epoch's weights, which are in single precision."""


@dataclass(frozen=True)
class MouseMaps:
    """Class activation maps of mice and states, by one method.

    Attributes
    ----------
    mice : list of str
    states : list of str
    maps : array of float32, shape (n_mice, n_states, *shape)
        0..1, mean over a mouse's correctly predicted epochs, and over time where a window has a map for each frame; NaN
        where there are none. Of frames the shape is (128, 128), or (128, 64) for one hemisphere; of visibility graphs
        (T, T), the links between moments.
    examples : array of int, shape (n_mice, n_states)
        Epochs behind each map.
    masks : array of bool, shape (n_mice, *shape)
        Pixels that the windows of all of a mouse's tested recordings used, or links between different moments; maps
        have values outside of them too, which mean nothing.
    """

    mice: list[str]
    states: list[str]
    maps: np.ndarray
    examples: np.ndarray
    masks: np.ndarray


def mouse_masks(
    recordings: Iterable[tuple[str, str]],
    surveys: Mapping[tuple[str, str], str | os.PathLike],
    windows: Mapping,
    atlas: Atlas,
) -> dict[str, np.ndarray]:
    """Find the pixels that the windows of every recording of a mouse used.

    Parameters
    ----------
    recordings : iterable of (mouse, recording)
        The recordings that were tested.
    surveys : mapping of (mouse, recording) to path
        The images of each recording, as `survey.write_survey` writes them; they hold its mask.
    windows : mapping
        The `windows` section of the configuration.
    atlas : Atlas

    Returns
    -------
    dict of mouse to array of bool, shape (128, columns)
        128 columns, or 64 for one hemisphere.

    Raises
    ------
    InputError
        If a survey is damaged.
    """
    masks: dict[str, np.ndarray] = {}
    for mouse, recording in recordings:
        mask = read_surveys([surveys[mouse, recording]]).mask
        pixels = Windowing.of_recording(windows, mask, atlas).pixels
        masks[mouse] = masks.get(mouse, True) & pixels
    return masks


def link_masks(mice: Iterable[str], length: int) -> dict[str, np.ndarray]:
    """Links that a visibility graph may have: between different moments.

    Parameters
    ----------
    mice : iterable of str
    length : int
        T, the length of the window in frames.

    Returns
    -------
    dict of mouse to array of bool, shape (T, T)

    Examples
    --------
    >>> link_masks(["Ms1"], 2)["Ms1"].tolist()
    [[False, True], [True, False]]
    """
    return {mouse: ~np.eye(length, dtype=bool) for mouse in mice}


def mouse_maps(
    heat: Mapping[tuple[str, int], np.ndarray],
    examples: Mapping[tuple[str, int], int],
    masks: Mapping[str, np.ndarray],
    states: Sequence[str],
    shape: tuple[int, int],
) -> MouseMaps:
    """Resize mean class activation maps bilinearly to the recorded frame, or to the links of a visibility graph.

    Parameters
    ----------
    heat, examples : mapping of (mouse, class index)
        As in `predict.FoldScores`, for one method.
    masks : mapping of mouse to array of bool
        As `mouse_masks` or `link_masks` gives them, of all tested mice.
    states : sequence of str
    shape : (rows, columns)
        Shape of the masks.
    """
    from skimage.transform import resize  # here, as figures and the start of Snakemake would wait for it

    mice = list(masks)
    maps = np.full((len(mice), len(states), *shape), np.nan, dtype=np.float32)
    counts = np.zeros((len(mice), len(states)), dtype=np.int64)
    for (mouse, index), heat_map in heat.items():
        place = (mice.index(mouse), index)
        maps[place] = resize(heat_map, shape, order=1, mode="edge", anti_aliasing=False)
        counts[place] = examples[mouse, index]
    # Reshaped, as a fold may test nobody.
    return MouseMaps(mice, list(states), maps, counts, np.array(list(masks.values()), bool).reshape(-1, *shape))


def recorded_shape(hemisphere: str) -> tuple[int, int]:
    """Rows and columns of a recorded frame, of the chosen hemisphere.

    Examples
    --------
    >>> recorded_shape("both"), recorded_shape("left")
    ((128, 128), (128, 64))
    """
    rows, columns = FRAME_SHAPE
    return rows, len(range(columns)[hemisphere_columns(hemisphere, columns)])


def write_gradcam(path: str | os.PathLike, maps: Mapping[str, MouseMaps]) -> None:
    """Write the maps of a fold's test mice (HDF5), atomically.

    Parameters
    ----------
    path : path
    maps : mapping of method to MouseMaps
        Of the same mice, states, examples and masks; a method's name becomes that of its maps in the file.
    """
    first = next(iter(maps.values()))
    heat = {method: by_mouse.maps for method, by_mouse in maps.items()}
    mice = np.array(first.mice, dtype=str)  # also where a fold tests nobody
    common = {"mouse": mice, "states": first.states, "examples": first.examples, "mask": first.masks}
    write_arrays(path, {**common, **heat})


def read_gradcam(
    paths: Sequence[str | os.PathLike],
    method: str,
    classes: Sequence[str],
    mice: Sequence[str] | None = None,
    shape: tuple[int | str, int | str] = (FRAME_SHAPE[0], "column"),
) -> MouseMaps:
    """Read and join the maps of several folds.

    A mouse that several folds tested gets the mean of their maps, weighted by examples, and the pixels that their masks
    share.

    Parameters
    ----------
    paths : sequence of path
    method : str
        One of `METHOD_TITLES`.
    classes : sequence of str
        The `labels.classes` setting.
    mice : sequence of str, optional
        The mice of the run; if given, every map must be of one of them.
    shape : (rows, columns), optional
        Of a map: numbers, or names of sizes that are free, as in `files.arrays.Array`; 128 rows unless given.

    Returns
    -------
    MouseMaps
        Mice in the order of the files.

    Raises
    ------
    InputError
        If a file is damaged, or holds maps of other states or mice, or of another size.
    """
    heat = Array(("mouse", "state", *shape), lowest=0, highest=1, missing=True)
    arrays = {**_GRADCAM, "mask": Array(("mouse", *shape), "flag"), method: heat}
    folds = [_read_fold_maps(path, arrays, classes, mice) for path in paths]
    mice = list(dict.fromkeys(mouse for fold in folds for mouse in fold.mice))
    states = list(classes)
    sums = np.zeros((len(mice), *folds[0].maps.shape[1:]), dtype=np.float64)
    examples = np.zeros((len(mice), len(states)), dtype=np.int64)
    masks = np.ones((len(mice), *sums.shape[2:]), dtype=bool)
    for fold in folds:
        places = [mice.index(mouse) for mouse in fold.mice]
        examples[places] += fold.examples
        masks[places] &= fold.masks
        sums[places] += np.where(fold.examples[..., None, None] > 0, fold.maps * fold.examples[..., None, None], 0)
    counts = examples[..., None, None]
    maps = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    return MouseMaps(mice, states, maps.astype(np.float32), examples, masks)


def _read_fold_maps(
    path: str | os.PathLike, arrays: Mapping[str, Array], classes: Sequence[str], mice: Sequence[str] | None
) -> MouseMaps:
    found = read_arrays(path, arrays)
    *_, heat = found.values()
    maps = MouseMaps(found["mouse"].tolist(), found["states"].tolist(), heat, found["examples"], found["mask"])
    if maps.states != list(classes):
        raise InputError(f"{path}: holds maps of {', '.join(maps.states)}, expected {', '.join(classes)}; {MADE_AGAIN}")
    unknown = [mouse for mouse in maps.mice if mice is not None and mouse not in mice]
    if unknown:
        raise InputError(f"{path}: holds maps of {unknown[0]}, expected mice of this run; {MADE_AGAIN}")
    if (np.isnan(heat).any(axis=(2, 3)) != (maps.examples == 0)).any():
        raise InputError(f"{path}: a map is not there though there are examples, or the other way round; {MADE_AGAIN}")
    return maps


def write_attention(path: str | os.PathLike, predictions: pd.DataFrame, weights: np.ndarray, window_s: float) -> None:
    """Write the attention weights of scored epochs (HDF5), atomically.

    Parameters
    ----------
    path : path
    predictions : table with columns mouse, recording, epoch, start_s, y_true, y_pred
    weights : array of float32, shape (n_epochs, T)
    window_s : float
        Length of the window in seconds.
    """
    columns = {column: predictions[column].to_numpy() for column in EPOCH_COLUMNS}
    write_arrays(path, {**columns, "weights": weights, "window_s": window_s, "frame_rate_hz": FRAME_RATE_HZ})


def read_attention(
    paths: Sequence[str | os.PathLike], classes: Sequence[str], recordings: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, np.ndarray, float]:
    """Read and join the attention weights of several folds.

    Parameters
    ----------
    paths : sequence of path
    classes : sequence of str
        The `labels.classes` setting.
    recordings : table with columns mouse, recording, epochs, optional
        As in recordings.tsv; if given, every epoch must be of these recordings.

    Returns
    -------
    epochs : table with columns mouse, recording, epoch, start_s, y_true, y_pred
    weights : array of float32, shape (n_epochs, T)
    window_s : float

    Raises
    ------
    InputError
        If a file is damaged, holds other classes or recordings, or windows of another length than the first file.
    """
    state = Array(("epoch",), "whole number", 0, len(classes) - 1)
    tables, weights, forms = [], [], []
    for path in paths:
        found = read_arrays(path, {**_ATTENTION, "y_true": state, "y_pred": state})
        table = pd.DataFrame({column: found[column] for column in EPOCH_COLUMNS})
        if (np.abs(found["weights"].sum(axis=1) - 1) > _OFF).any():
            raise InputError(f"{path}: the weights of an epoch do not sum to 1; {MADE_AGAIN}")
        if recordings is not None:
            check_recorded(path, table, recordings)
        tables.append(table)
        weights.append(found["weights"])
        forms.append(f"{found['window_s']:g} s, {found['weights'].shape[1]} frames")
        if forms[-1] != forms[0]:
            raise InputError(f"{path}: holds windows of {forms[-1]}, the first fold's file of {forms[0]}; {MADE_AGAIN}")
    return pd.concat(tables, ignore_index=True), np.concatenate(weights), float(found["window_s"])
