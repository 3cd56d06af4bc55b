"""Reads HDF5 files of others with care: without locks, no data from other files, missing values recognised."""

import fcntl
import math
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from wfci_sleep.errors import InputError


def open_hdf5(path: str | os.PathLike) -> h5py.File:
    """Open a file for reading, even if another program has it open."""
    try:
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        if "locking flag" not in str(error):
            raise
        # This process already has it open, with a lock.
        return h5py.File(path, "r")


def is_being_written(path: str | os.PathLike) -> bool:
    """Whether a program has locked the file, as HDF5 does for writing."""
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def own_variable(file: h5py.File, name: str) -> h5py.Dataset | h5py.Group:
    """A variable whose values lie in this file or are gathered by a virtual dataset.

    The file's checksum would not cover values in another file.

    Raises
    ------
    InputError
        If it is a link to another file, or its values are stored in another one.
    """
    link = file.get(name, getlink=True)
    variable = None if isinstance(link, h5py.ExternalLink) else file[name]
    if variable is None or h5py.h5o.get_info(variable.id).fileno != h5py.h5o.get_info(file.id).fileno:
        other = link.filename if variable is None else variable.file.filename
        raise InputError(f"{file.filename}: {name} is a link to another file, {other}; copy the values into this one")
    if isinstance(variable, h5py.Dataset) and variable.external:
        other = variable.external[0][0]
        raise InputError(f"{file.filename}: {name} is stored in another file, {other}; copy the values into this one")
    return variable


def unwritten(dataset: h5py.Dataset) -> np.ndarray:
    """Where values are missing, because chunks were never written or sources of a virtual dataset don't exist.

    HDF5 returns a fill value for them, mostly zero.

    Parameters
    ----------
    dataset : h5py.Dataset, shape (n, ...)

    Returns
    -------
    array of bool, shape (n,)
        True where any value along the other axes is missing; one entry for a single value.
    """
    n, *others = dataset.shape or (1,)
    if dataset.is_virtual:
        return _without_source(dataset, n, math.prod(others))
    if dataset.chunks is None:
        # Space is allocated at the first write.
        return np.full(n, dataset.id.get_storage_size() == 0)
    n_each, *others_each = dataset.chunks
    expected = math.prod(-(-size // each) for size, each in zip(others, others_each, strict=True))
    written = np.zeros(-(-n // n_each), dtype=np.int64)

    def count(chunk: h5py.h5d.StoreInfo) -> None:
        written[chunk.chunk_offset[0] // n_each] += 1

    dataset.id.chunk_iter(count)
    return np.repeat(written < expected, n_each)[:n]


def _without_source(dataset: h5py.Dataset, n: int, expected: int) -> np.ndarray:
    found = np.zeros(n)
    for mapping in dataset.virtual_sources():
        if _is_whole(Path(dataset.file.filename), mapping):
            [first, *_], [last, *_] = mapping.vspace.get_select_bounds()
            found[first : last + 1] += mapping.vspace.get_select_npoints() / (last + 1 - first)
    return found < expected


def _is_whole(path: Path, mapping: Any) -> bool:
    """Whether a virtual dataset's source exists with all its values; a virtual source counts as incomplete."""
    source = path if mapping.file_name == "." else path.parent / mapping.file_name
    if not source.is_file():
        return False
    with open_hdf5(source) as file:
        dataset = file.get(mapping.dset_name)
        return (
            isinstance(dataset, h5py.Dataset)
            and not dataset.is_virtual
            and dataset.size >= mapping.vspace.get_select_npoints()
            and not unwritten(dataset).any()
        )
