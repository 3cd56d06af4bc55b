"""A database in the PhysioNet layout behind an HTTP server on loopback that counts, and misbehaves on purpose."""

import base64
import gzip
import hashlib
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread

from RangeHTTPServer import RangeRequestHandler

SLUG, VERSION = "calcium-imaging-sleep-state", "1.0.1"


class Server(ThreadingHTTPServer):
    """Serves a folder; `faults` maps the end of a path to what happens to requests for it."""

    daemon_threads = True

    def __init__(self, folder: Path):
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.folder = folder
        self.faults: dict[str, Callable[[Handler], bool]] = {}
        self.sent: Counter = Counter()
        self.requests: list[tuple[str, str, str | None]] = []
        self.bytes_per_s: float | None = None
        self.open_now = self.open_most = 0
        self.lock = Lock()

    @property
    def mirror(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/files"

    def url(self, path: str) -> str:
        return f"{self.mirror}/{SLUG}/{VERSION}/{path}"

    def handle_error(self, request, client_address):
        """A client that was killed is no news."""


class Handler(RangeRequestHandler):
    server: Server

    def do_GET(self):
        with self.server.lock:
            self.server.open_now += 1
            self.server.open_most = max(self.server.open_most, self.server.open_now)
        try:
            self._answer(super().do_GET)
        finally:
            with self.server.lock:
                self.server.open_now -= 1

    def do_HEAD(self):
        self._answer(super().do_HEAD)

    def _answer(self, well: Callable[[], None]) -> None:
        self.server.requests.append((self.command, self.path, self.headers.get("Range")))
        for end, fault in self.server.faults.items():
            if self.path.endswith(end) and fault(self):
                return
        well()

    def copyfile(self, source, outputfile):
        start, stop = self.range or (0, None)
        source.seek(start)
        self.send(source.read() if stop is None else source.read(stop + 1 - start))

    def answer(self, code: int = 200, **headers: str) -> None:
        """Status line and headers; an underscore in a name stands for a hyphen."""
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.close_connection = True

    def send(self, data: bytes) -> None:
        name = self.path.rsplit("/", 1)[-1]
        for first in range(0, len(data), 2**14):
            piece = data[first : first + 2**14]
            # Counted first: a client that has its last byte goes on at once, and may look at the count.
            with self.server.lock:
                self.server.sent[name] += len(piece)
            self.wfile.write(piece)
            if self.server.bytes_per_s:
                time.sleep(len(piece) / self.server.bytes_per_s)

    def file_bytes(self) -> bytes:
        return Path(self.translate_path(self.path)).read_bytes()

    def log_message(self, *_):
        """Quiet."""


# --- faults: called with the handler of a request, True if they answered it -------------------------------------------


def times(n: int, fault: Callable[[Handler], bool]) -> Callable[[Handler], bool]:
    """The fault for the first n requests."""
    left = [n]

    def answer(handler: Handler) -> bool:
        left[0] -= 1
        return left[0] >= 0 and fault(handler)

    return answer


def status(code: int) -> Callable[[Handler], bool]:
    def answer(handler: Handler) -> bool:
        handler.send_error(code)
        return True

    return answer


def dropped_after(share: float) -> Callable[[Handler], bool]:
    """The connection is closed after a share of what was asked for."""

    def answer(handler: Handler) -> bool:
        if handler.command == "HEAD":
            return False
        start = int((handler.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        data = handler.file_bytes()[start:]
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(data)))
        handler.send_header("Content-Range", f"bytes {start}-{start + len(data) - 1}/{start + len(data)}")
        handler.end_headers()
        handler.send(data[: int(share * len(data))])
        handler.close_connection = True
        return True

    return answer


def without_range(handler: Handler) -> bool:
    """The whole file, whatever was asked for."""
    del handler.headers["Range"]
    handler.range = None
    if handler.command == "GET":
        SimpleHTTPRequestHandler.do_GET(handler)
        return True
    return False


def web_page(handler: Handler) -> bool:
    page = b"<!DOCTYPE html><html><body>Please log in</body></html>"
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html; charset=utf-8")
    handler.send_header("Content-Length", str(len(page)))
    handler.end_headers()
    if handler.command == "GET":
        handler.send(page)
    return True


def damaged(handler: Handler) -> bool:
    """As many bytes as the file has, other ones."""
    if handler.command == "HEAD":
        return False
    data = handler.file_bytes()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.send(data[:-1] + bytes([data[-1] ^ 1]))
    return True


def huge(handler: Handler) -> bool:
    """A file of 10 PB, says the server."""
    if handler.command == "HEAD":
        handler.send_response(200)
        handler.send_header("Content-Length", str(10**16))
        handler.end_headers()
        return True
    return False


def gets(fault: Callable[[Handler], None]) -> Callable[[Handler], bool]:
    """The fault for requests that want more than headers."""

    def answer(handler: Handler) -> bool:
        if handler.command == "GET":
            fault(handler)
        return handler.command == "GET"

    return answer


def closed_at(byte: int, ranges: bool) -> Callable[[Handler], bool]:
    """The connection is closed each time at the same byte of the file, by a server that knows ranges or not."""

    @gets
    def answer(handler: Handler) -> None:
        data = handler.file_bytes()
        start = int((handler.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-")) if ranges else 0
        extent = {"Content_Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
        handler.answer(206 if start else 200, Content_Length=str(len(data) - start), **extent)
        handler.send(data[start:byte])

    return answer


def retry_after(value: str, code: int = 503) -> Callable[[Handler], bool]:
    """Busy, with a time to come back."""

    def answer(handler: Handler) -> bool:
        handler.answer(code, Retry_After=value)
        return True

    return answer


def without_length(share: float) -> Callable[[Handler], bool]:
    """A share of the file, then the connection is closed; nothing says how long the file is."""

    @gets
    def answer(handler: Handler) -> None:
        data = handler.file_bytes()
        handler.answer()
        handler.send(data[: int(share * len(data))])

    return answer


@gets
def part_without_range(handler: Handler) -> None:
    """What was asked for, not saying which bytes they are."""
    start = int((handler.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
    data = handler.file_bytes()[start:]
    handler.answer(206, Content_Length=str(len(data)))
    handler.send(data)


@gets
def compressed(handler: Handler) -> None:
    """Compressed, though asked not to: much, of little."""
    handler.answer(Content_Encoding="gzip")
    for _ in range(200):
        handler.send(gzip.compress(bytes(10**6)))


@gets
def endless(handler: Handler) -> None:
    """Chunk after chunk."""
    handler.answer(Transfer_Encoding="chunked")
    for _ in range(1000):
        handler.send(b"F4240\r\n" + bytes(10**6) + b"\r\n")


def announces(length: str) -> Callable[[Handler], bool]:
    """Another length than the file's, in both kinds of answers; the body goes on and on."""

    def answer(handler: Handler) -> bool:
        handler.answer(Content_Length=length)
        for _ in range(500 * (handler.command == "GET")):
            handler.send(bytes(10**6))
        return True

    return answer


def moved_to(place: str) -> Callable[[Handler], bool]:
    """Elsewhere, with a large page that says so."""

    def answer(handler: Handler) -> bool:
        handler.answer(302, Location=place, Content_Length=str(500 * 10**6))
        for _ in range(500 * (handler.command == "GET")):
            handler.send(bytes(10**6))
        return True

    return answer


def asks_for_login(user: str, password: str) -> Callable[[Handler], bool]:
    """Closed to all others."""
    expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    return lambda handler: handler.headers.get("Authorization") != expected and status(401)(handler)


def drop_by_drop(handler: Handler) -> bool:
    """Headers that never end, a letter at a time."""
    handler.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
    for _ in range(100):
        handler.wfile.write(b"x")
        time.sleep(0.05)
    return True


# --- the database -----------------------------------------------------------------------------------------------------


def write_manifest(root: Path) -> None:
    """SHA256SUMS.txt over every file of a folder."""
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.name != "SHA256SUMS.txt")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.relative_to(root)}\n" for path in files]
    (root / "SHA256SUMS.txt").write_text("".join(lines))


@contextmanager
def serve(folder: Path):
    """Serve `<folder>/files/<slug>/<version>/...` while the block runs."""
    server = Server(folder)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
