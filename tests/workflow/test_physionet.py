"""The database over HTTP: from the list of checksums to folds, killed, resumed, with too little disk, not kept."""

import shutil
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
from database import SLUG, VERSION, asks_for_login, huge, serve, status, write_manifest

from wfci_sleep.data.synthetic import synthesise_atlas, synthesise_recording

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
    (root / "Ms1" / "Ms1-rest.mat").touch()
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
def test_from_download_to_folds_and_nothing_twice(workflow, server):
    workflow.configure(physionet(server, folds={"protocol": "pooled"}))
    # Up to the networks: test_readme_commands.py goes from a database to the last figure.
    targets = ("results/db/main/folds.tsv", "figure_recordings")
    done = workflow.run(*targets)
    assert "4 recordings of 3 mice" in done.stdout
    assert "free" in done.stdout
    note = "1 .mat file is left aside, as its name is not a recording's: 'Ms1/Ms1-rest.mat'"
    for told in (done.stdout, workflow.read("resources/db/quality.tsv")):
        assert told.count(note) == 1
    assert server.open_most <= 2
    table = pd.read_csv(workflow.path("resources/db/recordings.tsv"), sep="\t")
    assert list(table.columns) == ["mouse", "recording", "order", "path", "sha256", "epochs"]
    assert list(table["recording"]) == ["Ms1-fc1", "Ms1-fc10", "Ms2_fc1", "Ms11-fc1"]
    assert [str(order) for order in table["order"]] == ["1", "10", "1", "1"]
    manifest = served(server, "SHA256SUMS.txt").read_text()
    for row in table.itertuples():
        assert row.sha256 in manifest
        assert workflow.path(row.path).read_bytes() == served(server, f"{row.mouse}/{row.recording}.mat").read_bytes()
    assert set(pd.read_csv(workflow.path("results/db/main/folds.tsv"), sep="\t")["mouse"]) == {"Ms1", "Ms2", "Ms11"}
    assert workflow.path("results/db/figures/recordings.svg").stat().st_size > 1000
    assert sorted(fetched(server)) == sorted(["SHA256SUMS.txt", "atlas.mat", *(Path(n).name for n in NAMES.values())])

    assert jobs(workflow.run("--dry-run", *targets).stdout) == {}
    # The list anew, from another address: the files that are there stay.
    server.requests.clear()
    again = physionet(server, folds={"protocol": "pooled"})
    again["dataset"]["physionet"]["mirror"] = server.mirror.replace("127.0.0.1", "localhost")
    workflow.configure(again)
    workflow.run(*targets)
    assert fetched(server) == ["SHA256SUMS.txt"]
    # A download that runs again, for whatever reason, keeps what is there.
    server.requests.clear()
    workflow.run("resources/db/raw/Ms1/Ms1-fc1.mat", "--forcerun", "download_recording")
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


def test_an_excluded_recording_is_not_fetched(workflow, server):
    config = physionet(server, folds={"protocol": "pooled"})
    config["dataset"]["exclude"] = [{"recording": "Ms2_fc1", "reason": "ill"}, {"mouse": "Ms9", "reason": "ill"}]
    workflow.configure(config)
    (error,) = errors(workflow.run(check=False))
    assert error.startswith("error: dataset.exclude, entry 2: there is no mouse Ms9, expected one of Ms1, Ms2, Ms11")
    del config["dataset"]["exclude"][1]
    workflow.configure(config)
    workflow.run("resources/db/recordings.tsv")
    assert "Ms2_fc1.mat" not in fetched(server)
    table = pd.read_csv(workflow.path("resources/db/recordings.tsv"), sep="\t").set_index("recording")
    assert table["epochs"].gt(0).to_dict() == {"Ms1-fc1": True, "Ms1-fc10": True, "Ms2_fc1": False, "Ms11-fc1": True}


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


@pytest.mark.slow
def test_a_file_that_is_cut_off_is_known_by_its_sum(workflow, folder):
    shutil.copytree(folder, workflow.path("copied"))
    root = workflow.path("copied") / "files" / SLUG / VERSION
    config = overlaid(TINY, {"run": {"name": "db"}, "dataset": {"source": "physionet"}})
    config["dataset"]["physionet"] = {"mirror": str(workflow.path("copied") / "files")}
    workflow.configure(config)
    for name in ("atlas.mat", "Ms2/Ms2_fc1.mat"):
        whole = (root / name).read_bytes()
        (root / name).write_bytes(whole[: len(whole) // 2])
        (error,) = errors(workflow.run("resources/db/recordings.tsv", check=False))
        assert error.startswith(f"error: {root / name}: SHA-256 is ") and "cut off" in error
        (root / name).write_bytes(whole)


@pytest.mark.slow
def test_a_password_is_used_and_written_nowhere(workflow, server):
    server.faults[""] = asks_for_login("anna", "s3cret")
    config = physionet(server)
    config["dataset"]["physionet"]["mirror"] = server.mirror.replace("http://", "http://anna:s3cret@")
    workflow.configure(config)
    done = workflow.run("resources/db/atlas.mat", "resources/db/raw/Ms1/Ms1-fc1.mat")
    assert "Asking http://***@127.0.0.1" in done.stdout
    written = {path for path in workflow.folder.rglob("*") if path.is_file() and b"s3cret" in path.read_bytes()}
    assert written == {workflow.path("config.yaml")} and "s3cret" not in done.stdout
