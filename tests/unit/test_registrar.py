"""The registrar about the tracker: corrected plots, sensors that cannot be explained or have moved, health, state."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from farwatch.api import tracker_of
from farwatch.errors import FarwatchError
from farwatch.picture import Picture, make_picture
from farwatch.plots import Batch, Plots, Progress, concat_plots
from farwatch.registration import RegisteredTracker, Registrar
from farwatch.registration.correct import Correction
from farwatch.registration.estimator import EXCLUDED, EXPLAINED
from farwatch.registration.health import SECTORS
from farwatch.registration.report import as_values, sensor_reports, words
from farwatch.scenario import Scenario
from registration_scenes import batches, heard, network, true_errors

SECONDS, SEED = 105.0, 1
RAD3 = 2


def moved_by(scenario: Scenario, sensor: int, lat_deg: float, lon_deg: float) -> Scenario:
    """The same with one sensor's place wrong in the file."""
    sensors = list(scenario.sensors)
    place = sensors[sensor].position
    place = msgspec.structs.replace(place, lat_deg=place.lat_deg + lat_deg, lon_deg=place.lon_deg + lon_deg)
    sensors[sensor] = msgspec.structs.replace(sensors[sensor], position=place)
    return msgspec.structs.replace(scenario, sensors=tuple(sensors))


def test_a_radar_ten_kilometres_off_is_left_out_and_the_others_stay_right() -> None:
    scenario = network()
    given = batches(scenario, SECONDS, SEED)
    # 10 km north of where it stands.
    registrar = heard(moved_by(scenario, RAD3, 10.0 / 111.2, 0.0), given)
    assert registrar.estimator.known.standing.tolist() == [EXPLAINED if k != RAD3 else EXCLUDED for k in range(8)]
    others = [0, 1, 3, 4, 5]
    off = registrar.estimate.errors[others] - true_errors(scenario)[others]
    assert np.abs(off / registrar.estimate.sigma[others]).max() < 4.0
    said = words(registrar)["not explained RAD3"]
    assert "RAD3 is left out" in said
    assert "km south of its position in the file" in said
    east_m, north_m = registrar.estimator.known.shift_m[RAD3]
    assert math.hypot(east_m, north_m + 10_000.0) < 1_500.0
    batch = next(b for b in reversed(given) if np.any(b.plots.sensor == RAD3))
    right = registrar.correct(batch)
    assert RAD3 not in right.plots.sensor
    assert registrar.left_out[0] == np.sum(batch.plots.sensor == RAD3)


def test_it_is_back_once_it_fits() -> None:
    """The file is put right: what was excluded is compared on, and comes back by itself."""
    scenario = network()
    wrong = heard(moved_by(scenario, RAD3, 10.0 / 111.2, 0.0), batches(scenario, SECONDS, SEED))
    right = Registrar(scenario.sensors, scenario.registration, False)
    right.restore(wrong.state())
    assert right.estimator.known.standing[RAD3] == EXCLUDED
    standings = []
    for batch in batches(scenario, 195.0, SEED):
        if batch.until_ns > int(right._begins_ns[0]):
            right.hear(batch, _nobody())
            standings.append(int(right.estimator.known.standing[RAD3]))
    assert standings[0] == EXCLUDED
    assert standings[-1] == EXPLAINED
    off = (right.estimate.errors[:6] - true_errors(scenario))[RAD3]
    assert np.abs(off / right.estimate.sigma[RAD3]).max() < 4.0


def _nobody() -> Picture:
    return make_picture(0)


def late(batch: Batch, sensor: int, since_ns: int, by_ns: int) -> Batch:
    """A clock that has jumped."""
    plots, progress = batch.plots, batch.progress

    def times(part: Plots | Progress) -> np.ndarray:
        return np.where((part.sensor == sensor) & (part.time_ns >= since_ns), part.time_ns + by_ns, part.time_ns)

    return batch._replace(
        plots=plots._replace(time_ns=times(plots)), progress=progress._replace(time_ns=times(progress))
    )


