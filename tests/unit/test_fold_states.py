"""Epochs of each state by fold and split: counted by hand, and what they are warned of."""

import numpy as np
import pandas as pd
import pytest

from wfci_sleep.figures.folds import plot_folds
from wfci_sleep.training.fold_states import fold_states, fold_warnings
from wfci_sleep.training.folds import make_folds

CLASSES = ["wake", "nrem", "rem"]
SETTINGS = {"protocol": "leave-one-mouse-out", "held_out": None, "k": 3, "validation_mice": 1, "fixed": [], "seed": 1}
# Labels of two recordings a mouse: Ms1 is never in REM, Ms2 is always awake, Ms3 has everything.
LABELS = {"Ms1": [[0, 1, 1], [0, 0]], "Ms2": [[0, 0], [0]], "Ms3": [[0, 1, 2], [2, 2]]}


@pytest.fixture
def labelled():
    rows = [
        (mouse, f"fc{run}", epoch, label)  # recordings of different mice may have one name
        for mouse, recordings in LABELS.items()
        for run, labels in enumerate(recordings, start=1)
        for epoch, label in enumerate(labels)
    ]
    return pd.DataFrame(rows, columns=["mouse", "recording", "epoch", "label"])


@pytest.fixture
def folds(labelled):
    """Fold 1 trains on Ms1 and Ms2, so that no REM is learned; fold 2 is chosen by Ms2, which is always awake."""
    splits = [("Ms1", "Ms2", "Ms3"), ("Ms3", "Ms2", "Ms1")]
    fixed = [{"train": [a], "validation": [b], "test": [c]} for a, b, c in splits]
    return make_folds(labelled, list(LABELS), {**SETTINGS, "protocol": "fixed", "fixed": fixed})


def test_epochs_recordings_and_mice_are_counted(folds, labelled):
    table = fold_states(folds, labelled, CLASSES)
    assert list(table.columns) == ["fold", "split", "state", "epochs", "recordings", "mice"]
    assert len(table) == 2 * 3 * 3
    rows = table.set_index(["fold", "split", "state"])
    assert rows.loc[(1, "train", "wake")].tolist() == [3, 2, 1]
    assert rows.loc[(1, "train", "rem")].tolist() == [0, 0, 0]
    assert rows.loc[(2, "train", "rem")].tolist() == [3, 2, 1]
    assert rows.loc[(1, "test", "nrem")].tolist() == [1, 1, 1]
    assert rows.groupby("fold")["epochs"].sum().tolist() == [len(labelled)] * 2
    # Recordings of different mice that have one name are two.
    assert rows.loc[(1, "train", "wake"), "recordings"] + rows.loc[(1, "validation", "wake"), "recordings"] == 4
    together = folds.assign(split="train")
    assert fold_states(together, labelled, CLASSES).loc[0, ["epochs", "recordings", "mice"]].tolist() == [7, 5, 3]


def test_a_warning_a_fold_names_what_is_missing(folds, labelled):
    assert fold_warnings(fold_states(folds, labelled, CLASSES)) == [
        "fold 1: training has no REM, validation has Wake only",
        "fold 2: validation has Wake only",
    ]
    # Asleep or awake: the mouse without REM has all there is to learn.
    assert fold_warnings(fold_states(folds, labelled, ["wake", "sleep"])) == [
        "fold 1: validation has Wake only",
        "fold 2: validation has Wake only",
    ]


def test_sound_folds_are_not_warned_of(labelled):
    sound = pd.concat([labelled[labelled["mouse"] == "Ms3"].assign(mouse=mouse) for mouse in LABELS])
    folds = make_folds(sound, list(LABELS), SETTINGS)
    assert fold_warnings(fold_states(folds, sound, CLASSES)) == []


def test_the_figure_counts_every_fold_and_names_what_is_missing(folds, labelled):
    table = fold_states(folds, labelled, CLASSES)
    figure = plot_folds(table, CLASSES)
    assert [axes.get_title() for axes in figure.axes] == ["Training", "Validation", "Test"]
    for axes, (_, rows) in zip(figure.axes, table.groupby("split", sort=False), strict=True):
        widths = np.transpose([[bar.get_width() for bar in bars] for bars in axes.containers])
        np.testing.assert_array_equal(widths.ravel(), rows["epochs"])
    assert [text.get_text() for text in figure.axes[0].texts] == ["5, no REM", "5"]
    assert [text.get_text() for text in figure.axes[1].texts] == ["3, Wake only"] * 2


def test_twelve_folds_are_readable():
    rows = [(f, s, c, 900 * (s == "train") + 97, 1, 1) for f in range(1, 13) for s in ("train", "validation", "test")
            for c in CLASSES]  # fmt: skip
    table = pd.DataFrame(rows, columns=["fold", "split", "state", "epochs", "recordings", "mice"])
    table.loc[table["state"] == "rem", "epochs"] = 0
    figure = plot_folds(table, CLASSES)
    figure.draw_without_rendering()
    for axes in figure.axes:
        shown = [*axes.texts, *(figure.axes[0].get_yticklabels() if axes is figure.axes[0] else [])]
        boxes = [text.get_window_extent() for text in shown]
        assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[:place])
        assert all(box.x1 <= axes.get_window_extent().x1 for box in boxes)
