"""The pressure field: learned from plots that have both heights, used by those that have one, bounded and kept."""

from __future__ import annotations

import math

import numpy as np
import pytest

from farwatch.picture import Status
from farwatch.plots import Flag, make_plots
from farwatch.sensors import Place, Radar, RadarSigma, sensor_model
from farwatch.sensors.measurement import DOUBT, PRESSURE_HEIGHT_SIGMA_M, measurement_table
from farwatch.sensors.pressure import (
    ANYWHERE,
    CELLS,
    NEIGHBOUR,
    REFERENCE_M,
    SLOPE_SIGMA_M,
    add_difference,
    fade,
    make_pressure_field,
    pressure_offset,
    use_pressure_field,
)
from farwatch.sensors.radar import RadarModel, radar_model
from farwatch.tracker import Tracker
from scenes import FLAT, START_NS, batches_of

FLAT_3D = Radar(
    id="R",
    position=Place(lat_deg=0.0, lon_deg=0.0),
    rotation_s=4.0,
    max_range_km=200.0,
    sigma=RadarSigma(range_m=50.0, azimuth_deg=0.08, elevation_deg=0.3),
)


def field_of(radar: Radar = FLAT_3D) -> tuple[RadarModel, object]:
    own = radar_model(radar, True)
    return own, make_pressure_field(own)


def weather(height_m: np.ndarray) -> np.ndarray:
    """Pressure altitude: 60 m too much at the ground, 250 m more at 11 km."""
    return np.asarray(height_m + 60.0 + 250.0 * height_m / REFERENCE_M)


def seen(n: int, rng: np.random.Generator, sensor: Radar = FLAT_3D, measured: int = 7):  # type: ignore[no-untyped-def]
    """Plots of aircraft anywhere within 100 km, with their true heights."""
    height, azimuth, ground = rng.uniform(1e3, 11e3, n), rng.uniform(0, 2 * np.pi, n), rng.uniform(30e3, 100e3, n)
    z = np.column_stack(
        [
            np.hypot(ground, height) + rng.normal(0, 50, n),
            azimuth,
            np.arctan2(height, ground) + rng.normal(0, math.radians(0.3), n),
        ]
    )
    time_ns = START_NS + np.sort(rng.integers(0, 60 * 10**9, n))
    return make_plots(n, z=z, measured=measured, time_ns=time_ns, pressure_altitude_m=weather(height)), height


def test_what_is_known_of_the_field_is_the_least_squares_fit(rng: np.random.Generator) -> None:
    _, field = field_of()
    rows = [(7, 8, 1.0), (8, 8, NEIGHBOUR), (7, 12, ANYWHERE)]
    data = [(r, c, w, rng.uniform(0, 12e3), rng.normal(150, 80), rng.uniform(1e3, 1e5)) for r, c, w in rows * 40]
    for r, c, _, height, difference, variance in data:
        add_difference(field, r, c, height, difference, variance)
    A = np.array([[1.0, d[3] / REFERENCE_M] for d in data])
    weight = np.array([d[2] / d[5] for d in data])
    information = A.T * weight @ A + np.diag([PRESSURE_HEIGHT_SIGMA_M**-2, SLOPE_SIGMA_M**-2])
    expected = np.linalg.solve(information, A.T * weight @ np.array([d[4] for d in data]))
    for height in (0.0, 5e3, 11e3):
        offset, variance = pressure_offset(field, 7, 8, height)
        h = np.array([1.0, height / REFERENCE_M])
        assert offset == pytest.approx(h @ expected)
        assert variance == pytest.approx(min(h @ np.linalg.inv(information) @ h + 400.0, 1e4))


def test_plots_with_both_heights_teach_it_and_others_use_it(rng: np.random.Generator) -> None:
    own, field = field_of()
    model, _ = sensor_model(FLAT_3D, True)
    taught, _ = seen(3000, rng)
    use_pressure_field(field, own, taught, measurement_table(taught, *model.variances))
    others, height = seen(200, rng, measured=3)
    table = measurement_table(others, *model.variances)
    before = table[:, 5] - height
    use_pressure_field(field, own, others, table)
    after = table[:, 5] - height
    assert np.abs(before).mean() > 150.0
    assert np.abs(after).mean() < 30.0
    assert (np.sqrt(table[:, DOUBT]) < 60.0).all()


