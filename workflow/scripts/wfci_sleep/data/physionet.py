"""The PhysioNet database: lists its files and selects those that a run needs.

The files are fetched with `download` rather than `wfdb`, which holds whole files in memory, waits forever for a silent
server and checks no checksum. A file counts as fetched when its SHA-256 is the one that the database lists.
"""

import os
import re
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import pandas as pd

from wfci_sleep.data.addresses import login_of, masked
from wfci_sleep.data.download import Client, parts_of
from wfci_sleep.data.listing import (
    ATLAS,
    alike_mice,
    in_session_order,
    is_atlas,
    left_aside,
    natural_key,
    recordings_among,
    refuse_duplicates,
    refuse_equal,
    refuse_unusable,
)
from wfci_sleep.errors import InputError

MANIFEST = "SHA256SUMS.txt"

ENDING = ".mat"
"""Ending of the database's recordings."""

INDEX_COLUMNS = ["mouse", "recording", "order", "path", "sha256", "bytes", "url"]
"""Columns of the index; the row without a mouse is the atlas, `url` is empty for files used in place."""


def parse_manifest(text: str, source: str) -> dict[str, str]:
    r"""Files that a `SHA256SUMS.txt` lists.

    Parameters
    ----------
    text : str
        Lines `<sha256> <path>`, each with its end, as sha256sum writes them.
    source : str
        Where the text came from, for error messages.

    Returns
    -------
    dict of path to sha256

    Raises
    ------
    InputError
        If a line has another form, a path leads out of the database or is listed with two checksums, or the last line
        is cut off.

    Examples
    --------
    >>> list(parse_manifest("ab" * 32 + "  ./Ms1/Ms1-fc1.mat\n", "SHA256SUMS.txt"))
    ['Ms1/Ms1-fc1.mat']
    """
    if text and not text.endswith("\n"):
        raise InputError(
            f"{source}: breaks off in its last line, {text.splitlines()[-1][-80:]!r}; "
            "fetch or copy the list again, or end the line if nothing is missing"
        )
    files: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        match = re.fullmatch(r"([0-9a-fA-F]{64})\s+\*?(\S.*?)\s*", line)
        if match is None:
            raise InputError(f"{source}: line {number} is {line[:80]!r}, expected a SHA-256 and a path")
        sha256, path = match.groups()
        if path.startswith("/") or "\\" in path or ".." in PurePosixPath(path).parts:
            raise InputError(f"{source}: line {number} names {path!r}, expected a path inside the database")
        path, sha256 = str(PurePosixPath(path)), sha256.lower()
        if files.setdefault(path, sha256) != sha256:
            raise InputError(f"{source}: line {number} lists a second SHA-256 of {path}, expected one")
    return files


def select_recordings(files: Mapping[str, str], settings: Mapping, source: str) -> pd.DataFrame:
    """Recordings among the files of a database, by the settings `mice` and `runs_per_mouse`.

    Parameters
    ----------
    files : mapping of path to sha256
    settings : mapping
        The `dataset.physionet` section.
    source : str
        Where the list came from, for error messages.

    Returns
    -------
    table with columns mouse, recording, order, path (in the database), sha256
        In natural order of mice and order of time.

    Raises
    ------
    InputError
        If there is no recording, `mice` names one that doesn't exist, a name is not usable, or two files stand for one
        recording or have the same checksum.
    """
    table = recordings_among(files, [ENDING])
    if table.empty:
        raise InputError(f"{source}: lists no recording among {len(files)} files, expected names such as Ms2-fc10.mat")
    table["sha256"] = table["path"].map(files)
    if settings["mice"] != "all":
        found = sorted(set(table["mouse"]), key=natural_key)
        unknown = [mouse for mouse in settings["mice"] if mouse not in found]
        if unknown:
            raise InputError(f"dataset.physionet.mice names {', '.join(unknown)}, {source} lists {', '.join(found)}")
        table = table[table["mouse"].isin(settings["mice"])]
    for row in table.itertuples():
        refuse_unusable(row, f"{source}: {row.path}")
    refuse_duplicates(table, source)
    refuse_equal(zip(table["mouse"], table["path"], strict=True), table["sha256"], f"have the same SHA-256 in {source}")
    table = in_session_order(table)
    if settings["runs_per_mouse"] != "all":
        table = table.groupby("mouse", sort=False).head(settings["runs_per_mouse"])
    return table.reset_index(drop=True)


