"""Folds: which epochs a network trains on, is chosen by, and is tested on; scikit-learn does the splitting."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from wfci_sleep.errors import InputError

SPLITS = ("train", "validation", "test")

POOLED_SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
"""The published split of all epochs of all mice (Zhang et al. 2024)."""


def is_by_mouse(settings: Mapping) -> bool:
    """Whether a protocol keeps each mouse in one split; `pooled` alone doesn't."""
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
        If the mice do not suffice for the protocol, `held_out` is none of them, or the `fixed` lists name an unknown
        mouse or one twice.
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
    """Name of the mouse that the protocol `held-out-mouse` tests on: the last one unless the settings name it.

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
    """Mice that are in the test split of some fold.

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


def make_folds(epochs: pd.DataFrame, mice: list[str], settings: Mapping) -> pd.DataFrame:
    """Assign every epoch to a split in each fold.

    Parameters
    ----------
    epochs : table with columns mouse, recording, epoch
        The epochs that have a label.
    mice : list of str
        Every mouse of the run, in the order in which folds are numbered.
    settings : mapping
        The `folds` section of the configuration.

    Returns
    -------
    table with columns mouse, recording, epoch, fold (from 1), split (train, validation, test)

    Raises
    ------
    InputError
        If the mice do not suffice, one has no scored epoch, or lies in two splits of a by-mouse protocol.
    """
    n_folds(settings, mice)
    unscored = [mouse for mouse in mice if mouse not in set(epochs["mouse"])]
    if unscored:
        raise InputError(
            f"mouse {unscored[0]} has no scored epoch (artefacts only), expected at least one; leave it out"
        )
    splits = _pooled(len(epochs), settings["seed"]) if not is_by_mouse(settings) else _by_mouse(epochs, mice, settings)
    folds = [
        epochs[["mouse", "recording", "epoch"]].assign(fold=number, split=split)
        for number, split in enumerate(splits, start=1)
    ]
    # In a fixed protocol a fold may leave mice out altogether.
    table = pd.concat(folds, ignore_index=True)
    table = table[table["split"] != ""].reset_index(drop=True)
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
    # Here, as every start of Snakemake and every network asks for folds, and few split.
    from sklearn.model_selection import GroupKFold, GroupShuffleSplit, LeaveOneGroupOut, PredefinedSplit

    groups = pd.Categorical(epochs["mouse"], categories=mice).codes
    if settings["protocol"] == "fixed":
        for fold in settings["fixed"]:
            split_of = {mouse: split for split in SPLITS for mouse in fold[split]}
            yield epochs["mouse"].map(split_of).fillna("").to_numpy()
        return
    if settings["protocol"] == "k-fold":
        splits = GroupKFold(settings["k"], shuffle=True, random_state=settings["seed"]).split(epochs, groups=groups)
    elif settings["protocol"] == "held-out-mouse":
        splits = PredefinedSplit(np.where(epochs["mouse"] == held_out_mouse(settings, mice), 0, -1)).split()
    else:
        splits = LeaveOneGroupOut().split(epochs, groups=groups)
    for number, (rest, test) in enumerate(splits):
        validation_of = GroupShuffleSplit(
            n_splits=1, test_size=settings["validation_mice"], random_state=settings["seed"] + number
        )
        train, validation = next(validation_of.split(rest, groups=groups[rest]))
        yield _named(len(epochs), rest[train], rest[validation], test)


def _pooled(n_epochs: int, seed: int) -> Iterator[np.ndarray]:
    from sklearn.model_selection import train_test_split

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
