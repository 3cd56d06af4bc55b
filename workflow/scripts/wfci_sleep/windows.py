"""Windows: the frames that a network sees for an epoch, masked, binned and normalised."""

import os
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from wfci_sleep.errors import InputError
from wfci_sleep.files import read_table
from wfci_sleep.recordings import EPOCH_FRAMES, FRAME_SHAPE, Recording
from wfci_sleep.states import EPOCH_S, GAP


def n_frames(seconds: int) -> int:
    """Frames of a window: floor(16.8 s).

    Examples
    --------
    >>> [n_frames(seconds) for seconds in (1, 9, 10, 15, 20)]
    [16, 151, 168, 252, 336]
    """
    return EPOCH_FRAMES * seconds // int(EPOCH_S)


def windowing_name(settings: Mapping) -> str:
    """Name of a set of window settings; what differs from the paper's defaults is appended.

    Examples
    --------
    >>> settings = {"seconds": 10, "normalisation": "temporal-zscore", "hemisphere": "both"}
    >>> windowing_name({**settings, "mask": "recording", "spatial_binning": 1})
    '10s-temporal-zscore-both'
    >>> windowing_name({**settings, "mask": "atlas", "spatial_binning": 8})
    '10s-temporal-zscore-both-mask_atlas-bin8'
    """
    name = f"{settings['seconds']}s-{settings['normalisation']}-{settings['hemisphere']}"
    if settings["mask"] != "recording":
        name += f"-mask_{settings['mask']}"
    if settings["spatial_binning"] != 1:
        name += f"-bin{settings['spatial_binning']}"
    return name


def hemisphere_columns(hemisphere: str, n_columns: int = 128) -> slice:
    """Columns of a hemisphere: `left` is the first half, `right` the second, `both` all."""
    half = n_columns // 2
    return {"both": slice(None), "left": slice(0, half), "right": slice(half, None)}[hemisphere]


def frame_shape(settings: Mapping) -> tuple[int, int]:
    """Rows and columns of a window's frames, after choosing the hemisphere and binning.

    Examples
    --------
    >>> frame_shape({"hemisphere": "left", "spatial_binning": 8})
    (16, 8)
    """
    rows, columns = FRAME_SHAPE
    columns = len(range(columns)[hemisphere_columns(settings["hemisphere"], columns)])
    return rows // settings["spatial_binning"], columns // settings["spatial_binning"]


def bin_mask(mask: np.ndarray, factor: int) -> np.ndarray:
    """Binned mask: a bin belongs to the brain if at least half of its pixels do."""
    return _block_sum(mask.astype(np.float64), factor) >= factor**2 / 2


def bin_frames(frames: np.ndarray, mask: np.ndarray, factor: int) -> np.ndarray:
    """Mean of the mask's pixels in bins of `factor` x `factor`; pixels that are NaN are left out.

    Parameters
    ----------
    frames : array of float, shape (n_frames, rows, columns)
    mask : array of bool, shape (rows, columns)
    factor : int
        A divisor of rows and columns.

    Returns
    -------
    array of float32, shape (n_frames, rows / factor, columns / factor)
        NaN where a bin has no pixel.
    """
    if factor == 1:
        return np.where(mask, frames, np.nan).astype(np.float32)
    known = mask & np.isfinite(frames)
    sums = _block_sum(np.where(known, frames, np.float32(0)), factor)
    counts = _block_sum(known.astype(np.float32), factor)
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0).astype(np.float32)


