"""One imaging run: a MATLAB v7.3 file in the layout of the PhysioNet database, read epoch by epoch."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np

from wfci_sleep.errors import InputError
from wfci_sleep.states import ARTEFACT_SCORE, SCORES, labels_of_scores

FRAME_SHAPE = (128, 128)
"""Rows and columns of a frame."""

EPOCH_FRAMES = 168
"""Frames of an epoch."""


class Recording:
    """An imaging run on disk; frames are read when asked for, the file is never held in memory.

    MATLAB stores column-major arrays, so every axis comes out of HDF5 reversed: `data` is (epoch, frame, column, row)
    there. What this class returns is always row before column.

    Parameters
    ----------
    path : path
        A .mat file (v7.3) with `data` (128 x 128 x 168 x N in MATLAB), `scoringindex_file` (N) and `xform_mask`
        (128 x 128).

    Raises
    ------
    InputError
        If the file is no MATLAB v7.3 file, or a variable is missing or of another shape.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        try:
            self._file = h5py.File(self.path, "r")
        except FileNotFoundError as error:
            raise InputError(f"{self.path}: does not exist, expected a MATLAB v7.3 file") from error
        except OSError as error:
            raise InputError(f"{self.path}: not a readable MATLAB v7.3 (HDF5) file ({_first_line(error)})") from error
        try:
            self._data = self._variable("data")
            self._check_frames()
            self.mask = self._read_mask()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def n_epochs(self) -> int:
        """Number of 10-s epochs, artefacts among them."""
        return self._data.shape[0]

    @cached_property
    def scores(self) -> np.ndarray:
        """Expert scores: 0 wake, 1 NREM, 2 artefact, 3 REM.

        Returns
        -------
        array of int64, shape (n_epochs,)

        Raises
        ------
        InputError
            If there are not as many scores as epochs, or a score has no meaning.
        """
        variable = self._variable("scoringindex_file")
        if 1 not in variable.shape[-2:] or variable.size != self.n_epochs:
            found = " x ".join(map(str, variable.shape[::-1]))
            raise InputError(
                f"{self.path}: scoringindex_file is {found}, "
                f"expected one score for each of the {self.n_epochs} epochs in data"
            )
        scores = variable[()].reshape(-1)
        known = [*SCORES, ARTEFACT_SCORE]
        odd = np.flatnonzero(~np.isin(scores, known))
        if odd.size:
            raise InputError(
                f"{self.path}: scoringindex_file holds {scores[odd[0]]:g} at epoch {odd[0]}, "
                "expected 0 (wake), 1 (NREM), 2 (artefact) or 3 (REM)"
            )
        return scores.astype(np.int64)

    @property
    def labels(self) -> np.ndarray:
        """Labels of the network: 0 wake, 1 NREM, 2 REM, -1 artefact; shape (n_epochs,)."""
        return labels_of_scores(self.scores)

    def frames(self, epoch: int) -> np.ndarray:
        """Frames of one epoch.

        Parameters
        ----------
        epoch : int
            0-based number of the epoch in the recording.

        Returns
        -------
        array of float32, shape (168, 128, 128)
            dF/F; frame, row, column.
        """
        if not 0 <= epoch < self.n_epochs:
            raise IndexError(f"epoch {epoch} of {self.path}, which has {self.n_epochs}")
        try:
            stored = self._data[epoch]
        except OSError as error:
            raise InputError(f"{self.path}: data of epoch {epoch} cannot be read ({_first_line(error)})") from error
        return np.swapaxes(stored, -1, -2).astype(np.float32)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Frames of every epoch, in order of time."""
        return (self.frames(epoch) for epoch in range(self.n_epochs))

    def _variable(self, name: str) -> h5py.Dataset:
        variable = self._file.get(name)
        if not isinstance(variable, h5py.Dataset):
            found = ", ".join(sorted(key for key in self._file if not key.startswith("#"))) or "nothing"
            raise InputError(
                f"{self.path}: variable {name} is missing, found {found}, expected data, scoringindex_file, xform_mask"
            )
        return variable

    def _check_frames(self) -> None:
        shape = self._data.shape
        if len(shape) != 4 or shape[1:] != (EPOCH_FRAMES, *FRAME_SHAPE[::-1]) or shape[0] == 0:
            found = " x ".join(map(str, shape[::-1]))
            rows, columns = FRAME_SHAPE
            raise InputError(
                f"{self.path}: data is {found} in MATLAB's order, "
                f"expected {rows} x {columns} x {EPOCH_FRAMES} x N (row, column, frame, epoch)"
            )
        if self._data.dtype.kind != "f":
            raise InputError(f"{self.path}: data holds {self._data.dtype}, expected double or single")

    def _read_mask(self) -> np.ndarray:
        variable = self._variable("xform_mask")
        if variable.shape != FRAME_SHAPE[::-1]:
            found = " x ".join(map(str, variable.shape[::-1]))
            raise InputError(f"{self.path}: xform_mask is {found}, expected {FRAME_SHAPE[0]} x {FRAME_SHAPE[1]}")
        mask = variable[()].T > 0
        if not mask.any():
            raise InputError(f"{self.path}: xform_mask is zero everywhere, expected 1 on the brain's pixels")
        return mask


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
