"""The PhysioNet database: what it holds, and its files fetched whole over whatever connection there is.

`wfdb` reads PhysioNet too, but holds whole files in memory, waits without end for a silent server, and checks no sum;
`requests` carries the bytes here, and a file counts as fetched when its SHA-256 is the one that the database lists.
"""

import errno
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import pandas as pd
import requests
import urllib3

from wfci_sleep.errors import InputError
from wfci_sleep.files import sha256_of
from wfci_sleep.sources import in_session_order, natural_key, parse_name, refuse_duplicates

MANIFEST = "SHA256SUMS.txt"
ATLAS = "atlas.mat"

INDEX_COLUMNS = ["mouse", "recording", "order", "path", "sha256", "bytes", "url"]
"""Columns of the index; the atlas is the row without a mouse, `url` is empty where the file is used in place."""

PIECE_BYTES = 2**20
"""Bytes held in memory at a time."""

TIMEOUT_S = (10, 60)
"""Seconds to wait for a connection, and for the next bytes of an answer."""

LONGEST_PAUSE_S = 60
TELL_EVERY_S = 10

PASSING_STATUS = {408, 425, 429, 500, 502, 503, 504}
"""HTTP statuses of a server that may well answer later."""

HOPELESS = (
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.TooManyRedirects,
)


class _PassingError(Exception):
    """Something that may be over at the next try."""


PASSING_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, _PassingError)


# --- what there is ----------------------------------------------------------------------------------------------------


