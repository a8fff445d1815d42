"""The tracker as a whole: what it holds, what it forgets, what it must never do."""

from __future__ import annotations

import numpy as np
import pytest

from farwatch.errors import FarwatchError
from farwatch.frame import Frame
from farwatch.picture import Status, concat_pictures
from farwatch.plots import N_TECHNOLOGIES, Flag, Kind, concat_plots, make_plots, without_identity
from farwatch.tracker import Tracker, TrackerOptions
from scenes import FLAT, START_NS, batches_of, confirmed, plots_of, radar, straight, track


def test_one_aircraft_is_one_track_near_the_truth(rng: np.random.Generator) -> None:
    course = straight(-60e3, 40e3, 200.0, 20.0)
    picture = track(plots_of([course], 200, rng))
    assert confirmed(picture) == {1}
    late = picture.take((picture.time_ns > START_NS + 60 * 10**9) & (picture.status == Status.CONFIRMED))
    truth = np.array([course((t - START_NS) * 1e-9) for t in late.time_ns])
    error = np.hypot(late.lon_deg - truth[:, 0], late.lat_deg - truth[:, 1])
    assert np.sqrt(np.mean(error**2)) < 80.0
    assert np.median(late.ground_speed_mps) == pytest.approx(201.0, abs=5.0)
    assert np.median(late.track_angle_deg) == pytest.approx(84.3, abs=2.0)
    # What tracks say of their accuracy is neither boast nor alarm.
    assert 0.5 < np.sqrt(np.mean(error**2)) / np.median(late.sigma_horizontal_m) < 1.5


def test_a_picture_says_when_each_kind_of_sensor_saw_a_track(rng: np.random.Generator) -> None:
    """Primary and Mode S plots in turn, then no more primary ones: its time stays, the other goes on."""
    plots = plots_of([straight(-60e3, 40e3, 200.0, 20.0)], 160, rng)
    k = np.arange(plots.n)
    kinds = np.where(k % 2 == 0, int(Kind.PSR), int(Kind.MODE_S))
    kinds[k >= 24] = int(Kind.MODE_S)
    kinds[20] = int(Kind.PSR_MODE_S)
    plots = plots._replace(kind=kinds.astype(np.uint8))
    picture = track(plots)
    rows = picture.take((picture.status == Status.CONFIRMED) & (picture.plot >= 0))
    assert rows.n > 25 and rows.heard_ns.shape == (rows.n, N_TECHNOLOGIES)
    time_of = dict(zip(plots.id.tolist(), plots.time_ns.tolist()))
    kind_of = dict(zip(plots.id.tolist(), kinds.tolist()))
    held = {int(Kind.PSR): {0}, int(Kind.MODE_S): {2}, int(Kind.PSR_MODE_S): {0, 2}}
    last = {0: 0, 2: 0}
    checked = 0
    for plot, heard in zip(rows.plot.tolist(), rows.heard_ns.tolist()):
        for one in held[kind_of[plot]]:
            last[one] = time_of[plot]
        assert [heard[1], heard[3], heard[4]] == [0, 0, 0]
        for one in (0, 2):
            if last[one]:
                checked += 1
                assert abs(heard[one] - last[one]) < 10**8
    assert checked > 40
    assert rows.heard_ns[-1, 0] == rows.heard_ns[rows.plot == plots.id[22], 0][0]


def test_many_aircraft_in_clutter(rng: np.random.Generator) -> None:
    sensor = radar(clutter=200.0)
    courses = [
        straight(*(rng.uniform(20e3, 140e3) * np.array([np.sin(a), np.cos(a)])), *rng.normal(0, 150, 2))
        for a in np.linspace(0, 6.2, 40)
    ]
    plots = plots_of(courses, 160, rng, sensor, detection=0.95, clutter=200.0)
    tracker = Tracker([sensor], frame=FLAT)
    for batch in batches_of(plots, sensor):
        tracker.update(batch)
        if batch.until_ns > START_NS + 150 * 10**9:
            break
    picture = tracker.picture(batch.until_ns)
    t = (batch.until_ns - START_NS) * 1e-9
    at = np.array([course(t) for course in courses])
    apart = np.hypot(picture.lon_deg[:, None] - at[:, 0], picture.lat_deg[:, None] - at[:, 1])
    assert (apart.min(axis=0) < 1000).sum() >= 39
    assert (apart.min(axis=1) > 1000).sum() <= 1


