"""Distance to the next transition: against a loop, and counts that add up."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from wfci_sleep.analysis.transition_distance import COLUMNS, epochs_to_transition, transition_distance_table
from wfci_sleep.states import GAP

NAMES = ["wake", "nrem", "rem"]


def by_looking_ahead(states):
    """The same, epoch by epoch."""
    found = []
    for place, state in enumerate(states):
        distance = 0
        for steps, ahead in enumerate(states[place + 1 :], start=1):
            if ahead != state:
                distance = steps if ahead != GAP else 0
                break
        found.append(0 if state == GAP else distance)
    return found


@given(st.lists(st.integers(GAP, 2), min_size=1, max_size=40))
@settings(max_examples=500, deadline=None)
def test_distances_equal_those_found_by_looking_ahead(states):
    assert epochs_to_transition(np.array(states)).tolist() == by_looking_ahead(states)


STATES = {("Ms1", "Ms1-fc1"): np.array([0] * 7 + [1, 1, GAP, 2, 0])}


def predictions(epochs, y_pred):
    states = STATES["Ms1", "Ms1-fc1"]
    return pd.DataFrame(
        {"mouse": "Ms1", "recording": "Ms1-fc1", "epoch": epochs, "y_true": states[epochs], "y_pred": y_pred}
    )


def test_counts_worked_by_hand():
    # Distances of epochs 0 to 8: 7 6 5 4 3 2 1, then unknown twice (a gap); 10: 1; 11: unknown (the end).
    table = transition_distance_table(
        predictions([0, 1, 2, 3, 6, 7, 8, 10, 11], [0, 0, 1, 0, 1, 1, 0, 2, 0]), STATES, NAMES
    )
    assert list(table.columns) == COLUMNS
    pooled = table[(table["mouse"] == "all") & (table["n"] > 0)]
    found = {(row.distance, row.y_true, row.y_pred): (row.n, round(row.share, 3)) for row in pooled.itertuples()}
    assert found == {
        ("1", "wake", "nrem"): (1, 1.0),
        ("1", "rem", "rem"): (1, 1.0),
        ("4", "wake", "wake"): (1, 1.0),
        ("5+", "wake", "wake"): (2, 0.667),
        ("5+", "wake", "nrem"): (1, 0.333),
        ("unknown", "wake", "wake"): (1, 1.0),
        ("unknown", "nrem", "nrem"): (1, 0.5),
        ("unknown", "nrem", "wake"): (1, 0.5),
    }
    assert table[table["mouse"] == "Ms1"]["n"].tolist() == table[table["mouse"] == "all"]["n"].tolist()


def test_neighbours_that_are_no_test_epochs_count():
    table = transition_distance_table(predictions([6], [0]), STATES, NAMES)
    assert table.loc[table["n"] > 0, "distance"].unique().tolist() == ["1"]


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_every_test_epoch_is_counted_once_for_its_mouse_and_once_for_all(data):
    states = {
        (mouse, f"{mouse}-fc1"): np.array(data.draw(st.lists(st.integers(GAP, 2), min_size=2, max_size=20)))
        for mouse in ("Ms1", "Ms2")
    }
    rows = [(*key, epoch, state) for key, each in states.items() for epoch, state in enumerate(each) if state != GAP]
    tested = pd.DataFrame(rows, columns=["mouse", "recording", "epoch", "y_true"]).assign(y_pred=1)
    table = transition_distance_table(tested, states, NAMES)
    counts = table.groupby("mouse", observed=True)["n"].sum().to_dict()
    assert counts == ({"all": len(tested), **tested["mouse"].value_counts().to_dict()} if len(tested) else {})
    shares = table.groupby(COLUMNS[:3], observed=True)["share"].sum()
    assert np.allclose(shares, 1)