def parse_manifest(text: str, source: str) -> dict[str, str]:
    """Files that a `SHA256SUMS.txt` lists.

    Parameters
    ----------
    text : str
        Lines `<sha256> <path>`, as sha256sum writes them.
    source : str
        Where the text came from, for error messages.

    Returns
    -------
    dict of path to sha256

    Raises
    ------
    InputError
        If a line is of another form, or its path leads out of the database.

    Examples
    --------
    >>> list(parse_manifest("ab" * 32 + "  ./Ms1/Ms1-fc1.mat", "SHA256SUMS.txt"))
    ['Ms1/Ms1-fc1.mat']
    """
    files = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        match = re.fullmatch(r"([0-9a-fA-F]{64})\s+\*?(\S.*?)\s*", line)
        if match is None:
            raise InputError(f"{source}: line {number} is {line[:80]!r}, expected a SHA-256 and a path")
        sha256, path = match.groups()
        if path.startswith("/") or "\\" in path or ".." in PurePosixPath(path).parts:
            raise InputError(f"{source}: line {number} names {path!r}, expected a path inside the database")
        files[str(PurePosixPath(path))] = sha256.lower()
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
    """
    rows = []
    for path, sha256 in files.items():
        name = parse_name(PurePosixPath(path).name)
        if name is not None:
            rows.append((name[0], PurePosixPath(path).stem, name[1], path, sha256))
    if not rows:
        raise InputError(f"{source}: lists no recording among {len(files)} files, expected names such as Ms2-fc10.mat")
    table = pd.DataFrame(rows, columns=["mouse", "recording", "order", "path", "sha256"])
    if settings["mice"] != "all":
        found = sorted(set(table["mouse"]), key=natural_key)
        unknown = [mouse for mouse in settings["mice"] if mouse not in found]
        if unknown:
            raise InputError(f"dataset.physionet.mice names {', '.join(unknown)}, {source} lists {', '.join(found)}")
        table = table[table["mouse"].isin(settings["mice"])]
    refuse_duplicates(table, source)
    table = in_session_order(table)
    if settings["runs_per_mouse"] != "all":
        table = table.groupby("mouse", sort=False).head(settings["runs_per_mouse"])
    return table.reset_index(drop=True)


def atlas_of(files: Mapping[str, str], source: str) -> str:
    """Path of the one `atlas.mat` of a database, at any level."""
    found = [path for path in files if PurePosixPath(path).name == ATLAS]
    if len(found) != 1:
        raise InputError(
            f"{source}: lists {len(found)} files named {ATLAS}, expected one; name an atlas file in dataset.atlas"
        )
    return found[0]


def index_database(settings: Mapping, with_atlas: bool, raw: str, tell: Callable[[str], None] = print) -> pd.DataFrame:
    """Files of the database that a run needs, with their sizes; nothing large is fetched.

    Parameters
    ----------
    settings : mapping
        The `dataset.physionet` section. A `mirror` that is a folder holds the database already: its files are used in
        place.
    with_atlas : bool
        Whether the database's atlas is needed.
    raw : str
        Folder for fetched files.
    tell : function of a line

    Returns
    -------
    table with columns `INDEX_COLUMNS`
    """
    root = f"{settings['mirror'].rstrip('/')}/{settings['slug']}/{settings['version']}"
    remote = "://" in settings["mirror"]
    source = f"{root}/{MANIFEST}"
    client = Client(settings["patience_s"], tell)
    files = parse_manifest(client.text(source) if remote else _read_text(source), source)
    table = select_recordings(files, settings, source)
    if with_atlas:
        atlas = atlas_of(files, source)
        table = pd.concat([table, pd.DataFrame({"path": [atlas], "sha256": [files[atlas]]})], ignore_index=True)
    if not remote:
        places = [Path(root, path) for path in table["path"]]
        for place in places:
            if not place.is_file():
                raise InputError(f"{place}: does not exist, but {source} lists it; copy it there or choose other mice")
        table = table.assign(url=None, bytes=[place.stat().st_size for place in places], path=list(map(str, places)))
    else:
        urls = [f"{root}/{quote(path)}" for path in table["path"]]
        with ThreadPoolExecutor(settings["connections"]) as pool:
            sizes = list(pool.map(client.size, urls))
        places = [
            f"{raw}/{ATLAS}" if pd.isna(mouse) else f"{raw}/{mouse}/{recording}.mat"
            for mouse, recording in zip(table["mouse"], table["recording"], strict=True)
        ]
        table = table.assign(url=urls, bytes=pd.array(sizes, "Int64"), path=places)
    return table.astype({"order": "Int64"})[INDEX_COLUMNS]


def _read_text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}), expected the database's list of checksums") from error


def disk_space(index: pd.DataFrame, folder: str | os.PathLike, at_once: int | None) -> tuple[int, int]:
    """Bytes that are still to be fetched (or lie on disk at a time), and bytes that are free.

    Parameters
    ----------
    index : table
        As `index_database` gives it.
    folder : path
        Any folder on the disk that the files will lie on.
    at_once : int, optional
        Files that lie on disk at a time; if not given, all stay.
    """
    missing = index[index["url"].notna() & ~index["path"].map(os.path.exists)]
    sizes = missing["bytes"].fillna(0).astype("int64")
    fetched = sum(part.stat().st_size for path in missing["path"] for part in _parts(Path(path)))
    needed = int(sizes.nlargest(at_once).sum()) if at_once else int(sizes.sum()) - fetched
    return max(needed, 0), shutil.disk_usage(folder).free


def in_units(n_bytes: float) -> str:
    """Bytes for people.

    Examples
    --------
    >>> in_units(2_100_000_000), in_units(300)
    ('2.1 GB', '300 B')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 999.5:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} TB"


# --- fetching ---------------------------------------------------------------------------------------------------------


@dataclass
class _Patience:
    """Pauses between tries that grow until bytes arrive, and an end when none have for too long."""

    url: str
    seconds: float
    tell: Callable[[str], None]
    failures: int = 0
    since: float = field(default_factory=time.monotonic)

    def rewarded(self) -> None:
        """Bytes arrived: start counting anew."""
        self.failures, self.since = 0, time.monotonic()

    def pause(self, problem: Exception) -> None:
        """Wait for a better moment."""
        pause_s = min(LONGEST_PAUSE_S, 0.5 * 2**self.failures)
        waited_s = time.monotonic() - self.since
        reason = _reason(problem)
        if waited_s + pause_s > self.seconds:
            raise InputError(
                f"{self.url}: nothing arrived for {waited_s:.0f} s ({reason}); run again when the connection is back, "
                "what was fetched is kept"
            ) from problem
        self.failures += 1
        self.tell(f"{self.url}: {reason}, trying again in {pause_s:g} s")
        time.sleep(pause_s)


