"""A movie of one window: the cortex, where the network looked, and when."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import imageio.v2 as imageio
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.text import Text
from skimage.transform import resize

from wfci_sleep.errors import InputError
from wfci_sleep.figures.style import new_figure, say, state_titles, styled
from wfci_sleep.files.atomic import written_atomically
from wfci_sleep.layout import FRAME_RATE_HZ, FRAME_SHAPE
from wfci_sleep.scoring.examples import Example
from wfci_sleep.scoring.explanations import METHOD_TITLES

_WIDTH_MM, _HEIGHT_MM = 140.0, 100.0

_DPI = 140

_GIF_STEP = 2
"""Frames of the window from one picture of a GIF to the next."""

_VALUES = {
    "temporal-zscore": "dF/F (z-score of each pixel)",
    "spatial-zscore": "dF/F (z-score of each frame)",
    "min-max": "dF/F (0 to 1 over the window)",
}

_MARKER = "#d62728"


@styled
def write_movie(
    path: str | os.PathLike, example: Example, normalisation: str, method: str = "gradcam", note: str | None = None
) -> None:
    """Write the movie of a window picture by picture, whole or not at all.

    Parameters
    ----------
    path : path
        `.mp4`: H.264, every frame at the rate of the recording. `.gif`: every second frame, at the same speed.
    example : Example
    normalisation : {"temporal-zscore", "spatial-zscore", "min-max"}
        What the values of the frames are.
    method : str
        Which of the example's class activation maps is shown.
    note : str, optional
        One line printed small below, e.g. `"Synthetic data: not a scientific result"`.

    Raises
    ------
    InputError
        If an `.mp4` is asked for and the package that brings ffmpeg is not installed.
    """
    if Path(path).suffix == ".mp4" and find_spec("imageio_ffmpeg") is None:
        raise InputError(f"{path}: films need the package imageio-ffmpeg, which is not installed; run `make install`")
    scene = Scene(example, normalisation, method, note)
    step, options = {".mp4": (1, _mp4_options()), ".gif": (_GIF_STEP, _gif_options())}[Path(path).suffix]
    with written_atomically(path) as temporary, imageio.get_writer(temporary, **options) as writer:
        for picture in scene.pictures(step):
            writer.append_data(picture)  # type: ignore[attr-defined]  # the stub of `__enter__` gives the base class


def _mp4_options() -> dict:
    # Even sizes and this pixel format are what every player shows; without the encoder's name, the same every time.
    exact = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-movflags", "+faststart"]
    return {
        "format": "FFMPEG",
        "fps": FRAME_RATE_HZ,
        "codec": "libx264",
        "pixelformat": "yuv420p",
        "quality": 6,
        "macro_block_size": 2,
        "output_params": exact,
    }


def _gif_options() -> dict:
    # The format counts in hundredths of a second.
    return {"mode": "I", "duration": 10 * round(100 * _GIF_STEP / FRAME_RATE_HZ), "loop": 0}


class Scene:
    """What a movie shows: the frame, the frame under the class activation map, attention with a marker.

    Parameters
    ----------
    example, normalisation, method, note
        As for `write_movie`.

    Attributes
    ----------
    figure : Figure
        As it is at the moment that `show` was last asked for.
    """

    def __init__(self, example: Example, normalisation: str, method: str = "gradcam", note: str | None = None):
        self._example, self._heat = example, example.heat[method]
        # A pixel of the brain that never changes is zero throughout, as are those outside.
        self._mask = (example.frames != 0).any(axis=0)
        self.figure = new_figure(_WIDTH_MM, _HEIGHT_MM)
        self.figure.set_dpi(_DPI)
        self.figure.suptitle(_title(example))
        if note:
            self.figure.supxlabel(note, fontsize=7, color="0.35")
        grid = self.figure.add_gridspec(2, 2, height_ratios=[3, 1])
        alone, under = (self.figure.add_subplot(grid[0, column]) for column in range(2))
        self._images = [_draw_frame(axes, example.frames[0], self._mask) for axes in (alone, under)]
        lowest, highest = _limits(example.frames[:, self._mask])
        self._images[0].set_clim(lowest, highest)
        # Dark greys only, so that the map's colours keep their meaning over bright pixels.
        self._images[1].set_clim(lowest, lowest + (highest - lowest) / 0.6)
        self.figure.colorbar(self._images[0], ax=alone, label=_VALUES[normalisation], shrink=0.8)
        self._map = _draw_map(under, example.frames.shape[1:])
        bar = self.figure.colorbar(self._map, ax=under, label=METHOD_TITLES[method], shrink=0.8)
        bar.ax.set_facecolor("0.5")
        alone.set_title("Recorded")
        under.set_title(f"{METHOD_TITLES[method]} for {state_titles(example.states)[example.y_pred]}")
        self._line, self._point, self._clock = _draw_attention(self.figure.add_subplot(grid[1, :]), example.attention)
        self._moving = [*self._images, self._map, self._line, self._point, self._clock]
        self.show(0)

    def show(self, frame: int) -> None:
        """Show a frame of the window."""
        values = np.where(self._mask, self._example.frames[frame].astype(np.float32), np.nan)
        for image in self._images:
            image.set_data(values)
        self._map.set_data(_over_frame(self._heat[frame], self._mask))
        time_s = frame / FRAME_RATE_HZ
        self._line.set_xdata([time_s, time_s])
        self._point.set_data([time_s], [self._example.attention[frame]])
        self._clock.set_text(f"{time_s:.2f} s")

    def pictures(self, step: int = 1) -> Iterator[np.ndarray]:
        """Pictures of every `step`-th frame: uint8, shape (height, width, 3), both even."""
        # What stays the same is drawn once: all of a figure takes longer than what moves in a whole movie.
        for artist in self._moving:
            artist.set_animated(True)
        canvas = FigureCanvasAgg(self.figure)
        canvas.draw()
        still = canvas.copy_from_bbox(self.figure.bbox)
        for frame in range(0, len(self._example.frames), step):
            self.show(frame)
            canvas.restore_region(still)
            for artist in self._moving:
                artist.draw(canvas.get_renderer())
            picture = np.asarray(canvas.buffer_rgba())
            height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
            yield picture[:height, :width, :3].copy()


def _title(example: Example) -> str:
    titles = state_titles(example.states)
    network = f"network {titles[example.y_pred]} (p = {example.probabilities[example.y_pred]:.2f})"
    return f"{example.mouse}, {example.recording}, epoch {example.epoch}\n{network}, human {titles[example.y_true]}"


def _limits(values: np.ndarray) -> tuple[float, float]:
    """Lowest and highest value shown; the rest, single noisy pixels, take the colours of these."""
    return tuple(np.percentile(values.astype(np.float32), [0.5, 99.5])) if values.size else (0.0, 1.0)


def _draw_frame(axes: Axes, frame: np.ndarray, mask: np.ndarray) -> AxesImage:
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    if not mask.any():
        say(axes, "no pixel changes\nin this window")
    return axes.imshow(np.where(mask, frame.astype(np.float32), np.nan), cmap="gray")


def _draw_map(axes: Axes, shape: tuple[int, int]) -> AxesImage:
    """Make room for the map over a frame; cold places let the frame through."""
    rows, columns = shape
    colours = mpl.colormaps["inferno"](np.linspace(0.3, 1, 256))
    colours[:, 3] = np.linspace(0, 0.95, 256) ** 0.6
    extent = (-0.5, columns - 0.5, rows - 0.5, -0.5)
    return axes.imshow(np.full(shape, np.nan), cmap=ListedColormap(colours), vmin=0, vmax=1, extent=extent)


def _over_frame(heat: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A class activation map resized bilinearly to a recorded frame, NaN outside the mask of a binned one."""
    binning = max(FRAME_SHAPE[0] // len(mask), 1)
    inside = mask.repeat(binning, axis=0).repeat(binning, axis=1)
    return np.where(inside, resize(heat, inside.shape, order=1, mode="edge", anti_aliasing=False), np.nan)


def _draw_attention(axes: Axes, attention: np.ndarray) -> tuple[Line2D, Line2D, Text]:
    """Draw the attention weights; return the marker's line and point, and the text for the time."""
    times = np.arange(len(attention)) / FRAME_RATE_HZ
    axes.plot(times, attention, color="black", clip_on=False)
    axes.axhline(1 / len(attention), color="0.6", lw=0.6, ls=":")
    axes.set(xlabel="Time in the window (s)", ylabel="Weight", xlim=(0, max(times[-1], 1 / FRAME_RATE_HZ)))
    axes.set_ylim(0, 1.1 * attention.max())
    axes.set_title("Attention over time (dotted: equal weights)", loc="left")
    line = axes.axvline(0, color=_MARKER, lw=0.8)
    [point] = axes.plot([], [], "o", color=_MARKER, ms=4, clip_on=False)
    return line, point, axes.set_title("0.00 s", loc="right", fontweight="bold")
