"""Windows: the frames that a network sees for an epoch, masked, binned and normalised."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from wfci_sleep.errors import InputError
from wfci_sleep.files import read_table
from wfci_sleep.recordings import EPOCH_FRAMES, FRAME_SHAPE, Recording
from wfci_sleep.states import EPOCH_S, GAP

if TYPE_CHECKING:  # as in `files`
    import pandas as pd


def n_frames(seconds: int) -> int:
    """Frames of a window: floor(16.8 s).

    Examples
    --------
    >>> [n_frames(seconds) for seconds in (1, 9, 10, 15, 20)]
    [16, 151, 168, 252, 336]
    """
    return EPOCH_FRAMES * seconds // int(EPOCH_S)


def windowing_name(settings: Mapping) -> str:
    """Name of a set of window settings; what differs from the defaults is appended.

    Examples
    --------
    >>> settings = {"seconds": 10, "normalisation": "temporal-zscore", "hemisphere": "both", "mask": "recording"}
    >>> settings |= {"spatial_binning": 1, "storage": "float16", "compression": "none"}
    >>> windowing_name(settings)
    '10s-temporal-zscore-both'
    >>> windowing_name({**settings, "mask": "atlas", "spatial_binning": 8, "storage": "float32"})
    '10s-temporal-zscore-both-mask_atlas-bin8-float32'
    """
    return f"{settings['seconds']}s-{family_name(settings)}"


def family_name(settings: Mapping) -> str:
    """What the names of windowings have in common that differ in length only.

    Examples
    --------
    >>> family_name({"normalisation": "min-max", "hemisphere": "left", "mask": "recording", "spatial_binning": 1,
    ...              "storage": "float16", "compression": "gzip"})
    'min-max-left-gzip'
    """
    name = f"{settings['normalisation']}-{settings['hemisphere']}"
    if settings["mask"] != "recording":
        name += f"-mask_{settings['mask']}"
    if settings["spatial_binning"] != 1:
        name += f"-bin{settings['spatial_binning']}"
    if settings["storage"] != "float16":
        name += f"-{settings['storage']}"
    if settings["compression"] != "none":
        name += f"-{settings['compression']}"
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
    normalised[:, mask] = normalised_pixels(frames, mask, method)
    return normalised


def normalised_pixels(frames: np.ndarray, mask: np.ndarray, method: str, dtype: str = "float32") -> np.ndarray:
    """Normalised pixels of a window, packed: `normalise` without the grid.

    Parameters
    ----------
    frames : array of float, shape (n_frames, rows, columns)
        Fastest if it lies in memory as in a recording: row by row within a column.
    mask : array of bool, shape (rows, columns)
    method : str
        As for `normalise`.
    dtype : str, optional
        Type of what is returned; the arithmetic is float64.

    Returns
    -------
    array of `dtype`, shape (n_frames, mask.sum())
        The pixels in row-major order.
    """
    if method not in _AXES:
        raise InputError(f"normalisation is {method!r}, expected one of {', '.join(_AXES)}")
    stored = np.swapaxes(frames, 1, 2)
    normalised = np.empty(stored.shape, dtype=dtype)
    rounded = _to_float16 if normalised.dtype == np.float16 else np.asarray
    with np.errstate(over="ignore", invalid="ignore"):  # values that no arithmetic holds are left out below
        for place, inside in _pieces(mask.T, len(frames), method):
            values = stored[place].astype(np.float64)
            if method != "temporal-zscore" or not _zscore_if_sound(values, inside):
                values[:, inside] = _normalised(stored[place][:, inside].astype(np.float64), method)
            normalised[place] = rounded(values)
    rows, columns = np.nonzero(mask)
    # In row-major order only now, when a value has a few bytes left.
    return np.take(normalised.reshape(len(frames), -1), columns * len(mask) + rows, axis=1, mode="clip")


_AXES = {"temporal-zscore": 0, "spatial-zscore": 1, "min-max": (0, 1)}
_LARGEST = np.finfo(np.float32).max
"""What float32 cannot hold is no measurement."""


def _pieces(mask: np.ndarray, n_frames: int, method: str) -> Iterator[tuple[slice | tuple[slice, ...], np.ndarray]]:
    """Parts of (frame, column, row) that are normalised each on their own, and the mask there.

    Small enough to stay in the processor's cache where they can be.
    """
    if method == "temporal-zscore":
        for column in range(0, len(mask), 8):
            rows = np.flatnonzero(mask[column : column + 8].any(axis=0))
            if rows.size:
                block = np.s_[column : column + 8, rows[0] : rows[-1] + 1]
                yield (slice(None), *block), mask[block]
    elif method == "spatial-zscore":
        for frame in range(0, n_frames, 8):
            yield np.s_[frame : frame + 8], mask
    else:
        yield np.s_[:], mask


def _zscore_if_sound(signals: np.ndarray, inside: np.ndarray) -> bool:
    """Z-score signals in place if each of those inside is known throughout and none is constant, as is common.

    Parameters
    ----------
    signals : array of float64, shape (n_frames, columns, rows)
    inside : array of bool, shape (columns, rows)

    Returns
    -------
    bool
        If false, what `signals` holds is of no use.
    """
    mean = signals.mean(axis=0)
    signals -= mean
    spread = np.sqrt(np.einsum("tcr,tcr->cr", signals, signals) / len(signals))
    # What is constant has the spread that rounding leaves. A comparison with NaN is false.
    if not ((spread > 1e-9 * np.abs(mean)) & (spread < _LARGEST))[inside].all():
        return False
    signals *= np.divide(1, spread, out=np.zeros_like(spread), where=inside)
    return True


def _normalised(values: np.ndarray, method: str) -> np.ndarray:
    """Normalised values of any kind: missing ones are left out and become 0, as does what is constant."""
    axis = _AXES[method]
    known = np.abs(values) <= _LARGEST
    lowest = np.where(known, values, np.inf).min(axis=axis, keepdims=True)
    highest = np.where(known, values, -np.inf).max(axis=axis, keepdims=True)
    values = np.where(known, values, 0)
    if method == "min-max":
        offset, scale = lowest, highest - lowest
    else:
        n_known = np.maximum(known.sum(axis=axis, keepdims=True), 1)
        offset = values.sum(axis=axis, keepdims=True) / n_known
        deviations = np.where(known, values - offset, 0)
        scale = np.sqrt(np.square(deviations).sum(axis=axis, keepdims=True) / n_known)
    # A constant pixel's rounded deviation is not exactly zero, so constancy is judged by its range.
    scale = np.divide(1, scale, out=np.zeros_like(scale), where=(highest > lowest) & (scale > 0))
    return np.where(known, values - np.where(known, offset, 0), 0) * scale


def _to_float16(values: np.ndarray) -> np.ndarray:
    """Values rounded to float16, in a quarter of the time that numpy takes; for values below 65,504.

    Divided by 2**112, a float32 has the exponent of its float16 in the right place, with 13 digits too many behind it.
    """
    bits = values.astype(np.float32)
    bits *= np.float32(2.0**-112)
    bits = bits.view(np.uint32)
    sign = bits >> np.uint32(16)
    sign &= np.uint32(0x8000)
    bits += np.uint32(0x1000)  # half of the last digit that is kept
    bits >>= np.uint32(13)
    bits &= np.uint32(0x7FFF)
    bits |= sign
    return bits.astype(np.uint16).view(np.float16)


def window_of_epoch(
    before: np.ndarray | None, own: np.ndarray, after: np.ndarray | None, seconds: int
) -> tuple[np.ndarray, slice]:
    """Frames of an epoch's window that exist, and where in the window they lie.

    A window shorter than an epoch takes the epoch's first frames; a longer one adds frames of the epochs before and
    after it in time, scored or not, in the same recording.

    Parameters
    ----------
    before, own, after : array, shape (168, ...)
        Frames of the epoch and of its neighbours; None beyond the ends of the recording. A short window needs the
        first frames of its own epoch only.
    seconds : int
        Length of the window.

    Returns
    -------
    frames : array, shape (n, ...)
        All n_frames(seconds) of them but at the ends of the recording.
    place : slice
        Their place among n_frames(seconds).

    Examples
    --------
    >>> frames, place = window_of_epoch(None, np.zeros(168), np.ones(168), 15)
    >>> len(frames), place
    (210, slice(42, 252, None))
    """
    length = n_frames(seconds)
    if length <= EPOCH_FRAMES:
        return own[:length], slice(0, length)
    lead = (length - EPOCH_FRAMES) // 2
    parts = [] if before is None else [before[EPOCH_FRAMES - lead :]]
    parts.append(own)
    if after is not None:
        parts.append(after[: length - EPOCH_FRAMES - lead])
    frames = np.concatenate(parts)
    start = lead if before is None else 0
    return frames, slice(start, start + len(frames))


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

    def frames(self, recording: Recording, first: int, stop: int, n_frames: int = EPOCH_FRAMES) -> np.ndarray:
        """Frames of some epochs, of the hemisphere and binned, before they are normalised.

        Parameters
        ----------
        recording : Recording
        first, stop : int
            The first epoch and the one after the last.
        n_frames : int, optional
            Frames of each epoch, from its first.

        Returns
        -------
        array of float, shape (stop - first, n_frames, *mask.shape)
            Of no meaning outside the mask.
        """
        inside = np.zeros(FRAME_SHAPE, dtype=bool)
        inside[:, self._columns] = self._pixel_mask
        frames = recording.stored_frames(first, stop, n_frames, inside)[..., self._columns]
        factor = self.settings["spatial_binning"]
        if factor == 1:
            return frames
        return np.stack([bin_frames(np.ascontiguousarray(epoch), self._pixel_mask, factor) for epoch in frames])

    def window(self, before: np.ndarray | None, own: np.ndarray, after: np.ndarray | None) -> np.ndarray:
        """Normalised pixels of an epoch's window.

        Parameters
        ----------
        before, own, after : array of float, shape (168, *mask.shape)
            Frames of the epoch and of its neighbours, as for `window_of_epoch`.

        Returns
        -------
        array of float16 or float32, shape (n_frames, mask.sum())
            Zero beyond the recording.
        """
        frames, place = window_of_epoch(before, own, after, self.settings["seconds"])
        normalised = normalised_pixels(frames, self.mask, self.settings["normalisation"], self.settings["storage"])
        length = n_frames(self.settings["seconds"])
        if len(normalised) == length:
            return normalised
        pixels = np.zeros((length, normalised.shape[1]), dtype=normalised.dtype)
        pixels[place] = normalised
        return pixels


def window_index(scores: np.ndarray, labels: np.ndarray) -> "pd.DataFrame":
    """Index of a recording's windows: one row an epoch, left out or not, and why.

    Returns
    -------
    table with columns epoch, start_s, score, label (-1 without a state), kept (bool), reason.

    Examples
    --------
    >>> window_index(np.array([0, 2]), np.array([0, -1]))[["epoch", "kept", "reason"]].values.tolist()
    [[0, True, ''], [1, False, 'artefact']]
    """
    import pandas as pd

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


def labelled_epochs(indices: Sequence[str | os.PathLike], recordings: Sequence[tuple[str, str]]) -> "pd.DataFrame":
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
    import pandas as pd

    tables = [
        read_table(path, ["epoch", "label", "kept"]).assign(mouse=mouse, recording=recording)
        for path, (mouse, recording) in zip(indices, recordings, strict=True)
    ]
    table = pd.concat(tables, ignore_index=True)
    return table.loc[table["kept"], ["mouse", "recording", "epoch", "label"]].reset_index(drop=True)
