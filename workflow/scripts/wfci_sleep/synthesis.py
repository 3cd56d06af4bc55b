"""Synthetic recordings and a synthetic atlas, in the layout of the PhysioNet database `calcium-imaging-sleep-state`.

They let the whole workflow run without a download: the files are read by the code that reads the database's files, and
the states in them can be learned, though not perfectly, by a network that uses both space and time. They are a test
bed, not a model of the cortex; nothing measured on them says anything about mice.

What the signal imitates
------------------------
- Wake: fast, localised events (3.5-4.5 Hz) over frontal and motor cortex, as of movements.
- NREM: slow waves (0.5-0.8 Hz) over frontal and motor cortex, travelling mostly from front to back (Massimini et al.
  2004, J. Neurosci. 24, 6862; in wide-field calcium imaging Brier et al. 2019, Neurophotonics 6, 035002).
- REM: slow, broad activity of posterior and retrosplenial cortex (Dong et al. 2022, Nat. Neurosci. 25, 1675, with the
  retrosplenial cortex as a site of initiation; Soltani et al. 2019, Front. Syst. Neurosci. 13, 51: REM is most
  frequent in posterior leads in mice).
- All states: a background with a 1/f spectrum that the pixels share, and the noise of a camera; amplitude, spatial
  scale, noise and the brain's outline differ from mouse to mouse.

What makes it hard
------------------
All activity comes in bursts of one kind, about 2 s long. Wake and NREM share the places and differ in the frequency
within a burst, so single frames hardly tell them apart. NREM and REM share the frequency and differ in where the bursts
are and how large; since a burst always covers about the same area, in several small spots or in one large one, spectra
and amounts without space don't tell them apart.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from wfci_sleep.errors import InputError
from wfci_sleep.files import written_atomically
from wfci_sleep.matfile import Stream, write_mat73
from wfci_sleep.states import ARTEFACT_SCORE, EPOCH_S, FRAME_RATE_HZ

SIZE = 128
FRAMES = 168
WAKE_SCORE, NREM_SCORE, REM_SCORE = 0, 1, 3

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
"""Seeds of each area of one hemisphere: row, and distance from the midline in pixels; rough places, ours."""

_OUTLINE_ROWS = (0, 5, 16, 22, 30, 42, 56, 66, 86, 100, 114, 127)
_HALF_WIDTHS = (15, 20, 22, 26, 33, 41, 48, 51, 53, 57, 54, 46)
"""Half width of the dorsal cortex at these rows, in pixels."""

MIDLINE = (SIZE - 1) / 2

_DESCRIPTION = "Synthetic: made by wfci_sleep.synthesis, no recorded data"


# --- geometry ---------------------------------------------------------------------------------------------------------


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


def synthesise_atlas(path: str | os.PathLike) -> None:
    """Write the synthetic atlas as the database's `atlas.mat`: MATLAB v5, `AtlasSeeds` and `parcelnames`.

    `AtlasSeeds` is uint8 128 x 128, `parcelnames` a 1 x 40 cell ("Olf L" ... "Assoc R"); `description` says that the
    file is synthetic.
    """
    from scipy.io import savemat  # here, as Snakemake asks this module for names each time it starts

    names = np.array([[f"{area} {side}" for side in "LR" for area in AREAS]], dtype=object)
    variables = {"AtlasSeeds": parcels(), "parcelnames": names, "description": _DESCRIPTION}
    with written_atomically(path) as temporary:
        savemat(temporary, variables, do_compression=True)
        _without_date(temporary)


def _without_date(path: str | os.PathLike) -> None:
    """Overwrite the header's text, in which scipy puts the time of writing."""
    with open(path, "r+b") as file:
        file.write(f"MATLAB 5.0 MAT-file, {_DESCRIPTION}".encode("ascii").ljust(116))


# --- sessions ---------------------------------------------------------------------------------------------------------

