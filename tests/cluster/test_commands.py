"""The commands for clusters that documents and profiles show, run to their end on a run that is nearly finished."""

import importlib.util
import os
import shutil

import pytest
from finished_run import finished_run
from shown_commands import check_out, of_clusters, run
from workflow.conftest import TINY, Workflow, jobs

COMMANDS = of_clusters()

# What the commands have to make: a page of the experiment, and one of the run.
PAGES = ("results/tiny/main/tables/agreement.html", "results/tiny/tables/quality.html")

# One machine of two cores, without an accounting database, and nothing to wait for.
ONE_MACHINE = (
    *("--cores", "2"),
    *("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2"),
    *("--latency-wait", "5"),
)

# A scheduler that runs what it is given at once: its last argument, on this machine.
QSUB = """\
#!/bin/sh
for script; do :; done
setsid "$script" > /dev/null 2>&1 &
echo 1
"""


def with_profile(name: str) -> list:
    """The commands with a profile, skipped where its plugin is missing."""
    plugin = f"snakemake_executor_plugin_{name}"
    missing = importlib.util.find_spec(plugin) is None
    skip = pytest.mark.skipif(missing, reason=f"{plugin} is not installed: it comes with the extra `cluster`")
    profile = name.removeprefix("cluster_")
    return [pytest.param(command, marks=skip) for command in COMMANDS if f"profiles/{profile}" in command]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A checkout of a finished run; but for what two of its pages are made from, its files are empty."""
    workflow = Workflow(tmp_path_factory.mktemp("checkout"))
    finished_run(workflow.folder)
    workflow.run(*PAGES)
    workflow.pretend("paper")
    check_out(workflow.folder, TINY)
    return workflow.folder


@pytest.fixture
def checkout(made, tmp_path):
    """A copy of it that lacks these pages."""
    folder = shutil.copytree(made, tmp_path / "checkout", symlinks=True)
    for page in PAGES:
        (folder / page).unlink()
    return folder


def test_every_command_has_a_profile_that_is_tried():
    tried = [*with_profile("slurm"), *with_profile("cluster_generic"), *with_profile("kubernetes")]
    assert sorted(command for parameter in tried for command in parameter.values) == sorted(COMMANDS)


def with_storage(command: str) -> bool:
    return "--default-storage-provider" in command


@pytest.mark.slow
@pytest.mark.parametrize("command", [each for each in with_profile("slurm") if not with_storage(*each.values)])
def test_on_slurm(slurm, checkout, command):
    said = run(checkout, command, *ONE_MACHINE).stdout
    if "--dry-run" in command:
        assert jobs(said)["paper"] == 1
    else:
        assert [page for page in PAGES if not (checkout / page).exists()] == []
        # What belongs to the experiment is one submission, what belongs to the run another.
        assert said.count("submitted with SLURM jobid") == 2


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("rsync") is None, reason="the program rsync is not installed")
@pytest.mark.parametrize("command", [each for each in with_profile("slurm") if with_storage(*each.values)])
def test_on_slurm_with_storage(slurm, checkout, command, monkeypatch):
    storage = checkout / "shared"
    storage.mkdir()
    for name in ("resources", "results"):
        shutil.move(checkout / name, storage)
    monkeypatch.setenv("TMPDIR", str(checkout / "scratch"))
    run(checkout, command.replace("/shared/wfci-sleep", str(storage)), *ONE_MACHINE)
    assert [page for page in PAGES if not (storage / page).exists()] == []


@pytest.mark.slow
@pytest.mark.parametrize("command", with_profile("cluster_generic"))
def test_with_another_scheduler(checkout, command, monkeypatch):
    (checkout / "qsub").write_text(QSUB)
    (checkout / "qsub").chmod(0o755)
    monkeypatch.setenv("PATH", f"{checkout}:{os.environ['PATH']}")
    run(checkout, command, "--latency-wait", "5")
    assert [page for page in PAGES if not (checkout / page).exists()] == []


@pytest.mark.parametrize("command", with_profile("kubernetes"))
def test_on_kubernetes_as_far_as_it_goes_without_one(tmp_path, command):
    """No more than a plan: there is no cluster to run it on, as docs/cluster.md says."""
    check_out(tmp_path, TINY)
    assert jobs(run(tmp_path, command, "--dry-run", "--default-storage-prefix", str(tmp_path)).stdout)["paper"] == 1
