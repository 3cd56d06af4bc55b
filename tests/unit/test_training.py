"""Training: what an order of the data, a metric, a loss and a broken-off training must be."""

import hashlib
import io
import pickle
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, f1_score

from wfci_sleep.errors import InputError
from wfci_sleep.files.shard_writing import write_shard
from wfci_sleep.models.saving import load_network
from wfci_sleep.training.batches import augmented, training_batches
from wfci_sleep.training.checkpoint import read_state, write_state
from wfci_sleep.training.fit import learning_rate, optimizer, train
from wfci_sleep.training.losses import SparseFocalCrossentropy, class_weights, loss_function
from wfci_sleep.training.metrics import CohenKappa, MacroF1, confusion_table

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
        "loss_weight": 1,
        "learning_rate": 0.01,
        "batch_size": 4,
        "passes": 4,
        "schedule": "constant",
        "early_stopping": None,
        "class_weights": "none",
        "augment_flip": False,
        "augment_gain": 0,
        "augment_noise": 0,
        "precision": "float32",
        "frames_at_once": None,
        "gradient_accumulation": 1,
        "xla": False,
        "shuffle_labels": False,
        "seed": 3,
    },
}


def with_training(**changes):
    return {**SETTINGS, "training": {**SETTINGS["training"], **changes}}


@pytest.fixture(scope="module")
def fold(tmp_path_factory):
    return make_fold(tmp_path_factory.mktemp("shards"))


def make_fold(folder):
    """Epochs of three recordings, two to train on, with their shards; the label shows in the signal."""
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


def trained(fold, folder, settings=SETTINGS, devices=(), tell=print):
    keras.utils.set_random_seed(settings["training"]["seed"])
    return train(*fold, settings, folder / "tensorboard", folder / "state.npz", devices, tell)


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
@pytest.mark.parametrize(
    "changes",
    [
        {"schedule": "cosine", "gradient_accumulation": 2, "augment_flip": True, "augment_noise": 0.1},
        {"schedule": "plateau", "early_stopping": 2, "precision": "mixed_float16", "frames_at_once": 3},
    ],
    ids=["cosine", "plateau"],
)
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
    assert not (tmp_path / "broken" / "state.npz").exists()


@pytest.mark.slow
def test_the_state_of_another_training_is_not_taken_up(fold, tmp_path, monkeypatch, capsys):
    killed_in_pass(2, monkeypatch, fold, tmp_path, SETTINGS)
    result = trained(fold, tmp_path, with_training(learning_rate=0.02, passes=1))
    assert "state of a training with other settings or data, starting anew" in capsys.readouterr().out
    assert list(result.history["pass"]) == [1]
    # The same settings, but for what lies in the windows.
    trained(fold, tmp_path, {**with_training(learning_rate=0.02, passes=1), "windows": {"normalisation": "min-max"}})
    assert "state of a training with other settings or data, starting anew" in capsys.readouterr().out


STATE = {
    "fingerprint": "a",
    "history": [{"pass": 1, "loss": 0.1 + 0.2, "val_loss": float("inf")}],
    "confusion": np.arange(9).reshape(1, 3, 3),
    "stopped": False,
    "variables": [
        np.float32([[0.1, -0.0], [np.nan, 3e38]]),
        np.array(7),
        np.uint32([1, 2**32 - 1]),
        np.zeros((0, 3)),
    ],
    "callbacks": [{"best": None, "wait": 3, "best_weights": [np.arange(3.0)]}, {}],
}


def test_a_state_comes_back_as_it_was(tmp_path):
    write_state(tmp_path / "state.npz", STATE)
    found = read_state(tmp_path / "state.npz")
    assert repr(found) == repr(STATE)
    for ours, theirs in zip(found["variables"], STATE["variables"], strict=True):
        assert (ours.dtype, ours.shape, ours.tobytes()) == (theirs.dtype, theirs.shape, theirs.tobytes())
    with np.load(tmp_path / "state.npz", allow_pickle=False) as anyone:
        assert "state" in anyone.files


