"""Which recordings there are: the names of files, a folder of them, a recording sheet."""

import re
from pathlib import Path

import pandas as pd

from wfci_sleep.errors import InputError
from wfci_sleep.files import read_table

RECORDING_NAMES = (
    # PhysioNet: Ms2-fc10.mat; readers of the database met Ms3_fc1.mat too.
    re.compile(r"(?P<mouse>Ms\d+)[-_]fc(?P<order>\d+)"),
    # The authors' own files: 191030-M5-fc1-GSR_Ben.mat.
    re.compile(r"(?P<mouse>\d{6}-[^-]+)-fc(?P<order>\d+)(-.*)?"),
)

SHEET_COLUMNS = ["mouse", "recording", "path"]


def parse_name(file_name: str) -> tuple[str, int] | None:
    """Mouse and order of a recording from its file name, or None if the name is of neither spelling.

    Examples
    --------
    >>> parse_name("Ms2-fc10.mat"), parse_name("Ms3_fc1.mat"), parse_name("191030-M5-fc1-GSR_Ben.mat")
    (('Ms2', 10), ('Ms3', 1), ('191030-M5', 1))
    >>> parse_name("atlas.mat") is None
    True
    """
    path = Path(file_name)
    if path.suffix.lower() != ".mat":
        return None
    matches = (pattern.fullmatch(path.stem) for pattern in RECORDING_NAMES)
    match = next((match for match in matches if match), None)
    return (match["mouse"], int(match["order"])) if match else None


def natural_key(name: str) -> list:
    """Sort key that puts Ms2 before Ms10.

    Examples
    --------
    >>> sorted(["Ms10", "Ms2", "191030-M5"], key=natural_key)
    ['191030-M5', 'Ms2', 'Ms10']
    """
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name) if part]


def local_recordings(path: str | Path | None) -> pd.DataFrame:
    """Recordings of a folder or of a recording sheet; no file is opened.

    Parameters
    ----------
    path : path
        A folder (searched at every level for files named as in the database or as by the authors) or a sheet
        (.tsv with columns mouse, recording, path; a relative path is taken from the sheet's folder; the runs of a
        mouse in order of time).

    Returns
    -------
    table with columns mouse, recording, order, path, in natural order of mice and order of time.

    Raises
    ------
    InputError
        If there is no recording, a sheet's file is missing, or two files stand for one recording.
    """
    if path is None:
        raise InputError("dataset.local.path is empty, expected a folder with recordings or a recording sheet (.tsv)")
    path = Path(path)
    if path.is_dir():
        table = _folder(path)
    elif path.is_file():
        table = _sheet(path)
    else:
        raise InputError(f"dataset.local.path: {path} is neither a folder nor a recording sheet (.tsv)")
    return in_session_order(table)


def in_session_order(table: pd.DataFrame) -> pd.DataFrame:
    """Sort recordings by mouse (natural order) and by their order in the session."""
    mice = {mouse: rank for rank, mouse in enumerate(sorted(table["mouse"].unique(), key=natural_key))}
    ranked = table.assign(rank=table["mouse"].map(mice)).sort_values(["rank", "order", "recording"])
    return ranked.drop(columns="rank").reset_index(drop=True)


def _folder(folder: Path) -> pd.DataFrame:
    rows = []
    for file in sorted(folder.rglob("*.mat")):
        parsed = parse_name(file.name)
        if parsed is not None:
            rows.append((parsed[0], file.stem, parsed[1], str(file)))
    if not rows:
        raise InputError(
            f"{folder}: no recording found, expected files named like Ms1-fc1.mat or 191030-M5-fc1-GSR_Ben.mat "
            "(other names: list them in a recording sheet)"
        )
    table = pd.DataFrame(rows, columns=["mouse", "recording", "order", "path"])
    broken = [path for path in table["path"] if not Path(path).is_file()]
    if broken:
        raise InputError(f"{broken[0]}: is a folder or a link that leads nowhere, expected a recording; remove it")
    refuse_duplicates(table, folder)
    return table


def _sheet(sheet: Path) -> pd.DataFrame:
    table = read_table(sheet, SHEET_COLUMNS)[SHEET_COLUMNS]
    if table.empty or table.isna().any(axis=None):
        raise InputError(f"{sheet}: found no rows or an empty cell, expected mouse, recording and path in every row")
    odd = table[["mouse", "recording"]].stack().loc[lambda names: ~names.str.fullmatch(r"[A-Za-z0-9._-]+")]
    if len(odd):
        raise InputError(f"{sheet}: the name {odd.iloc[0]!r} is not usable, expected letters, digits, '.', '_', '-'")
    table = table.assign(
        order=table.groupby("mouse").cumcount() + 1, path=[str(sheet.parent / path) for path in table["path"]]
    )
    absent = [path for path in table["path"] if not Path(path).is_file()]
    if absent:
        raise InputError(f"{sheet}: {absent[0]} does not exist ({len(absent)} of {len(table)} files are missing)")
    refuse_duplicates(table, sheet)
    return table


def refuse_duplicates(table: pd.DataFrame, source: str | Path) -> None:
    """Stop if two files of a table stand for one recording, or for one place in a session."""
    for key, meaning in ((["mouse", "recording"], "recording"), (["mouse", "order"], "place in the session")):
        twice = table[table.duplicated(key, keep=False)]
        if len(twice):
            first, second = twice["path"].iloc[:2]
            raise InputError(
                f"{source}: {first} and {second} stand for the same {meaning} of mouse {twice['mouse'].iloc[0]}"
            )


def find_atlas(path: str | Path | None) -> str:
    """The atlas.mat that comes with local recordings, at any level of their folder (or of their sheet's folder).

    Raises
    ------
    InputError
        If there is none, or more than one.
    """
    folder = Path(path or ".")
    folder = folder if folder.is_dir() else folder.parent
    found = sorted(str(file) for file in folder.rglob("atlas.mat"))
    if len(found) != 1:
        raise InputError(
            f"{folder}: found {len(found)} files named atlas.mat, expected one; name the file in dataset.atlas"
        )
    return found[0]
