"""What README and docs/ install for GPUs and clusters: one file, one call, and pip resolves it."""

import re
import subprocess
import sys

import pytest
from workflow.conftest import ROOT

pytestmark = pytest.mark.slow

INSTALLATIONS = {
    re.search(r"requirements/[\w-]+\.txt", command)[0]: command
    for path in (ROOT / "README.md", ROOT / "docs" / "cluster.md")
    for command in re.findall(r"^ *\.venv/bin/(pip install .*)$", path.read_text(), flags=re.MULTILINE)
}


def test_the_commands_name_one_lock_file_each_and_nothing_beside():
    expected = {f"requirements/{name}.txt": name for name in ("gpu", "cluster-gpu")}
    assert {path: f"pip install --require-hashes -r {path}" for path in expected} == INSTALLATIONS


def test_what_a_cluster_needs_resolves(tmp_path):
    """With its hashes; whatever the GPU's lock file holds is in the cluster's."""
    command = INSTALLATIONS["requirements/cluster-gpu.txt"].split()
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    done = subprocess.run(
        [tmp_path / "venv" / "bin" / "python", "-m", *command, "--dry-run", "--quiet", "--report", tmp_path / "report"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = (tmp_path / "report").read_text()
    for package in ("tensorflow", "nvidia-cudnn-cu12", "snakemake", "snakemake-executor-plugin-slurm"):
        assert f'"name": "{package}"' in found
