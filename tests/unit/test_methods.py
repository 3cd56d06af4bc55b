"""The methods section: what it says is what the settings, the tables and the network say."""

import re

import numpy as np
import pandas as pd
import pytest

from wfci_sleep.analysis.confidence_intervals import LEAST_CLUSTERS, WIDEST
from wfci_sleep.models import registry
from wfci_sleep.models.size import CBAM_KERNEL, CBAM_REDUCTION, LEAKY_SLOPE, SIMAM_REGULARISATION, parameters
from wfci_sleep.preprocessing.inputs import INPUTS
from wfci_sleep.report.methods import SETTINGS
from wfci_sleep.report.methods import methods as write_methods
from wfci_sleep.report.rendering import description
from wfci_sleep.run.description import Experiment
from wfci_sleep.run.settings import SECTIONS, resolve
from wfci_sleep.scoring.calibration import N_BINS
from wfci_sleep.training.temperature import TEMPERATURES

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
    "code": {"predictions": [{"commit": "c0ffee", "changes": False}], "others": []},
}


def resolved(**sections) -> dict:
    merged = {section: {**UNUSUAL.get(section, {}), **values} for section, values in sections.items()}
    return resolve({"run": {"name": "mine"}, **UNUSUAL, **merged}, "a test")


@pytest.fixture
def quality():
    return pd.DataFrame(
        {
            "mouse": ["Ms1", "Ms1", "Ms_2", "Ms3", "Ms4"],
            "recording": ["Ms1-fc1", "Ms1-fc2", "night", "Ms3-fc1", "Ms4-fc1"],
            "epochs": [90, 90, 180, 100, 110],
            "rows": 128,
            "columns": 128,
            "wake": [40, 40, 100, 50, 61],
            "nrem": [30, 30, 50, 30, 27],
            "rem": [15, 15, 20, 10, 16],
            "artefact": [5, 5, 10, 10, 6],
            "left_out": pd.Series(np.nan, range(5), dtype=object),
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


@pytest.mark.parametrize("attention", ["temporal_attention", None])
def test_a_kind_of_network_without_words_is_named(quality, monkeypatch, attention):
    kind = registry.Kind(
        *("graph net", lambda: None, lambda *_: None, lambda *_: {"all of it": 7}, lambda *_: 0.0, "frame_encoder"),
        attention=attention,
    )
    monkeypatch.setitem(registry.KINDS, "graph-network", kind)
    config = resolved()
    config["experiments"]["main"]["model"]["kind"] = "graph-network"
    text = write_methods(config, quality, PROVENANCE)
    assert "## Network\n\nStates were scored by the network graph net. The network has 7 trainable parameters" in text
    assert "on the output of the network's layer frame\\_encoder, for the correctly scored test epochs" in text
    told = "The weights over time of its layer temporal\\_attention are given for every test epoch." in text
    assert told == (attention is not None) and "layer None" not in text
    assert "The published numbers of the CNN-BiLSTM [" in text
    for words in ("bidirectional", "last convolution", "attention over time", "this network"):
        assert words not in text


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
        *(0, 95, 80),  # ends of a scale, confidence, the pooled split
        *(LEAST_CLUSTERS, 100 * WIDEST),
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
    assert all(work.endswith(".") and re.search(r"\b(19|20)\d\d\b", work) for _, work in works)


def test_only_works_that_the_run_used_are_listed(quality):
    listed = {name: methods(quality, **changes).split("## References")[1] for name, changes in CONFIGURATIONS.items()}
    citing = {
        "SimAM": {"simam"},
        "CBAM": {"cbam"},
        "Focal loss": set(CONFIGURATIONS) - {"everything"},
        "Neural machine translation": set(CONFIGURATIONS) - {"simam"},
        "PhysioBank": {"physionet"},
        "fiducial limits": set(CONFIGURATIONS),
        "ranking methods": {"several"},
        "visibility graphs": set(CONFIGURATIONS),
        "SciPy 1.0": set(),  # not among the versions
    }
    for work, configurations in citing.items():
        assert {name for name, works in listed.items() if work in works} == configurations, work


def test_synthetic_data_are_said_to_be_synthetic_at_once(quality, changes):
    text = methods(quality, **changes)
    first_sentence = text.split("\n\n")[2].split(". ")[0]
    synthetic = changes.get("dataset", {}).get("source") == "synthetic"
    assert ("synthetic" in first_sentence) == ("nothing measured" in text) == synthetic


def test_recordings_are_counted(quality):
    text = methods(quality)
    assert "There were 5 recordings of 4 mice (Ms1, Ms\\_2, Ms3 and Ms4; 1 to 2 a mouse), 570 epochs of 10 s" in text
    assert "10 s (1.6 h altogether), with frames" in text
    assert "291 Wake (54.5%), 167 NREM (31.3%) and 76 REM (14.2%) epochs; 36 epochs scored as artefact were" in text
    assert "A warning (quality.tsv) came with 1 recording, which was kept." in text
    assert "warning" not in methods(quality.assign(warnings=np.nan))
    assert "Also left out" not in text


def test_what_is_left_out_is_told_with_its_reason(quality):
    quality.loc[2, "left_out"] = "epochs 3-5 never written, epoch 7 excluded: a light_ was on"
    gone = {"mouse": "Ms5", "recording": "Ms5-fc1", "epochs": 0, "left_out": "excluded: ill"}
    text = methods(pd.concat([quality, pd.DataFrame([gone])], ignore_index=True))
    night = "part of night of Ms\\_2 (epochs 3-5 never written, epoch 7 excluded: a light\\_ was on)"
    assert f"Also left out: {night}; all of Ms5-fc1 of Ms5 (excluded: ill)." in text
    assert "5 recordings of 4 mice" in text
    assert "in each of 4 folds" in methods(quality, folds={"protocol": "leave-one-mouse-out"})


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ("plain", "given a window of 7 s: the first 117 frames of the epoch."),
        (
            "plain",
            "leave-one-mouse-out (leave-one-subject-out) cross-validation: in each of 4 folds another mouse was the",
        ),
        ("plain", "Of the other mice of each fold, 1 mouse drawn at random (seed 11) was kept for validation"),
        ("plain", "focal loss (gamma 1.5)"),
        ("plain", "learning rate 0.003), in batches of 9 windows, for up to 123 training epochs (passes over"),
        ("plain", "seed 13). The weights of the training epoch with the lowest validation loss were kept."),
        ("plain", "of 777 resamples (seed 17)"),
        ("plain", "exact one of a binomial proportion [1"),
        ("plain", "No interval is given for fewer than 3 mice or bouts, or where it would span more than 90% of"),
        ("plain", "includes 0 is called no better than chance"),
        ("plain", "commit c0ffee."),
        ("published", "432,323 trainable parameters"),
        ("binary", "one sigmoid output to the probabilities of Wake and Sleep"),
        ("binary", "NREM and REM taken together as Sleep"),
        ("left", "pixels of the left hemisphere inside the recording's mask and the atlas's brain"),
        ("left", "Squares of 4 x 4 pixels were averaged. The network's frames are thus 32 x 16 pixels."),
        ("long", "168 frames of the epoch and 84 of its neighbours in the same recording"),
        ("pooled", "(80% / 10% / 10%, seed 11)"),
        ("pooled", "are higher than those to be expected of a new mouse"),
        ("pooled", "most bouts are cut short"),
        ("k-fold", "split at random into 2 groups"),
        ("held out", "The mouse Ms\\_2 was held out"),
        ("fixed", "into 1 fold: fold 1 (training Ms1 and Ms3, validation Ms\\_2, test Ms4)."),
        ("simam", "every block are followed by the attention module SimAM"),
        ("simam", "every frame of a window has the same weight"),
        ("cbam", "block 2 are followed by the attention module CBAM"),
        ("physionet", "version 1.0.1, of PhysioNet"),
        ("physionet", "No more than the first 3 runs of each mouse"),
        ("everything", "halved after ten training epochs without a lower validation loss"),
        ("everything", "the gradients of 5 batches averaged for a step"),
        ("everything", "after 29 training epochs in a row without a lower"),
        ("everything", "by a random factor of up to 31% more or less. Noise of standard deviation 0.43 was added"),
        ("everything", "convolutions were computed in bfloat16"),
        ("everything", "labels of training and validation were dealt out at random"),
        ("everything", "Further raters were compared with these: second rater."),
        (
            "several",
            "The experiment other\\_one differs from it in the states (Wake and Sleep instead of Wake, NREM and REM), "
            "the training epochs without a lower validation loss that end the training (37 instead of none) and "
            "mirrored windows (yes instead of no).",
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
        "Further raters",
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
    assert "commit" not in methods(quality, by_code([None]))


def by_code(predictions: list[str | None], others: list[str] = (), changes: bool = False) -> dict:
    """Provenance of predictions, and of nothing but others, by their commits."""
    code = {"predictions": predictions, "others": others}
    told = {kind: [{"commit": commit, "changes": changes} for commit in commits] for kind, commits in code.items()}
    return {**PROVENANCE, "code": told}


def test_the_commits_are_those_that_made_the_files(quality):
    text = methods(quality)
    assert "The predictions were made by the code of commit c0ffee." in text
    assert "Other files" not in text
    assert "c0ffee with changes that were not committed." in methods(quality, by_code(["c0ffee"], changes=True))
    text = methods(quality, by_code(["c0ffee", "beef"], ["cafe"]))
    assert "The predictions were made by the code of commit c0ffee and commit beef." in text
    assert "Other files, tables or figures among them, were made by the code of commit cafe." in text
    text = methods(quality, by_code([], ["cafe"]))
    assert "Which code made the predictions is not recorded." in text


def test_every_setting_has_a_name():
    settings = Experiment().model_dump()
    assert set(SETTINGS) == {f"{section}.{key}" for section in SECTIONS for key in settings[section]}


@pytest.mark.parametrize("configuration", ["plain", "published", "binary", "simam", "cbam"])
def test_parameters_are_the_networks(configuration):
    from wfci_sleep.models.cnn_bilstm import build_network

    settings = resolved(**CONFIGURATIONS[configuration])["experiments"]["main"]
    classes = settings["labels"]["classes"]
    network = build_network(settings["model"], (5, 32, 32), classes)
    assert sum(parameters(settings["model"], len(classes)).values()) == network.count_params()


def test_constants_are_the_layers():
    from wfci_sleep.models import attention, encoder

    assert encoder.LEAKY_SLOPE == LEAKY_SLOPE
    assert attention.SimAM().regularisation == SIMAM_REGULARISATION
    assert (attention.CBAM().reduction, attention.CBAM().kernel) == (CBAM_REDUCTION, CBAM_KERNEL)


PROTOCOLS = ["leave-one-mouse-out", "held-out-mouse", "k-fold", "pooled"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_given_weights_are_told_and_no_mouse_is_called_unseen(quality, protocol):
    folds = {"protocol": protocol, "k": 2}
    plain = methods(quality, folds=folds)
    assert "given weights" not in plain
    assert ("the network had never seen" in plain) == (protocol != "pooled")
    started = methods(quality, folds=folds, model={"weights": "given/ckpt"})
    assert "The training of every fold started from the given weights given/ckpt," in started
    assert "It is not known here on which mice they were trained" in started
    assert "The network was trained with focal loss" in started and "never seen" not in started
    untrained = methods(quality, folds=folds, model={"weights": "given/ckpt"}, training={"passes": 0})
    assert "Nothing was trained: every fold has the given weights given/ckpt," in untrained
    for words in ("was trained with", "training epoch", "never seen", "that it was trained on"):
        assert words not in untrained, words


GRAPHS = {"kind": "mvg-cnn"}


def test_the_network_over_graphs_is_described_as_it_is(quality):
    text = methods(quality, windows={"seconds": 5}, model=GRAPHS, training={"loss_weight": 0.25})
    for words in (
        "the first 84 frames of the epoch. A window was not given as images: the trace of each parcel",
        "The network saw the adjacency matrices (84 x 84, 0 or 1) of 36 parcels of both hemispheres.",
        "3 convolutions of 3 x 3 (32, 64 and 128 filters), with stride 1, same padding and LeakyReLU of slope 0.3, and "
        "2 x 2 max pooling after each but the last.",
        "103,139 trainable parameters (102,752 convolutions and 387 output)",
        ", times 0.25 for every class, and Adam",
        "resized to the 84 x 84 pairs of frames, and averaged over epochs for each mouse and state",
        "The network has no attention over time.",
        "Lacasa",
    ):
        assert words in text
    for words in (
        "pixels of both hemispheres",
        "normalised:",
        "half precision",
        "bidirectional",
        "parcels of the atlas are given",
    ):
        assert words not in text


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"regions": "left"}, "of 18 parcels of the left hemisphere."),
        ({"regions": [7]}, "of parcel 7."),
        ({"regions": [3, 7, 21]}, "of the parcels 3, 7 and 21."),
        ({"graph_filters": [5]}, "1 convolution of 3 x 3 (5 filters), with stride 1, same padding and LeakyReLU of "),
    ],
)
def test_parcels_and_convolutions_are_those_of_the_settings(quality, model, words):
    text = methods(quality, model={**GRAPHS, **model})
    assert words in text
    assert ("max pooling" in text) == ("graph_filters" not in model)


