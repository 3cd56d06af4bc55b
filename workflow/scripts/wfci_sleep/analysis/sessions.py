"""The session of a mouse: its recordings one after another, as one hypnogram with pauses."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from wfci_sleep.analysis.hypnogram import Hypnogram
from wfci_sleep.data.names import HUMAN
from wfci_sleep.layout import EPOCH_S
from wfci_sleep.states import GAP, PAUSE, STATES

PAUSE_EPOCHS = 2
"""Epochs missing between two runs: the database's files leave out the last of one and the first of the next."""


def session_start_s(recordings: pd.DataFrame) -> pd.Series:
    """Start of each recording in its mouse's session.

    The files do not say how long the pauses between runs are. At least `PAUSE_EPOCHS` epochs are missing, so the times
    are lower bounds.

    Parameters
    ----------
    recordings : table with columns mouse, recording, order, epochs
        As in recordings.tsv.

    Returns
    -------
    Series of float, seconds, indexed by (mouse, recording).

    Examples
    --------
    >>> table = pd.DataFrame({"mouse": ["a", "a"], "recording": ["r2", "r1"], "order": [2, 1], "epochs": [5, 10]})
    >>> session_start_s(table).to_dict()
    {('a', 'r1'): 0.0, ('a', 'r2'): 120.0}
    """
    ordered = recordings.sort_values(["mouse", "order"]).set_index(["mouse", "recording"])
    span_s = (ordered["epochs"] + PAUSE_EPOCHS) * EPOCH_S
    return span_s.groupby(level="mouse").cumsum() - span_s


def session_positions(epochs: pd.DataFrame, recordings: pd.DataFrame) -> np.ndarray:
    """Position of each epoch in its mouse's session; sessions of several mice follow each other with a pause between.

    Parameters
    ----------
    epochs : table with columns mouse, recording, epoch
    recordings : table with columns mouse, recording, order, epochs
        As in recordings.tsv.

    Returns
    -------
    array of int64, shape (n_epochs,)
        In epochs of 10 s. Two epochs follow each other in time if and only if their positions differ by one.

    Examples
    --------
    >>> recordings = pd.DataFrame({"mouse": ["a", "b"], "recording": ["r", "s"], "order": [1, 1], "epochs": [5, 9]})
    >>> epochs = pd.DataFrame({"mouse": ["a", "a", "b"], "recording": ["r", "r", "s"], "epoch": [3, 4, 0]})
    >>> session_positions(epochs, recordings).tolist()
    [3, 4, 7]
    """
    session = recordings[recordings["mouse"].isin(epochs["mouse"])]
    lengths = (session["epochs"] + PAUSE_EPOCHS).groupby(session["mouse"]).sum()
    mouse_starts = lengths.cumsum() - lengths
    keys = pd.MultiIndex.from_frame(epochs[["mouse", "recording"]])
    starts = np.rint(session_start_s(session).loc[keys].to_numpy() / EPOCH_S).astype(np.int64)
    return mouse_starts.loc[epochs["mouse"]].to_numpy() + starts + epochs["epoch"].to_numpy()


def session_hypnogram(
    epochs: pd.DataFrame, states: str, recordings: pd.DataFrame, names: Sequence[str] | None = None
) -> Hypnogram:
    """Hypnogram of one mouse's session, with gaps at epochs without a state and pauses between runs.

    Parameters
    ----------
    epochs : table with columns mouse, recording, epoch and the column named by `states`
        The scored epochs of one mouse, e.g. its rows of predictions.tsv.
    states : str
        Name of the column with the states, e.g. `y_true` or `y_pred`.
    recordings : table with columns mouse, recording, order, epochs
        As in recordings.tsv.
    names : sequence of str, optional
        Names of the states; wake, NREM, REM unless given.
    """
    session = recordings[recordings["mouse"].isin(epochs["mouse"])].sort_values("order")
    between = [PAUSE] * PAUSE_EPOCHS
    sequence = np.concatenate([[GAP] * length + between for length in session["epochs"]])[:-PAUSE_EPOCHS]
    sequence[session_positions(epochs, recordings)] = epochs[states].to_numpy()
    return Hypnogram(sequence, EPOCH_S, names or tuple(state.name for state in STATES))


def session_values(epochs: pd.DataFrame, columns: Sequence[str], recordings: pd.DataFrame) -> np.ndarray:
    """Values of one mouse's epochs on the time axis of its `session_hypnogram`.

    Parameters
    ----------
    epochs : table with columns mouse, recording, epoch and `columns`
    columns : sequence of str
    recordings : table with columns mouse, recording, order, epochs
        As in recordings.tsv.

    Returns
    -------
    array of float, shape (n_epochs, len(columns))
        NaN where there is no row.
    """
    session = recordings[recordings["mouse"].isin(epochs["mouse"])]
    values = np.full((int((session["epochs"] + PAUSE_EPOCHS).sum()) - PAUSE_EPOCHS, len(columns)), np.nan)
    values[session_positions(epochs, recordings)] = epochs[list(columns)].to_numpy()
    return values


def session_hypnograms(
    networks: Mapping[str, pd.DataFrame],
    recordings: pd.DataFrame,
    names: Sequence[str],
    others: Mapping[str, pd.DataFrame] | None = None,
) -> dict[str, dict[str, Hypnogram]]:
    """Hypnograms of every mouse by every rater: mouse -> rater -> Hypnogram.

    Parameters
    ----------
    networks : mapping of rater to table with columns mouse, recording, epoch, y_pred
        Predictions of each network, as `networks.read_networks` gives them; those of the first, with a column y_true as
        well, say which mice there are and what the human scored.
    recordings : table with columns mouse, recording, order, epochs
        As in recordings.tsv.
    names : sequence of str
        Names of the classes.
    others : mapping of rater to table with columns mouse, recording, epoch, label, optional
        Scores of further raters, as `raters.read_scores` gives them.

    Returns
    -------
    dict of dict of Hypnogram
        Raters in the order networks, human, further ones. A network or a further rater without an epoch of a mouse is
        not among its hypnograms.
    """
    own = next(iter(networks.values()))
    found = {rater: (predictions, "y_pred") for rater, predictions in networks.items()}
    found |= {HUMAN: (own, "y_true")}
    found |= {rater: (scores, "label") for rater, scores in (others or {}).items()}
    return {
        mouse: {
            rater: session_hypnogram(epochs, column, recordings, names)
            for rater, (table, column) in found.items()
            if len(epochs := table[table["mouse"] == mouse])
        }
        for mouse in own["mouse"].unique()
    }
