"""Given weights: networks score with them untrained, or their training starts from them."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up import write_checkpoint

from wfci_sleep import build_network
from wfci_sleep.models.registry import input_shape
from wfci_sleep.models.saving import load_network
from wfci_sleep.preprocessing.inputs import window_shape
from wfci_sleep.run.settings import resolve
from wfci_sleep.training.fit import MEASURES

from .conftest import TINY, Workflow, jobs, overlaid
from .test_dag import refusal
from .test_estimate import rows
from .test_module import WHOLE, Outer

CLASSES = ["wake", "nrem", "rem"]
GRAPHS = {"kind": "mvg-cnn", "graph_filters": [4, 6], "regions": [2, 7, 30]}
RUN = "results/tiny"
METRICS = [f"{RUN}/{name}/metrics.tsv" for name in ("main", "mvg")]
TABLES = [f"resources/tiny/{name}.tsv" for name in ("recordings", "quality")]
DOCUMENTS = [f"{RUN}/methods.md", f"{RUN}/overview.rst"]
TABLES = ["resources/tiny/recordings.tsv", "resources/tiny/quality.tsv"]
FIGURES = [f"{RUN}/mvg/figures/{name}.svg" for name in ("confusion", "gradcam_links")]


def configuration(main: str | Path, graphs: str | Path) -> dict:
    """An experiment with a network's file, and one with a TensorFlow checkpoint; nothing is trained."""
    experiments = {
        "main": {"model": {"weights": str(main)}},
        "mvg": {"model": {**GRAPHS, "weights": str(graphs)}},
    }
    folds = {"protocol": "held-out-mouse"}
    return overlaid(TINY, {"folds": folds, "training": {"passes": 0}, "experiments": experiments})


def networks() -> dict:
    """The two networks, with other weights at each call."""
    found = {}
    for name, settings in resolve(configuration("a.keras", "b"), "a test")["experiments"].items():
        shape = input_shape(settings["model"], window_shape(settings["windows"]))
        found[name] = build_network(settings["model"], shape, CLASSES)
    return found


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A run whose networks are given, one inside the run's folder and one outside of it, and these networks."""
    workflow, outside = Workflow(tmp_path_factory.mktemp("run")), tmp_path_factory.mktemp("outside")
    given = networks()
    workflow.path("given").mkdir()
    given["main"].save(workflow.path("given/network.keras"))
    write_checkpoint(outside / "checkpoint", given["mvg"].get_weights())
    workflow.configure(configuration("given/network.keras", outside / "checkpoint"))
    workflow.run(*METRICS, *FIGURES, *TABLES)
    return workflow, given, outside / "checkpoint"


@pytest.fixture
def documented(scored):
    """The same with its documents; the figures of the main experiment that these come after are empty files."""
    workflow, *_ = scored
    if not workflow.path(DOCUMENTS[0]).exists():
        workflow.pretend(*DOCUMENTS)
        workflow.run("--forcerun", "gather_provenance", "write_overview", "--", *DOCUMENTS)
    return workflow


@pytest.mark.slow
def test_the_given_weights_score_and_nothing_is_trained(scored):
    workflow, given, _ = scored
    for name, network in given.items():
        fold = f"{RUN}/{name}/fold-1"
        for found, expected in zip(
            load_network(workflow.path(f"{fold}/model.keras")).get_weights(), network.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(found, expected)
        measures = [*MEASURES, *(f"val_{measure}" for measure in MEASURES)]
        assert workflow.read(f"{fold}/history.csv") == f"pass,{','.join(measures)}\n"
        assert workflow.read(f"{fold}/confusion.tsv") == "pass\ttrue\tpredicted\tn\n"
        assert workflow.path(f"{fold}/tensorboard").is_dir()
        predictions = pd.read_csv(workflow.path(f"{fold}/predictions.tsv"), sep="\t")
        assert {"validation", "test"} == set(predictions["split"])
        assert "nothing is trained" in workflow.read(f"logs/tiny/{name}/train/fold-1.log")
    assert set(pd.read_csv(workflow.path(METRICS[1]), sep="\t")["level"]) >= {"pooled", "mouse"}
    assert jobs(workflow.run("--dry-run", *METRICS).stdout) == {}


@pytest.mark.slow
def test_there_is_no_learning_curve_and_the_reason_is_told(scored):
    workflow, *_ = scored
    planned = jobs(workflow.run("--dry-run", "paper").stdout)
    assert "plot_confusion" in planned and "plot_learning" not in planned
    done = workflow.run("--dry-run", "figure_learning", check=False)
    (error,) = (line for line in done.stdout.splitlines() if line.startswith("error: "))
    assert error == (
        "error: figure_learning has no meaning for the experiment main: training.passes is 0, and networks score with "
        "the given weights, untrained"
    )
    assert "Traceback" not in done.stdout


@pytest.mark.slow
def test_documents_and_provenance_tell(documented, scored):
    _, _, checkpoint = scored
    methods, overview = map(documented.read, DOCUMENTS)
    assert "Nothing was trained: every fold has the given weights given/network.keras" in methods
    assert "nothing is trained." in overview
    provenance = json.loads(documented.read(f"{RUN}/provenance.json"))
    expected = [documented.path("given/network.keras"), *sorted(checkpoint.iterdir())]
    found = {Path(row["path"]).name: row["sha256"] for row in provenance["inputs"]["weights"]}
    assert found == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in expected}
    assert not found.keys() & {Path(path).name for path in provenance["without_record"]}


