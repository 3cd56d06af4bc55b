"""Every figure, drawn from small made-up data, looks like the picture of it that is stored in baseline/.

After a change that is meant, draw the stored pictures anew (`-k confusion` for one), look at them, and commit them:
`pytest --mpl-generate-path=tests/unit/baseline tests/unit/test_baselines.py`
"""

import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from made_up import NAMES, areas_of, fragmentation_of, maps_of, predictions_of, quality_of

import wfci_sleep.figures
from wfci_sleep.analysis.agreement import COLUMNS as AGREEMENT
from wfci_sleep.analysis.hypnogram import Hypnogram
from wfci_sleep.analysis.links import link_table
from wfci_sleep.analysis.parcel_scores import parcel_scores
from wfci_sleep.analysis.performance import metrics_table
from wfci_sleep.analysis.published import beside_published, caveat, length_table
from wfci_sleep.analysis.transition_distance import transition_distance_table
from wfci_sleep.data.atlas import Atlas
from wfci_sleep.figures.attention import (
    plot_attention_distribution,
    plot_attention_session,
    plot_attention_time_course,
    plot_attention_transitions,
)
from wfci_sleep.figures.comparison import plot_comparison
from wfci_sleep.figures.confusion import plot_confusion
from wfci_sleep.figures.folds import plot_folds
from wfci_sleep.figures.fragmentation import plot_fragmentation
from wfci_sleep.figures.gradcam import plot_gradcam
from wfci_sleep.figures.gradcam_links import plot_gradcam_links
from wfci_sleep.figures.gradcam_parcels import plot_gradcam_parcels
from wfci_sleep.figures.hypnogram import plot_hypnogram
from wfci_sleep.figures.learning import plot_learning_curves
from wfci_sleep.figures.parcel_scores import plot_parcel_scores
from wfci_sleep.figures.performance import plot_performance
from wfci_sleep.figures.published import plot_published
from wfci_sleep.figures.raters import plot_raters
from wfci_sleep.figures.recordings import plot_recordings
from wfci_sleep.figures.registration import plot_registration
from wfci_sleep.figures.reliability import plot_reliability
from wfci_sleep.figures.style import style
from wfci_sleep.figures.transition_distance import plot_transition_distance
from wfci_sleep.figures.window_length import plot_window_length
from wfci_sleep.scoring.explanations import MouseMaps, link_masks
from wfci_sleep.tables.epochs import SPLITS

BASELINE = Path(__file__).parent / "baseline"

with style():
    STYLE = {key: value for key, value in mpl.rcParams.items() if value != mpl.rcParamsDefault[key]}


def compared(dpi: int) -> pytest.MarkDecorator:
    """The mark of a test whose figure is compared with its stored picture."""
    saving = {"dpi": dpi, "pil_kwargs": {"optimize": True}}
    # Text of another FreeType moves by a fraction of a pixel; what this lets through is less than a changed digit.
    return pytest.mark.mpl_image_compare(tolerance=1, style=STYLE, savefig_kwargs=saving)


baseline = compared(60)


@pytest.fixture
def predictions(rng):
    return predictions_of(rng, ["Ms1", "Ms2", "Ms10"])


@pytest.fixture
def attention(rng):
    """Weights of 40 epochs of 34 frames with a peak that moves with the state, and the states."""
    states = np.repeat([0, 1, 2, 1, 0], 8)
    peaks = np.exp(-((np.arange(34) - 6 - 10 * states[:, None]) ** 2) / 20) + rng.random((40, 34)) / 4
    return peaks / peaks.sum(axis=1, keepdims=True), states


@baseline
def test_attention_time_course(attention):
    return plot_attention_time_course(*attention, NAMES, 2)


@baseline
def test_attention_distribution(attention):
    return plot_attention_distribution(*attention, NAMES)


@baseline
def test_attention_session(attention):
    return plot_attention_session(attention[0], np.arange(40) * 10.0, attention[1], NAMES, "Ms1")


@baseline
def test_attention_transitions(attention):
    return plot_attention_transitions(attention[0], np.arange(40), attention[1], ["Ms1"] * 16 + ["Ms2"] * 24)


