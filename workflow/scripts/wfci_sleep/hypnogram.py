"""Hypnograms: the states of a mouse over time, their bouts and transitions.

YASA and AccuSleePy offer hypnograms as well; both are built for one unbroken night of human or mouse EEG and know no
gap inside it. A session of wide-field imaging is a chain of runs with pauses and unscored epochs, so a bout has to end
where the knowledge of the state ends.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from wfci_sleep.states import BY_NAME, EPOCH_S, GAP, STATES

PAUSE_EPOCHS = 2
"""Epochs missing between two runs: the last of one and the first of the next are left out of the database's files."""


class Hypnogram:
    """States of consecutive epochs.

    Parameters
    ----------
    states : array-like of int, shape (n_epochs,)
        Index into `names` for each epoch; `GAP` (-1) where the state is unknown.
    epoch_s : float
        Length of an epoch in seconds.
    names : sequence of str
        Names of the states; wake, NREM, REM unless given.

    Examples
    --------
    >>> hypnogram = Hypnogram([0, 0, 1, 1, -1, 1, 2])
    >>> hypnogram.bouts()
      state  start_s  duration_s
    0  wake      0.0        20.0
    1  nrem     20.0        20.0
    2  nrem     50.0        10.0
    3   rem     60.0        10.0
    >>> hypnogram.n_transitions
    2
    >>> hypnogram.without_gaps().n_transitions
    2
    >>> float(hypnogram.mean_bout_s()["nrem"]), float(hypnogram.without_gaps().mean_bout_s()["nrem"])
    (15.0, 30.0)
    """

    def __init__(
        self,
        states: Sequence[int] | np.ndarray,
        epoch_s: float = EPOCH_S,
        names: Sequence[str] = tuple(state.name for state in STATES),
    ):
        self.states = np.asarray(states, dtype=np.int64).reshape(-1)
        self.epoch_s = float(epoch_s)
        self.names = tuple(names)
        if self.states.size and not GAP <= self.states.min() <= self.states.max() < len(self.names):
            raise ValueError(
                f"states lie in {self.states.min()}..{self.states.max()}, expected {GAP}..{len(self.names) - 1}"
            )

    def __len__(self) -> int:
        return len(self.states)

    @property
    def titles(self) -> list[str]:
        """Names as figures show them."""
        return [BY_NAME[name].title for name in self.names]

    def without_gaps(self) -> "Hypnogram":
        """The hypnogram with its gaps cut out, as the published analysis counts: as if nothing lay between."""
        return Hypnogram(self.states[self.states != GAP], self.epoch_s, self.names)

    def bouts(self) -> pd.DataFrame:
        """Runs of consecutive epochs of one state; a gap ends a bout.

        Returns
        -------
        table with columns state (name), start_s, duration_s, in order of time.
        """
        changes = np.flatnonzero(np.diff(self.states)) + 1
        starts = np.concatenate([[0], changes]) if len(self) else np.array([], dtype=int)
        ends = np.append(starts[1:], len(self)) if len(self) else starts
        known = self.states[starts] != GAP
        starts, ends = starts[known], ends[known]
        return pd.DataFrame(
            {
                "state": [self.names[state] for state in self.states[starts]],
                "start_s": starts * self.epoch_s,
                "duration_s": (ends - starts) * self.epoch_s,
            }
        )

    def transitions(self) -> pd.DataFrame:
        """Count of changes from each state (rows) to each other state (columns); nothing is counted across a gap."""
        before, after = self.states[:-1], self.states[1:]
        change = (before != after) & (before != GAP) & (after != GAP)
        counts = np.zeros((len(self.names), len(self.names)), dtype=np.int64)
        np.add.at(counts, (before[change], after[change]), 1)
        return pd.DataFrame(counts, index=list(self.names), columns=list(self.names))

    @property
    def n_transitions(self) -> int:
        """Number of changes of state between epochs that follow each other without a gap."""
        return int(self.transitions().to_numpy().sum())

    def mean_bout_s(self) -> pd.Series:
        """Mean length of the bouts of each state in seconds; NaN for a state that does not occur."""
        return self.bouts().groupby("state")["duration_s"].mean().reindex(list(self.names))


