"""The card in a network's file: what the network was trained on, with which settings and software.

The card is part of metadata.json in the .keras file, a ZIP archive (`unzip -p model.keras metadata.json`). Keras
writes its version into that member and doesn't read it.
"""

import importlib.metadata
import json
import os
import platform
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wfci_sleep.errors import InputError
from wfci_sleep.layout import FRAME_RATE_HZ
from wfci_sleep.models.registry import kind_of

if TYPE_CHECKING:  # as in `files.atomic`
    import pandas as pd

METADATA = "metadata.json"
"""Member of a .keras file that Keras writes but never reads."""

CARD = "wfci-sleep"
"""The card's key in it."""

STORED_ONLY = ("storage", "compression")
"""Settings of how windows are stored; a network sees the same values but for rounding."""

PACKAGES = ("keras", "tensorflow", "numpy")


def card_of(
    settings: Mapping[str, Mapping], epochs: "pd.DataFrame", temperature: float, **made: str | int
) -> dict[str, Any]:
    """The card of a network.

    Its `epochs` are those that it learnt from and that its temperature was fitted on. A network of given weights that
    was not trained (`training.passes` 0) has the latter alone.

    Parameters
    ----------
    settings : mapping
        An experiment's `windows`, `labels`, `model` and `training` sections.
    epochs : table with columns mouse, split
        The fold's epochs.
    temperature : float
        Fitted on the validation epochs: confidence is softmax(log(p) / temperature).
    **made
        Further entries on how it was made: run, experiment, fold, digest of the code.

    Returns
    -------
    dict that JSON can hold
    """
    unused = ["test"] if settings["training"]["passes"] else ["test", "train"]
    learnt_from = epochs[~epochs["split"].isin(unused)]
    counts = learnt_from.groupby(["split", "mouse"], sort=False).size()
    return {
        **made,
        "windows": dict(settings["windows"]),
        "frame_rate_hz": FRAME_RATE_HZ,
        "classes": list(settings["labels"]["classes"]),
        "temperature": temperature,
        "epochs": {split: counts[split].to_dict() for split in learnt_from["split"].unique()},
        "model": dict(settings["model"]),
        "training": dict(settings["training"]),
        "software": {
            "wfci-sleep": _own_version(),
            "python": platform.python_version(),
            **{package: _version(package) for package in PACKAGES},
        },
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _own_version() -> str | None:
    """Version of this library, from its checkout or else from the installed package."""
    project = Path(__file__).parents[4] / "pyproject.toml"
    return tomllib.loads(project.read_text())["project"]["version"] if project.exists() else _version("wfci-sleep")


def write_card(path: str | os.PathLike, card: Mapping[str, Any]) -> None:
    """Put a card into a .keras file. It is rewritten in place: nobody may be reading it."""
    with zipfile.ZipFile(path) as file:
        members = [(member, file.read(member)) for member in file.infolist()]
    with zipfile.ZipFile(path, "w") as file:
        for member, content in members:
            if member.filename == METADATA:
                content = json.dumps({**json.loads(content), CARD: card}, indent=2).encode()
            file.writestr(member, content)


def network_card(path: str | os.PathLike) -> dict[str, Any] | None:
    """The card of a network as `card_of` made it; None for files of earlier versions, which have none.

    Raises
    ------
    InputError
        If it is not a .keras file.
    """
    try:
        with zipfile.ZipFile(path) as file:
            return json.loads(file.read(METADATA)).get(CARD)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise InputError(f"{path}: not a network's file ({error}), expected one that the workflow trained") from error


def check_fit(path: str | os.PathLike, card: Mapping[str, Any], windows: Mapping, classes: Sequence[str]) -> None:
    """Stop if the windows to be scored, or the states, differ from those that the network was trained on.

    Parameters
    ----------
    path : path
        The network's file, for the message.
    card : mapping
        As `network_card` gives it.
    windows : mapping
        The `windows` section of the data to be scored.
    classes : sequence of str
        The `labels.classes` setting.

    Raises
    ------
    InputError
        One line that names every setting that differs.

    Examples
    --------
    >>> card = {"windows": {"seconds": 10, "storage": "float32"}, "frame_rate_hz": 16.8, "classes": ["wake", "sleep"]}
    >>> check_fit("model.keras", card, {"seconds": 10, "storage": "float16"}, ["wake", "sleep"])
    >>> check_fit("model.keras", card, {"seconds": 5, "storage": "float16"}, ["wake", "sleep"])
    Traceback (most recent call last):
    wfci_sleep.errors.InputError: model.keras was trained on windows with seconds 10, these have 5; take a network that
    was trained on windows like these, or train one
    """
    trained = _facts(card["windows"], card["frame_rate_hz"], card["classes"])
    found = _facts(windows, FRAME_RATE_HZ, classes)
    differing = [name for name in trained if name in found and trained[name] != found[name]]
    if differing:
        raise InputError(
            f"{path} was trained on windows with {' and '.join(f'{name} {trained[name]}' for name in differing)}, "
            f"these have {' and '.join(str(found[name]) for name in differing)}; "
            "take a network that was trained on windows like these, or train one"
        )


def check_given(path: str | os.PathLike, settings: Mapping[str, Mapping]) -> None:
    """Stop if a given network is to score as it is, and says that it was trained on other windows, states or channels.

    TensorFlow's checkpoints and networks without a card say nothing of it.

    Parameters
    ----------
    path : path
        As `model.weights` names it.
    settings : mapping
        An experiment's `windows`, `labels` and `model` sections.

    Raises
    ------
    InputError
    """
    card = network_card(path) if Path(path).suffix == ".keras" else None
    if card is None:
        return
    check_fit(path, card, settings["windows"], settings["labels"]["classes"])
    channels, expected = (kind_of(model).channels(model) for model in (card["model"], settings["model"]))
    if channels != expected:
        raise InputError(
            f"{path} was trained on the channels {channels} of a window, the settings choose {expected}; choose the "
            "same in the model section, or train the network"
        )


def _facts(windows: Mapping, frame_rate_hz: float, classes: Sequence[str]) -> dict[str, Any]:
    """Settings that must be equal in training and scoring."""
    shown = {name: value for name, value in windows.items() if name not in STORED_ONLY}
    return {**shown, "frames per second": frame_rate_hz, "states": "/".join(classes)}
