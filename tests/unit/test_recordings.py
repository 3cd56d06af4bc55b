"""Recordings: orientation, labels, and the one-line errors of wrong files."""

import h5py
import numpy as np
import pytest
import scipy.io
from conftest import square_mask, write_recording

from wfci_sleep.data.recordings import Recording
from wfci_sleep.errors import InputError


def test_frames_come_out_row_before_column(tmp_path):
    frames = np.zeros((168, 128, 128), dtype=np.float32)
    frames[5, 100, 3] = 2.5
    path = write_recording(tmp_path / "Ms1-fc1.mat", [0], lambda epoch: frames)
    with Recording(path) as recording:
        found = recording.frames(0)
        assert found.dtype == np.float32
        assert np.argwhere(found).tolist() == [[5, 100, 3]]
        assert found[5, 100, 3] == 2.5
        assert (recording.mask == square_mask()).all()


@pytest.fixture(scope="module")
def values():
    """Two epochs in HDF5's axes, with numbers that single precision holds, and some that are missing."""
    epoch, frame, column, row = np.ogrid[:2, :168, :128, :128]
    values = ((100 * epoch + 7 * frame + 3 * column + row) % 251).astype(np.float32) / 1024
    values[0, 5, 60, 70] = np.nan
    values[1, 6, 61, 71] = np.inf
    return values


def hdf5(path, data, scores, mask, **storage):
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("data", data=data, **storage)
        file["scoringindex_file"] = scores
        file["xform_mask"] = mask
        file["extra/struct"] = 1.0
        file["#refs#/a"] = np.zeros(3)
        file["note"] = "an extra variable"


def v5(path, data, scores, mask, **storage):
    variables = {
        "data": data.T,
        "scoringindex_file": scores.T,
        "xform_mask": mask.T,
        "note": "extra",
        "extra": {"a": 1},
    }
    scipy.io.savemat(path, variables, **storage)


VARIATIONS = {
    "contiguous": (hdf5, {}, {}),
    "gzip": (hdf5, {"compression": "gzip", "compression_opts": 1, "shuffle": True}, {}),
    "lzf": (hdf5, {"compression": "lzf"}, {}),
    "odd chunks": (hdf5, {"chunks": (2, 50, 37, 128)}, {}),
    "checksums": (hdf5, {"chunks": (1, 168, 16, 128), "fletcher32": True}, {}),
    "double": (hdf5, {}, {"data": "f8"}),
    "big-endian": (hdf5, {}, {"data": ">f8"}),
    "logical mask": (hdf5, {}, {"mask": "u1"}),
    "bool mask": (hdf5, {}, {"mask": "?"}),
    "single mask": (hdf5, {}, {"mask": "f4"}),
    "integer mask": (hdf5, {}, {"mask": "i4"}),
    "scores in a row": (hdf5, {}, {"scores": (1, -1)}),
    "flat scores": (hdf5, {}, {"scores": (-1,)}),
    "uint8 scores": (hdf5, {}, {"scores": "u1"}),
    "single scores": (hdf5, {}, {"scores": "f4"}),
    "v5": (v5, {}, {}),
    "v5, compressed": (v5, {"do_compression": True}, {"mask": "?", "scores": "i2"}),
    "v5, double": (v5, {}, {"data": "f8", "scores": (1, -1)}),
}


@pytest.mark.parametrize("kind", VARIATIONS)
@pytest.mark.parametrize("n_epochs", [2, 1])
def test_accepted_variations_read_alike(tmp_path, values, kind, n_epochs):
    write, storage, changes = VARIATIONS[kind]
    if n_epochs == 1:
        # MATLAB drops the last axis, and chunks cannot be larger than what they store.
        data, storage = values[0], {name: value for name, value in storage.items() if name != "chunks"}
    else:
        data = values
    arrays = {"data": data, "scores": np.array([[3.0], [2.0]][:n_epochs]), "mask": square_mask().T.astype(np.float64)}
    for name, change in changes.items():
        arrays[name] = arrays[name].reshape(change) if isinstance(change, tuple) else arrays[name].astype(change)
    path = tmp_path / "Ms1-fc1.mat"
    write(path, **arrays, **storage)
    with Recording(path) as recording:
        assert recording.n_epochs == n_epochs
        assert recording.dtype == arrays["data"].dtype
        assert recording.scores.dtype == np.int64
        assert recording.scores.tolist() == [3, 2][:n_epochs]
        assert recording.labels.tolist() == [2, -1][:n_epochs]
        assert recording.mask.dtype == bool
        np.testing.assert_array_equal(recording.mask, square_mask())
        for epoch, frames in enumerate(recording):
            assert frames.dtype == np.float32
            np.testing.assert_array_equal(frames, np.swapaxes(values[epoch], 1, 2))
        with pytest.raises(IndexError):
            recording.frames(n_epochs)


