"""The settings' description: complete, and what is made from it is of today; any configuration that fits is taken."""

import subprocess
import sys

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from wfci_sleep.errors import InputError
from wfci_sleep.models.registry import KINDS
from wfci_sleep.preprocessing.inputs import INPUTS
from wfci_sleep.run.code import LIBRARY
from wfci_sleep.run.description import Configuration, Experiment, Section, nouns_and_units
from wfci_sleep.run.document_settings import README, SCHEMA, json_schema, schema_text, settings_table, with_table
from wfci_sleep.run.settings import SECTIONS, resolve

CONFIGURATIONS = sorted((LIBRARY.parents[2] / "config").glob("*.yaml"))


def keys(section: type[Section] = Configuration, above: str = ""):
    """Every key with its field, but for the sections of an experiment, which stand on their own."""
    for key, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from keys(field.annotation, f"{above}{key}.")
        else:
            yield above + key, field


KEYS = dict(keys())
FLAGS = {key for key, field in KEYS.items() if field.annotation is bool}


# --- the description ---


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_described(key):
    assert KEYS[key].description
    assert "|" not in KEYS[key].description
    assert f"\n| `{key}` | {KEYS[key].description} | " in settings_table()


def test_every_setting_of_an_experiment_has_a_noun():
    nouns = nouns_and_units()
    assert list(nouns) == [key for key in KEYS if key.partition(".")[0] in SECTIONS]
    assert all(noun for noun, _ in nouns.values())
    assert len({noun for noun, _ in nouns.values()}) == len(nouns)
    assert nouns["model.kernel"] == ("the side of the convolutions", "pixels")


def test_defaults_are_values_that_are_accepted():
    written = Experiment().model_dump()
    assert Experiment.model_validate(written).model_dump() == written
    whole = {"run": {"name": "a"}, "dataset": {"source": "local"}}
    filled = Configuration.model_validate(whole).model_dump()
    assert Configuration.model_validate(filled).model_dump() == filled


def test_the_settings_are_light():
    """Snakemake waits for them when it starts; pydantic it has imported itself."""
    heavy = "{'pandas', 'scipy', 'keras', 'tensorflow', 'jsonschema'}"
    code = f"import sys, wfci_sleep.run.settings; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=LIBRARY.parent, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("key", [key for key, field in KEYS.items() if key not in FLAGS])
def test_true_is_no_number_and_no_text(key):
    *above, last = key.split(".")
    changes = {last: True}
    for step in reversed(above):
        changes = {step: changes}
    config = {"run": {"name": "a"}, "dataset": {"source": "local"}}
    for section, change in changes.items():
        config[section] = {**config.get(section, {}), **change} if isinstance(change, dict) else change
    with pytest.raises(InputError, match=f"^a test: {key} is true, expected "):
        resolve(config, "a test")


# --- what is made from it ---


def test_the_schema_is_of_today():
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), "make docs"


def test_the_readmes_table_is_of_today():
    readme = README.read_text(encoding="utf-8")
    assert readme == with_table(readme), "make docs"


def test_a_table_of_yesterday_is_mended():
    readme = README.read_text(encoding="utf-8")
    yesterday = readme.replace("| 0 to 1000000 | 200 |", "| 0 to 1000000 | 100 |")
    assert yesterday != readme
    assert with_table(yesterday) == readme


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_the_schema_accepts_what_comes_with_the_workflow(path):
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "changes",
    [
        {"windws": {}},
        {"windows": {"seconds": 21}},
        {"windows": {"seconds": "ten"}},
        {"windows": {"spatial_binning": True}},
        {"model": {"filters": [65537]}},
        {"dataset": {"source": "physionet", "physionet": {"mice": ["a", "a"]}}},
        {"training": {"learning_rate": 0}},
        {"model": {"dropout": 1}},
        {"model": {"filters": []}},
        {"model": {"kind": "other"}},
        {"sweep": {"seconds": [5, 5]}},
        {"labels": {"classes": ["wake"]}},
        {"dataset": {}},
        {"dataset": {"source": "local", "exclude": [{"reason": ""}]}},
        {"dataset": {"source": "physionet", "physionet": {"mice": "some"}}},
        {"experiments": {}},
        {"experiments": {"a": {"training": {"seed": 2**31}}}},
        {"folds": {"fixed": [{"train": ["a"]}]}},
    ],
)
def test_the_schema_refuses_mistakes(changes):
    """What the types and limits of the description say has reached the schema."""
    config = {"run": {"name": "a"}, "dataset": {"source": "local"}}
    validator = Draft202012Validator(json_schema())
    assert validator.is_valid(config)
    assert not validator.is_valid({**config, **changes})


# --- any configuration that fits ---

# Settings that have to go together: left out, so that any of the others may be taken.
TOGETHER = {
    "windows.spatial_binning",
    "model.filters",
    "model.pooling",
    "model.spatial_attention_blocks",
    "training.augment_flip",
    "training.augment_gain",
    "training.augment_noise",
    "training.frames_at_once",
    "training.passes",
    "training.xla",
    "analysis.networks",
}
TEXTS = {
    "name": st.from_regex(r"n[A-Za-z0-9._-]{0,8}", fullmatch=True),
    "rater": st.from_regex(r"r[A-Za-z0-9 ._-]{0,8}", fullmatch=True),
    "path": st.from_regex(r"/p[a-z/. ]{0,8}", fullmatch=True),
    None: st.from_regex(r"t[a-z0-9]{0,8}", fullmatch=True),
}
SCHEMA_NOW = json_schema()


