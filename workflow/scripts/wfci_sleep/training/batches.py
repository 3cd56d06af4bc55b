"""Batches of a fold's windows, read from its shards, shuffled and augmented."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import tensorflow as tf

from wfci_sleep.states import GAP, Classes
from wfci_sleep.training.shards import WORKERS, read_windows, untuned

EPOCHS_AT_MOST = 2**20
"""More than a recording has. A window's number in a fold is its shard's number times this, plus its epoch."""


def label_table(epochs: pd.DataFrame, recordings: list[tuple[str, str]]) -> np.ndarray:
    """Labels of chosen epochs as the array that `read_windows` takes.

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


def augmented(frames: tf.Tensor, settings: Mapping, seed: tf.Tensor) -> tf.Tensor:
    """A window changed at random; the same seed gives the same changes.

    Parameters
    ----------
    frames : tensor of float32, shape (T, rows, columns)
        Zero outside the mask, and so is the result.
    settings : mapping
        The `training` section: `augment_flip` swaps left and right in half of the windows, `augment_gain` g multiplies
        a window by a factor from 1 - g to 1 + g, `augment_noise` is the standard deviation of the noise added to every
        pixel of the mask.
    seed : tensor of int64, shape (2,)
    """
    flip_seed, gain_seed, noise_seed = tf.unstack(tf.random.split(seed, 3))
    if settings["augment_flip"]:
        frames = tf.where(tf.random.stateless_uniform((), flip_seed) < 0.5, frames[:, :, ::-1], frames)
    if settings["augment_gain"] > 0:
        change = settings["augment_gain"]
        frames *= tf.random.stateless_uniform((), gain_seed, 1 - change, 1 + change)
    if settings["augment_noise"] > 0:
        inside = tf.cast(frames != 0, frames.dtype)
        frames += settings["augment_noise"] * inside * tf.random.stateless_normal(tf.shape(frames), noise_seed)
    return frames


def fold_windows(
    epochs: pd.DataFrame,
    shards: Mapping[tuple[str, str], str],
    classes: list[str],
    shuffle_seed: "int | tf.Tensor | None" = None,
    augmentation: Mapping | None = None,
    channels: list[int] | None = None,
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
    augmentation : mapping, optional
        Settings of `augmented`; needs `shuffle_seed`, which decides each window's changes.
    channels : list of int, optional
        As for `read_windows`.

    Returns
    -------
    tf.data.Dataset of (window, class)
        class: int64, a scalar for softmax, shape (1,) for the sigmoid of two classes.
    """
    recordings = list(dict.fromkeys(zip(epochs["mouse"], epochs["recording"], strict=True)))
    labelled = epochs.assign(label=Classes(classes).of_labels[epochs["label"].to_numpy()])
    as_column = Classes(classes).is_binary

    def example(frames: tf.Tensor, label: tf.Tensor, shard: tf.Tensor, epoch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        if augmentation is not None:
            frames = augmented(frames, augmentation, tf.stack([shuffle_seed, shard * EPOCHS_AT_MOST + epoch]))
        return frames, label[None] if as_column else label

    paths = [shards[key] for key in recordings]
    windows = read_windows(paths, label_table(labelled, recordings), shuffle_seed, channels)
    return windows.map(example, num_parallel_calls=WORKERS, deterministic=True)


def training_batches(
    epochs: pd.DataFrame,
    shards: Mapping[tuple[str, str], str],
    classes: list[str],
    settings: Mapping,
    training_epochs: range,
    whole: bool = False,
    channels: list[int] | None = None,
) -> tf.data.Dataset:
    """Batches of several training epochs, one after the other.

    Order and augmentation depend on the seed and the number of the training epoch alone, so that a training that goes
    on after an interruption sees the same batches as an uninterrupted one.

    Parameters
    ----------
    epochs, shards, classes
        As for `fold_windows`.
    settings : mapping
        The `training` section.
    training_epochs : range
        Their numbers, from 0.
    whole : bool
        Leave out the last windows of a training epoch if they do not fill a batch.
    channels : list of int, optional
        As for `read_windows`.
    """
    numbers = np.array(training_epochs, dtype=np.int64)
    seeds = tf.data.Dataset.from_tensor_slices(np.int64(settings["seed"]) + 2 * numbers)
    batches = seeds.flat_map(
        lambda seed: fold_windows(epochs, shards, classes, seed, settings, channels).batch(
            settings["batch_size"], whole
        )
    )
    return untuned(batches.prefetch(1))
