"""A finished run as an RO-Crate: a machine-readable description of its inputs, results and software.

The file ro-crate-metadata.json makes the folder results/<run>/ a crate: RO-Crate 1.1 (Soiland-Reyes et al. 2022, Data
Sci. 5, 97) with the profile Process Run Crate 0.5 (Leo et al. 2024, PLoS ONE 19, e0309210). The profile for workflows
requires the workflow's own files inside the crate. A run does not hold these, so the crate names the workflow by its
commit.
"""

import json
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rocrate.model import ContextEntity, SoftwareApplication
from rocrate.rocrate import ROCrate

from wfci_sleep.catalogue import TABLES, figure_of
from wfci_sleep.files.atomic import sha256_of

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
TERMS = {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}
"""Terms that the context of RO-Crate 1.1 lacks."""

FORMATS = {
    ".csv": "text/csv",
    ".h5": "application/x-hdf5",
    ".json": "application/json",
    ".keras": "application/zip",
    ".md": "text/markdown",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".tsv": "text/tab-separated-values",
}
"""Media types by suffix."""

DESCRIPTIONS = {
    **{f"{table.name}.tsv": table.shows for table in TABLES.values()},
    "attention.h5": "Attention weights of the test epochs",
    "calibration.json": "Temperature that calibrates the confidence",
    "epochs.tsv": "The epochs behind the rows of the MATLAB files",
    "folds.tsv": "Which epoch is in which fold and split",
    "gradcam.h5": "Mean class activation maps of the test mice",
    "history.csv": "Losses and measures of the training by training epoch",
    "methods.md": "Methods section of a paper, with the run's own settings and numbers",
    "metrics.json": "Measures of agreement with the scores, as in metrics.tsv",
    "model.keras": "The network with the lowest validation loss of a fold",
    "predictions.tsv": "States, probabilities and confidence of the validation and test epochs of a fold",
    "provenance.json": "Code and versions behind every step, configuration, checksums of the inputs",
}
"""Descriptions of the files that are no figures, by name."""

SYNTHETIC = "The recordings are synthetic: nothing in this run is a scientific result."


def run_crate(
    folder: str | os.PathLike[str],
    files: Iterable[str | os.PathLike[str]],
    provenance: Mapping[str, Any],
    citation: Mapping[str, Any],
) -> ROCrate:
    """Describe a finished run.

    Parameters
    ----------
    folder : path
        The run's folder below results/, which becomes the crate.
    files : iterable of path
        The files that the run made. Those outside the folder count only for its times; missing ones are left out.
    provenance : mapping
        provenance.json: configuration, versions, commit, checksums of the inputs.
    citation : mapping
        CITATION.cff: name, version and licence of the workflow, and the works that it is based on.

    Returns
    -------
    ROCrate
        Its `metadata.generate()` gives the content of ro-crate-metadata.json. The same files with the same times
        give the same crate.

    Examples
    --------
    >>> import tempfile
    >>> provenance = {"configuration": {"run": {"name": "mine"}, "dataset": {"source": "local"}, "experiments": {}},
    ...               "software": {"numpy": "2.1.0", "tensorflow": None}, "code": {"predictions": [], "others": []},
    ...               "data_are_synthetic": False,
    ...               "inputs": {"atlas": {"sha256": "00"}, "recordings": [
    ...                   {"mouse": "Ms1", "recording": "Ms1-fc1", "epochs": 97, "sha256": "11"}], "weights": []}}
    >>> citation = {"title": "a workflow", "version": "1", "license": "MIT", "authors": [{"name": "us"}]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "published.tsv").write_text("what")
    ...     crate = run_crate(folder, [f"{folder}/published.tsv"], provenance, citation)
    >>> crate.get("published.tsv")["contentSize"]
    '4'
    >>> [entity["name"] for entity in crate.get("#run")["object"]]
    ['atlas', 'Ms1-fc1', 'run', 'dataset']
    """
    files = sorted({Path(path) for path in files if Path(path).is_file()})
    started, ended = _times(files)
    crate = ROCrate(version="1.1")
    crate.metadata.extra_terms.update(TERMS)
    run = provenance["configuration"]["run"]["name"]

    crate.name = f"{run}: sleep states of mice from wide-field calcium imaging"
    note = f" {SYNTHETIC}" if provenance["data_are_synthetic"] else ""
    crate.description = f"The run {run} of wfci-sleep: tables, figures, networks and their scores.{note}"
    crate.datePublished = ended
    crate.license = _entity(
        crate,
        "#licence",
        "CreativeWork",
        name="No licence chosen",
        description="Whoever publishes this run chooses the licence of its results, within the terms of the "
        f"recordings. The licence of the workflow itself is {citation['license']}.",
    )
    profile = _entity(crate, PROFILE, "CreativeWork", name="Process Run Crate", version="0.5")
    crate.root_dataset["conformsTo"] = profile

    workflow = _workflow(crate, provenance, citation)
    made = [_file(crate, path, path.relative_to(folder)) for path in files if path.is_relative_to(folder)]
    action = crate.add_action(
        workflow,
        "#run",
        object=[
            *_recordings(crate, provenance),
            *_weights(crate, provenance),
            *_settings(crate, provenance["configuration"]),
        ],
        result=made,
        properties={
            "@type": "CreateAction",
            "name": f"Run {run} of wfci-sleep",
            "description": f"From the oldest to the newest file that the run made.{note}",
            "startTime": started,
            "endTime": ended,
            "actionStatus": "http://schema.org/CompletedActionStatus",
        },
    )
    crate.root_dataset["mentions"] = action
    return crate


