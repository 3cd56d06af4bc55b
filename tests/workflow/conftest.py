"""Running Snakemake on small data sets, as a user would: from the command line, in a folder of its own."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]

# The smallest network and windows that still are the workflow's.
TINY = {
    "run": {"name": "tiny"},
    "dataset": {
        "source": "synthetic",
        "synthetic": {"mice": 3, "runs_per_mouse": 1, "epochs_per_run": 24, "seed": 3},
    },
    "windows": {"seconds": 2, "spatial_binning": 16},
    "model": {"filters": [4, 4], "lstm_units": 4},
    "training": {"passes": 3, "learning_rate": 3.0e-3, "batch_size": 8},
    "analysis": {"bootstrap_resamples": 100},
}


def overlaid(base: dict, changes: dict) -> dict:
    """Settings of `changes` laid over `base`, at every level."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = overlaid(base[key], value) if both else value
    return merged


def jobs(output: str) -> dict[str, int]:
    """Rule -> number of jobs, from the last table of a dry run; empty if there is nothing to do."""
    if "Nothing to be done" in output:
        return {}
    table = output[output.rindex("Job stats:") :]
    found = {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, flags=re.MULTILINE)}
    del found["total"]
    return found


@contextmanager
def processor_s() -> Iterator[Callable[[], float]]:
    """Processor time of the commands inside the block: the clock also counts what else the machine does."""

    def total() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before, after = total(), []
    yield lambda: after[0] - before
    after.append(total())


@dataclass
class Workflow:
    """A working folder with a configuration."""

    folder: Path

    def configure(self, config: dict) -> None:
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config))

    def command(self, *arguments: str) -> list[str]:
        snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        profile = ["--workflow-profile", str(ROOT / "workflow" / "profiles" / "default")]
        return [*snakemake, *profile, "--directory", str(self.folder), "--configfile", self.config, *arguments]

    @property
    def config(self) -> str:
        return str(self.folder / "config.yaml")

    def run(self, *arguments: str, check: bool = True, timeout: int = 900) -> subprocess.CompletedProcess:
        command = self.command("--cores", "2", *arguments)
        done = subprocess.run(
            command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout
        )
        if check and done.returncode:
            pytest.fail(f"snakemake {' '.join(arguments)} failed:\n{done.stdout[-4000:]}", pytrace=False)
        return done

    def kill_when(self, condition: Callable[[], bool], *arguments: str, timeout: int = 300) -> None:
        """Start a run and kill it and all its processes with SIGKILL as soon as the condition holds."""
        process = subprocess.Popen(
            self.command("--cores", "2", *arguments),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + timeout
        try:
            while not condition():
                assert process.poll() is None, "the run ended before it could be killed"
                assert time.monotonic() < deadline, "the moment to kill the run never came"
                time.sleep(0.02)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def path(self, name: str) -> Path:
        return self.folder / name

    def read(self, name: str) -> str:
        return self.path(name).read_text()


@pytest.fixture
def workflow(tmp_path) -> Workflow:
    return Workflow(tmp_path)


@pytest.fixture
def stand_ins(workflow):
    """Twelve mice of twelve runs: empty files with the right names, which a dry run never opens."""
    for mouse in range(1, 13):
        folder = workflow.path(f"recordings/Ms{mouse}")
        folder.mkdir(parents=True)
        for run in range(1, 13):
            (folder / f"Ms{mouse}-fc{run}.mat").touch()
    workflow.path("recordings/atlas.mat").touch()
    paper = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    workflow.configure(overlaid(paper, {"dataset": {"source": "local", "local": {"path": "recordings"}}}))
    return workflow
