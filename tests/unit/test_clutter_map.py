"""The clutter map's rings, what is known of the first scan, branches, and when a track is in the picture."""

from __future__ import annotations

import numpy as np
import pytest

from farwatch.association.belief import marginals
from farwatch.association.clusters import find_clusters
from farwatch.association.events import Candidates, Events
from farwatch.motion import motion_model
from farwatch.picture import Status
from farwatch.plots import Kind, make_plots
from farwatch.sensors import Place, Radar, RadarSigma, layer_edges, sensor_model, shares_along_w, sort_plots
from farwatch.sensors.measurement import measurement_table
from farwatch.tracker import Tracker, TrackerOptions
from farwatch.tracker.beam import make_beams
from farwatch.tracker.branches import branch
from farwatch.tracker.clutter import COLUMNS, ROWS, blended, close_column, learn_clutter, make_clutter_map
from farwatch.tracker.detection import make_detection_map
from farwatch.tracker.lifecycle import surely_moves
from farwatch.tracker.looks import look
from farwatch.tracker.options import tracker_model
from farwatch.tracks import make_hypotheses, make_tracks
from reference import clutter_posterior
from scenes import FLAT, START_NS, batches_of, concat_plots, confirmed, plots_of, radar, straight, track

SECOND = 1_000_000_000


@pytest.mark.parametrize("mean", [0.0, 0.1, 0.5, 4.0])
@pytest.mark.parametrize("scans", [1.0, 7.0, 30.0])
def test_a_cell_is_its_ring_and_what_it_has_told(mean: float, scans: float) -> None:
    assert blended(mean, scans, 0.2) == pytest.approx(clutter_posterior(mean, scans, 0.2), rel=1e-12)


def test_a_ring_learns_in_one_scan_and_rain_does_not_drown_it(rng: np.random.Generator) -> None:
    clutter = make_clutter_map(32.0 * ROWS * 0.05, np.empty(0))
    kind, row, rain = int(Kind.PSR), 10, 5
    for scan in range(12):
        for a in range(COLUMNS):
            clutter.seen[kind, a, row, 0] = rng.poisson(8.0 if a == rain else 0.5)
            close_column(clutter, a, True, 30.0)
        if scan == 0:
            assert clutter.ring[kind, row, 0] == pytest.approx(0.4, abs=0.2)  # a third of it is still the prior
    quiet = np.delete(clutter.rate[kind, :, row, 0], rain)
    assert quiet.mean() == pytest.approx(0.5, rel=0.2)
    assert np.abs(quiet - 0.5).max() < 0.5
    assert clutter.rate[kind, rain, row, 0] == pytest.approx(8.0, rel=0.25)
    assert clutter.rate[kind, :, row + 1, 0].max() < 0.06  # what it believed of a ring where nothing is


def test_what_is_given_stays_where_the_map_does_not_learn() -> None:
    clutter = make_clutter_map(100.0, np.empty(0))
    clutter.seen[0, 3] = 50.0
    close_column(clutter, 3, False, 30.0)
    assert clutter.rate[int(Kind.PSR)].sum() == pytest.approx(100.0)
    assert clutter.scans[3] == 1.0
    assert clutter.seen.max() == 0.0


@pytest.mark.parametrize("begins", [0.1, 2.0, 4.0, 6.2])
def test_no_column_is_closed_before_the_beam_has_been_there(begins: float) -> None:
    model, _ = sensor_model(radar(), True)
    clutter, beams = make_clutter_map(50.0, np.empty(0)), make_beams(np.array([4.0]))
    beams.known[0] = 1
    step = 2 * np.pi / 36
    for k in range(3 * 36 + 1):
        until_ns = START_NS + k * SECOND // 9
        beams.time_ns[0], beams.azimuth_rad[0] = until_ns, (begins + k * step) % (2 * np.pi)
        learn_clutter(clutter, beams, model, 0, until_ns, 30.0)
        # Each time that the beam has left a column's far edge 125 degrees behind, from a slice before it is known on.
        edge = (np.arange(1, COLUMNS + 1) * 2 * np.pi / COLUMNS - begins + np.radians(30.0)) % (2 * np.pi)
        left = (k * step + np.radians(30.0 - 125.0) - edge) / (2 * np.pi)
        expected = np.floor(left) + 1.0
        clear = np.abs(left - np.round(left)) > 1e-6
        np.testing.assert_array_equal(clutter.scans[clear], np.maximum(expected, 0.0)[clear])
    assert clutter.scans.min() == 2


def test_noise_lies_below_what_extractors_drop() -> None:
    site = Place(lat_deg=47.0, lon_deg=9.0, height_m=2500.0)
    sigma = RadarSigma(range_m=50.0, azimuth_deg=0.07, elevation_deg=0.3)
    station = Radar(id="R", position=site, rotation_s=10.0, max_range_km=600.0, sigma=sigma, min_elevation_deg=-2.0)
    share, edges = shares_along_w(station, False, ROWS), layer_edges(station)
    assert share is not None
    np.testing.assert_allclose(share.sum(axis=1), 1.0)
    far = share[-1] / np.diff(edges)
    # 590 km out 30 km of height are 0.7 degrees; the lowest layers share the noise evenly.
    assert share[-1][edges[1:] < np.radians(0.6)].sum() > 0.8
    assert far[0] == pytest.approx(far[1], rel=1e-9)
    assert shares_along_w(radar(), True, ROWS) is None