def _entity(crate: ROCrate, identifier: str, kind: str | list[str], **properties: object) -> ContextEntity:
    known = {key: value for key, value in properties.items() if value not in (None, "", [])}
    return crate.add(ContextEntity(crate, identifier, properties={"@type": kind, **known}))


def _times(files: Iterable[Path]) -> tuple[str, str]:
    """UTC times at which the oldest and the newest file were last written."""
    times = [path.stat().st_mtime for path in files]
    oldest, newest = (datetime.fromtimestamp(time, UTC) for time in (min(times), max(times)))
    return oldest.isoformat(timespec="seconds"), newest.isoformat(timespec="seconds")


def _file(crate: ROCrate, path: Path, name: Path) -> ContextEntity:
    properties = {
        "name": name.as_posix(),
        "description": DESCRIPTIONS.get(path.name) or figure_of(path).shows,
        "encodingFormat": FORMATS.get(path.suffix),
        "contentSize": str(path.stat().st_size),
        "sha256": sha256_of(path),
    }
    return crate.add_file(path, name, properties={key: value for key, value in properties.items() if value})


def _recordings(crate: ROCrate, provenance: Mapping[str, Any]) -> list[ContextEntity]:
    """Atlas and recordings, named by their checksums, as they are outside the crate."""
    dataset, inputs = provenance["configuration"]["dataset"], provenance["inputs"]
    origin = {
        "synthetic": "A synthetic recording, made by the workflow.",
        "local": "A recording of the user's own.",
        "physionet": "A recording from the database {slug}, version {version}, of PhysioNet.",
    }[dataset["source"]].format_map(dataset.get("physionet", {}))
    atlas = _entity(crate, "#atlas", "CreativeWork", name="atlas", sha256=inputs["atlas"]["sha256"])
    return [
        atlas,
        *(
            _entity(
                crate,
                quote(f"#recording-{row['mouse']}-{row['recording']}", safe="#"),
                "CreativeWork",
                name=row["recording"],
                size=f"{row['epochs']} epochs",
                sha256=row["sha256"],
                description=origin,
            )
            for row in inputs["recordings"]
        ),
    ]


def _weights(crate: ROCrate, provenance: Mapping[str, Any]) -> list[ContextEntity]:
    """Files of the weights that were given for networks, named by their checksums as well."""
    return [
        _entity(
            crate,
            f"#weights-{row['sha256']}",
            "CreativeWork",
            name=Path(row["path"]).name,
            sha256=row["sha256"],
            description="Weights that were given for networks.",
        )
        for row in provenance["inputs"]["weights"]
    ]


def _settings(crate: ROCrate, configuration: Mapping[str, Any]) -> list[ContextEntity]:
    """The configuration as JSON, one value for each of its parts and each experiment."""
    parts = {name: part for name, part in configuration.items() if name != "experiments"}
    parts |= {f"experiments.{name}": settings for name, settings in configuration["experiments"].items()}
    return [
        _entity(crate, f"#setting-{name}", "PropertyValue", name=name, value=json.dumps(part, sort_keys=True))
        for name, part in parts.items()
    ]


def _workflow(crate: ROCrate, provenance: Mapping[str, Any], citation: Mapping[str, Any]) -> ContextEntity:
    code, versions = provenance["code"], provenance["software"]
    commits = [one["commit"] for one in code["predictions"] if one["commit"]]
    changed = any(one["changes"] for one in code["predictions"])
    notes = [" The checkout had changes that were not committed."] if changed else []
    if code["others"]:
        notes.append(" This version made the predictions; other code made other files: see provenance.json.")
    authors = [
        _entity(crate, f"#author-{number}", "Organization", name=author["name"])
        for number, author in enumerate(citation["authors"], start=1)
    ]
    works = [
        _entity(crate, f"https://doi.org/{work['doi']}", "ScholarlyArticle", name=work["title"])
        for work in citation.get("references", [])
    ]
    language = _entity(
        crate,
        "https://w3id.org/workflowhub/workflow-ro-crate#snakemake",
        "ComputerLanguage",
        name="Snakemake",
        url="https://snakemake.github.io",
        version=versions.get("snakemake"),
    )
    software = [
        _software(crate, name, version) for name, told in versions.items() if told for version in told.split(", ")
    ]
    licence = _entity(
        crate, f"https://spdx.org/licenses/{citation['license']}", "CreativeWork", name=citation["license"]
    )
    return _entity(
        crate,
        "#workflow",
        ["SoftwareSourceCode", "ComputationalWorkflow"],
        name=citation["title"],
        description=f"The Snakemake workflow whose Snakefile is at the root of the repository.{''.join(notes)}",
        version=", ".join(commits) or citation["version"],
        license=licence,
        author=authors[0] if len(authors) == 1 else authors,  # as the specification wants a single value
        programmingLanguage=language,
        softwareRequirements=software,
        citation=works,
    )


def _software(crate: ROCrate, name: str, version: str) -> SoftwareApplication:
    url = "https://www.python.org/" if name == "python" else f"https://pypi.org/project/{name}/{version}/"
    return crate.add(SoftwareApplication(crate, url, {"name": name, "softwareVersion": version, "url": url}))
