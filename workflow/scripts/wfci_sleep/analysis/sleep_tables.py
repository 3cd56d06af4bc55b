"""Tables of sleep: shares, bouts and transitions by mouse and rater."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from wfci_sleep.analysis.hypnogram import Hypnogram

COUNTINGS: dict[str, Callable[[Hypnogram], Hypnogram]] = {
    "gaps-end-bouts": lambda hypnogram: hypnogram,
    "published": Hypnogram.without_gaps,
}
"""Ways of counting bouts: a gap ends a bout, or, as published, bouts continue across gaps."""

_KEY = ["mouse", "scorer", "counting"]


def sleep_table(hypnograms: Mapping[str, Mapping[str, Hypnogram]]) -> pd.DataFrame:
    """Sleep of each mouse by each rater; gaps end bouts.

    Parameters
    ----------
    hypnograms : mapping of mouse to mapping of rater to Hypnogram

    Returns
    -------
    table with columns mouse, scorer, measure, state, value, unit
        time (s), share (of the time with a state) and median_bout (s) of each state; rem_latency (s) and
        fragmentation_index (1/h). NaN where a measure is not defined.
    """
    rows = []
    for mouse, raters in hypnograms.items():
        for rater, hypnogram in raters.items():
            time_s, bouts = hypnogram.time_s(), hypnogram.bouts()
            known_s = time_s.sum()
            for state in hypnogram.names:
                lengths = bouts.loc[bouts["state"] == state, "duration_s"]
                rows.append((mouse, rater, "time", state, time_s[state], "s"))
                rows.append((mouse, rater, "share", state, time_s[state] / known_s if known_s else np.nan, ""))
                rows.append((mouse, rater, "median_bout", state, lengths.median(), "s"))
            rows.append((mouse, rater, "rem_latency", "", hypnogram.rem_latency_s, "s"))
            rows.append((mouse, rater, "fragmentation_index", "", hypnogram.fragmentation_index, "1/h"))
    return pd.DataFrame(rows, columns=["mouse", "scorer", "measure", "state", "value", "unit"])


def fragmentation_tables(
    hypnograms: Mapping[str, Mapping[str, Hypnogram]],
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Fragmentation of sleep by mouse, rater and way of counting (`COUNTINGS`).

    Parameters
    ----------
    hypnograms : mapping of mouse to mapping of rater to Hypnogram

    Returns
    -------
    fragmentation : table with columns mouse, scorer, counting, state, n_bouts, mean_bout_s, n_transitions
        A row for each state (n_transitions: those that leave it) and a row `all`.
    bouts : table with columns mouse, scorer, counting, state, start_s, duration_s
        In the published way of counting, start_s is the time without gaps.
    transitions : table with columns mouse, scorer, counting, from, to, count, probability
        probability: share among the transitions that leave `from`; NaN if there are none.
    """
    fragmentation, bouts, transitions = [], [], []
    for mouse, raters in hypnograms.items():
        for rater, gapped in raters.items():
            for counting, counted in COUNTINGS.items():
                hypnogram = counted(gapped)
                key = {"mouse": mouse, "scorer": rater, "counting": counting}
                found, counts = hypnogram.bouts(), hypnogram.transitions()
                means, leaving = hypnogram.mean_bout_s(), counts.sum(axis=1)
                probabilities = hypnogram.transition_probabilities()
                for state in hypnogram.names:
                    n_bouts = int((found["state"] == state).sum())
                    numbers = {"n_bouts": n_bouts, "mean_bout_s": means[state], "n_transitions": leaving[state]}
                    fragmentation.append({**key, "state": state, **numbers})
                    for target in hypnogram.names:
                        if target != state:
                            count, share = counts.loc[state, target], probabilities.loc[state, target]
                            transitions.append(
                                {**key, "from": state, "to": target, "count": count, "probability": share}
                            )
                mean = found["duration_s"].mean() if len(found) else np.nan
                numbers = {"n_bouts": len(found), "mean_bout_s": mean, "n_transitions": hypnogram.n_transitions}
                fragmentation.append({**key, "state": "all", **numbers})
                bouts.append(found.assign(**key)[[*key, *found.columns]])
    nothing = pd.DataFrame(columns=[*_KEY, "state", "start_s", "duration_s"])
    return (
        pd.DataFrame(fragmentation, columns=[*_KEY, "state", "n_bouts", "mean_bout_s", "n_transitions"]),
        pd.concat(bouts, ignore_index=True) if bouts else nothing,
        pd.DataFrame(transitions, columns=[*_KEY, "from", "to", "count", "probability"]),
    )
