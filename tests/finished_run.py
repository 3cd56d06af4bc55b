"""A run whose networks are trained and scored, made up in a second: what follows needs no TensorFlow.

Everything up to the scores of every fold is there, in the order in which the workflow would have made it, so that
Snakemake runs only what comes after. Recordings, shards and networks are empty files.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import yaml
from workflow.conftest import TINY, overlaid

from wfci_sleep.data import synthetic, synthetic_activity, synthetic_sessions
from wfci_sleep.data.atlas import Atlas, load_atlas
from wfci_sleep.files.atomic import write_table
from wfci_sleep.layout import EPOCH_S, FRAMES
from wfci_sleep.models.registry import kind_of
from wfci_sleep.preprocessing.quality import quality_row
from wfci_sleep.preprocessing.survey import RecordingSurvey, write_survey
from wfci_sleep.preprocessing.windowings import n_frames, windowing_name
from wfci_sleep.preprocessing.windows import window_index
from wfci_sleep.run.settings import resolve
from wfci_sleep.scoring.explanations import (
    METHOD_TITLES,
    link_masks,
    mouse_maps,
    mouse_masks,
    recorded_shape,
    write_attention,
    write_gradcam,
)
from wfci_sleep.states import Classes, labels_of_scores
from wfci_sleep.training import folds
from wfci_sleep.training.fold_states import fold_states
from wfci_sleep.training.temperature import calibrated, fit_temperature

RIGHT = 0.8
"""Share of epochs that the made-up networks score as the human does."""


def finished_run(folder: Path, changes: Mapping | None = None) -> None:
    """Write config.yaml, recordings' tables and images, windows' indices, folds and the scores of every fold.

    Parameters
    ----------
    folder : path
        The run's working folder.
    changes : mapping, optional
        Laid over `TINY`, the smallest configuration: more mice, experiments, another name. The source stays synthetic.
    """
    folder = Path(folder)
    config = overlaid(TINY, changes or {})
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    config = resolve(config, "config.yaml")
    resources = folder / "resources" / config["run"]["name"]
    results = folder / "results" / config["run"]["name"]
    rng = np.random.default_rng(0)

    scores = _write_recordings(resources, config["dataset"]["synthetic"], rng)
    windowings = {windowing_name(settings["windows"]) for settings in config["experiments"].values()}
    # All of them before any fold, as Snakemake compares times.
    indices = {name: _write_windows(resources / "windows" / name, scores) for name in sorted(windowings)}
    for name, settings in config["experiments"].items():
        index_of = indices[windowing_name(settings["windows"])]
        epochs = folds.labelled_epochs(list(index_of.values()), list(index_of))
        table = folds.make_folds(epochs, list(dict.fromkeys(mouse for mouse, _ in index_of)), settings["folds"])
        write_table(table, results / name / "folds.tsv")
        states = fold_states(table, epochs, settings["labels"]["classes"])
        write_table(states, results / name / "folds-states.tsv")
        for fold in table["fold"].unique():
            path = results / name / f"fold-{fold}"
            path.mkdir()
            _write_training(path, settings, rng)
            _write_scores(path, folds.fold_epochs(table, epochs, fold), settings, resources, rng)


def _empty(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def _write_recordings(
    resources: Path, settings: Mapping, rng: np.random.Generator
) -> dict[tuple[str, str], np.ndarray]:
    """Write what is known of the recordings; return the scores of each (mouse, recording)."""
    recordings = synthetic_sessions.synthetic_recordings(settings)
    keys = list(zip(recordings["mouse"], recordings["recording"], strict=True))
    sessions = [
        session for mouse in range(settings["mice"]) for session in synthetic_sessions.session_scores(mouse, settings)
    ]
    paths = [resources / "raw" / mouse / f"{recording}.mat" for mouse, recording in keys]
    for path in paths:
        _empty(path)
    for path in (resources / "raw" / "atlas.mat", resources / "atlas.mat"):
        synthetic.synthesise_atlas(path)
    atlas = load_atlas(resources / "atlas.mat")
    rows = []
    for (mouse, recording), path, session in zip(keys, paths, sessions, strict=True):
        row = _write_check(resources, mouse, recording, session, atlas, rng)
        rows.append({"mouse": mouse, "recording": recording, "path": path.relative_to(resources.parents[1]), **row})
    table = pd.DataFrame(rows).assign(order=recordings["order"])
    write_table(table[["mouse", "recording", "order", "path", "sha256", "epochs"]], resources / "recordings.tsv")
    write_table(table.drop(columns=["path", "sha256", "order"]), resources / "quality.tsv")
    return dict(zip(keys, sessions, strict=True))


def _write_check(
    resources: Path, mouse: str, recording: str, scores: np.ndarray, atlas: Atlas, rng: np.random.Generator
) -> dict:
    """Write what checking a recording would: its row, its images and the traces of its parcels; return the row."""
    rows, columns = np.mgrid[:128, :128]
    mask = synthetic_activity.brain_outline()
    image = np.where(mask, np.cos(rows / 20) * np.sin(columns / 15), np.nan).astype(np.float32)
    survey = RecordingSurvey(
        image,
        np.abs(image),
        mask,
        168 * len(scores),
        nan_share=0.0,
        constant_share=0.0,
        saturated_share=0.0,
        largest_value=1.0,
        jumps=np.ones(len(scores)),
        no_signal=[""] * len(scores),
    )
    known = SimpleNamespace(
        path=f"{recording}.mat", n_epochs=len(scores), mask=mask, dtype=np.dtype("float32"), other_files=[]
    )
    epochs = window_index(scores, labels_of_scores(scores))
    row = quality_row(known, survey, atlas, epochs)
    write_table(epochs, resources / "epochs" / mouse / f"{recording}.tsv")
    row["sha256"] = hashlib.sha256(recording.encode()).hexdigest()  # two recordings never hold the same bytes
    write_table(pd.DataFrame([row]), resources / "checks" / mouse / f"{recording}.tsv")
    images = resources / "surveys" / mouse / f"{recording}.h5"
    images.parent.mkdir(parents=True, exist_ok=True)
    write_survey(images, survey)
    frames = 168 * len(scores)
    times = np.arange(frames) * (EPOCH_S / 168)
    traces = pd.DataFrame(rng.normal(0, 0.01, (frames, len(atlas.names))), columns=atlas.names)
    traces.insert(0, "epoch", np.arange(frames) // 168)
    traces.insert(1, "time_s", times)
    write_table(traces, resources / "parcels" / mouse / f"{recording}.tsv", float_format="%.6g")
    return row


def _write_windows(folder: Path, scores: Mapping[tuple[str, str], np.ndarray]) -> dict[tuple[str, str], Path]:
    """Write indices and empty shards; return the index of each (mouse, recording)."""
    paths = {(mouse, recording): folder / mouse / f"{recording}.tsv" for mouse, recording in scores}
    for key, path in paths.items():
        _empty(path.with_suffix(".tfrecord"))
        write_table(window_index(scores[key], labels_of_scores(scores[key])), path)
    return paths


def _write_training(folder: Path, settings: Mapping, rng: np.random.Generator) -> None:
    """Write what training leaves behind: a network that is none, its history, its confusion at each pass."""
    (folder / "model.keras").write_bytes(b"no network")
    n_passes, classes = settings["training"]["passes"], settings["labels"]["classes"]
    towards = np.linspace(0, 1, n_passes)
    history = {"pass": range(1, n_passes + 1)}
    for split in ("", "val_"):
        noise = rng.normal(0, 0.02, n_passes)
        history |= {f"{split}{name}": 0.3 + 0.5 * towards + noise for name in ("accuracy", "f1_macro", "kappa")}
        history[f"{split}loss"] = 0.6 - 0.4 * towards - noise
    pd.DataFrame(history).to_csv(folder / "history.csv", index=False)
    cells = [(number, true, predicted, 5) for number in history["pass"] for true in classes for predicted in classes]
    write_table(pd.DataFrame(cells, columns=["pass", "true", "predicted", "n"]), folder / "confusion.tsv")
    _empty(folder / "tensorboard" / ".snakemake_timestamp")


def _write_scores(
    folder: Path, epochs: pd.DataFrame, settings: Mapping, resources: Path, rng: np.random.Generator
) -> None:
    """Write what scoring a fold leaves behind: predictions, calibration, attention weights if any, Grad-CAM."""
    classes = settings["labels"]["classes"]
    epochs = epochs[epochs["split"] != "train"].reset_index(drop=True)
    true = Classes(classes).of_labels[epochs["label"].to_numpy()]
    given = np.where(rng.random(len(epochs)) < RIGHT, true, rng.integers(0, len(classes), len(epochs)))
    probabilities = rng.dirichlet(np.ones(len(classes)), len(epochs)) + 2 * np.eye(len(classes))[given]
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    held = (epochs["split"] == "validation").to_numpy()
    temperature = fit_temperature(probabilities[held], true[held])
    predictions = epochs[["mouse", "recording", "epoch"]].assign(
        start_s=epochs["epoch"] * EPOCH_S, split=epochs["split"], y_true=true, y_pred=given
    )
    for number, name in enumerate(classes):
        predictions[f"p_{name}"] = probabilities[:, number]
    predictions["confidence"] = calibrated(probabilities, temperature).max(axis=1)
    write_table(predictions, folder / "predictions.tsv", float_format="%.6g")
    fit = {"temperature": temperature, "n_validation": int(held.sum()), "fitted_on": "validation"}
    (folder / "calibration.json").write_text(json.dumps(fit))

    tested = predictions[predictions["split"] == "test"]
    windows = settings["windows"]
    seconds = windows["seconds"]
    kind, length = kind_of(settings["model"]), n_frames(seconds)
    if kind.attention is not None:
        weights = rng.dirichlet(np.full(length, 5.0), len(tested)).astype(np.float32)
        write_attention(folder / "attention.h5", tested, weights, seconds)
    right = tested.loc[tested["y_true"] == tested["y_pred"]].groupby(["mouse", "y_pred"]).size().to_dict()
    heat = {key: rng.random((8, 8)).astype(np.float32) for key in right}
    recordings = list(dict.fromkeys(zip(tested["mouse"], tested["recording"], strict=True)))
    if kind.input == FRAMES:
        surveys = {key: resources / "surveys" / key[0] / f"{key[1]}.h5" for key in recordings}
        masks = mouse_masks(recordings, surveys, windows, load_atlas(resources / "atlas.mat"))
        shape = recorded_shape(windows["hemisphere"])
    else:
        masks, shape = link_masks((mouse for mouse, _ in recordings), length), (length, length)
    maps = mouse_maps(heat, right, masks, classes, shape)
    write_gradcam(folder / "gradcam.h5", dict.fromkeys(METHOD_TITLES, maps))
