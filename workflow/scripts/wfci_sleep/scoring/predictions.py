"""The test predictions of an experiment: read from the tables of its folds, checked against recordings and folds."""

import os
from collections.abc import Sequence

import pandas as pd

from wfci_sleep.errors import InputError
from wfci_sleep.files.atomic import MADE_AGAIN
from wfci_sleep.tables import read_table
from wfci_sleep.tables.networks import PREDICTIONS, PROBABILITY

_EPOCH = ["mouse", "recording", "epoch"]


def read_test_predictions(
    paths: Sequence[str | os.PathLike],
    classes: Sequence[str],
    recordings: pd.DataFrame | None = None,
    folds: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Test epochs of all folds of an experiment.

    Parameters
    ----------
    paths : sequence of path
        predictions.tsv of each fold.
    classes : sequence of str
        The `labels.classes` setting.
    recordings : table with columns mouse, recording, epochs, optional
        As in recordings.tsv; if given, every prediction must be of an epoch of these recordings.
    folds : table, optional
        As in folds.tsv; if given, the predictions of a fold must be of its validation and test epochs, and of all.

    Returns
    -------
    table with the columns of predictions.tsv, and fold (from 1, in the order of `paths`)

    Raises
    ------
    InputError
        If a table is damaged, or has other classes, recordings or epochs.
    """
    tables = []
    for number, path in enumerate(paths, start=1):
        table = read_table(path, PREDICTIONS)
        found = [name.removeprefix(PROBABILITY) for name in table if name.startswith(PROBABILITY)]
        if found != list(classes):
            raise InputError(
                f"{path}: holds probabilities of {', '.join(found)}, expected {', '.join(classes)}; {MADE_AGAIN}"
            )
        if recordings is not None:
            check_recorded(path, table, recordings)
        if folds is not None:
            _check_complete(path, table, folds[(folds["fold"] == number) & (folds["split"] != "train")])
        tables.append(table.assign(fold=number))
    predictions = pd.concat(tables, ignore_index=True)
    return predictions[predictions["split"] == "test"].reset_index(drop=True)


def check_recorded(path: str | os.PathLike, epochs: pd.DataFrame, recordings: pd.DataFrame) -> None:
    """Check that the epochs of a file are of these recordings.

    Parameters
    ----------
    path : path
        The file with the epochs, for the message.
    epochs : table with columns mouse, recording, epoch
    recordings : table with columns mouse, recording, epochs
        As in recordings.tsv.

    Raises
    ------
    InputError
        Names the first epoch that is not.
    """
    known = epochs.merge(recordings, on=["mouse", "recording"], how="left")
    _refuse(path, known[~(known["epoch"] < known["epochs"])], "is of", "an epoch of a recording in recordings.tsv")


def _check_complete(path: str | os.PathLike, predictions: pd.DataFrame, expected: pd.DataFrame) -> None:
    keys = [*_EPOCH, "split"]
    compared = predictions[keys].merge(expected[keys], on=keys, how="outer", indicator=True)
    rest = f"the {len(expected)} validation and test epochs of folds.tsv"
    _refuse(path, compared[compared["_merge"] == "right_only"], "lacks", rest)
    _refuse(path, compared[compared["_merge"] == "left_only"], "is of", rest)


def _refuse(path: str | os.PathLike, wrong: pd.DataFrame, said: str, expected: str) -> None:
    """Raise InputError if there is a wrong row; it names the first."""
    if len(wrong):
        mouse, recording, epoch = wrong[_EPOCH].iloc[0]
        raise InputError(f"{path}: {said} epoch {epoch} of {mouse}, {recording}, expected {expected}; {MADE_AGAIN}")
