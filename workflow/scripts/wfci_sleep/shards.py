"""Shards: one TFRecord file a recording, a record a window, only the mask's pixels, raw little-endian bytes.

A record is a `tf.train.Example` that explains itself (docs/shards.md shows how to read it without this library):

========  =====================================================================================
frames    bytes: n_frames x pixels of the mask in row-major order, little-endian
dtype     bytes: the type of `frames`, `float16` or `float32`
mask      bytes: the mask of a frame, rows x columns bits, row-major, most significant bit first
shape     int64: n_frames, rows, columns
epoch     int64: number of the epoch in the recording
label     int64: 0 wake, 1 NREM, 2 REM
========  =====================================================================================

Writing needs no TensorFlow, whose import would take longer than the work; reading imports it when called.
"""

import functools
import gzip
import os
import struct
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import google_crc32c
import numpy as np

from wfci_sleep.errors import InputError
from wfci_sleep.files import written_atomically
from wfci_sleep.states import GAP

SHARDS_AT_ONCE = 8
"""Shards read in turn when windows are shuffled."""

SHUFFLE_BYTES = 2**28
"""Memory for the shuffle buffer."""

WORKERS = 2
"""Windows unpacked, and augmented, at the same time."""

_GZIP_MAGIC = b"\x1f\x8b"


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

    def __exit__(self, *error) -> bool | None:
        return self._open.__exit__(*error)

    def write(self, record: list[bytes]) -> None:
        """Append a record of `encoded_window`."""
        self._file.writelines(record)


def encoded_window(epoch: int, label: int, pixels: np.ndarray, mask: np.ndarray) -> list[bytes]:
    """A window as a record of a TFRecord file, in pieces.

    Parameters
    ----------
    epoch, label : int
    pixels : array of float16 or float32, shape (n_frames, mask.sum())
    mask : array of bool, shape (rows, columns)
    """
    example = {
        "frames": np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<")).tobytes(),
        "dtype": pixels.dtype.name.encode(),
        "mask": np.packbits(mask).tobytes(),
        "shape": [len(pixels), *mask.shape],
        "epoch": [epoch],
        "label": [label],
    }
    return _framed(_encoded(example))


def _framed(record: list[bytes]) -> list[bytes]:
    """A record as TFRecord files hold it: its length and itself, each followed by its masked CRC-32C."""
    length = struct.pack("<Q", sum(map(len, record)))
    return [length, _masked_crc([length]), *record, _masked_crc(record)]


def _masked_crc(pieces: list[bytes]) -> bytes:
    crc = functools.reduce(google_crc32c.extend, pieces, 0)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _encoded(example: Mapping[str, bytes | list[int]]) -> list[bytes]:
    """A tf.train.Example in protobuf's wire format: features > feature > (key, bytes_list or int64_list).

    In pieces, as a window is too large to be copied from level to level.
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


def read_shard(path: str | os.PathLike):
    """Windows of a shard as a dataset, in the order of the epochs.

    Returns
    -------
    tf.data.Dataset of (frames, label)
        frames: float32, shape (n_frames, rows, columns), zero outside the mask; label: int64 scalar.

    Raises
    ------
    InputError
        If the file is missing, empty or damaged at its start.
    """
    form = shard_form(path)
    records = _records([path], form)
    unpack = _unpacker(form)
    return records.map(lambda record: (unpack(record["frames"], record["mask"]), record["label"]))


def read_windows(paths: Sequence[str | os.PathLike], labels: np.ndarray, shuffle_seed=None):
    """Chosen windows of several shards of one windowing, with labels of the caller's.

    Parameters
    ----------
    paths : sequence of path
    labels : array of int, shape (n_paths, n_epochs)
        Label of each epoch of each shard; a window whose label is negative, or that has none, is left out.
    shuffle_seed : int, or int64 tensor, optional
        Shuffle the windows across shards, in an order that the seed alone decides; if not given, shard after shard in
        order of time.

    Returns
    -------
    tf.data.Dataset of (frames, label, shard, epoch)
        frames: float32, shape (n_frames, rows, columns), zero outside the mask; label, shard (position in `paths`) and
        epoch: int64 scalars.
    """
    import tensorflow as tf

    form = shard_form(paths[0])
    labels = np.asarray(labels, dtype=np.int64)
    # A shard may hold epochs beyond the last chosen one: they take the label of the column added here.
    label_table = tf.constant(np.pad(labels, [(0, 0), (0, 1)], constant_values=GAP))

    def labelled(shard, record):
        label = label_table[shard, tf.minimum(record["epoch"], labels.shape[1])]
        return record["frames"], record["mask"], label, shard, record["epoch"]

    shards = tf.data.Dataset.from_tensor_slices((np.arange(len(paths)), [str(path) for path in paths]))
    if shuffle_seed is not None:
        shards = shards.shuffle(len(paths), seed=shuffle_seed, reshuffle_each_iteration=False)
    records = shards.interleave(
        lambda shard, path: _records(path, form).map(lambda record: labelled(shard, record)),
        cycle_length=1 if shuffle_seed is None else min(len(paths), SHARDS_AT_ONCE),
    )
    records = records.filter(lambda frames, mask, label, shard, epoch: label >= 0)
    if shuffle_seed is not None:
        # Shuffled while still packed, so that the buffer holds as many windows as the memory allows.
        buffer = max(2, SHUFFLE_BYTES // form.window_bytes)
        records = records.shuffle(buffer, seed=shuffle_seed + 1, reshuffle_each_iteration=False)
    unpack = _unpacker(form)
    windows = records.map(
        lambda frames, mask, *rest: (unpack(frames, mask), *rest), num_parallel_calls=WORKERS, deterministic=True
    )
    n_windows = int((labels >= 0).sum())
    return untuned(windows.apply(tf.data.experimental.assert_cardinality(n_windows)))


def untuned(dataset):
    """A dataset whose buffers are as they were asked for.

    tf.data's tuner holds up the end of an iteration for seconds on a machine with few cores.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def _records(paths, form: "ShardForm"):
    """Dataset of the parsed records of shards, still packed."""
    import tensorflow as tf

    features = {name: tf.io.FixedLenFeature([], tf.string) for name in ("frames", "mask")}
    features |= {name: tf.io.FixedLenFeature([], tf.int64) for name in ("epoch", "label")}
    paths = [str(path) for path in paths] if isinstance(paths, list) else paths
    return tf.data.TFRecordDataset(paths, form.compression).map(
        lambda record: tf.io.parse_single_example(record, features)
    )


