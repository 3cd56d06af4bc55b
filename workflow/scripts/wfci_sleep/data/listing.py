"""Finds recordings among files by their names, orders them, and refuses ambiguous lists."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from wfci_sleep.data.names import check_name, check_path
from wfci_sleep.errors import InputError

ATLAS = "atlas.mat"

SAME_BYTES = "hold the same bytes (equal SHA-256)"
"""`meaning` of two files with one checksum, for `refuse_equal`."""

DATABASE_NAME = re.compile(r"Ms(?P<number>[0-9]+)[-_]fc(?P<order>[0-9]+)", re.IGNORECASE)
"""PhysioNet: Ms2-fc10.mat; the database also has Ms3_fc1.mat."""

AUTHORS_NAME = re.compile(r"(?P<mouse>[0-9]{6}(?:[0-9]{2})?-[^-]+)-fc(?P<order>[0-9]+)(-.*)?", re.IGNORECASE)
"""The authors' own files: 191030-M5-fc1-GSR_Ben.mat, or with a four-digit year."""


def parse_name(recording: str) -> tuple[str, int] | None:
    """Mouse and order of a recording from its name, or None if it has neither form.

    Upper and lower case count alike; a mouse of the database is always spelled `Ms4`.

    Parameters
    ----------
    recording : str
        The file's name without its ending.

    Examples
    --------
    >>> parse_name("Ms2-fc10"), parse_name("Ms3_fc1"), parse_name("191030-M5-fc1-GSR_Ben")
    (('Ms2', 10), ('Ms3', 1), ('191030-M5', 1))
    >>> parse_name("ms4-FC1"), parse_name("20191030-M5-fc1-GSR_G5")
    (('Ms4', 1), ('20191030-M5', 1))
    >>> parse_name("atlas") is None
    True
    """
    if match := DATABASE_NAME.fullmatch(recording):
        return f"Ms{match['number']}", int(match["order"])
    if match := AUTHORS_NAME.fullmatch(recording):
        return match["mouse"], int(match["order"])
    return None


def natural_key(name: str) -> list:
    """Sort key that puts Ms2 before Ms10.

    Examples
    --------
    >>> sorted(["Ms10", "Ms2", "191030-M5"], key=natural_key)
    ['191030-M5', 'Ms2', 'Ms10']
    """
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name) if part]


def in_session_order(table: pd.DataFrame) -> pd.DataFrame:
    """Sort recordings by mouse (natural order) and by their order in the session."""
    mice = {mouse: rank for rank, mouse in enumerate(sorted(table["mouse"].unique(), key=natural_key))}
    ranked = table.assign(rank=table["mouse"].map(mice)).sort_values(["rank", "order", "recording"])
    return ranked.drop(columns="rank").reset_index(drop=True)


def refuse_duplicates(table: pd.DataFrame, source: str | Path, advice: str = "") -> None:
    """Stop if two files of a table stand for one recording, or for one place in a session.

    Parameters
    ----------
    table : table with columns mouse, recording, order, path
    source, advice : str
        Beginning and end of the error's line.
    """
    for key, meaning in ((["mouse", "recording"], "recording"), (["mouse", "order"], "place in the session")):
        for (mouse, _), equal in table.groupby(key, sort=False)["path"]:
            if len(equal) > 1:
                raise InputError(
                    f"{source}: {equal.iloc[0]} and {equal.iloc[1]} stand for the same {meaning} of mouse "
                    f"{mouse}{advice and '; '}{advice}"
                )


def is_atlas(file_name: str) -> bool:
    """Whether a file's name is the atlas's."""
    return file_name.lower() == ATLAS


def refuse_unusable(row: Any, place: str, advice: str = "") -> None:
    """Stop if the mouse, the name or the path of a recording is not usable.

    Parameters
    ----------
    row : named tuple with mouse, recording, path
    place, advice : str
        Beginning and end of the error's line.
    """
    check_name(row.mouse, place, advice)
    check_name(row.recording, place, advice)
    check_path(row.path, place)


