"""Windows: lengths, neighbours in time, masks, normalisation; each label with its own frames."""

import numpy as np
import pytest
from conftest import square_mask, write_recording
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import zscore

from wfci_sleep.data.recordings import Recording
from wfci_sleep.errors import InputError
from wfci_sleep.preprocessing.normalisation import normalise, normalised_pixels
from wfci_sleep.preprocessing.windowings import n_frames
from wfci_sleep.preprocessing.windows import Windowing, bin_frames, bin_mask, window_index, window_of_epoch

SETTINGS = {
    "seconds": 10,
    "normalisation": "temporal-zscore",
    "hemisphere": "both",
    "mask": "recording",
    "spatial_binning": 1,
    "storage": "float32",
    "compression": "none",
}


def test_frame_counts_are_the_floor_of_16_8_a_second():
    assert [n_frames(s) for s in range(1, 11)] == [16, 33, 50, 67, 84, 100, 117, 134, 151, 168]
    assert (n_frames(15), n_frames(20)) == (252, 336)


def numbered(tmp_path, scores):
    """A recording in which every pixel of every frame is epoch + frame / 1000."""

    def frames(epoch):
        return np.broadcast_to(epoch + np.arange(168)[:, None, None] / 1000, (168, 128, 128)).astype(np.float32)

    return write_recording(tmp_path / "Ms1-fc1.mat", scores, frames)


def around(epoch, n_epochs, of):
    """What `of` gives for an epoch and its neighbours, None beyond the ends."""
    return [of(number) if 0 <= number < n_epochs else None for number in (epoch - 1, epoch, epoch + 1)]


def whole_window(recording, epoch, seconds):
    """Frames of a window, zero beyond the recording, and which of them exist."""
    inside, place = window_of_epoch(*around(epoch, recording.n_epochs, recording.frames), seconds)
    frames = np.zeros((n_frames(seconds), *inside.shape[1:]))
    exists = np.zeros(n_frames(seconds), dtype=bool)
    frames[place], exists[place] = inside, True
    return frames, exists


def cut(windowing, recording, epoch):
    """Normalised pixels of an epoch's window."""
    return windowing.window(
        *around(epoch, recording.n_epochs, lambda number: windowing.frames(recording, number, number + 1)[0])
    )


