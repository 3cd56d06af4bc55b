"""Class activation maps: where in the brain the network looked when it recognised a state."""

from collections.abc import Sequence

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from wfci_sleep.figures.style import (
    ONE_COLUMN_MM,
    PAGE_HEIGHT_MM,
    TWO_COLUMNS_MM,
    new_figure,
    say,
    state_titles,
    styled,
)

_LARGEST_CELL_MM = 34.0

_OPACITY = 0.5


@styled
def plot_gradcam(
    maps: np.ndarray,
    examples: np.ndarray,
    background: np.ndarray,
    mask: np.ndarray,
    mice: Sequence[str],
    states: Sequence[str],
    method: str = "Grad-CAM",
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
        Brain mask; pixels outside stay blank.
    mice, states : sequence of str
        Names of the rows and columns of the figure.
    method : str
        What the colour bar calls the maps.

    Returns
    -------
    Figure
        Mice in rows, states in columns: `jet` at half opacity over grey, with the number of examples beside each cell.
        Each map spans the colours from its own lowest to its own highest value: networks of different folds differ in
        level, and the question is where.
    """
    maps, mask, background = np.asarray(maps), np.asarray(mask, dtype=bool), np.asarray(background)
    n_mice, n_states, rows, columns = maps.shape
    height = min(_LARGEST_CELL_MM, (PAGE_HEIGHT_MM - 22) / n_mice)
    width = max(height * columns / rows, 15.0) + 12
    figure = new_figure(min(TWO_COLUMNS_MM, max(ONE_COLUMN_MM, n_states * width + 30)), n_mice * height + 22)
    grid = figure.subplots(n_mice, n_states, squeeze=False)
    for mouse, state in np.ndindex(n_mice, n_states):
        axes = grid[mouse, state]
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        grey = np.where(mask[mouse], background[mouse], np.nan)
        # Light greys only, so that the map's colours keep their meaning over dark pixels.
        darkest, lightest = _range(grey)
        axes.imshow(grey, cmap="gray", vmin=darkest - 2 * (lightest - darkest), vmax=lightest)
        if examples[mouse, state] > 0:
            heat = np.where(mask[mouse], maps[mouse, state], np.nan)
            lowest, highest = _range(heat)
            axes.imshow(heat, cmap="jet", alpha=_OPACITY, vmin=lowest, vmax=highest)
            count = f"n={examples[mouse, state]}"
            axes.text(1.0, 0.0, count, transform=axes.transAxes, fontsize=7, ha="left", va="bottom")
        else:
            axes.images[0].set_alpha(0.25)
            say(axes, "no correct\nexample")
    for axes, name in zip(grid[0], state_titles(states), strict=True):
        axes.set_title(name)
    for axes, mouse in zip(grid[:, 0], mice, strict=True):
        axes.set_ylabel(mouse, rotation=0, ha="right", va="center")
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, 1), "jet"),
        alpha=_OPACITY,
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


def _range(image: np.ndarray) -> tuple[float, float]:
    """Lowest and highest value of an image that is NaN outside the brain; 0, 1 for one that is NaN everywhere."""
    known = image[np.isfinite(image)]
    return (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
