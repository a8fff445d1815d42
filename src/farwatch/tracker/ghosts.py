"""Ghosts: plots of an aircraft where it is not. They start no track, are counted, and a track that they made ends.

A mirror image stands in the direction of a large surface, farther off than its aircraft: out to the surface at range d
and azimuth a, and on from there to the aircraft at range r, the way is d + sqrt(r^2 + d^2 - 2 r d cos b), b being the
angle between. Solved for d, the images of many aircraft give the same place: a reflector is learned by the different
aircraft that it has shown. A sidelobe's answer has its aircraft's range in another direction. Both are told by the
identity that they repeat. A split plot lies a cell or two of range beside the plot of its aircraft; a wingman may lie
there too, so it only makes a new track that much less likely.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from farwatch.association.gate import Window, in_window
from farwatch.kernels import kernel, leaf
from farwatch.picture import Status
from farwatch.plots import NO_ADDRESS, NO_MODE_A, Floats, Ints
from farwatch.sensors import RADAR, gate_coordinates
from farwatch.sensors.radar import polar, wrap
from farwatch.tracker.admit import MIRRORED, NOT_INITIATED, SIDELOBE, SPLIT
from farwatch.tracker.areas import MAY_BE_MIRRORED, STARTS_NOTHING

TENTATIVE = int(Status.TENTATIVE)
MODE_A_DOUBTFUL = 32 | 64
AZIMUTHS, RANGES, CELL_M = 360, 64, 500.0  # reflectors are told within a degree and this, and up to 32 km away
KNOWN_REFLECTOR = 3.0  # different aircraft shown
FADES = 0.999  # what a reflector keeps with each new image anywhere
SAME_RANGE_M = 300.0
SAME_HEIGHT_M = 60.0  # of codes in steps of 100 ft
SEEN_ROTATIONS = 1.6
LIKELY = 0.5
SPLIT_M = 400.0  # of range beside its aircraft's plot
PRIOR_PLOTS, PRIOR_SPLITS = 200.0, 1.0
MEMORY_PLOTS = 20_000.0


class GhostMap(NamedTuple):
    """What one sensor's false images have told."""

    shown: Floats  # (AZIMUTHS, RANGES) different aircraft that a reflector there has shown, fading
    most: Floats  # (AZIMUTHS,) the greatest of them ever
    last: Ints  # (AZIMUTHS, RANGES) the last identity shown there
    split: Floats  # (2,) plots that were split, of so many of tracks


def make_ghost_map() -> GhostMap:
    """A map that knows no reflector."""
    shape = (AZIMUTHS, RANGES)
    return GhostMap(
        np.zeros(shape), np.zeros(AZIMUTHS), np.full(shape, -1, np.int64), np.array([PRIOR_SPLITS, PRIOR_PLOTS])
    )


@leaf
def identity_of(address, mode_a, flags, height_m):  # type: ignore[no-untyped-def]
    """One number for who a plot says it is, -1 where it does not: the address, else the code with its height."""
    if address != NO_ADDRESS:
        return int(address)
    if mode_a == NO_MODE_A or flags & MODE_A_DOUBTFUL or math.isnan(height_m):
        return -1
    return (1 << 40) + (int(mode_a) << 16) + int(max(height_m, 0.0) / 30.48)


@leaf
def twin_of(tracks, plots, j, sensor, seen_ns, range_m, azimuth, radar):  # type: ignore[no-untyped-def]
    """Row of a sure track that says it is whom plot j says, nearer or as far; its range and azimuth then; -1: none.

    Last, the row of the track that has taken plot j itself, -1 where none has.
    """
    twin, twin_m, twin_azimuth, own = -1, 0.0, 0.0, -1
    address, mode_a, height = plots.address[j], plots.mode_a[j], plots.pressure_altitude_m[j]
    for i in range(len(tracks.alive)):
        if not tracks.alive[i]:
            continue
        if tracks.plot[i] == plots.id[j]:
            own = i
            continue
        if twin >= 0 or plots.time_ns[j] - tracks.seen_ns[i, sensor] > seen_ns:
            continue
        if tracks.status[i] == TENTATIVE or tracks.existence[i] < LIKELY:
            continue
        if address != NO_ADDRESS:
            if tracks.address[i] != address:
                continue
        elif tracks.mode_a[i] != mode_a or not abs(tracks.pressure_altitude_m[i] - height) < SAME_HEIGHT_M:
            continue
        dt = (plots.time_ns[j] - tracks.time_ns[i]) * 1e-9
        m = tracks.mean
        r, a, _ = polar(radar, m[i, 0] + m[i, 3] * dt, m[i, 1] + m[i, 4] * dt, m[i, 2] + m[i, 5] * dt)
        if range_m > r - SAME_RANGE_M:
            twin, twin_m, twin_azimuth = i, r, a
    return twin, twin_m, twin_azimuth, own


@leaf
def reflector_range(range_m, own_m, apart):  # type: ignore[no-untyped-def]
    """Range (m) of a surface that shows an aircraft at range `own_m` at `range_m`, `apart` (rad) being between."""
    further = own_m * math.cos(apart)
    return (range_m * range_m - own_m * own_m) / (2.0 * max(range_m - further, 1.0))


