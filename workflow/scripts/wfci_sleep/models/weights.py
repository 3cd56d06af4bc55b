"""Weights that a user gives for a network: a network's file, or a TensorFlow checkpoint.

Only functions that load weights import Keras or TensorFlow.
"""

import glob
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wfci_sleep.errors import InputError, first_line

if TYPE_CHECKING:  # as in `registry`
    import keras
    import numpy as np

STATE = "checkpoint"
"""File that names the checkpoints of a folder."""

_LATEST = re.compile(r'^model_checkpoint_path: "(.+)"$', re.MULTILINE)

_VARIABLE = re.compile(r"layer_with_weights-(\d+)/(kernel|bias)/\.ATTRIBUTES/VARIABLE_VALUE")
"""Name of a layer's array in a checkpoint. Those of the optimiser have more parts."""

_OTHERS = "set model.weights to those of such a network"


def weight_files(path: str | os.PathLike) -> list[str]:
    """The files that given weights consist of, without TensorFlow.

    Parameters
    ----------
    path : path
        A network's file (.keras), or a TensorFlow checkpoint: its prefix, or a folder whose file `checkpoint` names
        the latest.

    Returns
    -------
    list of str
        The .keras file, or the checkpoint's `.index` and `.data-*`, after `checkpoint` if a folder was given.

    Raises
    ------
    InputError
        If there are none.
    """
    path = Path(path)
    if path.suffix == ".keras":
        files = [path] if path.is_file() else []
    elif path.is_dir():
        files = [path / STATE, *_checkpoint_files(_latest(path))]
    else:
        files = _checkpoint_files(path)
    if not files:
        raise InputError(
            f"{path}: no such weights, expected a network (.keras) or a TensorFlow checkpoint: the folder of its file "
            f"{STATE}, or the path of its files without .index and .data-*; correct model.weights"
        )
    return [str(file) for file in files]


def _checkpoint_files(prefix: Path) -> list[Path]:
    """Index and data of a checkpoint; nothing if it has not both."""
    index = prefix.with_name(f"{prefix.name}.index")
    data = sorted(prefix.parent.glob(f"{glob.escape(prefix.name)}.data-*"))
    return [index, *data] if index.is_file() and data else []


def _latest(folder: Path) -> Path:
    """Prefix of the latest checkpoint in a folder, also of a folder that was moved since."""
    try:
        found = _LATEST.search((folder / STATE).read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise InputError(
            f"{folder / STATE}: cannot be read ({error.strerror}), expected the file that names a checkpoint's latest"
        ) from error
    if found is None:
        raise InputError(
            f'{folder / STATE}: names no checkpoint, expected a line model_checkpoint_path: "..."; '
            "set model.weights to the path of the checkpoint's files without .index and .data-*"
        )
    prefix = folder / Path(found[1]).name
    if not _checkpoint_files(prefix):
        raise InputError(f"{folder / STATE}: names {found[1]}, expected {prefix.name}.index and {prefix.name}.data-*")
    return prefix


def load_weights(model: "keras.Model", path: str | os.PathLike) -> None:
    """Put given weights into a network, array by array in the order of the layers.

    Parameters
    ----------
    model : keras.Model
    path : path
        As for `weight_files`. The arrays of a checkpoint are those that Keras 2 saved for the layers of a model,
        `layer_with_weights-<n>/kernel` and `bias`; the optimiser's beside them are not read.

    Raises
    ------
    InputError
        If there are no such files, they are damaged, or their weights are those of another network.
    """
    weight_files(path)
    arrays = _network_arrays(model, path) if Path(path).suffix == ".keras" else _checkpoint_arrays(Path(path))
    _check_shapes(path, [array.shape for array in arrays], [weight.shape for weight in model.weights])
    model.set_weights(arrays)


def _network_arrays(model: "keras.Model", path: str | os.PathLike) -> "list[np.ndarray]":
    """Weights of a network's file, if it is of the same kind."""
    from wfci_sleep.models.saving import load_network

    found = load_network(path, "take an undamaged copy")
    if found.name != model.name:
        found_kind, kind = (name.replace("_", "-") for name in (found.name, model.name))
        raise InputError(f"{path}: holds a network of the kind {found_kind}, expected {kind}; {_OTHERS}")
    return found.get_weights()


def _checkpoint_arrays(path: Path) -> "list[np.ndarray]":
    """Kernel and bias of each layer in a TensorFlow checkpoint."""
    import tensorflow as tf

    try:
        checkpoint = tf.train.load_checkpoint(str(_latest(path) if path.is_dir() else path))
        named = [match for match in map(_VARIABLE.fullmatch, checkpoint.get_variable_to_shape_map()) if match]
        named.sort(key=lambda match: (int(match[1]), match[2] == "bias"))
        arrays = [checkpoint.get_tensor(match[0]) for match in named]
    except InputError:
        raise
    except Exception as error:  # TensorFlow raises errors of every type
        raise InputError(
            f"{path}: not a checkpoint as TensorFlow saved it ({first_line(error)}); take an undamaged copy"
        ) from error
    if not arrays:
        raise InputError(f"{path}: holds no layers, expected layer_with_weights-0/kernel and more; {_OTHERS}")
    return arrays


def _check_shapes(path: str | os.PathLike, found: Sequence[Sequence[int]], expected: Sequence[Sequence[int]]) -> None:
    """Stop at the first array that doesn't fit."""
    if len(found) != len(expected):
        raise InputError(f"{path}: holds {len(found)} arrays of weights, expected {len(expected)}; {_OTHERS}")
    for number, (ours, theirs) in enumerate(zip(found, expected, strict=True), start=1):
        if tuple(ours) != tuple(theirs):
            raise InputError(
                f"{path}: array {number} of the weights is {' x '.join(map(str, ours))}, "
                f"expected {' x '.join(map(str, theirs))}; {_OTHERS}"
            )