@pytest.mark.parametrize("seconds", [1, 5, 10, 15, 20])
def test_window_holds_its_epoch_and_its_neighbours_in_time(tmp_path, seconds):
    scores = [2, 0, 1, 2, 3, 1, 2]  # artefacts at the start, in the middle and at the end
    before = {15: 42, 20: 84}.get(seconds, 0)
    with Recording(numbered(tmp_path, scores)) as recording:
        for epoch in range(len(scores)):
            frames, exists = whole_window(recording, epoch, seconds)
            assert frames.shape == (n_frames(seconds), 128, 128)
            # What each frame must be: its place in time counted from the start of the recording.
            place = epoch * 168 - before + np.arange(n_frames(seconds))
            inside = (place >= 0) & (place < len(scores) * 168)
            expected = np.where(inside, place // 168 + place % 168 / 1000, 0)
            assert (exists == inside).all()
            np.testing.assert_allclose(frames[:, 60, 60], expected, rtol=1e-6)
            np.testing.assert_allclose(frames[:, 127, 0], expected, rtol=1e-6)


def test_index_says_what_was_left_out_and_why():
    index = window_index(np.array([2, 0, 3]), np.array([-1, 0, 2]))
    assert index["kept"].tolist() == [False, True, True]
    assert index["reason"].tolist() == ["artefact", "", ""]
    assert index["start_s"].tolist() == [0, 10, 20]
    assert list(index.columns) == ["epoch", "start_s", "score", "label", "kept", "reason"]


def reference(frames, mask, method):
    """The three normalisations by scipy and by their formulas, NaN-free input."""
    out = np.zeros(frames.shape)
    pixels = frames[:, mask].astype(np.float64)
    if method == "min-max":
        span = pixels.max() - pixels.min()
        scaled = (pixels - pixels.min()) / span if span else np.zeros_like(pixels)
    else:
        with np.errstate(invalid="ignore", divide="ignore"):
            scaled = zscore(pixels, axis=0 if method == "temporal-zscore" else 1, ddof=0)
        constant = np.ptp(pixels, axis=0 if method == "temporal-zscore" else 1) == 0
        if method == "temporal-zscore":
            scaled[:, constant] = 0
        else:
            scaled[constant] = 0
    out[:, mask] = scaled
    return out


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # scipy warns of the constant pixels that the test makes
@given(
    arrays(np.int16, (7, 4, 5), elements=st.integers(-1000, 1000)),
    arrays(bool, (4, 5)).filter(lambda mask: mask.any()),
    st.sampled_from(["temporal-zscore", "spatial-zscore", "min-max"]),
)
def test_normalisation_equals_the_formula(frames, mask, method):
    frames = frames.astype(np.float32) / 50
    found = normalise(frames, mask, method)
    assert found.dtype == np.float32
    assert not found[:, ~mask].any()
    np.testing.assert_allclose(found, reference(frames, mask, method), atol=1e-5)


@pytest.mark.parametrize("method", ["temporal-zscore", "spatial-zscore", "min-max"])
def test_constant_and_nan_pixels_give_zero(method, rng):
    frames = rng.normal(size=(30, 6, 6)).astype(np.float32)
    mask = np.ones((6, 6), dtype=bool)
    frames[:, 1, 1] = np.float32(0.1)
    frames[:, 2, 2] = np.nan
    frames[3, 4, 4] = np.nan
    found = normalise(frames, mask, method)
    assert np.isfinite(found).all()
    assert not found[:, 2, 2].any()
    assert found[3, 4, 4] == 0
    if method == "temporal-zscore":
        assert not found[:, 1, 1].any()
        known = np.delete(frames[:, 4, 4], 3)
        np.testing.assert_allclose(np.delete(found[:, 4, 4], 3), zscore(known), rtol=1e-4)


def test_constant_window_is_zero_in_every_normalisation():
    frames = np.full((168, 4, 4), 0.1, dtype=np.float32)
    for method in ("temporal-zscore", "spatial-zscore", "min-max"):
        assert not normalise(frames, np.ones((4, 4), dtype=bool), method).any()


def test_unknown_normalisation_is_refused():
    with pytest.raises(InputError, match="normalisation is 'none', expected one of temporal-zscore"):
        normalise(np.zeros((2, 2, 2)), np.ones((2, 2), dtype=bool), "none")


def test_binning_averages_the_masks_pixels_only(rng):
    frames = rng.normal(size=(3, 8, 8)).astype(np.float32)
    mask = rng.random((8, 8)) > 0.4
    found = bin_frames(frames, mask, 4)
    for row in range(2):
        for column in range(2):
            block = np.s_[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            expected = frames[:, *block][:, mask[block]].mean(axis=1)
            np.testing.assert_allclose(found[:, row, column], expected, rtol=1e-5)
    assert bin_mask(mask, 4).tolist() == [[bool(mask[r : r + 4, c : c + 4].sum() >= 8) for c in (0, 4)] for r in (0, 4)]


@pytest.mark.parametrize(("hemisphere", "columns"), [("left", slice(0, 64)), ("right", slice(64, 128))])
def test_hemisphere_takes_its_half_of_the_columns(tmp_path, rng, hemisphere, columns):
    frames = rng.normal(size=(168, 128, 128)).astype(np.float32)
    path = write_recording(tmp_path / "a.mat", [0], lambda epoch: frames)
    with Recording(path) as recording:
        windowing = Windowing({**SETTINGS, "hemisphere": hemisphere}, recording.mask)
        assert (windowing.mask == square_mask()[:, columns]).all()
        pixels = cut(windowing, recording, 0)
    np.testing.assert_allclose(pixels, zscore(frames[:, :, columns][:, windowing.mask], axis=0), atol=1e-5)


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_statistics_of_long_windows_leave_missing_frames_out(tmp_path, rng, epoch):
    frames = rng.normal(5, 1, size=(3, 168, 128, 128)).astype(np.float32)
    path = write_recording(tmp_path / "a.mat", [0, 0, 0], lambda index: frames[index])
    with Recording(path) as recording:
        windowing = Windowing({**SETTINGS, "seconds": 20}, recording.mask)
        pixels = cut(windowing, recording, epoch)
    whole = frames.reshape(-1, 128, 128)[:, square_mask()]
    place = epoch * 168 - 84 + np.arange(336)
    inside = (place >= 0) & (place < 3 * 168)
    assert not pixels[~inside].any()
    np.testing.assert_allclose(pixels[inside], zscore(whole[place[inside]], axis=0), atol=1e-4)


def test_mask_without_pixels_in_the_hemisphere_is_refused():
    mask = np.zeros((128, 128), dtype=bool)
    mask[:, 70:] = True
    with pytest.raises(InputError, match="no pixel of the mask is left"):
        Windowing({**SETTINGS, "hemisphere": "left"}, mask)


@given(arrays(np.float64, 50, elements=st.floats(-100, 100)))
def test_rounding_to_float16_is_to_the_nearest(values):
    found = normalised_pixels(values[None, None, :], np.ones((1, 50), dtype=bool), "spatial-zscore", "float16")
    exact = normalised_pixels(values[None, None, :], np.ones((1, 50), dtype=bool), "spatial-zscore", "float32").astype(
        np.float64
    )
    assert found.dtype == np.float16
    # Half a unit in the last place, which below 2**-14 is 2**-24 whatever the value.
    half_unit = np.maximum(2.0 ** (np.floor(np.log2(np.maximum(np.abs(exact), 1e-30))) - 11), 2.0**-25)
    assert (np.abs(found.astype(np.float64) - exact) <= half_unit * (1 + 1e-6)).all()


@pytest.mark.parametrize("offset", [0, 0.5, 19, -19, 1000])
def test_float16_is_as_good_whatever_the_level_of_the_signals(rng, offset):
    frames = rng.normal(offset, 1, size=(168, 20, 30))
    mask = rng.random((20, 30)) > 0.3
    found = normalised_pixels(frames, mask, "temporal-zscore", "float16").astype(np.float64)
    exact = zscore(frames[:, mask], axis=0)
    np.testing.assert_allclose(found, exact, rtol=2.0**-11, atol=1e-5)


@pytest.mark.parametrize("scale", [1e-30, 1e-18, 1e-3, 1e15, 1e25])
def test_no_size_of_signals_is_lost(rng, scale):
    frames = scale * rng.normal(size=(50, 4, 20))
    mask = np.ones((4, 20), dtype=bool)
    frames[:, 1, 2] /= 1e10
    for storage, tolerance in (("float16", 2.0**-11), ("float32", 1e-6)):
        found = normalised_pixels(frames, mask, "temporal-zscore", storage).astype(np.float64)
        np.testing.assert_allclose(found, zscore(frames[:, mask], axis=0), rtol=tolerance, atol=1e-5)


@pytest.mark.parametrize("method", ["temporal-zscore", "spatial-zscore", "min-max"])
@pytest.mark.parametrize("factor", [1, 4])
def test_a_large_offset_leaves_windows_as_they_are(rng, method, factor):
    """Single precision holds 1e6 to within 0.06: six times the signal."""
    frames, mask = rng.normal(0, 0.01, size=(168, 128, 128)), square_mask()
    with_offset = frames + 1e6
    binned = bin_mask(mask, factor)
    expected, found = (
        normalise(bin_frames(each, mask, factor) if factor > 1 else each, binned, method)
        for each in (with_offset - 1e6, with_offset)
    )
    np.testing.assert_allclose(found, expected, atol=2e-6)
    assert found[:, binned].std() > 0.1


@pytest.mark.filterwarnings("error")
def test_bins_of_huge_values_do_not_overflow():
    frames = np.full((3, 4, 4), np.float32(3e38))
    frames[1] *= -1
    frames[2] = 0.5
    frames[2, 0] = [np.nan, np.inf, -np.inf, 0.5]
    means = bin_frames(frames, np.ones((4, 4), dtype=bool), 4).ravel()
    np.testing.assert_allclose(means, [3e38, -3e38, 0.5], rtol=1e-6)