class Planted:
    """What a pickle of this makes whoever loads it do."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def with_digest(content):
    return content + hashlib.sha256(content).digest()


def of_objects(thing):
    """A NumPy archive whose text is a pickled object."""
    archive = io.BytesIO()
    np.savez(archive, state=np.array([thing], dtype=object))
    return archive.getvalue()


def test_a_damaged_state_or_something_else_is_refused_whatever_it_is(tmp_path):
    path, trace = tmp_path / "state.npz", tmp_path / "trace"
    write_state(path, STATE)
    whole = path.read_bytes()
    flipped = [whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :] for place in range(0, len(whole), 7)]
    cut = [whole[:length] for length in (0, 1, 31, 32, 33, len(whole) // 2, len(whole) - 1)]
    harmful = pickle.dumps(Planted(trace))
    others = [harmful, with_digest(harmful), of_objects(Planted(trace)), with_digest(of_objects(Planted(trace)))]
    for content in [*flipped, *cut, *others]:
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"state.npz: damaged, or not the state of a training \(.+\)$"):
            read_state(path)
    assert not trace.exists()


@pytest.mark.slow
def test_a_training_starts_anew_beside_a_planted_file_and_says_so(fold, tmp_path, capsys):
    trace = tmp_path / "trace"
    (tmp_path / "state.npz").write_bytes(pickle.dumps(Planted(trace)))
    result = trained(fold, tmp_path, with_training(passes=1))
    assert not trace.exists()
    assert "state.npz: damaged, or not the state of a training (its checksum is wrong), starting anew" in (
        capsys.readouterr().out
    )
    assert list(result.history["pass"]) == [1]
    assert read_state(tmp_path / "state.npz")["history"] == result.history.to_dict("records")


@pytest.mark.slow
def test_history_and_confusion_say_the_same(fold, tmp_path):
    result = trained(fold, tmp_path, with_training(class_weights="balanced", passes=2))
    assert {"loss", "kappa", "f1_macro", "val_loss", "val_kappa", "val_f1_macro"} <= set(result.history)
    for number, matrix in result.confusion.groupby("pass"):
        counts = matrix["n"].to_numpy().reshape(3, 3)
        assert counts.sum() == 9
        accuracy = result.history.set_index("pass").loc[number, "val_accuracy"]
        assert np.trace(counts) / 9 == pytest.approx(accuracy)


def order(fold, seed, passes, **changes):
    epochs, shards = fold
    chosen = epochs[epochs["split"] == "train"]
    batches = training_batches(chosen, shards, CLASSES, with_training(seed=seed, **changes)["training"], passes)
    return [frames.numpy().sum(axis=(1, 2, 3)).tolist() for frames, _ in batches]


def test_the_order_of_a_pass_depends_on_its_number_alone(fold):
    whole = order(fold, 3, range(3))
    assert [len(batch) for batch in whole] == [4, 4, 4, 4, 2] * 3
    assert order(fold, 3, range(2, 3)) == whole[10:]
    passes = [sum(whole[start : start + 5], []) for start in (0, 5, 10)]
    assert passes[0] != passes[1] != passes[2]
    assert sorted(passes[0]) == sorted(passes[1]) == sorted(passes[2])
    assert order(fold, 4, range(1)) != whole[:5]


def test_augmentation_depends_on_the_number_of_the_pass_alone(fold):
    changes = {"augment_flip": True, "augment_gain": 0.2, "augment_noise": 0.1}
    whole = order(fold, 3, range(2), **changes)
    assert order(fold, 3, range(1, 2), **changes) == whole[5:]
    assert not set(sum(whole[:5], [])) & set(sum(whole[5:], []))


def augmentations(windows, n=40, **changes):
    """A window augmented with `n` seeds."""
    training = with_training(**changes)["training"]
    return np.stack([np.asarray(augmented(windows, training, np.array([seed, 7]))) for seed in range(n)])


def test_augmentation_mirrors_scales_and_adds_noise_inside_the_mask(rng):
    window = rng.normal(size=(5, 4, 6)).astype(np.float32)
    window[:, 0] = 0
    mirrored = augmentations(window, augment_flip=True)
    flipped = [np.array_equal(one, window[:, :, ::-1]) for one in mirrored]
    assert all(np.array_equal(one, window) for one, is_flipped in zip(mirrored, flipped, strict=True) if not is_flipped)
    assert 8 < sum(flipped) < 32

    scaled = augmentations(window, augment_gain=0.2)
    factors = scaled[:, :, 1:] / window[None, :, 1:]
    np.testing.assert_allclose(factors, factors[:, :1, :1, :1] * np.ones_like(factors), rtol=1e-5)
    assert 0.8 <= factors.min() < 0.85 < 1.15 < factors.max() <= 1.2

    noise = augmentations(window, augment_noise=0.3) - window
    assert (noise[:, :, 0] == 0).all()
    assert noise[:, :, 1:].std() == pytest.approx(0.3, rel=0.05)
    assert abs(noise[:, :, 1:].mean()) < 0.02
    np.testing.assert_array_equal(augmentations(window, n=1)[0], window)


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


@pytest.mark.parametrize("gamma", [0, 1.5, 2])
def test_the_focal_loss_is_keras_own(monkeypatch, gamma):
    """The package's, the one of other backends and the formula."""
    rng = np.random.default_rng(2)
    probabilities = rng.dirichlet(np.ones(3), 20).astype(np.float32)
    truth = rng.integers(0, 3, 20)
    of_truth = probabilities[range(20), truth]
    binary_truth = rng.integers(0, 2, (20, 1))
    chosen = {"loss": "focal", "gamma": gamma}
    packaged = loss_function(chosen, 3), loss_function(chosen, 2)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    elsewhere = loss_function(chosen, 3), loss_function(chosen, 2)
    monkeypatch.undo()
    assert type(elsewhere[0]) is SparseFocalCrossentropy
    assert {type(loss).__module__.split(".")[0] for loss in packaged} == {"focal_loss"}

    expected = np.mean((1 - of_truth) ** gamma * -np.log(of_truth))
    for softmax, sigmoid in (packaged, elsewhere):
        assert float(softmax(truth, probabilities)) == pytest.approx(expected, rel=1e-5)
        positive = np.where(binary_truth == 1, probabilities[:, :1], 1 - probabilities[:, :1])
        by_hand = np.mean((1 - positive) ** gamma * -np.log(positive))
        assert float(sigmoid(binary_truth, probabilities[:, :1])) == pytest.approx(by_hand, rel=1e-5)
    again = keras.losses.deserialize(keras.losses.serialize(elsewhere[0]))
    assert float(again(truth, probabilities)) == pytest.approx(expected, rel=1e-5)


