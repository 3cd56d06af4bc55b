"""Every figure is drawn alone from what scoring left behind: in seconds, without TensorFlow, whatever was predicted."""

import csv
import os
import re
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from finished_run import finished_run

from wfci_sleep.files.atomic import write_table
from wfci_sleep.scoring.explanations import METHOD_TITLES
from wfci_sleep.tables import read_table
from wfci_sleep.tables.networks import PREDICTIONS

from .conftest import Workflow, jobs

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_tensorflow")]

LONGEST_S = 10


@pytest.fixture(scope="module")
def finished(tmp_path_factory, drawn):
    """A finished run with all figures, and what Snakemake said before it drew them."""
    return drawn.copy(tmp_path_factory.mktemp("finished") / "run"), drawn.dry


def targets(dry: str) -> list[str]:
    """The figures that a dry run of `figures` would draw."""
    return re.search(r"^(?:local)?rule figures:\n +input: (.*)$", dry, flags=re.MULTILINE)[1].split(", ")


def seconds(workflow: Workflow) -> dict[str, float]:
    """Benchmark file of each figure step -> its processor time: the clock also counts what else the machine does."""
    folder = workflow.path("benchmarks-of-rules/tiny")
    files = [path for path in folder.rglob("*.tsv") if path.parent.name == "figures"]
    rows = {str(path.relative_to(folder)): next(csv.DictReader(path.open(), delimiter="\t")) for path in files}
    return {name: float(row["cpu_time"]) for name, row in rows.items()}


def allowed_s() -> float:
    """What a command may take by the clock: more where others keep the cores busy."""
    return LONGEST_S * max(1, os.getloadavg()[0] / os.cpu_count())


def test_nothing_is_trained_or_scored_for_a_figure(finished):
    _, dry = finished
    found = jobs(dry)
    assert not found.keys() & {"train", "score", "cut_windows", "check_recording", "synthesise_recording"}
    assert sum(count for name, count in found.items() if name.startswith("plot_")) == len(targets(dry))


def test_every_figure_is_there_as_svg_and_png_and_carries_the_note(finished):
    workflow, dry = finished
    svgs = targets(dry)
    assert {"confusion", "gradcam", "hypnogram-Ms1", "window_length"} <= {Path(svg).stem for svg in svgs}
    for svg in svgs:
        assert "Synthetic data: not a scientific result" in workflow.read(svg), svg
        assert workflow.path(svg).with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_every_figure_takes_seconds(finished):
    workflow, dry = finished
    took = seconds(workflow)
    assert len(took) == len(targets(dry))
    assert min(took.values()) > 0
    assert {name: s for name, s in took.items() if s >= LONGEST_S} == {}


def test_a_figure_alone_takes_seconds_with_all_of_snakemake(finished):
    workflow, _ = finished
    svg = workflow.path("results/tiny/main/figures/gradcam.svg")
    svg.unlink()
    started = time.monotonic()
    workflow.run("results/tiny/main/figures/gradcam.svg")
    assert time.monotonic() - started < allowed_s()
    assert svg.exists()


def test_a_home_that_does_not_exist_is_not_needed(finished, monkeypatch):
    workflow, _ = finished
    svg = workflow.path("results/tiny/main/figures/confusion.svg")
    svg.unlink()
    monkeypatch.setenv("HOME", "/proc/nowhere")
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR"):
        monkeypatch.delenv(name, raising=False)
    workflow.run("figure_confusion")
    assert svg.exists()


def test_one_mouse_that_is_always_awake_for_the_network(tmp_path):
    """The pooled split of one mouse, all of whose test epochs are predicted as wake."""
    workflow = Workflow(tmp_path)
    finished_run(tmp_path, {"dataset": {"synthetic": {"mice": 1}}, "folds": {"protocol": "pooled"}})
    always_wake(workflow.path("results/tiny/main/fold-1"))
    workflow.run("figures")
    figures = "results/tiny/main/figures"
    assert workflow.read(f"{figures}/gradcam.svg").count(">no correct<") == 2
    assert workflow.read(f"{figures}/attention_time_course.svg").count("no epoch") == 2
    assert "one mouse (n = 1)" in workflow.read(f"{figures}/performance.svg")
    assert "ours: 2 s only" in workflow.read("results/tiny/figures/window_length.svg")


def always_wake(fold: Path) -> None:
    """Change what scoring left of a fold as if the network had seen nothing but wake."""
    predictions = read_table(fold / "predictions.tsv", PREDICTIONS)
    certain = {"y_pred": 0, "p_wake": 0.9, "p_nrem": 0.06, "p_rem": 0.04, "confidence": 0.9}
    write_table(predictions.assign(**certain), fold / "predictions.tsv")
    with h5py.File(fold / "attention.h5", "r+") as file:
        file["y_pred"][:] = 0
    with h5py.File(fold / "gradcam.h5", "r+") as file:
        file["examples"][:] = [[7, 0, 0]]
        for method in METHOD_TITLES:
            file[method][:, 0], file[method][:, 1:] = 0.5, np.nan
