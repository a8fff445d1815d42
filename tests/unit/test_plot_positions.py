"""Places of plots on the map."""

from __future__ import annotations

import numpy as np
import pytest

import farwatch as fw
from farwatch.errors import FarwatchError
from farwatch.frame import Frame
from farwatch.plots import Plots, concat_plots, make_plots
from farwatch.scenario import Scenario, load
from farwatch.sensors.plot_positions import PlotPlacer, plot_positions
from farwatch.truth import Truth

EARTH_M = 6_371_008.8


@pytest.fixture(scope="module")
def observed() -> tuple[Scenario, Truth, Plots]:
    scenario = load("quiet")
    truth, batches = fw.simulate(scenario, 30.0, 3)
    return scenario, truth, concat_plots([batch.plots for batch in batches])


def apart_m(lat: np.ndarray, lon: np.ndarray, other_lat: np.ndarray, other_lon: np.ndarray) -> np.ndarray:
    """Distance on the ground (haversine)."""
    a, b, c, d = np.radians(lat), np.radians(lon), np.radians(other_lat), np.radians(other_lon)
    h = np.sin((c - a) / 2) ** 2 + np.cos(a) * np.cos(c) * np.sin((d - b) / 2) ** 2
    return 2 * EARTH_M * np.arcsin(np.sqrt(h))


def test_plots_lie_where_their_aircraft_flew(observed: tuple[Scenario, Truth, Plots]) -> None:
    scenario, truth, plots = observed
    lat, lon = plot_positions(plots, scenario.sensors, scenario.frame)
    seen = truth.illuminations
    checked = 0
    for row in np.flatnonzero(seen.plot >= 0):
        at = np.flatnonzero(plots.id == seen.plot[row])
        if not len(at):
            continue
        states = truth.states
        mine = np.flatnonzero(states.aircraft == seen.aircraft[row])
        mine = mine[np.argsort(states.time_ns[mine])]
        now = float(plots.time_ns[at[0]] - states.time_ns[0])
        times = (states.time_ns[mine] - states.time_ns[0]).astype(float)
        flew_lat = np.interp(now, times, states.lat_deg[mine])
        flew_lon = np.interp(now, times, states.lon_deg[mine])
        sigma_m = np.hypot(100.0, plots.z[at[0], 0] * np.radians(0.08))
        known = not np.isnan(plots.pressure_altitude_m[at[0]])
        far = apart_m(lat[at], lon[at], np.array([flew_lat]), np.array([flew_lon]))[0]
        assert far < 5.0 * sigma_m + (0.0 if known else 3000.0)
        checked += 1
    assert checked > 50


def test_the_track_gives_the_height_that_the_plot_lacks(observed: tuple[Scenario, Truth, Plots]) -> None:
    scenario, _, plots = observed
    placer = PlotPlacer(scenario.sensors, scenario.frame)
    known = np.flatnonzero(~np.isnan(plots.pressure_altitude_m) & (plots.z[:, 0] < 120e3))
    with_own = plots.take(known)
    without = with_own._replace(pressure_altitude_m=np.full(with_own.n, np.nan))
    assert np.allclose(placer(without, with_own.pressure_altitude_m), placer(with_own), atol=1e-9)
    assert not np.allclose(placer(without), placer(with_own), atol=1e-5)
    assert np.isfinite(placer(without)).all()


def test_a_plot_without_range_or_azimuth_has_no_place(observed: tuple[Scenario, Truth, Plots]) -> None:
    scenario, _, _ = observed
    plots = make_plots(2, z=[[50e3, 1.0], [50e3, 1.0]], measured=[1, 3], id=[0, 1])
    lat, lon = plot_positions(plots, scenario.sensors, scenario.frame)
    assert np.isnan(lat[0]) and np.isnan(lon[0]) and np.isfinite(lat[1])


def test_a_plane_has_no_places() -> None:
    with pytest.raises(FarwatchError, match="wgs84"):
        plot_positions(make_plots(0), (), Frame(kind="flat"))
