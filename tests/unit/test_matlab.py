"""MATLAB files: read back with SciPy they hold the right numbers in the shapes that the published scripts expect."""

import numpy as np
import pandas as pd
import pytest
import scipy.io
from made_up import NAMES, predictions_of

from wfci_sleep.data.matv5 import write_v5
from wfci_sleep.errors import InputError
from wfci_sleep.export.matlab import in_time_order, matching_weights, matlab_variables
from wfci_sleep.scoring.examples import Example
from wfci_sleep.scoring.explanations import MouseMaps

RECORDINGS = pd.DataFrame(
    {
        "mouse": ["Ms2", "Ms2", "Ms2", "Ms10"],
        "recording": ["Ms2-fc1", "Ms2-fc2", "Ms2-fc10", "Ms10-fc1"],
        "order": [1, 2, 10, 1],
    }
)


@pytest.fixture
def predictions(rng):
    """Folds in the order of their files: Ms10 first, recordings and epochs of Ms2 mixed up."""
    table = predictions_of(rng, ["Ms10", "Ms2"])
    own = table["mouse"] == "Ms2"
    table.loc[own, "recording"] = ["Ms2-fc10", "Ms2-fc1", "Ms2-fc2"] * 10
    return pd.concat([table[~own], table[own][::-1]], ignore_index=True)


@pytest.fixture
def maps(rng):
    heat = rng.random((2, 3, 128, 64)).astype(np.float32)
    heat[1, 2] = np.nan
    return MouseMaps(["Ms10", "Ms2"], NAMES, heat, np.array([[4, 5, 6], [7, 8, 0]]), np.ones((2, 128, 64), bool))


def written(folder, predictions, weights, maps, examples=()):
    """Everything written, and a function that reads a file back as MATLAB would show it."""
    for name, variables in matlab_variables(predictions, NAMES, weights, 10.0, maps, examples).items():
        write_v5(folder / name, variables, "a test")

    def load(name):
        return {key: value for key, value in scipy.io.loadmat(folder / name).items() if not key.startswith("__")}

    return load


def test_rows_are_in_order_of_mouse_recording_and_epoch(predictions):
    ordered = in_time_order(predictions, RECORDINGS)
    assert list(dict.fromkeys(ordered["mouse"])) == ["Ms2", "Ms10"]
    assert list(dict.fromkeys(ordered["recording"])) == ["Ms2-fc1", "Ms2-fc2", "Ms2-fc10", "Ms10-fc1"]
    assert all((np.diff(one["epoch"]) > 0).all() for _, one in ordered.groupby("recording"))
    pd.testing.assert_frame_equal(ordered.sort_index(), predictions)


def test_files_of_all_mice_have_a_row_an_epoch(tmp_path, rng, predictions, maps):
    weights = rng.random((60, 168)).astype(np.float32)
    ordered = in_time_order(predictions, RECORDINGS)
    load = written(tmp_path, ordered, matching_weights(ordered, predictions, weights), maps)
    for name, column in (("y_trues", "y_true"), ("y_preds", "y_pred")):
        variables = load(f"{name}.mat")
        assert list(variables) == [name]
        assert variables[name].shape == (1, 60)
        assert np.issubdtype(variables[name].dtype, np.integer)
        assert set(variables[name].ravel()) == {0, 1, 2}
        np.testing.assert_array_equal(variables[name][0], ordered[column])
    np.testing.assert_array_equal(load("y_scores.mat")["y_scores"], ordered[["p_wake", "p_nrem", "p_rem"]])
    found = load("att_weights.mat")["att_weights"]
    assert found.shape == (60, 168)
    for row in (0, 29, 30, 59):
        np.testing.assert_array_equal(found[row], weights[ordered.index[row]])


def test_maps_are_of_the_mice_and_states_that_the_cells_name(tmp_path, predictions, maps):
    ordered = in_time_order(predictions, RECORDINGS)
    load = written(tmp_path, ordered, np.ones((60, 5), np.float32), maps)
    found = load("subject_avg_gradcam.mat")
    assert found["subject_avg_gradcam"].shape == (2, 3, 128, 64)
    assert [cell.item() for cell in found["mice"][0]] == ["Ms2", "Ms10"]
    assert [cell.item() for cell in found["states"][0]] == NAMES
    assert found["mice"].shape == (1, 2)
    np.testing.assert_array_equal(found["subject_avg_gradcam"], maps.maps[::-1])
    np.testing.assert_array_equal(found["examples"], [[7, 8, 0], [4, 5, 6]])
    # Rows of the image are rows in MATLAB, as imagesc shows them.
    single = load("mice/gradcam/Ms10_avg_hemis_label1.mat")["subject_avg_gradcam"]
    np.testing.assert_array_equal(single, maps.maps[0, 1])
    assert np.isnan(load("mice/gradcam/Ms2_avg_hemis_label2.mat")["subject_avg_gradcam"]).all()


