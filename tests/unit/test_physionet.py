"""The database's list and its files, fetched from a server that behaves, and from ones that do not."""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
import tracemalloc
from collections import namedtuple
from contextlib import contextmanager
from email.utils import formatdate
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from database import (
    SLUG,
    VERSION,
    announces,
    asks_for_login,
    closed_at,
    compressed,
    damaged,
    drop_by_drop,
    dropped_after,
    endless,
    huge,
    moved_to,
    part_without_range,
    retry_after,
    serve,
    status,
    times,
    web_page,
    without_length,
    without_range,
    write_manifest,
)

from wfci_sleep.data import download, physionet
from wfci_sleep.data.addresses import login_of, masked
from wfci_sleep.data.download import Client
from wfci_sleep.data.physionet import disk_space, index_database, parse_manifest
from wfci_sleep.errors import InputError
from wfci_sleep.files.atomic import check_sha256

SETTINGS = {
    "slug": SLUG,
    "version": VERSION,
    "mice": "all",
    "runs_per_mouse": "all",
    "connections": 3,
    "patience_s": 0.2,
}
NAMES = ["Ms2/Ms2-fc10.mat", "Ms2/Ms2-fc2.mat", "Ms10/Ms10-fc1.mat", "Ms3/Ms3_fc1.mat", "atlas.mat", "LICENSE.txt"]
SUM = "ab" * 32
ZEROS_SHA256 = "2e0c654b6cba3a1e816726bae0eac481eb7fd0351633768c3c18392e0f02b619"
"""Of 2,000,000,000 zero bytes: head -c 2000000000 /dev/zero | sha256sum."""


@pytest.fixture
def server(tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "served" / "files" / SLUG / VERSION
    for number, name in enumerate(NAMES):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number]) * 1000 + os.urandom(300_000))
    write_manifest(root)
    with serve(tmp_path / "served") as server:
        yield server


@pytest.fixture
def lines():
    return []


@pytest.fixture
def client(lines):
    return Client(patience_s=5, tell=lines.append)


def clock_with(sleep):
    """The clock of the client alone: threads of servers from earlier tests may still sleep."""
    return SimpleNamespace(monotonic=time.monotonic, sleep=sleep)


@pytest.fixture
def quick(monkeypatch):
    """Pauses take no time."""
    monkeypatch.setattr(download, "time", clock_with(lambda seconds: None))


@pytest.fixture
def pauses(monkeypatch):
    """Pauses take no time and are counted."""
    pauses = []
    monkeypatch.setattr(download, "time", clock_with(pauses.append))
    return pauses


