"""Running Snakemake on small data sets, as a user would: from the command line, in a folder of its own."""

import fcntl
import os
import re
import resource
import shutil
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
from conftest import mounted

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
    "training": {"passes": 3, "learning_rate": 3.0e-3, "batch_size": 8, "threads": 1},
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


@contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[int | None], None]]:
    """Let a folder lie on a small file system of its own; the function fills it but for some bytes, or clears it."""
    there = folder.with_name(f"{folder.name}.there")
    shutil.copytree(folder, there)
    filler = folder / "filler"

    def fill(room: int | None) -> None:
        filler.unlink(missing_ok=True)
        if room is not None:
            filler.write_bytes(bytes(shutil.disk_usage(folder).free - room))

    with mounted(folder, "200m"):
        shutil.copytree(there, folder, dirs_exist_ok=True)
        yield fill
        fill(None)
        shutil.rmtree(there)
        shutil.copytree(folder, there)
    shutil.rmtree(folder)
    there.rename(folder)


def own_lines(output: str) -> str:
    """Put each error and warning on a line of its own.

    Snakemake writes a message and its line end apart, and the line of a job that runs beside may come between them.
    """
    return re.sub(r"(?<=\S)(?=(?:error|warning): )", "\n", output)


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
        done.stdout = own_lines(done.stdout)
        if check and done.returncode:
            pytest.fail(f"snakemake {' '.join(arguments)} failed:\n{done.stdout[-4000:]}", pytrace=False)
        return done

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start a run that says nothing, in a process group of its own."""
        return subprocess.Popen(
            self.command("--cores", "2", *arguments),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill_when(self, condition: Callable[[], bool], *arguments: str, timeout: int = 300) -> None:
        """Start a run and kill it and all its processes with SIGKILL as soon as the condition holds."""
        process = self.start(*arguments)
        deadline = time.monotonic() + timeout
        try:
            while not condition():
                assert process.poll() is None, "the run ended before it could be killed"
                assert time.monotonic() < deadline, "the moment to kill the run never came"
                time.sleep(0.02)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def pretend(self, *targets: str) -> None:
        """Make an empty file of everything that a run would make and is not there, as if the run had just ended."""
        for line in self.run("--summary", *targets).stdout.splitlines():
            if "\t" in line and not line.startswith("output_file"):
                path = self.path(line.split("\t")[0])
                if path.name == "tensorboard":  # a folder
                    path /= ".snakemake_timestamp"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        self.run("--touch", "--forceall", *targets)

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


BLOCKED = """
import pathlib

pathlib.Path(__file__).with_suffix(".imported").touch()
raise ImportError("a step imports " + __name__)
"""


@pytest.fixture(scope="session")
def blocked(tmp_path_factory) -> Path:
    """A folder whose TensorFlow and Keras cannot be imported and remember that somebody tried."""
    folder = tmp_path_factory.mktemp("blocked")
    for package in ("tensorflow", "keras"):
        (folder / f"{package}.py").write_text(BLOCKED)
    return folder


@pytest.fixture(scope="module")
def without_tensorflow(blocked) -> Iterator[None]:
    """A Python without TensorFlow and Keras for a module's tests; any attempt to import them fails the last of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(blocked), prepend=os.pathsep)
        yield
    assert sorted(path.name for path in blocked.iterdir() if path.suffix == ".imported") == []


@dataclass
class Drawn:
    """A finished run with all of its figures.

    Attributes
    ----------
    folder : Path
        To be copied, never changed.
    dry : str
        What a dry run said before a figure was drawn.
    """

    folder: Path
    dry: str

    def copy(self, folder: Path) -> Workflow:
        return Workflow(shutil.copytree(self.folder, folder))


@pytest.fixture(scope="session")
def drawn(tmp_path_factory, blocked) -> Drawn:
    """Made once in a session, by the first of pytest's processes that asks for it, without TensorFlow."""
    from finished_run import finished_run

    here = tmp_path_factory.getbasetemp()
    shared = here.parent if "PYTEST_XDIST_WORKER" in os.environ else here
    folder, dry = shared / "drawn", shared / "drawn.txt"
    with open(shared / "drawn.lock", "w") as lock, pytest.MonkeyPatch.context() as patch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not dry.exists():
            patch.setenv("PYTHONPATH", str(blocked), prepend=os.pathsep)
            folder.mkdir()
            workflow = Workflow(folder)
            finished_run(folder)
            said = workflow.run("figures", "--dry-run").stdout
            workflow.run("figures")
            assert [path for path in blocked.iterdir() if path.suffix == ".imported"] == []
            dry.write_text(said)
    return Drawn(folder, dry.read_text())
