"""Small scenes for tests of the tracker: a radar at the origin of a plane, aircraft on given courses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from farwatch.frame import Frame
from farwatch.picture import Picture, Status, concat_pictures
from farwatch.plots import Batch, Kind, Plots, Progress, concat_plots, make_plots, make_progress
from farwatch.sensors import Place, Radar, RadarSigma
from farwatch.sources import Merge, merged
from farwatch.sources.replay import shortest_slice_s
from farwatch.tracker import Tracker

START_NS = 1_767_225_600_000_000_000
FLAT = Frame(kind="flat")
Course = Callable[[float], tuple[float, float]]  # time (s) -> east, north (m)


def radar(clutter: float = 10.0, rotation_s: float = 4.0, detection: float = 0.95) -> Radar:
    """A two-dimensional radar of 50 m and 0.08 degrees."""
    return Radar(
        id="R",
        position=Place(lat_deg=0.0, lon_deg=0.0),
        rotation_s=rotation_s,
        max_range_km=200.0,
        sigma=RadarSigma(range_m=50.0, azimuth_deg=0.08),
        detection=detection,
        clutter=clutter,
    )


def straight(east_m: float, north_m: float, east_mps: float, north_mps: float) -> Course:
    """A course at constant velocity."""
    return lambda t: (east_m + east_mps * t, north_m + north_mps * t)


def plots_of(
    courses: Sequence[Course],
    duration_s: float,
    rng: np.random.Generator,
    sensor: Radar | None = None,
    addresses: Sequence[int] = (),
    detection: float = 1.0,
    clutter: float = 0.0,
) -> Plots:
    """Plots of aircraft on courses, each at the beam's crossing, with noise, misses and uniform clutter."""
    sensor = sensor or radar()
    turn = sensor.rotation_s
    rows = []
    for scan in range(int(duration_s / turn)):
        for number, course in enumerate(courses):
            t = scan * turn
            for _ in range(5):
                azimuth = np.arctan2(*course(t)) % (2 * np.pi)
                t = (scan + azimuth / (2 * np.pi)) * turn
            if rng.random() < detection:
                rows.append((t, np.hypot(*course(t)), azimuth, number))
        for _ in range(rng.poisson(clutter)):
            azimuth = rng.uniform(0, 2 * np.pi)
            rows.append(((scan + azimuth / (2 * np.pi)) * turn, rng.uniform(1e3, 200e3), azimuth, -1))
    t, r, azimuth, who = np.array(sorted(rows)).reshape(-1, 4).T
    real = who >= 0
    z = np.column_stack(
        [
            r + real * rng.normal(0, sensor.sigma.range_m, len(r)),
            (azimuth + real * rng.normal(0, np.radians(sensor.sigma.azimuth_deg), len(r))) % (2 * np.pi),
        ]
    )
    known = np.array([addresses[int(n)] if real_one and addresses else -1 for n, real_one in zip(who, real)], int)
    return make_plots(
        len(t),
        id=np.arange(len(t)),
        time_ns=START_NS + np.round(t * 1e9).astype(np.int64),
        kind=np.where(known >= 0, int(Kind.PSR_MODE_S), int(Kind.PSR)),
        z=z,
        measured=3,
        address=known,
    )


def batches_of(plots: Plots, sensor: Radar | None = None, progress: Progress | None = None) -> list[Batch]:
    """The slices that any source would make of them."""
    sensor = sensor or radar()
    chunks = [(plots, progress if progress is not None else make_progress(0))]
    return list(merged(chunks, Merge(shortest_slice_s([sensor])), sensor.rotation_s))


def track(plots: Plots, sensor: Radar | None = None, tracker: Tracker | None = None) -> Picture:
    """All rows that a tracker in the plane reports."""
    sensor = sensor or radar()
    tracker = tracker or Tracker([sensor], frame=FLAT)
    return concat_pictures([tracker.update(batch) for batch in batches_of(plots, sensor)])


def confirmed(picture: Picture) -> set[int]:
    """Numbers of the tracks in a picture."""
    return set(picture.track[picture.status != Status.ENDED].tolist())


__all__ = ["FLAT", "START_NS", "batches_of", "concat_plots", "confirmed", "plots_of", "radar", "straight", "track"]
