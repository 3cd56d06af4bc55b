"""Records of what the workflow made: what each file was when it was made, and which code made it.

The record of `metrics.tsv` is `.made/metrics.tsv.json` beside it, so that it is moved and copied with the folder. Files
without a record are not compared: those that users bring, and those that Snakemake copies from and to a storage, which
knows nothing of records.
"""

import hashlib
import json
import os
import platform
import struct
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from wfci_sleep.errors import InputError
from wfci_sleep.files.atomic import MADE_AGAIN, sha256_of, written_atomically
from wfci_sleep.run.code import LIBRARY, code_digest

LARGE = 2**27
"""A file of more bytes is identified by its size alone: a recording, whose checksum is taken when it is checked."""

PACKAGES = {
    "snakemake": "snakemake",
    "tensorflow": "tensorflow",
    "keras": "keras",
    "focal-loss": "focal_loss",
    "numpy": "numpy",
    "scipy": "scipy",
    "h5py": "h5py",
    "pandas": "pandas",
    "scikit-learn": "sklearn",
    "scikit-image": "skimage",
    "matplotlib": "matplotlib",
    "seaborn": "seaborn",
    "google-crc32c": "google_crc32c",
    "tensorboard": "tensorboard",
}
"""Packages whose versions are recorded -> what they are imported as."""

_GZIP_MAGIC = b"\x1f\x8b"


def record_path(path: str | os.PathLike[str]) -> Path:
    """Where the record of a file lies.

    Examples
    --------
    >>> print(record_path("results/demo/main/metrics.tsv"))
    results/demo/main/.made/metrics.tsv.json
    """
    path = Path(path)
    return path.parent / ".made" / f"{path.name}.json"


def record(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """The record of a file; None if there is none that can be read."""
    try:
        found: dict[str, Any] = json.loads(record_path(path).read_bytes())
    except (OSError, ValueError):
        return None
    return found


def keep_records(paths: Iterable[str | os.PathLike[str]], rule: str, code: Mapping[str, Any]) -> None:
    """Record files that a step has just made; folders have no record.

    Parameters
    ----------
    paths : iterable of path
    rule : str
        The step's rule.
    code : mapping
        Which code made them, as `current_code` gives it.
    """
    made_with = {"rule": rule, **code, "software": _imported_versions()}
    for path in filter(_can_have_a_record, map(Path, paths)):
        if path.is_file():
            with written_atomically(record_path(path)) as temporary:
                temporary.write_text(json.dumps({**_identity(path), **made_with}, indent=1) + "\n", encoding="utf-8")


def remove_records(paths: Iterable[str | os.PathLike[str]]) -> None:
    """Remove the records of files that are about to be made anew."""
    for path in filter(_can_have_a_record, map(Path, paths)):
        record_path(path).unlink(missing_ok=True)


def check_unchanged(paths: Iterable[str | os.PathLike[str]]) -> None:
    """Compare files with their records, where they have one.

    Raises
    ------
    InputError
        If a file is not the one that was recorded.
    """
    for path in filter(_can_have_a_record, map(Path, paths)):
        known = record(path)
        if known is None or not path.is_file():
            continue
        found = _identity(path)
        if found["bytes"] != known["bytes"]:
            what = f"{found['bytes']:,} bytes instead of {known['bytes']:,}"
        elif found["sha256"] != known["sha256"]:
            what = f"checksum {found['sha256'][:12]}... instead of {known['sha256'][:12]}..."
        else:
            continue
        raise InputError(
            f"{path}: is not the file that the workflow made ({what}), it was damaged or changed since; {MADE_AGAIN}"
        )


def current_code(script: str | os.PathLike[str] | None, *modules: str) -> dict[str, Any]:
    """Which code a script runs now.

    Parameters
    ----------
    script : path, or None
        None where the code has not come from a file.
    *modules : str
        Full names of modules that the script is told to load.

    Returns
    -------
    dict
        `code`: digest of the script and of what it uses, None without a script; `commit`: of the checkout that it lies
        in, None outside of one; `changes`: whether the workflow there differs from the commit, None outside of one.
    """
    digest = None if script is None else code_digest(Path(script), *modules)
    if _git("ls-files", "--error-unmatch", __file__) is None:
        return {"code": digest, "commit": None, "changes": None}
    workflow = LIBRARY.parents[1]
    return {
        "code": digest,
        "commit": _git("rev-parse", "HEAD"),
        "changes": _git("status", "--porcelain", "--", str(workflow)) != "",
    }


def _git(*arguments: str) -> str | None:
    """Answer of git about the library's folder; None where it has none."""
    command = ["git", "--no-optional-locks", "-C", str(LIBRARY), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def installed_version(package: str) -> str | None:
    """Version of a package of `PACKAGES`, None if it is not installed."""
    # TensorFlow without GPUs is a distribution of its own.
    for distribution in (package, f"{package}-cpu"):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return None


def _imported_versions() -> dict[str, str | None]:
    """Versions of Python and of the packages that this process has imported."""
    used = {package: installed_version(package) for package, module in PACKAGES.items() if module in sys.modules}
    return {"python": platform.python_version(), **used}


def _can_have_a_record(path: Path) -> bool:
    """Whether a path is one of the run's own: neither the user's nor that of a copy from a storage."""
    return path.parts[0] in ("resources", "results")


def _identity(path: Path) -> dict[str, Any]:
    """What identifies a file: its size, and a checksum where that costs little."""
    size = path.stat().st_size
    sha256: str | None
    if path.suffix == ".tfrecord" and not _is_gzip(path):
        sha256 = _sha256_of_crcs(path, size)
    else:
        sha256 = sha256_of(path) if size <= LARGE else None
    return {"bytes": size, "sha256": sha256}


def _is_gzip(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC


def _sha256_of_crcs(path: Path, size: int) -> str:
    """SHA-256 of the lengths and CRCs of a shard's records; readers compare the data between with the CRCs."""
    digest, position = hashlib.sha256(), 0
    with open(path, "rb", buffering=0) as file:
        while position < size:
            file.seek(position)
            head = file.read(12)
            digest.update(head)
            length = struct.unpack("<Q", head[:8].ljust(8, b"\0"))[0]
            position += 12 + min(length, size)
            file.seek(position)
            digest.update(file.read(4))
            position += 4
    return digest.hexdigest()
