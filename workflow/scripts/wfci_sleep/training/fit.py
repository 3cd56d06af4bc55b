"""Training of one fold: from shards and a configuration to the weights of the best training epoch."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from wfci_sleep.errors import InputError
from wfci_sleep.files.atomic import sha256_of
from wfci_sleep.models.cards import check_given
from wfci_sleep.models.registry import build_network, input_shape, kind_of
from wfci_sleep.models.saving import for_inference
from wfci_sleep.models.weights import load_weights, weight_files
from wfci_sleep.states import Classes
from wfci_sleep.training.batches import fold_windows, training_batches
from wfci_sleep.training.checkpoint import TrainingState, fingerprint
from wfci_sleep.training.losses import class_weights, loss_function
from wfci_sleep.training.metrics import CohenKappa, MacroF1, Progress, confusion_table
from wfci_sleep.training.shards import damage_named, shard_form
from wfci_sleep.training.temperature import fit_temperature

MEASURES = ("accuracy", "f1_macro", "kappa", "loss")
"""What is measured in every training epoch, of training and of validation: columns of the history as Keras sorts them,
the latter with `val_` in front."""


def prepare_tensorflow(seed: int, threads: int, deterministic: bool = True) -> None:
    """Seed every random generator, ask for deterministic operations, limit TensorFlow to a number of threads.

    Must be called once, before TensorFlow runs anything.
    """
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)


def strategy_for(devices: Sequence[str]) -> tf.distribute.Strategy:
    """TensorFlow's strategy for some devices: each of several has a copy of the network, and they share every batch."""
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
    # Without scaling, gradients too small for half precision would be lost.
    return keras.optimizers.LossScaleOptimizer(adam) if settings["precision"] == "mixed_float16" else adam


