"""Visibility graphs: those of the definition, in exact arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wfci_sleep import visibility_graph
from wfci_sleep.preprocessing.visibility import packed_graphs


def by_definition(trace):
    """Every pair, every point between, in fractions."""
    points = [(k, Fraction(float(value))) for k, value in enumerate(trace) if np.isfinite(value)]
    graph = np.zeros((len(trace), len(trace)), dtype=bool)
    for a, (i, y_i) in enumerate(points):
        for b in range(a + 1, len(points)):
            j, y_j = points[b]
            if all((y_k - y_i) * (j - i) < (y_j - y_i) * (k - i) for k, y_k in points[a + 1 : b]):
                graph[i, j] = graph[j, i] = True
    return graph


TRACES = {
    "random": lambda rng, n: rng.normal(size=n),
    "constant": lambda rng, n: np.full(n, 0.1),
    "linear": lambda rng, n: np.arange(n),
    "rounded line": lambda rng, n: 0.1 * np.arange(n),
    "repeated": lambda rng, n: rng.integers(0, 3, n),
    "missing": lambda rng, n: np.where(rng.random(n) < 0.3, rng.choice([np.nan, np.inf, -np.inf], n), rng.random(n)),
}


@pytest.mark.parametrize("length", [0, 1, 2, 3, 17, 60, 200])
@pytest.mark.parametrize("kind", TRACES)
def test_graphs_are_those_of_the_definition(rng, kind, length):
    trace = TRACES[kind](rng, length)
    np.testing.assert_array_equal(visibility_graph(trace), by_definition(trace))


def test_a_line_is_a_path():
    np.testing.assert_array_equal(visibility_graph(np.arange(200)), np.eye(200, k=1) + np.eye(200, k=-1) > 0)


@settings(deadline=None)
@given(st.lists(st.floats(), max_size=25))
def test_graphs_are_exact_for_any_floats(values):
    expected = by_definition(values)
    np.testing.assert_array_equal(visibility_graph(values), expected)
    bits = expected[np.triu_indices(len(values), 1)]
    np.testing.assert_array_equal(packed_graphs(np.reshape(values, (-1, 1)))[0], np.packbits(bits))


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=40))
def test_graphs_keep_what_the_definition_keeps(values):
    graph = visibility_graph(values)
    assert (graph == graph.T).all()
    assert not graph.diagonal().any()
    assert graph.diagonal(1).all()
    np.testing.assert_array_equal(visibility_graph(values[::-1]), graph[::-1, ::-1])
    np.testing.assert_array_equal(visibility_graph(4 * np.array(values)), graph)


def test_packed_graphs_are_the_pairs_in_order_and_small(rng):
    traces = np.stack([make(rng, 168) for make in TRACES.values()], axis=1)
    packed = packed_graphs(traces)
    pairs = np.triu_indices(168, 1)
    for trace, bits in zip(traces.T, packed, strict=True):
        np.testing.assert_array_equal(np.unpackbits(bits, count=len(pairs[0])) == 1, visibility_graph(trace)[pairs])
    assert packed[0].nbytes * 6 <= 168 * 168


def test_only_traces_are_taken():
    with pytest.raises(ValueError, match=r"shape \(3, 2\), expected one dimension"):
        visibility_graph(np.zeros((3, 2)))
