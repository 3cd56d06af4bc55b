"""Two kinds of networks in one run: what is made of each, and what both are shown in."""

import pandas as pd
import pytest
from finished_run import finished_run

from wfci_sleep.tables import read_table
from wfci_sleep.tables.results import AGREEMENT, GRADCAM_LINKS, METRICS, PARCEL_SCORES

from .conftest import TINY, jobs, overlaid

EXPERIMENTS = {
    "main": {"analysis": {"networks": ["graphs"]}},
    "graphs": {"windows": {"seconds": 1}, "model": {"kind": "mvg-cnn"}},
}
RESULTS = "results/tiny"


def test_both_networks_stand_beside_the_human_and_links_are_explained(workflow, without_tensorflow):
    finished_run(workflow.folder, {"experiments": EXPERIMENTS})
    shown = [f"{RESULTS}/main/figures/{name}.svg" for name in ("hypnogram-Ms1", "fragmentation")]
    workflow.run(*shown, f"{RESULTS}/graphs/figures/gradcam_links.svg", f"{RESULTS}/graphs/gradcam_links.tsv")
    for name in shown:
        figure = workflow.read(name)
        assert all(rater in figure for rater in ("CNN-BiLSTM", "MVG-CNN", "Human"))
    agreement = read_table(workflow.path(f"{RESULTS}/main/agreement.tsv"), AGREEMENT)
    pairs = set(zip(agreement["scorer_a"], agreement["scorer_b"], strict=True))
    assert pairs == {("cnn-bilstm", "mvg-cnn"), ("cnn-bilstm", "human"), ("mvg-cnn", "human")}
    links = read_table(workflow.path(f"{RESULTS}/graphs/gradcam_links.tsv"), GRADCAM_LINKS)
    assert links["mouse"].nunique() == 3
    assert not [*workflow.path(f"{RESULTS}/graphs").rglob("attention.h5")]
    refused = workflow.run(f"{RESULTS}/graphs/examples/rem.h5", "--dry-run", check=False)
    assert refused.returncode
    assert "error: a movie has no meaning for the experiment graphs: its network sees no frames" in refused.stdout


def test_the_target_all_makes_what_the_main_experiment_shows(workflow):
    others = {**EXPERIMENTS, "other": {"training": {"seed": 7}}}
    workflow.configure(overlaid(TINY, {"experiments": others}))
    for target in ("all", "figures", "tables"):
        made = workflow.run("--summary", "--", target).stdout
        assert f"{RESULTS}/other/" not in made
        for name in ("main", "graphs"):
            assert (f"{RESULTS}/{name}/figures/confusion.svg" in made) == (target != "tables")
            assert (f"{RESULTS}/{name}/metrics.json" in made) == (target != "figures")


@pytest.mark.parametrize(
    ("name", "changes", "trained"),
    [
        ("graphs", {"model": {"graph_filters": [4]}}, "graphs"),
        ("graphs", {"windows": {"seconds": 2}}, "graphs"),
        ("main", {"model": {"lstm_units": 5}}, "main"),
        ("main", {"windows": {"hemisphere": "left"}}, "main"),
    ],
)
def test_a_networks_settings_train_that_network_alone(workflow, name, changes, trained):
    finished_run(workflow.folder, {"experiments": EXPERIMENTS})
    workflow.pretend()
    assert jobs(workflow.run("--dry-run").stdout) == {}
    workflow.configure(overlaid(TINY, {"experiments": overlaid(EXPERIMENTS, {name: changes})}))
    made = workflow.run("--summary").stdout
    pending = [line.split("\t")[0] for line in made.splitlines() if "update pending" in line]
    networks = {path.split("/")[2] for path in pending if path.endswith("model.keras")}
    assert networks == {trained}


def test_networks_of_one_parcel_each_end_in_a_map(workflow, without_tensorflow):
    """The series is one target: no experiment of it has figures of its own."""
    parcels = {
        "model": {"kind": "mvg-cnn", "regions": "each"},
        "windows": {"seconds": 1},
        "folds": {"protocol": "pooled"},
    }
    finished_run(workflow.folder, {"experiments": {"main": {}, "parcels": parcels}})
    workflow.run("figure_parcel_scores")
    scores = read_table(workflow.path(f"{RESULTS}/parcels/parcel_scores.tsv"), PARCEL_SCORES)
    assert list(scores["parcel"].unique()) == [*range(2, 20), *range(22, 40)]
    own = read_table(workflow.path(f"{RESULTS}/parcels-30/metrics.tsv"), METRICS)
    of_30 = scores[scores["parcel"] == 30].drop(columns=["parcel", "name"])
    own = own[own["level"].isin(["pooled", "mouse"])]
    pd.testing.assert_frame_equal(of_30.reset_index(drop=True), own.reset_index(drop=True), check_dtype=False)
    figure = workflow.read(f"{RESULTS}/parcels/figures/parcel_scores.svg")
    assert "left hemisphere" in figure and "test epochs; interval over" in figure
    planned = workflow.run("--summary", "--", "paper").stdout
    assert f"{RESULTS}/parcels-30/metrics.tsv" in planned and f"{RESULTS}/parcels-30/figures" not in planned


def test_a_run_of_graphs_alone_plans_and_a_missing_map_is_refused(workflow):
    workflow.configure(overlaid(TINY, {"model": {"kind": "mvg-cnn"}, "experiments": {"main": {}}}))
    planned = jobs(workflow.run("--dry-run").stdout)
    assert planned["score_without_attention"] == planned["train"] == 3 and "score" not in planned
    refused = workflow.run("--dry-run", "--", "figure_parcel_scores", check=False)
    assert refused.returncode and "no experiment has model.regions each" in refused.stdout


def test_matlab_files_that_a_network_cannot_have_are_named_at_the_start(workflow):
    workflow.configure(overlaid(TINY, {"analysis": {"matlab": True}, "experiments": EXPERIMENTS}))
    said = workflow.run("--dry-run", "--", "paper").stdout
    line = "warning: the experiment graphs has no MATLAB files (analysis.matlab): its network sees no frames"
    assert said.splitlines().count(line) == 1
    assert jobs(said)["write_matlab_files"] == 1
