"""Bouts and transitions against an independent loop; gaps end bouts unless counted as published."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wfci_sleep.analysis.hypnogram import Hypnogram
from wfci_sleep.analysis.sessions import session_hypnogram, session_hypnograms
from wfci_sleep.analysis.sleep_tables import fragmentation_tables, sleep_table

NAMES = ["wake", "nrem", "rem"]
states = st.lists(st.integers(-2, 2), max_size=80)


def loop_bouts(sequence):
    """(state, start, length) epoch by epoch; what is negative is no state."""
    found = []
    for position, state in enumerate(sequence):
        if state < 0:
            continue
        if position and sequence[position - 1] == state:
            found[-1][2] += 1
        else:
            found.append([state, position, 1])
    return found


def loop_transitions(sequence):
    counts = np.zeros((3, 3), dtype=int)
    for before, after in zip(sequence, sequence[1:], strict=False):
        if before >= 0 and after >= 0 and before != after:
            counts[before, after] += 1
    return counts


@settings(max_examples=1000, deadline=None)
@given(states)
def test_bouts_and_transitions_equal_a_loop(sequence):
    for hypnogram, plain in (
        (Hypnogram(sequence), sequence),
        (Hypnogram(sequence).without_gaps(), [state for state in sequence if state >= 0]),
    ):
        expected = loop_bouts(plain)
        bouts = hypnogram.bouts()
        assert bouts["state"].tolist() == [NAMES[state] for state, _, _ in expected]
        assert bouts["start_s"].tolist() == [10.0 * start for _, start, _ in expected]
        assert bouts["duration_s"].tolist() == [10.0 * length for _, _, length in expected]
        assert (hypnogram.transitions().to_numpy() == loop_transitions(plain)).all()
        assert hypnogram.n_transitions == loop_transitions(plain).sum()
        means = hypnogram.mean_bout_s()
        assert list(means.index) == NAMES
        for index, name in enumerate(NAMES):
            lengths = [10.0 * length for state, _, length in expected if state == index]
            assert means[name] == pytest.approx(np.mean(lengths) if lengths else np.nan, nan_ok=True)


@given(states)
def test_time_in_bouts_is_the_time_scored(sequence):
    assert Hypnogram(sequence).bouts()["duration_s"].sum() == 10 * sum(state >= 0 for state in sequence)


def test_empty_hypnogram_has_no_bouts():
    assert len(Hypnogram([]).bouts()) == 0
    assert Hypnogram([-1, -1]).n_transitions == 0
    assert Hypnogram([]).mean_bout_s().isna().all()


@given(states, st.floats(-1e5, 1e5))
def test_bouts_and_gaps_cover_the_time_without_overlap(sequence, start_s):
    hypnogram = Hypnogram(sequence, start_s=start_s)
    parts = pd.concat([hypnogram.bouts(), hypnogram.gaps()]).sort_values("start_s")
    ends = parts["start_s"] + parts["duration_s"]
    assert parts["start_s"].tolist() == pytest.approx([start_s, *ends][: len(parts)])
    assert parts["duration_s"].sum() == pytest.approx(10 * len(sequence))


def test_gaps_by_kind():
    gaps = Hypnogram([0, -1, -1, -2, 1, -1], start_s=100).gaps()
    assert gaps.to_numpy().tolist() == [["unscored", 110, 20], ["pause", 130, 10], ["unscored", 150, 10]]


@given(states)
def test_probabilities_of_transitions_add_up(sequence):
    hypnogram = Hypnogram(sequence)
    leaving = hypnogram.transitions().sum(axis=1)
    sums = hypnogram.transition_probabilities().sum(axis=1, min_count=1)
    assert (sums[leaving > 0].round(12) == 1).all()
    assert sums[leaving == 0].isna().all()


@given(states)
def test_survival_is_the_share_of_bouts_at_least_as_long(sequence):
    hypnogram = Hypnogram(sequence)
    bouts = hypnogram.bouts()
    survival = hypnogram.bout_survival()
    assert len(survival) == len(bouts.drop_duplicates(["state", "duration_s"]))
    for row in survival.itertuples():
        lengths = bouts.loc[bouts["state"] == row.state, "duration_s"]
        assert row.share == pytest.approx((lengths >= row.duration_s).mean())


def test_sleep_by_hand():
    # 10 s each: wake, NREM, unscored, NREM, REM, wake, REM.
    hypnogram = Hypnogram([0, 1, -1, 1, 2, 0, 2])
    assert hypnogram.time_s().tolist() == [20, 20, 20]
    assert hypnogram.rem_latency_s == 30
    # NREM to REM and REM to wake in 40 s of sleep.
    assert hypnogram.fragmentation_index == pytest.approx(2 / 40 * 3600)
    table = sleep_table({"a": {"human": hypnogram}}).set_index(["measure", "state"])["value"]
    assert table["share", "wake"] == pytest.approx(1 / 3)
    assert table["median_bout", "nrem"] == 10
    assert table["rem_latency", ""] == 30


@pytest.mark.parametrize("sequence", [[], [-1, -1], [0, 0], [2, 1], [1, 1]])
def test_sleep_that_never_comes_has_no_latency(sequence):
    hypnogram = Hypnogram(sequence)
    assert np.isnan(hypnogram.rem_latency_s)
    assert np.isnan(hypnogram.fragmentation_index) == (not {1, 2} & set(sequence))


def test_binary_hypnograms_have_no_rem_latency():
    hypnogram = Hypnogram([0, 1, 1, 0], names=["wake", "sleep"])
    assert np.isnan(hypnogram.rem_latency_s)
    assert hypnogram.fragmentation_index == pytest.approx(1 / 20 * 3600)


def test_states_without_a_name_are_refused():
    with pytest.raises(ValueError, match="states lie in 0..3, expected -2..2"):
        Hypnogram([0, 3])


@pytest.fixture
def session():
    recordings = pd.DataFrame(
        {"mouse": ["a", "a", "b"], "recording": ["a1", "a2", "b1"], "order": [1, 2, 1], "epochs": [4, 2, 3]}
    )
    epochs = pd.DataFrame(
        [("a", "a1", 0, 0, 0), ("a", "a1", 1, 0, 1), ("a", "a1", 3, 1, 1), ("a", "a2", 0, 1, 1), ("a", "a2", 1, 2, 1)]
        + [("b", "b1", 0, 1, 1), ("b", "b1", 1, 1, 1), ("b", "b1", 2, 1, 1)],
        columns=["mouse", "recording", "epoch", "y_true", "y_pred"],
    )
    return recordings, epochs


def test_session_has_gaps_at_artefacts_and_between_runs(session):
    recordings, epochs = session
    hypnogram = session_hypnogram(epochs[epochs["mouse"] == "a"], "y_true", recordings)
    assert hypnogram.states.tolist() == [0, 0, -1, 1, -2, -2, 1, 2]


def test_further_raters_have_hypnograms_of_their_own(session):
    recordings, epochs = session
    other = pd.DataFrame({"mouse": ["a"], "recording": ["a2"], "epoch": [0], "label": [2]})
    found = session_hypnograms({"cnn-bilstm": epochs}, recordings, NAMES, {"second": other})
    assert list(found["a"]) == ["cnn-bilstm", "human", "second"]
    assert found["a"]["second"].states.tolist() == [-1, -1, -1, -1, -2, -2, 2, -1]
    assert list(found["b"]) == ["cnn-bilstm", "human"]


def test_fragmentation_tables_by_hand(session):
    recordings, epochs = session
    fragmentation, bouts, transitions = fragmentation_tables(
        session_hypnograms({"cnn-bilstm": epochs}, recordings, NAMES)
    )
    table = fragmentation.set_index(["mouse", "scorer", "counting", "state"])
    human = table.loc[("a", "human")]
    # 0 0 . 1 . . 1 2: gaps end the two NREM bouts, and wake -> NREM is not seen.
    assert human.loc[("gaps-end-bouts", "nrem")].tolist() == [2, 10.0, 1]
    assert human.loc[("gaps-end-bouts", "all"), "n_transitions"] == 1
    # As published 0 0 1 1 2.
    assert human.loc[("published", "nrem")].tolist() == [1, 20.0, 1]
    assert human.loc[("published", "all"), "n_transitions"] == 2
    assert np.isnan(table.loc[("b", "human", "published", "rem"), "mean_bout_s"])
    assert len(bouts[(bouts["mouse"] == "a") & (bouts["scorer"] == "human") & (bouts["counting"] == "published")]) == 3
    row = transitions[(transitions["mouse"] == "a") & (transitions["scorer"] == "human")]
    row = row[(row["counting"] == "published") & (row["from"] == "nrem") & (row["to"] == "rem")].iloc[0]
    assert (row["count"], row["probability"]) == (1, 1.0)


def test_tables_of_no_mouse_are_empty_and_have_their_columns(session):
    full = fragmentation_tables(session_hypnograms({"cnn-bilstm": session[1]}, session[0], NAMES))
    for table, empty in zip(full, fragmentation_tables({}), strict=True):
        assert empty.empty
        assert list(empty.columns) == list(table.columns)


def test_networks_come_first_and_one_without_a_mouse_is_missing_there(session):
    recordings, epochs = session
    other = epochs[epochs["mouse"] == "a"].assign(y_pred=2, y_true=2)
    found = session_hypnograms({"cnn-bilstm (main)": epochs, "cnn-bilstm (cbam)": other}, recordings, NAMES)
    assert list(found["a"]) == ["cnn-bilstm (main)", "cnn-bilstm (cbam)", "human"]
    assert found["a"]["cnn-bilstm (cbam)"].states.tolist() == [2, 2, -1, 2, -2, -2, 2, 2]
    assert found["a"]["human"].states.tolist() == [0, 0, -1, 1, -2, -2, 1, 2]
    assert list(found["b"]) == ["cnn-bilstm (main)", "human"]
