"""Hypnograms: the states of a mouse over time, their bouts and transitions.

YASA and AccuSleePy have hypnograms as well, but for one unbroken recording of human or mouse EEG. A session of
wide-field imaging is a chain of runs with pauses and epochs without a score, so here a gap ends a bout.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from wfci_sleep.layout import EPOCH_S
from wfci_sleep.states import GAP, NREM, PAUSE, REM, STATES, WAKE, titles_of

_STATE_NAMES = tuple(state.name for state in STATES)


class Hypnogram:
    """States of consecutive epochs.

    Parameters
    ----------
    states : array-like of int, shape (n_epochs,)
        Index into `names` for each epoch; `GAP` (-1) where the state is unknown, `PAUSE` (-2) where nothing was
        recorded. Both end a bout.
    epoch_s : float
        Length of an epoch in seconds.
    names : sequence of str
        Names of the states; wake, NREM, REM unless given.
    start_s : float
        Start of the first epoch in seconds.

    Raises
    ------
    ValueError
        If a state has no name.

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
        names: Sequence[str] = _STATE_NAMES,
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
        return titles_of(self.names)

    def without_gaps(self) -> "Hypnogram":
        """The hypnogram with its gaps cut out: the published analysis counts bouts across gaps."""
        return Hypnogram(self.states[self.states >= 0], self.epoch_s, self.names, self.start_s)

    def _runs(self) -> pd.DataFrame:
        """Runs of epochs with one label, gaps and pauses as well: columns label, start_s, duration_s."""
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
        """Survival of the bouts of each state, see `survival`.

        Returns
        -------
        table with columns state, duration_s, share
            A row for each length that occurs; none for a state that does not.
        """
        bouts = self.bouts()
        rows = [
            (name, *point)
            for name in self.names
            for point in zip(*survival(bouts.loc[bouts["state"] == name, "duration_s"]), strict=True)
        ]
        return pd.DataFrame(rows, columns=["state", "duration_s", "share"])

    def transitions(self) -> pd.DataFrame:
        """Number of transitions from each state (rows) to each other (columns); none is counted across a gap."""
        before, after = self.states[:-1], self.states[1:]
        changed = (before != after) & (before >= 0) & (after >= 0)
        counts = np.zeros((len(self.names), len(self.names)), dtype=np.int64)
        np.add.at(counts, (before[changed], after[changed]), 1)
        return pd.DataFrame(counts, index=list(self.names), columns=list(self.names))

    def transition_probabilities(self) -> pd.DataFrame:
        """Share of each other state (columns) among the transitions from a state (rows); NaN if there are none."""
        counts = self.transitions()
        return counts.div(counts.sum(axis=1).replace(0, np.nan), axis=0)

    def time_s(self) -> pd.Series:
        """Time in each state in seconds."""
        counts = np.bincount(self.states[self.states >= 0], minlength=len(self.names))
        return pd.Series(counts * self.epoch_s, index=list(self.names))

    @property
    def rem_latency_s(self) -> float:
        """Time from the first NREM epoch to the first REM epoch after it, with gaps; NaN if either is missing."""
        if NREM.name not in self.names:
            return np.nan
        asleep = np.flatnonzero(self.states == self.names.index(NREM.name))
        dreaming = np.flatnonzero(self.states == self.names.index(REM.name))
        dreaming = dreaming[dreaming > asleep[0]] if asleep.size else dreaming[:0]
        return float(dreaming[0] - asleep[0]) * self.epoch_s if dreaming.size else np.nan

    @property
    def fragmentation_index(self) -> float:
        """Transitions from a state of sleep, to wake or another one, per hour of sleep; NaN without sleep.

        The sleep fragmentation index of Haba-Rubio et al. 2004 (Sleep Med. 5, 577), but with every transition counted:
        the sleep states of a mouse have no order of depth.
        """
        asleep_s = self.time_s().drop(WAKE.name, errors="ignore").sum()
        n_leaving = self.transitions().drop(index=WAKE.name, errors="ignore").to_numpy().sum()
        return float(n_leaving / asleep_s * 3600) if asleep_s else np.nan

    @property
    def n_transitions(self) -> int:
        """Number of transitions between epochs that follow each other without a gap."""
        return int(self.transitions().to_numpy().sum())

    def mean_bout_s(self) -> pd.Series:
        """Mean length of the bouts of each state in seconds; NaN for a state that does not occur."""
        return self.bouts().groupby("state")["duration_s"].mean().reindex(list(self.names))


def survival(durations_s: np.ndarray | pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Distribution of bout lengths: the share of bouts that last at least as long.

    Parameters
    ----------
    durations_s : array of float, shape (n_bouts,)
        Of one state, in any order.

    Returns
    -------
    lengths_s, shares : array of float, shape (n_lengths,)
        Each length that occurs, ascending, and the share of bouts at least as long. Empty without bouts.

    Examples
    --------
    >>> lengths_s, shares = survival(np.array([10.0, 30.0, 60.0, 30.0]))
    >>> lengths_s.tolist(), shares.tolist()
    ([10.0, 30.0, 60.0], [1.0, 0.75, 0.25])
    """
    lengths_s, counts = np.unique(np.asarray(durations_s, dtype=float), return_counts=True)
    return lengths_s, counts[::-1].cumsum()[::-1] / max(len(durations_s), 1)
