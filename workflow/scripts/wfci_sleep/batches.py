"""Batches of windows for a fold, from its shards: chosen, shuffled, augmented."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import tensorflow as tf

from wfci_sleep.shards import WORKERS, read_windows, untuned
from wfci_sleep.states import GAP, class_of_label

EPOCHS_AT_MOST = 2**20
"""More than a recording has: a window's number in a fold is its shard's number times this, and its epoch."""


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


def augmented(frames: tf.Tensor, settings: Mapping, seed: tf.Tensor) -> tf.Tensor:
    """A window changed at random, always in the same way for the same seed.

    Parameters
    ----------
    frames : tensor of float32, shape (T, rows, columns)
        Zero outside the mask, and so is the result.
    settings : mapping
        The `training` section: `augment_flip` mirrors left and right in half of the windows, `augment_gain` multiplies
        a window by up to this share more or less, `augment_noise` is the standard deviation of what is added to every
        pixel.
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
    shuffle_seed=None,
    augmentation: Mapping | None = None,
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
        Settings of `augmented`; needs `shuffle_seed`, from which each window's changes follow.

    Returns
    -------
    tf.data.Dataset of (frames, class)
        class: int64, a scalar for softmax, shape (1,) for the sigmoid of two classes.
    """
    recordings = list(dict.fromkeys(zip(epochs["mouse"], epochs["recording"], strict=True)))
    labelled = epochs.assign(label=class_of_label(classes)[epochs["label"].to_numpy()])
    as_column = len(classes) == 2

    def example(frames, label, shard, epoch):
        if augmentation is not None:
            frames = augmented(frames, augmentation, tf.stack([shuffle_seed, shard * EPOCHS_AT_MOST + epoch]))
        return frames, label[None] if as_column else label

    windows = read_windows([shards[key] for key in recordings], label_table(labelled, recordings), shuffle_seed)
    return windows.map(example, num_parallel_calls=WORKERS, deterministic=True)


def training_passes(
    epochs: pd.DataFrame,
    shards: Mapping[tuple[str, str], str],
    classes: list[str],
    settings: Mapping,
    passes: range,
    whole: bool = False,
) -> tf.data.Dataset:
    """Batches of all passes, one pass after the other.

    Order and augmentation of a pass depend on seed and number of the pass alone, so that a training that is taken up
    again sees what an unbroken one would have seen.

    Parameters
    ----------
    epochs, shards, classes
        As for `fold_windows`.
    settings : mapping
        The `training` section.
    passes : range
        Numbers of the passes, from 0.
    whole : bool
        Leave out the last windows of a pass if they do not fill a batch.
    """
    seeds = tf.data.Dataset.from_tensor_slices(np.int64(settings["seed"]) + 2 * np.array(passes, dtype=np.int64))
    batches = seeds.flat_map(
        lambda seed: fold_windows(epochs, shards, classes, seed, settings).batch(settings["batch_size"], whole)
    )
    return untuned(batches.prefetch(1))
