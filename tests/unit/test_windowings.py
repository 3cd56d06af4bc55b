"""Names of windowings: made from every setting, so that two which differ share neither name nor shard."""

from itertools import product
from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st

from wfci_sleep.preprocessing.windowings import USUAL, family_name, windowing_name

SCHEMA = Path(__file__).resolve().parents[2] / "workflow" / "schemas" / "config.schema.yaml"
SETTINGS = yaml.safe_load(SCHEMA.read_text())["$defs"]["windows"]["properties"]
VALUES = {key: setting.get("enum", [1, 10, 20]) for key, setting in SETTINGS.items()}

# A setting of tomorrow, which nobody has told the names of.
UNKNOWN = st.one_of(st.none(), st.booleans(), st.integers(0, 99), st.sampled_from(["hann", "flat_top"]))


def test_what_is_usual_is_the_default():
    named_always = ("seconds", "normalisation", "hemisphere")
    assert {key: setting["default"] for key, setting in SETTINGS.items() if key not in named_always} == USUAL


def test_windowings_that_differ_have_names_that_differ():
    every = [dict(zip(VALUES, values, strict=True)) for values in product(*VALUES.values())]
    assert len({windowing_name(settings) for settings in every}) == len(every)


@given(UNKNOWN, UNKNOWN)
def test_a_setting_that_is_not_known_here_is_in_the_name(one, other):
    settings = {key: values[0] for key, values in VALUES.items()}
    names = [windowing_name({**settings, "taper": value}) for value in (one, other)]
    assert (names[0] == names[1]) == (one == other and type(one) is type(other))
    assert windowing_name(settings) not in names


def test_a_name_is_a_folders():
    settings = {key: values[0] for key, values in VALUES.items()}
    assert family_name({**settings, "taper": {"from/to": [0.1, ".."]}}).count("/") == 0
