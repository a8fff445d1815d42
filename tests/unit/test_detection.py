"""Detection: the radar equation, Swerling 1, resolution cells, splits, blind speeds; the statistics are the stated."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from farwatch.frame import Frame
from farwatch.plots import Plots
from farwatch.sensors import Place as Site
from farwatch.sensors import Radar, RadarSigma
from farwatch.simulation import Flight, Place, Sensing, Simulation, Traffic, simulate
from farwatch.simulation.detection import BlindSpeeds, DetectionLaw, pd_of_snr, returns, snr_of_pd
from farwatch.simulation.resolution import Resolution, cells
from farwatch.truth import LOOKS_PROPER, NO_PLOT, Outcome, Truth

FLAT = Frame(kind="flat")
LAW = DetectionLaw()
CELL = Resolution(range_m=150.0, azimuth_deg=1.4)
MERGING = Sensing(kind="primary", detection=LAW, resolution=CELL)


def radar(**changes: Any) -> Radar:
    values: dict[str, Any] = {
        "id": "R",
        "position": Site(lat_deg=47.0, lon_deg=9.0, height_m=0.0),
        "rotation_s": 4.0,
        "max_range_km": 600.0,
        "sigma": RadarSigma(range_m=50.0, azimuth_deg=0.07),
        "clutter": 5.0,
    }
    return Radar(**(values | changes))


def world(
    sensing: Sensing, duration_s: float, *groups: Traffic, flights: tuple[Flight, ...] = (), **changes: Any
) -> tuple[Truth, Plots]:
    options = Simulation(traffic=groups, flights=flights, sensors={"R": sensing})
    truth, plots, _ = simulate([radar(**changes)], FLAT, options, duration_s, seed=5)
    return truth, plots


def level(east_km: float, north_km: float, **changes: Any) -> Flight:
    values = {"height_m": 8000.0, "speed_mps": 100.0, "track_deg": 0.0, "type": "airliner"}
    return Flight(start=Place(east_km=east_km, north_km=north_km), **(values | changes))  # type: ignore[arg-type]


def test_one_law_gives_the_stated_probabilities() -> None:
    assert float(LAW.pd(20.0, 400e3)) == pytest.approx(0.9)
    assert float(LAW.pd(20.0, 600e3)) >= 0.6
    # 3 m^2 give at 600 (3/20)^(1/4) = 373 km what 20 m^2 give at 600 km, and fade below a half from 405 km on.
    assert float(LAW.pd(3.0, 600e3 * 0.15**0.25)) == pytest.approx(float(LAW.pd(20.0, 600e3)))
    assert float(LAW.pd(3.0, 403e3)) > 0.5 > float(LAW.pd(3.0, 407e3))
    # Swerling 1: Pd = Pfa^(1 / (1 + SNR)); 21.1 dB for 0.9 at 1e-6 (Blake's and everyone's table).
    assert 10.0 * math.log10(snr_of_pd(0.9, 1e-6)) == pytest.approx(21.14, abs=0.02)
    assert float(pd_of_snr(np.array([snr_of_pd(0.7, 1e-5)]), 1e-5)[0]) == pytest.approx(0.7)


def test_returns_of_a_cell_add_up_and_are_detected_as_often_as_they_should() -> None:
    rng, n = np.random.default_rng(1), 40_000
    snr = np.tile([20.0, 5.0], n)
    back = returns(snr, np.repeat(np.arange(n), 2), 1e-4, rng)
    expected = 1e-4 ** (1.0 / 26.0)
    assert np.allclose(back.pd, expected)
    assert back.detected.mean() == pytest.approx(expected, abs=4 * math.sqrt(0.25 / n))
    assert back.power[::2].mean() == pytest.approx(20.0, rel=0.03)
    assert stats.kstest(back.power[1::2] / 5.0, "expon").pvalue > 1e-3
    # Noise alone: the false alarms.
    alone = returns(np.zeros(400_000), np.arange(400_000), 1e-3, rng)
    assert alone.detected.sum() == pytest.approx(400, abs=4 * 20)


def test_plots_come_as_often_as_the_truth_says() -> None:
    fighters = Traffic(count=60, type="fighter", behaviour="roam", radius_km=450.0)
    truth, _ = world(Sensing(detection=LAW), 400.0, Traffic(count=300, radius_km=590.0), fighters)
    looks = truth.illuminations
    assert np.all(np.isin(looks.outcome, (Outcome.DETECTED, Outcome.MISSED)))
    assert looks.n > 30_000
    edges = np.linspace(0.0, 1.0, 11)
    for low, high in pairwise(edges):
        those = (looks.detection >= low) & (looks.detection < high)
        expected = looks.detection[those]
        if those.sum() < 50:
            continue
        error = math.sqrt(np.sum(expected * (1.0 - expected)))
        assert np.sum(looks.plot[those] != NO_PLOT) == pytest.approx(expected.sum(), abs=4.0 * error), (low, high)
    # From look to look an aircraft is detected independently (Swerling 1).
    order = np.lexsort((looks.time_ns, looks.aircraft))
    surprise = (looks.plot != NO_PLOT)[order] - looks.detection[order]
    same = looks.aircraft[order][1:] == looks.aircraft[order][:-1]
    assert abs(np.corrcoef(surprise[1:][same], surprise[:-1][same])[0, 1]) < 4.0 / math.sqrt(same.sum())


def test_without_a_law_the_radars_own_probability_holds() -> None:
    truth, _ = world(Sensing(), 200.0, Traffic(count=200, radius_km=500.0), detection=0.8)
    looks = truth.illuminations
    assert np.allclose(looks.detection, 0.8)
    assert np.mean(looks.plot != NO_PLOT) == pytest.approx(0.8, abs=4 * math.sqrt(0.16 / looks.n))


@pytest.mark.parametrize("by_snr", [False, True])
def test_noise_is_as_large_as_the_truth_says(by_snr: bool) -> None:
    sensing = Sensing(kind="primary", detection=LAW, noise_by_snr=by_snr)
    flights = tuple(level(0.1, km, speed_mps=70.0, track_deg=0.0) for km in range(100, 590, 10))
    truth, plots = world(sensing, 400.0, flights=flights, clutter=1e-6)
    looks = truth.illuminations.take(truth.illuminations.plot != NO_PLOT)
    true_north = {}
    for aircraft, time_ns, lat in zip(truth.states.aircraft, truth.states.time_ns, truth.states.lat_deg, strict=True):
        true_north.setdefault(int(aircraft), (int(time_ns), float(lat)))
    start = np.array([true_north[int(a)] for a in looks.aircraft])
    north = start[:, 1] + 70.0 * (looks.time_ns - start[:, 0].astype(np.int64)) * 1e-9
    row = np.searchsorted(plots.id, looks.plot)
    slant = np.sqrt(north**2 + 100.0**2 + 8000.0**2)
    error = (plots.z[row, 0] - slant) / looks.sigma_range_m
    assert np.mean(error) == pytest.approx(0.0, abs=4 / math.sqrt(len(error)))
    assert stats.chi2.cdf(np.sum(error**2), len(error)) == pytest.approx(0.5, abs=0.4999)
    turned = (plots.z[row, 1] - np.arctan2(100.0, north) + math.pi) % (2 * math.pi) - math.pi
    assert np.std(turned / looks.sigma_azimuth_rad) == pytest.approx(1.0, abs=4 / math.sqrt(2 * len(row)))
    if not by_snr:
        assert np.all(looks.sigma_range_m == 50.0)
        return
    # As 1 / sqrt(SNR), so with the square of range: at the reference range the stated sigma.
    near = np.abs(slant - 400e3) < 4e3
    assert looks.sigma_range_m[near].mean() == pytest.approx(50.0, rel=0.03)
    double = np.abs(slant - 500e3) < 4e3
    assert looks.sigma_range_m[double].mean() == pytest.approx(50.0 * 1.25**2, rel=0.03)
    assert looks.sigma_range_m.min() == 25.0


def test_cells_are_connected_components() -> None:
    rng = np.random.default_rng(3)
    for _ in range(30):
        n = int(rng.integers(0, 60))
        azimuth = np.sort(rng.uniform(6.0, 6.0 + 0.5, n)) % (2 * math.pi)
        range_m = rng.uniform(0.0, 2000.0, n)
        found = cells(range_m, azimuth, 150.0, 0.0244)
        turn = np.abs((azimuth[:, None] - azimuth[None] + math.pi) % (2 * math.pi) - math.pi)
        near = (np.abs(range_m[:, None] - range_m[None]) < 150.0) & (turn < 0.0244)
        count, component = connected_components(coo_matrix(near), directed=False) if n else (0, np.zeros(0, int))
        assert len(np.unique(found)) == count
        assert np.array_equal(found[:, None] == found[None], component[:, None] == component[None])
        assert np.array_equal(np.unique(found), np.arange(count))


def pair(apart_east_m: float, apart_north_m: float, second: str = "airliner") -> tuple[Flight, Flight]:
    """Two aircraft side by side due north of the radar that fly north: apart across the beam and along it."""
    return (
        level(0.0, 200.0),
        level(apart_east_m * 1e-3, 200.0 + apart_north_m * 1e-3, type=second),
    )


def test_targets_in_one_cell_give_one_plot_at_their_weighted_centroid() -> None:
    truth, plots = world(MERGING, 1200.0, flights=pair(2000.0, 100.0), clutter=1e-6)
    looks = truth.illuminations
    seen = looks.take(looks.plot != NO_PLOT)
    assert np.all(seen.outcome == Outcome.MERGED)
    assert np.all(np.bincount(seen.plot) == 2)
    assert plots.n == len(np.unique(seen.plot)) > 250
    # SNR add up: both together are seen as one target of twice the cross section.
    expected = LAW.pd(40.0, math.hypot(260e3, 8e3))
    assert np.mean(looks.detection) == pytest.approx(float(expected), abs=0.01)
    assert np.all(np.diff(plots.time_ns) > 0)
    # Of equal powers: on average midway, spread evenly between them (the share of one is uniform).
    east = plots.z[:, 0] * np.sin((plots.z[:, 1] + math.pi) % (2 * math.pi) - math.pi)
    noise = math.radians(0.07) * 260e3
    assert east.mean() == pytest.approx(1000.0, abs=4 * math.hypot(noise, 577.0) / math.sqrt(len(east)))
    assert np.std(east) == pytest.approx(math.hypot(noise, 577.0), rel=0.15)


def test_the_stronger_target_draws_the_centroid() -> None:
    truth, plots = world(
        MERGING,
        1200.0,
        flights=pair(3000.0, 0.0, "fighter"),
        clutter=1e-6,
    )
    assert np.all(truth.illuminations.outcome != Outcome.DETECTED)
    east = plots.z[:, 0] * np.sin((plots.z[:, 1] + math.pi) % (2 * math.pi) - math.pi)
    # Exponential powers of means 20 : 3; mean share of the weaker 1 - (r / (r - 1) - r ln r / (r - 1)^2), r = 20/3.
    r = 20.0 / 3.0
    share = 1.0 - (r / (r - 1.0) - r * math.log(r) / (r - 1.0) ** 2)
    assert east.mean() == pytest.approx(3000.0 * share, abs=4 * 900.0 / math.sqrt(len(east)))


@pytest.mark.parametrize(("east_m", "north_m"), [(2000.0, 400.0), (9000.0, 0.0)])
def test_targets_in_different_cells_give_a_plot_each(east_m: float, north_m: float) -> None:
    truth, _ = world(MERGING, 200.0, flights=pair(east_m, north_m), clutter=1e-6)
    assert not np.any(truth.illuminations.outcome == Outcome.MERGED)
    assert np.mean(truth.illuminations.plot != NO_PLOT) > 0.9


def test_merging_does_not_depend_on_where_the_seconds_are_cut() -> None:
    """Pairs all around the clock: none is torn by the simulator's step."""
    flights = []
    for bearing in np.arange(3.75, 360.0, 7.5):
        for off in (-0.3, 0.3):
            angle = math.radians(bearing + off)
            place = Place(east_km=100 * math.sin(angle), north_km=100 * math.cos(angle))
            outward = Flight(start=place, height_m=9e3, speed_mps=80.0, track_deg=float(bearing), type="airliner")
            flights.append(outward)
    options = Simulation(flights=tuple(flights), sensors={"R": Sensing(kind="primary", resolution=CELL)})
    truth, plots, _ = simulate([radar(rotation_s=4.0, detection=0.999, clutter=20.0)], FLAT, options, 60.0, seed=1)
    seen = truth.illuminations.take(truth.illuminations.plot != NO_PLOT)
    assert np.all(seen.outcome == Outcome.MERGED)
    assert seen.n == pytest.approx(2 * 48 * 15, abs=40)
    assert np.all(np.diff(plots.time_ns) >= 0)
    assert np.array_equal(plots.id, np.arange(plots.n))
    when = plots.time_ns[np.searchsorted(plots.id, seen.plot)]
    assert np.abs(when - seen.time_ns).max() < 4e9 * 1.4 / 360