@pytest.mark.slow
def test_changed_weights_score_anew(scored):
    """By the content of a network's file, and by that of a checkpoint in a folder, which keeps its name."""
    workflow, _, checkpoint = scored
    others, name = networks()["mvg"], f"{RUN}/mvg/fold-1/model.keras"
    kept = checkpoint.with_name("kept")
    shutil.copytree(checkpoint, kept)
    shutil.rmtree(checkpoint)
    write_checkpoint(checkpoint, others.get_weights())
    try:
        planned = jobs(workflow.run("--dry-run", *METRICS).stdout)
        assert planned["train"] == planned["score_without_attention"] == 1 and "score" not in planned
        workflow.run(name)
        found = load_network(workflow.path(name)).get_weights()
        np.testing.assert_array_equal(found[0], others.get_weights()[0])
    finally:
        shutil.rmtree(checkpoint)
        kept.rename(checkpoint)


def test_the_estimate_counts_no_training(workflow):
    for name in ("a.keras", "b.keras"):
        workflow.path(name).touch()
    config, hours = configuration("a.keras", "b.keras"), {}
    for passes in (0, 10**6):
        workflow.configure(overlaid(config, {"training": {"passes": passes}}))
        said = workflow.run("estimate").stdout
        planned = jobs(workflow.run("--dry-run", "paper").stdout)
        assert rows(said)["total"] == sum(planned.values()) - 1  # the target itself
        assert ("plot_learning" in planned) == (passes > 0)
        hours[passes] = float(re.search(r"^ *main +\d+ +\d+ +\S+ +(\S+)", said, re.MULTILINE)[1].replace(",", ""))
    assert hours[0] < hours[10**6] / 2, hours


def test_missing_weights_stop_the_run_before_it_begins(workflow):
    config = configuration("given/network.keras", "given/ckpt-1")
    message = refusal(workflow, config)
    assert message.startswith("given/network.keras: no such weights, expected a network (.keras) or a TensorFlow check")
    workflow.path("given").mkdir()
    workflow.path("given/network.keras").touch()
    assert refusal(workflow, config).startswith("given/ckpt-1: no such weights, ")
    for end in ("index", "data-00000-of-00001"):
        workflow.path(f"given/ckpt-1.{end}").touch()
    planned = jobs(workflow.run("--dry-run", *METRICS).stdout)
    assert planned["train"] == 2


def test_no_training_without_weights_is_refused(workflow):
    message = refusal(workflow, overlaid(TINY, {"training": {"passes": 0}}))
    assert message.endswith(
        "config.yaml: experiment main: training.passes is 0, which scores with given weights, but model.weights is "
        "null; give weights or train"
    )


def test_a_training_can_start_from_the_runs_own_networks(workflow):
    """They are made anew first where that is due."""
    further = {"model": {"weights": f"{RUN}/main/fold-1/model.keras"}}
    workflow.configure(overlaid(TINY, {"experiments": {"main": {}, "further": further}}))
    path = workflow.path(further["model"]["weights"])
    path.parent.mkdir(parents=True)
    path.touch()
    planned = jobs(workflow.run("--dry-run", f"{RUN}/further/fold-2/model.keras").stdout)
    assert planned["train"] == 2


def test_a_workflow_that_imports_this_one_gives_weights_too(workflow):
    outer = Outer(workflow.folder)
    outer.configure(configuration("given.keras", workflow.folder / "given.keras"))
    outer.write(WHOLE)
    done = outer.run("--dry-run", check=False)
    (error,) = (line for line in done.stdout.splitlines() if line.startswith("error: "))
    assert error.startswith("error: given.keras: no such weights, ") and "Traceback" not in done.stdout
    outer.path("given.keras").touch()
    assert jobs(outer.run("--dry-run", "sleep_paper").stdout)["sleep_train"] == 2
