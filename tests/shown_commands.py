"""The commands that documents, comments, messages and the Makefile show, and a checkout in which to try them."""

import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml
from workflow.conftest import ROOT

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "config/README.md", "results/README.md", "resources/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "benchmarks" / "README.md",
]
# Comments of settings, messages of steps.
SOURCES = sorted(
    path
    for folder in ("config", "workflow", "requirements")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".yaml", ".smk", ".py", ".rst", ".txt") or path.name == "Snakefile"
)

BLOCK = re.compile(r"^ *```bash\n(.*?)^ *```", flags=re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^ *```.*?^ *```", flags=re.MULTILINE | re.DOTALL)
# What begins a command between backticks. Bare names of programs are no commands, but `snakemake` is one.
INLINE = re.compile(
    r"`((?:\.venv/bin/|make |pip |python[\d.]* |(?:squeue|scancel|sbatch|git) )[^`\n]+|snakemake(?: [^`\n]+)?)`"
)
# Alone on a line of a comment, further in than its text.
COMMENT = re.compile(r"^# {2,}((?:snakemake|make|pip) .*)$", flags=re.MULTILINE)


def plain(command: str) -> str:
    """A command without the folder of its program."""
    return command.strip().removeprefix(".venv/bin/")


def in_document(text: str) -> list[str]:
    """Commands of a Markdown text: lines of its blocks, and what stands between backticks."""
    blocks = [re.sub(r"\s*\\\n\s*", " ", block) for block in BLOCK.findall(text)]
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    return [plain(command) for command in [*lines, *INLINE.findall(FENCED.sub("", text))]]


def in_source(text: str) -> list[str]:
    """Commands that comments and messages name."""
    return [plain(command) for command in [*COMMENT.findall(text), *INLINE.findall(text)]]


def in_makefile() -> list[str]:
    """The targets that `make help` lists."""
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [f"make {name}" for name in re.findall(r"^  (\S+)", listed, flags=re.MULTILINE)]


def shown() -> dict[str, str]:
    """Every command, and the first file that shows it."""
    found = {command: "Makefile" for command in in_makefile()}
    for read, paths in ((in_document, DOCUMENTS), (in_source, SOURCES)):
        for path in paths:
            for command in read(path.read_text(encoding="utf-8")):
                found.setdefault(command, str(path.relative_to(ROOT)))
    return found


def of_clusters() -> list[str]:
    """The shown commands with a profile of a cluster."""
    return [command for command in shown() if re.search(r"profile workflow/profiles/(?!default)", command)]


def check_out(folder: Path, config: Mapping) -> None:
    """Lay the workflow out as in a checkout, with one configuration under every name that the commands use."""
    for name in ("Snakefile", "workflow", "envs", "profiles"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "config").mkdir()
    names = ["mine", *(path.stem for path in (ROOT / "config").glob("*.yaml"))]
    for name in names:
        (folder / "config" / f"{name}.yaml").write_text(yaml.safe_dump(config))


def run(folder: Path, command: str, *more: str, timeout: int = 900) -> subprocess.CompletedProcess:
    """Run a Snakemake command in a checkout, on at most two cores."""
    words = shlex.split(re.sub(r"--cores \d+", "--cores 2", command.replace("/tmp/$USER", "scratch")))
    assert words[0] == "snakemake"
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *words[1:], *more],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout[-4000:]}"
    return done