def test_whole_numbers_in_v5_stay_floating_point(tmp_path):
    path = tmp_path / "a.mat"
    v5(path, np.full((2, 168, 128, 128), 7, dtype=np.uint8), np.array([[0.0], [1.0]]), square_mask().T)
    with open(path, "r+b") as file:
        # MATLAB stores doubles that are whole numbers as bytes: the class of the first variable, uint8 made double.
        file.seek(128 + 8 + 8)
        assert file.read(1) == b"\x09"
        file.seek(-1, 1)
        file.write(b"\x06")
    with Recording(path) as recording:
        assert recording.dtype == np.float64
        assert (recording.frames(1) == 7).all()


@pytest.mark.filterwarnings("error")
def test_what_float32_cannot_hold_is_infinite(tmp_path):
    path = write_recording(tmp_path / "a.mat", [0], lambda epoch: np.full((168, 128, 128), 1e300), dtype="f8")
    with Recording(path) as recording:
        assert np.isposinf(recording.frames(0)).all()


def broken(tmp_path, kind):
    path = tmp_path / "Ms1-fc1.mat"
    if kind == "absent":
        return path
    if kind == "text":
        path.write_text("not a recording")
        return path
    if kind == "truncated":
        whole = write_recording(path, [0]).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        return path
    if kind == "frame shape":
        write_recording(path, [0])
        with h5py.File(path, "r+") as file:
            del file["data"]
            file["data"] = np.zeros((1, 168, 64, 128))
        return path
    arguments = {
        "no data": {"scores": [0], "drop": ["data"]},
        "no mask": {"scores": [0], "drop": ["xform_mask"]},
        "no scores": {"scores": [0], "drop": ["scoringindex_file"]},
        "no epochs": {"scores": [], "n_epochs": 0},
        "score count": {"scores": [0, 1, 0], "n_epochs": 2},
        "score code": {"scores": [0, 7]},
        "score fraction": {"scores": [0, 1.5]},
        "score nan": {"scores": [0, np.nan]},
        "empty mask": {"scores": [0], "mask": np.zeros((128, 128), dtype=bool)},
        "mask size": {"scores": [0], "mask": np.ones((64, 128), dtype=bool)},
    }[kind]
    if kind == "no epochs":
        write_recording(path, [0])
        with h5py.File(path, "r+") as file:
            del file["data"]
            file["data"] = np.zeros((0, 168, 128, 128))
        return path
    return write_recording(path, **arguments)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("absent", "does not exist"),
        ("text", "not a readable MATLAB v7.3"),
        ("truncated", "not a readable MATLAB v7.3"),
        ("no data", "variable data is missing, found scoringindex_file, xform_mask"),
        ("no mask", "variable xform_mask is missing, found data, scoringindex_file"),
        ("no scores", "variable scoringindex_file is missing"),
        ("no epochs", "data holds no epoch, expected at least one"),
        ("frame shape", "data is 128 x 64 x 168 x 1 in MATLAB's order, expected 128 x 128 x 168 x N"),
        (
            "score count",
            "scoringindex_file is 3 x 1, expected one score for each of the 2 epochs|is 1 x 3, expected one",
        ),
        ("score code", "scoringindex_file holds 7 at epoch 1, expected 0 (wake), 1 (NREM), 2 (artefact) or 3 (REM)"),
        ("score fraction", "scoringindex_file holds 1.5 at epoch 1, expected"),
        ("score nan", "scoringindex_file holds nan at epoch 1, expected"),
        ("empty mask", "xform_mask is zero everywhere, expected 1"),
        ("mask size", "xform_mask is 64 x 128, expected 128 x 128"),
    ],
)
def test_wrong_files_end_in_one_line(tmp_path, kind, message):
    path = broken(tmp_path, kind)
    with pytest.raises(InputError) as caught, Recording(path) as recording:
        _ = recording.scores
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    assert any(part in line for part in message.split("|"))
