"""The whole study: its jobs, what a change makes anew, what a failure leaves, what stands beside the paper."""

import io
import re
import shutil

import pandas as pd
import pytest
import yaml
from finished_run import finished_run

from wfci_sleep.tables import read_table
from wfci_sleep.tables.results import PUBLISHED

from .conftest import ROOT, TINY, Workflow, jobs, overlaid, processor_s

PAPER = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())

BY_MOUSE = ["main", "binary", "left-hemisphere", "right-hemisphere", "cross-entropy", "simam", "cbam", "no-attention"]
LENGTHS = [*range(1, 11), 15, 20]
POOLED = ["pooled", *(f"window-{seconds:02d}s" for seconds in LENGTHS)]
# Of the network over visibility graphs: one by mouse, one of the held-out mouse, the rest pooled; and a series.
GRAPHS_POOLED = ["mvg-cnn-pooled", "mvg-cnn-binary", *(f"mvg-cnn-window-{seconds:02d}s" for seconds in LENGTHS)]
PARCELS = [f"mvg-cnn-parcels-{parcel:02d}" for parcel in (*range(2, 20), *range(22, 40))]

# What takes every experiment, or describes the run: it follows a change of any of them.
OF_THE_RUN = {
    *("paper", "gather_provenance", "write_methods", "write_overview", "write_crate", "make_table_page_of_run"),
    *("compare_with_published", "plot_published", "compare_experiments", "plot_comparison", "plot_window_length"),
}


def small(experiments):
    """The paper's configuration on three synthetic mice, with some of its experiments."""
    config = overlaid(PAPER, TINY)
    chosen = {name: PAPER["experiments"][name] for name in experiments}
    if "mvg-cnn-parcels" in chosen:  # its four folds are more than the mice
        chosen = overlaid(chosen, {"mvg-cnn-parcels": {"folds": {"k": 3}}})
    return {**config, "windows": {"spatial_binning": 16}, "experiments": chosen}


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


def test_the_paper_takes_the_right_jobs(stand_ins):
    """Twelve mice of twelve runs: numbers worked out by hand."""
    with processor_s() as took:
        dry = stand_ins.run("--dry-run", "--resources", "gpu=1", "--", "paper").stdout
    assert took() < 45
    recordings, mice = 12 * 12, 12
    frames, graphs, parcels = len(BY_MOUSE) + 1 + len(POOLED), 1 + 1 + len(GRAPHS_POOLED), len(PARCELS)
    shown = frames + graphs
    # A network for each mouse by mouse, one for the held-out mouse, one for each pooled split, four for each parcel.
    of_frames = len(BY_MOUSE) * mice + 1 + len(POOLED)
    of_graphs = mice + 1 + len(GRAPHS_POOLED) + 4 * parcels
    # Whole sessions are tested in the experiments by mouse and for the held-out mouse.
    sessions, session_experiments = len(BY_MOUSE) * mice + 1, len(BY_MOUSE) + 1
    assert jobs(dry) == {
        **dict.fromkeys(("paper", "check_atlas", "list_recordings", "plot_recordings"), 1),
        **dict.fromkeys(("gather_provenance", "write_methods", "write_overview", "write_crate"), 1),
        **dict.fromkeys(("compare_with_published", "plot_published", "compare_experiments", "plot_comparison"), 1),
        **dict.fromkeys(("plot_window_length", "compare_parcels", "plot_parcel_scores"), 1),
        "check_recording": recordings,
        # 10 s of both hemispheres, the left, the right, graphs; the other eleven lengths in one job a recording.
        "cut_windows": (3 + 1) * recordings,
        "cut_windows_together": 2 * recordings,
        "train": of_frames + of_graphs,
        "score": of_frames,
        "score_without_attention": of_graphs,
        **dict.fromkeys(("make_folds", "compute_metrics"), shown + parcels),
        **dict.fromkeys(("measure_fragmentation", "measure_transition_distance"), shown),
        "average_gradcam": frames,
        "average_links": graphs,
        **dict.fromkeys(("plot_confusion", "plot_performance", "plot_reliability"), shown),
        **dict.fromkeys(("plot_folds", "plot_learning", "plot_transition_distance"), shown),
        **{
            f"plot_{method}{kind}": number
            for method in ("gradcam", "gradcam_plus_plus")
            for kind, number in {"": frames, "_atlas": frames, "_parcels": frames, "_links": graphs}.items()
        },
        "plot_hypnogram": sessions + mice + 1,
        **dict.fromkeys(("plot_fragmentation", "plot_fragmentation_published"), session_experiments + 2),
        # no-attention weighs every frame alike.
        **dict.fromkeys(("plot_attention_time_course", "plot_attention_distribution"), frames - 1),
        "plot_attention_transitions": session_experiments - 1,
        "plot_attention_session": sessions - mice,
        "plot_registration": mice,
        # Eight tables of each experiment, of graphs without that of parcels; quality, published and comparison.
        "make_table_page": 8 * frames + 7 * graphs,
        "make_table_page_of_run": 3,
    }