def _unpacker(form: "ShardForm"):
    """Function (frames bytes, mask bytes) -> frames on their grid."""
    import tensorflow as tf

    n_frames, rows, columns = form.shape
    bits = tf.constant([128, 64, 32, 16, 8, 4, 2, 1], tf.uint8)

    def unpack(frames, mask):
        packed = tf.io.decode_raw(mask, tf.uint8)
        inside = tf.reshape(tf.bitwise.bitwise_and(packed[:, None], bits) > 0, [-1])[: rows * columns]
        inside = tf.cast(inside, tf.int32)
        # Place of each grid position among the packed pixels; place 0 is a zero that stands for "outside the mask".
        places = tf.cumsum(inside) * inside
        pixels = tf.reshape(tf.cast(tf.io.decode_raw(frames, form.dtype), tf.float32), (n_frames, -1))
        grid = tf.gather(tf.pad(pixels, [[0, 0], [1, 0]]), places, axis=1)
        return tf.reshape(grid, form.shape)

    return unpack


class ShardForm(NamedTuple):
    """What the windows of a shard, and of all shards of a windowing, have in common."""

    shape: tuple[int, int, int]
    """Frames, rows, columns."""
    dtype: str
    """Type of the stored values."""
    compression: str
    """As TensorFlow calls it: GZIP, or nothing."""

    @property
    def window_bytes(self) -> int:
        """Size of a packed window, at most."""
        return np.dtype(self.dtype).itemsize * int(np.prod(self.shape))


def shard_form(path: str | os.PathLike) -> ShardForm:
    """What the first record of a shard says of all.

    Raises
    ------
    InputError
        If the file is missing, empty or damaged at its start.
    """
    import tensorflow as tf

    if not Path(path).is_file():
        raise InputError(f"{path}: does not exist, expected a shard of windows")
    with open(path, "rb") as file:
        compression = "GZIP" if file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC else ""
    features = {"shape": tf.io.FixedLenFeature([3], tf.int64), "dtype": tf.io.FixedLenFeature([], tf.string)}
    try:
        # Read now, also while a pipeline is being traced.
        with tf.init_scope():
            first = next(iter(tf.data.TFRecordDataset(str(path), compression).take(1)), None)
            if first is None:
                raise InputError(f"{path}: holds no window, expected at least one scored epoch")
            parsed = tf.io.parse_single_example(first, features)
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        problem = error.message.splitlines()[0]
        raise InputError(f"{path}: not a shard of windows ({problem}); delete it to have it made again") from error
    return ShardForm(tuple(parsed["shape"].numpy().tolist()), parsed["dtype"].numpy().decode(), compression)
