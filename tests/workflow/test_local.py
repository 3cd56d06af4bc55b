"""The user's own recordings: read in place, from folder or sheet, wrong ones refused in one line."""

import hashlib
import json
import re
import shutil
import subprocess

import h5py
import pandas as pd
import pytest
from conftest import write_atlas, write_recording

from wfci_sleep.data.atlas import load_atlas
from wfci_sleep.data.synthetic import synthesise_recording

from .conftest import ROOT, TINY, jobs, overlaid

README = (ROOT / "README.md").read_text()
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
    windows = {"seconds": 2, "spatial_binning": 16, "mask": "both"}
    workflow.configure(local(windows=windows, folds={"protocol": "pooled"}))
    figures = ("confusion", "gradcam", "hypnogram-191030-M5", "attention_session-Ms3", "fragmentation")
    places = [f"results/own/main/figures/{name}.svg" for name in figures]

    workflow.run("results/own/main/metrics.json", *places)

    assert {path: path.stat().st_mtime_ns for path in workflow.path("recordings").rglob("*.mat")} == before
    metrics = json.loads(workflow.read("results/own/main/metrics.json"))
    assert set(metrics["mouse"]) == {"191030-M5", "Ms1", "Ms3"}
    for place in map(workflow.path, places):
        assert place.stat().st_size > 1000
        assert place.with_suffix(".png").stat().st_size > 1000
    recordings = pd.read_csv(workflow.path("resources/own/recordings.tsv"), sep="\t")
    for recording in recordings.itertuples():
        content = (workflow.folder / recording.path).read_bytes()
        assert recording.sha256 == hashlib.sha256(content).hexdigest()
    assert len(recordings) == 3
    # Real data carry no note about synthetic ones.
    assert "ynthetic" not in workflow.read(places[0])


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


def test_odd_names_are_read_and_what_is_left_aside_is_told(workflow):
    """Small letters, links, whole years; one line each for the rest, in the terminal, the table and the report."""
    for number, name in enumerate(
        ("store/ms4-FC1.MAT", "recordings/191030-M5-fc1.mat", "recordings/20191107-M5-fc1.mat")
    ):
        write_recording(workflow.path(name), [0, 1, number])
    workflow.path("recordings/linked").symlink_to("../store")
    for name in ("rest.mat", "sub/Ms4-fc2-copy.MAT"):
        workflow.path(f"recordings/{name}").parent.mkdir(exist_ok=True)
        workflow.path(f"recordings/{name}").touch()
    write_atlas(workflow.path("recordings/Atlas.mat"))
    workflow.configure(local())
    notes = [
        "recordings: 2 .mat files are left aside, as their names are not a recording's, the first is "
        "'recordings/rest.mat'; to use them, list them in a recording sheet (config/README.md)",
        "mice 191030-M5, 20191107-M5 may be one animal by their names, and would be trained on and tested as two; "
        "if so, give it one name in a recording sheet (config/README.md)",
    ]
    done = workflow.run(
        "resources/own/quality.tsv", "results/own/tables/quality.html", "results/own/figures/recordings.svg"
    )
    for note in notes:
        assert done.stdout.splitlines().count(f"warning: {note}") == 1
    table = pd.read_csv(workflow.path("resources/own/quality.tsv"), sep="\t", dtype=str)
    assert table["mouse"].tolist()[:3] == ["191030-M5", "20191107-M5", "Ms4"]
    assert table["epochs"].tolist()[:3] == ["3"] * 3
    assert table["warnings"].tolist()[3:] == notes
    assert "left aside" in workflow.read("results/own/tables/quality.html")
    assert "3 mice, 3 recordings" in workflow.read("results/own/figures/recordings.svg")


