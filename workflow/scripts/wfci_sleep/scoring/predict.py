"""Scoring of a fold: predictions, attention weights and class activation maps, with one read of the data."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd

from wfci_sleep.errors import InputError
from wfci_sleep.layout import EPOCH_S, FRAMES, GRAPHS
from wfci_sleep.models.cards import check_fit, network_card
from wfci_sleep.models.registry import input_shape, kind_of_network
from wfci_sleep.models.saving import load_network
from wfci_sleep.scoring.grad_cam import METHODS, Explainer, Explanation
from wfci_sleep.states import GAP, Classes
from wfci_sleep.tables.networks import PROBABILITY
from wfci_sleep.training.batches import label_table
from wfci_sleep.training.shards import damage_named, read_windows, shard_form
from wfci_sleep.training.temperature import calibrated, fit_temperature

AXES = {FRAMES: "frames x rows x columns", GRAPHS: "frames x frames x parcels"}
"""Axes of the windows that networks see, by their input."""


def fitting_network(
    path: str | os.PathLike,
    windows: Mapping,
    classes: list[str],
    shard: str | os.PathLike,
    tell: Callable[[str], None] = print,
) -> tuple[keras.Model, float | None]:
    """Load a network and check that it was trained on such windows and classes.

    Parameters
    ----------
    path : path
    windows : mapping
        The `windows` section of the windows to score.
    classes : list of str
        The `labels.classes` setting.
    shard : path
        One of the shards to score.
    tell : function of a line
        Takes a warning about a file that does not say what its network was trained on.

    Returns
    -------
    model : keras.Model
    temperature : float, or None
        As the file holds it.

    Raises
    ------
    InputError
        If the network was trained on other windows or states.
    """
    model, card = load_network(path), network_card(path)
    if card is None:
        tell(f"warning: {path} does not say what windows it was trained on: only their size was compared")
    else:
        check_fit(path, card, windows, classes)
    # Networks of the first kind alone have no card.
    settings = {} if card is None else card["model"]
    taken, given = model.input.shape[1:], input_shape(settings, shard_form(shard).shape)
    states = max(2, model.output.shape[-1])  # two classes share an output
    if (taken, model.output.shape[-1]) != (given, Classes(classes).n_outputs):
        raise InputError(
            f"{path} takes windows of {_size(taken)} ({AXES[kind_of_network(model).input]}) for {states} states, "
            f"found {_size(given)} in {shard} for {len(classes)}; take a network that was trained on such windows"
        )
    return model, None if card is None else card["temperature"]


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


@dataclass
class FoldScores:
    """Results of scoring a fold.

    Attributes
    ----------
    predictions : table
        mouse, recording, epoch, start_s, split, y_true, y_pred, p_<state> (probability by the network), confidence
        (probability of the predicted class at the temperature).
    attention : array of float32, shape (n_epochs, T), or None
        Attention weights of each row of `predictions`; None of a network without attention.
    heat : dict of method to dict of (mouse, class index) to array of float32, shape (h, w)
        Class activation map by each of `grad_cam.METHODS`, before resizing: mean over a window's maps and over the
        mouse's correctly predicted test epochs of the class.
    examples : dict of (mouse, class index) to int
        Epochs behind each map.
    temperature : float
        Behind `confidence`.
    """

    predictions: pd.DataFrame
    attention: np.ndarray | None
    heat: dict[str, dict[tuple[str, int], np.ndarray]]
    examples: dict[tuple[str, int], int]
    temperature: float


def score_fold(
    model: keras.Model,
    epochs: pd.DataFrame,
    shards: Mapping[tuple[str, str], str],
    classes: list[str],
    batch_size: int,
    temperature: float | None = None,
    channels: list[int] | None = None,
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
    temperature : float, optional
        As the network's file holds it; fitted on the fold's validation epochs if not given.
    channels : list of int, optional
        The channels of a stored window that the network sees, as positions; all unless given.

    Returns
    -------
    FoldScores

    Raises
    ------
    InputError
        If a shard is damaged.
    """
    scored = epochs[epochs["split"] != "train"].reset_index(drop=True)
    truth = Classes(classes).of_labels[scored["label"].to_numpy()]
    recordings = list(dict.fromkeys(zip(scored["mouse"], scored["recording"], strict=True)))
    # The row number stands in for the label, so that each result finds its row.
    rows = label_table(scored.assign(label=np.arange(len(scored))), recordings)
    paths = [shards[key] for key in recordings]
    windows = read_windows(paths, rows, channels=channels)

    explainer = Explainer(model)
    probabilities = np.zeros((len(scored), len(classes)), dtype=np.float32)
    attention = np.zeros((len(scored), explainer.length), dtype=np.float32) if explainer.attends else None
    heat: dict[str, dict[tuple[str, int], np.ndarray]] = {method: {} for method in METHODS}
    examples: dict[tuple[str, int], int] = {}
    with damage_named(paths):
        for batch, row, *_ in windows.batch(batch_size).prefetch(1):
            row = row.numpy()
            found = explainer.explain(batch.numpy())
            probabilities[row] = found.probabilities
            if attention is not None:
                attention[row] = found.attention
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
        predictions[f"{PROBABILITY}{name}"] = probabilities[:, index]
    if temperature is None:
        fitted_on = (scored["split"] == "validation").to_numpy()
        temperature = fit_temperature(probabilities[fitted_on], truth[fitted_on])
    # At any temperature the predicted class has the highest probability.
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
        The window, in the type of the shard.
    explanation : Explanation
        Of a batch of one.

    Raises
    ------
    InputError
        If the shard is damaged.
    """
    labels = np.full((1, epoch + 1), GAP)
    labels[0, epoch] = 0
    with damage_named([shard]):
        [frames] = (frames.numpy() for frames, *_ in read_windows([shard], labels))
    return frames.astype(shard_form(shard).dtype), Explainer(model).explain(frames[None])
