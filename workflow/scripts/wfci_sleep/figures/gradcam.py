"""Class activation maps: where in the brain the network looked when it recognised a state."""

from collections.abc import Sequence

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from skimage.measure import approximate_polygon, find_contours

from wfci_sleep.data.atlas import load_atlas
from wfci_sleep.figures.style import (
    ONE_COLUMN_MM,
    PAGE_HEIGHT_MM,
    TWO_COLUMNS_MM,
    Look,
    Named,
    new_figure,
    say,
    state_titles,
    styled,
)
from wfci_sleep.layout import hemisphere_columns
from wfci_sleep.preprocessing.survey import read_surveys
from wfci_sleep.scoring.explanations import METHOD_TITLES, read_gradcam, recorded_shape

_LARGEST_CELL_MM = 34.0

_PUBLISHED: Look = {"cmap": "jet", "alpha": 0.5}

_EVEN: Look = {"cmap": "viridis"}
"""Equal steps of heat are equal steps of colour, also for the colour-blind and in grey print."""


def draw(inputs: Named, params: Named) -> Figure:
    """Draw the mean maps of every mouse and state by one method over the pixels that the network saw.

    Parameters
    ----------
    inputs
        `gradcam` of each fold, `surveys` of each recording, `atlas` where parcels are outlined.
    params
        `classes`, `hemisphere` (as `windows.hemisphere`), `mice` (of each survey),
        `method` (a key of `METHOD_TITLES`), `outlines` (whether parcels are outlined).
    """
    columns = hemisphere_columns(params.hemisphere)
    shape = recorded_shape(params.hemisphere)
    maps = read_gradcam(inputs.gradcam, params.method, params.classes, params.mice, shape)
    surveys = [
        read_surveys([path for path, owner in zip(inputs.surveys, params.mice, strict=True) if owner == mouse])
        for mouse in maps.mice
    ]
    background = np.array([survey.std_frame[:, columns] for survey in surveys])
    parcels = load_atlas(inputs.atlas).parcels[:, columns] if params.outlines else None
    title = METHOD_TITLES[params.method]
    return plot_gradcam(maps.maps, maps.examples, background, maps.masks, maps.mice, maps.states, title, parcels)


@styled
def plot_gradcam(
    maps: np.ndarray,
    examples: np.ndarray,
    background: np.ndarray,
    mask: np.ndarray,
    mice: Sequence[str],
    states: Sequence[str],
    method: str = "Grad-CAM",
    parcels: np.ndarray | None = None,
) -> Figure:
    """Draw each mouse's mean class activation map of each state over its brain.

    Parameters
    ----------
    maps : array of float, shape (n_mice, n_states, rows, columns)
        Mean over correctly scored examples and time, 0..1; NaN without an example.
    examples : array of int, shape (n_mice, n_states)
        Number of examples behind each map.
    background : array of float, shape (n_mice, rows, columns)
        Picture of the brain, drawn in grey.
    mask : array of bool, shape (n_mice, rows, columns)
        Pixels that the windows used; pixels outside stay blank.
    mice, states : sequence of str
        Names of the rows and columns of the figure.
    method : str
        What the colour bar calls the maps.
    parcels : array of int, shape (rows, columns), optional
        Number of each pixel's parcel, 0 outside; changes the look, see below.

    Returns
    -------
    Figure
        Mice in rows, states in columns, with the number of examples beside each cell. Without `parcels` as published:
        `jet` at half opacity over grey; with them in a perceptually even colour map that hides the picture below, under
        the outlines of the parcels and of the brain. Each map spans the colours from its own lowest to its own highest
        value: networks of different folds differ in level, and the question is where.
    """
    look = _PUBLISHED if parcels is None else _EVEN
    maps, mask, background = np.asarray(maps), np.asarray(mask, dtype=bool), np.asarray(background)
    n_mice, n_states, rows, columns = maps.shape
    height = min(_LARGEST_CELL_MM, (PAGE_HEIGHT_MM - 22) / n_mice)
    width = max(height * columns / rows, 15.0) + 12
    figure = new_figure(min(TWO_COLUMNS_MM, max(ONE_COLUMN_MM, n_states * width + 30)), n_mice * height + 22)
    grid = figure.subplots(n_mice, n_states, squeeze=False)
    parcel_lines = None if parcels is None else outlines(parcels)
    for (mouse, state), axes in np.ndenumerate(grid):
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        grey = np.where(mask[mouse], background[mouse], np.nan)
        # Light greys only, so that the map's colours keep their meaning over dark pixels.
        darkest, lightest = _range(grey)
        axes.imshow(grey, cmap="gray", vmin=darkest - 2 * (lightest - darkest), vmax=lightest)
        if examples[mouse, state] > 0:
            heat = np.where(mask[mouse], maps[mouse, state], np.nan)
            lowest, highest = _range(heat)
            axes.imshow(heat, **look, vmin=lowest, vmax=highest)
            count = f"n={examples[mouse, state]}"
            axes.text(1.03, 0.0, count, transform=axes.transAxes, fontsize=7, ha="left", va="bottom")
        else:
            axes.images[0].set_alpha(0.25)
            say(axes, "no correct\nexample")
        if parcel_lines is not None:
            axes.plot(*parcel_lines, color="white", lw=0.35 * height / _LARGEST_CELL_MM)
            axes.plot(*outlines(mask[mouse]), color="black", lw=0.6, clip_on=False)
    for axes, name in zip(grid[0], state_titles(states), strict=True):
        axes.set_title(name)
    for axes, mouse in zip(grid[:, 0], mice, strict=True):
        axes.set_ylabel(mouse, rotation=0, ha="right", va="center")
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, 1), look["cmap"]),
        alpha=look.get("alpha"),
        ax=grid,
        location="bottom",
        aspect=40,
        shrink=0.8,
        fraction=0.03,
        pad=0.02,
    )
    bar.set_label(f"{method}, mean over examples and time, from each map's lowest to its highest value")
    bar.set_ticks([0, 1], labels=["lowest", "highest"])
    return figure


def outlines(labels: np.ndarray) -> np.ndarray:
    """Outlines of the regions of a picture, as one line with the pen lifted after each outline.

    Parameters
    ----------
    labels : array of int or bool, shape (rows, columns)
        0 outside.

    Returns
    -------
    array of float, shape (2, n_points)
        x and y, where pixel (row, column) is centred on x = column, y = row; NaN where the pen is lifted.

    Examples
    --------
    >>> x, y = outlines(np.array([[0, 0], [7, 0]]))
    >>> sorted(zip(x[:4].tolist(), y[:4].tolist()))
    [(-0.5, 1.0), (0.0, 0.5), (0.0, 1.5), (0.5, 1.0)]
    """
    padded = np.pad(np.asarray(labels).astype(int), 1)
    lines = [np.empty((0, 2))]
    for label in np.unique(padded[padded > 0]):
        for line in find_contours(padded == label, 0.5):
            # Without the points that lie on the way from one corner to the next.
            lines += [approximate_polygon(line, 0.2) - 1, np.full((1, 2), np.nan)]
    return np.concatenate(lines).T[::-1]


def _range(image: np.ndarray) -> tuple[float, float]:
    """Lowest and highest value of an image that is NaN outside the brain; 0, 1 for one that is NaN everywhere."""
    known = image[np.isfinite(image)]
    return (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
