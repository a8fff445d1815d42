"""Figures: what a scenario states of itself, and whether the plots that it produces have it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta

from farwatch.frame import Frame
from farwatch.geodesy import ecef_to_polar, geodetic_to_ecef
from farwatch.plots import Floats, Ints, Plots
from farwatch.sensors import Radar, Sensor
from farwatch.simulation.envelopes import cross_sections, load_of_turn
from farwatch.simulation.options import Simulation
from farwatch.simulation.sensing import Sensing
from farwatch.truth import LOOKS_PROPER, NO_FORMATION, NO_PLOT, AircraftType, Outcome, States, Truth

NotNegative = Annotated[float, Meta(ge=0, le=1e9)]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]

FAR_M = 500e3
HARD_G = (5.9, 9.05)  # 6 to 9 g
AGILE = (int(AircraftType.FIGHTER), int(AircraftType.HEAVY_FIGHTER))
CROSSING_M = 2000.0
BAND = 0.05  # of the range at which a probability is stated
GRID = (24, 36)  # cells of range and azimuth, in which clutter is counted to tell patches from the rest


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Aircraft of a cross section about a range have a probability of detection between two."""

    rcs_m2: Annotated[float, Meta(gt=0, le=1e6)]
    range_km: Annotated[float, Meta(gt=0, le=1000)]
    least_pd: Share = 0.0
    most_pd: Share = 1.0


