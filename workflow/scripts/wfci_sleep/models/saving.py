"""Trained networks of every kind: made fit for saving, and loaded from their files."""

import os
import zipfile

import keras

from wfci_sleep.errors import InputError, first_line
from wfci_sleep.files.atomic import MADE_AGAIN
from wfci_sleep.models.registry import KINDS


def for_inference(model: keras.Model) -> keras.Model:
    """A copy of a network with its weights but without loss and optimiser, which loading would otherwise need."""
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    return copy


def load_network(path: str | os.PathLike, advice: str = MADE_AGAIN) -> keras.Model:
    """Load a trained network (.keras) of any kind for inference.

    Parameters
    ----------
    path : path
    advice : str
        What to do about a damaged file, for the error's line.

    Raises
    ------
    InputError
        If the file is missing, damaged or not a network of this workflow.
    """
    for kind in KINDS.values():
        kind.builder()  # its import registers the kind's layers with Keras
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(f"{damaged} in it is damaged")
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except FileNotFoundError as error:
        raise InputError(f"{path}: does not exist, expected a network (.keras)") from error
    except Exception as error:  # zipfile and Keras raise errors of every type
        raise InputError(f"{path}: not a network as it was saved ({first_line(error)}); {advice}") from error
