"""The configuration: checked against its description, defaults filled in, experiments laid over them."""

import datetime
import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml
from pydantic import ValidationError

from wfci_sleep.data.addresses import masked
from wfci_sleep.errors import InputError
from wfci_sleep.layout import FRAMES
from wfci_sleep.models.registry import kind_of
from wfci_sleep.preprocessing.inputs import INPUTS, window_shape
from wfci_sleep.run.description import Configuration, Experiment, Shared, Training

SECTIONS = tuple(Experiment.model_fields)
"""The parts of the configuration that an experiment may change."""

_TYPES = {
    "object": "a section, {key: value}",
    "array": "a list, [one, another]",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
"""What JSON's types are called here."""

_LIMITS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}
"""Type of pydantic's error -> what is expected, and where the error keeps the limit."""

_PLAIN = re.compile(r"[\w-]{1,100}")
"""Keys that messages show without quotes."""

_LONGEST = 200
"""Most characters that a message shows of a value."""

EACH_PARCEL = "model.regions each"
"""The setting that makes a series of experiments."""

_NAME = ("[key]",)
"""Last step to an error of pydantic's that is about the name of an entry and not about the entry."""


def refuse_double_keys(text: str, source: str) -> None:
    r"""Stop if a key stands twice in one place, as YAML's readers keep the last one and say nothing.

    Also stops if an alias makes an entry part of itself.

    Parameters
    ----------
    text : str
        YAML or JSON.
    source : str
        Where the text came from, for the error message.

    Raises
    ------
    InputError
        Naming the key and both lines, or the line in which an entry that contains itself begins.

    Examples
    --------
    >>> refuse_double_keys("training:\n  passes: 3\n  passes: 4\n", "mine.yaml")
    Traceback (most recent call last):
    wfci_sleep.errors.InputError: mine.yaml: key passes stands in line 2 and in line 3, expected once; keep one
    """
    try:
        root = yaml.compose(text)
    except yaml.YAMLError:
        return  # what cannot be read at all is told by those who read it
    if root is not None:
        _refuse_double_keys_below(root, source, (), set())


def _refuse_double_keys_below(node: yaml.Node, source: str, above: tuple[yaml.Node, ...], done: set[yaml.Node]) -> None:
    """Check a node of YAML's and those below it that are not done; aliases lead to one node from several places."""
    if node in above:
        raise InputError(
            f"{source}: the entry that begins in line {node.start_mark.line + 1} contains itself, "
            "expected values that end; remove the alias (*) that leads back to it"
        )
    if node in done:
        return
    done.add(node)
    below = []
    if isinstance(node, yaml.SequenceNode):
        below = node.value
    elif isinstance(node, yaml.MappingNode):
        _refuse_double_keys_in(node, source)
        below = [value for _, value in node.value]
    for each in below:
        _refuse_double_keys_below(each, source, (*above, node), done)


def _refuse_double_keys_in(section: yaml.MappingNode, source: str) -> None:
    """Stop if a key stands twice in a section; keys that are lists or sections are told by those who read them."""
    lines: dict[str, int] = {}
    for key in (key for key, _ in section.value if isinstance(key, yaml.ScalarNode)):
        line = key.start_mark.line + 1
        if key.value in lines:
            raise InputError(
                f"{source}: key {_key(key.value)} stands in line {lines[key.value]} and in line {line}, "
                "expected once; keep one"
            )
        lines[key.value] = line


