"""Shards: what goes in comes out, in TensorFlow as documented, each label with its own frames."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from wfci_sleep.errors import InputError
from wfci_sleep.files.shard_writing import ShardWriter, encoded_graphs, write_shard
from wfci_sleep.preprocessing.visibility import packed_graphs, visibility_graph
from wfci_sleep.training.shards import read_shard, read_windows


@pytest.fixture
def mask(rng):
    return rng.random((5, 7)) > 0.3


def windows_of(rng, mask, epochs, labels, dtype=np.float32):
    return [(e, label, rng.normal(size=(6, mask.sum())).astype(dtype)) for e, label in zip(epochs, labels, strict=True)]


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_round_trip_puts_pixels_back_on_their_grid(tmp_path, rng, mask, dtype, compression):
    windows = windows_of(rng, mask, [0, 3, 300], [2, 0, 1], dtype)
    write_shard(tmp_path / "a.tfrecord", windows, mask, compression)
    found = list(read_shard(tmp_path / "a.tfrecord").as_numpy_iterator())
    assert [int(label) for _, label in found] == [2, 0, 1]
    for (_, _, pixels), (frames, _) in zip(windows, found, strict=True):
        assert frames.shape == (6, 5, 7)
        assert frames.dtype == np.float32
        assert (frames[:, mask] == pixels).all()
        assert not frames[:, ~mask].any()


def test_records_are_plain_tfrecords_of_examples(tmp_path, rng, mask):
    import tensorflow as tf

    windows = windows_of(rng, mask, [4], [1])
    write_shard(tmp_path / "a.tfrecord", windows, mask)
    (record,) = tf.data.TFRecordDataset(str(tmp_path / "a.tfrecord")).as_numpy_iterator()
    feature = tf.train.Example.FromString(record).features.feature
    assert sorted(feature) == ["dtype", "epoch", "frames", "label", "mask", "shape"]
    assert feature["dtype"].bytes_list.value[0] == b"float32"
    assert list(feature["shape"].int64_list.value) == [6, 5, 7]
    assert list(feature["epoch"].int64_list.value) == [4]
    assert feature["frames"].bytes_list.value[0] == windows[0][2].astype("<f4").tobytes()
    # Masked pixels only: nothing of the frame outside the brain is stored.
    assert len(feature["frames"].bytes_list.value[0]) == 4 * 6 * mask.sum()


def test_records_of_graphs_are_examples_without_a_mask(tmp_path, rng):
    import tensorflow as tf

    graphs = rng.integers(0, 256, (40, 2), dtype=np.uint8)
    with ShardWriter(tmp_path / "a.tfrecord") as shard:
        shard.write(encoded_graphs(300, 2, graphs, 6))
    (record,) = tf.data.TFRecordDataset(str(tmp_path / "a.tfrecord")).as_numpy_iterator()
    feature = tf.train.Example.FromString(record).features.feature
    assert sorted(feature) == ["dtype", "epoch", "graphs", "label", "shape"]
    assert feature["dtype"].bytes_list.value[0] == b"bits"
    assert list(feature["shape"].int64_list.value) == [6, 6, 40]
    assert [feature[name].int64_list.value[0] for name in ("epoch", "label")] == [300, 2]
    assert feature["graphs"].bytes_list.value[0] == graphs.tobytes()


def test_chosen_windows_keep_their_labels_in_any_order(tmp_path, rng, mask):
    paths, labels = [], np.full((3, 9), -1)
    for shard in range(3):
        other_mask = np.roll(mask, shard)
        epochs = [0, 2, 5, 8]
        pixels = [np.full((6, other_mask.sum()), 100 * shard + epoch, dtype=np.float32) for epoch in epochs]
        write_shard(tmp_path / f"{shard}.tfrecord", zip(epochs, [0] * 4, pixels, strict=True), other_mask)
        paths.append(tmp_path / f"{shard}.tfrecord")
        labels[shard, [0, 5, 8]] = [10 * shard, 10 * shard + 1, 10 * shard + 2]
    in_order = list(read_windows(paths, labels).as_numpy_iterator())
    first, again, second = (
        list(read_windows(paths, labels, shuffle_seed=seed).as_numpy_iterator()) for seed in (1, 1, 2)
    )
    assert [(int(s), int(e)) for *_, s, e in in_order] == [(s, e) for s in range(3) for e in (0, 5, 8)]
    for windows in (in_order, first, second):
        assert len(windows) == 9
        for frames, label, shard, epoch in windows:
            assert frames.max() == 100 * shard + epoch
            assert label == labels[shard, epoch]
    assert [(s, e) for *_, s, e in first] != [(s, e) for *_, s, e in in_order]
    assert [(s, e) for *_, s, e in first] == [(s, e) for *_, s, e in again]
    assert [(s, e) for *_, s, e in first] != [(s, e) for *_, s, e in second]


def test_epochs_beyond_the_last_chosen_one_are_left_out(tmp_path, rng, mask):
    write_shard(tmp_path / "a.tfrecord", windows_of(rng, mask, [0, 1, 7], [0, 1, 2]), mask)
    windows = list(read_windows([tmp_path / "a.tfrecord"], np.array([[-1, 5]])).as_numpy_iterator())
    assert [(int(label), int(epoch)) for _, label, _, epoch in windows] == [(5, 1)]


def documented_windows(folder, number):
    """Windows and labels of `Ms1-fc1.tfrecord` in a folder, as the lines of a section of docs/shards.md read them."""
    text = (Path(__file__).parents[2] / "docs" / "shards.md").read_text()
    programs = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(programs) == 2
    program = programs[number]
    assert "wfci_sleep" not in program
    assert len(program.splitlines()) <= 20
    check = "\nnp.savez('found.npz', *[one.numpy() for one, _ in windows], labels=[int(y) for _, y in windows])\n"
    command = [sys.executable, "-c", program + check]
    subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONPATH": ""}, check=True)
    with np.load(folder / "found.npz") as found:
        labels = found["labels"].tolist()
        return [found[f"arr_{number}"] for number in range(len(labels))], labels


def test_the_documentations_lines_read_frames_without_this_library(tmp_path, rng, mask):
    windows = windows_of(rng, mask, [4, 5], [1, 2], "float16")
    write_shard(tmp_path / "Ms1-fc1.tfrecord", windows, mask)
    found, labels = documented_windows(tmp_path, 0)
    assert labels == [1, 2]
    for frames, (_, _, pixels) in zip(found, windows, strict=True):
        assert (frames[:, mask] == pixels).all()
        assert not frames[:, ~mask].any()


def test_the_documentations_lines_read_graphs_without_this_library(tmp_path, rng):
    traces = [rng.normal(size=(17, 40)) for _ in range(2)]
    with ShardWriter(tmp_path / "Ms1-fc1.tfrecord") as shard:
        for epoch, trace in enumerate(traces):
            shard.write(encoded_graphs(epoch, epoch + 1, packed_graphs(trace), 17))
    found, labels = documented_windows(tmp_path, 1)
    assert labels == [1, 2]
    for (ours, _), graphs, trace in zip(
        read_shard(tmp_path / "Ms1-fc1.tfrecord").as_numpy_iterator(), found, traces, strict=True
    ):
        np.testing.assert_array_equal(graphs, np.stack([visibility_graph(one) for one in trace.T], axis=-1))
        np.testing.assert_array_equal(ours, graphs)


def test_chosen_channels_are_those_of_all(tmp_path, rng):
    path = tmp_path / "a.tfrecord"
    with ShardWriter(path, "gzip") as shard:
        for epoch in range(3):
            shard.write(encoded_graphs(epoch, 0, packed_graphs(rng.normal(size=(9, 40))), 9))
    labels = np.zeros((1, 3), dtype=int)
    whole = [window for window, *_ in read_windows([path], labels).as_numpy_iterator()]
    some = [window for window, *_ in read_windows([path], labels, channels=[39, 0, 7]).as_numpy_iterator()]
    np.testing.assert_array_equal(some, np.stack(whole)[..., [39, 0, 7]])


def test_a_killed_writer_leaves_nothing_that_looks_finished(tmp_path, mask):
    def breaks():
        yield 0, 0, np.zeros((6, mask.sum()), dtype=np.float32)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shard(tmp_path / "a.tfrecord", breaks(), mask)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "does not exist"), (b"", "holds no window"), (b"not a shard, but long enough", "not a shard of windows")],
)
def test_unusable_shards_are_named(tmp_path, content, message):
    path = tmp_path / "a.tfrecord"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_shard(path)
    assert str(caught.value).startswith(str(path))
