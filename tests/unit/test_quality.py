"""Quality rows: the numbers of a recording by hand, and each warning just where its threshold says."""

import h5py
import numpy as np
import pytest
from conftest import square_mask, write_atlas, write_recording

from wfci_sleep.data.atlas import load_atlas
from wfci_sleep.errors import InputError
from wfci_sleep.preprocessing.checks import check_recording, left_out
from wfci_sleep.preprocessing.quality import mask_warnings, quality_warnings
from wfci_sleep.preprocessing.survey import CONSTANT, NEVER_WRITTEN, NO_VALUE

SOUND = {
    "epochs": 97,
    "wake": 50,
    "nrem": 30,
    "rem": 10,
    "artefact": 7,
    "no_signal": 0,
    "excluded": 0,
    "left_out": "",
    "nan_share": 0.0,
    "saturated_share": 0.0,
    "largest_value": 0.8,
    "largest_jump": 2.0,
    "jump_epochs": "",
    "constant_share": 0.0,
    "mask_pixels": 11_214,
    "atlas_overlap": 1.0,
}


def row_of(path, atlas):
    return check_recording(path, atlas, {}, path.with_suffix(".tsv")).row


@pytest.fixture
def atlas(tmp_path):
    return load_atlas(write_atlas(tmp_path / "atlas.mat"))


def test_row_of_a_recording(tmp_path, atlas):
    scores = [0, 0, 1, 3, 2, 0, 1]
    frames = np.arange(168.0)[:, None, None] + np.zeros((128, 128))
    path = write_recording(tmp_path / "a.mat", scores, lambda epoch: frames, dtype="f8")
    row = row_of(path, atlas)
    overlap = (atlas.brain & square_mask()).sum() / square_mask().sum()
    assert row == {
        "epochs": 7,
        "frames": 168,
        "rows": 128,
        "columns": 128,
        "dtype": "float64",
        "duration_s": 70.0,
        "wake": 3,
        "nrem": 2,
        "rem": 1,
        "artefact": 1,
        "no_signal": 0,
        "excluded": 0,
        "left_out": "",
        "nan_share": 0.0,
        "saturated_share": 0.0,
        "largest_value": 167.0,
        "largest_jump": 1.0,
        "jump_epochs": "",
        "constant_share": 0.0,
        "mask_pixels": 6400,
        "atlas_overlap": overlap,
        "warnings": row["warnings"],
    }
    assert list(row)[-4:] == ["constant_share", "mask_pixels", "atlas_overlap", "warnings"]
    assert row["warnings"].startswith("74.2% of the mask lie inside the atlas, usual are 80% or more")


def test_several_warnings_share_a_field(tmp_path, atlas):
    def frames(epoch):
        frames = np.zeros((168, 128, 128), dtype=np.float32)
        frames[:, 64:] = np.arange(168)[:, None, None]  # an epoch that is constant throughout is left out
        frames[3, 50, 60] = np.nan
        return frames

    row = row_of(write_recording(tmp_path / "a.mat", [0, 2, 2], frames), atlas)
    found = row["warnings"].split("; ")
    assert len(found) == 6
    assert found[0] == "9.3e-07 of the mask's values are not finite numbers"
    assert found[-3:] == ["2 of 3 epochs are artefacts", "only wake is scored", "3 epochs, usual are 6 or more"]


def test_without_any_value_in_the_mask(tmp_path, atlas):
    def frames(epoch):
        return np.where(square_mask(), np.nan, 1.0) * np.ones((168, 1, 1))

    path = write_recording(tmp_path / "a.mat", [0, 1], frames)
    with pytest.raises(InputError, match=r"a\.mat: data has no finite value in the mask"):
        row_of(path, atlas)


NOISE = np.random.default_rng(5).normal(0, 0.02, size=(168, 128, 128)).astype(np.float32)


