"""Networks among the raters: what they are called, and what they predicted."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from wfci_sleep.data.names import HUMAN
from wfci_sleep.models.registry import KINDS
from wfci_sleep.scoring.predictions import read_test_predictions

_BEFORE_EXPERIMENT = " ("
"""Parts the kind from the experiment; no further rater has a bracket in its name (`data.names.is_rater`)."""


def network_names(kinds: Mapping[str, str]) -> dict[str, str]:
    """Names among the raters of networks that are shown together: the kind, with the experiment where kinds are equal.

    Parameters
    ----------
    kinds : mapping of experiment to kind
        As `model.kind`.

    Returns
    -------
    dict of experiment to str

    Examples
    --------
    >>> network_names({"main": "cnn-bilstm", "graphs": "mvg-cnn"})
    {'main': 'cnn-bilstm', 'graphs': 'mvg-cnn'}
    >>> network_names({"main": "cnn-bilstm", "cbam": "cnn-bilstm"})
    {'main': 'cnn-bilstm (main)', 'cbam': 'cnn-bilstm (cbam)'}
    """
    counts = Counter(kinds.values())
    return {
        experiment: kind if counts[kind] == 1 else f"{kind}{_BEFORE_EXPERIMENT}{experiment})"
        for experiment, kind in kinds.items()
    }


def is_network(rater: str) -> bool:
    """Whether a rater is a network, by the name that `network_names` gives.

    Examples
    --------
    >>> [is_network(rater) for rater in ("cnn-bilstm", "cnn-bilstm (cbam)", "human", "second rater")]
    [True, True, False, False]
    """
    return rater.partition(_BEFORE_EXPERIMENT)[0] in KINDS


def title_of(rater: str) -> str:
    """Name of a rater in figures; further raters have the names that `analysis.scorers` gives them.

    Examples
    --------
    >>> [title_of(rater) for rater in ("cnn-bilstm", "cnn-bilstm (cbam)", "human", "second rater")]
    ['CNN-BiLSTM', 'CNN-BiLSTM (cbam)', 'Human', 'second rater']
    """
    if is_network(rater):
        kind, *experiment = rater.partition(_BEFORE_EXPERIMENT)
        return KINDS[kind].title + "".join(experiment)
    return "Human" if rater == HUMAN else rater


def read_networks(
    raters: Sequence[str], paths: Sequence[str | os.PathLike], classes: Sequence[str], recordings: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Read the test predictions of several networks.

    Parameters
    ----------
    raters : sequence of str
        The network behind each path, as `network_names` gives it.
    paths : sequence of path
        predictions.tsv of each fold of each network.
    classes, recordings
        As for `read_test_predictions`.

    Returns
    -------
    dict of rater to table
        As `read_test_predictions` gives it, in the order in which the raters come first.

    Raises
    ------
    InputError
        As `read_test_predictions` does.
    """
    folds: dict[str, list[str | os.PathLike]] = {}
    for rater, path in zip(raters, paths, strict=True):
        folds.setdefault(rater, []).append(path)
    return {rater: read_test_predictions(own, classes, recordings) for rater, own in folds.items()}
