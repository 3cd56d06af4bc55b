"""Further raters: the states that other people or programs gave to the same epochs, from tables."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from wfci_sleep.errors import InputError
from wfci_sleep.states import STATES, Classes
from wfci_sleep.tables import read_table
from wfci_sleep.tables.users import SCORES, UNSCORED

_KEY = ["mouse", "recording"]


def check_raters(tables: Mapping[str, str], recordings: pd.DataFrame | None = None) -> None:
    """Check the tables of further raters before any job runs.

    Parameters
    ----------
    tables : mapping of path to rater
    recordings : table with columns mouse, recording and perhaps epochs, optional
        The recordings of the run, where they are known. Epoch numbers are compared with their numbers of epochs,
        except for 0, which means that the number is unknown.

    Raises
    ------
    InputError
        If a table is missing or damaged, a state a recording or an epoch is unknown, or an epoch is scored twice.
    """
    for path, name in tables.items():
        if not Path(path).is_file():
            raise InputError(
                f"{path}: does not exist, expected the scores of {name} (analysis.scorers): "
                "a table (.tsv) with columns mouse, recording, epoch, state"
            )
        table = read_table(path, SCORES)
        if recordings is not None:
            _check_epochs(table, recordings if "epochs" in recordings else recordings.assign(epochs=0), path)


def read_scores(path: str | os.PathLike, recordings: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Read the scores of one rater.

    Parameters
    ----------
    path : path
        A table (.tsv) with columns mouse, recording, epoch (0-based, written 7 or 7.0) and state: wake, nrem, rem or
        artefact.
    recordings : table with columns mouse, recording, epochs
        As in recordings.tsv. Scores of a recording that is left out, which has 0 epochs, are left out as well.
    classes : sequence of str
        The `labels.classes` setting; with `[wake, sleep]` NREM and REM become sleep.

    Returns
    -------
    table with columns mouse, recording, epoch, label (index into `classes`)
        Without epochs that have no state.

    Raises
    ------
    InputError
        If the table is damaged, a state, a recording or an epoch is unknown, or an epoch is scored twice.
    """
    table = read_table(path, SCORES)
    _check_epochs(table, recordings, path)
    left_out = pd.MultiIndex.from_frame(recordings.loc[recordings["epochs"] == 0, _KEY])
    scored = table[(table["state"] != UNSCORED) & ~pd.MultiIndex.from_frame(table[_KEY]).isin(left_out)]
    names = [state.name for state in STATES]
    labels = Classes(classes).of_labels[[names.index(state) for state in scored["state"]]]
    return scored[[*_KEY, "epoch"]].assign(label=labels).reset_index(drop=True)


def _check_epochs(table: pd.DataFrame, recordings: pd.DataFrame, path: str | os.PathLike) -> None:
    """Raise InputError for the first epoch that the recordings do not have."""
    keys = pd.MultiIndex.from_frame(table[_KEY])
    lengths = recordings.set_index(_KEY)["epochs"].replace(0, np.inf).reindex(keys).to_numpy(float)
    outside = np.flatnonzero(~(table["epoch"] < lengths))  # NaN, of an unknown recording, compares as false
    if outside.size:
        row, length = table.iloc[outside[0]], lengths[outside[0]]
        known = "not a recording of this run" if np.isnan(length) else f"of {length:.0f} epochs"
        raise InputError(
            f"{path}: line {outside[0] + 2} scores epoch {row['epoch']} of {row['mouse']}, {row['recording']}, "
            f"{known}; expected mouse, recording and epoch (from 0) as in recordings.tsv"
        )


def read_raters(
    names: Sequence[str], paths: Sequence[str | os.PathLike], recordings: pd.DataFrame, classes: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """Read the scores of several raters.

    Parameters
    ----------
    names : sequence of str
    paths : sequence of path
        The table of each.
    recordings, classes
        As for `read_scores`.

    Returns
    -------
    dict of rater to table
        As `read_scores` gives it.

    Raises
    ------
    InputError
        As `read_scores` does.
    """
    return {name: read_scores(path, recordings, classes) for name, path in zip(names, paths, strict=True)}
