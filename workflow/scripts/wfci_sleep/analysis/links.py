"""Grad-CAM of the links of visibility graphs, by the time between the two moments that they link."""

import numpy as np
import pandas as pd

from wfci_sleep.layout import FRAME_RATE_HZ
from wfci_sleep.scoring.explanations import MouseMaps


def link_table(maps: MouseMaps) -> pd.DataFrame:
    """Mean of class activation maps over the links of moments that are as far apart, for each distance.

    Parameters
    ----------
    maps : MouseMaps
        Of links, shape (n_mice, n_states, T, T).

    Returns
    -------
    table with columns mouse, state, lag_s, mean_heat, examples
        A row for each mouse, state and distance of 1 to T - 1 frames, in seconds. mean_heat: 0..1, mean over the links
        of all pairs of moments of that distance, in both places that a pair has in the map; empty without an example.
    """
    lags = np.arange(1, maps.maps.shape[-1])
    # Both diagonals of a distance are as long, so that the mean of their means is that of all links.
    heat = [
        np.stack([np.diagonal(maps.maps, sign * lag, 2, 3).mean(axis=-1, dtype=float) for sign in (1, -1)]).mean(axis=0)
        for lag in lags
    ]
    rows = pd.MultiIndex.from_product([maps.mice, maps.states, lags / FRAME_RATE_HZ], names=["mouse", "state", "lag_s"])
    table = rows.to_frame(index=False)
    table["mean_heat"] = np.stack(heat, axis=-1).ravel()
    table["examples"] = np.repeat(maps.examples.ravel(), len(lags))
    return table
