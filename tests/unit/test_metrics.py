"""Measures against scikit-learn, intervals against simulation, tables against hand-made cases."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics as reference

from wfci_sleep.analysis.confidence_intervals import with_intervals as intervals_of
from wfci_sleep.analysis.performance import (
    NO_SKILL,
    calibration_errors,
    calibration_sums,
    doubts,
    kappa_in_words,
    measures,
    metrics_document,
    metrics_table,
    numbered_bouts,
    reliability_intervals,
)
from wfci_sleep.scoring.calibration import expected_calibration_error
from wfci_sleep.training.temperature import calibrated

NAMES = ["wake", "nrem", "rem"]


def with_intervals(confusions, names, resamples, seed, mice=None):
    """Of the bouts of one mouse, unless the mouse of each bout is given."""
    mice = np.full(len(confusions), "Ms1") if mice is None else mice
    return intervals_of(np.asarray(confusions), mice, lambda sums: measures(sums, names), resamples, seed)


@pytest.mark.filterwarnings("ignore")  # scikit-learn warns of absent classes
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=60))
def test_measures_equal_scikit_learns(pairs):
    truth, predicted = np.transpose(pairs)
    found = measures(reference.confusion_matrix(truth, predicted, labels=range(3)), NAMES)
    assert found["accuracy", ""] == pytest.approx(reference.accuracy_score(truth, predicted))
    assert found["f1_weighted", ""] == pytest.approx(reference.f1_score(truth, predicted, average="weighted"))
    kappa = reference.cohen_kappa_score(truth, predicted)
    assert found["kappa", ""] == pytest.approx(kappa, nan_ok=True)
    precision, recall, f1, support = reference.precision_recall_fscore_support(
        truth, predicted, labels=range(3), zero_division=np.nan
    )
    for index, name in enumerate(NAMES):
        assert found["precision", name] == pytest.approx(precision[index], nan_ok=True)
        assert found["recall", name] == pytest.approx(recall[index], nan_ok=True)
        if support[index]:
            assert found["f1", name] == pytest.approx(f1[index])


def test_measures_work_on_stacks_of_matrices(rng):
    stack = rng.integers(0, 20, size=(4, 5, 3, 3))
    found = measures(stack, NAMES)
    for place in np.ndindex(4, 5):
        for key, values in found.items():
            np.testing.assert_allclose(values[place], measures(stack[place], NAMES)[key])


def test_intervals_cover_the_truth():
    """Accuracy of 80 clusters of 10 epochs, each right with p = 0.7: 0.7 is covered in about 95 % of samples."""
    rng = np.random.default_rng(3)
    covered = 0
    for sample in range(200):
        right = rng.binomial(10, 0.7, size=80)
        confusions = np.zeros((80, 2, 2), dtype=int)
        confusions[:, 0, 0], confusions[:, 0, 1] = right, 10 - right
        _, low, high, _ = with_intervals(confusions, ["wake", "sleep"], 300, seed=sample)["accuracy", ""]
        covered += low <= 0.7 <= high
    assert 0.90 <= covered / 200 <= 0.99


def test_too_few_clusters_have_no_interval():
    for n, over in ((1, "none: 1 bout"), (2, "none: 2 bouts")):
        value, low, high, said = with_intervals([[[5, 1], [0, 4]]] * n, ["wake", "sleep"], 100, 0)["accuracy", ""]
        assert (value, said) == (0.9, over)
        assert np.isnan([low, high]).all()
    mice = np.repeat(["Ms1", "Ms2"], 20)
    found = with_intervals([[[5, 1], [0, 4]]] * 40, ["wake", "sleep"], 100, 0, mice)
    assert kappa_in_words(found["kappa", ""]) == "kappa 0.80 (no interval: 2 mice)"


@pytest.fixture
def predictions(rng):
    rows = []
    for fold, mouse in enumerate(("Ms1", "Ms2", "Ms3"), start=1):
        truth = np.repeat(rng.integers(0, 3, size=10), 4)
        wrong = rng.random(40) < 0.2
        predicted = np.where(wrong, (truth + 1) % 3, truth)
        probabilities = 0.5 * np.eye(3)[predicted] + 0.5 * rng.dirichlet(np.ones(3), size=40)
        rows.append(
            pd.DataFrame(
                {
                    "mouse": mouse,
                    "recording": f"{mouse}-fc1",
                    "epoch": range(40),
                    "fold": fold,
                    "y_true": truth,
                    "y_pred": predicted,
                    **{f"p_{name}": probabilities[:, index] for index, name in enumerate(NAMES)},
                    "confidence": calibrated(probabilities, 1.5).max(axis=1),
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def test_table_has_every_level_and_its_numbers(predictions):
    table = metrics_table(predictions, NAMES, resamples=200, seed=1)
    assert set(zip(table["level"], table["unit"], strict=True)) == {
        ("pooled", "all"),
        ("fold", "1"),
        ("fold", "2"),
        ("fold", "3"),
        ("mouse", "Ms1"),
        ("mouse", "Ms2"),
        ("mouse", "Ms3"),
    }
    pooled = table[table["level"] == "pooled"].set_index(["metric", "state"])["value"]
    assert pooled["kappa", ""] == pytest.approx(
        reference.cohen_kappa_score(predictions["y_true"], predictions["y_pred"])
    )
    one = predictions[predictions["mouse"] == "Ms2"]
    found = table[(table["unit"] == "Ms2") & (table["metric"] == "accuracy")].iloc[0]
    assert found["value"] == pytest.approx((one["y_true"] == one["y_pred"]).mean())
    assert found["n"] == 40
    assert found["ci_low"] <= found["value"] <= found["ci_high"]
    assert found["ci_low"] < found["ci_high"]


def test_calibration_errors_are_those_of_the_units_own_epochs(predictions):
    table = metrics_table(predictions, NAMES, resamples=200, seed=1).set_index(["level", "unit", "metric"])
    network = predictions[["p_wake", "p_nrem", "p_rem"]].max(axis=1)
    correct = predictions["y_true"] == predictions["y_pred"]
    units = {("pooled", "all"): correct | True, ("fold", "1"): predictions["fold"] == 1}
    units["mouse", "Ms2"] = predictions["mouse"] == "Ms2"
    for unit, rows in units.items():
        before = expected_calibration_error(network[rows], correct[rows])
        after = expected_calibration_error(predictions["confidence"][rows], correct[rows])
        assert before != pytest.approx(after)
        assert table.loc[(*unit, "ece"), "value"] == pytest.approx(before)
        assert table.loc[(*unit, "ece_calibrated"), "value"] == pytest.approx(after)
        assert table.loc[(*unit, "ece"), "ci_low"] < table.loc[(*unit, "ece"), "ci_high"]


def test_bootstrap_of_the_calibration_error_equals_drawing_epochs(predictions):
    """Sums weighted by how often a cluster is drawn give the error of the epochs themselves, repeated as often."""
    clusters = predictions["epoch"].to_numpy() // 10
    sums = calibration_sums(predictions, clusters)
    drawn = np.array([2, 0, 1, 1])
    found = calibration_errors(np.tensordot(drawn, sums, axes=1))
    repeated = predictions.loc[predictions.index.repeat(drawn[clusters])]
    correct = repeated["y_true"] == repeated["y_pred"]
    assert found["ece_calibrated", ""] == pytest.approx(expected_calibration_error(repeated["confidence"], correct))


def test_document_is_json_with_values_and_intervals(predictions):
    table = metrics_table(predictions, NAMES, resamples=200, seed=1)
    document = json.loads(json.dumps(metrics_document(table), allow_nan=False))
    assert document["pooled"]["n"] == 120
    assert 0 < document["pooled"]["kappa"] <= 1
    low, high = document["pooled"]["ci95"]["kappa"]
    assert low <= document["pooled"]["kappa"] <= high
    assert 0 < document["pooled"]["ece"] < 1
    assert len(document["mouse"]["Ms1"]["ci95"]["ece_calibrated"]) == 2
    assert set(document["mouse"]) == {"Ms1", "Ms2", "Ms3"}
    assert set(document["fold"]["1"]["recall"]) == set(NAMES)


def test_a_state_of_a_single_bout_has_no_interval():
    """It says nothing about spread; what the other bouts have is not touched."""
    confusions = np.array([[[5, 1, 0], [1, 5, 0], [0, 0, 0]]] * 3 + [[[5, 1, 0], [1, 5, 0], [1, 1, 3]]])
    found = with_intervals(confusions, NAMES, 200, 0)
    value, low, high, over = found["recall", "rem"]
    assert (value, over) == (0.6, "none: 1 bout")
    assert np.isnan([low, high]).all()
    assert np.isfinite(found["recall", "wake"][:3]).all()


def test_where_nobody_errs_the_interval_is_that_of_clopper_and_pearson():
    """Sixty bouts of three mice, all right: none wrong of sixty, whatever the epochs."""
    bouts = np.array([np.diag(row) * 7 for row in np.eye(3, dtype=int)] * 20)
    found = with_intervals(bouts, NAMES, 200, 0, np.repeat(["Ms1", "Ms2", "Ms3"], 20))
    lowest = binomtest(60, 60).proportion_ci(method="exact").low
    assert found["accuracy", ""] == pytest.approx((1.0, lowest, 1.0, "3 mice"))
    assert found["recall", "rem"].ci_low == pytest.approx(binomtest(20, 20).proportion_ci(method="exact").low)
    # A share u of wrong epochs takes kappa down by u / (1 - chance); a third of the epochs agree by chance.
    assert found["kappa", ""].ci_low == pytest.approx(1 - (1 - lowest) / (2 / 3))
    nothing_right = with_intervals(bouts[:, [1, 2, 0]], NAMES, 200, 0)
    assert nothing_right["recall", "wake"][:3] == pytest.approx((0.0, 0.0, binomtest(0, 20).proportion_ci().high))


def test_an_error_makes_no_interval_narrower():
    """The limit below of a network with one wrong epoch is not above that of a perfect one."""
    perfect = np.array([np.diag(row) * 20 for row in np.eye(3, dtype=int)] * 4)
    one_wrong = perfect.copy()
    one_wrong[0, 0, :2] = 19, 1
    before, after = (with_intervals(bouts, NAMES, 500, 0) for bouts in (perfect, one_wrong))
    for key in (("accuracy", ""), ("kappa", ""), ("f1_weighted", "")):
        assert after[key].ci_low <= before[key].ci_low + 0.002, key  # kappa's chance moves a little


def test_a_network_that_says_one_thing_is_no_better_than_chance():
    """Its kappa is 0 in every resample, which is no reason to be sure of it."""
    bouts = np.zeros((30, 3, 3), dtype=int)
    bouts[np.arange(30), np.arange(30) % 3, 0] = 6
    kappa = with_intervals(bouts, NAMES, 200, 0)["kappa", ""]
    assert kappa.value == 0
    assert kappa.ci_low < 0 < kappa.ci_high
    assert kappa_in_words(kappa).endswith(NO_SKILL)


counts = st.lists(st.lists(st.integers(0, 6), min_size=9, max_size=9), min_size=1, max_size=8)


@given(counts, st.integers(1, 4))
@settings(deadline=None)
def test_every_interval_has_a_width_and_holds_its_value(bouts, n_mice):
    bouts = np.reshape(bouts, (-1, 3, 3))
    mice = np.arange(len(bouts)) % n_mice
    for (metric, _), (value, low, high, over) in with_intervals(bouts, NAMES, 100, 0, mice).items():
        if np.isnan(value):
            assert (np.isnan([low, high]).all(), over) == (True, "")
        elif np.isnan(low):
            assert np.isnan(high)
            assert over.startswith("none: ")
        else:
            lowest = -1 if metric == "kappa" else 0
            assert lowest <= low <= value <= high <= 1
            assert 0.001 < high - low <= 0.9 * (1 - lowest)


@given(counts, st.integers(1, 4), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_the_order_of_bouts_makes_no_difference(bouts, n_mice, random):
    bouts = np.reshape(bouts, (-1, 3, 3))
    mice = np.arange(len(bouts)) % n_mice
    order = random.sample(range(len(bouts)), len(bouts))
    one, other = (with_intervals(bouts[o], NAMES, 100, 0, mice[o]) for o in (np.arange(len(bouts)), order))
    for key in one:
        np.testing.assert_equal(one[key], other[key])


def test_reliability_has_the_intervals_of_its_bins_accuracy(predictions):
    """As if the epochs of a bin were all there are: the same clusters, and no others."""
    found = reliability_intervals(predictions, 5000, 3)
    in_bin = predictions["confidence"].between(0.6, 0.7, inclusive="right")
    chosen = predictions[in_bin]
    bouts = numbered_bouts(predictions)[in_bin]
    confusions = np.zeros((bouts.nunique(), 3, 3), dtype=int)
    np.add.at(confusions, (np.unique(bouts, return_inverse=True)[1], chosen["y_true"], chosen["y_pred"]), 1)
    mice = chosen["mouse"].groupby(bouts).first().to_numpy()
    expected = with_intervals(confusions, NAMES, 5000, 3, mice)["accuracy", ""]
    assert expected.interval_over == "3 mice"
    assert found["calibrated", "6"].interval_over == "3 mice"
    assert found["calibrated", "6"][:3] == pytest.approx(expected[:3], abs=0.03)


def test_doubts_name_every_mouse_and_all_together(predictions):
    assert not any(line.startswith("all test epochs") for line in doubts(metrics_table(predictions, NAMES, 200, 1)))
    rng = np.random.default_rng(0)
    guessed = metrics_table(predictions.assign(y_pred=rng.integers(0, 3, len(predictions))), NAMES, 200, 1)
    lines = doubts(guessed)
    assert [line.split(":")[0] for line in lines] == ["all test epochs", "mouse Ms1", "mouse Ms2", "mouse Ms3"]
    assert all(line.endswith(NO_SKILL) for line in lines)
    awake = metrics_table(predictions.assign(y_true=0, y_pred=0), NAMES, 200, 1)
    assert doubts(awake)[0] == "all test epochs: kappa not defined"