def resolve(config: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Check a configuration and work out what each experiment runs with.

    Parameters
    ----------
    config : mapping
        The configuration as the user wrote it. Numbers, true, false and null may be text, as YAML reads `1e-4` and
        Snakemake everything in `--config key={...}`; `~` and `$NAME` in paths stand for what they do in a shell.
    source : str
        Where the configuration came from, for error messages.

    Returns
    -------
    dict
        `run`, `dataset`, `sweep` and `figures` with defaults filled in; `experiments`: name -> settings of every
        section, as far as its kind of network knows them; `series`: name -> parcel -> name of its experiment, for each
        entry with `regions: each`. All values are plain: dict, list, str, int, float, bool, None. A login in the
        mirror's address is masked, as what is resolved is written down in many places.

    Raises
    ------
    InputError
        One line that names the key, what was found and what was expected.
    """
    try:
        checked = Configuration.model_validate(config)
    except ValidationError as error:
        raise InputError(f"{source}: {_in_one_line(error)}") from None
    base = checked.model_dump()
    database = base["dataset"]["physionet"]
    database["mirror"] = masked(database["mirror"])
    experiments: dict[str, Any] = {}
    series: dict[str, dict[int, str]] = {}
    for name, experiment in checked.experiments.items():
        try:
            settings = _laid_over(base, experiment.model_dump(exclude_unset=True))
            members = _one_parcel_each(name, settings) or {name: settings}
            if taken := next((member for member in members if member in experiments), None):
                raise InputError(f"there are two experiments {taken}, one of them by {EACH_PARCEL}; rename one")
            check_experiment(next(iter(members.values())))
        except InputError as error:
            raise InputError(f"{source}: experiment {name}: {error}") from None
        experiments |= members
        if list(members) != [name]:
            series[name] = {one["model"]["regions"][0]: member for member, one in members.items()}
    for name in experiments:
        try:
            check_networks(name, experiments)
        except InputError as error:
            raise InputError(f"{source}: experiment {name}: {error}") from None
    shared = {section: base[section] for section in Shared.model_fields}
    return {**shared, "experiments": experiments, "series": series}


def _laid_over(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """What an experiment runs with: the sections at the top with its changes, and what its kind of network knows."""
    settings = {section: {**base[section], **changes.get(section, {})} for section in SECTIONS}
    kind = kind_of(settings["model"])
    known = {"model": ("kind", *kind.settings, "weights"), "windows": INPUTS[kind.input].settings}
    for section, keys in known.items():
        if unknown := next((key for key in changes.get(section, {}) if key not in keys), None):
            raise InputError(
                f"{section}.{unknown} is no setting of the network {kind.title}, expected one of {', '.join(keys)}"
            )
        settings[section] = {key: settings[section][key] for key in keys}
    if kind is not kind_of(base["model"]) and "weights" not in changes.get("model", {}):
        settings["model"]["weights"] = None  # those at the top are another network's
    settings["windows"] = {"input": kind.input, **settings["windows"]}
    return settings


def _one_parcel_each(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The experiments of a series, each of one parcel; none if the experiment is no series."""
    model = settings["model"]
    if model.get("regions") != "each":
        return {}
    parcels = [channel + 1 for channel in kind_of(model).channels({**model, "regions": "whole"}) or []]
    return {f"{name}-{parcel:02d}": {**settings, "model": {**model, "regions": [parcel]}} for parcel in parcels}


def defaults(kind: str | None = None) -> dict[str, Any]:
    """Settings of an experiment where the configuration says nothing.

    Parameters
    ----------
    kind : str, optional
        Kind of the network; the default's unless given.

    Examples
    --------
    >>> defaults()["windows"]["seconds"]
    10
    >>> defaults("mvg-cnn")["model"]["regions"]
    'whole'
    """
    return _laid_over(Experiment().model_dump(), {} if kind is None else {"model": {"kind": kind}})


def check_experiment(settings: Mapping[str, Any]) -> None:
    """Check that an experiment's settings go together.

    Raises
    ------
    InputError
        If the network cannot be built for the windows; if windows are to be changed in a way that their input or their
        hemisphere does not allow; if nothing is to be trained and no weights are given; or if XLA is to be
        deterministic.
    """
    model, windows, training = settings["model"], settings["windows"], settings["training"]
    kind = kind_of(model)
    kind.check(model, window_shape(windows))
    if kind.input != FRAMES:
        for key in ("augment_flip", "augment_gain", "augment_noise", "frames_at_once"):
            if training[key]:
                raise InputError(
                    f"training.{key} is {json.dumps(training[key])} and is about frames, which {kind.title} does not "
                    f"see; set it to {json.dumps(Training.model_fields[key].default)} for this experiment"
                )
    elif training["augment_flip"] and windows["hemisphere"] != "both":
        raise InputError(
            f"training.augment_flip mirrors windows of both hemispheres, found windows.hemisphere "
            f"{windows['hemisphere']}; set augment_flip to false or hemisphere to both"
        )
    if training["passes"] == 0 and model["weights"] is None:
        raise InputError(
            "training.passes is 0, which scores with given weights, but model.weights is null; give weights or train"
        )
    if training["xla"] and training["deterministic"]:
        # Keras would go on without XLA and say so in a log.
        raise InputError(
            "training.xla is true and so is training.deterministic, which XLA cannot promise; set one to false"
        )


def check_networks(name: str, experiments: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that the networks shown beside an experiment's were tested on the same epochs.

    Raises
    ------
    InputError
        If `analysis.networks` names no other experiment, or one with other folds or states.
    """
    own = experiments[name]
    for other in own["analysis"]["networks"]:
        if other == name or other not in experiments:
            others = ", ".join(each for each in experiments if each != name) or "none, as there is no other"
            what = "the experiment itself" if other == name else "no experiment of this configuration"
            raise InputError(f"analysis.networks names {_key(other)}, {what}, expected of {others}")
        for section in ("folds", "labels"):
            if experiments[other][section] != own[section]:
                raise InputError(
                    f"analysis.networks names {other}, whose {section} are others than its own, expected the same, as "
                    f"networks are compared on the same epochs; take {other} out or make the {section} of both equal"
                )


def _in_one_line(found: ValidationError) -> str:
    """Say the first of the errors that lie highest up: others may follow from it."""
    errors = found.errors(include_url=False)
    # Of `all` or something else, the error of the latter says more.
    errors = [error for error in errors if error["type"] != "literal_error"] or errors
    schema = Configuration.model_json_schema()
    placed = [(*_place(error["loc"], schema), error) for error in errors]
    path, described, error = min(placed, key=lambda one: (len(one[0]), one[2]["type"] != "value_error"))
    return _line(path, described, error)


def _line(path: Sequence[str | int], described: Mapping[str, Any], error: Mapping[str, Any]) -> str:
    """Say what was found at a place, which the schema describes, and what was expected."""
    kind, place = error["type"], _dotted(path) or "the configuration"
    if kind == "missing":
        return f"key {place} is missing"
    if kind in ("extra_forbidden", "invalid_key"):
        unknown = _key(error["input"] if kind == "invalid_key" else error["loc"][-1])
        known = sorted(described["properties"])
        close = difflib.get_close_matches(unknown, known, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        section = f"{_dotted(path)}." if path else ""
        return f"unknown key {section}{unknown}{hint}, expected one of {', '.join(known)}"
    if kind == "value_error":
        expected = str(error["ctx"]["error"])
    elif kind in _LIMITS:
        words, limit = _LIMITS[kind]
        expected = f"{words} {error['ctx'][limit]:.10g}"
    elif kind == "too_short":  # of lists that need entries, each needs one
        expected = "at least one entry"
    else:
        expected = _in_words(described)
    if kind == "string_type" and "enum" not in described and isinstance(error["input"], int | float | datetime.date):
        expected += "; put it in quotes"
    verb = "has the name" if error["loc"][-1:] == _NAME else "is"
    return f"{place} {verb} {_shown(error['input'])}, expected {expected}"


def _shown(value: object) -> str:
    """A value as JSON, a date as YAML writes it; shortened, and without the login of an address.

    The value is written piece by piece, and no further than is shown: one that contains itself has no end.
    """
    if isinstance(value, datetime.date):
        return str(value)
    shown = ""
    for piece in json.JSONEncoder(default=str, skipkeys=True, check_circular=False).iterencode(value):
        shown += re.sub("(?<=://).*@", "***@", piece)
        if len(shown) > _LONGEST:
            return f"{shown[:_LONGEST]}..."
    return shown


def _place(loc: Sequence[str | int], schema: Mapping[str, Any]) -> tuple[list[str | int], Mapping[str, Any]]:
    """The key that an error is at, and what the schema says of it.

    Left out are steps that are no keys: which of several types pydantic tried, a key that is not known, and a name that
    is wrong itself.
    """
    if loc[-1:] == _NAME:
        return _place(loc[:-2], schema)[0], {"type": "string"}
    path: list[str | int] = []
    described = schema
    for step in loc:
        if below := _below(described, step):
            path.append(step)
            described = schema["$defs"][below["$ref"].rpartition("/")[2]] if "$ref" in below else below
    return path, described


def _below(described: Mapping[str, Any], step: str | int) -> Mapping[str, Any]:
    """What the schema says of a key, or of a list's entries; nothing if there is no such step."""
    forms = [described, *described.get("anyOf", [])]
    keywords = {keyword: said for form in forms for keyword, said in form.items()}
    others = "items" if isinstance(step, int) else "additionalProperties"
    below: Mapping[str, Any] = keywords.get("properties", {}).get(step) or keywords.get(others) or {}
    return below


def _in_words(described: Mapping[str, Any]) -> str:
    """What the schema expects."""
    if "enum" in described:
        return f"one of {', '.join(map(json.dumps, described['enum']))}"
    if "anyOf" in described:
        return " or ".join(map(_in_words, described["anyOf"]))
    if "pattern" in described:
        return str(described["description"])
    return str(described.get("const") or _TYPES[described["type"]])


def _dotted(path: Iterable[str | int]) -> str:
    """A key with the sections above it, `dataset.exclude, entry 1.reason`: people count from 1."""
    steps = (f", entry {step + 1}" if isinstance(step, int) else f".{_key(step)}" for step in path)
    return "".join(steps).removeprefix(".")


def _key(key: object) -> str:
    """A key as messages show it: in quotes if it is no plain word."""
    return key if isinstance(key, str) and _PLAIN.fullmatch(key) else _shown(key)
