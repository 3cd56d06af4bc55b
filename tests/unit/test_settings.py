"""The configuration: defaults are the paper's, experiments are laid over them, mistakes are one line."""

import datetime
from pathlib import Path

import pytest
import yaml

from wfci_sleep.analysis.published import PUBLISHED
from wfci_sleep.data.addresses import configured_login
from wfci_sleep.errors import InputError
from wfci_sleep.preprocessing.windowings import length_sweep
from wfci_sleep.run.settings import SECTIONS, defaults, refuse_double_keys, resolve

ROOT = Path(__file__).parents[2]
MINIMAL = {"run": {"name": "test"}, "dataset": {"source": "synthetic"}}


def resolved(**changes):
    return resolve({**MINIMAL, **changes}, "config.yaml")


def written(name):
    return yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())


def test_defaults_are_what_the_papers_configuration_spells_out():
    paper = resolve(written("config"), "config.yaml")
    bare = resolve({"run": {"name": "paper"}, "dataset": {"source": "physionet"}}, "config.yaml")
    assert paper["experiments"]["main"] == bare["experiments"]["main"]
    assert (paper["run"], paper["dataset"]) == (bare["run"], bare["dataset"])


LENGTHS = [*range(1, 11), 15, 20]


def test_the_paper_has_every_experiment_that_a_published_number_asks_for():
    experiments = resolve(written("config"), "config.yaml")["experiments"]
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
    assert all(list(sweep.values()) == LENGTHS for sweep in length_sweep(experiments).values())


def test_the_small_paper_has_the_papers_experiments():
    paper, small = written("config"), written("demo-paper")
    shared = {name: changes for name, changes in paper["experiments"].items() if name in small["experiments"]}
    for changes in shared.values():
        if "passes" in changes.get("training", {}):
            changes["training"] = {**changes["training"], "passes": small["training"]["passes"]}
    # Each of the 36 networks of one parcel has the shortest windows and a single fold, to be done in minutes.
    shared["mvg-cnn-parcels"] |= {"windows": {"seconds": 1}, "folds": {"protocol": "pooled"}}
    assert small["experiments"] == shared
    left_out = sorted(set(paper["experiments"]) - set(shared))
    assert len(left_out) == 2 * 8
    assert all("window-" in name for name in left_out)


def test_experiments_are_laid_over_the_defaults():
    experiments = {"main": {}, "binary": {"labels": {"classes": ["wake", "sleep"]}, "training": {"passes": 3}}}
    found = resolved(windows={"seconds": 5}, experiments=experiments)["experiments"]
    assert list(found) == ["main", "binary"]
    assert set(found["main"]) == set(SECTIONS)
    assert found["binary"]["labels"]["classes"] == ["wake", "sleep"]
    assert found["binary"]["training"] == {**found["main"]["training"], "passes": 3}
    assert found["binary"]["windows"] == found["main"]["windows"]
    assert found["main"]["windows"]["seconds"] == 5


def test_numbers_and_truth_may_be_text():
    """YAML 1.1 reads 1e-4 as text, and Snakemake everything in --config key={...}."""
    written = "{passes: 3, learning_rate: 1e-4, gamma: 2, xla: true, deterministic: False, early_stopping: null}"
    training = yaml.load(written, Loader=yaml.BaseLoader)
    assert set(map(type, training.values())) == {str}
    found = resolved(
        training=training,
        windows={"spatial_binning": "8"},
        model={"filters": ["4", "8"], "spatial_attention_blocks": ["1"]},
        experiments={"main": {}, "fast": {"training": {"learning_rate": "1E-2"}}},
        dataset={"source": "physionet", "physionet": {"runs_per_mouse": "2", "version": "2"}},
    )
    main = found["experiments"]["main"]
    assert {key: main["training"][key] for key in training} == {
        "passes": 3,
        "learning_rate": 1e-4,
        "gamma": 2,
        "xla": True,
        "deterministic": False,
        "early_stopping": None,
    }
    assert main["windows"]["spatial_binning"] == 8
    assert (main["model"]["filters"], main["model"]["spatial_attention_blocks"]) == ([4, 8], [1])
    assert found["experiments"]["fast"]["training"]["learning_rate"] == 0.01
    # What is text stays text.
    assert found["dataset"]["physionet"]["version"] == "2"
    assert found["dataset"]["physionet"]["runs_per_mouse"] == 2


