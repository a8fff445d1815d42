"""Feasible: what a scenario states that cannot be, found before anything is simulated."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from farwatch.errors import ConfigError
from farwatch.frame import Frame
from farwatch.geodesy import MEAN_RADIUS_M
from farwatch.plots import Floats
from farwatch.refraction import radar_horizons
from farwatch.sensors import Radar, Sensor
from farwatch.simulation.clutter import Clutter
from farwatch.simulation.figures import Figures
from farwatch.simulation.flights import STRAIGHT, distances
from farwatch.simulation.options import Place, Simulation, Traffic
from farwatch.simulation.sensing import Sensing
from farwatch.simulation.traffic import Skies

GRID = 12  # distances and bearings at which an area is tried
END_S, LONGEST_S = 300, 21_600  # how long flights are looked at after their legs, and at all
FIGHTERS = ("fighter", "heavy_fighter")


def refuse_impossible(sensors: Sequence[Sensor], frame: Frame, simulation: Simulation, figures: Figures) -> None:
    """Raise `ConfigError`, with its place in the file, at the first thing that cannot be."""
    radars = [sensor for sensor in sensors if isinstance(sensor, Radar)]
    names = [radar.id for radar in radars]
    for name in simulation.sensors:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            guess = f"; did you mean `{near[0]}`?" if near else ";"
            raise ConfigError(f"no radar has the id of $.simulation.sensors.{name}{guess} Radars: {', '.join(names)}")
    if not radars:
        return
    if frame.flat:
        _refuse_angles(simulation)
    seen = views(radars, frame) if simulation.traffic else []
    for n, group in enumerate(simulation.traffic):
        if group.count and sight(group, seen, frame) == 0.0:
            raise ConfigError(
                f"no sensor can see any of $.simulation.traffic[{n}]: {group.count} x {group.type} at "
                f"{group.heights[0]:g} to {group.heights[1]:g} m within {group.radius_km:g} km of its centre are "
                "out of range or below the horizon everywhere"
            )
    _refuse_figures(radars[0], simulation, figures)


def _refuse_angles(simulation: Simulation) -> None:
    places = [(f"traffic[{n}].centre", group.centre) for n, group in enumerate(simulation.traffic)]
    for n, flight in enumerate(simulation.flights):
        places.append((f"flights[{n}].start", flight.start))
        places += [(f"flights[{n}].legs[{k}].to", leg.to) for k, leg in enumerate(flight.legs) if leg.to is not None]
    for path, place in places:
        if place.lat_deg is not None:
            raise ConfigError(f"$.simulation.{path}: a flat frame has no latitudes; give `east_km` and `north_km`")


def _refuse_figures(radar: Radar, simulation: Simulation, figures: Figures) -> None:
    sensing = simulation.sensors.get(radar.id, Sensing())
    flying = [(group.type, group.count) for group in simulation.groups]
    flying += [(flight.type, 1 + flight.wingmen) for flight in simulation.flights]
    every = sum(count for _, count in flying)
    agile = sum(count for kind, count in flying if kind in FIGHTERS)
    for name, stated, most in (
        ("aircraft", figures.aircraft, every),
        ("far_aircraft", figures.far_aircraft, every),
        ("fighters", figures.fighters, agile),
    ):
        if stated is not None and stated > most:
            raise ConfigError(f"$.figures.{name} = {stated}, and only {most} of them fly in this scenario")
    if figures.far_aircraft and radar.max_range_km <= 500:
        raise ConfigError(
            f"$.figures.far_aircraft lie beyond 500 km, and {radar.id} sees {radar.max_range_km:g} km far"
        )
    even, patchy = expected_clutter(sensing.clutter, radar.clutter)
    if figures.clutter is not None and abs(figures.clutter - even - patchy) > 0.01 * figures.clutter + 0.01:
        raise ConfigError(
            f"$.figures.clutter = {figures.clutter:g}, and $.simulation.sensors.{radar.id}.clutter makes "
            f"{even + patchy:g} false plots a turn"
        )
    share = patchy / max(even + patchy, 1e-9)
    if figures.patchy_share is not None and abs(figures.patchy_share - share) > 0.02:
        raise ConfigError(f"$.figures.patchy_share = {figures.patchy_share:g}, and the patches make {share:.3g}")
    for n, point in enumerate(figures.seen):
        if sensing.detection is None:
            pd = radar.detection
        else:
            pd = float(sensing.detection.pd(point.rcs_m2, point.range_km * 1e3))
        if not point.least_pd - 1e-9 <= pd <= point.most_pd + 1e-9:
            raise ConfigError(
                f"$.figures.seen[{n}]: {point.rcs_m2:g} m^2 at {point.range_km:g} km are to be detected with "
                f"{point.least_pd:g} to {point.most_pd:g}, and {radar.id} does so with {pd:.3g}"
            )


def expected_clutter(clutter: Clutter, otherwise: float) -> tuple[float, float]:
    """Mean number of false plots a turn, spread evenly (bursts too) and in patches."""
    even = otherwise if clutter.plots is None else clutter.plots
    if clutter.bursts is not None:
        even += clutter.bursts.share * clutter.bursts.plots
    return even, sum(patch.plots for patch in clutter.patches)


class View(NamedTuple):
    """What one radar sees: lowest and highest height (m) at distances (m), from nought to its range."""

    radar: Radar
    ground_m: Floats
    lowest_m: Floats
    highest_m: Floats


def views(radars: Sequence[Radar], frame: Frame) -> list[View]:
    """What each radar sees by its horizon and its limits of elevation."""
    made = []
    for radar in radars:
        ground_m = np.linspace(0.0, radar.max_range_km * 1e3, 101)
        height_m = radar.position.ellipsoidal_height_m
        low, high = math.radians(radar.min_elevation_deg), math.radians(min(radar.max_elevation_deg, 89.0))
        drop = np.zeros_like(ground_m) if frame.flat else ground_m**2 / (2.0 * 4.0 / 3.0 * MEAN_RADIUS_M)
        lowest, highest = height_m + ground_m * math.tan(low) + drop, height_m + ground_m * math.tan(high) + drop
        if not frame.flat:
            lowest = np.maximum(lowest, radar_horizons(max(height_m, 1.0), ground_m, radar.refraction))
        made.append(View(radar, ground_m, lowest, highest))
    return made


def sight(group: Traffic, seen_by: Sequence[View], frame: Frame) -> float:
    """Share of a group's area and heights that some radar can see, tried on a grid."""
    share = np.sqrt((np.arange(GRID) + 0.5) / GRID)
    bearing = np.arange(GRID) * (2.0 * math.pi / GRID)
    out_m = group.radius_km * 1e3 * share[:, None]
    first = seen_by[0].radar
    at = plane(group.centre, first, frame)
    east, north = at[0] + (out_m * np.sin(bearing)).ravel(), at[1] + (out_m * np.cos(bearing)).ravel()
    heights = np.linspace(*group.heights, 3)
    seen = np.zeros((len(east), len(heights)), bool)
    for view in seen_by:
        here = plane_of(view.radar.position.lat_deg, view.radar.position.lon_deg, first, frame)
        ground_m = np.hypot(east - here[0], north - here[1])
        lowest = np.interp(ground_m, view.ground_m, view.lowest_m)
        highest = np.interp(ground_m, view.ground_m, view.highest_m)
        within = (ground_m < view.radar.max_range_km * 1e3) & (ground_m >= view.radar.min_range_km * 1e3)
        seen |= within[:, None] & (heights >= lowest[:, None]) & (heights <= highest[:, None])
    return float(seen.mean())


