"""The rooms of the library: imports run downwards, Keras stays in its rooms, public names come from the package."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

import wfci_sleep
from wfci_sleep.data import names
from wfci_sleep.errors import InputError
from wfci_sleep.models.cards import network_card
from wfci_sleep.models.registry import KINDS
from wfci_sleep.models.saving import load_network

LIBRARY = Path(wfci_sleep.__file__).parent

BASE = {"errors", "layout", "states", "files", "tables"}
# Room -> those that it may import, besides errors and layout.
BELOW = {
    "errors": set(),
    "layout": set(),
    "catalogue": set(),
    "states": set(),
    "files": set(),
    "tables": {"states", "files"},
    "data": BASE,
    "preprocessing": {"data"} | BASE,
    "models": BASE,
    "training": {"models"} | BASE,
    "scoring": {"preprocessing", "data", "training", "models"} | BASE,
}
BELOW["analysis"] = BELOW["scoring"] | {"scoring"}
BELOW["figures"] = BELOW["analysis"] | {"analysis"}
BELOW["export"] = BELOW["figures"] | {"catalogue"}
BELOW["run"] = BELOW["analysis"] | {"analysis"}
BELOW["report"] = BELOW["run"] | {"run", "catalogue"}

HEAVY = {"tensorflow", "keras", "focal_loss"}
WITH_KERAS = {"models", "training", "scoring"}


def imported(tree: ast.AST) -> Iterator[str]:
    """Full names of all that a module imports, also within functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def upward(room: str, text: str) -> list[str]:
    """What a module of a room imports that it may not."""
    found = []
    for name in imported(ast.parse(text)):
        package, _, rest = name.partition(".")
        other = rest.partition(".")[0]
        if package == "wfci_sleep" and other not in BELOW[room] | {room, "errors", "layout"}:
            found.append(name)
        if package in HEAVY and room not in WITH_KERAS:
            found.append(name)
    return found


def test_every_room_has_its_place():
    rooms = {path.stem for path in LIBRARY.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert rooms - {"__init__"} == BELOW.keys()


@pytest.mark.parametrize("path", sorted(LIBRARY.rglob("*.py")), ids=lambda path: str(path.relative_to(LIBRARY)))
def test_imports_run_downwards(path):
    first, *rest = path.relative_to(LIBRARY).parts
    if rest or first != "__init__.py":
        assert upward(first.removesuffix(".py"), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("data", "from wfci_sleep.preprocessing.windows import ARTEFACT"),
        ("training", "from wfci_sleep.preprocessing import windows"),
        ("scoring", "def f():\n    from wfci_sleep.analysis.performance import measures"),
        ("analysis", "from wfci_sleep.run.settings import resolve"),
        ("figures", "import keras"),
        ("figures", "from tensorflow import data"),
    ],
)
def test_an_upward_import_is_found(room, line):
    assert len(upward(room, line)) == 1


def test_public_names_come_from_the_package():
    for name in wfci_sleep.__all__:
        assert getattr(wfci_sleep, name).__name__ == name
        assert name in dir(wfci_sleep)
    with pytest.raises(AttributeError, match="no attribute 'Recordings'"):
        wfci_sleep.Recordings  # noqa: B018


def test_the_package_is_light():
    code = "import sys, wfci_sleep; print(sorted({'numpy', 'pandas', 'keras', 'tensorflow'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=LIBRARY.parent, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"kind": "cnn-lstm"}, "model.kind is cnn-lstm, expected one of cnn-bilstm"),
        ({"spatial_attention": "se"}, "model.spatial_attention is se, expected one of none, simam, cbam"),
        ({"temporal_attention": "none"}, "model.temporal_attention is none, expected one of additive, mean"),
    ],
)
def test_unknown_kinds_are_refused(settings, found):
    published = {"filters": [4], "lstm_units": 4, "dropout": 0}
    with pytest.raises(InputError, match=found):
        wfci_sleep.build_network({**published, **settings}, (4, 8, 8), ["wake", "sleep"])


