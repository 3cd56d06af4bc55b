"""Reads shards and checks that they are as they were written; `files.shard_writing` describes a record.

Only the functions that give datasets import TensorFlow, when they are called.
"""

import gzip
import io
import itertools
import os
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wfci_sleep.errors import InputError
from wfci_sleep.files.atomic import MADE_AGAIN
from wfci_sleep.files.shard_writing import graph_bytes, masked_crc
from wfci_sleep.states import GAP

if TYPE_CHECKING:  # as in `files.atomic`
    import pandas as pd
    import tensorflow as tf

SHARDS_AT_ONCE = 8
"""Shards read in turn when windows are shuffled."""

SHUFFLE_BYTES = 2**28
"""Memory for the shuffle buffer."""

WORKERS = 2
"""Windows that are unpacked and augmented in parallel."""

_GZIP_MAGIC = b"\x1f\x8b"

_BITS = "bits"
"""`dtype` of visibility graphs; the others are of frames."""

_DTYPES = (b"float16", b"float32", b"float64", _BITS.encode())

_CONTENTS = ("frames", "graphs")
"""Features that hold what a window consists of; what else a record says of itself is short."""


def read_shard(path: str | os.PathLike) -> "tf.data.Dataset":
    """Windows of a shard as a dataset, in the order of the epochs.

    Returns
    -------
    tf.data.Dataset of (window, label)
        window: float32; frames (n_frames, rows, columns), zero outside the mask, or visibility graphs (n_frames,
        n_frames, parcels), 1 where two frames see each other. label: int64 scalar.

    Raises
    ------
    InputError
        If the file is missing, empty or damaged.
    """
    check_records(path)
    form = shard_form(path)
    unpack = _unpacker(form)
    return _records([path], form).map(lambda record: (unpack(record["packed"]), record["label"]))


