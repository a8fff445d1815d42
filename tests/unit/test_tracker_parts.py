"""Parts of the tracker against plain references: beams, clutter, the update, duplicates."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from farwatch.association.belief import marginals
from farwatch.association.clusters import find_clusters
from farwatch.association.events import Events
from farwatch.motion.imm import imm_model
from farwatch.picture import Status
from farwatch.plots import Kind, make_plots, make_progress
from farwatch.sensors import RadarSigma, layer_edges, sensor_model, sort_plots, window
from farwatch.sensors.measurement import measurement_table
from farwatch.tracker import TrackerOptions
from farwatch.tracker.admit import Counts
from farwatch.tracker.beam import beam_azimuth, follow_beam, make_beams
from farwatch.tracker.births import Density
from farwatch.tracker.clutter import count_clutter, learn_clutter, make_clutter_map, plot_densities
from farwatch.tracker.correct import update
from farwatch.tracker.detection import make_detection_map
from farwatch.tracker.duplicates import distance2, may_be_one
from farwatch.tracker.echoes import echo_hits, make_echo_map, remember_echo
from farwatch.tracker.gate import gate, identity_ratio
from farwatch.tracker.lifecycle import lost_with_address
from farwatch.tracker.looks import GATE_SIGMAS, crossing, gate_after, gate_noise, look, predict_hypothesis
from farwatch.tracker.options import chi2_quantile, tracker_model
from farwatch.tracks import make_hypotheses, make_tracks
from reference import association_marginals, kalman_update, moment_match
from scenes import START_NS, radar

SECOND = 10**9

DETECTIONS = make_detection_map(0.95)
COUNTED = np.zeros(len(Counts._fields), np.int64)


@pytest.mark.parametrize(("p", "n", "q"), [(0.95, 1, 3.841), (0.9995, 2, 15.202), (0.99, 5, 15.086), (0.5, 4, 3.357)])
def test_chi_square_quantiles(p: float, n: int, q: float) -> None:
    assert chi2_quantile(p, n) == pytest.approx(q, abs=2e-3)


@pytest.mark.parametrize("by", ["plots", "sectors"])
def test_the_beam_is_followed_by_plots_or_by_sectors(by: str, rng: np.random.Generator) -> None:
    """A rotation of 4.0014 s where 4.0 is said, time stamps jittering by 0.3 degrees."""
    real_s = 4.0014
    beams = make_beams(np.array([4.0]))
    for step in range(1, 3600):
        until = step / 3
        times = np.sort(rng.uniform(until - 1 / 3, until, 6))
        azimuth = 2 * np.pi * times / real_s
        time_ns = START_NS + np.round(times * SECOND).astype(np.int64)
        plots, progress = make_plots(0), make_progress(0)
        if by == "plots":
            jitter = np.radians(rng.normal(0, 0.3, 6))
            z = np.column_stack([np.full(6, 1e4), (azimuth + jitter) % (2 * np.pi)])
            plots = make_plots(6, time_ns=time_ns, z=z, measured=3)
        else:
            progress = make_progress(1, time_ns=time_ns[:1], kind=2, azimuth_rad=azimuth[:1] % (2 * np.pi))
        follow_beam(beams, 0, plots.time_ns, plots.z[:, 1], progress, START_NS + round(until * SECOND))
    now = START_NS + round(until * SECOND)
    error = (beam_azimuth(beams, 0, now) - 2 * np.pi * until / real_s + np.pi) % (2 * np.pi) - np.pi
    assert abs(math.degrees(error)) < 0.5
    assert beams.rotation_s[0] == pytest.approx(real_s, abs=2e-3)


def test_a_stopped_antenna_is_found_again() -> None:
    beams = make_beams(np.array([4.0]))
    for jump in (0.0, 2.0):
        for step in range(30):
            until_ns = START_NS + step * SECOND // 3
            azimuth = (jump + 2 * np.pi * step / 12 - 0.1) % (2 * np.pi)
            time_ns = np.full(4, until_ns - round(0.1 / (2 * np.pi) * 4 * SECOND))
            follow_beam(beams, 0, time_ns, np.full(4, azimuth), make_progress(0), until_ns)
        error = (beam_azimuth(beams, 0, until_ns) - jump - 2 * np.pi * 29 / 12 + np.pi) % (2 * np.pi) - np.pi
        assert abs(error) < 0.05


def no_events(plots: int) -> Events:
    """Plots that no look is near."""
    none, ones = np.zeros(0, np.int64), np.ones(plots)
    return Events(none, np.zeros(1, np.int64), none, np.zeros(0), np.zeros(0), ones)


def no_looks(model, own, tracks, hypotheses, beams):  # type: ignore[no-untyped-def]
    options, motion = tracker_model(TrackerOptions(), True), imm_model(TrackerOptions().motion)
    return look(
        tracks,
        hypotheses,
        model,
        own,
        beams,
        make_detection_map(0.95),
        0,
        motion,
        options,
        sort_plots(model, np.empty((0, 6))),
        START_NS,
        COUNTED,
    )


def no_births(n: int) -> Density:
    """Every plot that no track explains is false."""
    return Density(np.ones(n), np.zeros(n), np.zeros(n))


def test_clutter_is_learned_where_it_is_and_by_kind(rng: np.random.Generator) -> None:
    model, own = sensor_model(radar(), True)
    options = tracker_model(TrackerOptions(), True)
    beams, echoes = make_beams(np.array([4.0])), make_echo_map()
    clutter = make_clutter_map(50.0, layer_edges(radar()))
    tracks, hypotheses = make_tracks(4, 1), make_hypotheses(4)
    looks = no_looks(model, own, tracks, hypotheses, beams)
    beams.known[0] = 1
    for scan in range(200):
        n = rng.poisson(40.0)
        z = np.column_stack([rng.uniform(1e3, 20e3, n), rng.uniform(0, 1.0, n)])
        plots = make_plots(n, z=z, measured=3, kind=int(Kind.PSR), time_ns=START_NS + scan * 4 * SECOND)
        given = (looks, no_events(n), tracks, hypotheses, model, 30.0)
        count_clutter(clutter, echoes, plots, no_births(n), np.ones(n, bool), *given)
        for k in range(12):
            until_ns = START_NS + (scan * 12 + k) * SECOND // 3
            beams.time_ns[0], beams.azimuth_rad[0] = until_ns, 2 * np.pi * k / 12
            learn_clutter(clutter, beams, model, 0, until_ns, 30.0)
    unmet = make_echo_map()
    here = make_plots(2, z=np.array([[10e3, 0.5], [150e3, 4.0]]), measured=3, kind=int(Kind.PSR), time_ns=START_NS)
    false, birth = plot_densities(clutter, unmet, here, model, own, options)
    assert false[0] == pytest.approx(40.0 / (19e3 * 1.0), rel=0.35)
    assert false[1] < 0.1 * false[0]
    assert birth[0] == pytest.approx(1.0 / (2 * np.pi * own.max_range_m), rel=1e-3)
    mode_s = make_plots(1, z=here.z[:1], measured=3, kind=int(Kind.MODE_S))
    assert plot_densities(clutter, unmet, mode_s, model, own, options)[0][0] < 0.02 * false[0]


def test_clutter_is_learned_in_layers_and_aircraft_fly_below_20_km(rng: np.random.Generator) -> None:
    station = msgspec.structs.replace(radar(), sigma=RadarSigma(azimuth_deg=0.08, elevation_deg=0.3))
    model, own = sensor_model(station, True)
    options = tracker_model(TrackerOptions(), True)
    beams, echoes = make_beams(np.array([4.0])), make_echo_map()
    clutter = make_clutter_map(50.0, layer_edges(station))
    tracks, hypotheses = make_tracks(4, 1), make_hypotheses(4)
    looks = no_looks(model, own, tracks, hypotheses, beams)
    beams.known[0] = 1
    for scan in range(200):
        n = rng.poisson(40.0)
        elevation = np.radians(rng.uniform(0.5, 1.0, n))
        z = np.column_stack([rng.uniform(50e3, 100e3, n), rng.uniform(0, 1.0, n), elevation])
        plots = make_plots(n, z=z, measured=7, kind=int(Kind.PSR), time_ns=START_NS + scan * 4 * SECOND)
        given = (looks, no_events(n), tracks, hypotheses, model, 30.0)
        count_clutter(clutter, echoes, plots, no_births(n), np.ones(n, bool), *given)
        for k in range(12):
            until_ns = START_NS + (scan * 12 + k) * SECOND // 3
            beams.time_ns[0], beams.azimuth_rad[0] = until_ns, 2 * np.pi * k / 12
            learn_clutter(clutter, beams, model, 0, until_ns, 30.0)
    at = np.array([[80e3, 0.5, np.radians(0.75)], [80e3, 0.5, np.radians(4.0)], [80e3, 0.5, np.radians(25.0)]])
    here = make_plots(3, z=at, measured=7, kind=int(Kind.PSR), time_ns=START_NS)
    false, birth = plot_densities(clutter, make_echo_map(), here, model, own, options)
    assert false[0] == pytest.approx(40.0 / (50e3 * 1.0 * np.radians(0.5)), rel=0.4)
    assert false[1] < 0.05 * false[0]
    # 80 km out, 4 degrees are 5.6 km high and 25 degrees 34 km.
    flat_density = 1.0 / (2 * np.pi * own.max_range_m)
    assert birth[1] == pytest.approx(flat_density * 80e3 * np.cos(np.radians(4.0)) / 20e3, rel=0.01)
    assert birth[2] < 1e-4 * birth[1]


def test_a_place_that_returns_plots_again_and_again_is_a_fixed_echo(rng: np.random.Generator) -> None:
    echoes, memory_ns = make_echo_map(), 30.0 * 4e9
    cells = (np.radians(0.32), 200.0)
    for scan in range(20):
        now_ns = START_NS + scan * 4 * SECOND
        remember_echo(echoes, 1.001, 80_050.0, *cells, now_ns, memory_ns)
        for azimuth, range_m in zip(rng.uniform(0, 2 * np.pi, 300), rng.uniform(1e3, 200e3, 300)):
            remember_echo(echoes, azimuth, range_m, *cells, now_ns, memory_ns)
    hits = echo_hits(echoes, 1.001, 80_050.0, *cells, now_ns, memory_ns)
    expected = sum(np.exp(-4e9 * k / memory_ns) for k in range(20)) - 1.0
    assert hits == pytest.approx(expected, rel=0.01)
    elsewhere = [
        echo_hits(echoes, azimuth, range_m, *cells, now_ns, memory_ns)
        for azimuth, range_m in zip(rng.uniform(0, 2 * np.pi, 500), rng.uniform(1e3, 200e3, 500))
    ]
    assert np.mean(np.array(elsewhere) > 0.0) < 0.2
    assert echo_hits(echoes, 1.001, 80_050.0, *cells, now_ns + 10 * int(memory_ns), memory_ns) == 0.0


def one_track(modes: int = 1):  # type: ignore[no-untyped-def]
    tracks, hypotheses = make_tracks(4, 1), make_hypotheses(4)
    mean = np.array([30e3, 40e3, 0.0, 150.0, 0.0, 0.0])
    A = np.diag([300.0, 300.0, 1.0, 20.0, 20.0, 0.1])
    A[0, 3] = A[1, 4] = 60.0
    P = A @ A.T
    tracks.alive[0], tracks.existence[0], tracks.status[0] = True, 0.7, int(modes > 1)
    tracks.time_ns[0] = tracks.looked_ns[0, 0] = tracks.seen_ns[0, 0] = tracks.detected_ns[0] = START_NS
    tracks.mean[0], tracks.covariance[0] = mean, P
    hypotheses.modes[0] = modes
    hypotheses.probability[0, :modes] = 1 / modes
    for mode in range(modes):
        hypotheses.mean[0, mode, :6] = mean
        hypotheses.covariance[0, mode, :6, :6] = P
        hypotheses.covariance[0, mode, 6, 6] = 1e-3
    return tracks, hypotheses


def test_an_update_is_the_mixture_of_its_events() -> None:
    """One tentative track, two plots in its gate: state, existence and weights as the plain filter has them."""
    tracks, hypotheses = one_track()
    options, motion = tracker_model(TrackerOptions(), True), imm_model(TrackerOptions().motion)
    model, own = sensor_model(radar(), True)
    beams = make_beams(np.array([4.0]))
    crossing_ns = START_NS + round((4.0 + 0.0127) * SECOND)
    until_ns = START_NS + 5 * SECOND
    beams.known[0], beams.time_ns[0], beams.memory_ns[0] = 1, until_ns, until_ns
    azimuth = math.atan2(30_600.0, 40e3)
    beams.azimuth_rad[0] = (azimuth + 2 * np.pi * (until_ns - crossing_ns) * 1e-9 / 4.0) % (2 * np.pi)
    near = sort_plots(model, np.array([[50e3, azimuth, np.nan, np.nan, np.nan, np.nan]]))
    looks = look(tracks, hypotheses, model, own, beams, DETECTIONS, 0, motion, options, near, until_ns, COUNTED)
    assert looks.passed.tolist() == [True]
    assert looks.plot.tolist() == [0]
    x, P = looks.mean[0, 0, :6].copy(), looks.covariance[0, 0, :6, :6].copy()
    ground = math.hypot(x[0], x[1])
    at = np.array([[ground + 180.0, math.atan2(x[0], x[1]) + 0.002], [ground - 250.0, math.atan2(x[0], x[1]) - 0.004]])
    plots = make_plots(2, id=[7, 8], time_ns=looks.time_ns[0], z=at, measured=3)
    table = measurement_table(plots, *model.variances)
    in_bands = sort_plots(model, plots.z)
    looks = look(tracks, hypotheses, model, own, beams, DETECTIONS, 0, motion, options, in_bands, until_ns, COUNTED)
    assert looks.plot.tolist() == [0, 1]
    false, birth = np.array([2e-6, 3e-6]), np.array([1e-6, 1e-6])
    density = Density(false, birth, birth)
    known = (looks, tracks, hypotheses, plots, table, model, own, motion, in_bands)
    candidates = gate(*known, density, options.chi2_gate, np.zeros(len(looks.time_ns), np.bool_))
    assert candidates.plot.tolist() == [0, 1]

    H = np.zeros((2, 6))
    H[0, :2] = [x[0] / ground, x[1] / ground]
    H[1, :2] = [x[1] / ground**2, -x[0] / ground**2]
    R = np.diag([own.variance_range, own.variance_azimuth])
    means, covariances, likelihood = [], [], []
    for j in range(2):
        residual = np.array([at[j, 0] - ground, at[j, 1] - math.atan2(x[0], x[1])])
        m, C, log = kalman_update(x, P, H, residual, R)
        means.append(m)
        covariances.append(C)
        likelihood.append(math.exp(log) / (false[j] + birth[j]))
    np.testing.assert_allclose(candidates.likelihood, likelihood, rtol=0.02)

    r = 0.7 * math.exp(-options.hazard * (looks.time_ns[0] - START_NS) * 1e-9)
    q = r * model.detection
    weights, miss, _ = association_marginals(np.array([likelihood]) * q / (1 - q))
    clusters = find_clusters(candidates.look, candidates.plot, 2, looks.passed, looks.overdue, np.full(1, -1))
    events = marginals(candidates, clusters, looks.existence, looks.detection, 2)
    np.testing.assert_allclose(events.weight, weights[0], rtol=0.02)
    detections = make_detection_map(0.95)
    done, used = update(
        tracks, hypotheses, looks, candidates, events, clusters, plots, table, model, own, detections, 0, motion
    )
    assert done.all()
    assert used.all()
    missed = miss[0] * r * (1 - model.detection) / (1 - q)
    assert tracks.existence[0] == pytest.approx(missed + weights.sum(), rel=1e-3)
    shares = np.array([missed, *weights[0]])
    expected_x, expected_P = moment_match(shares / shares.sum(), np.array([x, *means]), np.array([P, *covariances]))
    np.testing.assert_allclose(tracks.mean[0], expected_x, atol=5.0)
    np.testing.assert_allclose(np.sqrt(np.diag(tracks.covariance[0])), np.sqrt(np.diag(expected_P)), rtol=0.03)
    assert tracks.plot[0] in (7, 8)


def test_the_crossing_is_where_beam_and_aircraft_meet() -> None:
    _, own = sensor_model(radar(), True)
    tracks, _ = one_track()
    tracks.mean[0], tracks.covariance[0] = [0.0, 50e3, 0.0, 200.0, 0.0, 0.0], np.eye(6)
    until_ns = START_NS + 6 * SECOND
    now = 2 * np.pi * 6 / 4 % (2 * np.pi)  # north at START
    time_ns, past = crossing(tracks, 0, 0, own, now, 4.0, until_ns)
    t = (time_ns - START_NS) * 1e-9
    assert t == pytest.approx(4.0 + math.atan2(200 * t, 50e3) / (2 * np.pi) * 4, abs=1e-4)
    assert past == pytest.approx((6 - t) / 4 * 2 * np.pi, abs=1e-3)


def test_a_gate_is_that_of_the_predicted_state(rng: np.random.Generator) -> None:
    """Reckoned from the track without predicting it: as wide as that of the state that the motion model predicts."""
    model, own = sensor_model(msgspec.structs.replace(radar(), sigma=RadarSigma(elevation_deg=0.3)), True)
    motion = imm_model(TrackerOptions().motion)
    for _ in range(200):
        tracks, hypotheses = one_track()
        bearing, out, course = rng.uniform(0, 2 * np.pi), rng.uniform(8e3, 180e3), rng.uniform(0, 2 * np.pi)
        x = np.array([out * np.sin(bearing), out * np.cos(bearing), 3e3, 0.0, 0.0, 0.0])
        x[3:5] = rng.uniform(0, 300) * np.array([np.sin(course), np.cos(course)])
        A = np.diag([200.0, 200.0, 200.0, 60.0, 60.0, 5.0]) @ rng.normal(size=(6, 6))
        tracks.mean[0], tracks.covariance[0] = x, A @ A.T
        hypotheses.mean[0, 0, :6], hypotheses.covariance[0, 0, :6, :6] = x, A @ A.T
        p, m, c, scratch = np.empty(3), np.empty((3, 7)), np.empty((3, 7, 7)), np.empty((3, 3))
        before = (hypotheses.probability[0], hypotheses.mean[0], hypotheses.covariance[0])
        predict_hypothesis(1, 0, *before, 4.0, motion, True, p, m, c, scratch)
        of_state = window(model, own, *m[0, :3], c[0][[0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]], GATE_SIGMAS)
        of_track = gate_after(tracks, 0, 4.0, gate_noise(tracks, 0, motion), model, own)
        np.testing.assert_allclose(
            [of_track.u, of_track.v, of_track.w], [of_state.u, of_state.v, of_state.w], rtol=1e-9
        )
        wider = np.array([of_track.half_u, of_track.half_v, of_track.half_w])
        needed = np.array([of_state.half_u, of_state.half_v, of_state.half_w])
        assert (wider >= needed * (1 - 1e-9)).all()
        assert (wider <= needed * 1.05 + 1e-9).all()


def test_a_look_at_nothing_costs_nothing_or_the_track() -> None:
    options, motion = tracker_model(TrackerOptions(), True), imm_model(TrackerOptions().motion)
    model, own = sensor_model(radar(), True)
    beams = make_beams(np.array([4.0]))
    nothing = sort_plots(model, np.empty((0, 6)))
    until_ns = START_NS + 5 * SECOND
    beams.known[0], beams.time_ns[0], beams.memory_ns[0] = 1, until_ns, until_ns
    bearing = math.atan2(30_600.0, 40e3)
    cases = (  # how far ahead the beam is, existence, status; looks, alive, existence afterwards
        (0.0, 0.7, Status.TENTATIVE, 0, True, 0.7),
        (1.0, 0.7, Status.TENTATIVE, 0, True, 0.7 * 0.05 / (1 - 0.7 * 0.95)),
        (1.0, 1e-4, Status.TENTATIVE, 0, False, 1e-4 * 0.05),
        (1.0, 0.7, Status.CONFIRMED, 1, True, 0.7),  # the update does the rest
    )
    for ahead, existence, status, kept, lives, left in cases:
        tracks, hypotheses = one_track()
        tracks.existence[0], tracks.born_existence[0], tracks.status[0] = existence, existence, int(status)
        beams.azimuth_rad[0] = bearing + ahead  # in the gate, or past it
        looks = look(tracks, hypotheses, model, own, beams, DETECTIONS, 0, motion, options, nothing, until_ns, COUNTED)
        assert len(looks.time_ns) == kept
        assert tracks.alive[0] == lives
        assert tracks.existence[0] == pytest.approx(left, rel=1e-3)


def test_identity_decides_by_address_then_by_code() -> None:
    assert identity_ratio(5, 0o1234, 5, 0o4321, 0) > 100
    assert identity_ratio(5, 0o1234, 6, 0o1234, 0) < 0.01
    assert identity_ratio(5, 0o1234, -1, 0o1234, 0) > 1
    assert identity_ratio(-1, 0o1234, -1, 0o4321, 0) < 1
    assert identity_ratio(-1, 0o1234, -1, 0o4321, 64) == 1.0
    assert identity_ratio(-1, -1, 5, 0o4321, 0) == 1.0


def test_duplicates_may_be_one_only_where_identity_allows() -> None:
    assert may_be_one(5, 1, 5, 2)
    assert not may_be_one(5, 1, 6, 1)
    assert not may_be_one(-1, 1, 5, 2)
    assert may_be_one(-1, -1, 5, 2)


def test_the_distance_of_two_tracks_is_mahalanobis(rng: np.random.Generator) -> None:
    A, B = rng.normal(0, 1, (2, 6, 6))
    P, Q = A @ A.T + np.eye(6), B @ B.T + np.eye(6)
    x, y = rng.normal(0, 0.5, (2, 6))
    moved = y.copy()
    moved[:3] += 2.0 * y[3:]
    expected = (x - moved) @ np.linalg.solve(P + Q, x - moved)
    got = distance2(x, P, y, Q, 2.0)
    assert got == pytest.approx(expected) or (got > 12.0 and expected > 12.0)


def test_a_number_waits_for_its_address_for_a_while() -> None:
    tracks = make_tracks(3, 1)
    tracks.alive[1], tracks.status[1], tracks.address[1], tracks.id[1] = False, 1, 77, 9
    tracks.born_ns[1] = tracks.seen_ns[1, 0] = START_NS
    tracks.mean[1, 3] = tracks.mean[2, 3] = 200.0
    tracks.address[2] = 77

    def lost(after_s: int, far_m: float = 20_000.0) -> int:
        tracks.time_ns[2], tracks.mean[2, 0] = START_NS + after_s * SECOND, far_m
        return int(lost_with_address(tracks, 2, 4.0))

    assert lost(100) == 1
    assert lost(200) == -1
    assert lost(100, 60_000.0) == -1  # out of its reach: another aircraft with the same address
    tracks.alive[1] = True  # seen just now
    assert lost(1) == -1
    tracks.address[2] = 78
    assert lost(100) == -1
