"""The published numbers beside ours: every one of SPEC's, with what they are compared with and what must be said."""

import pandas as pd
import pytest

from wfci_sleep.analysis.agreement import COLUMNS as AGREEMENT
from wfci_sleep.analysis.performance import COLUMNS as METRICS
from wfci_sleep.analysis.published import HELD_OUT, PUBLISHED, SECOND_RATER, beside_published

THREE = ["wake", "nrem", "rem"]


def metrics(value, mice=("Ms1", "Ms2")):
    """metrics.tsv with one value for every measure, and the mice that were tested."""
    over = f"{len(mice)} mice" if len(mice) > 1 else "40 bouts"
    rows = [("pooled", "all", name, "", value, value - 0.1, value + 0.1, 10, over) for name in MEASURES]
    rows += [
        ("mouse", mouse, name, "", value, value - 0.2, value + 0.2, 5, "5 bouts") for mouse in mice for name in MEASURES
    ]
    return pd.DataFrame(rows, columns=METRICS)


def agreement(**kappa_of_human_with):
    """agreement.tsv: kappa of the human with the network and with each rater."""
    pairs = {"cnn-bilstm": 0.9, **kappa_of_human_with}
    rows = [
        ("all", rater, "human", "kappa", kappa, kappa - 0.1, kappa + 0.1, 9, "7 mice") for rater, kappa in pairs.items()
    ]
    rows += [("all", "cnn-bilstm", rater, "kappa", 0.2, 0.1, 0.3, 9, "2 mice") for rater in kappa_of_human_with]
    return pd.DataFrame(rows, columns=AGREEMENT)


MEASURES = ("accuracy", "kappa", "f1_weighted")


def settings(protocol, classes=THREE, kind="cnn-bilstm"):
    return {"folds": {"protocol": protocol}, "labels": {"classes": classes}, "model": {"kind": kind}}


def table_of(experiments, synthetic=False, mice=("Ms1", "Ms2"), **kappa_of_human_with):
    found = {name: metrics(0.5, mice) for name in experiments}
    agreements = {name: agreement(**kappa_of_human_with) for name in experiments}
    return beside_published(found, agreements, experiments, "main", synthetic)


def row_of(table, what, metric="kappa"):
    return table[(table["what"] == what) & (table["metric"] == metric)].iloc[0]


PAPER = {
    "main": settings("leave-one-mouse-out"),
    "pooled": settings("pooled"),
    "held-out-recording": settings("held-out-mouse"),
    "window-09s": settings("pooled"),
}


def test_every_number_has_its_line():
    table = table_of(PAPER)
    assert len(table) == len(PUBLISHED) == 11 + 24
    window = table[table["what"] == "CNN-BiLSTM, window of 9 s"].set_index("metric")
    assert window["published"].to_dict() == {"f1_weighted": 0.79, "kappa": 0.63}
    assert (window["ours"] == 0.5).all()


def test_the_same_question_stands_with_its_difference_and_without_a_note():
    row = row_of(table_of(PAPER), "CNN-BiLSTM, pooled test")
    assert (row["published"], row["ours"], row["ci_low"], row["ci_high"]) == (0.64, 0.5, 0.4, 0.6)
    assert row["difference"] == pytest.approx(-0.14)
    assert (row["experiment"], row["interval_over"], row["note"]) == ("pooled", "2 mice", "")


def test_the_interval_of_one_mouse_is_over_bouts():
    assert row_of(table_of(PAPER, mice=("Ms12",)), HELD_OUT)["interval_over"] == "40 bouts"


def test_another_question_is_said_to_be_one():
    table = table_of({"main": PAPER["main"]})
    assert row_of(table, "CNN-BiLSTM, pooled test")["experiment"] == "main"
    assert row_of(table, "CNN-BiLSTM, pooled test")["note"] == (
        "not the same question: published protocol pooled, ours leave-one-mouse-out"
    )
    assert "published protocol held-out-mouse, ours leave-one-mouse-out" in row_of(table, HELD_OUT)["note"]
    binary = table_of({"main": settings("pooled", ["wake", "sleep"])})
    assert row_of(binary, "CNN-BiLSTM, pooled test")["note"].endswith("published three states, ours two")


def test_no_number_of_ours_goes_without_a_note_on_other_protocols():
    table = table_of({**PAPER, "window-09s": settings("k-fold")})
    protocols = {number.what: number.protocol for number in PUBLISHED}
    ours = {name: each["folds"]["protocol"] for name, each in {**PAPER, "window-09s": settings("k-fold")}.items()}
    filled = table[table["ours"].notna()]
    differs = [protocols[row.what] != ours[row.experiment] for row in filled.itertuples()]
    assert any(differs)
    assert filled["note"].str.contains("not the same question").tolist() == differs


def test_what_is_missing_says_why():
    table = table_of(PAPER)
    empty = table[table["ours"].isna()]
    assert (empty["note"] != "").all()
    assert (
        table[table["what"].str.startswith("MVG")]["note"].str.fullmatch("experiment mvg-cnn-.* is not in this run")
    ).all()
    assert table[table["what"].str.startswith("MVG")]["ours"].isna().all()
    assert row_of(table, "CNN-BiLSTM, window of 3 s")["note"] == "experiment window-03s is not in this run"
    assert row_of(table, f"{HELD_OUT}, {SECOND_RATER}")["note"] == "the data hold no second rater (analysis.scorers)"


def test_the_second_rater_is_compared_with_the_human_and_not_with_the_network():
    row = row_of(table_of(PAPER, second=0.7), f"{HELD_OUT}, {SECOND_RATER}")
    assert (row["ours"], row["experiment"], row["interval_over"]) == (0.7, "held-out-recording", "7 mice")


def test_synthetic_numbers_say_so():
    table = table_of(PAPER, synthetic=True)
    assert table.loc[table["ours"].notna(), "note"].str.startswith("synthetic data: not a scientific result").all()
