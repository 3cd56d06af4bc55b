"""The user's own recordings: read in place, from folder or sheet, wrong ones refused in one line."""

import json
import shutil

import h5py
import pytest
from conftest import write_atlas, write_recording

from wfci_sleep.atlas import load_atlas
from wfci_sleep.synthesis import synthesise_recording

from .conftest import ROOT, TINY, overlaid

SHARED = ROOT.parent / "shared" / "data"

SPELLINGS = ("Ms1/Ms1-fc1.mat", "Ms3_fc1.mat", "old/191030-M5-fc1-GSR_Ben.mat")


def local(folder="recordings", **changes):
    return overlaid(
        TINY, {"run": {"name": "own"}, "dataset": {"source": "local", "local": {"path": folder}}, **changes}
    )


@pytest.mark.skipif(not SHARED.is_dir(), reason="the authors' atlas files are not here")
def test_real_atlas_and_mask_run_to_figures(workflow):
    brain = load_atlas(SHARED / "AtlasandIsbrain.mat").brain
    for mouse, name in enumerate(SPELLINGS, start=1):
        path = workflow.path(f"recordings/{name}")
        synthesise_recording(path, mouse, 1, TINY["dataset"]["synthetic"])
        with h5py.File(path, "r+") as file:
            file["xform_mask"][...] = brain.T
    shutil.copyfile(SHARED / "atlas.mat", workflow.path("recordings/atlas.mat"))
    before = {path: path.stat().st_mtime_ns for path in workflow.path("recordings").rglob("*.mat")}
    workflow.configure(local(windows={"seconds": 2, "spatial_binning": 16, "mask": "both"}))

    workflow.run("--report", "report.html", "--report-after-run")

    assert {path: path.stat().st_mtime_ns for path in workflow.path("recordings").rglob("*.mat")} == before
    metrics = json.loads(workflow.read("results/own/main/metrics.json"))
    assert set(metrics["mouse"]) == {"191030-M5", "Ms1", "Ms3"}
    figures = workflow.path("results/own/main/figures")
    for name in ("confusion", "gradcam", "hypnogram-191030-M5", "attention_session-Ms3", "fragmentation"):
        assert (figures / f"{name}.svg").stat().st_size > 1000
        assert (figures / f"{name}.png").stat().st_size > 1000
    assert workflow.path("report.html").stat().st_size > 100_000
    provenance = json.loads(workflow.read("results/own/provenance.json"))
    assert len(provenance["inputs"]["recordings"]) == 3
    assert all(len(recording["sha256"]) == 64 for recording in provenance["inputs"]["recordings"])
    assert provenance["data_are_synthetic"] is False
    # Real data carry no note about synthetic ones.
    assert "ynthetic" not in (figures / "confusion.svg").read_text()


BROKEN = {
    "without data": ({"scores": [0, 1, 3], "drop": ["data"]}, "variable data is missing, found scoringindex_file"),
    "score count": (
        {"scores": [0, 1, 3], "n_epochs": 2},
        "scoringindex_file is 1 x 3, expected one score for each of the 2",
    ),
    "score code": ({"scores": [0, 9, 3]}, "scoringindex_file holds 9 at epoch 1, expected 0 (wake), 1 (NREM)"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_wrong_recording_stops_with_its_line_and_spares_the_others(workflow, kind):
    arguments, message = BROKEN[kind]
    for mouse in (1, 2, 3):
        write_recording(workflow.path(f"recordings/Ms{mouse}-fc1.mat"), [0, 1, 3])
    write_recording(workflow.path("recordings/Ms2-fc1.mat"), **arguments)
    write_atlas(workflow.path("recordings/atlas.mat"))
    workflow.configure(local())
    done = workflow.run("--keep-going", "resources/own/recordings.tsv", check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    errors = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert errors[0].startswith("error: recordings/Ms2-fc1.mat: ")
    assert message in errors[0]
    assert workflow.path("resources/own/checks/Ms1/Ms1-fc1.tsv").exists()
    assert not workflow.path("resources/own/recordings.tsv").exists()
    # The log keeps the line.
    assert errors[0] in workflow.read("logs/own/check_recording/Ms2/Ms2-fc1.log")


def test_an_atlas_of_another_size_is_refused(workflow):
    for mouse in (1, 2, 3):
        write_recording(workflow.path(f"recordings/Ms{mouse}-fc1.mat"), [0, 1, 3])
    write_atlas(workflow.path("recordings/atlas.mat"), size=100)
    workflow.configure(local())
    done = workflow.run("resources/own/atlas.mat", check=False)
    assert done.returncode != 0
    assert "error: recordings/atlas.mat: AtlasSeeds is 100 x 100, expected 128 x 128" in done.stdout.splitlines()


def test_a_sheet_works_as_a_folder_does(workflow):
    names = {1: "morning", 2: "noon", 3: "night"}
    rows = ["mouse\trecording\tpath"]
    for mouse, name in names.items():
        write_recording(workflow.path(f"anywhere/{name}.mat"), [0, 1, 2])
        rows.append(f"M{mouse}\t{name}\tanywhere/{name}.mat")
    workflow.path("sheet.tsv").write_text("\n".join(rows) + "\n")
    atlas = write_atlas(workflow.path("paxinos.mat"))
    config = local("sheet.tsv")
    config["dataset"]["atlas"] = str(atlas)
    workflow.configure(config)
    workflow.run("resources/own/recordings.tsv", "resources/own/atlas.mat")
    table = [line.split("\t") for line in workflow.read("resources/own/recordings.tsv").splitlines()]
    assert table[0] == ["mouse", "recording", "order", "path", "sha256", "epochs"]
    assert [(row[0], row[1], row[5]) for row in table[1:]] == [
        ("M1", "morning", "3"),
        ("M2", "noon", "3"),
        ("M3", "night", "3"),
    ]
