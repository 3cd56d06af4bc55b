"""Training: what an order of the data, a metric, a loss and a broken-off training must be."""

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, f1_score

from wfci_sleep.errors import InputError
from wfci_sleep.shards import write_shard
from wfci_sleep.training import (
    CohenKappa,
    MacroF1,
    class_weights,
    confusion_table,
    learning_rate,
    loss_function,
    train,
    training_passes,
)

CLASSES = ["wake", "nrem", "rem"]
SETTINGS = {
    "labels": {"classes": CLASSES},
    "model": {
        "kind": "cnn-bilstm",
        "filters": [3, 3],
        "kernel": 3,
        "pooling": 2,
        "spatial_attention": "none",
        "spatial_attention_blocks": "all",
        "temporal_attention": "additive",
        "lstm_units": 3,
        "dropout": 0.3,
    },
    "training": {
        "loss": "focal",
        "gamma": 2,
        "learning_rate": 0.01,
        "batch_size": 4,
        "passes": 4,
        "schedule": "constant",
        "early_stopping": None,
        "class_weights": "none",
        "precision": "float32",
        "shuffle_labels": False,
        "seed": 3,
    },
}


def with_training(**changes):
    return {**SETTINGS, "training": {**SETTINGS["training"], **changes}}


@pytest.fixture(scope="module")
def fold(tmp_path_factory):
    """Epochs of three recordings, two to train on, with their shards; the label shows in the signal."""
    folder = tmp_path_factory.mktemp("shards")
    rng = np.random.default_rng(1)
    mask = np.ones((4, 6), dtype=bool)
    shards, rows = {}, []
    for mouse, split in (("Ms1", "train"), ("Ms2", "train"), ("Ms3", "validation")):
        labels = rng.permutation(np.arange(9) % 3)
        windows = [(epoch, label, label + rng.normal(size=(8, 24))) for epoch, label in enumerate(labels)]
        shards[mouse, "a"] = folder / f"{mouse}.tfrecord"
        write_shard(shards[mouse, "a"], windows, mask)
        rows += [(mouse, "a", epoch, label, split) for epoch, label, _ in windows]
    return pd.DataFrame(rows, columns=["mouse", "recording", "epoch", "label", "split"]), shards


def trained(fold, folder, settings=SETTINGS):
    keras.utils.set_random_seed(settings["training"]["seed"])
    return train(*fold, settings, folder / "tensorboard", folder / "state.pickle")


class Killed(Exception):
    pass


def killed_in_pass(number, monkeypatch, fold, folder, settings):
    """Train until the pass begins, and stop there."""
    fit = keras.Model.fit

    class Killer(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch + 1 == number:
                raise Killed

    def fit_and_die(self, *args, **kwargs):
        return fit(self, *args, **{**kwargs, "callbacks": [*kwargs["callbacks"], Killer()]})

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(keras.Model, "fit", fit_and_die)
        trained(fold, folder, settings)


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"schedule": "cosine"}, {"schedule": "plateau", "early_stopping": 2}])
def test_a_broken_off_training_ends_as_an_unbroken_one(fold, tmp_path, monkeypatch, changes):
    settings = with_training(**changes)
    unbroken = trained(fold, tmp_path / "unbroken", settings)
    killed_in_pass(3, monkeypatch, fold, tmp_path / "broken", settings)
    resumed = trained(fold, tmp_path / "broken", settings)
    pd.testing.assert_frame_equal(resumed.history, unbroken.history, check_exact=True)
    pd.testing.assert_frame_equal(resumed.confusion, unbroken.confusion)
    for ours, theirs in zip(resumed.model.get_weights(), unbroken.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)

    # Killed between the last pass and the saving of the model: nothing is trained, the same comes out.
    again = trained(fold, tmp_path / "broken", settings)
    pd.testing.assert_frame_equal(again.history, unbroken.history, check_exact=True)
    for ours, theirs in zip(again.model.get_weights(), unbroken.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    again.state.end()
    assert not (tmp_path / "broken" / "state.pickle").exists()


@pytest.mark.slow
def test_the_state_of_another_training_is_not_taken_up(fold, tmp_path, monkeypatch, capsys):
    killed_in_pass(2, monkeypatch, fold, tmp_path, SETTINGS)
    result = trained(fold, tmp_path, with_training(learning_rate=0.02, passes=1))
    assert "state of a training with other settings or data, starting anew" in capsys.readouterr().out
    assert list(result.history["pass"]) == [1]


@pytest.mark.slow
def test_history_and_confusion_say_the_same(fold, tmp_path):
    result = trained(fold, tmp_path, with_training(class_weights="balanced", passes=2))
    assert {"loss", "kappa", "f1_macro", "val_loss", "val_kappa", "val_f1_macro"} <= set(result.history)
    for number, matrix in result.confusion.groupby("pass"):
        counts = matrix["n"].to_numpy().reshape(3, 3)
        assert counts.sum() == 9
        accuracy = result.history.set_index("pass").loc[number, "val_accuracy"]
        assert np.trace(counts) / 9 == pytest.approx(accuracy)


def order(fold, seed, passes):
    epochs, shards = fold
    chosen = epochs[epochs["split"] == "train"]
    batches = training_passes(chosen, shards, CLASSES, 4, seed, passes)
    return [frames.numpy().sum(axis=(1, 2, 3)).tolist() for frames, _ in batches]


def test_the_order_of_a_pass_depends_on_its_number_alone(fold):
    whole = order(fold, 3, range(3))
    assert [len(batch) for batch in whole] == [4, 4, 4, 4, 2] * 3
    assert order(fold, 3, range(2, 3)) == whole[10:]
    passes = [sum(whole[start : start + 5], []) for start in (0, 5, 10)]
    assert passes[0] != passes[1] != passes[2]
    assert sorted(passes[0]) == sorted(passes[1]) == sorted(passes[2])
    assert order(fold, 4, range(1)) != whole[:5]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=30))
