"""OSPA, GOSPA and T-GOSPA against enumeration, against Stone Soup, and against one another."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

import reference_evaluation as reference
from farwatch.evaluation.assignment import best_pairs
from farwatch.evaluation.gospa import gospa
from farwatch.evaluation.ospa import ospa
from farwatch.evaluation.trajectory import trajectory_gospa

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def sets(rng: np.random.Generator, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Two random sets of points, some of them near one another."""
    n, m = rng.integers(0, most + 1, 2)
    truth = rng.uniform(0, 10, (n, 2))
    tracks = rng.uniform(0, 10, (m, 2))
    k = int(rng.integers(0, min(n, m) + 1))
    tracks[:k] = truth[:k] + rng.normal(0, 0.7, (k, 2))
    return truth, tracks


@pytest.mark.parametrize("p", [1.0, 2.0])
def test_points_against_enumeration(p: float, rng: np.random.Generator) -> None:
    for _ in range(60):
        truth, tracks = sets(rng, 4)
        found = gospa(truth, tracks, 3.0, p)
        assert found.distance == pytest.approx(reference.gospa(truth, tracks, 3.0, p), abs=1e-9)
        parts = found.localisation**p + 3.0**p / 2 * (found.missed + found.false)
        assert found.distance**p == pytest.approx(parts, abs=1e-9)
        apart = np.linalg.norm(truth[found.truth] - tracks[found.track], axis=1)
        assert (apart < 3.0).all()
        assert found.localisation**p == pytest.approx((apart**p).sum(), abs=1e-9)
        assert ospa(truth, tracks, 3.0, p) == pytest.approx(reference.ospa(truth, tracks, 3.0, p), abs=1e-9)


def test_points_against_stone_soup(rng: np.random.Generator) -> None:
    from stonesoup.metricgenerator.ospametric import GOSPAMetric, OSPAMetric
    from stonesoup.types.state import State

    for _ in range(30):
        truth, tracks = sets(rng, 25)
        if not len(truth) + len(tracks):
            continue
        real, found = ([State(x[:, None], timestamp=NOW) for x in points] for points in (truth, tracks))
        for p in (1.0, 2.0):
            theirs = GOSPAMetric(p=p, c=3.0).compute_gospa_metric(found, real)[0].value
            ours = gospa(truth, tracks, 3.0, p)
            assert ours.distance == pytest.approx(theirs["distance"], abs=1e-9)
            assert ours.localisation**p == pytest.approx(theirs["localisation"], abs=1e-9)
            assert ours.missed * 3.0**p / 2 == pytest.approx(theirs["missed"], abs=1e-9)
            assert ours.false * 3.0**p / 2 == pytest.approx(theirs["false"], abs=1e-9)
        # For p = 2 Stone Soup assigns by d, not by d^2, which is not the least: hence p = 1 alone.
        theirs = OSPAMetric(p=1, c=3.0).compute_OSPA_distance(found, real).value
        assert ospa(truth, tracks, 3.0, 1.0) == pytest.approx(theirs, abs=1e-9)


