"""Registration: its kernels beside plain references, and the errors that it finds beside those that are true."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from farwatch.errors import ConfigError
from farwatch.frame import Frame
from farwatch.geodesy import enu_axes, geodetic_to_ecef
from farwatch.kernels import kernel
from farwatch.plots import concat_plots
from farwatch.registration import RegisteredTracker, RegistrationOptions
from farwatch.registration.eliminate import eliminate, gathered, leverages, make_parts, misfits
from farwatch.registration.rows import COURSE, Rows, height_rows, place_rows, radar_places, radar_rows, room
from farwatch.registration.stations import ADSB, ERRORS, FIELD, layout_of, stations_of
from farwatch.registration.window import UNKNOWN, grouped, keys, sightings
from farwatch.sensors import Place, Radar, RadarSigma
from farwatch.sensors.radar import polar, radar_model
from farwatch.simulation.weather import pressure_altitude_m
from reference import jacobian
from reference_registration import information_about_errors, information_times_errors, marginal_misfit
from registration_scenes import batches, heard, network, true_errors
from scenes import radar as flat_radar

RADAR = Radar(
    id="R",
    position=Place(lat_deg=47.0, lon_deg=9.0, height_m=800.0),
    rotation_s=5.0,
    max_range_km=300.0,
    sigma=RadarSigma(range_m=50.0, azimuth_deg=0.08),
)
SCALE = np.array([100.0, 1e-3, 0.01, 0.2])


def course_of(rng: np.random.Generator) -> np.ndarray:
    """A course somewhere about the radar, with all that lasts."""
    at = geodetic_to_ecef(math.radians(47.0 + rng.uniform(-1, 1)), math.radians(9.0 + rng.uniform(0.3, 1.5)), 9000.0)[0]
    course = np.zeros(COURSE)
    course[:3], course[3:6], course[6:9] = at, rng.normal(0, 150, 3), rng.normal(0, 0.3, 3)
    course[9:12], course[12:] = rng.normal(0, 20, 3), (0.05, 12.0, -8.0)
    return course


@kernel
def radar_expects(radar, course, seconds, errors, out):  # type: ignore[no-untyped-def]
    """Range and azimuth of a squawking aircraft as a radar with errors measures them."""
    u = seconds - errors[3]
    x = course[:3] + course[3:6] * u + 0.5 * course[6:9] * u * u
    r, azimuth, _ = polar(radar, x[0], x[1], x[2])
    out[0] = (1.0 + errors[1]) * r + errors[0] + course[14]
    out[1] = azimuth + errors[2]


def test_radar_rows_are_the_derivatives_of_what_a_radar_measures() -> None:
    rng = np.random.default_rng(1)
    # In a straight line: of bent rays the derivatives are taken as if they were straight.
    model = radar_model(msgspec.structs.replace(RADAR, refraction="none"), False)
    one = np.zeros(1, np.int64)
    for _ in range(20):
        course, errors, seconds = course_of(rng), rng.normal(0, 1, 4) * SCALE, rng.uniform(-15, 15)

        def expected(x: np.ndarray, seconds: float = seconds) -> np.ndarray:
            out = np.empty(2)
            radar_expects(model, x[:COURSE].copy(), seconds, x[COURSE:].copy(), out)
            return out

        step = np.array([1.0] * 3 + [0.1] * 3 + [0.01] * 3 + [1.0] * 6 + [1.0, 1e-5, 1e-5, 1e-3])
        wanted = jacobian(expected, np.concatenate([course, errors]), step)
        z = np.full((1, 3), np.nan)
        z[0, :2] = expected(np.concatenate([course, errors])) + np.array([30.0, 1e-3])
        rows = room(4)
        given = (model, one, one, np.array([seconds]), z, np.ones(1, bool), course[None], errors, SCALE, rows, 1)
        assert radar_rows(*given) == 3
        np.testing.assert_allclose(rows.residual[1:3], (30.0, 1e-3), rtol=1e-6)
        for row, size in ((0, 1.0), (1, 1e-5)):
            np.testing.assert_allclose(rows.by_course[1 + row], wanted[row, :COURSE], rtol=1e-4, atol=1e-4 * size)
            np.testing.assert_allclose(rows.by_errors[1 + row, :4], wanted[row, COURSE:] * SCALE, rtol=1e-4, atol=1e-4)


def test_place_rows_are_the_derivatives_of_a_late_broadcast() -> None:
    rng = np.random.default_rng(2)
    one = np.zeros(1, np.int64)
    errors, seconds = np.array([0.0, 0.0, 0.0, 0.1]), 7.0
    lat, lon = math.radians(47.2), math.radians(9.6)
    axes, point = enu_axes(lat, lon), geodetic_to_ecef(lat, lon, 9000.0)[0]

    def residual(x: np.ndarray) -> np.ndarray:
        u = seconds - x[COURSE + 3] - x[12]
        at = x[:3] + x[3:6] * u + 0.5 * x[6:9] * u * u
        return axes @ (point - at - x[9:12])

    for three in (True, False):
        course = course_of(rng)
        course[:3] = point
        z = np.array([[lat, lon, 9000.0 if three else np.nan]])
        step = np.concatenate([np.full(9, 0.1), np.ones(3), [1e-4], np.ones(2), np.full(4, 1e-4)])
        wanted = -jacobian(residual, np.concatenate([course, errors]), step)
        rows = room(3)
        given = (one, one, np.array([seconds]), z, np.array([three]), np.array([25.0]), course[None], errors, SCALE)
        n = place_rows(ADSB, *given, rows, 0)
        assert n == (3 if three else 2)
        np.testing.assert_allclose(rows.by_course[:n], wanted[:n, :COURSE], rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(rows.by_errors[:n, 3], wanted[:n, COURSE + 3] * SCALE[3], rtol=1e-4, atol=1e-3)


def test_height_rows_hold_the_field_and_the_altimeter() -> None:
    course = course_of(np.random.default_rng(3))
    course[:3] = geodetic_to_ecef(math.radians(47.5), math.radians(9.5), 5500.0)[0]
    course[3:9] = 0.0
    one, terms = np.zeros(1, np.int64), np.array([[1.0, 0.5, -0.2, 0.25, -0.1, 0.04]])
    field, scale = np.array([100.0, 20.0, -10.0, 0.0, 4.0, 0.0]), np.full(FIELD, 150.0)
    rows = room(1)
    height_rows(one, one, np.zeros(1), np.array([5700.0]), course[None], terms, field, scale, rows, 0)
    # Half of 11 km: half of what the field is there.
    assert rows.residual[0] == pytest.approx(5700.0 - 5500.0 - 0.5 * float(terms[0] @ field) - course[13], abs=0.01)
    np.testing.assert_allclose(rows.by_errors[0, ERRORS:], 0.5 * terms[0] * scale, rtol=1e-6)


def random_window(rng: np.random.Generator) -> tuple[Rows, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows of two aircraft, three sensors, with courses and priors: (rows, sensor of a sighting, begin, courses, P)."""
    n = 30
    rows = room(n)
    rows.sighting[:] = np.arange(n)
    rows.residual[:] = rng.normal(0, 2, n)
    rows.variance[:] = rng.uniform(0.5, 2.0, n)
    rows.by_course[:] = rng.normal(0, 1, (n, COURSE))
    rows.by_errors[:] = rng.normal(0, 1, (n, ERRORS + FIELD))
    courses = np.concatenate([np.zeros((2, 6)), rng.normal(0, 1, (2, COURSE - 6))], axis=1)
    return rows, rng.integers(0, 3, n), np.array([0, 17, 30]), courses, rng.uniform(0.5, 4.0, (2, COURSE))