@leaf
def show(ghosts, azimuth, distance_m, identity):  # type: ignore[no-untyped-def]
    """Note an image by a surface there; return how many different aircraft it has shown before, about."""
    a, d = int(azimuth / (2.0 * math.pi) * AZIMUTHS) % AZIMUTHS, int(distance_m / CELL_M)
    if not 0 <= d < RANGES:
        return 0.0
    before = 0.0
    for beside in range(-1, 2):
        for farther in range(max(d - 1, 0), min(d + 2, RANGES)):
            before += ghosts.shown[(a + beside) % AZIMUTHS, farther]
    if ghosts.last[a, d] != identity:
        ghosts.last[a, d] = identity
        ghosts.shown[a, d] = FADES * ghosts.shown[a, d] + 1.0
        ghosts.most[a] = max(ghosts.most[a], ghosts.shown[a, d])
    return before


@leaf
def repeated(ghosts, tracks, plots, j, model, radar, sensor, rotation_s):  # type: ignore[no-untyped-def]
    """MIRRORED or SIDELOBE where plot j is that of a track seen elsewhere in the same turn, else -1; and the row of the
    track that has taken it, -1 where none has."""
    identity = identity_of(plots.address[j], plots.mode_a[j], plots.flags[j], plots.pressure_altitude_m[j])
    if identity < 0:
        return -1, -1
    azimuth, range_m, _ = gate_coordinates(model, plots.z, j)
    seen_ns = int(SEEN_ROTATIONS * rotation_s * 1e9)
    i, own_m, own_azimuth, taken = twin_of(tracks, plots, j, sensor, seen_ns, range_m, azimuth, radar)
    if i < 0:
        return -1, taken
    apart = abs(wrap(azimuth - own_azimuth))
    if abs(range_m - own_m) <= SAME_RANGE_M:
        return SIDELOBE if apart > 2.0 * model.split_u else -1, taken
    distance_m = reflector_range(range_m, own_m, apart)
    known = show(ghosts, azimuth, distance_m, identity) >= KNOWN_REFLECTOR
    return MIRRORED if known or plots.flags[j] & np.uint32(MAY_BE_MIRRORED) else -1, taken


@leaf
def toward_reflector(ghosts, plots, j):  # type: ignore[no-untyped-def]
    """Whether plot j, of a radar, lies in the direction of a reflector that is known."""
    if plots.flags[j] & np.uint32(MAY_BE_MIRRORED):
        return True
    a, most = int(plots.z[j, 1] / (2.0 * math.pi) * AZIMUTHS), 0.0
    for beside in range(-1, 2):
        most = max(most, ghosts.most[(a + beside) % AZIMUTHS])
    return most >= KNOWN_REFLECTOR


@leaf
def beside_another(in_bands, events, plots, j, model, near):  # type: ignore[no-untyped-def]
    """Whether a plot that belongs to a track lies a cell or two of range beside plot j."""
    u, v, _ = gate_coordinates(model, plots.z, j)
    n = min(in_window(in_bands, Window(u, model.split_u, v, SPLIT_M, math.nan, math.inf), near), len(near))
    found = False
    for k in range(n):
        found = found or (near[k] != j and events.birth[near[k]] < 1.0 - LIKELY)
    return found


@kernel
def find_ghosts(ghosts, counted, plots, used, events, density, in_bands, tracks, model, radar, sensor, rotation_s):  # type: ignore[no-untyped-def]
    """How much each plot (n,) is to be believed as the first of a new aircraft: 0 a ghost, 1 nothing speaks against it.

    What is found is `counted` (`Counts`).
    """
    fresh = np.ones(len(used))
    near = np.empty(8, np.int64)
    for j in range(len(used)):
        if not used[j]:
            continue
        if events.birth[j] < 1.0 - LIKELY:
            ghosts.split[1] += 1.0
            if model.kind == RADAR and toward_reflector(ghosts, plots, j):
                cause, taken = repeated(ghosts, tracks, plots, j, model, radar, sensor, rotation_s)
                if cause >= 0 and taken >= 0:
                    tracks.alive[taken] = False
                    counted[cause] += 1
            continue
        cause = -1
        if plots.flags[j] & np.uint32(STARTS_NOTHING):
            cause = NOT_INITIATED
        elif model.kind == RADAR:
            cause, _ = repeated(ghosts, tracks, plots, j, model, radar, sensor, rotation_s)
        if cause >= 0:
            fresh[j] = 0.0
            counted[cause] += 1
        elif model.kind == RADAR and beside_another(in_bands, events, plots, j, model, near):
            ghosts.split[0] += 1.0
            counted[SPLIT] += 1
            share = ghosts.split[0] / ghosts.split[1]
            others = density.birth[j] + density.false[j]
            fresh[j] = others / (others + share / (4.0 * model.split_u * SPLIT_M))
    if ghosts.split[1] > MEMORY_PLOTS:
        ghosts.split[0] *= 0.5
        ghosts.split[1] *= 0.5
    return fresh
