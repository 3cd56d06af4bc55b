"""Recordings: orientation, labels, and the one-line errors of wrong files."""

import numpy as np
import pytest
from conftest import square_mask, write_recording

from wfci_sleep.errors import InputError
from wfci_sleep.recordings import Recording


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


@pytest.mark.parametrize("column", [True, False])
def test_scores_are_read_in_both_orientations(tmp_path, column):
    import h5py

    path = write_recording(tmp_path / "a.mat", [0, 1, 2, 3])
    with h5py.File(path, "r+") as file:
        del file["scoringindex_file"]
        scores = np.array([0.0, 1, 2, 3])
        file["scoringindex_file"] = scores[:, None] if column else scores[None, :]
    with Recording(path) as recording:
        assert recording.scores.tolist() == [0, 1, 2, 3]
        assert recording.labels.tolist() == [0, 1, -1, 2]


def test_logical_mask_and_double_data(tmp_path):
    import h5py

    path = write_recording(tmp_path / "a.mat", [0], dtype="f8")
    with h5py.File(path, "r+") as file:
        del file["xform_mask"]
        file["xform_mask"] = square_mask().T.astype(np.uint8)
    with Recording(path) as recording:
        assert (recording.mask == square_mask()).all()
        assert recording.frames(0).dtype == np.float32


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
        import h5py

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
        import h5py

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
        ("no epochs", "data is 128 x 128 x 168 x 0 in MATLAB's order, expected 128 x 128 x 168 x N"),
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