def test_one_recording_as_two_mice_is_refused_where_it_is_seen(workflow):
    for mouse in (1, 2, 3):
        write_recording(workflow.path(f"recordings/Ms{mouse}-fc1.mat"), [0, 1, mouse % 2])
    write_atlas(workflow.path("recordings/atlas.mat"))
    workflow.configure(local())
    done = workflow.run("--keep-going", "resources/own/recordings.tsv", "results/own/main/folds.tsv", check=False)
    errors = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert [line.split(" hold ")[0] for line in sorted(errors)] == [
        "error: Ms1-fc1 (mouse Ms1) and Ms3-fc1 (mouse Ms3)",
        "error: recordings/Ms1-fc1.mat (mouse Ms1) and recordings/Ms3-fc1.mat (mouse Ms3)",
    ]
    workflow.path("recordings/Ms2-fc1.mat").unlink()
    workflow.path("recordings/Ms2-fc1.mat").symlink_to("Ms1-fc1.mat")
    done = workflow.run("--dry-run", check=False)
    assert (
        "Ms1-fc1.mat (mouse Ms1) and recordings/Ms2-fc1.mat (mouse Ms2) are one file, expected another" in done.stdout
    )
    assert "Traceback" not in done.stdout


def test_tables_of_scorers_are_read_before_any_job(workflow):
    for mouse in (1, 2, 3):
        write_recording(workflow.path(f"recordings/Ms{mouse}-fc1.mat"), [0, 1, mouse])
    write_atlas(workflow.path("recordings/atlas.mat"))
    workflow.configure(local(analysis={"scorers": {"second": "second.tsv"}}))
    for line, message in (
        ("Ms1\tMs1-fc1\t3,0\twake", "line 3, column epoch: found '3,0'"),
        ("Ms1\tMs1-fc9\t1.0\twake", "line 3 scores epoch 1 of Ms1, Ms1-fc9, not a recording of this run"),
    ):
        workflow.path("second.tsv").write_text(f"mouse\trecording\tepoch\tstate\nMs1\tMs1-fc1\t0.0\twake\n{line}\n")
        done = workflow.run("--dry-run", check=False)
        assert f"second.tsv: {message}" in done.stdout
        assert "Building DAG" not in done.stdout


def test_a_sheet_works_as_a_folder_does(workflow):
    names = {1: "morning", 2: "noon", 3: "night"}
    rows = ["mouse\trecording\tpath"]
    for mouse, name in names.items():
        write_recording(workflow.path(f"anywhere/{name}.mat"), [0, 1, mouse])
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


def test_recordings_that_were_touched_are_taken_for_the_same(workflow):
    """By the README's two lines: which have changed, and that none has."""
    text = re.search(r"^```bash\n(tail .*)\n(?:\S*snakemake .*) (--touch)\n```", README, flags=re.MULTILINE)
    compare, touch = text[1].replace("/mine/", "/own/"), text[2]
    paths = [workflow.path(f"recordings/Ms{mouse}-fc1.mat") for mouse in (1, 2, 3)]
    for mouse, path in enumerate(paths, start=1):
        write_recording(path, [0, 1, mouse])
    write_atlas(workflow.path("recordings/atlas.mat"))
    workflow.configure(local())
    table = "resources/own/recordings.tsv"
    workflow.run(table)
    for path in paths:
        path.touch()
    # Real recordings are larger than the files whose content Snakemake compares.
    large = ("--max-checksum-file-size", "0")
    assert jobs(workflow.run("--dry-run", *large, table).stdout)["check_recording"] == 3

    def compared() -> subprocess.CompletedProcess:
        return subprocess.run(compare, shell=True, cwd=workflow.folder, capture_output=True, text=True)

    assert (compared().returncode, compared().stdout) == (0, "")
    # Of the whole run: what is not there yet stays so.
    workflow.run(touch, *large)
    assert jobs(workflow.run("--dry-run", *large, table).stdout) == {}
    assert not [path for path in workflow.path("results").rglob("*") if path.is_file()]

    write_recording(paths[1], [0, 0, 1])
    assert compared().returncode == 1
    assert compared().stdout == "recordings/Ms2-fc1.mat: FAILED\n"
