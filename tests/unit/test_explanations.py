"""attention.h5 and gradcam.h5: round trips, joining folds, averages over parcels by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
from conftest import write_atlas

from wfci_sleep.atlas import load_atlas
from wfci_sleep.explanations import (
    MouseMaps,
    mouse_maps,
    parcel_table,
    read_attention,
    read_gradcam,
    write_attention,
    write_gradcam,
)

STATES = ["wake", "nrem", "rem"]


def test_maps_are_resized_bilinearly_and_absent_ones_are_nan():
    heat = {("a", 0): np.array([[0.0, 1.0], [0.0, 1.0]], dtype=np.float32)}
    maps = mouse_maps(heat, {("a", 0): 3}, ["a", "b"], STATES, "left")
    assert maps.maps.shape == (2, 3, 128, 64)
    assert maps.examples.tolist() == [[3, 0, 0], [0, 0, 0]]
    # Pixel centres of 64 columns between the centres of two: half-pixel bilinear interpolation.
    expected = np.clip((np.arange(64) + 0.5) / 32 - 0.5, 0, 1)
    np.testing.assert_allclose(maps.maps[0, 0, 50], expected, atol=1e-6)
    assert np.isnan(maps.maps[0, 1]).all()


def test_folds_join_with_means_weighted_by_examples(tmp_path):
    first = MouseMaps(["a"], STATES, np.full((1, 3, 128, 128), 0.2, np.float32), np.array([[3, 1, 0]]))
    first.maps[0, 2] = np.nan
    second = MouseMaps(["b", "a"], STATES, np.full((2, 3, 128, 128), 0.6, np.float32), np.array([[1, 1, 1], [1, 0, 0]]))
    second_method = replace(first, maps=first.maps / 2)
    write_gradcam(tmp_path / "1.h5", {"gradcam": first, "gradcam_plus_plus": second_method})
    write_gradcam(tmp_path / "2.h5", {"gradcam": second, "gradcam_plus_plus": second})
    joined = read_gradcam([tmp_path / "1.h5", tmp_path / "2.h5"], "gradcam")
    assert joined.mice == ["a", "b"]
    assert joined.examples.tolist() == [[4, 1, 0], [1, 1, 1]]
    np.testing.assert_allclose(joined.maps[0, 0], (3 * 0.2 + 0.6) / 4, rtol=1e-6)
    np.testing.assert_allclose(joined.maps[0, 1], 0.2, rtol=1e-6)
    assert np.isnan(joined.maps[0, 2]).all()
    other = read_gradcam([tmp_path / "1.h5"], "gradcam_plus_plus")
    np.testing.assert_array_equal(other.maps, first.maps / 2)


def test_parcel_means(tmp_path):
    atlas = load_atlas(write_atlas(tmp_path / "atlas.mat"))
    heat = np.where(atlas.parcels == 25, 0.5, 0.1).astype(np.float32)
    maps = MouseMaps(["a"], ["wake"], heat[None, None], np.array([[2]]))
    table = parcel_table(maps, atlas, "both").set_index("parcel")
    assert len(table) == 40
    assert table.loc[25, "mean_heat"] == 0.5
    assert table.loc[25, "name"] == "Area4 R"
    np.testing.assert_allclose(table["mean_heat"].drop(25), 0.1, rtol=1e-6)
    left = parcel_table(MouseMaps(["a"], ["wake"], heat[None, None, :, :64], np.array([[2]])), atlas, "left")
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
    weights = rng.random((2, 168)).astype(np.float32)
    write_attention(tmp_path / "1.h5", epochs, weights, 10)
    write_attention(tmp_path / "2.h5", epochs.assign(mouse="b"), weights[::-1], 10)
    table, found, window_s = read_attention([tmp_path / "1.h5", tmp_path / "2.h5"])
    assert list(table["mouse"]) == ["a", "a", "b", "b"]
    assert table["epoch"].tolist() == [0, 4, 0, 4]
    np.testing.assert_array_equal(found, np.concatenate([weights, weights[::-1]]))
    assert window_s == 10
