"""Whatever the candidates, the weights of a look's events and its miss sum to 1, and so do a plot's and its birth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farwatch.association.belief import marginals
from farwatch.association.clusters import find_clusters
from farwatch.association.events import Candidates
from farwatch.association.exact import solve_exactly


@st.composite
def scenes(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Likelihood ratios (looks, plots), 0 outside the gates, with existence and detection of the looks."""
    looks, plots = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    ratios = st.one_of(st.just(0.0), st.floats(-30, 60).map(lambda power: 10.0**power))
    likelihood = np.array(draw(st.lists(ratios, min_size=looks * plots, max_size=looks * plots)))
    existence = np.array(draw(st.lists(st.floats(1e-9, 1.0), min_size=looks, max_size=looks)))
    detection = np.array(draw(st.lists(st.floats(0.01, 0.999), min_size=looks, max_size=looks)))
    return likelihood.reshape(looks, plots), existence, detection


@pytest.mark.parametrize("exact_plots", [0, 7])
@given(scene=scenes())
def test_rows_and_columns_sum_to_one(exact_plots: int, scene: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    likelihood, existence, detection = scene
    look, plot = np.nonzero(likelihood)
    first = np.searchsorted(look, np.arange(len(likelihood) + 1))
    n = len(look)
    candidates = Candidates(plot, look, first, likelihood[look, plot], np.ones((n, 3)), plot, np.arange(n))
    closed = np.ones(len(likelihood), bool)
    plots = likelihood.shape[1]
    clusters = find_clusters(look, plot, plots, closed, closed, np.full(len(closed), -1))
    events = marginals(candidates, clusters, existence, detection, plots)
    solve_exactly(candidates, clusters, existence, detection, events, exact_plots)
    for values in (events.weight, events.miss, events.birth):
        assert np.isfinite(values).all()
        assert (values >= 0.0).all()
        assert (values <= 1.0 + 1e-6).all()
    rows = np.bincount(events.look, events.weight, len(likelihood)) + events.miss
    np.testing.assert_allclose(rows, 1.0, atol=1e-6)
    if exact_plots:  # belief propagation leaves the columns where its rows have stopped
        columns = np.bincount(events.plot, events.weight, plots) + events.birth
        np.testing.assert_allclose(columns, 1.0, atol=1e-6)
