"""The simulator does what it says: the statistics of its plots are the stated ones, its flights fly as they should."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from pyproj import Geod

from farwatch.frame import Frame
from farwatch.plots import Kind, Plots, ProgressKind, concat_plots
from farwatch.refraction import horizon_elevation
from farwatch.sensors import Place, Radar, RadarSigma
from farwatch.sensors.radar import radar_model
from farwatch.simulation import Sensing, Simulation, Traffic, simulate, stream
from farwatch.truth import NO_FORMATION, NO_PLOT, AircraftType, Truth, concat_truth

WGS84 = Frame(kind="wgs84")
FLAT = Frame(kind="flat")
ABOUT = Traffic(count=200, radius_km=180.0, course_change_deg=0.0, climbing=0.0)
LEVEL = Simulation(traffic=(ABOUT,))


def station(**changes: object) -> Radar:
    values = {
        "id": "R",
        "position": Place(lat_deg=47.0, lon_deg=9.0, height_m=500.0),
        "rotation_s": 5.0,
        "max_range_km": 200.0,
        "sigma": RadarSigma(range_m=60.0, azimuth_deg=0.1),
        "detection": 0.8,
        "clutter": 50.0,
    }
    return Radar(**(values | changes))  # type: ignore[arg-type]


def level(**changes: Any) -> Simulation:
    """Aircraft that neither turn nor climb."""
    return Simulation(traffic=(msgspec.structs.replace(ABOUT, **changes),))


@pytest.fixture(scope="module")
def made() -> tuple[Truth, Plots]:
    truth, plots, _ = simulate([station()], WGS84, LEVEL, 300.0, seed=3)
    return truth, plots


def matched(truth: Truth, plots: Plots) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the plots that an aircraft caused, and the aircraft."""
    looks = truth.illuminations.take(truth.illuminations.plot != NO_PLOT)
    return np.searchsorted(plots.id, looks.plot), looks.aircraft


