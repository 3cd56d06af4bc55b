"""What goes wrong is said in one line, and at the end of a run once more."""

import importlib.util
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from conftest import write_atlas, write_recording

from .conftest import ROOT, TINY, Workflow, overlaid

LOCAL = overlaid(TINY, {"run": {"name": "own"}, "dataset": {"source": "local", "local": {"path": "recordings"}}})


@pytest.fixture
def own(workflow):
    """Five recordings; the data of the second are missing, the third has a score that is none."""
    for mouse in range(1, 6):
        scores = [0, 9, 3] if mouse == 3 else [0, 1, 3]
        drop = ["data"] if mouse == 2 else []
        write_recording(workflow.path(f"recordings/Ms{mouse}-fc1.mat"), scores, drop=drop)
    write_atlas(workflow.path("recordings/atlas.mat"))
    workflow.configure(LOCAL)
    return workflow


def closing(said: str) -> dict[str, str]:
    """Log -> what is said of it at the end of a failed run."""
    found = re.search(r"^What failed:\n((?:  .*\n)+)", said, flags=re.MULTILINE)
    return dict(line.strip().split(": ", 1) for line in found[1].splitlines())


def kill_step(process: subprocess.Popen, recording: str) -> None:
    """Kill the step that checks a recording as soon as it has opened its log."""
    while process.poll() is None:
        for log in Path("/proc").glob("[0-9]*/fd/*"):
            try:
                if os.readlink(log).endswith(f"{recording}.log"):
                    os.kill(int(log.parts[2]), signal.SIGKILL)
                    return
            except (OSError, ProcessLookupError):
                continue
        time.sleep(0.01)


def test_every_failure_is_repeated_at_the_end_with_its_log(own):
    command = own.command("--cores", "2", "--keep-going", "resources/own/recordings.tsv")
    with own.path("said.txt").open("w") as file:
        process = subprocess.Popen(command, cwd=own.folder, stdout=file, stderr=subprocess.STDOUT)
        kill_step(process, "Ms4-fc1")
        assert process.wait() == 1
    said = own.read("said.txt")
    end = closing(said)
    log = "logs/own/check_recording/Ms{0}/Ms{0}-fc1.log".format
    assert sorted(end) == [log(2), log(3), log(4)]
    for mouse, start in {
        2: "recordings/Ms2-fc1.mat: variable data is missing",
        3: "recordings/Ms3-fc1.mat: scoringindex",
    }.items():
        assert end[log(mouse)].startswith(f"error: {start}")
        assert end[log(mouse)] == own.read(log(mouse)).splitlines()[-1]
    assert end[log(4)] == "ended without saying why: killed, out of memory or time, or by what stands above"
    # Snakemake adds nothing that helps nobody.
    assert "message: None" not in said
    assert said.count("CalledProcessError") == 1  # it says how the fourth one ended
    errors = re.findall(r"^Error in rule check_recording:\n((?:    .*\n)+)", said, flags=re.MULTILINE)
    assert len(errors) == 3
    assert all(re.fullmatch(r" +jobid: \d+\n +log: .*\n", error) for error in errors)


def test_without_keep_going_too(own):
    said = own.run("resources/own/checks/Ms3/Ms3-fc1.tsv", check=False).stdout
    assert list(closing(said)) == ["logs/own/check_recording/Ms3/Ms3-fc1.log"]
    assert said.count(", line ") == 0
    assert ".snakemake/scripts" not in said


# --- before anything runs ---------------------------------------------------------------------------------------------

SLURM = pytest.mark.skipif(
    importlib.util.find_spec("snakemake_executor_plugin_slurm") is not None, reason="the plugin is installed"
)

# Beginning of a line of the README's table -> what leads to it.
MISTAKES = {
    "No such file or directory: 'config/my.yaml'": "--cores 2 --configfile config/my.yaml",
    "No such file or directory: 'movies'": "--cores 2 --configfile config/mine.yaml movies",
    "No Snakefile found": "--cores 2",
    "Workflow defines configfile config/config.yaml but it is not present": "--cores 2",
    "Config file is not valid JSON or YAML": "--cores 2 --configfile config/broken.yaml",
    "Config file must be given as JSON or YAML with keys at top level": "--cores 2 --configfile config/empty.yaml",
    "Config entry must start with a valid identifier": "--configfile config/mine.yaml --config training.passes=3",
    "cores have to be specified": "--configfile config/mine.yaml",
    "Target rules may not contain wildcards": "train --cores 2 --configfile config/mine.yaml",
    "No rule to produce figur_confusion": "figur_confusion --cores 2 --configfile config/mine.yaml",
    "invalid choice: 'slurm'": f"--configfile config/mine.yaml --workflow-profile {ROOT}/workflow/profiles/slurm",
}
TABLE = re.search(r"^\| last line .*\n\|---.*\n((?:\| .*\n)+)", (ROOT / "README.md").read_text(), flags=re.MULTILINE)[1]
ROWS = [[cell.strip() for cell in line.strip("|\n").split(" | ")] for line in TABLE.splitlines()]


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory):
    """A folder with configurations, one of them as it should be."""
    workflow = Workflow(tmp_path_factory.mktemp("mistaken"))
    workflow.path("config").mkdir()
    for name, text in {"mine": yaml.safe_dump(TINY), "broken": "run: {name: x\ndataset: [\n", "empty": ""}.items():
        workflow.path(f"config/{name}.yaml").write_text(text)
    return workflow


def said(folder: Path, arguments: str, *, found: bool = True) -> tuple[int, str]:
    command = [
        sys.executable,
        "-m",
        "snakemake",
        *(["--snakefile", str(ROOT / "Snakefile")] if found else []),
        *shlex.split(arguments),
    ]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def test_every_line_of_the_table_is_tried():
    assert [row[0].strip("`") for row in ROWS] == list(MISTAKES)


@pytest.mark.parametrize("line", [pytest.param(line, marks=SLURM if "slurm" in line else ()) for line in MISTAKES])
def test_snakemakes_last_line_is_the_one_in_the_table(mistaken, line):
    code, text = said(mistaken.folder, MISTAKES[line], found=line != "No Snakefile found")
    assert code != 0
    assert line in text.strip().splitlines()[-1]


def test_the_cures_work(mistaken):
    cures = {row[0].strip("`"): row[2] for row in ROWS}
    (movies,) = re.findall(r"`snakemake (.*?)`", cures["No such file or directory: 'movies'"])
    code, text = said(mistaken.folder, f"{movies} --dry-run")
    assert code == 0 and "movies" in text
    (passes,) = re.findall(r"`(--config .*?)`", cures["Config entry must start with a valid identifier"])
    code, text = said(mistaken.folder, f"--configfile config/mine.yaml {passes} --cores 1 results/tiny/methods.md -n")
    assert code == 0, text
    (program,) = re.findall(r"-c \"(.*?)\"", cures["Config file is not valid JSON or YAML"])
    program = program.replace("mine.yaml", "broken.yaml")
    done = subprocess.run([sys.executable, "-c", program], cwd=mistaken.folder, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1].strip().startswith('in "config/broken.yaml", line 2')


def test_a_figure_that_the_configuration_cannot_have_says_why(mistaken):
    code, text = said(mistaken.folder, "figure_raters --cores 1 --configfile config/mine.yaml")
    assert code == 1
    assert text.strip().splitlines()[-1] == (
        "error: figure_raters has no meaning for the experiment main: "
        "analysis.scorers is empty: it names the tables of further raters"
    )
    assert "Traceback" not in text and ", line " not in text