def atlas_of(files: Mapping[str, str], source: str) -> str:
    """Path of the one `atlas.mat` of a database, at any level."""
    found = [path for path in files if is_atlas(PurePosixPath(path).name)]
    if len(found) != 1:
        raise InputError(
            f"{source}: lists {len(found)} files named {ATLAS}, expected one; name an atlas file in dataset.atlas"
        )
    return found[0]


def index_database(
    settings: Mapping,
    with_atlas: bool,
    raw: str,
    client: "Client | None" = None,
    note: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Files of the database that a run needs, with their sizes; only the list is fetched.

    Parameters
    ----------
    settings : mapping
        The `dataset.physionet` section. If `mirror` is a folder, its files are used in place. A login in its address is
        masked in the table and in every line.
    with_atlas : bool
        Whether the database's atlas is needed.
    raw : str
        Folder for fetched files.
    client : Client, optional
        By default one with the patience and the login of `settings`.
    note : function of a line
        Gets notes for the user: files left aside, mice that may be one animal.

    Returns
    -------
    table with columns `INDEX_COLUMNS`
    """
    root = f"{masked(settings['mirror']).rstrip('/')}/{settings['slug']}/{settings['version']}"
    remote = "://" in settings["mirror"]
    source = f"{root}/{MANIFEST}"
    client = client or Client(settings["patience_s"], login=login_of(settings["mirror"]))
    files = parse_manifest(_decoded(client.read(source) if remote else _read(source), source), source)
    table = select_recordings(files, settings, source)
    for line in [*left_aside(files, source, [ENDING]), *alike_mice(table["mouse"].unique())]:
        note(line)
    if with_atlas:
        atlas = atlas_of(files, source)
        table = pd.concat([table, pd.DataFrame({"path": [atlas], "sha256": [files[atlas]]})], ignore_index=True)
    if not remote:
        files_there = [Path(root, path) for path in table["path"]]
        for place in files_there:
            if not place.is_file():
                raise InputError(f"{place}: does not exist, but {source} lists it; copy it there or choose other mice")
        table = table.assign(
            url=None, bytes=[place.stat().st_size for place in files_there], path=list(map(str, files_there))
        )
    else:
        urls = [f"{root}/{quote(path)}" for path in table["path"]]
        with ThreadPoolExecutor(settings["connections"]) as pool:
            sizes = list(pool.map(client.size, urls))
        places = [
            f"{raw}/{ATLAS}" if pd.isna(mouse) else f"{raw}/{mouse}/{recording}{ENDING}"
            for mouse, recording in zip(table["mouse"], table["recording"], strict=True)
        ]
        table = table.assign(url=urls, bytes=pd.array(sizes, "Int64"), path=places)
    return table.astype({"order": "Int64"})[INDEX_COLUMNS]


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error}), expected the database's list of checksums") from error


def _decoded(text: bytes, source: str) -> str:
    """UTF-8 text, with or without a byte order mark."""
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{source}: is not text ({error}), expected the database's list of checksums") from error


def disk_space(index: pd.DataFrame, folder: str | os.PathLike, at_once: int | None) -> tuple[int, int]:
    """Bytes that are still to be fetched (or that lie on disk at the same time), and free bytes.

    Parameters
    ----------
    index : table
        As `index_database` gives it.
    folder : path
        A folder on the disk that the files will be written to.
    at_once : int, optional
        Files that lie on disk at the same time; if not given, all are kept.
    """
    missing = index[index["url"].notna() & ~index["path"].map(os.path.exists)]
    sizes = missing["bytes"].fillna(0).astype("int64")
    fetched = sum(part.stat().st_size for path in missing["path"] for part in parts_of(Path(path)))
    needed = int(sizes.nlargest(at_once).sum()) if at_once else int(sizes.sum()) - fetched
    return max(needed, 0), shutil.disk_usage(folder).free
