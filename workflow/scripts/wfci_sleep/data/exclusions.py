"""Recordings and epochs that the configuration leaves out (`dataset.exclude`), each with its reason."""

import os
from collections.abc import Hashable, Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, TypeVar

from wfci_sleep.errors import InputError

if TYPE_CHECKING:  # as in `files.atomic`
    import pandas as pd

K = TypeVar("K", bound=Hashable)

EXCLUDED = "excluded: "
"""Begins the reason of everything that the configuration leaves out."""

_AT_MOST = 10
"""Names that an error lists."""


def excluded_recordings(entries: Sequence[Mapping], recordings: "pd.DataFrame") -> dict[tuple[str, str], str]:
    """Recordings that are left out as a whole.

    Parameters
    ----------
    entries : sequence of mapping
        The `dataset.exclude` setting.
    recordings : table with columns mouse, recording
        All recordings.

    Returns
    -------
    dict of (mouse, recording) to reason
        Several reasons are joined by "; ".

    Raises
    ------
    InputError
        If an entry names no recording, a name that several mice's recordings have, epochs without a recording, or a
        range of epochs that ends before it begins; or if no recording is left.

    Examples
    --------
    >>> import pandas as pd
    >>> recordings = pd.DataFrame({"mouse": ["Ms1", "Ms1", "Ms2"], "recording": ["Ms1-fc1", "Ms1-fc2", "Ms2-fc1"]})
    >>> entries = [{"mouse": "Ms1", "reason": "ill"}, {"recording": "Ms2-fc1", "epochs": [3, "5-7"], "reason": "moves"}]
    >>> excluded_recordings(entries, recordings)
    {('Ms1', 'Ms1-fc1'): 'ill', ('Ms1', 'Ms1-fc2'): 'ill'}
    >>> excluded_epochs(entries, "Ms2", "Ms2-fc1")
    {3: 'moves', 5: 'moves', 6: 'moves', 7: 'moves'}
    """
    keys = list(zip(recordings["mouse"], recordings["recording"], strict=True))
    reasons: list[tuple[tuple[str, str], str]] = []
    for number, entry in enumerate(entries, start=1):
        place = f"dataset.exclude, entry {number}"
        named = [key for key in keys if _is_of(entry, *key)]
        _check_names(entry, named, keys, place)
        if "epochs" in entry:
            _check_epochs(entry["epochs"], place)
        else:
            reasons += [(key, entry["reason"]) for key in named]
    excluded = _joined(reasons)
    if keys and len(excluded) == len(keys):
        raise InputError("dataset.exclude leaves out every recording, expected one that is used")
    return excluded


def excluded_epochs(entries: Sequence[Mapping], mouse: str, recording: str) -> dict[int, str]:
    """Epochs of a recording that are left out, with the reasons; `excluded_recordings` has an example."""
    return _joined(
        (epoch, entry["reason"])
        for entry in entries
        if "epochs" in entry and _is_of(entry, mouse, recording)
        for first, last in map(_ends, entry["epochs"])
        for epoch in range(first, last + 1)
    )


def check_excluded(path: str | os.PathLike, n_epochs: int, exclude: Mapping[int, str]) -> None:
    """Stop if `dataset.exclude` names epochs that the recording doesn't have."""
    if max(exclude, default=0) >= n_epochs:
        raise InputError(
            f"dataset.exclude: {path} has no epoch {max(exclude)}, expected epochs from 0 to {n_epochs - 1}"
        )


def _joined(pairs: Iterable[tuple[K, str]]) -> dict[K, str]:
    """The different reasons of each key as one text."""
    reasons: dict[K, dict[str, None]] = {}
    for key, reason in pairs:
        reasons.setdefault(key, {})[reason] = None
    return {key: "; ".join(each) for key, each in reasons.items()}


def in_ranges(epochs: Iterable[int]) -> str:
    """Epochs in few words.

    Examples
    --------
    >>> in_ranges([3, 5, 6, 7])
    'epochs 3, 5-7'
    >>> in_ranges([0])
    'epoch 0'
    """
    known = set(epochs)
    starts = sorted(epoch for epoch in known if epoch - 1 not in known)
    ends = sorted(epoch for epoch in known if epoch + 1 not in known)
    ranges = [f"{first}" if first == last else f"{first}-{last}" for first, last in zip(starts, ends, strict=True)]
    return f"epoch{'s' * (len(known) > 1)} {', '.join(ranges)}"


def _is_of(entry: Mapping, mouse: str, recording: str) -> bool:
    return entry.get("mouse", mouse) == mouse and entry.get("recording", recording) == recording


def _check_names(entry: Mapping, named: Sequence[tuple[str, str]], keys: Sequence[tuple[str, str]], place: str) -> None:
    if "recording" not in entry and ("epochs" in entry or "mouse" not in entry):
        raise InputError(f"{place}: names no recording, expected recording, or mouse for all of a mouse's recordings")
    of_mouse = [recording for mouse, recording in keys if entry.get("mouse", mouse) == mouse]
    if "mouse" in entry and not of_mouse:
        known = (mouse for mouse, _ in keys)
        raise InputError(f"{place}: there is no mouse {entry['mouse']}, {_one_of(entry['mouse'], known)}")
    said = " of ".join(f"{key} {entry[key]}" for key in ("recording", "mouse") if key in entry)
    if not named:
        raise InputError(f"{place}: there is no {said}, {_one_of(entry['recording'], of_mouse)}")
    if "recording" in entry and len(named) > 1:
        mice = ", ".join(mouse for mouse, _ in named)
        raise InputError(f"{place}: {said} is of several mice, {mice}; name the mouse too")


def _one_of(found: str, known: Iterable[str]) -> str:
    """The known names in words, those most like the found one first."""

    def likeness(name: str) -> float:
        return SequenceMatcher(None, name.lower(), found.lower()).ratio()

    names = sorted(dict.fromkeys(known), key=likeness, reverse=True)
    return f"expected one of {', '.join([*names[:_AT_MOST], *['...'] * (len(names) > _AT_MOST)])}"


def _check_epochs(items: Sequence[int | str], place: str) -> None:
    for item in items:
        first, last = _ends(item)
        if first > last:
            raise InputError(f"{place}: epochs {item!r} end before they begin, expected the first, then the last")


def _ends(item: int | str) -> tuple[int, int]:
    """First and last epoch of an entry of a list of epochs: a number, or a range as text."""
    first, _, last = str(item).partition("-")
    return int(first), int(last or first)
