"""Report: track states as rows of the picture."""

from __future__ import annotations

import math

import numpy as np

from farwatch.geodesy import enu_axes, to_geodetic
from farwatch.kernels import kernel
from farwatch.motion.imm import AGILE, CIVIL
from farwatch.picture import Picture, Status
from farwatch.plots import Floats, Ints
from farwatch.tracker.correct import moment_match
from farwatch.tracker.looks import predict_hypothesis
from farwatch.tracks import MODES, STATE, Tracks

CONTRIBUTES_ROTATIONS = 2.0


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


@kernel
def geodetic_rows(mean, covariance, flat):  # type: ignore[no-untyped-def]
    """Table (n, 14) of states: latitude and longitude (deg; flat: y and x in m), height, speed, track angle (deg),
    vertical rate; the standard deviations of the horizontal position, the height, east and north, the correlation of
    the last two; the standard deviations of the velocity's east, north and up (m, m/s)."""
    out = np.empty((len(mean), 14))
    axes = np.eye(3)
    for k in range(len(mean)):
        x, P = mean[k], covariance[k]
        if flat:
            out[k, 0], out[k, 1], out[k, 2] = x[1], x[0], x[2]
        else:
            lat, lon, height = to_geodetic(x[0], x[1], x[2])
            axes = enu_axes(lat, lon)
            out[k, 0], out[k, 1], out[k, 2] = math.degrees(lat), math.degrees(lon), height
        east = axes[0, 0] * x[3] + axes[0, 1] * x[4] + axes[0, 2] * x[5]
        north = axes[1, 0] * x[3] + axes[1, 1] * x[4] + axes[1, 2] * x[5]
        out[k, 3] = math.hypot(east, north)
        out[k, 4] = math.degrees(math.atan2(east, north)) % 360.0
        out[k, 5] = axes[2, 0] * x[3] + axes[2, 1] * x[4] + axes[2, 2] * x[5]
        ee, nn, uu = in_axes(P, axes, 0, 0, 0), in_axes(P, axes, 1, 1, 0), in_axes(P, axes, 2, 2, 0)
        en = in_axes(P, axes, 0, 1, 0)
        out[k, 6] = math.sqrt(max(ee + nn, 0.0))
        out[k, 7] = math.sqrt(max(uu, 0.0))
        out[k, 8] = math.sqrt(max(ee, 0.0))
        out[k, 9] = math.sqrt(max(nn, 0.0))
        out[k, 10] = en / max(out[k, 8] * out[k, 9], 1e-300)
        for a in range(3):
            out[k, 11 + a] = math.sqrt(max(in_axes(P, axes, a, a, 3), 0.0))
    return out


@kernel
def in_axes(P, axes, i, j, offset):  # type: ignore[no-untyped-def]
    """Covariance of the components along the rows i and j of `axes` of the vector that starts at `offset`."""
    total = 0.0
    for a in range(3):
        for b in range(3):
            total += axes[i, a] * axes[j, b] * P[offset + a, offset + b]
    return total


@kernel
def contributing(tracks, rows, time_ns, rotation_s):  # type: ignore[no-untyped-def]
    """Bit masks of the sensors that have seen each track within their last two rotations."""
    out = np.zeros(len(rows), np.int64)
    for k in range(len(rows)):
        for sensor in range(min(len(rotation_s), 63)):
            seen = tracks.seen_ns[rows[k], sensor]
            if seen > 0 and time_ns[k] - seen <= int(CONTRIBUTES_ROTATIONS * rotation_s[sensor] * 1e9):
                out[k] |= 1 << sensor
    return out


def report(
    tracks: Tracks,
    rows: Ints,
    time_ns: Ints,
    mean: Floats,
    covariance: Floats,
    rotation_s: Floats,
    flat: bool,
    until_ns: int,
) -> Picture:
    """Picture of the tracks in `rows` at the times and states given; tracks that have ended say so."""
    table = geodetic_rows(mean, covariance, flat)
    status = np.where(tracks.alive[rows], tracks.status[rows], np.uint8(Status.ENDED))
    return Picture(
        until_ns=until_ns,
        time_ns=time_ns,
        track=tracks.id[rows],
        status=status,
        lat_deg=table[:, 0],
        lon_deg=table[:, 1],
        height_wgs84_m=table[:, 2],
        pressure_altitude_m=tracks.pressure_altitude_m[rows],
        ground_speed_mps=table[:, 3],
        track_angle_deg=table[:, 4],
        vertical_rate_mps=table[:, 5],
        sigma_horizontal_m=table[:, 6],
        sigma_height_m=table[:, 7],
        sigma_east_m=table[:, 8],
        sigma_north_m=table[:, 9],
        correlation_east_north=table[:, 10],
        sigma_v_east_mps=table[:, 11],
        sigma_v_north_mps=table[:, 12],
        sigma_vertical_rate_mps=table[:, 13],
        existence=tracks.existence[rows],
        address=tracks.address[rows],
        mode_a=tracks.mode_a[rows],
        callsign=tracks.callsign[rows],
        sensors=contributing(tracks, rows, time_ns, rotation_s),
        plot=tracks.plot[rows],
    )
