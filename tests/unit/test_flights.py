"""How aircraft fly: geodesics, circles, loads, formations, scripted legs; and traffic that keeps its numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pyproj import Geod

from farwatch.scenario import BUILTIN, load
from farwatch.simulation import Flight, Leg, Place, Simulation, Traffic
from farwatch.simulation.envelopes import ENVELOPES, load_of_turn, turn_rate_of_bank, turn_rate_of_load
from farwatch.simulation.flights import STRAIGHT, WING, Flights, advance_all, no_flights, towards
from farwatch.simulation.traffic import Skies
from farwatch.truth import NO_FORMATION, AircraftType

LAT, LON = math.radians(47.0), math.radians(9.0)
WGS84 = Geod(ellps="WGS84")


def one(**columns: float) -> Flights:
    flights = no_flights(1)
    flights.in_air[0] = 1
    for name, value in columns.items():
        getattr(flights, name)[0] = value
    return flights


def skies(*traffic: Traffic, flights: tuple[Flight, ...] = (), flat: bool = False, seed: int = 1) -> Skies:
    options = Simulation(traffic=traffic, flights=flights)
    return Skies(options, flat, *((0.0, 0.0) if flat else (LAT, LON)), np.random.default_rng(seed))


def flown(made: Skies, seconds: int) -> dict[str, np.ndarray]:
    """Columns (seconds, n) of all rows, before each step."""
    names = ("lat", "lon", "height_m", "speed_mps", "track", "climb_mps", "turn", "formation", "aircraft", "task")
    rows: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for second in range(seconds):
        for name in names:
            rows[name].append(getattr(made.flights, name).copy())
        made.step(float(second), 1.0)
    return {name: np.array(values) for name, values in rows.items()}


def test_a_straight_flight_follows_the_geodesic_at_its_speed() -> None:
    flight = one(lat=math.radians(50.0), lon=math.radians(8.0), track=math.radians(60.0), speed_mps=250.0)
    for _ in range(3600):
        advance_all(False, flight, 1.0)
    lon, lat, back = WGS84.fwd(8.0, 50.0, 60.0, 900e3)
    _, _, off = WGS84.inv(lon, lat, math.degrees(flight.lon[0]), math.degrees(flight.lat[0]))
    assert off < 1.0
    assert math.degrees(flight.track[0]) == pytest.approx(back + 180.0, abs=1e-4)


@pytest.mark.parametrize("flat", [True, False])
def test_a_turn_closes_its_circle(flat: bool) -> None:
    flight = one(lat=0.0 if flat else 0.8, speed_mps=200.0, turn=math.radians(3.0), height_m=3000.0)
    lat, north = flight.lat[0], []
    for _ in range(120):
        advance_all(flat, flight, 1.0)
        north.append((flight.lat[0] - lat) * (1.0 if flat else 6.36e6))
    assert math.degrees(flight.track[0]) == pytest.approx(360.0, abs=0.2)
    assert north[-1] == pytest.approx(0.0, abs=5.0)
    assert max(north) - min(north) == pytest.approx(2 * 200.0 / math.radians(3.0), rel=0.01)


def test_bearings_and_places_agree_with_an_independent_geodesy() -> None:
    made, rng = skies(), np.random.default_rng(2)
    for _ in range(20):
        lat, lon, bearing = rng.uniform(-60, 60), rng.uniform(-170, 170), rng.uniform(-180, 180)
        to_lon, to_lat, _ = WGS84.fwd(lon, lat, bearing, 250e3)
        distance, found = towards(False, *np.radians([lat, lon, to_lat, to_lon]))
        assert distance == pytest.approx(250e3, rel=2e-4)  # the chord
        assert math.degrees(found) == pytest.approx(bearing, abs=0.01)
        at = made.moved(*(np.radians([v]) for v in (lat, lon, bearing)), np.array([250e3]))
        _, _, off = WGS84.inv(to_lon, to_lat, math.degrees(at[1][0]), math.degrees(at[0][0]))
        assert off < 5.0


def test_loads_are_those_of_coordinated_turns() -> None:
    # A published figure: 9 g at 250 m/s is 20 degrees a second, on a radius of 713 m.
    rate = turn_rate_of_load(9.0, 250.0)
    assert math.degrees(rate) == pytest.approx(20.1, abs=0.05)
    assert 250.0 / rate == pytest.approx(713.0, abs=1.0)
    assert load_of_turn(np.array([rate]), np.array([250.0]))[0] == pytest.approx(9.0)
    # Standard rate at 140 kt needs a bank of 21 degrees: the rule of thumb says speed / 10 + 7.
    assert np.degrees(turn_rate_of_bank(np.radians([21.0]), np.array([72.0]))[0]) == pytest.approx(3.0, abs=0.05)


def test_a_scripted_flight_flies_its_legs() -> None:
    legs = (
        Leg(fly_s=10.0),
        Leg(turn_deg=180.0, g=9.0),
        Leg(fly_s=20.0, height_m=6000.0, climb_mps=100.0, speed_mps=300.0),
        Leg(to=Place(east_km=-20.0, north_km=0.0), g=5.0),
        Leg(fly_s=100.0),
    )
    start = Place(east_km=0.0, north_km=-10.0)
    flight = Flight(start=start, height_m=5000.0, speed_mps=250.0, track_deg=90.0, at_s=5.0, until_s=200.0, legs=legs)
    made = skies(flights=(flight,), flat=True)
    assert made.flights.in_air[0] == 0
    columns = flown(made, 198)
    in_air = columns["aircraft"][:, 0] > 0
    assert np.flatnonzero(in_air)[0] == 5
    track, turn = np.degrees(columns["track"][5:, 0]), np.degrees(columns["turn"][5:, 0])
    assert np.all(turn[:10] == 0.0)
    assert track[10] == 90.0
    # 180 degrees at 20.1 a second are flown in nine steps, the last of them slower.
    assert np.allclose(turn[10:18], math.degrees(turn_rate_of_load(9.0, 250.0)))
    assert track[19] == pytest.approx(270.0)
    assert turn[19] == 0.0
    height, speed = columns["height_m"][5:, 0], columns["speed_mps"][5:, 0]
    assert height[19] == 5000.0
    assert height[40] == 6000.0
    assert np.diff(height).max() == pytest.approx(100.0)
    assert speed[30] == 300.0
    assert np.abs(np.diff(speed)).max() <= ENVELOPES[AircraftType.FIGHTER].accelerate_mps2 + 1e-9
    # It passes within a step of its waypoint.
    away = np.hypot(columns["lon"][5:, 0] + 20e3, columns["lat"][5:, 0])
    assert away.min() < 350.0
    for second in (198, 199, 200):
        made.step(float(second), 1.0)
    assert made.flights.in_air[0] == 0


@pytest.mark.parametrize("flat", [True, False])
def test_wingmen_keep_their_slots_and_their_envelope(flat: bool) -> None:
    legs = (Leg(fly_s=60.0), Leg(turn_deg=150.0, g=7.0), Leg(fly_s=300.0), Leg(turn_deg=-90.0, g=3.0), Leg(fly_s=300.0))
    start = Place(east_km=0.0, north_km=0.0)
    flight = Flight(
        start=start, height_m=8000.0, speed_mps=230.0, track_deg=30.0, wingmen=3, spacing_m=1000.0, legs=legs
    )
    made = skies(flights=(flight,), flat=flat)
    columns = flown(made, 600)
    scale = 1.0 if flat else 6.38e6
    north = (columns["lat"] - columns["lat"][:, :1]) * scale
    east = (columns["lon"] - columns["lon"][:, :1]) * scale * (1.0 if flat else math.cos(LAT))
    track = columns["track"][:, :1]
    ahead = north * np.cos(track) + east * np.sin(track)
    right = east * np.cos(track) - north * np.sin(track)
    for second in (50, 350, 599):  # gathered: each in its slot, which has turned with the leader
        off = np.hypot(ahead[second] - made.flights.slot_ahead_m, right[second] - made.flights.slot_right_m)
        assert off.max() < 100.0
    between = np.hypot(north[50, 1:], east[50, 1:])
    assert between.min() == pytest.approx(1000.0, abs=60.0)
    load = load_of_turn(columns["turn"], columns["speed_mps"])
    assert load.max() <= 9.0 + 1e-9
    assert load[:, 1:].max() > 3.0
    assert np.all(columns["turn"][20:60] == 0.0)  # straight on behind a straight leader
    assert len(set(columns["formation"].ravel().tolist())) == 1


def test_a_formation_splits_and_rejoins() -> None:
    legs = (Leg(fly_s=30.0), Leg(fly_s=60.0, split=True), Leg(fly_s=400.0, rejoin=True))
    start = Place(east_km=0.0, north_km=0.0)
    flight = Flight(start=start, height_m=8000.0, speed_mps=230.0, track_deg=0.0, wingmen=2, legs=legs)
    columns = flown(skies(flights=(flight,), flat=True), 480)
    apart = np.hypot(columns["lat"] - columns["lat"][:, :1], columns["lon"] - columns["lon"][:, :1])[:, 1:]
    assert apart[85].min() > 4000.0
    assert np.all(columns["formation"][60, 1:] == NO_FORMATION)
    assert apart[479].max() < 2200.0
    assert np.all(columns["formation"][479] == columns["formation"][0])
    assert np.all(columns["task"][479, 1:] == WING)


def test_two_pairs_on_crossing_courses_meet() -> None:
    scenario = load("formation")
    made = Skies(scenario.simulation, False, LAT, LON, np.random.default_rng(0))
    columns = flown(made, 400)
    rows = [np.flatnonzero(made.flights.leader == lead) for lead in np.flatnonzero(made.flights.leader < 0)]
    second, third = rows[1][0] - 1, rows[2][0] - 1
    apart = np.hypot(
        columns["lat"][:, second] - columns["lat"][:, third],
        (columns["lon"][:, second] - columns["lon"][:, third]) * math.cos(LAT),
    )
    assert apart.argmin() == pytest.approx(300, abs=5)
    assert apart.min() * 6.38e6 < 1500.0


def test_traffic_is_steady_and_new_aircraft_get_new_numbers() -> None:
    made = skies(Traffic(count=300, radius_km=100.0, mean_life_s=300.0))
    first = set(made.flights.aircraft.tolist())
    for second in range(300):
        made.step(float(second), 1.0)
    now = set(made.flights.aircraft.tolist())
    assert len(now) == 300
    assert np.all(made.flights.in_air == 1)
    # A life of 300 s on average, and a disc that takes minutes to cross: at least 1 - 1/e are gone.
    assert len(first & now) < 300 * math.exp(-1) + 4 * math.sqrt(300 * 0.37 * 0.63)
    assert min(now - first) > 300


def test_transit_keeps_the_area_evenly_filled() -> None:
    made = skies(Traffic(count=2000, radius_km=100.0, mean_life_s=1e9), seed=3)
    for second in range(1500):
        made.step(float(second), 1.0)
    out = np.array([towards(False, a, b, LAT, LON)[0] for a, b in zip(made.flights.lat, made.flights.lon, strict=True)])
    # By then all that are there came in over the edge. Half of them fly in the inner half of the area, to 3 in 100.
    assert np.mean(made.flights.aircraft > 2000) > 0.95
    assert np.mean(out < 100e3 / math.sqrt(2.0)) == pytest.approx(0.5, abs=0.06)
    assert out.max() < 100.3e3


def test_heights_stay_within_their_limits() -> None:
    made = skies(Traffic(count=100, climbing=1.0, leg_km=(5.0, 10.0), heights_m=(5000.0, 6000.0)))
    height = flown(made, 600)["height_m"]
    assert height.min() >= 5000.0
    assert height.max() <= 6000.0
    assert height.max() - height.min() > 900.0
    assert np.abs(np.diff(height[:, :50], axis=0)).max() > 1.0


def test_holds_are_racetracks_and_stay() -> None:
    made = skies(Traffic(count=5, behaviour="hold", radius_km=10.0, heights_m=(2e3, 3e3), speeds_mps=(110.0, 120.0)))
    columns = flown(made, 900)
    moved = np.hypot(columns["lat"] - columns["lat"][0], (columns["lon"] - columns["lon"][0]) * math.cos(LAT)) * 6.38e6
    assert moved.max() < 14e3
    turning = columns["turn"] != 0.0
    # Half turns of 62 to 82 s and straights of 60 s.
    assert 0.48 < turning.mean() < 0.6
    assert np.ptp(np.abs(columns["turn"][turning])) < 0.05


def test_approaches_come_down_and_are_followed_by_others() -> None:
    made = skies(
        Traffic(count=6, behaviour="approach", radius_km=50.0, heights_m=(2e3, 3e3), speeds_mps=(100.0, 120.0))
    )
    columns = flown(made, 1500)
    assert columns["height_m"].min() < 500.0
    landed = np.flatnonzero(np.diff(columns["aircraft"][:, 0]) != 0)
    assert len(landed) >= 1
    at = landed[0]
    lat, lon = columns["lat"][at, 0], columns["lon"][at, 0]
    assert towards(False, lat, lon, LAT, LON)[0] < 600.0
    assert columns["speed_mps"][at, 0] == pytest.approx(80.0, abs=1.0)
    assert len(set(made.flights.aircraft.tolist())) == 6


@pytest.mark.parametrize("name", ["s300", "manoeuvre", "formation"])
def test_nobody_leaves_the_envelope_of_its_type(name: str) -> None:
    scenario = load(name)
    made = Skies(scenario.simulation, False, LAT, LON, np.random.default_rng(4))
    columns = flown(made, 400)
    for kind in np.unique(made.flights.type):
        limits, those = ENVELOPES[AircraftType(kind)], made.flights.type == kind
        felt = load_of_turn(columns["turn"][:, those], columns["speed_mps"][:, those])
        assert felt.max() <= limits.max_load_g + 1e-9, AircraftType(kind).name
        assert columns["speed_mps"][:, those].max() <= limits.max_speed_mps
        assert columns["speed_mps"][:, those].min() >= limits.min_speed_mps
        assert np.abs(columns["climb_mps"][:, those]).max() <= limits.climb_mps
        assert columns["height_m"][:, those].max() <= limits.ceiling_m
        same = np.diff(columns["aircraft"][:, those], axis=0) == 0
        gain = np.abs(np.diff(columns["speed_mps"][:, those], axis=0))[same]
        assert gain.max() <= limits.accelerate_mps2 + 1e-9


def test_airliners_mostly_fly_straight() -> None:
    made = skies(Traffic(count=100, radius_km=400.0))
    turn = flown(made, 900)["turn"]
    assert 0.93 < np.mean(turn == 0.0) < 0.995
    assert np.degrees(np.abs(turn[turn != 0.0])).max() < 2.0  # 30 degrees of bank at 180 m/s and more


@pytest.mark.slow
def test_a_day_keeps_its_numbers() -> None:
    scenario = load("s300")
    made = Skies(scenario.simulation, False, LAT, LON, np.random.default_rng(4))
    for second in range(86_400):
        made.step(float(second), 1.0)
        if second % 3600 == 0:
            f = made.flights
            assert np.all(f.in_air == 1)
            assert len(set(f.aircraft.tolist())) == 300
            assert np.sum(np.isin(f.type, (AircraftType.FIGHTER, AircraftType.HEAVY_FIGHTER))) == 33
            alone = (f.leader >= 0) & (f.task != WING)
            assert np.mean(alone[f.leader >= 0]) < 0.5
            assert np.mean((f.task == STRAIGHT) & (f.until_s == np.inf) & (f.leader < 0)) == 0.0
            assert np.all(np.isfinite(f.lat) & np.isfinite(f.height_m))


@pytest.mark.slow
def test_thirty_thousand_fly() -> None:
    made = skies(Traffic(count=30_000, radius_km=2000.0))
    for second in range(60):
        made.step(float(second), 1.0)
    assert len(set(made.flights.aircraft.tolist())) == 30_000


def test_the_scenarios_are_those_that_are_told() -> None:
    assert {path.stem for path in BUILTIN.glob("*.toml")} == {
        "s300", "plain300", "storm", "formation", "manoeuvre", "network", "quiet"
    }  # fmt: skip


def test_who_accelerates_in_a_turn_keeps_to_its_load() -> None:
    legs = (Leg(turn_deg=720.0, g=9.0, speed_mps=450.0), Leg(fly_s=100.0))
    flight = Flight(start=Place(east_km=0.0, north_km=0.0), height_m=8e3, speed_mps=250.0, track_deg=0.0, legs=legs)
    columns = flown(skies(flights=(flight,), flat=True), 60)
    felt = load_of_turn(columns["turn"], columns["speed_mps"])
    assert felt.max() == pytest.approx(9.0)
    assert columns["speed_mps"].max() == 450.0
