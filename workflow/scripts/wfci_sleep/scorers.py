"""Further scorers: the states that other people or programs gave to the same epochs, from a table."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from wfci_sleep.errors import InputError
from wfci_sleep.files import read_table
from wfci_sleep.states import STATES, class_of_label

UNSCORED = "artefact"
"""What a scorer writes for an epoch without a state; such rows may as well be missing."""


def check_scorers(tables: Mapping[str, str]) -> None:
    """Raise an `InputError` if a scorer's table is missing."""
    for name, path in tables.items():
        if not Path(path).is_file():
            raise InputError(
                f"{path}: does not exist, expected the scores of {name} (analysis.scorers): "
                "a table (.tsv) with columns mouse, recording, epoch, state"
            )


def read_scores(path: str | os.PathLike, recordings: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Read the scores of one scorer.

    Parameters
    ----------
    path : path
        A table (.tsv) with columns mouse, recording, epoch (0-based) and state: wake, nrem, rem or artefact.
    recordings : table with columns mouse, recording, epochs
        As in recordings.tsv.
    classes : sequence of str
        The `labels.classes` setting: NREM and REM become sleep where it says so.

    Returns
    -------
    table with columns mouse, recording, epoch, label (index into `classes`), epochs without a state left out

    Raises
    ------
    InputError
        If a state, a recording or an epoch is unknown, or an epoch is scored twice.
    """
    table = read_table(path, ["mouse", "recording", "epoch", "state"])
    names = [state.name for state in STATES]
    odd = table[~table["state"].isin([*names, UNSCORED])]
    if len(odd):
        raise InputError(
            f"{path}: state is {odd['state'].iloc[0]!r} in line {odd.index[0] + 2}, "
            f"expected one of {', '.join([*names, UNSCORED])}"
        )
    key = ["mouse", "recording"]
    table = table.astype(dict.fromkeys(key, str)).merge(recordings[[*key, "epochs"]], on=key, how="left")
    outside = table[~table["epoch"].between(0, table["epochs"] - 1)]  # false as well where the recording is unknown
    if len(outside):
        row = outside.iloc[0]
        known = "not a recording of this run" if pd.isna(row["epochs"]) else f"of {row['epochs']:.0f} epochs"
        raise InputError(
            f"{path}: line {outside.index[0] + 2} scores epoch {row['epoch']} of {row['mouse']}, {row['recording']}, "
            f"{known}; expected mouse, recording and epoch (from 0) as in recordings.tsv"
        )
    twice = table[table.duplicated([*key, "epoch"])]
    if len(twice):
        row = twice.iloc[0]
        raise InputError(
            f"{path}: epoch {row['epoch']} of {row['mouse']}, {row['recording']} is scored twice, "
            "expected one line an epoch"
        )
    scored = table[table["state"] != UNSCORED]
    labels = class_of_label(list(classes))[[names.index(state) for state in scored["state"]]]
    return scored[[*key, "epoch"]].assign(label=labels).reset_index(drop=True)


def read_scorers(
    names: Sequence[str], paths: Sequence[str | os.PathLike], recordings: pd.DataFrame, classes: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """Scores of several scorers by name, each as `read_scores` gives them."""
    return {name: read_scores(path, recordings, classes) for name, path in zip(names, paths, strict=True)}
