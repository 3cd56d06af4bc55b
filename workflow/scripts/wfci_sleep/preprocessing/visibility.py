"""Natural visibility graphs of traces (Lacasa et al. 2008, PNAS 105, 4972)."""

from functools import lru_cache

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
    trace = _finite(trace)
    if trace.ndim != 1:
        raise ValueError(f"the trace has shape {trace.shape}, expected one dimension")
    sees, gaps = _all_pairs(trace)
    _settle(sees[..., None], gaps[:, None], trace[:, None])
    return sees | sees.T


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
    traces = _finite(traces)
    sees, gaps = _distance_by_distance(traces)
    _settle(sees, gaps, traces)
    pairs = ~np.tri(len(traces), dtype=bool)
    return np.packbits(np.ascontiguousarray(sees[pairs].T), axis=1)


def _finite(values: ArrayLike) -> np.ndarray:
    """The values as float64; NaN for what is no point."""
    values = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


# Both ways give the same two arrays: which later points j each point i sees, by slopes as float64; and how close the
# closest two slopes are that were compared for i. NaN: none were, or they are too large for float64.


def _all_pairs(trace: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The way for one trace: all pairs at once, arrays of shape (T, T) and (T,).

    Point j sees an earlier i if the slope from i to j is less steep than those from all points between to j.
    """
    between = np.full((len(trace), len(trace)), np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        # From a missing value all slopes are infinite, so that it hides nothing; to it they are NaN.
        slopes = trace - np.where(np.isnan(trace), -np.inf, trace)[:, None]
        runs, earlier = _runs(len(trace))
        slopes /= runs
        slopes += earlier
        np.minimum.accumulate(slopes[:0:-1], axis=0, out=between[-2::-1])
        between -= slopes
        sees = between > 0
        return sees, np.fmin.reduce(np.abs(between, out=between), axis=1, initial=np.nan)


@lru_cache(maxsize=4)
def _runs(length: int) -> tuple[np.ndarray, np.ndarray]:
    """Distance j - i of each pair i < j, 1 for the others; and 0 for each pair i < j, infinity for the others."""
    places = np.arange(length)
    runs = places - places[:, None]
    return np.where(runs > 0, runs, 1).astype(np.float64), np.where(runs > 0, 0, np.inf)


def _distance_by_distance(traces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The way for many traces: one pass over the distances j - i, arrays of shape (T, T, n_traces) and (T, n_traces).

    Point i sees j if the slope to j is steeper than those to all points between.
    """
    length, n_traces = traces.shape
    sees = np.zeros((length * length, n_traces), dtype=bool)
    steepest, closest = np.full_like(traces, -np.inf), np.full_like(traces, np.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        for distance in range(1, length):
            so_far, gap = steepest[:-distance], closest[:-distance]
            slopes = (traces[distance:] - traces[:-distance]) / distance
            np.greater(slopes, so_far, out=sees[distance : (length - distance) * length : length + 1])
            np.fmin(gap, np.abs(slopes - so_far), out=gap)
            np.fmax(so_far, slopes, out=so_far)
    return sees.reshape(length, length, n_traces), closest


def _settle(sees: np.ndarray, gaps: np.ndarray, traces: np.ndarray) -> None:
    """Decide exactly what the points see for which two slopes are too close for float64."""
    with np.errstate(over="ignore"):
        ranges = np.fmax.reduce(traces, axis=0, initial=-np.inf) - np.fmin.reduce(traces, axis=0, initial=np.inf)
    for place, number in np.argwhere(~(gaps > CLOSE * ranges + np.finfo(np.float64).tiny)).tolist():
        sees[place, :, number] = _exactly_later_points(traces[:, number], place)


def _exactly_later_points(trace: np.ndarray, place: int) -> np.ndarray:
    """Which later points one point sees, in whole numbers: every float is one, divided by a power of two."""
    sees = np.zeros(len(trace), dtype=bool)
    if np.isnan(trace[place]):
        return sees
    later = place + np.flatnonzero(~np.isnan(trace[place:]))
    ratios = [value.as_integer_ratio() for value in trace[later].tolist()]
    divisor = max(below for _, below in ratios)
    own, *others = (above * (divisor // below) for above, below in ratios)
    rise, run = -1, 0  # steeper than no slope
    for other, value in zip(later[1:].tolist(), others, strict=True):
        if (value - own) * run > rise * (other - place):
            sees[other] = True
            rise, run = value - own, other - place
    return sees
