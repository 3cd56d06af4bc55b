"""What networks looked at, on disk: attention.h5 and gradcam.h5 of each fold, and Grad-CAM by parcel."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import h5py
import numpy as np
import pandas as pd

from wfci_sleep.atlas import N_PARCELS, Atlas
from wfci_sleep.files import written_atomically
from wfci_sleep.recordings import FRAME_SHAPE
from wfci_sleep.states import FRAME_RATE_HZ
from wfci_sleep.windows import hemisphere_columns

METHOD_TITLES = {"gradcam": "Grad-CAM", "gradcam_plus_plus": "Grad-CAM++"}
"""The methods of class activation maps, by the names of their maps in gradcam.h5."""

EPOCH_COLUMNS = ["mouse", "recording", "epoch", "start_s", "y_true", "y_pred"]


@dataclass(frozen=True)
class MouseMaps:
    """Class activation maps of mice and states, by one method.

    Attributes
    ----------
    mice : list of str
    states : list of str
    maps : array of float32, shape (n_mice, n_states, 128, columns)
        0..1, mean over a mouse's correctly predicted epochs and over time; NaN where there are none. 128 columns, or 64
        for one hemisphere.
    examples : array of int, shape (n_mice, n_states)
        Epochs behind each map.
    """

    mice: list[str]
    states: list[str]
    maps: np.ndarray
    examples: np.ndarray


def mouse_maps(
    heat: dict[tuple[str, int], np.ndarray],
    examples: dict[tuple[str, int], int],
    mice: Sequence[str],
    states: Sequence[str],
    hemisphere: str,
) -> MouseMaps:
    """Resize mean class activation maps bilinearly to the recorded frame.

    Parameters
    ----------
    heat, examples : dict by (mouse, class index)
        As in `scoring.FoldScores`, for one method.
    mice, states : sequence of str
    hemisphere : {"both", "left", "right"}
    """
    from skimage.transform import resize  # here, as figures and the start of Snakemake would wait for it

    frame_shape = np.empty(FRAME_SHAPE)[:, hemisphere_columns(hemisphere)].shape
    maps = np.full((len(mice), len(states), *frame_shape), np.nan, dtype=np.float32)
    counts = np.zeros((len(mice), len(states)), dtype=np.int64)
    for (mouse, index), heat_map in heat.items():
        place = (list(mice).index(mouse), index)
        maps[place] = resize(heat_map, frame_shape, order=1, mode="edge", anti_aliasing=False)
        counts[place] = examples[mouse, index]
    return MouseMaps(list(mice), list(states), maps, counts)


def write_gradcam(path: str | os.PathLike, maps: Mapping[str, MouseMaps]) -> None:
    """Write the maps of a fold's test mice (HDF5), atomically.

    Parameters
    ----------
    path : path
    maps : mapping of method to MouseMaps
        Of the same mice, states and examples; a method's name becomes that of its maps in the file.
    """
    first = next(iter(maps.values()))
    with written_atomically(path) as temporary, h5py.File(temporary, "w") as file:
        file["mouse"] = np.array(first.mice, dtype=h5py.string_dtype())
        file["states"] = np.array(first.states, dtype=h5py.string_dtype())
        file["examples"] = first.examples
        for method, by_mouse in maps.items():
            file.create_dataset(method, data=by_mouse.maps, compression="gzip")


def read_gradcam(paths: Sequence[str | os.PathLike], method: str) -> MouseMaps:
    """Read and join the maps of several folds; a mouse tested in several has their mean, weighted by examples."""
    folds = [_read_fold_maps(path, method) for path in paths]
    mice = list(dict.fromkeys(mouse for fold in folds for mouse in fold.mice))
    states = folds[0].states
    sums = np.zeros((len(mice), *folds[0].maps.shape[1:]), dtype=np.float64)
    examples = np.zeros((len(mice), len(states)), dtype=np.int64)
    for fold in folds:
        places = [mice.index(mouse) for mouse in fold.mice]
        examples[places] += fold.examples
        sums[places] += np.where(fold.examples[..., None, None] > 0, fold.maps * fold.examples[..., None, None], 0)
    counts = examples[..., None, None]
    maps = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    return MouseMaps(mice, states, maps.astype(np.float32), examples)


def _read_fold_maps(path: str | os.PathLike, method: str) -> MouseMaps:
    with h5py.File(path) as file:
        mice, states = list(file["mouse"].asstr()), list(file["states"].asstr())
        return MouseMaps(mice, states, file[method][()], file["examples"][()])


def parcel_table(maps: MouseMaps, atlas: Atlas, hemisphere: str) -> pd.DataFrame:
    """Mean of every parcel in class activation maps.

    Returns
    -------
    table with columns mouse, state, parcel, name, mean_heat (empty without an example), examples
    """
    parcels = atlas.parcels[:, hemisphere_columns(hemisphere)]
    numbers = [number for number in np.unique(parcels) if number > 0]
    rows = []
    for (mouse, state), count in np.ndenumerate(maps.examples):
        for number in numbers:
            heat = float(maps.maps[mouse, state][parcels == number].mean())
            rows.append((maps.mice[mouse], maps.states[state], int(number), atlas.names[number - 1], heat, int(count)))
    return pd.DataFrame(rows, columns=["mouse", "state", "parcel", "name", "mean_heat", "examples"])


def area_heat(table: pd.DataFrame, atlas: Atlas) -> pd.DataFrame:
    """Heat of each area of the cortex: the mean of its parcels, one in each hemisphere (k and k + 20).

    Parameters
    ----------
    table : table with columns mouse, state, parcel, mean_heat
        As in gradcam_parcels.tsv, of one method; rows without an example are left out.
    atlas : Atlas

    Returns
    -------
    table with columns mouse, state, area, row, mean_heat
        area: the parcels' name without its hemisphere; row: mean row of their pixels, small in front.
    """
    half = N_PARCELS // 2
    table = table.dropna(subset="mean_heat")
    numbers = (table["parcel"] - 1) % half
    rows, _ = np.nonzero(atlas.parcels)
    places = pd.Series(rows).groupby((atlas.parcels[atlas.parcels > 0] - 1) % half).mean()
    names = pd.Series(atlas.names[:half]).str.removesuffix(" L")
    table = table.assign(area=numbers.map(names), row=numbers.map(places))
    return table.groupby(["mouse", "state", "area", "row"], sort=False, as_index=False)["mean_heat"].mean()


def front_to_back(areas: pd.DataFrame) -> pd.Series:
    """Spearman's rank correlation of an area's heat with its place from front to back, by mouse.

    Parameters
    ----------
    areas : table with columns mouse, row, mean_heat
        As `area_heat` gives it, of one state.

    Returns
    -------
    Series of float, by mouse
        1: the further back the hotter; -1: the further in front the hotter; NaN where all areas are equally hot.

    Examples
    --------
    >>> areas = pd.DataFrame({"mouse": "a", "row": [8.9, 24.4, 94.0], "mean_heat": [0.1, 0.2, 0.8]})
    >>> front_to_back(areas).to_dict()
    {'a': 1.0}
    """
    ranks = areas[["row", "mean_heat"]].groupby(areas["mouse"], sort=False).rank()
    by_mouse = {
        mouse: np.nan if (one.nunique() < 2).any() else one["row"].corr(one["mean_heat"])
        for mouse, one in ranks.groupby(areas["mouse"], sort=False)
    }
    return pd.Series(by_mouse, dtype=float)


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
    with written_atomically(path) as temporary, h5py.File(temporary, "w") as file:
        for column in EPOCH_COLUMNS:
            as_text = column in ("mouse", "recording")
            values = predictions[column].to_numpy(dtype=object if as_text else None)
            file.create_dataset(column, data=values, dtype=h5py.string_dtype() if as_text else None)
        file.create_dataset("weights", data=weights, compression="gzip")
        file.attrs["window_s"] = window_s
        file.attrs["frame_rate_hz"] = FRAME_RATE_HZ


def read_attention(paths: Sequence[str | os.PathLike]) -> tuple[pd.DataFrame, np.ndarray, float]:
    """Read and join the attention weights of several folds.

    Returns
    -------
    epochs : table with columns mouse, recording, epoch, start_s, y_true, y_pred
    weights : array of float32, shape (n_epochs, T)
    window_s : float
    """
    tables, weights = [], []
    for path in paths:
        with h5py.File(path) as file:
            columns = {
                column: file[column].asstr()[()] if column in ("mouse", "recording") else file[column][()]
                for column in EPOCH_COLUMNS
            }
            tables.append(pd.DataFrame(columns))
            weights.append(file["weights"][()])
            window_s = float(file.attrs["window_s"])
    return pd.concat(tables, ignore_index=True), np.concatenate(weights), window_s
