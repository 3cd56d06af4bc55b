"""Scoring of a fold: predictions, attention weights and class activation maps in one run over the data."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd

from wfci_sleep.batches import label_table
from wfci_sleep.calibration import calibrated, fit_temperature
from wfci_sleep.explain import METHODS, Explainer, Explanation
from wfci_sleep.shards import read_windows, shard_form
from wfci_sleep.states import EPOCH_S, GAP, class_of_label


@dataclass
class FoldScores:
    """What scoring a fold gives.

    Attributes
    ----------
    predictions : table
        mouse, recording, epoch, start_s, split, y_true, y_pred, the probability of each class as the network gives it,
        and confidence: the calibrated probability of the predicted class.
    attention : array of float32, shape (n_epochs, T)
        Attention weights, a row for each row of `predictions`.
    heat : dict of method to dict of (mouse, class index) to array of float32, shape (h, w)
        Class activation map by each of `explain.METHODS`, mean over time and over the mouse's correctly predicted test
        epochs of the class.
    examples : dict of (mouse, class index) to int
        Epochs behind each map.
    temperature : float
        Fitted on the validation epochs; `confidence` is made with it.
    """

    predictions: pd.DataFrame
    attention: np.ndarray
    heat: dict[str, dict[tuple[str, int], np.ndarray]]
    examples: dict[tuple[str, int], int]
    temperature: float


def score_fold(
    model: keras.Model,
    epochs: pd.DataFrame,
    shards: Mapping[tuple[str, str], str],
    classes: list[str],
    batch_size: int,
) -> FoldScores:
    """Score the validation and test epochs of a fold.

    Parameters
    ----------
    model : keras.Model
    epochs : table with columns mouse, recording, epoch, label, split
        The fold's epochs.
    shards : mapping of (mouse, recording) to path
    classes : list of str
        The `labels.classes` setting.
    batch_size : int
    """
    scored = epochs[epochs["split"] != "train"].reset_index(drop=True)
    truth = class_of_label(classes)[scored["label"].to_numpy()]
    recordings = list(dict.fromkeys(zip(scored["mouse"], scored["recording"], strict=True)))
    # The row number takes the label's place, so that each result finds its row whatever the order of the data.
    rows = label_table(scored.assign(label=np.arange(len(scored))), recordings)
    windows = read_windows([shards[key] for key in recordings], rows)

    explainer = Explainer(model)
    probabilities = np.zeros((len(scored), len(classes)), dtype=np.float32)
    attention = np.zeros((len(scored), explainer.length), dtype=np.float32)
    heat: dict[str, dict[tuple[str, int], np.ndarray]] = {method: {} for method in METHODS}
    examples: dict[tuple[str, int], int] = {}
    for frames, row, *_ in windows.batch(batch_size).prefetch(1):
        row = row.numpy()
        found = explainer.explain(frames.numpy())
        probabilities[row], attention[row] = found.probabilities, found.attention
        predicted = found.probabilities.argmax(axis=1)
        explained = (scored["split"].to_numpy()[row] == "test") & (predicted == truth[row])
        keys = [(scored["mouse"][position], index) for position, index in zip(row, predicted.tolist(), strict=True)]
        for place in np.flatnonzero(explained):
            examples[keys[place]] = examples.get(keys[place], 0) + 1
            for method, maps in found.heat.items():
                heat[method][keys[place]] = heat[method].get(keys[place], 0) + maps[place].mean(axis=0)

    predictions = scored[["mouse", "recording", "epoch"]].assign(
        start_s=scored["epoch"] * EPOCH_S, split=scored["split"], y_true=truth, y_pred=probabilities.argmax(axis=1)
    )
    for index, name in enumerate(classes):
        predictions[f"p_{name}"] = probabilities[:, index]
    fitted_on = (scored["split"] == "validation").to_numpy()
    temperature = fit_temperature(probabilities[fitted_on], truth[fitted_on])
    # The highest probability is the predicted class's at any temperature.
    predictions["confidence"] = calibrated(probabilities, temperature).max(axis=1)
    heat = {method: {key: total / examples[key] for key, total in sums.items()} for method, sums in heat.items()}
    return FoldScores(predictions, attention, heat, examples, temperature)


def explain_epoch(model: keras.Model, shard: str | os.PathLike, epoch: int) -> tuple[np.ndarray, Explanation]:
    """Explain the winning class of a single epoch.

    Parameters
    ----------
    model : keras.Model
    shard : path
        Of the epoch's recording.
    epoch : int

    Returns
    -------
    frames : array of float16 or float32, shape (T, rows, columns)
        The window in the type in which it is stored.
    explanation : Explanation
        Of a batch of one.
    """
    labels = np.full((1, epoch + 1), GAP)
    labels[0, epoch] = 0
    [frames] = (frames.numpy() for frames, *_ in read_windows([shard], labels))
    return frames.astype(shard_form(shard).dtype), Explainer(model).explain(frames[None])
