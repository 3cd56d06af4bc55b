"""95 % intervals hold the truth in 95 % of simulated studies: of mice that differ, and of one session of bouts."""

from functools import partial

import numpy as np
import pytest

from wfci_sleep.metrics import measures, with_intervals

NAMES = ["wake", "nrem", "rem"]

STUDIES = 600

RESAMPLES = 400

THREE_STANDARD_ERRORS = 3 * np.sqrt(0.95 * 0.05 / STUDIES)


def confusions_of_mice(rng, n_mice):
    """Mice with shares of the states and rates of success of their own, 400 epochs each."""
    counts = np.stack([rng.multinomial(400, share) for share in rng.dirichlet([50, 40, 10], n_mice)])
    return rng.multinomial(counts, chances(rng.beta(16, 4, (n_mice, 3)), np.arange(3)))


def confusions_of_bouts(rng, n_bouts):
    """Bouts of one state each, with a length and a rate of success of their own."""
    state, lengths = rng.choice(3, n_bouts, p=[0.45, 0.4, 0.15]), rng.geometric(1 / 8, n_bouts)
    found = rng.multinomial(lengths, chances(rng.beta(3, 0.75, n_bouts), state))
    return np.eye(3, dtype=int)[state][:, :, None] * found[:, None, :]


def chances(right, state):
    """Chances of each state to be predicted: `right` for the true one, the rest shared by the others."""
    others = (1 - right) / 2
    return np.where(np.arange(3) == np.asarray(state)[..., None], right[..., None], others[..., None])


@pytest.mark.parametrize(
    ("study", "n_clusters"), [(confusions_of_mice, 4), (confusions_of_mice, 12), (confusions_of_bouts, 150)]
)
def test_intervals_hold_the_truth_at_their_nominal_rate(study, n_clusters):
    rng = np.random.default_rng(20)
    measure = partial(measures, names=NAMES)
    # So many clusters that what is left of chance is a hundredth of an interval.
    truth = measure(study(rng, 300_000).sum(axis=0))
    held = dict.fromkeys([("accuracy", ""), ("kappa", ""), ("f1_weighted", "")], 0)
    for seed in range(STUDIES):
        found = with_intervals(study(rng, n_clusters), measure, RESAMPLES, seed)
        for key in held:
            _, low, high = found[key]
            held[key] += low <= truth[key] <= high
    for key, count in held.items():
        assert abs(count / STUDIES - 0.95) < THREE_STANDARD_ERRORS, (key, count / STUDIES)