def _block_sum(array: np.ndarray, factor: int) -> np.ndarray:
    *leading, rows, columns = array.shape
    return array.reshape(*leading, rows // factor, factor, columns // factor, factor).sum(axis=(-3, -1))


def normalise(frames: np.ndarray, mask: np.ndarray, method: str) -> np.ndarray:
    """Normalise a window over the pixels of the mask.

    Parameters
    ----------
    frames : array of float, shape (n_frames, rows, columns)
    mask : array of bool, shape (rows, columns)
    method : {"temporal-zscore", "spatial-zscore", "min-max"}
        Each pixel over the frames, each frame over its pixels, or the whole window to 0..1 (Zhang et al. 2024). The
        standard deviation is the population's. NaN pixels are left out of the statistics.

    Returns
    -------
    array of float32, shape (n_frames, rows, columns)
        Zero outside the mask, where a pixel (or frame, or window) is constant, and where it is NaN.

    Examples
    --------
    >>> frames = np.array([[[1.0, 5.0]], [[3.0, 5.0]]])
    >>> normalise(frames, np.array([[True, True]]), "temporal-zscore").tolist()
    [[[-1.0, 0.0]], [[1.0, 0.0]]]
    """
    normalised = np.zeros(frames.shape, dtype=np.float32)
    normalised[:, mask] = normalise_pixels(frames[:, mask], method)
    return normalised


def normalise_pixels(pixels: np.ndarray, method: str) -> np.ndarray:
    """Normalise the packed pixels of a window: `normalise` without the grid.

    Parameters
    ----------
    pixels : array of float, shape (n_frames, n_pixels)
    method : str
        As for `normalise`.

    Returns
    -------
    array of float32, shape (n_frames, n_pixels)
    """
    axes = {"temporal-zscore": 0, "spatial-zscore": 1, "min-max": (0, 1)}
    if method not in axes:
        raise InputError(f"normalisation is {method!r}, expected one of {', '.join(axes)}")
    axis = axes[method]
    pixels = pixels.astype(np.float64)
    known = np.isfinite(pixels)
    lowest = np.where(known, pixels, np.inf).min(axis=axis, keepdims=True, initial=np.inf)
    highest = np.where(known, pixels, -np.inf).max(axis=axis, keepdims=True, initial=-np.inf)
    if method == "min-max":
        offset, scale = lowest, highest - lowest
    else:
        n_known = np.maximum(known.sum(axis=axis, keepdims=True), 1)
        offset = np.where(known, pixels, 0.0).sum(axis=axis, keepdims=True) / n_known
        deviations = np.where(known, pixels - offset, 0.0)
        scale = np.sqrt((deviations**2).sum(axis=axis, keepdims=True) / n_known)
    # A constant pixel's rounded deviation is not exactly zero, so constancy is judged by its range.
    usable = known & (highest > lowest)
    return np.divide(pixels - offset, scale, out=np.zeros_like(pixels), where=usable).astype(np.float32)


def window_of_epoch(recording: Recording, epoch: int, seconds: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames of an epoch's window, before masking.

    A window shorter than an epoch takes the epoch's first frames; a longer one adds frames of the epochs before and
    after it in time, scored or not, in the same recording.

    Parameters
    ----------
    recording : Recording
    epoch : int
    seconds : int
        Length of the window.

    Returns
    -------
    frames : array of float32, shape (n_frames(seconds), 128, 128)
        Zero where the window reaches beyond the recording.
    exists : array of bool, shape (n_frames(seconds),)
        Which frames lie inside the recording.
    """
    length = n_frames(seconds)
    if length <= EPOCH_FRAMES:
        return recording.frames(epoch)[:length], np.ones(length, dtype=bool)
    before = (length - EPOCH_FRAMES) // 2
    after = length - EPOCH_FRAMES - before
    own = recording.frames(epoch)
    frames = np.zeros((length, *own.shape[1:]), dtype=np.float32)
    exists = np.zeros(length, dtype=bool)
    frames[before : before + EPOCH_FRAMES] = own
    exists[before : before + EPOCH_FRAMES] = True
    if epoch > 0:
        frames[:before] = recording.frames(epoch - 1)[EPOCH_FRAMES - before :]
        exists[:before] = True
    if epoch + 1 < recording.n_epochs:
        frames[before + EPOCH_FRAMES :] = recording.frames(epoch + 1)[:after]
        exists[before + EPOCH_FRAMES :] = True
    return frames, exists


class Windowing:
    """Cut a recording into windows by one set of settings.

    Parameters
    ----------
    settings : mapping
        The `windows` section of the configuration.
    mask : array of bool, shape (128, 128)
        Pixels to use.

    Attributes
    ----------
    mask : array of bool, shape (rows, columns)
        Pixels of a window's frames that carry data, after choosing the hemisphere and binning.
    """

    def __init__(self, settings: Mapping, mask: np.ndarray):
        self.settings = settings
        self._columns = hemisphere_columns(settings["hemisphere"], mask.shape[1])
        self._pixel_mask = mask[:, self._columns]
        self.mask = bin_mask(self._pixel_mask, settings["spatial_binning"])
        if not self.mask.any():
            raise InputError(
                f"no pixel of the mask is left with windows {dict(settings)}, expected a mask on the brain"
            )

    def pixels(self, recording: Recording, epoch: int) -> np.ndarray:
        """Normalised pixels of an epoch's window: float32, shape (n_frames, mask.sum()), zero beyond the recording."""
        frames, exists = window_of_epoch(recording, epoch, self.settings["seconds"])
        inside = bin_frames(frames[exists][:, :, self._columns], self._pixel_mask, self.settings["spatial_binning"])
        pixels = np.zeros((len(frames), int(self.mask.sum())), dtype=np.float32)
        pixels[exists] = normalise_pixels(inside[:, self.mask], self.settings["normalisation"])
        return pixels


def window_index(scores: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Index of a recording's windows: one row an epoch, left out or not, and why.

    Returns
    -------
    table with columns epoch, start_s, score, label (-1 without a state), kept (bool), reason.

    Examples
    --------
    >>> window_index(np.array([0, 2]), np.array([0, -1]))[["epoch", "kept", "reason"]].values.tolist()
    [[0, True, ''], [1, False, 'artefact']]
    """
    kept = labels != GAP
    return pd.DataFrame(
        {
            "epoch": np.arange(len(scores)),
            "start_s": np.arange(len(scores)) * EPOCH_S,
            "score": scores,
            "label": labels,
            "kept": kept,
            "reason": np.where(kept, "", "artefact"),
        }
    )


def labelled_epochs(indices: Sequence[str | os.PathLike], recordings: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """The kept epochs of several recordings, from their indices.

    Parameters
    ----------
    indices : sequence of path
    recordings : sequence of (mouse, recording)
        Whose index each path is.

    Returns
    -------
    table with columns mouse, recording, epoch, label
    """
    tables = [
        read_table(path, ["epoch", "label", "kept"]).assign(mouse=mouse, recording=recording)
        for path, (mouse, recording) in zip(indices, recordings, strict=True)
    ]
    table = pd.concat(tables, ignore_index=True)
    return table.loc[table["kept"], ["mouse", "recording", "epoch", "label"]].reset_index(drop=True)
