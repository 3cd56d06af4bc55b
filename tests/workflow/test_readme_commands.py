"""Every command that the documents, comments and messages show is run to its end, on small data.

The checkout holds one small study under every name of a configuration, so that commands find made what others made.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request

import pytest
from database import SLUG, VERSION, serve, write_manifest
from shown_commands import DOCUMENTS, check_out, in_makefile, of_clusters, run, shown

from wfci_sleep.data.synthetic import synthesise_atlas, synthesise_recording

from .conftest import ROOT, TINY, jobs, overlaid

README = (ROOT / "README.md").read_text()
COMMANDS = shown()

# --- how each is tried ------------------------------------------------------------------------------------------------

SNAKEMAKE = [command for command in COMMANDS if command.split()[0] == "snakemake"]
# What needs the plugins for clusters is run by tests/cluster/test_commands.py (make slurm-test).
HERE = [command for command in SNAKEMAKE if command not in of_clusters()]

# Target of make -> how it is tried: as a step of CI, by a test, or only expanded (`make --dry-run`) for a reason.
MAKE = {
    "help": "by test_make_help",
    "install": "as a part of `make lint`, whose environment is made upon it",
    ".venv": "as a part of `make lint`",
    "demo": "CI",
    "test": "CI",
    "lint": "CI",
    "slurm-test": "CI",
    "slurm-demo": "expanded: it takes a quarter of an hour, and is tests/cluster/test_demo.py",
    "docs": "by test_make_docs",
    "benchmark": "by tests/unit/test_packaging.py, with programs that take less than hours",
    "lock": "expanded: it asks the registry for the newest of some hundred packages",
    "clean": "by test_make_clean",
}

# Beginnings of the rest -> the test that runs them.
OTHERS = {
    "python3.11 -m venv": "test_a_virtual_environment_is_made",
    "pip install --require-hashes -r requirements/": "tests/cluster/test_installation.py",
    'python -c "import yaml': "tests/workflow/test_failures.py::test_the_cures_work",
    "tail -n +2 resources/": "tests/workflow/test_local.py",
    "tensorboard --logdir": "test_tensorboard_finds_the_curves",
    "squeue": "test_slurms_commands_with_stand_ins",
    "mkdir -p /scratch/$USER/": "test_resources_can_be_a_link",
    "ln -s /scratch/$USER/": "test_resources_can_be_a_link",
}


def starting(beginning: str) -> list[str]:
    """The shown commands that begin so."""
    return [command for command in COMMANDS if command.startswith(beginning)]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_tried(command):
    tried = command in SNAKEMAKE or command.removeprefix("make ") in MAKE or any(map(command.startswith, OTHERS))
    assert tried, f"{COMMANDS[command]} shows `{command}`: this command is not tested"


def test_what_is_tried_is_shown():
    assert sorted(in_makefile()) == sorted(f"make {target}" for target in MAKE)
    assert [beginning for beginning in OTHERS if not starting(beginning)] == []


# --- Snakemake's ------------------------------------------------------------------------------------------------------

# Another experiment, of few figures: a split of epochs has no sessions, and the mean over time no attention.
BINARY = {
    "labels": {"classes": ["wake", "sleep"]},
    "folds": {"protocol": "pooled"},
    "model": {"temporal_attention": "mean"},
    "training": {"passes": 3},
}

# One that sees visibility graphs.
GRAPHS = {
    "labels": {"classes": ["wake", "sleep"]},
    "folds": {"protocol": "pooled"},
    "model": {"kind": "mvg-cnn", "graph_filters": [4]},
    "training": {"passes": 3},
}

STUDY = {
    "run": {"name": "paper"},
    "windows": {"spatial_binning": 8},
    "folds": {"protocol": "held-out-mouse"},
    "model": {"filters": [4, 8], "lstm_units": 8, "dropout": 0},
    # Enough to score an epoch of each state rightly: a movie shows one.
    "training": {"passes": 40, "learning_rate": 0.01, "threads": 1},
    "analysis": {"scorers": {"second rater": "second_rater.tsv"}},
    "experiments": {"main": {}, "binary": BINARY, "graphs": GRAPHS},
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """The workflow's files, a database to fetch from, and a study of three mice that takes seconds."""
    folder, database = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("database")
    root = database / "files" / SLUG / VERSION
    synthetic = TINY["dataset"]["synthetic"]
    for mouse in (1, 2, 3):
        synthesise_recording(root / f"Ms{mouse}" / f"Ms{mouse}-fc1.mat", mouse, 1, synthetic)
    synthesise_atlas(root / "atlas.mat")
    (root / "Ms1" / "Ms1-rest.mat").touch()
    write_manifest(root)
    epochs = [f"Ms{mouse}\tMs{mouse}-fc1\t{epoch}\twake\n" for mouse in (1, 2, 3) for epoch in range(24)]
    (folder / "second_rater.tsv").write_text("mouse\trecording\tepoch\tstate\n" + "".join(epochs))
    with serve(database) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        dataset = {"source": "physionet", "physionet": {"mirror": server.mirror, "patience_s": 3}}
        check_out(folder, {**overlaid(TINY, STUDY), "dataset": dataset})
        yield folder