def test_frames_beyond_a_recording_are_told_as_the_input_has_them(quality):
    long = {"seconds": 15}
    assert "beyond the ends of a recording are zeros, left out" in methods(quality, windows=long)
    assert "beyond the ends of a recording are no points of the graphs." in methods(quality, windows=long, model=GRAPHS)


def test_experiments_of_another_kind_are_told_by_what_both_know(quality):
    others = {
        "graphs": {"model": {**GRAPHS, "graph_filters": [8, 9]}, "training": {"passes": 50}},
        "second": {"model": GRAPHS},
        "parcels": {"model": {**GRAPHS, "regions": "each"}, "windows": {"seconds": 3}},
    }
    text = write_methods(resolved(experiments={"main": {}, **others}), quality, PROVENANCE)
    for words in (
        "Another network was used in the experiment graphs, as it is described here, and in 2 further ones.",
        "2 convolutions of 3 x 3 (8 and 9 filters)",
        "The experiment graphs differs from it in the network (MVG-CNN instead of CNN-BiLSTM), the filters of the "
        "convolutions over the graphs (8 and 9) and the number of training epochs (50 instead of 123).",
        "The experiment second differs from it in the network (MVG-CNN instead of CNN-BiLSTM).",
        "The 36 experiments of parcels, whose networks see one parcel each, differ from it in the length of the "
        "windows (3 s instead of 7 s) and the network (MVG-CNN instead of CNN-BiLSTM).",
    ):
        assert words in " ".join(text.split())
    assert "parcels-02" not in text


def test_experiments_of_one_kind_need_no_other_description(quality):
    text = write_methods(
        resolved(model=GRAPHS, experiments={"main": {}, "b": {"model": {"regions": "left"}}}), quality, PROVENANCE
    )
    assert "Other networks" not in text
    assert "The experiment b differs from it in the parcels (left instead of whole)." in text


def test_every_network_and_every_input_is_described():
    assert [name for name in (*registry.KINDS, *INPUTS) if description(name) is None] == []
