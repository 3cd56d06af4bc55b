"""The curve of window lengths: which experiments it shows, and what stands beside the published points."""

import matplotlib
import numpy as np
import pytest
from made_up import NAMES, predictions_of

from wfci_sleep.analysis.performance import metrics_table
from wfci_sleep.analysis.published import WINDOW_F1, WINDOW_KAPPA, WINDOW_PROTOCOL, WINDOW_SECONDS, caveat, length_table
from wfci_sleep.figures.window_length import plot_window_length
from wfci_sleep.preprocessing.windowings import length_sweep


def experiment(seconds=10, protocol="pooled", hemisphere="both", matlab=False):
    windows = {"seconds": seconds, "hemisphere": hemisphere}
    return {
        "model": {"kind": "cnn-bilstm"},
        "windows": windows,
        "folds": {"protocol": protocol},
        "analysis": {"matlab": matlab},
    }


def test_only_experiments_that_differ_in_length_are_compared():
    experiments = {
        "main": experiment(),
        "left": experiment(5, hemisphere="left"),
        "long": experiment(20),
        "by-mouse": experiment(7, protocol="leave-one-mouse-out"),
        "short": experiment(1, matlab=True),
        "again": experiment(),
    }
    assert list(length_sweep(experiments)["cnn-bilstm"].items()) == [("short", 1), ("main", 10), ("long", 20)]


def test_the_largest_group_is_taken_or_the_first():
    by_mouse = {"main": experiment(protocol="leave-one-mouse-out")}
    assert length_sweep({**by_mouse, "pooled": experiment()}) == {"cnn-bilstm": {"main": 10}}
    pooled = {"pooled": experiment(), "pooled-5s": experiment(5)}
    assert length_sweep({**by_mouse, **pooled}) == {"cnn-bilstm": {"pooled-5s": 5, "pooled": 10}}


@pytest.fixture
def lengths(rng):
    tables = {
        seconds: metrics_table(predictions_of(rng, ["Ms1", "Ms2", "Ms3"]), NAMES, 100, 0) for seconds in (5, 10, 15)
    }
    return length_table(tables)


def lines_of(axes):
    return {line.get_label(): line.get_xydata() for line in axes.get_lines()}


def test_published_points_and_ours_with_intervals(lengths):
    figure = plot_window_length({"ours": lengths})
    published = {"f1_weighted": WINDOW_F1, "kappa": WINDOW_KAPPA}
    assert len(figure.axes) == 2
    for axes, (metric, values) in zip(figure.axes, published.items(), strict=True):
        rows = lengths[lengths["metric"] == metric]
        lines = lines_of(axes)
        np.testing.assert_array_equal(lines["published"], np.transpose([WINDOW_SECONDS, values]))
        np.testing.assert_array_equal(lines["ours"], rows[["seconds", "value"]])
        (bars,) = axes.collections
        ends = np.array([[(x, low), (x, high)] for x, low, high in rows[["seconds", "ci_low", "ci_high"]].to_numpy()])
        np.testing.assert_array_equal(np.array(bars.get_segments()), ends)


def texts(figure):
    return {text.get_text() for text in figure.findobj(matplotlib.text.Text)}


def test_a_single_length_and_an_undefined_measure_say_so(lengths):
    assert not any("only" in text for text in texts(plot_window_length({"ours": lengths})))
    single = lengths[lengths["seconds"] == 10].copy()
    single.loc[single["metric"] == "kappa", ["value", "ci_low", "ci_high"]] = np.nan
    figure = plot_window_length({"ours": single})
    assert {"ours: 10 s only", "ours: not defined"} <= texts(figure)
    assert "ours: not defined" in texts(plot_window_length({"ours": lengths[:0]}))


def test_the_caveat_stands_in_the_figure_where_there_is_one(lengths):
    settings = {"folds": {"protocol": "leave-one-mouse-out"}, "labels": {"classes": NAMES}}
    assert caveat("leave-one-mouse-out", settings) == ""
    words = caveat(WINDOW_PROTOCOL, settings)
    assert "published protocol pooled, ours leave-one-mouse-out" in words
    assert words.capitalize() in texts(plot_window_length({"ours": lengths}, words))


def test_values_below_zero_are_not_cut_off(lengths):
    worse = lengths.assign(value=lengths["value"] - 1, ci_low=-0.9)
    assert plot_window_length({"ours": worse}).axes[0].get_ylim()[0] < -0.9


def test_the_table_has_the_pooled_rows_only(rng):
    metrics = metrics_table(predictions_of(rng, ["Ms1", "Ms2", "Ms3"]), NAMES, 100, 0)
    table = length_table({7: metrics})
    assert set(table["seconds"]) == {7}
    assert sorted(table["metric"]) == ["f1_weighted", "kappa"]
    pooled = metrics[metrics["level"] == "pooled"].set_index("metric")["value"]
    for row in table.itertuples():
        assert row.value == pooled[row.metric]
