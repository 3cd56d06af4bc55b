"""Lists the user's own recordings, from a folder or a recording sheet."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from wfci_sleep.data.formats import READERS
from wfci_sleep.data.listing import (
    ATLAS,
    alike_mice,
    in_session_order,
    is_atlas,
    left_aside,
    recordings_among,
    refuse_duplicates,
    refuse_equal,
    refuse_unusable,
    stem_of,
)
from wfci_sleep.errors import InputError
from wfci_sleep.tables import read_table
from wfci_sleep.tables.users import SHEET

SHEET_COLUMNS = ["mouse", "recording", "path"]

SHEET_ADVICE = "rename the file, or list it in a recording sheet (config/README.md)"

DUPLICATE_ADVICE = "rename one of them, or list the recordings in a recording sheet (config/README.md)"


def local_recordings(path: str | Path | None) -> pd.DataFrame:
    """Recordings of a folder or of a recording sheet; no file is opened.

    Parameters
    ----------
    path : path
        A folder, searched at every level and through links for files named as in the database or as by the authors;
        or a sheet, a .tsv with columns mouse, recording, path, the runs of a mouse in order of time. Relative paths
        start from the sheet's folder.

    Returns
    -------
    table with columns mouse, recording, order, path, in natural order of mice and order of time.

    Raises
    ------
    InputError
        If there is no recording, a name or path is not usable, a sheet's file is missing, two files stand for one
        recording, or two recordings are one file.
    """
    if path is None:
        raise InputError("dataset.local.path is empty, expected a folder with recordings or a recording sheet (.tsv)")
    path = Path(path)
    if path.is_dir():
        table = _folder(path)
    elif stem_of(path.name, tuple(READERS)) is not None:
        raise InputError(
            f"dataset.local.path: {path} has a recording's name, "
            "expected a folder with recordings or a recording sheet (.tsv)"
        )
    elif path.is_file():
        table = _sheet(path)
    else:
        raise InputError(f"dataset.local.path: {path} is neither a folder nor a recording sheet (.tsv)")
    refuse_duplicates(table, path, DUPLICATE_ADVICE if path.is_dir() else "give each recording a name of its own")
    files = zip(table["mouse"], table["path"], strict=True)
    refuse_equal(files, map(os.path.realpath, table["path"]), "are one file")
    return in_session_order(table)


def _folder(folder: Path) -> pd.DataFrame:
    table = recordings_among(_files(folder), tuple(READERS))
    if table.empty:
        raise InputError(
            f"{folder}: no recording found, expected files named like Ms1-fc1.mat or 191030-M5-fc1-GSR_Ben.mat "
            "(other names: list them in a recording sheet)"
        )
    for row in table.itertuples():
        refuse_unusable(row, row.path, SHEET_ADVICE)
    broken = [path for path in table["path"] if not Path(path).is_file()]
    if broken:
        raise InputError(f"{broken[0]}: is a folder or a link that leads nowhere, expected a recording; remove it")
    return table


def _sheet(sheet: Path) -> pd.DataFrame:
    table = read_table(sheet, SHEET)[SHEET_COLUMNS]
    for row in table.itertuples():
        refuse_unusable(row, f"{sheet}: line {row.Index + 2}")
    table = table.assign(
        order=table.groupby("mouse").cumcount() + 1, path=[str(sheet.parent / path) for path in table["path"]]
    )
    absent = [path for path in table["path"] if not Path(path).is_file()]
    if absent:
        raise InputError(f"{sheet}: {absent[0]} does not exist ({len(absent)} of {len(table)} files are missing)")
    return table


def _files(folder: Path) -> list[str]:
    """Every file below a folder in order of name; links are followed, each folder is entered once."""
    return [str(path) for path in sorted(_walk(folder))]


def _walk(folder: Path) -> Iterator[Path]:
    entered: set[str] = set()
    for place, subfolders, names in os.walk(folder, followlinks=True, onerror=_cannot_be_searched):
        if os.path.realpath(place) in entered:
            subfolders.clear()  # a link to a folder above would lead to an endless loop
            continue
        entered.add(os.path.realpath(place))
        subfolders.sort()
        yield from (Path(place, name) for name in [*names, *subfolders])


def _cannot_be_searched(error: OSError) -> None:
    raise InputError(
        f"{error.filename}: cannot be searched for recordings ({error.strerror}); make the folder readable, or name "
        "the files in a recording sheet and in dataset.atlas"
    ) from error


def find_atlas(path: str | Path | None) -> str:
    """The atlas.mat that comes with local recordings, at any level of their folder (or of their sheet's folder).

    Raises
    ------
    InputError
        If there is none, or more than one.
    """
    folder = Path(path or ".")
    folder = folder if folder.is_dir() else folder.parent
    # Links to one file are one file.
    found = {os.path.realpath(file): file for file in _files(folder) if is_atlas(Path(file).name)}
    if len(found) != 1:
        raise InputError(
            f"{folder}: found {len(found)} files named {ATLAS}, expected one; name the file in dataset.atlas"
        )
    return next(iter(found.values()))


def local_notes(path: str | Path, mice: Sequence[str], atlas: str | Path | None = None) -> list[str]:
    """Notes for the user on how local recordings were found: `left_aside` for a folder, and `alike_mice`.

    Parameters
    ----------
    path : path
        As for `local_recordings`.
    mice : sequence of str
        Names of the mice found there.
    atlas : path, optional
        The `dataset.atlas` setting: this file is used whatever its name.
    """
    path = Path(path)
    used = os.path.realpath(atlas) if atlas else None
    files = [file for file in _files(path) if os.path.realpath(file) != used] if path.is_dir() else []
    return [*left_aside(files, path, tuple(READERS)), *alike_mice(mice)]