def _reason(problem: Exception) -> str:
    """Why a try failed, in a few words: the innermost cause says it best."""
    if isinstance(problem, _PassingError):
        return str(problem)
    while (cause := problem.__cause__ or problem.__context__) is not None:
        problem = cause
    lines = str(problem).splitlines()
    return lines[0][:120] if lines else type(problem).__name__


class Client:
    """Reads from a server that may stumble.

    Parameters
    ----------
    patience_s : float
        Seconds to go on trying while nothing arrives.
    tell : function of a line
        Gets word of progress and of what goes wrong.
    """

    def __init__(self, patience_s: float, tell: Callable[[str], None] = print):
        self.patience_s = patience_s
        self.tell = tell

    def text(self, url: str) -> str:
        """Text of a small file."""
        return self._until_answered(url, lambda: self._open("GET", url).text)

    def size(self, url: str) -> int | None:
        """Bytes of a file, or None if the server does not say."""

        def length() -> int | None:
            try:
                found = self._open("HEAD", url).headers.get("Content-Length")
            except _NotSupported:
                return None
            return int(found) if found else None

        return self._until_answered(url, length)

    def fetch(self, url: str, path: str | os.PathLike, sha256: str) -> None:
        """Fetch a file: resumed where a run before broke off, checked, put in place whole; kept if it is there.

        Parameters
        ----------
        url : str
        path : path
            Where the file is to lie. What has arrived lies beside it, under a name that holds the checksum, so that a
            part of another version is never taken for its beginning.
        sha256 : str
            Checksum that the file must have.

        Raises
        ------
        InputError
            If the server has no such file or stays silent, the disk is full, or the sum is wrong twice.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{sha256[:16]}.part")
        for stale in _parts(path):
            if stale != part:
                stale.unlink()
        if path.is_file() and sha256_of(path) == sha256:
            self.tell(f"{path}: is there already, its checksum is right")
            return
        for last in (False, True):
            try:
                self._complete(part, url)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                raise InputError(
                    f"{part.parent}: the disk is full, with {in_units(part.stat().st_size)} of {path.name} fetched; "
                    "make room and run again"
                ) from error
            found = sha256_of(part)
            if found == sha256:
                part.replace(path)
                return
            part.unlink()
            if not last:
                self.tell(f"{url}: SHA-256 is {found}, the database lists {sha256}; fetching it once more")
        raise InputError(
            f"{url}: SHA-256 is {found}, fetched twice, the database lists {sha256}; "
            "the server's copy is damaged, try another dataset.physionet.mirror"
        )

    def _complete(self, part: Path, url: str) -> None:
        """Receive until the whole file is there."""
        patience = _Patience(url, self.patience_s, self.tell)
        while True:
            try:
                self._receive(part, url, patience)
                return
            except PASSING_ERRORS as problem:
                patience.pause(problem)

    def _receive(self, part: Path, url: str, patience: _Patience) -> None:
        """One try: ask for what is missing and append it."""
        part.touch()
        here = part.stat().st_size
        with self._open("GET", url, {"Range": f"bytes={here}-"} if here else {}) as response:
            start, total = _extent(response)
            if response.status_code == 416:
                # Without a total the checksum decides whether this is all.
                if total not in (here, None):
                    part.unlink()
                    raise _PassingError("what had been fetched is longer than the file")
                return
            if start > here:
                part.unlink()
                raise _PassingError(f"the server sent bytes from {start} on, asked for from {here} on")
            self._check_space(part, total, start)
            # Unbuffered: what a killed job had received is on disk.
            with open(part, "r+b", buffering=0) as file:
                if start < here:
                    file.truncate(start)
                file.seek(start)
                progress = _Progress(url.rsplit("/", 1)[-1], start, total, self.tell)
                # What has come, however little: a connection that breaks off takes nothing with it.
                while piece := response.raw.read1(PIECE_BYTES):
                    file.write(piece)
                    patience.rewarded()
                    progress.advance(len(piece))
                progress.end()
        if total is not None and part.stat().st_size < total:
            raise _PassingError("the connection was closed in mid-file")

    def _check_space(self, part: Path, total: int | None, start: int) -> None:
        free = shutil.disk_usage(part.parent).free + part.stat().st_size
        if total is not None and total - start > free:
            raise InputError(
                f"{part.parent}: {in_units(total - start)} are still to be fetched of one file, {in_units(free)} are "
                "free; make room and run again"
            )

    def _until_answered(self, url: str, ask: Callable):
        patience = _Patience(url, self.patience_s, self.tell)
        while True:
            try:
                return ask()
            except PASSING_ERRORS as problem:
                patience.pause(problem)

    def _open(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Ask once; what no patience can mend is an InputError."""
        try:
            response = requests.request(
                method,
                url,
                headers={"Accept-Encoding": "identity", **(headers or {})},
                stream=True,
                timeout=TIMEOUT_S,
                allow_redirects=True,
            )
        except HOPELESS as error:
            raise InputError(f"{url}: {error}; check dataset.physionet.mirror") from error
        status = f"{response.status_code} ({response.reason})"
        if response.status_code in PASSING_STATUS:
            response.close()
            raise _PassingError(f"the server answers {status}")
        if method == "HEAD" and response.status_code in (405, 501):
            response.close()
            raise _NotSupported
        if response.status_code not in (200, 206, 416):
            response.close()
            raise InputError(
                f"{url}: the server answers {status}, expected the file; "
                "check slug, version and mirror in dataset.physionet"
            )
        if response.ok and response.headers.get("Content-Type", "").startswith("text/html"):
            response.close()
            raise InputError(
                f"{url}: the server sent a web page (HTML), expected the file; "
                "is there a login page or a proxy in between?"
            )
        return response


