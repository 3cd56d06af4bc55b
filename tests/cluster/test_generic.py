"""The profile for other schedulers, with stand-ins for their commands that run the jobs on this machine."""

import importlib.util
import os
import signal

import pytest
from workflow.conftest import ROOT, TINY, overlaid

from .conftest import ClusterWorkflow

FOLD = "results/tiny/main/fold-1"
CONFIG = overlaid(TINY, {"folds": {"protocol": "held-out-mouse"}, "training": {"passes": 60}})

# A job outlives who submitted it, as on a cluster. Its identifier is the name of its folder.
SUBMIT = """\
#!/bin/sh
job=$(mktemp --directory {folder}/job-XXXXXX)
echo "$1 $2 $3" > $job/asked
setsid sh -c 'echo $$ > "$0/group"; "$1" > "$0/said" 2>&1; echo $? > "$0/status"' $job "$4" > {folder}/nothing 2>&1 &
echo $job
"""
STATUS = """\
#!/bin/sh
test -e "$1/status" || {{ echo running; exit; }}
test "$(cat "$1/status")" = 0 && echo success || echo failed
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("snakemake_executor_plugin_cluster_generic") is None,
        reason="snakemake-executor-plugin-cluster-generic is not installed: it comes with the extra `cluster`",
    ),
]


@pytest.fixture
def workflow(tmp_path):
    scheduler = tmp_path / "scheduler"
    scheduler.mkdir()
    for name, text in (("submit", SUBMIT), ("status", STATUS)):
        (scheduler / name).write_text(text.format(folder=scheduler))
        (scheduler / name).chmod(0o755)
    submit = f"{scheduler}/submit {{threads}} {{resources.mem_mb}} {{resources.gpu}}"
    options = (
        *("--cluster-generic-submit-cmd", submit, "--cluster-generic-status-cmd", f"{scheduler}/status"),
        *("--seconds-between-status-checks", "1", "--latency-wait", "5"),
        *("--jobs", "2"),
    )
    workflow = ClusterWorkflow(tmp_path / "run", "generic", options)
    workflow.folder.mkdir()
    # The profile takes what it shares with SLURM's from the folder of the Snakefile.
    workflow.path("workflow").symlink_to(ROOT / "workflow")
    workflow.configure(CONFIG)
    return workflow


def test_jobs_are_submitted_and_a_killed_controller_goes_on(workflow):
    predictions = f"{FOLD}/predictions.tsv"
    workflow.kill_when(workflow.path(f"{FOLD}/training-state.npz").exists, predictions)
    # The job outlives the controller, and is cancelled as docs/cluster.md says.
    jobs = workflow.folder.with_name("scheduler").glob("job-*")
    (orphan,) = [job for job in jobs if not (job / "status").exists()]
    os.killpg(int((orphan / "group").read_text()), signal.SIGKILL)
    workflow.run(predictions)
    assert "going on after training epoch" in workflow.read("logs/tiny/main/train/fold-1.log")
    assert workflow.path(predictions).exists()

    # What each submission asks for: cores, megabytes, GPUs. The atlas twice (made, checked), a group a mouse and the
    # folds without a GPU; training twice and scoring with one.
    asked = [path.read_text().split() for path in orphan.parent.glob("job-*/asked")]
    assert asked.count(["1", "8000", "1"]) == 3
    assert [gpus for *_, gpus in asked].count("0") == len(asked) - 3 == 6
