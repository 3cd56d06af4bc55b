"""Training of one fold: from batches and a configuration to the weights of the best pass."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from wfci_sleep.batches import fold_windows, training_passes
from wfci_sleep.errors import InputError
from wfci_sleep.losses import class_weights, loss_function
from wfci_sleep.model import build_network
from wfci_sleep.monitoring import CohenKappa, MacroF1, confusion_table
from wfci_sleep.resuming import TrainingState, fingerprint
from wfci_sleep.shards import shard_form
from wfci_sleep.states import class_of_label


def prepare_tensorflow(seed: int, threads: int, deterministic: bool = True) -> None:
    """Seed every random generator, ask for deterministic operations, keep to the given number of threads.

    Call it once, before TensorFlow has run anything.
    """
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)


def strategy_for(devices: Sequence[str]) -> tf.distribute.Strategy:
    """How to train on some devices: a copy of the network on each of several, which share every batch."""
    return tf.distribute.MirroredStrategy(devices) if len(devices) > 1 else tf.distribute.get_strategy()


def visible_gpus() -> list[str]:
    """Names of the GPUs that TensorFlow may use."""
    return [device.name for device in tf.config.list_logical_devices("GPU")]


def optimizer(settings: Mapping, n_steps: int) -> keras.optimizers.Optimizer:
    """Adam by the `training` section.

    Parameters
    ----------
    settings : mapping
    n_steps : int
        Batches of the whole training.
    """
    accumulated = settings["gradient_accumulation"]
    adam = keras.optimizers.Adam(
        learning_rate(settings, -(-n_steps // accumulated)),
        gradient_accumulation_steps=accumulated if accumulated > 1 else None,
    )
    # Gradients below what half precision can hold would be lost.
    return keras.optimizers.LossScaleOptimizer(adam) if settings["precision"] == "mixed_float16" else adam


def learning_rate(settings: Mapping, n_steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate by the `training` section: a number, or falling to zero along a cosine over all steps.

    `plateau` starts with the number; a callback halves it (`on_plateau`).
    """
    if settings["schedule"] == "cosine":
        return keras.optimizers.schedules.CosineDecay(settings["learning_rate"], decay_steps=n_steps)
    return settings["learning_rate"]


def on_plateau() -> keras.callbacks.Callback:
    """Halve the learning rate when the validation loss has not fallen for ten passes."""
    return keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=10, verbose=1)


def check_fold(chosen: Mapping[str, pd.DataFrame], classes: list[str], settings: Mapping, n_devices: int) -> None:
    """Stop if a fold cannot be trained on.

    An empty split, a single class, a batch larger than all there is or one that the devices cannot share evenly,
    gradients that several devices would have to gather over batches.

    Parameters
    ----------
    chosen : mapping of split to table with column label
    classes : list of str
    settings : mapping
        The `training` section.
    n_devices : int

    Raises
    ------
    InputError
    """
    batch_size = settings["batch_size"]
    for split, table in chosen.items():
        if table.empty:
            raise InputError(f"the fold has no {split} epochs, expected at least one scored epoch")
    found = np.unique(class_of_label(classes)[chosen["train"]["label"].to_numpy()])
    if len(found) == 1:
        raise InputError(
            f"the fold's training epochs are all {classes[found[0]]}, expected at least two states; "
            "train on more recordings"
        )
    if batch_size > len(chosen["train"]):
        raise InputError(
            f"training.batch_size is {batch_size}, but the fold has {len(chosen['train'])} training epochs; lower it"
        )
    if n_devices > 1 and batch_size % n_devices:
        raise InputError(
            f"training.batch_size is {batch_size}, but {n_devices} GPUs share a batch; "
            f"make it a multiple of {n_devices}"
        )
    if settings["gradient_accumulation"] > 1 and n_devices > 1:
        raise InputError(
            f"training.gradient_accumulation is {settings['gradient_accumulation']}, but {n_devices} GPUs train "
            "together; set it to 1 and raise training.batch_size, or use one GPU"
        )