def test_some_plots_come_twice() -> None:
    sensing = Sensing(splits=0.2, resolution=CELL)
    truth, plots = world(sensing, 200.0, Traffic(count=200, radius_km=500.0), detection=0.9)
    looks = truth.illuminations
    proper = looks.take(np.isin(looks.outcome, LOOKS_PROPER))
    split = looks.take(looks.outcome == Outcome.SPLIT)
    parents = len(np.unique(proper.plot[proper.plot != NO_PLOT]))
    assert split.n == pytest.approx(0.2 * parents, abs=4 * math.sqrt(0.16 * parents))
    assert len(np.unique(split.plot)) == split.n
    assert not np.any(np.isin(split.plot, proper.plot))
    # Each lies one or two cells off the first plot of the same look.
    looked = zip(proper.aircraft.tolist(), proper.time_ns.tolist(), strict=True)
    first = dict(zip(looked, proper.plot.tolist(), strict=True))
    own = np.array([first[key] for key in zip(split.aircraft.tolist(), split.time_ns.tolist(), strict=True)])
    off = np.abs(plots.z[np.searchsorted(plots.id, split.plot), 0] - plots.z[np.searchsorted(plots.id, own), 0])
    assert off.mean() == pytest.approx(225.0, abs=4 * 90.0 / math.sqrt(split.n))
    assert off.max() < 300.0 + 6 * 50.0 * math.sqrt(2)


