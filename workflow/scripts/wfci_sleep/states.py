"""Brain states, declared once: names, codes in the files, labels of the network, colours.

The score codes are those of the PhysioNet database `calcium-imaging-sleep-state` (doi 10.13026/prp1-2d11), the colours
those of the published hypnograms (Zhang et al. 2024, J. Neurosci. Methods 411, 110250).
"""

from dataclasses import dataclass

import numpy as np

from wfci_sleep.errors import InputError

EPOCH_S = 10.0
"""Length of a scored epoch in seconds."""

FRAME_RATE_HZ = 16.8
"""Nominal frame rate; an epoch holds 168 frames."""

ARTEFACT_SCORE = 2
"""Score of an epoch that the expert could not score."""

GAP = -1
"""Label of a recorded epoch without a state: an artefact, or an epoch that was not scored."""

PAUSE = -2
"""Label of time between two recordings."""


@dataclass(frozen=True)
class State:
    """A brain state: `name` in files, `title` in figures, `colour` as red, green, blue in 0..1."""

    name: str
    title: str
    colour: tuple[float, float, float]


def _rgb(red: int, green: int, blue: int) -> tuple[float, float, float]:
    return (red / 255, green / 255, blue / 255)


WAKE = State("wake", "Wake", _rgb(241, 161, 5))
NREM = State("nrem", "NREM", _rgb(39, 125, 229))
REM = State("rem", "REM", _rgb(38, 179, 150))
SLEEP = State("sleep", "Sleep", _rgb(39, 125, 229))

STATES = (WAKE, NREM, REM)
"""The scored states; a state's position is its label."""

BY_NAME = {state.name: state for state in (*STATES, SLEEP)}

SCORES = {0: WAKE, 1: NREM, 3: REM}
"""Score code in a recording -> state."""


def labels_of_scores(scores: np.ndarray) -> np.ndarray:
    """Translate expert scores into labels.

    Parameters
    ----------
    scores : array of int, shape (n_epochs,)
        0 wake, 1 NREM, 2 artefact, 3 REM.

    Returns
    -------
    labels : array of int64, shape (n_epochs,)
        0 wake, 1 NREM, 2 REM, `GAP` (-1) for an artefact.

    Examples
    --------
    >>> labels_of_scores(np.array([0, 1, 2, 3])).tolist()
    [0, 1, -1, 2]
    """
    labels = np.full(len(scores), GAP, dtype=np.int64)
    for score, state in SCORES.items():
        labels[np.asarray(scores) == score] = STATES.index(state)
    return labels


def class_of_label(classes: list[str]) -> np.ndarray:
    """Class index of each label for a list of classes: the identity for three states, 0, 1, 1 for wake / sleep.

    Parameters
    ----------
    classes : list of str
        `["wake", "nrem", "rem"]` or `["wake", "sleep"]`.

    Returns
    -------
    array of int64, shape (3,)

    Examples
    --------
    >>> class_of_label(["wake", "sleep"]).tolist()
    [0, 1, 1]
    """
    if list(classes) == [state.name for state in STATES]:
        return np.arange(len(STATES))
    if list(classes) == [WAKE.name, SLEEP.name]:
        return np.array([0, 1, 1])
    raise InputError(f"labels.classes is {list(classes)}, expected [wake, nrem, rem] or [wake, sleep]")
