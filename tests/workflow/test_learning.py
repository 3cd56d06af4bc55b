"""What the demo's network learns, and from what: labels, space and time, each taken away in turn.

One fold of the demo: two mice to train on, one to choose the weights by, one to test on.
"""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import yaml
from sklearn.metrics import cohen_kappa_score

from wfci_sleep.data.recordings import Recording
from wfci_sleep.data.synthetic import synthesise_recording
from wfci_sleep.data.synthetic_sessions import synthetic_recordings
from wfci_sleep.files.shard_writing import write_shard
from wfci_sleep.models.saving import load_network
from wfci_sleep.preprocessing.windows import Windowing, window_index
from wfci_sleep.run.settings import resolve
from wfci_sleep.scoring.predict import score_fold
from wfci_sleep.training.fit import train
from wfci_sleep.training.folds import labelled_epochs

from .conftest import ROOT

SPLITS = {"Ms1": "train", "Ms2": "train", "Ms4": "validation", "Ms3": "test"}


@pytest.fixture(scope="module")
def settings():
    demo = yaml.safe_load((ROOT / "config" / "demo.yaml").read_text())
    return resolve(demo, "demo.yaml")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory, settings):
    """Windows of the demo's recordings: (mouse, recording) -> scores, labels, mask, windows (epoch, label, pixels)."""
    folder = tmp_path_factory.mktemp("recordings")
    synthetic, windows = settings["dataset"]["synthetic"], settings["experiments"]["main"]["windows"]
    found = {}
    for row in synthetic_recordings(synthetic).itertuples():
        path = folder / f"{row.recording}.mat"
        synthesise_recording(path, int(row.mouse.removeprefix("Ms")), row.order, synthetic)
        with Recording(path) as recording:
            windowing = Windowing(windows, recording.mask)
            index = window_index(recording.scores, recording.labels)
            kept = index[index["kept"]]
            pixels = [
                (epoch, label, windowing.window(None, windowing.frames(recording, epoch, epoch + 1)[0], None))
                for epoch, label in zip(kept["epoch"], kept["label"], strict=True)
            ]
        path.unlink()
        found[row.mouse, row.recording] = index, windowing.mask, pixels
    return found


def untouched(pixels, rng):
    return pixels


def without_space(pixels, rng):
    """Every pixel keeps its course, none its place."""
    return pixels[:, rng.permutation(pixels.shape[1])]


def without_time(pixels, rng):
    """Every frame stays whole, none keeps its place in time."""
    return pixels[rng.permutation(len(pixels))]


def trained(folder: Path, recordings, experiment, change=untouched):
    """Train on windows that `change` was applied to; the result with what it was made from."""
    rng = np.random.default_rng(5)
    shards, indices = {}, []
    for key, (index, mask, windows) in recordings.items():
        shards[key] = folder / f"{key[1]}.tfrecord"
        write_shard(shards[key], ((epoch, label, change(pixels, rng)) for epoch, label, pixels in windows), mask)
        indices.append(folder / f"{key[1]}.tsv")
        index.to_csv(indices[-1], sep="\t", index=False)
    labelled = labelled_epochs(indices, list(recordings))
    epochs = labelled.assign(split=labelled["mouse"].map(SPLITS))

    keras.utils.set_random_seed(experiment["training"]["seed"])
    tf.config.experimental.enable_op_determinism()
    return train(epochs, shards, experiment, folder / "tensorboard", folder / "state.npz"), epochs, shards


def changed(settings, **sections):
    """The demo's experiment with other settings in some sections."""
    experiment = settings["experiments"]["main"]
    return {**experiment, **{name: {**experiment[name], **changes} for name, changes in sections.items()}}


def kappa(folder: Path, recordings, settings, change=untouched, **training) -> float:
    """Kappa on the test mouse after training on windows that `change` was applied to."""
    experiment = changed(settings, training=training)
    result, epochs, shards = trained(folder, recordings, experiment, change)
    scores = score_fold(result.model, epochs, shards, experiment["labels"]["classes"], batch_size=16).predictions
    tested: pd.DataFrame = scores[scores["split"] == "test"]
    return cohen_kappa_score(tested["y_true"], tested["y_pred"])


@pytest.fixture(scope="module")
def network(tmp_path_factory, recordings, settings):
    return kappa(tmp_path_factory.mktemp("network"), recordings, settings)


@pytest.mark.slow
def test_network_scores_a_mouse_it_has_never_seen(network):
    assert network >= 0.6


@pytest.mark.slow
def test_shuffled_labels_teach_nothing(tmp_path, recordings, settings):
    assert abs(kappa(tmp_path, recordings, settings, shuffle_labels=True)) <= 0.1


@pytest.mark.slow
@pytest.mark.parametrize("change", [without_space, without_time])
def test_network_needs_space_and_time(tmp_path, recordings, settings, network, change):
    assert kappa(tmp_path, recordings, settings, change) <= network - 0.2


VARIANTS = {
    "simam-mean-bfloat16": {
        "model": {"spatial_attention": "simam", "temporal_attention": "mean"},
        "training": {"precision": "mixed_bfloat16", "schedule": "cosine", "augment_gain": 0.1, "augment_noise": 0.1},
    },
    "cbam-slices-accumulation": {
        "model": {"spatial_attention": "cbam", "spatial_attention_blocks": [1], "kernel": 5, "lstm_units": 32},
        "training": {"frames_at_once": 21, "class_weights": "balanced", "gradient_accumulation": 2},
    },
    "cbam-float16-flip": {
        "model": {"spatial_attention": "cbam", "filters": [8, 8, 8], "pooling": 3},
        "training": {"precision": "mixed_float16", "schedule": "plateau", "early_stopping": 1, "augment_flip": True},
    },
    "binary-cross-entropy": {"labels": {"classes": ["wake", "sleep"]}, "training": {"loss": "cross-entropy"}},
}


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_every_variant_trains_a_pass_and_survives_a_round_trip(tmp_path, recordings, settings, variant):
    experiment = changed(settings, **{**variant, "training": {**variant["training"], "passes": 1}})
    result, epochs, shards = trained(tmp_path, recordings, experiment)
    assert np.isfinite(result.history.to_numpy()).all()
    result.model.save(tmp_path / "model.keras")
    loaded = load_network(tmp_path / "model.keras")
    frames = np.random.default_rng(3).normal(size=(2, *result.model.input.shape[1:])).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(loaded(frames)), np.asarray(result.model(frames)))
    scores = score_fold(loaded, epochs, shards, experiment["labels"]["classes"], batch_size=16)
    assert (scores.predictions["split"] == "test").sum() == (epochs["split"] == "test").sum()
    np.testing.assert_allclose(scores.attention.sum(axis=1), 1, rtol=1e-5)
