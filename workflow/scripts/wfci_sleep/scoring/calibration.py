"""Calibration of the network's confidence: calibration error, reliability."""

import numpy as np

N_BINS = 10
"""Bins of confidence, of equal width."""


def bin_sums(confidence: np.ndarray, correct: np.ndarray, n_bins: int = N_BINS) -> np.ndarray:
    """Sums over equal-width bins of confidence; a bin includes its upper edge.

    The sums of several groups of epochs add up to those of all their epochs.

    Parameters
    ----------
    confidence, correct, n_bins
        As for `expected_calibration_error`.

    Returns
    -------
    array of float, shape (3, n_bins)
        Number of epochs, their summed confidence, number of correct ones.
    """
    bins = np.searchsorted(np.arange(1, n_bins) / n_bins, confidence, side="left")
    weights = (np.ones(len(bins)), np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64))
    return np.stack([np.bincount(bins, weights=values, minlength=n_bins) for values in weights])


def error_of_sums(sums: np.ndarray) -> np.ndarray:
    """Expected calibration error from `bin_sums`.

    Parameters
    ----------
    sums : array of float, shape (..., 3, n_bins)

    Returns
    -------
    array of float, shape (...)
        NaN without epochs.
    """
    n, confidence, correct = np.moveaxis(np.asarray(sums), -2, 0)
    with np.errstate(invalid="ignore"):
        return np.abs(correct - confidence).sum(axis=-1) / n.sum(axis=-1)


def expected_calibration_error(confidence: np.ndarray, correct: np.ndarray, n_bins: int = N_BINS) -> float:
    """Mean distance of accuracy from confidence over bins of confidence, weighted by their epochs.

    Guo et al. 2017, Proc. ICML 70, 1321.

    Parameters
    ----------
    confidence : array of float, shape (n_epochs,)
        Probability of the predicted class, 0..1.
    correct : array of bool, shape (n_epochs,)
    n_bins : int
        Bins of equal width.

    Returns
    -------
    float
        0 if the accuracy of each bin equals its mean confidence; NaN without epochs.

    Examples
    --------
    >>> round(expected_calibration_error(np.array([0.9, 0.9, 0.6, 0.6]), np.array([True, True, True, False])), 3)
    0.1
    """
    return float(error_of_sums(bin_sums(confidence, correct, n_bins)))


def reliability(confidence: np.ndarray, correct: np.ndarray, n_bins: int = N_BINS) -> np.ndarray:
    """Accuracy in bins of confidence.

    Parameters
    ----------
    confidence, correct, n_bins
        As for `expected_calibration_error`.

    Returns
    -------
    structured array, shape (n_bins,), with fields low, high (edges), n, confidence (mean), accuracy
        confidence and accuracy are NaN in a bin without epochs.
    """
    n, summed, right = bin_sums(confidence, correct, n_bins)
    edges = np.arange(n_bins + 1) / n_bins
    with np.errstate(invalid="ignore"):
        columns = [edges[:-1], edges[1:], n, summed / n, right / n]
    fields = [("low", float), ("high", float), ("n", int), ("confidence", float), ("accuracy", float)]
    return np.rec.fromarrays(columns, dtype=fields)
