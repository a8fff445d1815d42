"""One simulated sensor that reports positions, ADS-B or multilateration: plots, each period one snapshot of all.

What an aircraft broadcasts has errors that last: of its navigation, and of the time that it takes to say where it is.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from farwatch.cooperative.accuracy import CIRCULAR_95, EPU_BY_NACP, velocity_sigma_mps
from farwatch.geodesy import geodetic_to_ecef, to_geodetic
from farwatch.kernels import kernel
from farwatch.plots import NO_MODE_A, Floats, Kind, Measured, Plots, make_plots
from farwatch.sensors import AdsB, Mlat
from farwatch.simulation.adsb import Sight
from farwatch.simulation.adsb_options import Adsb
from farwatch.simulation.flights import Flights
from farwatch.simulation.observe import place_at
from farwatch.simulation.secondary import MODE_S, coded_height_m, identities
from farwatch.simulation.sensing import Sensing
from farwatch.simulation.weather import Weather, pressure_altitude_m
from farwatch.truth import AircraftType

HEIGHT_STEP_FT = 25
NOISE_SHARE = 0.2  # of a broadcast position's error changes from one report to the next
NACV = 2


@kernel
def places(flights, rows, dt):  # type: ignore[no-untyped-def]
    """Latitude, longitude (rad), height (m) and track angle (n, 4) of the aircraft in `rows`, each after dt (n,) s."""
    out = np.empty((len(rows), 4))
    for k in range(len(rows)):
        x, y, z, out[k, 3] = place_at(False, flights, rows[k], dt[k])
        out[k, 0], out[k, 1], out[k, 2] = to_geodetic(x, y, z)
    return out


class SimulatedPositions:
    """A sensor that reports positions: `observe` one step after the other. Plots are numbered by a count of its own."""

    def __init__(
        self,
        index: int,
        sensor: AdsB | Mlat,
        sensing: Sensing,
        adsb: Adsb,
        weather: Weather,
        seed: np.random.SeedSequence,
    ) -> None:
        self.sensor = sensor
        self.sensing = sensing
        self._index = index
        self._adsb = adsb if isinstance(sensor, AdsB) else None
        self._weather = weather
        self._sight = Sight(sensor.max_range_km, sensor.position)
        reports, aircraft = seed.spawn(2)
        self._rng, self._own = np.random.default_rng(reports), np.random.default_rng(aircraft)
        self._lasting = np.zeros((0, 6))  # by aircraft: east, north, up (m), lateness (s), NACp, whether it broadcasts
        self._count = 0

    def observe(self, f: Flights, now_s: float, dt: float, start_ns: int) -> Plots:
        """Plots of the coming `dt` seconds."""
        period_s = self.sensor.period_s
        first, last = math.ceil(now_s / period_s - 1e-9), math.ceil((now_s + dt) / period_s - 1e-9)
        parts = [
            self._snapshot(f, number * period_s, number * period_s - now_s, start_ns) for number in range(first, last)
        ]
        n = sum(len(part[0]) for part in parts)
        if not n:
            return make_plots(0)
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        time_s, z, height, row, covariance, nacp = columns
        address, callsign = identities(f.aircraft[row], f.transponder[row])
        own = self.sensor.height == "geometric" and self._adsb is not None
        measured = int(Measured.POSITION_2D) | (int(Measured.VELOCITY_2D) if self._adsb else 0) | (4 if own else 0)
        time_ns = start_ns + np.round((time_s + self.sensing.bias.time_s) * 1e9).astype(np.int64)
        plots = make_plots(
            n,
            id=self._count + np.arange(n),
            time_ns=time_ns,
            received_ns=start_ns + np.round(time_s * 1e9).astype(np.int64),
            sensor=self._index,
            kind=int(Kind.ADSB if self._adsb else Kind.MLAT),
            z=z,
            measured=measured,
            covariance=covariance,
            velocity_sigma=np.full((n, 3), velocity_sigma_mps(NACV) if self._adsb else math.nan),
            pressure_altitude_m=coded_height_m(height, f.transponder[row], HEIGHT_STEP_FT),
            address=address,
            mode_a=NO_MODE_A if self._adsb else f.mode_a[row],
            callsign=callsign,
            nacp=nacp,
        )
        self._count += n
        return plots

    def _snapshot(self, f: Flights, time_s: float, ahead_s: float, start_ns: int) -> tuple[NDArray[np.generic], ...]:
        """Times, z, pressure altitudes, rows of the aircraft, covariances and NACp of the reports at one time."""
        lasting = self._errors(f)
        wanted = (f.in_air != 0) & (f.transponder == MODE_S if self._adsb else f.transponder > 0)
        if self._adsb:
            wanted &= lasting[:, 5] > 0.0
        rows = np.flatnonzero(wanted)
        seen = self._sight.of(geodetic_to_ecef(f.lat[rows], f.lon[rows], f.height_m[rows]), f.height_m[rows])[1]
        rows = rows[seen & (self._rng.uniform(size=len(rows)) < self.sensor.detection)]
        own, n = lasting[rows], len(rows)
        late_s = own[:, 3] - self.sensor.latency_s if self._adsb else np.zeros(n)
        at = places(f, rows, ahead_s - late_s)
        nacp = own[:, 4].astype(np.int64) if self._adsb else np.full(n, -1)
        if self._adsb:
            sigma = np.array(EPU_BY_NACP)[nacp] / CIRCULAR_95
            noise = self._rng.normal(size=(n, 3)) * (NOISE_SHARE * self._adsb.error_share * sigma)[:, None]
        else:
            sigma = np.full(n, self.sensor.sigma_m)
            noise = self._rng.normal(size=(n, 3)) * self.sensor.sigma_m
        east, north, up = (own[:, :3] + noise).T
        z = np.full((n, 6), np.nan)
        reach = np.linalg.norm(geodetic_to_ecef(at[:, 0], at[:, 1], at[:, 2]), axis=1)
        z[:, 0], z[:, 1] = at[:, 0] + north / reach, at[:, 1] + east / (reach * np.cos(at[:, 0]))
        speed_east, speed_north = f.speed_mps[rows] * np.sin(at[:, 3]), f.speed_mps[rows] * np.cos(at[:, 3])
        if self._adsb:
            z[:, 2] = at[:, 2] + up
            error = self._rng.normal(size=(n, 2)) * velocity_sigma_mps(NACV)
            z[:, 3], z[:, 4] = speed_east + error[:, 0], speed_north + error[:, 1]
        covariance = np.full((n, 6), 0.0)
        age = self.sensor.latency_sigma_s if self._adsb else 0.0
        covariance[:, 0] = sigma**2 + (age * speed_north) ** 2
        covariance[:, 1] = age * age * speed_north * speed_east
        covariance[:, 3] = sigma**2 + (age * speed_east) ** 2
        covariance[:, 5] = 30.0**2
        pressure = pressure_altitude_m(self._weather, False, at[:, 0], at[:, 1], at[:, 2])
        return np.full(n, time_s), z, pressure, rows, covariance, nacp

    def _errors(self, f: Flights) -> Floats:
        """What lasts (aircraft, 6), in the order of the flights; drawn when an aircraft is first met, by its number."""
        adsb = self._adsb
        most = int(f.aircraft.max(initial=-1)) + 1
        if adsb is None:
            return np.zeros((len(f.aircraft), 6))
        if most > len(self._lasting):
            n = most - len(self._lasting)
            new = np.zeros((n, 6))
            new[:, 4] = self._own.integers(adsb.nacp[0], adsb.nacp[1], n, endpoint=True)
            sigma = np.array(EPU_BY_NACP)[new[:, 4].astype(np.int64)] / CIRCULAR_95
            new[:, :3] = self._own.normal(size=(n, 3)) * (adsb.error_share * sigma)[:, None] * (1.0, 1.0, 1.5)
            new[:, 3] = self._own.uniform(*adsb.latency_s, n) * (self._own.uniform(size=n) >= adsb.utc_coupled)
            new[:, 5] = self._own.uniform(size=n)
            self._lasting = np.concatenate([self._lasting, new])
        errors = self._lasting[f.aircraft].copy()
        shares = np.array([adsb.share_of(kind.name.lower()) for kind in AircraftType])
        errors[:, 5] = (errors[:, 5] < shares[f.type]).astype(np.float64)
        return errors