@baseline
def test_comparison(rng):
    metrics = {
        name: metrics_table(predictions_of(rng, ["Ms1", "Ms2", "Ms10"]), NAMES, 100, 0) for name in ("main", "b")
    }
    return plot_comparison(metrics, "main")


@baseline
def test_confusion(predictions):
    return plot_confusion(predictions["y_true"], predictions["y_pred"], NAMES)


@compared(50)
def test_fragmentation(predictions):
    return plot_fragmentation(*fragmentation_of(predictions))


@baseline
def test_folds(rng):
    counts = rng.integers(20, 60, (4, 3, 3)) * np.array([8, 1, 1])[None, :, None]
    counts[1, 0, 2], counts[2, 1, :2] = 0, 0
    cells = np.moveaxis(np.indices(counts.shape), 0, -1).reshape(-1, 3)
    rows = [(fold + 1, SPLITS[split], NAMES[state], counts[fold, split, state]) for fold, split, state in cells]
    return plot_folds(pd.DataFrame(rows, columns=["fold", "split", "state", "epochs"]), NAMES)


@baseline
def test_gradcam(rng):
    return plot_gradcam(*maps_of(rng, 2), ["Ms1", "Ms2"], NAMES)


@baseline
def test_gradcam_atlas(rng):
    parcels = np.kron(np.arange(1, 17).reshape(4, 4), np.ones((32, 32))).astype(np.uint8)
    return plot_gradcam(*maps_of(rng, 2), ["Ms1", "Ms2"], NAMES, parcels=parcels)


@baseline
def test_gradcam_parcels(rng):
    return plot_gradcam_parcels(areas_of(rng, ["Ms1", "Ms2", "Ms3"]), NAMES)


@baseline
def test_gradcam_links(rng):
    """Links of near moments make wake, of far ones NREM; one mouse without REM."""
    moments = np.arange(16)
    near = np.exp(-np.abs(moments[:, None] - moments) / 4)
    maps = rng.uniform(0.7, 1, (3, 3, 1, 1)) * np.stack([near, 1 - near, np.full_like(near, 0.4)])
    examples = rng.integers(1, 90, (3, 3))
    maps[-1, 2], examples[-1, 2] = np.nan, 0
    mice = ["Ms1", "Ms2", "Ms3"]
    masks = np.stack([*link_masks(mice, len(moments)).values()])
    found = MouseMaps(mice, NAMES, maps.astype(np.float32), examples, masks)
    return plot_gradcam_links(found, link_table(found))


@compared(50)
def test_parcel_scores(rng):
    parcels = np.kron(np.arange(1, 41).reshape(5, 8), np.ones((16, 16))).astype(np.uint8)
    atlas = Atlas(parcels, [f"Area{number} {side}" for side in "LR" for number in range(1, 21)], parcels > 0)
    table = metrics_table(predictions_of(rng, ["Ms1", "Ms2", "Ms3"]), NAMES, 100, 0).replace({"state": {"": np.nan}})
    values = ["value", "ci_low", "ci_high"]
    # The further back, the better; a little less on the right.
    better = {number: 0.03 * ((number - 1) % 20) - 0.05 * (number > 20) for number in (*range(2, 20), *range(22, 40))}
    metrics = {number: table.assign(**(table[values] + more)) for number, more in better.items()}
    return plot_parcel_scores(parcel_scores(metrics, atlas), parcels, NAMES)


@baseline
def test_hypnogram(rng):
    states = np.repeat(rng.integers(-2, 3, 30), 4)
    probabilities = np.where(states[:, None] < 0, np.nan, rng.dirichlet(np.ones(3), 120))
    hypnograms = {"cnn-bilstm": Hypnogram(np.roll(states, 1)), "human": Hypnogram(states)}
    return plot_hypnogram(hypnograms, "Ms1", probabilities, {"cnn-bilstm": "kappa 0.67 (0.60 to 0.74) with the human"})


@baseline
def test_learning_curves(rng):
    passes = np.arange(1, 7)
    columns = {name: rng.uniform(0.9, 1, 12) for name in ("loss", "val_loss", "kappa", "val_kappa")}
    falling = {name: values / np.tile(passes, 2) for name, values in columns.items()}
    return plot_learning_curves(pd.DataFrame({"fold": np.repeat([1, 2], 6), "pass": np.tile(passes, 2), **falling}))


