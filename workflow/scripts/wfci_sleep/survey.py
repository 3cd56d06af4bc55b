"""A first look at a recording: traces of parcels, mean frame, spread over time."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import h5py
import numpy as np
import pandas as pd

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


def survey_recording(recording: Recording, atlas: Atlas, traces_path: str | os.PathLike) -> Survey:
    """Read a recording once, epoch by epoch: write the parcels' traces, return its images.

    Parameters
    ----------
    recording : Recording
    atlas : Atlas
    traces_path : path
        TSV to write: epoch, time_s (from the start of the recording), and the mean dF/F of each parcel in the mask.
    """
    sums, squares, counts = (np.zeros(FRAME_SHAPE) for _ in range(3))
    frame_s = EPOCH_S / EPOCH_FRAMES
    with written_atomically(traces_path) as temporary:
        for epoch, frames in enumerate(recording):
            traces = pd.DataFrame(atlas.parcel_traces(frames, recording.mask), columns=atlas.names)
            traces.insert(0, "epoch", epoch)
            traces.insert(1, "time_s", epoch * EPOCH_S + np.arange(EPOCH_FRAMES) * frame_s)
            traces.to_csv(
                temporary, mode="a", header=epoch == 0, sep="\t", index=False, lineterminator="\n", float_format="%.6g"
            )
            known = np.isfinite(frames)
            values = frames if known.all() else np.where(known, frames, np.float32(0))
            # Single precision is enough for the 168 frames of an epoch, not for a recording.
            sums += values.sum(axis=0)
            squares += np.einsum("frc,frc->rc", values, values)
            counts += known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums / counts
        spread = np.sqrt(np.maximum(squares / counts - mean**2, 0))
    return Survey(mean.astype(np.float32), spread.astype(np.float32), recording.mask, recording.n_epochs * EPOCH_FRAMES)


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
