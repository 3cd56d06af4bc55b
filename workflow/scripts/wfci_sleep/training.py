"""Training of one fold: data from shards, losses, watched metrics, best weights."""

import hashlib
import os
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from focal_loss import BinaryFocalLoss, SparseCategoricalFocalLoss
from sklearn.utils.class_weight import compute_class_weight

from wfci_sleep.errors import InputError
from wfci_sleep.files import written_atomically
from wfci_sleep.model import build_network
from wfci_sleep.shards import read_windows, shard_shape, untuned
from wfci_sleep.states import GAP, class_of_label


@keras.saving.register_keras_serializable("wfci_sleep")
class ConfusionMetric(keras.metrics.Metric):
    """A number that the confusion matrix of the predictions seen so far gives.

    Parameters
    ----------
    n_classes : int
        Classes of a softmax output; 2 stands for a sigmoid output.

    Attributes
    ----------
    counts : variable of float32, shape (n_classes, n_classes)
        Predictions so far: true class in rows, predicted class in columns.
    """

    def __init__(self, n_classes: int, name: str | None = None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.n_classes = n_classes
        self.counts = self.add_weight(shape=(n_classes, n_classes), initializer="zeros", name="counts")

    def update_state(self, y_true, y_pred, sample_weight=None):
        truth = keras.ops.reshape(keras.ops.cast(y_true, "int32"), (-1,))
        predicted = keras.ops.argmax(y_pred, -1) if y_pred.shape[-1] > 1 else keras.ops.reshape(y_pred, (-1,)) > 0.5
        truth = keras.ops.one_hot(truth, self.n_classes, dtype=self.dtype)
        predicted = keras.ops.one_hot(keras.ops.cast(predicted, "int32"), self.n_classes, dtype=self.dtype)
        self.counts.assign_add(keras.ops.matmul(keras.ops.transpose(truth), predicted))

    def get_config(self):
        return {**super().get_config(), "n_classes": self.n_classes}


@keras.saving.register_keras_serializable("wfci_sleep")
class CohenKappa(ConfusionMetric):
    """Cohen's kappa: (agreement - chance agreement) / (1 - chance agreement)."""

    def result(self):
        total = keras.ops.sum(self.counts)
        agreement = keras.ops.trace(self.counts) / total
        chance = keras.ops.sum(keras.ops.sum(self.counts, 0) * keras.ops.sum(self.counts, 1)) / total**2
        return keras.ops.divide_no_nan(agreement - chance, 1 - chance)


@keras.saving.register_keras_serializable("wfci_sleep")
class MacroF1(ConfusionMetric):
    """F1 score, its mean over the classes; a class that is neither there nor predicted counts 0, as in scikit-learn."""

    def result(self):
        hits = keras.ops.diagonal(self.counts)
        return keras.ops.mean(
            keras.ops.divide_no_nan(2 * hits, keras.ops.sum(self.counts, 0) + keras.ops.sum(self.counts, 1))
        )


class TrainingState(keras.callbacks.Callback):
    """Keeps all that a training consists of in one file after each pass, and takes it up again.

    Weights, optimiser and the generators of dropout; the best weights so far and the counters of the other callbacks;
    the history. What the order of the data needs is the number of the pass.

    Parameters
    ----------
    path : path
        File of the state; removed by `end`.
    fingerprint : str
        Of everything that the training depends on: the state of another training is not taken up.
    counting : sequence of callbacks
        Callbacks that remember earlier passes. They must come before this one, which overwrites what they start with.
    kappa : ConfusionMetric
        Its counts after a pass are those of the validation.

    Attributes
    ----------
    history : list of dict
        One entry a pass.
    confusion : list of array of int, shape (n_classes, n_classes)
        Confusion matrix of the validation after each pass.
    """

    REMEMBERED = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter", "best_weights")

    def __init__(
        self, path: Path, fingerprint: str, counting: Sequence[keras.callbacks.Callback], kappa: ConfusionMetric
    ):
        super().__init__()
        self.path, self.fingerprint, self.counting, self.kappa = Path(path), fingerprint, counting, kappa
        self.history, self.confusion = [], []
        self._found = self._load()

    def _load(self) -> dict | None:
        try:
            with open(self.path, "rb") as file:
                found = pickle.load(file)
        except FileNotFoundError:
            return None
        if found["fingerprint"] != self.fingerprint:
            print(f"{self.path}: state of a training with other settings or data, starting anew")
            return None
        self.history, self.confusion = found["history"], found["confusion"]
        print(f"{self.path}: going on after pass {len(self.history)}")
        return found

    @property
    def stopped(self) -> bool:
        """Whether the training that was found had already ended early."""
        return self._found is not None and self._found["stopped"]

    def _variables(self) -> list:
        self.model.optimizer.build(self.model.trainable_variables)
        return [*self.model.variables, *self.model.optimizer.variables]

    def on_train_begin(self, logs=None):
        if self._found is None:
            return
        for variable, value in zip(self._variables(), self._found["variables"], strict=True):
            variable.assign(value)
        for callback, remembered in zip(self.counting, self._found["callbacks"], strict=True):
            vars(callback).update(remembered)

    def on_epoch_end(self, epoch, logs=None):
        self.history.append({"pass": epoch + 1, **{name: float(value) for name, value in logs.items()}})
        self.confusion.append(keras.ops.convert_to_numpy(self.kappa.counts).astype(int))
        state = {
            "fingerprint": self.fingerprint,
            "history": self.history,
            "confusion": self.confusion,
            "stopped": self.model.stop_training,
            "variables": [keras.ops.convert_to_numpy(variable) for variable in self._variables()],
            "callbacks": [
                {name: value for name, value in vars(callback).items() if name in self.REMEMBERED}
                for callback in self.counting
            ],
        }
        with written_atomically(self.path) as temporary, open(temporary, "wb") as file:
            pickle.dump(state, file)

    def end(self) -> None:
        """Forget the state: the training's results are on disk."""
        self.path.unlink(missing_ok=True)


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
    epochs: pd.DataFrame, shards: Mapping[tuple[str, str], str], classes: list[str], shuffle_seed=None
) -> tf.data.Dataset:
    """Windows of chosen epochs with their class, unbatched.

    Parameters
    ----------
    epochs : table with columns mouse, recording, epoch, label
    shards : mapping of (mouse, recording) to path
    classes : list of str
        The `labels.classes` setting.
    shuffle_seed : int, or int64 tensor, optional
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


def training_passes(
    epochs: pd.DataFrame,
    shards: Mapping[tuple[str, str], str],
    classes: list[str],
    batch_size: int,
    seed: int,
    passes: range,
) -> tf.data.Dataset:
    """Batches of all passes, one pass after the other.

    The order of a pass depends on seed and number of the pass alone, so that a training that is taken up again sees
    what an unbroken one would have seen.
    """
    seeds = tf.data.Dataset.from_tensor_slices(np.int64(seed) + 2 * np.array(passes, dtype=np.int64))
    batches = seeds.flat_map(
        lambda pass_seed: fold_windows(epochs, shards, classes, shuffle_seed=pass_seed).batch(batch_size)
    )
    return untuned(batches.prefetch(1))


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


def class_weights(labels: np.ndarray, n_classes: int, kind: str) -> dict[int, float] | None:
    """Weights of the classes in the loss: none, or `balanced` (scikit-learn's n / (classes x n of the class))."""
    if kind == "none":
        return None
    found = np.unique(labels)
    weights = compute_class_weight("balanced", classes=found, y=labels)
    # Keras wants a weight for every class, also for one that is nowhere in the fold.
    return dict.fromkeys(range(n_classes), 1.0) | dict(zip(found.tolist(), weights.tolist(), strict=True))


def check_fold(chosen: Mapping[str, pd.DataFrame], classes: list[str], batch_size: int) -> None:
    """Stop if a fold cannot be trained on: an empty split, a single class, a batch larger than all there is."""
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


def fingerprint(*parts: object) -> str:
    """SHA-256 of what a training depends on."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


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

    Raises
    ------
    InputError
        If the fold cannot be trained on.
    """
    training, classes = settings["training"], settings["labels"]["classes"]
    chosen = {split: epochs[epochs["split"] == split] for split in ("train", "validation")}
    check_fold(chosen, classes, training["batch_size"])
    if training["shuffle_labels"]:
        chosen = {split: shuffled_labels(table, training["seed"]) for split, table in chosen.items()}

    batch, passes = training["batch_size"], training["passes"]
    n_steps = -(-len(chosen["train"]) // batch)
    first = chosen["train"].iloc[0]
    frames_shape = shard_shape(shards[first["mouse"], first["recording"]])
    model = build_network(settings["model"], frames_shape, classes)
    kappa = CohenKappa(len(classes), name="kappa")
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate(training, n_steps * passes)),
        loss=loss_function(training, len(classes)),
        metrics=["accuracy", kappa, MacroF1(len(classes), name="f1_macro")],
        jit_compile=False,
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
    validation = fold_windows(chosen["validation"], shards, classes).batch(batch).prefetch(1)
    model.fit(
        training_passes(
            chosen["train"], shards, classes, batch, training["seed"], range(min(done, passes - 1), passes)
        ),
        validation_data=validation,
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


def confusion_table(matrices: Sequence[np.ndarray], classes: list[str]) -> pd.DataFrame:
    """Confusion matrices, one a pass, as a long table: pass, true, predicted, n."""
    index = pd.MultiIndex.from_product(
        [range(1, 1 + len(matrices)), classes, classes], names=["pass", "true", "predicted"]
    )
    return pd.Series(np.ravel(matrices), index, name="n").reset_index()
