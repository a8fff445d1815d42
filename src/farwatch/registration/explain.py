"""Explain: a radar whose errors nothing explains may stand elsewhere than it is said to."""

from __future__ import annotations

import numpy as np

from farwatch.plots import Floats
from farwatch.registration.fit import Fit
from farwatch.registration.rows import ABOUT_AZIMUTH, ABOUT_RANGE
from farwatch.registration.window import Groups

EXPLAINS = 0.8  # of the squared residuals
LEAST_ROWS = 40


def misplaced(made: Fit, groups: Groups, sensor: int) -> Floats:
    """How far east and north (m) a radar's place must be moved for its residuals to go; NaN where that does not do.

    A radar that stands D further off measures ranges shorter by D along the line of sight, and azimuths by D across it.
    """
    of_sensor = groups.seen.sensor[made.rows.sighting] == sensor
    # An aircraft that fits badly by this sensor alone still has its course from the others.
    ranges = np.flatnonzero(of_sensor & (made.rows.about == ABOUT_RANGE))
    azimuths = np.flatnonzero(of_sensor & (made.rows.about == ABOUT_AZIMUTH))
    if len(ranges) < LEAST_ROWS:
        return np.full(2, np.nan)
    z = groups.seen.z
    r, a = z[made.rows.sighting[ranges], 0], z[made.rows.sighting[ranges], 1]
    r2, a2 = z[made.rows.sighting[azimuths], 0], z[made.rows.sighting[azimuths], 1]
    zero, one = np.zeros_like(r), np.ones_like(r)
    design = np.vstack(
        [
            np.column_stack([-np.sin(a), -np.cos(a), one, r / 1e5, zero]),
            np.column_stack([-np.cos(a2), np.sin(a2), zero, zero, r2 / 1e5]),
        ]
    )
    wanted = np.concatenate([made.residual[ranges], made.residual[azimuths] * r2])
    weight = np.ones(len(wanted))
    found: Floats = np.zeros(5)
    for _ in range(4):
        found = np.asarray(np.linalg.lstsq(design * weight[:, None], wanted * weight, rcond=None)[0], np.float64)
        off = np.abs(wanted - design @ found)
        weight = 1.0 / np.sqrt(1.0 + (off / max(3.0 * float(np.median(off)), 1.0)) ** 2)
    before, after = np.median(np.abs(wanted)), np.median(np.abs(wanted - design @ found))
    explained = 1.0 - (after / max(before, 1e-9)) ** 2
    return found[:2] if explained > EXPLAINS else np.full(2, np.nan)
