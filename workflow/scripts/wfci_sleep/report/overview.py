"""The facts on the report's opening page, as reStructuredText: what was run on what, and how well it went."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from wfci_sleep.analysis.confidence_intervals import CONFIDENCE
from wfci_sleep.analysis.performance import doubts, kappa_in_words, value_in_words
from wfci_sleep.analysis.published import PUBLISHED
from wfci_sleep.layout import EPOCH_S
from wfci_sleep.models.mvg_size import KERNEL
from wfci_sleep.models.registry import kind_of
from wfci_sleep.preprocessing.quality import recordings_and_notes
from wfci_sleep.preprocessing.windowings import n_frames
from wfci_sleep.report.changes import changes, told
from wfci_sleep.report.rendering import description, render
from wfci_sleep.states import STATES, Classes
from wfci_sleep.training.folds import POOLED_SHARES

HEADLINE = {"accuracy": "accuracy", "kappa": "Cohen's kappa", "f1_weighted": "weighted F1"}
"""The measures on the opening page, and what it calls them."""

PUBLISHED_TEST = "CNN-BiLSTM, pooled test"
"""The published numbers that stand beside them."""

MOST_LISTED = 50
"""Recordings that a list on the opening page names."""

LEFT_OUT = {
    "artefact": "scored as artefacts",
    "no_signal": "without a signal",
    "excluded": "excluded by the configuration",
}
"""Columns of quality.tsv that count epochs that are left out, and what the page says of them."""


def overview(
    config: Mapping[str, Any],
    defaults: Mapping[str, Any],
    quality: pd.DataFrame,
    metrics: Mapping[str, pd.DataFrame],
    fold_warnings: Sequence[str] = (),
) -> str:
    """Write the opening page's facts.

    Parameters
    ----------
    config : mapping
        The configuration as `settings.resolve` gives it.
    defaults : mapping
        An experiment's settings where the configuration says nothing: those of the paper.
    quality : table
        quality.tsv: the recordings, and notes on them together.
    metrics : mapping of experiment to table
        metrics.tsv of the experiments on the page; the first one is described in full.
    fold_warnings : sequence of str
        What is odd about the folds of the first one, as `fold_states.fold_warnings` says it.

    Returns
    -------
    str
        reStructuredText: sections, no title above them. Links are relative to the run's folder below results/.
    """
    experiments = told(config)
    first = next(iter(metrics))
    settings = experiments[first].settings
    kind = kind_of(settings["model"])
    published = {number.metric: number.value for number in PUBLISHED if number.what == PUBLISHED_TEST}
    return render(
        "overview.rst.j2",
        **settings,
        CONFIDENCE=CONFIDENCE,
        EPOCH_S=EPOCH_S,
        GRAPH_KERNEL=KERNEL,
        HEADLINE=HEADLINE,
        MOST_LISTED=MOST_LISTED,
        POOLED_SHARES=POOLED_SHARES,
        run=config["run"]["name"],
        dataset=config["dataset"],
        recordings=_recordings(quality),
        experiments=experiments,
        first=first,
        kind=kind,
        network_words=description(settings["model"]["kind"]),
        input_words=description(settings["windows"]["input"]),
        channels=kind.channels(settings["model"]),
        titles={name: Classes(one.settings["labels"]["classes"]).titles for name, one in experiments.items()},
        frames=n_frames(settings["windows"]["seconds"]),
        measured={name: _headline(table) for name, table in metrics.items()},
        published=[published[metric] for metric in HEADLINE],
        doubts=[(name, line) for name, table in metrics.items() for line in doubts(table)],
        fold_warnings=fold_warnings,
        changed={
            name: [
                (change.key, _value(change.value), _value(change.other)) for change in changes(one.settings, defaults)
            ]
            for name, one in experiments.items()
        },
    )


def _recordings(quality: pd.DataFrame) -> dict[str, Any]:
    quality, notes = recordings_and_notes(quality)
    used = quality[quality["epochs"] > 0]
    epochs = int(used["epochs"].sum())
    left_out = {column: int(used[column].sum()) for column in LEFT_OUT}
    return {
        "n": len(used),
        "mice": list(dict.fromkeys(used["mouse"])),
        "epochs": epochs,
        "hours": epochs * EPOCH_S / 3600,
        "states": [f"{int(used[state.name].sum()):,} {state.title}" for state in STATES],
        "left_out": [f"{n:,} {LEFT_OUT[column]}" for column, n in left_out.items() if n or column == "artefact"],
        "notes": notes,
        "with_warnings": used[used["warnings"].notna()].to_dict("records"),
        "with_gaps": quality[(quality["epochs"] == 0) | (quality["excluded"] > 0)].to_dict("records"),
    }


def _headline(table: pd.DataFrame) -> list[str]:
    """The measures of `HEADLINE` over all test epochs, with their intervals."""
    pooled = table[table["level"] == "pooled"].set_index("metric")
    return [
        kappa_in_words(pooled.loc[metric]).removeprefix("kappa ")
        if metric == "kappa"
        else value_in_words(pooled.loc[metric])
        for metric in HEADLINE
    ]


def _value(setting: Any) -> str:
    if isinstance(setting, bool):
        return "yes" if setting else "no"
    if isinstance(setting, float):
        return f"{setting:g}"
    if isinstance(setting, Mapping | list):
        return ", ".join(map(str, setting)) or "none"
    return "none" if setting is None else str(setting)
