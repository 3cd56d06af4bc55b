"""The rules for names and paths in file names, sheets, the database's list and the configuration.

Names of mice, recordings, experiments and the run become folders, Snakemake wildcards, cells of tables that people open
in spreadsheets, and words in figures. Names that follow the rule are safe in all of them.
"""

import os
import re
from collections.abc import Iterable

from wfci_sleep.errors import InputError

POOLED = "all"
"""Name of all mice together in tables; no mouse can have it."""

RESERVED = (POOLED, "figures", "tables")
"""Words that the workflow's own tables and folders use."""

HUMAN = "human"
"""Name of the rater whose scores the recordings hold."""

MAX_LENGTH = 100
"""Longest name: two names and an ending fit into the 255 bytes of a file name."""


def _rule(signs: str, reserved: Iterable[str]) -> str:
    return (
        f"letters, digits, {signs}, the first a letter or a digit, at most {MAX_LENGTH} characters, "
        f"and none of the words {', '.join(reserved)}"
    )


NAME_RULE = _rule("'.', '_' and '-'", RESERVED)
PATH_RULE = "a path of text without braces and control characters that begins with none of = + - @"


def is_name(text: str) -> bool:
    """Whether a text can be the name of a mouse, a recording, an experiment or a run: `NAME_RULE`.

    Examples
    --------
    >>> [is_name(text) for text in ("Ms1", "191030-M5", "..", "all", "=cmd|calc", "a/b")]
    [True, True, False, False, False, False]
    """
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text) is not None and _is_free(text, RESERVED)


def is_rater(text: str, networks: Iterable[str]) -> bool:
    """Whether a text can be the name of a further rater beside networks and the human: `rater_rule`.

    Examples
    --------
    >>> is_rater("second rater", ["cnn"]), is_rater("cnn", ["cnn"]), is_rater("human", ["cnn"])
    (True, False, False)
    """
    taken = (*RESERVED, *networks, HUMAN)
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._-]*", text) is not None and _is_free(text, taken)


def rater_rule(networks: Iterable[str]) -> str:
    """The rule of `is_rater` in words."""
    return _rule("'.', '_', '-' and spaces", (*RESERVED, *networks, HUMAN))


def _is_free(text: str, reserved: tuple[str, ...]) -> bool:
    return len(text) <= MAX_LENGTH and text.lower() not in reserved


def is_path(text: str) -> bool:
    """Whether a path is safe to use: `PATH_RULE`.

    Snakemake takes braces for wildcards, spreadsheets take a cell that begins with one of ``= + - @`` for a formula,
    programs take ``-`` for an option; control characters and bytes that are not text break tables.

    Examples
    --------
    >>> [is_path(text) for text in ("my data/Ms1-fc1.mat", "run{1}/Ms1-fc1.mat", "=1/Ms1-fc1.mat")]
    [True, False, False]
    """
    return re.fullmatch(r"(?![=+@-])[^{}\x00-\x1f\x7f\ud800-\udfff]+", text) is not None


def check_name(text: str, place: str, advice: str = "") -> None:
    """Raise an `InputError` that begins with `place` and ends with `advice` if `is_name` is false."""
    if not is_name(text):
        shown = repr(text) if len(text) <= MAX_LENGTH else f"{text[:20]!r}... ({len(text)} characters)"
        raise InputError(f"{place}: the name {shown} is not usable, expected {NAME_RULE}{advice and '; '}{advice}")


def check_path(path: str | os.PathLike, place: str) -> None:
    """Raise an `InputError` that begins with `place` if `is_path` is false."""
    if not is_path(os.fspath(path)):
        raise InputError(f"{place}: the path {os.fspath(path)!r} is not usable, expected {PATH_RULE}")
