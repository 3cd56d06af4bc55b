"""The methods section and the crate of a finished run, without TensorFlow."""

import hashlib
import json
import os

import pytest
from finished_run import finished_run
from rocrate.rocrate import ROCrate

from .conftest import TINY, jobs, overlaid

METHODS, CRATE = "results/tiny/methods.md", "results/tiny/ro-crate-metadata.json"


@pytest.fixture
def without_tensorflow(tmp_path_factory, monkeypatch):
    """A Python whose TensorFlow and Keras cannot be imported."""
    folder = tmp_path_factory.mktemp("blocked")
    for package in ("tensorflow", "keras"):
        (folder / f"{package}.py").write_text("raise ImportError(f'a step imports {__name__}')")
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)


def test_the_methods_follow_the_settings(workflow, without_tensorflow):
    # Windows of its own: those of a second experiment that shares them would be newer than the first one's folds.
    experiments = {"main": {}, "binary": {"windows": {"seconds": 1}, "labels": {"classes": ["wake", "sleep"]}}}
    finished_run(workflow.folder, {"experiments": experiments})
    workflow.run(METHODS)
    text = workflow.read(METHODS)
    assert text.split("\n\n")[2].startswith("The recordings are synthetic")
    assert "3 recordings of 3 mice (Ms1, Ms2 and Ms3; 1 a mouse), 72 epochs of 10 s" in text
    assert (
        "The experiment binary differs from it in the length of the windows (1 s instead of 2 s) and the states" in text
    )
    assert "of 100 resamples" in text

    workflow.configure(overlaid(TINY, {"analysis": {"bootstrap_resamples": 101}, "experiments": experiments}))
    assert not jobs(workflow.run("--dry-run", METHODS).stdout).keys() & {"train", "score", "windows"}
    workflow.run(METHODS)
    assert "of 101 resamples" in workflow.read(METHODS)


@pytest.mark.slow
def test_the_crate_holds_what_was_made(workflow, without_tensorflow):
    # One fold, and of its figures only those that a split of epochs has.
    finished_run(workflow.folder, {"folds": {"protocol": "pooled"}})
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
    assert inputs["Ms2-fc1"]["sha256"] == "0" * 64
    assert json.loads(inputs["experiments.main"]["value"])["folds"]["protocol"] == "pooled"

    assert jobs(workflow.run("--dry-run", METHODS, CRATE).stdout) == {}
