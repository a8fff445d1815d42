"""Report: track states as rows of the picture."""

from __future__ import annotations

import math

import numpy as np

from farwatch.geodesy import enu_axes, to_geodetic
from farwatch.kernels import kernel, leaf
from farwatch.motion.imm import AGILE, CIVIL
from farwatch.picture import Picture, Status
from farwatch.plots import N_TECHNOLOGIES, Floats, Ints
from farwatch.tracker.correct import moment_match
from farwatch.tracker.looks import predict_hypothesis
from farwatch.tracks import MODES, STATE, Tracks

CONTRIBUTES_ROTATIONS = 2.0
SHOWN = 0.25  # a confirmed track less likely than that is not in the picture: it waits for its aircraft unseen
TENTATIVE, ENDED = int(Status.TENTATIVE), int(Status.ENDED)


@kernel
def predict_rows(tracks, hypotheses, rows, time_ns, motion, flat):  # type: ignore[no-untyped-def]
    """Means (n, 6) and covariances (n, 6, 6) of the tracks in `rows`, predicted to one time."""
    mean = np.empty((len(rows), 6))
    covariance = np.empty((len(rows), 6, 6))
    p = np.empty(MODES)
    m = np.empty((MODES, STATE))
    c = np.empty((MODES, STATE, STATE))
    matrix = np.empty((MODES, MODES))
    for k in range(len(rows)):
        i = rows[k]
        dt = (time_ns - tracks.time_ns[i]) * 1e-9
        predict_hypothesis(
            hypotheses.modes[i],
            AGILE if tracks.agile[i] > 0.5 else CIVIL,
            hypotheses.probability[i],
            hypotheses.mean[i],
            hypotheses.covariance[i],
            dt,
            motion,
            flat,
            p,
            m,
            c,
            matrix,
        )
        moment_match(p, m, c, hypotheses.modes[i], 6, mean[k], covariance[k])
    return mean, covariance


@leaf
def in_axes(P, axes, i, j, offset):  # type: ignore[no-untyped-def]
    """Covariance of the components along the rows i and j of `axes` of the vector that starts at `offset`."""
    total = 0.0
    for a in range(3):
        for b in range(3):
            total += axes[i, a] * axes[j, b] * P[offset + a, offset + b]
    return total


@kernel
def state_columns(rows, means, covariances, flat, out):  # type: ignore[no-untyped-def]
    """Fill columns (14, n) with the states in `rows` of `means` and `covariances`: latitude and longitude (deg; flat: y
    and x in m), height, speed, track angle (deg), vertical rate; the standard deviations of the horizontal position,
    the height, east and north, the correlation of the last two; those of the velocity's east, north and up (m, m/s)."""
    axes = np.eye(3)
    for k in range(len(rows)):
        x, P = means[rows[k]], covariances[rows[k]]
        if flat:
            out[0, k], out[1, k], out[2, k] = x[1], x[0], x[2]
        else:
            lat, lon, height = to_geodetic(x[0], x[1], x[2])
            axes = enu_axes(lat, lon)
            out[0, k], out[1, k], out[2, k] = math.degrees(lat), math.degrees(lon), height
        east = axes[0, 0] * x[3] + axes[0, 1] * x[4] + axes[0, 2] * x[5]
        north = axes[1, 0] * x[3] + axes[1, 1] * x[4] + axes[1, 2] * x[5]
        out[3, k] = math.hypot(east, north)
        out[4, k] = math.degrees(math.atan2(east, north)) % 360.0
        out[5, k] = axes[2, 0] * x[3] + axes[2, 1] * x[4] + axes[2, 2] * x[5]
        ee, nn, uu = in_axes(P, axes, 0, 0, 0), in_axes(P, axes, 1, 1, 0), in_axes(P, axes, 2, 2, 0)
        en = in_axes(P, axes, 0, 1, 0)
        out[6, k] = math.sqrt(max(ee + nn, 0.0))
        out[7, k] = math.sqrt(max(uu, 0.0))
        out[8, k] = math.sqrt(max(ee, 0.0))
        out[9, k] = math.sqrt(max(nn, 0.0))
        out[10, k] = en / max(out[8, k] * out[9, k], 1e-300)
        for a in range(3):
            out[11 + a, k] = math.sqrt(max(in_axes(P, axes, a, a, 3), 0.0))


