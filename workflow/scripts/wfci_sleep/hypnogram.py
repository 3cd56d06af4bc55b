"""Hypnograms: the states of a mouse over time, their bouts and transitions.

YASA and AccuSleePy offer hypnograms as well; both are built for one unbroken night of human or mouse EEG and know no
gap inside it. A session of wide-field imaging is a chain of runs with pauses and unscored epochs, so a bout has to end
where the knowledge of the state ends.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from wfci_sleep.states import BY_NAME, EPOCH_S, GAP, NREM, PAUSE, REM, STATES, WAKE

PAUSE_EPOCHS = 2
"""Epochs missing between two runs: the last of one and the first of the next are left out of the database's files."""


class Hypnogram:
    """States of consecutive epochs.

    Parameters
    ----------
    states : array-like of int, shape (n_epochs,)
        Index into `names` for each epoch; `GAP` (-1) where the state is unknown, `PAUSE` (-2) where nothing was
        recorded. Either ends a bout.
    epoch_s : float
        Length of an epoch in seconds.
    names : sequence of str
        Names of the states; wake, NREM, REM unless given.
    start_s : float
        Time of the first epoch's start in seconds.

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
        start_s: float = 0.0,
    ):
        self.states = np.asarray(states, dtype=np.int64).reshape(-1)
        self.epoch_s = float(epoch_s)
        self.names = tuple(names)
        self.start_s = float(start_s)
        if self.states.size and not PAUSE <= self.states.min() <= self.states.max() < len(self.names):
            raise ValueError(
                f"states lie in {self.states.min()}..{self.states.max()}, expected {PAUSE}..{len(self.names) - 1}"
            )

    def __len__(self) -> int:
        return len(self.states)

    @property
    def titles(self) -> list[str]:
        """Names as figures show them."""
        return [BY_NAME[name].title for name in self.names]

    def without_gaps(self) -> "Hypnogram":
        """The hypnogram with its gaps cut out, as the published analysis counts: as if nothing lay between."""
        return Hypnogram(self.states[self.states >= 0], self.epoch_s, self.names, self.start_s)

    def _runs(self) -> pd.DataFrame:
        """Runs of equal epochs, known or not: columns label, start_s, duration_s."""
        starts = np.flatnonzero(np.diff(self.states, prepend=PAUSE - 1))
        lengths = np.diff(starts, append=len(self))
        return pd.DataFrame(
            {
                "label": self.states[starts],
                "start_s": self.start_s + starts * self.epoch_s,
                "duration_s": lengths * self.epoch_s,
            }
        )

    def bouts(self) -> pd.DataFrame:
        """Runs of consecutive epochs of one state; a gap ends a bout.

        Returns
        -------
        table with columns state (name), start_s, duration_s, in order of time.
        """
        runs = self._runs()
        known = runs[runs["label"] >= 0].reset_index(drop=True)
        known.insert(0, "state", [self.names[label] for label in known.pop("label")])
        return known

    def gaps(self) -> pd.DataFrame:
        """Time without a state.

        Returns
        -------
        table with columns kind (`unscored` for artefacts and epochs without a score, `pause`), start_s, duration_s, in
        order of time.
        """
        runs = self._runs()
        gaps = runs[runs["label"] < 0].reset_index(drop=True)
        gaps.insert(0, "kind", gaps.pop("label").map({GAP: "unscored", PAUSE: "pause"}))
        return gaps

    def bout_survival(self) -> pd.DataFrame:
        """Distribution of bout lengths: the share of a state's bouts that last at least as long as each length.

        Returns
        -------
        table with columns state, duration_s, share
            A row for each length that occurs; nothing for a state that does not.
        """
        counts = self.bouts().groupby(["state", "duration_s"]).size()
        from_longest = counts[::-1].groupby(level="state").cumsum()[::-1]
        return (from_longest / counts.groupby(level="state").sum()).rename("share").reset_index()

    def transitions(self) -> pd.DataFrame:
        """Count of changes from each state (rows) to each other state (columns); nothing is counted across a gap."""
        before, after = self.states[:-1], self.states[1:]
        change = (before != after) & (before >= 0) & (after >= 0)
        counts = np.zeros((len(self.names), len(self.names)), dtype=np.int64)
        np.add.at(counts, (before[change], after[change]), 1)
        return pd.DataFrame(counts, index=list(self.names), columns=list(self.names))

    def transition_probabilities(self) -> pd.DataFrame:
        """Share of each other state (columns) among the changes that leave a state (rows); NaN if there are none."""
        counts = self.transitions()
        return counts.div(counts.sum(axis=1).replace(0, np.nan), axis=0)

    def time_s(self) -> pd.Series:
        """Time in each state in seconds."""
        counts = np.bincount(self.states[self.states >= 0], minlength=len(self.names))
        return pd.Series(counts * self.epoch_s, index=list(self.names))

    @property
    def rem_latency_s(self) -> float:
        """Time from the first NREM epoch to the first REM epoch after it, gaps counted; NaN if either is missing."""
        if NREM.name not in self.names:
            return np.nan
        asleep = np.flatnonzero(self.states == self.names.index(NREM.name))
        dreaming = np.flatnonzero(self.states == self.names.index(REM.name))
        dreaming = dreaming[dreaming > asleep[0]] if asleep.size else dreaming[:0]
        return float(dreaming[0] - asleep[0]) * self.epoch_s if dreaming.size else np.nan

    @property
    def fragmentation_index(self) -> float:
        """Changes that leave a state of sleep, to wake or another one, per hour of sleep; NaN without sleep.

        The sleep fragmentation index of Haba-Rubio et al. 2004 (Sleep Med. 5, 577) with every change of state counted,
        as the states of a mouse have no order of depth.
        """
        asleep_s = self.time_s().drop(WAKE.name, errors="ignore").sum()
        changes = self.transitions().drop(index=WAKE.name, errors="ignore").to_numpy().sum()
        return float(changes / asleep_s * 3600) if asleep_s else np.nan

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
    sequence = np.full(int((session["epochs"] + PAUSE_EPOCHS).sum()) - PAUSE_EPOCHS, PAUSE)
    starts = np.rint(session_start_s(session).to_numpy() / EPOCH_S).astype(int)
    lengths = session.sort_values(["mouse", "order"])["epochs"]
    for start, length in zip(starts, lengths, strict=True):
        sequence[start : start + length] = GAP
    sequence[session_positions(epochs, recordings)] = epochs[states].to_numpy()
    return Hypnogram(sequence, EPOCH_S, names or tuple(state.name for state in STATES))


def session_values(epochs: pd.DataFrame, columns: Sequence[str], recordings: pd.DataFrame) -> np.ndarray:
    """Values of one mouse's epochs on the time axis of its `session_hypnogram`.

    Returns
    -------
    array of float, shape (n_epochs, len(columns))
        NaN where there is no row.
    """
    session = recordings[recordings["mouse"].isin(epochs["mouse"])]
    values = np.full((int((session["epochs"] + PAUSE_EPOCHS).sum()) - PAUSE_EPOCHS, len(columns)), np.nan)
    values[session_positions(epochs, recordings)] = epochs[list(columns)].to_numpy()
    return values


COUNTINGS = {"gaps-end-bouts": lambda hypnogram: hypnogram, "published": Hypnogram.without_gaps}
"""Ways of counting bouts: ending them at gaps, or as published, as if nothing lay between."""

SCORER_TITLES = {"cnn-bilstm": "CNN-BiLSTM", "human": "Human"}
"""Scorers that every run has, and what figures call them; further ones go by the names of `analysis.scorers`."""


def session_hypnograms(
    predictions: pd.DataFrame,
    recordings: pd.DataFrame,
    names: Sequence[str],
    others: Mapping[str, pd.DataFrame] | None = None,
) -> dict[str, dict[str, Hypnogram]]:
    """Hypnograms of every mouse: mouse -> scorer -> Hypnogram.

    Parameters
    ----------
    predictions : table with columns mouse, recording, epoch, y_true, y_pred
    recordings : table with columns mouse, recording, order, epochs
        As in recordings.tsv.
    names : sequence of str
        Names of the classes.
    others : mapping of scorer to table with columns mouse, recording, epoch, label, optional
        Further scorers, as `scorers.read_scores` gives them; a mouse that one did not score goes without.

    Returns
    -------
    dict of dict of Hypnogram
        In the order cnn-bilstm, human, further ones.
    """
    hypnograms = {}
    for mouse, table in predictions.groupby("mouse", sort=False):
        found = {"cnn-bilstm": (table, "y_pred"), "human": (table, "y_true")}
        for scorer, scores in (others or {}).items():
            own = scores[scores["mouse"] == mouse]
            if len(own):
                found[scorer] = (own, "label")
        hypnograms[mouse] = {
            scorer: session_hypnogram(epochs, column, recordings, names) for scorer, (epochs, column) in found.items()
        }
    return hypnograms


def sleep_table(hypnograms: Mapping[str, Mapping[str, Hypnogram]]) -> pd.DataFrame:
    """What the hypnograms say of each mouse's sleep, gaps ending bouts.

    Returns
    -------
    table with columns mouse, scorer, measure, state, value, unit
        time (s), share (of the time with a state) and median_bout (s) of each state; rem_latency (s) and
        fragmentation_index (1/h). What has no meaning is empty.
    """
    rows = []
    for mouse, scorers in hypnograms.items():
        for scorer, hypnogram in scorers.items():
            time_s, bouts = hypnogram.time_s(), hypnogram.bouts()
            known_s = time_s.sum()
            for state in hypnogram.names:
                lengths = bouts.loc[bouts["state"] == state, "duration_s"]
                rows.append((mouse, scorer, "time", state, time_s[state], "s"))
                rows.append((mouse, scorer, "share", state, time_s[state] / known_s if known_s else np.nan, ""))
                rows.append((mouse, scorer, "median_bout", state, lengths.median(), "s"))
            rows.append((mouse, scorer, "rem_latency", "", hypnogram.rem_latency_s, "s"))
            rows.append((mouse, scorer, "fragmentation_index", "", hypnogram.fragmentation_index, "1/h"))
    return pd.DataFrame(rows, columns=["mouse", "scorer", "measure", "state", "value", "unit"])


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
                probabilities = hypnogram.transition_probabilities()
                for state in hypnogram.names:
                    n_bouts = int((found["state"] == state).sum())
                    numbers = {"n_bouts": n_bouts, "mean_bout_s": means[state], "n_transitions": leaving[state]}
                    fragmentation.append({**key, "state": state, **numbers})
                    for target in hypnogram.names:
                        if target != state:
                            count, share = changes.loc[state, target], probabilities.loc[state, target]
                            transitions.append(
                                {**key, "from": state, "to": target, "count": count, "probability": share}
                            )
                mean = found["duration_s"].mean() if len(found) else np.nan
                numbers = {"n_bouts": len(found), "mean_bout_s": mean, "n_transitions": hypnogram.n_transitions}
                fragmentation.append({**key, "state": "all", **numbers})
                bouts.append(found.assign(**key)[[*key, *found.columns]])
    key = ["mouse", "scorer", "counting"]
    nothing = pd.DataFrame(columns=[*key, "state", "start_s", "duration_s"])
    return (
        pd.DataFrame(fragmentation, columns=[*key, "state", "n_bouts", "mean_bout_s", "n_transitions"]),
        pd.concat(bouts, ignore_index=True) if bouts else nothing,
        pd.DataFrame(transitions, columns=[*key, "from", "to", "count", "probability"]),
    )
