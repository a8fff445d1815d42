"""Admit: which plots of a batch can be used, and what the filter needs of them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.kernels import inlined, kernel, leaf
from farwatch.plots import N_KINDS, Flag, Floats, Ints, Measured, Plots
from farwatch.tracker.beam import follow_beam

NOT_AIRCRAFT = int(Flag.NOT_AIRCRAFT)
POSITION_2D = int(Measured.POSITION_2D)
BAD_HEIGHT = int(Flag.MODE_C_INVALID | Flag.MODE_C_GARBLED)
LOWEST_M, HIGHEST_M = -500.0, 40_000.0  # pressure altitudes outside are no aircraft's
FINEST, COARSEST = 1e-6, 1e12  # a plot's variance over the sensor's own; outside, what it says cannot be
REMEMBERED = 8192  # places for plots that have been met, a power of two
MIX = 0x2545F4914F6CDD1D  # odd, its bits well mixed: neighbours fall far apart (Steele & Vigna 2021)


class Counts(NamedTuple):
    """Plots that the tracker was given, and why some were not used."""

    given: int = 0
    not_aircraft: int = 0
    absurd: int = 0
    late: int = 0  # that came after their slice was done
    homeless: int = 0  # of these, belonged to no track
    excluded: int = 0  # in an area of the operator's, and left out
    not_initiated: int = 0  # in one where no track begins
    mirrored: int = 0  # mirror images of an aircraft seen elsewhere, that started no track
    sidelobes: int = 0
    splits: int = 0  # beside the plot of a track
    repeated: int = 0  # that had been given before, to the bit
    uncertain: int = 0  # used with the sensor's own accuracy, for theirs cannot be
    crowded: int = 0  # of tracks that were given up, or not begun, for the plots in their gates or for want of room

    def losses(self) -> list[str]:
        """What was lost, in words."""
        words = {
            "homeless": "plots came after their time and belonged to no track: left out",
            "absurd": "plots cannot be (range, azimuth, time or a value that is not finite): left out",
            "repeated": "plots had been given before, to the bit: left out",
            "uncertain": "plots say of their accuracy what cannot be: used with the sensor's own",
            "crowded": "plots lay too close to be told apart: the tracks that they might have started were given up",
        }
        return [f"{getattr(self, name)} {what}" for name, what in words.items() if getattr(self, name)]


GIVEN, NO_AIRCRAFT, ABSURD, LATE, HOMELESS, EXCLUDED, NOT_INITIATED, MIRRORED, SIDELOBE, SPLIT = range(10)
REPEATED, UNCERTAIN, CROWDED = range(10, len(Counts._fields))


class Admitted(NamedTuple):
    """The columns of `Plots` that the filter uses, of one sensor's usable plots."""

    id: Ints
    time_ns: Ints
    kind: NDArray[np.uint8]
    z: Floats  # azimuths in [0, 2 pi)
    measured: NDArray[np.uint8]
    covariance: Floats
    pressure_altitude_m: Floats  # NaN where invalid, garbled or no aircraft's
    address: NDArray[np.int32]
    mode_a: NDArray[np.int16]
    callsign: Ints
    flags: NDArray[np.uint32]
    roll_rad: NDArray[np.float32]
    track_rate_rps: NDArray[np.float32]
    heading_rad: NDArray[np.float32]
    speed_mps: NDArray[np.float32]

    @property
    def n(self) -> int:
        return len(self.time_ns)

    def take(self, rows: Any) -> Admitted:
        """The rows given by an index array, mask or slice."""
        return Admitted(*(column[rows] for column in self))


def none_admitted(plots: Plots) -> Admitted:
    """No rows, with the columns' types of `plots`."""
    return Admitted(*(getattr(plots, name)[:0] for name in Admitted._fields))


@leaf
def usable(plots, j, model, until_ns):  # type: ignore[no-untyped-def]
    """Whether plot j is of a known kind and no later than a period past `until_ns`, and claims a first and a second
    coordinate, both possible, and nothing that is not finite."""
    first, second = plots.z[j, 0], plots.z[j, 1]
    if plots.measured[j] & POSITION_2D != POSITION_2D or plots.kind[j] >= N_KINDS:
        return False
    if plots.time_ns[j] > until_ns + int(model.period_s * 1e9) or plots.time_ns[j] < 0:
        return False
    if not model.min_first <= first <= model.max_first or not model.min_second <= second <= model.max_second:
        return False
    finite = True
    for column in range(6):
        finite = finite and (not (plots.measured[j] >> column) & 1 or math.isfinite(plots.z[j, column]))
    return finite


@kernel
def room_for(n):  # type: ignore[no-untyped-def]
    """n rows without values."""
    return Admitted(
        np.empty(n, np.int64),
        np.empty(n, np.int64),
        np.empty(n, np.uint8),
        np.empty((n, 6)),
        np.empty(n, np.uint8),
        np.empty((n, 6)),
        np.empty(n),
        np.empty(n, np.int32),
        np.empty(n, np.int16),
        np.empty(n, np.int64),
        np.empty(n, np.uint32),
        np.empty(n, np.float32),
        np.empty(n, np.float32),
        np.empty(n, np.float32),
        np.empty(n, np.float32),
    )


