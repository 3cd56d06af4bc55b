"""Training of one fold: data from shards, losses, watched metrics, best weights."""

import os
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from focal_loss import BinaryFocalLoss, SparseCategoricalFocalLoss

from wfci_sleep.errors import InputError
from wfci_sleep.model import build_network
from wfci_sleep.shards import read_windows, shard_shape
from wfci_sleep.states import GAP, class_of_label


@keras.saving.register_keras_serializable("wfci_sleep")
class CohenKappa(keras.metrics.Metric):
    """Cohen's kappa of the predictions seen so far: (agreement - chance agreement) / (1 - chance agreement).

    Parameters
    ----------
    n_classes : int
        Classes of a softmax output; 2 stands for a sigmoid output.
    """

    def __init__(self, n_classes: int, name: str = "kappa", **kwargs):
        super().__init__(name=name, **kwargs)
        self.n_classes = n_classes
        self.counts = self.add_weight(shape=(n_classes, n_classes), initializer="zeros", name="counts")

    def update_state(self, y_true, y_pred, sample_weight=None):
        truth = keras.ops.reshape(keras.ops.cast(y_true, "int32"), (-1,))
        predicted = keras.ops.argmax(y_pred, -1) if y_pred.shape[-1] > 1 else keras.ops.reshape(y_pred, (-1,)) > 0.5
        truth = keras.ops.one_hot(truth, self.n_classes, dtype=self.dtype)
        predicted = keras.ops.one_hot(keras.ops.cast(predicted, "int32"), self.n_classes, dtype=self.dtype)
        self.counts.assign_add(keras.ops.matmul(keras.ops.transpose(truth), predicted))

    def result(self):
        total = keras.ops.sum(self.counts)
        agreement = keras.ops.trace(self.counts) / total
        chance = keras.ops.sum(keras.ops.sum(self.counts, 0) * keras.ops.sum(self.counts, 1)) / total**2
        return keras.ops.divide_no_nan(agreement - chance, 1 - chance)

    def get_config(self):
        return {**super().get_config(), "n_classes": self.n_classes}


def prepare_tensorflow(seed: int, threads: int) -> None:
    """Seed every random generator, ask for deterministic operations, keep to the given number of threads.

    Call it once, before TensorFlow has run anything.
    """
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)


def label_table(epochs: pd.DataFrame, recordings: list[tuple[str, str]]) -> np.ndarray:
    """Labels of chosen epochs as an array, the form that `read_windows` takes.

    Parameters
    ----------
    epochs : table with columns mouse, recording, epoch, label
        The chosen epochs.
    recordings : list of (mouse, recording)
        The rows of the array.

    Returns
    -------
    array of int64, shape (n_recordings, highest epoch + 1)
        `GAP` (-1) for an epoch that is not chosen.
    """
    table = np.full((len(recordings), int(epochs["epoch"].max()) + 1), GAP)
    rows = pd.MultiIndex.from_tuples(recordings).get_indexer(pd.MultiIndex.from_frame(epochs[["mouse", "recording"]]))
    table[rows, epochs["epoch"]] = epochs["label"]
    return table


def fold_windows(
    epochs: pd.DataFrame, shards: Mapping[tuple[str, str], str], classes: list[str], shuffle_seed: int | None = None
) -> tf.data.Dataset:
    """Windows of chosen epochs with their class, unbatched.

    Parameters
    ----------
    epochs : table with columns mouse, recording, epoch, label
    shards : mapping of (mouse, recording) to path
    classes : list of str
        The `labels.classes` setting.
    shuffle_seed : int, optional
        As for `read_windows`.

    Returns
    -------
    tf.data.Dataset of (frames, class)
        class: int64, a scalar for softmax, shape (1,) for the sigmoid of two classes.
    """
    recordings = list(dict.fromkeys(zip(epochs["mouse"], epochs["recording"], strict=True)))
    labelled = epochs.assign(label=class_of_label(classes)[epochs["label"].to_numpy()])
    windows = read_windows([shards[key] for key in recordings], label_table(labelled, recordings), shuffle_seed)
    as_column = len(classes) == 2
    return windows.map(lambda frames, label, *_: (frames, label[None] if as_column else label))


def loss_function(settings: Mapping, n_classes: int) -> keras.losses.Loss:
    """The loss by the `training` section: focal (Lin et al. 2017) or cross-entropy, for softmax or sigmoid."""
    binary = n_classes == 2
    if settings["loss"] == "focal":
        return (BinaryFocalLoss if binary else SparseCategoricalFocalLoss)(gamma=settings["gamma"])
    return keras.losses.BinaryCrossentropy() if binary else keras.losses.SparseCategoricalCrossentropy()


def shuffled_labels(epochs: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Epochs with their labels dealt out at random: the control whose kappa must fall to zero."""
    permuted = np.random.default_rng(seed).permutation(epochs["label"].to_numpy())
    return epochs.assign(label=permuted)


def train(
    epochs: pd.DataFrame, shards: Mapping[tuple[str, str], str], settings: Mapping, tensorboard: str | os.PathLike
) -> tuple[keras.Model, pd.DataFrame]:
    """Train the network on a fold.

    Parameters
    ----------
    epochs : table with columns mouse, recording, epoch, label, split
        The fold's epochs.
    shards : mapping of (mouse, recording) to path
    settings : mapping
        An experiment's `model`, `labels` and `training` sections.
    tensorboard : path
        Folder for TensorBoard's event files.

    Returns
    -------
    model : keras.Model
        With the weights of the pass that had the lowest validation loss.
    history : table
        One row a pass (from 1): loss, accuracy and kappa of training and validation.
    """
    training, classes = settings["training"], settings["labels"]["classes"]
    chosen = {split: epochs[epochs["split"] == split] for split in ("train", "validation")}
    for split, table in chosen.items():
        if table.empty:
            raise InputError(f"the fold has no {split} epochs, expected at least one scored epoch")
    if training["shuffle_labels"]:
        chosen = {split: shuffled_labels(table, training["seed"]) for split, table in chosen.items()}

    batch = training["batch_size"]
    windows = fold_windows(chosen["train"], shards, classes, shuffle_seed=training["seed"])
    validation = fold_windows(chosen["validation"], shards, classes)
    first = chosen["train"].iloc[0]
    frames_shape = shard_shape(shards[first["mouse"], first["recording"]])
    model = build_network(settings["model"], frames_shape, classes)
    model.compile(
        optimizer=keras.optimizers.Adam(training["learning_rate"]),
        loss=loss_function(training, len(classes)),
        metrics=["accuracy", CohenKappa(len(classes))],
        jit_compile=False,
    )
    model.summary()
    history = model.fit(
        windows.batch(batch).prefetch(1),
        validation_data=validation.batch(batch).prefetch(1),
        epochs=training["passes"],
        shuffle=False,  # the windows come shuffled
        callbacks=[
            # Patience as long as the training: used for keeping the best weights, not for stopping.
            keras.callbacks.EarlyStopping("val_loss", patience=training["passes"], restore_best_weights=True),
            keras.callbacks.TensorBoard(Path(tensorboard), write_graph=False),
        ],
        verbose=2,
    )
    table = pd.DataFrame(history.history)
    table.insert(0, "pass", np.arange(1, len(table) + 1))
    return model, table