def test_targets_at_blind_speeds_fade() -> None:
    blind = BlindSpeeds(speed_mps=80.0, width_mps=4.0)
    assert np.allclose(blind.passes(np.array([0.0, 80.0, -160.0])), 0.0)
    assert np.allclose(blind.passes(np.array([40.0, -40.0])), 1.0)
    assert blind.passes(np.array([84.0]))[0] == pytest.approx(1.0 - math.exp(-0.5))
    # North of the radar: northward at 160 m/s is a blind speed, 200 m/s is not, and neither is seen broadside.
    flights = (
        level(0.0, 340.0, speed_mps=160.0),
        level(0.0, 300.0, speed_mps=200.0),
        level(-10.0, 300.0, speed_mps=100.0, track_deg=90.0),
    )
    truth, _ = world(Sensing(detection=LAW, blind_speeds=blind), 200.0, flights=flights)
    looks = truth.illuminations
    seen = [np.mean(looks.plot[looks.aircraft == a] != NO_PLOT) for a in (1, 2)]
    assert seen[0] < 0.2
    assert seen[1] > 0.9
    broadside = looks.take(looks.aircraft == 3)
    crossing = np.abs((broadside.time_ns - broadside.time_ns[0]) * 1e-9 - 100.0) < 5.0
    assert broadside.detection[crossing].max() < 0.5
    assert broadside.detection.max() > 0.6


