"""How well each parcel alone tells the states apart: the measures of a series of networks that see one parcel each."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from wfci_sleep.data.atlas import Atlas

LEVELS = ("pooled", "mouse")
"""Levels of metrics.tsv that the table keeps."""


def parcel_scores(metrics: Mapping[int, pd.DataFrame], atlas: Atlas) -> pd.DataFrame:
    """Set the measures of the networks of a series below each other.

    Parameters
    ----------
    metrics : mapping of parcel to table
        metrics.tsv of the experiment whose network sees the parcel.
    atlas : Atlas

    Returns
    -------
    table
        As metrics.tsv, pooled and by mouse, with the number and the name of the parcel in front.
    """
    tables = [
        table[table["level"].isin(LEVELS)].assign(parcel=parcel, name=atlas.names[parcel - 1])
        for parcel, table in metrics.items()
    ]
    joined = pd.concat(tables, ignore_index=True)
    first = ["parcel", "name"]
    return joined[[*first, *(column for column in joined if column not in first)]]


def pooled(scores: pd.DataFrame, metric: str, state: str | None = None) -> pd.DataFrame:
    """A measure on all test epochs together, a row for each parcel.

    Parameters
    ----------
    scores : table
        As `parcel_scores` gives it.
    metric : str
        As in metrics.tsv.
    state : str, optional
        Of a measure of one state.

    Returns
    -------
    table with columns name, value, ci_low, ci_high, n, interval_over, indexed by parcel
    """
    of_state = scores["state"].fillna("") == (state or "")
    rows = scores[(scores["level"] == "pooled") & (scores["metric"] == metric) & of_state]
    return rows.set_index("parcel")[["name", "value", "ci_low", "ci_high", "n", "interval_over"]]


def on_the_cortex(values: pd.Series, parcels: np.ndarray) -> np.ndarray:
    """A value of each parcel as a picture of the cortex.

    Parameters
    ----------
    values : Series of float, indexed by parcel
    parcels : array of int, shape (rows, columns)
        Number of each pixel's parcel, 0 outside.

    Returns
    -------
    array of float, shape (rows, columns)
        NaN outside, and where a parcel has no value.

    Examples
    --------
    >>> on_the_cortex(pd.Series({2: 0.5}), np.array([[0, 2], [3, 2]])).tolist()
    [[nan, 0.5], [nan, 0.5]]
    """
    by_number = np.full(parcels.max() + 1, np.nan)
    known = values[values.index <= parcels.max()]
    by_number[known.index] = known
    return by_number[parcels]
