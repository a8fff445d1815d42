"""Evaluate: one table of figures for tracks against truth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

from farwatch.errors import FarwatchError
from farwatch.evaluation.bound import Bound, Steps, bound
from farwatch.evaluation.consistency import consistency, squared
from farwatch.evaluation.coverage import LOOKS, Coverage
from farwatch.evaluation.inputs import check, overlap, scan_period_ns
from farwatch.evaluation.match import fragments, purity
from farwatch.evaluation.scans import Live, Scans, compare
from farwatch.evaluation.siap import siap
from farwatch.evaluation.swaps import Swaps, find_swaps
from farwatch.evaluation.trajectories import Trajectories, in_frame, on_ground
from farwatch.picture import Picture, concat_pictures, make_picture
from farwatch.plots import Floats, Ints
from farwatch.scenario import Scenario
from farwatch.sensors import Radar
from farwatch.sensors.radar import radar_model
from farwatch.tracker.options import tracker_model
from farwatch.truth import LOOKS_PROPER, AircraftType, Outcome, Truth

STRAIGHT_LOOKS = 8  # since the last manoeuvre
UNMERGED_LOOKS = 3


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a group of aircraft; shares as fractions, NaN where nothing was there to be measured."""

    aircraft: int  # that counted at one scan at least
    completeness: float
    rmse_horizontal_m: float
    rmse_height_m: float
    rmse_over_bound: float  # of aircraft in straight flight, alone in their plots
    nees: float  # horizontal, per dimension: 1 is ideal
    nees_low: float  # 95 % band, each aircraft one sample
    nees_high: float
    fragments: int
    swaps: int
    swaps_shallow: int  # of courses that met at less than 20 degrees
    initiation_looks: float  # median, from the first detectable look to being held at a scan's end
    initiation_looks_p95: float


class Evaluation(Figures, frozen=True, kw_only=True):
    """Tracks against truth, scored causally at the ends of scans."""

    ambiguity: float
    spuriousness: float
    gospa_m: float  # means over the scans, c = 3,000 m, p = 2
    localisation_m: float
    missed: float
    false: float
    purity: float
    track_number_changes_per_h: float
    longest_track_segment: float
    scans: int
    tracks: int
    by_type: dict[str, Figures]
    note: str = ""  # what of the input could not be scored

    def __str__(self) -> str:
        lines = [f"{name:<28}{value}" for name, value in rows(self)]
        for kind, figures in self.by_type.items():
            lines += ["", f"{kind}:", *(f"  {name:<26}{value}" for name, value in rows(figures))]
        return "\n".join([*lines, *([self.note] if self.note else [])])


def rows(figures: Figures) -> list[tuple[str, str]]:
    """Names and values in words, as tables show them."""
    shown = []
    for name in figures.__struct_fields__:
        value = getattr(figures, name)
        if isinstance(value, int | float):
            digits = 0 if isinstance(value, int) else 1 if name.endswith(("_m", "_looks", "_p95")) else 3
            shown.append((name, f"{value:,.{digits}f}" if np.isfinite(value) else "-"))
    return shown


