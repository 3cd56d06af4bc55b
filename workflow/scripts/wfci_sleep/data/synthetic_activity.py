"""Synthetic cortical activity: patterns of areas that differ with the state."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from wfci_sleep.data.synthetic_sessions import NREM_SCORE, REM_SCORE, WAKE_SCORE
from wfci_sleep.layout import EPOCH_FRAMES, EPOCH_S, FRAME_RATE_HZ, FRAME_SHAPE
from wfci_sleep.states import ARTEFACT_SCORE

SIZE, _ = FRAME_SHAPE

AREAS: dict[str, tuple[tuple[float, float], ...]] = {
    "Olf": ((6, 8), (12, 16)),
    "Frontal": ((24, 10), (26, 22)),
    "Cing": ((36, 1), (48, 1), (60, 1)),
    "M2": ((36, 8), (48, 9), (60, 8), (70, 7)),
    "M1": ((38, 23), (50, 21), (62, 18), (72, 16)),
    "SS Head": ((44, 36), (54, 42), (64, 49)),
    "SS Fp": ((56, 31), (64, 30)),
    "SS Hp": ((66, 24), (73, 22)),
    "SS Wb": ((68, 40), (78, 42), (82, 34)),
    "SS Sh": ((75, 28),),
    "SS Tr": ((81, 23),),
    "Retro": ((78, 3), (88, 4), (98, 4), (108, 3)),
    "Par Med": ((85, 14),),
    "Par": ((88, 22),),
    "Par Post": ((92, 32),),
    "V2 Med": ((96, 14), (106, 13), (118, 12)),
    "V1": ((103, 26), (113, 26), (122, 24)),
    "V2 Lat": ((98, 42), (108, 42), (120, 38)),
    "Aud": ((92, 50), (102, 52)),
    "Assoc": ((115, 51),),
}
"""Seeds of each area of one hemisphere: row, and distance from the midline in pixels; our rough estimates."""

_OUTLINE_ROWS = (0, 5, 16, 22, 30, 42, 56, 66, 86, 100, 114, 127)

_HALF_WIDTHS = (15, 20, 22, 26, 33, 41, 48, 51, 53, 57, 54, 46)
"""Half width of the dorsal cortex at these rows, in pixels."""

MIDLINE = (SIZE - 1) / 2


def brain_outline(scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """Mask of the dorsal cortex.

    Parameters
    ----------
    scale : float
        Width relative to the standard outline.
    shift : tuple of float
        Displacement in pixels: rows, columns.

    Returns
    -------
    array of bool, shape (128, 128)
        Row 0 is the front, columns 0-63 the left hemisphere.
    """
    rows, columns = np.mgrid[:SIZE, :SIZE]
    half_width = scale * np.interp(rows - shift[0], _OUTLINE_ROWS, _HALF_WIDTHS)
    return np.abs(columns - MIDLINE - shift[1]) <= half_width


def parcels() -> np.ndarray:
    """The synthetic atlas: the pixels nearest to each area's seeds.

    Returns
    -------
    array of uint8, shape (128, 128)
        1-20 left, 21-40 right (mirror images), 0 outside the brain.
    """
    rows, lateral = np.mgrid[:SIZE, : SIZE // 2]
    lateral = MIDLINE - lateral
    distances = [
        np.min([(rows - row) ** 2 + (lateral - column) ** 2 for row, column in seeds], axis=0)
        for seeds in AREAS.values()
    ]
    left = np.where(brain_outline()[:, : SIZE // 2], np.argmin(distances, axis=0) + 1, 0)
    right = np.where(left > 0, left + len(AREAS), 0)[:, ::-1]
    return np.hstack([left, right]).astype(np.uint8)


FRONT = ("Frontal", "M2", "M1")

BACK = ("Retro", "V2 Med", "V1")

SLOW_HZ = (0.5, 0.8)

FAST_HZ = (3.5, 4.5)


@dataclass(frozen=True)
class Pattern:
    """Properties of a state's bursts.

    Attributes
    ----------
    areas : tuple of str
        Areas around whose seeds they lie.
    band : (low, high)
        Frequencies within a burst in Hz.
    spots : int
        Places at which a burst appears simultaneously.
    size : float
        Size of a footprint relative to the mean.
    """

    areas: tuple[str, ...]
    band: tuple[float, float]
    spots: int
    size: float


# Three small spots cover as much cortex as a large one: the size of the active area doesn't reveal the state.
PATTERNS = {
    WAKE_SCORE: Pattern(FRONT, FAST_HZ, spots=3, size=0.75),
    NREM_SCORE: Pattern(FRONT, SLOW_HZ, spots=3, size=0.75),
    REM_SCORE: Pattern(BACK, SLOW_HZ, spots=1, size=1.3),
}

_BURSTS_PER_EPOCH = 10

_AMPLITUDE = 0.012
"""Height of a typical burst in dF/F."""

_BURST_S = 0.7
"""Standard deviation of a burst's envelope in time."""

