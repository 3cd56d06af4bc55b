"""How a run was made: software, configuration, inputs."""

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pandas as pd

PACKAGES = (
    "snakemake",
    "tensorflow",
    "keras",
    "focal-loss",
    "numpy",
    "scipy",
    "h5py",
    "pandas",
    "scikit-learn",
    "scikit-image",
    "matplotlib",
    "seaborn",
    "google-crc32c",
    "tensorboard",
)


def provenance(
    configuration: Mapping, code_folder: str | os.PathLike, recordings: pd.DataFrame, atlas_sha256: str
) -> dict[str, Any]:
    """Describe how a run was made.

    Parameters
    ----------
    configuration : mapping
        The complete configuration.
    code_folder : path
        A folder of the workflow's checkout.
    recordings : table
        recordings.tsv, with the checksum of every recording.
    atlas_sha256 : str

    Returns
    -------
    dict that JSON can hold: software, platform, code, configuration, inputs.
    """
    return {
        "software": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "platform": {"system": platform.platform(), "machine": platform.machine(), "cpus": os.cpu_count()},
        "code": {
            "commit": _git(code_folder, "rev-parse", "HEAD"),
            "changes": _git(code_folder, "status", "--porcelain"),
        },
        "configuration": dict(configuration),
        "data_are_synthetic": configuration["dataset"]["source"] == "synthetic",
        "inputs": {"atlas": {"sha256": atlas_sha256}, "recordings": recordings.to_dict("records")},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git(folder: str | os.PathLike, *arguments: str) -> str | None:
    """Answer of git, or None outside a checkout or without git."""
    try:
        answer = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()
