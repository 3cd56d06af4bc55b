"""Writes files atomically and tables in one dialect; checks of files that are read."""

import hashlib
import json
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from wfci_sleep.errors import InputError

if TYPE_CHECKING:  # pandas is imported where tables are made: importing it takes longer than many steps
    import pandas as pd


MADE_AGAIN = "delete it and run the same command again: it is made again"
"""Advice for a damaged file that the workflow made."""


@contextmanager
def written_atomically(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside `path`, and move it to `path` if the block ends without an error.

    A process killed in the middle leaves `path` as it was; its temporary file is removed when `path` is written again
    (only one process may write it at a time). The temporary file has the suffix of `path`, by which some libraries
    choose a format.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with written_atomically(f"{folder}/a.txt") as temporary:
    ...         _ = temporary.write_text("done")
    ...     Path(folder, "a.txt").read_text()
    'done'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _remove_leftovers(path: Path) -> None:
    """Remove temporary files of processes killed while they wrote `path`; mkstemp adds eight characters."""
    of_mkstemp = re.compile(rf"\.{re.escape(path.stem)}-[a-z0-9_]{{8}}{re.escape(path.suffix)}")
    for leftover in path.parent.iterdir():
        if of_mkstemp.fullmatch(leftover.name):
            leftover.unlink(missing_ok=True)


def expanded_path(path: str) -> str:
    """A path with `~` and `$NAME` expanded as in a shell; addresses stay as they are.

    Examples
    --------
    >>> os.environ["LAB"] = "recordings"
    >>> expanded_path("$LAB/2024"), expanded_path("https://physionet.org/~files")
    ('recordings/2024', 'https://physionet.org/~files')
    """
    return path if "://" in path else os.path.expanduser(os.path.expandvars(path))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_table(table: "pd.DataFrame", path: str | os.PathLike, float_format: str | None = None) -> None:
    """Write a table as TSV (UTF-8, header, tab, LF), atomically."""
    with written_atomically(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False, lineterminator="\n", encoding="utf-8", float_format=float_format)


def read_json(path: str | os.PathLike, *keys: str) -> dict:
    """Read a JSON object that the workflow wrote.

    Parameters
    ----------
    path : path
    *keys : str
        Keys that it must have.

    Raises
    ------
    InputError
        If the file cannot be read, is not a JSON object, or lacks a key.
    """
    try:
        found = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}), expected JSON") from error
    except ValueError as error:  # UnicodeDecodeError, too
        raise InputError(f"{path}: not JSON ({error}); {MADE_AGAIN}") from error
    missing = [key for key in keys if key not in found] if isinstance(found, dict) else keys
    if missing:
        raise InputError(f"{path}: has no {missing[0]}, expected {', '.join(keys)}; {MADE_AGAIN}")
    return found


def check_sha256(path: str | os.PathLike, expected: str | None) -> None:
    """Stop if a file's checksum differs from the database's; without an `expected` one nothing is checked.

    Raises
    ------
    InputError
        If the file cannot be read, or its checksum differs.
    """
    if expected is None:
        return
    try:
        found = sha256_of(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}), expected a file of the database") from error
    if found != expected:
        raise InputError(
            f"{path}: SHA-256 is {found}, the database lists {expected}: cut off, damaged or another version; "
            "delete the file to have it fetched again, or copy it again to a mirror that is a folder"
        )


def check_file(path: str | os.PathLike, expected: str) -> None:
    """Stop if a path is not a regular file that can be opened.

    Parameters
    ----------
    path : path
    expected : str
        The end of the error's line.

    Raises
    ------
    InputError
    """
    path = Path(path)
    try:
        # Opening a pipe would block.
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: is a directory or a device, {expected}")
        path.open("rb").close()
    except FileNotFoundError as error:
        found = f"is a link to {path.readlink()}, which does not exist" if path.is_symlink() else "does not exist"
        raise InputError(f"{path}: {found}, {expected}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror}), {expected}") from error


def sha256_of(path: str | os.PathLike) -> str:
    """SHA-256 of a file in hexadecimal; the file is read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
