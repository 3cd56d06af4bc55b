"""Natural visibility graphs of traces (Lacasa et al. 2008, PNAS 105, 4972)."""

import numpy as np
from numpy.typing import ArrayLike

CLOSE = 2.0**-50
"""Slopes that differ by less, relative to a trace's range, are compared exactly: rounding could decide otherwise."""


def visibility_graph(trace: ArrayLike) -> np.ndarray:
    """Natural visibility graph of a trace (Lacasa et al. 2008, PNAS 105, 4972).

    Two points see each other if every point between them lies below the straight line that joins them. A value that is
    NaN or infinite is no point: it sees none, and hides none; the others keep their times. The result is that of exact
    arithmetic on the values as float64. A line that float64 rounds, as 0.1 * k, is not quite straight.

    Parameters
    ----------
    trace : array of float, shape (T,)

    Returns
    -------
    array of bool, shape (T, T)
        Symmetric, with a diagonal of False.

    Raises
    ------
    ValueError
        If the trace has not one dimension.

    Examples
    --------
    >>> visibility_graph([3, 1, 2]).astype(int).tolist()
    [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    """
    values = np.asarray(trace, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"the trace has shape {values.shape}, expected one dimension")
    later = _later_points(values[:, None])[..., 0]
    return later | later.T


def packed_graphs(traces: np.ndarray) -> np.ndarray:
    """Visibility graphs of several traces, as bits.

    Parameters
    ----------
    traces : array of float, shape (T, n_traces)

    Returns
    -------
    array of uint8, shape (n_traces, n_bytes)
        A bit for each pair i < j, row-major, the most significant bit of a byte first; each graph fills whole bytes.
    """
    pairs = ~np.tri(len(traces), dtype=bool)
    return np.packbits(np.ascontiguousarray(_later_points(traces)[pairs].T), axis=1)


def _later_points(traces: np.ndarray) -> np.ndarray:
    """Which later points j each point i of each trace sees: bool, shape (T, T, n_traces).

    Point i sees j if the slope to j is steeper than those to all points between: one pass over the distances j - i.
    """
    traces = np.where(np.isfinite(traces), traces, np.nan).astype(np.float64)
    length, n_traces = traces.shape
    sees = np.zeros((length * length, n_traces), dtype=bool)
    steepest, closest = np.full_like(traces, -np.inf), np.full_like(traces, np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        for distance in range(1, length):
            so_far, gap = steepest[:-distance], closest[:-distance]
            slopes = (traces[distance:] - traces[:-distance]) / distance
            np.greater(slopes, so_far, out=sees[distance : (length - distance) * length : length + 1])
            np.fmin(gap, np.abs(slopes - so_far), out=gap)
            np.fmax(so_far, slopes, out=so_far)
        highest = np.fmax.reduce(traces, axis=0, initial=-np.inf)
        ranges = highest - np.fmin.reduce(traces, axis=0, initial=np.inf)
        doubtful = (closest <= CLOSE * ranges + np.finfo(np.float64).tiny).any(axis=0)
    sees = sees.reshape(length, length, n_traces)
    for number in np.flatnonzero(doubtful):
        sees[..., number] = _exactly_later_points(traces[:, number])
    return sees


def _exactly_later_points(trace: np.ndarray) -> np.ndarray:
    """The same for one trace, in whole numbers: every float is one, divided by a power of two."""
    ratios = {place: float(trace[place]).as_integer_ratio() for place in np.flatnonzero(~np.isnan(trace)).tolist()}
    divisor = max((below for _, below in ratios.values()), default=1)
    points = [(place, above * (divisor // below)) for place, (above, below) in ratios.items()]
    sees = np.zeros((len(trace), len(trace)), dtype=bool)
    for number, (own, value) in enumerate(points):
        rise, run = -1, 0  # steeper than no slope
        for other, its_value in points[number + 1 :]:
            if (its_value - value) * run > rise * (other - own):
                sees[own, other] = True
                rise, run = its_value - value, other - own
    return sees
