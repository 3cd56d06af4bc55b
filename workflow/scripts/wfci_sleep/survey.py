"""A first look at a recording: traces of parcels, mean frame, spread over time."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import h5py
import numpy as np

from wfci_sleep.atlas import Atlas
from wfci_sleep.files import written_atomically
from wfci_sleep.recordings import EPOCH_FRAMES, FRAME_SHAPE, Recording
from wfci_sleep.states import EPOCH_S


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
    """Images of one recording, and how sound its values are.

    Attributes
    ----------
    nan_share : float
        Share of the mask's values (pixels times frames) that are not finite numbers.
    constant_share : float
        Share of the mask's pixels whose values are all one number; a pixel without any value is not among them.
    """

    nan_share: float
    constant_share: float


def survey_recording(recording: Recording, atlas: Atlas, traces_path: str | os.PathLike) -> RecordingSurvey:
    """Read a recording once, epoch by epoch: write the parcels' traces, return its images and shares.

    Parameters
    ----------
    recording : Recording
    atlas : Atlas
    traces_path : path
        TSV to write: epoch, time_s (from the start of the recording), and the mean dF/F of each parcel in the mask.
    """
    pixels = _Pixels()
    with written_atomically(traces_path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.write("\t".join(["epoch", "time_s", *atlas.names]) + "\n")
        for epoch, frames in enumerate(recording):
            file.write(_trace_lines(epoch, atlas.parcel_traces(frames, recording.mask)))
            pixels.add(frames)
    return pixels.survey(recording.mask)


def _trace_lines(epoch: int, traces: np.ndarray) -> str:
    """Lines of an epoch's frames; pandas takes ten times as long."""
    times = epoch * EPOCH_S + np.arange(EPOCH_FRAMES) * (EPOCH_S / EPOCH_FRAMES)
    line = "\t".join(["%d", *["%.6g"] * (1 + traces.shape[1])]) + "\n"
    lines = (line % (epoch, time, *values) for time, values in zip(times, traces.tolist(), strict=True))
    return "".join(lines).replace("nan", "")  # a missing value is an empty field, as everywhere


class _Pixels:
    """Sums, extremes and number of each pixel's finite values, gathered epoch by epoch."""

    def __init__(self):
        self.n_frames = 0
        self.sums, self.squares, self.counts = (np.zeros(FRAME_SHAPE) for _ in range(3))
        self.lowest = np.full(FRAME_SHAPE, np.inf, dtype=np.float32)
        self.highest = -self.lowest

    def add(self, frames: np.ndarray) -> None:
        known = np.isfinite(frames)
        complete = bool(known.all())
        values = frames if complete else np.where(known, frames, np.float32(0))
        used = True if complete else known
        self.n_frames += len(frames)
        # Single precision is enough for the 168 frames of an epoch, not for a recording.
        self.sums += values.sum(axis=0)
        self.squares += np.einsum("frc,frc->rc", values, values)
        self.counts += len(frames) if complete else known.sum(axis=0)
        self.lowest = np.minimum(self.lowest, values.min(axis=0, where=used, initial=np.inf))
        self.highest = np.maximum(self.highest, values.max(axis=0, where=used, initial=-np.inf))

    def survey(self, mask: np.ndarray) -> RecordingSurvey:
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self.sums / self.counts
            spread = np.sqrt(np.maximum(self.squares / self.counts - mean**2, 0))
        return RecordingSurvey(
            mean.astype(np.float32),
            spread.astype(np.float32),
            mask,
            self.n_frames,
            nan_share=float(1 - self.counts[mask].mean() / self.n_frames),
            constant_share=float((self.lowest == self.highest)[mask].mean()),
        )


def write_survey(path: str | os.PathLike, survey: Survey) -> None:
    """Write the images of a recording (HDF5), atomically."""
    with written_atomically(path) as temporary, h5py.File(temporary, "w") as file:
        for name in ("mean_frame", "std_frame", "mask"):
            file.create_dataset(name, data=getattr(survey, name), compression="gzip")
        file.attrs["n_frames"] = survey.n_frames


def read_surveys(paths: Sequence[str | os.PathLike]) -> Survey:
    """Read the images of several recordings of a mouse and average them; the mask is what they share."""
    surveys = []
    for path in paths:
        with h5py.File(path) as file:
            images = {name: file[name][()] for name in ("mean_frame", "std_frame", "mask")}
            surveys.append(Survey(**images, n_frames=int(file.attrs["n_frames"])))
    weights = [survey.n_frames for survey in surveys]
    mean = np.average([survey.mean_frame for survey in surveys], axis=0, weights=weights)
    # Variance within runs only: a shift of the mean between runs says nothing about the activity.
    variance = np.average([survey.std_frame**2 for survey in surveys], axis=0, weights=weights)
    mask = np.all([survey.mask for survey in surveys], axis=0)
    return Survey(mean.astype(np.float32), np.sqrt(variance).astype(np.float32), mask, sum(weights))
