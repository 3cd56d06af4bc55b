"""The configuration: checked against its schema, defaults filled in, experiments laid over them."""

import copy
import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from wfci_sleep.errors import InputError
from wfci_sleep.windows import family_name, frame_shape, windowing_name

SECTIONS = ("windows", "labels", "folds", "model", "training", "analysis")
"""The parts of the configuration that an experiment may change."""


def resolve(config: Mapping, schema_path: str | Path, source: str) -> dict[str, Any]:
    """Check a configuration and work out what each experiment runs with.

    Parameters
    ----------
    config : mapping
        The configuration as the user wrote it.
    schema_path : path
        The JSON schema (YAML) of the configuration.
    source : str
        Where the configuration came from, for error messages.

    Returns
    -------
    dict
        `run`, `dataset` and `sweep` with defaults filled in, and `experiments`: name -> complete settings of every
        section.

    Raises
    ------
    InputError
        One line that names the key, what was found and what was expected.
    """
    schema = yaml.safe_load(Path(schema_path).read_text(encoding="utf-8"))
    _check(config, schema, source)
    base = _with_defaults(config, schema, schema)
    experiments = {}
    for name, changes in base["experiments"].items():
        overlaid = {section: {**base[section], **changes.get(section, {})} for section in SECTIONS}
        _check({**base, **overlaid}, schema, source, prefix=("experiments", name))
        try:
            check_model(overlaid["model"], *frame_shape(overlaid["windows"]))
            check_training(overlaid)
        except InputError as error:
            raise InputError(f"{source}: experiment {name}: {error}") from None
        experiments[name] = overlaid
    return {**{section: base[section] for section in ("run", "dataset", "sweep")}, "experiments": experiments}


def check_model(model_settings: Mapping, rows: int, columns: int) -> None:
    """Check that a network can be built for frames of a size; needs no TensorFlow.

    Parameters
    ----------
    model_settings : mapping
        The `model` section of the configuration.
    rows, columns : int
        Size of a window's frames.

    Raises
    ------
    InputError
        If the blocks shrink the frame below one pixel, or attention is asked for after a block that is not there.

    Examples
    --------
    >>> check_model({"filters": [8, 8], "pooling": 2, "spatial_attention_blocks": [3]}, 16, 16)
    Traceback (most recent call last):
    wfci_sleep.errors.InputError: model.spatial_attention_blocks is [3], expected numbers of blocks from 1 to 2
    """
    n_blocks, pooling = len(model_settings["filters"]), model_settings["pooling"]
    smallest = pooling ** (n_blocks - 1)
    if min(rows, columns) < smallest:
        raise InputError(
            f"model.filters has {n_blocks} blocks, between which frames shrink {pooling}-fold (model.pooling): "
            f"expected frames of at least {smallest} x {smallest} pixels, found {rows} x {columns}; "
            "use fewer blocks or a smaller windows.spatial_binning"
        )
    blocks = model_settings["spatial_attention_blocks"]
    if blocks != "all" and not set(blocks) <= set(range(1, n_blocks + 1)):
        raise InputError(
            f"model.spatial_attention_blocks is {list(blocks)}, expected numbers of blocks from 1 to {n_blocks}"
        )


def check_training(settings: Mapping) -> None:
    """Check that the training settings go together and with the windows.

    Raises
    ------
    InputError
        If windows of one hemisphere are to be mirrored, or XLA is to be deterministic.
    """
    training, hemisphere = settings["training"], settings["windows"]["hemisphere"]
    if training["augment_flip"] and hemisphere != "both":
        raise InputError(
            f"training.augment_flip mirrors windows of both hemispheres, found windows.hemisphere {hemisphere}; "
            "set augment_flip to false or hemisphere to both"
        )
    if training["xla"] and training["deterministic"]:
        # Keras would go on without XLA and say so in a log.
        raise InputError(
            "training.xla is true and so is training.deterministic, which XLA cannot promise; set one to false"
        )


