"""Whatever breaks a run off, power or a full disk: the same command ends it, and the tables are the same."""

import os
import random
import shutil
import signal
import subprocess

import pytest

from .conftest import TINY, Workflow, overlaid, small_disk

pytestmark = pytest.mark.slow

# A single network, so that there is time for all that comes after.
CONFIG = overlaid(TINY, {"folds": {"protocol": "pooled"}})

RUN = "results/tiny"
WINDOWS = "resources/tiny/windows/2s-temporal-zscore-both-bin16"
# Windows, folds, networks, scores, analyses, a figure of each kind.
TARGETS = [
    *(f"{RUN}/main/{name}" for name in ("metrics.tsv", "bouts.tsv", "agreement.tsv", "gradcam_parcels.tsv")),
    *(f"{RUN}/main/figures/{name}.svg" for name in ("confusion", "learning")),
    f"{RUN}/figures/recordings.svg",
]
KILLS = 20


def tables(workflow):
    """What a run has to come to: every table of results and resources, by name."""
    found = [path for top in ("results", "resources") for path in workflow.path(top).rglob("*.[tc]sv")]
    return {path.relative_to(workflow.folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A run that nothing disturbs."""
    workflow = Workflow(tmp_path_factory.mktemp("unbroken"))
    workflow.configure(CONFIG)
    workflow.run(*TARGETS)
    return workflow


def leftovers(workflow):
    """Temporary files and folders of steps, which Snakemake's own folder does not count among."""
    found = [*workflow.folder.rglob(".*-????????.*"), *workflow.folder.rglob("*.log.tmp")]
    return [path for path in found if ".snakemake" not in path.parts]


def test_killed_at_any_moment_it_comes_to_the_same(unbroken, tmp_path):
    """Twenty kills, so many to a run as it takes to get to its end."""
    chance = random.Random(42)
    kills = 0
    while kills < KILLS:
        workflow = Workflow(tmp_path / f"after-{kills}-kills")
        workflow.folder.mkdir()
        workflow.configure(CONFIG)
        while kills < KILLS:
            process = workflow.start(*TARGETS)
            try:
                assert process.wait(timeout=chance.uniform(3, 10)) == 0
                break
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                kills += 1
        workflow.run(*TARGETS)
        assert tables(workflow) == tables(unbroken)
        assert leftovers(workflow) == []
        shutil.rmtree(workflow.folder)


FOLD = f"{RUN}/main/fold-1"

# Stage -> the folder whose disk is full, bytes that are left there, and what it makes.
STAGES = {
    "windows": (WINDOWS, 20_000, [f"{WINDOWS}/*/*.*"]),
    "train": (FOLD, 20_000, [f"{FOLD}/*.*"]),
    "score": (FOLD, 4_096, [f"{FOLD}/{name}" for name in ("predictions.tsv", "attention.h5", "gradcam.h5")]),
    "figure": (f"{RUN}/main/figures", 8_192, [f"{RUN}/main/figures/confusion.*"]),
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_full_disk_is_one_line_and_room_makes_it_good(unbroken, tmp_path, stage):
    folder, room, made = STAGES[stage]
    workflow = Workflow(shutil.copytree(unbroken.folder, tmp_path / "run"))
    paths = sorted(path for pattern in made for path in workflow.folder.glob(pattern) if path.is_file())
    expected = {path: path.read_bytes() for path in paths if path.suffix in (".tsv", ".csv", ".tfrecord", ".svg")}
    assert expected
    targets = [str(path.relative_to(workflow.folder)) for path in expected]
    for path in paths:
        path.unlink()
    with small_disk(workflow.path(folder)) as fill:
        fill(room)
        full = workflow.run(*targets, check=False)
        assert full.returncode == 1
        lines = [line for line in full.stdout.splitlines() if line.startswith("error: ")]
        assert lines, full.stdout[-3000:]
        assert all("make room and run the same command again" in line for line in lines)
        assert "Traceback" not in full.stdout
        fill(None)
        workflow.run(*targets)
    assert {path: path.read_bytes() for path in expected} == expected
    assert leftovers(workflow) == []
