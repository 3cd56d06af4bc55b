"""Distance to the next change of state: against a loop over the epochs, and by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfci_sleep.figures.transition_distance import plot_transition_distance
from wfci_sleep.files import read_table, write_table
from wfci_sleep.transition_distance import COLUMNS, DISTANCES, FAR, epochs_to_change, transition_distance_table

NAMES = ["wake", "nrem", "rem"]

# Long enough bouts for every group, gaps among them.
HYPNOGRAMS = st.lists(st.tuples(st.integers(-1, 2), st.integers(1, 8)), min_size=1, max_size=12).map(
    lambda bouts: np.concatenate([np.full(length, state) for state, length in bouts])
)


def steps_to_change(states, epoch):
    """Walk on from an epoch until its state changes; 0 if a gap or the end comes first."""
    for steps, state in enumerate(states[epoch + 1 :], start=1):
        if states[epoch] < 0 or state < 0:
            return 0
        if state != states[epoch]:
            return steps
    return 0


def group_of(steps):
    if steps == 0:
        return "unknown"
    return str(steps) if steps < 5 else "5+"


@given(HYPNOGRAMS)
def test_epochs_to_change_equals_a_walk(states):
    assert epochs_to_change(states).tolist() == [steps_to_change(states, epoch) for epoch in range(len(states))]


def test_a_recording_without_epochs_has_no_distances():
    assert epochs_to_change(np.array([], dtype=int)).shape == (0,)


def predictions_of(states, rng, share=1.0):
    """Test predictions of a share of the scored epochs of recordings, in no order."""
    rows = [
        (mouse, recording, epoch, label, rng.integers(0, 3))
        for (mouse, recording), labels in states.items()
        for epoch, label in enumerate(labels)
        if label >= 0 and rng.random() < share
    ]
    table = pd.DataFrame(rows, columns=["mouse", "recording", "epoch", "y_true", "y_pred"])
    return table.sample(frac=1, random_state=0)


@pytest.fixture
def states(rng):
    """Recordings of two mice, the first with two."""
    keys = [("Ms10", "Ms10-fc1"), ("Ms10", "Ms10-fc2"), ("Ms2", "Ms2-fc1")]
    return {key: np.repeat(rng.integers(-1, 3, 40), rng.integers(1, 9, 40)) for key in keys}


@pytest.mark.parametrize("share", [1.0, 0.2])
def test_counts_equal_those_of_a_loop(states, rng, share):
    """With a fifth of the epochs as well, as in a pooled split: the neighbours of a test epoch are no test epochs."""
    predictions = predictions_of(states, rng, share)
    table = transition_distance_table(predictions, states, NAMES)
    counts = {}
    for row in predictions.itertuples():
        distance = group_of(steps_to_change(states[row.mouse, row.recording], row.epoch))
        for mouse in ("all", row.mouse):
            key = (mouse, distance, NAMES[row.y_true], NAMES[row.y_pred])
            counts[key] = counts.get(key, 0) + 1
    assert list(table) == COLUMNS
    assert {tuple(row[:4]): row[4] for row in table.itertuples(index=False) if row[4]} == counts
    shares = table.groupby(["mouse", "distance", "y_true"], observed=True)["share"].sum()
    assert shares.to_numpy() == pytest.approx(1)


def test_rows_are_in_order_and_survive_a_file(states, rng, tmp_path):
    table = transition_distance_table(predictions_of(states, rng), states, NAMES)
    write_table(table, tmp_path / "table.tsv")
    read = read_table(tmp_path / "table.tsv")
    assert list(read["distance"].unique()) == DISTANCES
    assert read["mouse"].iloc[0] == "all"
    assert list(read["y_pred"][:3]) == NAMES
    pd.testing.assert_frame_equal(read, table.astype({name: read[name].dtype for name in COLUMNS}))
    assert plot_transition_distance(read, NAMES)


def test_a_change_from_nrem_to_rem_is_none_where_both_are_sleep():
    three = {("m", "r"): np.array([1, 1, 2, 2, 0])}
    two = {("m", "r"): np.array([1, 1, 1, 1, 0])}
    predictions = pd.DataFrame({"mouse": "m", "recording": "r", "epoch": range(5), "y_pred": 0})

    def first_distance(states, names):
        table = transition_distance_table(predictions.assign(y_true=states["m", "r"]), states, names)
        rows = table[(table["mouse"] == "m") & (table["n"] > 0) & (table["y_true"] == names[1])]
        return rows["distance"].tolist()

    assert first_distance(three, NAMES) == ["1", "2"]
    assert first_distance(two, ["wake", "sleep"]) == ["1", "2", "3", "4"]


def test_far_epochs_are_counted_together():
    states = {("m", "r"): np.array([0] * (FAR + 3) + [1])}
    predictions = pd.DataFrame({"mouse": "m", "recording": "r", "epoch": range(FAR + 4), "y_pred": 0})
    table = transition_distance_table(predictions.assign(y_true=states["m", "r"]), states, NAMES)
    pooled = table[(table["mouse"] == "all") & (table["n"] > 0)].set_index(["distance", "y_true"])["n"]
    assert pooled.to_dict() == {
        **{(str(k), "wake"): 1 for k in range(1, FAR)},
        ("5+", "wake"): 4,
        ("unknown", "nrem"): 1,
    }


def test_no_epochs_give_an_empty_table_and_a_figure(tmp_path):
    nothing = pd.DataFrame(columns=["mouse", "recording", "epoch", "y_true", "y_pred"])
    table = transition_distance_table(nothing.astype({"y_true": int, "y_pred": int}), {}, NAMES)
    assert table.empty
    assert list(table) == COLUMNS
    assert plot_transition_distance(table, NAMES)