_CHAIN = {
    WAKE_SCORE: {WAKE_SCORE: 0.90, NREM_SCORE: 0.10},
    NREM_SCORE: {NREM_SCORE: 0.88, WAKE_SCORE: 0.06, REM_SCORE: 0.06},
    REM_SCORE: {REM_SCORE: 0.84, WAKE_SCORE: 0.13, NREM_SCORE: 0.03},
}
_LEAST_SHARE = {WAKE_SCORE: 0.25, NREM_SCORE: 0.25, REM_SCORE: 0.15}
_ARTEFACT_SHARE = 0.03
_EPOCHS_PER_REM_BOUT = 25
"""A session has a bout of REM for every so many epochs, at least."""
_TRIES = 20_000


def synthetic_recordings(settings: dict) -> pd.DataFrame:
    """List the recordings of a synthetic data set.

    Parameters
    ----------
    settings : dict
        `mice`, `runs_per_mouse`, `epochs_per_run`, `seed`: the configuration's `dataset.synthetic`.

    Returns
    -------
    table with columns mouse (Ms1 ...), recording (Ms1-fc1 ...), order (1, 2, ...).

    Examples
    --------
    >>> synthetic_recordings({"mice": 1, "runs_per_mouse": 2, "epochs_per_run": 36, "seed": 42})
      mouse recording  order
    0   Ms1   Ms1-fc1      1
    1   Ms1   Ms1-fc2      2
    """
    pairs = [(m, r) for m in range(1, settings["mice"] + 1) for r in range(1, settings["runs_per_mouse"] + 1)]
    return pd.DataFrame(
        [(f"Ms{mouse}", f"Ms{mouse}-fc{run}", run) for mouse, run in pairs], columns=["mouse", "recording", "order"]
    )