def shuffled_labels(epochs: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Epochs with their labels dealt out at random: the control whose kappa must fall to zero."""
    permuted = np.random.default_rng(seed).permutation(epochs["label"].to_numpy())
    return epochs.assign(label=permuted)


@dataclass
class Trained:
    """What a training gives.

    Attributes
    ----------
    model : keras.Model
        With the weights of the pass that had the lowest validation loss.
    history : table
        One row a pass (from 1): loss, accuracy, kappa and macro F1 of training and validation.
    confusion : table with columns pass, true, predicted, n
        Confusion matrix of the validation after each pass, classes by name.
    state : TrainingState
        Its file is of no use once model and tables are on disk: call `state.end()` then.
    """

    model: keras.Model
    history: pd.DataFrame
    confusion: pd.DataFrame
    state: TrainingState


def train(
    epochs: pd.DataFrame,
    shards: Mapping[tuple[str, str], str],
    settings: Mapping,
    tensorboard: str | os.PathLike,
    state_path: str | os.PathLike,
    devices: Sequence[str] = (),
) -> Trained:
    """Train the network on a fold; a training that was broken off goes on after its last whole pass.

    Parameters
    ----------
    epochs : table with columns mouse, recording, epoch, label, split
        The fold's epochs.
    shards : mapping of (mouse, recording) to path
    settings : mapping
        An experiment's `model`, `labels` and `training` sections.
    tensorboard : path
        Folder for TensorBoard's event files.
    state_path : path
        File for the state after each pass.
    devices : sequence of str
        Devices that share every batch, if there are several.

    Raises
    ------
    InputError
        If the fold cannot be trained on.
    """
    training, classes = settings["training"], settings["labels"]["classes"]
    chosen = {split: epochs[epochs["split"] == split] for split in ("train", "validation")}
    check_fold(chosen, classes, training, len(devices))
    if training["shuffle_labels"]:
        chosen = {split: shuffled_labels(table, training["seed"]) for split, table in chosen.items()}

    batch, passes = training["batch_size"], training["passes"]
    # Several devices cannot share what is left for the last batch: it sits out, other windows in every pass.
    several = len(devices) > 1
    n_steps = len(chosen["train"]) // batch if several else -(-len(chosen["train"]) // batch)
    first = chosen["train"].iloc[0]
    frames_shape = shard_form(shards[first["mouse"], first["recording"]]).shape
    with strategy_for(devices).scope():
        model = build_network(
            settings["model"], frames_shape, classes, training["precision"], training["frames_at_once"]
        )
        kappa = CohenKappa(len(classes), name="kappa")
        model.compile(
            optimizer=optimizer(training, n_steps * passes),
            loss=loss_function(training, len(classes)),
            metrics=["accuracy", kappa, MacroF1(len(classes), name="f1_macro")],
            jit_compile=training["xla"],
        )
    model.summary()

    # Without early stopping, patience as long as the training keeps the best weights and never stops it.
    patience = training["early_stopping"] or passes
    counting = [keras.callbacks.EarlyStopping("val_loss", patience=patience, restore_best_weights=True)]
    if training["schedule"] == "plateau":
        counting.append(on_plateau())
    data = [table.to_csv(index=False) for table in chosen.values()]
    state = TrainingState(state_path, fingerprint(keras.__version__, settings, frames_shape, *data), counting, kappa)
    done = passes if state.stopped else len(state.history)
    validation = fold_windows(chosen["validation"], shards, classes)
    validation = validation.batch(len(devices), drop_remainder=True) if several else validation.batch(batch)
    model.fit(
        training_passes(chosen["train"], shards, classes, training, range(min(done, passes - 1), passes), several),
        validation_data=validation.prefetch(1),
        initial_epoch=done,
        epochs=passes,
        steps_per_epoch=n_steps,
        shuffle=False,  # the windows come shuffled
        class_weight=class_weights(
            class_of_label(classes)[chosen["train"]["label"].to_numpy()], len(classes), training["class_weights"]
        ),
        callbacks=[*counting, keras.callbacks.TensorBoard(Path(tensorboard), write_graph=False), state],
        verbose=2,
    )
    return Trained(model, pd.DataFrame(state.history), confusion_table(state.confusion, classes), state)