@contextmanager
def memory_below(n_bytes):
    """What Python holds inside the block stays below a bound."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < n_bytes
    finally:
        tracemalloc.stop()


def served(server, name="Ms2/Ms2-fc2.mat"):
    return (server.folder / "files" / SLUG / VERSION / name).read_bytes()


def fetch(server, client, path, name="Ms2/Ms2-fc2.mat", n_bytes=None):
    client.fetch(server.url(name), path, hashlib.sha256(served(server, name)).hexdigest(), n_bytes)


def list_of(server):
    return index_database({**SETTINGS, "mirror": server.mirror}, with_atlas=True, raw="raw")


def one_line(error) -> str:
    message = str(error.value)
    assert "\n" not in message
    return message


# --- the list ---------------------------------------------------------------------------------------------------------


def test_index_has_both_spellings_in_natural_order(server):
    index = index_database({**SETTINGS, "mirror": server.mirror}, with_atlas=True, raw="raw")
    recordings = index[index["mouse"].notna()]
    assert list(recordings["recording"]) == ["Ms2-fc2", "Ms2-fc10", "Ms3_fc1", "Ms10-fc1"]
    assert list(recordings["path"])[2] == "raw/Ms3/Ms3_fc1.mat"
    assert index.loc[index["mouse"].isna(), "path"].item() == "raw/atlas.mat"
    assert list(index["bytes"]) == [301_000] * 5
    for row in index.itertuples():
        assert row.sha256 == hashlib.sha256(served(server, row.url.split(f"{VERSION}/")[1])).hexdigest()


def test_names_of_the_list_are_read_and_checked_as_those_of_a_folder(server):
    root = server.folder / "files" / SLUG / VERSION
    index = partial(index_database, {**SETTINGS, "mirror": server.mirror}, with_atlas=True, raw="raw")
    for name in ("Ms2/ms2-FC3.MAT", "Ms02/Ms02-fc1.mat", "Ms2/Ms2-rest.mat"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(name.encode())
    write_manifest(root)
    notes = []
    assert list(index(note=notes.append)["recording"].dropna())[1:4] == ["Ms2-fc2", "ms2-FC3", "Ms2-fc10"]
    assert "1 .mat file is left aside, as its name is not a recording's: 'Ms2/Ms2-rest.mat'" in notes[0]
    assert "mice Ms02, Ms2 may be one animal" in notes[1]
    (root / "Ms02/Ms02-fc1.mat").write_bytes((root / "Ms2/Ms2-fc2.mat").read_bytes())
    write_manifest(root)
    with pytest.raises(InputError) as error:
        index()
    assert "Ms02/Ms02-fc1.mat (mouse Ms02) and Ms2/Ms2-fc2.mat (mouse Ms2) have the same SHA-256 in" in one_line(error)
    (root / "Ms02/Ms02-fc1.mat").rename(root / "191032-{recording}-fc1.mat")
    write_manifest(root)
    with pytest.raises(InputError) as error:
        index()
    assert "191032-{recording}-fc1.mat: the name '191032-{recording}' is not usable" in one_line(error)


def test_mice_and_runs_are_chosen(server):
    chosen = {**SETTINGS, "mirror": server.mirror, "mice": ["Ms2", "Ms10"], "runs_per_mouse": 1}
    index = index_database(chosen, with_atlas=False, raw="raw")
    assert list(index["recording"]) == ["Ms2-fc2", "Ms10-fc1"]
    with pytest.raises(InputError) as error:
        index_database({**chosen, "mice": ["Ms2", "Ms7"]}, with_atlas=False, raw="raw")
    assert "dataset.physionet.mice names Ms7" in one_line(error)
    assert "Ms2, Ms3, Ms10" in one_line(error)


def test_a_folder_is_a_mirror_used_in_place(server):
    mirror = server.folder / "files"
    index = index_database({**SETTINGS, "mirror": str(mirror)}, with_atlas=True, raw="raw")
    assert index["url"].isna().all()
    assert all(Path(path).is_file() for path in index["path"])
    (mirror / SLUG / VERSION / "Ms3/Ms3_fc1.mat").unlink()
    with pytest.raises(InputError, match=r"Ms3_fc1.mat: does not exist, but .* lists it"):
        index_database({**SETTINGS, "mirror": str(mirror)}, with_atlas=True, raw="raw")
    with pytest.raises(InputError, match=r"SHA256SUMS.txt: cannot be read"):
        index_database({**SETTINGS, "mirror": "nowhere"}, with_atlas=True, raw="raw")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"{SUM}  ../Ms1/Ms1-fc1.mat", "names '../Ms1/Ms1-fc1.mat', expected a path inside"),
        (f"{SUM}  Ms1/../../Ms1-fc1.mat", "expected a path inside"),
        (f"{SUM}  /etc/Ms1-fc1.mat", "names '/etc/Ms1-fc1.mat', expected a path inside"),
        (f"{SUM}  ..\\Ms1-fc1.mat", "expected a path inside"),
        ("abc  Ms1/Ms1-fc1.mat", "line 2 is 'abc  Ms1/Ms1-fc1.mat', expected a SHA-256 and a path"),
        ("<!DOCTYPE html>", "line 2 is '<!DOCTYPE html>', expected a SHA-256"),
    ],
)
def test_a_line_that_leads_astray_is_refused(line, message):
    with pytest.raises(InputError) as error:
        parse_manifest(f"{SUM} Ms1/Ms1-fc2.mat\n{line}\n", "list")
    assert message in one_line(error)


@pytest.mark.parametrize(
    ("remove", "message"),
    [
        (["atlas.mat"], "lists 0 files named atlas.mat, expected one; name an atlas file in dataset.atlas"),
        ([name for name in NAMES if "fc" in name], "lists no recording among 2 files"),
    ],
)
def test_a_list_without_what_is_needed(server, remove, message):
    root = server.folder / "files" / SLUG / VERSION
    for name in remove:
        (root / name).unlink()
    write_manifest(root)
    with pytest.raises(InputError) as error:
        index_database({**SETTINGS, "mirror": server.mirror}, with_atlas=True, raw="raw")
    assert message in one_line(error)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (status(404), "the server answers 404 (Not Found), expected the file; check slug, version and mirror"),
        (web_page, "the server sent a web page (HTML)"),
        (status(503), "nothing arrived for 0 s (the server answers 503"),
    ],
)
@pytest.mark.parametrize("file", ["SHA256SUMS.txt", "Ms3_fc1.mat"])
def test_what_is_missing_is_known_before_anything_is_fetched(server, fault, message, file):
    server.faults[file] = fault
    with pytest.raises(InputError) as error:
        index_database({**SETTINGS, "mirror": server.mirror}, with_atlas=True, raw="raw")
    assert message in one_line(error)
    assert server.url("") in one_line(error)
    assert not any(".mat" in path for command, path, _ in server.requests if command == "GET")


def test_a_server_that_gives_no_sizes_still_serves(server):
    server.faults["fc2.mat"] = lambda handler: handler.command == "HEAD" and status(405)(handler)
    index = index_database({**SETTINGS, "mirror": server.mirror}, with_atlas=True, raw="raw")
    assert index["bytes"].isna().sum() == 1


@pytest.mark.parametrize(
    ("mirror", "message"),
    [
        ("htp://nowhere/files", "check dataset.physionet.mirror"),
        ("http://", "check dataset.physionet.mirror"),
        ("http://127.0.0.1:1/files", "nothing arrived for 0 s ([Errno 111] Connection refused)"),
    ],
)
def test_a_wrong_address_is_one_line(mirror, message):
    with pytest.raises(InputError) as error:
        index_database({**SETTINGS, "mirror": mirror}, with_atlas=True, raw="raw")
    assert message in one_line(error)


def test_disk_space_counts_what_is_still_to_come(server, tmp_path):
    index = index_database({**SETTINGS, "mirror": server.mirror}, with_atlas=True, raw=str(tmp_path / "raw"))
    needed, free = disk_space(index, tmp_path, at_once=None)
    assert needed == 5 * 301_000
    assert free == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.1)
    path = Path(index["path"][0])
    path.parent.mkdir(parents=True)
    path.write_bytes(b"there")
    Path(index["path"][1]).with_name(f".{Path(index['path'][1]).name}.abc.part").write_bytes(bytes(1000))
    assert disk_space(index, tmp_path, at_once=None)[0] == 4 * 301_000 - 1000
    assert disk_space(index, tmp_path, at_once=2)[0] == 2 * 301_000


# --- a list that is not what it seems ---------------------------------------------------------------------------------


def test_a_byte_order_mark_is_no_part_of_the_list(server):
    path = server.folder / "files" / SLUG / VERSION / "SHA256SUMS.txt"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(list_of(server)) == 5
    folder = index_database({**SETTINGS, "mirror": str(server.folder / "files")}, with_atlas=True, raw="raw")
    assert len(folder) == 5
    path.write_bytes("Aä".encode("utf-16"))
    with pytest.raises(InputError, match="is not text"):
        list_of(server)


def test_two_sums_of_a_file_are_one_too_many():
    line = f"{SUM}  Ms1/Ms1-fc1.mat\n"
    assert parse_manifest(line + line.upper().replace("MS1/MS1-FC1.MAT", "./Ms1/Ms1-fc1.mat"), "list") == {
        "Ms1/Ms1-fc1.mat": SUM
    }
    with pytest.raises(InputError) as error:
        parse_manifest(line + f"{'cd' * 32}  ./Ms1/Ms1-fc1.mat\n", "list")
    assert one_line(error) == "list: line 2 lists a second SHA-256 of Ms1/Ms1-fc1.mat, expected one"


def test_a_list_that_is_cut_off_is_not_taken_for_whole(server):
    path = server.folder / "files" / SLUG / VERSION / "SHA256SUMS.txt"
    whole = path.read_bytes()
    # In the name of the last file; between two lines; perhaps nowhere, but nobody could tell.
    path.write_bytes(whole[:-3])
    with pytest.raises(InputError, match=r"breaks off in its last line, '.* atlas.m'; fetch or copy the list again"):
        list_of(server)
    path.write_bytes(whole)
    server.faults["SHA256SUMS.txt"] = closed_at(whole.index(b"\n") + 1, ranges=False)
    with pytest.raises(InputError, match=r"nothing arrived .*\(the connection was closed in mid-file\)"):
        list_of(server)
    server.faults["SHA256SUMS.txt"] = part_without_range
    with pytest.raises(InputError, match=r"the server answers 206 \(Partial Content\), expected the file"):
        list_of(server)
    server.faults["SHA256SUMS.txt"] = without_length(1)
    with pytest.raises(InputError, match="doesn't say how long it is, so that a part would be taken for the whole"):
        list_of(server)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (compressed, "the server sent the file compressed (Content-Encoding: gzip), asked for it as it is"),
        (endless, "the server goes on sending, expected at most 16777216 bytes"),
        (announces("734000000"), "the server goes on sending, expected at most 16777216 bytes"),
    ],
)
def test_a_list_without_bound_costs_little(server, fault, message):
    server.faults["SHA256SUMS.txt"] = fault
    with memory_below(80_000_000), pytest.raises(InputError) as error:
        list_of(server)
    assert message in one_line(error)
    assert server.sent["SHA256SUMS.txt"] < 50_000_000
    assert len(server.requests) == 1


def test_the_page_of_a_redirect_is_not_read(server, client, tmp_path):
    good = list_of(server)
    for name in ("SHA256SUMS.txt", "Ms2/Ms2-fc2.mat"):
        shutil.copyfile(server.folder / "files" / SLUG / VERSION / name, server.folder / name[:3])
        server.faults[name] = moved_to(f"/{name[:3]}")
    with memory_below(50_000_000):
        assert list_of(server).equals(good)
        fetch(server, client, tmp_path / "a.mat", n_bytes=301_000)
    assert (tmp_path / "a.mat").read_bytes() == served(server)
    assert max(server.sent.values()) < 50_000_000


def test_a_redirect_that_leads_nowhere_ends(server):
    server.faults["SHA256SUMS.txt"] = moved_to("SHA256SUMS.txt")
    with pytest.raises(InputError, match="Exceeded 5 redirects"):
        list_of(server)


@pytest.mark.parametrize("length", ["many", "-3", "9" * 5000])
def test_a_length_that_is_no_number_is_one_line(server, length):
    server.faults["fc2.mat"] = announces(length)
    with pytest.raises(InputError) as error:
        list_of(server)
    assert f"Ms2-fc2.mat: the server answers Content-Length: {length[:40]!r}, expected a number" in one_line(error)


def test_a_server_without_tls_is_asked_once(server, lines):
    client = Client(patience_s=60, tell=lines.append)
    with pytest.raises(InputError) as error:
        client.read(server.url("SHA256SUMS.txt").replace("http:", "https:"))
    assert "SHA256SUMS.txt: no secure connection ([SSL" in one_line(error)
    assert lines == []


@pytest.mark.parametrize("hangs", ["name", "headers"])
def test_no_connection_is_known_soon_whatever_hangs(server, monkeypatch, hangs):
    monkeypatch.setattr(download, "SHORTEST_TIMEOUT_S", 0.3)
    if hangs == "name":
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(5))
    else:
        server.faults["SHA256SUMS.txt"] = drop_by_drop
    began = time.monotonic()
    with pytest.raises(InputError, match=r"nothing arrived for . s \(no answer within 0.3 s\)"):
        list_of(server)
    assert time.monotonic() - began < 2


# --- a login ----------------------------------------------------------------------------------------------------------


def test_a_login_is_used_and_not_shown(server, tmp_path, capsys):
    server.faults[""] = asks_for_login("anna", "p@ss word")
    mirror = server.mirror.replace("http://", "http://anna:p%40ss%20word@")
    index = index_database({**SETTINGS, "mirror": mirror}, with_atlas=True, raw=str(tmp_path / "raw"))
    assert index["url"].str.startswith("http://***@127.0.0.1").all()
    row = index.iloc[0]
    Client(1, login=login_of(mirror)).fetch(row["url"], row["path"], row["sha256"], row["bytes"])
    assert Path(row["path"]).read_bytes() == served(server)

    for wrong in ("s3cret", "s3cret:", "s3cret#?", "s3cret@"):
        with pytest.raises(InputError) as error:
            index_database({**SETTINGS, "mirror": mirror.replace("p%40ss%20word", wrong)}, with_atlas=True, raw="raw")
        assert "http://***@127.0.0.1" in one_line(error) and "401 (Unauthorized)" in one_line(error)
        assert "s3cret" not in one_line(error)
    server.faults[""] = status(503)
    with pytest.raises(InputError) as error:
        index_database({**SETTINGS, "mirror": mirror, "patience_s": 1}, with_atlas=True, raw="raw")
    assert "word" not in one_line(error) + capsys.readouterr().out


def test_a_login_that_nobody_can_delimit_is_refused_unseen():
    with pytest.raises(InputError) as error:
        masked("https://anna:s3/cret@example.org/files")
    assert "cret" not in one_line(error) and "as %2F" in one_line(error)
    assert masked("/data/anna@home/files") == "/data/anna@home/files"
    assert masked("https://token@example.org") == "https://***@example.org"


# --- a file -----------------------------------------------------------------------------------------------------------


def test_a_file_arrives_whole_and_leaves_nothing_beside_it(server, client, tmp_path, lines):
    path = tmp_path / "raw" / "Ms2" / "Ms2-fc2.mat"
    fetch(server, client, path)
    assert path.read_bytes() == served(server)
    assert list(path.parent.iterdir()) == [path]
    assert "Ms2-fc2.mat: 301 kB of 301 kB (100 %)" in lines[-1]
    assert "/s, 0 s left" in lines[-1]


def test_a_file_that_is_there_is_kept_if_it_is_right(server, client, tmp_path):
    (tmp_path / "a.mat").write_bytes(served(server))
    fetch(server, client, tmp_path / "a.mat")
    assert server.requests == []
    (tmp_path / "a.mat").write_bytes(b"something else")
    fetch(server, client, tmp_path / "a.mat")
    assert (tmp_path / "a.mat").read_bytes() == served(server)


def test_a_dropped_connection_is_taken_up_where_it_broke(server, client, tmp_path, lines, quick):
    server.faults["fc2.mat"] = times(3, dropped_after(0.5))
    fetch(server, client, tmp_path / "a.mat")
    assert (tmp_path / "a.mat").read_bytes() == served(server)
    assert server.sent["Ms2-fc2.mat"] == 301_000
    assert sum("trying again" in line for line in lines) == 3


@pytest.mark.parametrize("ranges", [True, False])
def test_a_server_that_closes_at_the_same_byte_is_not_asked_for_ever(server, tmp_path, lines, ranges):
    server.faults["fc2.mat"] = times(50, closed_at(100_000, ranges))
    with pytest.raises(InputError) as error:
        fetch(server, Client(1.6, lines.append), tmp_path / "a.mat", n_bytes=301_000)
    assert "beyond the first 100 kB (the connection was closed in mid-file)" in one_line(error)
    assert len(server.requests) == 3
    assert next(tmp_path.glob(".a.mat.*.part")).stat().st_size == 100_000


def test_a_part_that_grows_is_worth_waiting_for(server, client, tmp_path, pauses):
    server.faults["fc2.mat"] = times(9, dropped_after(0.2))
    fetch(server, client, tmp_path / "a.mat")
    assert pauses == [0.5] * 9


def test_a_server_without_range_sends_all_again(server, client, tmp_path, quick):
    server.faults["fc2.mat"] = without_range
    part = tmp_path / f".a.mat.{hashlib.sha256(served(server)).hexdigest()[:16]}.part"
    part.write_bytes(served(server)[:1000])
    fetch(server, client, tmp_path / "a.mat")
    assert (tmp_path / "a.mat").read_bytes() == served(server)
    assert server.sent["Ms2-fc2.mat"] == 301_000


def test_a_part_of_this_file_is_gone_on_with(server, client, tmp_path):
    data = served(server)
    part = tmp_path / f".a.mat.{hashlib.sha256(data).hexdigest()[:16]}.part"
    part.write_bytes(data[:200_000])
    fetch(server, client, tmp_path / "a.mat")
    assert (tmp_path / "a.mat").read_bytes() == data
    assert server.sent["Ms2-fc2.mat"] == 101_000


@pytest.mark.parametrize("length", [301_000, 301_001, 400_000])
def test_a_part_as_long_as_the_file_or_longer(server, client, tmp_path, length, quick):
    data = served(server)
    part = tmp_path / f".a.mat.{hashlib.sha256(data).hexdigest()[:16]}.part"
    part.write_bytes((data + bytes(100_000))[:length])
    fetch(server, client, tmp_path / "a.mat")
    assert (tmp_path / "a.mat").read_bytes() == data
    assert server.sent["Ms2-fc2.mat"] == (0 if length == 301_000 else 301_000)


def test_a_stale_or_foreign_part_does_no_harm(server, client, tmp_path, lines):
    data = served(server)
    (tmp_path / ".a.mat.0123456789abcdef.part").write_bytes(b"another version")
    (tmp_path / f".a.mat.{hashlib.sha256(data).hexdigest()[:16]}.part").write_bytes(b"something else")
    fetch(server, client, tmp_path / "a.mat")
    assert (tmp_path / "a.mat").read_bytes() == data
    assert [path.name for path in tmp_path.glob(".*.part")] == []
    assert any("fetching it once more" in line for line in lines)


def test_a_server_that_is_busy_three_times_and_then_well(server, client, tmp_path, quick):
    server.faults["fc2.mat"] = times(3, status(503))
    fetch(server, client, tmp_path / "a.mat")
    assert (tmp_path / "a.mat").read_bytes() == served(server)


def test_a_server_is_not_asked_before_it_wants_to_be(server, client, tmp_path, pauses):
    server.faults["fc2.mat"] = times(1, retry_after("3", 429))
    fetch(server, client, tmp_path / "a.mat")
    assert pauses == [3]
    server.faults["fc2.mat"] = times(1, retry_after(formatdate(time.time() + 4, usegmt=True)))
    fetch(server, client, tmp_path / "b.mat")
    assert 1 < pauses.pop() <= 4
    for nonsense in ("soon", "9" * 5000):
        server.faults["fc2.mat"] = times(1, retry_after(nonsense))
        fetch(server, client, tmp_path / f"{nonsense[:4]}.mat")
        assert pauses.pop() == 0.5


def test_who_cannot_wait_so_long_as_the_server_wants_ends_at_once(server, client, tmp_path, pauses):
    server.faults["fc2.mat"] = retry_after("3600")
    with pytest.raises(InputError, match=r"503 \(Service Unavailable\) and asks to wait 3600 s\); run again"):
        fetch(server, client, tmp_path / "a.mat")
    assert pauses == [] and len(server.requests) == 1


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (announces("734000000"), "the server announces 734000000 bytes, expected at most 301000 bytes"),
        (endless, "the server goes on sending, expected at most 301000 bytes"),
        (compressed, "the server sent the file compressed (Content-Encoding: gzip), asked for it as it is"),
    ],
)
def test_no_more_is_taken_than_the_list_says(server, client, tmp_path, fault, message):
    server.faults["fc2.mat"] = fault
    with pytest.raises(InputError) as error:
        fetch(server, client, tmp_path / "a.mat", n_bytes=301_000)
    assert message in one_line(error)
    assert sum(path.stat().st_size for path in tmp_path.glob(".a.mat.*")) <= 301_000
    assert server.sent["Ms2-fc2.mat"] < 50_000_000 and len(server.requests) == 1


def test_without_a_size_there_is_a_bound_too(server, client, tmp_path):
    server.faults["fc2.mat"] = announces(str(10**12))
    with pytest.raises(InputError, match="announces 1000000000000 bytes, expected at most 20000000000 bytes"):
        fetch(server, client, tmp_path / "a.mat")


def test_a_connection_that_closes_early_is_no_damaged_copy(server, client, tmp_path, lines, quick):
    server.faults["fc2.mat"] = times(1, without_length(0.5))
    fetch(server, client, tmp_path / "a.mat", n_bytes=301_000)
    assert (tmp_path / "a.mat").read_bytes() == served(server)
    assert any("closed in mid-file" in line for line in lines) and not any("SHA-256" in line for line in lines)
    assert server.requests[-1][2] == "bytes=150500-"

    server.faults["fc2.mat"] = without_length(0.5)
    with pytest.raises(InputError) as error:
        fetch(server, client, tmp_path / "b.mat")
    assert "the connection was closed after 150 kB (the size is unknown), or the server's copy" in one_line(error)


def test_a_part_without_its_place_is_called_that(server, client, tmp_path, lines, quick):
    data = served(server)
    part = tmp_path / f".a.mat.{hashlib.sha256(data).hexdigest()[:16]}.part"
    part.write_bytes(data[:200_000])
    server.faults["fc2.mat"] = times(1, part_without_range)
    fetch(server, client, tmp_path / "a.mat")
    assert (tmp_path / "a.mat").read_bytes() == data
    assert any("206 without Content-Range" in line for line in lines)
    assert not any("SHA-256" in line for line in lines)


def test_a_file_in_place_is_known_by_its_sum(tmp_path):
    path = tmp_path / "Ms1-fc1.mat"
    path.write_bytes(b"whole")
    check_sha256(path, None)
    check_sha256(path, hashlib.sha256(b"whole").hexdigest())
    path.write_bytes(b"who")
    with pytest.raises(InputError, match=r"Ms1-fc1.mat: SHA-256 is .*: cut off, damaged or another version; delete"):
        check_sha256(path, SUM)
    with pytest.raises(InputError, match=r"Ms1-fc2.mat: cannot be read \(No such file"):
        check_sha256(tmp_path / "Ms1-fc2.mat", SUM)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (status(404), "the server answers 404 (Not Found)"),
        (web_page, "the server sent a web page (HTML), expected the file"),
        (status(403), "the server answers 403 (Forbidden)"),
    ],
)
def test_a_server_that_has_no_such_file(server, client, tmp_path, fault, message):
    server.faults["fc2.mat"] = fault
    with pytest.raises(InputError) as error:
        fetch(server, client, tmp_path / "a.mat")
    assert message in one_line(error)
    assert server.url("Ms2/Ms2-fc2.mat") in one_line(error)
    assert not (tmp_path / "a.mat").exists()
    assert len(server.requests) == 1


def test_a_wrong_checksum_once_is_mended_twice_is_an_error(server, client, tmp_path):
    server.faults["fc2.mat"] = times(1, damaged)
    fetch(server, client, tmp_path / "a.mat")
    assert (tmp_path / "a.mat").read_bytes() == served(server)

    server.faults["fc2.mat"] = damaged
    server.sent.clear()
    data = served(server)
    with pytest.raises(InputError) as error:
        fetch(server, client, tmp_path / "b.mat")
    assert f"SHA-256 is {hashlib.sha256(data[:-1] + bytes([data[-1] ^ 1])).hexdigest()}" in one_line(error)
    assert f"the database lists {hashlib.sha256(data).hexdigest()}" in one_line(error)
    assert server.sent["Ms2-fc2.mat"] == 2 * 301_000
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("a.mat", "served")] == []


def test_a_server_that_is_gone_ends_in_a_line_and_keeps_what_came(server, tmp_path, lines):
    server.faults["fc2.mat"] = times(1, dropped_after(0.5))
    url, sha256 = server.url("Ms2/Ms2-fc2.mat"), hashlib.sha256(served(server)).hexdigest()
    client = Client(patience_s=0.1, tell=lines.append)
    with pytest.raises(InputError) as error:
        client.fetch(url, tmp_path / "a.mat", sha256)
    assert "run again when the connection is back, what was fetched is kept" in one_line(error)
    assert next(tmp_path.glob(".a.mat.*.part")).stat().st_size == 150_500


def test_a_full_disk_is_told_with_both_numbers(server, client, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(physionet.shutil, "disk_usage", lambda path: usage(10**6, 10**6 - 1000, 1000))
    with pytest.raises(InputError) as error:
        fetch(server, client, tmp_path / "a.mat")
    assert "301 kB are still to be fetched of one file, 1 kB are free" in one_line(error)
    assert not (tmp_path / "a.mat").exists()


def test_a_disk_that_fills_up_on_the_way_is_one_line(server, client, tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    sha256 = hashlib.sha256(served(server)).hexdigest()
    (tmp_path / f".a.mat.{sha256[:16]}.part").symlink_to("/dev/full")
    with pytest.raises(InputError, match="the disk is full"):
        client.fetch(server.url("Ms2/Ms2-fc2.mat"), tmp_path / "a.mat", sha256)


def test_sizes_that_a_server_announces_are_believed(server):
    server.faults["fc2.mat"] = huge
    index = index_database({**SETTINGS, "mirror": server.mirror}, with_atlas=False, raw="raw")
    assert index["bytes"].max() == 10**16


@pytest.mark.slow
def test_a_file_of_2_gb_costs_little_memory(server, tmp_path):
    server.faults["big.mat"] = streamed_zeros
    code = (
        "import re, sys\n"
        "from wfci_sleep.data.download import Client\n"
        "Client(5, tell=lambda line: None).fetch(sys.argv[1], sys.argv[2], sys.argv[3])\n"
        # The peak since the start of this program; getrusage's includes that of the process which forked it.
        "print(re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[1])\n"
    )
    target = tmp_path / "big.mat"
    done = subprocess.run(
        [sys.executable, "-c", code, server.url("big.mat"), str(target), ZEROS_SHA256],
        env={**os.environ, "PYTHONPATH": str(Path(physionet.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert target.stat().st_size == 2_000_000_000
    target.unlink()
    assert int(done.stdout) * 1024 <= 200_000_000


def streamed_zeros(handler) -> bool:
    """2 GB of zeros, made on the way."""
    if handler.command == "HEAD":
        return False
    handler.send_response(200)
    handler.send_header("Content-Length", "2000000000")
    handler.end_headers()
    piece = bytes(2_000_000)
    for _ in range(1000):
        handler.wfile.write(piece)
    return True
