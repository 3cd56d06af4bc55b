"""Links of visibility graphs by the time between their moments: means by hand."""

import numpy as np
import pandas as pd
import pytest

from wfci_sleep.analysis.links import link_table
from wfci_sleep.layout import FRAME_RATE_HZ
from wfci_sleep.scoring.explanations import LINKS, METHOD_TITLES, link_masks, mouse_maps, read_gradcam, write_gradcam

STATES = ["wake", "nrem", "rem"]


def maps_of(heat, examples, length):
    return mouse_maps(heat, examples, link_masks(["Ms1", "Ms2"], length), STATES, (length, length))


def by_hand(heat):
    """Mean over every place of the map whose moments are as far apart, for each distance."""
    length = len(heat)
    places = {lag: [] for lag in range(1, length)}
    for row in range(length):
        for column in range(length):
            if row != column:
                places[abs(row - column)].append(heat[row, column])
    return [np.mean(values) for values in places.values()]


def test_heat_is_averaged_over_the_links_of_moments_as_far_apart(rng):
    heat = {("Ms1", 0): rng.random((7, 7)).astype(np.float32), ("Ms2", 2): rng.random((7, 7)).astype(np.float32)}
    table = link_table(maps_of(heat, {("Ms1", 0): 3, ("Ms2", 2): 1}, 7))
    assert list(table) == ["mouse", "state", "lag_s", "mean_heat", "examples"]
    assert len(table) == 2 * 3 * 6
    by_state = table.set_index(["mouse", "state"])
    for (mouse, index), each in heat.items():
        rows = by_state.loc[(mouse, STATES[index])]
        np.testing.assert_allclose(rows["lag_s"], np.arange(1, 7) / FRAME_RATE_HZ)
        np.testing.assert_allclose(rows["mean_heat"], by_hand(each), rtol=1e-5)
        assert set(rows["examples"]) == {{"Ms1": 3, "Ms2": 1}[mouse]}
    nothing = by_state.loc[("Ms2", "wake")]
    assert nothing["mean_heat"].isna().all() and (nothing["examples"] == 0).all()


@pytest.mark.parametrize("lag", [1, 4])
def test_one_distance_alone_has_heat(lag):
    heat = (np.abs(np.subtract.outer(np.arange(6), np.arange(6))) == lag).astype(np.float32)
    table = link_table(maps_of({("Ms1", 1): heat}, {("Ms1", 1): 2}, 6)).dropna()
    assert table["mean_heat"].tolist() == [float(each == lag) for each in range(1, 6)]


def test_folds_join_before_the_means(tmp_path, rng):
    """Of a mouse that two folds tested, each epoch counts as much."""
    heat = [rng.random((5, 5)).astype(np.float32) for _ in range(2)]
    for fold, (each, n) in enumerate(zip(heat, (3, 1), strict=True)):
        maps = maps_of({("Ms1", 0): each}, {("Ms1", 0): n}, 5)
        write_gradcam(tmp_path / f"{fold}.h5", dict.fromkeys(METHOD_TITLES, maps))
    joined = read_gradcam([tmp_path / "0.h5", tmp_path / "1.h5"], "gradcam", STATES, shape=LINKS)
    table = link_table(joined)
    found: pd.DataFrame = table[(table["mouse"] == "Ms1") & (table["state"] == "wake")]
    np.testing.assert_allclose(found["mean_heat"], by_hand((3 * heat[0] + heat[1]) / 4), rtol=1e-5)
    assert set(found["examples"]) == {4}
