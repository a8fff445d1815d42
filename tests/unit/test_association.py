"""Gating, clusters and marginals against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from farwatch.association.belief import marginals
from farwatch.association.clusters import find_clusters
from farwatch.association.events import Candidates
from farwatch.association.exact import solve_exactly
from farwatch.association.gate import Window, in_window, sort_into_bands
from reference import association_marginals

TWO_PI = 2 * np.pi


def test_gating_finds_what_comparing_every_pair_finds(rng: np.random.Generator) -> None:
    for looks, plots, widest in ((0, 5, 0.1), (40, 0, 0.1), (60, 400, 0.02), (200, 300, 1.3), (30, 30, 4.0)):
        azimuth, range_m = rng.uniform(0, TWO_PI, looks), rng.uniform(1e3, 6e5, looks)
        half_azimuth, half_range = rng.uniform(0.001, widest, looks), rng.uniform(100, 2e4, looks)
        elevation, half_elevation = rng.uniform(0.0, 0.5, looks), rng.uniform(0.01, 0.3, looks)
        plot_azimuth, plot_range = rng.uniform(0, TWO_PI, plots), rng.uniform(0, 6e5, plots)
        plot_elevation = np.where(rng.random(plots) < 0.3, np.nan, rng.uniform(0.0, 0.5, plots))
        in_bands = sort_into_bands(plot_azimuth, plot_range, plot_elevation, TWO_PI, 1e4)
        for k in range(looks):
            window = Window(azimuth[k], half_azimuth[k], range_m[k], half_range[k], elevation[k], half_elevation[k])
            out = np.empty(plots + 3, np.int64)
            n = in_window(in_bands, window, out)
            d = (plot_azimuth - azimuth[k] + np.pi) % TWO_PI - np.pi
            inside = (np.abs(d) <= half_azimuth[k]) & (np.abs(plot_range - range_m[k]) <= half_range[k])
            inside &= np.isnan(plot_elevation) | (np.abs(plot_elevation - elevation[k]) <= half_elevation[k])
            np.testing.assert_array_equal(out[:n], np.flatnonzero(inside))
            # Too little room: the number is right all the same.
            assert in_window(in_bands, window, np.empty(n // 2, np.int64)) == n


def test_gating_in_a_plane_does_not_come_round(rng: np.random.Generator) -> None:
    for looks, plots, widest in ((50, 300, 40.0), (5, 60, 3000.0)):
        u, v, half_u, half_v = (rng.uniform(0, high, looks) for high in (1000, 1000, widest, widest))
        plot_u, plot_v = rng.uniform(-90, 1090, (2, plots))
        in_bands = sort_into_bands(plot_u, plot_v, np.full(plots, np.nan), 0.0, 1000 / 64)
        for k in range(looks):
            out = np.empty(plots, np.int64)
            n = in_window(in_bands, Window(u[k], half_u[k], v[k], half_v[k], 0.0, 1.0), out)
            inside = (np.abs(plot_u - u[k]) <= half_u[k]) & (np.abs(plot_v - v[k]) <= half_v[k])
            np.testing.assert_array_equal(out[:n], np.flatnonzero(inside))


def test_clusters_are_the_connected_components(rng: np.random.Generator) -> None:
    looks, plots = 50, 60
    look = np.sort(rng.integers(0, looks, 70))
    plot = rng.integers(0, plots, 70)
    passed = rng.random(looks) < 0.7
    clusters = find_clusters(look, plot, plots, passed, np.zeros(looks, bool), np.full(looks, -1))
    graph = coo_matrix((np.ones(70), (look, plot + looks)), shape=(looks + plots,) * 2)
    _, labels = connected_components(graph, directed=False)
    got = np.concatenate([clusters.look, clusters.plot])
    assert len({*zip(got, labels)}) == len(set(labels)) == len(clusters.closed)
    for label in set(labels):
        members = np.flatnonzero(labels == label)
        assert clusters.closed[got[members[0]]] == all(passed[m] for m in members if m < looks)


def test_one_overdue_look_closes_its_cluster() -> None:
    look, plot = np.array([0, 1]), np.array([0, 0])
    clusters = find_clusters(look, plot, 1, np.zeros(3, bool), np.array([True, False, False]), np.full(3, -1))
    assert clusters.closed[clusters.look[1]]
    assert not clusters.closed[clusters.look[2]]


def test_looks_that_are_near_are_one_cluster_without_a_common_plot() -> None:
    none = np.zeros(0, np.int64)
    clusters = find_clusters(none, none, 0, np.array([True, False, True]), np.zeros(3, bool), np.array([0, 0, -1]))
    assert clusters.look[0] == clusters.look[1] != clusters.look[2]
    assert not clusters.closed[clusters.look[0]]
    assert clusters.closed[clusters.look[2]]


def candidates_of(likelihood: np.ndarray) -> Candidates:
    look, plot = np.nonzero(likelihood)
    n = len(look)
    first = np.searchsorted(look, np.arange(len(likelihood) + 1))
    return Candidates(plot, look, first, likelihood[look, plot], np.ones((n, 3)), plot, np.arange(n))


def solve(likelihood: np.ndarray, existence: np.ndarray, detection: np.ndarray, exact_plots: int = 0):  # type: ignore[no-untyped-def]
    looks, plots = likelihood.shape
    candidates = candidates_of(likelihood)
    closed = np.ones(looks, bool)
    clusters = find_clusters(candidates.look, candidates.plot, plots, closed, closed, np.full(looks, -1))
    events = marginals(candidates, clusters, existence, detection, plots)
    solve_exactly(candidates, clusters, existence, detection, events, exact_plots)
    weight = np.zeros((looks, plots))
    weight[events.look, events.plot] = events.weight
    return weight, events.miss, events.birth


def ratio_of(likelihood: np.ndarray, existence: np.ndarray, detection: np.ndarray) -> np.ndarray:
    q = (existence * detection)[:, None]
    return q * likelihood / (1 - q)


def test_marginals_are_exact_on_a_tree(rng: np.random.Generator) -> None:
    likelihood = np.array([[5.0, 2.0, 0.0, 0.0], [0.0, 3.0, 1.0, 0.0], [0.0, 0.0, 0.0, 40.0]])
    existence, detection = rng.uniform(0.1, 1, 3), rng.uniform(0.5, 0.95, 3)
    for got, exact in zip(
        solve(likelihood, existence, detection), association_marginals(ratio_of(likelihood, existence, detection))
    ):
        np.testing.assert_allclose(got, exact, atol=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_marginals_are_close_on_dense_graphs_and_sum_to_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    likelihood = rng.lognormal(0, 2, (4, 5)) * (rng.random((4, 5)) < 0.7)
    existence, detection = rng.uniform(0.2, 0.99, 4), np.full(4, 0.9)
    weight, miss, birth = solve(likelihood, existence, detection)
    np.testing.assert_allclose(weight.sum(axis=1) + miss, 1.0, atol=1e-6)
    np.testing.assert_allclose(weight.sum(axis=0) + birth, 1.0, atol=1e-6)
    exact, _, _ = association_marginals(ratio_of(likelihood, existence, detection))
    np.testing.assert_allclose(weight, exact, atol=0.12)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("scale", [1.0, 1e60])
def test_small_clusters_are_solved_exactly(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    likelihood = scale * rng.lognormal(0, 2, (4, 5)) * (rng.random((4, 5)) < 0.8)
    existence, detection = rng.uniform(0.2, 0.99, 4), np.full(4, 0.9)
    exact = association_marginals(ratio_of(likelihood, existence, detection))
    for got, expected in zip(solve(likelihood, existence, detection, 5), exact):
        np.testing.assert_allclose(got, expected, atol=1e-9)


def test_larger_clusters_are_left_to_belief_propagation(rng: np.random.Generator) -> None:
    likelihood, existence, detection = rng.lognormal(0, 2, (4, 5)), np.full(4, 0.8), np.full(4, 0.9)
    for left, by_belief in zip(solve(likelihood, existence, detection, 4), solve(likelihood, existence, detection)):
        np.testing.assert_array_equal(left, by_belief)
    assert not np.array_equal(solve(likelihood, existence, detection, 5)[0], solve(likelihood, existence, detection)[0])
