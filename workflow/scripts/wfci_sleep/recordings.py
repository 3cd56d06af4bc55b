"""One imaging run: a MATLAB file in the layout of the PhysioNet database, checked and read epoch by epoch."""

import math
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np

from wfci_sleep.chunks import ChunkedFrames
from wfci_sleep.errors import InputError
from wfci_sleep.states import ARTEFACT_SCORE, SCORES, labels_of_scores

FRAME_SHAPE = (128, 128)
"""Rows and columns of a frame."""

EPOCH_FRAMES = 168
"""Frames of an epoch."""

MAX_EPOCHS = 8640
"""Epochs of 24 h: what declares more is no imaging run, and nothing of that size is read."""

MAX_BYTES_AT_ONCE = 10**9
"""The most that is read in one piece: the variables of a MATLAB v5 file, or one chunk of an HDF5 file."""

VARIABLES = ("data", "scoringindex_file", "xform_mask")
"""What a recording holds; further variables are left alone."""

_V5_HEADER = b"MATLAB 5.0"
_V5_BYTES_A_VALUE = 8  # a v5 file may store doubles in fewer bytes; in memory they are doubles again
_NUMBERS = "biuf"
_ADVICE = "save it again with -v7.3, or fetch it again"


class Recording:
    """An imaging run on disk; frames are read when asked for, the file is never held in memory.

    MATLAB stores column-major arrays, so every axis comes out of HDF5 reversed: `data` is (epoch, frame, column, row)
    there. What this class returns is always row before column.

    A MATLAB v5 file, which cannot be read in parts, is held in memory; it must be smaller than `MAX_BYTES_AT_ONCE`.

    Parameters
    ----------
    path : path
        A .mat file with `data` (128 x 128 x 168 x N in MATLAB, floating point; 128 x 128 x 168 is one epoch),
        `scoringindex_file` (N numbers, row or column) and `xform_mask` (128 x 128, numbers or logical).

    Raises
    ------
    InputError
        If the file cannot be read, or a variable is missing, of another shape or type, or too large.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._open = ExitStack()
        with self._readable("not a readable MATLAB v7.3 (HDF5) file"):
            self._variables = _read_v5(self.path) if _is_v5(self.path) else self._open.enter_context(h5py.File(path))
        try:
            with self._readable("data and xform_mask cannot be read"):
                self._data = self._variable("data", "f", "double or single")
                self._check_frames()
                self.mask = self._read_mask()
                self._chunks = ChunkedFrames(self.path, self._data) if ChunkedFrames.can_read(self._data) else None
                if self._chunks is not None:
                    self._open.callback(self._chunks.close)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._open.close()

    @property
    def n_epochs(self) -> int:
        """Number of 10-s epochs, artefacts among them."""
        return self._data.shape[0] if self._data.ndim == 4 else 1

    @property
    def dtype(self) -> np.dtype:
        """Type of the values of `data` as stored."""
        return self._data.dtype

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
        with self._readable("scoringindex_file cannot be read"):
            variable = self._variable("scoringindex_file")
            # Of the shape alone: nothing is read that is not one score an epoch.
            if not math.prod(variable.shape) == max(variable.shape, default=1) == self.n_epochs:
                raise InputError(
                    f"{self.path}: scoringindex_file is {_in_matlab(variable.shape)}, "
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
            dF/F; frame, row, column. Missing values stay as they are, and what float32 cannot hold is infinite.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            return np.ascontiguousarray(self.stored_frames(epoch, epoch + 1)[0], dtype=np.float32)

    def stored_frames(
        self, first: int, stop: int, n_frames: int = EPOCH_FRAMES, mask: np.ndarray | None = None
    ) -> np.ndarray:
        """The first frames of some epochs as they are stored; several threads may ask at the same time.

        Parameters
        ----------
        first, stop : int
            The first epoch and the one after the last.
        n_frames : int, optional
            Frames of each epoch, from its first.
        mask : array of bool, shape (128, 128), optional
            Pixels that are needed: the others may come out as zero, without being read.

        Returns
        -------
        array of the stored type, shape (stop - first, n_frames, 128, 128)
            dF/F; frame, row, column. A view of what was read, in the order of the file; it may be read-only.
        """
        if not 0 <= first < stop <= self.n_epochs:
            raise IndexError(f"epochs {first} to {stop} of {self.path}, which has {self.n_epochs}")
        with self._readable(f"data of epoch {first} cannot be read"):
            if self._chunks is not None:
                needed = np.ones(FRAME_SHAPE[::-1], dtype=bool) if mask is None else mask.T
                stored = self._chunks.read(first, stop, n_frames, needed)
            else:
                stored = self._data[first:stop, :n_frames] if self._data.ndim == 4 else self._data[:n_frames][None]
            return np.swapaxes(stored, 2, 3)

    @property
    def n_epochs_each(self) -> int:
        """Epochs that are read for the price of one, as they share chunks of the file."""
        return self._chunks.n_epochs_each if self._chunks is not None else 1

    def __iter__(self) -> Iterator[np.ndarray]:
        """Frames of every epoch, in order of time."""
        return (self.frames(epoch) for epoch in range(self.n_epochs))

    @contextmanager
    def _readable(self, problem: str) -> Iterator[None]:
        """Give whatever h5py and scipy raise on a damaged file one line and the file's name."""
        try:
            yield
        except InputError:
            raise
        except Exception as error:  # their parsers raise whatever they stumble over
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f"{self.path}: {problem} ({reason}); {_ADVICE}") from error

    def _variable(self, name: str, kinds: str = _NUMBERS, expected: str = "numbers") -> h5py.Dataset | np.ndarray:
        variable = self._variables.get(name)
        if variable is None:
            # As literals: a damaged name may hold anything, line ends too.
            names = sorted(repr(name).strip("'") for name in self._variables if not name.startswith("#"))
            found = ", ".join(names) or "nothing"
            raise InputError(f"{self.path}: variable {name} is missing, found {found}, expected {', '.join(VARIABLES)}")
        if not isinstance(variable, h5py.Dataset | np.ndarray):
            raise InputError(f"{self.path}: {name} is a struct or a sparse matrix, expected an array of {expected}")
        if _is_empty(variable):
            raise InputError(f"{self.path}: {name} is empty, expected {expected}")
        if variable.dtype.kind not in kinds:
            raise InputError(f"{self.path}: {name} holds {variable.dtype}, expected {expected}")
        chunk_bytes = math.prod(getattr(variable, "chunks", None) or ()) * variable.dtype.itemsize
        if chunk_bytes > MAX_BYTES_AT_ONCE:
            raise InputError(
                f"{self.path}: {name} is stored in chunks of {_gb(chunk_bytes)}, which are read whole, "
                f"expected at most {_gb(MAX_BYTES_AT_ONCE)}; save it again in smaller chunks"
            )
        return variable

    def _check_frames(self) -> None:
        shape = self._data.shape
        epoch_shape = (EPOCH_FRAMES, *FRAME_SHAPE[::-1])
        # MATLAB drops a trailing axis of length one: three axes are one epoch.
        if shape != epoch_shape and (shape[1:] != epoch_shape or self.n_epochs == 0):
            rows, columns = FRAME_SHAPE
            raise InputError(
                f"{self.path}: data is {_in_matlab(shape)} in MATLAB's order, "
                f"expected {rows} x {columns} x {EPOCH_FRAMES} x N (row, column, frame, epoch)"
            )
        if self.n_epochs > MAX_EPOCHS:
            raise InputError(
                f"{self.path}: data declares {self.n_epochs} epochs, expected one imaging run, "
                f"at most {MAX_EPOCHS} epochs (24 h); {_ADVICE}"
            )

    def _read_mask(self) -> np.ndarray:
        variable = self._variable("xform_mask")
        if variable.shape != FRAME_SHAPE[::-1]:
            rows, columns = FRAME_SHAPE
            raise InputError(f"{self.path}: xform_mask is {_in_matlab(variable.shape)}, expected {rows} x {columns}")
        mask = variable[()].T > 0
        if not mask.any():
            raise InputError(f"{self.path}: xform_mask is zero everywhere, expected 1 on the brain's pixels")
        return mask


