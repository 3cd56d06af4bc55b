"""Windows: the frames that a network sees for a scoring epoch, masked, binned and normalised."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from wfci_sleep.data.atlas import Atlas
from wfci_sleep.data.recordings import LARGEST, LARGEST_USUAL, Recording
from wfci_sleep.errors import InputError
from wfci_sleep.layout import EPOCH_FRAMES, EPOCH_S, FRAME_SHAPE, hemisphere_columns
from wfci_sleep.preprocessing.normalisation import normalised_pixels
from wfci_sleep.preprocessing.windowings import lead_frames, n_frames
from wfci_sleep.states import GAP

if TYPE_CHECKING:  # as in `files.atomic`
    import pandas as pd

ARTEFACT = "artefact"
"""Reason why an epoch without a state is left out."""


def bin_mask(mask: np.ndarray, factor: int) -> np.ndarray:
    """Binned mask: a bin belongs to the brain if at least half of its pixels do."""
    return _block_sum(mask.astype(np.float64), factor) >= factor**2 / 2


def bin_frames(frames: np.ndarray, mask: np.ndarray, factor: int) -> np.ndarray:
    """Mean of the mask's pixels in bins of `factor` x `factor`; NaN values are left out.

    Parameters
    ----------
    frames : array of float, shape (n_frames, rows, columns)
    mask : array of bool, shape (rows, columns)
    factor : int
        A divisor of rows and columns.

    Returns
    -------
    array of float32 (float64 if values are too large for it), shape (n_frames, rows / factor, columns / factor)
        NaN where a bin has no pixel.
    """
    if factor == 1:
        return np.where(mask, frames, np.nan).astype(np.float32)
    sizes = np.abs(frames)
    known = mask & (sizes <= LARGEST)
    # In single precision a large offset would hide the signal, and sums of huge values would overflow.
    precision = np.float64 if (known & (sizes > LARGEST_USUAL)).any() else None
    sums = _block_sum(np.where(known, frames, np.float32(0)), factor, precision)
    counts = _block_sum(known.astype(np.float32), factor)
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    return means.astype(precision or np.float32)


def _block_sum(array: np.ndarray, factor: int, precision: type | None = None) -> np.ndarray:
    *leading, rows, columns = array.shape
    blocks = array.reshape(*leading, rows // factor, factor, columns // factor, factor)
    return blocks.sum(axis=(-3, -1), dtype=precision)


def window_of_epoch(
    before: np.ndarray | None, own: np.ndarray, after: np.ndarray | None, seconds: int
) -> tuple[np.ndarray, slice]:
    """The existing frames of an epoch's window, and their place in the window.

    A window shorter than an epoch has the epoch's first frames. A longer one is centred on the epoch and adds frames of
    the epochs before and after it, scored or not, in the same recording.

    Parameters
    ----------
    before, own, after : array, shape (168, ...)
        Frames of the epoch and of its neighbours; None beyond the ends of the recording. A short window needs only
        its own epoch's first frames.
    seconds : int
        Length of the window.

    Returns
    -------
    frames : array, shape (n, ...)
        All n_frames(seconds), fewer at the ends of the recording.
    place : slice
        Their place among the n_frames(seconds).

    Examples
    --------
    >>> frames, place = window_of_epoch(None, np.zeros(168), np.ones(168), 15)
    >>> len(frames), place
    (210, slice(42, 252, None))
    """
    length = n_frames(seconds)
    if length <= EPOCH_FRAMES:
        return own[:length], slice(0, length)
    lead = lead_frames(length)
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
        Pixels of a window's frames that hold data, after choosing the hemisphere and binning.
    pixels : array of bool, shape (128, 128), or (128, 64) for one hemisphere
        Pixels of the recorded frames that the windows use: those to use, without the bins that `mask` leaves out.
    """

    def __init__(self, settings: Mapping, mask: np.ndarray):
        self.settings = settings
        binning = settings["spatial_binning"]
        self._columns = hemisphere_columns(settings["hemisphere"], mask.shape[1])
        self._pixel_mask = mask[:, self._columns]
        self.mask = bin_mask(self._pixel_mask, binning)
        self.pixels = self._pixel_mask & self.mask.repeat(binning, axis=0).repeat(binning, axis=1)
        if not self.mask.any():
            raise InputError(
                f"no pixel of the mask is left with windows {dict(settings)}, expected a mask on the brain"
            )

    @classmethod
    def of_recording(cls, settings: Mapping, recording_mask: np.ndarray, atlas: Atlas) -> "Windowing":
        """Windowing of a recording: `windows.mask` chooses the pixels from the recording's mask and the atlas's brain.

        Parameters
        ----------
        settings : mapping
            The `windows` section of the configuration.
        recording_mask : array of bool, shape (128, 128)
        atlas : Atlas
        """
        return cls(settings, atlas.mask(recording_mask, settings["mask"]))

    def frames(self, recording: Recording, first: int, stop: int, n_frames: int = EPOCH_FRAMES) -> np.ndarray:
        """Frames of some epochs: the chosen hemisphere, binned, not yet normalised.

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
            Meaningless outside the mask.
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


def window_index(scores: np.ndarray, labels: np.ndarray, left_out: Sequence[str] | None = None) -> "pd.DataFrame":
    """Index of a recording's windows: for each epoch whether it is used, and why not.

    Parameters
    ----------
    scores, labels : array of int, shape (n_epochs,)
        As of `Recording`.
    left_out : sequence of str, length n_epochs, optional
        Why an epoch with a state is left out; empty if it is used.

    Returns
    -------
    table with columns epoch, start_s, score, label (-1 where left out), kept (bool), reason.

    Examples
    --------
    >>> index = window_index(np.array([0, 2, 1]), np.array([0, -1, 1]), ["", "", "never written"])
    >>> index[["epoch", "label", "kept", "reason"]].values.tolist()
    [[0, 0, True, ''], [1, -1, False, 'artefact'], [2, -1, False, 'never written']]
    """
    import pandas as pd

    others = np.full(len(labels), "") if left_out is None else np.asarray(left_out, dtype=object)
    reason = np.where(labels == GAP, ARTEFACT, others).astype(object)
    kept = reason == ""
    return pd.DataFrame(
        {
            "epoch": np.arange(len(scores)),
            "start_s": np.arange(len(scores)) * EPOCH_S,
            "score": scores,
            "label": np.where(kept, labels, GAP),
            "kept": kept,
            "reason": reason,
        }
    )
