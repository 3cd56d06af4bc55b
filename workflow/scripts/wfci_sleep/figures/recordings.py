"""The recordings at a glance: how long each is, its states, its mask, and which ones have warnings."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import ColorType

from wfci_sleep.figures.style import (
    GAP_COLOUR,
    PAGE_HEIGHT_MM,
    TWO_COLUMNS_MM,
    Look,
    Named,
    new_figure,
    say,
    state_colours,
    state_titles,
    styled,
)
from wfci_sleep.layout import EPOCH_S, STANDARD_MASK_PIXELS
from wfci_sleep.preprocessing.quality import MIN_ATLAS_OVERLAP, USUAL_MASK_PIXELS, recordings_and_notes
from wfci_sleep.states import STATES
from wfci_sleep.tables import read_table
from wfci_sleep.tables.recordings import QUALITY

ARTEFACT_COLOUR = GAP_COLOUR
"""Grey of epochs that the human could not score. To a deuteranope REM's green looks like a darker grey."""

LEFT_OUT_COLOUR = "0.55"
"""Darker grey of epochs that are left out for another reason."""

WARNING_COLOUR = "#d62728"
"""Red of the "!" of a recording with warnings, and of a mask's size or atlas overlap that is itself unusual."""

_MARGIN_MM = 28.0
"""Height of title, legend and axis."""

_BAR_MM = 6.0
"""Height of a bar with its gap where there is room for it."""

_POINTS_PER_MM = 72 / 25.4


def draw(inputs: Named, params: Named) -> Figure:
    """Draw the recordings of a run from `quality`."""
    quality, _ = recordings_and_notes(read_table(inputs.quality, QUALITY))
    return plot_recordings(quality)


@styled
def plot_recordings(quality: pd.DataFrame) -> Figure:
    """Draw a bar of states a recording, and beside it the size of its mask and how much of that lies in the atlas.

    Parameters
    ----------
    quality : table
        As quality.tsv: one row a recording, the runs of a mouse in order. Columns mouse, recording, epochs, wake, nrem,
        rem, artefact, no_signal, excluded, mask_pixels, atlas_overlap, warnings (empty or NaN for none); a recording
        without epochs is left out.

    Returns
    -------
    Figure
        Three panels that share their rows, grouped by mouse from top to bottom; recordings with warnings are marked
        with a red "!" beside their bar, unusual sizes and overlaps with red dots.
    """
    quality = _grouped_by_mouse(quality)
    n = len(quality)
    warned = quality["warnings"].astype(object).fillna("").str.strip().ne("").to_numpy()
    bar_mm = min(_BAR_MM, (PAGE_HEIGHT_MM - _MARGIN_MM) / max(n, 1))
    figure = new_figure(TWO_COLUMNS_MM, _MARGIN_MM + bar_mm * max(n, 3))
    n_mice = quality["mouse"].nunique()
    mice = f"{n_mice} {'mouse' if n_mice == 1 else 'mice'}"
    left_out = np.flatnonzero(quality["epochs"] == 0)
    without = f", {len(left_out)} left out" if len(left_out) else ""
    figure.suptitle(f"{mice}, {n} recording{'' if n == 1 else 's'}, {warned.sum()} with warnings{without}")
    states, masks, overlaps = figure.subplots(1, 3, sharey=True, width_ratios=[3, 1.3, 0.9])
    states.set(xlabel="Time (min)")
    # `parcelisbrain` of the authors' AtlasandIsbrain.mat.
    standard = f"(dashed: {STANDARD_MASK_PIXELS:,} of the\nauthors' standard mask)"
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
    _mark(states, "!", np.flatnonzero(warned), quality, bar_mm * _POINTS_PER_MM, WARNING_COLOUR)
    _mark(states, "left out", left_out, quality, bar_mm * _POINTS_PER_MM, "0.35")
    size = float(np.clip(bar_mm * _POINTS_PER_MM * 0.8, 2.2, 4)) ** 2
    pixels = quality["mask_pixels"].where(quality["epochs"] > 0).astype(float)
    overlap = quality["atlas_overlap"].astype(float)
    _draw_dots(masks, pixels, ~pixels.between(*USUAL_MASK_PIXELS), size)
    _draw_dots(overlaps, overlap, overlap < MIN_ATLAS_OVERLAP, size)
    _draw_brain_size(masks, quality["mask_pixels"])
    _separate_mice(figure.axes, quality["mouse"].to_numpy())
    # Where a panel has its title: it says all that a title would.
    states.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1),
        ncols=len(states.get_legend_handles_labels()[1]),
        handlelength=1.2,
        borderpad=0,
    )
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


def _minutes(epochs: pd.Series) -> np.ndarray:
    return np.asarray(epochs, dtype=float) * EPOCH_S / 60


def _draw_states(axes: Axes, quality: pd.DataFrame) -> None:
    """Stack the time in each state, a bar a recording."""
    names = [state.name for state in STATES]
    kinds: list[tuple[str, str, ColorType]] = list(zip(names, state_titles(names), state_colours(names), strict=True))
    kinds.append(("artefact", "Artefact", ARTEFACT_COLOUR))
    others = quality["no_signal"] + quality["excluded"]
    if others.any():
        quality = quality.assign(others=others)
        kinds.append(("others", "Left out", LEFT_OUT_COLOUR))
    rows, left = np.arange(len(quality)), np.zeros(len(quality))
    for name, title, colour in kinds:
        width = _minutes(quality[name])
        axes.barh(rows, width, left=left, height=0.8, color=colour, lw=0, label=title)
        left += width
    axes.set_xlim(0, 1.05 * left.max() or 1)


def _mark(axes: Axes, text: str, rows: np.ndarray, quality: pd.DataFrame, bar_points: float, colour: str) -> None:
    """Write something behind the bars of `rows`, small enough that neighbours stay apart."""
    look: Look = {"color": colour, "weight": "bold", "size": float(np.clip(1.25 * bar_points, 4, 9))}
    for row, end in zip(rows, _minutes(quality["epochs"].iloc[rows]), strict=True):
        axes.annotate(text, (end, row), (3, 0), textcoords="offset points", va="center_baseline", **look)


def _draw_dots(axes: Axes, values: pd.Series, unusual: pd.Series, size: float) -> None:
    colours = np.where(unusual, WARNING_COLOUR, "0.2")
    axes.scatter(values, np.arange(len(values)), s=size, c=colours, lw=0, clip_on=False, zorder=3)


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
