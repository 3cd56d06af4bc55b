"""The demo from nothing to its last figure through the profile on a real SLURM, and on this machine: `make slurm-demo`.

It takes a quarter of an hour, so that it is no part of CI, where networks are smaller (test_slurm.py).
"""

import re
from pathlib import Path

import pytest
import yaml
from workflow.conftest import ROOT, Workflow

from .conftest import SlurmWorkflow, one_at_a_time

pytestmark = [pytest.mark.slow, pytest.mark.long]

TIMEOUT_S = 3600


def results(folder: Path) -> dict[str, str]:
    """What a run came to: path -> contents of every table and figure."""
    files = (path for path in (folder / "results" / "demo").rglob("*.*") if path.suffix in (".tsv", ".csv", ".svg"))
    # matplotlib names the frames of drawings by more digits of their places than it writes, and than a layout repeats.
    return {str(path.relative_to(folder)): re.sub(r"\bp[0-9a-f]{10}\b", "p", path.read_text()) for path in files}


def test_the_demo_comes_to_the_same_as_on_one_machine(slurm, tmp_path):
    local, cluster = Workflow(tmp_path / "local"), SlurmWorkflow(tmp_path / "cluster")
    for workflow in (local, cluster):
        workflow.folder.mkdir()
        workflow.configure(yaml.safe_load((ROOT / "config" / "demo.yaml").read_text()))
    cluster.finish("all", timeout=TIMEOUT_S)
    local.run("all", timeout=TIMEOUT_S)

    expected = results(local.folder)
    assert len([name for name in expected if name.endswith("predictions.tsv")]) == 4
    assert len([name for name in expected if name.endswith(".svg")]) > 20
    found = results(cluster.folder)
    assert sorted(found) == sorted(expected)
    assert [name for name in expected if found[name] != expected[name]] == []

    assert all(job["JobState"] == "COMPLETED" for job in slurm.finished())
    on_gpu = slurm.finished([*cluster.submitted("train"), *cluster.submitted("score")])
    assert len(on_gpu) == 8
    assert one_at_a_time(on_gpu)
