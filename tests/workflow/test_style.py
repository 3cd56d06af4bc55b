"""What a change of code makes anew: the steps that use it and what follows from them, and nothing else."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from finished_run import finished_run

from wfci_sleep.run.code import code_digest

from .conftest import ROOT, Workflow, jobs

pytestmark = pytest.mark.slow

LIBRARY = "workflow/scripts/wfci_sleep"
CODE = ("Snakefile", "workflow", "envs", "profiles", ".gitignore")
MADE = ("config.yaml", "resources", "results")


class OfACopy(Workflow):
    """A working folder that holds the workflow too, so that its code can be changed."""

    def command(self, *arguments: str) -> list[str]:
        # Without a profile's name: Snakemake finds the default one beside the Snakefile.
        return [sys.executable, "-m", "snakemake", "--configfile", "config.yaml", *arguments]

    def check_out(self) -> None:
        """Write the code, every file of it new."""
        for name in CODE:
            if (ROOT / name).is_dir() and not (ROOT / name).is_symlink():
                shutil.copytree(
                    ROOT / name,
                    self.path(name),
                    ignore=shutil.ignore_patterns("__pycache__"),
                    copy_function=shutil.copyfile,
                )
            else:
                shutil.copyfile(ROOT / name, self.path(name), follow_symlinks=False)

    def planned(self) -> dict[str, int]:
        return jobs(self.run("--dry-run").stdout)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A copy of the workflow, and a run whose every output is there, empty where nothing was made up."""
    workflow = OfACopy(tmp_path_factory.mktemp("checkout"))
    workflow.check_out()
    finished_run(workflow.folder, {"dataset": {"synthetic": {"epochs_per_run": 12}}})
    planned = workflow.planned()
    workflow.pretend()
    return workflow, {name: count for name, count in planned.items() if name.startswith("plot_")}


@contextmanager
def changed(path: Path, line: str = "ANOTHER_COLOUR = 'red'") -> Iterator[None]:
    """Add a line to a file, and take it away at the end."""
    before, text = path.stat(), path.read_text()
    path.write_text(f"{text}\n{line}\n")
    try:
        yield
    finally:
        path.write_text(text)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def made_again(workflow: OfACopy, module: str) -> dict[str, int]:
    """Rule -> number of jobs after a change of a module of the library."""
    with changed(workflow.path(f"{LIBRARY}/{module}.py")):
        found = workflow.planned()
    # Besides what tells which code has made the files.
    assert {found.pop(name) for name in ("all", "gather_provenance", "write_methods")} == {1}
    return found


def test_nothing_runs_without_a_change(finished):
    workflow, _ = finished
    assert workflow.planned() == {}


def test_a_change_of_style_draws_every_figure_and_nothing_else(finished):
    workflow, figures = finished
    assert len(figures) > 10
    assert made_again(workflow, "figures/style") == figures


def test_a_change_of_one_figure_draws_it_alone(finished):
    workflow, _ = finished
    assert made_again(workflow, "figures/confusion") == {"plot_confusion": 1}


def test_a_module_of_several_figures_draws_them_alone(finished):
    workflow, figures = finished
    attention = {name: count for name, count in figures.items() if name.startswith("plot_attention_")}
    assert len(attention) > 1
    assert made_again(workflow, "figures/attention") == attention


def test_a_change_of_the_library_makes_again_what_uses_it_and_what_follows(finished):
    workflow, _ = finished
    found = made_again(workflow, "analysis/transition_distance")
    assert found == dict.fromkeys(("measure_transition_distance", "plot_transition_distance", "make_table_page"), 1)
    # What a recording is cut into and what is trained on it, but not what was found when it was checked.
    found = made_again(workflow, "preprocessing/cutting")
    assert {"cut_windows": 3, "make_folds": 1, "train": 3, "score": 3, "compute_metrics": 1}.items() <= found.items()
    assert not found.keys() & {"synthesise_recording", "check_atlas", "check_recording", "list_recordings"}


