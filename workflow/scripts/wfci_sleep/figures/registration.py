"""The registration of one mouse: whether its mask, its frames and the atlas lie over one another."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from wfci_sleep.data.atlas import load_atlas
from wfci_sleep.figures.style import TWO_COLUMNS_MM, Named, new_figure, say, styled
from wfci_sleep.preprocessing.survey import read_surveys

_AGREEMENT = (("both", "#9ecae1"), ("mask only", "#e6550d"), ("atlas only", "#756bb1"))


def draw(inputs: Named, params: Named) -> Figure:
    """Draw the registration of the mouse `mouse` from its `surveys` and `atlas`."""
    survey, parcels = read_surveys(inputs.surveys), load_atlas(inputs.atlas).parcels
    return plot_registration(params.mouse, survey.mask, parcels, survey.mean_frame, survey.std_frame)


@styled
def plot_registration(
    mouse: str, mask: np.ndarray, parcels: np.ndarray, mean_frame: np.ndarray, std_frame: np.ndarray
) -> Figure:
    """Draw a mouse's mask over its mean frame, the atlas over its standard deviation, and where the two agree.

    Parameters
    ----------
    mouse : str
        Name of the mouse.
    mask : array of bool, shape (128, 128)
        The brain mask of the mouse's recordings, row before column.
    parcels : array of int, shape (128, 128)
        The atlas: number of each pixel's parcel, 0 outside.
    mean_frame, std_frame : array of float, shape (128, 128)
        Mean and standard deviation of dF/F over time.

    Returns
    -------
    Figure
        Three panels: mask outline on mean, parcel outlines on standard deviation, agreement of mask and atlas.
    """
    mask, parcels = np.asarray(mask, dtype=bool), np.asarray(parcels)
    figure = new_figure(TWO_COLUMNS_MM, 66)
    figure.suptitle(f"Registration of {mouse}")
    on_mean, on_std, agreement = figure.subplots(1, 3)
    _draw_frame(on_mean, mean_frame, "mean dF/F")
    on_mean.plot(*_borders(mask), color="red", lw=0.8)
    on_mean.set_title("Mask on mean")
    _draw_frame(on_std, std_frame, "s.d. of dF/F")
    on_std.plot(*_borders(parcels), color="yellow", lw=0.5)
    on_std.set_title("Atlas parcels on standard deviation")
    _draw_agreement(agreement, mask, parcels > 0)
    for axes in (on_mean, on_std, agreement):
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    return figure


def _draw_frame(axes: Axes, frame: np.ndarray, label: str) -> None:
    finite = np.asarray(frame)[np.isfinite(frame)]
    if not finite.size:
        say(axes, "no finite pixel")
        axes.set(xlim=(-0.5, frame.shape[1] - 0.5), ylim=(frame.shape[0] - 0.5, -0.5), aspect="equal")
        return
    # Percentiles, so that single bright pixels at the edge of the skull don't hide the brain.
    low, high = np.percentile(finite, [1, 99])
    image = axes.imshow(frame, cmap="gray", vmin=low, vmax=high)
    # Places of ticks as by default, but fewer.
    ticks = MaxNLocator(4, steps=[1, 2, 2.5, 5, 10])
    axes.figure.colorbar(image, ax=axes, label=label, shrink=0.8, ticks=ticks)


def _draw_agreement(axes: Axes, mask: np.ndarray, brain: np.ndarray) -> None:
    kinds = np.select([mask & brain, mask & ~brain, ~mask & brain], [0.0, 1.0, 2.0], default=np.nan)
    axes.imshow(kinds, cmap=ListedColormap([colour for _, colour in _AGREEMENT]), vmin=-0.5, vmax=2.5)
    area = np.isfinite(kinds).sum()
    if not area:
        say(axes, "mask and atlas are empty")
        return
    shares = [100 * (kinds == kind).sum() / area for kind in range(3)]
    axes.set_title("No overlap" if shares[0] == 0 else f"Overlap {shares[0]:.1f} %")
    handles = [
        Patch(color=colour, label=f"{name}\n{share:.1f} %")
        for (name, colour), share in zip(_AGREEMENT, shares, strict=True)
    ]
    axes.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=3, handlelength=1, columnspacing=0.8
    )


def _borders(labels: np.ndarray) -> np.ndarray:
    """Edges between pixels with different labels, as one line with the pen lifted after each edge.

    Parameters
    ----------
    labels : array of int or bool, shape (rows, columns)
        0 outside.

    Returns
    -------
    array of float, shape (2, 3 * n_edges)
        x and y, where pixel (row, column) is centred on x = column, y = row; every third point is NaN.

    Examples
    --------
    >>> _borders(np.array([[0, 1]])).shape
    (2, 12)
    """
    padded = np.pad(np.asarray(labels).astype(int), 1)
    rows, columns = np.nonzero(padded[:, 1:] != padded[:, :-1])
    x, y, pen_up = columns - 0.5, rows - 1.0, np.full(len(rows), np.nan)
    upright = np.array([[x, x, pen_up], [y - 0.5, y + 0.5, pen_up]])
    rows, columns = np.nonzero(padded[1:] != padded[:-1])
    x, y, pen_up = columns - 1.0, rows - 0.5, np.full(len(rows), np.nan)
    level = np.array([[x - 0.5, x + 0.5, pen_up], [y, y, pen_up]])
    return np.concatenate([edges.transpose(0, 2, 1).reshape(2, -1) for edges in (upright, level)], axis=1)