def learning_rate(settings: Mapping, n_steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate by the `training` section: constant, or a cosine that falls to zero over all steps.

    With `schedule: plateau` it starts constant, and the callback `on_plateau` halves it.
    """
    if settings["schedule"] == "cosine":
        return keras.optimizers.schedules.CosineDecay(settings["learning_rate"], decay_steps=n_steps)
    return settings["learning_rate"]


def on_plateau() -> keras.callbacks.Callback:
    """Halve the learning rate when the validation loss has not fallen for ten training epochs."""
    return keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=10, verbose=1)


def check_fold(chosen: Mapping[str, pd.DataFrame], classes: list[str], settings: Mapping, n_devices: int) -> None:
    """Stop if a fold cannot be trained on.

    Refused are an empty split, a single class, a batch larger than the training data or not divisible among the
    devices, and gradient accumulation on several devices. Without training epochs (`passes` 0) it is enough that no
    split is empty.

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
    if settings["passes"] == 0:
        return
    found = np.unique(Classes(classes).of_labels[chosen["train"]["label"].to_numpy()])
    if len(found) == 1:
        raise InputError(
            f"the fold trains on {classes[found[0]]} alone, expected at least two states; train on more recordings"
        )
    if batch_size > len(chosen["train"]):
        raise InputError(
            f"training.batch_size is {batch_size}, but the fold trains on {len(chosen['train'])} scoring epochs; "
            "lower it"
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
    """Epochs with their labels permuted at random: a control, whose kappa must be near zero."""
    permuted = np.random.default_rng(seed).permutation(epochs["label"].to_numpy())
    return epochs.assign(label=permuted)


@dataclass
class Trained:
    """Results of a training.

    Attributes
    ----------
    model : keras.Model
        With the weights of the training epoch that had the lowest validation loss, or those given if there was none;
        not compiled.
    history : table
        One row a training epoch (column pass, from 1): loss, accuracy, kappa and macro F1 of training and validation.
    confusion : table with columns pass, true, predicted, n
        Confusion matrix of the validation after each training epoch, classes by name.
    temperature : float
        Fitted on the validation epochs: confidence is softmax(log(p) / temperature).
    state : TrainingState
        Call `state.end()` once model and tables are on disk: its file is of no use then.
    """

    model: keras.Model
    history: pd.DataFrame
    confusion: pd.DataFrame
    temperature: float
    state: TrainingState


def train(
    epochs: pd.DataFrame,
    shards: Mapping[tuple[str, str], str],
    settings: Mapping,
    tensorboard: str | os.PathLike,
    state_path: str | os.PathLike,
    devices: Sequence[str] = (),
    tell: Callable[[str], None] = print,
) -> Trained:
    """Train the network on a fold; an interrupted training goes on after its last complete training epoch.

    The training starts from the weights that `model.weights` gives, if any. With `training.passes` 0 they are the
    result, and only the temperature is fitted.

    Parameters
    ----------
    epochs : table with columns mouse, recording, epoch, label, split
        The fold's epochs.
    shards : mapping of (mouse, recording) to path
    settings : mapping
        An experiment's `model`, `labels` and `training` sections. If anything in it has changed, further entries
        (`windows`, the code's digest) included, an interrupted training starts anew.
    tensorboard : path
        Folder for TensorBoard's event files.
    state_path : path
        File for the state after each training epoch.
    devices : sequence of str
        Devices that share every batch, if there are several.
    tell : function of a line
        Gets lines about the progress, for the terminal.

    Raises
    ------
    InputError
        If the fold cannot be trained on, or the given weights are another network's.
    """
    training, classes = settings["training"], settings["labels"]["classes"]
    chosen = {split: epochs[epochs["split"] == split] for split in ("train", "validation")}
    check_fold(chosen, classes, training, len(devices))
    if training["shuffle_labels"]:
        chosen = {split: shuffled_labels(table, training["seed"]) for split, table in chosen.items()}

    batch, passes = training["batch_size"], training["passes"]
    # Several devices cannot share an incomplete last batch: it is left out, other windows in every training epoch.
    several = len(devices) > 1
    n_steps = len(chosen["train"]) // batch if several else -(-len(chosen["train"]) // batch)
    first, weights = chosen["train"].iloc[0], settings["model"].get("weights")
    shape = input_shape(settings["model"], shard_form(shards[first["mouse"], first["recording"]]).shape)
    channels = kind_of(settings["model"]).channels(settings["model"])
    with strategy_for(devices).scope():
        model = build_network(settings["model"], shape, classes, training["precision"], training["frames_at_once"])
        if weights is not None:
            load_weights(model, weights)
            if passes == 0:
                check_given(weights, settings)
        kappa = CohenKappa(len(classes), name="kappa")
        model.compile(
            optimizer=optimizer(training, n_steps * max(passes, 1)),  # a schedule has at least a step
            loss=loss_function(training, len(classes)),
            loss_weights=[training["loss_weight"]],
            metrics=["accuracy", kappa, MacroF1(len(classes), name="f1_macro")],
            jit_compile=training["xla"],
        )
    model.summary()

    # Without early stopping the callback only keeps the best weights: its patience is as long as the training.
    patience = training["early_stopping"] or passes
    counting = [keras.callbacks.EarlyStopping("val_loss", patience=patience, restore_best_weights=True)]
    if training["schedule"] == "plateau":
        counting.append(on_plateau())
    data = [table.to_csv(index=False) for table in chosen.values()]
    data += [] if weights is None else map(sha256_of, weight_files(weights))
    made_of = fingerprint(keras.__version__, settings, shape, *data)
    state = TrainingState(state_path, made_of, counting, kappa, tell)
    done = passes if state.stopped else len(state.history)
    validation = fold_windows(chosen["validation"], shards, classes, channels=channels)
    validation = validation.batch(len(devices), drop_remainder=True) if several else validation.batch(batch)
    Path(tensorboard).mkdir(parents=True, exist_ok=True)
    with damage_named(shards.values()):
        if passes == 0:
            tell("nothing is trained, the given weights are the network's")
        else:
            left = range(min(done, passes - 1), passes)
            model.fit(
                training_batches(chosen["train"], shards, classes, training, left, several, channels=channels),
                validation_data=validation.prefetch(1),
                initial_epoch=done,
                epochs=passes,
                steps_per_epoch=n_steps,
                shuffle=False,  # the windows come shuffled
                class_weight=class_weights(
                    Classes(classes).of_labels[chosen["train"]["label"].to_numpy()],
                    len(classes),
                    training["class_weights"],
                ),
                callbacks=[
                    *counting,
                    keras.callbacks.TensorBoard(Path(tensorboard), write_graph=False),
                    state,
                    Progress(tell, passes),
                ],
                verbose=2,
            )
        model = for_inference(model)
        # With the true labels, were others dealt out for the training.
        labelled = epochs[epochs["split"] == "validation"]
        temperature = fitted_temperature(model, fold_windows(labelled, shards, classes, channels=channels).batch(batch))
    columns = ["pass", *MEASURES, *(f"val_{name}" for name in MEASURES)]
    history = pd.DataFrame(state.history, columns=None if state.history else columns)
    return Trained(model, history, confusion_table(state.confusion, classes), temperature, state)


def fitted_temperature(model: keras.Model, batches: Iterable) -> float:
    """Temperature of a network for batches of (frames, class), tensors as `fold_windows` gives them."""
    scored = [(model.predict_on_batch(frames.numpy()), truth.numpy().ravel()) for frames, truth in batches]
    probabilities, truth = map(np.concatenate, zip(*scored, strict=True))
    if probabilities.shape[1] == 1:
        probabilities = np.hstack([1 - probabilities, probabilities])
    return fit_temperature(probabilities, truth)
