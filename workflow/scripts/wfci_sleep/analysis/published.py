"""The published numbers, and those of a run beside them.

Zhang et al. 2024, J. Neurosci. Methods 411, 110250 (CNN-BiLSTM); Zhang et al. 2022, J. Neurosci. Methods 366, 109421
(MVG-CNN).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from wfci_sleep.analysis.networks import is_network
from wfci_sleep.data.names import HUMAN, POOLED
from wfci_sleep.models.registry import kind_of

WINDOW_SECONDS = (*range(1, 11), 15, 20)
WINDOW_F1 = (0.38, 0.55, 0.63, 0.69, 0.68, 0.71, 0.79, 0.79, 0.79, 0.82, 0.78, 0.78)
WINDOW_KAPPA = (0.01, 0.22, 0.37, 0.45, 0.44, 0.51, 0.64, 0.62, 0.63, 0.67, 0.61, 0.62)
WINDOW_METRICS = {"f1_weighted": WINDOW_F1, "kappa": WINDOW_KAPPA}
"""Published value of each metric for each of `WINDOW_SECONDS`; three states."""

WINDOW_PROTOCOL = "pooled"
"""`folds.protocol` of the published sweep over window lengths."""

NETWORK, MVG = "CNN-BiLSTM", "MVG-CNN"
"""Titles of the published networks, as their kinds have them."""

SECOND_RATER = "second human rater"


@dataclass(frozen=True)
class PublishedNumber:
    """A published number and the experiment that reproduces it.

    Attributes
    ----------
    what : str
    metric : str
        As in metrics.tsv.
    value : float
    experiment : str
        Name of the experiment.
    protocol : str
        `folds.protocol` of the publication.
    network : str
        Title of the network's kind.
    states : int
        Number of states told apart.
    of_second_rater : bool
        Whether the number is that of a second human rater on the network's test epochs, and not of the network.
    """

    what: str
    metric: str
    value: float
    experiment: str
    protocol: str = "pooled"
    network: str = NETWORK
    states: int = 3
    of_second_rater: bool = False


HELD_OUT = f"{NETWORK}, held-out 3-h recording"
MVG_SESSION = f"{MVG}, 3-h recording"

SECONDS_OF = {f"{NETWORK}, window of {seconds} s": seconds for seconds in WINDOW_SECONDS}
"""`what` of the published numbers of the sweep -> length of the window in seconds."""

PUBLISHED = (
    PublishedNumber(f"{NETWORK}, pooled test", "accuracy", 0.84, "pooled"),
    PublishedNumber(f"{NETWORK}, pooled test", "kappa", 0.64, "pooled"),
    PublishedNumber(f"{NETWORK}, pooled test", "f1_weighted", 0.84, "pooled"),
    PublishedNumber(HELD_OUT, "kappa", 0.67, "held-out-recording", "held-out-mouse"),
    PublishedNumber(
        *(f"{HELD_OUT}, {SECOND_RATER}", "kappa", 0.65, "held-out-recording", "held-out-mouse"), of_second_rater=True
    ),
    PublishedNumber(f"{MVG}, pooled test", "accuracy", 0.84, "mvg-cnn-pooled", network=MVG),
    PublishedNumber(f"{MVG}, pooled test", "kappa", 0.67, "mvg-cnn-pooled", network=MVG),
    PublishedNumber(f"{MVG}, binary", "accuracy", 0.82, "mvg-cnn-binary", network=MVG, states=2),
    PublishedNumber(f"{MVG}, binary", "kappa", 0.62, "mvg-cnn-binary", network=MVG, states=2),
    PublishedNumber(MVG_SESSION, "kappa", 0.65, "mvg-cnn-held-out-recording", "held-out-mouse", MVG),
    PublishedNumber(
        *(f"{MVG_SESSION}, {SECOND_RATER}", "kappa", 0.60, "mvg-cnn-held-out-recording", "held-out-mouse", MVG),
        of_second_rater=True,
    ),
    *(
        PublishedNumber(what, metric, value, f"window-{seconds:02d}s")
        for metric, values in WINDOW_METRICS.items()
        for (what, seconds), value in zip(SECONDS_OF.items(), values, strict=True)
    ),
)

STAND_IN_FOR = ("pooled", "held-out-recording", "mvg-cnn-pooled", "mvg-cnn-held-out-recording")
"""Experiments for which the main one is shown where a run does not have them and the main one's network is of the same
kind; the note then says how it differs."""

COLUMNS = [
    *("what", "metric", "published", "experiment", "ours", "ci_low", "ci_high", "interval_over", "difference", "note")
]

_WORDS = {2: "two", 3: "three"}

SYNTHETIC = "synthetic data: not a scientific result"


def beside_published(
    metrics: Mapping[str, pd.DataFrame],
    agreement: Mapping[str, pd.DataFrame],
    experiments: Mapping[str, Mapping],
    main: str,
    synthetic: bool,
) -> pd.DataFrame:
    """Set every published number beside the run's own.

    Parameters
    ----------
    metrics : mapping of experiment to table
        metrics.tsv of each experiment.
    agreement : mapping of experiment to table
        agreement.tsv of each experiment.
    experiments : mapping of experiment to settings
        The sections folds and labels, and `model.kind`.
    main : str
        Name of the experiment that stands in for `STAND_IN_FOR` where the run does not have these.
    synthetic : bool
        Whether the recordings are synthetic.

    Returns
    -------
    table with columns what, metric, published, experiment, ours, ci_low, ci_high, interval_over, difference, note
        difference: ours minus published. interval_over: as in `confidence_intervals.Interval`. Where the run has no
        such number, ours is empty and the note says why.
    """
    rows: list[dict[str, Any]] = []
    for number in PUBLISHED:
        experiment = number.experiment
        if experiment not in metrics and experiment in STAND_IN_FOR and _network(experiments[main]) == number.network:
            experiment = main
        row = {"what": number.what, "metric": number.metric, "published": number.value, "experiment": experiment}
        if experiment not in metrics:
            rows.append({**row, "note": f"experiment {experiment} is not in this run"})
        elif (network := _network(experiments[experiment])) != number.network:
            rows.append({**row, "note": f"experiment {experiment} has another network, {network}"})
        elif number.of_second_rater:
            rows.append({**row, **_second_rater(agreement[experiment])})
        else:
            rows.append({**row, **_pooled(metrics[experiment], number.metric)})
        if "ours" in rows[-1]:
            notes = [SYNTHETIC if synthetic else "", caveat(number.protocol, experiments[experiment], number.states)]
            rows[-1] |= {"difference": rows[-1]["ours"] - number.value, "note": "; ".join(filter(None, notes))}
    return pd.DataFrame(rows, columns=COLUMNS)


def _network(settings: Mapping) -> str:
    """Title of the kind of an experiment's network."""
    return kind_of(settings["model"]).title