def read_windows(
    paths: Sequence[str | os.PathLike],
    labels: np.ndarray,
    shuffle_seed: "int | tf.Tensor | None" = None,
    channels: Sequence[int] | None = None,
) -> "tf.data.Dataset":
    """Chosen windows of several shards of one windowing, with labels that the caller gives.

    Parameters
    ----------
    paths : sequence of path
    labels : array of int, shape (n_paths, n_epochs)
        Label of each epoch of each shard; windows with a negative label, or without one, are left out.
    shuffle_seed : int, or int64 tensor, optional
        Shuffles the windows across shards, in an order that depends on the seed alone; without it the windows come
        shard after shard in order of time.
    channels : sequence of int, optional
        The parcels whose graphs are wanted, as positions on the last axis: only these are unpacked. All unless given;
        frames have no channels.

    Returns
    -------
    tf.data.Dataset of (window, label, shard, epoch)
        window: as of `read_shard`; label, shard (position in `paths`) and epoch: int64 scalars.
    """
    import tensorflow as tf

    form = shard_form(paths[0])
    labels = np.asarray(labels, dtype=np.int64)
    # Epochs beyond the last chosen one take the label of the column added here.
    label_table = tf.constant(np.pad(labels, [(0, 0), (0, 1)], constant_values=GAP))

    def labelled(shard: tf.Tensor, record: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, ...]:
        label = label_table[shard, tf.minimum(record["epoch"], labels.shape[1])]
        return record["packed"], label, shard, record["epoch"]

    shards = tf.data.Dataset.from_tensor_slices((np.arange(len(paths)), [str(path) for path in paths]))
    if shuffle_seed is not None:
        shards = shards.shuffle(len(paths), seed=shuffle_seed, reshuffle_each_iteration=False)
    records = shards.interleave(
        lambda shard, path: _records(path, form).map(lambda record: labelled(shard, record)),
        cycle_length=1 if shuffle_seed is None else min(len(paths), SHARDS_AT_ONCE),
    )
    records = records.filter(lambda packed, label, shard, epoch: label >= 0)
    if shuffle_seed is not None:
        # Windows are shuffled while packed: more of them fit into the buffer.
        buffer = max(2, SHUFFLE_BYTES // form.window_bytes)
        records = records.shuffle(buffer, seed=shuffle_seed + 1, reshuffle_each_iteration=False)
    unpack = _unpacker(form, channels)
    windows = records.map(lambda packed, *rest: (unpack(packed), *rest), num_parallel_calls=WORKERS, deterministic=True)
    n_windows = int((labels >= 0).sum())
    return untuned(windows.apply(tf.data.experimental.assert_cardinality(n_windows)))


def untuned(dataset: "tf.data.Dataset") -> "tf.data.Dataset":
    """A dataset without tf.data's automatic tuning of buffers.

    On a machine with few cores the tuner delays the end of an iteration by seconds.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def _records(paths: "Sequence[str | os.PathLike] | tf.Tensor", form: "ShardForm") -> "tf.data.Dataset":
    """Dataset of the parsed records of shards; `packed` holds the features that make up the window."""
    import tensorflow as tf

    contents = ["graphs"] if form.dtype == _BITS else ["frames", "mask"]
    features = {name: tf.io.FixedLenFeature([], tf.string) for name in contents}
    features |= {name: tf.io.FixedLenFeature([], tf.int64) for name in ("epoch", "label")}
    paths = [str(path) for path in paths] if isinstance(paths, list) else paths

    def parsed(record: tf.Tensor) -> dict[str, tf.Tensor]:
        found = tf.io.parse_single_example(record, features)
        return {**found, "packed": [found[name] for name in contents]}

    return tf.data.TFRecordDataset(paths, form.compression).map(parsed)


def _unpacker(form: "ShardForm", channels: Sequence[int] | None = None) -> "Callable[[tf.Tensor], tf.Tensor]":
    """Function that makes a window of the features of a record that hold it."""
    if form.dtype == _BITS:
        return _graphs_unpacker(form.shape, channels)
    if channels is not None:
        raise ValueError("frames have no channels, expected none to be chosen")
    return _frames_unpacker(form)


def _bits(packed: "tf.Tensor") -> "tf.Tensor":
    """The bits of bytes on the last axis, the most significant first, as 0 and 1."""
    import tensorflow as tf

    shifts = tf.constant([7, 6, 5, 4, 3, 2, 1, 0], tf.uint8)
    bits = tf.bitwise.bitwise_and(tf.bitwise.right_shift(packed[..., None], shifts), tf.constant(1, tf.uint8))
    return tf.reshape(bits, tf.concat([tf.shape(packed)[:-1], [-1]], 0))


def _frames_unpacker(form: "ShardForm") -> "Callable[[tf.Tensor], tf.Tensor]":
    """Function of (frames bytes, mask bytes) -> frames on their grid."""
    import tensorflow as tf

    n_frames, rows, columns = form.shape

    def unpack(packed: tf.Tensor) -> tf.Tensor:
        frames, mask = packed[0], packed[1]
        inside = tf.cast(_bits(tf.io.decode_raw(mask, tf.uint8))[: rows * columns], tf.int32)
        # Place of each grid position among the packed pixels; place 0 is a zero that stands for "outside the mask".
        places = tf.cumsum(inside) * inside
        pixels = tf.reshape(tf.cast(tf.io.decode_raw(frames, form.dtype), tf.float32), (n_frames, -1))
        grid = tf.gather(tf.pad(pixels, [[0, 0], [1, 0]]), places, axis=1)
        return tf.reshape(grid, form.shape)

    return unpack


def _graphs_unpacker(shape: tuple[int, int, int], channels: Sequence[int] | None) -> "Callable[[tf.Tensor], tf.Tensor]":
    """Function of (graphs bytes,) -> adjacency of the chosen parcels' graphs."""
    import tensorflow as tf

    n_frames, _, n_parcels = shape
    chosen = list(range(n_parcels)) if channels is None else list(channels)
    # Place of each pair of frames among the bits of the upper triangle; place 0 is a zero that stands for the diagonal.
    places = np.zeros((n_frames, n_frames), dtype=np.int32)
    upper = np.triu_indices(n_frames, 1)
    places[upper] = np.arange(1, len(upper[0]) + 1)
    places += places.T

    def unpack(packed: tf.Tensor) -> tf.Tensor:
        graphs = tf.reshape(tf.io.decode_raw(packed[0], tf.uint8), (n_parcels, -1))
        bits = tf.transpose(_bits(tf.gather(graphs, chosen)))
        adjacency = tf.gather(tf.pad(bits, [[1, 0], [0, 0]]), places.ravel())
        return tf.reshape(tf.cast(adjacency, tf.float32), (n_frames, n_frames, len(chosen)))

    return unpack


class ShardForm(NamedTuple):
    """Shape, type and compression, which all windows of a windowing share."""

    shape: tuple[int, int, int]
    """Frames, rows, columns; frames, frames, parcels of visibility graphs."""
    dtype: str
    """Type of the stored values; `bits` of visibility graphs."""
    compression: str
    """TensorFlow's name for it: GZIP, or empty."""

    def __str__(self) -> str:
        first, second, third = self.shape
        packed = ", compressed" * bool(self.compression)
        if self.dtype == _BITS:
            return f"visibility graphs of {first} frames of {third} parcels{packed}"
        return f"{first} frames of {second} x {third} pixels in {self.dtype}{packed}"

    @property
    def window_bytes(self) -> int:
        """Size of a packed window; of frames an upper bound."""
        if self.dtype == _BITS:
            return graph_bytes(self.shape[0]) * self.shape[2]
        return np.dtype(self.dtype).itemsize * int(np.prod(self.shape))


def shard_form(path: str | os.PathLike) -> ShardForm:
    """The form of a shard's windows, from its first record.

    Raises
    ------
    InputError
        If the file is missing, empty or damaged at its start.
    """
    with _opened(path) as (file, compression):
        first = next(_headings(file), None)
    if first is None:
        raise InputError(f"{path}: holds no window, expected at least one scored epoch; {MADE_AGAIN}")
    frames, rows, columns = first["shape"]
    return ShardForm((frames, rows, columns), first["dtype"].decode(), compression)


def check_shards(
    shards: Mapping[tuple[str, str], str | os.PathLike], labelled: "pd.DataFrame", epochs: "pd.DataFrame"
) -> None:
    """Stop if shards do not match their indices.

    Reads what each record says of itself and skips its frames; damage to frames is found when they are used
    (`damage_named`). Of a compressed shard, in which nothing can be skipped, only the first record is read.

    Parameters
    ----------
    shards : mapping of (mouse, recording) to path
    labelled : table with columns mouse, recording, epoch, label
        Every epoch with a window, from the indices.
    epochs : table with columns mouse, recording
        The epochs that are about to be read.

    Raises
    ------
    InputError
        If a shard is cut off, its epochs or labels differ from its index, or its form differs from most shards'.
    """
    indices = dict(list(labelled.groupby(["mouse", "recording"])))
    used = dict.fromkeys(zip(epochs["mouse"], epochs["recording"], strict=True))
    forms = {key: shard_form(shards[key]) for key in used}
    ((usual, _),) = Counter(forms.values()).most_common(1)
    for key, form in forms.items():
        path, index = shards[key], indices[key]
        if form != usual:
            raise InputError(f"{path}: holds windows of {form}, the other shards of {usual}; {MADE_AGAIN}")
        if form.compression:
            continue
        with _opened(path) as (file, _):
            found = [(*record["epoch"], *record["label"]) for record in _headings(file)]
        if found != list(zip(index["epoch"], index["label"], strict=True)):
            raise InputError(
                f"{path}: its {len(found)} windows are not those of the {len(index)} epochs that its index keeps, with "
                f"their labels; {MADE_AGAIN}"
            )


@contextmanager
def damage_named(paths: Iterable[str | os.PathLike]) -> Iterator[None]:
    """Turn TensorFlow's errors about damaged shards, inside the block, into one line that names the file.

    Parameters
    ----------
    paths : iterable of path
        The shards that the block reads; after an error all of them are read again to find the damaged one.

    Raises
    ------
    InputError
    """
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError:
        for path in paths:
            check_records(path)
        raise


def check_records(path: str | os.PathLike) -> None:
    """Read a whole shard and stop at the first record with a wrong checksum.

    Raises
    ------
    InputError
    """
    with _opened(path) as (file, _):
        for number in itertools.count(1):
            length = _length(file, number)
            if length is None:
                return
            record, checksum = file.read(length), file.read(4)
            if checksum != masked_crc([record]):
                raise _DamageError(f"window {number} is not what was written")


class _DamageError(Exception):
    """What is wrong with a shard; the message doesn't name the file."""


@contextmanager
def _opened(path: str | os.PathLike) -> Iterator[tuple[io.BufferedIOBase, str]]:
    """A shard as an open file of records, and its compression; damage found in the block is reported with the path."""
    if not Path(path).is_file():
        raise InputError(f"{path}: does not exist, expected a shard of windows")
    try:
        with open(path, "rb") as file:
            compressed = file.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC)
            yield (gzip.GzipFile(fileobj=file), "GZIP") if compressed else (file, "")
    except (_DamageError, EOFError, OSError, zlib.error) as error:
        raise InputError(f"{path}: not a shard of windows as it was written ({error}); {MADE_AGAIN}") from error


