"""What a change of a figure's code draws anew: the figures it draws, and nothing else."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from finished_run import finished_run

from .conftest import ROOT, Workflow, jobs

pytestmark = pytest.mark.slow

FIGURES = "workflow/scripts/wfci_sleep/figures"


class OfACopy(Workflow):
    """A working folder that holds the workflow too, so that its code can be changed."""

    def command(self, *arguments: str) -> list[str]:
        original, copy = str(ROOT / "Snakefile"), str(self.folder / "Snakefile")
        return [copy if part == original else part for part in super().command(*arguments)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A copy of the workflow, and a run whose every output is there, empty where nothing was made up."""
    workflow = OfACopy(tmp_path_factory.mktemp("checkout"))
    shutil.copy(ROOT / "Snakefile", workflow.folder)
    for name in ("workflow", "envs"):
        shutil.copytree(ROOT / name, workflow.path(name), ignore=shutil.ignore_patterns("__pycache__"))
    finished_run(workflow.folder, {"dataset": {"synthetic": {"epochs_per_run": 12}}})
    planned = jobs(workflow.run("--dry-run").stdout)
    for line in workflow.run("--summary").stdout.splitlines():
        if "\t" in line and not line.startswith("output_file"):
            path = workflow.path(line.split("\t")[0])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    workflow.run("--touch", "--forceall")
    return workflow, {name: count for name, count in planned.items() if name.endswith("_figure")}


@contextmanager
def changed(path: Path) -> Iterator[None]:
    """Add a line to a file, and take it away at the end."""
    before, text = path.stat(), path.read_text()
    path.write_text(f"{text}\nANOTHER_COLOUR = 'red'\n")
    try:
        yield
    finally:
        path.write_text(text)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def redrawn(workflow: Workflow, module: str) -> dict[str, int]:
    """Rule -> number of jobs after a change of a module of the figures."""
    with changed(workflow.path(f"{FIGURES}/{module}.py")):
        found = jobs(workflow.run("--dry-run").stdout)
    assert found.pop("all") == 1
    return found


def test_nothing_runs_without_a_change(finished):
    workflow, _ = finished
    assert jobs(workflow.run("--dry-run").stdout) == {}


def test_a_change_of_style_draws_every_figure_and_nothing_else(finished):
    workflow, figures = finished
    assert len(figures) > 10
    assert redrawn(workflow, "style") == figures


def test_a_change_of_one_figure_draws_it_alone(finished):
    workflow, _ = finished
    assert redrawn(workflow, "confusion") == {"confusion_figure": 1}


def test_a_module_of_several_figures_draws_them_alone(finished):
    workflow, figures = finished
    attention = {name: count for name, count in figures.items() if name.startswith("attention_")}
    assert len(attention) > 1
    assert redrawn(workflow, "attention") == attention


def test_every_figure_names_its_code(finished):
    """Every script that imports a module of the figures belongs to a rule that has this module as an input."""
    workflow, _ = finished
    rules = workflow.read("workflow/rules/figures.smk").split("\nrule ")[1:]
    for script in workflow.path("workflow/scripts").glob("*_figure.py"):
        imported = {
            line.split()[1].rpartition(".")[2]
            for line in script.read_text().splitlines()
            if line.strip().startswith("from wfci_sleep.figures.")
        }
        (rule,) = [text for text in rules if f'"../scripts/{script.name}"' in text]
        for module in imported - {"style"}:
            assert f'drawn_by("{module}")' in rule, script.name