def session_scores(mouse_index: int, settings: dict) -> list[np.ndarray]:
    """Scores of each run of a mouse, in order of time.

    A Markov chain over 10-s epochs whose mean bouts are of the order that is known of mice: wake about 100 s, NREM
    about 80 s, REM about 60 s and only out of NREM (bouts of mice in 10-s epochs: McShane et al. 2010, J. Neurosci.
    Methods 193, 321). Chains are drawn until each state has a share that a short session can be tested on, so REM is
    more frequent than in mice (5-10 %). A run goes on in the state in which the one before ended; about 3 % of the
    epochs are artefacts, at least one a run, and in the first run two of them in a row.

    Returns
    -------
    list of arrays of int, one per run, each of shape (n_epochs,)
        0 wake, 1 NREM, 2 artefact, 3 REM. The last of several runs has two thirds of the epochs.

    Raises
    ------
    InputError
        If the session is too short to hold all states.
    """
    rng = _generator(settings, mouse_index, 0)
    lengths = [settings["epochs_per_run"]] * settings["runs_per_mouse"]
    if len(lengths) > 1:
        lengths[-1] = max(1, 2 * lengths[-1] // 3)
    artefacts = np.concatenate([_artefacts(rng, n, contiguous=run == 0) for run, n in enumerate(lengths)])
    for _ in range(_TRIES):
        scores = np.where(artefacts, ARTEFACT_SCORE, _markov_chain(rng, sum(lengths)))
        if _is_testable(scores):
            return np.split(scores, np.cumsum(lengths)[:-1])
    raise InputError(
        f"dataset.synthetic: a session of {sum(lengths)} epochs is too short for wake, NREM and REM, "
        "expected 20 or more; raise epochs_per_run or runs_per_mouse"
    )


def _markov_chain(rng: np.random.Generator, n_epochs: int) -> np.ndarray:
    states = [int(rng.choice([WAKE_SCORE, NREM_SCORE]))]
    for draw in rng.random(n_epochs - 1):
        nexts = _CHAIN[states[-1]]
        states.append(list(nexts)[int(np.searchsorted(np.cumsum(list(nexts.values()))[:-1], draw, side="right"))])
    return np.array(states)


def _artefacts(rng: np.random.Generator, n_epochs: int, contiguous: bool) -> np.ndarray:
    marked = np.zeros(n_epochs, dtype=bool)
    marked[rng.choice(n_epochs, size=max(1, round(_ARTEFACT_SHARE * n_epochs)), replace=False)] = True
    if contiguous and n_epochs > 1:
        first = min(int(np.flatnonzero(marked)[0]), n_epochs - 2)
        marked[first : first + 2] = True
    return marked


def _is_testable(scores: np.ndarray) -> bool:
    """Enough of each state, and REM out of NREM also where an artefact hides what came before."""
    seen = scores[scores != ARTEFACT_SCORE]
    least = {state: max(1, np.ceil(share * len(seen))) for state, share in _LEAST_SHARE.items()}
    enough = all((seen == state).sum() >= number for state, number in least.items())
    starts_rem = (seen[1:] == REM_SCORE) & (seen[:-1] != REM_SCORE)
    return (
        enough
        and seen[0] != REM_SCORE
        and bool(np.all(seen[:-1][starts_rem] == NREM_SCORE))
        and starts_rem.sum() >= len(seen) // _EPOCHS_PER_REM_BOUT
    )


def _generator(settings: dict, mouse_index: int, stream: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(settings["seed"], spawn_key=(mouse_index, stream)))


# --- signal -----------------------------------------------------------------------------------------------------------

FRONT = ("Frontal", "M2", "M1")
BACK = ("Retro", "V2 Med", "V1")
SLOW_HZ = (0.5, 0.8)
FAST_HZ = (3.5, 4.5)


@dataclass(frozen=True)
class Pattern:
    """The bursts of a state.

    Attributes
    ----------
    areas : tuple of str
        Around whose seeds they lie.
    band : (low, high)
        Frequencies within a burst in Hz.
    spots : int
        Places that a burst shows at, all at once.
    size : float
        Size of a footprint relative to the mean.
    """

    areas: tuple[str, ...]
    band: tuple[float, float]
    spots: int
    size: float


# Three small spots cover as much cortex as one large one: how much of it is active at a time tells nothing.
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
"""Phases, in radians, of the three places of a burst on its way."""
_TRAVEL_PX = 8.0
"""Pixels that a wave travels in a radian of its phase: some 30 pixels a second for slow waves."""
_BACKGROUND = 0.0007
"""Standard deviation of a mode of the background in dF/F."""
_BACKGROUND_MODES = 40
_CAMERA = 0.002
"""Standard deviation of the camera's noise in dF/F."""
_STEP = 2.0**-10
"""Step of the analogue-to-digital conversion in dF/F, about half of the camera's noise.

A power of two leaves the low bytes of a single zero, so that the files compress to a tenth.
"""


@dataclass(frozen=True)
class Mouse:
    """What differs from mouse to mouse: gains relative to 1, and the brain mask (128, 128)."""

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

    Everything is a sum of maps times courses: bursts (a footprint at three places on its way, each a little later
    than the one before) and the modes of the background. A run's bursts and courses are drawn at once and take little
    memory; `epoch` makes the pixels of one epoch.

    Parameters
    ----------
    rng : numpy Generator
    scores : array of int, shape (n_epochs,)
    mouse : Mouse
    rows, columns : arrays of float, shapes (n_rows,) and (n_columns,)
        The places of an image's rows and columns in the 128 x 128 image.
    mask : array of bool, shape (n_rows, n_columns)
        The pixels to make; they come column by column, as they lie in a file of MATLAB's.
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
        self._courses = _BACKGROUND * mouse.background * _pink_noise(rng, len(scores) * FRAMES, _BACKGROUND_MODES)

    def epoch(self, index: int) -> np.ndarray:
        """dF/F of one epoch, float32, shape (168, n_pixels)."""
        frames = slice(index * FRAMES, (index + 1) * FRAMES)
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
        """Maps (n_bursts, n_pixels) of the bursts, on both sides of the midline, where they are after `lag` radians."""
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
    """Bursts of a run: a table with one row a spot. Under an artefact the state goes on."""
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


# --- recordings -------------------------------------------------------------------------------------------------------


def synthesise_recording(path: str | os.PathLike, mouse_index: int, run_index: int, settings: dict) -> None:
    """Write one synthetic recording in the layout of the database: MATLAB v7.3, one epoch in memory at a time.

    Parameters
    ----------
    path : path
        File to write, e.g. `Ms1/Ms1-fc1.mat`.
    mouse_index, run_index : int
        Numbers in the names, from 1: 1 and 2 for `Ms1-fc2`.
    settings : dict
        `mice`, `runs_per_mouse`, `epochs_per_run`, `seed`: the configuration's `dataset.synthetic`. The bytes written
        depend on these and the two numbers only.

    Raises
    ------
    InputError
        If a session is too short to hold all states.

    Notes
    -----
    Variables (MATLAB shapes): `data` 128 x 128 x 168 x N, single; `scoringindex_file` N x 1 in odd runs, 1 x N in
    even ones; `xform_mask` 128 x 128, double for odd mice and logical for even ones: the spellings that readers have
    to take.
    """
    scores = session_scores(mouse_index, settings)[run_index - 1]
    mouse = Mouse.draw(_generator(settings, mouse_index, 1))
    rng = _generator(settings, mouse_index, 1 + run_index)
    data = Stream(
        shape=(SIZE, SIZE, FRAMES, len(scores)),
        dtype=np.dtype(np.float32),
        blocks=_epochs(rng, scores, mouse),
        slab=FRAMES // 7,
    )
    score_row = scores.astype(np.float64)[None, :]
    variables = {
        "data": data,
        "scoringindex_file": score_row.T if run_index % 2 else score_row,
        "xform_mask": mouse.mask.astype(np.float64) if mouse_index % 2 else mouse.mask,
    }
    with written_atomically(path) as temporary:
        write_mat73(temporary, variables)


def _epochs(rng: np.random.Generator, scores: np.ndarray, mouse: Mouse) -> Iterator[np.ndarray]:
    """Yield dF/F of each epoch after global signal regression and digitisation: float32, shape (128, 128, 168)."""
    places = np.arange(SIZE)
    activity = Activity(rng, scores, mouse, places, places, mouse.mask)
    # Column by column, as the pixels of `activity` and the bytes of the file.
    brain = np.flatnonzero(mouse.mask.T)
    for index, score in enumerate(scores):
        pixels = activity.epoch(index)
        if score == ARTEFACT_SCORE:
            pixels += _movement(rng)[:, brain]
        noise = rng.standard_normal(pixels.shape, dtype=np.float32)
        noise *= np.float32(_CAMERA * mouse.camera)
        pixels += noise
        pixels -= pixels.mean(axis=1, keepdims=True)
        pixels *= np.float32(1 / _STEP)
        np.rint(pixels, out=pixels)
        frames = np.zeros((FRAMES, SIZE * SIZE), dtype=np.float32)
        frames[:, brain] = pixels * np.float32(_STEP)
        yield frames.reshape(FRAMES, SIZE, SIZE).T


def _movement(rng: np.random.Generator) -> np.ndarray:
    """Transients of a moving animal, as gradients over the image: float32, shape (168, 128 * 128)."""
    frame = np.arange(FRAMES)[:, None]
    start, length = rng.uniform(0, FRAMES, 6), rng.uniform(3, 20, 6)
    courses = (frame >= start) * np.exp(-np.maximum(frame - start, 0) / length) * rng.normal(0, 10 * _AMPLITUDE, 6)
    columns, rows = np.mgrid[:SIZE, :SIZE].reshape(2, -1) / MIDLINE - 1
    maps = rng.normal(size=(6, 2)) @ np.stack([rows, columns])
    return courses.astype(np.float32) @ maps.astype(np.float32)
