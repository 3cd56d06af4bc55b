"""Fetches files from a server that may be slow, close connections or send wrong data."""

import errno
import http.client
import io
import os
import re
import shutil
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import requests
import urllib3

from wfci_sleep.data.addresses import bare
from wfci_sleep.errors import InputError, first_line
from wfci_sleep.files.atomic import sha256_of
from wfci_sleep.files.disk import in_units

LONGEST_LIST_BYTES = 2**24
"""Largest list of a database: 150,000 files."""


PIECE_BYTES = 2**20
"""Bytes held in memory at a time."""

LARGEST_FILE_BYTES = 20 * 10**9
"""Limit for a file of unknown size: ten times the largest recording (97 epochs in double precision)."""

MOST_REDIRECTS = 5

TIMEOUT_S = (10, 60)
"""Seconds to wait for a connection, and for the next bytes of an answer; no longer than the client's patience ..."""

SHORTEST_TIMEOUT_S = 5
"""... but at least this long."""

LONGEST_PAUSE_S = 60

TELL_EVERY_S = 10

PASSING_STATUS = {408, 425, 429, 500, 502, 503, 504}
"""HTTP statuses after which a later try may succeed."""

HOPELESS = (
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.TooManyRedirects,
)

CUT_OFF = "the connection was closed in mid-file"


class _PassingError(Exception):
    """A failure that a later try may not meet; `wait_s` is how long the server asks to wait."""

    def __init__(self, reason: str, wait_s: float = 0):
        super().__init__(reason)
        self.wait_s = wait_s


PASSING_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, _PassingError)


@dataclass
class _Patience:
    """Pauses between tries. They grow until more of the file arrives; after `seconds` without any, it gives up."""

    url: str
    seconds: float
    tell: Callable[[str], None]
    most: int = 0
    failures: int = 0
    since: float = field(default_factory=time.monotonic)

    def received(self, n_bytes: int) -> None:
        """Note how much of the file has arrived; the count of failures restarts if it is more than before."""
        if n_bytes > self.most:
            self.most, self.failures, self.since = n_bytes, 0, time.monotonic()

    def pause(self, problem: Exception) -> None:
        """Wait before the next try, at least as long as the server asks."""
        pause_s = max(min(LONGEST_PAUSE_S, 0.5 * 2**self.failures), getattr(problem, "wait_s", 0))
        waited_s = time.monotonic() - self.since
        reason = _reason(problem)
        if waited_s + pause_s > self.seconds:
            beyond = f" beyond the first {in_units(self.most)}" if self.most else ""
            raise InputError(
                f"{self.url}: nothing arrived for {waited_s:.0f} s{beyond} ({reason}); "
                "run again when the connection is back, what was fetched is kept"
            ) from problem
        self.failures += 1
        self.tell(f"{self.url}: {reason}, trying again in {pause_s:g} s")
        time.sleep(pause_s)


def _innermost(problem: BaseException) -> BaseException:
    """The first error of a chain, which explains best why a try failed."""
    while (cause := problem.__cause__ or problem.__context__) is not None:
        problem = cause
    return problem


def _reason(problem: Exception) -> str:
    """Why a try failed, in a few words."""
    if isinstance(problem, _PassingError):
        return str(problem)
    cause = _innermost(problem)
    if isinstance(cause, http.client.IncompleteRead):
        return CUT_OFF
    return first_line(cause)[:120]


