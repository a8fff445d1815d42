"""Conditioner: reports of positions -> plots that the tracker can use, in the order of their events.

Each report is judged against the paths of its address, then moved by its own velocity, by half a period at most, to the
nearest time of a common grid: what the sensors of one period have reported is then one snapshot, and a sensor speaks
once a period of an aircraft, however many receivers have heard it. What is left out is counted by its reason.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.cooperative.lineages import (
    CONFIRMED_BESIDE,
    MAX_GROUND_SPEED_MPS,
    MAX_SPEED_MPS,
    METRES_A_DEGREE,
    Addresses,
    find_path,
    free_path,
    go_on,
    is_believed,
    is_beside,
    is_contradicted,
    offset_m,
    start_path,
    was_there,
)
from farwatch.kernels import kernel, leaf
from farwatch.plots import NO_ADDRESS, Flag, Floats, Ints, Kind, Plots
from farwatch.sensors import Sensor
from farwatch.sensors.geodetic import GeodeticSensor, SurfaceRadar

REASONS = (
    "",
    "first report of an aircraft: taken once a second one fits it",
    "position that lies on no path of its address",
    "position that another technique contradicts",
    "position where the aircraft was before: the receiver's clock is behind",
    "report that was there already",
    "position repeated while the aircraft flies",
    "rebroadcast of what the aircraft is heard to say itself",
    "more than one report a period",
    "position beyond the sensor's range",
    "position or time that cannot be",
)
ACCEPTED, FIRST, WILD, CONTRADICTED, LATE, DUPLICATE, STALE, REBROADCAST, THINNED, BEYOND, IMPOSSIBLE = range(
    len(REASONS)
)
USUAL = frozenset({FIRST, DUPLICATE, REBROADCAST, THINNED})  # what every busy feed has: told, and no fault

ON_GROUND, SURFACE = int(Flag.ON_GROUND), int(Flag.SURFACE)
SENT_ON = int(Flag.REBROADCAST | Flag.TRAFFIC_SERVICE)
GAP_S = 3.0  # after which a path is anew what another technique can contradict
HEARD_ITSELF_NS = 10_000_000_000
AGILITY_MPS2 = 5.0  # one standard deviation of what the velocity may change by meanwhile
UNKNOWN_SPEED_MPS, UNKNOWN_GROUND_SPEED_MPS = 120.0, 8.0
MOVING_MPS = 30.0
TURN_DEG = 360.0
LOWEST_M, HIGHEST_M = -500.0, 40_000.0
FASTEST_CLIMB_MPS = 200.0
GROUND_SIGMA_M = 30.0
GEOMETRIC_SIGMA_M = 30.0
NO_TIME = 0
BY_ADSB, BY_OTHERS, BY_NUMBER = 1, 2, 4  # what a key says besides the address
BOTH_KINDS = (BY_ADSB | BY_OTHERS) << 25


class Rules(NamedTuple):
    """What the kernels know of each sensor (sensors,); `period_ns` is 0 for those whose plots pass as they are."""

    period_ns: Ints
    latency_ns: Ints
    latency_sigma_s: Floats
    sigma_m: Floats
    sigma_m_per_m: Floats
    lat_deg: Floats
    lon_deg: Floats
    range_m: Floats
    ground_m: Floats
    surface: NDArray[np.bool_]
    by_pressure: NDArray[np.bool_]


def rules_of(sensors: Sequence[Sensor]) -> Rules:
    """The rules of a site's sensors."""
    rows = []
    for sensor in sensors:
        if not isinstance(sensor, GeodeticSensor):
            rows.append((0, 0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, False, True))
            continue
        place = sensor.position
        foot_m = sensor.antenna_m if isinstance(sensor, SurfaceRadar) else 0.0
        rows.append(
            (
                round(sensor.period_s * 1e9), round(sensor.latency_s * 1e9), sensor.latency_sigma_s, sensor.sigma_m,
                sensor.sigma_m_per_km / 1e3, place.lat_deg, place.lon_deg, sensor.max_range_km * 1e3,
                place.ellipsoidal_height_m - foot_m,
                sensor.surface, sensor.height == "pressure",
            )
        )  # fmt: skip
    columns = zip(*rows, strict=True)
    dtypes = (np.int64, np.int64, *[np.float64] * 7, np.bool_, np.bool_)
    return Rules(*(np.array(column, dtype) for column, dtype in zip(columns, dtypes, strict=True)))