@kernel
def columns(tracks, rows, time_ns, means, covariances, of, rotation_s, flat):  # type: ignore[no-untyped-def]
    """Columns of the picture of the tracks in `rows`, floats (16, n) and ints (8, n), and when they were heard (n, 5).

    `of` (n,) are the rows of their times (ns), means (6) and covariances (6, 6) in the tables given.
    """
    n = len(rows)
    floats, ints = np.empty((16, n)), np.empty((8, n), np.int64)
    heard_ns = np.empty((n, N_TECHNOLOGIES), np.int64)
    state_columns(of, means, covariances, flat, floats)
    for k in range(n):
        i = rows[k]
        floats[14, k], floats[15, k] = tracks.pressure_altitude_m[i], tracks.existence[i]
        ints[0, k], ints[1, k] = time_ns[of[k]], tracks.id[i]
        ints[2, k] = tracks.status[i] if tracks.alive[i] else ENDED
        ints[3, k], ints[4, k], ints[5, k] = tracks.address[i], tracks.mode_a[i], tracks.callsign[i]
        ints[6, k], ints[7, k] = tracks.plot[i], 0
        heard_ns[k] = tracks.heard_ns[i]
        for sensor in range(min(len(rotation_s), 63)):
            seen = tracks.seen_ns[i, sensor]
            if seen > 0 and ints[0, k] - seen <= int(CONTRIBUTES_ROTATIONS * rotation_s[sensor] * 1e9):
                ints[7, k] |= 1 << sensor
    return floats, ints, heard_ns


@leaf
def shown(tracks, i):  # type: ignore[no-untyped-def]
    """Whether track i is to be seen where it is reported: it is likely, or is so no longer and has to say so."""
    before = tracks.shown[i]
    tracks.shown[i] = tracks.alive[i] and tracks.status[i] != TENTATIVE and tracks.existence[i] >= SHOWN
    return before or tracks.shown[i]


@leaf
def mark_ended(tracks, rows, ints):  # type: ignore[no-untyped-def]
    """Say of those of the `rows` that are seen for the last time that they have ended, though they may come back."""
    for k in range(len(rows)):
        if not tracks.shown[rows[k]]:
            ints[2, k] = ENDED


@kernel
def to_be_seen(tracks, hypotheses, looks, done):  # type: ignore[no-untyped-def]
    """Rows of the tracks that have been looked at, of looks that are `done`, as far as they are to be seen."""
    rows = np.empty(len(done), np.int64)
    n = 0
    for k in range(len(done)):
        i = hypotheses.track[looks.hypothesis[k]]
        if done[k] and shown(tracks, i):
            rows[n] = i
            n += 1
    return rows[:n].copy()


def report(
    tracks: Tracks,
    rows: Ints,
    time_ns: Ints,
    means: Floats,
    covariances: Floats,
    of: Ints,
    rotation_s: Floats,
    flat: bool,
    until_ns: int,
) -> Picture:
    """Picture of the tracks in `rows` at the times and states in the rows `of` of the tables given.

    Tracks that have ended say so; a sensor contributes where it has seen a track within its last two rotations.
    """
    return picture_of(columns(tracks, rows, time_ns, means, covariances, of, rotation_s, flat), until_ns)


def picture_of(columns: tuple[Floats, Ints, Ints], until_ns: int) -> Picture:
    """Picture of the columns that the kernel of this name has filled."""
    floats, ints, heard_ns = columns
    return Picture(
        until_ns=until_ns,
        time_ns=ints[0],
        track=ints[1],
        status=ints[2].astype(np.uint8),
        lat_deg=floats[0],
        lon_deg=floats[1],
        height_wgs84_m=floats[2],
        pressure_altitude_m=floats[14],
        ground_speed_mps=floats[3],
        track_angle_deg=floats[4],
        vertical_rate_mps=floats[5],
        sigma_horizontal_m=floats[6],
        sigma_height_m=floats[7],
        sigma_east_m=floats[8],
        sigma_north_m=floats[9],
        correlation_east_north=floats[10],
        sigma_v_east_mps=floats[11],
        sigma_v_north_mps=floats[12],
        sigma_vertical_rate_mps=floats[13],
        existence=floats[15],
        address=ints[3].astype(np.int32),
        mode_a=ints[4].astype(np.int16),
        callsign=ints[5],
        flight_plan=np.zeros(len(ints[5]), np.int64),
        sensors=ints[7],
        plot=ints[6],
        heard_ns=heard_ns,
    )
