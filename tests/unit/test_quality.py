"""Quality rows: the numbers of a recording by hand, and each warning just where its threshold says."""

import numpy as np
import pytest
from conftest import square_mask, write_atlas, write_recording

from wfci_sleep.atlas import load_atlas
from wfci_sleep.errors import InputError
from wfci_sleep.quality import quality_row, quality_warnings
from wfci_sleep.recordings import Recording
from wfci_sleep.survey import survey_recording

SOUND = {
    "epochs": 97,
    "wake": 50,
    "nrem": 30,
    "rem": 10,
    "artefact": 7,
    "nan_share": 0.0,
    "constant_share": 0.0,
    "mask_pixels": 11_214,
    "atlas_overlap": 1.0,
}


def row_of(path, atlas):
    with Recording(path) as recording:
        return quality_row(recording, survey_recording(recording, atlas, path.with_suffix(".tsv")), atlas)


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
        "nan_share": 0.0,
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


def test_a_sound_row_has_no_warning():
    assert quality_warnings(SOUND) == []


@pytest.mark.parametrize(
    ("unusual", "usual", "message"),
    [
        ({"nan_share": 1e-9}, {"nan_share": 0.0}, "1e-09 of the mask's values are not finite numbers"),
        ({"constant_share": 0.0101}, {"constant_share": 0.01}, "1.0% of the mask's pixels are constant, usual are 1%"),
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
