"""Records of what the workflow made: written when a step ends well, compared when its files are read."""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from wfci_sleep.errors import InputError
from wfci_sleep.files.atomic import write_table
from wfci_sleep.files.shard_writing import write_shard
from wfci_sleep.run import made
from wfci_sleep.run.code import LIBRARY, code_digest
from wfci_sleep.run.provenance import makers

CODE = {"code": "abc", "commit": "c0ffee", "changes": False}


def flipped(content: bytes, start: int) -> bytes:
    return content[:start] + bytes(byte ^ 0xFF for byte in content[start : start + 8]) + content[start + 8 :]


DAMAGE = {
    "flipped at its start": lambda content: flipped(content, 0),
    "flipped in its middle": lambda content: flipped(content, len(content) // 2),
    "flipped at its end": lambda content: flipped(content, len(content) - 8),
    "truncated": lambda content: content[: len(content) // 2],
    "emptied": lambda content: b"",
    "longer": lambda content: content + b"\0",
}


def table(path: Path, seed: int) -> None:
    write_table(pd.DataFrame({"epoch": np.random.default_rng(seed).integers(0, 9, 50)}), path)


def arrays(path: Path, seed: int) -> None:
    with h5py.File(path, "w") as file:
        file["weights"] = np.random.default_rng(seed).random((20, 20))


def shard(path: Path, seed: int, compression: str = "none") -> None:
    rng = np.random.default_rng(seed)
    mask = np.ones((2, 2), dtype=bool)
    windows = [(epoch, 0, rng.random((3, 4), dtype=np.float32)) for epoch in range(5)]
    write_shard(path, windows, mask, compression)


FILES = {"folds.tsv": table, "history.csv": table, "attention.h5": arrays, "model.keras": arrays, "Ms1-fc1.mat": arrays}


@pytest.fixture(autouse=True)
def run(tmp_path, monkeypatch):
    """A run's folder to be in."""
    monkeypatch.chdir(tmp_path)
    Path("results").mkdir()


def made_file(name: str, write=table) -> Path:
    path = Path("results", name)
    write(path, 1)
    made.keep_records([path], "make_folds", CODE)
    made.check_unchanged([path])
    return path


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named_in_one_line(name, damage):
    path = made_file(name, FILES[name])
    before = path.stat()
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(InputError, match=rf"^results/{name}: is not the file .* delete it and run .*$") as caught:
        made.check_unchanged([path])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", FILES)
def test_another_runs_file_in_its_place_is_named(name):
    path = made_file(name, FILES[name])
    FILES[name](path, 2)
    with pytest.raises(InputError, match=f"results/{name}: is not the file"):
        made.check_unchanged([path])


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_shard_is_compared_without_reading_its_windows(compression):
    path = made_file("Ms1-fc1.tfrecord", lambda path, seed: shard(path, seed, compression))
    content = path.read_bytes()
    for damage in ("flipped at its start", "flipped at its end", "truncated", "emptied", "longer"):
        path.write_bytes(DAMAGE[damage](content))
        with pytest.raises(InputError, match="Ms1-fc1.tfrecord: is not the file"):
            made.check_unchanged([path])
    shard(path, 2, compression)
    with pytest.raises(InputError, match="Ms1-fc1.tfrecord: is not the file"):
        made.check_unchanged([path])


def test_a_large_file_is_known_by_its_size(monkeypatch):
    monkeypatch.setattr(made, "LARGE", 10)
    path = made_file("Ms1-fc1.mat")
    assert made.record(path)["sha256"] is None
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"bytes instead of"):
        made.check_unchanged([path])


def test_what_has_no_record_is_not_compared(tmp_path):
    path = made_file("folds.tsv")
    made.record_path(path).write_text("{")  # written half, on a disk that was switched off
    path.write_text("anything")
    made.check_unchanged([path])
    made.remove_records([path])
    assert not made.record_path(path).exists()
    made.check_unchanged([path, "results/missing.tsv"])


def test_folders_and_copies_from_a_storage_have_no_record(tmp_path):
    copies = [Path(".snakemake/storage/fs/results/a.tsv"), Path("scratch/fs/results/a.tsv"), tmp_path / "there/a.tsv"]
    for path in copies:
        path.parent.mkdir(parents=True)
        path.touch()
    Path("results/tensorboard").mkdir()
    made.keep_records([*copies, "results/tensorboard"], "train", CODE)
    assert not [*tmp_path.rglob(".made")]


def test_a_file_that_is_made_again_has_a_new_record():
    path = made_file("folds.tsv")
    table(path, 2)
    made.keep_records([path], "make_folds", {**CODE, "commit": "beef"})
    made.check_unchanged([path])
    assert made.record(path)["commit"] == "beef"


def test_the_makers_of_files_are_told_step_by_step():
    first, second, third = (Path("results", f"{name}.tsv") for name in "abc")
    for path in (first, second, third):
        table(path, 1)
    made.keep_records([first, second], "score", CODE)
    made.keep_records([third], "compute_metrics", {"code": "def", "commit": "beef", "changes": True})
    told = makers([first, second, third, "results/unknown.tsv"])
    assert told["code"]["predictions"] == [{"commit": "c0ffee", "changes": False}]
    assert told["code"]["others"] == [{"commit": "beef", "changes": True}]
    (score,) = told["steps"]["score"]
    assert (score["files"], score["code"], score["software"]["numpy"]) == (2, "abc", np.__version__)
    assert told["without_record"] == ["results/unknown.tsv"]


def test_several_versions_are_all_told():
    paths = [Path("results", f"{name}.tsv") for name in "ab"]
    for path, number in zip(paths, ("2.1.0", "2.2.0"), strict=True):
        table(path, 1)
        made.keep_records([path], "score", CODE)
        kept = made.record_path(path)
        kept.write_text(json.dumps(json.loads(kept.read_text()) | {"software": {"numpy": number}}))
    told = makers(paths)
    assert told["software"]["numpy"] == "2.1.0, 2.2.0"
    assert [one["files"] for one in told["steps"]["score"]] == [1, 1]


SCRIPT = """
import os
from types import SimpleNamespace

from wfci_sleep.run.step import step

snakemake = SimpleNamespace(rule="make_folds", log=["log.txt"], input=["results/in.tsv"], output=["results/out.tsv"])
with step(snakemake):
    from pathlib import Path

    from wfci_sleep.errors import InputError

    assert not Path("results/.made/out.tsv.json").exists()
    Path("results/out.tsv").write_text("made")
    {end}
"""


def ended(end: str) -> subprocess.CompletedProcess:
    """A step in a process of its own, with what its body does at last."""
    Path("script.py").write_text(SCRIPT.format(end=end))
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY.parent)}
    return subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, env=environment)


def test_a_step_keeps_records_only_if_it_ends_well():
    table(Path("results/in.tsv"), 1)
    for end in ("raise InputError('no')", "os._exit(9)", "1 / 0"):
        table(Path("results/out.tsv"), 1)
        made.keep_records(["results/out.tsv"], "make_folds", CODE)
        assert ended(end).returncode != 0
        assert made.record("results/out.tsv") is None
    done = ended("pass")
    assert done.returncode == 0, done.stderr
    kept = made.record("results/out.tsv")
    assert (kept["rule"], kept["bytes"], kept["code"]) == ("make_folds", 4, code_digest(Path("script.py").absolute()))
    assert kept["software"].keys() == {"python"}
    assert made.record("results/in.tsv") is None


def test_a_step_does_not_begin_with_a_damaged_input():
    path = made_file("in.tsv")
    path.write_text("")
    done = ended("pass")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: results/in.tsv: is not the file that the workflow made (0 bytes instead of ")
    assert not Path("results/out.tsv").exists()
    assert line in Path("log.txt").read_text()
