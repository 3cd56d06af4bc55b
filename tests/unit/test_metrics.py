"""Measures against scikit-learn, intervals against simulation, tables against hand-made cases."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from wfci_sleep.calibration import calibrated, expected_calibration_error
from wfci_sleep.metrics import calibration_errors, calibration_sums, measures, metrics_document, metrics_table
from wfci_sleep.metrics import with_intervals as intervals_of

NAMES = ["wake", "nrem", "rem"]


def with_intervals(confusions, names, resamples, seed):
    return intervals_of(confusions, lambda sums: measures(sums, names), resamples, seed)


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
        _, low, high = with_intervals(confusions, ["wake", "sleep"], 300, seed=sample)["accuracy", ""]
        covered += low <= 0.7 <= high
    assert 0.90 <= covered / 200 <= 0.99


def test_a_single_cluster_has_no_interval():
    value, low, high = with_intervals(np.array([[[5, 1], [0, 4]]]), ["wake", "sleep"], 100, 0)["accuracy", ""]
    assert value == 0.9
    assert np.isnan([low, high]).all()


@pytest.fixture
def predictions(rng):
    rows = []
    for fold, mouse in enumerate(("Ms1", "Ms2"), start=1):
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
        ("mouse", "Ms1"),
        ("mouse", "Ms2"),
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
    assert document["pooled"]["n"] == 80
    assert 0 < document["pooled"]["kappa"] <= 1
    low, high = document["pooled"]["ci95"]["kappa"]
    assert low <= document["pooled"]["kappa"] <= high
    assert 0 < document["pooled"]["ece"] < 1
    assert len(document["mouse"]["Ms1"]["ci95"]["ece_calibrated"]) == 2
    assert set(document["mouse"]) == {"Ms1", "Ms2"}
    assert set(document["fold"]["1"]["recall"]) == set(NAMES)


def test_a_state_of_a_single_mouse_has_no_interval():
    """Resamples without that mouse have no such measure, all others the same one: they say nothing about spread."""
    confusions = np.array([[[5, 1, 0], [1, 5, 0], [0, 0, 0]]] * 3 + [[[5, 1, 0], [1, 5, 0], [1, 1, 3]]])
    found = with_intervals(confusions, NAMES, 200, 0)
    value, low, high = found["recall", "rem"]
    assert value == 0.6
    assert np.isnan([low, high]).all()
    assert np.isfinite(found["recall", "wake"]).all()


def test_where_nobody_errs_the_interval_is_the_value():
    found = with_intervals(np.array([np.eye(3, dtype=int) * 5] * 4), NAMES, 200, 0)
    assert found["kappa", ""] == found["recall", "rem"] == (1.0, 1.0, 1.0)