def test_metrics_agree_with_scikit_learn(pairs):
    truth, predicted = np.array(pairs).T
    kappa, f1 = CohenKappa(3, name="kappa"), MacroF1(3, name="f1")
    for metric in (kappa, f1):
        metric.update_state(truth[:1], np.eye(3)[predicted[:1]])
        metric.update_state(truth[1:], np.eye(3)[predicted[1:]])
    expected = f1_score(truth, predicted, labels=[0, 1, 2], average="macro", zero_division=0)
    assert float(f1.result()) == pytest.approx(expected, abs=1e-6)
    if len(set(truth) | set(predicted)) > 1:
        assert float(kappa.result()) == pytest.approx(cohen_kappa_score(truth, predicted), abs=1e-6)


def test_the_focal_loss_is_keras_own():
    rng = np.random.default_rng(2)
    probabilities = rng.dirichlet(np.ones(3), 20).astype(np.float32)
    truth = rng.integers(0, 3, 20)
    ours = loss_function({"loss": "focal", "gamma": 2}, 3)(truth, probabilities)
    theirs = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=2)(np.eye(3)[truth], probabilities)
    by_hand = np.mean((1 - probabilities[range(20), truth]) ** 2 * -np.log(probabilities[range(20), truth]))
    assert float(ours) == pytest.approx(float(theirs), rel=1e-5)
    assert float(ours) == pytest.approx(by_hand, rel=1e-5)

    positive, truth = probabilities[:, :1], rng.integers(0, 2, (20, 1))
    ours = loss_function({"loss": "focal", "gamma": 2}, 2)(truth, positive)
    theirs = keras.losses.BinaryFocalCrossentropy(gamma=2)(truth, positive)
    assert float(ours) == pytest.approx(float(theirs), rel=1e-5)


def test_the_learning_rate_falls_along_a_cosine():
    rate = learning_rate({"schedule": "cosine", "learning_rate": 0.1}, n_steps=10)
    expected = [0.1 * (1 + np.cos(np.pi * step / 10)) / 2 for step in range(11)]
    assert [float(rate(step)) for step in range(11)] == pytest.approx(expected, abs=1e-7)
    assert learning_rate({"schedule": "plateau", "learning_rate": 0.1}, n_steps=10) == 0.1


def test_balanced_weights_give_every_class_the_same_say():
    labels = np.array([0] * 6 + [1] * 3 + [2])
    weights = class_weights(labels, 3, "balanced")
    assert [weights[label] * (labels == label).sum() for label in range(3)] == pytest.approx([10 / 3] * 3)
    assert class_weights(labels, 3, "none") is None
    assert class_weights(labels[:9], 3, "balanced") == pytest.approx({0: 0.75, 1: 1.5, 2: 1.0})


def test_confusion_of_passes_as_a_table():
    table = confusion_table([np.array([[1, 2], [3, 4]])], ["wake", "sleep"])
    assert table.to_dict("list") == {
        "pass": [1] * 4,
        "true": ["wake", "wake", "sleep", "sleep"],
        "predicted": ["wake", "sleep", "wake", "sleep"],
        "n": [1, 2, 3, 4],
    }


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (lambda epochs: epochs[epochs["split"] == "train"], SETTINGS, "the fold has no validation epochs"),
        (lambda epochs: epochs.assign(label=1), SETTINGS, "the fold's training epochs are all nrem"),
        (lambda epochs: epochs, with_training(batch_size=19), "batch_size is 19, but the fold has 18 training epochs"),
    ],
)
def test_a_fold_that_cannot_be_trained_on(fold, tmp_path, change, settings, message):
    epochs, shards = fold
    with pytest.raises(InputError, match=message):
        train(change(epochs), shards, settings, tmp_path / "tensorboard", tmp_path / "state.pickle")
