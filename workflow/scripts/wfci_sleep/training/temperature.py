"""Temperature scaling: one number that matches a network's confidence to its accuracy.

Guo et al. 2017, Proc. ICML 70, 1321-1330. It changes the confidence, never the predicted class.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

TEMPERATURES = (0.05, 20.0)
"""Lowest and highest temperature that a fit can give."""

SMALLEST = 1e-12
"""Smaller probabilities are raised to this, so that their logarithm is finite."""


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
        The network's outputs.
    truth : array of int, shape (n_epochs,)
        Class indices.

    Returns
    -------
    float
        Above 1 for an overconfident network, below 1 for an underconfident one. 1 if no epoch is predicted wrongly
        (there are no epochs, or a single class): the likelihood would rise without bound as the temperature falls,
        which says nothing about the network. 1 also if no temperature is better than 1.

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
