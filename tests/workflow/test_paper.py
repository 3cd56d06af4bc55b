"""The whole study: its jobs, what a change makes anew, what a failure leaves, what stands beside the paper."""

import io
import re

import pandas as pd
import pytest
import yaml
from finished_run import finished_run

from wfci_sleep.files import read_table

from .conftest import ROOT, TINY, Workflow, jobs, overlaid, processor_s

PAPER = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())

BY_MOUSE = ["main", "binary", "left-hemisphere", "right-hemisphere", "cross-entropy", "simam", "cbam", "no-attention"]
LENGTHS = [*range(1, 11), 15, 20]
POOLED = ["pooled", *(f"window-{seconds:02d}s" for seconds in LENGTHS)]

# What takes every experiment, or describes the run: it follows a change of any of them.
OF_THE_RUN = {
    *("paper", "provenance", "methods", "overview", "crate", "table_page_of_run"),
    *("published", "published_figure", "comparison", "comparison_figure", "window_length_figure"),
}


def small(experiments):
    """The paper's configuration on three synthetic mice, with some of its experiments."""
    config = overlaid(PAPER, TINY)
    return {
        **config,
        "windows": {"spatial_binning": 16},
        "experiments": {name: PAPER["experiments"][name] for name in experiments},
    }


def planned(workflow, *targets):
    """Files that a run would make: table with columns output_file, rule, plan and experiment (empty: of the run)."""
    lines = [line for line in workflow.run("--summary", *targets).stdout.splitlines() if "\t" in line]
    table = pd.read_csv(io.StringIO("\n".join(lines)), sep="\t")
    experiment = table["output_file"].str.extract(r"^results/[^/]+/([^/]+)/")[0]
    return table.assign(experiment=experiment.where(~experiment.isin(["figures", "tables"]), "").fillna(""))


def by_experiment(workflow, *targets):
    """Experiment -> rules that would run for it; those of the run below an empty name."""
    table = planned(workflow, *targets)
    return table[table["plan"] == "update pending"].groupby("experiment")["rule"].agg(set).to_dict()


def touch_everything(workflow, *targets):
    """Make an empty file of everything that a run would make, as if it had just ended."""
    for name in planned(workflow, *targets)["output_file"]:
        path = workflow.path(name)
        if path.name == "tensorboard":  # a folder
            path /= ".snakemake_timestamp"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    workflow.run("--touch", "--forceall", *targets)


def test_the_paper_takes_the_right_jobs(stand_ins):
    """Twelve mice of twelve runs: numbers worked out by hand."""
    with processor_s() as took:
        dry = stand_ins.run("--dry-run", "--resources", "gpu=1", "--", "paper").stdout
    assert took() < 45
    recordings, mice, experiments = 12 * 12, 12, 8 + 1 + 13
    # A network for each mouse by mouse, one for the held-out mouse, one for each pooled split.
    networks = 8 * mice + 1 + 13
    # Whole sessions are tested in the experiments by mouse and for the held-out mouse.
    sessions, session_experiments = 8 * mice + 1, 8 + 1
    assert jobs(dry) == {
        **dict.fromkeys(("paper", "atlas", "list_recordings", "recordings_figure"), 1),
        **dict.fromkeys(("provenance", "methods", "overview", "crate"), 1),
        **dict.fromkeys(
            ("published", "published_figure", "comparison", "comparison_figure", "window_length_figure"), 1
        ),
        "check_recording": recordings,
        # 10 s of both hemispheres, of the left, of the right; the other eleven lengths in one job a recording.
        "windows": 3 * recordings,
        "windows_together": recordings,
        **dict.fromkeys(("train", "score"), networks),
        **dict.fromkeys(("folds", "metrics", "fragmentation", "gradcam_parcels", "transition_distance"), experiments),
        **dict.fromkeys(("confusion_figure", "performance_figure", "reliability_figure"), experiments),
        **dict.fromkeys(("learning_figure", "transition_distance_figure"), experiments),
        # Two methods, with and without the atlas; two methods by parcel.
        "gradcam_figure": 4 * experiments,
        "gradcam_parcels_figure": 2 * experiments,
        "hypnogram_figure": sessions,
        "fragmentation_figure": 2 * session_experiments,
        # no-attention weighs every frame alike.
        **dict.fromkeys(("attention_time_course_figure", "attention_distribution_figure"), experiments - 1),
        "attention_transitions_figure": session_experiments - 1,
        "attention_session_figure": sessions - mice,
        "registration_figure": mice,
        # Seven tables of each experiment; quality, published and comparison.
        "table_page": 7 * experiments,
        "table_page_of_run": 3,
    }


def test_experiments_share_shards(stand_ins):
    shards = planned(stand_ins, "paper")["output_file"].str.extract(r"/windows/([^/]+)/Ms\d+/Ms\d+-fc\d+\.tfrecord$")[0]
    of_windowing = shards.value_counts()
    assert len(of_windowing) == 3 + 11  # of 22 experiments
    assert (of_windowing == 144).all()