class _NotSupported(Exception):
    """The server does not know the method."""


def _parts(path: Path) -> list[Path]:
    """Unfinished downloads of a file."""
    return sorted(path.parent.glob(f".{path.name}.*.part"))


def _extent(response: requests.Response) -> tuple[int, int | None]:
    """First byte of an answer, and bytes of the whole file (None if the server does not say)."""
    match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("Content-Range", ""))
    if response.status_code == 200 or match is None:
        length = response.headers.get("Content-Length")
        return 0, int(length) if length and response.status_code == 200 else None
    start, total = match.groups()
    return int(start or 0), int(total) if total != "*" else None


class _Progress:
    """A line now and then: how much, how fast, how long still."""

    def __init__(self, name: str, start: int, total: int | None, tell: Callable[[str], None]):
        self.name, self.start, self.total, self.tell = name, start, total, tell
        self.done = start
        self.began = self.told = time.monotonic()
        if start:
            tell(f"{name}: going on after {in_units(start)}")

    def advance(self, n_bytes: int) -> None:
        self.done += n_bytes
        if time.monotonic() - self.told >= TELL_EVERY_S:
            self.told = time.monotonic()
            self.tell(self.line())

    def end(self) -> None:
        self.tell(self.line())

    def line(self) -> str:
        rate = (self.done - self.start) / max(time.monotonic() - self.began, 1e-3)
        line = f"{self.name}: {in_units(self.done)}"
        if self.total:
            line += f" of {in_units(self.total)} ({100 * self.done / self.total:.0f} %)"
        line += f", {in_units(rate)}/s"
        if self.total and rate:
            line += f", {(self.total - self.done) / rate:.0f} s left"
        return line
