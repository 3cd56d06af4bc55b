"""The opening page's facts: counted from the tables, in words that docutils can read."""

import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from docutils.core import publish_parts

from wfci_sleep.metrics import COLUMNS
from wfci_sleep.overview import overview, settings_in_words
from wfci_sleep.settings import resolve

SCHEMA = Path(__file__).parents[2] / "workflow" / "schemas" / "config.schema.yaml"


def resolved(**sections) -> dict:
    return resolve({"run": {"name": "mine"}, "dataset": {"source": "local"}, **sections}, SCHEMA, "a test")


DEFAULTS = resolved()["experiments"]["main"]


@pytest.fixture
def quality():
    return pd.DataFrame(
        {
            "mouse": ["Ms1", "Ms1", "Ms_2"],
            "epochs": [90, 90, 180],
            "wake": [40, 40, 100],
            "nrem": [30, 30, 50],
            "rem": [15, 15, 20],
            "artefact": [5, 5, 10],
            "warnings": [np.nan, "short", np.nan],
        }
    )


def metrics(kappa=0.5, low=0.4, high=0.6):
    rows = [("pooled", "all", name, "", value, low, high, 340) for name, value in
            (("accuracy", 0.75), ("kappa", kappa), ("f1_weighted", 0.75))]  # fmt: skip
    return pd.DataFrame([*rows, ("mouse", "Ms1", "kappa", "", 0.1, 0.0, 0.2, 170)], columns=COLUMNS)


def as_html(text: str) -> str:
    """What docutils makes of it; it stops at anything that it would complain about."""
    return publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["html_body"]


def test_recordings_are_counted(quality):
    text = overview(resolved(), DEFAULTS, quality, {"main": metrics()})
    assert "3 recordings of 2 mice (Ms1, Ms\\_2), 360 epochs of 10 s, 1.0 h together" in text
    assert "180 Wake, 110 NREM, 50 REM; 20 are artefacts" in text
    assert "1 of the recordings came with warnings" in text
    assert "Ms_2" in as_html(text)


def test_the_headline_is_all_test_epochs_beside_the_published_numbers(quality):
    html = as_html(overview(resolved(), DEFAULTS, quality, {"main": metrics()}))
    assert "<td>0.50 (0.40 to 0.60)</td>" in html
    assert "0.10" not in html  # a single mouse is no headline
    assert "<td>0.64</td>" in html


def test_a_measure_without_a_value_or_an_interval_is_told(quality):
    html = as_html(overview(resolved(), DEFAULTS, quality, {"main": metrics(np.nan)}))
    assert "<td>-</td>" in html
    html = as_html(overview(resolved(), DEFAULTS, quality, {"main": metrics(0.5, np.nan, np.nan)}))
    assert "<td>0.50</td>" in html


def test_experiments_name_what_sets_them_apart(quality):
    experiments = {
        "main": {},
        "left_": {"windows": {"hemisphere": "left"}, "training": {"early_stopping": 5, "augment_gain": 0.1}},
    }
    config = resolved(experiments=experiments)
    text = overview(config, DEFAULTS, quality, dict.fromkeys(experiments, metrics()))
    assert "- **main**: nothing\n" in text
    assert (
        "- **left\\_**: ``windows.hemisphere`` left (both), ``training.early_stopping`` 5 (none), "
        "``training.augment_gain`` 0.1 (0)\n"
    ) in text
    assert "<strong>left_</strong>" in as_html(text)


@pytest.mark.parametrize("source", ["synthetic", "local", "physionet"])
def test_the_source_is_named(quality, source):
    config = copy.deepcopy(resolved())
    config["dataset"] |= {"source": source, "local": {"path": "my_/recordings"}}
    html = as_html(overview(config, DEFAULTS, quality, {"main": metrics()}))
    assert ("not a scientific result" in html) == (source == "synthetic")
    assert ("my_/recordings" in html) == (source == "local")
    assert ("calcium-imaging-sleep-state" in html) == (source == "physionet")


def test_settings_become_sentences():
    words = " ".join(settings_in_words(DEFAULTS))
    assert "10 s (168 frames) of both hemispheres inside the recording's mask; each pixel z-scored" in words
    assert "5 blocks of two 3 x 3 convolutions (64 filters each)" in words
    assert "64 units a side" in words
    assert "focal loss (gamma 2), Adam with a learning rate of 0.0001, 4 windows a step, up to 200 passes" in words


@pytest.mark.parametrize("protocol", ["leave-one-mouse-out", "held-out-mouse", "k-fold", "fixed", "pooled"])
@pytest.mark.parametrize("spatial", ["none", "simam", "cbam"])
def test_every_kind_of_settings_has_words(protocol, spatial):
    changes = {
        "folds": {"protocol": protocol},
        "model": {"spatial_attention": spatial, "temporal_attention": "mean", "filters": [8, 16]},
        "windows": {"normalisation": "min-max", "hemisphere": "right", "mask": "both", "spatial_binning": 4},
        "training": {"loss": "cross-entropy"},
        "labels": {"classes": ["wake", "sleep"]},
    }
    words = " ".join(settings_in_words(resolved(**changes)["experiments"]["main"]))
    assert ("SimAM" in words) == (spatial == "simam")
    assert "8, 16 filters" in words
    assert "Wake / Sleep" in words
    as_html("\n\n".join(settings_in_words(resolved(**changes)["experiments"]["main"])))