@pytest.fixture(scope="module")
def touched(tmp_path_factory):
    """Every file of the whole study, empty, as if it had just been made."""
    workflow = Workflow(tmp_path_factory.mktemp("paper"))
    workflow.configure(small(PAPER["experiments"]))
    touch_everything(workflow, "paper")
    return workflow


@pytest.mark.slow
def test_a_finished_paper_has_nothing_to_do(touched):
    assert jobs(touched.run("--dry-run", "paper").stdout) == {}


@pytest.mark.slow
@pytest.mark.parametrize("experiment", PAPER["experiments"])
def test_a_change_of_one_experiment_makes_it_alone_anew(touched, experiment):
    config = small(PAPER["experiments"])
    changed = overlaid(config, {"experiments": {experiment: {"training": {"seed": 43}}}})
    touched.configure(changed)
    try:
        found = by_experiment(touched, "paper")
    finally:
        touched.configure(config)
    assert found.pop("") <= OF_THE_RUN
    assert list(found) == [experiment]
    assert {"train", "score", "metrics", "confusion_figure"} <= found[experiment]
    assert "folds" not in found[experiment]


@pytest.mark.slow
def test_a_fold_that_fails_leaves_the_other_experiments_complete(workflow):
    experiments = {"main": {}, "binary": {"labels": {"classes": ["wake", "sleep"]}, "windows": {"seconds": 1}}}
    finished_run(workflow.folder, {"experiments": experiments})
    # What stands for the network of this fold cannot be read: scoring it once more fails.
    predictions = workflow.path("results/tiny/binary/fold-2/predictions.tsv")
    predictions.unlink()
    done = workflow.run("paper", "--keep-going", check=False)
    assert done.returncode != 0
    assert "Experiment main: complete" in done.stdout
    missing = re.search(r"Experiment binary: incomplete, (\d+) files are missing, the first is (\S+)", done.stdout)
    assert missing[2] == "results/tiny/binary/fold-2/predictions.tsv"
    assert int(missing[1]) > 10
    assert not workflow.path("results/tiny/published.tsv").exists()
    # Nothing of the main experiment is left to do.
    found = by_experiment(workflow, "paper")
    assert "main" not in found
    assert "score" in found["binary"]


@pytest.mark.slow
def test_every_published_number_that_the_small_paper_reaches_is_filled(workflow):
    config = yaml.safe_load((ROOT / "config" / "demo-paper.yaml").read_text())
    config = overlaid(config, {"dataset": TINY["dataset"], "analysis": {"bootstrap_resamples": 100}})
    finished_run(workflow.folder, {**config, "run": TINY["run"]})
    workflow.run("results/tiny/published.tsv")
    table = read_table(workflow.path("results/tiny/published.tsv"))
    reached = table["experiment"].isin(list(config["experiments"])) & ~table["what"].str.contains("second human rater")
    assert reached.sum() == 3 + 1 + 2 * 4
    assert (table["ours"].notna() == reached).all()
    assert table.loc[reached, "difference"].notna().all()
    assert table.loc[reached, "note"].str.startswith("synthetic data: not a scientific result").all()
    assert (table.loc[~reached, "note"].str.len() > 10).all()
    assert not table["note"].str.contains("not the same question").any()


def test_the_list_of_rules_is_a_table_of_contents(workflow):
    workflow.configure(TINY)
    listed = dict(re.findall(r"^(\w+)(?: \((.*)\))?$", workflow.run("--list").stdout, flags=re.MULTILINE))
    targets = {"all", "paper", "sweep", "figures", "tables", "movies", "matlab", "report", "estimate"}
    figures = {name for name in listed if name.startswith("figure_")}
    assert {"figure_confusion", "figure_hypnogram", "figure_published", "figure_comparison"} <= figures
    for name in targets | figures:
        assert listed[name].endswith("."), name
    # A target for each rule that draws.
    drawn = {name.removesuffix("_figure") for name in listed if name.endswith("_figure")} - {"raters"}
    assert {f"figure_{name}" for name in drawn} <= figures


def test_a_figures_target_draws_that_figure(workflow):
    workflow.configure(TINY)
    found = jobs(workflow.run("--dry-run", "figure_hypnogram").stdout)
    assert {name: count for name, count in found.items() if name.endswith("_figure")} == {"hypnogram_figure": 3}


def test_the_sweep_makes_its_lengths_and_nothing_else(workflow):
    workflow.configure(small(["main", "simam", "window-01s", "window-05s", "window-10s"]))
    found = by_experiment(workflow, "sweep")
    assert set(found) - {""} == {"window-01s", "window-05s", "window-10s"}
    assert "window_length_figure" in found[""]
