"""The published numbers, and ours beside them.

Zhang et al. 2024, J. Neurosci. Methods 411, 110250 (CNN-BiLSTM); Zhang et al. 2022, J. Neurosci. Methods 366, 109421
(MVG-CNN).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

WINDOW_SECONDS = (*range(1, 11), 15, 20)
WINDOW_F1 = (0.38, 0.55, 0.63, 0.69, 0.68, 0.71, 0.79, 0.79, 0.79, 0.82, 0.78, 0.78)
WINDOW_KAPPA = (0.01, 0.22, 0.37, 0.45, 0.44, 0.51, 0.64, 0.62, 0.63, 0.67, 0.61, 0.62)
WINDOW_METRICS = {"f1_weighted": WINDOW_F1, "kappa": WINDOW_KAPPA}
"""Published value of each metric for each of `WINDOW_SECONDS`; three states."""

WINDOW_PROTOCOL = "pooled"
"""Protocol of these."""


NETWORK, SECOND_RATER, MVG = "CNN-BiLSTM", "second human rater", "MVG-CNN"


@dataclass(frozen=True)
class PublishedNumber:
    """A published number and the experiment of ours that reproduces it.

    Attributes
    ----------
    what : str
    metric : str
        As in metrics.tsv.
    value : float
    experiment : str or None
        Name of the experiment; None where the workflow has none.
    protocol : str
        `folds.protocol` of the publication.
    scorer : str
        Who was compared with the human: `NETWORK`, `SECOND_RATER` or `MVG`.
    """

    what: str
    metric: str
    value: float
    experiment: str | None
    protocol: str = "pooled"
    scorer: str = NETWORK


HELD_OUT = f"{NETWORK}, held-out 3-h recording"
MVG_SESSION = f"{MVG}, 3-h recording"

PUBLISHED = (
    PublishedNumber(f"{NETWORK}, pooled test", "accuracy", 0.84, "pooled"),
    PublishedNumber(f"{NETWORK}, pooled test", "kappa", 0.64, "pooled"),
    PublishedNumber(f"{NETWORK}, pooled test", "f1_weighted", 0.84, "pooled"),
    PublishedNumber(HELD_OUT, "kappa", 0.67, "held-out-recording", "held-out-mouse"),
    PublishedNumber(f"{HELD_OUT}, {SECOND_RATER}", "kappa", 0.65, "held-out-recording", "held-out-mouse", SECOND_RATER),
    PublishedNumber(f"{MVG}, pooled test", "accuracy", 0.84, None, scorer=MVG),
    PublishedNumber(f"{MVG}, pooled test", "kappa", 0.67, None, scorer=MVG),
    PublishedNumber(f"{MVG}, binary", "accuracy", 0.82, None, scorer=MVG),
    PublishedNumber(f"{MVG}, binary", "kappa", 0.62, None, scorer=MVG),
    PublishedNumber(MVG_SESSION, "kappa", 0.65, None, "held-out-mouse", MVG),
    PublishedNumber(f"{MVG_SESSION}, {SECOND_RATER}", "kappa", 0.60, None, "held-out-mouse", MVG),
    *(
        PublishedNumber(f"{NETWORK}, window of {seconds} s", metric, value, f"window-{seconds:02d}s")
        for metric, values in WINDOW_METRICS.items()
        for seconds, value in zip(WINDOW_SECONDS, values, strict=True)
    ),
)

STAND_IN_FOR = ("pooled", "held-out-recording")
"""Experiments in whose place the main one is shown where a run doesn't have them; the note says so."""

