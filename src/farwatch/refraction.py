"""How the atmosphere bends and lengthens a radar's ray, and where its horizon is.

The atmosphere is exponential in refractivity, N(h) = 315 exp(-h / 7.35 km) (ITU-R P.453); the four-thirds Earth is
an option, good for the horizon and poor for heights at long range. Rays are integrated once a radar, over a sphere;
kernels then look up a grid of slant range and height.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.geodesy import MEAN_RADIUS_M
from farwatch.kernels import kernel

Atmosphere = Literal["exponential", "four-thirds", "none"]
Floats = NDArray[np.float64]

SURFACE_REFRACTIVITY = 315e-6
SCALE_HEIGHT_M = 7350.0
STEP_M = 1000.0
HIGHEST_M = 32_000.0
RANGES, HEIGHTS = 96, 128


class RefractionTable(NamedTuple):
    """Measured minus straight-line slant range (m) and elevation (rad), by straight slant range and height."""

    range_step_m: float
    height_step_m: float
    range_excess_m: Floats  # (RANGES, HEIGHTS)
    elevation_excess: Floats  # (RANGES, HEIGHTS)


class Rays(NamedTuple):
    """A fan of rays: rows are steps along them, columns rays."""

    height_m: Floats
    ground: Floats  # angle at the Earth's centre, rad
    elevation: Floats  # local, rad
    optical_m: Floats  # what a radar measures: the path times the index


def trace(atmosphere: Atmosphere, height_m: float, elevation: Floats, length_m: float) -> Rays:
    """Rays that leave a height at given elevations (rad), traced over `length_m` by Runge and Kutta's fourth order."""
    count = max(math.ceil(length_m / STEP_M), 1)
    step = length_m / count
    state = np.array([np.full(len(elevation), height_m), np.zeros(len(elevation)), elevation, np.zeros(len(elevation))])
    out = np.empty((count + 1, *state.shape))
    out[0] = state
    for k in range(count):
        a = _slope(atmosphere, state)
        b = _slope(atmosphere, state + 0.5 * step * a)
        c = _slope(atmosphere, state + 0.5 * step * b)
        d = _slope(atmosphere, state + step * c)
        state = state + step / 6.0 * (a + 2.0 * b + 2.0 * c + d)
        out[k + 1] = state
    return Rays(*np.moveaxis(out, 1, 0))


def _slope(atmosphere: Atmosphere, state: Floats) -> Floats:
    """Change of height, ground angle, local elevation and optical length with each metre of the path."""
    height_m, _, elevation, _ = state
    radius = MEAN_RADIUS_M + height_m
    level = np.cos(elevation) / radius
    index, gradient = np.ones_like(height_m), np.zeros_like(height_m)
    if atmosphere == "exponential":
        refractivity = SURFACE_REFRACTIVITY * np.exp(-np.maximum(height_m, -1000.0) / SCALE_HEIGHT_M)
        index, gradient = 1.0 + refractivity, -refractivity / SCALE_HEIGHT_M
    elif atmosphere == "four-thirds":
        gradient = np.full_like(height_m, -0.25 / MEAN_RADIUS_M)
    return np.array([np.sin(elevation), level, level + gradient / index * np.cos(elevation), index])