def in_order(command: str) -> tuple[bool, ...]:
    """Those that begin something come before those that find it made."""
    return tuple(word not in command for word in ("--dry-run", "estimate", "downloads", "paper --cores"))


def with_cores(command: str) -> str:
    """A command that a sentence shows without its number of cores, with it."""
    needs_none = re.search(r"--(cores|list|summary|dry-run)", command)
    return command if needs_none else f"{command} --cores 2"


@pytest.mark.slow
@pytest.mark.parametrize("command", sorted(HERE, key=in_order))
def test_command_runs_to_its_end(checkout, command):
    if "--touch" in command:
        run(checkout, "snakemake --cores 2")  # it takes what is there for made
    said = run(checkout, with_cores(command)).stdout
    if "estimate" in command:
        assert re.search(r"^ +total +\d+", said, flags=re.MULTILINE)
        assert not (checkout / "results").exists()
    if "report" in command:
        assert (checkout / "results/paper/report.html").stat().st_size > 1_000_000
    if "paper" in command and "dry" not in command:
        overview = (checkout / "results/paper/overview.rst").read_text()
        assert overview.count("1 .mat file is left aside, as its name is not a recording's: 'Ms1/Ms1-rest.mat'") == 1
        metrics = json.loads((checkout / "results/paper/main/metrics.json").read_text())
        assert set(metrics["mouse"]) == {"Ms3"}  # the last one is held out
        assert json.loads((checkout / "results/paper/provenance.json").read_text())["data_are_synthetic"] is False
    if "downloads" in command:
        assert len(list((checkout / "resources/paper/raw").glob("*/*.mat"))) == 3


CELLS = re.findall(r"^\| .* \| ((?:`\w+`(?:, )?)+) \| (.*) \|$", README, flags=re.MULTILINE)
TARGETS = sorted({target for targets, _ in CELLS for target in re.findall(r"`(\w+)`", targets)})
FILES = sorted({file for _, files in CELLS for file in re.findall(r"`([^`]+)`", files)})


@pytest.mark.slow
def test_every_target_of_the_table_is_made(checkout):
    assert {"all", "paper", "tables", "movies", "matlab", "figure_confusion", "figure_raters"} <= set(TARGETS)
    (by_name,) = re.findall(r"`(results/paper/\S+)`", README)
    # 36 networks of one parcel each: tests/workflow/test_networks.py makes up what they score and runs this target.
    targets, files = ([each for each in listed if "parcel_scores" not in each] for listed in (TARGETS, FILES))
    assert (len(TARGETS) - len(targets), len(FILES) - len(files)) == (1, 2)
    run(checkout, f"snakemake {' '.join(targets)} {by_name} --cores 2")
    assert (checkout / by_name).exists()
    results = checkout / "results" / "paper"
    assert [file for file in files if not list(results.glob(re.sub(r"<\w+>", "*", file)))] == []
    # A figure that has gone is drawn again by its target, and by the name of its file.
    figures = results / "main" / "figures"
    for name, target in {
        "confusion": "figure_confusion",
        "learning": "results/paper/main/figures/learning.svg",
    }.items():
        (figures / f"{name}.svg").unlink()
        run(checkout, f"snakemake {target} --cores 2")
        assert (figures / f"{name}.svg").exists()


@pytest.mark.slow
def test_tensorboard_finds_the_curves(checkout):
    """Started as shown, on a port that is free, until it answers."""
    (command,) = starting("tensorboard")
    run(checkout, "snakemake results/paper/main/fold-1/model.keras --cores 2")
    words = [*shlex.split(command.replace("results/demo", "results/paper"))[1:], "--port", "0"]
    server = subprocess.Popen(
        [sys.executable, "-m", "tensorboard.main", *words], cwd=checkout, stderr=subprocess.PIPE, text=True
    )
    try:
        address = next(found[0] for line in server.stderr if (found := re.search(r"http://\S+", line)))
        deadline = time.monotonic() + 60
        while not (runs := json.load(urllib.request.urlopen(f"{address}data/runs"))) and time.monotonic() < deadline:
            time.sleep(0.5)
    finally:
        server.kill()
        server.communicate()
    assert any(name.startswith("fold-1") for name in runs), runs


