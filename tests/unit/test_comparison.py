"""Experiments beside each other: against scipy called directly, hand-worked cases, and what may be missing."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import sem, t, wilcoxon

from wfci_sleep.comparison import COLUMNS, MEASURES, comparison_table, holm, paired, rank_biserial
from wfci_sleep.figures.comparison import plot_comparison
from wfci_sleep.files import read_table, write_table
from wfci_sleep.metrics import COLUMNS as METRICS
from wfci_sleep.published import SYNTHETIC

THREE = ["wake", "nrem", "rem"]

MAIN = {"Ms1": 0.50, "Ms2": 0.60, "Ms3": 0.70, "Ms4": 0.55, "Ms5": 0.65}

BETTER = {"Ms5": 0.78, "Ms4": 0.50, "Ms3": 0.77, "Ms2": 0.62, "Ms1": 0.61, "Ms9": 0.10}


def metrics(values):
    """metrics.tsv of mice with one value for all of their measures; what is pooled must not be taken for a mouse."""
    rows = [
        ("mouse", mouse, name, "", value, np.nan, np.nan, 9) for mouse, value in values.items() for name in MEASURES
    ]
    return pd.DataFrame([("pooled", "all", name, "", 0.99, 0.9, 1, 99) for name in MEASURES] + rows, columns=METRICS)


def settings(protocol="leave-one-mouse-out", classes=THREE):
    return {"folds": {"protocol": protocol}, "labels": {"classes": classes}}


def compared(values, experiments=None, synthetic=False):
    """The table of experiments, by experiment and metric."""
    experiments = dict.fromkeys(values, settings()) | (experiments or {})
    table = comparison_table({name: metrics(each) for name, each in values.items()}, experiments, "main", synthetic)
    assert list(table) == COLUMNS
    return table.set_index(["experiment", "metric"])


def test_each_experiment_is_described_over_its_mice():
    row = compared({"main": MAIN, "better": BETTER}).loc["better", "kappa"]
    values = np.array([*BETTER.values()])
    assert row[["n_mice", "lowest", "highest"]].tolist() == [6, 0.10, 0.78]
    assert row["mean"] == pytest.approx(values.mean())
    assert row["sd"] == pytest.approx(values.std(ddof=1))


def test_pairs_are_those_of_the_mice_that_both_tested_whatever_their_order():
    row = compared({"main": MAIN, "better": BETTER}).loc["better", "kappa"]
    differences = np.array([0.11, 0.02, 0.07, -0.05, 0.13])
    half = t.ppf(0.975, 4) * sem(differences)
    assert row["n_pairs"] == 5
    assert row["difference"] == pytest.approx(0.056)
    assert row[["ci_low", "ci_high"]].tolist() == pytest.approx([0.056 - half, 0.056 + half])
    assert row["p"] == pytest.approx(wilcoxon(differences).pvalue) == pytest.approx(2 * 3 / 32)
    assert row["effect_size"] == pytest.approx((15 - 2 * 2) / 15)  # the one below zero has rank 2 of 1 + ... + 5


def test_the_reference_is_not_compared_with_itself():
    table = compared({"main": MAIN, "better": BETTER}).loc["main"]
    assert (table["n_pairs"] == 0).all()
    assert table[["difference", "ci_low", "ci_high", "p", "p_holm", "effect_size"]].isna().all(axis=None)
    assert (table["note"] == "").all()


def test_p_is_corrected_for_the_experiments_within_a_metric():
    shifted = {mouse: value + 0.01 * rank for rank, (mouse, value) in enumerate(MAIN.items(), start=1)}
    table = compared({"main": MAIN, "better": BETTER, "shifted": shifted})
    assert table.loc["shifted", "p"].tolist() == pytest.approx([2 / 32] * 3)
    assert table.loc["shifted", "p_holm"].tolist() == pytest.approx([4 / 32] * 3)
    assert table.loc["better", "p_holm"].tolist() == pytest.approx([6 / 32] * 3)


@given(st.lists(st.integers(-6, 6), min_size=1, max_size=9).filter(any))
def test_effect_size_equals_that_of_wilcoxons_sums_of_ranks(differences):
    differences = np.array(differences, dtype=float)
    above = wilcoxon(differences, alternative="greater", zero_method="wilcox", method="asymptotic").statistic
    n = np.count_nonzero(differences)
    total = n * (n + 1) / 2
    assert rank_biserial(differences) == pytest.approx((above - (total - above)) / total)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_equals_its_definition(values):
    """The k-th lowest of n is multiplied by n - k + 1, and none falls below the one before it."""
    ordered = sorted(values)
    expected = list(itertools.accumulate((min(1, (len(values) - k) * p) for k, p in enumerate(ordered)), max))
    assert sorted(holm(np.array(values))) == pytest.approx(expected)
    assert holm(np.array([*values, np.nan]))[:-1] == pytest.approx(holm(np.array(values)))


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_few_pairs_that_all_speak_for_one_side_give_the_lowest_p_that_the_note_names(n):
    mice = dict(itertools.islice(MAIN.items(), n))
    row = compared({"main": MAIN, "few": {mouse: v + 0.01 * k for k, (mouse, v) in enumerate(mice.items(), 1)}})
    lowest = 2 / 2**n
    assert row.loc[("few", "kappa"), "p"] == pytest.approx(lowest)
    assert row.loc[("few", "kappa"), "note"] == f"with {n} mice p cannot be lower than {lowest:.3g}"


def test_notes_say_where_two_experiments_ask_different_questions():
    others = {"pooled": settings("pooled"), "binary": settings(classes=["wake", "sleep"])}
    notes = compared({"main": MAIN, "pooled": BETTER, "binary": BETTER}, others, synthetic=True)["note"]
    assert "protocol pooled against leave-one-mouse-out" in notes["pooled", "kappa"]
    assert "2 states against 3" in notes["binary", "kappa"]
    assert "states" not in notes["pooled", "kappa"] and "protocol" not in notes["binary", "kappa"]
    assert notes.str.startswith(SYNTHETIC).all()


NOTHING = dict.fromkeys(MAIN, np.nan)

ODD = {
    "no mouse at all": ({}, 0, 0),
    "no value of any mouse": (NOTHING, 0, 0),
    "other mice": ({"Ms7": 0.5, "Ms8": 0.6}, 2, 0),
    "one mouse": ({"Ms1": 0.4}, 1, 1),
    "the same values": (MAIN, 5, 5),
    "one value is missing": ({**MAIN, "Ms1": np.nan}, 4, 4),
}


@pytest.mark.parametrize("values", [pytest.param(name, id=name) for name in ODD])
def test_what_cannot_be_compared_is_empty(values, tmp_path):
    given, n_mice, n_pairs = ODD[values]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = compared({"main": MAIN, "odd": given}).reset_index()
    write_table(table, tmp_path / "comparison.tsv")
    row = read_table(tmp_path / "comparison.tsv").set_index(["experiment", "metric"]).loc["odd", "kappa"]
    assert row[["n_mice", "n_pairs"]].tolist() == [n_mice, n_pairs]
    assert np.isnan(row["sd"]) == (n_mice < 2)
    assert np.isnan(row["ci_low"]) == (n_pairs < 2)
    assert row[["p", "p_holm", "effect_size"]].isna().all()  # few pairs, or none that differs
    assert plot_comparison({"main": metrics(MAIN), "odd": metrics(given)}, "main")


@pytest.mark.parametrize("values", [{}, NOTHING, {"Ms1": 0.4}])
def test_a_reference_without_values_and_an_experiment_alone_are_no_error(values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = compared({"main": values})
        assert table["p_holm"].isna().all()
        assert compared({"main": values, "better": BETTER}).loc["better", "p"].isna().all()
    assert plot_comparison({"main": metrics(values)}, "main")


def test_pairs_of_two_numbers_are_enough_for_a_test():
    assert paired(np.array([0.1, 0.2]))["p"] == 0.5
    assert "p" not in paired(np.array([0.1]))
