"""ADS-B's quality categories -> standard deviations of position and velocity.

A category bounds the error that 95 % of positions stay within (EPU); of a circular Gaussian that is 2.4477 standard
deviations. RTCA DO-260B, tables 2-69 (NIC), 2-70 (NACp), 2-71 (NACv); DO-260 for the NUCp of version 0.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from farwatch.kernels import kernel, leaf
from farwatch.plots import Floats

Bytes = NDArray[np.int8]

NAUTICAL_MILE_M = 1852.0
CIRCULAR_95 = 2.4477  # standard deviations of each coordinate that hold 95 % of a circular Gaussian
LINEAR_95 = 1.96
UNKNOWN_EPU_M = NAUTICAL_MILE_M  # where nothing is said of it
_NM = NAUTICAL_MILE_M
# Metres that 95 % of positions are within, by NACp 0 .. 11.
EPU_BY_NACP = (
    UNKNOWN_EPU_M, 10 * _NM, 4 * _NM, 2 * _NM, 1 * _NM, 0.5 * _NM, 0.3 * _NM, 0.1 * _NM, 0.05 * _NM, 30.0, 10.0, 3.0,
)  # fmt: skip
# The same by NUCp 0 .. 9, version 0 (its horizontal figure of merit).
EPU_BY_NUCP = (UNKNOWN_EPU_M, 10 * _NM, 5 * _NM, 1 * _NM, 0.5 * _NM, 0.25 * _NM, 0.1 * _NM, 0.05 * _NM, 10.0, 3.0)
# Metres that hold the position but for the share that SIL names, by NIC 0 .. 11; where there is no NACp, twice the EPU.
RADIUS_BY_NIC = (
    UNKNOWN_EPU_M, 20 * _NM, 8 * _NM, 4 * _NM, 2 * _NM, 1 * _NM, 0.6 * _NM, 0.2 * _NM, 0.1 * _NM, 75.0, 25.0, 7.5,
)  # fmt: skip
# Metres a second that 95 % of velocities are within, by NACv 0 .. 4.
SPEED_95_BY_NACV = (20.0, 10.0, 3.0, 1.0, 0.3)
QUANTUM_M = 5.1  # steps of an airborne position: 360 degrees / 60 / 2^17 of latitude


@leaf
def position_sigma_m(version, nacp, nic):  # type: ignore[no-untyped-def]
    """Standard deviation of north and of east (m); -1: not said. In version 0 `nic` is the NUCp."""
    epu = UNKNOWN_EPU_M
    if version != 0 and 0 < nacp < len(EPU_BY_NACP):
        epu = EPU_BY_NACP[nacp]
    elif version == 0 and 0 <= nic < len(EPU_BY_NUCP):
        epu = EPU_BY_NUCP[nic]
    elif 0 <= nic < len(RADIUS_BY_NIC):
        epu = 0.5 * RADIUS_BY_NIC[nic] if nic > 0 else UNKNOWN_EPU_M
    return math.sqrt((epu / CIRCULAR_95) ** 2 + QUANTUM_M**2 / 12.0)


@leaf
def velocity_sigma_mps(nacv):  # type: ignore[no-untyped-def]
    """Standard deviation of the velocity's east and north (m/s); -1: not said."""
    return SPEED_95_BY_NACV[min(max(nacv, 0), len(SPEED_95_BY_NACV) - 1)] / CIRCULAR_95


@kernel
def position_sigmas(version, nacp, nic, out):  # type: ignore[no-untyped-def]
    """Fills out (n,) with the standard deviations of positions."""
    for k in range(len(out)):
        out[k] = position_sigma_m(version[k], nacp[k], nic[k])


def sigmas_m(version: Bytes, nacp: Bytes, nic: Bytes) -> Floats:
    """Standard deviations (n,) of north and of east in metres."""
    out = np.empty(len(version))
    position_sigmas(version, nacp, nic, out)
    return out


def nic_of(code: int, version: int, a: int, b: int, c: int) -> int:
    """NIC of a position's type code (5 to 8 on the ground, 9 to 18 and 20 to 22 in the air) and its supplements.

    Version 0 has no NIC: its NUCp is given instead. 0 where the code says nothing. DO-260B, 2.2.3.2.3 and 2.2.3.2.4.
    """
    if version == 0:
        return {5: 9, 6: 8, 7: 7, 8: 6, 20: 9, 21: 8}.get(code, max(18 - code, 0) if 9 <= code <= 18 else 0)
    if code in (7, 8):
        table = {7: {(1, 0): 9}, 8: {(1, 1): 7, (1, 0): 6, (0, 1): 6}}[code]
        return table.get((a, c), 8 if code == 7 else 0)
    if code == 11:
        return 9 if a and b else 8
    if code == 16:
        return 3 if a and b else 2
    return {5: 11, 6: 10, 9: 11, 10: 10, 12: 7, 13: 6, 14: 5, 15: 4, 17: 1, 20: 11, 21: 10}.get(code, 0)