def test_the_same_input_gives_the_same_bytes(rng: np.random.Generator) -> None:
    plots = plots_of([straight(-30e3, 20e3, 150, 0), straight(30e3, 20e3, -150, 5)], 80, rng, clutter=20)
    states = []
    for _ in range(2):
        tracker = Tracker([radar()], frame=FLAT)
        track(plots, tracker=tracker)
        states.append(tracker.snapshot())
    assert states[0] == states[1]


def test_a_restored_tracker_goes_on_bit_by_bit(rng: np.random.Generator) -> None:
    plots = plots_of([straight(-30e3, 20e3, 150, 0), straight(50e3, -20e3, -150, 60)], 120, rng, clutter=40)
    batches = batches_of(plots)
    tracker = Tracker([radar()], frame=FLAT)
    for batch in batches[: len(batches) // 2]:
        tracker.update(batch)
    saved = tracker.snapshot()
    restored = Tracker([radar()], frame=FLAT)
    restored.restore(saved)
    for batch in batches[len(batches) // 2 :]:
        for ours, theirs in zip(tracker.update(batch), restored.update(batch)):
            np.testing.assert_array_equal(ours, theirs)
    assert tracker.snapshot() == restored.snapshot()
    assert tracker.counts == restored.counts


@pytest.mark.parametrize("damage", [b"", b"\xff\x00", b"\x80", None])
def test_a_wrong_snapshot_is_refused_and_changes_nothing(damage: bytes | None, rng: np.random.Generator) -> None:
    tracker = Tracker([radar()], frame=FLAT)
    track(plots_of([straight(-30e3, 20e3, 150, 0)], 40, rng), tracker=tracker)
    before = tracker.snapshot()
    with pytest.raises(FarwatchError):
        tracker.restore(before[: len(before) // 2] if damage is None else damage)
    assert tracker.snapshot() == before


def test_a_track_coasts_keeps_its_number_and_ends(rng: np.random.Generator) -> None:
    first = plots_of([straight(-60e3, 40e3, 200, 0)], 400, rng)
    other = plots_of([straight(60e3, -40e3, 100, 0)], 400, rng)  # another aircraft shows that the radar is well
    t = (first.time_ns - START_NS) * 1e-9
    plots = concat_plots([first.take((t < 100) | ((t > 130) & (t < 240))), other._replace(id=other.id + 10**6)])
    picture = track(plots)
    assert len(confirmed(picture)) == 2
    picture = picture.take(picture.lat_deg > 0)
    assert len(confirmed(picture)) == 1
    when = (picture.time_ns - START_NS) * 1e-9
    assert Status.COASTING in picture.status[(when > 106) & (when < 130)]
    assert (picture.status[(when > 140) & (when < 240)] == Status.CONFIRMED).all()
    assert picture.status[-1] == Status.ENDED
    assert (picture.until_ns - START_NS) * 1e-9 > 290
    assert when[-1] < 310


def test_a_silent_radar_is_not_an_empty_sky(rng: np.random.Generator) -> None:
    plots = plots_of([straight(-60e3, 40e3, 200, 0)], 100, rng)
    sensor = radar()
    tracker = Tracker([sensor], frame=FLAT)
    batches = batches_of(plots, sensor)
    for batch in batches:
        tracker.update(batch)
    empty = batches[-1]._replace(plots=make_plots(0))
    existence = []
    for k in range(1, 61):
        tracker.update(empty._replace(until_ns=batches[-1].until_ns + k * sensor_slice(sensor)))
        existence.append(tracker.picture(empty.until_ns).existence)
    # Three turns of misses are believed, then the radar is taken to be down.
    np.testing.assert_array_equal(existence[40], existence[-1])


def sensor_slice(sensor) -> int:  # type: ignore[no-untyped-def]
    return round(sensor.rotation_s * 1e9 / 12)


def test_crossing_aircraft_keep_their_numbers_without_identity(rng: np.random.Generator) -> None:
    courses = [straight(-25e3, 60e3, 200, 0), straight(-20e3, 85e3, 160, -200)]
    picture = track(without_identity(plots_of(courses, 240, rng)))
    for course in courses:
        owners = set()
        for row in range(picture.n):
            t = (picture.time_ns[row] - START_NS) * 1e-9
            near = np.hypot(picture.lon_deg[row] - course(t)[0], picture.lat_deg[row] - course(t)[1]) < 400
            if near and (t < 90 or t > 170):
                owners.add(int(picture.track[row]))
        assert len(owners) == 1


def test_two_aircraft_in_formation_are_two_tracks(rng: np.random.Generator) -> None:
    courses = [straight(-40e3, 60e3, 200, 0), straight(-40e3, 61.2e3, 200, 0)]
    picture = track(plots_of(courses, 160, rng))
    late = picture.take(picture.time_ns > START_NS + 100 * 10**9)
    assert len(confirmed(late)) == 2
    assert len(confirmed(picture)) == 2


def test_an_address_finds_its_number_again_after_a_silence(rng: np.random.Generator) -> None:
    plots = plots_of([straight(-60e3, 40e3, 200, 0)], 400, rng, addresses=[0x4B1234])
    t = (plots.time_ns - START_NS) * 1e-9
    plots = plots.take((t < 100) | (t > 200))
    picture = track(plots)
    assert confirmed(picture) == {1}
    assert set(picture.address.tolist()) == {0x4B1234}
    hidden = track(without_identity(plots))
    assert len(confirmed(hidden)) == 2
    assert set(hidden.address.tolist()) == {-1}


def test_the_ground_tests_and_monitors_are_counted_not_tracked(rng: np.random.Generator) -> None:
    plots = plots_of([straight(-60e3, 40e3, 200, 0)], 100, rng)
    for flag in (Flag.ON_GROUND, Flag.TEST, Flag.SIMULATED, Flag.FIXED_TRANSPONDER):
        tracker = Tracker([radar()], frame=FLAT)
        picture = track(plots._replace(flags=np.full(plots.n, int(flag), np.uint32)), tracker=tracker)
        assert confirmed(picture) == set()
        assert tracker.counts.not_aircraft == plots.n


def test_impossible_plots_are_counted_and_the_rest_is_tracked(rng: np.random.Generator) -> None:
    good = plots_of([straight(-60e3, 40e3, 200, 0)], 100, rng)
    bad = make_plots(8, id=10**6 + np.arange(8), time_ns=START_NS + 50 * 10**9 + np.arange(8), measured=3)
    bad.z[:, :2] = [[np.nan, 1], [1e4, np.nan], [np.inf, 1], [-5, 1], [0, 1], [1e9, 1], [1e4, 1e3], [1e4, -np.inf]]
    tracker = Tracker([radar()], frame=FLAT)
    both = concat_plots([good, bad])
    picture = track(both.take(np.argsort(both.time_ns, kind="stable")), tracker=tracker)
    assert tracker.counts.absurd == 8
    assert confirmed(picture) == {1}
    assert all(np.isfinite(column).all() for column in (picture.lat_deg, picture.lon_deg, picture.sigma_horizontal_m))


@pytest.mark.parametrize("height", [np.inf, -np.inf, 1e9, -9_999.0])
def test_an_impossible_height_is_no_height(height: float, rng: np.random.Generator) -> None:
    plots = plots_of([straight(-60e3, 40e3, 200, 0)], 60, rng)
    picture = track(plots._replace(pressure_altitude_m=np.full(plots.n, height)))
    assert confirmed(picture) == {1}
    assert np.isnan(picture.pressure_altitude_m).all()


def test_tables_grow_when_the_sky_fills(rng: np.random.Generator) -> None:
    sensor = radar(clutter=3000.0)
    plots = plots_of([straight(-60e3, 40e3, 200, 0)], 24, rng, sensor, clutter=3000.0)
    tracker = Tracker([sensor], frame=FLAT)
    track(plots, sensor, tracker)
    assert len(tracker._tracks.alive) > 1024
    assert tracker.counts.given == plots.n


def test_clutter_is_learned(rng: np.random.Generator) -> None:
    sensor = radar(clutter=10.0)
    plots = plots_of([], 400, rng, sensor, clutter=120.0)
    tracker = Tracker([sensor], frame=FLAT)
    picture = track(plots, sensor, tracker)
    assert tracker._learned[0].clutter.rate[0].sum() == pytest.approx(120.0, rel=0.15)
    late = picture.take(picture.time_ns > START_NS + 200 * 10**9)
    assert len(confirmed(late)) <= 2


def test_a_turn_is_followed(rng: np.random.Generator) -> None:
    """Standard-rate turn of 180 degrees at 30 NM: one number, no lasting loss of the aircraft."""

    def course(t: float) -> tuple[float, float]:
        if t < 100:
            return -30e3 + 150 * t, 50e3
        angle = min(np.radians(3.0) * (t - 100), np.pi)
        radius = 150 / np.radians(3.0)
        east, north = -15e3 + radius * np.sin(angle), 50e3 - radius * (1 - np.cos(angle))
        return east - max(t - 160, 0) * 150, north

    picture = track(plots_of([course], 260, rng))
    assert confirmed(picture) == {1}
    for row in range(picture.n):
        t = (picture.time_ns[row] - START_NS) * 1e-9
        error = np.hypot(picture.lon_deg[row] - course(t)[0], picture.lat_deg[row] - course(t)[1])
        assert error < 600


def test_on_the_round_earth_heights_and_places_are_right(rng: np.random.Generator) -> None:
    from farwatch.sensors import Place, Radar, RadarSigma
    from farwatch.simulation import Simulation, Traffic, simulate
    from farwatch.sources import Merge, merged
    from farwatch.sources.replay import shortest_slice_s

    sensor = Radar(
        id="A",
        position=Place(lat_deg=47.2494, lon_deg=9.3433, height_m=2500.0),
        rotation_s=10.0,
        max_range_km=600.0,
        sigma=RadarSigma(range_m=50.0, azimuth_deg=0.07),
        clutter=20.0,
    )
    options = Simulation(traffic=(Traffic(count=60, course_change_deg=0.0, climbing=0.0),))
    truth, plots, progress = simulate([sensor], Frame(), options, 240.0, 5)
    tracker = Tracker([sensor], TrackerOptions(), Frame())
    pictures = [tracker.update(batch) for batch in merged([(plots, progress)], Merge(shortest_slice_s([sensor])), 0.0)]
    now = tracker.picture(int(truth.states.time_ns[-1]))
    real = truth.states.take(truth.states.time_ns == truth.states.time_ns[-1])
    metres = np.array([111_320.0, 111_320.0 * np.cos(np.radians(47.25))])
    apart = np.hypot(
        (now.lat_deg[:, None] - real.lat_deg) * metres[0], (now.lon_deg[:, None] - real.lon_deg) * metres[1]
    )
    nearest = apart.argmin(axis=1)
    assert now.n > 30
    assert np.median(apart.min(axis=1)) < 400
    assert np.median(np.abs(now.height_wgs84_m - real.height_wgs84_m[nearest])) < 60
    assert np.median(np.abs(now.ground_speed_mps - real.ground_speed_mps[nearest])) < 10
    assert concat_pictures(pictures).n > 300
