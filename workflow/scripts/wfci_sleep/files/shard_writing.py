"""Writes shards: a TFRecord file per recording, a record per window, with the mask's pixels as little-endian bytes.

A record is a self-describing `tf.train.Example` (docs/shards.md shows how to read it without this library):

========  =====================================================================================
frames    bytes: n_frames x pixels of the mask in row-major order, little-endian
dtype     bytes: the type of `frames`, `float16` or `float32`
mask      bytes: the mask of a frame, rows x columns bits, row-major, most significant bit first
shape     int64: n_frames, rows, columns
epoch     int64: number of the epoch in the recording
label     int64: 0 wake, 1 NREM, 2 REM
========  =====================================================================================

The record of visibility graphs has no `frames` and no `mask` but

========  =====================================================================================
graphs    bytes: for one parcel after the other a bit for each pair of frames i < j, row-major,
          most significant bit first, in whole bytes
dtype     bytes: `bits`
shape     int64: n_frames, n_frames, parcels
========  =====================================================================================

It does without TensorFlow, whose import would take longer than the work. Reading is a separate module
(`training.shards`), so that a change to it doesn't cut recordings again.
"""

import functools
import gzip
import os
import struct
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Any

import google_crc32c
import numpy as np

from wfci_sleep.files.atomic import written_atomically


def write_shard(
    path: str | os.PathLike, windows: Iterable[tuple[int, int, np.ndarray]], mask: np.ndarray, compression: str = "none"
) -> None:
    """Write the windows of a recording, one at a time, atomically.

    Parameters
    ----------
    path : path
    windows : iterable of (epoch, label, pixels)
        pixels: float16 or float32, shape (n_frames, mask.sum()).
    mask : array of bool, shape (rows, columns)
    compression : {"none", "gzip"}
    """
    with ShardWriter(path, compression) as shard:
        for epoch, label, pixels in windows:
            shard.write(encoded_window(epoch, label, pixels, mask))


class ShardWriter:
    """Write a shard record by record; it takes its place only if the `with` block ends without an error.

    Parameters
    ----------
    path : path
    compression : {"none", "gzip"}
    """

    def __init__(self, path: str | os.PathLike, compression: str = "none"):
        self._path = path
        self._compression = compression
        self._open = ExitStack()

    def __enter__(self) -> "ShardWriter":
        with ExitStack() as stack:
            temporary = stack.enter_context(written_atomically(self._path))
            opened = gzip.open(temporary, "wb", 1) if self._compression == "gzip" else open(temporary, "wb")  # noqa: SIM115
            self._file = stack.enter_context(opened)
            self._open = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> bool | None:
        return self._open.__exit__(*error)

    def write(self, record: list[bytes]) -> None:
        """Append a record of `encoded_window`."""
        self._file.writelines(record)


def encoded_window(epoch: int, label: int, pixels: np.ndarray, mask: np.ndarray) -> list[bytes]:
    """A window as a record of a TFRecord file, as a list of pieces.

    Parameters
    ----------
    epoch, label : int
    pixels : array of float16 or float32, shape (n_frames, mask.sum())
    mask : array of bool, shape (rows, columns)
    """
    example: dict[str, bytes | list[int]] = {
        "frames": np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<")).tobytes(),
        "dtype": pixels.dtype.name.encode(),
        "mask": np.packbits(mask).tobytes(),
        "shape": [len(pixels), *mask.shape],
    }
    return _record(epoch, label, example)


def graph_bytes(n_frames: int) -> int:
    """Bytes of a packed visibility graph: a bit for each pair of frames.

    Examples
    --------
    >>> graph_bytes(168)
    1754
    """
    return -(-n_frames * (n_frames - 1) // 16)


def encoded_graphs(epoch: int, label: int, graphs: np.ndarray, n_frames: int) -> list[bytes]:
    """The visibility graphs of a window as a record of a TFRecord file, as a list of pieces.

    Parameters
    ----------
    epoch, label : int
    graphs : array of uint8, shape (parcels, n_bytes)
        As of `preprocessing.visibility.packed_graphs`.
    n_frames : int
    """
    shape = [n_frames, n_frames, len(graphs)]
    return _record(epoch, label, {"graphs": graphs.tobytes(), "dtype": b"bits", "shape": shape})


def _record(epoch: int, label: int, window: Mapping[str, bytes | list[int]]) -> list[bytes]:
    return _framed(_encoded({**window, "epoch": [epoch], "label": [label]}))


def _framed(record: list[bytes]) -> list[bytes]:
    """A record with TFRecord's framing: its length and its content, each followed by its masked CRC-32C."""
    length = struct.pack("<Q", sum(map(len, record)))
    return [length, masked_crc([length]), *record, masked_crc(record)]


def masked_crc(pieces: list[bytes]) -> bytes:
    """TFRecord's checksum of pieces of bytes: CRC-32C, rotated and shifted."""
    crc = functools.reduce(google_crc32c.extend, pieces, 0)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _encoded(example: Mapping[str, bytes | list[int]]) -> list[bytes]:
    """A tf.train.Example in protobuf's wire format: features > feature > (key, bytes_list or int64_list).

    A list of pieces, since copying a window at each level would be slow.
    """
    entries = []
    for key, value in example.items():
        if isinstance(value, bytes):
            feature = _field(1, _field(1, [value]))
        else:
            feature = _field(3, _field(1, [b"".join(map(_varint, value))]))
        entries += _field(1, _field(1, [key.encode()]) + _field(2, feature))
    return _field(1, entries)


def _field(number: int, payload: list[bytes]) -> list[bytes]:
    """A length-delimited field (wire type 2)."""
    return [_varint(number << 3 | 2) + _varint(sum(map(len, payload))), *payload]


def _varint(value: int) -> bytes:
    """A non-negative integer, seven bits a byte, lowest first."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
