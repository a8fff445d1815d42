"""Simulated ADS-B: who sends what when, what a station hears of it, and what it then reports."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from test_simulation import station as radar
from test_simulation import where

from farwatch.errors import ConfigError
from farwatch.frame import Frame
from farwatch.plots import NO_CALLSIGN, NO_MODE_A
from farwatch.refraction import radar_horizon
from farwatch.reports import NEVER, Emitter, Reports, StationStates, concat_reports, concat_station_states
from farwatch.scenario import parse
from farwatch.sensors import Place, Radar
from farwatch.simulation import (
    START_NS,
    STEP_S,
    Adsb,
    AdsbStation,
    Flight,
    SimulatedAdsb,
    Simulation,
    Traffic,
    stream,
)
from farwatch.simulation import Place as Spot
from farwatch.simulation.secondary import FIRST_ADDRESS
from farwatch.simulation.squitters import EPU_M, KNOT_MPS, compact, indicated_airspeed, longitude_zones
from farwatch.simulation.weather import Weather
from farwatch.truth import Truth, concat_truth

ABOUT = Traffic(count=100, radius_km=150.0, course_change_deg=0.0, climbing=0.0)
EXACT = {"error_share": 0.0, "airspeed": 0.0, "utc_coupled": 0.0, "latency_s": (0.0, 0.0)}
ALL = AdsbStation(every_s=0.0, loss=0.0, range_km=600.0, delay_s=0.25)
LIGHT_MPS = 299_792_458.0


def heard(
    duration_s: float = 30.0,
    stations: tuple[AdsbStation, ...] = (ALL,),
    traffic: tuple[Traffic, ...] = (ABOUT,),
    sensor: Radar | None = None,
    world: dict[str, Any] | None = None,
    **options: Any,
) -> tuple[Reports, StationStates, Truth]:
    """What stations report of a world, and what is true in it."""
    adsb = Adsb(stations=stations, **(EXACT | options))
    simulation = Simulation(traffic=traffic, adsb=adsb, **(world or {}))
    sensors = [sensor or radar()]
    listener = SimulatedAdsb(simulation, sensors, Frame(), 5)
    reports, states, truths = [], [], []

    def listen(flights: Any, now_s: float) -> None:
        told, state = listener.observe(flights, now_s, STEP_S, START_NS)
        reports.append(told)
        states.append(state)

    for truth, _, _ in stream(sensors, Frame(), simulation, duration_s, 5, on_step=listen):
        truths.append(truth)
    return concat_reports(reports), concat_station_states(states), concat_truth(truths)


def aircraft_of(reports: Reports) -> np.ndarray:
    return reports.address.astype(np.int64) - FIRST_ADDRESS


def off_m(reports: Reports, truth: Truth, time_ns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """East and north of the truth at a time (m), and the true height."""
    lat, lon, height_m = where(truth, aircraft_of(reports), time_ns)
    north = np.radians(reports.lat_deg - lat) * 6_371_000.0
    return np.radians(reports.lon_deg - lon) * 6_371_000.0 * np.cos(np.radians(lat)), north, height_m


def inside(reports: Reports, time_ns: np.ndarray, truth: Truth) -> np.ndarray:
    """Rows whose time lies between two true states."""
    return np.flatnonzero((time_ns >= truth.states.time_ns[0]) & (time_ns < truth.states.time_ns[-1]))


def test_positions_come_every_half_second_and_are_those_flown() -> None:
    reports, _, truth = heard()
    sent_ns = reports.position_ns  # some microseconds more, for the way
    keep = inside(reports, sent_ns, truth)
    east, north, height_m = off_m(reports.take(keep), truth, sent_ns[keep])
    # Half a step of compact position reporting, and what curves between the true states.
    assert np.abs(north).max() < 2.7 and np.abs(east).max() < 3.5
    assert np.std(north) > 1.0  # and it is cut
    known = ~np.isnan(reports.take(keep).height_wgs84_m)
    np.testing.assert_array_equal(known, reports.take(keep).velocity_ns != NEVER)  # it comes with the velocity
    assert known.mean() > 0.95
    np.testing.assert_allclose(reports.take(keep).height_wgs84_m[known], height_m[known], atol=25 * 0.3048 + 0.1)
    np.testing.assert_allclose(reports.take(keep).pressure_altitude_m, height_m, atol=12.5 * 0.3048 + 0.1)
    for one in np.unique(reports.address)[:30]:
        apart = np.diff(np.sort(reports.position_ns[reports.address == one])) * 1e-9
        assert apart.min() > 0.4 - 1e-4 and apart.max() < 0.6 + 1e-4
        assert 0.48 < apart.mean() < 0.52
    np.testing.assert_array_equal(reports.sent_ns - reports.position_ns, 250_000_000)


def test_latency_and_positions_coupled_to_utc() -> None:
    late, _, truth = heard(latency_s=(0.5, 0.5))
    time_ns = late.position_ns - 500_000_000
    keep = inside(late, time_ns, truth)
    east, north, _ = off_m(late.take(keep), truth, time_ns[keep])
    assert np.hypot(east, north).max() < 4.5
    assert (late.applicable_ns == NEVER).all()
    coupled, _, truth = heard(utc_coupled=1.0, latency_s=(0.5, 0.5))
    assert (coupled.applicable_ns % 200_000_000 == 0).all()
    assert np.abs(coupled.applicable_ns - coupled.position_ns).max() <= 101_000_000
    keep = inside(coupled, coupled.applicable_ns, truth)
    east, north, _ = off_m(coupled.take(keep), truth, coupled.applicable_ns[keep])
    assert np.hypot(east, north).max() < 4.5


@pytest.mark.parametrize("nacp", [8, 10])
def test_errors_are_a_share_of_what_is_stated(nacp: int) -> None:
    """95 % of the errors of all aircraft lie within the share of the stated radius; each wanders, none jumps."""
    several = Traffic(count=400, radius_km=150.0, course_change_deg=0.0, climbing=0.0)
    reports, _, truth = heard(6.0, traffic=(several,), nacp=(nacp, nacp), error_share=2.0)
    assert (reports.nacp == nacp).all()
    keep = inside(reports, reports.position_ns, truth)
    reports = reports.take(keep)
    error_m = np.hypot(*off_m(reports, truth, reports.position_ns)[:2])
    assert 0.91 < np.mean(error_m < 2.0 * EPU_M[nacp]) < 0.985
    assert reports.nacv.min() == 2 and reports.gva[0] == (2 if nacp >= 9 else 1)


def test_loss_is_the_stated_share_and_a_report_a_second_at_most() -> None:
    every, _, _ = heard()
    some, _, _ = heard(stations=(AdsbStation(every_s=0.0, loss=0.3, range_km=600.0),))
    assert abs(some.n / every.n - 0.7) < 4 * math.sqrt(0.21 / every.n)
    slow, _, _ = heard(stations=(AdsbStation(every_s=1.0, loss=0.3, range_km=600.0),))
    for one in np.unique(slow.address)[:30]:
        assert np.diff(slow.position_ns[slow.address == one]).min() >= 1_000_000_000


def test_a_station_hears_what_is_above_its_horizon_and_in_range() -> None:
    place = Place(lat_deg=47.0, lon_deg=9.0, height_m=20.0)
    low = Traffic(
        count=600, type="propeller", heights_m=(600.0, 2000.0), radius_km=220.0, course_change_deg=0.0, climbing=0.0
    )
    stations = (AdsbStation(position=place, range_km=180.0, loss=0.0, every_s=0.0),)
    reports, _, truth = heard(10.0, stations, (low,), equipped={"propeller": 1.0})
    first = truth.states.take(truth.states.time_ns == truth.states.time_ns[0])
    ground_m = np.array(
        [
            6_371_000.0
            * math.acos(
                min(
                    math.sin(math.radians(47.0)) * math.sin(math.radians(lat))
                    + math.cos(math.radians(47.0)) * math.cos(math.radians(lat)) * math.cos(math.radians(lon - 9.0)),
                    1.0,
                )
            )
            for lat, lon in zip(first.lat_deg, first.lon_deg)
        ]
    )
    lowest_m = np.array([radar_horizon(20.0, float(far)) for far in ground_m])
    hears = np.isin(first.aircraft, aircraft_of(reports))
    surely = (ground_m < 170e3) & (first.height_wgs84_m > lowest_m + 150.0)
    never = (ground_m > 190e3) | (first.height_wgs84_m < lowest_m - 150.0)
    assert surely.sum() > 40 and (never & (ground_m < 170e3)).sum() > 10
    assert hears[surely].all() and not hears[never].any()


def test_who_sends() -> None:
    traffic = (
        Traffic(count=60, type="airliner", radius_km=100.0),
        Traffic(count=20, type="fighter", radius_km=100.0),
        Traffic(count=20, type="airliner", radius_km=100.0, mode_s=0.0),
        Traffic(count=100, type="helicopter", radius_km=30.0),
    )
    reports, _, truth = heard(8.0, traffic=traffic, equipped={"helicopter": 0.3})
    senders = np.unique(aircraft_of(reports))
    first = truth.states.take(truth.states.time_ns == truth.states.time_ns[0])
    kind = dict(zip(first.aircraft.tolist(), first.type.tolist()))
    counts = {one: sum(kind[a] == one for a in senders.tolist()) for one in (1, 4, 5)}
    assert counts[1] == 60 and counts[5] == 0
    assert 15 <= counts[4] <= 45  # of 100 with probability 0.3
    told = reports.emitter >= 0
    assert set(reports.emitter[told].tolist()) == {int(Emitter.MEDIUM), int(Emitter.ROTORCRAFT)}
    armed, _, _ = heard(3.0, traffic=traffic[1:2], equipped={"fighter": 1.0})
    assert len(np.unique(armed.address)) == 20


def test_identity_is_told_every_five_seconds() -> None:
    reports, _, _ = heard(12.0)
    late = reports.take(reports.position_ns > START_NS + 6 * 10**9)
    assert (late.callsign != NO_CALLSIGN).all() and (late.mode_a != NO_MODE_A).all() and (late.emitter > 0).all()
    early = reports.take(reports.position_ns < START_NS + 10**9)
    assert 0.5 < np.mean(early.callsign == NO_CALLSIGN) < 1.0
    assert (early.address > 0).all()


def test_velocities_come_in_knots() -> None:
    reports, _, truth = heard(10.0)
    told = reports.take(reports.velocity_ns != NEVER)
    assert told.n > 0.9 * reports.n
    for part in (np.sin, np.cos):
        knots = told.ground_speed_mps * part(np.radians(told.track_angle_deg)) / KNOT_MPS
        np.testing.assert_allclose(knots, np.rint(knots), atol=1e-6)
    rates_ft_min = told.vertical_rate_mps * 60.0 / 0.3048 / 64.0
    np.testing.assert_allclose(rates_ft_min, np.rint(rates_ft_min), atol=1e-6)
    speed = dict(zip(truth.states.aircraft.tolist(), truth.states.ground_speed_mps.tolist()))
    off = told.ground_speed_mps - np.array([speed[a] for a in aircraft_of(told).tolist()])
    assert np.abs(off).max() < 2.5 and 0.2 < off.std() < 0.5
    assert 0.6 < np.mean(~told.rate_is_geometric) < 0.9


def test_supersonic_velocities_are_coarser() -> None:
    fast = (Flight(start=Spot(east_km=-60.0, north_km=0.0), height_m=11_000, speed_mps=600, track_deg=90),)
    reports, _, _ = heard(10.0, traffic=(), world={"flights": fast}, equipped={"fighter": 1.0})
    told = reports.take(reports.velocity_ns != NEVER)
    assert told.n > 5
    knots = told.ground_speed_mps * np.sin(np.radians(told.track_angle_deg)) / KNOT_MPS / 4.0
    np.testing.assert_allclose(knots, np.rint(knots), atol=1e-6)


def test_speed_through_the_air_stands_in_for_that_over_the_ground() -> None:
    reports, _, _ = heard(6.0, airspeed=1.0)
    told = reports.take(reports.velocity_ns != NEVER)
    assert np.isnan(told.ground_speed_mps).all()
    by_true, by_indicated = ~np.isnan(told.true_airspeed_mps), ~np.isnan(told.indicated_airspeed_mps)
    assert (by_true ^ by_indicated).all() and 0.2 < by_true.mean() < 0.8
    assert (told.indicated_airspeed_mps[by_indicated] < 200.0).all() and (told.true_airspeed_mps[by_true] > 200.0).all()


def test_heights_differ_as_the_weather_makes_them() -> None:
    reports, _, truth = heard(world={"weather": Weather(offset_m=300.0)})
    keep = inside(reports, reports.position_ns, truth)
    reports = reports.take(keep)
    height_m = off_m(reports, truth, reports.position_ns)[2]
    known = ~np.isnan(reports.height_wgs84_m)
    assert known.mean() > 0.9
    np.testing.assert_allclose(reports.height_wgs84_m[known], height_m[known], atol=25 * 0.3048 + 0.1)
    np.testing.assert_allclose(reports.pressure_altitude_m, height_m * (1 + 300.0 / 11_000), atol=12.5 * 0.3048 + 0.2)


def test_stations_count_what_they_hear_and_send() -> None:
    reports, states, _ = heard(20.0, stations=(ALL, AdsbStation(sac_sic="0/201", loss=0.5, status_s=5)))
    first, second = states.take(states.station == 0), states.take(states.station == 1)
    assert first.n == 20 and second.n == 4
    np.testing.assert_array_equal(np.diff(first.time_ns), 1_000_000_000)
    for k, state in enumerate((first, second)):
        own = reports.sent_ns[reports.station == k]
        counted = np.searchsorted(np.sort(own), state.time_ns)
        np.testing.assert_array_equal(np.cumsum(state.sent), counted)
    per_second = first.heard[2:].mean() / len(np.unique(reports.address))
    assert 4.0 < per_second < 4.4  # two positions, two velocities, a fifth of an identity
    assert abs(second.heard[1:].sum() / first.heard[1:16].sum() - 0.5) < 0.05


def test_track_numbers_are_a_stations_own() -> None:
    reports, _, _ = heard(10.0, stations=(ALL, AdsbStation(sac_sic="0/201", range_km=80.0)))
    for k in range(2):
        own = reports.take(reports.station == k)
        pairs = set(zip(own.number.tolist(), own.address.tolist()))
        assert len(pairs) == len({n for n, _ in pairs}) == len({a for _, a in pairs})


def test_listening_changes_nothing_and_the_same_seed_hears_the_same() -> None:
    simulation = Simulation(traffic=(ABOUT,))
    quiet = [plots for _, plots, _ in stream([radar()], Frame(), simulation, 10, 5)]
    listener = SimulatedAdsb(simulation, [radar()], Frame(), 5)

    def listen(flights: Any, now_s: float) -> None:
        listener.observe(flights, now_s, STEP_S, START_NS)

    watched = [plots for _, plots, _ in stream([radar()], Frame(), simulation, 10, 5, on_step=listen)]
    for a, b in zip(quiet, watched, strict=True):
        for x, y in zip(a, b):
            np.testing.assert_array_equal(x, y)
    one, other = heard(5.0)[0], heard(5.0)[0]
    for x, y in zip(one, other):
        np.testing.assert_array_equal(x, y)
    # Another station takes nothing from the first.
    lossy = AdsbStation(every_s=0.0, loss=0.3)
    alone, both = (heard(5.0, stations=(lossy, *more))[0] for more in ((), (AdsbStation(sac_sic="0/201"),)))
    assert both.n > alone.n
    for x, y in zip(alone, both.take(both.station == 0)):
        np.testing.assert_array_equal(x, y)


def test_longitude_zones_are_those_of_the_standard() -> None:
    """Some of the latitudes at which their number changes (ICAO Annex 10, vol. IV, table of NL)."""
    edges = {10.47047130: 59, 14.82817437: 58, 18.18626357: 57, 52.44745: None, 86.53536998: 3, 87.0: 2}
    for edge, zones in edges.items():
        if zones is None:
            continue
        got = longitude_zones(np.array([edge - 1e-6, edge + 1e-6, -edge + 1e-6]))
        assert got.tolist() == [zones, zones - 1, zones]
    assert longitude_zones(np.array([0.0, 89.9, -90.0])).tolist() == [59, 1, 1]


def test_positions_are_what_a_receiver_decodes(rng: np.random.Generator) -> None:
    """Encoded to 17 bits and decoded again about a place near by, by the equations of DO-260B."""
    for _ in range(300):
        lat, lon, odd = rng.uniform(-86.0, 86.0), rng.uniform(-180.0, 180.0), int(rng.integers(2))
        d_lat = 360.0 / (60 - odd)
        yz = math.floor((1 << 17) * ((lat % d_lat) / d_lat) + 0.5)
        r_lat = d_lat * (yz / (1 << 17) + math.floor(lat / d_lat))
        d_lon = 360.0 / max(int(longitude_zones(np.array([r_lat]))[0]) - odd, 1)
        xz = math.floor((1 << 17) * ((lon % d_lon) / d_lon) + 0.5)
        near_lat, near_lon = lat + 0.3, lon - 0.3
        j = math.floor(near_lat / d_lat) + math.floor(0.5 + (near_lat % d_lat) / d_lat - (yz % (1 << 17)) / (1 << 17))
        m = math.floor(near_lon / d_lon) + math.floor(0.5 + (near_lon % d_lon) / d_lon - (xz % (1 << 17)) / (1 << 17))
        decoded = d_lat * (j + (yz % (1 << 17)) / (1 << 17)), d_lon * (m + (xz % (1 << 17)) / (1 << 17))
        got = compact(np.array([lat]), np.array([lon]), np.array([odd]))
        np.testing.assert_allclose(got[0][0], decoded[0], atol=1e-9)
        assert abs((got[1][0] - decoded[1] + 180.0) % 360.0 - 180.0) < 1e-9


def test_indicated_airspeed_in_the_standard_atmosphere() -> None:
    """At sea level it is the true one; Mach 0.80 at 35,000 ft (237.3 m/s) is 272 knots, as published tables say."""
    found = indicated_airspeed(np.array([100.0, 0.80 * 296.54]), np.array([0.0, 35_000 * 0.3048]))
    np.testing.assert_allclose(found[0], 100.0, rtol=1e-9)
    np.testing.assert_allclose(found[1] / KNOT_MPS, 272.0, atol=1.0)


SITE: dict[str, Any] = {
    "sensors": [
        {
            "kind": "radar",
            "id": "R",
            "position": {"lat_deg": 47, "lon_deg": 9},
            "rotation_s": 5.0,
            "max_range_km": 200.0,
        }
    ]
}


def test_what_cannot_be_is_said() -> None:
    for adsb, said in [
        ({"nacp": [10, 8]}, "`nacp` = .*the first is above the second.*simulation.adsb"),
        ({"equipped": {"airline": 0.5}}, "airline"),
        ({"stations": [{}, {}]}, "sac_sic = '0/200' is that of two stations"),
        ({"stations": [{"sac_sic": "12"}]}, "sac_sic"),
        ({"stations": [{"loss": 1.5}]}, "loss"),
        ({"station": []}, "did you mean `stations`"),
    ]:
        with pytest.raises(ConfigError, match=said):
            parse(SITE | {"simulation": {"adsb": adsb}})
    assert (
        parse(SITE | {"simulation": {"adsb": {"equipped": {"fighter": 1.0}}}}).simulation.adsb.share_of("fighter") == 1
    )
    with pytest.raises(ConfigError, match="flat frame has none"):
        SimulatedAdsb(Simulation(), [radar()], Frame(kind="flat"), 1)
    with pytest.raises(ConfigError, match="has no `position`"):
        SimulatedAdsb(Simulation(), [], Frame(), 1)