def session_start_s(recordings: pd.DataFrame) -> pd.Series:
    """Start of each recording in its mouse's session.

    The files do not say how long the pauses between runs are; what is certain is that two epochs are missing
    (`PAUSE_EPOCHS`), so the times are lower bounds.

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
    """Position of each epoch in its mouse's session; mice are put one after another, so that no two of them touch.

    Parameters
    ----------
    epochs : table with columns mouse, recording, epoch
    recordings : table with columns mouse, recording, order, epochs
        As in recordings.tsv.

    Returns
    -------
    array of int64, shape (n_epochs,)
        In epochs of 10 s. Two epochs are neighbours in time if and only if their positions differ by one.

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
    """Hypnogram of one mouse's whole session, with gaps at artefacts and between runs.

    Parameters
    ----------
    epochs : table with columns mouse, recording, epoch and the column named by `states`
        The scored epochs of one mouse, e.g. its rows of predictions.tsv.
    states : str
        The column that holds the states, e.g. `y_true` or `y_pred`.
    recordings : table with columns mouse, recording, order, epochs
        As in recordings.tsv.
    names : sequence of str, optional
        Names of the states; wake, NREM, REM unless given.
    """
    session = recordings[recordings["mouse"].isin(epochs["mouse"])]
    sequence = np.full(int((session["epochs"] + PAUSE_EPOCHS).sum()) - PAUSE_EPOCHS, GAP)
    sequence[session_positions(epochs, recordings)] = epochs[states].to_numpy()
    return Hypnogram(sequence, EPOCH_S, names or tuple(state.name for state in STATES))


COUNTINGS = {"gaps-end-bouts": lambda hypnogram: hypnogram, "published": Hypnogram.without_gaps}
"""Ways of counting bouts: ending them at gaps, or as published, as if nothing lay between."""


def session_hypnograms(
    predictions: pd.DataFrame, recordings: pd.DataFrame, names: Sequence[str]
) -> dict[str, dict[str, Hypnogram]]:
    """Hypnograms of every mouse: mouse -> scorer (cnn-bilstm, human) -> Hypnogram."""
    scorers = {"cnn-bilstm": "y_pred", "human": "y_true"}
    return {
        mouse: {scorer: session_hypnogram(table, column, recordings, names) for scorer, column in scorers.items()}
        for mouse, table in predictions.groupby("mouse", sort=False)
    }


def fragmentation_tables(
    hypnograms: Mapping[str, Mapping[str, Hypnogram]],
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Fragmentation of sleep by mouse, scorer and way of counting.

    Returns
    -------
    fragmentation : table with columns mouse, scorer, counting, state, n_bouts, mean_bout_s, n_transitions
        A row a state (n_transitions: changes that leave it) and a row `all`.
    bouts : table with columns mouse, scorer, counting, state, start_s, duration_s
        In the published way of counting, start_s is the time without the gaps.
    transitions : table with columns mouse, scorer, counting, from, to, count, probability
        probability: share among the changes that leave `from`; empty if there are none.
    """
    fragmentation, bouts, transitions = [], [], []
    for mouse, scorers in hypnograms.items():
        for scorer, gapped in scorers.items():
            for counting, counted in COUNTINGS.items():
                hypnogram = counted(gapped)
                key = {"mouse": mouse, "scorer": scorer, "counting": counting}
                found, changes = hypnogram.bouts(), hypnogram.transitions()
                means, leaving = hypnogram.mean_bout_s(), changes.sum(axis=1)
                for state in hypnogram.names:
                    n_bouts = int((found["state"] == state).sum())
                    numbers = {"n_bouts": n_bouts, "mean_bout_s": means[state], "n_transitions": leaving[state]}
                    fragmentation.append({**key, "state": state, **numbers})
                    for target in hypnogram.names:
                        if target != state:
                            count = changes.loc[state, target]
                            share = count / leaving[state] if leaving[state] else np.nan
                            transitions.append(
                                {**key, "from": state, "to": target, "count": count, "probability": share}
                            )
                mean = found["duration_s"].mean() if len(found) else np.nan
                numbers = {"n_bouts": len(found), "mean_bout_s": mean, "n_transitions": hypnogram.n_transitions}
                fragmentation.append({**key, "state": "all", **numbers})
                bouts.append(found.assign(**key)[[*key, *found.columns]])
    return pd.DataFrame(fragmentation), pd.concat(bouts, ignore_index=True), pd.DataFrame(transitions)
