"""ADS-B: what aircraft say of themselves, and which ground station hears it.

Reports come of the true states, not of a radar's looks: position, height and velocity as the aircraft's own GNSS and
pressure sensors have them, in the steps of the message (RTCA DO-260B), with errors that last for a minute.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from farwatch.formats.asterix.adsb_out import Reports
from farwatch.geodesy import ecef_to_polar, geodetic_to_ecef
from farwatch.kernels import kernel
from farwatch.plots import Floats, Ints
from farwatch.sensors.place import Place
from farwatch.simulation.flights import advance
from farwatch.simulation.weather import Weather, pressure_altitude_m
from farwatch.truth import States

Share = Annotated[float, Meta(ge=0, le=1)]
EPU_M = (np.inf, 18_520, 7_408, 3_704, 1_852, 926, 555.6, 185.2, 92.6, 30, 10, 3)  # by NACp: 95 % of the errors
NINETY_FIVE = 2.448  # 95 % of a round Gaussian lie within so many sigmas
ERROR_LASTS_S = 60.0
SIGMA_HEIGHT = 1.5  # vertical GNSS errors beside the horizontal ones
JITTER_S = 0.1  # squitters come at 0.4 to 0.6 s
FOOT_M, KNOT_MPS = 0.3048, 1852.0 / 3600.0
HEIGHT_STEP_M, SPEED_STEP_MPS, RATE_STEP_MPS = 25 * FOOT_M, KNOT_MPS, 64 * FOOT_M / 60.0
RADIO_RADIUS_M = 4.0 / 3.0 * 6_371_000.0


class GroundStation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A station that hears ADS-B and reports each aircraft every `every_s`, `latency_s` after the message.

    `loss` is the share of reports that get lost; `nic`, `nacp` and `sil` are what the aircraft say of themselves.
    """

    sac_sic: Annotated[str, Meta(pattern=r"^\d{1,3}/\d{1,3}$")]
    position: Place
    range_km: Annotated[float, Meta(gt=0, le=1000)] = 400.0
    every_s: Annotated[float, Meta(ge=0.5, le=60)] = 1.0
    latency_s: Annotated[float, Meta(ge=0, le=30)] = 0.2
    loss: Share = 0.05
    nic: Annotated[int, Meta(ge=0, le=11)] = 8
    nacp: Annotated[int, Meta(ge=1, le=11)] = 9
    sil: Annotated[int, Meta(ge=0, le=3)] = 3


def scattered(aircraft: Ints) -> Floats:
    """A number in [0, 1) for each aircraft, always the same: who has what, and when it speaks (Knuth's hash)."""
    return (np.asarray(aircraft, np.int64) * 2_654_435_761 % 2**32) / 2.0**32


