"""Airborne turn data and range rate as evidence: what they say, what they are worth, and that lies do no harm."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from farwatch.picture import Picture
from farwatch.plots import NO_ADDRESS, Plots, make_plots
from farwatch.sensors import Place, Radar, RadarSigma, sensor_model, start_motion
from farwatch.sensors.airborne import airborne_of, correct_by_airborne, velocity_chi2
from farwatch.sensors.measurement import measurement, measurement_table, motion_said, says_motion
from farwatch.sensors.radar import radar_model
from farwatch.sensors.radar_correct import correct_by_rate
from farwatch.simulation.registers import registers
from farwatch.simulation.secondary import MODE_S, Secondary
from farwatch.tracker.lifecycle import start_velocity
from reference import airborne_update, kalman_update
from scenes import START_NS, confirmed, plots_of, radar, straight, track

ADDRESS = 0x4B1234


def test_a_register_is_a_velocity_and_a_turn_rate() -> None:
    rate = math.radians(2.0)
    a = airborne_of(math.nan, rate, 0.5, 200.0)
    assert a.rate == -rate  # a right turn: clockwise from above
    course = 0.5 + rate  # it is a second old
    assert (a.east_mps, a.north_mps) == pytest.approx((200 * math.sin(course), 200 * math.cos(course)))
    banked = airborne_of(math.radians(25.0), math.nan, 0.5, 200.0)
    assert banked.rate == pytest.approx(-9.80665 * math.tan(math.radians(25.0)) / 200.0)
    assert banked.variance_velocity > airborne_of(0.0, 0.0, 0.5, 200.0).variance_velocity


@pytest.mark.parametrize(
    "register",
    [
        (math.nan, math.nan, 0.5, math.nan),
        (0.1, math.nan, 0.5, 10.0),
        (math.nan, 5.0, math.inf, 200.0),
        (1.55, math.nan, math.nan, 200.0),
    ],
)
def test_a_register_that_cannot_be_says_nothing(register: tuple[float, float, float, float]) -> None:
    a = airborne_of(*register)
    assert math.isnan(a.rate)
    assert math.isnan(a.east_mps)


def test_a_turn_is_corrected_by_its_register_as_by_the_joint_update(rng: np.random.Generator) -> None:
    A = rng.normal(0, 1, (7, 7)) * np.array([50, 50, 50, 8, 8, 3, 0.01])[:, None]
    x, P = np.array([5e4, 2e4, 8e3, 150.0, 120.0, 0.0, 0.01]), A @ A.T
    a = airborne_of(math.nan, -0.02, math.atan2(150, 120), 190.0)
    R = np.diag([a.variance_velocity, a.variance_velocity, a.variance_rate])
    expected_x, expected_P = airborne_update(x, P, a.rate, np.array([a.east_mps, a.north_mps]), R)
    correct_by_airborne(a, True, True, x, P, 7, np.empty(7))
    np.testing.assert_allclose(x, expected_x, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(P, expected_P, rtol=1e-9, atol=1e-7)


def test_on_the_round_earth_a_course_is_counted_from_true_north() -> None:
    model = radar_model(Radar(id="R", position=Place(lat_deg=40, lon_deg=-70), rotation_s=4, max_range_km=300), False)
    velocity = 200 * np.array([math.sin(1.0), math.cos(1.0)]) @ np.array([model.east, model.north])
    x = np.array([*model.origin, *velocity])
    P = np.eye(6)
    assert velocity_chi2(airborne_of(0.0, 0.0, 1.0, 200.0), False, x, P) < 0.01
    assert velocity_chi2(airborne_of(0.0, 0.0, 1.5, 200.0), False, x, P) > 9.0


def test_what_lies_far_off_is_not_taken_in() -> None:
    x, P = np.array([5e4, 2e4, 8e3, 150.0, 120.0, 0.0]), np.diag([100.0, 100, 100, 4, 4, 4])
    before = x.copy()
    far = correct_by_airborne(airborne_of(0.0, 0.0, 4.0, 190.0), True, False, x, P, 6, np.empty(7))
    np.testing.assert_array_equal(x, before)
    assert far < correct_by_airborne(
        airborne_of(0.0, 0.0, math.atan2(150, 120), 192.0), True, False, x, P, 6, np.empty(7)
    )


def test_a_first_plot_with_a_range_rate_knows_its_radial_speed() -> None:
    """A register is not believed before the second plot: one that lies would hide its aircraft for ever."""
    sensor = msgspec.structs.replace(radar(), sigma=RadarSigma(range_rate_mps=2.0))
    model, own = sensor_model(sensor, True)
    z = np.array([[60e3, 0.0, 0.0, -150.0]])
    plots = make_plots(2, z=np.repeat(z, 2, axis=0), measured=[11, 3])
    plots.heading_rad[1], plots.speed_mps[1], plots.roll_rad[1] = math.pi / 2, 210.0, 0.0
    table = measurement_table(plots, *model.variances)
    assert not says_motion(table, 0)
    assert says_motion(table, 1)
    assert motion_said(table, 1).east_mps == pytest.approx(210.0)
    for j, velocity, sigma in ((0, [0.0, -150.0], [180.0, 2.0]), (1, [0.0, 0.0], [180.0, 180.0])):
        x, P = np.array([0.0, 60e3, 0.0, 0, 0, 0, 0]), np.diag([50.0**2, 50**2, 1, 0, 0, 0, 0])
        start_velocity(True, 180.0, 10.0, x, P)
        start_motion(model, own, measurement(table, j), x, P, np.empty(7))
        np.testing.assert_allclose(x[3:5], velocity, atol=1.0)
        assert (np.sqrt(np.diag(P)[3:5]) <= np.array(sigma) + 1.0).all()


def test_a_range_rate_is_unfolded_where_the_state_tells_how(rng: np.random.Generator) -> None:
    known = msgspec.structs.replace(radar(), sigma=RadarSigma(range_rate_mps=2.0))
    folding = msgspec.structs.replace(known, range_rate_fold_mps=60.0)
    x = np.array([3e4, 4e4, 0.0, 120.0, 160.0, 0.0])
    P = np.diag([2500.0, 2500, 1, 16, 16, 1])
    rate = 205.0
    H = np.array([[0.0, 0, 0, 0.6, 0.8, 0]])
    expected_x, _, _ = kalman_update(x, P, H, np.array([rate - 200.0]), np.array([[4.0]]))
    for sensor, said in ((known, rate), (folding, rate - 3 * 60.0)):
        got = x.copy()
        correct_by_rate(radar_model(sensor, True), said, got, P.copy(), 6, np.empty(7))
        np.testing.assert_allclose(got[3:], expected_x[3:], atol=0.02)
    vague = P + np.diag([0.0, 0, 0, 1e4, 1e4, 0])
    got = x.copy()
    correct_by_rate(radar_model(folding, True), rate - 180.0, got, vague, 6, np.empty(7))
    np.testing.assert_array_equal(got, x)


def turning(t: float) -> tuple[float, float]:
    """60 s straight at 220 m/s, then 2 degrees a second to the right for 60 s, then straight."""
    rate = math.radians(2.0)
    radius = 220.0 / rate
    angle = rate * min(max(t - 60.0, 0.0), 60.0)
    x = -20e3 + 220.0 * min(t, 60.0) + radius * math.sin(angle)
    y = 60e3 - radius * (1.0 - math.cos(angle))
    over = max(t - 120.0, 0.0) * 220.0
    return x + over * math.cos(angle), y - over * math.sin(angle)


def with_registers(plots: Plots, rng: np.random.Generator, told: bool = True) -> Plots:
    """The plots with what the registers of the aircraft on that course say."""
    t = (plots.time_ns - START_NS) * 1e-9
    rate = np.where((t > 60) & (t < 120), math.radians(2.0), 0.0)
    course = math.pi / 2 + math.radians(2.0) * np.clip(t - 60, 0, 60)
    motion = np.column_stack([course, np.full(plots.n, 220.0), rate])
    if not told:
        return plots
    said = registers(Secondary(registers=1.0), motion, np.full(plots.n, MODE_S), rng)
    return plots._replace(**{name: column.astype(np.float32) for name, column in said.items()})


def off_course(picture: Picture) -> float:
    """RMS error of the ground speed's direction (deg) in the turn."""
    t = (picture.time_ns - START_NS) * 1e-9
    rows = (t > 64) & (t < 120)
    wanted = 90.0 + 2.0 * np.clip(t[rows] - 60, 0, 60)
    error = (picture.track_angle_deg[rows] - wanted + 180.0) % 360.0 - 180.0
    assert rows.sum() > 8
    return float(np.sqrt(np.mean(error**2)))


