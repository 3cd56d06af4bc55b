"""Which GPUs the jobs of a machine take, with a stand-in for nvidia-smi: no GPU is needed to disagree about one."""

import os
import subprocess
import sys
import time

import pytest

from wfci_sleep.run import gpus

# Names of this process alone, as the locks hold for the whole machine.
GPUS = [f"GPU-{letter}-{os.getpid()}" for letter in "abc"]

TAKE = """
import sys
from wfci_sleep.run.gpus import take_gpus
print(",".join(take_gpus(int(sys.argv[1]))), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def machine(tmp_path):
    """Environment of a machine with three GPUs."""
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' {' '.join(GPUS)}\n")
    program.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name != gpus.VISIBLE}
    paths = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": ":".join(filter(None, sys.path))}
    return {**environment, **paths, "TMPDIR": str(tmp_path)}


@pytest.fixture
def job(machine):
    """Start a job that takes GPUs and holds them until it is killed."""
    started = []

    def start(n, **environment):
        process = subprocess.Popen(
            [sys.executable, "-c", TAKE, str(n)],
            env={**machine, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def taken(process):
    """The GPUs of a job, as it prints them last."""
    said = process.stdout.readline()
    while said.startswith(("GPUs of this job", "waiting")):
        said = process.stdout.readline()
    return [gpu for gpu in said.strip().split(",") if gpu]


def test_jobs_take_different_gpus_and_a_killed_one_gives_its_own_back(job):
    jobs = [job(1) for _ in range(3)]
    held = [taken(process) for process in jobs]
    assert sorted(held) == [[gpu] for gpu in GPUS]

    fourth = job(1)
    assert "waiting for 1 free GPU(s) of 3" in fourth.stdout.readline()
    jobs[1].kill()
    assert taken(fourth) == held[1]


def test_jobs_that_wait_for_two_gpus_do_not_keep_one(job):
    first = job(2)
    assert len(taken(first)) == 2
    second = job(2)
    assert "waiting for 2" in second.stdout.readline()
    time.sleep(0.3)
    third = job(1)
    assert taken(third) == GPUS[2:]
    first.kill()
    assert taken(second) == GPUS[:2]


def test_more_than_there_are_is_all_and_none_hides_them(job):
    assert taken(job(9)) == GPUS
    hidden = job(0)
    assert "GPUs of this job: none" in hidden.stdout.readline()


def test_nothing_is_chosen_where_a_cluster_did(job):
    assert taken(job(1, CUDA_VISIBLE_DEVICES="1")) == []
    assert taken(job(3)) == GPUS


def test_locks_leave_no_file(job, tmp_path):
    before = sorted(tmp_path.iterdir())
    assert taken(job(3)) == GPUS
    assert sorted(tmp_path.iterdir()) == before


def test_without_nvidia_smi_there_is_nothing_to_choose(job, tmp_path, monkeypatch):
    (tmp_path / "nvidia-smi").unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(gpus.VISIBLE, raising=False)
    assert gpus.take_gpus(1) == []
    assert gpus.VISIBLE not in os.environ
