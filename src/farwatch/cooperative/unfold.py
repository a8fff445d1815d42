"""Positions out of compact position reports, each by the path of its address or by a pair of messages.

A report on a path is unfolded next to where that ends; one that lies on none needs its other half, at most ten seconds
older. Reports from the ground, whose zones come round every 90 degrees, are never unfolded by a pair: only by a path,
or near a receiver whose place is known.
"""

from __future__ import annotations

import math

import numpy as np

from farwatch.cooperative.cpr import AIRBORNE, SURFACE, from_pair, near
from farwatch.cooperative.lineages import (
    LINEAGES,
    MAX_GROUND_SPEED_MPS,
    MAX_SPEED_MPS,
    SLACK_M,
    find_path,
    free_path,
    go_on,
    is_live,
    offset_m,
    on_path,
    start_path,
)
from farwatch.kernels import kernel, leaf

UNFOLDED, ALONE, NOWHERE, NO_REFERENCE = 0, 1, 2, 3
REASONS = (
    "",
    "position report without its other half",
    "pair of position reports from different zones",
    "position report from the ground without a place near by to unfold it at",
)
PAIR_NS = 10_000_000_000
MOST_HITS = 8  # what a path's past is worth against pairs that say otherwise
SAME_PLACE_M = 2_000.0
SAME_LEVEL_M, FASTEST_CLIMB_MPS = 100.0, 60.0  # what tells two aircraft that share an address


@leaf
def near_path(paths, row, time_ns, lat_cpr, lon_cpr, odd, kind, limit_mps):  # type: ignore[no-untyped-def]
    """The path that a report lies on when it is unfolded at the path's end, -1 none, and its place (deg)."""
    best, lat, lon = -1, 0.0, 0.0
    for number in range(LINEAGES):
        if not is_live(paths, row, number, time_ns):
            continue
        if best >= 0 and paths.hits[row, number] <= paths.hits[row, best]:
            continue
        a, b = near(lat_cpr, lon_cpr, odd, kind, paths.lat_deg[row, number], paths.lon_deg[row, number])
        if abs(a) <= 90.0 and on_path(paths, row, number, time_ns, a, b, SLACK_M, limit_mps):
            best, lat, lon = number, a, b
    return best, lat, lon


@leaf
def of_one(paths, row, parity, place, time_ns, altitude_m):  # type: ignore[no-untyped-def]
    """Whether a message that is remembered may be of the aircraft that is at an altitude now."""
    apart_ns = abs(time_ns - paths.cpr_ns[row, parity, place])
    if paths.cpr_ns[row, parity, place] == 0 or apart_ns > PAIR_NS:
        return False
    return abs(paths.cpr[row, parity, place, 2] - altitude_m) <= SAME_LEVEL_M + FASTEST_CLIMB_MPS * apart_ns * 1e-9


@leaf
def remember(paths, row, time_ns, lat_cpr, lon_cpr, odd, altitude_m):  # type: ignore[no-untyped-def]
    """Keep an airborne message in place of the last one of its aircraft, else of the older."""
    place = 1 if paths.cpr_ns[row, odd, 1] < paths.cpr_ns[row, odd, 0] else 0
    for k in range(2):
        if of_one(paths, row, odd, k, time_ns, altitude_m):
            place = k
    paths.cpr_ns[row, odd, place] = time_ns
    paths.cpr[row, odd, place, 0], paths.cpr[row, odd, place, 1] = lat_cpr, lon_cpr
    paths.cpr[row, odd, place, 2] = altitude_m


@leaf
def by_pair(paths, row, time_ns, lat_cpr, lon_cpr, odd, altitude_m):  # type: ignore[no-untyped-def]
    """What an airborne message and the newest of the other parity at its altitude say together: ALONE, NOWHERE or
    UNFOLDED, and the place."""
    other, newest_ns = -1, np.int64(0)
    for k in range(2):
        if of_one(paths, row, 1 - odd, k, time_ns, altitude_m) and paths.cpr_ns[row, 1 - odd, k] > newest_ns:
            other, newest_ns = k, paths.cpr_ns[row, 1 - odd, k]
    if other < 0:
        return ALONE, 0.0, 0.0
    y, x = paths.cpr[row, 1 - odd, other, 0], paths.cpr[row, 1 - odd, other, 1]
    if odd == 1:
        good, lat, lon = from_pair(y, x, lat_cpr, lon_cpr, True)
    else:
        good, lat, lon = from_pair(lat_cpr, lon_cpr, y, x, False)
    return (UNFOLDED if good else NOWHERE), lat, lon


