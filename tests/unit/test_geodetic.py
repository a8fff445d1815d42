"""Sensors of reported positions in the tracker: what they measure, where their gates are, and one track an aircraft."""

from __future__ import annotations

import math

import numpy as np
import pytest

from farwatch.cooperative.conditioner import Conditioner
from farwatch.errors import ConfigError
from farwatch.frame import Frame
from farwatch.geodesy import enu_axes, geodetic_to_ecef, to_ecef
from farwatch.picture import Status, concat_pictures
from farwatch.plots import Kind, concat_plots, make_plots, make_progress
from farwatch.scenario import parse
from farwatch.sensors import (
    AdsB,
    Mlat,
    Place,
    Radar,
    SurfaceRadar,
    correct,
    coverage,
    gate_coordinates,
    place,
    sensor_model,
    window,
)
from farwatch.sensors.geodetic import SILENT_SHARE, WEATHER_SIGMA_M
from farwatch.sensors.measurement import measurement, measurement_table
from farwatch.sensors.plot_positions import PlotPlacer
from farwatch.service.frames import hello_sensor, scenario_told
from farwatch.sources import Merge, merged
from farwatch.sources.replay import shortest_slice_s
from farwatch.tracker import Tracker
from farwatch.tracks import STATE
from reference import kalman_update
from reported import PLACE, SECOND, START_NS, path

SENSOR = AdsB(id="A", position=PLACE, max_range_km=400)
LAT, LON, HEIGHT = math.radians(48.0), math.radians(9.5), 9000.0


