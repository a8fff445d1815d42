"""SIAP measures against Stone Soup, and by hand."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from farwatch.evaluation.siap import Associations, Siap, siap

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
SCAN_S = 4.0
NONE = np.zeros(0, np.int64)


def associations(rows: list[tuple[int, int, int]]) -> Associations:
    """Rows (scan, aircraft, track) with errors that tell the rows apart."""
    scan, aircraft, track = np.array(rows, np.int64).reshape(-1, 3).T
    return Associations(scan, aircraft, track, 10.0 * track + aircraft, 1.0 * aircraft + scan)


def ours(scans: int, aircraft: dict[int, range], tracks: dict[int, range], rows: list[tuple[int, int, int]]) -> Siap:
    there, found = (
        np.array([(k, name) for name, span in things.items() for k in span], np.int64).reshape(-1, 2)
        for things in (aircraft, tracks)
    )
    return siap(SCAN_S * np.arange(scans), there[:, 0], there[:, 1], found[:, 0], found[:, 1], associations(rows))


def theirs(
    scans: int, aircraft: dict[int, range], tracks: dict[int, range], rows: list[tuple[int, int, int]]
) -> dict[str, float]:
    """The same by Stone Soup: true positions encode the aircraft, and errors come from a measure of our own."""
    from stonesoup.measures import Measure
    from stonesoup.metricgenerator.manager import MultiManager
    from stonesoup.metricgenerator.tracktotruthmetrics import SIAPMetrics
    from stonesoup.types.association import AssociationSet, TimeRangeAssociation
    from stonesoup.types.groundtruth import GroundTruthPath, GroundTruthState
    from stonesoup.types.state import State
    from stonesoup.types.time import CompoundTimeRange, TimeRange
    from stonesoup.types.track import Track

    class Position(Measure):
        def __call__(self, track: State, truth: State) -> float:
            return 10.0 * track.state_vector[0, 0] + truth.state_vector[0, 0]

    class Velocity(Measure):
        def __call__(self, track: State, truth: State) -> float:
            return float(truth.state_vector[0, 0] + track.state_vector[1, 0])

    def at(scan: int) -> datetime.datetime:
        return START + datetime.timedelta(seconds=SCAN_S * scan)

    real = {
        name: GroundTruthPath([GroundTruthState([[name], [k]], timestamp=at(k)) for k in span])
        for name, span in aircraft.items()
    }
    found = {name: Track([State([[name], [k]], timestamp=at(k)) for k in span]) for name, span in tracks.items()}
    pairs = set()
    for a, t in {(a, t) for _, a, t in rows}:
        ranges, held = [], sorted(k for k, *pair in rows if pair == [a, t])
        for k in held:
            if ranges and ranges[-1][1] == k - 1:
                ranges[-1][1] = k
            else:
                ranges.append([k, k])
        times = CompoundTimeRange([TimeRange(at(first), at(last)) for first, last in ranges])
        pairs.add(TimeRangeAssociation({real[a], found[t]}, time_range=times))
    metrics = SIAPMetrics(position_measure=Position(), velocity_measure=Velocity())
    manager = MultiManager([metrics])
    manager.add_data({"groundtruth_paths": set(real.values()), "tracks": set(found.values())})
    manager.association_set = AssociationSet(pairs)
    names = (
        "SIAP Completeness",
        "SIAP Ambiguity",
        "SIAP Spuriousness",
        "SIAP Position Accuracy",
        "SIAP Velocity Accuracy",
        "SIAP Rate of Track Number Change",
        "SIAP Longest Track Segment",
    )
    by_title = {metric.title: metric.value for metric in metrics.compute_metric(manager)}
    return dict(zip(Siap._fields, (by_title[name] for name in names), strict=True))


def same(scans: int, aircraft: dict[int, range], tracks: dict[int, range], rows: list[tuple[int, int, int]]) -> None:
    mine, other = ours(scans, aircraft, tracks, rows), theirs(scans, aircraft, tracks, rows)
    for name in Siap._fields:
        assert getattr(mine, name) == pytest.approx(other[name], abs=1e-9), name


def test_one_track_an_aircraft_as_stone_soup(rng: np.random.Generator) -> None:
    for _ in range(15):
        scans = 20
        aircraft = {a: range(int(rng.integers(0, 4)), int(rng.integers(12, scans + 1))) for a in range(1, 5)}
        tracks = {10 * a + n: range(scans) for a in aircraft for n in range(3)}
        rows = []
        for a, span in aircraft.items():
            k, before = span.start, -1
            while k < span.stop - 1:
                last = min(k + int(rng.integers(1, 5)), span.stop - 1)  # Stone Soup knows no segment of one scan
                track = int(rng.choice([10 * a + n for n in range(3) if 10 * a + n != before]))
                rows += [(scan, a, track) for scan in range(k, last + 1)]
                gap = int(rng.integers(0, 3))
                k, before = last + 1 + gap, track if not gap else -1
        same(scans, aircraft, tracks, rows)


def test_several_tracks_an_aircraft_as_stone_soup(rng: np.random.Generator) -> None:
    for _ in range(15):
        scans = 12
        aircraft = {a: range(scans) for a in range(1, 4)}
        tracks, rows = {}, []
        for t in range(1, 9):
            start = int(rng.integers(0, scans - 1))
            tracks[t] = range(start, int(rng.integers(start + 2, scans + 1)))
            a = int(rng.integers(0, 4))
            rows += [(k, a, t) for k in tracks[t] if a]
        same(scans, aircraft, tracks, rows)


def test_by_hand() -> None:
    # Track 1 holds the aircraft for scans 0 to 4, track 2 for 5 to 9; track 3 is of nothing.
    rows = [(k, 1, 1) for k in range(5)] + [(k, 1, 2) for k in range(5, 10)]
    found = ours(10, {1: range(10)}, {1: range(5), 2: range(5, 10), 3: range(10)}, rows)
    assert found.completeness == 1.0
    assert found.ambiguity == 1.0
    assert found.spuriousness == 0.5
    assert found.track_number_changes_hz == pytest.approx(1 / 32.0)
    assert found.longest_track_segment == pytest.approx(16.0 / 36.0)


def test_nothing_is_not_a_number() -> None:
    found = siap(np.zeros(0), NONE, NONE, NONE, NONE, associations([]))
    assert all(np.isnan(value) for value in found)
