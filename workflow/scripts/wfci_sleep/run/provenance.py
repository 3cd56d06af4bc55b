"""How a run was made: which code and software made its files, from what configuration and inputs."""

import os
import platform
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from wfci_sleep.files.atomic import read_json, sha256_of
from wfci_sleep.run.made import PACKAGES, installed_version, record

PREDICTING = ("train", "score", "score_without_attention")
"""The steps that predictions come from."""


def provenance(
    configuration: Mapping[str, Any],
    files: Iterable[str | os.PathLike[str]],
    recordings: pd.DataFrame,
    atlas_sha256: str,
    weights: Iterable[str | os.PathLike[str]] = (),
) -> dict[str, Any]:
    """Describe how a run was made.

    Parameters
    ----------
    configuration : mapping
        The complete configuration.
    files : iterable of path
        Files that the run has made, of every step.
    recordings : table
        recordings.tsv, with the checksum of every recording; those that are left out are no inputs.
    atlas_sha256 : str
    weights : iterable of path, optional
        Files of the weights that were given for networks.

    Returns
    -------
    dict that JSON can hold
        platform, configuration, data_are_synthetic, inputs, and what `makers` tells of the files.
    """
    used = recordings[recordings["epochs"] > 0]
    return {
        **makers(files),
        "platform": {"system": platform.platform(), "machine": platform.machine(), "cpus": os.cpu_count()},
        "configuration": dict(configuration),
        "data_are_synthetic": configuration["dataset"]["source"] == "synthetic",
        "inputs": {
            "atlas": {"sha256": atlas_sha256},
            "recordings": used.to_dict("records"),
            "weights": [{"path": str(path), "sha256": sha256_of(path)} for path in weights],
        },
    }


def read_provenance(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What `provenance` gave, from its file; an `InputError` if that is damaged."""
    return read_json(path, "software", "code", "configuration", "data_are_synthetic", "inputs")


def makers(files: Iterable[str | os.PathLike[str]]) -> dict[str, Any]:
    """Tell from the records of files which code and software made them.

    Returns
    -------
    dict
        `software`: package -> version, or versions with commas between them; for a package that no record names, the
        version that is installed here, or None.
        `code`: for the `predictions`, and for all `others` that are not among these, list of `commit` and `changes`
        (whether the workflow differed from the commit); commit is None outside of a checkout.
        `steps`: rule -> list of `commit`, `changes`, `code` (digest), `software` and `files` (how many).
        `without_record`: files of which nothing is known.
    """
    records = {str(path): record(path) for path in files}
    known = [told for told in records.values() if told is not None]
    predictions = _distinct(told for told in known if told["rule"] in PREDICTING)
    steps: dict[str, list[dict[str, Any]]] = {}
    for told in known:
        made = {key: told[key] for key in ("commit", "changes", "code", "software")}
        steps.setdefault(told["rule"], []).append(made)
    return {
        "software": _software(known),
        "code": {"predictions": predictions, "others": [one for one in _distinct(known) if one not in predictions]},
        "steps": {rule: _counted(steps[rule]) for rule in sorted(steps)},
        "without_record": [path for path, told in records.items() if told is None],
    }


def _distinct(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Commits of records, each once."""
    commits = dict.fromkeys((told["commit"], told["changes"]) for told in records)
    return [{"commit": commit, "changes": changes} for commit, changes in commits]


def _counted(made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Equal entries taken together, with their number."""
    return [{**one, "files": made.count(one)} for place, one in enumerate(made) if one not in made[:place]]


def _software(records: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    used: dict[str, set[str]] = {}
    for told in records:
        for package, number in told["software"].items():
            used.setdefault(package, set()).add(number)
    installed = {"python": platform.python_version(), **{name: installed_version(name) for name in PACKAGES}}
    return installed | {package: ", ".join(sorted(numbers)) for package, numbers in used.items()}
