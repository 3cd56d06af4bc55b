"""Class activation maps of visibility graphs: whether links between near or between far moments make a state."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from wfci_sleep.analysis.confidence_intervals import LEAST_CLUSTERS, half_width_of_mean
from wfci_sleep.figures.style import (
    TWO_COLUMNS_MM,
    Look,
    Named,
    new_figure,
    say,
    state_colours,
    state_titles,
    styled,
)
from wfci_sleep.layout import FRAME_RATE_HZ
from wfci_sleep.scoring.explanations import LINKS, METHOD_TITLES, MouseMaps, read_gradcam
from wfci_sleep.tables import read_table
from wfci_sleep.tables.results import GRADCAM_LINKS

_COLOURS = "viridis"

_BAND: Look = {"alpha": 0.25, "lw": 0}


def draw(inputs: Named, params: Named) -> Figure:
    """Draw the heat of links by the method `method` from `gradcam` of each fold and `gradcam_links`."""
    maps = read_gradcam(inputs.gradcam, params.method, params.classes, shape=LINKS)
    table = read_table(inputs.gradcam_links, GRADCAM_LINKS)
    return plot_gradcam_links(maps, table[table["method"] == params.method], METHOD_TITLES[params.method])


@styled
def plot_gradcam_links(maps: MouseMaps, links: pd.DataFrame, method: str = "Grad-CAM") -> Figure:
    """Draw how hot the links between moments are for each state: every pair, and by the time between the two.

    Parameters
    ----------
    maps : MouseMaps
        Of links, shape (n_mice, n_states, T, T).
    links : table with columns mouse, state, lag_s, mean_heat
        As `links.link_table` gives it.
    method : str
        What colour bar and axis call the heat.

    Returns
    -------
    Figure
        Above, a panel a state: the mean of the maps over mice, each of which counts once; all states in one scale of
        colours. The map is drawn as it is: a network may weigh the two places of a link differently. Below, a line a
        state: mean heat by the time between the moments, over mice, with the 95 % t interval from three mice on. Heat
        is 0..1, but a t interval of few mice may reach beyond; it is drawn as it is.
    """
    figure = new_figure(TWO_COLUMNS_MM, 130)
    grid = figure.add_gridspec(2, len(maps.states), height_ratios=[1, 0.85])
    panels = [figure.add_subplot(grid[0, column]) for column in range(len(maps.states))]
    _draw_maps(figure, panels, maps, method)
    below = figure.add_subplot(grid[1, :])
    below.set(xlabel="Time between the two moments of a link (s)", ylabel=f"{method}, mean over links")
    if not _draw_lines(below, links.dropna(subset="mean_heat"), maps.states):
        say(below, "no correct example")
    return figure


def _draw_maps(figure: Figure, panels: Sequence[Axes], maps: MouseMaps, method: str) -> None:
    """Draw the map of each state, with a colour bar for all."""
    window_s = maps.maps.shape[-1] / FRAME_RATE_HZ
    known = maps.examples > 0
    means = [maps.maps[known[:, state], state].mean(axis=0) for state in np.flatnonzero(known.any(axis=0))]
    highest = max((float(mean[~np.eye(len(mean), dtype=bool)].max()) for mean in means), default=0.0) or 1.0
    images = []
    for state, (axes, title) in enumerate(zip(panels, state_titles(maps.states), strict=True)):
        of = known[:, state]
        axes.set(xlabel="Moment in the window (s)", xlim=(0, window_s), ylim=(window_s, 0), aspect="equal")
        axes.set_title(f"{title}\nmice: {of.sum()}, examples: {maps.examples[:, state].sum()}")
        if not of.any():
            axes.set_title(title)
            say(axes, "no correct example")
            continue
        # A moment has no link with itself.
        heat = np.where(maps.masks[of].all(axis=0), maps.maps[of, state].mean(axis=0), np.nan)
        images.append(
            axes.imshow(heat, _COLOURS, vmin=0, vmax=highest, extent=(0, window_s, window_s, 0), rasterized=True)
        )
    panels[0].set_ylabel("Moment in the window (s)")
    if images:
        bar = figure.colorbar(images[0], ax=panels, location="bottom", aspect=50, shrink=0.5, fraction=0.04, pad=0.02)
        bar.set_label(f"{method} of a link, mean over mice (0: no evidence for the state)")


def _draw_lines(axes: Axes, links: pd.DataFrame, states: Sequence[str]) -> bool:
    """Draw mean heat by distance for each state; tell whether there was any."""
    drawn, banded = [], False
    for state, title, colour in zip(states, state_titles(states), state_colours(states), strict=True):
        by_mouse = links[links["state"] == state].pivot(index="mouse", columns="lag_s", values="mean_heat")
        if by_mouse.empty:
            continue
        mean, half = by_mouse.mean(), half_width_of_mean(by_mouse)
        drawn += axes.plot(mean.index, mean, color=colour, label=f"{title} (mice: {len(by_mouse)})")
        if len(by_mouse) >= LEAST_CLUSTERS:
            axes.fill_between(mean.index, mean - half, mean + half, color=colour, **_BAND)
            banded = True
    if not drawn:
        return False
    axes.set(xlim=(0, links["lag_s"].max()), ylim=(min(0, axes.dataLim.y0), None))
    band = Patch(color="0.5", **_BAND, label=f"95 % t interval of the mean, from {LEAST_CLUSTERS} mice on")
    none = Line2D([], [], ls="", label=f"fewer than {LEAST_CLUSTERS} mice: no interval")
    axes.legend(handles=[*drawn, band if banded else none], loc="lower left", bbox_to_anchor=(0, 1), ncols=4)
    return True
