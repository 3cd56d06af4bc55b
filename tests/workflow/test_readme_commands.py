"""Every Snakemake command of the README and of docs/, planned in a folder laid out as the README says."""

import re
import shlex
import subprocess
import sys

import pytest

from .conftest import ROOT, jobs

README = (ROOT / "README.md").read_text()
TEXTS = [README, *(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")))]
COMMANDS = [
    command
    for text in TEXTS
    for command in re.findall(r"^ *\.venv/bin/snakemake (.*)$", text.replace("\\\n", ""), flags=re.MULTILINE)
]

EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """The workflow's files in a folder of their own, with the README's configuration and stand-in recordings."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("Snakefile", "workflow", "config", "envs", "profiles"):
        target = folder / name
        if name == "config":
            target.mkdir()
            for file in (ROOT / name).iterdir():
                (target / file.name).write_text(file.read_text())
        else:
            target.symlink_to(ROOT / name)
    example = EXAMPLES[0]
    (folder / "config" / "mine.yaml").write_text(example)
    for mouse in (1, 2, 3):
        (folder / f"recordings/Ms{mouse}").mkdir(parents=True)
        (folder / f"recordings/Ms{mouse}/Ms{mouse}-fc1.mat").touch()
    (folder / "recordings/atlas.mat").touch()
    return folder


def plan(folder, arguments):
    # Even a plan makes the folder of local copies.
    arguments = arguments.replace("/tmp/$USER", "scratch")
    command = [sys.executable, "-m", "snakemake", *shlex.split(arguments), "--dry-run"]
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.parametrize("arguments", [command for command in COMMANDS if "--configfile" in command])
def test_command_can_be_planned(checkout, arguments):
    if "--report" in arguments:
        # A report needs finished results: what can be checked is that its options are Snakemake's.
        arguments = re.sub(r"--report \S+", "--cores 1", arguments)
    done = plan(checkout, arguments)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "profiles/default" in done.stdout


@pytest.mark.parametrize("arguments", [command for command in COMMANDS if "--configfile" not in command])
def test_the_papers_commands_begin_with_the_list_of_files(checkout, arguments):
    if "profiles/slurm" in arguments:
        pytest.importorskip("snakemake_executor_plugin_slurm", reason="it comes with the extra `cluster`")
    done = plan(checkout, arguments)
    assert done.returncode == 0, done.stdout[-2000:]
    assert jobs(done.stdout)["index"] == 1


def test_targets_of_the_table_exist(checkout):
    cells = re.findall(r"^\| .* \| (`[^|]+`) \| ", README, flags=re.MULTILINE)
    targets = {target for cell in cells for target in re.findall(r"`(\w+)`", cell)}
    assert {"all", "paper", "tables", "movies", "matlab", "figure_confusion"} <= targets
    # With a second rater, so that every figure has a target.
    (checkout / "second.tsv").write_text("mouse\trecording\tepoch\tstate\nMs1\tMs1-fc1\t0\twake\n")
    scorers = "analysis={scorers: {second: second.tsv}}"
    listed = plan(checkout, f"--configfile config/mine.yaml --list --config '{scorers}'").stdout
    assert targets <= set(re.findall(r"^\w+", listed, flags=re.MULTILINE))