def dense(rows: Rows, sensor: np.ndarray, part: slice) -> np.ndarray:
    """Derivatives by all errors: four of each of three sensors, then the field."""
    out = np.zeros((part.stop - part.start, 3 * ERRORS + FIELD))
    for k, s in enumerate(sensor[part]):
        out[k, ERRORS * s : ERRORS * (s + 1)] = rows.by_errors[part.start + k, :ERRORS]
        out[k, 3 * ERRORS :] = rows.by_errors[part.start + k, ERRORS:]
    return out


def test_elimination_is_the_schur_complement() -> None:
    rng = np.random.default_rng(4)
    rows, sensor, begin, courses, priors = random_window(rng)
    parts = make_parts(2, 3)
    order, none = np.arange(30), np.ones(3)
    eliminate(rows, order, begin, sensor, none, courses, priors, parts)
    weights = np.array([1.0, 0.4])
    information, vector = gathered(parts, weights, 3 * ERRORS + FIELD)
    wanted, wanted_vector = np.zeros_like(information), np.zeros_like(vector)
    change = rng.normal(0, 0.3, len(vector))
    found, moved = misfits(parts, change)
    left = leverages(rows, order, begin, sensor, none, courses, priors, parts)
    for g in range(2):
        part = slice(begin[g], begin[g + 1])
        Hx, Hb, R = rows.by_course[part], dense(rows, sensor, part), rows.variance[part]
        mean = np.concatenate([np.zeros(6), -courses[g, 6:]])
        wanted += weights[g] * information_about_errors(Hx, Hb, R, priors[g])
        wanted_vector += weights[g] * information_times_errors(rows.residual[part], Hx, Hb, R, priors[g], mean)
        given = rows.residual[part] - Hb @ change
        assert found[g] == pytest.approx(marginal_misfit(given, Hx, R, priors[g], mean), rel=1e-9)
        J = Hx.T @ (Hx / R[:, None]) + np.diag(1.0 / priors[g])
        best = np.linalg.solve(J, Hx.T @ (given / R) + mean / priors[g])
        np.testing.assert_allclose(moved[g], best, atol=1e-9)
        np.testing.assert_allclose(left[part], np.diag(Hx @ np.linalg.solve(J, Hx.T)) / R, atol=1e-9)
    np.testing.assert_allclose(information, wanted, atol=1e-6)
    np.testing.assert_allclose(vector, wanted_vector, atol=1e-8)


