"""The methods section of a paper, as Markdown: what a run did, from its settings, tables and versions."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup

from wfci_sleep.analysis.confidence_intervals import CONFIDENCE, LEAST_CLUSTERS, WIDEST
from wfci_sleep.layout import EPOCH_S, FRAME_RATE_HZ
from wfci_sleep.models.mvg_size import KERNEL, POOLING
from wfci_sleep.models.registry import kind_of
from wfci_sleep.models.size import CBAM_KERNEL, CBAM_REDUCTION, LEAKY_SLOPE, SIMAM_REGULARISATION
from wfci_sleep.preprocessing.inputs import window_shape
from wfci_sleep.preprocessing.windowings import n_frames
from wfci_sleep.report.changes import Change, Told, changes, told
from wfci_sleep.report.references import numbered
from wfci_sleep.report.rendering import description, joined, render
from wfci_sleep.run.description import nouns_and_units
from wfci_sleep.scoring.calibration import N_BINS
from wfci_sleep.states import STATES, Classes
from wfci_sleep.training.folds import POOLED_SHARES, held_out_mouse, n_folds
from wfci_sleep.training.temperature import TEMPERATURES

PUBLISHED_DATABASE = ("calcium-imaging-sleep-state", "1.0.1")
"""The database and the version that its reference describes."""

SOFTWARE = {
    "python": ("Python", ""),
    "snakemake": ("Snakemake", "molder2021"),
    "tensorflow": ("TensorFlow", "abadi2016"),
    "keras": ("Keras", "chollet2015"),
    "focal-loss": ("focal-loss", ""),
    "numpy": ("NumPy", "harris2020"),
    "scipy": ("SciPy", "virtanen2020"),
    "h5py": ("h5py", ""),
    "pandas": ("pandas", "mckinney2010"),
    "scikit-learn": ("scikit-learn", "pedregosa2011"),
    "scikit-image": ("scikit-image", "vanderwalt2014"),
    "matplotlib": ("Matplotlib", "hunter2007"),
    "seaborn": ("seaborn", "waskom2021"),
}
"""Name and reference of the packages that a paper names, by their names in provenance.json."""

SETTINGS = nouns_and_units()
"""What the settings of an experiment are called in a sentence, and their units."""

CONSTANTS = {
    "CBAM_KERNEL": CBAM_KERNEL,
    "CBAM_REDUCTION": CBAM_REDUCTION,
    "CONFIDENCE": CONFIDENCE,
    "EPOCH_S": EPOCH_S,
    "FRAME_RATE_HZ": FRAME_RATE_HZ,
    "GRAPH_KERNEL": KERNEL,
    "GRAPH_POOLING": POOLING,
    "LEAKY_SLOPE": LEAKY_SLOPE,
    "LEAST_CLUSTERS": LEAST_CLUSTERS,
    "N_BINS": N_BINS,
    "POOLED_SHARES": POOLED_SHARES,
    "PUBLISHED_DATABASE": PUBLISHED_DATABASE,
    "SIMAM_REGULARISATION": SIMAM_REGULARISATION,
    "TEMPERATURES": TEMPERATURES,
    "WIDEST": WIDEST,
}
"""The constants of other modules that the template names."""


def methods(config: Mapping[str, Any], quality: pd.DataFrame, provenance: Mapping[str, Any]) -> str:
    """Write the methods section of a run.

    One experiment is described in full (`main`, or the first), each other one by what it changes.

    Parameters
    ----------
    config : mapping
        The configuration as `settings.resolve` gives it.
    quality : table
        quality.tsv: the recordings.
    provenance : mapping
        provenance.json: versions and commit.

    Returns
    -------
    str
        Markdown: a title, sections, and numbered references in the order of their first mention.
    """
    experiments = told(config)
    described = "main" if "main" in experiments else next(iter(experiments))
    settings = experiments[described].settings
    text = render(
        "methods.md.j2",
        **settings,
        **CONSTANTS,
        **_data(quality, settings),
        **_network(settings),
        **_software(provenance),
        dataset=config["dataset"],
        described=described,
        other_networks=_other_networks(experiments, settings, quality),
        experiments=[
            {
                "name": name,
                "n": len(new.parcels),
                "changes": [
                    _in_words(change)
                    for change in changes(new.settings, settings)
                    if not (new.parcels and change.key == "model.regions")  # the template says it
                ],
            }
            for name, new in experiments.items()
            if name != described
        ],
    )
    paragraphs = [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text.strip())]
    text, works = numbered("\n\n".join(paragraphs))
    listed = "\n".join(f"{number}. {work}" for number, work in enumerate(works, start=1))
    return f"{text}\n\n## References\n\n{listed}\n"


def _data(quality: pd.DataFrame, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Facts on recordings, windows and folds."""
    used = quality[quality["epochs"] > 0]
    mice = list(dict.fromkeys(used["mouse"]))
    epochs = int(used["epochs"].sum())
    scored = {state.title: int(used[state.name].sum()) for state in STATES}
    total = sum(scored.values())
    runs = used.groupby("mouse").size()
    sizes = used[["rows", "columns"]].drop_duplicates().itertuples(index=False)
    windows, folds = settings["windows"], settings["folds"]
    return {
        "recordings": {
            "n": len(used),
            "a_mouse": " to ".join(map(str, sorted({runs.min(), runs.max()}))),
            "epochs": epochs,
            "hours": epochs * EPOCH_S / 3600,
            "sizes": [f"{size.rows} x {size.columns}" for size in sizes],
            "states": [
                f"{n:,} {title} ({n / total:.1%})" if total else f"{n:,} {title}" for title, n in scored.items()
            ],
            "artefacts": int(used["artefact"].sum()),
            "left_out": quality[quality["left_out"].notna()].to_dict("records"),
            "warned": int(used["warnings"].notna().sum()),
        },
        "mice": mice,
        "frames": n_frames(windows["seconds"]),
        "epoch_frames": n_frames(int(EPOCH_S)),
        "window_shape": window_shape(windows),
        "input_words": description(windows["input"]),
        "n_folds": n_folds(folds, mice),
        "held_out_mouse": held_out_mouse(folds, mice) if folds["protocol"] == "held-out-mouse" else None,
    }


