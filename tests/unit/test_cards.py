"""A network's file says what it was trained on, opens with two lines, and is refused for other windows."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from test_training import CLASSES, SETTINGS, make_fold, trained, with_training

from wfci_sleep.errors import InputError
from wfci_sleep.models.cards import card_of, network_card, write_card
from wfci_sleep.models.cnn_bilstm import build_network
from wfci_sleep.models.saving import load_network
from wfci_sleep.scoring.predict import fitting_network, score_fold
from wfci_sleep.training.losses import loss_function

ROOT = Path(__file__).resolve().parents[2]
WINDOWS = {
    "seconds": 10,
    "normalisation": "temporal-zscore",
    "hemisphere": "both",
    "mask": "recording",
    "spatial_binning": 16,
    "storage": "float16",
    "compression": "none",
}
NETWORK = "results/demo/main/fold-1/model.keras"

OPEN = """
import sys
assert not any(name.startswith(("keras", "focal_loss", "wfci_sleep")) for name in sys.modules)
{lines}
import numpy as np
np.save("found.npy", np.asarray(network(np.load("frames.npy"))))
assert "focal_loss" not in sys.modules

from wfci_sleep.models.saving import load_network
np.save("older.npy", np.asarray(load_network("older.keras")(np.load("frames.npy"))))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a trained network where the README says, what its training gave, and the fold behind it."""
    folder = tmp_path_factory.mktemp("made")
    epochs, shards = make_fold(folder)
    settings = {**with_training(passes=1), "windows": WINDOWS}
    result = trained((epochs, shards), folder, settings)
    path = folder / NETWORK
    path.parent.mkdir(parents=True)
    result.model.save(path)
    write_card(path, card_of(settings, epochs, result.temperature, run="demo", experiment="main", fold=1))
    return folder, result, epochs, shards


def older_file(path, classes=CLASSES):
    """A network as earlier versions saved it: compiled with the focal loss, without a card."""
    model = build_network(SETTINGS["model"], (8, 4, 6), classes)
    model.compile("adam", loss_function(SETTINGS["training"], len(classes)), ["accuracy"])
    model.save(path)
    return model


@pytest.mark.slow
def test_a_fresh_python_opens_the_network_with_the_lines_of_the_readme(made, rng):
    folder, result, *_ = made
    (lines,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "results/README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(list(filter(None, lines.splitlines()))) == 2
    assert f'"{NETWORK}"' in lines
    frames = rng.normal(size=(3, 8, 4, 6)).astype(np.float32)
    np.save(folder / "frames.npy", frames)
    older = older_file(folder / "older.keras")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow" / "scripts")}
    subprocess.run([sys.executable, "-c", OPEN.format(lines=lines)], cwd=folder, env=environment, check=True)
    for name, model in (("found", result.model), ("older", older)):
        np.testing.assert_array_equal(np.load(folder / f"{name}.npy"), np.asarray(model(frames)))


@pytest.mark.slow
def test_the_card_says_what_the_network_was_trained_on(made):
    folder, result, *_ = made
    card = network_card(folder / NETWORK)
    software = card.pop("software")
    assert card == {
        "run": "demo",
        "experiment": "main",
        "fold": 1,
        "windows": WINDOWS,
        "frame_rate_hz": 16.8,
        "classes": CLASSES,
        "temperature": result.temperature,
        "epochs": {"train": {"Ms1": 9, "Ms2": 9}, "validation": {"Ms3": 9}},
        "model": SETTINGS["model"],
        "training": {**SETTINGS["training"], "passes": 1},
    }
    assert (software["keras"], software["numpy"]) == (keras.__version__, np.__version__)
    assert software["wfci-sleep"] in (ROOT / "pyproject.toml").read_text()
    assert "{}.{}.{}".format(*sys.version_info[:3]) == software["python"]


@pytest.mark.slow
def test_the_temperature_is_that_of_the_validation_epochs(made):
    folder, result, epochs, shards = made
    model, temperature = fitting_network(folder / NETWORK, WINDOWS, CLASSES, shards["Ms1", "a"])
    assert temperature != 1
    assert score_fold(model, epochs, shards, CLASSES, 4).temperature == pytest.approx(temperature, rel=1e-4)
    scored = score_fold(model, epochs, shards, CLASSES, 4, temperature=2 * temperature)
    assert scored.temperature == 2 * temperature
    probabilities = scored.predictions[[f"p_{name}" for name in CLASSES]].to_numpy(dtype=float)
    flatter = probabilities ** (0.5 / temperature)
    expected = (flatter / flatter.sum(axis=1, keepdims=True)).max(axis=1)
    np.testing.assert_allclose(scored.predictions["confidence"], expected, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("windows", "classes", "message"),
    [
        ({"normalisation": "min-max"}, CLASSES, "with normalisation temporal-zscore, these have min-max;"),
        ({"seconds": 2}, CLASSES, "with seconds 10, these have 2;"),
        ({"mask": "atlas"}, CLASSES, "with mask recording, these have atlas;"),
        (
            {"hemisphere": "left", "spatial_binning": 8},
            CLASSES,
            "with hemisphere both and spatial_binning 16, these have left and 8;",
        ),
        ({}, ["wake", "sleep"], "with states wake/nrem/rem, these have wake/sleep;"),
        ({}, ["rem", "nrem", "wake"], "with states wake/nrem/rem, these have rem/nrem/wake;"),
    ],
)
def test_other_windows_or_states_are_refused_by_name(made, windows, classes, message):
    folder, *_, shards = made
    path = folder / NETWORK
    with pytest.raises(InputError) as refused:
        fitting_network(path, {**WINDOWS, **windows}, classes, shards["Ms1", "a"])
    assert str(refused.value).startswith(f"{path} was trained on windows {message}")
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_windows_stored_in_another_way_are_the_same(made, capsys):
    folder, *_, shards = made
    stored = {**WINDOWS, "storage": "float32", "compression": "gzip"}
    fitting_network(folder / NETWORK, stored, CLASSES, shards["Ms1", "a"])
    assert capsys.readouterr().out == ""


def test_a_file_without_a_card_is_told_and_its_size_compared(tmp_path, rng):
    _, shards = make_fold(tmp_path)
    shard, path, said = shards["Ms1", "a"], tmp_path / "model.keras", []
    older_file(path)
    assert network_card(path) is None
    assert fitting_network(path, WINDOWS, CLASSES, shard, said.append)[1] is None
    assert said == [f"warning: {path} does not say what windows it was trained on: only their size was compared"]
    with pytest.raises(InputError, match=r"8 x 4 x 6 \(frames x rows x columns\) for 3 states, found 8 .* for 2;"):
        fitting_network(path, WINDOWS, ["wake", "sleep"], shard, said.append)
    build_network(SETTINGS["model"], (8, 4, 5), CLASSES).save(path)
    with pytest.raises(InputError, match=r"takes windows of 8 x 4 x 5 .* found 8 x 4 x 6 in \S+Ms1.tfrecord for 3;"):
        fitting_network(path, WINDOWS, CLASSES, shard, said.append)


def test_a_card_leaves_the_rest_of_the_file_as_it_was(tmp_path, rng):
    model = build_network(SETTINGS["model"], (8, 4, 6), ["wake", "sleep"])
    plain, path = tmp_path / "plain.keras", tmp_path / "model.keras"
    model.save(plain)
    path.write_bytes(plain.read_bytes())
    write_card(path, {"temperature": 1.5})
    with zipfile.ZipFile(plain) as before, zipfile.ZipFile(path) as after:
        assert after.namelist() == before.namelist()
        assert [name for name in after.namelist() if after.read(name) != before.read(name)] == ["metadata.json"]
    frames = rng.normal(size=(2, 8, 4, 6)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(load_network(path)(frames)), np.asarray(model(frames)))


@pytest.mark.parametrize("content", [b"", b"no network", b"PK\x03\x04 cut off"])
def test_what_is_no_network_is_named(tmp_path, content):
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    with pytest.raises(InputError, match="model.keras: not a network's file"):
        network_card(path)
