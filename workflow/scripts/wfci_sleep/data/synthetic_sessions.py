"""Scores of synthetic recordings: a Markov chain of states with bouts like a mouse's."""

import numpy as np
import pandas as pd

from wfci_sleep.errors import InputError
from wfci_sleep.states import ARTEFACT_SCORE, SCORES

WAKE_SCORE, NREM_SCORE, REM_SCORE = SCORES

_CHAIN = {
    WAKE_SCORE: {WAKE_SCORE: 0.90, NREM_SCORE: 0.10},
    NREM_SCORE: {NREM_SCORE: 0.88, WAKE_SCORE: 0.06, REM_SCORE: 0.06},
    REM_SCORE: {REM_SCORE: 0.84, WAKE_SCORE: 0.13, NREM_SCORE: 0.03},
}

_LEAST_SHARE = {WAKE_SCORE: 0.25, NREM_SCORE: 0.25, REM_SCORE: 0.15}

_ARTEFACT_SHARE = 0.03

_EPOCHS_PER_REM_BOUT = 25
"""A session has at least one bout of REM per this many epochs."""

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


def epochs_of_runs(settings: dict) -> list[int]:
    """Number of epochs of each run of a mouse: the last of several runs has two thirds.

    Examples
    --------
    >>> epochs_of_runs({"runs_per_mouse": 2, "epochs_per_run": 36})
    [36, 24]
    """
    lengths = [settings["epochs_per_run"]] * settings["runs_per_mouse"]
    if len(lengths) > 1:
        lengths[-1] = max(1, 2 * lengths[-1] // 3)
    return lengths


def session_scores(mouse_index: int, settings: dict) -> list[np.ndarray]:
    """Scores of each run of a mouse, in order of time.

    A Markov chain over 10-s epochs with mean bouts like those of mice: wake about 100 s, NREM about 80 s, REM about
    60 s and only after NREM (bouts of mice in 10-s epochs: McShane et al. 2010, J. Neurosci. Methods 193, 321). Chains
    are drawn until each state is frequent enough to test on a short session, so REM is more frequent than in mice
    (5-10 %). A run continues in the state in which the previous one ended. About 3 % of the epochs are artefacts, at
    least one a run, and two in a row in the first run.

    Returns
    -------
    list of arrays of int, one per run, each of shape (n_epochs,)
        0 wake, 1 NREM, 2 artefact, 3 REM. The last of several runs has two thirds of the epochs.

    Raises
    ------
    InputError
        If the session is too short to hold all states.
    """
    rng = generator(settings, mouse_index, 0)
    lengths = epochs_of_runs(settings)
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
    """Whether each state is frequent enough and REM follows NREM, also across an artefact."""
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


def generator(settings: dict, mouse_index: int, stream: int) -> np.random.Generator:
    """Random generator of a mouse's stream: 0 for the scores, 1 for the mouse, higher ones for its recordings."""
    return np.random.default_rng(np.random.SeedSequence(settings["seed"], spawn_key=(mouse_index, stream)))
