"""Grad-CAM pictures: two looks of the same maps, outlines where the atlas has borders, areas ranked and compared."""

from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from conftest import write_atlas
from made_up import NAMES, areas_of, maps_of

from wfci_sleep.analysis.parcels import area_heat, front_to_back
from wfci_sleep.data.atlas import load_atlas
from wfci_sleep.figures import gradcam
from wfci_sleep.figures.gradcam import outlines, plot_gradcam
from wfci_sleep.figures.gradcam_parcels import plot_gradcam_parcels
from wfci_sleep.figures.style import save


def says(figure, words):
    return any(words in text.get_text() for text in figure.findobj(mpl.text.Text))


def left_right():
    """A picture of two parcels side by side, away from the border."""
    parcels = np.zeros((128, 128), dtype=np.uint8)
    parcels[30:100, 20:64], parcels[30:100, 64:110] = 3, 23
    return parcels


def test_outlines_run_between_pixels_of_different_parcels():
    x, y = outlines(left_right())
    drawn = np.isfinite(x)
    # Half a pixel outside the first and last row and column of the parcels, and between the two.
    assert (x[drawn].min(), x[drawn].max()) == (19.5, 109.5)
    assert (y[drawn].min(), y[drawn].max()) == (29.5, 99.5)
    assert {63.5} <= set(x[drawn])
    assert (~drawn).sum() == 2
    # Straight lines have no points on their way: an octagon each, whose first point is also its last.
    assert drawn.sum() == 2 * 9
    # Regions that touch the border are closed.
    assert np.isfinite(outlines(np.ones((4, 5)))[0]).sum() == 9
    assert outlines(np.zeros((4, 5))).shape == (2, 0)


def test_published_look_stays_and_the_atlas_look_is_opaque_with_outlines(rng):
    maps, examples, background, mask = maps_of(rng, 2)
    data = (maps, examples, background, mask, ["Ms1", "Ms2"], NAMES)
    published, even = plot_gradcam(*data), plot_gradcam(*data, parcels=left_right())
    for figure, colours, opacity, n_lines in ((published, "jet", 0.5, 0), (even, "viridis", None, 2)):
        for cell, axes in enumerate(figure.axes[:6]):
            assert len(axes.get_lines()) == n_lines
            if cell == 5:  # the last mouse has no REM
                assert len(axes.images) == 1
                continue
            _, heat = axes.images
            assert (heat.get_cmap().name, heat.get_alpha()) == (colours, opacity)
            shown = heat.get_array()
            mouse, state = divmod(cell, 3)
            np.testing.assert_array_equal(shown[mask[mouse]], maps[mouse, state][mask[mouse]])
            assert np.ma.getmaskarray(np.ma.masked_invalid(shown))[~mask[mouse]].all()
    parcels, brain = even.axes[0].get_lines()
    np.testing.assert_array_equal(parcels.get_xydata().T, outlines(left_right()))
    np.testing.assert_array_equal(brain.get_xydata().T, outlines(mask[0]))
    assert says(even, "no correct")


def test_maps_lie_on_the_pixels_that_the_windows_used(rng, monkeypatch):
    """As scoring kept them beside the maps, which is not the recording's mask."""
    maps, examples, background, mask = maps_of(rng, 1)
    used = mask[:, :, 64:] & (np.arange(128) > 50)[:, None]
    found = SimpleNamespace(maps=maps[..., 64:], masks=used, examples=examples, mice=["Ms1"], states=NAMES)
    survey = SimpleNamespace(std_frame=background[0], mask=mask[0])
    monkeypatch.setattr(gradcam, "read_gradcam", lambda *_: found)
    monkeypatch.setattr(gradcam, "read_surveys", lambda _: survey)
    inputs = SimpleNamespace(gradcam=[], surveys=["Ms1-fc1.h5"])
    params = {"classes": NAMES, "hemisphere": "right", "mice": ["Ms1"], "method": "gradcam", "outlines": False}
    figure = gradcam.draw(inputs, SimpleNamespace(**params))
    assert used.any() and (used != mask[:, :, 64:]).any()
    for image in figure.axes[0].images:
        np.testing.assert_array_equal(~np.ma.getmaskarray(np.ma.masked_invalid(image.get_array())), used[0])


def test_one_hemisphere_and_an_all_artefact_run_draw(rng, tmp_path):
    maps, examples, background, mask = (array[..., :64] if array.ndim > 2 else array for array in maps_of(rng, 1))
    data = (np.full_like(maps, np.nan), np.zeros_like(examples), background, mask)
    figure = plot_gradcam(*data, ["Ms1"], NAMES, parcels=left_right()[:, :64])
    save(figure, tmp_path / "a.svg", tmp_path / "a.png")
    assert (tmp_path / "a.svg").read_text().count("no correct") == 3
    x, _ = outlines(left_right()[:, :64])
    assert np.nanmax(x) == 63.5