def test_registers_halve_the_error_in_a_turn() -> None:
    worst = []
    for told in (False, True):
        found = []
        for seed in range(4):
            rng = np.random.default_rng(seed)
            plots = with_registers(plots_of([turning], 180, rng, addresses=[ADDRESS]), rng, told)
            picture = track(plots)
            assert confirmed(picture) == {1}
            found.append(off_course(picture))
        worst.append(np.median(found))
    assert worst[1] < 0.5 * worst[0]


@pytest.mark.parametrize("lie", ["stuck", "opposite", "wild", "infinite"])
def test_a_register_that_lies_breaks_no_track(lie: str) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        plots = with_registers(plots_of([turning], 180, rng, addresses=[ADDRESS]), rng)
        n = plots.n
        if lie == "stuck":
            for column in (plots.heading_rad, plots.track_rate_rps, plots.roll_rad):
                column[8:] = column[8]
        elif lie == "opposite":
            plots.heading_rad[:] = (plots.heading_rad + np.pi) % (2 * np.pi)
        elif lie == "wild":
            plots.heading_rad[:] = rng.uniform(0, 2 * np.pi, n)
            plots.speed_mps[:] = rng.uniform(0, 600, n)
            plots.track_rate_rps[:] = rng.uniform(-0.2, 0.2, n)
        else:
            plots.heading_rad[::2], plots.speed_mps[1::2] = np.inf, 1e30
            plots.track_rate_rps[:] = np.inf
        picture = track(plots)
        assert confirmed(picture) == {1}
        assert np.isfinite(picture.ground_speed_mps).all()
        late = picture.time_ns > START_NS + 150 * 10**9
        error = (picture.track_angle_deg[late] - 210.0 + 180.0) % 360.0 - 180.0
        assert np.abs(error[-3:]).max() < 15.0


def test_plots_without_registers_are_tracked_as_ever(rng: np.random.Generator) -> None:
    plots = plots_of([straight(-20e3, 60e3, 200.0, 0.0)], 60, rng)
    assert (plots.address == NO_ADDRESS).all()
    table = measurement_table(plots, 1.0, 1.0, 1.0)
    assert not any(says_motion(table, j) for j in range(plots.n))
    assert confirmed(track(plots)) == {1}
