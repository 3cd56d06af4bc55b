"""Writes MATLAB v7.3 files: HDF5 behind a 512-byte user block, axes reversed, classes as attributes.

scipy writes MATLAB v5, whose variables are limited to 2 GB, and MATLAB's `load` refuses plain HDF5 files of h5py. The
layout below is MATLAB's own (MathWorks, "MAT-File Versions", and files made by MATLAB): text in the first 116 bytes,
version 0x0200 and the endian indicator at byte 124, and an attribute `MATLAB_class` on every variable.
"""

import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import h5py
import numpy as np

from wfci_sleep.data.matv5 import header_text

USER_BLOCK_BYTES = 512
_VERSION = b"\x00\x02IM"
_CREATED = "Thu Jan  1 00:00:00 1970"
_CLASSES = {"float64": "double", "float32": "single", "uint8": "uint8", "bool": "logical"}


@dataclass(frozen=True)
class Stream:
    """A variable that is written block by block and never held in memory as a whole.

    Parameters
    ----------
    shape : tuple of int
        MATLAB shape; the last axis counts the blocks.
    dtype : numpy dtype
        Type on disk: float64, float32, uint8 or bool.
    blocks : iterator of array, each of shape `shape[:-1]`
        The variable's slices along its last axis, in order.
    slab : int
        Entries of the last but one axis in a compressed chunk; a divisor of that axis's length.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    blocks: Iterator[np.ndarray]
    slab: int


def write_mat73(path: str | os.PathLike, variables: Mapping[str, np.ndarray | Stream]) -> None:
    """Write variables as MATLAB v7.3.

    The bytes depend only on the arguments: the header has a fixed date, HDF5 no time stamps.

    Parameters
    ----------
    path : path
        File to write.
    variables : mapping of name to array or `Stream`
        Arrays in MATLAB's shape (two axes at least); types float64, float32, uint8 or bool. Streams are
        compressed, arrays stored as they are.
    """
    with h5py.File(path, "w", userblock_size=USER_BLOCK_BYTES, libver=("earliest", "v108")) as file:
        for name, variable in variables.items():
            dataset = (
                _write_stream(file, name, variable)
                if isinstance(variable, Stream)
                else file.create_dataset(name, data=_storable(variable).T, track_times=False)
            )
            _label(dataset, np.dtype(variable.dtype))
    with open(path, "r+b") as file:
        file.write(_user_block())


def _write_stream(file: h5py.File, name: str, stream: Stream) -> h5py.Dataset:
    dataset = file.create_dataset(
        name,
        shape=stream.shape[::-1],
        dtype=np.uint8 if stream.dtype == bool else stream.dtype,
        chunks=(1, stream.slab, *stream.shape[-3::-1]),
        compression="gzip",
        shuffle=True,
        track_times=False,
    )
    written = 0
    for written, block in enumerate(stream.blocks, start=1):
        reversed_block = _storable(block).T
        for start in range(0, len(reversed_block), stream.slab):
            position = (written - 1, start) + (0,) * (dataset.ndim - 2)
            dataset.id.write_direct_chunk(position, _packed(reversed_block[start : start + stream.slab]))
    if written != stream.shape[-1]:
        raise ValueError(f"{name}: {written} blocks came, its shape {stream.shape} announces {stream.shape[-1]}")
    return dataset


def _packed(chunk: np.ndarray) -> bytes:
    """Shuffle and deflate a chunk as HDF5's filters do.

    HDF5 itself searches for repeated strings, which noise lacks. Run lengths and Huffman codes alone are faster and
    give files smaller by a fifth, and any HDF5 reader inflates them.
    """
    planes = np.ascontiguousarray(chunk).view(np.uint8).reshape(-1, chunk.itemsize).T
    deflate = zlib.compressobj(level=1, memLevel=9, strategy=zlib.Z_RLE)
    return deflate.compress(planes.tobytes()) + deflate.flush()


def _storable(array: np.ndarray) -> np.ndarray:
    return array.astype(np.uint8) if array.dtype == bool else array


def _label(dataset: h5py.Dataset, dtype: np.dtype) -> None:
    # numpy bytes become strings of fixed length; MATLAB does not read variable ones.
    dataset.attrs["MATLAB_class"] = np.bytes_(_CLASSES[dtype.name])
    if dtype.name == "bool":
        dataset.attrs["MATLAB_int_decode"] = np.int32(1)


def _user_block() -> bytes:
    text = f"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: {_CREATED} HDF5 schema 1.00 ."
    return header_text(text).ljust(124, b"\0") + _VERSION + bytes(USER_BLOCK_BYTES - 128)