def test_branches_share_what_the_track_was(rng: np.random.Generator) -> None:
    model, own = sensor_model(radar(), True)
    options, motion = tracker_model(TrackerOptions(), True), motion_model(TrackerOptions().motion)
    tracks, hypotheses = make_tracks(8, 1), make_hypotheses(8)
    tracks.alive[0], tracks.existence[0], tracks.born_existence[0] = True, 0.3, 0.3
    tracks.detections[0], tracks.time_ns[0], tracks.seen_ns[0, 0] = 1, START_NS, START_NS
    tracks.mean[0, 1], tracks.covariance[0] = 100e3, np.diag([150.0**2, 50.0**2, 1, 180.0**2, 180.0**2, 1])
    hypotheses.modes[0], hypotheses.probability[0, 0] = 1, 1.0
    hypotheses.mean[0, 0, :6], hypotheses.covariance[0, 0, :6, :6] = tracks.mean[0], tracks.covariance[0]
    beams = make_beams(np.array([4.0]))
    beams.known[0], beams.time_ns[0], beams.memory_ns[0] = 1, START_NS + 5 * SECOND, START_NS + 5 * SECOND
    beams.azimuth_rad[0] = np.radians(60.0)
    z = np.array([[100.5e3, 0.003, 0, 0, 0, 0], [99.6e3, 2 * np.pi - 0.004, 0, 0, 0, 0]])
    plots = make_plots(2, id=np.array([7, 8]), z=z, measured=3, time_ns=START_NS + 4 * SECOND)
    in_bands = sort_plots(model, plots.z)
    until_ns = START_NS + 5 * SECOND
    counted, chances = np.zeros(32, np.int64), make_detection_map(0.9)
    looks = look(tracks, hypotheses, model, own, beams, chances, 0, motion, options, in_bands, until_ns, counted)
    candidates = Candidates(np.array([0, 1]), np.array([0, 0]), np.array([0, 2]), np.array([3.0, 2.0]), np.ones((2, 3)))
    clusters = find_clusters(candidates.look, candidates.plot, 2, looks.passed, looks.overdue)
    events = marginals(candidates, clusters, looks.existence, looks.detection, 2)
    r, q = looks.existence[0], looks.detection[0]
    missed = events.miss[0] * r * (1 - q) / (1 - r * q)
    expected = [events.weight[1], missed]
    given = Events(*(column.copy() for column in events))
    slots, table = np.array([3, 4, 5]), measurement_table(plots, *model.variances)
    n = branch(tracks, hypotheses, slots, looks, candidates, events, clusters, plots, table, model, own, 0)
    assert n == 2
    assert sorted(tracks.existence[[3, 4]]) == pytest.approx(sorted(expected), rel=1e-9)
    assert events.weight.tolist() == [given.weight[0], 0.0]
    assert events.miss[0] == 0.0
    seen, unseen = (3, 4) if tracks.detections[3] == 2 else (4, 3)
    assert (tracks.detections[seen], tracks.plot[seen]) == (2, 8)
    assert (tracks.detections[unseen], tracks.misses[unseen]) == (1, 1)
    # The one that met the plot flies on from it; the other is where it was thought to be.
    assert np.hypot(*tracks.mean[seen, :2]) == pytest.approx(99.6e3, abs=60)
    np.testing.assert_allclose(tracks.mean[unseen, :6], looks.mean[0, 0, :6])
    # Without room nothing is taken out.
    again = Events(*(column.copy() for column in given))
    assert branch(tracks, hypotheses, slots[:0], looks, candidates, again, clusters, plots, table, model, own, 0) == 0
    np.testing.assert_array_equal(again.weight, given.weight)


@pytest.mark.parametrize(
    ("speed", "sigma", "mode_a", "moves"),
    [(200.0, 50.0, -1, True), (60.0, 50.0, -1, False), (10.0, 3.0, -1, False), (10.0, 3.0, 0o1234, True)],
)
def test_what_may_stand_still_is_not_confirmed(speed: float, sigma: float, mode_a: int, moves: bool) -> None:
    tracks = make_tracks(1, 1)
    tracks.mean[0, 3], tracks.covariance[0, 3, 3], tracks.mode_a[0] = speed, sigma**2, mode_a
    assert surely_moves(tracks, 0, 30.0) == moves
    assert surely_moves(tracks, 0, 0.0)


def test_a_track_that_is_lost_leaves_the_picture_once_and_may_come_back(rng: np.random.Generator) -> None:
    first = plots_of([straight(-60e3, 40e3, 200, 0)], 240, rng)
    other = plots_of([straight(60e3, -40e3, 100, 0)], 240, rng)
    t = (first.time_ns - START_NS) * 1e-9
    plots = concat_plots([first.take((t < 100) | (t > 130)), other._replace(id=other.id + 10**6)])
    picture = track(plots)
    assert len(confirmed(picture)) == 2
    picture = picture.take(picture.lat_deg > 0)
    when = (picture.time_ns - START_NS) * 1e-9
    left = np.flatnonzero(picture.status == Status.ENDED)
    assert len(left) == 1
    assert 105 < when[left[0]] < 125
    assert picture.existence[left[0]] < 0.25
    assert np.all(picture.status[when > 140] == Status.CONFIRMED)
    assert len(np.unique(picture.track)) == 1


def test_clutter_that_stands_still_is_confirmed_by_nothing(rng: np.random.Generator) -> None:
    sensor = radar(clutter=5.0)
    masts = plots_of([straight(x, y, 0, 0) for x, y in rng.uniform(-90e3, 90e3, (12, 2))], 160, rng, detection=0.5)
    tracker = Tracker([sensor], frame=FLAT)
    pictures = [tracker.update(batch) for batch in batches_of(masts, sensor)]
    assert sum(picture.n for picture in pictures) == 0