def test_where_nothing_was_learned_nothing_is_changed(rng: np.random.Generator) -> None:
    own, field = field_of()
    model, _ = sensor_model(FLAT_3D, True)
    plots, _ = seen(50, rng, measured=3)
    table = measurement_table(plots, *model.variances)
    before = table.copy()
    use_pressure_field(field, own, plots, table)
    np.testing.assert_array_equal(table, before)
    assert (table[:, DOUBT] == PRESSURE_HEIGHT_SIGMA_M**2).all()


def test_what_was_learned_fades_and_faults_teach_nothing(rng: np.random.Generator) -> None:
    own, field = field_of()
    model, _ = sensor_model(FLAT_3D, True)
    plots, _ = seen(100, rng)
    plots.pressure_altitude_m[:] += 5000.0
    use_pressure_field(field, own, plots, measurement_table(plots, *model.variances))
    assert field.total[0] == 0.0
    add_difference(field, 0, CELLS - 1, 1e4, 100.0, 1.0)
    fade(field, START_NS)
    fade(field, START_NS + 3600 * 10**9)
    assert field.total[0] == pytest.approx(math.exp(-1))
    assert field.cells[0, CELLS - 1, 0] == pytest.approx(math.exp(-1))


@pytest.mark.parametrize("weather_m", [0.0, 310.0])
def test_a_track_is_as_high_as_its_aircraft_whatever_the_weather(weather_m: float) -> None:
    """Ten minutes of 12 aircraft; before, the pressure altitude was the height, 60 to 310 m wrong."""
    rng = np.random.default_rng(3)
    rows = []
    for aircraft in range(12):
        height, bearing, away = rng.uniform(2e3, 11e3), rng.uniform(0, 2 * np.pi), rng.uniform(40e3, 90e3)
        course = rng.uniform(0, 2 * np.pi)
        for scan in range(60):
            t = 4.0 * (scan + bearing / (2 * np.pi))
            x = away * np.sin(bearing) + 40.0 * t * np.sin(course)
            y = away * np.cos(bearing) + 40.0 * t * np.cos(course)
            t = 4.0 * (scan + (np.arctan2(x, y) % (2 * np.pi)) / (2 * np.pi))
            rows.append((t, x, y, height, aircraft))
    t, x, y, height, who = np.array(sorted(rows)).T
    ground = np.hypot(x, y)
    n = len(t)
    z = np.column_stack(
        [
            np.hypot(ground, height) + rng.normal(0, 50, n),
            (np.arctan2(x, y) + rng.normal(0, math.radians(0.08), n)) % (2 * np.pi),
            np.arctan2(height, ground) + rng.normal(0, math.radians(0.3), n),
        ]
    )
    pressure = weather(height) if weather_m else height
    plots = make_plots(
        n,
        id=np.arange(n),
        time_ns=START_NS + np.round(t * 1e9).astype(np.int64),
        kind=4,
        z=z,
        measured=7,
        pressure_altitude_m=pressure,
        address=1000 + who.astype(int),
    )
    tracker = Tracker([FLAT_3D], frame=FLAT)
    for batch in batches_of(plots, FLAT_3D):
        tracker.update(batch)
    picture = tracker.picture(int(plots.time_ns[-1]))
    picture = picture.take(np.flatnonzero(picture.status == Status.CONFIRMED))
    assert picture.n == 12
    true = {1000 + aircraft: height[who == aircraft][0] for aircraft in range(12)}
    error = np.array([h - true[a] for h, a in zip(picture.height_wgs84_m, picture.address.tolist(), strict=True)])
    assert np.sqrt(np.mean(error**2)) < 60.0
    restored = Tracker([FLAT_3D], frame=FLAT)
    restored.restore(tracker.snapshot())
    assert restored.snapshot() == tracker.snapshot()


def test_garbled_heights_teach_nothing() -> None:
    sensor = FLAT_3D
    plots, _ = seen(200, np.random.default_rng(1))
    plots.flags[:] = int(Flag.MODE_C_GARBLED)
    tracker = Tracker([sensor], frame=FLAT)
    for batch in batches_of(plots, sensor):
        tracker.update(batch)
    assert tracker._pressure.total[0] == 0.0
