"""Normalisation of a window's frames."""

from collections.abc import Iterator

import numpy as np

from wfci_sleep.data.recordings import LARGEST
from wfci_sleep.errors import InputError


def normalise(frames: np.ndarray, mask: np.ndarray, method: str) -> np.ndarray:
    """Normalise a window over the pixels of the mask.

    Parameters
    ----------
    frames : array of float, shape (n_frames, rows, columns)
    mask : array of bool, shape (rows, columns)
    method : {"temporal-zscore", "spatial-zscore", "min-max"}
        z-score of each pixel over the frames, z-score of each frame over its pixels, or the whole window scaled to 0..1
        (Zhang et al. 2024). The standard deviation is the population's; NaN values are left out of the statistics.

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
    """Normalised pixels of a window as `normalise` gives them, but only those of the mask.

    Parameters
    ----------
    frames : array of float, shape (n_frames, rows, columns)
        Fastest with a MATLAB recording's order in memory, column-major.
    mask : array of bool, shape (rows, columns)
    method : str
        As for `normalise`.
    dtype : str, optional
        Type of the result; the arithmetic is float64.

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
    with np.errstate(over="ignore", invalid="ignore"):  # values that overflow are left out below
        for place, inside in _pieces(mask.T, len(frames), method):
            values = stored[place].astype(np.float64)
            if method != "temporal-zscore" or not _zscore_if_sound(values, inside):
                values[:, inside] = _normalised(stored[place][:, inside].astype(np.float64), method)
            normalised[place] = rounded(values)
    rows, columns = np.nonzero(mask)
    # Reordered last, when the values are in the smaller type.
    return np.take(normalised.reshape(len(frames), -1), columns * len(mask) + rows, axis=1, mode="clip")


_AXES: dict[str, int | tuple[int, int]] = {"temporal-zscore": 0, "spatial-zscore": 1, "min-max": (0, 1)}


def _pieces(mask: np.ndarray, n_frames: int, method: str) -> Iterator[tuple[slice | tuple[slice, ...], np.ndarray]]:
    """Parts of (frame, column, row) that can be normalised independently, and the mask there.

    Where the method allows, they are small enough for the processor's cache.
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
    """Z-score signals in place, unless one of those inside has missing values or is constant, which is rare.

    Parameters
    ----------
    signals : array of float64, shape (n_frames, columns, rows)
    inside : array of bool, shape (columns, rows)

    Returns
    -------
    bool
        False if it was not possible; `signals` is then overwritten with useless values.
    """
    mean = signals.mean(axis=0)
    signals -= mean
    spread = np.sqrt(np.einsum("tcr,tcr->cr", signals, signals) / len(signals))
    # Rounding leaves a constant signal a small spread. Comparisons with NaN are false.
    if not ((spread > 1e-9 * np.abs(mean)) & (spread < LARGEST))[inside].all():
        return False
    signals *= np.divide(1, spread, out=np.zeros_like(spread), where=inside)
    return True


def _normalised(values: np.ndarray, method: str) -> np.ndarray:
    """Normalised values of any kind; missing and constant ones become 0."""
    axis = _AXES[method]
    known = np.abs(values) <= LARGEST
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
    """Values below 65,504 rounded to float16, in a quarter of numpy's time.

    A float32 times 2**-112 has the exponent bits of its float16, followed by 13 more bits of mantissa.
    """
    scaled = values.astype(np.float32)
    scaled *= np.float32(2.0**-112)
    bits = scaled.view(np.uint32)
    sign = bits >> np.uint32(16)
    sign &= np.uint32(0x8000)
    bits += np.uint32(0x1000)  # half of the last bit that is kept
    bits >>= np.uint32(13)
    bits &= np.uint32(0x7FFF)
    bits |= sign
    return bits.astype(np.uint16).view(np.float16)
