"""Recordings in MATLAB files, in the layout of the PhysioNet database."""

import math
from functools import cached_property

import h5py
import numpy as np

from wfci_sleep.data.hdf5_chunks import ChunkedFrames
from wfci_sleep.data.matlab import ADVICE, EmptyVariableError, MatlabFile, in_matlab
from wfci_sleep.data.recordings import EmptyRecordingError, Recording
from wfci_sleep.errors import InputError
from wfci_sleep.files.hdf5 import unwritten
from wfci_sleep.layout import EPOCH_FRAMES, FRAME_SHAPE

VARIABLES = ("data", "scoringindex_file", "xform_mask")
"""What a recording holds; further variables are left alone."""


class MatlabRecording(Recording):
    """A MATLAB file with `data`, `scoringindex_file` and `xform_mask`.

    `data` is 128 x 128 x 168 x N in MATLAB (row, column, frame, epoch), floating point, and 128 x 128 x 168 if it is
    one epoch; `scoringindex_file` holds N numbers, as a row or a column; `xform_mask` is 128 x 128, numbers or logical.
    Out of HDF5 `data` comes as (epoch, frame, column, row); this class returns row before column.

    A MATLAB v5 file is held in memory, see `MatlabFile`.
    """

    title = "MATLAB v7.3 (HDF5)"
    names = dict(zip(("frames", "scores", "mask"), VARIABLES, strict=True))
    advice = ADVICE
    plain = {"file signature not found": "it is none of MATLAB's files", "truncated file": "its end is missing"}

    def _open(self) -> None:
        self._file = self._resources.enter_context(MatlabFile(self.path, VARIABLES))
        try:
            self._data = self._file.variable("data", "f", "double or single")
        except EmptyVariableError as error:
            raise EmptyRecordingError(str(error)) from error
        self._check_shape()
        self._chunks = ChunkedFrames(self._data) if ChunkedFrames.can_read(self._data) else None
        if self._chunks is not None:
            self._resources.callback(self._chunks.close)

    def _check_shape(self) -> None:
        shape = self._data.shape
        epoch_shape = (EPOCH_FRAMES, *FRAME_SHAPE[::-1])
        # MATLAB drops a trailing axis of length one: three axes are one epoch.
        if epoch_shape not in (shape, shape[1:]):
            rows, columns = FRAME_SHAPE
            kind = EmptyRecordingError if 0 in shape else InputError
            raise kind(
                f"{self.path}: data is {in_matlab(shape)} in MATLAB's order, "
                f"expected {rows} x {columns} x {EPOCH_FRAMES} x N (row, column, frame, epoch)"
            )

    @property
    def n_epochs(self) -> int:
        """The last axis of `data`, artefacts among them."""
        return self._data.shape[0] if self._data.ndim == 4 else 1

    @property
    def dtype(self) -> np.dtype:
        """Type of `data`: double or single."""
        return self._data.dtype

    def _read_mask(self) -> np.ndarray:
        variable = self._file.variable("xform_mask")
        self._check_mask_shape(variable.shape[::-1])
        return self._file.values("xform_mask", variable).T

    def _read_scores(self) -> np.ndarray:
        variable = self._file.variable("scoringindex_file")
        # Judged by the shape: nothing is read that is not one score an epoch.
        if not math.prod(variable.shape) == max(variable.shape, default=1) == self.n_epochs:
            raise InputError(
                f"{self.path}: scoringindex_file is {in_matlab(variable.shape)}, "
                f"expected one score for each of the {self.n_epochs} epochs in data"
            )
        return self._file.values("scoringindex_file", variable).reshape(-1)

    def _read_frames(self, first: int, stop: int, n_frames: int, mask: np.ndarray | None) -> np.ndarray:
        if self._chunks is not None:
            needed = np.ones(FRAME_SHAPE[::-1], dtype=bool) if mask is None else mask.T
            stored = self._chunks.read(first, stop, n_frames, needed)
        else:
            stored = self._data[first:stop, :n_frames] if self._data.ndim == 4 else self._data[:n_frames][None]
        holes = self.unwritten[first:stop]
        if holes.any():
            stored = np.where(holes[:, None, None, None], stored.dtype.type(np.nan), stored)
        return np.swapaxes(stored, 2, 3)

    @cached_property
    def unwritten(self) -> np.ndarray:
        """Epochs of `data` with chunks, or sources of a virtual dataset, that are missing."""
        if not isinstance(self._data, h5py.Dataset):
            return super().unwritten
        missing = unwritten(self._data)
        return missing if self._data.ndim == 4 else np.array([missing.any()])

    @property
    def other_files(self) -> list[str]:
        """Files that a virtual dataset gathers `data` from, or should."""
        if not (isinstance(self._data, h5py.Dataset) and self._data.is_virtual):
            return []
        return sorted({source.file_name for source in self._data.virtual_sources()} - {"."})

    @property
    def n_epochs_each(self) -> int:
        """Epochs that share the chunks of `data`."""
        return self._chunks.n_epochs_each if self._chunks is not None else 1