def test_a_mouses_files_hold_its_own_rows(tmp_path, rng, predictions, maps):
    ordered = in_time_order(predictions, RECORDINGS)
    weights = rng.random((60, 7)).astype(np.float32)
    load = written(tmp_path, ordered, weights, maps)
    labels = load("mice/Ms10_10s.mat")
    own = (ordered["mouse"] == "Ms10").to_numpy()
    assert labels["y_trues"].shape == labels["y_preds"].shape == (1, 30)
    np.testing.assert_array_equal(labels["y_preds"][0], ordered.loc[own, "y_pred"])
    np.testing.assert_array_equal(load("mice/Ms10_attention_weights.mat")["att_weights"], weights[own])


def example(mouse, truth, predicted, probability, value):
    """An example whose frames are all of one value, with one row that is not."""
    frames = np.full((4, 16, 8), value, np.float16)
    frames[:, 3] = 0
    probabilities = np.full(3, (1 - probability) / 2, np.float32)
    probabilities[predicted] = probability
    return Example(mouse, "r", 5, 10.0, NAMES, truth, predicted, probabilities, frames, np.full(4, 0.25), {})


def test_the_surest_right_examples_are_exported(tmp_path, predictions, maps):
    examples = [
        example("Ms10", 1, 1, 0.9, 1),
        example("Ms10", 1, 1, 0.6, 2),
        example("Ms2", 1, 1, 0.7, 3),
        example("Ms2", 0, 2, 0.99, 4),
    ]
    ordered = in_time_order(predictions, RECORDINGS)
    load = written(tmp_path, ordered, np.ones((60, 5), np.float32), maps, examples)
    found = load("example_data.mat")
    assert [cell.item() for cell in found["states"][0]] == NAMES
    cells = found["example_data"][0]
    assert [cell.size for cell in cells] == [0, 4 * 16 * 8, 0]
    assert cells[1].shape == (4, 16, 8)
    assert (cells[1][:, 0] == 1).all()
    assert (cells[1][:, 3] == 0).all()
    for mouse, value in (("Ms10", 1), ("Ms2", 3)):
        assert (load(f"mice/gradcam/{mouse}_avg_hemis_label1.mat")["example_data"][:, 0] == value).all()
        assert "example_data" not in load(f"mice/gradcam/{mouse}_avg_hemis_label2.mat")


def test_a_run_without_any_test_epoch_gives_empty_variables(tmp_path, predictions):
    heat, masks = np.zeros((0, 3, 128, 128), np.float32), np.zeros((0, 128, 128), bool)
    nothing = MouseMaps([], NAMES, heat, np.zeros((0, 3), int), masks)
    load = written(tmp_path, in_time_order(predictions[:0], RECORDINGS), np.zeros((0, 168), np.float32), nothing)
    assert load("y_trues.mat")["y_trues"].size == 0
    assert load("y_scores.mat")["y_scores"].shape == (0, 3)
    assert not (tmp_path / "mice").exists()


def test_weights_of_other_epochs_are_refused(predictions):
    ordered = in_time_order(predictions, RECORDINGS)
    with pytest.raises(InputError, match="attention.h5 holds 59 test epochs that are not the 60 of predictions.tsv"):
        matching_weights(ordered, predictions[:59], np.ones((59, 3)))
    with pytest.raises(InputError, match="delete both and run the same command again"):
        matching_weights(ordered, predictions.assign(epoch=predictions["epoch"] + 1), np.ones((60, 3)))


def test_the_same_variables_give_the_same_bytes(tmp_path, monkeypatch):
    write_v5(tmp_path / "a.mat", {"x": np.arange(3)}, "Synthetic data: not a scientific result" + 99 * "!")
    monkeypatch.setattr("time.asctime", lambda *_: "another day")
    write_v5(tmp_path / "b.mat", {"x": np.arange(3)}, "Synthetic data: not a scientific result" + 99 * "!")
    assert (tmp_path / "a.mat").read_bytes() == (tmp_path / "b.mat").read_bytes()
    assert b"Synthetic data" in (tmp_path / "a.mat").read_bytes()[:116]
    assert scipy.io.loadmat(tmp_path / "a.mat")["x"].shape == (1, 3)
