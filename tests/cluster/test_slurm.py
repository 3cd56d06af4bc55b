"""The profile on a real SLURM: jobs that are cancelled, killed, requeued or too large, and a killed controller."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from workflow.conftest import TINY, Workflow, overlaid

from .conftest import SlurmWorkflow, call, one_at_a_time, seconds, wait_until

FOLD = "results/tiny/main/fold-1"
STATE = f"{FOLD}/training-state.npz"
MODEL = f"{FOLD}/model.keras"
PREDICTIONS = f"{FOLD}/predictions.tsv"
TRAINING_LOG = "logs/tiny/main/train/fold-1.log"
BOTH = [f"results/tiny/main/fold-{fold}/predictions.tsv" for fold in (1, 2)]

# Two folds of one training mouse each, trained long enough to be disturbed.
FOLDS = [
    {"train": ["Ms2"], "validation": ["Ms3"], "test": ["Ms1"]},
    {"train": ["Ms3"], "validation": ["Ms1"], "test": ["Ms2"]},
]
CONFIG = overlaid(TINY, {"folds": {"protocol": "fixed", "fixed": FOLDS}, "training": {"passes": 60}})

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def local(slurm, tmp_path_factory):
    """The run on this machine, without a cluster."""
    workflow = Workflow(tmp_path_factory.mktemp("local"))
    workflow.configure(CONFIG)
    workflow.run(*BOTH)
    return workflow


@pytest.fixture(scope="module")
def cluster(local, tmp_path_factory):
    """The same run through the profile, on the same recordings."""
    workflow = SlurmWorkflow(tmp_path_factory.mktemp("cluster"))
    recordings = {"source": "local", "local": {"path": str(local.path("resources/tiny/raw"))}}
    workflow.configure({**CONFIG, "dataset": recordings})
    workflow.finish(*BOTH)
    return workflow


@pytest.fixture
def untrained(cluster, tmp_path):
    """A copy of the finished run that lacks its first fold."""
    folder = shutil.copytree(cluster.folder, tmp_path / "copy")
    shutil.rmtree(folder / FOLD)
    return SlurmWorkflow(folder)


def test_a_run_predicts_what_it_predicts_on_one_machine(local, cluster, slurm):
    assert [cluster.read(name) for name in BOTH] == [local.read(name) for name in BOTH]
    # Checking and cutting the recordings of a mouse is one submission.
    assert len(cluster.submitted("recordings-Ms")) == 3
    assert not cluster.submitted("cut_windows")
    assert all(job["JobState"] == "COMPLETED" for job in slurm.finished())
    assert "Nothing to be done" in cluster.run("--dry-run", *BOTH).stdout


def test_one_gpu_serves_one_job_at_a_time(cluster, slurm):
    records = slurm.finished([*cluster.submitted("train"), *cluster.submitted("score")])
    assert len(records) == 4
    assert one_at_a_time(records)

    # The second training was there all the time, and a core for it too: jobs without a GPU do run beside each other.
    first, second = slurm.finished(cluster.submitted("train"))
    assert second["SubmitTime"] < first["EndTime"]
    (_, end), (start, _) = sorted(map(seconds, slurm.finished(cluster.submitted("recordings-Ms"))))[:2]
    assert start < end


def wait_for_a_pass(workflow):
    """Wait until training has saved a further pass."""
    state = workflow.path(STATE)
    before = state.stat().st_mtime_ns if state.exists() else None
    wait_until(lambda: state.exists() and state.stat().st_mtime_ns != before, "training saves a pass", 180)


def training_job(slurm):
    """SLURM's identifier of the training that runs."""
    running = call("squeue", "--noheader", "--states=RUNNING", "--format=%i %k").splitlines()
    (identifier,) = [line.split()[0] for line in running if "rule_train" in line]
    return identifier


def training_process(identifier):
    """Number of the process that trains."""
    numbers = [line.split()[0] for line in call("scontrol", "listpids", identifier).splitlines()[1:]]
    (number,) = [int(n) for n in numbers if "train.py" in Path(f"/proc/{n}/cmdline").read_text()]
    return number


def test_training_goes_on_after_each_disturbance(local, untrained, slurm):
    said = untrained.path("said.txt")
    with said.open("w") as output:
        process = subprocess.Popen(
            untrained.command("--cores", "2", PREDICTIONS),
            cwd=untrained.folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for_a_pass(untrained)
        cancelled = training_job(slurm)
        call("scancel", cancelled)
        wait_until(lambda: slurm.finished([cancelled]), "the cancelled job ends")

        wait_for_a_pass(untrained)
        assert "going on after training epoch" in untrained.read(TRAINING_LOG)
        killed = training_job(slurm)
        os.kill(training_process(killed), signal.SIGKILL)
        wait_until(lambda: slurm.finished([killed]), "the killed job ends")

        # What SLURM does to a job that has to make room for another.
        wait_for_a_pass(untrained)
        requeued = training_job(slurm)
        call("scontrol", "requeue", requeued)
        wait_until(lambda: not slurm.queued("--states=RUNNING,COMPLETING"), "the requeued job stops")
        # SLURM would wait for two minutes, and refuses the job within the second in which it revoked its credential.
        time.sleep(2)
        call("scontrol", "update", f"JobId={requeued}", "StartTime=now")
        assert process.wait(timeout=300) == 0, said.read_text()[-4000:]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    untrained.said = said.read_text()

    assert untrained.submitted("train") == [cancelled, killed, requeued]
    # Each attempt asks for more.
    states = [(job["JobState"], job["Tres"].split(",")[1]) for job in slurm.finished(untrained.submitted("train"))]
    assert states[:2] == [("CANCELLED", "mem=8000M"), ("FAILED", "mem=16000M")]
    assert states[-1] == ("COMPLETED", "mem=24000M")
    assert "going on after training epoch" in untrained.read(TRAINING_LOG)
    assert untrained.read(PREDICTIONS) == local.read(PREDICTIONS)
    assert untrained.read(f"{FOLD}/history.csv") == local.read(f"{FOLD}/history.csv")


def test_a_killed_controller_goes_on_where_it_was(local, untrained, slurm):
    untrained.kill_when(untrained.path(STATE).exists, PREDICTIONS)
    # The job does not know; the next controller would not know of it.
    orphan = training_job(slurm)
    call("scancel", orphan)
    wait_until(lambda: not slurm.queued(), "the orphan ends")
    assert not untrained.path(MODEL).exists()

    untrained.finish(PREDICTIONS)
    assert len(untrained.submitted("train")) == len(untrained.submitted("score")) == 1
    # Nothing of the other fold, of the recordings, of the folds.
    assert len(re.findall("submitted with SLURM jobid", untrained.said)) == 2
    assert "going on after training epoch" in untrained.read(TRAINING_LOG)
    assert untrained.read(PREDICTIONS) == local.read(PREDICTIONS)


def test_a_job_that_needs_more_memory_gets_it(untrained, slurm):
    untrained.finish(MODEL, "--set-resources", "train:mem_mb=700 * attempt")
    small, large = slurm.finished(untrained.submitted("train"))
    assert small["JobState"] in ("OUT_OF_MEMORY", "FAILED", "CANCELLED")
    assert "mem=700M" in small["Tres"]
    assert (large["JobState"], large["Tres"].split(",")[1]) == ("COMPLETED", "mem=1400M")