class Client:
    """Reads from an unreliable server, and never takes more than what was asked for.

    Parameters
    ----------
    patience_s : float
        Seconds to go on trying while nothing arrives.
    tell : function of a line
        Gets lines about progress and failures.
    login : (user, password), optional
        For servers that ask for one. The addresses contain none, or a masked one.
    """

    def __init__(
        self,
        patience_s: float,
        tell: Callable[[str], None] = print,
        login: tuple[bytes, bytes] | None = None,
    ):
        self.patience_s = patience_s
        self.tell = tell
        self.login = login
        connect_s, read_s = (min(seconds, max(patience_s, SHORTEST_TIMEOUT_S)) for seconds in TIMEOUT_S)
        self.timeout_s = connect_s, read_s

    def read(self, url: str) -> bytes:
        """The whole of a small file.

        Raises
        ------
        InputError
            If there is no such file, it is larger than `LONGEST_LIST_BYTES`, or its completeness can't be checked.
        """
        return self._patiently(url, partial(self._read, url))

    def _read(self, url: str, patience: _Patience) -> bytes:
        with self._open("GET", url) as response:
            if _length(response, url) is None and not response.raw.chunked:
                raise InputError(
                    f"{url}: the server doesn't say how long it is, so that a part would be taken for the whole; "
                    "try another dataset.physionet.mirror"
                )
            return b"".join(_pieces(response, LONGEST_LIST_BYTES, patience))

    def size(self, url: str) -> int | None:
        """Bytes of a file, or None if the server does not say."""
        return self._patiently(url, lambda patience: self._size(url))

    def _size(self, url: str) -> int | None:
        try:
            with self._open("HEAD", url) as response:
                # No listed file is empty: a server that creates its answers as it sends them says 0.
                return _length(response, url) or None
        except _NotSupported:
            return None

    def fetch(self, url: str, path: str | os.PathLike, sha256: str, n_bytes: int | None = None) -> None:
        """Fetch a file: resume an earlier download, check it, then move it into place; keep a file that is there.

        Parameters
        ----------
        url : str
        path : path
            The file to write. An unfinished download lies beside it, under a name with the checksum, so that it is
            never taken for the beginning of another version.
        sha256 : str
            Checksum that the file must have.
        n_bytes : int, optional
            Size that the database lists, the most that is taken; if not given, `LARGEST_FILE_BYTES` is.

        Raises
        ------
        InputError
            If the server has no such file or stays silent, the disk is full, or the checksum is wrong twice.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{sha256[:16]}.part")
        for stale in parts_of(path):
            if stale != part:
                stale.unlink()
        if path.is_file() and sha256_of(path) == sha256:
            self.tell(f"{path}: is there already, its checksum is right")
            return
        for last in (False, True):
            try:
                whole = self._patiently(url, partial(self._receive, part, url, n_bytes))
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                raise InputError(
                    f"{part.parent}: the disk is full, with {in_units(part.stat().st_size)} of {path.name} fetched; "
                    "make room and run again"
                ) from error
            found, fetched = sha256_of(part), part.stat().st_size
            if found == sha256:
                part.replace(path)
                return
            part.unlink()
            if not last:
                self.tell(f"{url}: SHA-256 is {found}, the database lists {sha256}; fetching it once more")
        early = f"the connection was closed after {in_units(fetched)} (the size is unknown), or "
        raise InputError(
            f"{url}: SHA-256 is {found}, fetched twice, the database lists {sha256}; "
            f"{'' if whole else early}the server's copy is damaged, try another dataset.physionet.mirror"
        )

    def _patiently(self, url: str, attempt: Callable[[_Patience], Any]) -> Any:
        """Result of the first attempt that succeeds."""
        patience = _Patience(url, self.patience_s, self.tell)
        while True:
            try:
                return attempt(patience)
            except PASSING_ERRORS as problem:
                patience.pause(problem)

    def _receive(self, part: Path, url: str, n_bytes: int | None, patience: _Patience) -> bool:
        """One attempt: ask for the missing bytes and append them; return whether the file is surely complete."""
        part.touch()
        here = part.stat().st_size
        patience.received(here)
        with self._open("GET", url, {"Range": f"bytes={here}-"} if here else {}) as response:
            start, total = _extent(response, url)
            if response.status_code == 416:
                # Without a total the checksum decides whether this is all.
                if total not in (here, None):
                    part.unlink()
                    raise _PassingError("what had been fetched is longer than the file")
                return True
            if start is None:
                part.unlink()
                raise _PassingError("the server sent a part without saying which (206 without Content-Range)")
            if start > here:
                part.unlink()
                raise _PassingError(f"the server sent bytes from {start} on, asked for from {here} on")
            most = n_bytes or LARGEST_FILE_BYTES
            if total is not None and total > most:
                raise _too_much(url, f"announces {total} bytes", most)
            # Chunked answers mark their end; otherwise the size from the list tells a closed connection from the end.
            end = n_bytes if total is None and not response.raw.chunked else total
            self._check_space(part, end, start)
            # Unbuffered: what a killed job has received is on disk.
            with open(part, "r+b", buffering=0) as file:
                if start < here:
                    file.truncate(start)
                file.seek(start)
                progress = _Progress(url.rsplit("/", 1)[-1], start, end, self.tell)
                for piece in _pieces(response, most if total is None else total, patience, start):
                    file.write(piece)
                    progress.advance(len(piece))
                progress.end()
        if end is not None and part.stat().st_size < end:
            raise _PassingError(CUT_OFF)
        return end is not None or response.raw.chunked

    def _check_space(self, part: Path, total: int | None, start: int) -> None:
        free = shutil.disk_usage(part.parent).free + part.stat().st_size
        if total is not None and total - start > free:
            raise InputError(
                f"{part.parent}: {in_units(total - start)} are still to be fetched of one file, {in_units(free)} are "
                "free; make room and run again"
            )

    def _open(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Ask once, without reading the body; failures that a later try would meet again become an InputError."""
        ask = partial(self._ask, method, bare(url), {"Accept-Encoding": "identity", **(headers or {})})
        try:
            response = _within(max(self.timeout_s), ask)
        except HOPELESS as error:
            raise InputError(f"{url}: {str(error)[:200]}; check dataset.physionet.mirror") from error
        except requests.exceptions.SSLError as error:
            if isinstance(_innermost(error), ssl.SSLEOFError):
                raise
            raise InputError(
                f"{url}: no secure connection ({_reason(error)}); check the address, this machine's clock and, "
                "behind a proxy that opens connections, REQUESTS_CA_BUNDLE"
            ) from error
        try:
            _refuse_what_is_no_file(method, url, response)
        except BaseException:
            response.close()
            raise
        return response

    def _ask(self, method: str, address: str, headers: Mapping[str, str]) -> requests.Response:
        auth = requests.auth.HTTPBasicAuth(*self.login) if self.login else None
        with requests.Session() as session:
            session.max_redirects = MOST_REDIRECTS
            session.hooks["response"].append(_without_body_of_redirect)
            return session.request(method, address, headers=headers, auth=auth, stream=True, timeout=self.timeout_s)


