"""Damage to what the workflow made: bytes flipped or zeroed, a file cut off, emptied, or another run's in its place.

Whoever reads such a file gets what was written, or one line that names the file. Tables have tests of their own, which
say as well what only the record of a file's checksum can find.
"""

import pickle
import zipfile

import h5py
import numpy as np
import pandas as pd
import pytest
from damage import DAMAGE, inverted, is_one_line_about
from test_training import SETTINGS, make_fold, trained

from wfci_sleep.errors import InputError
from wfci_sleep.files.shard_writing import ShardWriter, encoded_graphs, write_shard
from wfci_sleep.models.cnn_bilstm import build_network
from wfci_sleep.models.saving import load_network
from wfci_sleep.preprocessing.survey import Survey, read_surveys, write_survey
from wfci_sleep.preprocessing.visibility import packed_graphs
from wfci_sleep.scoring.examples import Example, read_example, write_example
from wfci_sleep.scoring.explanations import (
    METHOD_TITLES,
    MouseMaps,
    read_attention,
    read_gradcam,
    recorded_shape,
    write_attention,
    write_gradcam,
)
from wfci_sleep.scoring.predict import explain_epoch, score_fold
from wfci_sleep.training.shards import check_records, check_shards, damage_named, read_shard, read_windows

# --- shards ---


def write_frames(path, rng, epochs, n_frames=6, compression="none"):
    mask = np.ones((4, 6), dtype=bool)
    pixels = [rng.normal(size=(n_frames, mask.sum())).astype(np.float32) for _ in epochs]
    write_shard(path, [(epoch, epoch % 3, each) for epoch, each in zip(epochs, pixels, strict=True)], mask, compression)


def write_graphs(path, rng, epochs, n_frames=6, compression="none"):
    with ShardWriter(path, compression) as shard:
        for epoch in epochs:
            shard.write(encoded_graphs(epoch, epoch % 3, packed_graphs(rng.normal(size=(n_frames, 40))), n_frames))


WRITERS = {"frames": write_frames, "graphs": write_graphs}


@pytest.fixture(params=WRITERS)
def write(request):
    """A function that writes a shard: of frames, or of visibility graphs."""
    return WRITERS[request.param]


def shards_of(folder, rng, write, compression="none", epochs=(0, 2, 130)):
    """Two shards with their labelled epochs."""
    shards, rows = {}, []
    for mouse in ("Ms1", "Ms2"):
        shards[mouse, "a"] = folder / f"{mouse}.tfrecord"
        write(shards[mouse, "a"], rng, epochs, compression=compression)
        rows += [(mouse, "a", epoch, epoch % 3) for epoch in epochs]
    return shards, pd.DataFrame(rows, columns=["mouse", "recording", "epoch", "label"])


def read(shards, labelled):
    """Frames of all windows as a step reads them."""
    check_shards(shards, labelled, labelled)
    labels = np.full((2, 131), -1)
    labels[:, [0, 2, 130]] = 1
    with damage_named(shards.values()):
        return np.stack([frames.numpy() for frames, *_ in read_windows(list(shards.values()), labels)])


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_shard_is_named_whoever_reads_it(tmp_path, rng, write, damage, compression):
    shards, labelled = shards_of(tmp_path, rng, write, compression)
    sound, path = read(shards, labelled), shards["Ms2", "a"]
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(InputError) as caught:
        list(read_shard(path))
    assert is_one_line_about(caught.value, path)
    try:
        assert (read(shards, labelled) == sound).all()
        assert (damage, compression) == ("without its last byte", "gzip")  # which is none of the windows'
    except InputError as error:
        assert is_one_line_about(error, path)


def test_every_byte_of_a_shard_counts(tmp_path, rng, write):
    path = tmp_path / "a.tfrecord"
    write(path, rng, (0, 130), n_frames=3)
    labelled = pd.DataFrame({"mouse": "Ms1", "recording": "a", "epoch": [0, 130], "label": [0, 1]})
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(inverted(content, place, 1))
        with pytest.raises(InputError) as caught:
            check_shards({("Ms1", "a"): path}, labelled, labelled)
            check_records(path)
        assert is_one_line_about(caught.value, path)


