"""Scans: tracks and truth side by side at the end of each scan, causally, and which track holds which aircraft."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.evaluation.assignment import near_pairs
from farwatch.evaluation.coverage import AGE_SCANS, GAP_NS, Coverage
from farwatch.evaluation.gospa import Gospa, gospa
from farwatch.evaluation.match import RADIUS_M, Matcher, Matches
from farwatch.evaluation.siap import Associations
from farwatch.evaluation.timeline import Timeline
from farwatch.evaluation.trajectories import Trajectories, in_frame, on_ground
from farwatch.picture import Picture, Status
from farwatch.plots import Floats, Ints


class Ground(NamedTuple):
    """Things at one time, brought down to the ground."""

    name: Ints  # of track or aircraft
    row: Ints  # of the picture; of the true states
    place_m: Floats  # (n, 3)
    height_m: Floats
    velocity_mps: Floats  # (n, 3)


class Scored(NamedTuple):
    """One row a scan and aircraft that counts, by scan."""

    scan: Ints
    aircraft: Ints
    track: Ints  # -1 where none holds it
    row: Ints  # of the picture
    error_m: Floats  # horizontal; NaN where none holds it
    height_error_m: Floats


class Scans(NamedTuple):
    """All scans: what counts and how it is held, and what the measures of the whole are made of."""

    time_ns: Ints  # ends
    scored: Scored
    matches: Matches  # those of aircraft that do not count too
    gospas: list[Gospa]  # of what counts
    associations: Associations  # of what counts
    tracks_scan: Ints  # one row a scan and track that is not of an aircraft that does not count
    tracks: Ints
    seen: list[Ground]  # tracks at each scan


class Live:
    """The tracks of a picture at any time: each one's last state, moved on by its own velocity."""

    def __init__(self, picture: Picture, flat: bool, scan_ns: int) -> None:
        self._flat = flat
        self._age_ns = round(AGE_SCANS * scan_ns)
        self._line = Timeline(picture.track, picture.time_ns)
        p = picture.take(self._line.order)
        self._live = p.status != Status.ENDED
        self._climb = p.vertical_rate_mps
        self._motion = in_frame(
            p.lat_deg, p.lon_deg, p.height_wgs84_m, p.ground_speed_mps, p.track_angle_deg, p.vertical_rate_mps, flat
        )

    def at(self, time_ns: int) -> Ground:
        """Tracks whose last state is at most one and a half scans old and not their end."""
        row = self._line.last(self._line.owners, time_ns)
        row = row[row >= 0]
        row = row[self._live[row] & (time_ns - self._line.time_ns[row] <= self._age_ns)]
        after_s = (time_ns - self._line.time_ns[row]) * 1e-9
        place, velocity = self._motion[row, :3], self._motion[row, 3:]
        ground, _, _ = on_ground(place + velocity * after_s[:, None], self._flat)
        height = on_ground(place, self._flat)[1] + self._climb[row] * after_s
        original = self._line.order[row]
        name = self._line.owners[np.searchsorted(self._line.starts, row, side="right") - 1]
        return Ground(name, original, ground, height, velocity)


def true_ground(paths: Trajectories, aircraft: Ints, time_ns: int, flat: bool, beyond_ns: int = 0) -> Ground:
    """Those of the aircraft that the truth has at a time, or had within `beyond_ns` before."""
    row = paths.row(aircraft, time_ns, beyond_ns)
    aircraft, row = aircraft[row >= 0], row[row >= 0]
    state = paths.at(aircraft, np.full(len(aircraft), time_ns), beyond_ns)
    ground, height, _ = on_ground(state[:, :3], flat)
    return Ground(aircraft, row, ground, height, state[:, 3:])


def compare(paths: Trajectories, live: Live, coverage: Coverage, ends_ns: Ints, flat: bool) -> Scans:
    """Go through the scans: match tracks to aircraft, and set apart what is of aircraft that do not count.

    One whose truth has ended does not count any more, but flies on for a while: no tracker can know that it is gone.
    """
    matcher = Matcher()
    scored, matched, associated, seen, gospas = [], [], [], [], []
    for scan, end_ns in enumerate(ends_ns.tolist()):
        real, found = true_ground(paths, paths.aircraft, end_ns, flat, GAP_NS), live.at(end_ns)
        i, j, distance = matcher.match(real.name, real.place_m, found.name, found.place_m)
        matched.append((np.full(len(i), scan), real.name[i], found.name[j], distance))
        counts = coverage.counts(real.name, end_ns) & (paths.row(real.name, end_ns) >= 0)
        scored.append(_scored(scan, real, found, counts, i, j, distance))
        i, j, distance = _with_further(real, found, i, j, distance)
        ours = np.ones(len(found.name), bool)
        ours[j[~counts[i]]] = False
        gospas.append(gospa(real.place_m[counts], found.place_m[ours], RADIUS_M))
        i, j, distance = i[counts[i]], j[counts[i]], distance[counts[i]]
        slower = np.linalg.norm(real.velocity_mps[i] - found.velocity_mps[j], axis=1)
        associated.append((np.full(len(i), scan), real.name[i], found.name[j], distance, slower))
        seen.append((found, ours))
    return Scans(
        ends_ns,
        Scored(*(np.concatenate(column) for column in zip(*scored, strict=True))),
        Matches(*(np.concatenate(column) for column in zip(*matched, strict=True))),
        gospas,
        Associations(*(np.concatenate(column) for column in zip(*associated, strict=True))),
        np.concatenate([np.full(int(ours.sum()), scan) for scan, (_, ours) in enumerate(seen)]),
        np.concatenate([found.name[ours] for found, ours in seen]),
        [found for found, _ in seen],
    )


def _scored(
    scan: int, real: Ground, found: Ground, counts: NDArray[np.bool_], i: Ints, j: Ints, distance: Floats
) -> Scored:
    track, row = np.full(len(real.name), -1), np.full(len(real.name), -1)
    error, height_error = np.full(len(real.name), np.nan), np.full(len(real.name), np.nan)
    track[i], row[i], error[i] = found.name[j], found.row[j], distance
    height_error[i] = found.height_m[j] - real.height_m[i]
    return Scored(
        np.full(int(counts.sum()), scan),
        real.name[counts],
        track[counts],
        row[counts],
        error[counts],
        height_error[counts],
    )


def _with_further(real: Ground, found: Ground, i: Ints, j: Ints, distance: Floats) -> tuple[Ints, Ints, Floats]:
    """The pairs, and each track left over with the nearest aircraft in the radius: a further track of it."""
    left = np.setdiff1d(np.arange(len(found.name)), j)
    a, b, apart = near_pairs(real.place_m, found.place_m[left], RADIUS_M)
    order = np.lexsort((apart, b))
    nearest = order[np.flatnonzero(np.diff(b[order], prepend=-1))]
    return (
        np.append(i, a[nearest]),
        np.append(j, left[b[nearest]]),
        np.append(distance, apart[nearest]),
    )