@pytest.mark.slow
def test_options_that_are_shown_are_snakemakes(checkout):
    """All in one command, those with several values with all of them."""
    options = {}
    for document in DOCUMENTS[:2]:
        for option, value in re.findall(r"`(--[a-z-]+) ([^`\n]+)`", document.read_text()):
            options.setdefault(option, []).extend(shlex.split(value))
    assert {"--resources", "--set-resources", "--config"} <= options.keys()
    # Shown as what not to write, for files that are not here, and tried as they are by others.
    for option in ("--configfile", "--workflow-profile"):
        options.pop(option, None)
    options["--config"].remove("training.passes=3")
    for option in ("--config", "--cores"):
        options[option] = options[option][-1:]
    words = [word for option, values in options.items() for word in (option, *values)]
    assert jobs(run(checkout, f"snakemake --dry-run {shlex.join(words)} --configfile config/mine.yaml").stdout)


def test_the_shown_and_the_shipped_configurations_are_planned(tmp_path):
    """What the checkout above replaces: the README's own recordings, and the paper."""
    check_out(tmp_path, {})
    shutil.copy(ROOT / "config" / "config.yaml", tmp_path / "config")
    example = re.findall(r"^```yaml\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)[0]
    (tmp_path / "config" / "mine.yaml").write_text(example)
    for mouse in (1, 2, 3):
        (tmp_path / f"recordings/Ms{mouse}").mkdir(parents=True)
        (tmp_path / f"recordings/Ms{mouse}/Ms{mouse}-fc1.mat").touch()
    (tmp_path / "recordings/atlas.mat").touch()
    assert jobs(run(tmp_path, "snakemake --configfile config/mine.yaml --dry-run").stdout)["train"] == 3
    said = run(tmp_path, "snakemake paper --dry-run").stdout
    assert jobs(said)["list_database"] == 1
    assert "profiles/default" in said


# --- make's and others' -----------------------------------------------------------------------------------------------


def call(folder, command: str, **environment: str) -> str:
    """Run a command of a shell; below make, tests have make's own variables."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, capture_output=True, text=True, env={**clean, **environment}
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def test_make_help():
    assert "demo " in call(ROOT, "make help")


def test_ci_takes_its_steps():
    steps = (ROOT / ".ci" / "run").read_text()
    assert [target for target, how in MAKE.items() if how == "CI" and f"\nmake {target}\n" not in steps] == []
    # What `make lint` needs is what these make.
    needed = call(ROOT, "make --dry-run --always-make lint")
    assert all(f"-r requirements/{name}.txt" in needed for name in ("demo", "cpu", "dev"))


@pytest.mark.parametrize("target", [target for target, how in MAKE.items() if how.startswith("expanded")])
def test_make_expands(target):
    assert len(call(ROOT, f"make --dry-run {target}").splitlines()) > 1


def test_make_clean(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    gone = (".venv", "results/demo", "resources/demo", "workflow/scripts/__pycache__")
    kept = ("results/mine", "workflow/scripts", "tests", "benchmarks")
    for name in (*gone, *kept):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    call(tmp_path, "make clean")
    assert [name for name in gone if (tmp_path / name).exists()] == []
    assert [name for name in kept if not (tmp_path / name).exists()] == []


def test_make_docs(tmp_path):
    """In a copy whose schema and tables are of yesterday."""
    for folder in ("workflow/scripts", "workflow/schemas", "config", "requirements"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Makefile", tmp_path)
    made = {
        "workflow/schemas/config.schema.yaml": "length of the window around",
        "config/README.md": "length of the window around",
        "README.md": "Confusion matrix",
    }
    for name, words in made.items():
        text = (ROOT / name).read_text()
        assert words in text
        (tmp_path / name).write_text(text.replace(words, "something else"))
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "demo").touch()
    program = tmp_path / ".venv" / "bin" / "python"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    call(tmp_path, "make docs")
    assert [name for name in made if (tmp_path / name).read_text() != (ROOT / name).read_text()] == []


def test_a_virtual_environment_is_made(tmp_path):
    (command,) = starting("python3.11 -m venv")
    call(tmp_path, command.replace("python3.11", sys.executable))
    assert "usage" in call(tmp_path, ".venv/bin/pip --help").lower()


def test_slurms_commands_with_stand_ins(tmp_path):
    """A stand-in for squeue knows three jobs, two of which are the workflow's."""
    listing = "7 wfci-sleep_0a1b-22\\n8 somebody-elses\\n9 wfci-sleep_0a1b-22\\n"
    for name, line in {"squeue": f"printf '{listing}'", "scancel": f'echo "$@" >> {tmp_path}/cancelled'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / name).chmod(0o755)
    for command in starting("squeue"):
        call(tmp_path, command, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert (tmp_path / "cancelled").read_text().split() == ["7", "9"]


def test_resources_can_be_a_link(tmp_path):
    for command in (*starting("mkdir"), *starting("ln -s")):
        call(tmp_path, command.replace("/scratch", str(tmp_path / "scratch")), USER="me")
    (tmp_path / "resources" / "paper").mkdir()
    assert (tmp_path / "scratch/me/wfci-sleep/resources/paper").is_dir()
