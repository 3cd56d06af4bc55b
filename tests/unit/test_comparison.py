"""Experiments compared over mice: against scipy called directly, cases worked by hand, and what cannot be compared."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import ttest_rel, wilcoxon

from wfci_sleep.analysis.comparison import COLUMNS, MEASURES, comparison_table, holm, paired, rank_biserial
from wfci_sleep.analysis.performance import COLUMNS as METRICS

BY_MOUSE = {"folds": {"protocol": "leave-one-mouse-out"}, "labels": {"classes": ["wake", "nrem", "rem"]}}
POOLED = {**BY_MOUSE, "folds": {"protocol": "pooled"}}
BINARY = {**BY_MOUSE, "labels": {"classes": ["wake", "sleep"]}}


def metrics(values):
    """metrics.tsv of mice m0, m1, ... with these values for every measure."""
    rows = [("pooled", "all", metric, "", 0.0, 0.0, 0.0, 10, "") for metric in MEASURES]
    rows += [
        ("mouse", f"m{i}", metric, "", value, 0, 1, 5, "") for i, value in enumerate(values) for metric in MEASURES
    ]
    return pd.DataFrame(rows, columns=METRICS)


def row(table, experiment, metric="kappa"):
    return table[(table["experiment"] == experiment) & (table["metric"] == metric)].iloc[0]


def main_and(values):
    """The comparison of main with an experiment b of these values."""
    return comparison_table(
        {"main": metrics(MAIN), "b": metrics(values)}, dict.fromkeys(("main", "b"), BY_MOUSE), "main", False
    )


MAIN, OTHER = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.4]), np.array([0.55, 0.68, 0.66, 0.9, 0.93, 0.6])


def test_numbers_are_those_of_scipy():
    table = comparison_table(
        {"main": metrics(MAIN), "b": metrics(OTHER)}, {"main": BY_MOUSE, "b": BY_MOUSE}, "main", False
    )
    assert list(table.columns) == COLUMNS
    found = row(table, "b")
    assert (found["n_mice"], found["n_pairs"]) == (6, 6)
    assert found["mean"] == pytest.approx(OTHER.mean())
    assert found["sd"] == pytest.approx(OTHER.std(ddof=1))
    assert (found["lowest"], found["highest"]) == (0.55, 0.93)
    assert found["difference"] == pytest.approx((OTHER - MAIN).mean())
    interval = ttest_rel(OTHER, MAIN).confidence_interval(0.95)
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((interval.low, interval.high))
    # Some differences are equal but for rounding: what Wilcoxon's test sees is the same as here.
    assert found["p"] == pytest.approx(wilcoxon(OTHER - MAIN).pvalue)
    assert found["p_holm"] == found["p"]
    # Ranks 3, 4, 2, 5, 1, 6 of which only 2 speaks for main: (19 - 2) / 21.
    assert found["effect_size"] == pytest.approx(17 / 21)
    assert found["note"] == ""


def test_the_reference_is_described_and_not_compared_with_itself():
    found = row(comparison_table({"main": metrics(MAIN)}, {"main": BY_MOUSE}, "main", False), "main")
    assert found["mean"] == pytest.approx(MAIN.mean())
    assert found[["difference", "ci_low", "ci_high", "p", "p_holm", "effect_size"]].isna().all()
    assert found["note"] == ""


def test_notes_say_what_cannot_be_compared():
    found = {"main": metrics(MAIN), "pooled": metrics(OTHER), "binary": metrics(OTHER), "few": metrics(OTHER[:3])}
    experiments = {"main": BY_MOUSE, "pooled": POOLED, "binary": BINARY, "few": BY_MOUSE}
    table = comparison_table(found, experiments, "main", True)
    assert row(table, "main")["note"] == "synthetic data: not a scientific result"
    assert "not the same question: protocol pooled against leave-one-mouse-out" in row(table, "pooled")["note"]
    assert "not the same question: 2 states against 3" in row(table, "binary")["note"]
    assert "with 3 mice p cannot be lower than 0.25" in row(table, "few")["note"]


@pytest.mark.parametrize(
    ("values", "n_pairs"), [([np.nan] * 6, 0), ([0.5], 1), (MAIN, 6), ([], 0), ([0.5, 0.6, np.nan, 0.8], 3)]
)
def test_odd_experiments_leave_cells_empty(values, n_pairs):
    table = comparison_table(
        {"main": metrics(MAIN), "b": metrics(values)}, {"main": BY_MOUSE, "b": BY_MOUSE}, "main", False
    )
    found = row(table, "b")
    assert found["n_pairs"] == n_pairs
    assert found[["p", "p_holm", "effect_size"]].isna().all()  # none differs, or too few do
    assert np.isnan(found["difference"]) == (n_pairs == 0)
    assert ("no mouse was tested in both" in found["note"]) == (n_pairs == 0)


def test_differences_that_do_not_differ_have_no_interval():
    """Two perfect experiments differ by 0 in every mouse: how far the next mouse will differ, they do not say."""
    assert np.isnan(row(main_and(MAIN), "b")[["ci_low", "ci_high"]].astype(float)).all()
    assert np.isnan(row(main_and(OTHER[:2]), "b")[["ci_low", "ci_high"]].astype(float)).all()
    assert row(main_and(OTHER), "b")["ci_low"] < row(main_and(OTHER), "b")["ci_high"]


def test_p_is_corrected_within_each_metric():
    rng = np.random.default_rng(0)
    found = {"main": metrics(MAIN), **{f"e{i}": metrics(MAIN + rng.normal(0.05 * i, 0.05, 6)) for i in range(4)}}
    table = comparison_table(found, dict.fromkeys(found, BY_MOUSE), "main", False)
    for _, rows in table.groupby("metric"):
        compared = rows.dropna(subset="p")
        assert len(compared) == 4
        assert compared["p_holm"].tolist() == holm(compared["p"].to_numpy()).tolist()


@given(arrays(float, st.integers(1, 12), elements=st.floats(0, 1)))
@settings(max_examples=200, deadline=None)
def test_holm_rejects_what_the_stepwise_procedure_rejects(p):
    """Holm 1979: go up the sorted p values; stop at the first that is above alpha / (number left)."""
    alpha = 0.05
    rejected = set()
    for step, place in enumerate(sorted(range(len(p)), key=lambda place: p[place])):
        if p[place] > alpha / (len(p) - step):
            break
        rejected.add(place)
    corrected = holm(p)
    borderline = np.isclose(corrected, alpha)
    assert {place for place in np.flatnonzero(~borderline) if corrected[place] <= alpha} == {
        place for place in rejected if not borderline[place]
    }


@given(arrays(float, st.integers(2, 15), elements=st.integers(-5, 5).map(float)))
@settings(max_examples=200, deadline=None)
def test_effect_size_counts_pairs_of_ranks(differences):
    """Kerby's simple difference: favourable less unfavourable shares, counted over pairs (i <= j) of differences."""
    if not differences.any():
        assert "effect_size" not in paired(differences)
        return
    differing = differences[differences != 0]
    # A Walsh sum's sign says for which side its pair speaks; sums of 0 speak for none.
    sums = [differing[i] + differing[j] for i in range(len(differing)) for j in range(i, len(differing))]
    assert rank_biserial(differences) == pytest.approx(np.sign(sums).mean())
    assert -1 <= rank_biserial(differences) <= 1
    assert rank_biserial(-differences) == pytest.approx(-rank_biserial(differences))
