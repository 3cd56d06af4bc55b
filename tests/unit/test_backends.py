"""Another Keras backend: the network, its explanations and its training without TensorFlow's layers."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from test_model import PUBLISHED, spread

from wfci_sleep.models.cnn_bilstm import build_network
from wfci_sleep.scoring.grad_cam import Explainer

SETTINGS = {**PUBLISHED, "filters": [4, 6], "lstm_units": 3, "spatial_attention": "cbam"}

EXPLAIN = """
import sys
import keras
import numpy as np
from wfci_sleep.scoring.grad_cam import Explainer
from wfci_sleep.models.saving import load_network

assert keras.backend.backend() == "jax"
found = Explainer(load_network(sys.argv[1] + "/model.keras")).explain(np.load(sys.argv[1] + "/frames.npy"))
np.savez(sys.argv[1] + "/found.npz", probabilities=found.probabilities, attention=found.attention, **found.heat)
"""

TRAIN = """
import sys
from pathlib import Path
import test_training

folder = Path(sys.argv[1])
result = test_training.trained(
    test_training.make_fold(folder), folder, test_training.without_dropout(frames_at_once=4)
)
result.history.to_csv(folder / "history.csv", index=False)
"""


def with_jax(program, folder):
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", program, str(folder)], env=environment, check=True)


@pytest.mark.slow
def test_jax_explains_as_tensorflow_does(tmp_path, rng):
    model = build_network(SETTINGS, (5, 8, 6), 3, frames_at_once=2)
    spread(model, rng)
    frames = rng.normal(size=(3, 5, 8, 6)).astype(np.float32)
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "frames.npy", frames)
    with_jax(EXPLAIN, tmp_path)
    elsewhere = np.load(tmp_path / "found.npz")
    here = Explainer(model).explain(frames)
    np.testing.assert_allclose(elsewhere["probabilities"], here.probabilities, atol=1e-5)
    np.testing.assert_allclose(elsewhere["attention"], here.attention, atol=1e-5)
    for method, heat in here.heat.items():
        np.testing.assert_allclose(elsewhere[method], heat, atol=1e-4)


@pytest.mark.slow
def test_jax_trains(tmp_path):
    """With the focal loss that is Keras' own there, and the encoder's slices."""
    with_jax(TRAIN, tmp_path)
    history = pd.read_csv(tmp_path / "history.csv")
    assert np.isfinite(history.to_numpy()).all()
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
