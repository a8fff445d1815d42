"""Correct: sensors' errors taken off their plots and messages, what is not known of them added to the noise."""

from __future__ import annotations

import math

import numpy as np

from farwatch.kernels import kernel
from farwatch.plots import Floats, Ints, Plots, Progress

TWO_PI = 2.0 * math.pi
USUAL_MPS = 250.0  # what an unknown time is worth in metres


class Correction:
    """What is done to each sensor's plots; made anew with each window.

    `errors` (sensors, 4) in m, parts, rad and s, `covariance` (sensors, 4, 4); `variances` (sensors, 3) of range,
    azimuth and elevation, or of each axis of a position, where a plot brings none; `silenced` (sensors,) are left out.
    """

    def __init__(self, errors: Floats, covariance: Floats, variances: Floats, radar: Ints, silenced: Ints) -> None:
        self.errors = errors
        self.covariance = covariance
        self.variances = variances
        self.radar = radar
        self.silenced = silenced.astype(bool)
        self.late_ns = np.round(errors[:, 3] * 1e9).astype(np.int64)
        # What a fast clock has stamped before the watermark is older than that by as much: so the others wait for it.
        self.wait_ns = int(np.where(self.silenced, 0, self.late_ns).max(initial=0))

    def __call__(self, plots: Plots, progress: Progress) -> tuple[Plots, Progress, int]:
        """Both as right sensors would have given them, by the right times, and how many plots were left out."""
        out = 0
        if self.silenced.any():
            heard = ~self.silenced[plots.sensor]
            out = plots.n - int(heard.sum())
            if out:
                plots = plots.take(heard)
            progress = progress.take(~self.silenced[progress.sensor])
        if plots.n:
            z, covariance = plots.z.copy(), plots.covariance.copy()
            correct_rows(plots.sensor, self.radar, self.errors, self.covariance, self.variances, z, covariance)
            time_ns = plots.time_ns - self.late_ns[plots.sensor]
            plots = plots._replace(z=z, covariance=covariance, time_ns=time_ns)
        if progress.n:
            azimuth = (progress.azimuth_rad - self.errors[progress.sensor, 2]) % TWO_PI
            time_ns = progress.time_ns - self.late_ns[progress.sensor]
            progress = progress._replace(azimuth_rad=azimuth, time_ns=time_ns)
        return plots, progress, out


@kernel
def correct_rows(sensor, radar, errors, uncertain, variances, z, covariance):  # type: ignore[no-untyped-def]
    """Plots z (n, 6) and their packed covariance (n, 6) in place; `uncertain` (sensors, 4, 4)."""
    for j in range(len(sensor)):
        s = sensor[j]
        U, e = uncertain[s], errors[s]
        moved = USUAL_MPS * USUAL_MPS * U[3, 3]
        if radar[s]:
            r = (z[j, 0] - e[0]) / (1.0 + e[1])
            z[j, 0] = max(r, 1.0)
            a = z[j, 1] - e[2]
            z[j, 1] = a - TWO_PI * math.floor(a / TWO_PI)
            along = U[0, 0] + 2.0 * r * U[0, 1] + r * r * U[1, 1] + moved
            across = U[2, 2] + moved / max(r * r, 1e6)
            third = 0.0
        else:
            along, across, third = moved, moved, 0.0
        if math.isnan(covariance[j, 0]):
            for c in range(6):
                covariance[j, c] = 0.0
            covariance[j, 0], covariance[j, 3], covariance[j, 5] = variances[s, 0], variances[s, 1], variances[s, 2]
        covariance[j, 0] += along
        covariance[j, 3] += across
        covariance[j, 5] += third
