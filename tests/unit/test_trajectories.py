"""True states between those given, and the last row of an owner at any time, against slower ways."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import Geod, Transformer
from scipy.interpolate import CubicHermiteSpline

from airspace import START_NS
from farwatch.evaluation.timeline import Timeline
from farwatch.evaluation.trajectories import Trajectories, in_frame, on_ground
from farwatch.truth import States, make_states


def test_the_last_row_at_or_before_a_time(rng: np.random.Generator) -> None:
    owner, time_ns = rng.integers(0, 6, 200) * 3, START_NS + rng.integers(0, 50, 200)
    line = Timeline(owner, time_ns)
    asked, when = rng.integers(-2, 20, 500), START_NS + rng.integers(-10, 60, 500)
    found = line.last(asked, when)
    for row, name, at_ns in zip(found, asked, when):
        mine = np.flatnonzero((owner == name) & (time_ns <= at_ns))
        if not len(mine):
            assert row == -1
            continue
        expected = mine[np.flatnonzero(time_ns[mine] == time_ns[mine].max())[-1]]  # of equals, the one that came last
        assert line.order[row] == expected
    none = Timeline(owner[:0], time_ns[:0])
    assert none.last(asked, when).tolist() == [-1] * 500


def flown(rng: np.random.Generator, aircraft: int, n: int) -> States:
    """Random states in the plane, at random times, in no order."""
    parts = aircraft * n
    return make_states(
        parts,
        time_ns=START_NS + rng.permutation(parts * 10)[:parts] * 10**8,
        aircraft=rng.permutation(np.repeat(np.arange(aircraft) * 5, n)),
        lat_deg=rng.normal(0, 1e4, parts),
        lon_deg=rng.normal(0, 1e4, parts),
        height_wgs84_m=rng.normal(5e3, 1e3, parts),
        ground_speed_mps=rng.uniform(100, 300, parts),
        track_angle_deg=rng.uniform(0, 360, parts),
        vertical_rate_mps=rng.normal(0, 10, parts),
    )


def test_states_lie_on_hermite_polynomials(rng: np.random.Generator) -> None:
    states = flown(rng, 4, 12)
    paths = Trajectories(states, flat=True)
    for name in (0, 5, 10, 15):
        own = states.take(states.aircraft == name)
        own = own.take(np.argsort(own.time_ns))
        motion = in_frame(*own[2:8], True)
        at_s = (own.time_ns - START_NS) * 1e-9
        spline = CubicHermiteSpline(at_s, motion[:, :3], motion[:, 3:])
        when = START_NS + rng.integers(-20, 500, 300) * 10**8
        found = paths.at(np.full(300, name), when)
        inside = (when >= own.time_ns[0]) & (when <= own.time_ns[-1])
        seconds = (when[inside] - START_NS) * 1e-9
        np.testing.assert_allclose(found[inside, :3], spline(seconds), atol=1e-6)
        np.testing.assert_allclose(found[inside, 3:], spline.derivative()(seconds), atol=1e-6)
        assert np.isnan(found[~inside]).all()
        after = paths.at(np.array([name]), own.time_ns[-1:] + 10**9, beyond_ns=2 * 10**9)
        np.testing.assert_allclose(after[0, :3], motion[-1, :3] + motion[-1, 3:])
        np.testing.assert_array_equal(after[0, 3:], motion[-1, 3:])
        assert np.isnan(paths.at(np.array([name]), own.time_ns[-1:] + 3 * 10**9, beyond_ns=2 * 10**9)).all()
    assert np.isnan(paths.at(np.array([7]), states.time_ns[:1])).all()


def test_velocities_on_the_round_earth(rng: np.random.Generator) -> None:
    lat, lon, track = rng.uniform(-70, 70, 50), rng.uniform(-180, 180, 50), rng.uniform(0, 360, 50)
    height, climb = rng.uniform(0, 12e3, 50), rng.normal(0, 10, 50)
    motion = in_frame(lat, lon, height, np.full(50, 200.0), track, climb, False)
    to_ecef = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    ends = []
    for sign in (-0.5, 0.5):
        # A second's way along the ellipsoid; at a height it is longer by the height over the Earth's radius.
        far_lon, far_lat, _ = Geod(ellps="WGS84").fwd(lon, lat, track, np.full(50, 200.0 * sign))
        ends.append(np.column_stack(to_ecef.transform(far_lon, far_lat, height + climb * sign)))
    apart = ends[1] - ends[0]
    np.testing.assert_allclose(motion[:, :3], np.column_stack(to_ecef.transform(lon, lat, height)), atol=1e-6)
    np.testing.assert_allclose(motion[:, 3:], apart, atol=200.0 * 12e3 / 6.33e6)


def test_on_the_ground_only_the_height_goes(rng: np.random.Generator) -> None:
    lat, lon, height = rng.uniform(-70, 70, 20), rng.uniform(-180, 180, 20), rng.uniform(0, 12e3, 20)
    motion = in_frame(lat, lon, height, np.zeros(20), np.zeros(20), np.zeros(20), False)
    ground, heights, axes = on_ground(motion[:, :3], False)
    np.testing.assert_allclose(heights, height, atol=1e-6)
    np.testing.assert_allclose(ground, in_frame(lat, lon, height * 0, *np.zeros((3, 20)), False)[:, :3], atol=1e-6)
    np.testing.assert_allclose(axes @ axes.transpose(0, 2, 1), np.broadcast_to(np.eye(2), (20, 2, 2)), atol=1e-12)
    np.testing.assert_allclose(np.einsum("nad,nd->na", axes, motion[:, :3] - ground), 0.0, atol=1e-6)


@pytest.mark.parametrize("column", ["turn_rate_dps", "ground_speed_mps", "vertical_rate_mps"])
def test_manoeuvres_are_told_by_what_changes(column: str) -> None:
    changed = np.where((np.arange(20) >= 8) & (np.arange(20) < 12), 3.0, 0.0)
    states = make_states(20, time_ns=START_NS + np.arange(20) * 10**9, aircraft=1, **{column: changed})
    paths = Trajectories(states, flat=True)

    def between(start_s: float, end_s: float) -> bool:
        times = (np.array([START_NS + round(s * 1e9)]) for s in (start_s, end_s))
        level, climb = paths.manoeuvred(np.array([1]), *times)[0]
        assert not (level if column == "vertical_rate_mps" else climb)
        return bool(level or climb)

    assert not between(0.5, 6.5)
    assert between(6.5, 7.5)
    assert between(0.5, 18.5)
    assert between(11.5, 18.5)
    assert not between(12.5, 18.5)
    assert between(9.2, 10.8) == (column == "turn_rate_dps")  # a steady climb is straight flight
