"""Aircraft that a radar cannot tell apart: cells, joint events, and tracks that live through them."""

from __future__ import annotations

import itertools
import math

import msgspec
import numpy as np
import pytest

from farwatch.association.joint import Velocities, company, detection_together, solve_jointly
from farwatch.association.resolution import ABSENT, Partitions, Seen, apart_surely, draw_partitions, find_near
from farwatch.plots import Kind, Plots, concat_plots, make_plots
from farwatch.sensors import Radar, ResolutionCell
from farwatch.tracker import Tracker
from reference import joint_ways, linked
from scenes import FLAT, START_NS, batches_of, confirmed, plots_of, radar, straight, track

SECOND = 10**9
CELL_U, CELL_V = 0.02, 150.0


def seen_of(u: np.ndarray, v: np.ndarray, sigma_u: float, sigma_v: float) -> Seen:
    n = len(u)
    zero, one = np.zeros(n), np.ones(n)
    return Seen(u, v, zero, sigma_u**2 * one, zero, sigma_v**2 * one, zero, zero, zero)


def none_fresh(looks: int, plots: int) -> Velocities:
    return Velocities(
        np.zeros(looks, bool), np.zeros((looks, 2)), np.zeros((looks, plots, 2)), np.zeros((looks, 2)), 180.0**2
    )


def test_looks_are_near_where_they_may_share_a_cell() -> None:
    u = np.array([0.1, 0.105, 0.2, 6.28, 0.001, 3.0])
    v = np.array([50e3, 50.1e3, 50e3, 80e3, 80.05e3, 50e3])
    near = find_near(seen_of(u, v, 1e-3, 50.0), np.ones(6, bool), 2 * np.pi, CELL_U, CELL_V)
    assert near.tolist() == [0, 0, 2, 3, 3, 5]  # the fourth and the fifth across north
    assert find_near(seen_of(u, v, 1e-3, 50.0), np.zeros(6, bool), 2 * np.pi, CELL_U, CELL_V).tolist() == [-1] * 6


def test_near_looks_beyond_what_can_be_solved_are_left_alone() -> None:
    near = find_near(
        seen_of(np.full(9, 0.1), np.full(9, 50e3), 1e-3, 50.0), np.ones(9, bool), 2 * np.pi, CELL_U, CELL_V
    )
    assert near.tolist() == list(range(9))


def test_cells_are_drawn_as_their_looks_are_predicted(rng: np.random.Generator) -> None:
    u, v = np.array([1.0, 1.004, 1.012]), np.array([60e3, 60.12e3, 60.3e3])
    seen = seen_of(u, v, 1e-3, 60.0)
    members = np.arange(3)
    drawn = draw_partitions(seen, members, np.ones(3), np.full(3, -1), 2 * np.pi, CELL_U, CELL_V)
    assert drawn.weight.sum() == pytest.approx(1.0)
    # The kernel's cells have no sharp edges and a quarter of its samples is wider: so are the reference's.
    expected: dict[tuple[int, ...], float] = {}
    n = 6000
    for k in range(n):
        wide, size = (2.0 if k % 4 == 0 else 1.0), rng.uniform(0.8, 1.3)
        place = np.column_stack([u, v]) + wide * rng.normal(size=(3, 2)) * [1e-3, 60.0]
        label = tuple(linked(place, size * np.array([CELL_U, CELL_V])))
        expected[label] = expected.get(label, 0.0) + 1.0 / n
    got = {tuple(label): weight for label, weight in zip(drawn.label.tolist(), drawn.weight)}
    assert got.keys() <= expected.keys()
    for label, share in expected.items():
        assert got.get(label, 0.0) == pytest.approx(share, abs=0.1)
    # A merged plot lies between its aircraft: the first is below the centroid, the second above it.
    assert drawn.offset[0b011, 0, 1] < 0.0 < drawn.offset[0b011, 1, 1]
    assert (drawn.variance[0b011, :2] > 0.0).all()


def test_what_was_one_cell_mostly_stays_one() -> None:
    seen = seen_of(np.array([1.0, 1.004]), np.array([60e3, 60.15e3]), 1e-3, 60.0)

    def together(before: list[int]) -> float:
        drawn = draw_partitions(seen, np.arange(2), np.ones(2), np.array(before), 2 * np.pi, CELL_U, CELL_V)
        return float(drawn.share[0b11])

    assert together([7, 8]) < together([-1, -1]) - 0.1
    assert together([7, 7]) > together([-1, -1]) + 0.1


def test_a_doubtful_aircraft_may_be_absent() -> None:
    seen = seen_of(np.array([1.0, 1.001]), np.array([60e3, 60.01e3]), 1e-3, 20.0)
    drawn = draw_partitions(seen, np.arange(2), np.array([1.0, 0.3]), np.full(2, -1), 2 * np.pi, CELL_U, CELL_V)
    absent = sum(weight for label, weight in zip(drawn.label, drawn.weight) if label[1] == ABSENT)
    assert absent == pytest.approx(0.7, abs=1e-6)
    assert drawn.sure.tolist() == [1.0, 1.0]  # the weights tell of the second