def test_the_learning_rate_falls_along_a_cosine():
    rate = learning_rate({"schedule": "cosine", "learning_rate": 0.1}, n_steps=10)
    expected = [0.1 * (1 + np.cos(np.pi * step / 10)) / 2 for step in range(11)]
    assert [float(rate(step)) for step in range(11)] == pytest.approx(expected, abs=1e-7)
    assert learning_rate({"schedule": "plateau", "learning_rate": 0.1}, n_steps=10) == 0.1


def test_the_optimizer_of_each_setting():
    plain = optimizer(SETTINGS["training"], 10)
    assert type(plain) is keras.optimizers.Adam
    assert plain.gradient_accumulation_steps is None
    # 10 batches, an update every 4: the cosine has 3 steps.
    gathering = optimizer(with_training(gradient_accumulation=4, schedule="cosine")["training"], 10)
    assert gathering.gradient_accumulation_steps == 4
    assert gathering._learning_rate.decay_steps == 3
    assert type(optimizer(with_training(precision="mixed_float16")["training"], 10)).__name__ == "LossScaleOptimizer"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "training", "classes"),
    [
        ({"spatial_attention": "simam"}, {"precision": "mixed_bfloat16", "loss": "cross-entropy"}, CLASSES),
        ({"spatial_attention": "cbam", "kernel": 5}, {"frames_at_once": 3, "xla": True}, CLASSES),
        ({"temporal_attention": "mean", "pooling": 1}, {"precision": "mixed_float16"}, ["wake", "sleep"]),
        ({"filters": [4]}, {"loss": "cross-entropy", "xla": True}, ["wake", "sleep"]),
    ],
    ids=["simam-bfloat16", "cbam-slices-xla", "mean-float16-binary", "one-block-xla-binary"],
)
def test_variants_train_and_round_trip(fold, tmp_path, rng, model, training, classes):
    chosen = with_training(passes=1, **training)
    chosen = {**chosen, "model": {**chosen["model"], **model}, "labels": {"classes": classes}}
    result = trained(fold, tmp_path, chosen)
    assert np.isfinite(result.history.to_numpy()).all()
    result.model.save(tmp_path / "model.keras")
    frames = rng.normal(size=(2, 8, 4, 6)).astype(np.float32)
    np.testing.assert_array_equal(
        np.asarray(load_network(tmp_path / "model.keras")(frames)), np.asarray(result.model(frames))
    )