def test_time_stamps_comments_and_the_frame_of_the_steps_are_no_changes(finished):
    workflow, _ = finished
    later = time.time() + 10
    for path in (*workflow.path("workflow").rglob("*"), workflow.path("Snakefile")):
        os.utime(path, (later, later))
    with (
        changed(workflow.path(f"{LIBRARY}/preprocessing/windows.py"), "# Nothing new."),
        changed(workflow.path(f"{LIBRARY}/training/fit.py"), '"""Nothing new."""'),
        changed(workflow.path(f"{LIBRARY}/run/step.py")),
    ):
        assert workflow.planned() == {}


def test_a_fresh_checkout_beside_copied_results_plans_nothing(finished, tmp_path):
    """Without what Snakemake remembers of the run, and with it."""
    workflow, _ = finished
    copy = OfACopy(tmp_path)
    subprocess.run(["cp", "-a", *(workflow.path(name) for name in MADE), tmp_path], check=True)
    copy.check_out()
    assert copy.planned() == {}

    shutil.rmtree(tmp_path / ".snakemake")
    subprocess.run(["cp", "-a", workflow.path(".snakemake"), tmp_path], check=True)
    moved = OfACopy(tmp_path.rename(tmp_path.with_name("moved")))
    assert moved.planned() == {}


def test_time_stamps_that_were_lost_are_forgiven_by_one_command(finished, tmp_path):
    """Recordings that were touched but are the same, as after a copy without time stamps."""
    workflow, _ = finished
    copy = OfACopy(tmp_path)
    subprocess.run(["cp", "-a", *(workflow.path(name) for name in MADE), tmp_path], check=True)
    copy.check_out()
    for path in copy.path("resources").rglob("*.mat"):
        path.touch()
    assert copy.planned()["train"] == 3
    before = copy.path("results/tiny/main/fold-1/predictions.tsv").read_bytes()
    copy.run("--touch")
    assert copy.planned() == {}
    assert copy.path("results/tiny/main/fold-1/predictions.tsv").read_bytes() == before


def test_provenance_names_the_code_that_made_each_file(finished):
    """Predictions of one commit, a figure of the next."""
    workflow, _ = finished

    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=us", "-c", "user.email=us@example.org")
        done = subprocess.run(["git", *identity, *arguments], cwd=workflow.folder, check=True, capture_output=True)
        return done.stdout.decode().strip()

    git("init", "--quiet")
    git("add", *CODE)
    git("commit", "--quiet", "--message", "one")
    # What scoring would have recorded.
    library, script = workflow.path("workflow/scripts"), workflow.path("workflow/scripts/score.py")
    program = (
        "import pathlib; from wfci_sleep.run import made;"
        f"paths = sorted(pathlib.Path('results/tiny/main').glob('fold-*/predictions.tsv'));"
        f"made.keep_records(paths, 'score', made.current_code({str(script)!r}))"
    )
    subprocess.run([sys.executable, "-c", program], cwd=workflow.folder, env={"PYTHONPATH": str(library)}, check=True)

    with changed(workflow.path(f"{LIBRARY}/figures/confusion.py")):
        git("commit", "--quiet", "--all", "--message", "two")
        done = workflow.run()
        assert jobs(workflow.run("--dry-run").stdout) == {}
    first, second = git("rev-parse", "HEAD~"), git("rev-parse", "HEAD")
    assert first != second
    provenance = json.loads(workflow.read("results/tiny/provenance.json"))
    (scored,) = provenance["steps"]["score"]
    assert (scored["commit"], scored["changes"], scored["files"]) == (first, False, 3)
    assert scored["code"] == code_digest(ROOT / "workflow" / "scripts" / "score.py")
    (drawn,) = provenance["steps"]["plot_confusion"]
    assert (drawn["commit"], drawn["changes"], drawn["files"]) == (second, False, 1)
    plot, module = ROOT / "workflow" / "scripts" / "plot_figure.py", "wfci_sleep.figures.confusion"
    # With the line that was added to the module, which the checkout does not have.
    assert drawn["code"] not in (code_digest(plot), code_digest(plot, module))
    text = workflow.read("results/tiny/methods.md")
    assert f"The predictions were made by the code of commit {first}." in text
    assert f"Other files, tables or figures among them, were made by the code of commit {second}." in text
    assert "Scoring" not in done.stdout
