"""How epochs are scored by their distance to the next change of state: near a change even experts differ."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from wfci_sleep.states import GAP

FAR = 5
"""Distance from which on epochs are counted together."""

DISTANCES = [*map(str, range(1, FAR)), f"{FAR}+", "unknown"]
"""Groups of epochs: the next epoch has another state (1), the one after it (2), ...; unknown if a gap comes first."""

COLUMNS = ["mouse", "distance", "y_true", "y_pred", "n", "share"]


def epochs_to_change(states: np.ndarray) -> np.ndarray:
    """Count the epochs until the state changes.

    Parameters
    ----------
    states : array of int, shape (n_epochs,)
        States of a recording's epochs in order of time; `GAP` where there is none.

    Returns
    -------
    array of int, shape (n_epochs,)
        1 if the next epoch has another state; 0 where a gap or the recording's end comes before a change, and in gaps.

    Examples
    --------
    >>> epochs_to_change(np.array([0, 0, 1, 1, -1, 2, 2])).tolist()
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
    """Count the predicted states by the distance of the epoch to the next change of the human's state.

    Parameters
    ----------
    predictions : table with columns mouse, recording, epoch, y_true, y_pred
        The test epochs.
    states : mapping of (mouse, recording) to array of int, shape (n_epochs,)
        The human's states as classes, `GAP` where there is none. All of them, as the neighbours of a test epoch need
        not be test epochs.
    names : sequence of str
        Names of the classes.

    Returns
    -------
    table with columns mouse (`all`: pooled), distance (of `DISTANCES`), y_true, y_pred, n, share
        n: epochs. share: of the epochs of that mouse, distance and true state. Groups without epochs are left out.
    """
    distances = {key: epochs_to_change(of_recording) for key, of_recording in states.items()}
    keys = zip(predictions["mouse"], predictions["recording"], predictions["epoch"], strict=True)
    to_change = np.array([distances[mouse, recording][epoch] for mouse, recording, epoch in keys], dtype=int)
    group = np.array(DISTANCES)[np.where(to_change == 0, len(DISTANCES), np.minimum(to_change, FAR)) - 1]
    epochs = pd.DataFrame(
        {
            "mouse": predictions["mouse"].to_numpy(),
            "distance": pd.Categorical(group, DISTANCES),
            "y_true": pd.Categorical.from_codes(predictions["y_true"], names),
            "y_pred": pd.Categorical.from_codes(predictions["y_pred"], names),
        }
    )
    mice = epochs["mouse"].unique()
    everything = pd.concat([epochs.assign(mouse="all"), epochs])
    everything["mouse"] = pd.Categorical(everything["mouse"], ["all", *mice])
    counts = everything.groupby(COLUMNS[:4], observed=False).size().rename("n").reset_index()
    total = counts.groupby(COLUMNS[:3], observed=False)["n"].transform("sum")
    return counts.assign(share=counts["n"] / total)[total > 0].reset_index(drop=True)[COLUMNS]
