"""Arrays in HDF5 files of the workflow: written with checksums, checked against a description when read."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import h5py
import numpy as np

from wfci_sleep.errors import InputError
from wfci_sleep.files.atomic import MADE_AGAIN, written_atomically
from wfci_sleep.files.hdf5 import open_hdf5

_FORMAT = ("v110", "v110")
"""HDF5 1.10, the first version with checksums on metadata: without them damage can crash a reader."""

_KINDS = {"number": "fiu", "whole number": "iu", "flag": "b", "text": "SUO"}
"""Kind of an array -> NumPy's codes of its types."""

_ROUNDING = 1e-5


@dataclass(frozen=True)
class Array:
    """Description of an array in a file.

    Attributes
    ----------
    axes : tuple of str or int
        Length of each axis; axes with the same name have the same length in all arrays. Empty for a single value.
    kind : {"number", "whole number", "flag", "text"}
    lowest, highest : float
        Bounds of numbers.
    missing : bool
        Whether numbers may be NaN.
    """

    axes: tuple[str | int, ...] = ()
    kind: str = "number"
    lowest: float = -np.inf
    highest: float = np.inf
    missing: bool = False

    def problem(self, value: np.ndarray, lengths: dict[str, int]) -> str | None:
        """What is wrong with a value, in words, or None; lengths of its named axes are added to `lengths`."""
        named = dict(zip(self.axes, [*value.shape, *self.axes[value.ndim :]], strict=False))
        expected = [axis if isinstance(axis, int) else lengths.setdefault(axis, named[axis]) for axis in self.axes]
        if list(value.shape) != expected:
            return f"is {_in_words(value.shape)}, expected {_in_words(expected)}"
        if value.dtype.kind not in _KINDS[self.kind]:
            return f"holds {value.dtype}, expected {self.kind}s"
        if "number" not in self.kind:
            return None
        wrong = (value < self.lowest - _ROUNDING) | (value > self.highest + _ROUNDING)
        wrong |= False if self.missing else np.isnan(value)
        if wrong.any():
            return f"holds {value[wrong].flat[0]:g}, expected {self.kind}s from {self.lowest:g} to {self.highest:g}"
        return None


def _in_words(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "a single value"


def write_arrays(path: str | os.PathLike, values: Mapping[str, object]) -> None:
    """Write arrays as datasets and single values as attributes (HDF5), atomically.

    Parameters
    ----------
    path : path
    values : mapping of name to array, sequence of str, or single value
        A dataset's name may lie in a group (`heat/gradcam`).
    """
    with written_atomically(path) as temporary, h5py.File(temporary, "w", libver=_FORMAT) as file:
        for name, value in values.items():
            array = np.asarray(value)
            if array.ndim == 0:
                file.attrs[name] = value
                continue
            if array.dtype.kind in _KINDS["text"]:
                # Of fixed length: HDF5 stores others outside the checksums.
                array = np.char.encode(array.astype(str), "utf-8")
                array = array.astype(h5py.string_dtype("utf-8", array.itemsize))
            file.create_dataset(name, data=array, compression="gzip", fletcher32=True)


def read_arrays(path: str | os.PathLike, arrays: Mapping[str, Array]) -> dict[str, np.ndarray]:
    """Read what `write_arrays` wrote, also files of earlier versions, which have no checksums.

    Parameters
    ----------
    path : path
    arrays : mapping of name to Array
        The arrays to read, with their descriptions.

    Returns
    -------
    dict of name to array
        Text comes as arrays of object with str, single values as arrays without axes.

    Raises
    ------
    InputError
        If the file cannot be read, lacks an array, or holds something else.
    """
    try:
        with open_hdf5(path) as file:
            found = {name: _read(file, name, array) for name, array in arrays.items()}
    except FileNotFoundError as error:
        raise InputError(f"{path}: does not exist, expected {', '.join(arrays)}") from error
    except Exception as error:  # h5py raises errors of every type
        reason = str(error).strip("\"'").splitlines()[0]
        raise InputError(f"{path}: not as it was written ({reason}); {MADE_AGAIN}") from error
    lengths: dict[str, int] = {}
    for name, array in arrays.items():
        problem = array.problem(found[name], lengths)
        if problem:
            raise InputError(f"{path}: {name} {problem}; {MADE_AGAIN}")
    return found


def _read(file: h5py.File, name: str, array: Array) -> np.ndarray:
    if not array.axes:
        return np.asarray(file.attrs[name])
    return file[name].asstr()[()] if array.kind == "text" else file[name][()]