def test_areas_are_means_of_both_hemispheres(tmp_path):
    atlas = load_atlas(write_atlas(tmp_path / "atlas.mat"))
    columns = ["mouse", "state", "parcel", "mean_heat"]
    rows = [("a", "wake", 3, 0.2), ("a", "wake", 23, 0.4), ("a", "wake", 20, 0.5), ("a", "rem", 3, np.nan)]
    areas = area_heat(pd.DataFrame(rows, columns=columns), atlas).set_index("area")
    assert areas["mean_heat"].round(9).to_dict() == {"Area2": 0.3, "Area19": 0.5}
    # Rows of the made-up atlas: 10-27 for its first four parcels, 90-107 for its last.
    assert areas["row"].to_dict() == {"Area2": 18.5, "Area19": 98.5}
    assert set(areas["state"]) == {"wake"}


def test_correlation_with_place_is_spearmans(rng):
    from scipy.stats import spearmanr

    areas = areas_of(rng, ["Ms1", "Ms2"])
    wake = areas[areas["state"] == "wake"]
    found = front_to_back(wake)
    for mouse, one in wake.groupby("mouse"):
        assert found[mouse] == pytest.approx(spearmanr(one["row"], one["mean_heat"])[0])
    assert front_to_back(wake.assign(mean_heat=0.0)).isna().all()
    assert front_to_back(wake.assign(mean_heat=-wake["row"])).to_dict() == pytest.approx({"Ms1": -1, "Ms2": -1})


def test_bars_are_ranked_means_over_mice_coloured_by_place(rng):
    areas = areas_of(rng, ["Ms1", "Ms2", "Ms3"])
    figure = plot_gradcam_parcels(areas, NAMES)
    for axes, state in zip(figure.axes[:3], NAMES, strict=True):
        heat = areas[areas["state"] == state].pivot(index="mouse", columns="area", values="mean_heat")
        expected = heat.div(heat.mean(axis=1), axis=0).mean().sort_values()
        assert [label.get_text() for label in axes.get_yticklabels()] == list(expected.index)
        np.testing.assert_allclose([bar.get_width() for bar in axes.patches], expected)
        points = [line for line in axes.get_lines() if line.get_marker() == "o"]
        assert len(points[0].get_xdata()) == 3 * len(expected)
        _, interval = axes.collections
        for (low, high), mean in zip([s[:, 0] for s in interval.get_segments()], expected, strict=True):
            assert low <= mean <= high
        rows = areas.groupby("area")["row"].first()
        colour_of = {
            label.get_text(): bar.get_facecolor()
            for label, bar in zip(axes.get_yticklabels(), axes.patches, strict=True)
        }
        assert colour_of[rows.idxmin()] == pytest.approx(mpl.colormaps["viridis"](0.0))
        assert colour_of[rows.idxmax()] == pytest.approx(mpl.colormaps["viridis"](1.0))
        found = front_to_back(areas[areas["state"] == state])
        words = f"ρ = {found.mean():z.2f}, range {found.min():z.2f} to {found.max():z.2f}".replace("-", "−")
        assert words in axes.get_title()
        assert "n = 3 mice" in axes.get_title()


def test_an_area_that_one_mouse_lacks_has_the_mean_of_the_others(rng):
    areas = areas_of(rng, ["Ms1", "Ms2", "Ms3"])
    areas = areas[(areas["state"] == "wake") & ~((areas["mouse"] == "Ms2") & (areas["area"] == "V1"))]
    axes = plot_gradcam_parcels(areas, ["wake"]).axes[0]
    heat = areas.pivot(index="mouse", columns="area", values="mean_heat")
    expected = heat.div(heat.mean(axis=1), axis=0).mean().sort_values()
    np.testing.assert_allclose([bar.get_width() for bar in axes.patches], expected)
    _, interval = axes.collections
    # Of two mice there is no interval.
    drawn = {area: len(line) > 0 for area, line in zip(expected.index, interval.get_segments(), strict=True)}
    assert [area for area, there in drawn.items() if not there] == ["V1"]
    assert expected.max() < axes.get_xlim()[1] < 10


def test_few_mice_and_little_heat_are_said_in_words(rng):
    areas = areas_of(rng, ["Ms1"])
    one = plot_gradcam_parcels(areas[areas["state"] != "rem"], NAMES)
    assert sum("one mouse: no interval" in axes.get_title() for axes in one.axes) == 2
    assert not one.axes[0].collections
    two = plot_gradcam_parcels(areas_of(rng, ["Ms1", "Ms2"]), NAMES)
    assert says(two, "n = 2 mice: no interval")
    assert not two.axes[0].collections
    assert says(one, "no correct example")
    assert says(plot_gradcam_parcels(areas.assign(mean_heat=0.0), NAMES), "no heat anywhere")
    # The same heat everywhere has no rank.
    assert says(plot_gradcam_parcels(areas.assign(mean_heat=0.5), NAMES), "ρ not defined")
    assert not says(plot_gradcam_parcels(areas[:0], ["wake", "sleep"]), "nan")
