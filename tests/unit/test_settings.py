"""The configuration: defaults are the paper's, experiments are laid over them, mistakes are one line."""

from pathlib import Path

import pytest
import yaml

from wfci_sleep.errors import InputError
from wfci_sleep.published import PUBLISHED
from wfci_sleep.settings import SECTIONS, length_sweep, resolve

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"
MINIMAL = {"run": {"name": "test"}, "dataset": {"source": "synthetic"}}


def resolved(**changes):
    return resolve({**MINIMAL, **changes}, SCHEMA, "config.yaml")


def written(name):
    return yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())


def test_defaults_are_what_the_papers_configuration_spells_out():
    paper = resolve(written("config"), SCHEMA, "config.yaml")
    bare = resolve({"run": {"name": "paper"}, "dataset": {"source": "physionet"}}, SCHEMA, "config.yaml")
    assert paper["experiments"]["main"] == bare["experiments"]["main"]
    assert (paper["run"], paper["dataset"]) == (bare["run"], bare["dataset"])


LENGTHS = [*range(1, 11), 15, 20]


def test_the_paper_has_every_experiment_that_a_published_number_asks_for():
    experiments = resolve(written("config"), SCHEMA, "config.yaml")["experiments"]
    assert {number.experiment for number in PUBLISHED} - {None} <= set(experiments)
    assert [name for name in experiments if name.startswith("window-")] == [f"window-{n:02d}s" for n in LENGTHS]
    for name in ("binary", "left-hemisphere", "right-hemisphere", "cross-entropy", "simam", "cbam", "no-attention"):
        # Compared with main mouse by mouse: one thing at a time differs.
        changed = [section for section in SECTIONS if experiments[name][section] != experiments["main"][section]]
        assert len(changed) == 1, name
        assert experiments[name]["folds"]["protocol"] == "leave-one-mouse-out"
    assert experiments["pooled"]["folds"] == {**experiments["main"]["folds"], "protocol": "pooled", "seed": 42}
    assert experiments["held-out-recording"]["folds"]["protocol"] == "held-out-mouse"
    # Lengths of the pooled split, as published, and nothing else: they are one sweep.
    assert list(length_sweep(experiments).values()) == LENGTHS


def test_the_small_paper_has_the_papers_experiments():
    paper, small = written("config"), written("demo-paper")
    shared = {name: changes for name, changes in paper["experiments"].items() if name in small["experiments"]}
    assert small["experiments"] == shared
    left_out = sorted(set(paper["experiments"]) - set(shared))
    assert len(left_out) == 8
    assert all(name.startswith("window-") for name in left_out)


def test_experiments_are_laid_over_the_defaults():
    experiments = {"main": {}, "binary": {"labels": {"classes": ["wake", "sleep"]}, "training": {"passes": 3}}}
    found = resolved(windows={"seconds": 5}, experiments=experiments)["experiments"]
    assert list(found) == ["main", "binary"]
    assert set(found["main"]) == set(SECTIONS)
    assert found["binary"]["labels"]["classes"] == ["wake", "sleep"]
    assert found["binary"]["training"] == {**found["main"]["training"], "passes": 3}
    assert found["binary"]["windows"] == found["main"]["windows"]
    assert found["main"]["windows"]["seconds"] == 5