def _is_v5(path: Path) -> bool:
    expected = "expected a MATLAB v7.3 file"
    try:
        # Opening a pipe would wait for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: is a directory or a device, {expected}")
        with path.open("rb") as file:
            return file.read(len(_V5_HEADER)) == _V5_HEADER
    except FileNotFoundError as error:
        found = f"is a link to {path.readlink()}, which does not exist" if path.is_symlink() else "does not exist"
        raise InputError(f"{path}: {found}, {expected}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror}), {expected}") from error


def _read_v5(path: Path) -> Mapping[str, np.ndarray | None]:
    """Variables of a MATLAB v5 file with the axes of HDF5; those that nobody asks for by name alone."""
    import scipy.io  # here, as recordings in v5 are rare and the import takes as long as cutting ten epochs

    declared = {name: shape for name, shape, _ in scipy.io.whosmat(path)}
    size = _V5_BYTES_A_VALUE * sum(math.prod(shape) for name, shape in declared.items() if name in VARIABLES)
    if size > MAX_BYTES_AT_ONCE:
        raise InputError(
            f"{path}: a MATLAB v5 file that declares {_gb(size)} and can only be read whole, "
            f"expected at most {_gb(MAX_BYTES_AT_ONCE)}; save it with -v7.3"
        )
    # mat_dtype: doubles stay doubles, though v5 stores whole numbers in fewer bytes.
    variables = scipy.io.loadmat(path, variable_names=VARIABLES, mat_dtype=True)
    return {name: variables[name].T if name in VARIABLES else None for name in declared}


def _is_empty(variable: h5py.Dataset | np.ndarray) -> bool:
    """Whether MATLAB or HDF5 says so: the shape of an empty variable says something else."""
    return isinstance(variable, h5py.Dataset) and (variable.shape is None or bool(variable.attrs.get("MATLAB_empty")))


def _in_matlab(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape[::-1])) or "a single value"


def _gb(size: int) -> str:
    return f"{size / 1e9:.2f} GB"
