"""The opening page's facts: counted from the tables, in words that docutils can read."""

import copy
import html
import re

import numpy as np
import pandas as pd
import pytest
from docutils.core import publish_parts

from wfci_sleep.analysis.performance import COLUMNS
from wfci_sleep.preprocessing.quality import with_notes
from wfci_sleep.report.overview import overview
from wfci_sleep.run.settings import resolve


def resolved(**sections) -> dict:
    return resolve({"run": {"name": "mine"}, "dataset": {"source": "local"}, **sections}, "a test")


DEFAULTS = resolved()["experiments"]["main"]


@pytest.fixture
def quality():
    return pd.DataFrame(
        {
            "mouse": ["Ms1", "Ms1", "Ms_2"],
            "recording": ["Ms1-fc1", "Ms1-fc2", "night_1"],
            "epochs": [90, 90, 180],
            "wake": [40, 40, 100],
            "nrem": [30, 30, 50],
            "rem": [15, 15, 20],
            "artefact": [5, 5, 10],
            "no_signal": 0,
            "excluded": 0,
            "left_out": np.nan,
            "warnings": [np.nan, "short", np.nan],
        }
    )


def metrics(kappa=0.5, low=0.4, high=0.6, of_mouse=(0.05, 0.2)):
    over = "none: 2 mice" if np.isnan(low) else "9 mice"
    rows = [("pooled", "all", name, "", value, low, high, 340, over) for name, value in
            (("accuracy", 0.75), ("kappa", kappa), ("f1_weighted", 0.75))]  # fmt: skip
    return pd.DataFrame([*rows, ("mouse", "Ms_1", "kappa", "", 0.1, *of_mouse, 170, "9 bouts")], columns=COLUMNS)


def in_lines(text: str) -> str:
    """Paragraphs on one line each, as readers see them."""
    return re.sub(r"(?<=\S)\n(?=\S)", " ", text)


def as_html(text: str) -> str:
    """What docutils makes of it; it stops at anything that it would complain about."""
    return publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["html_body"]


def test_recordings_are_counted(quality):
    text = in_lines(overview(resolved(), DEFAULTS, quality, {"main": metrics()}))
    assert "3 recordings of 2 mice (Ms1 and Ms\\_2), 360 scoring epochs of 10 s, 1.0 h altogether" in text
    assert "The rater scored 180 Wake, 110 NREM and 50 REM; left out are 20 scored as artefacts." in text
    assert "A warning came with 1 recording." in text
    assert "Ms_2" in as_html(text)
    without = in_lines(overview(resolved(), DEFAULTS, quality.assign(warnings=np.nan), {"main": metrics()}))
    assert "No recording came with a warning." in without
    assert "Recordings with warnings" not in without


def test_warnings_and_what_is_left_out_are_listed_with_their_reason(quality):
    page = as_html(overview(resolved(), DEFAULTS, quality, {"main": metrics()}))
    assert '<p>Recordings with warnings:</p>\n<ul class="simple">\n<li>Ms1, Ms1-fc2: short</li>\n</ul>' in page
    assert "whole or in part" not in page

    quality["excluded"], quality["no_signal"] = [0, 2, 0], [0, 0, 3]
    quality["left_out"] = [np.nan, "epochs 1-2 excluded: a light_ was on", "epochs 0-2 never written"]
    gone = {"mouse": "Ms3", "recording": "Ms3-fc1", "epochs": 0, "excluded": 0, "left_out": "excluded: ill"}
    quality = pd.concat([quality, pd.DataFrame([gone])], ignore_index=True)
    page = as_html(overview(resolved(), DEFAULTS, quality, {"main": metrics()}))
    assert "3 recordings of 2 mice" in page
    left_out = "left out are 20 scored as artefacts, 3 without a signal and 2 excluded by the configuration."
    assert left_out in in_lines(page)
    listed = page[page.index("left out, whole or in part") :]
    assert "<li>Ms1, Ms1-fc2: epochs 1-2 excluded: a light_ was on</li>\n<li>Ms3, Ms3-fc1: excluded: ill</li>" in listed

    many = pd.concat([quality] * 30, ignore_index=True).assign(warnings="odd")
    page = as_html(overview(resolved(), DEFAULTS, many, {"main": metrics()}))
    assert "<li>and 40 more, in quality.tsv</li>" in page