def _other_networks(
    experiments: Mapping[str, Told], described: Mapping[str, Any], quality: pd.DataFrame
) -> list[Markup]:
    """A paragraph on each kind of network that is not the described one's, by the first experiment that has it."""
    names: dict[str, list[str]] = {}
    for name, one in experiments.items():
        names.setdefault(one.settings["model"]["kind"], []).append(name)
    del names[described["model"]["kind"]]
    return [
        Markup(  # noqa: S704 - a rendered template, whose values are escaped
            render(
                "other_network.md.j2",
                **settings,
                **CONSTANTS,
                **_data(quality, settings),
                **_network(settings),
                experiments=own,
            )
        )
        for own in names.values()
        for settings in [experiments[own[0]].settings]
    ]


def _network(settings: Mapping[str, Any]) -> dict[str, Any]:
    classes = Classes(settings["labels"]["classes"])
    kind = kind_of(settings["model"])
    parameters = kind.parameters(settings["model"], len(classes))
    return {
        "kind": kind,
        "network_words": description(settings["model"]["kind"]),
        "channels": kind.channels(settings["model"]),
        "classes": classes,
        "n_parameters": sum(parameters.values()),
        "parameters": [f"{number:,} {part}" for part, number in parameters.items()],
    }


def _in_words(change: Change) -> str:
    noun, unit = SETTINGS[change.key]
    value, other = (_value(change.key, each, unit) for each in (change.value, change.other))
    return f"{noun} ({value} instead of {other})" if change.shared else f"{noun} ({value})"


def _value(key: str, value: Any, unit: str) -> str:
    if value is None or value == [] or value == {}:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key == "model.kind":
        return kind_of({"kind": value}).title
    if key == "labels.classes":
        return joined(Classes(value).titles)
    if key == "folds.fixed":
        return "; ".join(f"{split} {joined(mice)}" for fold in value for split, mice in fold.items())
    if isinstance(value, Mapping | list):
        return joined(value)
    words = f"{value:g}" if isinstance(value, float) else value
    return f"{words} {unit}".rstrip()


def _software(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Facts on packages, with the keys of their references, and on the commits behind the files."""
    versions, code = provenance["software"], provenance["code"]
    return {
        "software": [
            (name, versions[package], reference)
            for package, (name, reference) in SOFTWARE.items()
            if versions.get(package)
        ],
        "predictions_recorded": bool(code["predictions"]),
        "predictions_code": _commits(code["predictions"]),
        "other_code": _commits(code["others"]),
    }


def _commits(code: Sequence[Mapping[str, Any]]) -> list[str]:
    changed = {True: " with changes that were not committed", False: ""}
    return [f"commit {one['commit']}{changed[one['changes']]}" for one in code if one["commit"]]
