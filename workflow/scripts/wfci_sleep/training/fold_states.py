"""How many epochs of each state every split of a fold has, and warnings where a state is missing."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from wfci_sleep.states import BY_NAME, Classes
from wfci_sleep.tables.epochs import SPLITS

SPLIT_TITLES = dict(zip(SPLITS, ("Training", "Validation", "Test"), strict=True))


def fold_states(folds: pd.DataFrame, labelled: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Count the epochs of each state in each split of each fold.

    Parameters
    ----------
    folds : table with columns mouse, recording, epoch, fold, split
        As in folds.tsv.
    labelled : table with columns mouse, recording, epoch, label
        Every epoch that has a label.
    classes : sequence of str
        The `labels.classes` setting: the states that are counted.

    Returns
    -------
    table with columns fold, split, state, epochs, recordings, mice
        A row for each state in each split, also where it does not occur. recordings and mice: how many have it.
    """
    keys = ["mouse", "recording", "epoch"]
    names = np.asarray(classes)[Classes(classes).of_labels[labelled["label"]]]
    epochs = folds.merge(labelled[keys].assign(state=names), on=keys, validate="many_to_one")
    epochs["key"] = epochs.groupby(["mouse", "recording"]).ngroup()
    counts = epochs.groupby(["fold", "split", "state"]).agg(
        epochs=("epoch", "size"), recordings=("key", "nunique"), mice=("mouse", "nunique")
    )
    every = pd.MultiIndex.from_product([epochs["fold"].unique(), SPLITS, classes], names=counts.index.names)
    return counts.reindex(every, fill_value=0).reset_index()


def lack(split: str, counts: pd.Series) -> str:
    """Words for what a split lacks: any state in training, all states but one in validation or test; else empty.

    Parameters
    ----------
    split : str
        train, validation or test.
    counts : Series of int, indexed by state
        Its epochs.

    Examples
    --------
    >>> lack("train", pd.Series({"wake": 5, "nrem": 3, "rem": 0}))
    'no REM'
    >>> lack("test", pd.Series({"wake": 0, "nrem": 3, "rem": 0}))
    'NREM only'
    >>> lack("test", pd.Series({"wake": 5, "nrem": 3, "rem": 0}))
    ''
    """
    occurs = counts > 0
    if occurs.sum() == 1:
        return f"{BY_NAME[occurs.idxmax()].title} only"
    absent = [BY_NAME[state].title for state in counts.index[~occurs]]
    return f"no {' and no '.join(absent)}" if absent and (split == "train" or not occurs.any()) else ""


def fold_warnings(states: pd.DataFrame) -> list[str]:
    """One line for each fold with a split that lacks states, see `lack`.

    Parameters
    ----------
    states : table
        As `fold_states` gives it.

    Examples
    --------
    >>> rows = [(3, split, state, 0 if state == "rem" else 9, 1, 1) for split in SPLITS for state in ("wake", "rem")]
    >>> fold_warnings(pd.DataFrame(rows, columns=["fold", "split", "state", "epochs", "recordings", "mice"]))
    ['fold 3: training has Wake only, validation has Wake only, test has Wake only']
    """
    warnings = []
    for fold, rows in states.groupby("fold"):
        counts = rows.pivot(index="state", columns="split", values="epochs").loc[rows["state"].unique()]
        lacks = {split: lack(split, counts[split]) for split in SPLITS}
        said = [f"{SPLIT_TITLES[split].lower()} has {words}" for split, words in lacks.items() if words]
        if said:
            warnings.append(f"fold {fold}: {', '.join(said)}")
    return warnings