def plane(place: Place, first: Radar, frame: Frame) -> tuple[float, float]:
    """East and north (m) of a place from the first radar, as on a map: within a percent for some hundred km."""
    if place.east_km is not None and place.north_km is not None:
        return place.east_km * 1e3, place.north_km * 1e3
    return plane_of(place.lat_deg or 0.0, place.lon_deg or 0.0, first, frame)


def plane_of(lat_deg: float, lon_deg: float, first: Radar, frame: Frame) -> tuple[float, float]:
    """East and north (m) of a latitude and longitude from the first radar; in the flat frame all are at its origin."""
    if frame.flat:
        return 0.0, 0.0
    north = math.radians(lat_deg - first.position.lat_deg) * MEAN_RADIUS_M
    middle = math.radians(0.5 * (lat_deg + first.position.lat_deg))
    off = (lon_deg - first.position.lon_deg + 180.0) % 360.0 - 180.0
    return math.radians(off) * MEAN_RADIUS_M * math.cos(middle), north


def unseen_flights(sensors: Sequence[Sensor], frame: Frame, simulation: Simulation) -> list[int]:
    """Numbers of the scripted flights that no radar sees while they fly their legs, and five minutes more."""
    seen_by = views([sensor for sensor in sensors if isinstance(sensor, Radar)], frame)
    if not simulation.flights or not seen_by:
        return list(range(len(simulation.flights)))
    first = seen_by[0].radar
    origin = (0.0, 0.0) if frame.flat else (math.radians(first.position.lat_deg), math.radians(first.position.lon_deg))
    alone = Simulation(flights=simulation.flights)
    skies = Skies(alone, frame.flat, *origin, np.random.default_rng(0))
    leaders = np.flatnonzero(skies.flights.leader < 0)
    seen = np.zeros(len(leaders), bool)
    for second in range(LONGEST_S):
        f = skies.flights
        for view in seen_by:
            place = view.radar.position
            at = (0.0, 0.0) if frame.flat else (math.radians(place.lat_deg), math.radians(place.lon_deg))
            n = len(leaders)
            out_m = distances(frame.flat, f.lat[leaders], f.lon[leaders], np.full(n, at[0]), np.full(n, at[1]))
            lowest = np.interp(out_m, view.ground_m, view.lowest_m)
            highest = np.interp(out_m, view.ground_m, view.highest_m)
            height_m = f.height_m[leaders]
            near = (out_m < view.radar.max_range_km * 1e3) & (f.in_air[leaders] > 0)
            seen |= near & (height_m >= lowest) & (height_m <= highest)
        ended = (f.until_s[leaders] == math.inf) & (f.task[leaders] == STRAIGHT) | (f.in_air[leaders] == 0)
        if seen.all() or (ended.all() and second > END_S and second > max(x.at_s for x in simulation.flights) + END_S):
            break
        skies.step(float(second), 1.0)
    return np.flatnonzero(~seen).tolist()