def test_every_byte_of_a_compressed_shard_counts_but_for_the_head_of_the_archive(tmp_path, rng):
    path = tmp_path / "a.tfrecord"
    write_frames(path, rng, (0, 130), n_frames=3, compression="gzip")
    content, silent = path.read_bytes(), []
    for place in range(len(content)):
        path.write_bytes(inverted(content, place, 1))
        try:
            check_records(path)
            silent.append(place)
        except InputError as error:
            assert is_one_line_about(error, path)
    # Flags, time, system and the name of the file that was compressed: nothing of the windows.
    path.write_bytes(content)
    assert all(place < content.index(b"\0", 10) + 1 for place in silent)


CHANGED = {
    "a record gone": ([0, 2], 6, "its 2 windows are not those of the 3 epochs that its index keeps"),
    "a record more": ([0, 2, 5, 130], 6, "its 4 windows are not those of the 3 epochs that its index keeps"),
    "another epoch": ([0, 3, 130], 6, "its 3 windows are not those of the 3 epochs that its index keeps"),
    "another form": ([0, 2, 130], 7, "holds windows of "),
}


@pytest.mark.parametrize("change", CHANGED)
def test_another_runs_shard_is_named_before_it_is_read(tmp_path, rng, write, change):
    epochs, n_frames, message = CHANGED[change]
    shards, labelled = shards_of(tmp_path, rng, write)
    shards["Ms3", "a"] = tmp_path / "Ms3.tfrecord"
    write(shards["Ms3", "a"], rng, (0, 2, 130))
    labelled = pd.concat([labelled, labelled[:3].assign(mouse="Ms3")])
    check_shards(shards, labelled, labelled)
    path = shards["Ms1", "a"]
    write(path, rng, epochs, n_frames)
    with pytest.raises(InputError) as caught:
        check_shards(shards, labelled, labelled)
    assert is_one_line_about(caught.value, path)
    assert message in str(caught.value)
    check_shards(shards, labelled, labelled[labelled["mouse"] == "Ms3"])  # what is not read is not looked at


def test_shards_of_another_input_are_called_that(tmp_path, rng):
    shards, labelled = shards_of(tmp_path, rng, write_frames)
    shards["Ms3", "a"] = tmp_path / "Ms3.tfrecord"
    write_graphs(shards["Ms3", "a"], rng, (0, 2, 130))
    labelled = pd.concat([labelled, labelled[:3].assign(mouse="Ms3")])
    with pytest.raises(InputError) as caught:
        check_shards(shards, labelled, labelled)
    assert is_one_line_about(caught.value, shards["Ms3", "a"])
    assert (
        "holds windows of visibility graphs of 6 frames of 40 parcels, the other shards of 6 frames of 4 x 6 "
        in str(caught.value)
    )


