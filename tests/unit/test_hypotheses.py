"""Hypotheses over a window: joint events against enumeration, places, and tracks that meet and part."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import pytest

from farwatch.association import Pmb
from farwatch.association.likeliest import Options, likeliest_joint
from farwatch.evaluation.gospa import gospa
from farwatch.frame import Frame
from farwatch.motion import Cv
from farwatch.plots import Batch, ProgressKind, make_plots, make_progress
from farwatch.sensors import Area, PositionSensor
from farwatch.tracker import Tracker, TrackerOptions
from farwatch.tracker.births import Birth
from farwatch.tracker.kept import MEMBERS
from farwatch.tracker.places import find_places, merge_globals, reduce_members
from reference import association_marginals, joint_events

EPOCH_NS = 10**18
SENSOR = PositionSensor(
    id="P", period_s=1.0, area=Area(0.0, 300.0, 0.0, 300.0), sigma_m=1.0, detection=0.9, clutter=10.0
)
OPTIONS = TrackerOptions(
    motion=Cv(q=0.01),
    births_per_scan=0.0,
    aircraft_at_start=0.0,
    births=(
        Birth(mean=(150.0, 150.0, 0.0, 0.0, 0.0, 0.0), sigma=(60.0, 60.0, 1.0, 1.0, 1.0, 0.0), weight=0.01, at_start=4),
    ),
    survival_per_minute=0.99**60,
    merge_duplicates=False,
)


def options_of(events: list[list[tuple[int, float]]]) -> Options:
    first = np.cumsum([0, *(len(one) for one in events)])
    plot = np.array([j for one in events for j, _ in one])
    return Options(first, plot, np.log([factor for one in events for _, factor in one]))


def scene(rng: np.random.Generator, tracks: int, locals_each: int, globals_: int, plots: int):  # type: ignore[no-untyped-def]
    events = [
        [
            (-1, float(rng.uniform(0.05, 1.0))),
            *((j, float(rng.lognormal(0, 2))) for j in range(plots) if rng.random() < 0.7),
        ]
        for _ in range(tracks * locals_each)
    ]
    choice = np.arange(tracks) * locals_each + rng.integers(0, locals_each, (globals_, tracks))
    return rng.dirichlet(np.ones(globals_)), choice, events


@pytest.mark.parametrize("seed", range(8))
def test_joint_events_are_those_of_enumeration(seed: int) -> None:
    weight, choice, events = scene(np.random.default_rng(seed), 3, 2, 4, 4)
    expected = joint_events(weight, choice, events)
    options = options_of(events)
    got, pick = likeliest_joint(weight, choice, options, 2000, 0.0)
    np.testing.assert_allclose(got, [w for w, _, _ in expected], rtol=1e-9)
    np.testing.assert_allclose(got.sum(), 1.0)
    for row, (_, g, picked) in zip(pick[:5], expected):
        np.testing.assert_array_equal(row, options.first[choice[g]] + picked)


@pytest.mark.parametrize("most", [1, 5, 40])
def test_joint_events_are_bounded_and_lose_little_of_what_is_likely(most: int, rng: np.random.Generator) -> None:
    weight, choice, events = scene(rng, 4, 3, 10, 5)
    expected = joint_events(weight, choice, events)
    got, pick = likeliest_joint(weight, choice, options_of(events), most, 1e-4)
    assert len(got) == len(pick) <= most
    assert (np.diff(got) <= 0).all()
    kept = sum(w for w, _, _ in expected[:most])
    # Of what it may keep at all, nearly the likeliest: shares relative to the whole are known by the first.
    assert (got / got[0]).sum() * expected[0][0] > 0.9 * kept


def test_one_hypothesis_a_track_gives_the_exact_marginals(rng: np.random.Generator) -> None:
    ratio = rng.lognormal(0, 2, (4, 4)) * (rng.random((4, 4)) < 0.8)
    events = [[(-1, 1.0), *((j, ratio[i, j]) for j in range(4) if ratio[i, j] > 0)] for i in range(4)]
    options = options_of(events)
    weight, pick = likeliest_joint(np.ones(1), np.arange(4)[None], options, 200, 0.0)
    marginal = np.zeros((4, 4))
    for w, row in zip(weight, options.plot[pick]):
        for i, j in enumerate(row):
            if j >= 0:
                marginal[i, j] += w
    np.testing.assert_allclose(marginal, association_marginals(ratio)[0], atol=1e-9)


def test_impossible_and_overwhelming_factors_stay_finite() -> None:
    events = [[(-1, 1e-300), (0, 1e290)], [(-1, 1e-300), (0, 1e290)]]
    weight, pick = likeliest_joint(np.ones(1), np.array([[0, 1]]), options_of(events), 10, 1e-4)
    np.testing.assert_allclose(weight, [0.5, 0.5])
    assert {tuple(row) for row in pick} == {(0, 3), (1, 2)}


def test_places_hold_what_lies_on_one_another() -> None:
    mean = np.array([[0.0] * 6, [0.3, 0, 0, 0, 0, 0], [9.0, 0, 0, 0, 0, 0], [0.1, 0, 0, 0, 0, 0], [0.2, 0, 0, 0, 0, 0]])
    weight, existence = np.array([0.5, 0.4, 0.3, 0.2, 0.1]), np.array([1.0, 0.95, 1.0, 0.5, 1.0])
    owner, modes = np.array([-1, -1, -1, -1, 3]), np.ones(5, int)
    place = find_places(weight, owner, modes, existence, mean, np.broadcast_to(np.eye(6), (5, 6, 6)).copy())
    assert place[0] == place[1]
    assert len(set(place)) == 4  # far away; less likely to exist; of a name of its own


def test_hypotheses_that_swap_two_tracks_become_one() -> None:
    # Local hypotheses: track 0 at place 0 and 1, track 1 at place 1 and 0; globals: straight, swapped, both at 0.
    place = np.array([0, 1, 1, 0])
    weight, pick = np.array([0.5, 0.3, 0.2]), np.array([[0, 2], [1, 3], [0, 3]])
    merged, choice, member, share = merge_globals(weight, pick, place)
    np.testing.assert_allclose(merged, [0.8, 0.2])
    np.testing.assert_array_equal(member[choice], [[0, 1], [0, 1]])
    np.testing.assert_allclose(share[choice[0, 0]], [0.7, 0, 0, 0.3])  # what track 1 had of place 0 is track 0's
    np.testing.assert_allclose(share[choice[0, 1]], [0, 0.3, 0.5, 0])
    assert share.sum() == pytest.approx(2.0)
    alone, rows = reduce_members(merged, choice, np.array([True, False]))
    np.testing.assert_allclose(alone, [1.0])
    assert rows.shape == (1, 1)


def meeting(seed: int, targets: int = 4, steps: int = 61) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Positions (targets, 2) of targets at each step, and plots: they meet at the middle step and part again, save one,
    which ends there."""
    rng = np.random.default_rng(seed)
    F = np.array([[1.0, 1.0], [0.0, 1.0]])
    factor = np.linalg.cholesky(0.01 * np.array([[1 / 3, 0.5], [0.5, 1.0]]))
    states = np.empty((steps, targets, 2, 2))  # axis, position and velocity
    states[steps // 2] = rng.normal(0, np.sqrt(0.1), (targets, 2, 2)) + np.array([150.0, 0.0])
    for k in range(steps // 2 + 1, steps):
        states[k] = states[k - 1] @ F.T + rng.normal(size=(targets, 2, 2)) @ factor.T
    for k in range(steps // 2 - 1, -1, -1):
        states[k] = (states[k + 1] + rng.normal(size=(targets, 2, 2)) @ factor.T) @ np.linalg.inv(F).T
    positions = [now[1:] if k > steps // 2 else now for k, now in enumerate(states[..., 0])]
    plots = []
    for now in positions:
        seen = now[rng.random(len(now)) < 0.9]
        false = rng.uniform(0, 300, (rng.poisson(10), 2))
        plots.append(np.concatenate([seen + rng.normal(size=seen.shape), false]))
    return positions, plots


def batch(step: int, z: np.ndarray) -> Batch:
    now_ns = EPOCH_NS + step * 10**9
    plots = make_plots(len(z), id=np.arange(len(z)), time_ns=now_ns, z=z, measured=3)
    return Batch(plots, make_progress(1, time_ns=now_ns, kind=int(ProgressKind.NORTH)), now_ns + 1)


def tracker_of(hypotheses: int) -> Tracker:
    options = msgspec.structs.replace(OPTIONS, association=Pmb(hypotheses=hypotheses))
    return Tracker([SENSOR], options, Frame(kind="flat"))


def run(tracker: Tracker, plots: list[np.ndarray]) -> Iterator[Tracker]:
    for step, z in enumerate(plots, 1):
        tracker.update(batch(step, z))
        yield tracker


def test_groups_are_bounded_and_whole() -> None:
    _, plots = meeting(1)
    most, sizes = 20, []
    for tracker in run(tracker_of(most), plots):
        kept, tracks = tracker._kept, tracker._tracks
        groups = np.flatnonzero(kept.size)
        sizes.append(len(groups))
        named = set()
        for g in groups:
            n, m = kept.hypotheses[g], kept.size[g]
            assert 2 <= m <= MEMBERS
            assert 1 < n <= most
            np.testing.assert_allclose(kept.weight[g, :n].sum(), 1.0)
            rows = kept.choice[g, :n, :m]
            named |= set(rows.ravel().tolist())
            np.testing.assert_array_equal(kept.track[rows], np.broadcast_to(kept.member[g, :m], rows.shape))
        assert named == set(np.flatnonzero(kept.track >= 0).tolist())  # no row is lost
        grouped = np.flatnonzero(tracks.alive & (tracks.group >= 0))
        assert set(tracks.group[grouped].tolist()) <= set(groups.tolist())
    assert max(sizes) > 0


def test_a_snapshot_in_the_middle_goes_on_bit_by_bit() -> None:
    _, plots = meeting(2)
    tracker = tracker_of(50)
    held = 0
    for step, _ in enumerate(run(tracker, plots[:34]), 1):
        held = step if tracker._kept.size.any() else held
    assert held == 34
    restored = tracker_of(50)
    restored.restore(tracker.snapshot())
    for step, z in enumerate(plots[34:], 35):
        for one in (tracker, restored):
            one.update(batch(step, z))
    assert tracker.snapshot() == restored.snapshot()


def test_where_nobody_contends_nothing_changes() -> None:
    rng = np.random.default_rng(3)
    starts = np.array([[60.0, 60.0], [60.0, 240.0], [240.0, 150.0]])
    plots = [starts + step * np.array([0.5, 0.2]) + rng.normal(size=(3, 2)) for step in range(20)]
    states = []
    for hypotheses in (1, 100):
        *_, tracker = run(tracker_of(hypotheses), plots)
        assert not tracker._kept.size.any()
        states.append(tracker.snapshot())
    assert states[0] == states[1]


def test_targets_that_part_are_told_apart_better_than_by_marginals() -> None:
    errors = {1: [], 100: []}
    for seed in range(5):
        truth, plots = meeting(seed)
        for hypotheses, into in errors.items():
            for step, tracker in enumerate(run(tracker_of(hypotheses), plots)):
                if 31 <= step < 45:
                    picture = tracker.picture(EPOCH_NS + (step + 1) * 10**9, above_existence=0.4)
                    found = np.column_stack([picture.lon_deg, picture.lat_deg])
                    into.append(gospa2(truth[step], found))
    assert np.mean(errors[100]) < 0.8 * np.mean(errors[1])


def gospa2(truth: np.ndarray, found: np.ndarray) -> float:
    return float(gospa(truth, found, 10.0).distance ** 2)


def test_a_crowd_too_large_for_a_group_goes_on_by_marginals() -> None:
    rng = np.random.default_rng(5)
    tracker = tracker_of(100)
    spots = 150 + 25 * np.array([[a, b] for a in range(-2, 3) for b in range(-1, 2)], float)
    for step in range(1, 30):
        spread = max(1.0 - step / 20, 0.02)  # fifteen targets close in on one another
        z = 150 + (spots - 150) * spread + rng.normal(size=spots.shape)
        tracker.update(batch(step, z))
        assert tracker._kept.size.max() <= MEMBERS
    t = tracker._tracks
    assert np.isfinite(t.mean[t.alive]).all()
    assert t.existence[t.alive].sum() == pytest.approx(15, abs=2)