def test_epochs_without_a_signal_are_left_out_with_their_reason(tmp_path, atlas):
    def frames(epoch):
        frames = NOISE.copy()
        if epoch == 1:
            frames[:, square_mask()] = np.nan
        if epoch in (2, 3):
            frames[:, square_mask()] = 0.25  # what lies outside does not count
        if epoch == 6:
            frames[:, square_mask()] = np.inf
        return frames

    path = write_recording(tmp_path / "a.mat", [0, 0, 1, 2, 0, 3, 3], frames)
    with h5py.File(path, "r+") as file:
        whole = file["data"][()]
        del file["data"]
        data = file.create_dataset("data", whole.shape, "f4", chunks=(1, *whole.shape[1:]))
        for epoch in (0, 1, 2, 3, 5, 6):
            data[epoch] = whole[epoch]
    check = check_recording(path, atlas, {0: "the mouse moves", 4: "of no interest"}, tmp_path / "a.tsv")
    assert check.epochs["reason"].tolist() == [
        "excluded: the mouse moves",
        NO_VALUE,
        CONSTANT,
        "artefact",
        NEVER_WRITTEN,
        "",
        NO_VALUE,
    ]
    assert check.epochs["kept"].tolist() == [False] * 5 + [True, False]
    assert check.epochs["label"].tolist() == [-1] * 5 + [2, -1]
    row = check.row
    assert [row[kind] for kind in ("wake", "nrem", "rem", "artefact", "no_signal", "excluded")] == [0, 0, 1, 1, 4, 1]
    said = f"epoch 2 {CONSTANT}, epoch 0 excluded: the mouse moves, epoch 4 {NEVER_WRITTEN}, epochs 1, 6 {NO_VALUE}"
    assert row["left_out"] == said
    assert row["warnings"].startswith(f"epochs without a signal are left out: {said}; ")


def test_a_recording_of_holes_is_of_no_use(tmp_path, atlas):
    path = write_recording(tmp_path / "a.mat", [0, 1], drop=["data"])
    with h5py.File(path, "r+") as file:
        file.create_dataset("data", (2, 168, 128, 128), "f4", chunks=(1, 168, 128, 128))
    with pytest.raises(InputError, match=r"a\.mat: data was never written, expected dF/F"):
        row_of(path, atlas)


def spiked(epoch):
    frames = NOISE.copy()
    if epoch == 1:
        frames[100, 40:60, 40:60] = 1e30
    return frames


def clipped(epoch):
    frames = NOISE.copy()
    frames[:, 40:60] = np.minimum(frames[:, 40:60], 0.03)
    return frames


def jumping(epoch):
    frames = NOISE.copy()
    if epoch == 2:
        frames[80:, 30:90] += 0.3
    return frames


@pytest.mark.parametrize(
    ("frames", "dtype", "message"),
    [
        (spiked, "f4", "values reach 1e+30 from zero, dF/F stays below 1000"),
        (lambda epoch: np.where(NOISE > 0, 3e38, -3e38), "f4", "values reach 3e+38 from zero"),
        (lambda epoch: NOISE + 1e6, "f8", "values reach 1e+06 from zero"),
        (clipped, "f4", " of the mask's pixels have their highest or lowest value again and again"),
        (jumping, "f4", "epoch 2: from one frame to the next the image changes up to "),
    ],
)
@pytest.mark.filterwarnings("error")
def test_odd_values_are_warned_of(tmp_path, atlas, frames, dtype, message):
    path = write_recording(tmp_path / "a.mat", [0, 1, 0], frames, dtype=dtype)
    row = row_of(path, atlas)
    assert message in row["warnings"]
    assert (row["wake"], row["nrem"], row["no_signal"]) == (2, 1, 0)
    sound = row_of(write_recording(tmp_path / "b.mat", [0, 1, 0], lambda epoch: NOISE), atlas)
    assert not {"values", "again", "changes"} & set(sound["warnings"].split())


def test_a_jump_in_an_artefact_is_none(tmp_path, atlas):
    row = row_of(write_recording(tmp_path / "a.mat", [0, 1, 2], jumping), atlas)
    assert row["largest_jump"] < 2
    assert "changes" not in row["warnings"]


