"""SIAP: the measures of the single integrated air picture, over scans and over the life of each true aircraft."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from farwatch.plots import Floats, Ints


class Associations(NamedTuple):
    """Which tracks are of which aircraft, one row a scan and pair; a track or aircraft may be in several."""

    scan: Ints
    aircraft: Ints
    track: Ints
    position_error_m: Floats
    velocity_error_mps: Floats


class Siap(NamedTuple):
    """Ideal: 1, 1, 0, 0, 0, 0, 1. What no row can say is NaN."""

    completeness: float  # JT / J: aircraft that have a track, of all
    ambiguity: float  # NA / JT: tracks per aircraft that has one
    spuriousness: float  # (N - NA) / N: tracks of no aircraft, of all
    position_accuracy_m: float  # mean error
    velocity_accuracy_mps: float
    track_number_changes_hz: float  # sum of (NU - 1) / sum of TT, of aircraft that have a track at all
    longest_track_segment: float  # sum of TL / sum of T


def siap(
    time_s: Floats, aircraft_scan: Ints, aircraft: Ints, track_scan: Ints, track: Ints, pairs: Associations
) -> Siap:
    """SIAP measures over the scans at `time_s`, where `aircraft` and `track` say who was there at which scan.

    Votruba et al. 2001, as Stone Soup has it: a segment lasts from its first scan to its last, and the longest time
    of a track is the sum of its segments on the aircraft.
    """
    associated = len(np.unique(np.column_stack([pairs.scan, pairs.aircraft]), axis=0))
    tracks_used = len(np.unique(np.column_stack([pairs.scan, pairs.track]), axis=0))
    changes, tracked_s, longest_s, lived_s = 0, 0.0, 0.0, 0.0
    for scans in _grouped(aircraft, aircraft_scan):
        lived_s += time_s[scans.max()] - time_s[scans.min()]
    for rows in _grouped(pairs.aircraft, np.arange(len(pairs.scan))):
        segments = _segments(pairs.scan[rows], pairs.track[rows])
        changes += _needed(segments) - 1
        tracked_s += _covered_s(segments, time_s)
        longest_s += _longest_s(segments, time_s)
    return Siap(
        _ratio(associated, len(aircraft)),
        _ratio(tracks_used, associated),
        _ratio(len(track) - tracks_used, len(track)),
        float(pairs.position_error_m.mean()) if len(pairs.scan) else np.nan,
        float(pairs.velocity_error_mps.mean()) if len(pairs.scan) else np.nan,
        _ratio(changes, tracked_s),
        _ratio(longest_s, lived_s),
    )


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else np.nan


def _grouped(key: Ints, value: Ints) -> list[Ints]:
    """Values of each key."""
    order = np.argsort(key, kind="stable")
    return np.split(value[order], np.flatnonzero(np.diff(key[order])) + 1) if len(key) else []


def _segments(scan: Ints, track: Ints) -> list[tuple[int, int, int]]:
    """(first scan, last scan, track) of each unbroken row of scans of one track."""
    order = np.lexsort((scan, track))
    found: list[tuple[int, int, int]] = []
    for s, t in zip(scan[order].tolist(), track[order].tolist(), strict=True):
        if found and found[-1][2] == t and s <= found[-1][1] + 1:
            found[-1] = (found[-1][0], s, t)
        else:
            found.append((s, s, t))
    return found


def _needed(segments: list[tuple[int, int, int]]) -> int:
    """The least number of segments that hold the aircraft whenever any does: always that which lasts longest."""
    needed, held_to = 0, -1
    for scan in sorted({s for first, last, _ in segments for s in range(first, last + 1)}):
        if scan > held_to:
            needed += 1
            held_to = max(last for first, last, _ in segments if first <= scan <= last)
    return needed


def _covered_s(segments: list[tuple[int, int, int]], time_s: Floats) -> float:
    """Seconds in which any segment holds the aircraft."""
    total, held_to = 0.0, -1
    for first, last, _ in sorted(segments):
        if last > held_to:
            total += time_s[last] - time_s[max(first, held_to)]
            held_to = last
    return total


def _longest_s(segments: list[tuple[int, int, int]], time_s: Floats) -> float:
    """Seconds of the track that holds the aircraft longest."""
    by_track: dict[int, float] = {}
    for first, last, track in segments:
        by_track[track] = by_track.get(track, 0.0) + float(time_s[last] - time_s[first])
    return max(by_track.values())