@baseline
def test_performance(predictions):
    return plot_performance(metrics_table(predictions, NAMES, 100, 0))


@baseline
def test_published(predictions):
    metrics = metrics_table(predictions, NAMES, 100, 0)
    settings = {"folds": {"protocol": "pooled"}, "labels": {"classes": NAMES}, "model": {"kind": "cnn-bilstm"}}
    names = ["main", "window-05s"]
    agreement = pd.DataFrame(columns=AGREEMENT)
    table = beside_published(
        dict.fromkeys(names, metrics), dict.fromkeys(names, agreement), dict.fromkeys(names, settings), "main", False
    )
    return plot_published(table)


@baseline
def test_raters(rng):
    states = np.repeat(rng.integers(-2, 3, 30), 4)
    hypnograms = {"human": Hypnogram(states), "second": Hypnogram(np.roll(states, 1))}
    return plot_raters(hypnograms, ["second", "third"], "Ms1", {"second": "kappa 0.65 (0.58 to 0.72)"})


@baseline
def test_recordings(rng):
    return plot_recordings(quality_of(rng, 2, 2, warned=[1]))


@baseline
def test_registration(rng):
    _, _, background, mask = maps_of(rng, 1)
    parcels = np.kron(np.arange(1, 17).reshape(4, 4), np.ones((32, 32))).astype(np.uint8)
    return plot_registration("Ms1", mask[0], parcels, background[0], background[0] ** 2)


@baseline
def test_reliability(predictions):
    return plot_reliability(predictions, 100, 0)


@baseline
def test_transition_distance(predictions):
    states = {key: table["y_true"].to_numpy() for key, table in predictions.groupby(["mouse", "recording"], sort=False)}
    return plot_transition_distance(transition_distance_table(predictions, states, NAMES), NAMES)


@baseline
def test_window_length(predictions):
    metrics = metrics_table(predictions, NAMES, 100, 0)
    settings = {"folds": {"protocol": "k-fold"}, "labels": {"classes": NAMES}}
    return plot_window_length({"ours": length_table({5: metrics, 10: metrics})}, caveat("pooled", settings))


def test_every_figure_has_a_baseline():
    modules = [importlib.import_module(info.name) for info in figure_modules()]
    plots = {name for module in modules for name, _ in inspect.getmembers(module, inspect.isfunction)}
    names = {name.removeprefix("plot_") for name in plots if name.startswith("plot_")}
    assert "confusion" in names
    assert sorted(name for name in names if f"test_{name}" not in globals()) == []
    assert sorted(name for name in names if not (BASELINE / f"test_{name}.png").exists()) == []


def figure_modules():
    return pkgutil.iter_modules(wfci_sleep.figures.__path__, "wfci_sleep.figures.")


def test_baselines_are_small_and_of_figures_that_exist():
    for picture in BASELINE.iterdir():
        assert picture.stat().st_size < 40_000, picture
        assert picture.stem in globals()


# A state's name, a marker, a curve: each as small as a change that matters.
CHANGES = {
    "confusion": "state_titles = lambda names: ['Wake', 'NREM', 'PS']",
    "reliability": "_AFTER = ('calibrated', '#d95f02', 's')",
    "window_length": "WINDOW_METRICS = {'f1_weighted': (0.5,) * 12, 'kappa': (0.5,) * 12}",
}


def test_changed_figures_are_noticed(tmp_path):
    """With nothing but the options of pyproject.toml, and from another folder; a plugin makes the changes."""
    changes = "".join(f"    figures.{module}.{change}\n" for module, change in CHANGES.items())
    (tmp_path / "changed.py").write_text(
        f"def pytest_collection_finish():\n    from wfci_sleep import figures\n{changes}"
    )
    chosen = " or ".join(f"test_{module}" for module in [*CHANGES, "performance"])
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "changed", "-k", chosen, "-rN", __file__]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    run = subprocess.run(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True, timeout=120)
    assert run.stdout.count("Error: Image files did not match.") == len(CHANGES), run.stdout
    assert "3 failed, 1 passed" in run.stdout
