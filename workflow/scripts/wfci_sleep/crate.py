"""A finished run as an RO-Crate: what was made from what, with which software, for machines to read.

The folder results/<run>/ becomes a crate by the file ro-crate-metadata.json: RO-Crate 1.1 (Soiland-Reyes et al. 2022,
Data Sci. 5, 97) by the profile Process Run Crate 0.5 (Leo et al. 2024, PLoS ONE 19, e0309210). The profile for
workflows wants the workflow's own files inside the crate, and a run does not hold them: the workflow is named by its
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

from wfci_sleep.files import sha256_of

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
TERMS = {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}
"""What the context of RO-Crate 1.1 does not know."""

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
    "agreement.tsv": "Agreement of every two scorers",
    "attention.h5": "Attention weights of the test epochs",
    "bouts.tsv": "Every bout of every mouse and scorer",
    "calibration.json": "Temperature that the confidence was calibrated with",
    "comparison.tsv": "The experiments beside each other, over mice",
    "epochs.tsv": "The epochs behind the rows of the MATLAB files",
    "folds.tsv": "Which epoch is in which fold and split",
    "fragmentation.tsv": "Bouts and changes of state by mouse and scorer",
    "gradcam.h5": "Mean class activation maps of the test mice",
    "gradcam_parcels.tsv": "Class activation by parcel of the atlas",
    "history.csv": "The training, pass by pass",
    "methods.md": "Methods section of a paper, with the run's own settings and numbers",
    "metrics.json": "Measures of agreement with the scores, as in metrics.tsv",
    "metrics.tsv": "Measures of agreement with the scores, pooled, by fold and by mouse",
    "model.keras": "The network with the lowest validation loss of a fold",
    "predictions.tsv": "States, probabilities and confidence of the validation and test epochs of a fold",
    "provenance.json": "Software versions, commit, configuration, checksums of the inputs",
    "published.tsv": "The published numbers beside the run's own",
    "sleep.tsv": "Sleep of each mouse",
    "transition_distance.tsv": "Epochs scored rightly, by their distance to the next change of state",
    "transitions.tsv": "Changes from each state to each other one",
}
"""What files hold, by their names."""

KINDS = {".png": "Figure", ".svg": "Figure", ".tsv": "Table"}
"""What other files are, by suffix."""

SYNTHETIC = "The recordings are synthetic: nothing in this run is a scientific result."


def run_crate(
    folder: str | os.PathLike,
    files: Iterable[str | os.PathLike],
    provenance: Mapping[str, Any],
    citation: Mapping[str, Any],
) -> ROCrate:
    """Describe a finished run.

    Parameters
    ----------
    folder : path
        The run's folder below results/, which becomes the crate.
    files : iterable of path
        What the run has made. Files outside of the folder count for its times only; those that do not exist are left
        out.
    provenance : mapping
        provenance.json: configuration, versions, commit, checksums of the inputs.
    citation : mapping
        CITATION.cff: name, version and licence of the workflow, and the works behind it.

    Returns
    -------
    ROCrate
        Its `metadata.generate()` is what belongs into ro-crate-metadata.json. The same files with the same times give
        the same crate.

    Examples
    --------
    >>> import tempfile
    >>> provenance = {"configuration": {"run": {"name": "mine"}, "dataset": {"source": "local"}, "experiments": {}},
    ...               "software": {"numpy": "2.1.0", "tensorflow": None}, "code": {"commit": "abc", "changes": ""},
    ...               "data_are_synthetic": False,
    ...               "inputs": {"atlas": {"sha256": "00"}, "recordings": [
    ...                   {"mouse": "Ms1", "recording": "Ms1-fc1", "epochs": 97, "sha256": "11"}]}}
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
        f"recordings. The workflow itself is under {citation['license']}.",
    )
    profile = _entity(crate, PROFILE, "CreativeWork", name="Process Run Crate", version="0.5")
    crate.root_dataset["conformsTo"] = profile

    workflow = _workflow(crate, provenance, citation)
    made = [_file(crate, path, path.relative_to(folder)) for path in files if path.is_relative_to(folder)]
    action = crate.add_action(
        workflow,
        "#run",
        object=[*_recordings(crate, provenance), *_settings(crate, provenance["configuration"])],
        result=made,
        properties={
            "@type": "CreateAction",
            "name": f"Run {run} of wfci-sleep",
            "description": f"From the oldest of the files that the run has made to the newest.{note}",
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
    """When the oldest and the newest file were last written, in UTC."""
    times = [path.stat().st_mtime for path in files]
    oldest, newest = (datetime.fromtimestamp(time, UTC) for time in (min(times), max(times)))
    return oldest.isoformat(timespec="seconds"), newest.isoformat(timespec="seconds")


def _file(crate: ROCrate, path: Path, name: Path) -> ContextEntity:
    properties = {
        "name": name.as_posix(),
        "description": DESCRIPTIONS.get(path.name, KINDS.get(path.suffix)),
        "encodingFormat": FORMATS.get(path.suffix),
        "contentSize": str(path.stat().st_size),
        "sha256": sha256_of(path),
    }
    return crate.add_file(path, name, properties={key: value for key, value in properties.items() if value})


def _recordings(crate: ROCrate, provenance: Mapping) -> list[ContextEntity]:
    """Atlas and recordings: they lie outside of the crate, so they are named by their checksums."""
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


def _settings(crate: ROCrate, configuration: Mapping) -> list[ContextEntity]:
    """The configuration, as JSON: a value for each of its parts and for each experiment."""
    parts = {name: part for name, part in configuration.items() if name != "experiments"}
    parts |= {f"experiments.{name}": settings for name, settings in configuration["experiments"].items()}
    return [
        _entity(crate, f"#setting-{name}", "PropertyValue", name=name, value=json.dumps(part, sort_keys=True))
        for name, part in parts.items()
    ]


def _workflow(crate: ROCrate, provenance: Mapping, citation: Mapping) -> ContextEntity:
    code, versions = provenance["code"], provenance["software"]
    changed = " The checkout had changes that were not committed." if code["changes"] else ""
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
    software = [_software(crate, name, version) for name, version in versions.items() if version]
    licence = _entity(
        crate, f"https://spdx.org/licenses/{citation['license']}", "CreativeWork", name=citation["license"]
    )
    return _entity(
        crate,
        "#workflow",
        ["SoftwareSourceCode", "ComputationalWorkflow"],
        name=citation["title"],
        description=f"The Snakemake workflow whose Snakefile lies at the root of the repository.{changed}",
        version=code["commit"] or citation["version"],
        license=licence,
        author=authors[0] if len(authors) == 1 else authors,  # as the specification wants a single value
        programmingLanguage=language,
        softwareRequirements=software,
        citation=works,
    )


def _software(crate: ROCrate, name: str, version: str) -> SoftwareApplication:
    url = "https://www.python.org/" if name == "python" else f"https://pypi.org/project/{name}/{version}/"
    return crate.add(SoftwareApplication(crate, url, {"name": name, "softwareVersion": version, "url": url}))