@pytest.mark.parametrize("text", ["nan", "1_000", "0x10", "3 passes", "1e", "yes"])
def test_what_is_no_number_is_not_read_as_one(text):
    with pytest.raises(InputError, match="training.passes is .*, expected a whole number"):
        resolved(training={"passes": text})
    with pytest.raises(InputError, match="training.learning_rate is .*, expected a number"):
        resolved(training={"learning_rate": text})


def test_paths_are_expanded_as_in_a_shell(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("LAB", "/lab")
    found = resolved(
        dataset={
            "source": "local",
            "local": {"path": "~/mice"},
            "atlas": "$LAB/atlas.mat",
            "physionet": {"mirror": "${LAB}/physionet"},
        },
        analysis={"scorers": {"second": "~/second.tsv"}},
    )
    dataset = found["dataset"]
    assert dataset["local"]["path"] == "/home/ada/mice"
    assert (dataset["atlas"], dataset["physionet"]["mirror"]) == ("/lab/atlas.mat", "/lab/physionet")
    assert found["experiments"]["main"]["analysis"]["scorers"] == {"second": "/home/ada/second.tsv"}
    assert resolved()["dataset"]["physionet"]["mirror"] == "https://physionet.org/files"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "key a stands in line 1 and in line 3"),
        ("training:\n  passes: 3\n  gamma: 1\n  passes: 3\n", "key passes stands in line 2 and in line 4"),
        ("list:\n- {x: 1,\n   x: 2}\n", "key x stands in line 2 and in line 3"),
        ('"a\\nb": 1\n"a\\nb": 2\n', 'key "a\\\\nb" stands in line 1 and in line 2'),
        ('{"run": {"name": "a"},\n "run": {"name": "b"}}', "key run stands in line 1 and in line 2"),
    ],
)
def test_a_key_that_stands_twice_is_refused(text, message):
    with pytest.raises(InputError, match=f"^mine.yaml: {message}, expected once; keep one$"):
        refuse_double_keys(text, "mine.yaml")


def test_the_same_key_in_two_places_is_no_double_key():
    refuse_double_keys("a: {x: 1}\nb: {x: 1}\nc: [{x: 1}, {x: 1}]\n", "mine.yaml")
    refuse_double_keys("", "mine.yaml")
    refuse_double_keys("a: b: c", "mine.yaml")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("training: &a {passes: [*a]}\n", 1),
        ("x: 1\ntraining: &a\n  passes: *a\n", 2),
        ("x: &a\n- &b [*b]\n- *a\n", 2),
        ("x: &a [1, &b {y: [*a, *b]}]\n", 1),
    ],
)
def test_what_contains_itself_is_refused(text, line):
    with pytest.raises(InputError) as caught:
        refuse_double_keys(text, "mine.yaml")
    assert str(caught.value).startswith(f"mine.yaml: the entry that begins in line {line} contains itself, expected ")
    assert len(str(caught.value).splitlines()) == 1


def test_what_several_aliases_name_is_read_once():
    """Each list names the one before nine times: read at every alias, these would be 9 ** 60 entries."""
    lists = [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 61)]
    refuse_double_keys("x0: &x0 {a: 1}\n" + "".join(lists), "mine.yaml")
    with pytest.raises(InputError, match="key a stands in line 1 and in line 1"):
        refuse_double_keys("x0: &x0 {a: 1, a: 2}\n" + "".join(lists), "mine.yaml")
    refuse_double_keys("? [a, b]\n: 1\n? [a, b]\n: 2\n", "mine.yaml")


def test_values_without_an_end_are_one_short_line():
    section: dict = {}
    section["passes"] = [section]
    bomb: list = ["x"]
    for _ in range(60):
        bomb = [bomb] * 9
    for config in ({"training": section}, {"training": {"passes": bomb}}, section, {"experiments": section}):
        with pytest.raises(InputError) as caught:
            resolved(**config)
        assert len(str(caught.value).splitlines()) == 1
        assert len(str(caught.value)) < 400
    with pytest.raises(
        InputError, match=r'^config.yaml: training.passes is \[\{"passes": .*\.\.\., expected a whole nu'
    ):
        resolved(training=section)