_SHARPNESS = 1.5
"""Concentration of the pulses within a burst; near 0 they are sines."""

_FOOTPRINT_PX = 12.0
"""Standard deviation of a footprint in space."""

_SIZE_SPREAD = 0.05
"""Spread of the footprints' size from epoch to epoch, in natural logarithms."""

_LAGS = (-0.7, 0.0, 0.7)
"""Phases, in radians, of the three places that a travelling burst passes."""

_TRAVEL_PX = 8.0
"""Pixels that a wave travels per radian of its phase: some 30 pixels a second for slow waves."""

_BACKGROUND = 0.0007
"""Standard deviation of a mode of the background in dF/F."""

_BACKGROUND_MODES = 40


@dataclass(frozen=True)
class Mouse:
    """Differences between mice: gains relative to 1, and the brain mask (128, 128)."""

    amplitude: float
    background: float
    scale: float
    camera: float
    mask: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Mouse":
        """Draw a mouse."""
        amplitude, background, scale, camera = np.exp(rng.normal(0, [0.12, 0.1, 0.08, 0.1]))
        mask = brain_outline(scale=rng.uniform(0.96, 1.02), shift=tuple(rng.uniform(-1.5, 1.5, 2)))
        return cls(amplitude, background, scale, camera, mask)


class Activity:
    """Activity of the cortex during one run, without the camera, in dF/F.

    The activity is a sum of maps times time courses: bursts (a footprint that passes three places one after the other)
    and background modes. A run's bursts and courses are drawn together and take little memory; `epoch` makes the
    pixels of one epoch.

    Parameters
    ----------
    rng : numpy Generator
    scores : array of int, shape (n_epochs,)
    mouse : Mouse
    rows, columns : arrays of float, shapes (n_rows,) and (n_columns,)
        Positions of the image's rows and columns in the 128 x 128 image.
    mask : array of bool, shape (n_rows, n_columns)
        The pixels to make, returned column by column as in a MATLAB file.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        scores: np.ndarray,
        mouse: Mouse,
        rows: np.ndarray,
        columns: np.ndarray,
        mask: np.ndarray,
    ):
        self._rows, self._lateral = rows.astype(np.float32), (columns - MIDLINE).astype(np.float32)
        self._pixels = np.flatnonzero(mask.T)
        self._mouse = mouse
        self._bursts = _draw_bursts(rng, scores)
        row = rng.uniform(0, SIZE, (_BACKGROUND_MODES, 1))
        lateral = rng.uniform(-MIDLINE, MIDLINE, (_BACKGROUND_MODES, 1))
        self._modes = self._maps(self._bump(self._rows - row), self._bump(self._lateral - lateral))
        self._courses = _BACKGROUND * mouse.background * _pink_noise(rng, len(scores) * EPOCH_FRAMES, _BACKGROUND_MODES)

    def epoch(self, index: int) -> np.ndarray:
        """dF/F of one epoch, float32, shape (168, n_pixels)."""
        frames = slice(index * EPOCH_FRAMES, (index + 1) * EPOCH_FRAMES)
        seconds = np.arange(frames.start, frames.stop)[:, None] / FRAME_RATE_HZ
        reach_s = 4 * _BURST_S
        bursts = self._bursts[self._bursts.time_s.between(seconds[0, 0] - reach_s, seconds[-1, 0] + reach_s)]
        since = seconds - bursts.time_s.to_numpy()
        angle = 2 * np.pi * bursts.hz.to_numpy() * since + bursts.phase.to_numpy()
        envelope = self._mouse.amplitude * bursts.gain.to_numpy() * np.exp(-0.5 * (since / _BURST_S) ** 2)
        pulses = [envelope * _pulse(angle - lag) for lag in _LAGS]
        maps = [self._footprints(bursts, lag) for lag in _LAGS]
        return np.hstack([*pulses, self._courses[frames]]).astype(np.float32) @ np.vstack([*maps, self._modes])

    def _footprints(self, bursts: pd.DataFrame, lag: float) -> np.ndarray:
        """Maps (n_bursts, n_pixels) of the bursts on both sides of the midline, at their places after `lag` radians."""
        names = ["row", "lateral", "right", "direction", "size"]
        row, lateral, right, direction, size = bursts[names].to_numpy().T[..., None]
        down = self._rows - row - lag * _TRAVEL_PX * np.cos(direction)
        out = np.abs(self._lateral) - lateral - lag * _TRAVEL_PX * np.sin(direction)
        return self._maps(self._bump(down / size), np.where(self._lateral > 0, right, 1) * self._bump(out / size))

    def _bump(self, distance: np.ndarray) -> np.ndarray:
        return np.exp(-0.5 * (distance / (_FOOTPRINT_PX * self._mouse.scale)) ** 2)

    def _maps(self, by_row: np.ndarray, by_column: np.ndarray) -> np.ndarray:
        """Outer products of factors (n, n_rows) and (n, n_columns): shape (n, n_pixels), in single precision."""
        images = by_column.astype(np.float32)[:, :, None] * by_row.astype(np.float32)[:, None, :]
        return images.reshape(len(images), -1)[:, self._pixels]


def _pulse(angle: np.ndarray) -> np.ndarray:
    """A wave with narrow peaks and wide troughs, of mean 0 and height 1 from mean to peak."""
    level = np.i0(_SHARPNESS) * np.exp(-_SHARPNESS)
    return (np.exp(_SHARPNESS * (np.cos(angle) - 1)) - level) / (1 - level)


def _draw_bursts(rng: np.random.Generator, scores: np.ndarray) -> pd.DataFrame:
    """Bursts of a run: a table with one row per spot. During an artefact the state before it continues."""
    states = pd.Series(scores).where(scores != ARTEFACT_SCORE).ffill().bfill().fillna(WAKE_SCORE).astype(int)
    return pd.concat(
        [_draw_epoch(rng, epoch, PATTERNS[state]) for epoch, state in enumerate(states)], ignore_index=True
    )


def _draw_epoch(rng: np.random.Generator, epoch: int, pattern: Pattern) -> pd.DataFrame:
    n, spots = _BURSTS_PER_EPOCH, pattern.spots
    bursts = pd.DataFrame(
        {
            "time_s": (epoch + rng.random(n)) * EPOCH_S,
            "hz": rng.uniform(*pattern.band, n),
            "phase": rng.uniform(0, 2 * np.pi, n),
            "direction": rng.normal(0, 0.6, n),
            "gain": _AMPLITUDE * np.exp(rng.normal(0, 0.2) + rng.normal(0, 0.3, n)),
            "size": pattern.size * np.exp(rng.normal(0, _SIZE_SPREAD)),
        }
    )
    seeds = np.array([seed for area in pattern.areas for seed in AREAS[area]])
    row, lateral = (seeds[rng.integers(len(seeds), size=n * spots)] + rng.normal(0, 3, (n * spots, 2))).T
    right = np.exp(rng.normal(0, 0.2, n * spots))
    return bursts.loc[np.repeat(bursts.index, spots)].assign(row=row, lateral=lateral, right=right)


def _pink_noise(rng: np.random.Generator, n_frames: int, n_courses: int) -> np.ndarray:
    """Courses (n_frames, n_courses) with a 1/f power spectrum from 0.05 to 7 Hz and a standard deviation of 1."""
    hz = np.fft.rfftfreq(n_frames, 1 / FRAME_RATE_HZ)[:, None]
    shape = np.where((hz > 0.05) & (hz < 7), 1 / np.sqrt(np.maximum(hz, 0.05)), 0)
    spectrum = shape * (rng.normal(size=(len(hz), n_courses)) + 1j * rng.normal(size=(len(hz), n_courses)))
    courses = np.fft.irfft(spectrum, n_frames, axis=0)
    return courses / courses.std(axis=0)


def movement(rng: np.random.Generator) -> np.ndarray:
    """Transients of a moving animal, as gradients over the image: float32, shape (168, 128 * 128)."""
    frame = np.arange(EPOCH_FRAMES)[:, None]
    start, length = rng.uniform(0, EPOCH_FRAMES, 6), rng.uniform(3, 20, 6)
    courses = (frame >= start) * np.exp(-np.maximum(frame - start, 0) / length) * rng.normal(0, 10 * _AMPLITUDE, 6)
    columns, rows = np.mgrid[:SIZE, :SIZE].reshape(2, -1) / MIDLINE - 1
    maps = rng.normal(size=(6, 2)) @ np.stack([rows, columns])
    return courses.astype(np.float32) @ maps.astype(np.float32)
