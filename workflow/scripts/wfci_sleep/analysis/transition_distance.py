"""How epochs are scored by their distance to the next transition: near a transition human raters differ as well."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from wfci_sleep.data.names import POOLED
from wfci_sleep.states import GAP

FAR = 5
"""Epochs at this distance or further are counted together."""

DISTANCES = [*map(str, range(1, FAR)), f"{FAR}+", "unknown"]
"""Groups of epochs: the next epoch has another state (1), the one after it (2), ...; unknown where a gap or the end of
the recording comes before a transition."""

COLUMNS = ["mouse", "distance", "y_true", "y_pred", "n", "share"]


def epochs_to_transition(states: np.ndarray) -> np.ndarray:
    """Count the epochs until the next transition.

    Parameters
    ----------
    states : array of int, shape (n_epochs,)
        States of a recording's epochs in order of time; `GAP` where there is none.

    Returns
    -------
    array of int, shape (n_epochs,)
        1 if the next epoch has another state. 0 in gaps, and where a gap or the recording's end comes before a
        transition.

    Examples
    --------
    >>> epochs_to_transition(np.array([0, 0, 1, 1, -1, 2, 2])).tolist()
    [2, 1, 0, 0, 0, 0, 0]
    """
    states = np.asarray(states)
    ends = np.flatnonzero(np.append(np.diff(states) != 0, True))  # last epoch of each bout
    own_end = ends[np.searchsorted(ends, np.arange(len(states)))]
    followed = np.append(states, GAP)[own_end + 1] != GAP
    return np.where(followed & (states != GAP), own_end - np.arange(len(states)) + 1, 0)


def transition_distance_table(
    predictions: pd.DataFrame, states: Mapping[tuple[str, str], np.ndarray], names: Sequence[str]
) -> pd.DataFrame:
    """Count the predicted states by the epoch's distance to the next transition of the human's states.

    Parameters
    ----------
    predictions : table with columns mouse, recording, epoch, y_true, y_pred
        The test epochs.
    states : mapping of (mouse, recording) to array of int, shape (n_epochs,)
        The human's states of all epochs of a recording as classes, `GAP` where there is none; the epochs around a test
        epoch need not be test epochs.
    names : sequence of str
        Names of the classes.

    Returns
    -------
    table with columns mouse (`all`: pooled), distance (of `DISTANCES`), y_true, y_pred, n, share
        n: epochs. share: of the epochs of that mouse, distance and true state. Groups without epochs are left out.
    """
    distances = {key: epochs_to_transition(of_recording) for key, of_recording in states.items()}
    keys = zip(predictions["mouse"], predictions["recording"], predictions["epoch"], strict=True)
    to_transition = np.array([distances[mouse, recording][epoch] for mouse, recording, epoch in keys], dtype=int)
    group = np.array(DISTANCES)[np.where(to_transition == 0, len(DISTANCES), np.minimum(to_transition, FAR)) - 1]
    epochs = pd.DataFrame(
        {
            "mouse": predictions["mouse"].to_numpy(),
            "distance": pd.Categorical(group, DISTANCES),
            "y_true": pd.Categorical.from_codes(predictions["y_true"], names),
            "y_pred": pd.Categorical.from_codes(predictions["y_pred"], names),
        }
    )
    mice = epochs["mouse"].unique()
    everything = pd.concat([epochs.assign(mouse=POOLED), epochs])
    everything["mouse"] = pd.Categorical(everything["mouse"], [POOLED, *mice])
    counts = everything.groupby(COLUMNS[:4], observed=False).size().rename("n").reset_index()
    total = counts.groupby(COLUMNS[:3], observed=False)["n"].transform("sum")
    return counts.assign(share=counts["n"] / total)[total > 0].reset_index(drop=True)[COLUMNS]