def test_experiments_share_shards(stand_ins):
    shards = planned(stand_ins, "paper")["output_file"].str.extract(r"/windows/([^/]+)/Ms\d+/Ms\d+-fc\d+\.tfrecord$")[0]
    of_windowing = shards.value_counts()
    assert len(of_windowing) == 3 + 11 + 12  # of 22 experiments with frames and 52 with graphs
    assert (of_windowing == 144).all()


@pytest.fixture(scope="module")
def touched(tmp_path_factory):
    """Every file of the whole study, empty, as if it had just been made."""
    workflow = Workflow(tmp_path_factory.mktemp("paper"))
    workflow.configure(small(PAPER["experiments"]))
    workflow.pretend("paper")
    return workflow


@pytest.mark.slow
def test_a_finished_paper_has_nothing_to_do(touched):
    assert jobs(touched.run("--dry-run", "paper").stdout) == {}


@pytest.mark.slow
@pytest.mark.parametrize("first", [0, 1])
def test_a_change_of_experiments_makes_them_alone_anew(touched, first):
    """Every second of them, in the order of the configuration: neighbours, which have most in common, stay apart."""
    config = small(PAPER["experiments"])
    experiments = list(PAPER["experiments"])[first::2]
    changes = {experiment: {"training": {"seed": 43}} for experiment in experiments}
    touched.configure(overlaid(config, {"experiments": changes}))
    try:
        found = by_experiment(touched, "paper")
    finally:
        touched.configure(config)
    assert found.pop("") <= OF_THE_RUN
    if "mvg-cnn-parcels" in experiments:
        assert found.pop("mvg-cnn-parcels") == {"compare_parcels", "plot_parcel_scores"}
        for name in PARCELS:
            assert found.pop(name) == {"train", "score_without_attention", "compute_metrics"}
        experiments.remove("mvg-cnn-parcels")
    for name in experiments:
        score = "score_without_attention" if name.startswith("mvg-cnn") else "score"
        rules = found.pop(name)
        assert {"train", score, "compute_metrics", "plot_confusion"} <= rules
        assert "make_folds" not in rules
    # An experiment that shows another's network is drawn again, and no more.
    for name, rules in found.items():
        assert set(PAPER["experiments"][name]["analysis"]["networks"]) & set(experiments)
        assert not {"make_folds", "train", "score", "compute_metrics"} & rules


@pytest.mark.slow
def test_a_fold_that_fails_leaves_the_other_experiments_complete(workflow):
    experiments = {"main": {}, "binary": {"labels": {"classes": ["wake", "sleep"]}, "windows": {"seconds": 1}}}
    finished_run(workflow.folder, {"experiments": experiments})
    workflow.pretend("paper")
    # What stands for the network of this fold cannot be read: scoring it once more fails.
    predictions = workflow.path("results/tiny/binary/fold-2/predictions.tsv")
    predictions.unlink()
    workflow.path("results/tiny/main/bouts.tsv").unlink()
    shutil.rmtree(workflow.path("results/tiny/binary/figures"))
    workflow.path("results/tiny/published.tsv").unlink()
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
    table = read_table(workflow.path("results/tiny/published.tsv"), PUBLISHED)
    reached = table["experiment"].isin(list(config["experiments"])) & ~table["what"].str.contains("second human rater")
    assert reached.sum() == 3 + 1 + 2 * 4 + 2 + 2 + 1  # the last three of the earlier network
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
    drawn = {name.removeprefix("plot_") for name in listed if name.startswith("plot_")}
    assert {f"figure_{name}" for name in drawn} == figures


def test_a_figures_target_draws_that_figure(workflow):
    workflow.configure(TINY)
    found = jobs(workflow.run("--dry-run", "figure_hypnogram").stdout)
    assert {name: count for name, count in found.items() if name.startswith("plot_")} == {"plot_hypnogram": 3}


def test_the_sweep_makes_its_lengths_and_nothing_else(workflow):
    workflow.configure(small(["main", "simam", "window-01s", "window-05s", "window-10s"]))
    found = by_experiment(workflow, "sweep")
    assert set(found) - {""} == {"window-01s", "window-05s", "window-10s"}
    assert "plot_window_length" in found[""]


def test_figures_join_the_groups_of_the_pages_of_tables(workflow):
    """As the profiles of clusters name them, with as many jobs in each; without a profile there are no groups."""
    workflow.configure(TINY)
    pages = ("make_table_page=results-{experiment}", "make_table_page_of_run=run")
    groups = ("--groups", *pages, "--group-components", "results-{experiment}=1000", "run=1000")
    said = workflow.run("--dry-run", *groups, "--", "figures").stdout
    assert sorted(re.findall(r"Group job (\S+) ", said)) == ["results-main", "run"]
    assert "Group job" not in workflow.run("--dry-run", "figures").stdout
