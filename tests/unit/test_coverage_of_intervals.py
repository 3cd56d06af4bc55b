"""95 % intervals hold the truth in 95 % of simulated studies: of mice that differ, and of one session of bouts."""

from functools import partial

import numpy as np
import pytest

from wfci_sleep.analysis.confidence_intervals import with_intervals
from wfci_sleep.analysis.performance import measures

NAMES = ["wake", "nrem", "rem"]

STUDIES = 600

RESAMPLES = 300

THREE_STANDARD_ERRORS = 3 * np.sqrt(0.95 * 0.05 / STUDIES)

MEASURES = [("accuracy", ""), ("kappa", ""), ("f1_weighted", "")]

SPREAD_OF_MICE = 0.5
"""Standard deviation of the mice's shares of wrong epochs, as a multiple of their mean."""


def session(rng, n_bouts, wrong):
    """Bouts of one state each of one mouse, of a length and a share of wrong epochs (mean `wrong`) of their own."""
    return bouts_of(rng, np.full(n_bouts, wrong)), np.zeros(n_bouts, dtype=int)


def mice(rng, n_mice, wrong, n_bouts=50):
    """Mice of 50 bouts that differ in how often they are scored wrongly."""
    shape = (1 - wrong) / SPREAD_OF_MICE**2 - wrong
    each = rng.beta(shape, shape * (1 - wrong) / wrong, n_mice)
    return bouts_of(rng, np.repeat(each, n_bouts)), np.repeat(np.arange(n_mice), n_bouts)


def bouts_of(rng, wrong):
    """Confusion matrices of bouts whose epochs are wrong together more often than not."""
    state, lengths = rng.choice(3, len(wrong), p=[0.45, 0.4, 0.15]), rng.geometric(1 / 8, len(wrong))
    right = rng.beta(3.75 * (1 - wrong), np.maximum(3.75 * wrong, 1e-9))
    chances = np.where(np.arange(3) == state[:, None], right[:, None], (1 - right[:, None]) / 2)
    return np.eye(3, dtype=int)[state][:, :, None] * rng.multinomial(lengths, chances)[:, None, :]


def studies(study, n, wrong):
    """How often each measure's interval held the truth, and how wide the narrowest was."""
    rng = np.random.default_rng(20)
    measure = partial(measures, names=NAMES)
    # So many that what is left of chance is a hundredth of an interval.
    truth = measure(study(rng, 100_000 if study is session else 4_000, wrong)[0].sum(axis=0))
    held, widths = dict.fromkeys(MEASURES, 0), []
    for seed in range(STUDIES):
        found = with_intervals(*study(rng, n, wrong), measure, RESAMPLES, seed)
        for key in MEASURES:
            held[key] += found[key].ci_low <= truth[key] <= found[key].ci_high
            widths.append(found[key].ci_high - found[key].ci_low)
    return {key: count / STUDIES for key, count in held.items()}, min(widths)


@pytest.mark.parametrize(("study", "n"), [(mice, 4), (mice, 12), (session, 150)])
def test_intervals_hold_the_truth_at_their_nominal_rate(study, n):
    held, _ = studies(study, n, 0.2)
    for key, share in held.items():
        assert share == pytest.approx(0.95, abs=THREE_STANDARD_ERRORS), key


@pytest.mark.parametrize(
    ("study", "n", "wrong"),
    [(mice, 4, 0.02), (mice, 12, 0.005), (session, 12, 0.005), (session, 150, 0.005), (session, 150, 0.02)],
)
def test_intervals_of_raters_who_hardly_err_hold_the_truth(study, n, wrong):
    """Many of these studies see no error at all; too cautious by a little is what an exact bound has to be."""
    held, narrowest = studies(study, n, wrong)
    assert narrowest > 0.001
    for key, share in held.items():
        assert 0.92 <= share <= 0.99, key
