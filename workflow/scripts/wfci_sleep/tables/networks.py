"""Tables that training and scoring write."""

from typing import TYPE_CHECKING

import numpy as np

from wfci_sleep.states import STATES, WAKE
from wfci_sleep.tables import (
    COUNT,
    EPOCH,
    FROM_1,
    ROUNDING,
    SHARE,
    STATE,
    Rule,
    Table,
    even,
    number,
    one_of,
    or_empty,
    whole,
)
from wfci_sleep.tables.epochs import SPLITS, STARTS

if TYPE_CHECKING:  # as in `tables`
    import pandas as pd

PROBABILITY = "p_"
"""Prefix of the columns with a network's probabilities, before the state's name."""


def _probabilities(table: "pd.DataFrame") -> np.ndarray:
    return table[[name for name in table if name.startswith(PROBABILITY)]].to_numpy(dtype=float)


def _is_of_the_highest(table: "pd.DataFrame") -> np.ndarray:
    """Whether `y_pred` has the highest probability, within rounding."""
    found = _probabilities(table)
    chosen = found[np.arange(len(table)), np.minimum(table["y_pred"], found.shape[1] - 1)]
    return (table["y_pred"] < found.shape[1]) & (chosen >= found.max(axis=1) - ROUNDING)


HISTORY = Table(
    {"pass": FROM_1},
    rules=(
        Rule("pass", "every training epoch from 1 on", lambda table: table["pass"] == np.arange(1, len(table) + 1)),
    ),
    others=or_empty(number()),  # also NaN or infinity, of a training that diverged
    separator=",",
)
CONFUSION = Table(
    {"pass": FROM_1, "true": STATE, "predicted": STATE, "n": COUNT},
    key=("pass", "true", "predicted"),
    rules=(even("pass"),),
)
PREDICTIONS = Table(
    {
        **EPOCH,
        "start_s": number(0),
        "split": one_of(*(split for split in SPLITS if split != "train")),
        **dict.fromkeys(("y_true", "y_pred"), whole(0, len(STATES) - 1)),
        f"{PROBABILITY}{WAKE.name}": SHARE,
        "confidence": SHARE,
    },
    key=tuple(EPOCH),
    rules=(
        STARTS,
        Rule("y_true", "the number of a state", lambda table: table["y_true"] < _probabilities(table).shape[1]),
        Rule("y_pred", "the state of the highest probability", _is_of_the_highest),
        Rule(
            f"{PROBABILITY}{WAKE.name}",
            "probabilities that sum to 1",
            lambda table: np.abs(_probabilities(table).sum(axis=1) - 1) < ROUNDING,
        ),
    ),
    others=SHARE,
)
