"""Survey of a recording: traces of parcels, mean frame, spread over time, and how sound the values are."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wfci_sleep.data.atlas import Atlas
from wfci_sleep.data.recordings import LARGEST, Recording
from wfci_sleep.errors import InputError
from wfci_sleep.files.arrays import Array, read_arrays, write_arrays
from wfci_sleep.files.atomic import written_atomically
from wfci_sleep.layout import EPOCH_FRAMES, EPOCH_S, FRAME_SHAPE

_IMAGES = {
    "mean_frame": Array(FRAME_SHAPE, missing=True),
    "std_frame": Array(FRAME_SHAPE, lowest=0, missing=True),
    "mask": Array(FRAME_SHAPE, "flag"),
    "n_frames": Array((), "whole number", 0),
}

NEVER_WRITTEN = "never written"
NO_VALUE = "no finite value in the mask"
CONSTANT = "constant in the mask"

AROUND = 6
"""A change is compared with this many frames before and after it: 0.4 s, more than a period at 4 Hz."""

SATURATED_FRAMES = 0.02
"""A pixel counts as saturated if a larger share of its frames has its highest (or its lowest) value. Floating point
values hardly repeat by chance; those clipped by a camera or a program repeat often."""


@dataclass(frozen=True)
class Survey:
    """Images of a recording, or of all recordings of a mouse.

    Attributes
    ----------
    mean_frame, std_frame : array of float32, shape (128, 128)
        Mean and standard deviation of dF/F over time; NaN where a pixel has no value.
    mask : array of bool, shape (128, 128)
        The recording's mask.
    n_frames : int
        Frames behind the images.
    """

    mean_frame: np.ndarray
    std_frame: np.ndarray
    mask: np.ndarray
    n_frames: int


@dataclass(frozen=True)
class RecordingSurvey(Survey):
    """Images of one recording, and measures of how sound its values are.

    Attributes
    ----------
    nan_share : float
        Share of the mask's values (pixels times frames) that are not finite numbers.
    constant_share : float
        Share of the mask's pixels whose values are all equal; pixels without any value don't count.
    saturated_share : float
        Share of the mask's pixels that are not constant but have their lowest or their highest value in more than
        `SATURATED_FRAMES` of their frames.
    largest_value : float
        The largest absolute value in the mask.
    jumps : array of float, shape (n_epochs,)
        For each epoch the largest change from one frame to the next, relative to the median of the changes around it.
        A change is the root mean square over the mask's pixels of the difference between frames (GVTD, Sherafati et al.
        2020, Hum. Brain Mapp. 41, 4093). 0 for an epoch without a signal.
    no_signal : list of str
        For each epoch why it has no signal (`NEVER_WRITTEN`, `NO_VALUE` or `CONSTANT`), empty if it has one.
    """

    nan_share: float
    constant_share: float
    saturated_share: float
    largest_value: float
    jumps: np.ndarray
    no_signal: list[str]


def survey_recording(recording: Recording, atlas: Atlas, traces_path: str | os.PathLike) -> RecordingSurvey:
    """Read a recording once, epoch by epoch: write the parcels' traces, return images and measures.

    Parameters
    ----------
    recording : Recording
    atlas : Atlas
    traces_path : path
        TSV to write: epoch, time_s (from the start of the recording), and the mean dF/F of each parcel in the mask.
    """
    pixels = _Pixels(recording.mask)
    with written_atomically(traces_path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.write(_traces_header(atlas))
        for epoch in range(recording.n_epochs):
            [frames] = recording.stored_frames(epoch, epoch + 1)
            file.write(_trace_lines(epoch, atlas.parcel_traces(frames, recording.mask)))
            pixels.add(frames)
    return pixels.survey(recording.unwritten)


def empty_survey(atlas: Atlas, traces_path: str | os.PathLike) -> Survey:
    """The survey of a recording that is left out: traces without a row, images without a pixel."""
    with written_atomically(traces_path) as temporary:
        temporary.write_text(_traces_header(atlas), encoding="utf-8")
    nothing = np.full(FRAME_SHAPE, np.nan, dtype=np.float32)
    return Survey(nothing, nothing, np.zeros(FRAME_SHAPE, dtype=bool), 0)


def _traces_header(atlas: Atlas) -> str:
    return "\t".join(["epoch", "time_s", *atlas.names]) + "\n"


def _trace_lines(epoch: int, traces: np.ndarray) -> str:
    """Table lines of an epoch's frames, ten times as fast as with pandas."""
    times = epoch * EPOCH_S + np.arange(EPOCH_FRAMES) * (EPOCH_S / EPOCH_FRAMES)
    line = "\t".join(["%d", *["%.6g"] * (1 + traces.shape[1])]) + "\n"
    lines = (line % (epoch, time, *values) for time, values in zip(times, traces.tolist(), strict=True))
    return "".join(lines).replace("nan", "")  # a missing value is an empty field, as everywhere