def test_notes_on_the_recordings_together_are_told(quality):
    notes = ["rec_: 2 .mat files are left aside", "mice Ms1, Ms01 may be one"]
    page = as_html(overview(resolved(), DEFAULTS, with_notes(quality, notes), {"main": metrics()}))
    assert "3 recordings of 2 mice" in page
    assert "A warning came with 1 recording." in page
    for note in notes:
        assert f"<p><strong>Note</strong>: {note}.</p>" in page


def test_the_headline_is_all_test_epochs_beside_the_published_numbers(quality):
    page = as_html(overview(resolved(), DEFAULTS, quality, {"main": metrics()}))
    assert "<td>0.50 (0.40 to 0.60)</td>" in page
    assert "0.10" not in page  # a single mouse is no headline
    assert "<td>0.64</td>" in page


def test_a_measure_without_a_value_or_an_interval_is_told(quality):
    page = as_html(overview(resolved(), DEFAULTS, quality, {"main": metrics(np.nan, np.nan, np.nan)}))
    assert "<td>not defined</td>" in page
    assert "<li>main, all test epochs: kappa not defined</li>" in page
    page = as_html(overview(resolved(), DEFAULTS, quality, {"main": metrics(0.5, np.nan, np.nan)}))
    assert "<td>0.50 (no interval: 2 mice)</td>" in page
    assert "<li>main, all test epochs: kappa 0.50 (no interval: 2 mice)</li>" in page


def test_a_kappa_whose_interval_includes_zero_is_no_better_than_chance(quality):
    page = as_html(overview(resolved(), DEFAULTS, quality, {"main": metrics(0.03, -0.02, 0.08, of_mouse=(0.0, 0.2))}))
    assert "<td>0.03 (-0.02 to 0.08), no better than chance</td>" in page
    assert "<li>main, all test epochs: kappa 0.03 (-0.02 to 0.08), no better than chance</li>" in page
    assert "<li>main, mouse Ms_1: kappa 0.10 (0.00 to 0.20), no better than chance</li>" in page
    assert "chance" not in as_html(overview(resolved(), DEFAULTS, quality, {"main": metrics()}))


def test_folds_that_lack_a_state_are_told(quality):
    tables = {"main": metrics()}
    page = as_html(overview(resolved(), DEFAULTS, quality, tables, ["fold 2: training has no REM"]))
    assert "<li>fold 2: training has no REM</li>" in page
    assert "lack" not in as_html(overview(resolved(), DEFAULTS, quality, tables))


def test_experiments_name_what_sets_them_apart(quality):
    experiments = {
        "main": {},
        "left_": {"windows": {"hemisphere": "left"}, "training": {"early_stopping": 5, "augment_gain": 0.1}},
    }
    config = resolved(experiments=experiments)
    text = overview(config, DEFAULTS, quality, dict.fromkeys(experiments, metrics()))
    assert "- **main**: none\n" in text
    assert (
        "- **left\\_**: ``windows.hemisphere`` left (both), ``training.early_stopping`` 5 (none), "
        "``training.augment_gain`` 0.1 (0)\n"
    ) in text
    assert "<strong>left_</strong>" in as_html(text)


@pytest.mark.parametrize("source", ["synthetic", "local", "physionet"])
def test_the_source_is_named(quality, source):
    config = copy.deepcopy(resolved())
    config["dataset"] |= {"source": source, "local": {"path": "my_/recordings"}}
    page = as_html(overview(config, DEFAULTS, quality, {"main": metrics()}))
    assert ("not a scientific result" in page) == (source == "synthetic")
    assert ("my_/recordings" in page) == (source == "local")
    assert ("calcium-imaging-sleep-state" in page) == (source == "physionet")


def described(quality, **sections) -> str:
    """What the page says of an experiment's settings."""
    text = overview(resolved(**sections), DEFAULTS, quality, {"main": metrics()})
    as_html(text)
    return in_lines(text).split("Network and training of main")[1].split("Where the files are")[0]


def test_settings_become_sentences(quality):
    words = described(quality)
    assert "10 s (168 frames) of both hemispheres inside the recording's mask, with each pixel z-scored" in words
    assert "5 blocks of two 3 x 3 convolutions (64 filters each);" in words
    assert "64 units per direction" in words
    assert "focal loss (gamma 2), Adam with a learning rate of 0.0001, 4 windows per step, up to 200 training" in words
    assert "one fold per mouse" in words
    assert "1 block of two" in described(quality, model={"filters": [8]})


