"""MATLAB files as recordings and atlases come in: v7.3, which is HDF5, or v5; one way to their variables."""

import math
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import h5py
import numpy as np

from wfci_sleep.data.matv5 import is_v5, read_v5
from wfci_sleep.data.recordings import NUMBERS
from wfci_sleep.errors import InputError
from wfci_sleep.files.hdf5 import open_hdf5, own_variable, unwritten

MAX_BYTES_AT_ONCE = 10**9
"""Limit of what is read in one piece: the variables of a v5 file, or one chunk of a v7.3 file."""

ADVICE = "save it again with -v7.3, or fetch it again"
"""What to do about a damaged file."""


class EmptyVariableError(InputError):
    """A variable is there, but MATLAB left it empty."""


class MatlabFile:
    """Variables of a MATLAB file.

    MATLAB stores column-major arrays, so every axis comes out of HDF5 reversed; variables of v5 files are turned
    round to match. A v5 file, which cannot be read in parts, is held in memory and must be smaller than
    `MAX_BYTES_AT_ONCE`.

    Parameters
    ----------
    path : path
    needed : sequence of str
        Variables that are expected to be there.
    optional : sequence of str, optional
        Further ones that may be asked for.

    Attributes
    ----------
    names : list of str
        Variables that the file holds, asked for or not.

    Raises
    ------
    InputError
        If it is no file that can be opened, or a v5 file that cannot be read.
    Exception
        Whatever h5py raises on a v7.3 file that it cannot read, here or in the methods.
    """

    def __init__(self, path: str | os.PathLike, needed: Sequence[str], optional: Sequence[str] = ()):
        self.path = Path(path)
        self._expected = ", ".join(needed)
        self._open = ExitStack()
        self._hdf5: h5py.File | None = None
        self._arrays: dict[str, np.ndarray] = {}
        if is_v5(path):
            found = read_v5(path, [*needed, *optional], MAX_BYTES_AT_ONCE)
            self.names, self._arrays = found.names, {name: array.T for name, array in found.arrays.items()}
        else:
            self._hdf5 = self._open.enter_context(open_hdf5(path))
            self.names = list(self._hdf5)  # links that lead nowhere are there

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._open.close()

    def variable(self, name: str, kinds: str = NUMBERS, expected: str = "numbers") -> h5py.Dataset | np.ndarray:
        """A variable that is an array of numbers, unread where the file allows it.

        Parameters
        ----------
        name : str
        kinds : str, optional
            Kinds of numpy's types that it may have.
        expected : str, optional
            The same in words.

        Raises
        ------
        InputError
            If the variable is missing, empty, of another type, lies in another file or in chunks that are too large.
        """
        variable = self._found(name)
        if not isinstance(variable, h5py.Dataset | np.ndarray):
            raise InputError(f"{self.path}: {name} is a struct or a sparse matrix, expected an array of {expected}")
        if _is_empty(variable):
            raise EmptyVariableError(f"{self.path}: {name} is empty, expected {expected}")
        if variable.dtype.kind not in kinds:
            raise InputError(f"{self.path}: {name} holds {variable.dtype}, expected {expected}")
        chunk_bytes = math.prod(getattr(variable, "chunks", None) or ()) * variable.dtype.itemsize
        if chunk_bytes > MAX_BYTES_AT_ONCE:
            raise InputError(
                f"{self.path}: {name} is stored in chunks of {_gb(chunk_bytes)}, which are read whole, "
                f"expected at most {_gb(MAX_BYTES_AT_ONCE)}; save it again in smaller chunks"
            )
        return variable

    def values(self, name: str, variable: h5py.Dataset | np.ndarray) -> np.ndarray:
        """All values of a variable, whose size has been checked.

        Raises
        ------
        InputError
            If a part of it was never written.
        """
        if isinstance(variable, h5py.Dataset) and unwritten(variable).any():
            raise InputError(f"{self.path}: {name} was never written whole; {ADVICE}")
        return variable[()]

    def texts(self, name: str) -> list[str]:
        """The texts of a cell array, column by column."""
        variable = self._found(name)
        if self._hdf5 is None:
            if variable is None or variable.dtype.kind != "U":
                raise InputError(f"{self.path}: {name} is no cell array of text")
            return variable.ravel().tolist()
        cells = (self._hdf5[reference][()] for reference in self.values(name, variable).ravel())
        return ["".join(map(chr, cell.ravel())) for cell in cells]

    def _found(self, name: str) -> h5py.Dataset | h5py.Group | np.ndarray | None:
        """A variable of any kind; None for one of a v5 file that is neither an array of numbers nor of text."""
        if name not in self.names:
            # As literals: a damaged name may hold anything, line ends too.
            names = sorted(repr(name).strip("'") for name in self.names if not name.startswith("#"))
            found = ", ".join(names) or "nothing"
            raise InputError(f"{self.path}: variable {name} is missing, found {found}, expected {self._expected}")
        return own_variable(self._hdf5, name) if self._hdf5 is not None else self._arrays.get(name)


def in_matlab(shape: tuple[int, ...]) -> str:
    """A shape with HDF5's order of axes as MATLAB shows it."""
    return " x ".join(map(str, shape[::-1])) or "a single value"


def _is_empty(variable: h5py.Dataset | np.ndarray) -> bool:
    """Whether MATLAB or HDF5 says so: the shape of an empty variable says something else."""
    return isinstance(variable, h5py.Dataset) and (variable.shape is None or bool(variable.attrs.get("MATLAB_empty")))


def _gb(size: int) -> str:
    return f"{size / 1e9:.2f} GB"
