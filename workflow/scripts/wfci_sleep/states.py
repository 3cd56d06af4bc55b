"""Brain states, declared once: names, codes in the files, labels of the network, colours.

The score codes are those of the PhysioNet database `calcium-imaging-sleep-state` (doi 10.13026/prp1-2d11), the colours
those of the published hypnograms (Zhang et al. 2024, J. Neurosci. Methods 411, 110250).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from wfci_sleep.errors import InputError

ARTEFACT_SCORE = 2
"""Score of an epoch that the rater could not score."""

GAP = -1
"""Label of a recorded epoch without a state: an artefact, or an epoch without a score."""

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


def titles_of(names: Iterable[str]) -> list[str]:
    """Titles of states, by their names.

    Examples
    --------
    >>> titles_of(["wake", "nrem"])
    ['Wake', 'NREM']
    """
    return [BY_NAME[name].title for name in names]


def labels_of_scores(scores: np.ndarray) -> np.ndarray:
    """Translate the scores of a recording into labels.

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


@dataclass(frozen=True)
class Classes:
    """The states that a network tells apart, in the order of its outputs.

    Two classes share one sigmoid output, the probability of the second; three have one softmax output each.

    Parameters
    ----------
    names : sequence of str
        The `labels.classes` setting: `["wake", "nrem", "rem"]` or `["wake", "sleep"]`.

    Raises
    ------
    InputError
        If the names are not one of these two lists: every scored state has to belong to a class.

    Examples
    --------
    >>> Classes(["wake", "sleep"]).of_labels.tolist(), Classes(["wake", "sleep"]).n_outputs
    ([0, 1, 1], 1)
    >>> Classes(["nrem", "rem"])
    Traceback (most recent call last):
    wfci_sleep.errors.InputError: labels.classes is [nrem, rem], expected [wake, nrem, rem] or [wake, sleep]
    """

    names: Sequence[str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        if tuple(self.names) not in CLASS_OF_LABEL:
            known = " or ".join(f"[{', '.join(names)}]" for names in CLASS_OF_LABEL)
            raise InputError(f"labels.classes is [{', '.join(map(str, self.names))}], expected {known}")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def of_labels(self) -> np.ndarray:
        """Class of each label, int64, shape (3,): the identity for three states, 0, 1, 1 for wake and sleep."""
        return np.array(CLASS_OF_LABEL[tuple(self.names)])

    @property
    def titles(self) -> list[str]:
        """What figures and texts call them."""
        return titles_of(self.names)

    @property
    def is_binary(self) -> bool:
        """Whether there are two classes, which share a sigmoid output."""
        return n_outputs(len(self)) == 1

    @property
    def n_outputs(self) -> int:
        """Number of outputs of a network for these classes."""
        return n_outputs(len(self))


CLASS_OF_LABEL: dict[tuple[str, ...], Sequence[int]] = {
    (WAKE.name, NREM.name, REM.name): (0, 1, 2),
    (WAKE.name, SLEEP.name): (0, 1, 1),
}
"""Names of classes that a network can tell apart -> class of each label."""


def n_outputs(n_classes: int) -> int:
    """Number of outputs of a network: two classes share one (sigmoid), more have one each (softmax)."""
    return 1 if n_classes == 2 else n_classes