def refraction_table(atmosphere: Atmosphere, antenna_height_m: float, max_range_m: float) -> RefractionTable:
    """The grid of one radar: antenna at a height above the sphere (m), targets up to a slant range (m)."""
    range_step, height_step = max_range_m / (RANGES - 1), HIGHEST_M / (HEIGHTS - 1)
    longer, higher = np.zeros((RANGES, HEIGHTS)), np.zeros((RANGES, HEIGHTS))
    table = RefractionTable(range_step, height_step, longer, higher)
    if atmosphere == "none":
        return table
    # Denser about the horizon, where the ray changes most.
    fan = np.unique(np.concatenate([np.radians(np.linspace(-2.5, 2.5, 251)), np.radians(np.linspace(2.5, 90, 120))]))
    rays = trace(atmosphere, antenna_height_m, fan, max_range_m)
    across = (MEAN_RADIUS_M + rays.height_m) * np.sin(rays.ground)
    above = (MEAN_RADIUS_M + rays.height_m) * np.cos(rays.ground) - MEAN_RADIUS_M - antenna_height_m
    straight = np.hypot(across, above)
    elevation = np.arctan2(above, across)
    on_earth = np.minimum.accumulate(rays.height_m, axis=0) > -1000.0
    heights = np.arange(HEIGHTS) * height_step
    ranges = np.arange(RANGES) * range_step
    at_range = np.empty((4, RANGES, len(fan)))
    for ray in range(len(fan)):
        columns = (rays.height_m, rays.optical_m - straight, fan - elevation, on_earth)
        for n, values in enumerate(columns):
            at_range[n, :, ray] = np.interp(ranges, straight[:, ray], values[:, ray])
    for row in range(1, RANGES):
        height, excess, rise, above_ground = at_range[:, row]
        good = above_ground > 0.5
        longer[row] = np.interp(heights, height[good], excess[good])
        higher[row] = np.interp(heights, height[good], rise[good])
    return table


@kernel
def bend(table, range_m, height_m):  # type: ignore[no-untyped-def]
    """Measured minus straight-line slant range (m) and elevation (rad) of a target; clamped at the grid's edges."""
    r = min(max(range_m / table.range_step_m, 0.0), RANGES - 1.000001)
    h = min(max(height_m / table.height_step_m, 0.0), HEIGHTS - 1.000001)
    i, j = int(r), int(h)
    a, b = r - i, h - j
    p, q = (1.0 - a) * (1.0 - b), (1.0 - a) * b
    s, t = a * (1.0 - b), a * b
    x, y = table.range_excess_m, table.elevation_excess
    return (
        p * x[i, j] + q * x[i, j + 1] + s * x[i + 1, j] + t * x[i + 1, j + 1],
        p * y[i, j] + q * y[i, j + 1] + s * y[i + 1, j] + t * y[i + 1, j + 1],
    )


def radar_horizon(antenna_height_m: float, ground_range_m: float, atmosphere: Atmosphere = "exponential") -> float:
    """Lowest height (m) that an antenna sees at a distance over a smooth Earth: that of the ray that grazes it."""
    return float(radar_horizons(antenna_height_m, np.array([ground_range_m]), atmosphere)[0])


def radar_horizons(antenna_height_m: float, ground_range_m: Floats, atmosphere: Atmosphere = "exponential") -> Floats:
    """The same at several distances (m)."""
    longest_m = float(ground_range_m.max(initial=0.0))
    rays = trace(atmosphere, 0.0, np.zeros(1), 1.1 * longest_m + 50_000.0 + 10.0 * antenna_height_m)
    ground_m, height_m = rays.ground[:, 0] * MEAN_RADIUS_M, rays.height_m[:, 0]
    to_tangent_m = float(np.interp(antenna_height_m, height_m, ground_m))
    return np.asarray(np.interp(ground_range_m - to_tangent_m, ground_m, height_m))


def horizon_elevation(antenna_height_m: float, atmosphere: Atmosphere = "exponential") -> float:
    """Elevation (rad, not above 0) at which an antenna sees the smooth horizon."""
    index, at_surface = 1.0, 1.0
    radius = MEAN_RADIUS_M
    if atmosphere == "exponential":
        index = 1.0 + SURFACE_REFRACTIVITY * math.exp(-antenna_height_m / SCALE_HEIGHT_M)
        at_surface = 1.0 + SURFACE_REFRACTIVITY
    elif atmosphere == "four-thirds":
        radius = 4.0 / 3.0 * MEAN_RADIUS_M
    # Snell in spherical layers: n r cos(elevation) is the same along the ray, and the ray is level where it grazes.
    return -math.acos(min(at_surface * radius / (index * (radius + antenna_height_m)), 1.0))
