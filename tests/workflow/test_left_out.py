"""What is of no use, or not wanted, is left out with its reason, and the study goes on without it."""

import os
import shutil

import h5py
import numpy as np
import pytest
from conftest import square_mask, write_atlas, write_recording
from finished_run import finished_run

from .conftest import TINY, jobs, overlaid
from .test_dag import refusal

EMPTY = "data is empty, expected double or single"


def empty(path):
    """As the authors' scripts write a run without inner epochs."""
    with h5py.File(path, "r+") as file:
        for name in ("data", "scoringindex_file"):
            del file[name]
            file[name] = np.zeros(2, dtype=np.uint64)
            file[name].attrs["MATLAB_empty"] = 1


def with_a_hole(path):
    with h5py.File(path, "r+") as file:
        values = file["data"][()]
        del file["data"]
        data = file.create_dataset("data", values.shape, values.dtype, chunks=(1, *values.shape[1:]))
        data[0], data[2:] = values[0], values[2:]


def without_much_of_the_mask(path):
    mask = square_mask()
    mask[20:55] = False
    with h5py.File(path, "r+") as file:
        file["xform_mask"][...] = mask.T


def cut_off(path):
    os.truncate(path, path.stat().st_size // 2)


@pytest.fixture
def recordings(workflow, rng):
    """Four mice of two runs of five epochs: the second of Ms1 is empty, the first of Ms3 is cut off."""
    noise = rng.normal(0, 0.02, size=(168, 128, 128)).astype(np.float32)
    sound = write_recording(workflow.path("sound.mat"), [0, 1, 3, 0, 1], lambda epoch: noise * (1 + epoch))
    for number, (mouse, run) in enumerate((mouse, run) for mouse in (1, 2, 3, 4) for run in (1, 2)):
        path = workflow.path(f"recordings/Ms{mouse}-fc{run}.mat")
        path.parent.mkdir(exist_ok=True)
        shutil.copyfile(sound, path)
        with h5py.File(path, "r+") as file:
            file["number"] = number  # no two of them hold the same bytes
    spoiled = {"Ms1-fc2": empty, "Ms2-fc1": with_a_hole, "Ms2-fc2": without_much_of_the_mask, "Ms3-fc1": cut_off}
    for name, spoil in spoiled.items():
        spoil(workflow.path(f"recordings/{name}.mat"))
    write_atlas(workflow.path("recordings/atlas.mat"))
    return workflow


EXCLUDE = [
    {"recording": "Ms4-fc2", "reason": "the window was cloudy"},
    {"mouse": "Ms4", "recording": "Ms4-fc1", "epochs": [0, "2-3"], "reason": "a light was on"},
]


def local(**dataset):
    dataset = {"source": "local", "local": {"path": "recordings"}, "exclude": EXCLUDE, **dataset}
    return overlaid(TINY, {"run": {"name": "own"}, "dataset": dataset})


def rows(workflow, name):
    header, *lines = (line.split("\t") for line in workflow.read(f"resources/own/{name}").splitlines())
    return {line[1]: dict(zip(header, line, strict=True)) for line in lines}


def test_a_study_goes_on_without_what_is_of_no_use(recordings):
    workflow = recordings
    workflow.configure(local(on_bad_recording="leave-out"))
    figures = [f"results/own/figures/{name}.svg" for name in ("recordings", "registration-Ms1", "registration-Ms3")]
    done = workflow.run("results/own/main/folds.tsv", *figures)

    found = rows(workflow, "quality.tsv")
    unreadable = found["Ms3-fc1"]["left_out"]
    assert unreadable.startswith("not a readable MATLAB v7.3 (HDF5) file (")
    assert {name: row["left_out"] for name, row in found.items() if row["left_out"]} == {
        "Ms1-fc2": EMPTY,
        "Ms2-fc1": "epoch 1 never written",
        "Ms3-fc1": unreadable,
        "Ms4-fc1": "epochs 0, 2-3 excluded: a light was on",
        "Ms4-fc2": "excluded: the window was cloudy",
    }
    counts = ("epochs", "wake", "nrem", "rem", "artefact", "no_signal", "excluded")
    assert [[found[name][kind] for kind in counts] for name in ("Ms1-fc2", "Ms2-fc1", "Ms4-fc1")] == [
        list("0000000"),
        list("5211010"),
        list("5020003"),
    ]
    assert "the mask shares 56.2% of its pixels" in found["Ms2-fc2"]["warnings"]
    listed = rows(workflow, "recordings.tsv")
    assert [listed[name]["epochs"] for name in ("Ms1-fc1", "Ms1-fc2", "Ms3-fc1", "Ms4-fc2")] == ["5", "0", "0", "0"]

    # Said once in the terminal.
    for said in (
        f"warning: recordings/Ms1-fc2.mat: {EMPTY}; the recording is left out",
        f"warning: recordings/Ms3-fc1.mat: {unreadable}; the recording is left out",
        "warning: recordings/Ms2-fc1.mat: epochs without a signal are left out: epoch 1 never written",
        f"warning: Ms2, Ms2-fc2: {found['Ms2-fc2']['warnings'].split('; ')[-1]}",
    ):
        assert done.stdout.splitlines().count(said) == 1

    folds = workflow.read("results/own/main/folds.tsv").splitlines()[1:]
    epochs = {tuple(line.split("\t")[1:3]) for line in folds if line.split("\t")[3] == "1"}
    used = {"Ms1-fc1": "01234", "Ms2-fc1": "0234", "Ms2-fc2": "01234", "Ms3-fc2": "01234", "Ms4-fc1": "14"}
    assert epochs == {(name, epoch) for name, numbers in used.items() for epoch in numbers}
    index = workflow.read("resources/own/windows/2s-temporal-zscore-both-bin16/Ms2/Ms2-fc1.tsv").splitlines()
    assert index[2] == "1\t10.0\t1\t-1\tFalse\tnever written"
    shard = workflow.path("resources/own/windows/2s-temporal-zscore-both-bin16/Ms3/Ms3-fc1.tfrecord")
    assert shard.stat().st_size == 0

    assert "left out" in workflow.read("results/own/figures/recordings.svg")

    # Without a word of leaving out a recording of no use ends the run; the empty one did not.
    workflow.path("resources/own/checks/Ms3/Ms3-fc1.tsv").unlink()
    workflow.configure(local())
    done = workflow.run("resources/own/checks/Ms3/Ms3-fc1.tsv", check=False)
    assert done.returncode != 0
    errors = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert errors == [f"error: recordings/Ms3-fc1.mat: {unreadable}"]


@pytest.mark.parametrize(
    ("exclude", "message"),
    [
        ([{"recording": "Ms1-fc9", "reason": "why"}], "dataset.exclude, entry 1: there is no recording Ms1-fc9"),
        ([{"recording": "Ms1-fc1"}], "dataset.exclude, entry 1.reason is missing"),
        (
            [{"recording": "Ms2-fc1", "epochs": [9999], "reason": "why"}],
            "Ms2-fc1.mat has no epoch 9999, expected epochs",
        ),
        ([{"mouse": mouse, "reason": "ill"} for mouse in ("Ms1", "Ms2")], "found 1 mouse: Ms3"),
    ],
)
def test_what_cannot_be_left_out_is_refused_before_any_job(workflow, exclude, message):
    assert message in refusal(workflow, overlaid(TINY, {"dataset": {"exclude": exclude}}))


def test_epochs_of_counted_recordings_are_compared_before_any_job(stand_ins):
    """The job's error would take the recording's outputs with it, and all that is made of them."""
    workflow = stand_ins
    paths = {
        f"Ms{mouse}-fc{run}": f"recordings/Ms{mouse}/Ms{mouse}-fc{run}.mat" for mouse, run in ((1, 1), (1, 2), (2, 1))
    }
    rows = [f"{name[:3]}\t{name}\t{name[-1]}\t{path}\t{'0' * 64}\t36" for name, path in paths.items()]
    counts = workflow.path("resources/own/recordings.tsv")
    counts.parent.mkdir(parents=True)
    table = "\n".join(["mouse\trecording\torder\tpath\tsha256\tepochs", *rows, ""])
    counts.write_text(table)
    scores = workflow.path("second.tsv")

    def config(epoch, scored):
        scores.write_text(f"mouse\trecording\tepoch\tstate\nMs2\tMs2-fc1\t{scored}\twake\n")
        exclude = [{"recording": "Ms1-fc2", "epochs": [epoch], "reason": "moves"}]
        return local(exclude=exclude) | {"analysis": {"scorers": {"second": "second.tsv"}}}

    typo = refusal(workflow, config(9999, 0))
    assert typo == f"dataset.exclude: {paths['Ms1-fc2']} has no epoch 9999, expected epochs from 0 to 35"
    beyond = refusal(workflow, config(35, 36))
    assert beyond.startswith("second.tsv: line 2 scores epoch 36 of Ms2, Ms2-fc1, of 36 epochs; expected mouse, recor")

    workflow.configure(config(35, 35))
    plan = jobs(workflow.run("--dry-run").stdout)
    assert plan["check_recording"] == 144
    # Nothing is known of files that changed since, nor from a damaged table.
    later = counts.stat().st_mtime + 10
    for name in ("Ms1-fc2", "Ms2-fc1"):
        os.utime(workflow.path(paths[name]), (later, later))
    workflow.configure(config(9999, 36))
    assert jobs(workflow.run("--dry-run").stdout) == plan
    os.utime(counts, (later + 10, later + 10))
    assert refusal(workflow, config(9999, 36)) == typo
    counts.write_text(table[:-20])
    workflow.configure(config(9999, 36))
    assert jobs(workflow.run("--dry-run").stdout) == plan


def test_a_typo_in_a_finished_run_stops_before_any_job(workflow):
    finished_run(workflow.folder)
    exclude = [{"recording": "Ms2-fc1", "epochs": [9999], "reason": "moves"}]
    message = refusal(workflow, overlaid(TINY, {"dataset": {"exclude": exclude}}))
    assert message == (
        "dataset.exclude: resources/tiny/raw/Ms2/Ms2-fc1.mat has no epoch 9999, expected epochs from 0 to 23"
    )