def where(truth: Truth, aircraft: np.ndarray, time_ns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True latitude, longitude (degrees) and height (m) of aircraft at times between two states a second apart."""
    second = (time_ns - truth.states.time_ns[0]) // 1_000_000_000
    key = truth.states.aircraft * 100_000 + (truth.states.time_ns - truth.states.time_ns[0]) // 1_000_000_000
    order = np.argsort(key)
    before = order[np.searchsorted(key[order], aircraft * 100_000 + second)]
    after = order[np.searchsorted(key[order], aircraft * 100_000 + second + 1)]
    part = (time_ns - truth.states.time_ns[before]) * 1e-9
    columns = (truth.states.lat_deg, truth.states.lon_deg, truth.states.height_wgs84_m)
    lat, lon, height = (c[before] + part * (c[after] - c[before]) for c in columns)
    return lat, lon, height


def test_noise_has_the_stated_sigmas(made: tuple[Truth, Plots]) -> None:
    truth, plots = made
    rows, aircraft = matched(truth, plots)
    last_ns = dict(zip(truth.states.aircraft.tolist(), truth.states.time_ns.tolist(), strict=True))
    alive = plots.time_ns[rows] < np.array([last_ns[a] for a in aircraft.tolist()])
    rows, aircraft = rows[alive], aircraft[alive]
    lat, lon, height = where(truth, aircraft, plots.time_ns[rows])
    geod = Geod(ellps="WGS84")
    bearing, _, _ = geod.inv(np.full(len(lat), 9.0), np.full(len(lat), 47.0), lon, lat)
    azimuth_error = (np.degrees(plots.z[rows, 1]) - bearing + 180.0) % 360.0 - 180.0
    assert len(rows) > 5000
    assert np.mean(azimuth_error) == pytest.approx(0.0, abs=0.01)
    assert np.std(azimuth_error) == pytest.approx(0.1, rel=0.05)
    # The ray is longer than the chord by metres that vary slowly with range: the spread stays that of the noise.
    chord = np.hypot(*chords(lat, lon, height, 47.0, 9.0, 500.0))
    range_error = plots.z[rows, 0] - chord
    assert np.mean(range_error) == pytest.approx(25.0, abs=25.0)
    assert np.std(range_error) == pytest.approx(60.0, rel=0.07)
    assert np.corrcoef(range_error, azimuth_error)[0, 1] == pytest.approx(0.0, abs=0.05)


def chords(
    lat: np.ndarray, lon: np.ndarray, height: np.ndarray, at_lat: float, at_lon: float, at_height: float
) -> tuple[np.ndarray, np.ndarray]:
    """Level and upright parts of the straight line from a place, by pyproj's topocentric conversion."""
    from pyproj import Transformer

    pipeline = (
        "+proj=pipeline +step +proj=cart +ellps=WGS84 "
        f"+step +proj=topocentric +ellps=WGS84 +lat_0={at_lat} +lon_0={at_lon} +h_0={at_height}"
    )
    east, north, up = Transformer.from_pipeline(pipeline).transform(lon, lat, height)
    return np.hypot(east, north), np.asarray(up)


def test_aircraft_are_detected_as_often_as_stated(made: tuple[Truth, Plots]) -> None:
    truth, _ = made
    ranges = reached(truth)
    in_range = set(truth.states.aircraft[(ranges > 5e3) & (ranges < 195e3)].tolist())
    out = set(truth.states.aircraft[(ranges <= 5e3) | (ranges >= 195e3)].tolist())
    stayed = in_range - out
    lives = {a: int(np.sum(truth.states.aircraft == a)) for a in stayed}
    stayed = {a for a in stayed if lives[a] == 300}
    seen = truth.illuminations
    hits = int((np.isin(seen.aircraft, list(stayed)) & (seen.plot != NO_PLOT)).sum())
    looks = len(stayed) * 60
    assert looks > 5000
    # Four standard errors; an aircraft gains or loses a look where it flies with the beam.
    assert hits / looks == pytest.approx(0.8, abs=4 * math.sqrt(0.16 / looks) + 1 / 60)


def reached(truth: Truth) -> np.ndarray:
    """Slant range of the true states from the station."""
    return np.hypot(*chords(truth.states.lat_deg, truth.states.lon_deg, truth.states.height_wgs84_m, 47.0, 9.0, 500.0))


def test_plots_come_when_the_beam_is_there(made: tuple[Truth, Plots]) -> None:
    truth, plots = made
    beam = 2 * math.pi * ((plots.time_ns - truth.states.time_ns[0]) * 1e-9 / 5.0)
    off = np.degrees((plots.z[:, 1] - beam + math.pi) % (2 * math.pi) - math.pi)
    assert np.std(off) < 0.11
    assert np.all(np.diff(plots.time_ns) >= 0)
    assert np.all(np.diff(plots.id) == 1)


def test_the_earth_hides_what_is_below_the_horizon() -> None:
    low = level(type="propeller", heights_m=(500.0, 500.0))
    truth, plots, _ = simulate([station(clutter=0.0, detection=1.0)], WGS84, low, 30.0, seed=1)
    # Both at 500 m: two horizons of about 92 km (exponential atmosphere), less what the least elevation cuts.
    seen = plots.z[:, 0].max()
    assert 150e3 < seen < 187e3
    assert reached(truth).max() > 178e3
    # Four times the antenna's height sees farther.
    high = station(clutter=0.0, detection=1.0, position=Place(lat_deg=47.0, lon_deg=9.0, height_m=2000.0))
    _, plots, _ = simulate([high], WGS84, low, 30.0, seed=1)
    assert plots.z[:, 0].max() > 0.98 * reached(truth).max()


def test_elevation_limits_make_a_cone_of_silence() -> None:
    near = level(radius_km=30.0)
    _, plots, _ = simulate([station(clutter=0.0, max_elevation_deg=20.0)], WGS84, near, 30.0, seed=1)
    assert plots.n > 20
    assert plots.z[:, 0].min() > (9000 - 500) / math.sin(math.radians(20.5))
    assert horizon_elevation(500.0, "exponential") < 0.0


def test_a_radar_of_three_dimensions_and_doppler() -> None:
    sigma = RadarSigma(range_m=60.0, azimuth_deg=0.1, elevation_deg=0.2, range_rate_mps=1.5)
    still = level(speeds_mps=(200.0, 200.0))
    _truth, plots, _ = simulate([station(sigma=sigma, clutter=0.0)], FLAT, still, 20.0, seed=1)
    assert np.all(plots.measured == 1 + 2 + 4 + 8)
    assert np.abs(plots.z[:, 3]).max() < 200 + 6
    # In the flat frame the height follows from range and elevation.
    height = plots.z[:, 0] * np.sin(plots.z[:, 2])
    error = height - plots.pressure_altitude_m
    model = radar_model(station(sigma=sigma), True)
    normalised = (error + model.height_m) / (plots.z[:, 0] * math.radians(0.2))
    assert np.std(normalised) == pytest.approx(1.0, abs=0.15)


def test_without_transponders_nobody_says_who_he_is() -> None:
    silent = level(transponders=0.0)
    _, plots, _ = simulate([station()], WGS84, silent, 20.0, seed=1)
    assert np.all(plots.kind == Kind.PSR)
    assert np.all(np.isnan(plots.pressure_altitude_m))
    assert np.all(plots.address < 0)
    assert np.all(plots.callsign == 0)


def test_causes_are_right(made: tuple[Truth, Plots]) -> None:
    truth, plots = made
    rows, aircraft = matched(truth, plots)
    assert np.array_equal(plots.address[rows], 0x400000 + aircraft)
    caused = truth.illuminations.plot[truth.illuminations.plot != NO_PLOT]
    assert len(np.unique(caused)) == len(caused)


def test_the_same_seed_gives_the_same_bytes_whole_or_in_parts() -> None:
    args = ([station(), station(id="S", rotation_s=4.0)], WGS84, Simulation(aircraft=40), 30.0)
    truth, plots, progress = simulate(*args, seed=5)
    again, same, _ = simulate(*args, seed=5)
    assert all(
        a.tobytes() == b.tobytes()
        for a, b in zip(
            (*truth.states, *truth.illuminations, *plots), (*again.states, *again.illuminations, *same), strict=True
        )
    )
    parts = list(stream(*args, seed=5))
    assert len(parts) == 30
    assert concat_truth([part[0] for part in parts]).states.lat_deg.tobytes() == truth.states.lat_deg.tobytes()
    # The sectors and what they see: the parts are the whole.
    assert concat_plots([part[1] for part in parts]).z.tobytes() == plots.z.tobytes()
    _, other, _ = simulate(*args, seed=6)
    assert other.n != plots.n or other.z.tobytes() != plots.z.tobytes()
    assert np.all(np.diff(progress.time_ns) >= 0)


def test_every_sector_is_told_once() -> None:
    _, _, progress = simulate([station(rotation_s=4.3)], WGS84, LEVEL, 43.0, seed=5)
    assert progress.n == 160
    assert np.sum(progress.kind == ProgressKind.NORTH) == 10
    assert np.allclose(np.diff(progress.time_ns) * 1e-9, 4.3 / 16, atol=1e-8)


def test_no_aircraft_no_plots() -> None:
    truth, plots, _ = simulate([station(clutter=0.0)], WGS84, Simulation(aircraft=0), 10.0, seed=1)
    assert truth.states.n == plots.n == 0


def test_how_a_radar_sees_changes_nothing_in_how_the_aircraft_fly() -> None:
    changed = msgspec.structs.replace(LEVEL, sensors={"R": Sensing(kind="primary", splits=0.5)})
    one, plots, _ = simulate([station()], WGS84, LEVEL, 20.0, seed=1)
    other, more, _ = simulate([station()], WGS84, changed, 20.0, seed=1)
    assert one.states.lat_deg.tobytes() == other.states.lat_deg.tobytes()
    assert more.n > plots.n


def test_the_truth_says_what_everyone_is() -> None:
    fighters = Traffic(count=9, type="fighter", behaviour="roam", radius_km=50.0, formation=(3, 3))
    truth, _, _ = simulate([station()], WGS84, Simulation(traffic=(ABOUT, fighters)), 5.0, seed=1)
    states = truth.states.take(truth.states.time_ns == truth.states.time_ns[0])
    agile = states.type == AircraftType.FIGHTER
    assert agile.sum() == 9
    assert np.all(states.type[~agile] == AircraftType.AIRLINER)
    assert np.array_equal(np.bincount(states.formation[agile])[1:], [3, 3, 3])
    assert np.all(states.formation[~agile] == NO_FORMATION)


@pytest.mark.slow
def test_thirty_thousand_are_seen() -> None:
    many = Simulation(traffic=(Traffic(count=30_000, radius_km=590.0),))
    far = station(max_range_km=600.0, position=Place(lat_deg=47.0, lon_deg=9.0, height_m=2500.0), rotation_s=10.0)
    truth, plots, _ = simulate([far], WGS84, many, 20.0, seed=1)
    assert truth.illuminations.n == pytest.approx(60_000, rel=0.01)
    assert plots.n > 40_000
