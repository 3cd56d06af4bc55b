"""Agreement of scorers with each other: Cohen's kappa of every pair, with confidence intervals."""

import itertools
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from wfci_sleep.hypnogram import Hypnogram
from wfci_sleep.metrics import cluster_confusions, measures, with_intervals
from wfci_sleep.states import GAP

COLUMNS = ["mouse", "scorer_a", "scorer_b", "metric", "value", "ci_low", "ci_high", "n"]


def agreement_table(hypnograms: Mapping[str, Mapping[str, Hypnogram]], resamples: int, seed: int) -> pd.DataFrame:
    """Agreement of every pair of scorers on the epochs to which both gave a state.

    Parameters
    ----------
    hypnograms : mapping of mouse to mapping of scorer to Hypnogram
        A mouse's hypnograms cover the same time.
    resamples, seed : int
        Of the bootstrap over the bouts of scorer_b, as epochs that follow each other are not independent.

    Returns
    -------
    table with columns mouse (`all`: pooled), scorer_a, scorer_b, metric (kappa, accuracy), value, ci_low, ci_high, n
        n: epochs. Kappa is empty where only one state occurs, everything where no epoch is common.
    """
    scorers = dict.fromkeys(scorer for each in hypnograms.values() for scorer in each)
    rows = []
    for first, second in itertools.combinations(scorers, 2):
        pairs = {mouse: (each[first], each[second]) for mouse, each in hypnograms.items() if {first, second} <= {*each}}
        if not pairs:
            continue
        states = {mouse: tuple(hypnogram.states for hypnogram in pair) for mouse, pair in pairs.items()}
        # A gap between mice, so that no bout reaches from one to the next.
        states["all"] = tuple(
            np.concatenate([np.append(each, GAP) for each in side]) for side in zip(*states.values(), strict=True)
        )
        names = next(iter(pairs.values()))[0].names
        for mouse, (a, b) in states.items():
            n, found = _agreement(a, b, names, resamples, seed)
            rows += [(mouse, first, second, metric, *interval, n) for metric, interval in found.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def kappa_in_words(agreement: pd.DataFrame, mouse: str, first: str, second: str) -> str:
    """Kappa of two scorers, in whichever order the table has them, with its interval.

    Examples
    --------
    >>> table = pd.DataFrame([("m", "a", "b", "kappa", 0.671, 0.6, 0.74, 90)], columns=COLUMNS)
    >>> kappa_in_words(table, "m", "b", "a")
    'kappa 0.67 (0.60 to 0.74)'
    """
    rows = agreement[(agreement["mouse"] == mouse) & (agreement["metric"] == "kappa")]
    pair = [{a, b} == {first, second} for a, b in zip(rows["scorer_a"], rows["scorer_b"], strict=True)]
    found = rows[pair]
    if found.empty or found["value"].isna().all():
        return "kappa undefined"
    row = found.iloc[0]
    interval = "" if np.isnan(row["ci_low"]) else f" ({row['ci_low']:.2f} to {row['ci_high']:.2f})"
    return f"kappa {row['value']:.2f}{interval}"


def _agreement(
    a: np.ndarray, b: np.ndarray, names: Sequence[str], resamples: int, seed: int
) -> tuple[int, dict[str, tuple[float, float, float]]]:
    """Number of common epochs, and value and interval of each measure."""
    common = (a >= 0) & (b >= 0)
    metrics = ("kappa", "accuracy")
    if not common.any():
        return 0, dict.fromkeys(metrics, (np.nan, np.nan, np.nan))
    bouts = np.cumsum(np.diff(b, prepend=b[0]) != 0)
    confusions = cluster_confusions(b[common], a[common], bouts[common], len(names))
    intervals = with_intervals(confusions, partial(measures, names=names), resamples, seed)
    return int(common.sum()), {metric: intervals[metric, ""] for metric in metrics}
