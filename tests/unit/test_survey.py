"""Surveys: images and traces of a recording against numpy on the whole array."""

import numpy as np
import pytest
from conftest import square_mask, write_atlas, write_recording

from wfci_sleep.data.atlas import load_atlas
from wfci_sleep.data.recordings import Recording
from wfci_sleep.errors import InputError
from wfci_sleep.preprocessing.survey import Survey, empty_survey, read_surveys, survey_recording, write_survey
from wfci_sleep.tables import read_table
from wfci_sleep.tables.recordings import PARCELS


def test_survey_equals_numpy(tmp_path, rng):
    whole = rng.normal(3, 2, size=(2, 168, 128, 128)).astype(np.float32)
    whole[:, :, 90, 100] = np.nan
    path = write_recording(tmp_path / "a.mat", [0, 1], lambda epoch: whole[epoch])
    atlas = load_atlas(write_atlas(tmp_path / "atlas.mat"))
    with Recording(path) as recording:
        survey = survey_recording(recording, atlas, tmp_path / "traces.tsv")
    frames = whole.reshape(-1, 128, 128)
    known = np.ones((128, 128), dtype=bool)
    known[90, 100] = False
    np.testing.assert_allclose(survey.mean_frame[known], frames.mean(axis=0)[known], atol=1e-5)
    np.testing.assert_allclose(survey.std_frame[known], frames.std(axis=0)[known], rtol=1e-4)
    assert np.isnan(survey.mean_frame[90, 100])

    traces = read_table(tmp_path / "traces.tsv", PARCELS)
    assert len(traces) == 336
    np.testing.assert_allclose(traces["time_s"], np.arange(336) * 10 / 168, rtol=1e-4, atol=1e-5)
    assert survey.n_frames == 336
    number = 7
    inside = (atlas.parcels == number) & square_mask()
    np.testing.assert_allclose(traces[atlas.names[number - 1]], frames[:, inside].mean(axis=1), rtol=1e-4)


def test_shares_of_missing_and_constant_pixels_in_the_mask(tmp_path):
    whole = np.arange(336.0).reshape(2, 168, 1, 1) + np.zeros((128, 128))
    outside, dead, stepping, missing, once = (0, 0), (50, slice(60, 63)), (51, 60), (52, 60), (53, 60)
    whole[:, :, *outside] = np.nan
    whole[:, :, *dead] = 0.25
    whole[:, 30, *dead] = np.nan  # gaps do not make a pixel alive
    whole[0, :, *stepping] = 1.0  # constant in each epoch, not over the recording
    whole[1, :, *stepping] = 2.0
    whole[:, :, *missing] = np.nan
    whole[1, 7, *once] = 1e300  # beyond single precision
    whole[0, 9, *once] = -np.inf
    path = write_recording(tmp_path / "a.mat", [0, 1], lambda epoch: whole[epoch], dtype="f8")
    atlas = load_atlas(write_atlas(tmp_path / "atlas.mat"))
    with Recording(path) as recording:
        survey = survey_recording(recording, atlas, tmp_path / "traces.tsv")
    pixels = square_mask().sum()
    np.testing.assert_allclose(survey.nan_share, (3 * 2 + 336 + 2) / (336 * pixels), rtol=1e-9)
    np.testing.assert_allclose(survey.constant_share, 3 / pixels, rtol=1e-9)
    np.testing.assert_allclose(survey.mean_frame[dead], 0.25)


def test_a_sound_recording_has_shares_of_zero(tmp_path, rng):
    path = write_recording(tmp_path / "a.mat", [0, 1], lambda epoch: rng.integers(-4, 4, size=(168, 128, 128)) / 7)
    atlas = load_atlas(write_atlas(tmp_path / "atlas.mat"))
    with Recording(path) as recording:
        survey = survey_recording(recording, atlas, tmp_path / "traces.tsv")
        frames = recording.frames(1)
    assert (survey.nan_share, survey.constant_share) == (0, 0)
    # A parcel without a pixel in the mask is an empty field; the others keep six digits.
    traces = read_table(tmp_path / "traces.tsv", PARCELS)
    assert traces["epoch"].tolist() == [0] * 168 + [1] * 168
    assert traces[atlas.names[0]].isna().all()
    assert "nan" not in (tmp_path / "traces.tsv").read_text()
    inside = (atlas.parcels == 30) & square_mask()
    expected = frames[:, inside].astype(np.float64).mean(axis=1)
    np.testing.assert_allclose(traces[atlas.names[29]][168:], expected, rtol=1e-5, atol=1e-7)


