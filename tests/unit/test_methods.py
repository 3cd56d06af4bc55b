"""The methods section: what it says is what the settings, the tables and the network say."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wfci_sleep.calibration import N_BINS, TEMPERATURES
from wfci_sleep.methods import CBAM_KERNEL, CBAM_REDUCTION, LEAKY_SLOPE, SETTINGS, SIMAM_REGULARISATION, parameters
from wfci_sleep.methods import methods as write_methods
from wfci_sleep.references import REFERENCES
from wfci_sleep.settings import SECTIONS, resolve

SCHEMA = Path(__file__).parents[2] / "workflow" / "schemas" / "config.schema.yaml"

# No two numbers alike, so that none can stand in for another.
UNUSUAL = {
    "dataset": {"source": "local"},
    "windows": {"seconds": 7},
    "folds": {"seed": 11},
    "model": {"filters": [6, 12], "lstm_units": 24, "dropout": 0.37},
    "training": {"gamma": 1.5, "learning_rate": 0.003, "batch_size": 9, "passes": 123, "seed": 13},
    "analysis": {"bootstrap_resamples": 777, "seed": 17},
}

PROVENANCE = {
    "software": {
        "python": "3.11.7",
        "snakemake": "9.1.2",
        "tensorflow": "2.21.0",
        "keras": "3.15.1",
        "numpy": "2.4.6",
        "scikit-learn": "1.9.1",
        "focal-loss": None,
    },
    "code": {"commit": "c0ffee", "changes": ""},
}


def resolved(**sections) -> dict:
    merged = {section: {**UNUSUAL.get(section, {}), **values} for section, values in sections.items()}
    return resolve({"run": {"name": "mine"}, **UNUSUAL, **merged}, SCHEMA, "a test")


@pytest.fixture
def quality():
    return pd.DataFrame(
        {
            "mouse": ["Ms1", "Ms1", "Ms_2", "Ms3", "Ms4"],
            "epochs": [90, 90, 180, 100, 110],
            "rows": 128,
            "columns": 128,
            "wake": [40, 40, 100, 50, 61],
            "nrem": [30, 30, 50, 30, 27],
            "rem": [15, 15, 20, 10, 16],
            "artefact": [5, 5, 10, 10, 6],
            "warnings": [np.nan, "short", np.nan, np.nan, np.nan],
        }
    )


def methods(quality, provenance=PROVENANCE, **sections) -> str:
    return write_methods(resolved(**sections), quality, provenance)


CONFIGURATIONS = {
    "plain": {},
    "published": {
        "windows": {"seconds": 10},
        "model": {"filters": [64] * 5, "lstm_units": 64, "dropout": 0.2},
        "training": {"gamma": 2, "learning_rate": 1e-4, "batch_size": 4, "passes": 200},
    },
    "binary": {"labels": {"classes": ["wake", "sleep"]}},
    "left": {"windows": {"hemisphere": "left", "mask": "both", "spatial_binning": 4}},
    "long": {"windows": {"seconds": 15, "normalisation": "min-max", "storage": "float32"}},
    "pooled": {"folds": {"protocol": "pooled"}},
    "k-fold": {"folds": {"protocol": "k-fold", "k": 2, "validation_mice": 1}},
    "held out": {"folds": {"protocol": "held-out-mouse", "held_out": "Ms_2"}},
    "fixed": {
        "folds": {"protocol": "fixed", "fixed": [{"train": ["Ms1", "Ms3"], "validation": ["Ms_2"], "test": ["Ms4"]}]}
    },
    "simam": {"model": {"spatial_attention": "simam", "temporal_attention": "mean"}},
    "cbam": {"model": {"spatial_attention": "cbam", "spatial_attention_blocks": [2]}},
    "physionet": {"dataset": {"source": "physionet", "physionet": {"runs_per_mouse": 3}}},
    "synthetic": {"dataset": {"source": "synthetic", "synthetic": {"seed": 19}}},
    "everything": {
        "training": {
            "loss": "cross-entropy",
            "schedule": "plateau",
            "early_stopping": 29,
            "class_weights": "balanced",
            "augment_flip": True,
            "augment_gain": 0.31,
            "augment_noise": 0.43,
            "precision": "mixed_bfloat16",
            "gradient_accumulation": 5,
            "deterministic": False,
            "shuffle_labels": True,
        },
        "analysis": {"scorers": {"second rater": "second.tsv"}},
    },
    "several": {
        "experiments": {
            "main": {},
            "other_one": {
                "labels": {"classes": ["wake", "sleep"]},
                "training": {"early_stopping": 37, "augment_flip": True},
            },
            "same": {},
        }
    },
}


@pytest.fixture(params=CONFIGURATIONS)
def changes(request):
    return CONFIGURATIONS[request.param]


def numbers_in(value) -> set[float]:
    """Every number of a configuration, names of mice and lists included."""
    if isinstance(value, dict):
        return set().union(*map(numbers_in, value.values()))
    if isinstance(value, list):
        return set().union(*map(numbers_in, value))
    return set() if isinstance(value, bool | str | None) else {float(value)}


def test_every_number_comes_from_the_settings_or_the_tables(quality, changes):
    config = resolved(**changes)
    settings = config["experiments"]["main"]
    seconds, units = settings["windows"]["seconds"], settings["model"]["lstm_units"]
    frames = int(16.8 * seconds)
    rows = 128 // settings["windows"]["spatial_binning"]
    counted = parameters(settings["model"], len(settings["labels"]["classes"]))
    states = quality[["wake", "nrem", "rem"]].sum()
    n_folds = {"pooled": 1, "held-out-mouse": 1, "fixed": 1, "k-fold": 2}.get(settings["folds"]["protocol"], 4)
    known = {
        *numbers_in(config["experiments"]),
        *numbers_in({"synthetic": config["dataset"].get("synthetic"), "database": config["dataset"]["physionet"]}),
        *(5, 4, 1, 2, 570, 36, 1.6),  # recordings, mice, runs of a mouse; epochs, artefacts, hours
        *states,
        *(round(100 * share, 1) for share in states / states.sum()),
        *(16.8, 10, 128, frames, frames - 168, 168, rows, rows // 2, n_folds),
        *(sum(counted.values()), *counted.values(), 2 * units, len(settings["model"]["filters"])),
        *(len(settings["labels"]["classes"]), 100 * settings["training"]["augment_gain"]),
        *(LEAKY_SLOPE, SIMAM_REGULARISATION, CBAM_REDUCTION, CBAM_KERNEL, *TEMPERATURES, N_BINS),
        *(0, 95, 80),  # ends of a scale, confidence, the published split
    }
    text, _ = write_methods(config, quality, PROVENANCE).split("## Software")
    text = re.sub(r"\[\d+(, \d+)*\]|1\.0\.1", "", text)  # citations, the database's version
    found = re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:e-\d+)?(?!\w)", text)
    assert len(found) > 40
    assert {number for number in found if float(number.replace(",", "")) not in known} == set()


def test_nothing_is_left_open(quality, changes):
    text = methods(quality, **changes)
    assert re.findall(r"\bNone\b|\bnan\b|[{}@]|  | \.|\.\.[^1]|\( |_[a-z]+_", text) == []
    assert "\n\n\n" not in text
    assert text.endswith(".\n")


def test_references_are_numbered_in_the_order_of_their_mention(quality, changes):
    text, listed = methods(quality, **changes).split("\n## References\n\n")
    cited = [int(number) for group in re.findall(r"\[([\d, ]+)\]", text) for number in group.split(", ")]
    works = [line.split(". ", 1) for line in listed.splitlines()]
    assert list(dict.fromkeys(cited)) == [int(number) for number, _ in works] == list(range(1, len(works) + 1))
    assert {work for _, work in works} <= set(REFERENCES.values())


@pytest.mark.parametrize(
    ("work", "configurations"),
    [
        ("SimAM", {"simam"}),
        ("CBAM", {"cbam"}),
        ("Focal loss", set(CONFIGURATIONS) - {"everything"}),
        ("Neural machine translation", set(CONFIGURATIONS) - {"simam"}),
        ("PhysioBank", {"physionet"}),
        ("ranking methods", {"several"}),
        ("visibility graphs", set(CONFIGURATIONS)),
        ("SciPy 1.0", set()),  # not among the versions
    ],
)
def test_only_works_that_the_run_used_are_listed(quality, work, configurations):
    listed = {name: methods(quality, **changes).split("## References")[1] for name, changes in CONFIGURATIONS.items()}
    assert {name for name, works in listed.items() if work in works} == configurations


def test_synthetic_data_are_said_to_be_synthetic_at_once(quality, changes):
    text = methods(quality, **changes)
    first_sentence = text.split("\n\n")[2].split(". ")[0]
    synthetic = changes.get("dataset", {}).get("source") == "synthetic"
    assert ("synthetic" in first_sentence) == ("nothing measured" in text) == synthetic


def test_recordings_are_counted(quality):
    text = methods(quality)
    assert "5 recordings of 4 mice (Ms1, Ms\\_2, Ms3 and Ms4; 1 to 2 a mouse), 570 epochs of 10 s or 1.6 h" in text
    assert (
        "291 Wake (54.5%), 167 NREM (31.3%) and 76 REM (14.2%) epochs were used; 36 epochs scored as artefact" in text
    )
    assert "A warning (quality.tsv) came with 1 recording, which was kept." in text
    assert "warning" not in methods(quality.assign(warnings=np.nan))


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ("plain", "window of 7 s, 117 frames: the first of the epoch."),
        ("plain", "in each of 4 folds another mouse was the test mouse"),
        ("plain", "1 mouse of each fold, drawn at random (seed 11), was kept for validation"),
        ("plain", "focal loss (gamma 1.5)"),
        ("plain", "learning rate 0.003), in batches of 9 windows, for up to 123 passes through the training"),
        ("plain", "of 777 resamples (seed 17)"),
        ("plain", "commit c0ffee."),
        ("published", "432,323 trainable parameters"),
        ("binary", "one sigmoid output to the probabilities of Wake and Sleep"),
        ("binary", "NREM and REM taken together as Sleep"),
        ("left", "pixels of the left hemisphere inside the recording's mask and the atlas's brain"),
        ("left", "Squares of 4 x 4 pixels were averaged. The network's frames are thus 32 x 16 pixels."),
        ("long", "168 frames of the epoch and 84 of its neighbours in the same recording"),
        ("pooled", "(80 / 10 / 10 %, seed 11)"),
        ("pooled", "are higher than those to be expected of a new mouse"),
        ("pooled", "most bouts are cut short"),
        ("k-fold", "split at random into 2 groups"),
        ("held out", "The mouse Ms\\_2 was held out"),
        ("fixed", "fold 1: training Ms1 and Ms3, validation Ms\\_2, test Ms4"),
        ("simam", "every block are followed by the attention module SimAM"),
        ("simam", "every frame of a window has the same weight"),
        ("cbam", "block 2 are followed by the attention module CBAM"),
        ("physionet", "version 1.0.1, of PhysioNet"),
        ("physionet", "no more than the first 3 runs"),
        ("everything", "halved after ten passes without a lower validation loss"),
        ("everything", "the gradients of 5 batches averaged for a step"),
        ("everything", "after 29 passes in a row without a lower"),
        ("everything", "of up to 31% more or less and given noise of standard deviation 0.43."),
        ("everything", "convolutions were computed in bfloat16"),
        ("everything", "labels of training and validation were dealt out at random"),
        ("everything", "Further scorers were set beside these: second rater."),
        (
            "several",
            "The experiment other\\_one differs from it in the states (Wake and Sleep instead of Wake, NREM and REM), "
            "the passes without a lower validation loss that end the training (37 instead of none) and mirrored "
            "windows (yes instead of no).",
        ),
        ("several", "The experiment same has the same settings."),
        ("several", "Wilcoxon signed-rank test"),
    ],
)
def test_settings_are_told(quality, configuration, words):
    assert words in methods(quality, **CONFIGURATIONS[configuration])


def test_what_is_switched_off_is_not_told(quality):
    plain, everything = (methods(quality, **CONFIGURATIONS[name]) for name in ("plain", "everything"))
    for words in ("Deterministic operations", "in single precision.", "half precision"):
        assert words in plain
    assert "Deterministic operations" not in everything
    for words in (
        "Training windows were",
        "averaged for a step",
        "was stopped after",
        "As a control",
        "Further scorers",
    ):
        assert words in everything
        assert words not in plain


def test_a_single_experiment_is_compared_with_none(quality):
    text = methods(quality)
    assert "## Experiments" not in text
    assert "Wilcoxon" not in text


def test_the_first_experiment_stands_in_for_main(quality):
    text = methods(quality, experiments={"first": {}, "second": {"windows": {"seconds": 3}}})
    assert "describe the experiment first." in text
    assert "second differs from it in the length of the windows (3 s instead of 7 s)." in text


def test_what_is_not_known_of_the_software_is_left_out(quality):
    text = methods(quality)
    assert "Snakemake 9.1.2" in text
    assert "focal-loss" not in text
    unknown = {**PROVENANCE, "code": {"commit": None, "changes": None}}
    assert "commit" not in methods(quality, unknown)
    changed = {**PROVENANCE, "code": {"commit": "c0ffee", "changes": " M Snakefile"}}
    assert "c0ffee, with changes that were not committed." in methods(quality, changed)


def test_every_setting_has_a_name():
    settings = resolved()["experiments"]["main"]
    assert set(SETTINGS) == {f"{section}.{key}" for section in SECTIONS for key in settings[section]}


@pytest.mark.parametrize("configuration", ["plain", "published", "binary", "simam", "cbam"])
def test_parameters_are_the_networks(configuration):
    from wfci_sleep.model import build_network

    settings = resolved(**CONFIGURATIONS[configuration])["experiments"]["main"]
    classes = settings["labels"]["classes"]
    network = build_network(settings["model"], (5, 32, 32), classes)
    assert sum(parameters(settings["model"], len(classes)).values()) == network.count_params()


def test_constants_are_the_layers():
    from wfci_sleep import attention, encoder

    assert encoder.LEAKY_SLOPE == LEAKY_SLOPE
    assert attention.SimAM().regularisation == SIMAM_REGULARISATION
    assert (attention.CBAM().reduction, attention.CBAM().kernel) == (CBAM_REDUCTION, CBAM_KERNEL)