def test_a_clock_that_jumps_is_followed() -> None:
    scenario = network()
    given = batches(scenario, 195.0, SEED)
    since_ns = given[0].until_ns + 90_000_000_000
    registrar = heard(scenario, [late(batch, RAD3, since_ns, 700_000_000) for batch in given])
    known = registrar.estimator.known
    assert known.moves[RAD3] >= 1
    assert known.moves.sum() == known.moves[RAD3]
    true = true_errors(scenario)
    true[RAD3, 3] += 0.7
    off = registrar.estimate.errors[:6] - true
    assert np.abs(off / registrar.estimate.sigma[:6]).max() < 4.0
    assert "has moved" in sensor_reports(registrar)[RAD3].words


def test_plots_come_out_as_right_sensors_would_have_given_them() -> None:
    scenario = network()
    errors = np.zeros((8, 4))
    errors[:6] = true_errors(scenario)
    radar = np.arange(8) < 6
    correction = Correction(errors, np.zeros((8, 4, 4)), np.ones((8, 3)), radar, np.zeros(8))
    assert correction.wait_ns == 200_000_000
    plots = concat_plots([b.plots for b in batches(scenario, SECONDS, SEED)[:40]])
    right, _, left_out = correction(plots, batches(scenario, SECONDS, SEED)[0].progress)
    assert left_out == 0
    own = plots.sensor == 0
    np.testing.assert_allclose(right.z[own, 0] * (1 + errors[0, 1]) + errors[0, 0], plots.z[own, 0], atol=1e-6)
    turned = (right.z[own, 1] + errors[0, 2] - plots.z[own, 1] + math.pi) % (2 * math.pi) - math.pi
    np.testing.assert_allclose(turned, 0.0, atol=1e-12)
    np.testing.assert_array_equal(plots.time_ns[own] - right.time_ns[own], 50_000_000)
    of_position = plots.sensor == 6
    np.testing.assert_array_equal(right.z[of_position], plots.z[of_position])


def test_what_is_not_known_is_added_to_the_noise() -> None:
    scenario = network()
    uncertain = np.zeros((8, 4, 4))
    uncertain[0] = np.diag([30.0**2, 1e-8, 1e-6, 0.0])
    radar = np.arange(8) < 6
    variances = np.tile([50.0**2, 1e-6, 1e-12], (8, 1))
    correction = Correction(np.zeros((8, 4)), uncertain, variances, radar, np.zeros(8))
    plots = concat_plots([b.plots for b in batches(scenario, SECONDS, SEED)[:40]])
    right, _, _ = correction(plots, batches(scenario, SECONDS, SEED)[0].progress)
    own = np.flatnonzero(plots.sensor == 0)
    wanted = 50.0**2 + 30.0**2 + plots.z[own, 0] ** 2 * 1e-8
    np.testing.assert_allclose(right.covariance[own, 0], wanted, rtol=1e-9)
    np.testing.assert_allclose(right.covariance[own, 3], 2e-6, rtol=1e-9)


def test_no_plot_is_lost_nor_later_than_its_watermark() -> None:
    scenario = network(60, 6, positions=False)
    given = batches(scenario, SECONDS, SEED)
    registrar = Registrar(scenario.sensors, scenario.registration, False)
    ids, until_ns = [], 0
    for batch in given:
        right = registrar.correct(batch)
        registrar.hear(batch, _nobody())
        assert until_ns <= right.until_ns <= batch.until_ns
        assert np.all(right.plots.time_ns < right.until_ns)
        assert np.all(np.diff(right.plots.time_ns) >= 0)
        until_ns = right.until_ns
        ids.append(right.plots.id)
    assert registrar.estimator.known.standing.tolist() == [EXPLAINED] * 6
    out, held = np.concatenate(ids), registrar._held[0].id
    np.testing.assert_array_equal(np.sort(np.concatenate([out, held])), np.concatenate([b.plots.id for b in given]))


