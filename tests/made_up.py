"""Small made-up results that several tests draw or export."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from wfci_sleep.analysis.hypnogram import Hypnogram
from wfci_sleep.analysis.sleep_tables import fragmentation_tables
from wfci_sleep.training.temperature import calibrated

NAMES = ["wake", "nrem", "rem"]


def predictions_of(rng: np.random.Generator, mice: Sequence[str]) -> pd.DataFrame:
    """Test predictions of 30 epochs of each mouse, a fold for each, with true states at random."""
    tables = []
    for fold, mouse in enumerate(mice, start=1):
        probabilities = rng.dirichlet(np.ones(3), size=30)
        columns = {
            "mouse": mouse,
            "recording": f"{mouse}-fc1",
            "epoch": range(30),
            "start_s": np.arange(30) * 10.0,
            "fold": fold,
            "y_true": rng.integers(0, 3, 30),
            "y_pred": probabilities.argmax(axis=1),
            **{f"p_{name}": probabilities[:, index] for index, name in enumerate(NAMES)},
            "confidence": calibrated(probabilities, 3.0).max(axis=1),
        }
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def quality_of(rng: np.random.Generator, n_mice: int, n_runs: int, warned: Sequence[int] = ()) -> pd.DataFrame:
    """A quality table; the recordings numbered `warned` have a warning, the others NaN, as read from a file."""
    n = n_mice * n_runs
    scored = rng.multinomial(90, [0.5, 0.3, 0.15, 0.05], size=n)
    return pd.DataFrame(
        {
            "mouse": np.repeat([f"Ms{mouse + 1}" for mouse in range(n_mice)], n_runs),
            "recording": [f"fc{run + 1}" for run in range(n_runs)] * n_mice,
            "epochs": 90,
            **dict(zip(["wake", "nrem", "rem", "artefact"], scored.T, strict=True)),
            "no_signal": 0,
            "excluded": 0,
            "mask_pixels": rng.integers(9000, 12000, n),
            "atlas_overlap": rng.uniform(0.8, 1, n),
            "warnings": ["the mask is small; short" if row in warned else np.nan for row in range(n)],
        }
    )


def fragmentation_of(predictions: pd.DataFrame) -> list[pd.DataFrame]:
    """Tables of fragmentation, bouts and transitions of human and network in the published way of counting."""
    hypnograms = {
        mouse: {"human": Hypnogram(one["y_true"]), "cnn-bilstm": Hypnogram(one["y_pred"])}
        for mouse, one in predictions.groupby("mouse", sort=False)
    }
    return [table[table["counting"] == "published"] for table in fragmentation_tables(hypnograms)]


def maps_of(rng: np.random.Generator, n_mice: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Class activation maps (the last mouse without REM), examples, backgrounds and masks of mice."""
    rows, columns = np.mgrid[:128, :128] // 8 * 8  # coarse, so that pictures of them are small files
    centres = rng.uniform(40, 88, (n_mice, 3, 2, 1, 1))
    maps = np.exp(-((rows - centres[:, :, 0]) ** 2 + (columns - centres[:, :, 1]) ** 2) / 800)
    examples = rng.integers(1, 90, (n_mice, 3))
    maps[-1, 2], examples[-1, 2] = np.nan, 0
    background = np.stack([np.cos(rows / 20) * np.sin(columns / (15 + mouse)) for mouse in range(n_mice)])
    mask = np.broadcast_to((rows - 64) ** 2 + (columns - 64) ** 2 < 58**2, background.shape)
    return maps.astype(np.float32), examples, background, mask


def areas_of(rng: np.random.Generator, mice: Sequence[str]) -> pd.DataFrame:
    """Heat of six areas from front to back by mouse and state: the front for NREM, the back for wake."""
    places = {"Frontal": 24.4, "M2": 52.0, "SS Hp": 69.1, "Retro": 94.4, "Aud": 95.5, "V1": 112.3}
    slopes = {"wake": 0.005, "nrem": -0.005, "rem": 0}
    rows = [
        (mouse, state, area, row, 0.6 + slope * (row - 70) + rng.uniform(-0.15, 0.15))
        for mouse in mice
        for state, slope in slopes.items()
        for area, row in places.items()
    ]
    return pd.DataFrame(rows, columns=["mouse", "state", "area", "row", "mean_heat"])


def write_checkpoint(folder: Path, arrays: Sequence[np.ndarray]) -> None:
    """Write kernel and bias of each layer in turn as a TensorFlow checkpoint, with the names that Keras 2 gave them."""
    import tensorflow as tf

    root = tf.train.Checkpoint()
    for number, (kernel, bias) in enumerate(zip(arrays[::2], arrays[1::2], strict=True)):
        layer = tf.train.Checkpoint(kernel=tf.Variable(kernel), bias=tf.Variable(bias))
        setattr(root, f"layer_with_weights-{number}", layer)
    tf.train.CheckpointManager(root, str(folder), 2, checkpoint_name="ckpt").save()
