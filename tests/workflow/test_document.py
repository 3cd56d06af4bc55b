"""The methods section and the crate of a finished run, without TensorFlow."""

import hashlib
import json
import os

import pandas as pd
import pytest
from finished_run import finished_run
from rocrate.rocrate import ROCrate

from .conftest import TINY, Workflow, jobs, overlaid

METHODS, CRATE = "results/tiny/methods.md", "results/tiny/ro-crate-metadata.json"
PROVENANCE = "results/tiny/provenance.json"


# Windows of its own: those of a second experiment that shares them would be newer than the first one's folds.
EXPERIMENTS = {"main": {}, "binary": {"windows": {"seconds": 1}, "labels": {"classes": ["wake", "sleep"]}}}


@pytest.fixture(scope="module")
def documented(tmp_path_factory):
    """A finished run and its documents; the tables and figures that these come after are empty files."""
    workflow = Workflow(tmp_path_factory.mktemp("documented"))
    finished_run(workflow.folder, {"experiments": EXPERIMENTS})
    workflow.pretend(METHODS)
    workflow.run("--forcerun", "gather_provenance", "--", METHODS)
    return workflow


def test_the_methods_follow_the_settings(documented, without_tensorflow):
    text = documented.read(METHODS)
    assert text.split("\n\n")[2].startswith("The recordings are synthetic")
    assert "3 recordings of 3 mice (Ms1, Ms2 and Ms3; 1 a mouse), 72 epochs of 10 s" in text
    assert (
        "The experiment binary differs from it in the length of the windows (1 s instead of 2 s) and the states" in text
    )
    assert "of 100 resamples" in text

    documented.configure(overlaid(TINY, {"analysis": {"bootstrap_resamples": 101}, "experiments": EXPERIMENTS}))
    found = jobs(documented.run("--dry-run", METHODS).stdout)
    assert {"compute_metrics", "gather_provenance", "write_methods"} <= found.keys()
    assert not found.keys() & {"train", "score", "cut_windows"}
    documented.run("--touch", METHODS)
    documented.run("--forcerun", "gather_provenance", "--", METHODS)
    assert "of 101 resamples" in documented.read(METHODS)


def test_a_damaged_file_is_named_and_made_again(documented):
    path = documented.path(PROVENANCE)
    sound, before = path.read_bytes(), path.stat()
    path.write_bytes(sound.replace(b"synthetic", b"sinthetyc", 1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    done = documented.run("--force", METHODS, check=False)
    assert done.returncode != 0
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert line.startswith(f"error: {PROVENANCE}: is not the file that the workflow made (checksum ")
    assert line.endswith("delete it and run the same command again: it is made again")
    assert "Traceback" not in done.stdout

    path.unlink()
    documented.run(METHODS)
    assert path.read_bytes() == sound
    assert documented.path(METHODS).exists()


@pytest.mark.slow
def test_the_crate_holds_what_was_made(tmp_path, drawn, without_tensorflow):
    workflow = drawn.copy(tmp_path / "run")
    workflow.run(METHODS, CRATE)
    crate = ROCrate(workflow.path("results/tiny"))
    files = {entity.id: entity for entity in crate.get_by_type("File")}
    for name, entity in files.items():
        content = workflow.path(f"results/tiny/{name}").read_bytes()
        assert entity["sha256"] == hashlib.sha256(content).hexdigest()
        assert "encodingFormat" in entity
    run = ["methods.md", "provenance.json", "published.tsv", "figures/recordings.png", "figures/recordings.svg"]
    experiment = ["folds.tsv", "metrics.tsv", "fold-1/model.keras", "fold-1/predictions.tsv", "figures/confusion.svg"]
    assert {*run, *(f"main/{name}" for name in experiment)} <= set(files)

    inputs = {entity["name"]: entity for entity in crate.get("#run")["object"]}
    atlas = workflow.path("resources/tiny/atlas.mat").read_bytes()
    assert inputs["atlas"]["sha256"] == hashlib.sha256(atlas).hexdigest()
    recordings = pd.read_csv(workflow.path("resources/tiny/recordings.tsv"), sep="\t", index_col="recording")
    assert inputs["Ms2-fc1"]["sha256"] == recordings.loc["Ms2-fc1", "sha256"]
    assert json.loads(inputs["experiments.main"]["value"])["folds"]["protocol"] == "leave-one-mouse-out"

    assert jobs(workflow.run("--dry-run", METHODS, CRATE).stdout) == {}