def test_measured_quality_is_that_of_the_sensors() -> None:
    scenario = network()
    registrar = heard(scenario, batches(scenario, SECONDS, SEED))
    reports = sensor_reports(registrar)
    for report, sensor in zip(reports[:6], scenario.sensors, strict=False):
        # A turn of 12 s does not go into a window of 30 whole: over a few windows its share of turns is uneven.
        even = 30.0 % sensor.rotation_s == 0.0
        assert report.measured.detection == pytest.approx(sensor.detection, abs=0.04 if even else 0.1)
        assert report.measured.interval_s == pytest.approx(sensor.rotation_s, rel=0.01)
        assert report.measured.noise_first == pytest.approx(sensor.sigma.range_m, rel=0.15)
        assert report.measured.noise_azimuth_deg == pytest.approx(sensor.sigma.azimuth_deg, rel=0.15)
        assert len(report.sectors) == SECTORS
        assert all(report.known)
    assert reports[6].reference
    assert reports[6].measured.noise_first == pytest.approx(20.0, rel=0.15)
    values = msgspec.json.decode(msgspec.json.encode([as_values(report) for report in reports]))
    assert values[0]["errors"]["range_m"]["value"] == pytest.approx(80.0, abs=20.0)
    assert values[6]["errors"]["range_m"] is None


def test_an_interrupted_run_goes_on_as_if_it_had_not_been() -> None:
    scenario = network(60, 3, positions=False)
    given = batches(scenario, SECONDS, SEED)
    through, first, second = tracker_of(scenario), tracker_of(scenario), tracker_of(scenario)
    middle = len(given) * 6 // 10
    for batch in given[:middle]:
        through.update(batch)
        first.update(batch)
    second.restore(first.snapshot())
    for batch in given[middle:]:
        a, b = through.update(batch), second.update(batch)
        for x, y in zip(a[1:], b[1:], strict=True):
            np.testing.assert_array_equal(x, y)
    assert through.snapshot() == second.snapshot()
    assert through.registrar is not None
    assert through.registrar.estimator.known.standing.tolist() == [EXPLAINED] * 3


def test_a_state_of_another_scenario_is_refused() -> None:
    scenario, other = network(60, 3, positions=False), network(60, 2, positions=False)
    state = heard(scenario, batches(scenario, 60.0, SEED)).state()
    with pytest.raises(FarwatchError, match="no state of a registration"):
        Registrar(other.sensors, other.registration, False).restore(state)
    plain = RegisteredTracker(scenario.sensors, scenario.tracker, scenario.frame)
    with pytest.raises(FarwatchError, match="without registration"):
        tracker_of(scenario).restore(plain.snapshot())


def test_without_correction_the_plots_pass_as_they_are() -> None:
    scenario = network(60, 3, positions=False)
    options = msgspec.structs.replace(scenario.registration, correct=False)
    registrar = Registrar(scenario.sensors, options, False)
    for batch in batches(scenario, 60.0, SEED):
        assert registrar.correct(batch) is batch
        registrar.hear(batch, _nobody())
    assert registrar.estimator.known.standing.tolist() == [EXPLAINED] * 3


def test_a_slow_transponder_is_told_from_slow_radars() -> None:
    scenario = network()
    given = batches(scenario, SECONDS, SEED)
    named = np.concatenate([b.plots.address[b.plots.address >= 0] for b in given])
    addresses, counts = np.unique(named, return_counts=True)
    slow, fast = addresses[np.argsort(counts)][-2:].tolist()

    def delayed(batch: Batch) -> Batch:
        z, radar = batch.plots.z.copy(), batch.plots.sensor < 6
        z[radar & (batch.plots.address == slow), 0] += 60.0
        z[radar & (batch.plots.address == fast), 0] -= 60.0
        return batch._replace(plots=batch.plots._replace(z=z))

    registrar = heard(scenario, map(delayed, given))
    delays = registrar.delays
    of = dict(zip(delays.address.tolist(), np.column_stack([delays.value_m, delays.sigma_m]).tolist(), strict=True))
    for address, true_m in ((slow, 60.0), (fast, -60.0)):
        value_m, sigma_m = of[address]
        assert sigma_m < 15.0
        assert abs(value_m - true_m) < 4.0 * sigma_m
    others = np.array([(v / s) for a, (v, s) in of.items() if a not in (slow, fast)])
    assert len(others) > 100
    assert np.abs(others).max() < 5.0
    off = registrar.estimate.errors[:6] - true_errors(scenario)
    assert np.abs(off / registrar.estimate.sigma[:6]).max() < 4.0