@leaf
def doubt(paths, row, number, time_ns, lat_deg, lon_deg):  # type: ignore[no-untyped-def]
    """A pair says that a path is elsewhere: when several do and agree, the path goes."""
    for other in range(LINEAGES):
        if other == number or not is_live(paths, row, other, time_ns):
            continue
        if on_path(paths, row, other, time_ns, lat_deg, lon_deg, SLACK_M, MAX_SPEED_MPS):
            go_on(paths, row, other, time_ns, lat_deg, lon_deg, math.nan, math.nan)
            paths.hits[row, number] -= 2
            return
    free = free_path(paths, row, time_ns)
    if free >= 0 and free != number:
        start_path(paths, row, free, time_ns, lat_deg, lon_deg)


@leaf
def keep_to(paths, row, number, time_ns, lat, lon):  # type: ignore[no-untyped-def]
    """Move a path's end to a position (deg) that lies on it; a long past is worth no more than `MOST_HITS`."""
    go_on(paths, row, number, time_ns, lat, lon, math.nan, math.nan)
    paths.hits[row, number] = min(paths.hits[row, number], MOST_HITS)


@leaf
def unfold_airborne(paths, row, time_ns, lat_cpr, lon_cpr, odd, altitude_m):  # type: ignore[no-untyped-def]
    """What becomes of one airborne report, and its place (deg)."""
    remember(paths, row, time_ns, lat_cpr, lon_cpr, odd, altitude_m)
    number, lat, lon = near_path(paths, row, time_ns, lat_cpr, lon_cpr, odd, AIRBORNE, MAX_SPEED_MPS)
    paired, pair_lat, pair_lon = by_pair(paths, row, time_ns, lat_cpr, lon_cpr, odd, altitude_m)
    if number >= 0:
        if paired == UNFOLDED:
            north, east = offset_m(lat, lon, pair_lat, pair_lon)
            if math.hypot(north, east) > SAME_PLACE_M:
                doubt(paths, row, number, time_ns, pair_lat, pair_lon)
        keep_to(paths, row, number, time_ns, lat, lon)
        return UNFOLDED, lat, lon
    if paired == UNFOLDED and find_path(paths, row, time_ns, pair_lat, pair_lon, 0.0, MAX_SPEED_MPS) < 0:
        free = free_path(paths, row, time_ns)
        if free >= 0:
            start_path(paths, row, free, time_ns, pair_lat, pair_lon)
    return paired, pair_lat, pair_lon


@leaf
def unfold_surface(paths, row, time_ns, lat_cpr, lon_cpr, odd, receiver_lat, receiver_lon, reach_m):  # type: ignore[no-untyped-def]
    """What becomes of one report from the ground, and its place (deg)."""
    number, lat, lon = near_path(paths, row, time_ns, lat_cpr, lon_cpr, odd, SURFACE, MAX_GROUND_SPEED_MPS)
    if number >= 0:
        keep_to(paths, row, number, time_ns, lat, lon)
        return UNFOLDED, lat, lon
    if math.isnan(receiver_lat):
        return NO_REFERENCE, 0.0, 0.0
    lat, lon = near(lat_cpr, lon_cpr, odd, SURFACE, receiver_lat, receiver_lon)
    north, east = offset_m(receiver_lat, receiver_lon, lat, lon)
    if math.hypot(north, east) > reach_m:
        return NO_REFERENCE, 0.0, 0.0
    free = free_path(paths, row, time_ns)
    if free >= 0:
        start_path(paths, row, free, time_ns, lat, lon)
    return UNFOLDED, lat, lon


@kernel
def unfold(paths, rows, time_ns, reports, receiver_lat, receiver_lon, reach_m, place, verdict):  # type: ignore[no-untyped-def]
    """Unfold reports (n, 5: AIRBORNE or SURFACE, odd, latitude, longitude, altitude in m) in their order; fill place
    (n, 2) in degrees.

    rows (n,) are those of their addresses. The receiver's place (deg) is NaN where it is not known; beyond `reach_m`
    of it nothing on the ground is heard.
    """
    for k in range(len(rows)):
        odd, lat_cpr, lon_cpr = reports[k, 1], reports[k, 2], reports[k, 3]
        if reports[k, 0] == AIRBORNE:
            verdict[k], lat, lon = unfold_airborne(paths, rows[k], time_ns[k], lat_cpr, lon_cpr, odd, reports[k, 4])
        else:
            verdict[k], lat, lon = unfold_surface(
                paths, rows[k], time_ns[k], lat_cpr, lon_cpr, odd, receiver_lat, receiver_lon, reach_m
            )
        good = verdict[k] == UNFOLDED
        place[k, 0], place[k, 1] = (lat, lon) if good else (math.nan, math.nan)