@pytest.mark.parametrize(
    ("protocol", "told"),
    [
        ("leave-one-mouse-out", "leave-one-subject-out"),
        ("held-out-mouse", "One mouse is held out"),
        ("k-fold", "split into 5 folds"),
        ("fixed", "The configuration fixes the mice"),
        ("pooled", "split at random (80% / 10% / 10%), as in the paper"),
    ],
)
@pytest.mark.parametrize("spatial", ["none", "simam", "cbam"])
def test_every_kind_of_settings_has_words(quality, protocol, told, spatial):
    words = described(
        quality,
        folds={"protocol": protocol},
        model={"spatial_attention": spatial, "temporal_attention": "mean", "filters": [8, 16]},
        windows={"normalisation": "min-max", "hemisphere": "right", "mask": "both", "spatial_binning": 4},
        training={"loss": "cross-entropy"},
        labels={"classes": ["wake", "sleep"]},
    )
    assert ("SimAM" in words) == (spatial == "simam")
    assert ("CBAM" in words) == (spatial == "cbam")
    assert "(8 and 16 filters)" in words
    assert "averaged over squares of 4 x 4 pixels" in words
    assert "Wake / Sleep" in words
    assert told in words


@pytest.mark.parametrize("name", ["<b>`*", "a|b", "_x_", "main", "long-name-" * 9])
def test_names_are_no_markup(quality, name):
    config = resolved(experiments={"main": {}})
    config["experiments"] = {name: config["experiments"]["main"]}
    quality["mouse"] = name
    shown = html.unescape(re.sub(r"<[^>]+>", "", as_html(overview(config, DEFAULTS, quality, {name: metrics()}))))
    assert f"of 1 mouse ({name})" in in_lines(shown)
    assert f"Network and training of {name}" in shown
    assert f"{name}: none" in shown


@pytest.mark.parametrize("protocol", ["leave-one-mouse-out", "held-out-mouse", "k-fold"])
def test_given_weights_are_told_and_no_mouse_is_called_unseen(quality, protocol):
    folds = {"protocol": protocol}
    assert "which the network has never seen" in described(quality, folds=folds)
    started = described(quality, folds=folds, model={"weights": "given/ckpt"})
    assert "The training of each fold starts from the given weights given/ckpt; it is not known here" in started
    assert "never seen" not in started and "Adam" in started
    untrained = described(quality, folds=folds, model={"weights": "given/ckpt"}, training={"passes": 0})
    assert "Training*: nothing is trained. The networks of all folds have the given weights given/ckpt;" in untrained
    assert "never seen" not in untrained and "Adam" not in untrained and "training epoch" not in untrained


def test_networks_over_graphs_and_series_are_told(quality):
    graphs = {"kind": "mvg-cnn"}
    experiments = {
        "main": {},
        "graphs": {"model": {**graphs, "graph_filters": [8]}},
        "parcels": {"model": {**graphs, "regions": "each"}},
    }
    config = resolved(experiments=experiments)
    text = overview(config, DEFAULTS, quality, {"main": metrics()})
    assert "- **graphs**: ``model.kind`` mvg-cnn (cnn-bilstm), ``model.graph_filters`` 8 (32, 64, 128)\n" in text
    assert (
        "- **parcels** (36 networks of one parcel each): ``model.kind`` mvg-cnn (cnn-bilstm), ``model.regions`` each"
        in text
    )
    assert r"- parcels: `parcel\_scores.tsv <parcels/parcel\_scores.tsv>`__" in text
    assert "`parcels-02/ <parcels-02/>`__ ..." in text and "parcels-03" not in text
    as_html(text)


def test_the_network_over_graphs_is_described(quality):
    text = in_lines(
        described(quality, model={"kind": "mvg-cnn"}, windows={"seconds": 5}, training={"loss_weight": 0.25})
    )
    for words in (
        "5 s (84 frames) of the traces of 36 parcels of both hemispheres, each as its natural visibility graph.",
        "the graphs go through 3 convolutions of 3 x 3 (32, 64 and 128 filters) with max pooling between them, and",
        "Training*: focal loss (gamma 2), times 0.25 for every class, Adam with",
    ):
        assert words in text
