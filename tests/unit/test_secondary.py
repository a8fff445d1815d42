"""Answers of transponders: heights, identities, garble, reflections, sidelobes, FRUIT; and systematic errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from farwatch.frame import Frame
from farwatch.plots import Flag, Kind, Plots, Progress, ProgressKind, callsign_text, pack_callsign
from farwatch.sensors import Place as Site
from farwatch.sensors import Radar, RadarSigma
from farwatch.simulation import Flight, Place, Sensing, Simulation, Traffic, simulate
from farwatch.simulation.secondary import Reflector, Secondary, callsigns_of
from farwatch.simulation.sensing import Bias
from farwatch.simulation.weather import Weather, pressure_altitude_m
from farwatch.truth import LOOKS_PROPER, NO_PLOT, Outcome, Truth

FLAT = Frame(kind="flat")
START_NS = 1_767_225_600_000_000_000
FOOT_M = 0.3048
QUIET = Traffic(count=60, radius_km=150.0, climbing=0.5, course_change_deg=0.0)


def observed(
    sensing: Sensing, traffic: Traffic | tuple[Flight, ...] = QUIET, duration_s: float = 200.0, **options: Any
) -> tuple[Truth, Plots, Progress]:
    radar = Radar(
        id="R",
        position=Site(lat_deg=47.0, lon_deg=9.0),
        rotation_s=4.0,
        max_range_km=200.0,
        sigma=RadarSigma(range_m=20.0, azimuth_deg=0.05, elevation_deg=0.1),
        detection=0.9,
        clutter=1e-6,
    )
    who = {"flights": traffic} if isinstance(traffic, tuple) else {"traffic": (traffic,)}
    world = Simulation(**who, sensors={"R": sensing}, **options)  # type: ignore[arg-type]
    return simulate([radar], FLAT, world, duration_s, seed=6)


def level(east_km: float, north_km: float, **changes: Any) -> Flight:
    values: dict[str, Any] = {"height_m": 8000.0, "speed_mps": 100.0, "track_deg": 0.0, "type": "airliner"}
    return Flight(start=Place(east_km=east_km, north_km=north_km), **(values | changes))


def test_heights_come_in_the_steps_of_their_transponders() -> None:
    _, plots, _ = observed(Sensing())
    feet = plots.pressure_altitude_m / FOOT_M
    assert np.allclose(feet / 25.0, np.round(feet / 25.0))
    assert not np.allclose(feet / 100.0, np.round(feet / 100.0))
    assert np.all(plots.kind == Kind.PSR_MODE_S)
    _, plots, _ = observed(Sensing(), Traffic(count=60, radius_km=150.0, climbing=0.5, mode_s=0.0))
    feet = plots.pressure_altitude_m / FOOT_M
    assert np.allclose(feet / 100.0, np.round(feet / 100.0))
    assert np.all(plots.kind == Kind.PSR_SSR)
    assert np.all(plots.address < 0)
    assert np.all(plots.callsign == 0)
    assert np.all(plots.mode_a >= 0)


def test_pressure_altitude_is_a_smooth_field_over_the_heights() -> None:
    weather = Weather(offset_m=80.0, amplitude_m=120.0, wavelength_km=400.0)
    truth, plots, _ = observed(Sensing(), weather=weather)
    looks = truth.illuminations.take(truth.illuminations.plot != NO_PLOT)
    row = np.searchsorted(plots.id, looks.plot)
    key = truth.states.aircraft * 1000 + (truth.states.time_ns - START_NS) // 10**9
    order = np.argsort(key)
    state = order[np.searchsorted(key[order], looks.aircraft * 1000 + (looks.time_ns - START_NS) // 10**9)]
    height = truth.states.height_wgs84_m[state]
    off = plots.pressure_altitude_m[row] - height
    lat, lon = truth.states.lat_deg[state], truth.states.lon_deg[state]
    expected = pressure_altitude_m(weather, True, lat, lon, height) - height
    assert np.abs(off - expected).max() < 0.5 * 25 * FOOT_M + 8.5  # and the climb of a second
    assert np.ptp(off) > 50.0
    # Smooth: within 1 km and at one height the field changes by less than 2 pi / 400 of its amplitude.
    near = pressure_altitude_m(weather, True, np.array([10e3, 11e3]), np.array([3e3, 3e3]), np.array([11e3, 11e3]))
    assert abs(near[1] - near[0]) < 120.0 * 2 * math.pi / 400
    assert np.array_equal(pressure_altitude_m(Weather(), True, np.ones(2), np.ones(2), np.ones(2)), np.ones(2))


def test_a_primary_radar_knows_nobody() -> None:
    _, plots, _ = observed(Sensing(kind="primary"))
    assert plots.n > 2000
    assert np.all(plots.kind == Kind.PSR)
    assert np.all(np.isnan(plots.pressure_altitude_m))
    assert np.all(plots.address < 0)
    assert np.all(plots.mode_a < 0)
    assert np.all(plots.callsign == 0)


def test_answers_and_echoes_are_detected_each_by_its_own_chance() -> None:
    truth, plots, _ = observed(Sensing(secondary=Secondary(detection=0.8)), duration_s=400.0)
    looks = truth.illuminations
    assert np.allclose(looks.detection, 1.0 - 0.1 * 0.2)
    n = looks.n
    for kind, share in ((Kind.PSR_MODE_S, 0.72), (Kind.MODE_S, 0.08), (Kind.PSR, 0.18)):
        found = np.sum(plots.kind == kind) / n
        assert found == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / n)), kind
    assert np.all(plots.address[plots.kind == Kind.PSR] < 0)


def test_callsigns_are_packed_as_by_hand() -> None:
    numbers = np.array([1, 42, 99_999, 123_456])
    expected = [pack_callsign(f"FW{number % 100_000:05d}") for number in numbers.tolist()]
    assert callsigns_of(numbers).tolist() == expected
    assert callsign_text(int(callsigns_of(np.array([7]))[0])) == "FW00007"


def test_overlapping_answers_are_garbled() -> None:
    # Two pairs: 1 km apart, so their 3 km long answers overlap; and 5 km apart, so they do not.
    flights = tuple(
        level(0.0, north, transponder="mode_ac", height_m=height)
        for north, height in ((50.0, 8000.0), (51.0, 9000.0), (100.0, 8000.0), (105.0, 9000.0))
    )
    truth, plots, _ = observed(Sensing(secondary=Secondary(garble=0.5)), flights, 800.0)
    looks = truth.illuminations.take(truth.illuminations.plot != NO_PLOT)
    row = np.searchsorted(plots.id, looks.plot)
    spoilt = plots.flags[row] & int(Flag.MODE_A_GARBLED) > 0
    assert not spoilt[looks.aircraft >= 3].any()
    # Only where both answer: 0.9 of the time.
    near = spoilt[looks.aircraft <= 2]
    assert near.mean() == pytest.approx(0.45, abs=4 * math.sqrt(0.25 / len(near)))
    true_code = np.array([0o1000 + a - 1 for a in looks.aircraft])
    assert np.all(plots.mode_a[row][~spoilt] == true_code[~spoilt])
    assert np.mean(plots.mode_a[row][spoilt] != true_code[spoilt]) > 0.8
    assert np.all((plots.mode_a[row] & true_code) == true_code)  # pulses are added, never lost
    assert np.all((plots.flags[row] & int(Flag.MODE_C_GARBLED) > 0) == spoilt)


def test_reflections_stand_in_the_direction_of_their_reflector() -> None:
    mirror = Reflector(azimuth_deg=200.0, range_km=3.0, probability=0.25)
    flights = (level(0.0, 60.0, speed_mps=70.0), level(80.0, 0.0, speed_mps=70.0))
    truth, plots, _ = observed(Sensing(secondary=Secondary(reflectors=(mirror,))), flights, 1000.0)
    looks = truth.illuminations.take(truth.illuminations.outcome == Outcome.REFLECTION)
    assert looks.n == pytest.approx(2 * 250 * 0.25, abs=4 * math.sqrt(500 * 0.25 * 0.75))
    row = np.searchsorted(plots.id, looks.plot)
    assert np.degrees(plots.z[row, 1]).mean() == pytest.approx(200.0, abs=0.02)
    # By way of the mirror: to it, and from it to the aircraft.
    first = looks.aircraft == 1
    late = (looks.time_ns[first] - START_NS) * 1e-9
    angle = math.radians(200.0)
    onward = np.sqrt((3e3 * math.sin(angle)) ** 2 + (60e3 + 70.0 * late - 3e3 * math.cos(angle)) ** 2 + 8e3**2)
    assert plots.z[row[first], 0] == pytest.approx(3e3 + onward, abs=200.0)
    assert np.all(plots.address[row] == 0x400000 + looks.aircraft)
    assert np.all(plots.kind[row] == Kind.MODE_S)
    # They come when the beam is there.
    assert np.allclose((looks.time_ns - START_NS) * 1e-9 % 4.0, 4.0 * 200 / 360, atol=1e-3)


def test_sidelobes_see_near_aircraft_in_wrong_directions() -> None:
    flights = (level(0.0, 5.0, speed_mps=70.0, height_m=3000.0), level(0.0, 100.0, speed_mps=70.0))
    truth, plots, _ = observed(Sensing(secondary=Secondary(sidelobes=0.5, sidelobe_range_km=60.0)), flights, 600.0)
    looks = truth.illuminations.take(truth.illuminations.outcome == Outcome.SIDELOBE)
    assert np.all(looks.aircraft == 1)
    assert looks.n == pytest.approx(75, abs=4 * math.sqrt(75))
    row = np.searchsorted(plots.id, looks.plot)
    late = (looks.time_ns - START_NS) * 1e-9
    beam = 2 * math.pi * late / 4.0
    assert np.degrees(np.abs((plots.z[row, 1] - beam + math.pi) % (2 * math.pi) - math.pi)).max() < 0.3
    assert plots.z[row, 0] == pytest.approx(np.hypot(5e3 + 70.0 * late, 3e3), abs=170.0)


def test_fruit_lies_in_the_right_direction_at_any_range() -> None:
    flights = (level(0.0, 60.0, speed_mps=70.0, transponder="mode_ac"), level(80.0, 0.0, speed_mps=70.0))
    truth, plots, _ = observed(Sensing(secondary=Secondary(fruit=0.4)), flights, 800.0)
    looks = truth.illuminations.take(truth.illuminations.outcome == Outcome.FRUIT)
    assert np.all(looks.aircraft == 1)
    assert looks.n == pytest.approx(80, abs=4 * math.sqrt(80))
    row = np.searchsorted(plots.id, looks.plot)
    azimuth = np.degrees((plots.z[row, 1] + math.pi) % (2 * math.pi) - math.pi)
    assert np.abs(azimuth).max() < 0.5
    assert plots.z[row, 0].min() < 40e3
    assert plots.z[row, 0].max() > 150e3
    assert np.all(plots.mode_a[row] == 0o1000)


def test_ghosts_are_told_in_the_truth_alone_and_looks_proper_stay_one_each() -> None:
    sensing = Sensing(
        splits=0.1,
        secondary=Secondary(
            detection=0.9, fruit=0.2, sidelobes=0.2, reflectors=(Reflector(azimuth_deg=10.0),), garble=0.5
        ),
    )
    truth, plots, _ = observed(sensing, Traffic(count=60, radius_km=150.0, mode_s=0.5), 100.0)
    looks = truth.illuminations
    proper = looks.take(np.isin(looks.outcome, LOOKS_PROPER))
    pairs = set(zip(proper.aircraft.tolist(), proper.time_ns.tolist(), strict=True))
    assert len(pairs) == proper.n
    others = looks.take(~np.isin(looks.outcome, LOOKS_PROPER))
    assert set(others.outcome.tolist()) == {Outcome.SPLIT, Outcome.REFLECTION, Outcome.SIDELOBE, Outcome.FRUIT}
    caused = looks.plot[looks.plot != NO_PLOT]
    assert np.array_equal(np.sort(caused), plots.id)  # no clutter here: each plot is of one row


def test_systematic_errors_are_those_that_are_stated() -> None:
    bias = Bias(range_m=120.0, range_gain=2e-4, azimuth_deg=0.5, elevation_deg=0.2, time_s=-0.3)
    _, right, said = observed(Sensing())
    _, wrong, said_wrong = observed(Sensing(bias=bias))
    assert right.n == wrong.n
    assert np.all(np.diff(wrong.time_ns) >= 0)
    # The same seed: the same plots but for the errors. They may change places where they come at nearly one time.
    assert np.array_equal(np.sort(wrong.time_ns), np.sort(right.time_ns) - 300_000_000)
    order = np.lexsort((right.address, right.time_ns)), np.lexsort((wrong.address, wrong.time_ns))
    a, b = right.z[order[0]], wrong.z[order[1]]
    assert np.allclose(b[:, 0], a[:, 0] * 1.0002 + 120.0)
    assert np.allclose((b[:, 1] - a[:, 1]) % (2 * math.pi), math.radians(0.5))
    assert np.allclose(b[:, 2] - a[:, 2], math.radians(0.2))
    # The radar's messages: north is told when the beam has not reached it by half a degree.
    north = said.time_ns[said.kind == ProgressKind.NORTH][1:10]
    told = said_wrong.time_ns[said_wrong.kind == ProgressKind.NORTH]
    expected = north - round(4.0 * 0.5 / 360 * 1e9) - 300_000_000
    assert np.abs(told[:, None] - expected[None]).min(axis=0).max() <= 1
