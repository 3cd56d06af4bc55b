"""How well each parcel of the cortex alone tells the states apart: maps of the cortex, and areas by their rank."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, FigureBase

from wfci_sleep.analysis.parcel_scores import on_the_cortex, pooled
from wfci_sleep.data.atlas import load_atlas
from wfci_sleep.figures.gradcam import outlines
from wfci_sleep.figures.style import TWO_COLUMNS_MM, Look, Named, new_figure, state_titles, styled
from wfci_sleep.tables import read_table
from wfci_sleep.tables.results import PARCEL_SCORES

_COLOURS = "viridis"

_SIDES: dict[str, Look] = {
    "L": {"marker": "o", "color": "#1b6ca8", "mfc": "#1b6ca8"},
    "R": {"marker": "o", "color": "#c1440e", "mfc": "white"},
}
"""Left and right: a filled circle and an open one, in two colours."""

_SIDE_TITLES = {"L": "left hemisphere", "R": "right hemisphere"}

_ROW_MM, _AXIS_MM, _MAPS_MM = 4.4, 18.0, 62.0


def draw(inputs: Named, params: Named) -> Figure:
    """Draw the measures `parcel_scores` of the states `classes_of_series` on the parcels of `atlas`."""
    scores = read_table(inputs.parcel_scores, PARCEL_SCORES)
    return plot_parcel_scores(scores, load_atlas(inputs.atlas).parcels, params.classes_of_series)


@styled
def plot_parcel_scores(scores: pd.DataFrame, parcels: np.ndarray, states: Sequence[str]) -> Figure:
    """Draw kappa and the F1 of each state that networks of one parcel reach.

    Parameters
    ----------
    scores : table
        As `parcel_scores.parcel_scores` gives it.
    parcels : array of int, shape (rows, columns)
        Number of each pixel's parcel, 0 outside.
    states : sequence of str

    Returns
    -------
    Figure
        Above a map of kappa and one of the F1 of each state, all test epochs together, each from its lowest to its
        highest value; parcels without a network stay grey. Below kappa of each area with its 95 % interval, the best
        at the top, left and right beside each other; the dotted line is chance.
    """
    kappa = pooled(scores, "kappa")
    maps = {"Cohen's kappa": kappa["value"]}
    for state, title in zip(states, state_titles(states), strict=True):
        maps[f"F1 of {title}"] = pooled(scores, "f1", state)["value"]
    areas = kappa.assign(area=kappa["name"].str[:-2], side=kappa["name"].str[-1])
    heights = [_MAPS_MM, _AXIS_MM + _ROW_MM * areas["area"].nunique()]
    figure = new_figure(TWO_COLUMNS_MM, sum(heights))
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
    _draw_maps(above, maps, parcels)
    _draw_ranks(below.subplots(), areas)
    return figure


def _draw_maps(figure: FigureBase, maps: Mapping[str, pd.Series], parcels: np.ndarray) -> None:
    """Draw each measure on the cortex, with a colour bar of its own."""
    lines = outlines(parcels)
    for axes, (title, values) in zip(figure.subplots(1, len(maps), squeeze=False)[0], maps.items(), strict=True):
        picture = on_the_cortex(values, parcels)
        axes.imshow(np.where(parcels > 0, 0.85, np.nan), cmap="gray", vmin=0, vmax=1)
        lowest, highest = _ends(values.dropna())
        colours = ScalarMappable(Normalize(lowest, highest), _COLOURS)
        axes.imshow(picture, cmap=_COLOURS, norm=colours.norm)
        axes.plot(*lines, color="white", lw=0.3)
        axes.set(xticks=[], yticks=[], title=title)
        axes.set_xlabel("left    right", fontsize=7)
        axes.set_ylabel("back    front", fontsize=7)
        axes.spines[:].set_visible(False)
        bar = figure.colorbar(colours, ax=axes, location="bottom", shrink=0.8, aspect=18, pad=0.02)
        bar.set_ticks([lowest, highest], labels=[f"{lowest:.2f}", f"{highest:.2f}"])


def _ends(values: pd.Series) -> tuple[float, float]:
    """Lowest and highest value; 0 and 1 if there is none."""
    return (values.min(), values.max()) if len(values) else (0.0, 1.0)


def _draw_ranks(axes: Axes, areas: pd.DataFrame) -> None:
    """Draw kappa of both sides of each area, the area with the best mean at the top."""
    order = areas.groupby("area")["value"].mean().sort_values(na_position="first", kind="stable").index
    for (side, look), shift in zip(_SIDES.items(), (0.16, -0.16), strict=True):
        rows = areas[areas["side"] == side].set_index("area").reindex(order)
        places = np.arange(len(order)) + shift
        axes.hlines(places, rows["ci_low"], rows["ci_high"], color=look["color"], lw=1)
        axes.plot(rows["value"], places, ls="", ms=3.5, label=_SIDE_TITLES[side], **look)
    axes.axvline(0, color="0.4", lw=0.6, ls=":")
    axes.set_yticks(range(len(order)), order)
    axes.tick_params(axis="y", length=0)
    axes.set(ylim=(-0.7, len(order) - 0.3), xlabel="Cohen's kappa of a network that sees one parcel, 95 % interval")
    epochs, over = (" or ".join(map(str, areas[column].unique())) for column in ("n", "interval_over"))
    axes.set_title(f"{epochs} test epochs; interval over {over}", loc="left", fontsize=7)
    axes.legend(loc="lower right")
