"""Agreement of raters: Cohen's kappa and accuracy of every pair, with confidence intervals."""

import itertools
from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from wfci_sleep.analysis.confidence_intervals import Interval, with_intervals
from wfci_sleep.analysis.hypnogram import Hypnogram
from wfci_sleep.analysis.performance import bout_confusions, kappa_in_words, measures
from wfci_sleep.data.names import HUMAN, POOLED

COLUMNS = ["mouse", "scorer_a", "scorer_b", "metric", "value", "ci_low", "ci_high", "n", "interval_over"]


def agreement_table(hypnograms: Mapping[str, Mapping[str, Hypnogram]], resamples: int, seed: int) -> pd.DataFrame:
    """Agreement of every pair of raters on the epochs to which both gave a state.

    Parameters
    ----------
    hypnograms : mapping of mouse to mapping of rater to Hypnogram
        The hypnograms of a mouse cover the same time.
    resamples, seed : int
        Of the bootstrap: over mice where several are pooled, within a mouse over the bouts of the human, or of scorer_b
        where neither rater is the human. Network and human have the same interval as in metrics.tsv.

    Returns
    -------
    table with columns mouse (`all`: pooled), scorer_a, scorer_b, metric (kappa, accuracy), value, ci_low, ci_high, n,
    interval_over
        n: epochs with a state by both. Kappa is NaN where only one state occurs; all values are NaN where n is 0.
        interval_over: as in `confidence_intervals.Interval`.
    """
    raters = dict.fromkeys(rater for each in hypnograms.values() for rater in each)
    rows = []
    for first, second in itertools.combinations(raters, 2):
        scored, reference = (second, first) if first == HUMAN else (first, second)
        by_mouse = {
            mouse: _confusions(each[scored], each[reference])
            for mouse, each in hypnograms.items()
            if {first, second} <= {*each}
        }
        if not by_mouse:
            continue
        names = hypnograms[next(iter(by_mouse))][first].names
        mice = np.repeat(list(by_mouse), [len(confusions) for confusions in by_mouse.values()])
        pooled = (POOLED, np.concatenate(list(by_mouse.values())), mice)
        units = [(mouse, confusions, np.full(len(confusions), mouse)) for mouse, confusions in by_mouse.items()]
        for unit, confusions, mice in [*units, pooled]:
            found = with_intervals(confusions, mice, partial(measures, names=names), resamples, seed)
            for metric in ("kappa", "accuracy"):
                value, low, high, over = found[metric, ""]
                rows.append((unit, first, second, metric, value, low, high, int(confusions.sum()), over))
    return pd.DataFrame(rows, columns=COLUMNS)


def _confusions(scored: Hypnogram, reference: Hypnogram) -> np.ndarray:
    """Confusion matrices over the epochs with a state by both, one for each bout of the reference; a gap ends a bout.

    Returns
    -------
    array of int, shape (n_bouts, n_states, n_states)
    """
    common = (scored.states >= 0) & (reference.states >= 0)
    bouts = np.cumsum(np.diff(reference.states, prepend=reference.states[:1]) != 0)
    return bout_confusions(reference.states[common], scored.states[common], bouts[common], len(reference.names))


def pair_kappa_in_words(agreement: pd.DataFrame, mouse: str, first: str, second: str) -> str:
    """Kappa of two raters with its interval, as `performance.kappa_in_words` gives it; "not defined" without a row.

    Parameters
    ----------
    agreement : table
        As `agreement_table` gives it.
    mouse : str
    first, second : str
        The raters; the table may have them in the other order.

    Examples
    --------
    >>> table = pd.DataFrame([("m", "a", "b", "kappa", 0.671, 0.6, 0.74, 90, "35 bouts")], columns=COLUMNS)
    >>> pair_kappa_in_words(table, "m", "b", "a")
    'kappa 0.67 (0.60 to 0.74)'
    """
    rows = agreement[(agreement["mouse"] == mouse) & (agreement["metric"] == "kappa")]
    pair = [{a, b} == {first, second} for a, b in zip(rows["scorer_a"], rows["scorer_b"], strict=True)]
    return kappa_in_words(next(rows[pair].itertuples(), Interval(np.nan, np.nan, np.nan, "")))