class _Pixels:
    """Statistics of each pixel's values, gathered epoch by epoch in double precision.

    Means and squared deviations of the epochs are merged as by Chan et al. 1983 (Am. Stat. 37, 242): plain sums of
    squares lose precision on a large offset. Pixels are (column, row) as in the file.
    """

    def __init__(self, mask: np.ndarray):
        self.mask = mask.T
        self.n_frames = 0
        self.counts, self.means, self.deviations = (np.zeros(self.mask.shape) for _ in range(3))
        # How many values are equal to the extreme.
        self.lowest, self.n_lowest = np.full(self.mask.shape, np.inf), np.zeros(self.mask.shape, dtype=np.int64)
        self.highest, self.n_highest = -self.lowest, self.n_lowest.copy()
        self.changes: list[np.ndarray] = []
        self.without_value: list[bool] = []
        self.constant: list[bool] = []

    def add(self, frames: np.ndarray) -> None:
        frames = np.swapaxes(frames, 1, 2)
        self.n_frames += len(frames)
        squares = np.zeros(len(frames) - 1)
        highest, lowest = np.empty(self.mask.shape), np.empty(self.mask.shape)
        # A few columns at a time fit into the processor's cache.
        for place in (slice(column, column + 8) for column in range(0, len(self.mask), 8)):
            lowest[place], highest[place] = self._add(frames[:, place].astype(np.float64), place, squares)
        self.changes.append(np.sqrt(squares / self.mask.sum()))
        known = (lowest <= highest)[self.mask]
        self.without_value.append(not known.any())
        self.constant.append(bool((lowest == highest)[self.mask][known].all()))

    def _add(self, values: np.ndarray, place: slice, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Add some columns, and their squared changes to `squares`; return their lowest and highest values."""
        known = np.abs(values) <= LARGEST
        complete = bool(known.all())
        if not complete:
            values[~known] = np.nan
        used = True if complete else known
        lowest = values.min(axis=0, where=used, initial=np.inf)
        highest = values.max(axis=0, where=used, initial=-np.inf)
        _count(self.lowest[place], self.n_lowest[place], lowest, (values == lowest).sum(axis=0), np.less)
        _count(self.highest[place], self.n_highest[place], highest, (values == highest).sum(axis=0), np.greater)
        counts = np.full(values.shape[1:], len(values)) if complete else known.sum(axis=0)
        means = values.sum(axis=0, where=used) / np.maximum(counts, 1)
        values -= means
        if not complete:
            values[~known] = 0
        shift = means - self.means[place]
        total = self.counts[place] + counts
        share = counts / np.maximum(total, 1)
        self.deviations[place] += np.einsum("tcr,tcr->cr", values, values) + shift**2 * self.counts[place] * share
        self.means[place] += shift * share
        self.counts[place] = total
        changes = np.diff(values, axis=0)
        squares += np.einsum("tcr,tcr,cr->t", changes, changes, self.mask[place].astype(np.float64))
        return lowest, highest

    def survey(self, unwritten: np.ndarray) -> RecordingSurvey:
        mask, counts = self.mask, self.counts
        with np.errstate(invalid="ignore", divide="ignore"):
            means = np.where(counts > 0, self.means, np.nan)
            spread = np.sqrt(self.deviations / counts)
        constant = self.lowest == self.highest
        most = SATURATED_FRAMES * counts
        saturated = ((self.n_lowest > most) | (self.n_highest > most)) & ~constant
        largest = np.maximum(np.abs(self.lowest), np.abs(self.highest))[mask & (counts > 0)]
        flags = zip(unwritten, self.without_value, self.constant, strict=True)
        no_signal = [
            NEVER_WRITTEN if hole else NO_VALUE if empty else CONSTANT if same else "" for hole, empty, same in flags
        ]
        changes = np.array(self.changes)
        changes[[bool(reason) for reason in no_signal]] = 0
        return RecordingSurvey(
            means.T.astype(np.float32),
            spread.T.astype(np.float32),
            mask.T,
            self.n_frames,
            nan_share=float(1 - counts[mask].mean() / self.n_frames),
            constant_share=float(constant[mask].mean()),
            saturated_share=float(saturated[mask].mean()),
            largest_value=float(largest.max(initial=0)),
            jumps=_jumps(changes),
            no_signal=no_signal,
        )


def _jumps(changes: np.ndarray) -> np.ndarray:
    """Largest change in each epoch, relative to those around it: a burst of activity has many large changes in a row.

    Examples
    --------
    >>> _jumps(np.array([[1.0] * 20 + [8.0] + [1.0] * 20, [1.0] * 20 + [8.0] * 21])).tolist()
    [8.0, 1.0]
    """
    if not changes.any():
        return np.zeros(len(changes))
    padded = np.pad(changes, [(0, 0), (AROUND, AROUND)], mode="reflect")
    around = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * AROUND + 1, axis=1), axis=-1)
    # Between doubled frames there is no change: the divisor has a lower bound.
    return (changes / np.maximum(around, np.median(changes[changes > 0]) / 10)).max(axis=1)


def _count(
    extremes: np.ndarray, n_extremes: np.ndarray, found: np.ndarray, n_found: np.ndarray, beyond: np.ufunc
) -> None:
    """Update extremes, and how often they occur, with those of further values."""
    further = beyond(found, extremes)
    n_extremes[further] = 0
    np.copyto(extremes, found, where=further)
    n_extremes += np.where(found == extremes, n_found, 0)


def write_survey(path: str | os.PathLike, survey: Survey) -> None:
    """Write the images of a recording (HDF5), atomically."""
    write_arrays(path, {name: getattr(survey, name) for name in _IMAGES})


def read_surveys(paths: Sequence[str | os.PathLike]) -> Survey:
    """Average the images of several recordings of a mouse; the mask is the intersection of their masks.

    Recordings that are left out don't count, unless all of them are.

    Raises
    ------
    InputError
        If there is no file, or one is damaged.
    """
    if not paths:
        raise InputError(
            "there are no images to average, expected those of a mouse's recordings; check the mouse's name"
        )
    read = [read_arrays(path, _IMAGES) for path in paths]
    surveys = [
        Survey(images["mean_frame"], images["std_frame"], images["mask"], int(images["n_frames"])) for images in read
    ]
    surveys = [survey for survey in surveys if survey.n_frames] or surveys[:1]
    weights = [survey.n_frames or 1 for survey in surveys]
    mean = np.average([survey.mean_frame for survey in surveys], axis=0, weights=weights)
    # Variance within runs only: a shift of the mean between runs is no activity.
    variance = np.average([survey.std_frame.astype(np.float64) ** 2 for survey in surveys], axis=0, weights=weights)
    mask = np.all([survey.mask for survey in surveys], axis=0)
    n_frames = sum(survey.n_frames for survey in surveys)
    return Survey(mean.astype(np.float32), np.sqrt(variance).astype(np.float32), mask, n_frames)
