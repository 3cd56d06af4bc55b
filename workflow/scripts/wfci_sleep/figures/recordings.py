"""The recordings at a glance: how long each is, its states, its mask, and which ones have warnings."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wfci_sleep.figures.style import GAP_COLOUR, PAGE_HEIGHT_MM, TWO_COLUMNS_MM, new_figure, say, styled
from wfci_sleep.quality import STANDARD_MASK_PIXELS
from wfci_sleep.states import EPOCH_S, STATES

ARTEFACT_COLOUR = GAP_COLOUR
"""Grey of epochs that the expert could not score: a darker one is what the colour-blind see in place of REM's green."""

WARNING_COLOUR = "#d62728"
"""Red of everything that belongs to a recording with warnings."""

_MARGIN_MM = 28.0
"""Height of title, legend and axis."""

_BAR_MM = 6.0
"""Height of a bar with its gap where there is room for it."""

_POINTS_PER_MM = 72 / 25.4


@styled
def plot_recordings(quality: pd.DataFrame) -> Figure:
    """Draw a bar of states a recording, and beside it the size of its mask and how much of that lies in the atlas.

    Parameters
    ----------
    quality : table with columns mouse, recording, wake, nrem, rem, artefact, mask_pixels, atlas_overlap, warnings
        As in quality.tsv: one row a recording, the runs of a mouse in order; warnings are empty or NaN for none.

    Returns
    -------
    Figure
        Three panels that share their rows, grouped by mouse from top to bottom; recordings with warnings are marked
        with a red "!" beside their bar and red dots.
    """
    quality = _grouped_by_mouse(quality)
    n = len(quality)
    warned = quality["warnings"].astype(object).fillna("").str.strip().ne("").to_numpy()
    bar_mm = min(_BAR_MM, (PAGE_HEIGHT_MM - _MARGIN_MM) / max(n, 1))
    figure = new_figure(TWO_COLUMNS_MM, _MARGIN_MM + bar_mm * max(n, 3))
    n_mice = quality["mouse"].nunique()
    mice = f"{n_mice} {'mouse' if n_mice == 1 else 'mice'}"
    figure.suptitle(f"{mice}, {n} recording{'' if n == 1 else 's'}, {warned.sum()} with warnings")
    states, masks, overlaps = figure.subplots(1, 3, sharey=True, width_ratios=[3, 1.3, 0.9])
    states.set(xlabel="Time (min)")
    # `parcelisbrain` of the authors' AtlasandIsbrain.mat.
    standard = f"(dashed: {STANDARD_MASK_PIXELS:,} of the\nstandard mask parcelisbrain)"
    masks.set(title="Size of the mask", xlabel=f"Pixels {standard}")
    overlaps.set(
        title="Atlas overlap",
        xlabel="Share of the mask",
        xlim=(0, 1),
        xticks=[0, 0.5, 1],
        xticklabels=["0", "0.5", "1"],
    )
    if not n:
        say(states, "no recordings")
        states.set_yticks([])
        return figure
    _draw_states(states, quality)
    _mark_warnings(states, np.flatnonzero(warned), quality, bar_mm * _POINTS_PER_MM)
    size = float(np.clip(bar_mm * _POINTS_PER_MM * 0.8, 2.2, 4)) ** 2
    colours = np.where(warned, WARNING_COLOUR, "0.2")
    _draw_dots(masks, quality["mask_pixels"], colours, size)
    _draw_dots(overlaps, quality["atlas_overlap"], colours, size)
    _draw_brain_size(masks, quality["mask_pixels"])
    _separate_mice(figure.axes, quality["mouse"].to_numpy())
    # Where a panel has its title: it says all that a title would.
    states.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(STATES) + 1, handlelength=1.2, borderpad=0)
    return figure


def _grouped_by_mouse(quality: pd.DataFrame) -> pd.DataFrame:
    """Put the rows of each mouse together; mice and their runs stay in the order in which they come.

    Examples
    --------
    >>> _grouped_by_mouse(pd.DataFrame({"mouse": ["Ms10", "Ms2", "Ms10"], "run": [1, 1, 2]}))["run"].tolist()
    [1, 2, 1]
    """
    order = np.argsort(pd.factorize(quality["mouse"])[0], kind="stable")
    return quality.iloc[order].reset_index(drop=True)


def _minutes(epochs) -> np.ndarray:
    return np.asarray(epochs, dtype=float) * EPOCH_S / 60


def _draw_states(axes: Axes, quality: pd.DataFrame) -> None:
    """Stack the time in each state, a bar a recording."""
    kinds = [(state.name, state.title, state.colour) for state in STATES] + [("artefact", "Artefact", ARTEFACT_COLOUR)]
    rows, left = np.arange(len(quality)), np.zeros(len(quality))
    for name, title, colour in kinds:
        width = _minutes(quality[name])
        axes.barh(rows, width, left=left, height=0.8, color=colour, lw=0, label=title)
        left += width
    axes.set_xlim(0, 1.05 * left.max() or 1)


def _mark_warnings(axes: Axes, rows: np.ndarray, quality: pd.DataFrame, bar_points: float) -> None:
    """Write a "!" behind the bars of `rows`, small enough that neighbours stay apart."""
    ends = _minutes(quality[[state.name for state in STATES] + ["artefact"]].sum(axis=1))
    look = {"color": WARNING_COLOUR, "weight": "bold", "size": float(np.clip(1.25 * bar_points, 4, 9))}
    for row in rows:
        axes.annotate("!", (ends[row], row), (3, 0), textcoords="offset points", va="center_baseline", **look)


def _draw_dots(axes: Axes, values: pd.Series, colours: np.ndarray, size: float) -> None:
    axes.scatter(values.astype(float), np.arange(len(values)), s=size, c=colours, lw=0, clip_on=False, zorder=3)


def _draw_brain_size(axes: Axes, pixels: pd.Series) -> None:
    """Mark the size of the standard brain mask."""
    axes.axvline(STANDARD_MASK_PIXELS, color="0.35", lw=0.8, ls="--", zorder=1)
    axes.set_xlim(0, 1.15 * np.nanmax([STANDARD_MASK_PIXELS, *pixels.astype(float)]))
    axes.locator_params(axis="x", nbins=3)
    axes.xaxis.set_major_formatter("{x:,.0f}")


def _separate_mice(panels: list[Axes], mice: np.ndarray) -> None:
    """Label each mouse once, in the middle of its recordings, and draw a line between mice."""
    starts = np.flatnonzero(np.r_[True, mice[1:] != mice[:-1]])
    ends = np.r_[starts[1:], len(mice)]
    panels[0].set_yticks((starts + ends - 1) / 2, mice[starts])
    panels[0].set_ylim(len(mice) - 0.2, -0.8)
    for axes in panels:
        axes.tick_params(axis="y", length=0)
        for start in starts[1:]:
            axes.axhline(start - 0.5, color="0.6", lw=0.5, zorder=0)