def test_surveys_of_a_mouse_average(tmp_path):
    mask = square_mask()
    first = Survey(np.full((128, 128), 1.0, np.float32), np.full((128, 128), 3.0, np.float32), mask, 100)
    second = Survey(np.full((128, 128), 4.0, np.float32), np.full((128, 128), 4.0, np.float32), np.roll(mask, 5), 300)
    write_survey(tmp_path / "1.h5", first)
    write_survey(tmp_path / "2.h5", second)
    joined = read_surveys([tmp_path / "1.h5", tmp_path / "2.h5"])
    np.testing.assert_allclose(joined.mean_frame, (1 + 3 * 4) / 4)
    np.testing.assert_allclose(joined.std_frame, np.sqrt((9 + 3 * 16) / 4), rtol=1e-6)
    assert (joined.mask == (mask & np.roll(mask, 5))).all()


def test_no_survey_at_all_is_an_input_error():
    with pytest.raises(InputError, match="there are no images to average, expected those of a mouse's recordings"):
        read_surveys([])


@pytest.mark.filterwarnings("error")
def test_nothing_is_lost_on_a_large_offset_or_by_overflow(tmp_path, rng):
    whole = rng.normal(0, 0.01, size=(3, 168, 128, 128))
    whole[1] *= 2
    huge, offset = (40, 50), 1e6
    whole[:, ::2, *huge] = 3e38
    whole[:, 1::2, *huge] = -3e38
    path = write_recording(tmp_path / "a.mat", [0, 1, 0], lambda epoch: whole[epoch] + offset, dtype="f8")
    atlas = load_atlas(write_atlas(tmp_path / "atlas.mat"))
    with Recording(path) as recording:
        survey = survey_recording(recording, atlas, tmp_path / "traces.tsv")
    frames = (whole + offset).reshape(-1, 128, 128)
    usual = np.ones((128, 128), dtype=bool)
    usual[huge] = False
    np.testing.assert_allclose(survey.std_frame[usual], frames.std(axis=0)[usual], rtol=1e-5)
    np.testing.assert_allclose(survey.mean_frame, np.where(usual, offset, 0), rtol=1e-6, atol=1e31)
    np.testing.assert_allclose(survey.std_frame[huge], 3e38, rtol=1e-5)
    traces = read_table(tmp_path / "traces.tsv", PARCELS)
    number = atlas.parcels[huge]
    inside = (atlas.parcels == number) & square_mask()
    np.testing.assert_allclose(traces[atlas.names[number - 1]], frames[:, inside].mean(axis=1), rtol=1e-5)
    # Images of several recordings are averaged without an overflow either.
    write_survey(tmp_path / "1.h5", survey)
    joined = read_surveys([tmp_path / "1.h5", tmp_path / "1.h5"])
    np.testing.assert_allclose(joined.std_frame, survey.std_frame, rtol=1e-6)


def test_a_recording_that_is_left_out_counts_in_no_survey(tmp_path):
    one = Survey(np.ones((128, 128), np.float32), np.ones((128, 128), np.float32), square_mask(), 168)
    none = empty_survey(load_atlas(write_atlas(tmp_path / "atlas.mat")), tmp_path / "traces.tsv")
    write_survey(tmp_path / "1.h5", one)
    write_survey(tmp_path / "2.h5", none)
    joined = read_surveys([tmp_path / "2.h5", tmp_path / "1.h5"])
    assert (joined.mask == square_mask()).all()
    assert (joined.mean_frame == 1).all()
    assert joined.n_frames == 168
    alone = read_surveys([tmp_path / "2.h5"])
    assert (alone.mask.any(), alone.n_frames) == (False, 0)
    assert np.isnan(alone.std_frame).all()
