"""Nothing is lost and nothing half-made is believed: killed runs, repeated runs, broken files."""

import hashlib
import json
import os
import re

import pytest

from wfci_sleep.run import made
from wfci_sleep.run.code import LIBRARY

from .conftest import TINY, Workflow, jobs, overlaid

FOLD = "results/tiny/main/fold-1"
PREDICTIONS = f"{FOLD}/predictions.tsv"
# More threads of arithmetic than one, and no more than the machine's cores.
CONFIG = overlaid(TINY, {"training": {"threads": 2}})


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A run that nothing disturbs, up to the predictions of one fold."""
    workflow = Workflow(tmp_path_factory.mktemp("unbroken"))
    workflow.configure(CONFIG)
    workflow.run(PREDICTIONS)
    return workflow


def is_being_made(workflow, name):
    """Whether a temporary file of an output that is not there yet exists."""
    path = workflow.path(name)
    return not path.exists() and any(path.parent.glob(f".{path.stem}-*{path.suffix}"))


def logged(workflow, name, text):
    path = workflow.path(name)
    return path.exists() and text in path.read_text()


def test_killed_runs_go_on_and_predict_the_same(unbroken, workflow):
    workflow.configure(CONFIG)
    shard = "resources/tiny/windows/2s-temporal-zscore-both-bin16/Ms1/Ms1-fc1.tfrecord"
    workflow.kill_when(lambda: is_being_made(workflow, shard), PREDICTIONS)
    assert not workflow.path(shard).exists()

    training_log = "logs/tiny/main/train/fold-1.log"
    workflow.kill_when(lambda: logged(workflow, training_log, "Epoch 3/3"), PREDICTIONS)
    assert workflow.path(shard).exists()
    assert not workflow.path(f"{FOLD}/model.keras").exists()

    scoring_log = workflow.path("logs/tiny/main/score/fold-1.log")
    workflow.kill_when(scoring_log.exists, PREDICTIONS)
    assert workflow.path(f"{FOLD}/model.keras").exists()
    assert not workflow.path(PREDICTIONS).exists()

    last = workflow.run(PREDICTIONS)
    assert "Scoring main, fold 1" in last.stdout
    assert "going on after training epoch 2" in workflow.read(training_log)
    assert not workflow.path(f"{FOLD}/training-state.npz").exists()
    assert "Cutting Ms1-fc1" not in last.stdout
    assert workflow.read(PREDICTIONS) == unbroken.read(PREDICTIONS)
    assert workflow.read(f"{FOLD}/history.csv") == unbroken.read(f"{FOLD}/history.csv")


def test_second_run_has_nothing_to_do(unbroken):
    assert "Nothing to be done" in unbroken.run(PREDICTIONS).stdout


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"training": {"passes": 4}}, {"train", "score"}),
        ({"training": {"threads": 1}}, {"train", "score"}),
        ({"folds": {"seed": 1}}, {"make_folds", "train", "score"}),
        ({"windows": {"seconds": 3}}, {"cut_windows", "make_folds", "train", "score"}),
        ({"analysis": {"seed": 1}}, set()),
    ],
)
def test_a_changed_setting_runs_again_what_depends_on_it(unbroken, changes, rules):
    unbroken.configure(overlaid(CONFIG, changes))
    try:
        output = unbroken.run("--dry-run", PREDICTIONS).stdout
    finally:
        unbroken.configure(CONFIG)
    assert set(jobs(output)) == rules


def test_predictions_are_complete_and_in_the_contracts_columns(unbroken):
    import pandas as pd

    predictions = pd.read_csv(unbroken.path(PREDICTIONS), sep="\t")
    columns = ["mouse", "recording", "epoch", "start_s", "split", "y_true", "y_pred", "p_wake", "p_nrem", "p_rem"]
    assert list(predictions.columns) == [*columns, "confidence"]
    assert predictions["confidence"].between(0.333, 1).all()
    probabilities = predictions[["p_wake", "p_nrem", "p_rem"]].to_numpy()
    assert abs(probabilities.sum(axis=1) - 1).max() < 1e-4
    assert (probabilities.argmax(axis=1) == predictions["y_pred"]).all()

    # Truth of each tested epoch is its own recording's score.
    index = pd.read_csv(unbroken.path("resources/tiny/windows/2s-temporal-zscore-both-bin16/Ms1/Ms1-fc1.tsv"), sep="\t")
    tested = predictions[predictions["split"] == "test"]
    assert set(tested["mouse"]) == {"Ms1"}
    kept = index[index["kept"]]
    assert tested["epoch"].tolist() == kept["epoch"].tolist()
    assert tested["y_true"].tolist() == kept["label"].tolist()


def test_files_say_which_code_made_them(unbroken):
    for step, name in (("train", f"{FOLD}/model.keras"), ("score", PREDICTIONS)):
        kept = json.loads(unbroken.path(made.record_path(name)).read_text())
        content = unbroken.path(name).read_bytes()
        assert (kept["bytes"], kept["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        code = made.current_code(LIBRARY.parent / f"{step}.py")
        assert {key: kept[key] for key in ("rule", *code)} == {"rule": step, **code}
        assert {"python", "keras", "tensorflow"} <= kept["software"].keys()


def test_the_number_of_cores_changes_no_number(unbroken):
    names = (PREDICTIONS, f"{FOLD}/history.csv")
    on_two_cores = [unbroken.read(name) for name in names]
    output = unbroken.run("--cores", "1", "--forcerun", "train", "score", "--", PREDICTIONS).stdout
    assert "Training main, fold 1" in output
    assert [unbroken.read(name) for name in names] == on_two_cores


@pytest.mark.parametrize(
    "name",
    [
        "resources/tiny/windows/2s-temporal-zscore-both-bin16/Ms2/Ms2-fc1.tfrecord",
        f"{FOLD}/model.keras",
    ],
)
def test_a_damaged_input_stops_its_step_before_it_begins(unbroken, name):
    path = unbroken.path(name)
    sound, before = path.read_bytes(), path.stat()
    path.write_bytes(bytes([*sound[:-3], sound[-3] ^ 1, *sound[-2:]]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    try:
        done = unbroken.run("--forcerun", "score", "--", PREDICTIONS, check=False)
    finally:
        path.write_bytes(sound)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert done.returncode != 0
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert line.startswith(f"error: {name}: is not the file that the workflow made (checksum ")
    assert "Traceback" not in done.stdout


def test_a_network_refuses_windows_that_it_was_not_trained_on(unbroken):
    unbroken.configure(overlaid(CONFIG, {"windows": {"normalisation": "min-max"}}))
    # The network stays as it is.
    output = unbroken.run(
        "--allowed-rules", "cut_windows", "make_folds", "score", "--", PREDICTIONS, check=False
    ).stdout
    (line,) = re.findall("^error: .*$", output, flags=re.MULTILINE)
    assert line.startswith(f"error: {FOLD}/model.keras was trained on windows with normalisation temporal-zscore, ")
    assert ", these have min-max; " in line