def _length(file: io.BufferedIOBase, number: int) -> int | None:
    """Length of the record that begins at the file's position; None at the end of the file."""
    header = file.read(12)
    if not header:
        return None
    if masked_crc([header[:8]]) != header[8:]:
        raise _DamageError(f"window {number} does not begin as it should")
    return struct.unpack("<Q", header[:8])[0]


def _headings(file: io.BufferedIOBase) -> Iterator[dict[str, Any]]:
    """The features of each record without its contents."""
    for number in itertools.count(1):
        length = _length(file, number)
        if length is None:
            return
        end = file.tell() + length
        try:
            yield _heading(file, end)
        except (ValueError, KeyError) as error:
            raise _DamageError(f"window {number} is not what was written") from error
        file.seek(end)
        if len(file.read(4)) < 4:
            raise _DamageError(f"window {number} is cut off")


def _heading(file: io.BufferedIOBase, end: int) -> dict[str, Any]:
    """The features, without the contents, of the tf.train.Example from the file's position to `end`."""
    found: dict[str, Any] = {}
    for _, features in _parts(file, end):
        for _, entry in _parts(file, features):
            name = ""  # damaged entries may lack it
            for number, part in _parts(file, entry):
                if number == 1:
                    name = file.read(part - file.tell()).decode()
                elif name not in _CONTENTS:
                    for kind, values in _parts(file, part):
                        for _, value in _parts(file, values):
                            content = file.read(value - file.tell())
                            found[name] = content if kind == 1 else _varints(content)
    if (
        len(found["shape"]) != 3
        or found["dtype"] not in _DTYPES
        or len(found["epoch"]) != 1
        or len(found["label"]) != 1
    ):
        raise ValueError(found)
    return found


def _parts(file: io.BufferedIOBase, end: int) -> Iterator[tuple[int, int]]:
    """Number and end of each length-delimited field up to `end`; fields that the caller doesn't read are skipped."""
    while file.tell() < end:
        tag = _read_varint(file)
        part = _read_varint(file) + file.tell()
        if tag & 7 != 2 or part > end:
            raise ValueError(tag)
        yield tag >> 3, part
        file.seek(part)


def _read_varint(file: io.BufferedIOBase) -> int:
    value = 0
    for shift in range(0, 64, 7):
        byte = file.read(1)
        if not byte:
            break
        value |= (byte[0] & 0x7F) << shift
        if byte[0] <= 0x7F:
            return value
    raise ValueError("a number that does not end")


def _varints(content: bytes) -> list[int]:
    file = io.BytesIO(content)
    return [_read_varint(file) for _ in range(sum(byte <= 0x7F for byte in content))]
