"""`snakemake estimate`: the plan that Snakemake has, and nothing begun."""

import re

import yaml

from .conftest import ROOT, TINY, jobs, overlaid, processor_s

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


def test_without_a_connection_a_plan_needs_none_and_an_estimate_ends_soon(workflow):
    paper = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    # Nobody listens there: the default configuration, on a machine without a connection.
    workflow.configure(overlaid(paper, {"dataset": {"physionet": {"mirror": "http://127.0.0.1:1/files"}}}))
    assert jobs(workflow.run("--dry-run").stdout) == {"list_database": 1, "all": 1}
    with processor_s() as used_s:
        done = workflow.run("estimate", check=False, timeout=60)
    (error,) = (line for line in done.stdout.splitlines() if line.startswith("error: "))
    # What the clock says beyond that is what else the machine does.
    assert used_s() < 13
    assert re.search(r"SHA256SUMS.txt: nothing arrived for [012] s \(.* Connection refused\)", error)


def test_values_of_the_command_line_count(workflow):
    # In a folder whose name Snakemake could take for a wildcard.
    workflow.folder /= "{x}"
    workflow.folder.mkdir()
    workflow.configure(TINY)
    output = workflow.run(
        "--config", "experiments={main: {}, other: {labels: {classes: [wake, sleep]}}}", "--", "estimate"
    ).stdout
    assert rows(output)["other"] > 0


def test_the_whole_study_in_time(stand_ins):
    with processor_s() as took:
        found = rows(stand_ins.run("estimate").stdout)
    assert took() < 60
    assert len(found) == 22 + 16 + 36 + 2 and found["shared"] > 144 * 3
