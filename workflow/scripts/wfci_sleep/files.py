"""Files as the workflow writes them: whole or not at all, tables always in one dialect."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from wfci_sleep.errors import InputError

if TYPE_CHECKING:  # pandas is imported by those who have a table: it takes longer than many a step
    import pandas as pd


@contextmanager
def written_atomically(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it into place only if the block ends without an error.

    A process killed in the middle leaves `path` as it was. The temporary file keeps the suffix of `path`, so that
    libraries which choose a format by suffix go on working.

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
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_table(table: "pd.DataFrame", path: str | os.PathLike, float_format: str | None = None) -> None:
    """Write a table as TSV (UTF-8, header, tab, LF), atomically."""
    with written_atomically(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False, lineterminator="\n", encoding="utf-8", float_format=float_format)


def read_table(path: str | os.PathLike, columns: list[str] | None = None) -> "pd.DataFrame":
    """Read a TSV table; names of mice and recordings stay text whatever they look like.

    Raises
    ------
    InputError
        If the file cannot be read as a table, or lacks one of `columns`.
    """
    import pandas as pd

    as_text = dict.fromkeys(("mouse", "recording", "path", "sha256", "reason", "distance"), str)
    try:
        table = pd.read_csv(path, sep="\t", dtype=as_text, encoding="utf-8", keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a tab-separated table ({error})") from error
    missing = [name for name in columns or [] if name not in table.columns]
    if missing:
        found = ", ".join(map(str, table.columns))
        raise InputError(f"{path}: column {', '.join(missing)} is missing, found {found}")
    return table


def sha256_of(path: str | os.PathLike) -> str:
    """SHA-256 of a file in hexadecimal, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
