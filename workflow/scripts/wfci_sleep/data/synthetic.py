"""Synthetic recordings and a synthetic atlas, in the layout of the PhysioNet database `calcium-imaging-sleep-state`.

With them the whole workflow runs without a download: the same code reads them and the database's files, and a network
that uses both space and time can learn their states, though not perfectly. They are a test bed, not a model of the
cortex: results on them say nothing about mice.

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
All activity comes in bursts of about 2 s. Wake and NREM have bursts in the same places and differ in the frequency
within a burst, so single frames hardly distinguish them. NREM and REM have the same frequency and differ in the places
and sizes of the bursts; as a burst always covers about the same area, in several small spots or a large one, spectra
and total activity without space don't distinguish them.
"""

import os
from collections.abc import Iterator

import numpy as np

from wfci_sleep.data.mat73 import Stream, write_mat73
from wfci_sleep.data.matv5 import write_v5
from wfci_sleep.data.synthetic_activity import AREAS, SIZE, Activity, Mouse, movement, parcels
from wfci_sleep.data.synthetic_sessions import generator, session_scores
from wfci_sleep.files.atomic import written_atomically
from wfci_sleep.layout import EPOCH_FRAMES
from wfci_sleep.states import ARTEFACT_SCORE

_DESCRIPTION = "Synthetic: made by wfci_sleep, no recorded data"


def synthesise_atlas(path: str | os.PathLike) -> None:
    """Write the synthetic atlas as the database's `atlas.mat`: MATLAB v5, `AtlasSeeds` and `parcelnames`.

    `AtlasSeeds` is uint8 128 x 128, `parcelnames` a 1 x 40 cell ("Olf L" ... "Assoc R"); `description` says that the
    file is synthetic.
    """
    names = np.array([[f"{area} {side}" for side in "LR" for area in AREAS]], dtype=object)
    variables = {"AtlasSeeds": parcels(), "parcelnames": names, "description": _DESCRIPTION}
    write_v5(path, variables, _DESCRIPTION)


_CAMERA = 0.002
"""Standard deviation of the camera's noise in dF/F."""
_STEP = 2.0**-10
"""Step of the analogue-to-digital conversion in dF/F, about half of the camera's noise.

A power of two leaves the low bytes of a single zero, so that the files compress to a tenth.
"""


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
    mouse = Mouse.draw(generator(settings, mouse_index, 1))
    rng = generator(settings, mouse_index, 1 + run_index)
    data = Stream(
        shape=(SIZE, SIZE, EPOCH_FRAMES, len(scores)),
        dtype=np.dtype(np.float32),
        blocks=_epochs(rng, scores, mouse),
        slab=EPOCH_FRAMES // 7,
    )
    score_row = scores.astype(np.float64)[None, :]
    variables: dict[str, np.ndarray | Stream] = {
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
            pixels += movement(rng)[:, brain]
        noise = rng.standard_normal(pixels.shape, dtype=np.float32)
        noise *= np.float32(_CAMERA * mouse.camera)
        pixels += noise
        pixels -= pixels.mean(axis=1, keepdims=True)
        pixels *= np.float32(1 / _STEP)
        np.rint(pixels, out=pixels)
        frames = np.zeros((EPOCH_FRAMES, SIZE * SIZE), dtype=np.float32)
        frames[:, brain] = pixels * np.float32(_STEP)
        yield frames.reshape(EPOCH_FRAMES, SIZE, SIZE).T
