"""Bad input to the tracker: it stays finite and bounded, counts what it dropped, and loses no existing track."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farwatch.association.belief import ITERATIONS, LEAST_ITERATIONS, MESSAGES
from farwatch.association.gate import FEW, sort_rows
from farwatch.picture import Picture, Status, concat_pictures
from farwatch.plots import Batch, Plots, make_plots, make_progress
from farwatch.tracker import Tracker
from farwatch.tracker.shed import MOST_TENTATIVE, PAIRS, PAIRS_A_PLOT
from farwatch.tracker.tracker import MOST_ROWS
from scenes import FLAT, START_NS, batches_of, concat_plots, confirmed, plots_of, radar, straight, track

TURN_S = 4.0
COURSE = straight(-60e3, 40e3, 200, 0)
S = 10**9


def finite(tracker: Tracker, picture: Picture) -> bool:
    """Whether all that is alive and all that was reported is finite."""
    t = tracker._tracks
    rows = np.flatnonzero(t.alive)
    tables = (t.mean[rows], t.covariance[rows], t.existence[rows], tracker._learned[0].clutter.rate)
    reported = (picture.lat_deg, picture.lon_deg, picture.sigma_horizontal_m, picture.existence)
    return all(np.isfinite(column).all() for column in (*tables, *reported))


def storm(n: int, at_s: float, rng: np.random.Generator, width: float = 2 * np.pi, start: float = 0.0) -> Plots:
    """False plots in a sector of one turn of the beam."""
    azimuth = np.sort(rng.uniform(start, start + width, n))
    time_ns = START_NS + np.round((at_s + azimuth / (2 * np.pi) * TURN_S) * S).astype(np.int64)
    return make_plots(
        n,
        id=10**7 + np.arange(n),
        time_ns=time_ns,
        z=np.column_stack([rng.uniform(1e3, 200e3, n), azimuth]),
        measured=3,
    )


def among(*parts: Plots) -> Plots:
    """All plots in the order of their times."""
    both = concat_plots(list(parts))
    return both.take(np.argsort(both.time_ns, kind="stable"))


def owners(picture: Picture) -> list[int]:
    """Numbers of the tracks within 500 m of the well-behaved aircraft, by time."""
    seen = picture.take(picture.status != Status.ENDED)
    east, north = np.array([COURSE(t) for t in (seen.time_ns - START_NS) / S]).T
    near = np.hypot(seen.lon_deg - east, seen.lat_deg - north) < 500.0
    return seen.track[near].tolist()


@pytest.mark.parametrize(("width", "start"), [(2 * np.pi, 0.0), (0.05, 5.25), (1e-4, 5.3)])
def test_a_storm_of_false_plots_takes_no_track(width: float, start: float, rng: np.random.Generator) -> None:
    good = plots_of([COURSE], 160, rng)
    storms = [storm(6000, 80 + TURN_S * scan, rng, width, start) for scan in range(3)]
    tracker = Tracker([radar()], frame=FLAT)
    picture = track(among(good, *storms), tracker=tracker)
    assert finite(tracker, picture)
    kept = owners(picture)
    assert set(kept[:15]) | set(kept[-15:]) == {1}
    assert kept.count(1) >= 36  # of 40 looks
    assert tracker.counts.given == good.n + 3 * 6000


def test_in_a_storm_the_work_a_plot_is_bounded(rng: np.random.Generator) -> None:
    """So many plots a turn that each lies in dozens of gates: tentative tracks are given up, and counted."""
    plots = among(*(storm(30_000, TURN_S * scan, rng) for scan in range(3)))
    tracker = Tracker([radar()], frame=FLAT)
    pictures = [tracker.update(batch) for batch in batches_of(plots.take(slice(70_000)))]
    assert tracker.counts.crowded > 1000
    assert finite(tracker, concat_pictures(pictures))
    assert tracker._tracks.alive.sum() < plots.n
    assert len(tracker._tracks.alive) <= MOST_ROWS


def test_what_the_bounds_allow_is_more_than_any_scene_needs() -> None:
    assert MESSAGES // ITERATIONS >= PAIRS  # clusters of less than that have all iterations
    assert ITERATIONS > LEAST_ITERATIONS
    assert PAIRS_A_PLOT >= 10
    assert MOST_TENTATIVE >= 8 * PAIRS_A_PLOT


def test_a_full_table_starts_no_more_tracks(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("farwatch.tracker.tracker.MOST_ROWS", 1024)
    tracker = Tracker([radar()], frame=FLAT)
    picture = track(among(plots_of([COURSE], 80, rng), storm(4000, 40, rng)), tracker=tracker)
    assert len(tracker._tracks.alive) == 1024
    assert tracker.counts.crowded > 1000
    assert set(owners(picture)) == {1}


ODD = [0.0, -1.0, np.nan, np.inf, -np.inf, 1e300, 1e-300, 1e20]


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("columns", [(0,), (3,), (1,), (0, 1, 2, 3, 4, 5)])
def test_covariances_that_cannot_be(value: float, columns: tuple[int, ...], rng: np.random.Generator) -> None:
    plots = plots_of([COURSE], 100, rng)
    covariance = np.full((plots.n, 6), np.nan)
    covariance[::3, list(columns)] = value
    tracker = Tracker([radar()], frame=FLAT)
    picture = track(plots._replace(covariance=covariance), tracker=tracker)
    assert finite(tracker, picture)
    assert confirmed(picture) == {1}
    harmless = np.isnan(value) or (value == 0.0 and columns == (1,)) or (abs(value) < 1e-5 and columns == (1,))
    assert tracker.counts.uncertain == (0 if harmless else len(covariance[::3]))


@pytest.mark.parametrize(
    "name", ["z", "covariance", "velocity_sigma", "pressure_altitude_m", "amplitude_dbm", "speed_mps"]
)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(name: str, value: float, rng: np.random.Generator) -> None:
    plots = plots_of([COURSE], 120, rng)
    column = getattr(plots, name).copy()
    column[1::4] = value
    tracker = Tracker([radar()], frame=FLAT)
    picture = track(plots._replace(**{name: column}), tracker=tracker)
    assert finite(tracker, picture)
    assert confirmed(picture) == {1}
    assert tracker.counts.absurd == (len(column[1::4]) if name == "z" else 0)


@pytest.mark.parametrize(("name", "value"), [("kind", 200), ("measured", 0), ("measured", 252), ("time_ns", -1)])
def test_marks_that_name_nothing_are_absurd(name: str, value: int, rng: np.random.Generator) -> None:
    plots = plots_of([COURSE], 60, rng)
    column = getattr(plots, name).copy()
    column[:] = value
    wrong = plots._replace(**{name: column})
    tracker = Tracker([radar()], frame=FLAT)
    for part, until_ns in ((wrong, START_NS), (plots, START_NS + S)):
        tracker.update(Batch(part.take(slice(5)), make_progress(0), until_ns))
    assert tracker.counts.absurd == 5 + int((plots.time_ns[:5] > START_NS + 5 * S).sum())


def test_a_plot_from_the_future_is_absurd(rng: np.random.Generator) -> None:
    plots = plots_of([COURSE], 60, rng)
    ahead = plots.take(slice(3))._replace(time_ns=np.full(3, np.iinfo(np.int64).max))
    tracker = Tracker([radar()], frame=FLAT)
    pictures = []
    for batch in batches_of(plots):
        pictures.append(tracker.update(batch._replace(plots=concat_plots([batch.plots, ahead]))))
    assert tracker.counts.absurd == 3 * len(pictures)
    assert confirmed(concat_pictures(pictures)) == {1}


def test_tens_of_tracks_on_one_place_stay_finite(rng: np.random.Generator) -> None:
    tracker = Tracker([radar()], frame=FLAT)
    picture = track(plots_of([COURSE] * 30, 120, rng), tracker=tracker)
    assert finite(tracker, picture)
    late = picture.take(picture.time_ns > START_NS + 60 * S)
    assert 1 <= len(confirmed(late)) <= 60


def test_a_sensor_that_says_everything_many_times(rng: np.random.Generator) -> None:
    """In the same slice and in later ones: the tracks are to the bit those of a sensor that says it once."""
    plots = plots_of([COURSE, straight(50e3, -70e3, -150, 80)], 100, rng, clutter=5.0)
    once, often = Tracker([radar()], frame=FLAT), Tracker([radar()], frame=FLAT)
    batches = batches_of(plots)
    shown = track(plots, tracker=once)
    echoed = [
        batch._replace(plots=concat_plots([batch.plots, *(b.plots for b in batches[max(k - 3, 0) : k + 1])]))
        for k, batch in enumerate(batches)
    ]
    repeated = concat_pictures([often.update(batch) for batch in echoed])
    assert often.counts.repeated == often.counts.given - plots.n > plots.n
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(shown[1:], repeated[1:], strict=True))


def test_two_plots_that_differ_in_the_last_bit_are_two() -> None:
    z = np.array([[50e3, 1.0], [np.nextafter(50e3, 1e6), 1.0], [50e3, np.nextafter(1.0, 2.0)], [50e3, 1.0]])
    plots = make_plots(4, id=np.arange(4), time_ns=START_NS, z=z, measured=3, address=[-1, -1, -1, 77])
    tracker = Tracker([radar()], frame=FLAT)
    tracker.update(Batch(plots, make_progress(0), START_NS + S))
    assert tracker.counts.repeated == 0
    tracker.update(Batch(plots, make_progress(0), START_NS + S))
    assert tracker.counts.repeated == 4


@pytest.mark.parametrize("steps_s", [(0.0,) * 5, (-10.0, -3600.0), (3600.0, 86_400.0), (1e6, -1e6, 0.0)])
def test_time_that_stands_still_jumps_or_goes_back(steps_s: tuple[float, ...], rng: np.random.Generator) -> None:
    plots = plots_of([COURSE], 60, rng)
    tracker = Tracker([radar()], frame=FLAT)
    pictures = [tracker.update(batch) for batch in batches_of(plots)]
    until_ns = tracker._until_ns
    for step_s in steps_s:
        until_ns += round(step_s * 1e9)
        some = plots.take(slice(5))._replace(time_ns=np.full(5, until_ns - S))
        pictures.append(tracker.update(Batch(some, make_progress(0), until_ns)))
    again = plots_of([COURSE], 80, rng)
    shift_ns = max(until_ns, tracker._until_ns) + 4 * S - START_NS
    again = again._replace(time_ns=again.time_ns + shift_ns // S * S)
    after = concat_pictures([tracker.update(batch) for batch in batches_of(again)])
    assert finite(tracker, concat_pictures([*pictures, after]))
    assert len(confirmed(after.take(after.time_ns > again.time_ns[-1] - 20 * S))) == 1


def test_an_hour_of_late_plots_is_gone_through_at_a_bounded_price(rng: np.random.Generator) -> None:
    tracker = Tracker([radar()], frame=FLAT)
    plots = plots_of([COURSE], 60, rng)
    picture = track(plots, tracker=tracker)
    old = storm(30_000, 0.0, rng)
    old = old._replace(time_ns=old.time_ns - rng.integers(0, 3600, old.n) * S)
    later = tracker.update(Batch(old, make_progress(0), tracker._until_ns))
    assert tracker.counts.late == old.n
    assert tracker.counts.homeless > 29_000
    assert finite(tracker, concat_pictures([picture, later]))
    assert tracker._tracks.alive.sum() == 1


@given(st.lists(st.integers(0, 50), max_size=4 * FEW), st.integers(0, 5))
@settings(deadline=None, max_examples=60)
def test_rows_are_sorted_few_or_many(values: list[int], beyond: int) -> None:
    rows = np.array(values + [-1] * beyond, np.int64)
    sort_rows(rows, len(values))
    assert rows.tolist() == sorted(values) + [-1] * beyond


@given(st.data())
@settings(deadline=None, max_examples=40)
def test_whatever_the_plots_the_tracker_stays_finite(data: st.DataObject) -> None:
    """Any numbers in any column, beside a well-behaved aircraft, which keeps its number."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    good = plots_of([COURSE], 80, rng)
    n = data.draw(st.integers(1, 30))
    numbers = st.floats(width=64) | st.sampled_from([0.0, 1.0, 5e4, 1.5, -1e-12])
    wrong = make_plots(n, id=10**6 + np.arange(n), time_ns=START_NS + rng.integers(0, 80 * S, n))
    for column in (wrong.z, wrong.covariance):
        column[:] = np.array(data.draw(st.lists(numbers, min_size=6 * n, max_size=6 * n))).reshape(n, 6)
    wrong.pressure_altitude_m[:] = data.draw(st.lists(numbers, min_size=n, max_size=n))
    wrong.measured[:] = data.draw(st.lists(st.integers(0, 255), min_size=n, max_size=n))
    wrong.kind[:] = data.draw(st.lists(st.integers(0, 255), min_size=n, max_size=n))
    tracker = Tracker([radar()], frame=FLAT)
    picture = track(among(good, wrong), tracker=tracker)
    assert finite(tracker, picture)
    assert set(owners(picture)) <= {1} | set(picture.track.tolist())
    assert owners(picture).count(1) >= 15
