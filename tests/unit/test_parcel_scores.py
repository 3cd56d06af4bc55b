"""Networks of one parcel each: their table, the picture of the cortex, the figure."""

import numpy as np
import pandas as pd
import pytest

from wfci_sleep.analysis.parcel_scores import on_the_cortex, parcel_scores, pooled
from wfci_sleep.data.atlas import Atlas
from wfci_sleep.figures.parcel_scores import plot_parcel_scores
from wfci_sleep.files.atomic import write_table
from wfci_sleep.tables import read_table
from wfci_sleep.tables.results import PARCEL_SCORES

STATES = ["wake", "nrem", "rem"]


@pytest.fixture
def atlas():
    """Twenty bars on the left, from front to back, and their mirror images on the right."""
    parcels = np.zeros((128, 128), dtype=np.uint8)
    for number in range(1, 21):
        rows = slice(4 + 6 * (number - 1), 4 + 6 * number)
        parcels[rows, 10:64], parcels[rows, 64:118] = number, number + 20
    names = [f"Area{number} {side}" for side in "LR" for number in range(1, 21)]
    return Atlas(parcels, names, parcels > 0)


def metrics(kappa: float, low: float | None = None) -> pd.DataFrame:
    """metrics.tsv of an experiment with one mouse, whose kappa is given."""
    rows = [("kappa", None, kappa), ("accuracy", None, 0.5), *(("f1", state, kappa / 2) for state in STATES)]
    levels = [("pooled", "all"), ("fold", "1"), ("mouse", "Ms1")]
    low = kappa - 0.1 if low is None else low
    made = [
        (level, unit, metric, state, value, low, value + 0.1, "1 mouse", 9)
        for level, unit in levels
        for metric, state, value in rows
    ]
    columns = ["level", "unit", "metric", "state", "value", "ci_low", "ci_high", "interval_over", "n"]
    return pd.DataFrame(made, columns=columns)


@pytest.fixture
def scores(atlas):
    """Parcels 2-19 and 22-39; the further back, the better, the right a little less."""
    numbers = [*range(2, 20), *range(22, 40)]
    return parcel_scores({n: metrics(0.04 * ((n - 1) % 20) - 0.05 * (n > 20)) for n in numbers}, atlas)


def test_each_parcel_has_the_measures_of_its_network(scores, atlas, tmp_path):
    kappa = pooled(scores, "kappa")
    assert list(kappa.index) == [*range(2, 20), *range(22, 40)]
    expected = {"name": "Area5 L", "value": 0.16, "ci_low": 0.16 - 0.1, "ci_high": 0.16 + 0.1, "n": 9}
    assert kappa.loc[5].to_dict() == {**expected, "interval_over": "1 mouse"}
    assert pooled(scores, "f1", "rem").loc[5, "value"] == 0.08
    assert set(scores["level"]) == {"pooled", "mouse"}
    write_table(scores, tmp_path / "parcel_scores.tsv")
    read = read_table(tmp_path / "parcel_scores.tsv", PARCEL_SCORES)
    assert list(read) == list(scores)
    pd.testing.assert_frame_equal(pooled(read, "kappa"), kappa, atol=1e-5, check_dtype=False)


def test_no_state_is_empty_in_a_table_from_memory_and_missing_in_one_from_a_file(scores):
    pd.testing.assert_frame_equal(pooled(scores.fillna({"state": ""}), "kappa"), pooled(scores, "kappa"))


def test_the_picture_has_each_value_in_its_parcel(scores, atlas):
    values = pooled(scores, "kappa")["value"]
    picture = on_the_cortex(values, atlas.parcels)
    for number in range(41):
        inside = picture[atlas.parcels == number]
        if number in values:
            assert (inside == values[number]).all()
        else:
            assert np.isnan(inside).all()  # outside, and parcels 1, 20, 21 and 40


@pytest.mark.parametrize("missing", [False, True])
def test_areas_come_by_their_mean_kappa(scores, atlas, missing):
    if missing:  # kappa is not defined where a network saw one state alone
        scores.loc[(scores["parcel"] == 9) & (scores["metric"] == "kappa"), ["value", "ci_low", "ci_high"]] = np.nan
        scores.loc[(scores["parcel"] == 29) & (scores["metric"] == "kappa"), ["value", "ci_low", "ci_high"]] = np.nan
    figure = plot_parcel_scores(scores, atlas.parcels, STATES)
    *maps, ranks = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    assert [axes.get_title() for axes in maps] == ["Cohen's kappa", "F1 of Wake", "F1 of NREM", "F1 of REM"]
    names = [label.get_text() for label in ranks.get_yticklabels()]
    expected = [f"Area{number}" for number in range(2, 20) if not missing or number != 9]
    assert names == (["Area9", *expected] if missing else expected)
    left, right = ranks.get_lines()[:2]
    shown = dict(zip(names, left.get_xdata(), strict=True))
    assert shown["Area5"] == 0.16
    assert dict(zip(names, right.get_xdata(), strict=True))["Area5"] == pytest.approx(0.11)
