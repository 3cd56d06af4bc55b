"""How far the network's confidence can be believed: calibration error, reliability, temperature scaling.

The temperature is that of Guo et al. 2017, Proc. ICML 70, 1321-1330. It moves confidence, never the predicted class.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, ndtri, softmax

N_BINS = 10

TEMPERATURES = (0.05, 20.0)
"""Lowest and highest temperature that a fit can give."""

SMALLEST = 1e-12
"""Probabilities below this count as this, so that their logarithm is finite."""

_Z = ndtri(0.975)


def _log_probabilities(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.clip(np.asarray(probabilities, dtype=np.float64), SMALLEST, None))


def negative_log_likelihood(probabilities: np.ndarray, truth: np.ndarray, temperature: float = 1.0) -> float:
    """Mean negative log-likelihood of the true classes at a temperature.

    Parameters
    ----------
    probabilities : array of float, shape (n_epochs, classes)
    truth : array of int, shape (n_epochs,)
        Class indices.
    temperature : float
    """
    scaled = log_softmax(_log_probabilities(probabilities) / temperature, axis=1)
    return float(-scaled[np.arange(len(scaled)), truth].mean())


def fit_temperature(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Temperature with the lowest negative log-likelihood (Guo et al. 2017), between 0.05 and 20.

    Parameters
    ----------
    probabilities : array of float, shape (n_epochs, classes)
        The network's own.
    truth : array of int, shape (n_epochs,)
        Class indices.

    Returns
    -------
    float
        Above 1 for a network that is too sure, below 1 for one that is not sure enough. 1 where no epoch is predicted
        wrongly (no epochs at all, a single class): the likelihood would rise as far as the temperature can fall, which
        says nothing about the network. 1 as well where no temperature is better than 1.

    Examples
    --------
    >>> sure = np.array([[0.99, 0.01]] * 4)  # 99 % sure, right in three of four: 75 % would be fair
    >>> round(fit_temperature(sure, np.array([0, 0, 0, 1])), 3)
    4.183
    >>> fit_temperature(sure, np.array([0, 0, 0, 0]))
    1.0
    """
    if (np.argmax(probabilities, axis=1) == truth).all():
        return 1.0

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(probabilities, truth, np.exp(log_temperature))

    # Convex in the inverse of the temperature, hence with a single minimum in its logarithm.
    found = minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded", options={"xatol": 1e-7})
    return float(np.exp(found.x)) if found.fun < loss(0.0) else 1.0


def calibrated(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities at a temperature: softmax of log(p) / T, in the shape of `probabilities`.

    Examples
    --------
    >>> calibrated(np.array([[0.9, 0.1]]), 2.0).round(2).tolist()
    [[0.75, 0.25]]
    """
    return softmax(_log_probabilities(probabilities) / temperature, axis=-1)


def bin_sums(confidence: np.ndarray, correct: np.ndarray, n_bins: int = N_BINS) -> np.ndarray:
    """Sums over equal-width bins of confidence; a bin holds its upper edge.

    Sums of several groups of epochs add up to those of all their epochs.

    Returns
    -------
    array of float, shape (3, n_bins)
        Number of epochs, their summed confidence, number of correct ones.
    """
    bins = np.searchsorted(np.arange(1, n_bins) / n_bins, confidence, side="left")
    weights = (np.ones(len(bins)), np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64))
    return np.stack([np.bincount(bins, weights=values, minlength=n_bins) for values in weights])


def error_of_sums(sums: np.ndarray) -> np.ndarray:
    """Expected calibration error from `bin_sums`: shape (..., 3, n_bins) to shape (...); NaN without epochs."""
    n, confidence, correct = np.moveaxis(np.asarray(sums), -2, 0)
    with np.errstate(invalid="ignore"):
        return np.abs(correct - confidence).sum(axis=-1) / n.sum(axis=-1)


def expected_calibration_error(confidence: np.ndarray, correct: np.ndarray, n_bins: int = N_BINS) -> float:
    """Mean distance of accuracy from confidence over bins of confidence, weighted by their epochs (Guo et al. 2017).

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
        0 if each bin's accuracy is its mean confidence; NaN without epochs.

    Examples
    --------
    >>> round(expected_calibration_error(np.array([0.9, 0.9, 0.6, 0.6]), np.array([True, True, True, False])), 3)
    0.1
    """
    return float(error_of_sums(bin_sums(confidence, correct, n_bins)))


def reliability(confidence: np.ndarray, correct: np.ndarray, n_bins: int = N_BINS) -> np.ndarray:
    """Accuracy in bins of confidence, with Wilson's 95 % interval (Wilson 1927, J. Am. Stat. Assoc. 22, 209).

    The interval takes epochs as independent. Neighbouring epochs are not, so it is rather too narrow.

    Parameters
    ----------
    confidence, correct, n_bins
        As for `expected_calibration_error`.

    Returns
    -------
    structured array, shape (n_bins,), with fields low, high (edges), n, confidence (mean), accuracy, ci_low, ci_high
        NaN in the last four where a bin has no epochs.
    """
    n, summed, right = bin_sums(confidence, correct, n_bins)
    edges = np.arange(n_bins + 1) / n_bins
    with np.errstate(invalid="ignore"):
        centre = np.where(n > 0, (right + _Z**2 / 2) / (n + _Z**2), np.nan)
        half_width = _Z / (n + _Z**2) * np.sqrt(right * (n - right) / n + _Z**2 / 4)
        columns = [
            edges[:-1],
            edges[1:],
            n.astype(int),
            summed / n,
            right / n,
            centre - half_width,
            centre + half_width,
        ]
    return np.rec.fromarrays(columns, names="low, high, n, confidence, accuracy, ci_low, ci_high")
