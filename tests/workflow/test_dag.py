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
    per_recording = {name: found[name] for name in ("check_recording", "cut_windows")}
    assert per_recording == dict.fromkeys(per_recording, 144)
    assert (found["train"], found["score"], found["make_folds"], found["compute_metrics"]) == (12, 12, 1, 1)
    assert found["plot_hypnogram"] == found["plot_registration"] == 12
    assert "synthesise_recording" not in found


def test_experiments_with_equal_windows_share_shards(workflow):
    experiments = {
        "main": {},
        "binary": {"labels": {"classes": ["wake", "sleep"]}},
        "short": {"windows": {"seconds": 1}},
    }
    workflow.configure(overlaid(TINY, {"experiments": experiments}))
    found = jobs(workflow.run("--dry-run", "paper").stdout)
    assert found["cut_windows"] == 3 * 2
    assert found["train"] == 3 * 3
    # Without being asked, the main experiment alone.
    found = jobs(workflow.run("--dry-run").stdout)
    assert found["cut_windows"] == found["train"] == 3


def test_the_lengths_of_a_sweep_are_cut_together(workflow):
    experiments = {
        "main": {"windows": {"seconds": 10}},
        "left": {"windows": {"seconds": 10, "hemisphere": "left"}},
        **{f"window-{seconds:02d}s": {"windows": {"seconds": seconds}} for seconds in (1, 2, 15)},
    }
    workflow.configure(overlaid(TINY, {"sweep": {"seconds": [1, 2, 3, 15]}, "experiments": experiments}))
    found = jobs(workflow.run("--dry-run", "paper").stdout)
    assert found["cut_windows"] == 3 * 2  # main and left: 10 s is not in the list
    assert found["cut_windows_together"] == 3
    assert found["train"] == 3 * 5
    # One length of the list alone is cut alone.
    del experiments["window-02s"], experiments["window-15s"]
    workflow.configure(overlaid(TINY, {"sweep": {"seconds": [1, 2, 3, 15]}, "experiments": experiments}))
    found = jobs(workflow.run("--dry-run", "paper").stdout)
    assert found["cut_windows"] == 3 * 3
    assert "cut_windows_together" not in found


def test_the_shipped_configurations_resolve(workflow):
    for name, source in (("demo", "synthetic"), ("config", "physionet")):
        config = yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())
        assert config["dataset"]["source"] == source
    workflow.configure(yaml.safe_load((ROOT / "config" / "demo.yaml").read_text()))
    assert jobs(workflow.run("--dry-run").stdout)["train"] == 2 * 4  # networks, mice


def refusal(workflow, config, *arguments):
    """The message with which a run is refused, and that there is no traceback."""
    workflow.configure(config)
    done = workflow.run("--dry-run", *arguments, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout and ", line " not in done.stdout
    (message,) = re.findall(r"^error: (.*)$", done.stdout, flags=re.MULTILINE)
    return message


def test_unknown_key_is_refused(workflow):
    message = refusal(workflow, overlaid(TINY, {"windows": {"lenght": 5}}))
    assert message.endswith(
        "config.yaml: unknown key windows.lenght, "
        "expected one of compression, hemisphere, mask, normalisation, seconds, spatial_binning, storage"
    )


def test_wrong_value_is_refused(workflow):
    message = refusal(workflow, overlaid(TINY, {"training": {"passes": -1}}))
    assert message.endswith("config.yaml: training.passes is -1, expected at least 0")


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


def test_files_left_aside_are_told_before_too_few_mice(workflow):
    workflow.path("recordings").mkdir()
    for name in ("Ms2-fc1.mat", "Ms3-rest.mat", "atlas.mat"):
        workflow.path(f"recordings/{name}").touch()
    workflow.configure(overlaid(TINY, {"dataset": {"source": "local", "local": {"path": "recordings"}}}))
    done = workflow.run("--dry-run", check=False)
    assert done.returncode == 1
    note, error = (line for line in done.stdout.splitlines() if line.startswith(("warning: ", "error: ")))
    assert note.startswith("warning: recordings: 1 .mat file is left aside") and "Ms3-rest.mat" in note
    assert "needs at least 3 mice" in error and "found 1 mouse: Ms2" in error


def test_no_rule_makes_files_of_an_unknown_mouse_or_recording(workflow):
    """Neither of one that isn't there nor of one that a name matches by chance."""
    workflow.path("recordings").mkdir()
    rows = ["mouse\trecording\tpath"]
    for mouse in ("Ms1", "M.2_b", "191030-M5"):
        workflow.path(f"recordings/{mouse}.mat").touch()
        rows.append(f"{mouse}\tday\trecordings/{mouse}.mat")
    workflow.path("sheet.tsv").write_text("\n".join(rows) + "\n")
    workflow.path("atlas.mat").touch()
    dataset = {"source": "local", "local": {"path": "sheet.tsv"}, "atlas": "atlas.mat"}
    workflow.configure(overlaid(TINY, {"dataset": dataset}))
    figures = "results/tiny/main/figures/hypnogram-{}.svg", "results/tiny/figures/registration-{}.svg"
    night = "resources/tiny/checks/{}/night.tsv"
    for mouse, figure in (("Ms9", figures[0]), ("Ms9", figures[1]), ("Mx2_b", figures[0]), ("M.2_b", night)):
        done = workflow.run("--dry-run", figure.format(mouse), check=False)
        assert done.returncode == 1
        assert "MissingRuleException" in done.stdout and "Traceback" not in done.stdout
    known = [figure.format(mouse) for figure in figures for mouse in ("M.2_b", "191030-M5")]
    plan = jobs(workflow.run("--dry-run", *known).stdout)
    assert plan["plot_hypnogram"] == plan["plot_registration"] == 2


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


def test_values_on_the_command_line_reach_the_jobs(workflow):
    """As Snakemake's help and config/README write them: `--config key={...}`."""
    workflow.configure(TINY)
    given = "training={passes: 3, learning_rate: 1e-4, xla: false}"
    workflow.run("--config", given, "--", "resources/tiny/atlas.mat")
    assert workflow.path("resources/tiny/atlas.mat").is_file()
    twice = workflow.run("--config", "training={passes: 3, passes: 4}", "--dry-run", check=False)
    assert twice.returncode == 1
    assert "--config training: key passes stands in line 1 and in line 1" in twice.stdout
    wrong = workflow.run("--config", "training={passes: -1}", "--dry-run", check=False)
    assert re.search(
        "^error: .*config.yaml with --config: training.passes is -1, expected ", wrong.stdout, re.MULTILINE
    )


def test_a_key_that_stands_twice_in_the_file_stops_before_any_job(workflow):
    workflow.configure(TINY)
    text = workflow.path("config.yaml").read_text()
    workflow.path("config.yaml").write_text(text + "training: {passes: 200}\n")
    done = workflow.run("--dry-run", check=False)
    assert done.returncode == 1
    assert re.search(
        r"config.yaml: key training stands in line \d+ and in line \d+, expected once; keep one", done.stdout
    )


def test_braces_in_the_folder_of_the_workflow_are_one_line(workflow):
    workflow.path("{x}").symlink_to(ROOT)
    workflow.configure(TINY)
    done = workflow.run("--snakefile", str(workflow.path("{x}/workflow/Snakefile")), "--dry-run", check=False)
    (error,) = (line for line in done.stdout.splitlines() if line.startswith("error: "))
    assert error.startswith(
        f"error: the folder of the workflow: the path '{workflow.path('{x}/workflow')}' is not usable"
    )
    assert "Traceback" not in done.stdout