def scene(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A state near the measurement and its covariance."""
    x = np.zeros(STATE)
    x[:3] = np.array(to_ecef(LAT, LON, HEIGHT)) + rng.normal(0, 60, 3)
    x[3:6] = rng.normal(0, 100, 3)
    A = np.diag([300, 300, 300, 8, 8, 8, 0.1]) @ rng.normal(0, 1, (7, 7))
    return x, A @ A.T


@pytest.mark.parametrize("by", ["nothing", "satellite"])
def test_a_correction_is_the_joint_one(by: str, rng: np.random.Generator) -> None:
    model, radar = sensor_model(SurfaceRadar(id="S", position=PLACE), False)  # nothing is common to its reports
    x, P = scene(rng)
    plots = make_plots(1, z=[[LAT, LON, HEIGHT]], measured=7 if by == "satellite" else 3)
    plots.covariance[0] = [900.0, 300.0, 0.0, 1600.0, 0.0, 2500.0]
    axes = enu_axes(LAT, LON)[[1, 0, 2]]  # north, east, up
    n = 3 if by == "satellite" else 2
    H = np.zeros((n, 7))
    H[:, :3] = axes[:n]
    R = np.array([[900.0, 300.0, 0.0], [300.0, 1600.0, 0.0], [0.0, 0.0, 2500.0]])[:n, :n]
    residual = axes[:n] @ (np.array(to_ecef(LAT, LON, HEIGHT)) - x[:3])
    expected = kalman_update(x, P, H, residual, R)
    got_x, got_P = x.copy(), P.copy()
    m = measurement(measurement_table(plots, *model.variances), 0)
    log_likelihood, chi2, count = correct(model, radar, m, got_x, got_P, 7, np.empty(7))
    assert count == n
    np.testing.assert_allclose(got_x, expected[0], rtol=1e-9, atol=1e-2)
    np.testing.assert_allclose(got_P, expected[1], rtol=1e-6, atol=1e-4)
    S = H @ P @ H.T + R
    assert log_likelihood == pytest.approx(expected[2], rel=1e-6)
    assert chi2 == pytest.approx(residual @ np.linalg.solve(S, residual), rel=1e-4)


def test_pressure_never_makes_a_height_surer_than_the_weather(rng: np.random.Generator) -> None:
    model, radar = sensor_model(SENSOR, False)
    x, P = scene(rng)
    plots = make_plots(1, z=[[LAT, LON]], measured=3, pressure_altitude_m=HEIGHT)
    m = measurement(measurement_table(plots, *model.variances), 0)
    up = enu_axes(LAT, LON)[2]
    for _ in range(50):
        correct(model, radar, m, x, P, 7, np.empty(7))
    assert up @ P[:3, :3] @ up == pytest.approx(WEATHER_SIGMA_M**2, rel=0.05)
    assert np.linalg.eigvalsh(P).min() > 0.0
    assert np.linalg.norm(x[:3] - to_ecef(LAT, LON, HEIGHT)) < 30.0


def test_what_reports_have_in_common_is_not_averaged_away(rng: np.random.Generator) -> None:
    axes = enu_axes(LAT, LON)[[1, 0]]
    plots = make_plots(1, z=[[LAT, LON]], measured=3, pressure_altitude_m=HEIGHT)
    plots.covariance[0] = [900.0, 0.0, 0.0, 1600.0, 0.0, 2500.0]
    least = []
    for sensor in (SENSOR, Mlat(id="M", position=PLACE), SurfaceRadar(id="S", position=PLACE)):
        model, radar = sensor_model(sensor, False)
        x, P = scene(rng)
        m = measurement(measurement_table(plots, *model.variances), 0)
        for _ in range(200):
            correct(model, radar, m, x, P, 7, np.empty(7))
        least.append(np.diag(axes @ P[:3, :3] @ axes.T).tolist())
        assert np.linalg.eigvalsh(P).min() > -1e-6
    assert least[0] == pytest.approx([900.0, 1600.0], rel=0.02)
    assert least[1] == pytest.approx([225.0, 400.0], rel=0.05)
    assert max(least[2]) < 20.0


def test_a_first_report_gives_a_place() -> None:
    model, radar = sensor_model(SENSOR, False)
    plots = make_plots(2, z=[[LAT, LON, HEIGHT], [LAT, LON, np.nan]], measured=[7, 3])
    plots.covariance[0] = [400.0, 50.0, 0.0, 100.0, 0.0, 225.0]
    table = measurement_table(plots, *model.variances)
    x, P = np.zeros(STATE), np.zeros((STATE, STATE))
    assert place(model, radar, measurement(table, 0), 0.0, 2.0, x, P)
    np.testing.assert_allclose(x[:3], to_ecef(LAT, LON, HEIGHT), atol=1e-3)
    axes = enu_axes(LAT, LON)[[1, 0, 2]]
    np.testing.assert_allclose(
        axes @ P[:3, :3] @ axes.T, [[400.0, 50.0, 0.0], [50.0, 100.0, 0.0], [0.0, 0.0, 225.0]], atol=1e-6
    )
    assert place(model, radar, measurement(table, 1), 6000.0, 4000.0, x, P)
    np.testing.assert_allclose(x[:3], to_ecef(LAT, LON, 6000.0), atol=1e-3)


def test_windows_lie_where_plots_are_whatever_the_height(rng: np.random.Generator) -> None:
    model, radar = sensor_model(AdsB(id="A", position=PLACE, max_range_km=800), False)
    for _ in range(200):
        lat, lon = math.radians(47 + rng.uniform(-5, 5)), math.radians(8 + rng.uniform(-7, 7))
        x, y, z = to_ecef(lat, lon, rng.uniform(0, 13_000))
        around = window(model, radar, x, y, z, (100.0, 0.0, 0.0, 100.0, 0.0, 100.0), 4.0)
        u, v, _ = gate_coordinates(model, np.array([[lat, lon]]), 0)
        assert math.hypot(around.u - u, around.v - v) < 60.0  # of half a window of 4 km
        assert around.half_u > 3900.0


def test_silence_says_nothing_of_an_aircraft() -> None:
    model, radar = sensor_model(SENSOR, False)
    x, y, z = to_ecef(LAT, LON, HEIGHT)
    around = window(model, radar, x, y, z, (1.0, 0.0, 0.0, 1.0, 0.0, 1.0), 4.0)
    assert coverage(model, radar, around) == (SILENT_SHARE, False)


@pytest.mark.parametrize("kind", ["adsb", "mlat", "smr"])
def test_sites_name_them(kind: str) -> None:
    sensor = {"kind": kind, "id": "X", "position": {"lat_deg": 47.0, "lon_deg": 8.0}, "sac_sic": "1/2"}
    assert parse({"sensors": [sensor]}).sensors[0].id == "X"
    with pytest.raises(ConfigError, match=rf"kind `{kind}`.*wgs84"):
        parse({"sensors": [sensor], "frame": {"kind": "flat"}})
    with pytest.raises(ConfigError, match=r"sac_sic = '1/2' of .*each must differ"):
        parse({"sensors": [sensor, sensor | {"id": "Y"}]})
    with pytest.raises(ConfigError, match="wgs84"):
        Tracker([parse({"sensors": [sensor]}).sensors[0]], frame=Frame(kind="flat"))


def test_one_station_may_send_adsb_and_multilateration() -> None:
    place = {"lat_deg": 47.0, "lon_deg": 8.0}
    kinds = [{"kind": kind, "id": kind, "position": place, "sac_sic": "1/2"} for kind in ("adsb", "mlat")]
    assert len(parse({"sensors": kinds}).sensors) == 2


def test_reports_are_placed_on_the_map() -> None:
    plots = path([0.0, 1.0])
    placed = PlotPlacer([SENSOR], Frame())(plots)
    np.testing.assert_allclose(placed, np.degrees(plots.z[:, :2]).T)


def test_the_map_is_told_of_them_in_the_order_of_the_site() -> None:
    place = {"lat_deg": 47.0, "lon_deg": 8.0}
    radar = {"kind": "radar", "id": "R", "position": place, "rotation_s": 4.0, "max_range_km": 100}
    site = parse({"sensors": [{"kind": "adsb", "id": "A", "position": place, "max_range_km": 300}, radar]})
    told = [hello_sensor(sensor) for sensor in site.sensors]
    assert [(one["kind"], one["rotation_s"]) for one in told] == [("adsb", 0.0), ("radar", 4.0)]
    alone = scenario_told(parse({"sensors": [{"kind": "mlat", "id": "M", "position": place}]}))
    assert alone["centre"] == place
    assert alone["radius_m"] == 500_000.0


def tracked(sensors: list, plots: object, until_s: float) -> tuple[Tracker, set[tuple[int, int]]]:
    """A tracker that has seen plots up to a time, and the tracks with their addresses that it has shown."""
    tracker, seen = Tracker(sensors), set()
    for batch in merged([(plots, make_progress(0))], Merge(shortest_slice_s(sensors), sensors=len(sensors)), 0.0):
        if batch.until_ns > START_NS + round((until_s + 0.1) * SECOND):
            break
        picture = tracker.update(batch)
        seen |= set(zip(picture.track.tolist(), picture.address.tolist()))
    return tracker, seen


def test_two_techniques_and_a_radar_make_one_track_an_aircraft(rng: np.random.Generator) -> None:
    """ADS-B, multilateration and a radar see five aircraft; a sixth has a transponder that only the radar hears."""
    radar = Radar(id="R", position=Place(lat_deg=46.8, lon_deg=7.6), rotation_s=5.0, max_range_km=200, clutter=1.0)
    sensors = [ADSB_HERE, Mlat(id="M", position=PLACE, sigma_m=40.0), radar]
    model = PolarSight(radar)
    parts = []
    for k in range(6):
        lat, lon = 47.0 + 0.15 * k, 8.0 + 0.1 * (k % 3)
        t = np.arange(0.2 + 0.1 * k, 60.0, 0.5)
        if k < 5:
            one = path(t, 0x400000 + k, lat_deg=lat, lon_deg=lon, first_id=1000 * k)
            one.z[:, :2] += rng.normal(0, 8.0, (len(t), 2)) / 6.371e6
            parts.append(one)
            other = path(t[::2] + 0.13, 0x400000 + k, lat_deg=lat, lon_deg=lon, first_id=1000 * k + 300)
            other.z[:, :2] += rng.normal(0, 40.0, (other.n, 2)) / 6.371e6
            parts.append(
                other._replace(kind=np.full(other.n, int(Kind.MLAT), np.uint8), sensor=np.full(other.n, 1, np.int32))
            )
        parts.append(model.plots(lat, lon, 0x400000 + k, 1000 * k + 600, rng))
    plots = Conditioner(sensors)(concat_plots(parts))
    tracker, seen = tracked(sensors, plots, 60.0)
    picture = tracker.picture(START_NS + 60 * SECOND)
    assert sorted(picture.address.tolist()) == [0x400000 + k for k in range(6)]
    assert len({track for track, _ in seen}) == 6
    with_adsb = picture.address != 0x400005
    assert (picture.sigma_horizontal_m[with_adsb] < 30.0).all()
    truth = 47.0 + 0.15 * (picture.address - 0x400000) + 200.0 * 60.0 / 111_195.0
    assert (np.abs(picture.lat_deg - truth) * 111_195 < np.where(with_adsb, 60.0, 500.0)).all()
    assert (picture.existence > 0.9).all()


def test_an_aircraft_that_only_a_radar_sees_is_not_missed_by_those_that_hear(rng: np.random.Generator) -> None:
    radar = Radar(id="R", position=Place(lat_deg=46.8, lon_deg=7.6), rotation_s=5.0, max_range_km=200, clutter=1.0)
    sensors = [ADSB_HERE, Mlat(id="M", position=PLACE), radar]
    others = path(np.arange(0.2, 60.0, 0.5), 0x400001, lat_deg=48.0, first_id=1000)
    plots = Conditioner(sensors)(concat_plots([others, PolarSight(radar).plots(47.3, 8.0, 0x400005, 0, rng)]))
    tracker = Tracker(sensors)
    batches = merged([(plots, make_progress(0))], Merge(shortest_slice_s(sensors), sensors=len(sensors)), 0.0)
    picture = concat_pictures([tracker.update(batch) for batch in batches])
    picture = picture.take(picture.address == 0x400005)
    assert picture.n >= 8
    assert (picture.status == Status.CONFIRMED).all()
    assert (picture.plot >= 0).all()


ADSB_HERE = AdsB(id="ADSB", position=PLACE, max_range_km=400)


class PolarSight:
    """Plots of a radar of 5 s that stands where its site says, of an aircraft that flies north at 200 m/s."""

    def __init__(self, radar: Radar) -> None:
        self._radar = radar

    def plots(self, lat_deg: float, lon_deg: float, address: int, first_id: int, rng: np.random.Generator):  # type: ignore[no-untyped-def]
        from farwatch.geodesy import ecef_to_polar

        site = self._radar.position
        rows = []
        for turn in range(12):
            t = 5.0 * turn
            for _ in range(3):  # when the beam is there
                where = geodetic_to_ecef(math.radians(lat_deg + 200.0 * t / 111_195.0), math.radians(lon_deg), 10_000.0)
                polar = ecef_to_polar(math.radians(site.lat_deg), math.radians(site.lon_deg), 0.0, where)[0]
                t = 5.0 * turn + 5.0 * polar[1] / (2.0 * math.pi)
            rows.append((t, polar[0] + rng.normal(0, 50.0), polar[1] + rng.normal(0, math.radians(0.08))))
        t, r, a = np.array(rows).T
        return make_plots(
            len(t), id=np.arange(len(t)) + first_id, time_ns=START_NS + (t * SECOND).astype(np.int64), sensor=2,
            kind=int(Kind.MODE_S), z=np.column_stack([r, a]), measured=3, address=address, pressure_altitude_m=10_000.0,
        )  # fmt: skip