TWO_DEVICES = """
import sys
from pathlib import Path
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
folder = Path(sys.argv[1])
sys.path[:0] = sys.argv[2:]
import test_training

result = test_training.trained(
    test_training.make_fold(folder), folder, test_training.without_dropout(), ["CPU:0", "CPU:1"]
)
result.history.to_csv(folder / "history.csv", index=False)
"""


def without_dropout(**changes):
    """Settings under which the order of the windows is all that is random; batches of six, three a pass."""
    chosen = with_training(passes=2, **{"batch_size": 6, **changes})
    return {**chosen, "model": {**chosen["model"], "dropout": 0.0}}


@pytest.mark.slow
def test_devices_that_share_batches_train_like_one(fold, tmp_path):
    folders = [path for path in sys.path if path]
    subprocess.run([sys.executable, "-c", TWO_DEVICES, str(tmp_path), *folders], check=True)
    shared = pd.read_csv(tmp_path / "history.csv")
    alone = trained(fold, tmp_path / "alone", without_dropout()).history
    # Of the nine windows to validate on, two devices share eight.
    learnt = [name for name in alone if not name.startswith("val_")]
    pd.testing.assert_frame_equal(shared[learnt], alone[learnt], rtol=1e-4)
    assert np.isfinite(shared["val_loss"]).all()


@pytest.mark.slow
def test_gathered_gradients_step_like_a_larger_batch(fold, tmp_path):
    """Two batches of three are one of six."""
    usual = trained(fold, tmp_path / "usual", without_dropout())
    gathered = trained(fold, tmp_path / "gathered", without_dropout(batch_size=3, gradient_accumulation=2))
    for ours, theirs in zip(gathered.model.get_weights(), usual.model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


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


def same(epochs):
    return epochs


@pytest.mark.parametrize(
    ("change", "settings", "n_devices", "message"),
    [
        (lambda epochs: epochs[epochs["split"] == "train"], SETTINGS, 1, "the fold has no validation epochs"),
        (lambda epochs: epochs.assign(label=1), SETTINGS, 1, "the fold trains on nrem alone"),
        (same, with_training(batch_size=19), 1, "batch_size is 19, but the fold trains on 18 scoring epochs"),
        (same, with_training(batch_size=4), 3, "batch_size is 4, but 3 GPUs share a batch; make it a multiple of 3"),
        (same, with_training(gradient_accumulation=2), 2, "gradient_accumulation is 2, but 2 GPUs train together"),
    ],
)
def test_a_fold_that_cannot_be_trained_on(fold, tmp_path, change, settings, n_devices, message):
    epochs, shards = fold
    with pytest.raises(InputError, match=message):
        trained((change(epochs), shards), tmp_path, settings, [f"GPU:{number}" for number in range(n_devices)])
