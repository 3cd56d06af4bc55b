"""The database over HTTP: from the list of checksums to figures, killed, resumed, with too little disk, not kept."""

import json
import shutil
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
from database import SLUG, VERSION, huge, serve, status, write_manifest

from wfci_sleep.synthesis import synthesise_atlas, synthesise_recording

from .conftest import TINY, jobs, overlaid

# As the database and its readers spell them; not in natural order on disk.
NAMES = {(1, 1): "Ms1/Ms1-fc1.mat", (1, 2): "Ms1/Ms1-fc10.mat", (2, 1): "Ms2/Ms2_fc1.mat", (3, 1): "Ms11/Ms11-fc1.mat"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The database as a folder: <folder>/files/<slug>/<version>/..."""
    folder = tmp_path_factory.mktemp("database")
    root = folder / "files" / SLUG / VERSION
    settings = {**TINY["dataset"]["synthetic"], "runs_per_mouse": 2}
    for (mouse, run), name in NAMES.items():
        synthesise_recording(root / name, mouse, run, settings)
    synthesise_atlas(root / "atlas.mat")
    write_manifest(root)
    return folder


@pytest.fixture
def server(folder, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve(folder) as server:
        yield server


def served(server, name) -> Path:
    return server.folder / "files" / SLUG / VERSION / name


def physionet(server, **changes):
    database = {"mirror": server.mirror, "connections": 2, "patience_s": 3}
    return overlaid(TINY, {"run": {"name": "db"}, "dataset": {"source": "physionet", "physionet": database}, **changes})


def errors(done) -> list[str]:
    assert "Traceback" not in done.stdout
    return [line for line in done.stdout.splitlines() if line.startswith("error: ")]


def fetched(server) -> list[str]:
    return [path.rsplit("/", 1)[-1] for command, path, _ in server.requests if command == "GET"]


@pytest.mark.slow
def test_from_download_to_figures_and_nothing_twice(workflow, server):
    workflow.configure(physionet(server))
    # Some of what comes after the networks stands for all of it, which is the same wherever recordings are from.
    targets = ("tables", "figure_confusion", "figure_recordings", "results/db/overview.rst", "results/db/methods.md")
    done = workflow.run(*targets)
    assert "4 recordings of 3 mice" in done.stdout
    assert "free" in done.stdout
    assert server.open_most <= 2
    table = pd.read_csv(workflow.path("resources/db/recordings.tsv"), sep="\t")
    assert list(table.columns) == ["mouse", "recording", "order", "path", "sha256", "epochs"]
    assert list(table["recording"]) == ["Ms1-fc1", "Ms1-fc10", "Ms2_fc1", "Ms11-fc1"]
    manifest = served(server, "SHA256SUMS.txt").read_text()
    for row in table.itertuples():
        assert row.sha256 in manifest
        assert workflow.path(row.path).read_bytes() == served(server, f"{row.mouse}/{row.recording}.mat").read_bytes()
    metrics = json.loads(workflow.read("results/db/main/metrics.json"))
    assert set(metrics["mouse"]) == {"Ms1", "Ms2", "Ms11"}
    assert workflow.path("results/db/main/figures/confusion.svg").stat().st_size > 1000
    assert workflow.path("results/db/figures/recordings.svg").stat().st_size > 1000
    assert sorted(fetched(server)) == sorted(["SHA256SUMS.txt", "atlas.mat", *(Path(n).name for n in NAMES.values())])

    assert jobs(workflow.run("--dry-run", *targets).stdout) == {}
    # The list anew, from another address: the files that are there stay.
    server.requests.clear()
    again = physionet(server)
    again["dataset"]["physionet"]["mirror"] = server.mirror.replace("127.0.0.1", "localhost")
    workflow.configure(again)
    workflow.run(*targets)
    assert fetched(server) == ["SHA256SUMS.txt"]
    # A download that runs again, for whatever reason, keeps what is there.
    server.requests.clear()
    workflow.run("resources/db/raw/Ms1/Ms1-fc1.mat", "--forcerun", "download")
    assert fetched(server) == []


@pytest.mark.slow
def test_a_download_killed_half_way_goes_on(workflow, server):
    workflow.configure(physionet(server))
    target, name = "resources/db/raw/Ms1/Ms1-fc1.mat", "Ms1-fc1.mat"
    size = served(server, NAMES[1, 1]).stat().st_size
    server.bytes_per_s = size / 10
    workflow.kill_when(lambda: server.sent[name] >= size / 2, target)
    server.bytes_per_s = None
    part = next(workflow.path(target).parent.glob(f".{name}.*.part"))
    there = part.stat().st_size
    # What was on its way when the job died is lost, nothing else.
    assert size / 2 - 5_000_000 < there < size
    server.requests.clear()
    server.sent.clear()
    workflow.run(target)
    assert workflow.path(target).read_bytes() == served(server, NAMES[1, 1]).read_bytes()
    assert [extent for command, path, extent in server.requests if path.endswith(name)] == [f"bytes={there}-"]
    assert server.sent[name] == size - there


@pytest.mark.slow
def test_raw_files_that_are_not_kept(workflow, server):
    workflow.configure(physionet(server, dataset={**physionet(server)["dataset"], "keep_raw": False}))
    sizes = sorted((served(server, name).stat().st_size for name in NAMES.values()), reverse=True)
    peak, over = [0], threading.Event()

    def watch():
        while not over.is_set():
            raw = workflow.path("resources/db/raw")
            found = [path for path in raw.rglob("*Ms*") if path.is_file()] if raw.is_dir() else []
            peak[0] = max(peak[0], sum(path.stat().st_size for path in found if path.exists()))
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    shards = [
        f"resources/db/windows/2s-temporal-zscore-both-bin16/{mouse}/{Path(name).stem}.tfrecord"
        for mouse, name in ((Path(name).parts[0], name) for name in NAMES.values())
    ]
    try:
        workflow.run("resources/db/recordings.tsv", *shards)
    finally:
        over.set()
        watcher.join()
    # Two cores: two recordings, and what is fetched next to them.
    assert peak[0] <= sum(sizes[:3])
    assert list(workflow.path("resources/db/raw").rglob("Ms*.mat")) == []
    server.requests.clear()
    assert jobs(workflow.run("--dry-run", "resources/db/recordings.tsv", *shards).stdout) == {}
    workflow.run("results/db/main/folds.tsv")
    assert fetched(server) == []


def test_a_server_that_is_gone_after_the_list(workflow, server):
    workflow.configure(physionet(server))
    workflow.run("resources/db/index.tsv")
    server.shutdown()
    server.server_close()
    done = workflow.run("--keep-going", "resources/db/atlas.mat", "resources/db/raw/Ms1/Ms1-fc1.mat", check=False)
    assert done.returncode != 0
    assert len(errors(done)) == 2
    assert all("nothing arrived for" in line and "Connection refused" in line for line in errors(done))


def test_too_little_disk_is_known_before_anything_is_fetched(workflow, server):
    server.faults["Ms2_fc1.mat"] = huge
    workflow.configure(physionet(server))
    done = workflow.run("resources/db/recordings.tsv", check=False)
    assert done.returncode != 0
    (error,) = errors(done)
    assert "the recordings need 1e+04 TB of disk" in error
    assert "are free" in error
    assert fetched(server) == ["SHA256SUMS.txt"]


@pytest.mark.parametrize(
    ("fault", "changes", "message"),
    [
        (None, {"mice": ["Ms1"]}, "leave-one-mouse-out needs at least 3 mice"),
        (None, {"mice": ["Ms1", "Ms4"]}, "dataset.physionet.mice names Ms4"),
        (("SHA256SUMS.txt", status(404)), {}, "the server answers 404 (Not Found)"),
    ],
)
def test_what_cannot_work_stops_at_the_list(workflow, server, fault, changes, message):
    if fault:
        server.faults[fault[0]] = fault[1]
    config = physionet(server)
    config["dataset"]["physionet"].update(changes)
    workflow.configure(config)
    done = workflow.run(check=False)
    assert done.returncode != 0
    (error,) = errors(done)
    assert message in error


def test_files_copied_in_are_checked_not_fetched(workflow, server):
    workflow.configure(physionet(server))
    raw = workflow.path("resources/db/raw")
    for name in NAMES.values():
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(served(server, name), raw / name)
    with open(raw / "Ms2/Ms2_fc1.mat", "ab") as file:
        file.write(b"x")
    done = workflow.run("--keep-going", "resources/db/recordings.tsv", check=False)
    (error,) = errors(done)
    assert error.startswith("error: resources/db/raw/Ms2/Ms2_fc1.mat: SHA-256 is ")
    assert "delete the file to have it fetched again" in error
    assert fetched(server) == ["SHA256SUMS.txt", "atlas.mat"]
    (raw / "Ms2/Ms2_fc1.mat").unlink()
    workflow.run("resources/db/recordings.tsv")
    assert fetched(server) == ["SHA256SUMS.txt", "atlas.mat", "Ms2_fc1.mat"]


def test_a_folder_as_mirror_needs_no_server(workflow, folder):
    config = overlaid(TINY, {"run": {"name": "db"}, "dataset": {"source": "physionet"}})
    config["dataset"]["physionet"] = {"mirror": str(folder / "files")}
    workflow.configure(config)
    workflow.run("resources/db/recordings.tsv")
    table = pd.read_csv(workflow.path("resources/db/recordings.tsv"), sep="\t")
    assert all(Path(path).is_relative_to(folder) for path in table["path"])
    assert not workflow.path("resources/db/raw").exists()
