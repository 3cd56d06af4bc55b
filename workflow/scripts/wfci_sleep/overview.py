"""The facts on the report's opening page, as reStructuredText: what was run on what, and how well it went."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from wfci_sleep.metrics import CONFIDENCE
from wfci_sleep.published import PUBLISHED
from wfci_sleep.settings import SECTIONS
from wfci_sleep.states import BY_NAME, EPOCH_S, STATES
from wfci_sleep.windows import n_frames
from wfci_sleep.words import HEMISPHERES, LOSSES, MASKS, NORMALISATIONS

HEADLINE = {"accuracy": "accuracy", "kappa": "Cohen's kappa", "f1_weighted": "weighted F1"}
"""The measures on the opening page, and what it calls them."""

PUBLISHED_TEST = "CNN-BiLSTM, pooled test"
"""The published numbers that stand beside them."""

_SPATIAL = {"none": "", "simam": ", SimAM after the blocks", "cbam": ", CBAM after the blocks"}
_TEMPORAL = {"additive": "additive attention over time", "mean": "the mean over time"}


def overview(config: Mapping, defaults: Mapping, quality: pd.DataFrame, metrics: Mapping[str, pd.DataFrame]) -> str:
    """Write the opening page's facts.

    Parameters
    ----------
    config : mapping
        The configuration as `settings.resolve` gives it.
    defaults : mapping
        An experiment's settings where the configuration says nothing: those of the paper.
    quality : table
        quality.tsv: the recordings.
    metrics : mapping of experiment to table
        metrics.tsv of the experiments on the page; the first one is described in full.

    Returns
    -------
    str
        reStructuredText: sections, no title above them. Links are relative to the run's folder below results/.
    """
    experiments = config["experiments"]
    first = next(iter(metrics))
    parts = [
        *_section("What was run", _recordings(config["dataset"], quality)),
        *_section("How well the networks agree with the human scorer", _headline(metrics, experiments)),
        *_section("Experiments", _experiments(experiments, defaults)),
        *_section(f"Network and training of {escaped(first)}", settings_in_words(experiments[first])),
        *_section("Where the files lie", _files(config["run"]["name"], experiments)),
    ]
    return "\n".join(parts) + "\n"


def escaped(text: str) -> str:
    r"""Text in which reStructuredText finds no markup.

    Examples
    --------
    >>> print(escaped("Ms_1_"))
    Ms\_1\_
    """
    return "".join(f"\\{character}" if character in r"\*`_|<>" else character for character in text)


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [title, "-" * len(title), "", *lines, ""]


def _recordings(dataset: Mapping, quality: pd.DataFrame) -> list[str]:
    mice = list(dict.fromkeys(quality["mouse"]))
    epochs = int(quality["epochs"].sum())
    counts = ", ".join(f"{int(quality[state.name].sum())} {state.title}" for state in STATES)
    warned = int(quality["warnings"].notna().sum())
    return [
        f"{_source(dataset)}: {len(quality)} recordings of {len(mice)} mice ({', '.join(map(escaped, mice))}), "
        f"{epochs} epochs of {EPOCH_S:g} s, {epochs * EPOCH_S / 3600:.1f} h together. The human scored {counts}; "
        f"{int(quality['artefact'].sum())} are artefacts and left out. "
        + (f"{warned} of the recordings came with warnings." if warned else "No recording came with a warning.")
    ]


def _source(dataset: Mapping) -> str:
    if dataset["source"] == "synthetic":
        return "Synthetic recordings, made by the workflow itself (**not a scientific result**)"
    if dataset["source"] == "local":
        return f"Recordings of your own, listed by ``{dataset['local']['path']}``"
    database = dataset["physionet"]
    return f"PhysioNet's database *{escaped(database['slug'])}*, version {database['version']}"


def _headline(metrics: Mapping[str, pd.DataFrame], experiments: Mapping) -> list[str]:
    published = {number.metric: number.value for number in PUBLISHED if number.what == PUBLISHED_TEST}
    rows = [["experiment", "classes", "folds", *HEADLINE.values()]]
    for name, table in metrics.items():
        pooled = table[table["level"] == "pooled"].set_index("metric")
        settings = experiments[name]
        classes = ", ".join(BY_NAME[state].title for state in settings["labels"]["classes"])
        values = [_with_interval(pooled.loc[metric]) for metric in HEADLINE]
        rows.append([f"**{escaped(name)}**", classes, settings["folds"]["protocol"], *values])
    rows.append(["*published*", "Wake, NREM, REM", "pooled", *(f"{published[metric]:.2f}" for metric in HEADLINE)])
    return [
        f"All test epochs together, with {CONFIDENCE:.0%} confidence intervals. The published numbers are those of the "
        "paper's pooled split, in which neighbouring epochs of one mouse lie on both sides: folds by mouse ask a "
        "harder question.",
        "",
        *_table(rows),
    ]


def _with_interval(row: pd.Series) -> str:
    if pd.isna(row["value"]):
        return "\\-"
    if pd.isna(row["ci_low"]):
        return f"{row['value']:.2f}"
    return f"{row['value']:.2f} ({row['ci_low']:.2f} to {row['ci_high']:.2f})"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield from (".. list-table::", "   :header-rows: 1", "")
    for row in rows:
        for place, cell in enumerate(row):
            yield f"   {' ' if place else '*'} - {cell}"
    yield ""


def _experiments(experiments: Mapping, defaults: Mapping) -> Iterator[str]:
    yield "What sets each experiment apart from the paper's settings, which are in brackets:"
    yield ""
    for name, settings in experiments.items():
        changed = [
            f"``{section}.{key}`` {_value(settings[section][key])} ({_value(default)})"
            for section in SECTIONS
            for key, default in defaults[section].items()
            if settings[section][key] != default
        ]
        yield f"- **{escaped(name)}**: {', '.join(changed) or 'nothing'}"


def _value(setting: object) -> str:
    if isinstance(setting, bool):
        return "yes" if setting else "no"
    if isinstance(setting, float):
        return f"{setting:g}"
    if isinstance(setting, Mapping):
        return escaped(", ".join(map(str, setting)) or "none")
    if isinstance(setting, Sequence) and not isinstance(setting, str):
        return escaped(", ".join(map(str, setting)) or "none")
    return escaped("none" if setting is None else str(setting))


def settings_in_words(settings: Mapping) -> list[str]:
    """Say what an experiment's settings mean: lines of reStructuredText, a paragraph each.

    Parameters
    ----------
    settings : mapping
        Complete settings of an experiment.
    """
    windows, model, training = (settings[section] for section in ("windows", "model", "training"))
    binning = windows["spatial_binning"]
    binned = f", pixels averaged {binning} x {binning}" if binning > 1 else ""
    filters = model["filters"]
    wide = f"{filters[0]} filters each" if len(set(filters)) == 1 else f"{', '.join(map(str, filters))} filters"
    kernel = f"{model['kernel']} x {model['kernel']}"
    after = _SPATIAL[model["spatial_attention"]]
    loss = LOSSES[training["loss"]].format(**training)
    return [
        f"*Windows*: {windows['seconds']} s ({n_frames(windows['seconds'])} frames) of "
        f"{HEMISPHERES[windows['hemisphere']]} {MASKS[windows['mask']]}{binned}; "
        f"{NORMALISATIONS[windows['normalisation']]}.",
        "",
        f"*Network*: each frame goes through {_blocks(len(filters))} of two {kernel} convolutions ({wide}){after}; a "
        f"bidirectional LSTM with {model['lstm_units']} units a side reads the frames in order, and "
        f"{_TEMPORAL[model['temporal_attention']]} joins what it found for the decision between "
        f"{' / '.join(BY_NAME[name].title for name in settings['labels']['classes'])}.",
        "",
        f"*Training*: {loss}, Adam with a learning rate of {training['learning_rate']:g}, {training['batch_size']} "
        f"windows a step, up to {training['passes']} passes through the training epochs; the weights with the lowest "
        f"validation loss are kept. {_folds(settings['folds'])}",
    ]


def _blocks(count: int) -> str:
    return "a block" if count == 1 else f"{count} blocks"


def _folds(settings: Mapping) -> str:
    protocol = settings["protocol"]
    if protocol == "leave-one-mouse-out":
        return "Each mouse is scored by a network that has never seen it: one fold for each mouse."
    if protocol == "held-out-mouse":
        return "One mouse is held out for the test; the network has never seen it."
    if protocol == "k-fold":
        return f"The mice are split into {settings['k']} folds; a network is tested on mice that it has never seen."
    if protocol == "fixed":
        return "The mice of training, validation and test are fixed by the configuration."
    return "All epochs of all mice are split at random (80 / 10 / 10 %), as in the paper."


def _files(run: str, experiments: Mapping) -> Iterator[str]:
    yield "Links lead there from where the report was written; a copy of the report elsewhere has none of them."
    yield ""
    resources = f"../../resources/{run}"
    yield f"- run: {_links('', ['published.tsv', 'provenance.json', 'figures/'])}, {_links(resources, ['quality.tsv'])}"
    names = ["metrics.tsv", "fragmentation.tsv", "sleep.tsv", "bouts.tsv", "transitions.tsv", "figures/"]
    for name in experiments:
        yield f"- {escaped(name)}: {_links(name, names)}; predictions of each fold in {_links(name, ['fold-1/'])} ..."


def _links(folder: str, names: Sequence[str]) -> str:
    return ", ".join(f"`{name} <{f'{folder}/{name}' if folder else name}>`__" for name in names)
