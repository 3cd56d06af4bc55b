"""Class activation maps by area of the cortex, ranked: which states rest on frontal areas, which on posterior ones."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from wfci_sleep.analysis.confidence_intervals import LEAST_CLUSTERS, half_width_of_mean
from wfci_sleep.analysis.parcels import area_heat, front_to_back
from wfci_sleep.data.atlas import load_atlas
from wfci_sleep.figures.style import TWO_COLUMNS_MM, Look, Named, new_figure, say, state_titles, styled
from wfci_sleep.scoring.explanations import METHOD_TITLES
from wfci_sleep.tables import read_table
from wfci_sleep.tables.results import GRADCAM_PARCELS

_COLOURS = "viridis"

_BAR_MM = 3.6

_INTERVAL: Look = {"color": "black", "lw": 1.2}
_MOUSE: Look = {"marker": "o", "ls": "", "ms": 2.2, "mfc": "white", "mec": "black", "mew": 0.5}


def draw(inputs: Named, params: Named) -> Figure:
    """Draw the heat of each area by the method `method` from `gradcam_parcels` and `atlas`."""
    table = read_table(inputs.gradcam_parcels, GRADCAM_PARCELS)
    areas = area_heat(table[table["method"] == params.method], load_atlas(inputs.atlas))
    return plot_gradcam_parcels(areas, params.classes, METHOD_TITLES[params.method])


@styled
def plot_gradcam_parcels(areas: pd.DataFrame, states: Sequence[str], method: str = "Grad-CAM") -> Figure:
    """Draw how hot each area of the cortex is for each state, the hottest at the top.

    Parameters
    ----------
    areas : table with columns mouse, state, area, row, mean_heat
        As `parcels.area_heat` gives it.
    states : sequence of str
        Names of the states, a panel each.
    method : str
        What the axes call the heat.

    Returns
    -------
    Figure
        Heat is a multiple of the mouse's mean over areas: networks of different folds differ in level, and the question
        is where. Bars are means over mice, their colour the area's place from front to back; a circle for each mouse, a
        line for the 95 % t interval of the mean, from three mice on. Each panel gives Spearman's correlation of heat
        with the place: mean and range over mice.
    """
    figure = new_figure(TWO_COLUMNS_MM, 40 + _BAR_MM * max(areas["area"].nunique(), 6))
    panels = figure.subplots(1, len(states), squeeze=False)[0]
    front, back = areas["row"].agg(["min", "max"]) if len(areas) else (0, 1)
    colours = ScalarMappable(Normalize(front, back), _COLOURS)
    for axes, state, title in zip(panels, states, state_titles(states), strict=True):
        axes.set_title(title)
        heat = areas[areas["state"] == state]
        relative = relative_heat(heat)
        if relative.empty:
            say(axes, "no correct example" if heat.empty else "no heat anywhere")
            axes.set(xticks=[], yticks=[])
            continue
        _draw_ranked(axes, relative, heat.groupby("area")["row"].first(), colours)
        correlations = front_to_back(heat[heat["mouse"].isin(relative.index)])
        axes.set_title(f"{title}\n{_correlation_in_words(correlations)}")
        axes.set_xlabel(f"{method}, × mean over areas")
    _explain(figure)
    bar = figure.colorbar(colours, ax=panels, location="bottom", aspect=50, shrink=0.5, fraction=0.03, pad=0.02)
    bar.set_ticks([front, back], labels=["front", "back"])
    bar.set_label("Place of the area: mean row of its pixels (Spearman's ρ > 0: the further back the hotter)")
    return figure


def relative_heat(heat: pd.DataFrame) -> pd.DataFrame:
    """Heat of the areas for one state as multiples of each mouse's mean over areas.

    Parameters
    ----------
    heat : table with columns mouse, area, mean_heat

    Returns
    -------
    table, shape (n_mice, n_areas)
        Without mice whose map is zero everywhere.

    Examples
    --------
    >>> heat = pd.DataFrame({"mouse": ["a", "a", "b", "b"], "area": ["M1", "V1"] * 2, "mean_heat": [0.1, 0.3, 0, 0]})
    >>> relative_heat(heat).round(3).to_dict("index")
    {'a': {'M1': 0.5, 'V1': 1.5}}
    """
    by_mouse = heat.pivot(index="mouse", columns="area", values="mean_heat")
    level = by_mouse.mean(axis=1)
    return by_mouse[level > 0].div(level[level > 0], axis=0)


def _draw_ranked(axes: Axes, by_mouse: pd.DataFrame, rows: pd.Series, colours: ScalarMappable) -> None:
    """Draw the areas of one state, the hottest at the top."""
    mean = by_mouse.mean().sort_values(kind="stable")
    values = by_mouse[mean.index].to_numpy()
    places = np.arange(len(mean))
    axes.barh(places, mean, height=0.8, color=colours.to_rgba(rows[mean.index]))
    axes.axvline(1, color="0.4", lw=0.6, ls=":")
    highest = np.nanmax(values)  # a mouse whose windows leave an area out has none
    if len(values) >= LEAST_CLUSTERS:
        half = half_width_of_mean(by_mouse[mean.index])
        highest = max(highest, (mean + half).max())
        # A light line below keeps the dark one apart from dark bars.
        axes.hlines(places, mean - half, mean + half, color="white", lw=2.6, zorder=3)
        axes.hlines(places, mean - half, mean + half, **_INTERVAL, zorder=3)
    axes.plot(values.ravel(), np.tile(places, len(values)), **_MOUSE, clip_on=False, zorder=4)
    axes.set_yticks(places, mean.index)
    axes.tick_params(axis="y", length=0)
    axes.set(ylim=(-0.6, len(mean) - 0.4), xlim=(0, 1.04 * highest))


def _explain(figure: Figure) -> None:
    """Say what bars, lines and circles are."""
    shown = [
        Patch(color="0.6", label="mean over mice"),
        Line2D([], [], **_INTERVAL, label="its 95 % t interval"),
        Line2D([], [], **_MOUSE, label="one mouse"),
    ]
    figure.legend(handles=shown, loc="outside upper right", ncols=3)


def _correlation_in_words(correlations: pd.Series) -> str:
    """Correlation of heat with the place from front to back, mean and range over mice.

    Examples
    --------
    >>> print(_correlation_in_words(pd.Series({"a": 0.5, "b": -0.1})))
    ρ = 0.20, range −0.10 to 0.50
    n = 2 mice: no interval
    >>> print(_correlation_in_words(pd.Series({"a": 0.5})))
    ρ = 0.50
    one mouse: no interval
    """
    known = correlations.dropna()
    n = len(correlations)
    spread = f", range {known.min():z.2f} to {known.max():z.2f}" if n > 1 else ""
    mice = (f"n = {n} mice" if n > 1 else "one mouse") + (": no interval" if n < LEAST_CLUSTERS else "")
    found = f"ρ = {known.mean():z.2f}{spread}" if len(known) else "ρ not defined"
    return f"{found}\n{mice}".replace("-", "−")
