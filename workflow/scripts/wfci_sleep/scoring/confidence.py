"""Confidence of the network in each epoch's predicted class."""

import pandas as pd

from wfci_sleep.tables.networks import PROBABILITY


def network_confidence(predictions: pd.DataFrame) -> pd.Series:
    """Probability that the network itself, before calibration, gives the predicted class.

    Parameters
    ----------
    predictions : table with columns p_<state>

    Returns
    -------
    Series of float, 0..1
        The highest of these columns.
    """
    return predictions.filter(regex=f"^{PROBABILITY}").max(axis=1)
