"""The formats of recordings: ending of a file's name -> reader.

A new format is a module beside this one, with a subclass of `Recording`, and a row in `READERS`. A reader is imported
only when a file is opened: listing files needs the endings alone.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wfci_sleep.data.recordings import Recording


def _matlab() -> "type[Recording]":
    from wfci_sleep.data.matlab_recordings import MatlabRecording

    return MatlabRecording


READERS: dict[str, Callable[[], "type[Recording]"]] = {".mat": _matlab}
"""Ending in lower case -> function that returns the reader."""


def reader_of(path: str | os.PathLike) -> "type[Recording]":
    """The reader of a file by the ending of its name; for any other ending, which a recording sheet may have, MATLAB's.

    Examples
    --------
    >>> reader_of("Ms1/Ms1-fc1.MAT").__name__, reader_of("run1.h5").__name__
    ('MatlabRecording', 'MatlabRecording')
    """
    name = Path(path).name.lower()
    return next((reader for ending, reader in READERS.items() if name.endswith(ending)), _matlab)()


def open_recording(path: str | os.PathLike) -> "Recording":
    """Open a recording with the reader of its format.

    Raises
    ------
    InputError
        See `Recording`.
    """
    return reader_of(path)(path)
