"""Shards: one TFRecord file a recording, a record a window, only the mask's pixels, raw little-endian bytes.

A record is a `tf.train.Example` that explains itself:

========  =====================================================================================
frames    bytes: float32, little-endian, n_frames x pixels of the mask in row-major order
mask      bytes: the mask of a frame, rows x columns bits, row-major, most significant bit first
shape     int64: n_frames, rows, columns
epoch     int64: number of the epoch in the recording
label     int64: 0 wake, 1 NREM, 2 REM
========  =====================================================================================

Writing needs no TensorFlow, whose import would take longer than the work; reading imports it when called.
"""

import os
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import google_crc32c
import numpy as np

from wfci_sleep.errors import InputError
from wfci_sleep.files import written_atomically

SHARDS_AT_ONCE = 8
"""Shards read in turn when windows are shuffled."""

SHUFFLE_BYTES = 2**28
"""Memory for the shuffle buffer."""

WORKERS = 2
"""Windows unpacked, and augmented, at the same time."""


def write_shard(path: str | os.PathLike, windows: Iterable[tuple[int, int, np.ndarray]], mask: np.ndarray) -> None:
    """Write the windows of a recording, one at a time, atomically.

    Parameters
    ----------
    path : path
    windows : iterable of (epoch, label, pixels)
        pixels: float32, shape (n_frames, mask.sum()).
    mask : array of bool, shape (rows, columns)
    """
    packed_mask = np.packbits(mask).tobytes()
    with written_atomically(path) as temporary, open(temporary, "wb") as file:
        for epoch, label, pixels in windows:
            example = {
                "frames": np.ascontiguousarray(pixels, dtype="<f4").tobytes(),
                "mask": packed_mask,
                "shape": [len(pixels), *mask.shape],
                "epoch": [epoch],
                "label": [label],
            }
            file.writelines(_framed(_encoded(example)))


def _framed(record: bytes) -> list[bytes]:
    """A record as TFRecord files hold it: its length and itself, each followed by its masked CRC-32C."""
    length = struct.pack("<Q", len(record))
    return [length, _masked_crc(length), record, _masked_crc(record)]


def _masked_crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _encoded(example: Mapping[str, bytes | list[int]]) -> bytes:
    """A tf.train.Example in protobuf's wire format: features > feature > (key, bytes_list or int64_list)."""
    entries = []
    for key, value in example.items():
        if isinstance(value, bytes):
            feature = _field(1, _field(1, value))
        else:
            feature = _field(3, _field(1, b"".join(map(_varint, value))))
        entries.append(_field(1, _field(1, key.encode()) + _field(2, feature)))
    return _field(1, b"".join(entries))


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited field (wire type 2)."""
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


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
    records = _records([path])
    unpack = _unpacker(shard_shape(path))
    return records.map(lambda record: (unpack(record["frames"], record["mask"]), record["label"]))


def read_windows(paths: Sequence[str | os.PathLike], labels: np.ndarray, shuffle_seed=None):
    """Chosen windows of several shards of one windowing, with labels of the caller's.

    Parameters
    ----------
    paths : sequence of path
    labels : array of int, shape (n_paths, n_epochs)
        Label of each epoch of each shard; a window whose label is negative is left out.
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

    shape = shard_shape(paths[0])
    label_table = tf.constant(np.asarray(labels, dtype=np.int64))

    def labelled(shard, record):
        return record["frames"], record["mask"], label_table[shard, record["epoch"]], shard, record["epoch"]

    shards = tf.data.Dataset.from_tensor_slices((np.arange(len(paths)), [str(path) for path in paths]))
    if shuffle_seed is not None:
        shards = shards.shuffle(len(paths), seed=shuffle_seed, reshuffle_each_iteration=False)
    records = shards.interleave(
        lambda shard, path: _records(path).map(lambda record: labelled(shard, record)),
        cycle_length=1 if shuffle_seed is None else min(len(paths), SHARDS_AT_ONCE),
    )
    records = records.filter(lambda frames, mask, label, shard, epoch: label >= 0)
    if shuffle_seed is not None:
        # Shuffled while still packed, so that the buffer holds as many windows as the memory allows.
        window_bytes = 4 * int(np.prod(shape))
        buffer = max(2, SHUFFLE_BYTES // window_bytes)
        records = records.shuffle(buffer, seed=shuffle_seed + 1, reshuffle_each_iteration=False)
    unpack = _unpacker(shape)
    windows = records.map(
        lambda frames, mask, *rest: (unpack(frames, mask), *rest), num_parallel_calls=WORKERS, deterministic=True
    )
    n_windows = int((np.asarray(labels) >= 0).sum())
    return untuned(windows.apply(tf.data.experimental.assert_cardinality(n_windows)))


def untuned(dataset):
    """A dataset whose buffers are as they were asked for.

    tf.data's tuner holds up the end of an iteration for seconds on a machine with few cores.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def _records(paths):
    """Dataset of the parsed records of shards, still packed."""
    import tensorflow as tf

    features = {name: tf.io.FixedLenFeature([], tf.string) for name in ("frames", "mask")}
    features |= {name: tf.io.FixedLenFeature([], tf.int64) for name in ("epoch", "label")}
    paths = [str(path) for path in paths] if isinstance(paths, list) else paths
    return tf.data.TFRecordDataset(paths).map(lambda record: tf.io.parse_single_example(record, features))


def _unpacker(shape: tuple[int, int, int]):
    """Function (frames bytes, mask bytes) -> frames on their grid."""
    import tensorflow as tf

    n_frames, rows, columns = shape
    bits = tf.constant([128, 64, 32, 16, 8, 4, 2, 1], tf.uint8)

    def unpack(frames, mask):
        packed = tf.io.decode_raw(mask, tf.uint8)
        inside = tf.reshape(tf.bitwise.bitwise_and(packed[:, None], bits) > 0, [-1])[: rows * columns]
        inside = tf.cast(inside, tf.int32)
        # Place of each grid position among the packed pixels; place 0 is a zero that stands for "outside the mask".
        places = tf.cumsum(inside) * inside
        pixels = tf.reshape(tf.io.decode_raw(frames, tf.float32), (n_frames, -1))
        grid = tf.gather(tf.pad(pixels, [[0, 0], [1, 0]]), places, axis=1)
        return tf.reshape(grid, shape)

    return unpack


def shard_shape(path: str | os.PathLike) -> tuple[int, int, int]:
    """Shape of a shard's windows: frames, rows, columns.

    Raises
    ------
    InputError
        If the file is missing, empty or damaged at its start.
    """
    import tensorflow as tf

    if not Path(path).is_file():
        raise InputError(f"{path}: does not exist, expected a shard of windows")
    try:
        # Read now, also while a pipeline is being traced.
        with tf.init_scope():
            first = next(iter(tf.data.TFRecordDataset(str(path)).take(1)), None)
            if first is None:
                raise InputError(f"{path}: holds no window, expected at least one scored epoch")
            parsed = tf.io.parse_single_example(first, {"shape": tf.io.FixedLenFeature([3], tf.int64)})
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        problem = error.message.splitlines()[0]
        raise InputError(f"{path}: not a shard of windows ({problem}); delete it to have it made again") from error
    return tuple(parsed["shape"].numpy().tolist())