def _pooled(metrics: pd.DataFrame, metric: str) -> dict:
    """The network's number on all test epochs together."""
    return _with_interval(metrics[(metrics["level"] == "pooled") & (metrics["metric"] == metric)].iloc[0])


def _second_rater(agreement: pd.DataFrame) -> dict:
    """Kappa of the files' human rater and the first further rater, over all mice."""
    kappas = agreement[(agreement["mouse"] == POOLED) & (agreement["metric"] == "kappa")]
    pairs = kappas[["scorer_a", "scorer_b"]]
    found = kappas[(pairs == HUMAN).any(axis=1) & ~pairs.map(is_network).any(axis=1)]
    if found.empty:
        return {"note": "the data hold no second rater (analysis.scorers)"}
    return _with_interval(found.iloc[0])


def _with_interval(row: pd.Series) -> dict:
    return {"ours": row["value"], **row[["ci_low", "ci_high", "interval_over"]]}


def caveat(published_protocol: str, settings: Mapping, published_states: int = 3) -> str:
    """Say in what the question of an experiment differs from the published one; empty if in nothing.

    Parameters
    ----------
    published_protocol : str
        `folds.protocol` of the publication.
    settings : mapping
        Of the experiment.
    published_states : int
        Number of states that the publication tells apart.

    Examples
    --------
    >>> caveat("pooled", {"folds": {"protocol": "k-fold"}, "labels": {"classes": ["wake", "sleep"]}})
    'not the same question: published protocol pooled, ours k-fold; published three states, ours two'
    """
    protocol = settings["folds"]["protocol"]
    differences = []
    if protocol != published_protocol:
        differences.append(f"published protocol {published_protocol}, ours {protocol}")
    states = len(settings["labels"]["classes"])
    if states != published_states:
        differences.append(f"published {_WORDS[published_states]} states, ours {_WORDS[states]}")
    return f"not the same question: {'; '.join(differences)}" if differences else ""


def length_table(metrics: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Pooled measures of experiments that differ in the length of their windows.

    Parameters
    ----------
    metrics : mapping of length in seconds to table
        metrics.tsv of each experiment.

    Returns
    -------
    table with columns seconds, metric, value, ci_low, ci_high
        A row for each length and each of `WINDOW_METRICS`; value is NaN where a metric is not defined.
    """
    tables = []
    for seconds, table in metrics.items():
        pooled = table[(table["level"] == "pooled") & table["metric"].isin(WINDOW_METRICS)]
        tables.append(pooled[["metric", "value", "ci_low", "ci_high"]].assign(seconds=seconds))
    return pd.concat(tables, ignore_index=True)[["seconds", "metric", "value", "ci_low", "ci_high"]]
