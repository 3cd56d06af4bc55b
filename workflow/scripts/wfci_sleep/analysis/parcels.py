"""Grad-CAM by parcel, by area, and from the front of the cortex to its back."""

import numpy as np
import pandas as pd

from wfci_sleep.data.atlas import Atlas
from wfci_sleep.layout import N_PARCELS, hemisphere_columns
from wfci_sleep.scoring.explanations import MouseMaps


def parcel_table(maps: MouseMaps, atlas: Atlas, hemisphere: str) -> pd.DataFrame:
    """Mean of every parcel in class activation maps, over the parcel's pixels that the windows used (`maps.masks`).

    Parameters
    ----------
    maps : MouseMaps
    atlas : Atlas
    hemisphere : {"both", "left", "right"}
        The one that the maps show.

    Returns
    -------
    table with columns mouse, state, parcel, name, mean_heat, examples
        A row for each parcel of the hemisphere, mouse and state. mean_heat: 0..1; empty without an example, and where
        the windows used no pixel of the parcel.
    """
    parcels = atlas.parcels[:, hemisphere_columns(hemisphere)]
    numbers = [int(number) for number in np.unique(parcels) if number > 0]
    rows = []
    for (mouse, state), count in np.ndenumerate(maps.examples):
        for number in numbers:
            pixels = maps.maps[mouse, state][maps.masks[mouse] & (parcels == number)]
            heat = float(pixels.mean()) if pixels.size else np.nan
            rows.append((maps.mice[mouse], maps.states[state], number, atlas.names[number - 1], heat, int(count)))
    return pd.DataFrame(rows, columns=["mouse", "state", "parcel", "name", "mean_heat", "examples"])


def area_heat(table: pd.DataFrame, atlas: Atlas) -> pd.DataFrame:
    """Heat of each area of the cortex: the mean of its parcels k (left) and k + 20 (right).

    Parameters
    ----------
    table : table with columns mouse, state, parcel, mean_heat
        As in gradcam_parcels.tsv, of one method; rows without a value are left out.
    atlas : Atlas

    Returns
    -------
    table with columns mouse, state, area, row, mean_heat
        area: name of its parcels without the hemisphere. row: mean row of their pixels in the atlas, small in front.
    """
    half = N_PARCELS // 2
    table = table.dropna(subset="mean_heat")
    numbers = (table["parcel"] - 1) % half
    rows, _ = np.nonzero(atlas.parcels)
    places = pd.Series(rows).groupby((atlas.parcels[atlas.parcels > 0] - 1) % half).mean()
    names = pd.Series(atlas.names[:half]).str.removesuffix(" L")
    table = table.assign(area=numbers.map(names), row=numbers.map(places))
    return table.groupby(["mouse", "state", "area", "row"], sort=False, as_index=False)["mean_heat"].mean()


def front_to_back(areas: pd.DataFrame) -> pd.Series:
    """Spearman's rank correlation of an area's heat with its place from front to back, by mouse.

    Parameters
    ----------
    areas : table with columns mouse, row, mean_heat
        As `area_heat` gives it, of one state.

    Returns
    -------
    Series of float, by mouse
        1: the further back the hotter; -1: the further in front the hotter; NaN where all areas are equally hot.

    Examples
    --------
    >>> areas = pd.DataFrame({"mouse": "a", "row": [8.9, 24.4, 94.0], "mean_heat": [0.1, 0.2, 0.8]})
    >>> front_to_back(areas).to_dict()
    {'a': 1.0}
    """
    ranks = areas[["row", "mean_heat"]].groupby(areas["mouse"], sort=False).rank()
    by_mouse = {
        mouse: np.nan if (one.nunique() < 2).any() else one["row"].corr(one["mean_heat"])
        for mouse, one in ranks.groupby(areas["mouse"], sort=False)
    }
    return pd.Series(by_mouse, dtype=float)