def test_truth_has_a_row_for_every_crossing_in_coverage_and_none_below_the_horizon() -> None:
    low = Traffic(count=100, type="propeller", radius_km=300.0, heights_m=(500.0, 600.0), course_change_deg=0.0)
    high = Traffic(count=100, radius_km=300.0, course_change_deg=0.0)
    options = Simulation(traffic=(low, high), sensors={"R": Sensing(detection=LAW)})
    site = radar(position=Site(lat_deg=47.0, lon_deg=9.0, height_m=100.0), max_elevation_deg=30.0)
    truth, _, _ = simulate([site], Frame(), options, 120.0, seed=2)
    looks, states = truth.illuminations, truth.states
    north = (states.lat_deg - 47.0) * 111.2
    east = (states.lon_deg - 9.0) * 111.2 * math.cos(math.radians(48.0))
    far = dict.fromkeys(np.unique(states.aircraft[np.hypot(north, east) > 160.0]).tolist())
    is_low = dict.fromkeys(np.unique(states.aircraft[states.height_wgs84_m < 1000.0]).tolist())
    # 100 m and 550 m: horizons of 43 and 101 km (exponential atmosphere). Of those that stay beyond there is no row.
    near = set(np.unique(states.aircraft[np.hypot(north, east) < 150.0]).tolist())
    hidden = [a for a in far if a in is_low and a not in near]
    assert len(hidden) > 30
    assert not np.any(np.isin(looks.aircraft, hidden))
    # Whoever is high and between the cone of silence and the edge is met once a turn.
    out = np.hypot(north, east)
    away = set(np.unique(states.aircraft[(out < 30.0) | (out > 295.0)]).tolist())
    open_sky = [a for a in np.unique(states.aircraft).tolist() if a not in is_low and a not in away]
    lives = {a: int(np.sum(states.aircraft == a)) for a in open_sky}
    whole = [a for a in open_sky if lives[a] == 120]
    assert len(whole) > 60
    counts = np.array([np.sum(looks.aircraft == a) for a in whole])
    assert np.all(np.abs(counts - 30) <= 1)
