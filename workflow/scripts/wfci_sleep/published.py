"""The published numbers, and ours beside them.

Zhang et al. 2024, J. Neurosci. Methods 411, 110250 (CNN-BiLSTM); Zhang et al. 2022, J. Neurosci. Methods 366, 109421
(MVG-CNN).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

WINDOW_SECONDS = (*range(1, 11), 15, 20)
WINDOW_F1 = (0.38, 0.55, 0.63, 0.69, 0.68, 0.71, 0.79, 0.79, 0.79, 0.82, 0.78, 0.78)
WINDOW_KAPPA = (0.01, 0.22, 0.37, 0.45, 0.44, 0.51, 0.64, 0.62, 0.63, 0.67, 0.61, 0.62)
WINDOW_METRICS = {"f1_weighted": WINDOW_F1, "kappa": WINDOW_KAPPA}
"""Published value of each metric for each of `WINDOW_SECONDS`; pooled split, three states."""


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
    """

    what: str
    metric: str
    value: float
    experiment: str | None
    protocol: str = "pooled"


HELD_OUT = "CNN-BiLSTM, held-out 3-h recording"
MVG_SESSION = "MVG-CNN, 3-h recording"

PUBLISHED = (
    PublishedNumber("CNN-BiLSTM, pooled test", "accuracy", 0.84, "pooled"),
    PublishedNumber("CNN-BiLSTM, pooled test", "kappa", 0.64, "pooled"),
    PublishedNumber("CNN-BiLSTM, pooled test", "f1_weighted", 0.84, "pooled"),
    PublishedNumber(HELD_OUT, "kappa", 0.67, "held-out-recording", "fixed"),
    PublishedNumber(f"{HELD_OUT}, second human rater", "kappa", 0.65, None, "fixed"),
    PublishedNumber("MVG-CNN, pooled test", "accuracy", 0.84, None),
    PublishedNumber("MVG-CNN, pooled test", "kappa", 0.67, None),
    PublishedNumber("MVG-CNN, binary", "accuracy", 0.82, None),
    PublishedNumber("MVG-CNN, binary", "kappa", 0.62, None),
    PublishedNumber(MVG_SESSION, "kappa", 0.65, None, "fixed"),
    PublishedNumber(f"{MVG_SESSION}, second human rater", "kappa", 0.60, None, "fixed"),
    *(
        PublishedNumber(f"CNN-BiLSTM, window of {seconds} s", metric, value, f"window-{seconds:02d}s")
        for metric, values in WINDOW_METRICS.items()
        for seconds, value in zip(WINDOW_SECONDS, values, strict=True)
    ),
)

STAND_IN = "main"
"""Experiment shown in place of one that a run doesn't have; the note says so."""


def beside_published(
    metrics: Mapping[str, pd.DataFrame], experiments: Mapping[str, Mapping], synthetic: bool
) -> pd.DataFrame:
    """Set every published number beside the run's own.

    Parameters
    ----------
    metrics : mapping of experiment to table
        metrics.tsv of each experiment.
    experiments : mapping of experiment to settings
    synthetic : bool
        Whether the recordings are synthetic.

    Returns
    -------
    table with columns what, metric, published, experiment, ours, ci_low, ci_high, note
    """
    rows = []
    for number in PUBLISHED:
        experiment = number.experiment
        if experiment in ("pooled", "held-out-recording") and experiment not in metrics:
            experiment = STAND_IN
        row = {"what": number.what, "metric": number.metric, "published": number.value}
        if experiment in metrics:
            table = metrics[experiment]
            found = table[(table["level"] == "pooled") & (table["metric"] == number.metric)].iloc[0]
            protocol = experiments[experiment]["folds"]["protocol"]
            notes = ["synthetic data: not a scientific result"] if synthetic else []
            if protocol != number.protocol:
                notes.append(f"published protocol {number.protocol}, ours {protocol}: not the same question")
            ours = {"ours": found["value"], "ci_low": found["ci_low"], "ci_high": found["ci_high"]}
            rows.append({**row, "experiment": experiment, **ours, "note": "; ".join(notes)})
        else:
            note = (
                "not computed by this workflow" if experiment is None else f"experiment {experiment} is not in this run"
            )
            rows.append({**row, "experiment": experiment or "", "note": note})
    columns = ["what", "metric", "published", "experiment", "ours", "ci_low", "ci_high", "note"]
    return pd.DataFrame(rows, columns=columns)


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


def length_caveat(protocol: str, classes: Sequence[str]) -> str:
    """Say in what the published numbers for window lengths are not ours; empty where they are.

    Examples
    --------
    >>> length_caveat("pooled", ["wake", "nrem", "rem"])
    ''
    >>> length_caveat("k-fold", ["wake", "sleep"])
    'Not the same question: published pooled split, ours k-fold; published three states, ours two'
    """
    differences = []
    if protocol != "pooled":
        differences.append(f"published pooled split, ours {protocol}")
    if len(classes) != 3:
        differences.append("published three states, ours two")
    return f"Not the same question: {'; '.join(differences)}" if differences else ""