def test_a_sensor_that_is_not_believed_moves_nobody() -> None:
    rng = np.random.default_rng(5)
    rows, sensor, begin, courses, priors = random_window(rng)
    order, believed = np.arange(30), np.array([1.0, 1e12, 1.0])
    without, parts = make_parts(2, 3), make_parts(2, 3)
    eliminate(rows, order, begin, sensor, believed, courses, priors, parts)
    rows.residual[sensor == 1] += 1e4
    eliminate(rows, order, begin, sensor, believed, courses, priors, without)
    np.testing.assert_allclose(without.change, parts.change, atol=1e-5)
    assert parts.rows.sum() == np.sum(sensor != 1)


def test_places_are_the_inverse_of_what_a_radar_measures() -> None:
    model, errors = radar_model(RADAR, False), np.array([120.0, 2e-4, 0.003, 0.0])
    at = geodetic_to_ecef(np.radians([47.5, 46.2]), np.radians([10.0, 8.1]), np.array([9000.0, 4000.0]))
    z = np.full((2, 3), np.nan)
    for k in range(2):
        out = np.empty(2)
        radar_expects(model, np.concatenate([at[k], np.zeros(12)]), 0.0, errors, out)
        z[k, :2] = out
    places, variance = np.full((2, 3), np.nan), np.full(2, np.nan)
    radar_places(model, np.arange(2), z, np.array([9000.0, 4000.0]), errors, places, variance)
    np.testing.assert_allclose(places, at, atol=1.0)
    assert np.all(np.isfinite(variance))


