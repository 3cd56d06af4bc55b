"""What would run, and what is refused before anything runs."""

import re
import subprocess
import time

import yaml

from .conftest import ROOT, TINY, jobs, overlaid, processor_s


def test_the_papers_dag_is_built_in_time_and_complete(stand_ins):
    with processor_s() as took:
        output = stand_ins.run("--dry-run", "--resources", "gpu=1").stdout
    assert took() < 15
    found = jobs(output)
    per_recording = {name: found[name] for name in ("check_recording", "windows")}
    assert per_recording == dict.fromkeys(per_recording, 144)
    assert (found["train"], found["score"], found["folds"], found["metrics"]) == (12, 12, 1, 1)
    assert found["hypnogram_figure"] == found["registration_figure"] == 12
    assert "synthesise_recording" not in found


def test_experiments_with_equal_windows_share_shards(workflow):
    experiments = {
        "main": {},
        "binary": {"labels": {"classes": ["wake", "sleep"]}},
        "short": {"windows": {"seconds": 1}},
    }
    workflow.configure(overlaid(TINY, {"experiments": experiments}))
    found = jobs(workflow.run("--dry-run", "paper").stdout)
    assert found["windows"] == 3 * 2
    assert found["train"] == 3 * 3
    # Without being asked, the main experiment alone.
    found = jobs(workflow.run("--dry-run").stdout)
    assert found["windows"] == found["train"] == 3


def test_the_lengths_of_a_sweep_are_cut_together(workflow):
    experiments = {
        "main": {"windows": {"seconds": 10}},
        "left": {"windows": {"seconds": 10, "hemisphere": "left"}},
        **{f"window-{seconds:02d}s": {"windows": {"seconds": seconds}} for seconds in (1, 2, 15)},
    }
    workflow.configure(overlaid(TINY, {"sweep": {"seconds": [1, 2, 3, 15]}, "experiments": experiments}))
    found = jobs(workflow.run("--dry-run", "paper").stdout)
    assert found["windows"] == 3 * 2  # main and left: 10 s is not in the list
    assert found["windows_together"] == 3
    assert found["train"] == 3 * 5
    # One length of the list alone is cut alone.
    del experiments["window-02s"], experiments["window-15s"]
    workflow.configure(overlaid(TINY, {"sweep": {"seconds": [1, 2, 3, 15]}, "experiments": experiments}))
    found = jobs(workflow.run("--dry-run", "paper").stdout)
    assert found["windows"] == 3 * 3
    assert "windows_together" not in found


def test_the_shipped_configurations_resolve(workflow):
    for name, source in (("demo", "synthetic"), ("config", "physionet")):
        config = yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())
        assert config["dataset"]["source"] == source
    workflow.configure(yaml.safe_load((ROOT / "config" / "demo.yaml").read_text()))
    assert jobs(workflow.run("--dry-run").stdout)["train"] == 4


def refusal(workflow, config, *arguments):
    """The message with which a run is refused, and that there is no traceback."""
    workflow.configure(config)
    done = workflow.run("--dry-run", *arguments, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    (message,) = re.findall(r"WorkflowError in file .*\n(.*)", done.stdout)
    return message


def test_unknown_key_is_refused(workflow):
    message = refusal(workflow, overlaid(TINY, {"windows": {"lenght": 5}}))
    assert message.endswith(
        "config.yaml: unknown key windows.lenght, "
        "expected one of compression, hemisphere, mask, normalisation, seconds, spatial_binning, storage"
    )


def test_wrong_value_is_refused(workflow):
    message = refusal(workflow, overlaid(TINY, {"training": {"passes": 0}}))
    assert message.endswith("config.yaml: training.passes is 0, expected at least 1")


def test_a_scorer_without_a_table_is_refused(workflow):
    message = refusal(workflow, overlaid(TINY, {"analysis": {"scorers": {"second rater": "second.tsv"}}}))
    assert message.startswith("second.tsv: does not exist, expected the scores of second rater (analysis.scorers): ")


def test_the_networks_name_is_no_scorers(workflow):
    message = refusal(workflow, overlaid(TINY, {"analysis": {"scorers": {"human": "second.tsv"}}}))
    assert "analysis.scorers" in message and "human" in message


def test_empty_folder_is_refused(workflow):
    workflow.path("nothing").mkdir()
    message = refusal(workflow, overlaid(TINY, {"dataset": {"source": "local", "local": {"path": "nothing"}}}))
    assert message.startswith("nothing: no recording found, expected files named like Ms1-fc1.mat")


def test_one_mouse_with_a_by_mouse_protocol_is_refused(workflow):
    message = refusal(workflow, overlaid(TINY, {"dataset": {"synthetic": {"mice": 1}}}))
    assert message.startswith("folds.protocol leave-one-mouse-out needs at least 3 mice")
    assert "found 1 mouse: Ms1" in message


def test_a_second_run_in_the_same_folder_is_refused(workflow):
    workflow.configure(TINY)
    target = "resources/tiny/recordings.tsv"
    first = subprocess.Popen(
        workflow.command("--cores", "1", target),
        cwd=workflow.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        raw = workflow.path("resources/tiny/raw")
        while not raw.exists():
            assert first.poll() is None
            time.sleep(0.05)
        second = workflow.run(target, check=False)
    finally:
        first.wait()
    assert first.returncode == 0
    assert second.returncode != 0
    assert "another run of the workflow is at work in this folder" in second.stdout
