"""A SLURM of one machine, started and stopped by the tests, and runs that submit their jobs to it."""

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from workflow.conftest import ROOT, Workflow

# A job's environment does not carry SLURM_CONF, so that the configuration must lie where SLURM looks for it.
SETTINGS = Path("/etc/slurm")
SYSTEM_PATH = f"{os.environ['PATH']}:/usr/sbin"
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch")
PROFILES = ROOT / "workflow" / "profiles"

# The node says that it has more memory than it may have: what the profile asks for has to fit, what tiny networks take
# does. CPUs are those of the smallest machine that the tests run on.
SLURM_CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/jobs.txt
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
MinJobAge=3600
KillWait=5
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=64000 Gres=gpu:1
PartitionName=test Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
# A device that every machine has stands for the GPU: SLURM hands it out and sets CUDA_VISIBLE_DEVICES.
GRES_CONF = "NodeName={host} Name=gpu File=/dev/zero\n"


def missing() -> str | None:
    """Why SLURM cannot be started here; None if it can."""
    if os.geteuid() != 0:
        return "only root can start SLURM"
    absent = [name for name in PROGRAMS if shutil.which(name, path=SYSTEM_PATH) is None]
    if absent:
        return f"{', '.join(absent)} not found: `make slurm-test` installs the packages slurm-wlm and munge"
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        return "snakemake-executor-plugin-slurm is not installed: it comes with the extra `cluster`"
    if (SETTINGS / "slurm.conf").exists():
        return f"{SETTINGS}/slurm.conf is there already: this machine may belong to a cluster"
    return None


@dataclass
class Slurm:
    """A running SLURM of one machine with one GPU."""

    folder: Path

    def finished(self, identifiers: Collection[str] | None = None) -> list[dict[str, str]]:
        """What SLURM has recorded of the jobs that have ended, of all or of some, in the order of their ends."""
        path = self.folder / "jobs.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        jobs = [dict(word.split("=", 1) for word in line.split(" ") if "=" in word) for line in lines]
        return [job for job in jobs if identifiers is None or job["JobId"] in identifiers]

    def queued(self, *options: str) -> list[str]:
        """Identifiers of the jobs that wait or run."""
        return call("squeue", "--noheader", "--format=%i", *options).split()


def call(*command: str) -> str:
    """Output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


def wait_until(condition: Callable[[], object], what: str, timeout: float = 120) -> None:
    """Wait for a condition; fail with its name if it does not come."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout:.0f} s in vain: {what}"
        time.sleep(0.1)


@pytest.fixture(scope="session")
def slurm(tmp_path_factory) -> Iterator[Slurm]:
    """SLURM with one node of two CPUs and one GPU, for as long as the tests take."""
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("slurm")
    host = socket.gethostname().split(".")[0]
    for name in ("state", "spool"):
        (folder / name).mkdir()
    settings = {"slurm.conf": SLURM_CONF, "gres.conf": GRES_CONF}
    for name, text in settings.items():
        (SETTINGS / name).write_text(text.format(host=host, folder=folder))
    services = []
    try:
        # SLURM's programs know each other by munge, which may run already.
        if subprocess.run(["munge", "--no-input"], capture_output=True).returncode:
            for name in ("/run/munge", "/var/log/munge", "/var/lib/munge"):
                Path(name).mkdir(exist_ok=True)
                shutil.chown(name, "munge", "munge")
            services.append(start("munged", "--foreground", user="munge", group="munge", extra_groups=[]))
            wait_until(Path("/run/munge/munge.socket.2").exists, "munge is there", 30)
        services.append(start("slurmctld", "-D"))
        services.append(start("slurmd", "-D"))
        wait_until(is_idle, "SLURM's node is idle", 60)
        yield Slurm(folder)
        call("scancel", "--user=root")
        wait_until(is_idle, "the last jobs have ended", 60)
    finally:
        for service in reversed(services):
            service.terminate()
            service.wait(timeout=60)
        for name in settings:
            (SETTINGS / name).unlink()


def start(name: str, *options: str, **settings) -> subprocess.Popen:
    """Start a service in the foreground; it writes its own log."""
    program = shutil.which(name, path=SYSTEM_PATH)
    return subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **settings)


def is_idle() -> bool:
    """Whether the node waits for jobs; asking a controller that is not there yet is no error."""
    return subprocess.run(["sinfo", "--noheader", "--format=%t"], capture_output=True, text=True).stdout == "idle\n"


@dataclass
class ClusterWorkflow(Workflow):
    """A working folder whose jobs are submitted."""

    profile: str = "slurm"
    options: tuple[str, ...] = ()

    def command(self, *arguments: str) -> list[str]:
        snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        profile = ["--workflow-profile", str(PROFILES / self.profile)]
        return [*snakemake, *profile, *self.options, "--configfile", self.config, *arguments]


@dataclass
class SlurmWorkflow(ClusterWorkflow):
    """A working folder whose jobs are submitted to the SLURM of one machine, and what its last run said."""

    # One core a job leaves a core free for a second one: it is the GPU that has to keep two trainings apart. There is
    # no accounting database to ask, and nothing to wait for on one machine.
    options: tuple[str, ...] = (
        *("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2"),
        *("--latency-wait", "5"),
    )
    said: str = ""

    def finish(self, *arguments: str, timeout: int = 900) -> None:
        self.said = self.run(*arguments, timeout=timeout).stdout

    def submitted(self, rule: str) -> list[str]:
        """SLURM's identifiers of the submissions of a rule or group, in their order."""
        return re.findall(rf"submitted with SLURM jobid (\d+) \(log: \S*/(?:rule|group)_{rule}", self.said)


def seconds(job: dict[str, str]) -> tuple[float, float]:
    """Start and end of a finished job."""
    start, end = (datetime.fromisoformat(job[name]).timestamp() for name in ("StartTime", "EndTime"))
    return start, end


def one_at_a_time(jobs: list[dict[str, str]]) -> bool:
    """Whether each of some finished jobs had ended when the next one started."""
    times = sorted(map(seconds, jobs))
    return all(end <= start for (_, end), (start, _) in pairwise(times))