def windowings_together(windowings: Iterable[Mapping], seconds: Sequence[int]) -> dict[str, dict[str, Mapping]]:
    """Windowings to cut together: families that differ in length only and use at least two of the sweep's lengths.

    Parameters
    ----------
    windowings : iterable of mapping
        The `windows` settings that are in use.
    seconds : sequence of int
        Lengths of the sweep.

    Returns
    -------
    dict
        Name of the family -> name of each windowing -> its settings, for all of the sweep's lengths: what a job makes
        must not depend on which of them an experiment uses today.

    Examples
    --------
    >>> short = {"seconds": 1, "normalisation": "min-max", "hemisphere": "left", "mask": "recording",
    ...          "spatial_binning": 1, "storage": "float16", "compression": "none"}
    >>> {name: list(family) for name, family in windowings_together([short, {**short, "seconds": 2}], [1, 2]).items()}
    {'min-max-left': ['1s-min-max-left', '2s-min-max-left']}
    """
    families = {}
    for settings in windowings:
        if settings["seconds"] in seconds:
            families.setdefault(family_name(settings), []).append(settings)
    return {
        name: {windowing_name({**used[0], "seconds": length}): {**used[0], "seconds": length} for length in seconds}
        for name, used in families.items()
        if len(used) > 1
    }


def length_sweep(experiments: Mapping[str, Mapping]) -> dict[str, int]:
    """Find the experiments that differ in the length of their windows only.

    Parameters
    ----------
    experiments : mapping of name to settings
        As `resolve` gives them. How they are analysed doesn't count.

    Returns
    -------
    dict of name to length in seconds
        The largest such group, the first of equally large ones, in order of length; of two experiments that are equal
        the first.

    Examples
    --------
    >>> short, long = {"windows": {"seconds": 1}}, {"windows": {"seconds": 9}}
    >>> length_sweep({"main": {"windows": {"seconds": 10}, "labels": {}}, "long": long, "short": short, "again": long})
    {'short': 1, 'long': 9}
    """
    groups = {}
    for name, settings in experiments.items():
        rest = {section: settings[section] for section in settings if section not in ("windows", "analysis")}
        windows = {key: value for key, value in settings["windows"].items() if key != "seconds"}
        group = groups.setdefault(json.dumps([rest, windows], sort_keys=True), {})
        group.setdefault(settings["windows"]["seconds"], name)
    largest = max(groups.values(), key=len)
    return {largest[seconds]: seconds for seconds in sorted(largest)}


def _with_defaults(value: Any, schema: Mapping, root: Mapping) -> Any:
    """Fill in the schema's defaults below `value`, without touching `value` itself."""
    schema = _dereferenced(schema, root)
    properties = schema.get("properties")
    if not isinstance(value, Mapping) or properties is None:
        return copy.deepcopy(value)
    filled = copy.deepcopy(dict(value))
    for key, subschema in properties.items():
        if key not in filled and "default" in subschema:
            filled[key] = copy.deepcopy(subschema["default"])
        if key in filled:
            filled[key] = _with_defaults(filled[key], subschema, root)
    return filled


def _dereferenced(schema: Mapping, root: Mapping) -> Mapping:
    reference = schema.get("$ref")
    return root["$defs"][reference.rsplit("/", 1)[-1]] if reference else schema


def _check(config: Mapping, schema: Mapping, source: str, prefix: tuple[str, ...] = ()) -> None:
    error = best_match(Draft202012Validator(schema).iter_errors(config))
    if error is not None:
        raise InputError(f"{source}: {_in_one_line(error, prefix)}")


def _in_one_line(error: ValidationError, prefix: Iterable[str]) -> str:
    path = [*prefix, *map(str, error.absolute_path)]
    place = ".".join(path) or "the configuration"
    found = json.dumps(error.instance, default=str)
    if error.validator == "additionalProperties":
        known = sorted(error.schema["properties"])
        unknown = next(key for key in error.instance if key not in known)
        close = difflib.get_close_matches(str(unknown), known, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        return f"unknown key {'.'.join([*path, str(unknown)])}{hint}, expected one of {', '.join(known)}"
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return f"key {'.'.join([*path, missing])} is missing"
    if error.validator == "enum":
        return f"{place} is {found}, expected one of {', '.join(json.dumps(value) for value in error.validator_value)}"
    if error.validator == "type":
        expected = error.validator_value
        return f"{place} is {found}, expected {expected if isinstance(expected, str) else ' or '.join(expected)}"
    if error.validator == "anyOf":
        forms = (str(form.get("const", form.get("type"))) for form in error.validator_value)
        return f"{place} is {found}, expected {' or '.join(forms)}"
    if error.validator == "uniqueItems":
        return f"{place} is {found}, expected no entry twice"
    bounds = {
        "minimum": "at least",
        "maximum": "at most",
        "exclusiveMinimum": "more than",
        "exclusiveMaximum": "less than",
        "minItems": "a number of entries of at least",
        "minProperties": "a number of entries of at least",
        "pattern": "text that matches",
        "const": "the value",
    }
    return f"{place} is {found}, expected {bounds[error.validator]} {error.validator_value}"