@inlined
def copy_plot(plots, j, out, k):  # type: ignore[no-untyped-def]
    """Row j of `plots` into row k of `out`."""
    out.id[k], out.time_ns[k] = plots.id[j], plots.time_ns[j]
    out.kind[k], out.measured[k] = plots.kind[j], plots.measured[j]
    out.pressure_altitude_m[k], out.address[k] = plots.pressure_altitude_m[j], plots.address[j]
    out.mode_a[k], out.callsign[k], out.flags[k] = plots.mode_a[j], plots.callsign[j], plots.flags[j]
    out.roll_rad[k], out.track_rate_rps[k] = plots.roll_rad[j], plots.track_rate_rps[j]
    out.heading_rad[k], out.speed_mps[k] = plots.heading_rad[j], plots.speed_mps[j]
    for column in range(6):
        out.z[k, column], out.covariance[k, column] = plots.z[j, column], plots.covariance[j, column]


@leaf
def is_sound(plots, j, model):  # type: ignore[no-untyped-def]
    """Whether the covariance that plot j brings, with the sensor's own where it brings none, is one that can be."""
    v0, v1, v2 = model.variances
    c00, c01, c02 = plots.covariance[j, 0], plots.covariance[j, 1], plots.covariance[j, 2]
    c11, c12, c22 = plots.covariance[j, 3], plots.covariance[j, 4], plots.covariance[j, 5]
    # Scaled by the sensor's own, so that one limit serves metres and radians; 1 and 0 where the plot brings none.
    a = 1.0 if math.isnan(c00) else c00 / v0
    b = 1.0 if math.isnan(c11) else c11 / v1
    ab = 0.0 if math.isnan(c01) else c01 / math.sqrt(v0 * v1)
    if not (FINEST <= a <= COARSEST and FINEST <= b <= COARSEST and ab * ab < a * b):
        return False
    if plots.measured[j] & 4 == 0 or v2 <= 0.0:
        return True
    c = 1.0 if math.isnan(c22) else c22 / v2
    ac = 0.0 if math.isnan(c02) else c02 / math.sqrt(v0 * v2)
    bc = 0.0 if math.isnan(c12) else c12 / math.sqrt(v1 * v2)
    determinant = a * (b * c - bc * bc) - ab * (ab * c - bc * ac) + ac * (ab * bc - b * ac)
    return FINEST <= c <= COARSEST and ac * ac < a * c and bc * bc < b * c and determinant > 0.0


@leaf
def is_new(met, plots, bits, j):  # type: ignore[no-untyped-def]
    """Whether plot j has not been met of late, to the bit; it is remembered in `met` (REMEMBERED,).

    `bits` (n, 6) are those of the plots' z. A sensor or a line that says everything twice must not make sure twice.
    """
    key = plots.time_ns[j]
    for column in range(3):
        if (plots.measured[j] >> column) & 1:
            key = (key ^ (key >> 29)) * MIX + bits[j, column]
    key = (key ^ (key >> 31)) * MIX + (plots.kind[j] << 40) + (plots.address[j] << 13) + plots.mode_a[j]
    key = (key ^ (key >> 32)) * MIX
    key ^= key >> 29
    place = key & (REMEMBERED - 1)
    if met[place] == key:
        return False
    met[place] = key
    return True


@leaf
def sort_out(plots, bits, sensor, model, until_ns, rows, counted, met):  # type: ignore[no-untyped-def]
    """Write the rows of the sensor's usable plots to `rows` and return their number; `counted` (`Counts`) goes on."""
    n = 0
    for j in range(len(plots.time_ns)):
        if plots.sensor[j] != sensor:
            continue
        counted[GIVEN] += 1
        if plots.flags[j] & NOT_AIRCRAFT:
            counted[NO_AIRCRAFT] += 1
        elif not usable(plots, j, model, until_ns):
            counted[ABSURD] += 1
        elif not is_new(met, plots, bits, j):
            counted[REPEATED] += 1
        else:
            rows[n] = j
            n += 1
    return n


@kernel
def admit(held, plots, progress, beams, counted, met, sensor, model, until_ns):  # type: ignore[no-untyped-def]
    """The sensor's new plots that can be used behind those `held` from before; its beam follows the new ones.

    What became of its plots is added to `counted` (`Counts`); `met` (REMEMBERED,) are those met of late.
    """
    rows = np.empty(len(plots.time_ns), np.int64)
    n = sort_out(plots, plots.z.view(np.int64), sensor, model, until_ns, rows, counted, met)
    before = len(held.time_ns)
    out = room_for(before + n)
    for k in range(before + n):
        if k < before:
            copy_plot(held, k, out, k)
            continue
        copy_plot(plots, rows[k - before], out, k)
        if model.turn_u > 0.0:
            out.z[k, 1] -= model.turn_u * math.floor(out.z[k, 1] / model.turn_u)
        if out.flags[k] & BAD_HEIGHT or not LOWEST_M <= out.pressure_altitude_m[k] <= HIGHEST_M:
            out.pressure_altitude_m[k] = np.nan
        if not is_sound(plots, rows[k - before], model):
            out.covariance[k, :] = np.nan
            counted[UNCERTAIN] += 1
    if not model.snapshot:
        follow_beam(beams, sensor, out.time_ns[before:], out.z[before:, 1], progress, until_ns)
    return out


@kernel
def left_over(plots, used):  # type: ignore[no-untyped-def]
    """The plots that are not done with: those of clusters that the beam has not passed."""
    n = 0
    for j in range(len(used)):
        n += not used[j]
    out = room_for(n)
    n = 0
    for j in range(len(used)):
        if not used[j]:
            copy_plot(plots, j, out, n)
            n += 1
    return out