def values(described: dict, place: str = "") -> st.SearchStrategy:
    """Values that a part of the schema accepts."""
    if "$ref" in described:
        return values(SCHEMA_NOW["$defs"][described["$ref"].rpartition("/")[2]], place)
    if "enum" in described:
        return st.sampled_from(described["enum"])
    if "const" in described:
        return st.just(described["const"])
    if "anyOf" in described:
        return st.one_of([values(form) for form in described["anyOf"]])
    if "pattern" in described:
        return st.just("7-12")
    kind, least = described["type"], described.get("minimum", described.get("exclusiveMinimum", 0))
    if kind == "object" and "properties" in described:
        parts = {
            key: values(each, f"{place}.{key}".removeprefix("."))
            for key, each in described["properties"].items()
            if f"{place}.{key}" not in TOGETHER
        }
        required = {key: parts.pop(key) for key in described.get("required", [])}
        return st.fixed_dictionaries(required, optional=parts)
    if kind == "object":
        names = TEXTS[described["propertyNames"]["format"]]
        entries = values(described["additionalProperties"])
        return st.dictionaries(names, entries, min_size=described.get("minProperties", 0), max_size=2)
    if kind == "array":
        entries, unique = values(described["items"]), described.get("uniqueItems", False)
        return st.lists(entries, min_size=described.get("minItems", 0), max_size=3, unique=unique)
    if kind == "number":
        most = described.get("exclusiveMaximum", 1000)
        fractions = st.floats(least, most, exclude_min="exclusiveMinimum" in described, exclude_max=True)
        return fractions | st.sampled_from(
            [whole for whole in (0, 1, 2) if Draft202012Validator(described).is_valid(whole)]
        )
    return {
        "integer": st.integers(least, described.get("maximum", 10**6)),
        "string": TEXTS[described.get("format")],
        "boolean": st.booleans(),
        "null": st.none(),
    }[kind]


def as_text(value):
    """A value as Snakemake gives it on from `--config key={...}`: numbers, true, false and null are text."""
    if isinstance(value, dict):
        return {key: as_text(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_text(each) for each in value]
    return value if isinstance(value, str) else "null" if value is None else str(value)


def within(written, found) -> bool:
    """Whether all that is written is found."""
    if isinstance(written, dict):
        return all(key in found and within(each, found[key]) for key, each in written.items())
    return written == found and type(written) is type(found)


def known_keys(kind):
    """Keys of the sections of which a kind of network does not know all."""
    return {"model": {"kind", "weights", *KINDS[kind].settings}, "windows": {*INPUTS[KINDS[kind].input].settings}}


def with_known_keys(config):
    """The configuration, of whose experiments each changes what its kind of network knows; a series stays one."""
    at_top = config.get("model", {}).get("kind", next(iter(KINDS)))
    for changes in config.get("experiments", {}).values():
        for section, keys in known_keys(changes.get("model", {}).get("kind", at_top)).items():
            for key in changes.get(section, {}).keys() - keys:
                del changes[section][key]
    for section in (config, *config.get("experiments", {}).values()):
        if section.get("model", {}).get("regions") == "each":
            section["model"]["regions"] = "left"
    return config


FITTING = values(SCHEMA_NOW).map(with_known_keys)


@settings(max_examples=50, deadline=None)
@given(FITTING)
def test_any_configuration_that_fits_is_taken(config):
    assert Draft202012Validator(SCHEMA_NOW).is_valid(config)
    found = resolve(config, "a test")
    experiments = config.pop("experiments", {"main": {}})
    assert list(found["experiments"]) == list(experiments)
    common = {section: config.pop(section, {}) for section in SECTIONS}
    assert within(config, found)
    for name, changes in experiments.items():
        laid_over = {section: {**common[section], **changes.get(section, {})} for section in SECTIONS}
        kind = laid_over["model"].get("kind", next(iter(KINDS)))
        for section, keys in known_keys(kind).items():
            laid_over[section] = {key: value for key, value in laid_over[section].items() if key in keys}
        if kind != common["model"].get("kind", next(iter(KINDS))) and "weights" not in changes.get("model", {}):
            laid_over["model"]["weights"] = None
        assert within(laid_over, found["experiments"][name])
        assert found["experiments"][name]["windows"].pop("input") == KINDS[kind].input
    again = {**found, **Experiment().model_dump()}
    assert found.pop("series") == again.pop("series") == {}
    same = resolve(again, "a test")
    assert same.pop("series") == {}
    for experiment in same["experiments"].values():
        del experiment["windows"]["input"]
    assert same == found


@settings(max_examples=50, deadline=None)
@given(FITTING)
def test_text_is_read_as_what_it_means(config):
    assert repr(resolve(as_text(config), "a test")) == repr(resolve(config, "a test"))


# Anything under the keys that there are, and under one that there is not.
NAMES = sorted({step for key in KEYS for step in key.split(".")} | {"main", "unknown", "reason", "epochs"})
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.dates()
ANYTHING = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | SCALARS, below, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=3), st.data())
def test_whatever_is_written_ends_in_one_line(changes, data):
    """Wrong types at every level, names that are no text, numbers that are none."""
    key = data.draw(st.sampled_from(sorted(KEYS)))
    config = {"run": {"name": "a"}, "dataset": {"source": "local"}, **changes}
    *above, last = key.split(".")
    section = config
    for step in above:
        section = section.setdefault(step, {})
        if not isinstance(section, dict):
            break
    else:
        section[last] = data.draw(ANYTHING)
    try:
        resolve(config, "mine.yaml")
    except InputError as error:
        assert str(error).startswith(("mine.yaml: ", "dataset.physionet.mirror "))
        assert len(str(error).splitlines()) == 1