def test_a_crowd_is_assigned_the_same_sparsely_and_densely(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth, tracks = rng.uniform(0, 20, (150, 2)), rng.uniform(0, 20, (170, 2))
    dense = gospa(truth, tracks, 3.0)
    monkeypatch.setattr("farwatch.evaluation.assignment.DENSE", 0)
    sparse = gospa(truth, tracks, 3.0)
    assert sparse.distance == pytest.approx(dense.distance, abs=1e-9)
    np.testing.assert_array_equal(sparse.track, dense.track)


def test_no_pairs() -> None:
    none = np.zeros(0, np.int64)
    assert len(best_pairs(none, none, np.zeros(0))) == 0
    assert gospa(np.zeros((0, 2)), np.zeros((0, 2)), 3.0).distance == 0.0
    assert ospa(np.zeros((0, 2)), np.zeros((0, 2)), 3.0) == 0.0
    assert gospa(np.zeros((2, 2)), np.zeros((0, 2)), 3.0).missed == 2


def trajectories(rng: np.random.Generator, n: int, m: int, times: int) -> tuple[np.ndarray, np.ndarray]:
    """Random walks that come and go; tracks follow them, change over and stray."""
    truth = np.cumsum(rng.normal(0, 1.0, (n, times, 2)), axis=1)
    tracks = np.stack([truth[rng.integers(0, n, times), np.arange(times)] for _ in range(m)])
    tracks += rng.normal(0, 0.8, tracks.shape)
    for paths in (truth, tracks):
        for path in paths:
            start, stop = sorted(rng.integers(0, times + 1, 2))
            path[:start], path[stop + 1 :] = np.nan, np.nan
    return truth, tracks


def test_trajectories_against_enumeration(rng: np.random.Generator) -> None:
    whole = 0
    for _ in range(80):
        n, m = rng.integers(1, 4, 2)
        truth, tracks = trajectories(rng, n, m, 5)
        gamma = float(rng.uniform(0.2, 3.0))
        found = trajectory_gospa(truth, tracks, 2.0, 2.0, gamma)
        least = reference.trajectory_gospa(truth, tracks, 2.0, 2.0, gamma)
        assert found.distance <= least + 1e-9  # the programme may split what the enumeration may not
        counts = np.array([found.missed, found.false, 2 * found.switches])
        if np.abs(counts - np.round(counts)).max() < 1e-9:
            assert found.distance == pytest.approx(least, abs=1e-9)
            whole += 1
        total = found.localisation**2 + 2.0 * (found.missed + found.false) + gamma**2 * found.switches
        assert found.distance**2 == pytest.approx(total, abs=1e-9)
    assert whole > 60


def test_trajectories_without_a_price_on_switches_are_scans_apart(rng: np.random.Generator) -> None:
    for _ in range(20):
        truth, tracks = trajectories(rng, 6, 7, 8)
        apart = 0.0
        for k in range(8):
            here, there = truth[:, k], tracks[:, k]
            apart += gospa(here[~np.isnan(here[:, 0])], there[~np.isnan(there[:, 0])], 2.0).distance ** 2
        assert trajectory_gospa(truth, tracks, 2.0, 2.0, 0.0).distance ** 2 == pytest.approx(apart, abs=1e-9)


def test_a_switch_costs_gamma_and_half_a_switch_half_of_it() -> None:
    truth = np.zeros((2, 6, 2))
    truth[1, :, 0] = 100.0
    crossed = truth.copy()
    crossed[:, 3:] = crossed[::-1, 3:]
    found = trajectory_gospa(truth, crossed, 5.0, 2.0, 1.0)
    assert (found.switches, found.missed, found.false) == pytest.approx((2.0, 0.0, 0.0))
    assert found.distance == pytest.approx(np.sqrt(2.0))
    broken = np.full((3, 6, 2), np.nan)
    broken[0, :3], broken[2, 3:], broken[1] = truth[0, :3], truth[0, 3:], truth[1]
    assert trajectory_gospa(truth, broken, 5.0, 2.0, 1.0).switches == pytest.approx(1.0)
    # A pair that is apart for one scan only is held on to: two half switches would cost more.
    strayed = truth.copy()
    strayed[0, 3, 1] = 50.0
    kept = trajectory_gospa(truth, strayed, 5.0, 2.0, 10.0)
    assert (kept.switches, kept.missed, kept.false) == pytest.approx((0.0, 1.0, 1.0))


def test_trajectories_that_never_meet() -> None:
    truth, tracks = np.zeros((1, 4, 2)), np.full((2, 4, 2), 100.0)
    found = trajectory_gospa(truth, tracks, 5.0, 2.0, 1.0)
    assert (found.missed, found.false, found.switches) == (4.0, 8.0, 0.0)
    assert trajectory_gospa(truth, tracks[:0], 5.0, 2.0, 1.0).missed == 4.0
    assert trajectory_gospa(truth[:0], tracks, 5.0, 2.0, 1.0).false == 8.0