def test_errors_are_found_within_their_uncertainty() -> None:
    """Over seeds: the squared errors, weighed by the covariance that is published, are as large as they should be."""
    nees, size = [], 0
    for seed in (1, 2, 3):
        scenario = network()
        registrar = heard(scenario, batches(scenario, 105.0, seed))
        off = registrar.estimate.errors[:6] - true_errors(scenario)
        z = off / registrar.estimate.sigma[:6]
        assert np.abs(z).max() < 4.0
        nees += [float(o @ np.linalg.solve(C, o)) for o, C in zip(off, registrar.estimate.covariance[:6], strict=True)]
        size += 4 * len(off)
        assert np.all(registrar.estimate.sigma[:6] < (15.0, 1e-4, math.radians(0.01), 0.03))
    assert 0.3 < sum(nees) / size < 1.7


def test_radars_alone_leave_a_common_time_open() -> None:
    scenario = network(250, 4, positions=False)
    registrar = heard(scenario, batches(scenario, 135.0, 1))
    off = (registrar.estimate.errors - true_errors(scenario))[:, :3]
    assert np.abs(off / registrar.estimate.sigma[:, :3]).max() < 4.0
    assert registrar.estimate.errors[0, 3] == 0.0
    late = registrar.estimate.errors[1:, 3] - true_errors(scenario)[1:, 3]
    assert np.all(np.abs(late) < 4.0 * registrar.estimate.sigma[1:, 3])


def test_the_pressure_field_is_found() -> None:
    scenario = network()
    registrar = heard(scenario, batches(scenario, 105.0, 1))
    lat, lon = registrar.estimator.layout.centre
    weather = scenario.simulation.weather
    true = float(pressure_altitude_m(weather, False, np.array([lat]), np.array([lon]), np.array([11_000.0]))[0]) - 11e3
    assert registrar.estimate.field[0] == pytest.approx(true, abs=max(4 * registrar.estimate.field_sigma[0], 8.0))


def test_one_sensor_tells_nothing() -> None:
    scenario = network(60, 1, positions=False)
    registrar = heard(scenario, batches(scenario, 60.0, 1))
    assert not registrar.estimate.errors.any()
    assert registrar.estimator.known.standing.tolist() == [0]
    batch = next(b for b in batches(scenario, 60.0, 1) if b.plots.n)
    right = registrar.correct(batch)
    np.testing.assert_array_equal(right.plots.z, batch.plots.z)


def test_plots_without_an_address_are_known_by_their_track() -> None:
    scenario = network(60, 2, positions=False)
    plots = next(b.plots for b in batches(scenario, 60.0, 1) if b.plots.n > 3).take(slice(0, 4))
    seen = sightings(plots)
    seen = seen._replace(address=np.array([-1, -1, 77, -1], np.int32))
    told = np.array([seen.id[0], seen.id[1]]), np.array([5, 6]), np.array([-1, 99])
    found = keys(seen, *(column.astype(np.int64) for column in told)).tolist()
    assert found[1:3] == [99, 77]
    assert found[3] == UNKNOWN
    assert found[0] not in (UNKNOWN, 77, 99)


def test_too_many_aircraft_take_turns() -> None:
    scenario = network(60, 3, positions=False)
    seen = sightings(concat_plots([b.plots for b in batches(scenario, 60.0, 1)]))
    key = keys(seen, *(np.zeros(0, np.int64),) * 3)
    whole = grouped(seen, key, int(seen.time_ns[0]), 1000, 0)
    parts = [grouped(seen, key, int(seen.time_ns[0]), 20, turn) for turn in range(4)]
    assert all(part.n <= 20 for part in parts)
    assert set().union(*(part.key.tolist() for part in parts)) == set(whole.key.tolist())


def test_what_cannot_be_registered_is_refused() -> None:
    stations = stations_of([RADAR], False)
    with pytest.raises(ConfigError, match="reference = 'X' is no sensor; there are R"):
        layout_of(stations, RegistrationOptions(reference="X"))
    with pytest.raises(ConfigError, match="round Earth"):
        RegisteredTracker([flat_radar()], None, Frame(kind="flat"), RegistrationOptions())


def test_options_have_bounds() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"window_s": 1}, RegistrationOptions)