def refuse_equal(files: Iterable[tuple[str, str]], what: Iterable[str], meaning: str) -> None:
    """Stop if two recordings are the same: a network could be tested on what it was trained on.

    Parameters
    ----------
    files : iterable of (mouse, path or name)
    what : iterable of str
        For each file the value that must be unique: its target if it is a link, or its checksum.
    meaning : str
        What two files with an equal value are or do, in words.
    """
    found: dict[str, str] = {}
    for (mouse, file), value in zip(files, what, strict=True):
        this = f"{file} (mouse {mouse})"
        if value in found:
            raise InputError(
                f"{found[value]} and {this} {meaning}, expected another recording in each; remove one of them"
            )
        found[value] = this


def stem_of(path: str, endings: Sequence[str]) -> str | None:
    """The name of a file without its ending; None if it has none of the endings.

    Parameters
    ----------
    path : str
    endings : sequence of str
        In lower case, with their dots; the file's may be in upper case.

    Examples
    --------
    >>> stem_of("Ms1/Ms1-fc1.MAT", [".mat"]), stem_of("notes.txt", [".mat"])
    ('Ms1-fc1', None)
    """
    name = Path(path).name
    return next((name[: -len(ending)] for ending in endings if name.lower().endswith(ending)), None)


def recordings_among(paths: Iterable[str], endings: Sequence[str]) -> pd.DataFrame:
    """Table of the paths that are named as recordings: mouse, recording, order, path.

    Parameters
    ----------
    paths : iterable of str
    endings : sequence of str
        Endings of files that may be recordings, as for `stem_of`.
    """
    stems = ((path, stem_of(path, endings)) for path in paths)
    parsed = ((path, stem, parse_name(stem)) for path, stem in stems if stem is not None)
    rows = [(name[0], stem, name[1], path) for path, stem, name in parsed if name is not None]
    return pd.DataFrame(rows, columns=["mouse", "recording", "order", "path"])


def left_aside(paths: Iterable[str], source: str | Path, endings: Sequence[str]) -> list[str]:
    """Say how many files with a recording's ending are neither a recording nor the atlas by their name.

    Parameters
    ----------
    paths : iterable of str
        Files of a folder or of the database's list.
    source : str
        Where they were found.
    endings : sequence of str
        As for `stem_of`.

    Returns
    -------
    list of str
        One line, or none.

    Examples
    --------
    >>> left_aside(["Ms1/Ms1-fc1.mat", "Ms1/Ms1-rest.mat", "LICENSE.txt", "atlas.mat"], "SHA256SUMS.txt", [".mat"])
    ["SHA256SUMS.txt: 1 .mat file is left aside, as its name is not a recording's: 'Ms1/Ms1-rest.mat'; to use it, \
list it in a recording sheet (config/README.md)"]
    """
    stems = ((path, stem_of(path, endings)) for path in paths if not is_atlas(Path(path).name))
    aside = [path for path, stem in stems if stem is not None and parse_name(stem) is None]
    if not aside:
        return []
    kind = " or ".join(endings)
    if len(aside) == 1:
        found, use = f"1 {kind} file is left aside, as its name is not a recording's: {aside[0]!r}", "it, list it"
    else:
        found = (
            f"{len(aside)} {kind} files are left aside, as their names are not a recording's, the first is {aside[0]!r}"
        )
        use = "them, list them"
    return [f"{source}: {found}; to use {use} in a recording sheet (config/README.md)"]


def alike_mice(mice: Sequence[str]) -> list[str]:
    """Warn of mice that may be one animal: their names differ only in a leading date, leading zeros or case.

    Returns
    -------
    list of str
        One line for each group of such names.

    Examples
    --------
    >>> alike_mice(["191030-M5", "191107-M5", "Ms1", "Ms10"])
    ['mice 191030-M5, 191107-M5 may be one animal by their names, and would be trained on and tested as two; if so, \
give it one name in a recording sheet (config/README.md)']
    """
    groups: dict[str, list[str]] = {}
    for mouse in mice:
        without_date = re.sub(r"^([0-9]{6}|[0-9]{8})[-_]", "", mouse)
        groups.setdefault(re.sub(r"(?<![0-9])0+(?=[0-9])", "", without_date).casefold(), []).append(mouse)
    return [
        f"mice {', '.join(names)} may be one animal by their names, and would be trained on and tested as two; "
        "if so, give it one name in a recording sheet (config/README.md)"
        for names in groups.values()
        if len(names) > 1
    ]