def test_resolving_leaves_the_users_configuration_alone():
    config = {**MINIMAL, "windows": {"seconds": 5}}
    before = yaml.safe_dump(config)
    resolve(config, SCHEMA, "config.yaml")
    assert yaml.safe_dump(config) == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": {}}, "unknown key window (did you mean windows?), expected one of"),
        ({"windows": {"second": 5}}, "unknown key windows.second (did you mean seconds?), expected one of compression"),
        ({"sweep": {"seconds": [5, 5]}}, "sweep.seconds is [5, 5], expected no entry twice"),
        ({"windows": {"seconds": 21}}, "windows.seconds is 21, expected at most 20"),
        ({"windows": {"seconds": "ten"}}, 'windows.seconds is "ten", expected integer'),
        (
            {"windows": {"normalisation": "zscore"}},
            'windows.normalisation is "zscore", expected one of "temporal-zscore"',
        ),
        ({"training": {"learning_rate": 0}}, "training.learning_rate is 0, expected more than 0"),
        ({"training": {"loss": "hinge"}}, 'training.loss is "hinge", expected one of "focal", "cross-entropy"'),
        ({"training": {"precision": "half"}}, 'training.precision is "half", expected one of "float32", "mixed_bfl'),
        ({"training": {"frames_at_once": 0}}, "training.frames_at_once is 0, expected at least 1"),
        (
            {"training": {"augment_flip": True}, "windows": {"hemisphere": "left"}},
            "experiment main: training.augment_flip mirrors windows of both hemispheres, found windows.hemisphere left",
        ),
        (
            {"experiments": {"fast": {"training": {"xla": True}}}},
            "experiment fast: training.xla is true and so is training.deterministic, which XLA cannot promise; set one",
        ),
        ({"model": {"dropout": 1}}, "model.dropout is 1, expected less than 1"),
        ({"model": {"spatial_attention": "se"}}, 'model.spatial_attention is "se", expected one of "none", "simam"'),
        ({"model": {"spatial_attention_blocks": 3}}, "model.spatial_attention_blocks is 3, expected all or array"),
        (
            {"model": {"spatial_attention_blocks": [5, 6]}},
            "experiment main: model.spatial_attention_blocks is [5, 6], expected numbers of blocks from 1 to 5",
        ),
        (
            {"experiments": {"a": {}, "small": {"windows": {"spatial_binning": 16}}}},
            "experiment small: model.filters has 5 blocks, between which frames shrink 2-fold (model.pooling): "
            "expected frames of at least 16 x 16 pixels, found 8 x 8; use fewer blocks",
        ),
        ({"run": {}}, "key run.name is missing"),
        ({"run": {"name": "a b"}}, 'run.name is "a b", expected text that matches'),
        ({"dataset": {"source": "ftp"}}, 'dataset.source is "ftp", expected one of "physionet", "local", "synthetic"'),
        ({"experiments": {}}, "experiments is {}, expected a number of entries of at least 1"),
        ({"experiments": {"a": {"window": {}}}}, "unknown key experiments.a.window (did you mean windows?)"),
        (
            {"experiments": {"a": {"windows": {"seconds": 0}}}},
            "experiments.a.windows.seconds is 0, expected at least 1",
        ),
        ({"experiments": {"a": {"training": {"pass": 2}}}}, "unknown key experiments.a.training.pass"),
        ({"folds": {"fixed": [{"train": ["a"]}]}}, "key folds.fixed.0.validation is missing"),
        (
            {"dataset": {"source": "physionet", "physionet": {"mice": 3}}},
            "dataset.physionet.mice is 3, expected all or array",
        ),
    ],
)
def test_mistakes_are_one_line(changes, message):
    with pytest.raises(InputError) as caught:
        resolved(**changes)
    assert str(caught.value).startswith(f"config.yaml: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("windows", "filters", "pooling", "fits"),
    [
        ({"spatial_binning": 8}, 5, 2, True),
        ({"spatial_binning": 8, "hemisphere": "left"}, 5, 2, False),
        ({"spatial_binning": 4, "hemisphere": "right"}, 5, 2, True),
        ({}, 8, 2, True),
        ({}, 9, 2, False),
        ({}, 5, 3, True),
        ({"hemisphere": "left"}, 5, 3, False),
        ({"spatial_binning": 16}, 12, 1, True),
    ],
)
def test_frames_must_be_large_enough_for_the_poolings(windows, filters, pooling, fits):
    changes = {"windows": windows, "model": {"filters": [4] * filters, "pooling": pooling}}
    if fits:
        assert resolved(**changes)["experiments"]["main"]["model"]["pooling"] == pooling
    else:
        with pytest.raises(InputError, match="experiment main: model.filters has"):
            resolved(**changes)


def documented_keys(schema, root, prefix=""):
    for key, subschema in schema.get("properties", {}).items():
        if "$ref" in subschema:
            subschema = root["$defs"][subschema["$ref"].rsplit("/", 1)[-1]]
        yield prefix + key
        if prefix + key != "experiments":
            yield from documented_keys(subschema, root, f"{prefix}{key}.")


def test_every_key_is_documented():
    schema = yaml.safe_load(SCHEMA.read_text())
    text = (ROOT / "config" / "README.md").read_text()
    leaves = [key for key in documented_keys(schema, schema)]
    parents = {key.rpartition(".")[0] for key in leaves}
    missing = [key for key in leaves if key not in parents and f"`{key}`" not in text]
    assert not missing