def test_masks_unlike_those_of_the_same_mouse_are_warned_of():
    brain, gone = square_mask(), square_mask()
    gone[20:55] = False  # 44 % of its pixels
    masks = {("Ms1", "a"): brain, ("Ms1", "b"): gone, ("Ms2", "a"): gone, ("Ms2", "b"): gone}
    assert mask_warnings(masks) == {
        ("Ms1", "b"): "the mask shares 56.2% of its pixels with the mouse's other masks, usual are 90% or more"
    }
    # A shift of a few pixels is usual; nothing is known of a recording that is left out.
    shifted, none = np.roll(brain, 3, axis=0), np.zeros_like(brain)
    assert mask_warnings({("Ms1", "a"): brain, ("Ms1", "b"): shifted, ("Ms1", "c"): none, ("Ms2", "a"): none}) == {}
    assert len(mask_warnings({("Ms1", "a"): brain, ("Ms1", "b"): brain, ("Ms1", "c"): np.roll(brain, 9)})) == 1


def test_a_recording_that_is_left_out_has_the_same_columns(tmp_path, atlas):
    row = row_of(write_recording(tmp_path / "a.mat", [0, 1], lambda epoch: NOISE), atlas)
    check = left_out("of no use", atlas, tmp_path / "b.tsv")
    assert list(check.row) == [*row, "sha256"]
    assert (check.row["epochs"], check.row["left_out"], len(check.epochs)) == (0, "of no use", 0)
    whole = (tmp_path / "a.tsv").read_text()
    assert (tmp_path / "b.tsv").read_text() == whole[: whole.index("\n") + 1]


def test_a_sound_row_has_no_warning():
    assert quality_warnings(SOUND) == []


@pytest.mark.parametrize(
    ("unusual", "usual", "message"),
    [
        ({"nan_share": 1e-9}, {"nan_share": 0.0}, "1e-09 of the mask's values are not finite numbers"),
        ({"constant_share": 0.0101}, {"constant_share": 0.01}, "1.0% of the mask's pixels are constant, usual are 1%"),
        ({"saturated_share": 0.0101}, {"saturated_share": 0.01}, "1.0% of the mask's pixels have their highest"),
        ({"largest_value": 1001.0}, {"largest_value": 1000.0}, "values reach 1e+03 from zero, dF/F stays below 1000"),
        ({"largest_jump": 5.1, "jump_epochs": "epochs 3, 5-6"}, {"largest_jump": 5.0}, "epochs 3, 5-6: from one frame"),
        ({"mask_pixels": 5606}, {"mask_pixels": 5607}, "the mask has 5606 pixels, usual are 5607 to 15700"),
        ({"mask_pixels": 15701}, {"mask_pixels": 15700}, "the mask has 15701 pixels"),
        ({"atlas_overlap": 0.79}, {"atlas_overlap": 0.8}, "79.0% of the mask lie inside the atlas"),
        (
            {"wake": 20, "nrem": 20, "rem": 8, "artefact": 49},
            {"epochs": 96, "artefact": 48},
            "49 of 97 epochs are artefacts",
        ),
        ({"nrem": 0, "rem": 0}, {"rem": 0}, "only wake is scored"),
        ({"wake": 0, "nrem": 0}, {"wake": 0}, "only rem is scored"),
        ({"epochs": 5, "artefact": 1}, {"epochs": 6, "artefact": 1}, "5 epochs, usual are 6 or more"),
        (
            {"wake": 0, "nrem": 0, "rem": 0, "artefact": 97},
            {},
            "no epoch is scored, all are artefacts: nothing of the recording is used",
        ),
    ],
)
def test_each_warning_comes_at_its_threshold(unusual, usual, message):
    (found,) = quality_warnings(SOUND | unusual)
    assert found.startswith(message)
    assert quality_warnings(SOUND | usual) == []
