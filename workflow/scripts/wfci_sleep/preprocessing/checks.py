"""The check of a recording: its quality, and which of its epochs are used."""

import os
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from wfci_sleep.data.atlas import Atlas
from wfci_sleep.data.exclusions import EXCLUDED
from wfci_sleep.data.formats import open_recording
from wfci_sleep.preprocessing.quality import left_out_row, quality_row
from wfci_sleep.preprocessing.survey import Survey, empty_survey, survey_recording
from wfci_sleep.preprocessing.windows import window_index


class Check(NamedTuple):
    """Results of a check."""

    row: dict[str, object]
    """Row of the quality table."""
    epochs: pd.DataFrame
    """Which epochs are used, and why others are not; see `window_index`."""
    survey: Survey
    """Images of the recording."""


def check_recording(
    path: str | os.PathLike, atlas: Atlas, exclude: Mapping[int, str], traces_path: str | os.PathLike
) -> Check:
    """Read a recording once, and judge it.

    Parameters
    ----------
    path : path
    atlas : Atlas
    exclude : mapping of epoch to reason
        Epochs that the configuration leaves out.
    traces_path : path
        TSV to write: the parcels' traces.

    Raises
    ------
    InputError
        If the recording cannot be used; as `EmptyRecordingError` if it has no epoch.
    """
    with open_recording(path) as recording:
        # The small variables come first: an error in them shows before the frames are read.
        scores, labels = recording.scores, recording.labels
        survey = survey_recording(recording, atlas, traces_path)
        excluded = {epoch: f"{EXCLUDED}{reason}" for epoch, reason in exclude.items()}
        reasons = [reason or excluded.get(epoch, "") for epoch, reason in enumerate(survey.no_signal)]
        epochs = window_index(scores, labels, reasons)
        return Check(quality_row(recording, survey, atlas, epochs), epochs, survey)


def left_out(reason: str, atlas: Atlas, traces_path: str | os.PathLike) -> Check:
    """The check of a recording that is left out as a whole: tables without a row, images without a pixel."""
    none = np.empty(0, dtype=np.int64)
    return Check(left_out_row(reason), window_index(none, none), empty_survey(atlas, traces_path))