@pytest.mark.parametrize("mirror", ["http://example.org", "HTTPS://example.org/files", "a/folder", "/a:/folder"])
def test_a_mirror_is_an_address_or_a_folder(mirror):
    found = resolved(dataset={"source": "physionet", "physionet": {"mirror": mirror}})
    assert found["dataset"]["physionet"]["mirror"] == mirror


def test_a_password_is_in_no_setting():
    database = {"mirror": "https://anna:s3cret@example.org/files"}
    config = {"run": {"name": "a"}, "dataset": {"source": "physionet", "physionet": database}}
    resolved = resolve(config, "config.yaml")
    assert resolved["dataset"]["physionet"]["mirror"] == "https://***@example.org/files"
    assert "s3cret" not in str(resolved)
    assert configured_login(config) == (b"anna", b"s3cret")
    assert configured_login({"dataset": {"source": "synthetic"}}) is None


def test_resolving_leaves_the_users_configuration_alone():
    config = {**MINIMAL, "windows": {"seconds": 5}}
    before = yaml.safe_dump(config)
    resolve(config, "config.yaml")
    assert yaml.safe_dump(config) == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": {}}, "unknown key window (did you mean windows?), expected one of"),
        ({"windows": {"second": 5}}, "unknown key windows.second (did you mean seconds?), expected one of compression"),
        ({"sweep": {"seconds": [5, 5]}}, "sweep.seconds is [5, 5], expected no entry twice"),
        ({"windows": {"seconds": 21}}, "windows.seconds is 21, expected at most 20"),
        ({"windows": {"seconds": "ten"}}, 'windows.seconds is "ten", expected a whole number'),
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
        ({"model": {"spatial_attention_blocks": 3}}, "model.spatial_attention_blocks is 3, expected all or a list"),
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
        (
            {"run": {"name": "a b"}},
            "run.name is \"a b\", expected letters, digits, '.', '_' and '-', the first a letter",
        ),
        ({"run": {"name": "tables"}}, 'run.name is "tables", expected letters'),
        ({"experiments": {"..": {}}}, 'experiments has the name "..", expected letters'),
        ({"experiments": {"main\n": {}}}, 'experiments has the name "main\\n", expected letters'),
        ({"analysis": {"scorers": {"human": "a.tsv"}}}, 'analysis.scorers has the name "human", expected letters'),
        ({"analysis": {"scorers": {"two": "{a}.tsv"}}}, 'analysis.scorers.two is "{a}.tsv", expected a path of text'),
        (
            {"dataset": {"source": "local", "local": {"path": "rec{1}"}}},
            'dataset.local.path is "rec{1}", expected a path of text without braces',
        ),
        (
            {"dataset": {"source": "physionet", "physionet": {"slug": "../other"}}},
            'dataset.physionet.slug is "../other", expected letters',
        ),
        ({"dataset": {"source": "local", "atlas": "=a.mat"}}, 'dataset.atlas is "=a.mat", expected a path of text'),
        ({"dataset": {"source": "ftp"}}, 'dataset.source is "ftp", expected one of "physionet", "local", "synthetic"'),
        ({"experiments": {}}, "experiments is {}, expected at least one entry"),
        ({"experiments": {"a": {"window": {}}}}, "unknown key experiments.a.window (did you mean windows?)"),
        (
            {"experiments": {"a": {"windows": {"seconds": 0}}}},
            "experiments.a.windows.seconds is 0, expected at least 1",
        ),
        ({"experiments": {"a": {"training": {"pass": 2}}}}, "unknown key experiments.a.training.pass"),
        ({"folds": {"seed": 2**32}}, "folds.seed is 4294967296, expected at most 2147483647"),
        ({"folds": {"fixed": [{"train": ["a"]}]}}, "key folds.fixed, entry 1.validation is missing"),
        (
            {"dataset": {"source": "physionet", "physionet": {"mice": 3}}},
            "dataset.physionet.mice is 3, expected all or a list",
        ),
        (
            {"dataset": {"source": "physionet", "physionet": {"mice": []}}},
            "dataset.physionet.mice is [], expected at least one entry",
        ),
        (
            {"dataset": {"source": "physionet", "physionet": {"mice": ["Ms1", 2]}}},
            "dataset.physionet.mice, entry 2 is 2, expected a text; put it in quotes",
        ),
        (
            {"dataset": {"source": "physionet", "physionet": {"mice": ["Ms1", "Ms1"]}}},
            'dataset.physionet.mice is ["Ms1", "Ms1"], expected no entry twice',
        ),
        (
            {"dataset": {"source": "physionet", "physionet": {"version": 1.0}}},
            "dataset.physionet.version is 1.0, expected a text; put it in quotes",
        ),
        (
            {"dataset": {"source": "physionet", "physionet": {"mirror": "ftp://anna:s3/cret@x"}}},
            'dataset.physionet.mirror is "ftp://***@x", expected an address that begins with http:// or https://, or a',
        ),
        (
            {"dataset": {"source": "synthetic", "synthetic": {"mice": 99999999999}}},
            "dataset.synthetic.mice is 99999999999, expected at most 1000",
        ),
        ({"model": {"lstm_units": 10**20}}, "model.lstm_units is 100000000000000000000, expected at most 65536"),
        ({"model": {"filters": [4, 65537]}}, "model.filters, entry 2 is 65537, expected at most 65536"),
        ({"model": {"kernel": 129}}, "model.kernel is 129, expected at most 128"),
        ({"training": {"passes": 1000001}}, "training.passes is 1000001, expected at most 1000000"),
        (
            {"analysis": {"bootstrap_resamples": "10000001"}},
            "analysis.bootstrap_resamples is 10000001, expected at most 10000000",
        ),
        (
            {"dataset": {"source": "physionet", "physionet": {"runs_per_mouse": "al"}}},
            'dataset.physionet.runs_per_mouse is "al", expected all or a whole number',
        ),
        (
            {"dataset": {"source": "physionet", "physionet": {"runs_per_mouse": 0}}},
            "dataset.physionet.runs_per_mouse is 0, expected at least 1",
        ),
        ({"dataset": {"source": "local", "local": {"path": 3}}}, "dataset.local.path is 3, expected a text or null"),
        ({"dataset": {"source": "synthetic", "keep_raw": 1}}, "dataset.keep_raw is 1, expected true or false"),
        ({"training": {"early_stopping": 2.5}}, "training.early_stopping is 2.5, expected a whole number or null"),
        ({"training": {"batch_size": True}}, "training.batch_size is true, expected a whole number"),
        ({"training": {"gamma": False}}, "training.gamma is false, expected a number"),
        ({"training": {"gamma": float("inf")}}, "training.gamma is Infinity, expected a number"),
        ({"training": None}, "training is null, expected a section, {key: value}"),
        ({"training": {7: 1}}, "unknown key training.7, expected one of augment_flip"),
        (
            {"labels": {"classes": ["wake", "rem"]}},
            'labels.classes is ["wake", "rem"], expected one of ["wake", "nrem"',
        ),
        ({"model": {"kind": "cnn-bilst"}}, 'model.kind is "cnn-bilst", expected one of "cnn-bilstm"'),
        ({"windows": {"spatial_binning": True}}, "windows.spatial_binning is true, expected one of 1, 2, 4, 8, 16"),
        ({"windows": {"spatial_binning": 3}}, "windows.spatial_binning is 3, expected one of 1, 2, 4, 8, 16"),
        ({"model": {"filters": [4, "x"]}}, 'model.filters, entry 2 is "x", expected a whole number'),
        ({"figures": {"palette": "grey"}}, 'figures.palette is "grey", expected one of "published", "colour-blind"'),
        ({"experiments": {"a": {"figures": {}}}}, "unknown key experiments.a.figures, expected one of analysis"),
        ({"experiments": {2024: {}}}, "experiments has the name 2024, expected a text; put it in quotes"),
        (
            {"experiments": {datetime.date(2026, 1, 1): {}}},
            "experiments has the name 2026-01-01, expected a text; put it in quotes",
        ),
        ({"training": {datetime.date(2026, 1, 1): 1}}, "unknown key training.2026-01-01, expected one of augment_flip"),
        ({"training": {None: 1}}, "unknown key training.null, expected one of augment_flip"),
        ({"training": {True: 1}}, "unknown key training.true, expected one of augment_flip"),
        ({"training": {"a\nb": 1}}, 'unknown key training."a\\nb", expected one of augment_flip'),
        ({"a\u2028b": 1}, 'unknown key "a\\u2028b", expected one of analysis'),
        ({"windows.seconds": 1}, 'unknown key "windows.seconds"'),
        ({"experiments": {"v1.0": {"windows": {"seconds": 0}}}}, 'experiments."v1.0".windows.seconds is 0, expected'),
        ({"training": {"loss": "x" * 1000}}, f'training.loss is "{"x" * 199}..., expected one of "focal"'),
        (
            {"dataset": {"source": "synthetic", "exclude": [{"recording": "Ms1-fc1", "reason": " "}]}},
            'dataset.exclude, entry 1.reason is " ", expected a text in one line',
        ),
        (
            {"dataset": {"source": "synthetic", "exclude": [{"recording": "Ms1-fc1", "reason": 3}]}},
            "dataset.exclude, entry 1.reason is 3, expected a text in one line; put it in quotes",
        ),
        (
            {"dataset": {"source": "synthetic", "exclude": [{"recording": "a", "epochs": [1.5], "reason": "b"}]}},
            "dataset.exclude, entry 1.epochs, entry 1 is 1.5, expected a whole number or a range as 17-20",
        ),
        (
            {"dataset": {"source": "synthetic", "exclude": [{"recording": "a", "epochs": [1, "1-"], "reason": "b"}]}},
            'dataset.exclude, entry 1.epochs, entry 2 is "1-", expected an epoch, or a range as 17-20',
        ),
        # Of several mistakes the one highest up is told.
        ({"training": {"gamma": "x"}, "windw": {}}, "unknown key windw (did you mean windows?)"),
    ],
)
def test_mistakes_are_one_line(changes, message):
    with pytest.raises(InputError) as caught:
        resolved(**changes)
    assert str(caught.value).startswith(f"config.yaml: {message}")
    assert len(str(caught.value).splitlines()) == 1