@leaf
def possible(time_ns, lat_deg, lon_deg):  # type: ignore[no-untyped-def]
    """Whether there is such a place and time; nothing is where latitude and longitude are both zero to the bit."""
    if not (abs(lat_deg) <= 90.0 and abs(lon_deg) <= TURN_DEG) or (lat_deg == 0.0 and lon_deg == 0.0):
        return False
    return time_ns != NO_TIME


@leaf
def judge(paths, row, other, time_ns, lat_deg, lon_deg, north_mps, east_mps, sigma_m, flags):  # type: ignore[no-untyped-def]
    """What becomes of one report, and the path that it lies on, which then ends there."""
    limit = MAX_GROUND_SPEED_MPS if flags & ON_GROUND else MAX_SPEED_MPS
    number = find_path(paths, row, time_ns, lat_deg, lon_deg, sigma_m, limit)
    if number < 0:
        known = is_beside(paths, row, -1, time_ns)
        if known and was_there(paths, row, time_ns, lat_deg, lon_deg):
            return LATE, -1
        free = free_path(paths, row, time_ns)
        if free >= 0:
            start_path(paths, row, free, time_ns, lat_deg, lon_deg)
            paths.north_mps[row, free], paths.east_mps[row, free] = north_mps, east_mps
            paths.direct_ns[row, free] = 0 if flags & SENT_ON else time_ns
        if is_contradicted(paths, other, time_ns, lat_deg, lon_deg, sigma_m, limit):
            return CONTRADICTED, -1
        return (WILD if known else FIRST), -1
    dt = (time_ns - paths.time_ns[row, number]) * 1e-9
    north, east = offset_m(paths.lat_deg[row, number], paths.lon_deg[row, number], lat_deg, lon_deg)
    if math.hypot(north, east) < 0.05:
        if abs(dt) < 0.02:
            return DUPLICATE, number
        if math.hypot(paths.north_mps[row, number], paths.east_mps[row, number]) > MOVING_MPS:
            return STALE, number
    sent_on = flags & SENT_ON
    if sent_on and abs(time_ns - paths.direct_ns[row, number]) < HEARD_ITSELF_NS:
        return REBROADCAST, number
    go_on(paths, row, number, time_ns, lat_deg, lon_deg, north_mps, east_mps)
    if not sent_on:
        paths.direct_ns[row, number] = max(paths.direct_ns[row, number], time_ns)
    contradicted = False
    if paths.hits[row, number] <= CONFIRMED_BESIDE or dt > GAP_S:
        contradicted = is_contradicted(paths, other, time_ns, lat_deg, lon_deg, sigma_m, limit)
        if contradicted and dt > GAP_S:
            paths.hits[row, number] = 1
    if not is_believed(paths, row, number, time_ns, contradicted):
        if contradicted:
            return CONTRADICTED, number
        return (WILD if is_beside(paths, row, number, time_ns) else FIRST), number
    return ACCEPTED, number


@leaf
def spread(covariance, k, sigma_m, north, east, dt, unknown_mps, latency_sigma_s):  # type: ignore[no-untyped-def]
    """Fill row k of the covariance (n, 6) of a position that was moved by `dt` seconds.

    Its own, or that of `sigma_m` where it has none, grown by what was not known of the velocity, along it by the age's.
    """
    if math.isnan(covariance[k, 0]):
        covariance[k, 0] = covariance[k, 3] = sigma_m * sigma_m
        covariance[k, 1] = 0.0
    drift = (0.5 * AGILITY_MPS2 * dt * dt) ** 2 + (unknown_mps * dt) ** 2
    age = latency_sigma_s * latency_sigma_s
    covariance[k, 0] += drift + north * north * age
    covariance[k, 3] += drift + east * east * age
    covariance[k, 1] += north * east * age
    covariance[k, 2] = covariance[k, 4] = 0.0


