"""One look for all figures, and one way of writing them.

Figures are made with matplotlib's object interface, never through pyplot: nothing has to be closed, and no display is
asked for. Text stays text in SVG, and files hold neither dates nor random identifiers, so that the same data give the
same bytes.
"""

import functools
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeAlias, TypeVar

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from wfci_sleep.files.atomic import written_atomically
from wfci_sleep.states import BY_NAME, NREM, REM, SLEEP, WAKE

if TYPE_CHECKING:  # matplotlib 3.9 has no such name
    from matplotlib.typing import RcKeyType

P = ParamSpec("P")
R = TypeVar("R")

Look: TypeAlias = dict[str, Any]
"""Arguments of matplotlib that say how something looks, e.g. `{"color": "0.6", "lw": 0.8}`."""


class Named(Protocol):
    """Files or settings as attributes, under their names in the catalogue: what every `draw` of a figure takes.

    Snakemake's `input` and `params` are such objects, and so is a `types.SimpleNamespace`.
    """

    def __getattribute__(self, name: str, /) -> Any: ...


ONE_COLUMN_MM = 85.0
"""Width of a figure that fills one column of a printed page, in millimetres."""

TWO_COLUMNS_MM = 180.0
"""Width of a figure that fills both columns, in millimetres."""

PAGE_HEIGHT_MM = 230.0
"""Height that no figure should exceed, in millimetres."""

PNG_DPI = 200
"""Resolution of PNG files, and of what is rasterised inside SVG files, in dots per inch."""

GAP_COLOUR = "0.88"
"""Light grey of recorded time without a state."""

PAUSE_HATCH: Look = {"facecolor": "white", "edgecolor": "0.75", "hatch": "////////", "linewidth": 0}
"""Look of time between recordings."""

PALETTES = {
    "published": {name: state.colour for name, state in BY_NAME.items()},
    "colour-blind": {
        WAKE.name: (230 / 255, 159 / 255, 0),
        NREM.name: (0, 114 / 255, 178 / 255),
        REM.name: (0, 158 / 255, 115 / 255),
        SLEEP.name: (0, 114 / 255, 178 / 255),
    },
}
"""Colours of the states, red, green and blue in 0..1, by the setting `figures.palette`.

`published` are those of the published hypnograms. `colour-blind` are orange, blue and bluish green of Okabe & Ito 2008
(Color Universal Design): of that set, without the black of lines and marks, the three that are least alike, and least
like the grey of gaps, to every kind of dichromat and in grey print.
"""

_PALETTE = ContextVar("palette", default="published")

_MM_PER_INCH = 25.4

_RC: "dict[RcKeyType, Any]" = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that the same text is as wide on every machine
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "figure.titlesize": 9,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "text.parse_math": False,  # a name with two dollar signs is a name
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.0,
    "hatch.linewidth": 0.5,
    "image.interpolation": "nearest",
    "agg.path.chunksize": 10000,
    "savefig.bbox": "tight",
    "savefig.pad_inches": 0.03,
    "svg.fonttype": "none",
    "svg.hashsalt": "wfci-sleep",
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the shared style inside the block, whatever the user's own matplotlib settings are.

    Examples
    --------
    >>> with style():
    ...     mpl.rcParams["svg.fonttype"]
    'none'
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)
        yield


def styled(plot: Callable[P, R]) -> Callable[P, R]:
    """Make a function draw in the shared style."""

    @functools.wraps(plot)
    def draw(*args: P.args, **kwargs: P.kwargs) -> R:
        with style():
            return plot(*args, **kwargs)

    return draw


def new_figure(width_mm: float, height_mm: float) -> Figure:
    """Make an empty figure of a size given in millimetres, laid out so that labels don't overlap.

    Examples
    --------
    >>> float(round(new_figure(254, 127).get_figwidth(), 6))
    10.0
    """
    return Figure(figsize=(width_mm / _MM_PER_INCH, height_mm / _MM_PER_INCH), layout="constrained")


def state_titles(names: Sequence[str]) -> list[str]:
    """Names of states as figures show them.

    Examples
    --------
    >>> state_titles(["wake", "nrem"])
    ['Wake', 'NREM']
    """
    return [BY_NAME[name].title for name in names]


@contextmanager
def palette(name: str) -> Iterator[None]:
    """Draw states in the colours of a palette of `PALETTES` inside the block; `published` outside of any.

    Examples
    --------
    >>> with palette("colour-blind"):
    ...     state_colours(["nrem"]) == state_colours(["sleep"]) == [PALETTES["colour-blind"]["nrem"]]
    True
    """
    before = _PALETTE.set(name)
    try:
        yield
    finally:
        _PALETTE.reset(before)


def state_colours(names: Sequence[str]) -> list[tuple[float, float, float]]:
    """Red, green and blue (0..1) of each state in the palette that is in use."""
    colours = PALETTES[_PALETTE.get()]
    return [colours[name] for name in names]


def time_unit(longest_s: float) -> tuple[str, float]:
    """Choose the unit of a session's time axis and its length in seconds: hours, or minutes for less than an hour."""
    return ("h", 3600.0) if longest_s >= 3600 else ("min", 60.0)


def time_ticks(start: float, end: float, unit: str) -> list[float]:
    """Choose where a session's time axis has ticks: at round times, half hours if they fit, ten ticks at most.

    Parameters
    ----------
    start, end : float
        Limits of the axis in its unit.
    unit : str
        `h` or `min`, as `time_unit` gives it.

    Examples
    --------
    >>> time_ticks(0, 3.05, "h")
    [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
    >>> time_ticks(0, 12.5, "min")
    [0, 2, 4, 6, 8, 10, 12]
    """
    steps = {"h": (0.5, 1, 2, 4, 8), "min": (0.5, 1, 2, 5, 10)}[unit]
    step = next((step for step in steps if (end - start) / step < 10), max(steps[-1], math.ceil((end - start) / 9)))
    return [number * step for number in range(math.ceil(start / step), math.floor(end / step) + 1)]


class _PlainLogFormatter(LogFormatter):
    """Plain numbers at the ticks that matplotlib would label, but for 3 and 6, which come too close to 2 and 4."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if super().__call__(x, pos) and f"{x:e}"[0] not in "36" else ""


def label_log_ticks(axis: Axis) -> None:
    """Label a logarithmic axis with plain numbers: matplotlib's powers of ten are mathematics, and no text is here."""
    axis.set_major_formatter(_PlainLogFormatter())
    axis.set_minor_formatter(_PlainLogFormatter())


def say(axes: Axes, message: str) -> None:
    """Write `message` in the middle of a panel that has nothing else to show."""
    axes.text(0.5, 0.5, message, transform=axes.transAxes, ha="center", va="center", color="0.35", fontsize=7)


def save(figure: Figure, svg_path: str | os.PathLike, png_path: str | os.PathLike, note: str | None = None) -> None:
    """Write a figure as SVG and as PNG, each whole or not at all.

    Parameters
    ----------
    figure : Figure
        As a `plot_*` function returns it.
    svg_path, png_path : path
        Where the files go; folders are made where needed.
    note : str, optional
        One line printed small below the figure, e.g. `"Synthetic data: not a scientific result"`.
    """
    with style():
        if note:
            figure.text(0.5, -0.005, note, ha="center", va="top", fontsize=7, color="0.35")
        for path, metadata in ((svg_path, {"Date": None}), (png_path, {})):
            with written_atomically(path) as temporary:
                figure.savefig(temporary, dpi=PNG_DPI, metadata=metadata)