def test_the_order_of_the_keys_is_that_of_the_description():
    """Snakemake takes a setting of another order for another setting, and would train again."""
    one = resolved(training={"passes": 3, "gamma": 1}, folds={"seed": 1})
    other = resolved(folds={"seed": 1}, training={"gamma": 1, "passes": 3, "seed": 42})
    assert repr(one) == repr(other)
    assert repr(one["experiments"]["main"]["windows"]) == repr(defaults()["windows"])


def test_figures_belong_to_the_run():
    found = resolved(figures={"palette": "colour-blind"})
    assert list(found) == ["run", "dataset", "sweep", "figures", "experiments", "series"]
    assert (found["figures"], resolved()["figures"]) == ({"palette": "colour-blind"}, {"palette": "published"})


def test_what_is_resolved_is_plain():
    """Snakemake compares the text of what it tracks; tables and records show a whole number as one."""
    exclude = [{"recording": "Ms1-fc1", "epochs": [0, "3-4"], "reason": "light"}, {"mouse": "Ms2", "reason": "ill"}]
    found = resolved(
        dataset={"source": "synthetic", "exclude": exclude},
        training={"gamma": 2, "augment_gain": 0.5, "batch_size": 4.0},
        folds={"fixed": [{"train": ["a"], "validation": ["b"], "test": ["c"]}]},
    )
    assert found["dataset"]["exclude"] == exclude
    training = found["experiments"]["main"]["training"]
    assert repr([training[key] for key in ("gamma", "augment_gain", "batch_size")]) == "[2, 0.5, 4]"

    def kinds(value):
        below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
        return {type(value)}.union(*map(kinds, below))

    assert kinds(found) == {dict, list, str, int, float, bool, type(None)}


def test_the_defaults_are_what_a_bare_experiment_has():
    assert defaults() == resolved()["experiments"]["main"]


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


def test_entries_of_a_list_are_counted_from_one():
    with pytest.raises(InputError, match="dataset.exclude, entry 2"):
        resolved(dataset={"source": "synthetic", "exclude": [{"mouse": "Ms1", "reason": "ill"}, {"mouse": "Ms2"}]})
    with pytest.raises(InputError, match=r"training is 3, expected a section, \{key: value\}"):
        resolved(training=3)
    with pytest.raises(InputError, match="dataset.exclude is .*, expected a list"):
        resolved(dataset={"source": "synthetic", "exclude": "Ms7-fc1"})
