"""Temperature against known ones, calibration error against a slow count, intervals against SciPy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax

from wfci_sleep.scoring.calibration import expected_calibration_error, reliability
from wfci_sleep.training.temperature import TEMPERATURES, calibrated, fit_temperature, negative_log_likelihood

POSITIVE = st.floats(1e-6, 1.0)


@st.composite
def scored_epochs(draw):
    """Probabilities of 2 or 3 classes and true classes."""
    n, n_classes = draw(st.integers(1, 30)), draw(st.sampled_from([2, 3]))
    weights = draw(arrays(np.float64, (n, n_classes), elements=POSITIVE))
    return weights / weights.sum(axis=1, keepdims=True), draw(
        arrays(np.int64, n, elements=st.integers(0, n_classes - 1))
    )


def drawn_from(probabilities, rng):
    """A true class for each epoch, drawn with the given probabilities."""
    return (rng.random((len(probabilities), 1)) > probabilities.cumsum(axis=1)).sum(axis=1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_temperature_of_synthetic_logits_is_found(rng, temperature, n_classes):
    logits = rng.normal(scale=2, size=(40_000, n_classes))
    truth = drawn_from(softmax(logits, axis=1), rng)
    network = softmax(logits * temperature, axis=1).astype(np.float32)
    assert fit_temperature(network, truth) == pytest.approx(temperature, rel=0.04)


def test_the_fit_is_the_minimum_over_a_grid(rng):
    probabilities = rng.dirichlet([0.3] * 3, size=60)
    truth = drawn_from(rng.dirichlet([1.0] * 3, size=60) / 2 + probabilities / 2, rng)
    grid = np.geomspace(*TEMPERATURES, 4000)
    losses = [negative_log_likelihood(probabilities, truth, temperature) for temperature in grid]
    assert fit_temperature(probabilities, truth) == pytest.approx(grid[np.argmin(losses)], rel=2e-3)


@given(scored_epochs())
def test_the_fit_is_never_worse_than_the_network_itself(epochs):
    probabilities, truth = epochs
    temperature = fit_temperature(probabilities, truth)
    assert TEMPERATURES[0] <= temperature <= TEMPERATURES[1]
    after = negative_log_likelihood(probabilities, truth, temperature)
    assert after <= negative_log_likelihood(probabilities, truth)


@pytest.mark.parametrize("n", [0, 5])
def test_epochs_without_an_error_leave_the_network_as_it_is(n):
    assert fit_temperature(np.full((n, 3), [0.2, 0.7, 0.1]), np.ones(n, dtype=int)) == 1.0
    assert fit_temperature(np.ones((n, 1)), np.zeros(n, dtype=int)) == 1.0


def test_a_certain_error_costs_much_but_not_all():
    probabilities = np.array([[1.0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=np.float32)
    truth = np.array([0, 1, 1])
    assert np.isfinite(negative_log_likelihood(probabilities, truth))
    assert fit_temperature(probabilities, truth) > 1


@given(scored_epochs(), st.floats(*TEMPERATURES))
def test_calibration_keeps_the_predicted_class(epochs, temperature):
    probabilities, _ = epochs
    found = calibrated(probabilities, temperature)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    # Not the index of the highest: what differs in the last digit alone may become equal.
    predicted = probabilities.argmax(axis=1)[:, None]
    assert (np.take_along_axis(found, predicted, axis=1)[:, 0] == found.max(axis=1)).all()
    clear = np.diff(np.sort(probabilities, axis=1)[:, -2:])[:, 0] > 1e-6
    assert (found.argmax(axis=1) == predicted[:, 0])[clear].all()


@given(scored_epochs())
def test_temperature_one_changes_nothing(epochs):
    probabilities, _ = epochs
    np.testing.assert_allclose(calibrated(probabilities, 1.0), probabilities, atol=1e-11)


def test_calibration_error_of_a_hand_made_case():
    # Bins (0.5, 0.6], (0.8, 0.9], (0.9, 1]: |1/2 - 0.57|, |1 - 0.9|, |2/3 - 0.97|, weighted by 2, 1, 3 of 6.
    confidence = np.array([0.54, 0.6, 0.9, 0.95, 0.96, 1.0])
    correct = np.array([True, False, True, True, True, False])
    expected = (2 * 0.07 + 1 * 0.1 + 3 * (0.97 - 2 / 3)) / 6
    assert expected_calibration_error(confidence, correct) == pytest.approx(expected)
    table = reliability(confidence, correct)
    assert table["n"].tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 1, 3]
    assert np.isnan(table["accuracy"][0])
    assert (table["low"][5], table["high"][5]) == (0.5, 0.6)
    assert table["confidence"][5] == pytest.approx(0.57)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50), st.integers(1, 20))
def test_calibration_error_equals_a_slow_count(epochs, n_bins):
    confidence, correct = map(np.array, zip(*epochs, strict=True))
    expected = 0.0
    for index in range(n_bins):
        inside = [
            (sure, right)
            for sure, right in epochs
            if (index / n_bins < sure or index == 0) and (sure <= (index + 1) / n_bins)
        ]
        if inside:
            sure, right = np.mean(inside, axis=0)
            expected += len(inside) / len(epochs) * abs(right - sure)
    assert expected_calibration_error(confidence, correct, n_bins) == pytest.approx(expected, abs=1e-12)


def test_a_calibrated_network_has_almost_no_error(rng):
    probabilities = rng.dirichlet(np.ones(3), size=50_000)
    correct = drawn_from(probabilities, rng) == probabilities.argmax(axis=1)
    assert expected_calibration_error(probabilities.max(axis=1), correct) < 0.01
    assert expected_calibration_error(np.ones(10), np.ones(10, dtype=bool)) == 0


def test_calibration_mends_an_overconfident_network(rng):
    logits = rng.normal(scale=1.5, size=(20_000, 3))
    truth, network = drawn_from(softmax(logits, axis=1), rng), softmax(3 * logits, axis=1)
    correct = truth == network.argmax(axis=1)
    after = calibrated(network, fit_temperature(network[:10_000], truth[:10_000]))
    assert expected_calibration_error(network[10_000:].max(axis=1), correct[10_000:]) > 0.1
    assert expected_calibration_error(after[10_000:].max(axis=1), correct[10_000:]) < 0.02


def test_without_epochs_there_is_no_error_to_give():
    assert np.isnan(expected_calibration_error(np.array([]), np.array([])))