COLUMNS = [
    *("what", "metric", "published", "experiment", "ours", "ci_low", "ci_high", "interval_over", "difference", "note")
]

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
    main : str
        Name of the experiment that stands in for some that the run doesn't have.
    synthetic : bool
        Whether the recordings are synthetic.

    Returns
    -------
    table with columns what, metric, published, experiment, ours, ci_low, ci_high, interval_over, difference, note
        difference: ours less published. interval_over: what the confidence interval's bootstrap draws, mice or bouts.
        Where the run has no such number, ours is empty and the note says why.
    """
    rows = []
    for number in PUBLISHED:
        experiment = number.experiment
        if experiment not in metrics and experiment in STAND_IN_FOR:
            experiment = main
        row = {"what": number.what, "metric": number.metric, "published": number.value, "experiment": experiment or ""}
        if number.scorer == MVG:
            rows.append({**row, "note": "the MVG-CNN, an earlier network, is not part of this workflow"})
        elif experiment not in metrics:
            rows.append({**row, "note": f"experiment {experiment} is not in this run"})
        elif number.scorer == SECOND_RATER:
            rows.append({**row, **_second_rater(agreement[experiment])})
        else:
            rows.append({**row, **_pooled(metrics[experiment], number.metric)})
        if "ours" in rows[-1]:
            notes = [SYNTHETIC if synthetic else "", caveat(number.protocol, experiments[experiment])]
            rows[-1] |= {"difference": rows[-1]["ours"] - number.value, "note": "; ".join(filter(None, notes))}
    return pd.DataFrame(rows, columns=COLUMNS)


def _pooled(metrics: pd.DataFrame, metric: str) -> dict:
    """The network's number on all test epochs together."""
    found = metrics[(metrics["level"] == "pooled") & (metrics["metric"] == metric)].iloc[0]
    over = "mice" if (metrics.loc[metrics["level"] == "mouse", "unit"].nunique()) > 1 else "bouts"
    return {"ours": found["value"], "ci_low": found["ci_low"], "ci_high": found["ci_high"], "interval_over": over}


def _second_rater(agreement: pd.DataFrame) -> dict:
    """Kappa of the files' expert and the first further scorer."""
    human = agreement[(agreement["mouse"] == "all") & (agreement["metric"] == "kappa")]
    pairs = human[(human[["scorer_a", "scorer_b"]] == "human").any(axis=1)]
    found = pairs[(pairs[["scorer_a", "scorer_b"]] != "cnn-bilstm").all(axis=1)]
    if found.empty:
        return {"note": "the data hold no second rater (analysis.scorers)"}
    first = found.iloc[0]
    return {"ours": first["value"], "ci_low": first["ci_low"], "ci_high": first["ci_high"], "interval_over": "bouts"}


def caveat(published_protocol: str, settings: Mapping) -> str:
    """Say in what an experiment's question differs from the published one of three states; empty where it doesn't.

    Parameters
    ----------
    published_protocol : str
        `folds.protocol` of the publication.
    settings : mapping
        The experiment's.

    Examples
    --------
    >>> caveat("pooled", {"folds": {"protocol": "k-fold"}, "labels": {"classes": ["wake", "sleep"]}})
    'not the same question: published protocol pooled, ours k-fold; published three states, ours two'
    """
    protocol = settings["folds"]["protocol"]
    differences = []
    if protocol != published_protocol:
        differences.append(f"published protocol {published_protocol}, ours {protocol}")
    if len(settings["labels"]["classes"]) != 3:
        differences.append("published three states, ours two")
    return f"not the same question: {'; '.join(differences)}" if differences else ""


def length_table(metrics: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Gather the pooled measures of experiments that differ in the length of their windows.

    Parameters
    ----------
    metrics : mapping of length in seconds to table
        metrics.tsv of each experiment.

    Returns
    -------
    table with columns seconds, metric, value, ci_low, ci_high
        A row for each length and each of `WINDOW_METRICS`, value empty where a metric has no meaning.
    """
    tables = []
    for seconds, table in metrics.items():
        pooled = table[(table["level"] == "pooled") & table["metric"].isin(WINDOW_METRICS)]
        tables.append(pooled[["metric", "value", "ci_low", "ci_high"]].assign(seconds=seconds))
    return pd.concat(tables, ignore_index=True)[["seconds", "metric", "value", "ci_low", "ci_high"]]