class Figures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a scenario states, for its first radar; what it does not state is not given.

    `aircraft` are in coverage at once on average (within 2 %), of them `far_aircraft` at least beyond 500 km;
    `fighters` fly at once; `clutter` false plots a turn come on average (within four standard errors),
    `patchy_share` of them in patches (within 0.05); in ten minutes at least `hard_turns` of 6 to 9 g are flown and at
    least `crossings` pairs of fighters of different formations pass within 2 km as seen from above; `merged_plots`
    come a turn at least; in straight flight four of five neighbours in a formation fly within `spacing_m`.
    """

    aircraft: Count | None = None
    far_aircraft: Count | None = None
    fighters: Count | None = None
    clutter: NotNegative | None = None
    patchy_share: Share | None = None
    hard_turns: Count | None = None
    crossings: Count | None = None
    merged_plots: NotNegative | None = None
    spacing_m: tuple[NotNegative, NotNegative] | None = None
    seen: tuple[Seen, ...] = ()


class Finding(NamedTuple):
    """One stated figure beside what was found."""

    name: str
    stated: str
    found: str
    holds: bool


def findings(
    figures: Figures, sensors: Sequence[Sensor], frame: Frame, simulation: Simulation, truth: Truth, plots: Plots
) -> list[Finding]:
    """Each stated figure beside that of simulated data, which begin with the first state and last whole turns."""
    radar, states = next(sensor for sensor in sensors if isinstance(sensor, Radar)), truth.states
    sensing = simulation.sensors.get(radar.id, Sensing())
    law, bursts = sensing.detection, sensing.clutter.bursts
    looks = truth.illuminations.take(truth.illuminations.sensor == 0)
    looks = looks.take(np.isin(looks.outcome, LOOKS_PROPER))
    times = np.unique(states.time_ns)
    turns = len(times) * (times[1] - times[0]) * 1e-9 / radar.rotation_s
    out_m = ranges(radar, frame, states)
    made: list[Finding] = []

    def add(name: str, stated: str, found: float, holds: bool | np.bool_) -> None:
        made.append(Finding(name, stated, f"{found:.4g}", bool(holds)))

    if (aircraft := figures.aircraft) is not None:
        found = looks.n / turns
        add("aircraft in coverage", f"{aircraft}", found, abs(found - aircraft) <= max(0.02 * aircraft, 0.5))
    if (far := figures.far_aircraft) is not None:
        # In sight: the beam has met it in this time. A state a second stands beside a look a turn.
        met = np.unique(looks.aircraft)
        found = np.sum((out_m > FAR_M) & np.isin(states.aircraft, met)) / len(times)
        add("of them beyond 500 km", f"at least {far}", found, found >= far)
    if (fighters := figures.fighters) is not None:
        found = np.sum(np.isin(states.type, AGILE)) / len(times)
        add("fighters", f"{fighters}", found, found == fighters)
    false = plots.take((plots.sensor == 0) & ~np.isin(plots.id, truth.illuminations.plot))
    if (clutter := figures.clutter) is not None:
        found = false.n / turns
        variance = clutter  # of a Poisson count, and of the bursts
        if bursts is not None:
            variance += bursts.share * (1.0 - bursts.share) * bursts.plots**2
        add("false plots a turn", f"{clutter:g}", found, abs(found - clutter) <= 4.0 * math.sqrt(variance / turns))
    if (share := figures.patchy_share) is not None:
        found = patchy_share(false, radar)
        add("of them in patches", f"{share:g}", found, abs(found - share) <= 0.05)
    if (hard := figures.hard_turns) is not None:
        found = hard_turns(states) * 600.0 / (turns * radar.rotation_s)
        add("turns of 6 to 9 g in ten minutes", f"at least {hard}", found, found >= hard)
    if (crossing := figures.crossings) is not None:
        found = crossings(frame, states) * 600.0 / (turns * radar.rotation_s)
        add("pairs that cross in ten minutes", f"at least {crossing}", found, found >= crossing)
    if (merged := figures.merged_plots) is not None:
        found = len(np.unique(looks.plot[looks.outcome == Outcome.MERGED])) / turns
        add("merged plots a turn", f"at least {merged:g}", found, found >= merged)
    if (spacing := figures.spacing_m) is not None:
        low, high = np.percentile(spacings(frame, states), (10, 90))
        made.append(
            Finding(
                "spacing of formations, m",
                f"{spacing[0]:g} to {spacing[1]:g}",
                f"{low:.0f} to {high:.0f}",
                bool(spacing[0] <= low and high <= spacing[1]),
            )
        )
    type_of = dict(zip(states.aircraft.tolist(), states.type.tolist(), strict=True))
    section = cross_sections()[[type_of[a] for a in looks.aircraft.tolist()]] if looks.n else np.zeros(0)
    at_look = nearest_range(states, out_m, looks.aircraft, looks.time_ns)
    for point in figures.seen:
        near = (section == point.rcs_m2) & (np.abs(at_look / (point.range_km * 1e3) - 1.0) < BAND)
        name = f"Pd of {point.rcs_m2:g} m^2 at {point.range_km:g} km"
        stated = f"{point.least_pd:g} to {point.most_pd:g}"
        pd = float(law.pd(point.rcs_m2, point.range_km * 1e3)) if law is not None else radar.detection
        add(name, stated, pd, point.least_pd - 1e-9 <= pd <= point.most_pd + 1e-9)
        if near.any():
            found = float(np.mean(looks.plot[near] != NO_PLOT))
            expected = float(np.mean(looks.detection[near]))
            error = 4.0 * math.sqrt(expected * (1.0 - expected) / np.sum(near))
            add("  plots of looks thereabouts", f"{expected:.4g} expected", found, abs(found - expected) <= error)
    return made


def ranges(radar: Radar, frame: Frame, states: States) -> Floats:
    """Distance (m) of the states from a radar, in a straight line."""
    height_m = radar.position.ellipsoidal_height_m
    if frame.flat:
        return np.sqrt(states.lat_deg**2 + states.lon_deg**2 + (states.height_wgs84_m - height_m) ** 2)
    points = geodetic_to_ecef(np.radians(states.lat_deg), np.radians(states.lon_deg), states.height_wgs84_m)
    lat, lon = math.radians(radar.position.lat_deg), math.radians(radar.position.lon_deg)
    return np.asarray(ecef_to_polar(lat, lon, height_m, points)[:, 0])


def nearest_range(states: States, out_m: Floats, aircraft: Ints, time_ns: Ints) -> Floats:
    """Range of the last state of an aircraft at or before each time."""
    order = np.lexsort((states.time_ns, states.aircraft))
    start = states.time_ns.min() if states.n else 0
    key = states.aircraft[order] * 10**7 + (states.time_ns[order] - start) // 10**8
    wanted = aircraft * 10**7 + (time_ns - start) // 10**8
    row = np.clip(np.searchsorted(key, wanted, side="right") - 1, 0, max(len(key) - 1, 0))
    return np.asarray(out_m[order[row]])


def hard_turns(states: States) -> int:
    """Turns of 6 to 9 g: unbroken runs of states with such a load."""
    order = np.lexsort((states.time_ns, states.aircraft))
    load = load_of_turn(np.radians(states.turn_rate_dps[order]), states.ground_speed_mps[order])
    hard = (load >= HARD_G[0]) & (load <= HARD_G[1])
    new = np.r_[True, states.aircraft[order][1:] != states.aircraft[order][:-1]]
    return int(np.sum(hard & (new | ~np.r_[False, hard[:-1]])))


def patchy_share(false: Plots, radar: Radar) -> float:
    """Share of false plots beyond an even spread over range and azimuth, which the middle half of the cells tells."""
    counts, _, _ = np.histogram2d(
        false.z[:, 0], false.z[:, 1], GRID, ((0.0, radar.max_range_km * 1e3), (0.0, 2.0 * math.pi))
    )
    ordered = np.sort(counts.ravel())
    quarter = len(ordered) // 4
    return float(1.0 - ordered[quarter:-quarter].mean() * len(ordered) / max(false.n, 1))


def crossings(frame: Frame, states: States, every: int = 2) -> int:
    """Pairs of fighters, not of one formation, that have come within 2 km, as seen from above, at some time."""
    met: set[tuple[int, int]] = set()
    agile = states.take(np.isin(states.type, AGILE))
    # Who has ever flown in one formation does not cross when it rejoins.
    together: dict[int, set[int]] = {}
    for aircraft, formation in np.unique(np.column_stack([agile.aircraft, agile.formation]), axis=0).tolist():
        if formation != NO_FORMATION:
            together.setdefault(aircraft, set()).add(formation)
    for time_ns in np.unique(agile.time_ns)[::every]:
        now = agile.take(agile.time_ns == time_ns)
        points = positions(frame, now._replace(height_wgs84_m=np.zeros(now.n)))
        apart = np.linalg.norm(points[:, None] - points[None], axis=2)
        first, second = np.nonzero(np.triu(apart < CROSSING_M, 1))
        met.update(zip(now.aircraft[first].tolist(), now.aircraft[second].tolist(), strict=True))
    return sum(not (together.get(a, set()) & together.get(b, set())) for a, b in met)


def positions(frame: Frame, states: States) -> Floats:
    """Points (n, 3) in m of states."""
    if frame.flat:
        return np.column_stack([states.lon_deg, states.lat_deg, states.height_wgs84_m])
    return geodetic_to_ecef(np.radians(states.lat_deg), np.radians(states.lon_deg), states.height_wgs84_m)


def spacings(frame: Frame, states: States, every: int = 10) -> Floats:
    """Distances (m) of the states in formation and straight flight to their nearest neighbour, some times only."""
    found = [np.zeros(0)]
    for time_ns in np.unique(states.time_ns)[::every]:
        now = states.take((states.time_ns == time_ns) & (states.formation != NO_FORMATION))
        turning = np.unique(now.formation[np.abs(now.turn_rate_dps) > 1.0])
        now = now.take(~np.isin(now.formation, turning))
        if now.n < 2:
            continue
        points = positions(frame, now)
        apart = np.linalg.norm(points[:, None] - points[None], axis=2)
        apart[now.formation[:, None] != now.formation[None]] = np.inf
        np.fill_diagonal(apart, np.inf)
        nearest = apart.min(axis=1)
        found.append(nearest[np.isfinite(nearest)])
    return np.concatenate(found)