def evaluate(pictures: Picture | Iterable[Picture], truth: Truth, scenario: Scenario) -> Evaluation:
    """Score tracks against truth at scan ends; raises `FarwatchError` for what cannot be compared.

    Each track counts with its last state at or before the end of a scan, moved on by its own velocity. An aircraft
    counts from its sixth detectable look on, until the sensors lose it; tracks of aircraft that do not count are
    neither right nor false.
    """
    if isinstance(pictures, Picture):
        parts = [make_picture(0), pictures]
    else:
        parts = [make_picture(0), *(last_of_each(part) for part in pictures)]
    picture = concat_pictures(parts)
    flat, scan_ns = scenario.frame.flat, scan_period_ns(scenario)
    check(picture, truth, flat)
    times = np.append(picture.time_ns, [part.until_ns for part in parts if part.until_ns]).astype(np.int64)
    shared = overlap(int(times.min()), int(times.max()), truth.states, scan_ns) if len(times) else None
    paths, coverage = Trajectories(truth.states, flat), Coverage(truth.illuminations, scan_ns)
    ends_ns = np.arange(paths.first_ns + scan_ns, paths.last_ns + 1, scan_ns)
    if shared:
        ends_ns = ends_ns[(ends_ns >= shared.start_ns) & (ends_ns <= shared.end_ns)]
    if not len(ends_ns):
        raise FarwatchError(f"not one whole scan of {scan_ns * 1e-9:g} s to be scored; give a longer recording")
    scans = compare(paths, Live(picture, flat, scan_ns), coverage, ends_ns, flat)
    swaps = find_swaps(scans, paths, truth.illuminations, flat)
    group = _Group(scans, _bounds(scans, paths, truth, scenario), _nees(scans, picture, paths, flat), swaps, coverage)
    types = truth.states.type[np.unique(truth.states.aircraft, return_index=True)[1]]
    s = scans.scored
    air = siap((ends_ns - ends_ns[0]) * 1e-9, s.scan, s.aircraft, scans.tracks_scan, scans.tracks, scans.associations)
    return Evaluation(
        **group.figures(paths.aircraft),
        ambiguity=air.ambiguity,
        spuriousness=air.spuriousness,
        gospa_m=float(np.mean([g.distance for g in scans.gospas])),
        localisation_m=float(np.mean([g.localisation for g in scans.gospas])),
        missed=float(np.mean([g.missed for g in scans.gospas])),
        false=float(np.mean([g.false for g in scans.gospas])),
        purity=purity(scans.matches),
        track_number_changes_per_h=3600.0 * air.track_number_changes_hz,
        longest_track_segment=air.longest_track_segment,
        scans=len(ends_ns),
        tracks=len(np.unique(scans.tracks)),
        by_type={
            AircraftType(kind).name.lower(): Figures(**group.figures(paths.aircraft[types == kind]))
            for kind in np.unique(types[np.isin(paths.aircraft, s.aircraft)])
        },
        note=shared.note if shared else "",
    )


def last_of_each(picture: Picture) -> Picture:
    """The rows without those that are followed by another of the same track and time: two sensors have seen it then."""
    order = np.lexsort((picture.time_ns, picture.track))
    again = (np.diff(picture.track[order]) == 0) & (np.diff(picture.time_ns[order]) == 0)
    return picture.take(np.delete(np.arange(picture.n), order[:-1][again])) if again.any() else picture


class _Group:
    """Figures of any group of the aircraft."""

    def __init__(self, scans: Scans, limit: Bound, nees: Floats, swaps: Swaps, coverage: Coverage) -> None:
        self._scans, self._limit, self._nees, self._swaps, self._coverage = scans, limit, nees, swaps, coverage
        s = scans.scored
        self._broken = s.aircraft[fragments(s.scan, s.aircraft, s.track)]

    def figures(self, aircraft: Ints) -> dict[str, Any]:
        """The figures of these aircraft."""
        s, limit = self._scans.scored, self._limit
        of_them = np.isin(s.aircraft, aircraft)
        held = of_them & (s.track >= 0)
        fair = held & (limit.straight_looks >= STRAIGHT_LOOKS) & (limit.unmerged_looks > UNMERGED_LOOKS)
        fair &= np.isfinite(limit.horizontal_m)
        tested = held & np.isfinite(self._nees)
        honest = consistency(self._nees[tested], 2, len(np.unique(s.aircraft[tested])))
        looks = _initiation(self._scans, self._coverage, aircraft)
        return {
            "aircraft": len(np.unique(s.aircraft[of_them])),
            "completeness": float(held.sum() / of_them.sum()) if of_them.any() else np.nan,
            "rmse_horizontal_m": _rms(s.error_m[held]),
            "rmse_height_m": _rms(s.height_error_m[held]),
            "rmse_over_bound": _rms(s.error_m[fair]) / _rms(limit.horizontal_m[fair]),
            "nees": honest.mean,
            "nees_low": honest.low,
            "nees_high": honest.high,
            "fragments": int(np.isin(self._broken, aircraft).sum()),
            "swaps": int(np.isin(self._swaps.proper, aircraft).sum()),
            "swaps_shallow": int(np.isin(self._swaps.shallow, aircraft).sum()),
            "initiation_looks": _quantile(looks, 0.5),
            "initiation_looks_p95": _quantile(looks, 0.95),
        }


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else np.nan


def _quantile(values: Floats, share: float) -> float:
    """The least value that this share does not exceed; NaN where that is never."""
    found = float(np.quantile(values, share, method="inverted_cdf")) if len(values) else np.nan
    return found if np.isfinite(found) else np.nan