@kernel
def condition(paths, rows, others, rules, plots, sigma_m, velocity_sigma, verdict):  # type: ignore[no-untyped-def]
    """Judge plots with geodetic z (rad) one after another and change those that are kept in place.

    rows (n,) are those of their addresses, -1 for none, and `others` (n,) those of the same by another technique;
    `sigma_m` (n,) is what their quality says, NaN where it says nothing.
    """
    for k in range(len(rows)):
        sensor = plots.sensor[k]
        period_ns = rules.period_ns[sensor]
        if period_ns == 0:
            continue
        time_ns = plots.time_ns[k] - rules.latency_ns[sensor]
        lat, lon = math.degrees(plots.z[k, 0]), math.degrees(plots.z[k, 1])
        if not possible(plots.time_ns[k], lat, lon):
            verdict[k] = IMPOSSIBLE
            continue
        far_north, far_east = offset_m(rules.lat_deg[sensor], rules.lon_deg[sensor], lat, lon)
        distance_m = math.hypot(far_north, far_east)
        if distance_m > rules.range_m[sensor]:
            verdict[k] = BEYOND
            continue
        on_ground = plots.flags[k] & ON_GROUND != 0
        limit = MAX_GROUND_SPEED_MPS if on_ground else MAX_SPEED_MPS
        east, north = plots.z[k, 3], plots.z[k, 4]
        has_velocity = plots.measured[k] & 24 == 24 and math.hypot(east, north) <= limit
        if not has_velocity:
            plots.z[k, 3] = plots.z[k, 4] = math.nan
            plots.measured[k] &= 255 - 24
            east = north = math.nan
        if not abs(plots.z[k, 5]) <= FASTEST_CLIMB_MPS:
            plots.z[k, 5] = math.nan
            plots.measured[k] &= 255 - 32
        least_m = math.hypot(rules.sigma_m[sensor], rules.sigma_m_per_m[sensor] * distance_m)
        base = least_m if math.isnan(sigma_m[k]) else max(sigma_m[k], rules.sigma_m[sensor])
        slot_ns = (time_ns + period_ns // 2) // period_ns * period_ns
        unknown_mps = velocity_sigma[k] if has_velocity else math.nan
        if rows[k] >= 0:
            verdict[k], number = judge(paths, rows[k], others[k], time_ns, lat, lon, north, east, base, plots.flags[k])
            if verdict[k] != ACCEPTED:
                continue
            if slot_ns <= paths.slot_ns[rows[k], number]:
                verdict[k] = THINNED
                continue
            paths.slot_ns[rows[k], number] = slot_ns
            if not has_velocity:
                north, east = paths.north_mps[rows[k], number], paths.east_mps[rows[k], number]
                unknown_mps = 10.0
        if math.isnan(north):
            north = east = 0.0
            unknown_mps = UNKNOWN_GROUND_SPEED_MPS if on_ground else UNKNOWN_SPEED_MPS
        dt = (slot_ns - time_ns) * 1e-9
        plots.time_ns[k] = slot_ns
        plots.z[k, 0] += math.radians(north * dt / METRES_A_DEGREE)
        plots.z[k, 1] += math.radians(east * dt / (METRES_A_DEGREE * max(math.cos(plots.z[k, 0]), 1e-3)))
        up_variance = plots.covariance[k, 5]
        spread(
            plots.covariance, k, base, north, east, dt, unknown_mps, rules.latency_sigma_s[sensor],
        )  # fmt: skip
        pressure_m = plots.pressure_altitude_m[k]
        if not LOWEST_M <= pressure_m <= HIGHEST_M:
            pressure_m = plots.pressure_altitude_m[k] = math.nan
        geometric = LOWEST_M <= plots.z[k, 2] <= HIGHEST_M
        if on_ground and rules.surface[sensor]:
            # No aircraft tells its height while it taxies: the sensor's own place stands for the field's.
            plots.z[k, 2], plots.measured[k] = rules.ground_m[sensor], plots.measured[k] | 4
            plots.covariance[k, 5] = GROUND_SIGMA_M**2
            plots.pressure_altitude_m[k] = math.nan
            plots.flags[k] = plots.flags[k] - np.uint32(ON_GROUND) + np.uint32(SURFACE)
        elif geometric and (math.isnan(pressure_m) or not rules.by_pressure[sensor]):
            plots.measured[k] |= 4
            plots.covariance[k, 5] = up_variance if not math.isnan(up_variance) else GEOMETRIC_SIGMA_M**2
        else:
            plots.measured[k] &= 255 - 4
            plots.covariance[k, 5] = GEOMETRIC_SIGMA_M**2


class Conditioner:
    """Judges and moves the reports of a site's geodetic sensors; the plots of other sensors pass as they are.

    `counts` says what was left out, by reason.
    """

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        self.counts: Counter[str] = Counter()
        self._rules = rules_of(sensors)
        self._any = bool(self._rules.period_ns.any())
        self._addresses = Addresses()

    @property
    def rejected(self) -> dict[str, int]:
        """Counts of what is a fault of what was reported or of who reported it."""
        faults = [REASONS[code] for code in range(1, len(REASONS)) if code not in USUAL]
        return {reason: self.counts[reason] for reason in faults if self.counts[reason]}

    def __call__(self, plots: Plots, numbers: Ints | None = None, sigma_m: Floats | None = None) -> Plots:
        """The plots that are kept. `numbers` (n,) are a sensor's own of its targets, -1 for none; `sigma_m` (n,) what
        their quality says of a coordinate, NaN for none."""
        if not self._any or not plots.n:
            return plots
        own = self._rules.period_ns[plots.sensor] > 0
        if not own.any():
            return plots
        order = np.lexsort((plots.id, np.where(own, plots.time_ns, np.int64(0))))
        changed = plots.take(order)  # a copy: columns are written to
        rows, others = np.full(plots.n, -1, np.int64), np.full(plots.n, -1, np.int64)
        keys = _keys(changed, None if numbers is None else numbers[order])
        named = own[order] & (keys >= 0)
        if named.any():
            rows[named] = self._addresses.rows(keys[named], int(changed.time_ns[named].max()))
            others[named] = self._addresses.existing(keys[named] ^ BOTH_KINDS)
        verdict = np.zeros(plots.n, np.int64)
        sigma = np.full(plots.n, np.nan) if sigma_m is None else sigma_m[order]
        speed = np.where(np.isnan(changed.velocity_sigma[:, 0]), 2.0, changed.velocity_sigma[:, 0])
        condition(self._addresses.lineages, rows, others, self._rules, changed, sigma, speed, verdict)
        for code, count in enumerate(np.bincount(verdict, minlength=len(REASONS)).tolist()):
            if code != ACCEPTED and count:
                self.counts[REASONS[code]] += count
        kept = np.flatnonzero(verdict == ACCEPTED)
        kept = kept[np.argsort(order[kept], kind="stable")]
        return changed.take(kept)


def _keys(plots: Plots, numbers: Ints | None) -> Ints:
    """What tells one aircraft's reports by one technique from all others; -1: nothing does."""
    address = plots.address.astype(np.int64)
    kind = np.where(plots.kind == Kind.ADSB, BY_ADSB, BY_OTHERS)
    own = (plots.flags & np.uint32(Flag.NOT_ICAO)) != 0
    keys = np.where(address != NO_ADDRESS, address | kind << 25 | own.astype(np.int64) << 24, -1)
    if numbers is not None:
        by_number = numbers | plots.sensor.astype(np.int64) << 32 | BY_NUMBER << 25
        keys = np.where((keys < 0) & (numbers >= 0), by_number, keys)
    return keys
