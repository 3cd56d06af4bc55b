"""attention.h5 and gradcam.h5: round trips, joining folds, the windows' pixels, averages over parcels by hand."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import square_mask, write_atlas

from wfci_sleep.analysis.parcels import area_heat, parcel_table
from wfci_sleep.data.atlas import Atlas, load_atlas
from wfci_sleep.preprocessing.survey import Survey, write_survey
from wfci_sleep.scoring.explanations import (
    MouseMaps,
    mouse_maps,
    mouse_masks,
    read_attention,
    read_gradcam,
    recorded_shape,
    write_attention,
    write_gradcam,
)

STATES = ["wake", "nrem", "rem"]
EVERYWHERE = np.ones((1, 128, 128), dtype=bool)


def test_maps_are_resized_bilinearly_and_absent_ones_are_nan():
    heat = {("a", 0): np.array([[0.0, 1.0], [0.0, 1.0]], dtype=np.float32)}
    masks = {"a": EVERYWHERE[0, :, :64], "b": square_mask()[:, :64]}
    maps = mouse_maps(heat, {("a", 0): 3}, masks, STATES, recorded_shape("left"))
    assert maps.mice == ["a", "b"]
    np.testing.assert_array_equal(maps.masks, [masks["a"], masks["b"]])
    assert maps.maps.shape == (2, 3, 128, 64)
    assert maps.examples.tolist() == [[3, 0, 0], [0, 0, 0]]
    # Pixel centres of 64 columns between the centres of two: half-pixel bilinear interpolation.
    expected = np.clip((np.arange(64) + 0.5) / 32 - 0.5, 0, 1)
    np.testing.assert_allclose(maps.maps[0, 0, 50], expected, atol=1e-6)
    assert np.isnan(maps.maps[0, 1]).all()


def test_folds_join_with_means_weighted_by_examples(tmp_path):
    first = MouseMaps(
        ["a"], STATES, np.full((1, 3, 128, 128), 0.2, np.float32), np.array([[3, 1, 0]]), square_mask()[None]
    )
    first.maps[0, 2] = np.nan
    masks = np.stack([square_mask(), square_mask().T])
    heat = np.full((2, 3, 128, 128), 0.6, np.float32)
    second = MouseMaps(["b", "a"], STATES, heat, np.array([[1, 1, 1], [1, 0, 0]]), masks)
    second.maps[1, 1:] = np.nan
    second_method = replace(first, maps=first.maps / 2)
    write_gradcam(tmp_path / "1.h5", {"gradcam": first, "gradcam_plus_plus": second_method})
    write_gradcam(tmp_path / "2.h5", {"gradcam": second, "gradcam_plus_plus": second})
    joined = read_gradcam([tmp_path / "1.h5", tmp_path / "2.h5"], "gradcam", STATES)
    assert joined.mice == ["a", "b"]
    assert joined.examples.tolist() == [[4, 1, 0], [1, 1, 1]]
    np.testing.assert_allclose(joined.maps[0, 0], (3 * 0.2 + 0.6) / 4, rtol=1e-6)
    np.testing.assert_allclose(joined.maps[0, 1], 0.2, rtol=1e-6)
    assert np.isnan(joined.maps[0, 2]).all()
    # Of both folds what they share: rows and columns 30 to 99.
    assert np.argwhere(joined.masks[0])[[0, -1]].tolist() == [[30, 30], [99, 99]]
    assert joined.masks.sum(axis=(1, 2)).tolist() == [70 * 70, 80 * 80]
    other = read_gradcam([tmp_path / "1.h5"], "gradcam_plus_plus", STATES)
    np.testing.assert_array_equal(other.maps, first.maps / 2)


def test_a_fold_that_tests_nobody_joins_the_others(tmp_path):
    """As where all recordings of a mouse are left out."""
    one = MouseMaps(["a"], STATES, np.full((1, 3, 128, 128), 0.2, np.float32), np.array([[3, 1, 2]]), EVERYWHERE)
    none = mouse_maps({}, {}, {}, STATES, recorded_shape("both"))
    write_gradcam(tmp_path / "1.h5", {"gradcam": none})
    write_gradcam(tmp_path / "2.h5", {"gradcam": one})
    joined = read_gradcam([tmp_path / "1.h5", tmp_path / "2.h5"], "gradcam", STATES)
    assert joined.mice == ["a"]
    np.testing.assert_allclose(joined.maps, one.maps)
    np.testing.assert_array_equal(joined.masks, one.masks)


@pytest.mark.parametrize("binning", [1, 8])
@pytest.mark.parametrize("hemisphere", ["both", "left", "right"])
@pytest.mark.parametrize("kind", ["recording", "atlas", "both"])
def test_masks_hold_the_pixels_that_the_windows_of_all_recordings_used(tmp_path, kind, hemisphere, binning):
    brain = np.zeros((128, 128), dtype=bool)
    brain[10:90, 25:100] = True
    atlas = Atlas(np.zeros((128, 128), np.uint8), [], brain)
    shifted = np.roll(square_mask(), (3, -5), axis=(0, 1))
    recordings = {("a", "1"): square_mask(), ("a", "2"): shifted, ("b", "1"): shifted}
    surveys = {key: tmp_path / "-".join(key) for key in recordings}
    image = np.zeros((128, 128), np.float32)
    for key, mask in recordings.items():
        write_survey(surveys[key], Survey(image, image, mask, 168))

    def used(mask):
        """Pixels of the setting in bins of which at least half are, pixel by pixel and bin by bin."""
        chosen = {"recording": mask, "atlas": brain, "both": mask & brain}[kind]
        columns = {"both": range(128), "left": range(64), "right": range(64, 128)}[hemisphere]
        found = np.zeros((128, len(columns)), dtype=bool)
        for row in range(128):
            for place, column in enumerate(columns):
                top, left = row - row % binning, column - column % binning
                inside = chosen[top : top + binning, left : left + binning].mean() >= 0.5
                found[row, place] = chosen[row, column] and inside
        return found

    windows = {"hemisphere": hemisphere, "mask": kind, "spatial_binning": binning}
    found = mouse_masks(recordings, surveys, windows, atlas)
    assert list(found) == ["a", "b"]
    np.testing.assert_array_equal(found["a"], used(square_mask()) & used(shifted))
    np.testing.assert_array_equal(found["b"], used(shifted))
    assert list(mouse_masks([("a", "2")], surveys, windows, atlas)) == [
        "a"
    ]  # recordings that were not tested don't count


@pytest.mark.parametrize(("hemisphere", "columns"), [("both", slice(0, 128)), ("left", slice(0, 64))])
def test_a_parcel_s_mean_is_over_the_pixels_that_the_windows_used(tmp_path, rng, hemisphere, columns):
    """A parcel that the mask halves has the mean of the half inside, one outside has none, all others stay."""
    atlas = load_atlas(write_atlas(tmp_path / "atlas.mat"))
    heat = rng.random((1, 2, *atlas.parcels[:, columns].shape)).astype(np.float32)
    heat[0, 1] = np.nan
    whole = MouseMaps(["a"], ["wake", "nrem"], heat, np.array([[3, 0]]), EVERYWHERE[:, :, columns])
    mask = np.ones((128, 128), dtype=bool)
    rows, _ = np.nonzero(atlas.parcels == 1)
    half = rows.min() + 9
    mask[half:][atlas.parcels[half:] == 1] = False
    mask[atlas.parcels == 2] = False
    before = parcel_table(whole, atlas, hemisphere)
    after = parcel_table(replace(whole, masks=mask[None, :, columns]), atlas, hemisphere)
    keys = ["mouse", "state", "parcel", "name", "examples"]
    pd.testing.assert_frame_equal(before[keys], after[keys])
    before, after = (table.set_index(["state", "parcel"])["mean_heat"] for table in (before, after))
    upper = [
        float(heat[0, 0, row, column]) for row in range(half) for column in range(64) if atlas.parcels[row, column] == 1
    ]
    assert len(upper) == (atlas.parcels == 1).sum() / 2
    assert after["wake", 1] == pytest.approx(math.fsum(upper) / len(upper), rel=1e-6)
    assert after["wake", 1] != pytest.approx(before["wake", 1], rel=1e-3)
    assert np.isnan(after["wake", 2])
    rest = [("wake", parcel) for parcel in range(3, 41 if hemisphere == "both" else 21)]
    assert after[rest].tolist() == before[rest].tolist()  # to the last bit
    assert after["nrem"].isna().all()


def test_an_area_s_heat_is_that_of_its_covered_parcels():
    areas = ["M1", "V1", *(f"x{number}" for number in range(18))]
    parcels = np.zeros((128, 128), np.uint8)
    parcels[10, :4], parcels[90, :4] = [1, 2, 21, 22], [1, 2, 21, 22]
    atlas = Atlas(parcels, [f"{area} {side}" for side in "LR" for area in areas], parcels > 0)
    masks = np.ones((1, 128, 128), dtype=bool)
    masks[0, 10, [0, 1, 3]] = masks[0, 90, [1, 3]] = False  # half of M1 L, all of V1
    heat = np.zeros((1, 1, 128, 128), np.float32)
    heat[0, 0, 10, :4], heat[0, 0, 90, :4] = 0.9, [0.2, 0.9, 0.3, 0.9]
    table = parcel_table(MouseMaps(["a"], ["wake"], heat, np.array([[1]]), masks), atlas, "both")
    found = area_heat(table, atlas)
    assert found["area"].tolist() == ["M1"]
    assert found["mean_heat"].item() == pytest.approx((0.2 + (0.9 + 0.3) / 2) / 2)


def test_parcel_means(tmp_path):
    atlas = load_atlas(write_atlas(tmp_path / "atlas.mat"))
    heat = np.where(atlas.parcels == 25, 0.5, 0.1).astype(np.float32)
    maps = MouseMaps(["a"], ["wake"], heat[None, None], np.array([[2]]), EVERYWHERE)
    table = parcel_table(maps, atlas, "both").set_index("parcel")
    assert len(table) == 40
    assert table.loc[25, "mean_heat"] == 0.5
    assert table.loc[25, "name"] == "Area4 R"
    np.testing.assert_allclose(table["mean_heat"].drop(25), 0.1, rtol=1e-6)
    half = MouseMaps(["a"], ["wake"], heat[None, None, :, :64], np.array([[2]]), EVERYWHERE[:, :, :64])
    left = parcel_table(half, atlas, "left")
    assert list(left["parcel"]) == list(range(1, 21))


def test_attention_round_trip(tmp_path, rng):
    epochs = pd.DataFrame(
        {
            "mouse": ["a", "a"],
            "recording": "r",
            "epoch": [0, 4],
            "start_s": [0.0, 40.0],
            "y_true": [0, 1],
            "y_pred": [0, 2],
        }
    )
    weights = rng.dirichlet(np.ones(168), 2).astype(np.float32)
    write_attention(tmp_path / "1.h5", epochs, weights, 10)
    write_attention(tmp_path / "2.h5", epochs.assign(mouse="b"), weights[::-1], 10)
    table, found, window_s = read_attention([tmp_path / "1.h5", tmp_path / "2.h5"], STATES)
    assert list(table["mouse"]) == ["a", "a", "b", "b"]
    assert table["epoch"].tolist() == [0, 4, 0, 4]
    np.testing.assert_array_equal(found, np.concatenate([weights, weights[::-1]]))
    assert window_s == 10
