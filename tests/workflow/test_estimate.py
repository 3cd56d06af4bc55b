"""`snakemake estimate`: the plan that Snakemake has, and nothing begun."""

import re

from .conftest import TINY, jobs, overlaid, processor_s

TWO = {"main": {}, "binary": {"labels": {"classes": ["wake", "sleep"]}}}


def rows(output: str) -> dict[str, int]:
    """Row of the printed table -> number of jobs."""
    table = output[output.index("experiment  ") : output.index("Rates: ")]
    return {name: int(count) for name, count in re.findall(r"^ *(\S+) +(\d+) +\d+ ", table, flags=re.MULTILINE)}


def test_as_many_jobs_as_a_dry_run_and_nothing_begun(workflow):
    workflow.configure(overlaid(TINY, {"experiments": TWO}))
    output = workflow.run("estimate").stdout
    found = rows(output)
    planned = jobs(workflow.run("--dry-run", "paper").stdout)
    workflow.configure(TINY)
    # Windows are shared: what the second experiment adds is its own.
    alone = jobs(workflow.run("--dry-run", "paper").stdout)
    assert found["total"] == sum(planned.values()) - 1  # the target itself
    assert found["main"] == found["binary"] == sum(planned.values()) - sum(alone.values())
    assert found["total"] == found["shared"] + found["main"] + found["binary"]
    assert "No GPU is given" in output
    assert not workflow.path("results").exists() and not workflow.path("resources").exists()
    left = [path.name for path in workflow.folder.rglob("*") if path.is_file() and ".snakemake" not in path.parts]
    assert sorted(left) == ["config.yaml", "estimate.log"]


def test_values_of_the_command_line_count(workflow):
    workflow.configure(TINY)
    output = workflow.run(
        "--config", "experiments={main: {}, other: {labels: {classes: [wake, sleep]}}}", "--", "estimate"
    ).stdout
    assert rows(output)["other"] > 0


def test_the_whole_study_in_time(stand_ins):
    with processor_s() as took:
        found = rows(stand_ins.run("estimate").stdout)
    assert took() < 60
    assert len(found) == 24 and found["shared"] > 144 * 3
