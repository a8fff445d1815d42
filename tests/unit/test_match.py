"""Which track holds which aircraft: kept pairs, purity, fragments; by hand."""

from __future__ import annotations

import numpy as np
import pytest

from farwatch.evaluation.match import Matcher, Matches, Swap, fragments, moves, purity


def pairs(matcher: Matcher, aircraft: dict[int, float], tracks: dict[int, float]) -> dict[int, int]:
    """Aircraft -> track of one scan; things stand on a line, in metres."""
    names, numbers = np.array(list(aircraft), np.int64), np.array(list(tracks), np.int64)
    places = [np.column_stack([np.array(list(x.values()), float), np.zeros(len(x))]) for x in (aircraft, tracks)]
    i, j, distance = matcher.match(names, places[0], numbers, places[1])
    np.testing.assert_allclose(distance, np.linalg.norm(places[0][i] - places[1][j], axis=1))
    return dict(zip(names[i].tolist(), numbers[j].tolist(), strict=True))


def test_the_nearest_at_first_and_then_the_one_that_it_had() -> None:
    matcher = Matcher()
    assert pairs(matcher, {1: 0, 2: 1000}, {7: 100, 8: 900}) == {1: 7, 2: 8}
    # Crossed, the old pairs are still within 3 km, so they stay.
    assert pairs(matcher, {1: 1000, 2: 0}, {7: 0, 8: 1000}) == {1: 7, 2: 8}
    # Once they are too far apart, they change.
    assert pairs(matcher, {1: 5000, 2: 0}, {7: 0, 8: 5000}) == {1: 8, 2: 7}


def test_a_pair_of_the_scan_before_last_is_forgotten() -> None:
    matcher = Matcher()
    assert pairs(matcher, {1: 0}, {7: 100}) == {1: 7}
    assert pairs(matcher, {1: 0}, {}) == {}
    assert pairs(matcher, {1: 0}, {7: 2000, 8: 100}) == {1: 8}


def test_the_radius() -> None:
    assert pairs(Matcher(), {1: 0}, {7: 2999}) == {1: 7}
    assert pairs(Matcher(), {1: 0}, {7: 3000}) == {}
    assert pairs(Matcher(500.0), {1: 0}, {7: 600}) == {}


def test_all_at_once_and_not_one_after_the_other() -> None:
    # The nearest pair alone (2 with 7) would leave aircraft 1 without a track.
    assert pairs(Matcher(), {1: 0, 2: 2000}, {7: 1500, 8: 4000}) == {1: 7, 2: 8}


def matches(rows: list[tuple[int, int, int]]) -> Matches:
    """Rows (scan, aircraft, track)."""
    scan, aircraft, track = np.array(rows, np.int64).reshape(-1, 3).T
    return Matches(scan, aircraft, track, np.zeros(len(rows)))


def test_purity_is_the_share_of_the_main_aircraft() -> None:
    rows = [(k, 1, 7) for k in range(6)] + [(k, 2, 7) for k in range(6, 8)] + [(k, 3, 8) for k in range(2)]
    assert purity(matches(sorted(rows))) == pytest.approx(8 / 10)
    assert np.isnan(purity(matches([])))


def test_fragments_are_breaks_while_the_aircraft_counts() -> None:
    #        scan: 0  1   2  3  4  5
    held = {1: [7, 7, -1, 7, 8, 8], 2: [-1, -1, 5, 5, 5, 5], 3: [4, 4, -1, -1, -1, -1]}
    rows = [(k, a, t) for a, tracks in held.items() for k, t in enumerate(tracks)]
    scan, aircraft, track = np.array(sorted(rows)).T
    broken = fragments(scan, aircraft, track)
    assert sorted(zip(aircraft[broken].tolist(), scan[broken].tolist())) == [(1, 2), (1, 4), (3, 2)]
    # One that does not count for a while may come back with another number.
    assert len(fragments(np.array([0, 1, 5, 6]), np.ones(4, np.int64), np.array([7, 7, 8, 8]))) == 0
    assert len(fragments(scan[:0], aircraft[:0], track[:0])) == 0


def test_moves_are_of_tracks_whose_aircraft_lives_on() -> None:
    rows = [(0, 1, 7), (0, 2, 8), (1, 1, 7), (2, 2, 7), (3, 2, 7), (3, 1, 8)]
    found = moves(matches(rows), lambda aircraft, scan: True)
    assert found == [Swap(7, 1, 2, 1, 2), Swap(8, 2, 1, 0, 3)]
    assert moves(matches(rows), lambda aircraft, scan: aircraft == 2) == [Swap(8, 2, 1, 0, 3)]
