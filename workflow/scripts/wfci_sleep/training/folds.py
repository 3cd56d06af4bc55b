"""Folds: which scoring epochs a network is trained, validated and tested on; scikit-learn does the splitting.

Protocols: leave-one-mouse-out (leave-one-subject-out), k-fold over mice, one mouse held out, fixed lists of mice, and
the published pooled split, which splits epochs instead of mice.
"""

import os
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from wfci_sleep.errors import InputError
from wfci_sleep.files.atomic import MADE_AGAIN
from wfci_sleep.tables import read_table
from wfci_sleep.tables.epochs import FOLDS, SPLITS, WINDOWS

POOLED_SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
"""The published split of all epochs of all mice (Zhang et al. 2024)."""

MIN_POOLED_EPOCHS = 6
"""With fewer, a tenth rounds to none."""


def is_by_mouse(settings: Mapping) -> bool:
    """Whether a protocol keeps each mouse in one split; all but `pooled` do."""
    return settings["protocol"] != "pooled"


def n_folds(settings: Mapping, mice: list[str]) -> int:
    """Number of folds of a protocol.

    Parameters
    ----------
    settings : mapping
        The `folds` section of the configuration.
    mice : list of str

    Raises
    ------
    InputError
        If there are too few mice for the protocol, `held_out` is unknown, or the `fixed` lists name an unknown mouse,
        a mouse twice in a fold, or a mouse in the test of two folds.
    """
    protocol = settings["protocol"]
    if protocol == "pooled":
        return 1
    if protocol == "fixed":
        _check_fixed(settings["fixed"], mice)
        return len(settings["fixed"])
    if protocol == "held-out-mouse":
        held_out_mouse(settings, mice)
    count = {"leave-one-mouse-out": len(mice), "held-out-mouse": 1, "k-fold": settings["k"]}[protocol]
    largest_test = -(-len(mice) // count) if protocol == "k-fold" else 1
    needed = max(largest_test + settings["validation_mice"] + 1, count)
    if len(mice) < needed:
        found = f"{len(mice)} mouse" if len(mice) == 1 else f"{len(mice)} mice"
        raise InputError(
            f"folds.protocol {protocol} needs at least {needed} mice (test, validation and training mice differ), "
            f"found {found}: {', '.join(mice)}; protocol pooled splits epochs instead of mice"
        )
    return count


def held_out_mouse(settings: Mapping, mice: list[str]) -> str:
    """Name of the mouse that the protocol `held-out-mouse` tests on: `held_out`, or the last one.

    Raises
    ------
    InputError
        If there is no such mouse.

    Examples
    --------
    >>> held_out_mouse({"held_out": None}, ["Ms1", "Ms2", "Ms10"])
    'Ms10'
    """
    held_out = settings["held_out"]
    if held_out is not None and held_out not in mice:
        raise InputError(f"folds.held_out is {held_out}, expected a mouse out of {', '.join(mice)}")
    return held_out or mice[-1]


def mice_under_test(settings: Mapping, mice: list[str]) -> list[str]:
    """Mice that some fold tests on.

    Parameters
    ----------
    settings : mapping
        The `folds` section of the configuration.
    mice : list of str

    Examples
    --------
    >>> mice_under_test({"protocol": "held-out-mouse", "held_out": "b"}, ["a", "b", "c"])
    ['b']
    """
    if settings["protocol"] == "held-out-mouse":
        return [held_out_mouse(settings, mice)]
    if settings["protocol"] == "fixed":
        return [mouse for mouse in mice if any(mouse in fold["test"] for fold in settings["fixed"])]
    return mice


def mice_of_fold(settings: Mapping, mice: list[str], fold: int) -> list[str]:
    """Mice in a fold's splits: all mice, unless the protocol is `fixed`.

    Parameters
    ----------
    settings : mapping
        The `folds` section of the configuration.
    mice : list of str
    fold : int
        From 1.

    Examples
    --------
    >>> fixed = [{"train": ["a"], "validation": ["c"], "test": ["d"]}]
    >>> mice_of_fold({"protocol": "fixed", "fixed": fixed}, ["a", "b", "c", "d"], 1)
    ['a', 'c', 'd']
    """
    if settings["protocol"] != "fixed":
        return mice
    named = settings["fixed"][fold - 1]
    return [mouse for mouse in mice if any(mouse in named[split] for split in SPLITS)]


def _check_fixed(folds: list[Mapping], mice: list[str]) -> None:
    if not folds:
        raise InputError("folds.fixed is empty, expected a list of folds with train, validation and test mice")
    for number, fold in enumerate(folds, start=1):
        named = [mouse for split in SPLITS for mouse in fold[split]]
        unknown = [mouse for mouse in named if mouse not in mice]
        if unknown:
            raise InputError(f"folds.fixed, fold {number} names {unknown[0]}, expected mice out of {', '.join(mice)}")
        twice = [mouse for mouse in named if named.count(mouse) > 1]
        if twice:
            raise InputError(
                f"folds.fixed, fold {number} names {twice[0]} twice, expected each mouse in one split only"
            )
    tested = [mouse for fold in folds for mouse in fold["test"]]
    again = [mouse for mouse in tested if tested.count(mouse) > 1]
    if again:
        raise InputError(
            f"folds.fixed tests {again[0]} in {tested.count(again[0])} folds, expected one: its epochs would count "
            "several times; make an experiment of each"
        )


def labelled_epochs(indices: Sequence[str | os.PathLike], recordings: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """The epochs of several recordings that have a window, from the recordings' indices.

    Parameters
    ----------
    indices : sequence of path
    recordings : sequence of (mouse, recording)
        The recording of each path.

    Returns
    -------
    table with columns mouse, recording, epoch, label
    """
    tables = [
        read_table(path, WINDOWS).assign(mouse=mouse, recording=recording)
        for path, (mouse, recording) in zip(indices, recordings, strict=True)
    ]
    # Without recordings that are left out: the columns of their empty tables have no type.
    table = pd.concat([one for one in tables if len(one)] or tables, ignore_index=True)
    return table.loc[table["kept"].astype(bool), ["mouse", "recording", "epoch", "label"]].reset_index(drop=True)


def make_folds(epochs: pd.DataFrame, mice: list[str], settings: Mapping, without_epochs: bool = False) -> pd.DataFrame:
    """Assign every epoch to a split in each fold.

    Parameters
    ----------
    epochs : table with columns mouse, recording, epoch
        The epochs that have a label.
    mice : list of str
        Every mouse of the run, in the order in which folds are numbered.
    settings : mapping
        The `folds` section of the configuration.
    without_epochs : bool
        Go on with the other mice if one has no epoch. With leave-one-mouse-out its fold then tests nothing.

    Returns
    -------
    table with columns mouse, recording, epoch, fold (from 1), split (train, validation, test)

    Raises
    ------
    InputError
        If there are too few mice, a mouse has no epoch or lies in two splits of a by-mouse protocol, `pooled` has too
        few epochs, or a fold has none for training, for validation or, with a mouse held out, for the test.
    """
    n_folds(settings, mice)
    scored = [mouse for mouse in mice if mouse in set(epochs["mouse"])]
    if len(scored) < len(mice):
        unscored = next(mouse for mouse in mice if mouse not in scored)
        if not without_epochs:
            raise InputError(
                f"mouse {unscored} has no scored epoch that is used (artefacts only, say), expected at least one; "
                f"leave it out: dataset.exclude: [{{mouse: {unscored}, reason: ...}}]"
            )
        if settings["protocol"] in ("leave-one-mouse-out", "k-fold"):
            n_folds(settings, scored)
    splits = _pooled(len(epochs), settings["seed"]) if not is_by_mouse(settings) else _by_mouse(epochs, mice, settings)
    folds = [
        epochs[["mouse", "recording", "epoch"]].assign(fold=number, split=split)
        for number, split in enumerate(splits, start=1)
    ]
    # In a fixed protocol a fold may leave mice out altogether.
    table = pd.concat(folds, ignore_index=True)
    table = table[table["split"] != ""].reset_index(drop=True)
    needed = SPLITS if settings["protocol"] == "held-out-mouse" else ("train", "validation")
    for fold, splits in table.groupby("fold")["split"]:
        lacking = [split for split in needed if split not in set(splits)]
        if lacking:
            raise InputError(f"fold {fold} has no epoch for {lacking[0]}: those of its mice are left out (quality.tsv)")
    if is_by_mouse(settings):
        check_no_leakage(table)
    return table


def check_no_leakage(folds: pd.DataFrame) -> None:
    """Refuse folds in which a mouse lies in two splits.

    Raises
    ------
    InputError
        Naming the fold, the mouse and its splits.
    """
    splits = folds.groupby(["fold", "mouse"], sort=False)["split"].unique()
    leaking = splits[splits.map(len) > 1]
    if len(leaking):
        (fold, mouse), found = leaking.index[0], leaking.iloc[0]
        raise InputError(
            f"fold {fold}: mouse {mouse} lies in {' and '.join(found)}, expected each mouse in one split only"
        )


def _by_mouse(epochs: pd.DataFrame, mice: list[str], settings: Mapping) -> Iterator[np.ndarray]:
    # Imported here: every start of Snakemake imports this module, few steps split.
    from sklearn.model_selection import GroupKFold, GroupShuffleSplit

    groups = pd.Categorical(epochs["mouse"], categories=mice).codes
    if settings["protocol"] == "fixed":
        for fold in settings["fixed"]:
            split_of = {mouse: split for split in SPLITS for mouse in fold[split]}
            yield epochs["mouse"].map(split_of).fillna("").to_numpy()
        return
    if settings["protocol"] == "k-fold":
        splits = GroupKFold(settings["k"], shuffle=True, random_state=settings["seed"]).split(epochs, groups=groups)
    else:
        # A fold for each mouse even if it has no epoch: Snakemake counts the folds before the epochs are known.
        tested = map(mice.index, mice_under_test(settings, mice))
        splits = ((np.flatnonzero(groups != mouse), np.flatnonzero(groups == mouse)) for mouse in tested)
    for number, (rest, test) in enumerate(splits):
        validation_of = GroupShuffleSplit(
            n_splits=1, test_size=settings["validation_mice"], random_state=settings["seed"] + number
        )
        train, validation = next(validation_of.split(rest, groups=groups[rest]))
        yield _named(len(epochs), rest[train], rest[validation], test)


def _pooled(n_epochs: int, seed: int) -> Iterator[np.ndarray]:
    from sklearn.model_selection import train_test_split

    if n_epochs < MIN_POOLED_EPOCHS:
        raise InputError(
            f"folds.protocol pooled splits the scored epochs in 80 / 10 / 10 %, found {n_epochs}, expected "
            f"{MIN_POOLED_EPOCHS} or more; add recordings"
        )
    held_out_share = POOLED_SHARES["validation"] + POOLED_SHARES["test"]
    train, held_out = train_test_split(np.arange(n_epochs), test_size=held_out_share, random_state=seed)
    validation, test = train_test_split(held_out, test_size=POOLED_SHARES["test"] / held_out_share, random_state=seed)
    yield _named(n_epochs, train, validation, test)


def _named(n_epochs: int, *positions: np.ndarray) -> np.ndarray:
    split = np.full(n_epochs, "", dtype=object)
    for name, chosen in zip(SPLITS, positions, strict=True):
        split[chosen] = name
    return split


def fold_epochs(folds: pd.DataFrame, labelled: pd.DataFrame, fold: int) -> pd.DataFrame:
    """Epochs of one fold with their labels: columns mouse, recording, epoch, label, split.

    Parameters
    ----------
    folds : table
        As made by `make_folds`.
    labelled : table with columns mouse, recording, epoch, label
    fold : int
        From 1.
    """
    keys = ["mouse", "recording", "epoch"]
    chosen = folds.loc[folds["fold"] == fold, [*keys, "split"]]
    return chosen.merge(labelled, on=keys, how="left", validate="one_to_one")


def read_fold(
    path: str | os.PathLike, fold: int, labelled: pd.DataFrame, mice: list[str], by_mouse: bool
) -> pd.DataFrame:
    """Epochs of one fold with their labels, from folds.tsv, which must list every labelled epoch.

    Parameters
    ----------
    path : path
    fold : int
        From 1.
    labelled : table with columns mouse, recording, epoch, label
        Every epoch that has a label, as `labelled_epochs` gives them.
    mice : list of str
        The fold's mice, as `mice_of_fold` gives them.
    by_mouse : bool
        Whether to refuse a mouse in two splits.

    Returns
    -------
    table with columns mouse, recording, epoch, label, split

    Raises
    ------
    InputError
        If the table is damaged, its epochs are not those that have a label, or a mouse lies in two splits of a
        by-mouse protocol.
    """
    folds = read_table(path, FOLDS)
    expected = labelled[labelled["mouse"].isin(mice)]
    keys = ["mouse", "recording", "epoch"]
    compared = folds[folds["fold"] == fold].merge(expected, on=keys, how="outer", indicator=True)
    odd = compared[compared["_merge"] != "both"]
    if len(odd):
        first = odd.iloc[0]
        said = "lacks" if first["_merge"] == "right_only" else "has"
        raise InputError(
            f"{path}: fold {fold} {said} epoch {first['epoch']} of {first['mouse']}, {first['recording']}, "
            f"expected the {len(expected)} epochs that the indices of the windows keep; {MADE_AGAIN}"
        )
    if by_mouse:
        try:
            check_no_leakage(folds)
        except InputError as error:
            raise InputError(f"{path}: {error}; {MADE_AGAIN}") from error
    return fold_epochs(folds, labelled, fold)