def _initiation(scans: Scans, coverage: Coverage, aircraft: Ints) -> Floats:
    """Looks that each aircraft took to be held first; infinite of those that had enough and never were."""
    mine = aircraft[np.isin(aircraft, coverage.aircraft)]
    if not len(mine):
        return np.zeros(0)
    held, first = np.unique(scans.matches.aircraft, return_index=True)  # matches are by scan
    when = np.full(len(mine), int(scans.time_ns[-1]))
    ever = np.isin(mine, held)
    when[ever] = scans.time_ns[scans.matches.scan[first[np.searchsorted(held, mine[ever])]]]
    looks = coverage.looks(mine, when).astype(np.float64)
    looks[~ever] = np.where(looks[~ever] >= LOOKS, np.inf, np.nan)
    return looks[~np.isnan(looks)]


def _nees(scans: Scans, picture: Picture, paths: Trajectories, flat: bool) -> Floats:
    """Horizontal NEES of the state that holds each scored aircraft, at the state's own time; NaN where none."""
    s = scans.scored
    out = np.full(len(s.row), np.nan)
    held = np.flatnonzero(s.row >= 0)
    p = picture.take(s.row[held])
    known = (p.sigma_east_m > 0.0) & (p.sigma_north_m > 0.0) & (np.abs(p.correlation_east_north) < 1.0)
    held, p = held[known], p.take(known)
    truth, _, axes = on_ground(paths.at(s.aircraft[held], p.time_ns)[:, :3], flat)
    own = in_frame(
        p.lat_deg, p.lon_deg, p.height_wgs84_m, p.ground_speed_mps, p.track_angle_deg, p.vertical_rate_mps, flat
    )
    error = np.einsum("nad,nd->na", axes, on_ground(own[:, :3], flat)[0] - truth)
    cross = p.correlation_east_north * p.sigma_east_m * p.sigma_north_m
    covariance = np.stack([p.sigma_east_m**2, cross, cross, p.sigma_north_m**2], axis=1).reshape(-1, 2, 2)
    out[held] = squared(error, covariance)
    return out


def _bounds(scans: Scans, paths: Trajectories, truth: Truth, scenario: Scenario) -> Bound:
    """The bound at each scored scan and aircraft."""
    flat, looks = scenario.frame.flat, truth.illuminations
    looks = looks.take(np.isin(looks.outcome, LOOKS_PROPER) & (paths.row(looks.aircraft, looks.time_ns) >= 0))
    asked, asked_ns = scans.scored.aircraft, scans.time_ns[scans.scored.scan]
    aircraft, time_ns = np.append(looks.aircraft, asked), np.append(looks.time_ns, asked_ns)
    look = np.arange(len(aircraft)) < looks.n
    order = np.lexsort((~look, time_ns, aircraft))
    variance = np.full((len(aircraft), 4), np.nan)
    sigmas = (looks.sigma_azimuth_rad, looks.sigma_elevation_rad, looks.sigma_height_m, looks.sigma_range_m)
    plot = (looks.outcome != Outcome.MISSED) & np.isin(looks.sensor, [n for n, _ in _radars(scenario)])
    variance[: looks.n][plot] = np.column_stack(sigmas)[plot] ** 2
    aircraft, time_ns, look = aircraft[order], time_ns[order], look[order]
    since_ns = np.where(np.diff(aircraft, prepend=aircraft[:1] - 1) == 0, np.roll(time_ns, 1), time_ns)
    steps = Steps(
        aircraft=aircraft,
        time_ns=time_ns,
        state=paths.at(aircraft, time_ns),
        manoeuvred=paths.manoeuvred(aircraft, since_ns, time_ns),
        look=look,
        merged=np.append(looks.outcome == Outcome.MERGED, np.zeros(len(asked), bool))[order],
        sensor=np.append(looks.sensor, np.full(len(asked), -1, np.int32))[order],
        variance=variance[order],
    )
    radars = {n: radar_model(sensor, flat) for n, sensor in _radars(scenario)}
    limit = bound(steps, radars, tracker_model(scenario.tracker, flat), flat)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    rows = place[looks.n :]
    return Bound(limit.horizontal_m[rows], limit.height_m[rows], limit.straight_looks[rows], limit.unmerged_looks[rows])


def _radars(scenario: Scenario) -> list[tuple[int, Radar]]:
    """The sensors that the bound knows, by their number."""
    return [(n, sensor) for n, sensor in enumerate(scenario.sensors) if isinstance(sensor, Radar)]
