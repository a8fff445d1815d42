"""Where each beam points: a phase-locked loop on plots and sector messages."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from farwatch.kernels import leaf
from farwatch.plots import Floats, Ints

TWO_PI = 2.0 * math.pi
SECTOR_WEIGHT = 4.0  # a sector message is worth so many plots


class Beams(NamedTuple):
    """One row a sensor: the beam's azimuth at a time, its rotation, and whether it is known yet."""

    known: Ints
    time_ns: Ints
    azimuth_rad: Floats
    rotation_s: Floats
    nominal_s: Floats
    learned_rad: Floats  # azimuth up to which the clutter map has closed its scan; NaN before the first
    memory_ns: Ints  # time of the last evidence


def make_beams(rotation_s: Floats) -> Beams:
    """Beams that are not known yet, with their nominal rotations."""
    n = len(rotation_s)
    return Beams(
        known=np.zeros(n, np.int64),
        time_ns=np.zeros(n, np.int64),
        azimuth_rad=np.zeros(n),
        rotation_s=rotation_s.copy(),
        nominal_s=rotation_s.copy(),
        learned_rad=np.full(n, np.nan),
        memory_ns=np.zeros(n, np.int64),
    )


@leaf
def beam_azimuth(beams, sensor, time_ns):  # type: ignore[no-untyped-def]
    """Azimuth of a beam at a time, rad in [0, 2 pi)."""
    elapsed = (time_ns - beams.time_ns[sensor]) * 1e-9
    azimuth = beams.azimuth_rad[sensor] + TWO_PI * elapsed / beams.rotation_s[sensor]
    return azimuth - TWO_PI * math.floor(azimuth / TWO_PI)


@leaf
def follow_beam(beams, sensor, plot_ns, plot_azimuth, progress, until_ns):  # type: ignore[no-untyped-def]
    """Turn one beam to `until_ns` and correct its phase and rotation by that sensor's plots and all messages.

    `plot_ns` and `plot_azimuth` (rad) are of its own plots (n,); `progress` may hold other sensors' messages.
    """
    c = 0.0
    s = 0.0
    weight = 0.0
    span = 0.0
    known = beams.known[sensor] > 0
    for j in range(len(plot_ns) + len(progress.time_ns)):
        if j < len(plot_ns):
            time_ns, azimuth, w = plot_ns[j], plot_azimuth[j], 1.0
        else:
            k = j - len(plot_ns)
            if progress.sensor[k] != sensor or math.isnan(progress.azimuth_rad[k]):
                continue
            time_ns, azimuth, w = progress.time_ns[k], progress.azimuth_rad[k], SECTOR_WEIGHT
        if not known:
            # Relative to the end of the batch, at the nominal rotation.
            azimuth += TWO_PI * (until_ns - time_ns) * 1e-9 / beams.rotation_s[sensor]
        else:
            azimuth -= beam_azimuth(beams, sensor, time_ns)
        c += w * math.cos(azimuth)
        s += w * math.sin(azimuth)
        weight += w
    if known:
        beams.azimuth_rad[sensor] = beam_azimuth(beams, sensor, until_ns)
        span = (until_ns - beams.time_ns[sensor]) * 1e-9
    beams.time_ns[sensor] = until_ns
    if weight == 0.0:
        return
    phase = math.atan2(s, c)
    agreement = math.hypot(c, s) / weight
    if not known:
        beams.azimuth_rad[sensor] = phase - TWO_PI * math.floor(phase / TWO_PI)
        beams.known[sensor] = 1
    elif abs(phase) > math.radians(20.0) and agreement > 0.9 and weight >= 3.0:
        # The antenna was stopped, or the clock has jumped: start again from what is seen.
        azimuth = beams.azimuth_rad[sensor] + phase
        beams.azimuth_rad[sensor] = azimuth - TWO_PI * math.floor(azimuth / TWO_PI)
    else:
        gain = 0.3 * weight / (weight + 10.0)
        azimuth = beams.azimuth_rad[sensor] + gain * phase
        beams.azimuth_rad[sensor] = azimuth - TWO_PI * math.floor(azimuth / TWO_PI)
        if 0.0 < span < 5.0 * beams.nominal_s[sensor]:
            nominal = beams.nominal_s[sensor]
            turned = 0.02 * gain * phase / TWO_PI * nominal
            beams.rotation_s[sensor] = min(max(beams.rotation_s[sensor] - turned, 0.9 * nominal), 1.1 * nominal)
    beams.memory_ns[sensor] = until_ns
