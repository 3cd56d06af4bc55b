"""The workflow as a Snakemake module: another one imports it, gives its rules a prefix and adds rules of its own."""

import re
import subprocess
import sys
from collections.abc import Mapping

import pytest
from finished_run import finished_run

from .conftest import ROOT, TINY, Workflow, jobs

(README,) = re.findall(
    r"^```python\n(module .*?)^```", (ROOT / "README.md").read_text(), flags=re.MULTILINE | re.DOTALL
)

MINE = """

rule mine:
    default_target: True
    input:
        "results/tiny/main/metrics.tsv",
        rules.sleep_figure_confusion.input,
    output:
        "mine.txt",
    shell:
        "head -n 1 {input[0]} > {output}"
"""


# All of the configuration is the module's.
WHOLE = {'config["sleep"]': "config"}


class Outer(Workflow):
    """A working folder with a workflow of its own, which imports the one that is tested."""

    def write(self, changes: Mapping[str, str] = {}) -> None:
        text = f'configfile: "config.yaml"\n\n\n{README}{MINE}'
        for old, new in {"wfci-sleep/": f"{ROOT}/", **changes}.items():
            assert old in text
            text = text.replace(old, new)
        (self.folder / "Snakefile").write_text(text)

    def command(self, *arguments: str) -> list[str]:
        profile = ["--workflow-profile", str(ROOT / "workflow" / "profiles" / "default")]
        return [sys.executable, "-m", "snakemake", *profile, *arguments]


@pytest.fixture(scope="module")
def outer(tmp_path_factory):
    """A finished run below a workflow that imports this one."""
    workflow = Outer(tmp_path_factory.mktemp("outer"))
    finished_run(workflow.folder)
    workflow.write(WHOLE)
    return workflow


def test_rules_of_both_workflows_run(outer):
    done = outer.run()
    assert outer.read("mine.txt").startswith("level\t")
    assert (outer.path("results/tiny/main/figures") / "confusion.svg").exists()
    assert "rule mine:" in done.stdout
    # The lock is taken: the outer workflow's onstart calls this one's.
    assert outer.path(".snakemake/wfci-sleep.lock").exists()
    assert jobs(outer.run("--dry-run").stdout) == {}


def test_targets_carry_the_prefix(outer):
    listed = outer.run("--list").stdout
    assert "sleep_figure_confusion (Confusion matrix.)" in listed
    assert "sleep_all (The main experiment" in listed
    planned = jobs(outer.run("--dry-run", "sleep_paper").stdout)
    assert planned["sleep_plot_performance"] == planned["sleep_write_crate"] == 1


def test_the_estimate_knows_the_rules_by_their_own_names(outer):
    said = outer.run("sleep_estimate").stdout
    alone = Workflow(outer.folder).run("estimate").stdout
    table = slice(alone.index("experiment  "), alone.index("Rates:"))
    assert alone[table] in said


def test_the_root_works_too_without_prefix_and_with_a_part_of_the_configuration(workflow):
    outer = Outer(workflow.folder)
    outer.configure({"sleep": TINY, "other": 1})
    outer.write({"sleep_": "", "workflow/Snakefile": "Snakefile"})
    planned = jobs(outer.run("--dry-run").stdout)
    assert planned["mine"] == planned["compute_metrics"] == 1
    assert planned["train"] == 3


def test_what_a_module_cannot_do_is_one_line(workflow):
    outer = Outer(workflow.folder)
    outer.configure(TINY)
    outer.write(WHOLE | {"    config:": "    prefix:\n        'below'\n    config:"})
    done = outer.run("--dry-run", check=False)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("error: a module's `prefix` and `replace_prefix` do not reach all")


def test_a_bare_run_makes_the_same_from_either_file(workflow):
    """The file at the root is the way in, workflow/Snakefile is what it leads to."""
    workflow.configure(TINY)
    plans = []
    for name in ("Snakefile", "workflow/Snakefile"):
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / name), "--dry-run"]
        done = subprocess.run(
            [*command, "--configfile", workflow.config], cwd=workflow.folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        plans.append(jobs(done.stdout))
    assert plans[0] == plans[1]
    assert plans[0]["all"] == 1