def test_training_and_scoring_name_the_damaged_shard(tmp_path):
    """The bytes of a window, which nobody reads before TensorFlow does."""
    epochs, shards = make_fold(tmp_path)
    network = build_network(SETTINGS["model"], (8, 4, 6), SETTINGS["labels"]["classes"])
    path = shards["Ms3", "a"]
    content = path.read_bytes()
    path.write_bytes(inverted(content, len(content) // 2 + 100))
    check_shards(shards, epochs, epochs)
    for reader in (
        lambda: trained((epochs, shards), tmp_path),
        lambda: score_fold(network, epochs, shards, SETTINGS["labels"]["classes"], 4),
        lambda: explain_epoch(network, path, 8),
    ):
        with pytest.raises(InputError) as caught:
            reader()
        assert is_one_line_about(caught.value, path)
        assert "window 5 is not what was written" in str(caught.value)


# --- HDF5 ---

STATES = ["wake", "nrem", "rem"]
EPOCHS = pd.DataFrame({"mouse": "Ms1", "recording": ["Ms1-fc1", "Ms1-fc10"], "epoch": [3, 0], "start_s": [30.0, 0.0]})
EPOCHS = EPOCHS.assign(y_true=1, y_pred=2)


def write_hdf5(kind, path, rng):
    """Write a small file of a kind."""
    maps = np.full((1, 3, 128, 128), 0.25, dtype=np.float32)
    maps[0, 2] = np.nan
    blocks = np.kron(rng.random((8, 8)), np.ones((16, 16))).astype(np.float32)
    frames = rng.normal(size=(5, 4, 4)).astype(np.float16)
    heat = dict.fromkeys(METHOD_TITLES, rng.random((5, 2, 2)).astype(np.float32))
    shares, weights = np.array([0.1, 0.2, 0.7]), rng.dirichlet(np.ones(5), 2).astype(np.float32)
    if kind == "attention.h5":
        write_attention(path, EPOCHS, weights, 2)
    elif kind == "gradcam.h5":
        masks = np.ones((1, 128, 128), dtype=bool)
        by_mouse = MouseMaps(["Ms1"], STATES, maps, np.array([[3, 1, 0]]), masks)
        write_gradcam(path, dict.fromkeys(METHOD_TITLES, by_mouse))
    elif kind == "survey":
        write_survey(path, Survey(blocks, blocks, blocks > 0.5, 336))
    else:
        write_example(path, Example("Ms1", "Ms1-fc1", 3, 2.0, STATES, 1, 2, shares, frames, weights[0], heat))


HDF5 = {
    "attention.h5": lambda path: read_attention([path], STATES),
    "gradcam.h5": lambda path: [read_gradcam([path], method, STATES) for method in METHOD_TITLES],
    "survey": lambda path: read_surveys([path]),
    "example": read_example,
}


@pytest.mark.parametrize("kind", HDF5)
def test_every_byte_of_an_hdf5_file_counts(tmp_path, rng, kind):
    path = tmp_path / "a.h5"
    write_hdf5(kind, path, rng)
    sound, content = pickled(HDF5[kind](path)), path.read_bytes()
    damaged = [damage(content) for damage in DAMAGE.values()]
    damaged += [inverted(content, place, 1) for place in range(0, len(content), max(1, len(content) // 300))]
    found = 0
    for each in damaged:
        path.write_bytes(each)
        try:
            assert pickled(HDF5[kind](path)) == sound  # a byte that nothing lies in
        except InputError as error:
            assert is_one_line_about(error, path)
            found += 1
    assert found > 50


def pickled(value):
    """All that a value holds, to compare."""
    return pickle.dumps(value)


@pytest.mark.parametrize("kind", HDF5)
def test_files_of_earlier_versions_are_read(tmp_path, rng, kind):
    path, old = tmp_path / "a.h5", tmp_path / "old.h5"
    write_hdf5(kind, path, rng)
    with h5py.File(path) as file, h5py.File(old, "w") as copy:
        copy.attrs.update(file.attrs)
        names = []
        file.visit(names.append)
        for name in names:
            if isinstance(file[name], h5py.Dataset):
                is_text = h5py.check_string_dtype(file[name].dtype)
                copy[name] = file[name].asstr()[()].tolist() if is_text else file[name][()]
    assert pickled(HDF5[kind](old)) == pickled(HDF5[kind](path))


def replaced(name, change):
    """A change of one dataset, or of an attribute."""

    def damage(path):
        with h5py.File(path, "r+") as file:
            if name in file.attrs:
                file.attrs[name] = change(file.attrs[name])
                return
            value = file[name][()]
            del file[name]
            if change(value) is not None:
                file[name] = change(value)

    return damage


def with_first(value):
    def change(values):
        values.flat[0] = value
        return values

    return change


REPLACED = {
    "no dataset": ("attention.h5", replaced("weights", lambda _: None), "object 'weights' doesn't exist"),
    "another shape": ("attention.h5", replaced("weights", lambda values: values[:1]), "is 1 x 5, expected 2 x 5"),
    "fewer axes": ("attention.h5", replaced("weights", np.ravel), "weights is 10, expected 2 x frame"),
    "another type": ("attention.h5", replaced("epoch", lambda values: values + 0.5), "expected whole numbers"),
    "NaN": ("attention.h5", replaced("weights", with_first(np.nan)), "holds nan, expected numbers from 0 to 1"),
    "too large": ("attention.h5", replaced("weights", with_first(1.5)), "holds 1.5, expected numbers from 0 to 1"),
    "zeros": ("attention.h5", replaced("weights", np.zeros_like), "the weights of an epoch do not sum to 1"),
    "another state": ("attention.h5", replaced("y_pred", with_first(3)), "holds 3, expected whole numbers from 0 to 2"),
    "another attribute": ("attention.h5", replaced("window_s", lambda _: -1.0), "window_s holds -1, expected"),
    "a map gone": ("gradcam.h5", replaced("gradcam", with_first(np.nan)), "a map is not there though there are "),
    "a mask of one side": (
        "gradcam.h5",
        replaced("mask", lambda values: values[..., :64]),
        "gradcam is 1 x 3 x 128 x 128",
    ),
    "other states": ("gradcam.h5", replaced("states", lambda _: np.array([b"a", b"b", b"c"])), "holds maps of a, b, c"),
    "smaller maps": ("gradcam.h5", replaced("gradcam", lambda values: values[:, :, :64]), "is 1 x 3 x 64 x 128, expec"),
    "a mask of numbers": ("survey", replaced("mask", lambda values: values * 1.0), "holds float64, expected flags"),
    "fewer than no frames": (
        "survey",
        replaced("n_frames", lambda _: -1),
        "n_frames holds -1, expected whole numbers from 0",
    ),
    "shorter heat": ("example", replaced("heat/gradcam", lambda values: values[1:]), "heat/gradcam is 4 x 2 x 2, expe"),
}


@pytest.mark.parametrize("change", REPLACED)
def test_an_hdf5_file_that_holds_something_else_is_named(tmp_path, rng, change):
    kind, damage, message = REPLACED[change]
    path = tmp_path / "a.h5"
    write_hdf5(kind, path, rng)
    damage(path)
    with pytest.raises(InputError) as caught:
        HDF5[kind](path)
    assert is_one_line_about(caught.value, path)
    assert message in str(caught.value)


def test_attention_and_maps_of_another_run_are_named(tmp_path, rng):
    paths = {kind: tmp_path / kind for kind in ("attention.h5", "gradcam.h5")}
    for kind, path in paths.items():
        write_hdf5(kind, path, rng)
    recordings = pd.DataFrame({"mouse": "Ms1", "recording": ["Ms1-fc1", "Ms1-fc10"], "epochs": [4, 1]})
    attention, maps = [paths["attention.h5"]], [paths["gradcam.h5"]]
    read_attention(attention, STATES, recordings)
    read_gradcam(maps, "gradcam", STATES, ["Ms1", "Ms2"], recorded_shape("both"))
    for path, reader in (
        (attention[0], lambda: read_attention(attention, STATES, recordings.assign(epochs=[3, 1]))),
        (attention[0], lambda: read_attention(attention, STATES, recordings[1:])),
        (attention[0], lambda: read_attention(attention, STATES[:2])),
        (maps[0], lambda: read_gradcam(maps, "gradcam", ["wake", "sleep"])),
        (maps[0], lambda: read_gradcam(maps, "gradcam", STATES, ["Ms2"])),
        (maps[0], lambda: read_gradcam(maps, "gradcam", STATES, ["Ms1"], recorded_shape("left"))),
    ):
        with pytest.raises(InputError) as caught:
            reader()
        assert is_one_line_about(caught.value, path)
    write_attention(tmp_path / "b.h5", EPOCHS, np.full((2, 10), 0.1, np.float32), 4)
    with pytest.raises(InputError, match="b.h5: holds windows of 4 s, 10 frames, the first fold's file of 2 s"):
        read_attention([*attention, tmp_path / "b.h5"], STATES)


# --- networks ---


def test_a_damaged_network_is_named(tmp_path):
    network = build_network(SETTINGS["model"], (8, 4, 6), STATES)
    path, frames = tmp_path / "model.keras", np.ones((1, 8, 4, 6), np.float32)
    network.save(path)
    sound, content = network.predict(frames, verbose=0), path.read_bytes()
    rng = np.random.default_rng(1)
    damaged = [damage(content) for damage in DAMAGE.values()]
    damaged += [inverted(content, place) for place in rng.integers(len(content), size=60)]
    found = 0
    for each in damaged:
        path.write_bytes(each)
        try:
            loaded = load_network(path)
        except InputError as error:
            assert is_one_line_about(error, path)
            found += 1
        else:
            np.testing.assert_array_equal(loaded.predict(frames, verbose=0), sound)
    assert found > 0.9 * len(damaged)


def test_what_is_no_network_is_named(tmp_path):
    path = tmp_path / "model.keras"
    with pytest.raises(InputError, match="model.keras: does not exist, expected a network"):
        load_network(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(InputError) as caught:
        load_network(path)
    assert is_one_line_about(caught.value, path)
