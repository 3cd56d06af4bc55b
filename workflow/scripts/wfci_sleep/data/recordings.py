"""One imaging run, in whatever format it is kept: what every reader offers, and what is checked for all of them."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self, cast

import numpy as np

from wfci_sleep.errors import InputError, first_line
from wfci_sleep.files.atomic import check_file
from wfci_sleep.files.hdf5 import is_being_written
from wfci_sleep.layout import EPOCH_FRAMES, FRAME_SHAPE
from wfci_sleep.states import ARTEFACT_SCORE, SCORES, labels_of_scores

MAX_EPOCHS = 8640
"""Epochs of 24 h: a file that declares more is no imaging run, and nothing of that size is read."""

NUMBERS = "biuf"
"""Kinds of numpy's types that are real numbers."""

LARGEST = float(np.finfo(np.float32).max)
"""Larger values don't fit into single precision and count as missing."""

LARGEST_USUAL = 1000.0
"""dF/F lies below, as a share or in per cent; larger values are raw counts, another unit, or damage."""


class EmptyRecordingError(InputError):
    """The recording has no epoch: a run without inner epochs, as the authors' scripts write it."""


class Recording(ABC):
    """An imaging run on disk; its frames are read when asked for. `Recording(path)` opens it with its format's reader.

    A reader is a subclass with a row in `formats.READERS`. It says how many epochs there are (`n_epochs`) and in
    which type (`dtype`), and reads mask, scores and frames (`_read_mask`, `_read_scores`, `_read_frames`). This
    class checks what they give, and turns every error of the reader's libraries into one line with the file's name.

    Parameters
    ----------
    path : path

    Attributes
    ----------
    path : Path
    mask : array of bool, shape (128, 128)
        The brain's pixels; row, column.

    Raises
    ------
    InputError
        If the file cannot be read or holds something else; as `EmptyRecordingError` if there is no epoch.
    """

    title: ClassVar[str]
    """The format's name in messages."""

    names: ClassVar[Mapping[str, str]] = {"frames": "frames", "scores": "scores", "mask": "mask"}
    """What messages call frames, scores and mask: the names that the file itself uses."""

    advice: ClassVar[str] = "fetch or export it again"
    """What to do about a damaged file."""

    plain: ClassVar[Mapping[str, str]] = {}
    """Words in the errors of the reader's libraries -> what they mean."""

    def __new__(cls, path: str | os.PathLike) -> Self:
        """Choose the reader by the file's name."""
        if cls is not Recording:
            return super().__new__(cls)
        from wfci_sleep.data.formats import reader_of

        return object.__new__(cast(type[Self], reader_of(path)))

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        self._resources = ExitStack()
        try:
            check_file(self.path, f"expected a {self.title} file")
            with self._readable(f"not a readable {self.title} file"):
                self._open()
            self._check_frames()
            self.mask = self._checked_mask()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._resources.close()

    @property
    @abstractmethod
    def n_epochs(self) -> int:
        """Number of 10-s scoring epochs, artefacts among them."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype:
        """Type of the frames as stored, a floating point one."""

    @abstractmethod
    def _open(self) -> None:
        """Open the file at `self.path`; what has to be closed is entered into `self._resources`.

        Whatever a library raises here, and in the methods below, becomes an `InputError`.
        """

    @abstractmethod
    def _read_mask(self) -> np.ndarray:
        """The mask: bool, or numbers above zero on the brain; row, column."""

    @abstractmethod
    def _read_scores(self) -> np.ndarray:
        """The scores, of any numeric type, shape (n_epochs,): 0 wake, 1 NREM, 2 artefact, 3 REM."""

    @abstractmethod
    def _read_frames(self, first: int, stop: int, n_frames: int, mask: np.ndarray | None) -> np.ndarray:
        """Frames as `stored_frames` returns them; the epochs are there."""

    @cached_property
    def unwritten(self) -> np.ndarray:
        """Epochs with frames that were never written though the file has a place for them; bool, shape (n_epochs,)."""
        return np.zeros(self.n_epochs, dtype=bool)

    @property
    def other_files(self) -> list[str]:
        """Further files that the frames lie in, which the checksum of this one does not cover."""
        return []

    @property
    def n_epochs_each(self) -> int:
        """Epochs that the file stores in one piece, so that reading one of them costs as much as reading all."""
        return 1

    @cached_property
    def scores(self) -> np.ndarray:
        """The rater's scores: 0 wake, 1 NREM, 2 artefact, 3 REM.

        Returns
        -------
        array of int64, shape (n_epochs,)

        Raises
        ------
        InputError
            If there is not one number for each epoch, or a score has no meaning.
        """
        name = self.names["scores"]
        with self._readable(f"{name} cannot be read"):
            scores = np.asarray(self._read_scores())
        self._check_numbers(scores, name)
        if scores.shape != (self.n_epochs,):
            found = f"has {scores.size} entries" if scores.ndim == 1 else f"is {_in_words(scores.shape)}"
            raise InputError(f"{self.path}: {name} {found}, expected one score for each of the {self.n_epochs} epochs")
        odd = np.flatnonzero(~np.isin(scores, [*SCORES, ARTEFACT_SCORE]))
        if odd.size:
            raise InputError(
                f"{self.path}: {name} holds {scores[odd[0]]:g} at epoch {odd[0]}, "
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
            dF/F; frame, row, column. Missing values stay as they are, an epoch with frames that were never written is
            NaN, and values that float32 cannot hold are infinite.
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
            Pixels that are needed: a reader may skip the others and give zeros for them.

        Returns
        -------
        array of the stored type, shape (stop - first, n_frames, 128, 128)
            dF/F; frame, row, column; NaN in epochs that are `unwritten`. It may be a read-only view of what was read,
            in the file's order in memory.

        Raises
        ------
        InputError
            If the frames cannot be read, or come in another shape or type.
        """
        if not 0 <= first < stop <= self.n_epochs:
            raise IndexError(f"epochs {first} to {stop} of {self.path}, which has {self.n_epochs}")
        with self._readable(f"{self.names['frames']} of epoch {first} cannot be read"):
            frames = np.asarray(self._read_frames(first, stop, n_frames, mask))
        expected = (stop - first, n_frames, *FRAME_SHAPE)
        if frames.shape != expected or frames.dtype.kind != "f":
            raise InputError(
                f"{self.path}: {self.names['frames']} from epoch {first} on are {_in_words(frames.shape)}, "
                f"{frames.dtype}, expected {_in_words(expected)} (epoch, frame, row, column), double or single"
            )
        return frames

    def __iter__(self) -> Iterator[np.ndarray]:
        """Frames of every epoch, in order of time."""
        return (self.frames(epoch) for epoch in range(self.n_epochs))

    @contextmanager
    def _readable(self, problem: str) -> Iterator[None]:
        """Turn whatever a library raises on a damaged file into one line with the file's name."""
        try:
            yield
        except InputError:
            raise
        except Exception as error:  # parsers of files raise errors of every type
            writing = is_being_written(self.path)
            advice = "another program has it open to write it: wait until that has ended" if writing else self.advice
            raise InputError(f"{self.path}: {problem} ({self._why(error)}); {advice}") from error

    def _why(self, error: Exception) -> str:
        """The reason behind an error of a library, in plain words where they are known."""
        if os.path.isfile(self.path) and os.path.getsize(self.path) == 0:
            return "it is empty"
        return next((meaning for words, meaning in self.plain.items() if words in str(error)), first_line(error))

    def _check_frames(self) -> None:
        name = self.names["frames"]
        with self._readable(f"{name} cannot be read"):
            dtype, n_epochs = self.dtype, self.n_epochs
        if dtype.kind != "f":
            raise InputError(f"{self.path}: {name} holds {dtype}, expected double or single")
        if n_epochs == 0:
            raise EmptyRecordingError(f"{self.path}: {name} holds no epoch, expected at least one")
        if n_epochs > MAX_EPOCHS:
            raise InputError(
                f"{self.path}: {name} declares {n_epochs} epochs, expected one imaging run, "
                f"at most {MAX_EPOCHS} epochs (24 h); {self.advice}"
            )

    def _checked_mask(self) -> np.ndarray:
        name = self.names["mask"]
        with self._readable(f"{name} cannot be read"):
            values = np.asarray(self._read_mask())
        self._check_numbers(values, name)
        self._check_mask_shape(values.shape)
        mask = values > 0
        if not mask.any():
            found = "holds no value above zero" if values.any() else "is zero everywhere"  # NaN counts as a value
            raise InputError(f"{self.path}: {name} {found}, expected 1 on the brain's pixels")
        return mask

    def _check_numbers(self, values: np.ndarray, name: str) -> None:
        if values.dtype.kind not in NUMBERS:
            raise InputError(f"{self.path}: {name} holds {values.dtype}, expected numbers")

    def _check_mask_shape(self, shape: tuple[int, ...]) -> None:
        """Stop if a mask has another shape than a frame; a reader may ask before it reads the mask."""
        if shape != FRAME_SHAPE:
            name = self.names["mask"]
            raise InputError(f"{self.path}: {name} is {_in_words(shape)}, expected {_in_words(FRAME_SHAPE)}")


def _in_words(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single value"
