"""Truth made by hand, and the tracks of a tracker that knows it, for tests of the measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from farwatch.picture import Picture, Status, make_picture
from farwatch.scenario import Scenario, parse
from farwatch.truth import AircraftType, Outcome, States, Truth, make_illuminations, make_states

START_NS = 1_767_225_600_000_000_000
SCAN_S = 10
TRACKS_FROM = 100  # track number of aircraft 0
Course = Callable[[float], tuple[float, float]]  # seconds -> east, north (m)


def scenario(flat: bool = True) -> Scenario:
    """One radar of 10 s a turn at the origin."""
    sensor = {
        "kind": "radar",
        "id": "A",
        "position": {"lat_deg": 0.0 if flat else 47.0, "lon_deg": 0.0 if flat else 9.0},
        "rotation_s": float(SCAN_S),
        "max_range_km": 400.0,
    }
    return parse({"name": "By hand", "sensors": [sensor], "frame": {"kind": "flat" if flat else "wgs84"}})


def straight(east_m: float, north_m: float, east_mps: float, north_mps: float) -> Course:
    """At constant velocity."""
    return lambda t: (east_m + east_mps * t, north_m + north_mps * t)


def apart(n: int, step_m: float = 20e3) -> list[Course]:
    """Aircraft side by side, all eastward."""
    return [straight(-50e3, 30e3 + step_m * k, 200.0, 0.0) for k in range(n)]


def truth_of(
    courses: Sequence[Course],
    seconds: int = 200,
    types: Sequence[int] | None = None,
    formation: Sequence[int] | None = None,
    detection: Sequence[float] | None = None,
) -> Truth:
    """States each second and a detected look each scan, in the plane; aircraft are numbered from 0."""
    n = len(courses)
    t = np.arange(seconds + 1)
    rows = []
    for k, course in enumerate(courses):
        place = np.array([course(float(s)) for s in t])
        velocity = np.array([np.subtract(course(s + 0.005), course(s - 0.005)) / 0.01 for s in t])
        rows.append(
            make_states(
                len(t),
                time_ns=START_NS + t * 10**9,
                aircraft=k,
                lat_deg=place[:, 1],
                lon_deg=place[:, 0],
                height_wgs84_m=9_000.0,
                ground_speed_mps=np.hypot(*velocity.T),
                track_angle_deg=np.degrees(np.arctan2(velocity[:, 0], velocity[:, 1])) % 360.0,
                type=(types or [int(AircraftType.AIRLINER)] * n)[k],
                formation=(formation or [0] * n)[k],
            )
        )
    states = States(*(np.concatenate(columns) for columns in zip(*rows)))
    scans = seconds // SCAN_S
    number = np.tile(np.arange(n), scans)
    look_s = np.repeat(np.arange(scans), n) * SCAN_S + 3.0 + 0.001 * number
    looks = make_illuminations(
        n * scans,
        time_ns=START_NS + np.round(look_s * 1e9).astype(np.int64),
        aircraft=number,
        outcome=int(Outcome.DETECTED),
        plot=np.arange(n * scans),
        detection=np.tile(detection or [0.9] * n, scans),
        sigma_range_m=50.0,
        sigma_azimuth_rad=np.radians(0.1),
    )
    return Truth(states, looks)


def perfect(truth: Truth, sigma_m: float = 100.0) -> Picture:
    """A track for each aircraft, where it is, every second."""
    s = truth.states
    named = ("time_ns", "lat_deg", "lon_deg", "height_wgs84_m", "ground_speed_mps", "track_angle_deg")
    return make_picture(s.n)._replace(
        **{name: getattr(s, name).copy() for name in (*named, "vertical_rate_mps")},
        track=s.aircraft + TRACKS_FROM,
        status=np.full(s.n, int(Status.CONFIRMED), np.uint8),
        sigma_east_m=np.full(s.n, sigma_m),
        sigma_north_m=np.full(s.n, sigma_m),
    )