def test_the_registry_and_the_schema_know_the_same_kinds():
    schema = yaml.safe_load((LIBRARY.parents[1] / "schemas" / "config.schema.yaml").read_text())
    assert schema["$defs"]["model"]["properties"]["kind"]["enum"] == list(KINDS)
    assert not any(names.is_rater(name, KINDS) for name in (*KINDS, names.HUMAN))


# Networks saved while all modules lay in one folder, and what they gave for the frames below.
SAVED = {
    "cbam-additive": [[0.57811, 0.183592, 0.238298], [0.583717, 0.197753, 0.218531]],
    "simam-mean": [[0.711111], [0.751347]],
}


@pytest.mark.parametrize("name", SAVED)
def test_networks_saved_before_the_rooms_still_load(name):
    path = Path(__file__).parent / "networks" / f"{name}.keras"
    frames = np.random.default_rng(0).normal(size=(2, 8, 8, 8)).astype("float32")
    np.testing.assert_allclose(np.asarray(load_network(path)(frames)), SAVED[name], atol=2e-5)
    assert network_card(path)["temperature"] == 1.5


def new_kind(model_name="one_convolution", feature_map="heat"):
    """Ten lines that stand for the module of a new kind, and its row."""
    import keras

    from wfci_sleep.models.attention import TemporalMean
    from wfci_sleep.models.registry import Kind

    def build(settings, frames_shape, classes, precision="float32", frames_at_once=None):
        frames = keras.layers.Input(frames_shape)
        folded = keras.layers.Lambda(lambda x: keras.ops.reshape(x, (-1, *frames_shape[1:], 1)))(frames)
        heat = keras.layers.Conv2D(2, 3, padding="same", name=feature_map)(folded)
        means = keras.layers.GlobalAveragePooling2D()(heat)
        sequence = keras.layers.Lambda(lambda x: keras.ops.reshape(x, (-1, frames_shape[0], 2)))(means)
        context, _ = TemporalMean(name="weights")(sequence)
        output = keras.layers.Dense(len(classes), activation="softmax")(context)
        return keras.Model(frames, output, name=model_name)

    return Kind(
        "one convolution", lambda: build, lambda *_: None, lambda *_: {"all": 1}, lambda *_: 0.0, "heat", "weights"
    )


@pytest.mark.parametrize(
    ("slip", "lacking"),
    [
        ({"model_name": "other"}, "the name one_convolution of its keras.Model, found other"),
        ({"feature_map": "maps"}, r"a layer heat \(feature_map\)"),
        (
            {"model_name": "other", "feature_map": "maps"},
            r"the name .* found other and a layer heat \(feature_map\)",
        ),
    ],
)
def test_a_new_kind_that_is_incomplete_is_found_when_it_is_built(monkeypatch, slip, lacking):
    monkeypatch.setitem(KINDS, "one-convolution", new_kind(**slip))
    with pytest.raises(ValueError, match=f"the network one-convolution lacks {lacking}; .*registry.Kind says"):
        wfci_sleep.build_network({"kind": "one-convolution"}, (4, 8, 8), ["wake", "nrem", "rem"])


def test_a_new_kind_of_network_is_a_module_and_a_row(monkeypatch):
    """Names and explanations take it without more, as texts do (test_methods.py)."""
    monkeypatch.setitem(KINDS, "one-convolution", new_kind())
    model = wfci_sleep.build_network({"kind": "one-convolution"}, (4, 8, 8), ["wake", "nrem", "rem"])
    frames = np.random.default_rng(0).normal(size=(2, 4, 8, 8)).astype("float32")
    assert wfci_sleep.grad_cam(model, frames, 1).shape == (2, 4, 8, 8)
    np.testing.assert_allclose(wfci_sleep.attention_weights(model, frames), 0.25)
    assert not names.is_rater("one-convolution", KINDS)