def random_scene(rng: np.random.Generator, looks: int, plots: int):  # type: ignore[no-untyped-def]
    """Likelihoods and partitions with likelihoods for each of their cells."""
    alone = rng.lognormal(1, 2, (looks, plots)) * (rng.random((looks, plots)) < 0.8)
    common = np.zeros((1 << looks, plots))
    labels = []
    for label in itertools.product(range(looks), repeat=looks):
        if all(label[k] == k for k in set(label)) and all(label[i] <= i for i in range(looks)):
            labels.append(list(label))
            for k in set(label):
                mask = sum(1 << i for i in range(looks) if label[i] == k)
                if mask & (mask - 1):
                    common[mask] = rng.lognormal(1, 2, plots)
    labels.append([0] + [ABSENT] * (looks - 1))
    weights = rng.dirichlet(np.ones(len(labels)))
    none = np.zeros((1 << looks, looks, 2))
    partitions = Partitions(
        np.array(labels), weights, np.ones(1 << looks), none, none, none[:, 0].copy(), np.ones(looks)
    )
    return alone, common, partitions


@pytest.mark.parametrize("seed", range(6))
def test_joint_events_with_merged_plots_are_those_of_enumeration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    looks, plots = (3, 3) if seed % 2 else (2, 4)
    alone, common, partitions = random_scene(rng, looks, plots)
    detection = rng.uniform(0.5, 0.95, looks)
    ways = joint_ways(alone, common, detection, partitions.label.tolist(), partitions.weight, ABSENT)
    total = sum(ways.values())
    told, found = solve_jointly(alone, common, detection, partitions, none_fresh(looks, plots), False)
    assert told
    for i in range(looks):
        miss = sum(w for who, w in ways.items() if who[i][0] < 0)
        assert found.miss[i] == pytest.approx(miss / total, abs=1e-9)
        for j in range(plots):
            by_itself = sum(w for who, w in ways.items() if who[i] == (j, 1 << i))
            assert found.alone[i, j] == pytest.approx(by_itself / total, abs=1e-9)
    for mask in range(1 << looks):
        for j in range(plots):
            if mask & (mask - 1):
                shared = sum(w for who, w in ways.items() if (j, mask) in who)
                assert found.common[mask, j] == pytest.approx(shared / total, abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_ways_that_exchange_plots_count_for_their_likeliest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    looks, plots = (3, 3) if seed % 2 else (2, 4)
    alone, common, partitions = random_scene(rng, looks, plots)
    detection = rng.uniform(0.5, 0.95, looks)
    _, found = solve_jointly(alone, common, detection, partitions, none_fresh(looks, plots), True)
    sets: dict[object, list[tuple[float, object]]] = {}
    for who, w in joint_ways(alone, common, detection, partitions.label.tolist(), partitions.weight, ABSENT).items():
        made = tuple(sorted(j for j, _ in who if j >= 0))
        sets.setdefault((made, tuple(j >= 0 for j, _ in who)), []).append((w, who))
    total = sum(w for ways in sets.values() for w, _ in ways)
    expected = np.zeros((looks, plots))
    for ways in sets.values():
        best = max(ways)[1]
        for i, (j, mask) in enumerate(best):  # type: ignore[var-annotated, arg-type]
            if j >= 0 and mask == 1 << i:
                expected[i, j] += sum(w for w, _ in ways)
    np.testing.assert_allclose(found.alone, expected / total, atol=1e-9)
    rows = found.alone.sum(axis=1) + found.miss
    for mask in range(1 << looks):
        for i in range(looks):
            rows[i] += found.common[mask].sum() if mask >> i & 1 else 0.0
    np.testing.assert_allclose(rows, 1.0, atol=1e-9)


def test_more_ways_than_can_be_counted_are_refused() -> None:
    alone = np.ones((6, 16))
    told, _ = solve_jointly(
        alone, np.zeros((64, 16)), np.full(6, 0.9), apart_surely(np.ones(6)), none_fresh(6, 16), True
    )
    assert not told


def test_echoes_of_one_cell_add_up() -> None:
    false_alarm, snr = 1e-4, 30.0
    alone = false_alarm ** (1 / (1 + snr))
    both = false_alarm ** (1 / (2 + 2 * snr))  # the noise is counted twice: a hundredth in Pd
    assert detection_together(np.array([alone, alone]), 0b11) == pytest.approx(both, abs=1e-9)
    assert detection_together(np.array([alone, 0.5]), 0b01) == pytest.approx(alone)


def test_a_new_aircraft_flies_as_the_one_beside_it() -> None:
    given = np.zeros((2, 1, 2))
    given[1, 0] = [5.0, 200.0]
    fresh, known = np.array([False, True]), np.array([[0.0, 195.0], [0.0, 0.0]])
    cells, choice = np.array([1, 2]), np.array([-1, 0])

    def ratio(v: np.ndarray) -> float:
        return float(company(Velocities(fresh, v, given, np.full((2, 2), 10.0**2), 180.0**2), choice, cells, 2))

    assert ratio(known) > 10.0
    assert ratio(-known) == pytest.approx(0.5, abs=1e-6)


def approaching(rng: np.random.Generator, sensor: Radar, apart_m: float) -> Plots:
    """Two that fly outwards in step, 600 m apart in range for 12 scans, `apart_m` for 15, and 600 m again.

    Nearer than the cell they give one plot at a random place between them.
    """
    turn = sensor.rotation_s
    plots = []
    for scan in range(39):
        t = scan * turn
        near = min(max((scan - 9) / 4.0, 0.0), max((31 - scan) / 4.0, 0.0), 1.0)
        gap = 600.0 + near * (apart_m - 600.0)
        inner = 60e3 + 200.0 * t
        azimuth = 0.7
        places = [inner, inner + gap]
        if gap < sensor.resolution.range_m:
            places = [inner + rng.uniform(0, 1) * gap]
        for r in places:
            z = [[r + rng.normal(0, 50.0), azimuth + rng.normal(0, math.radians(0.08)), *[np.nan] * 4]]
            crossed_ns = START_NS + round((t + azimuth / (2 * np.pi) * turn) * SECOND)
            plots.append(make_plots(1, z=z, measured=3, kind=int(Kind.PSR), time_ns=crossed_ns))
    joined = concat_plots(plots)
    return joined._replace(id=np.arange(joined.n))


@pytest.mark.parametrize("seed", range(4))
def test_a_pair_is_two_tracks_while_its_plots_are_merged_and_after(seed: int) -> None:
    sensor = radar(clutter=10.0)
    picture = track(approaching(np.random.default_rng(seed), sensor, 60.0), sensor)
    assert confirmed(picture) == {1, 2}
    for first_s, last_s in ((60, 120), (130, 156)):
        when = (picture.time_ns >= START_NS + first_s * SECOND) & (picture.time_ns < START_NS + last_s * SECOND)
        for number in (1, 2):
            assert (when & (picture.track == number) & (picture.existence > 0.25)).sum() >= 0.8 * (last_s - first_s) / 4


def test_a_radar_that_resolves_all_ends_one_of_them() -> None:
    """The control of the test above: without a cell, one track has to explain the other's misses by its end."""
    sensor = msgspec.structs.replace(radar(clutter=10.0), resolution=ResolutionCell(range_m=0.0))
    lost = 0
    for seed in range(4):
        merged_by = radar(clutter=10.0)
        picture = track(approaching(np.random.default_rng(seed), merged_by, 60.0), sensor)
        late = picture.take((picture.time_ns >= START_NS + 100 * SECOND) & (picture.time_ns < START_NS + 120 * SECOND))
        lost += len(set(late.track[late.existence > 0.25].tolist())) < 2
    assert lost >= 3


def test_a_formation_is_as_many_tracks_as_aircraft(rng: np.random.Generator) -> None:
    sensor = radar(clutter=10.0, rotation_s=10.0)
    courses = [straight(-60e3 + 700.0 * k, 60e3 - 900.0 * k, 180.0, 150.0) for k in range(3)]
    picture = track(plots_of(courses, 200, rng, sensor), sensor)
    assert len(confirmed(picture)) == 3
    late = picture.take(picture.time_ns > START_NS + 60 * SECOND)
    for number in confirmed(picture):
        own = late.take(late.track == number)
        t = (own.time_ns - START_NS) * 1e-9
        apart = [np.hypot(own.lon_deg - course(t)[0], own.lat_deg - course(t)[1]) for course in courses]
        assert min(np.median(distance) for distance in apart) < 150.0


def test_what_is_far_apart_is_tracked_as_without_cells(rng: np.random.Generator) -> None:
    courses = [straight(-60e3, 20e3 * k, 200.0, 20.0) for k in range(1, 5)]
    plots = plots_of(courses, 120, rng, detection=0.9)
    sensor = radar()
    without = msgspec.structs.replace(sensor, resolution=ResolutionCell(range_m=0.0))
    for a, b in zip(track(plots, sensor), track(plots, without)):
        np.testing.assert_array_equal(a, b)


def test_a_snapshot_in_the_middle_of_a_merge_goes_on_the_same() -> None:
    sensor = radar(clutter=10.0)
    batches = list(batches_of(approaching(np.random.default_rng(3), sensor, 60.0), sensor))
    first, half = Tracker([sensor], frame=FLAT), len(batches) // 2
    for batch in batches[:half]:
        first.update(batch)
    second = Tracker([sensor], frame=FLAT)
    second.restore(first.snapshot())
    for batch in batches[half:]:
        for a, b in zip(first.update(batch), second.update(batch)):
            np.testing.assert_array_equal(a, b)


def test_a_cell_of_no_width_is_refused() -> None:
    for wrong in ({"range_m": 100.0, "azimuth_deg": 0.0}, {"range_m": -1.0}, {"width_m": 100.0}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, ResolutionCell)