def adsb_reports(
    states: States, stations: Sequence[GroundStation], weather: Weather, seed: int, step_s: float = 1.0
) -> Reports:
    """What the stations report of states (one each `step_s` and aircraft, on the round Earth), in order of time."""
    rows = np.flatnonzero(states.adsb)
    rows = rows[np.lexsort((states.time_ns[rows], states.aircraft[rows]))]
    parts = []
    for number, (station, own) in enumerate(zip(stations, np.random.SeedSequence(seed).spawn(len(stations)))):
        parts.append(_heard(states.take(rows), number, station, weather, step_s, np.random.default_rng(own)))
    together = Reports(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    return together.take(np.argsort(together.time_ns, kind="stable"))


def _heard(
    s: States, number: int, station: GroundStation, weather: Weather, step_s: float, rng: np.random.Generator
) -> Reports:
    """What one station reports of states that stand aircraft by aircraft, in the order of their times."""
    phase_s = scattered(s.aircraft + 1_000_003 * number) * station.every_s
    # A state serves the reports that fall into the time up to the next one.
    into_s = np.mod(phase_s - np.mod(s.time_ns, round(station.every_s * 1e9)) * 1e-9, station.every_s)
    repeats = np.maximum(np.ceil((step_s - into_s) / station.every_s), 0).astype(np.int64)
    of = np.repeat(np.arange(s.n), repeats)
    nth = np.arange(len(of)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    after_s = into_s[of] + nth * station.every_s + rng.uniform(-JITTER_S, JITTER_S, len(of))
    lat, lon, track = moved(
        np.radians(s.lat_deg[of]),
        np.radians(s.lon_deg[of]),
        np.radians(s.track_angle_deg[of]),
        s.ground_speed_mps[of],
        np.radians(s.turn_rate_dps[of]),
        s.height_wgs84_m[of],
        after_s,
    )
    height = s.height_wgs84_m[of] + s.vertical_rate_mps[of] * after_s
    time_ns = s.time_ns[of] + np.round(after_s * 1e9).astype(np.int64)
    kept = np.flatnonzero(_in_sight(station, lat, lon, height) & (rng.uniform(size=len(of)) >= station.loss))
    of, lat, lon, track, height, time_ns = of[kept], lat[kept], lon[kept], track[kept], height[kept], time_ns[kept]
    sigma_m = EPU_M[station.nacp] / NINETY_FIVE
    error = errors(s.aircraft[of], time_ns, rng.standard_normal((len(of), 3))) * sigma_m
    north_m, east_m = 6_371_000.0, 6_371_000.0 * np.maximum(np.cos(lat), 1e-6)
    level = pressure_altitude_m(weather, False, lat, lon, height)
    east, north = s.ground_speed_mps[of] * np.sin(track), s.ground_speed_mps[of] * np.cos(track)
    east, north = _stepped(east, SPEED_STEP_MPS), _stepped(north, SPEED_STEP_MPS)
    late_s = station.latency_s * rng.uniform(0.5, 1.5, len(of))
    return Reports(
        time_ns=time_ns,
        sent_ns=time_ns + np.round(late_s * 1e9).astype(np.int64),
        station=np.full(len(of), number),
        aircraft=s.aircraft[of],
        address=s.address[of],
        mode_a=s.mode_a[of],
        callsign=s.callsign[of],
        type=s.type[of],
        lat_deg=np.degrees(lat + error[:, 0] / north_m),
        lon_deg=np.degrees(lon + error[:, 1] / east_m),
        height_wgs84_m=_stepped(height + SIGMA_HEIGHT * error[:, 2], HEIGHT_STEP_M),
        pressure_altitude_m=_stepped(level, HEIGHT_STEP_M),
        ground_speed_mps=np.hypot(east, north),
        track_angle_deg=np.degrees(np.arctan2(east, north)) % 360.0,
        vertical_rate_mps=_stepped(s.vertical_rate_mps[of], RATE_STEP_MPS),
        nic=np.full(len(of), station.nic),
        nacp=np.full(len(of), station.nacp),
        sil=np.full(len(of), station.sil),
    )


def _in_sight(station: GroundStation, lat: Floats, lon: Floats, height_m: Floats) -> NDArray[np.bool_]:
    """Whether a station hears what is sent there: within its range and above the radio horizon (4/3 Earth)."""
    place = station.position
    own_m = max(place.ellipsoidal_height_m, 0.0)
    positions = geodetic_to_ecef(lat, lon, height_m)
    at = math.radians(place.lat_deg), math.radians(place.lon_deg)
    range_m = ecef_to_polar(*at, place.ellipsoidal_height_m, positions)[:, 0]
    horizon_m = math.sqrt(2.0 * RADIO_RADIUS_M * own_m) + np.sqrt(2.0 * RADIO_RADIUS_M * np.maximum(height_m, 0.0))
    sighted: NDArray[np.bool_] = (range_m <= station.range_km * 1e3) & (range_m <= horizon_m)
    return sighted


def _stepped(values: Floats, step: float) -> Floats:
    stepped: Floats = np.round(values / step) * step
    return stepped


@kernel
def moved(lat, lon, track, speed, turn, height, dt):  # type: ignore[no-untyped-def]
    """Latitudes, longitudes and track angles (n,) in rad after `dt` (n,) seconds at constant speed and turn rate."""
    out = np.empty((3, len(lat)))
    for k in range(len(lat)):
        out[0, k], out[1, k], out[2, k] = advance(False, lat[k], lon[k], track[k], speed[k], turn[k], height[k], dt[k])
    return out


@kernel
def errors(aircraft, time_ns, draws):  # type: ignore[no-untyped-def]
    """First-order Gauss-Markov errors (n, 3) of variance 1, out of independent `draws`; rows aircraft by aircraft."""
    out = draws.copy()
    for k in range(1, len(aircraft)):
        if aircraft[k] == aircraft[k - 1]:
            kept = math.exp(-max(time_ns[k] - time_ns[k - 1], 0) * 1e-9 / ERROR_LASTS_S)
            fresh = math.sqrt(1.0 - kept * kept)
            for a in range(3):
                out[k, a] = kept * out[k - 1, a] + fresh * draws[k, a]
    return out