class _NotSupported(Exception):
    """The server doesn't support the method."""


def parts_of(path: Path) -> list[Path]:
    """Unfinished downloads of a file."""
    return sorted(path.parent.glob(f".{path.name}.*.part"))


def _refuse_what_is_no_file(method: str, url: str, response: requests.Response) -> None:
    """Stop if an answer doesn't bring bytes of the file; its body is not read."""
    status = f"{response.status_code} ({response.reason[:80]})"
    encoding = response.headers.get("Content-Encoding") or "identity"
    if response.status_code in PASSING_STATUS:
        wait_s = _retry_after_s(response)
        asked = f" and asks to wait {wait_s:.0f} s" if wait_s else ""
        raise _PassingError(f"the server answers {status}{asked}", wait_s)
    if method == "HEAD" and response.status_code in (405, 501):
        raise _NotSupported
    # 206 and 416 are answers only to a request for a range.
    if response.status_code not in ((200, 206, 416) if "Range" in response.request.headers else (200,)):
        raise InputError(
            f"{url}: the server answers {status}, expected the file; "
            "check slug, version and mirror in dataset.physionet"
        )
    if response.ok and response.headers.get("Content-Type", "").startswith("text/html"):
        raise InputError(
            f"{url}: the server sent a web page (HTML), expected the file; is there a login page or a proxy in between?"
        )
    if response.ok and encoding.lower() != "identity":
        raise InputError(
            f"{url}: the server sent the file compressed (Content-Encoding: {encoding[:40]}), asked for it as it is; "
            "try another dataset.physionet.mirror"
        )


def _within(seconds: float, ask: Callable[[], requests.Response]) -> requests.Response:
    """An answer within a time. A connection's timeouts limit neither the look-up of the name nor slow headers."""
    future: Future[requests.Response] = Future()

    def settle() -> None:
        try:
            future.set_result(ask())
        except Exception as error:
            future.set_exception(error)

    # A daemon, so that the process can end after it has given up.
    Thread(target=settle, daemon=True).start()
    try:
        return future.result(seconds)
    except TimeoutError:
        raise _PassingError(f"no answer within {seconds:g} s") from None


def _without_body_of_redirect(response: requests.Response, **_: Any) -> None:
    """Hook: requests would read the whole body before it follows."""
    if response.is_redirect:
        response.close()
        response.raw = io.BytesIO()


def _pieces(response: requests.Response, most: int, patience: _Patience, here: int = 0) -> Iterator[bytes]:
    """Bytes as they arrive, however few at a time, so that none are lost when the connection breaks."""
    while piece := response.raw.read1(PIECE_BYTES):
        here += len(piece)
        if here > most:
            raise _too_much(patience.url, "goes on sending", most)
        yield piece
        patience.received(here)


def _too_much(url: str, found: str, most: int) -> InputError:
    return InputError(
        f"{url}: the server {found}, expected at most {most} bytes of this file; try another dataset.physionet.mirror"
    )


def _length(response: requests.Response, url: str) -> int | None:
    """Size of an answer's body in bytes, or None if the server doesn't say."""
    length = response.headers.get("Content-Length")
    if length is None:
        return None
    if not re.fullmatch(r"\d{1,18}", length.strip()):
        raise InputError(
            f"{url}: the server answers Content-Length: {length[:40]!r}, expected a number of bytes; "
            "try another dataset.physionet.mirror"
        )
    return int(length)


def _extent(response: requests.Response, url: str) -> tuple[int | None, int | None]:
    """Position of an answer's first byte, and size of the whole file; None if the server doesn't say."""
    if response.status_code == 200:
        return 0, _length(response, url)
    extent = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (?:(\d{1,18})-\d{1,18}|\*)/(\d{1,18}|\*)", extent)
    start, total = match.groups() if match else (None, "*")
    return int(start) if start else None, None if total == "*" else int(total)


def _retry_after_s(response: requests.Response) -> float:
    """Seconds that the server asks to wait, as a number or a date; 0 if it doesn't, or not readably."""
    try:
        return urllib3.Retry().parse_retry_after(response.headers.get("Retry-After", "0"))
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return 0


class _Progress:
    """Tells every few seconds how much was fetched, how fast, and how long it will take."""

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
