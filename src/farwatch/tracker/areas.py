"""Areas: what the operator knows of places, and the tracker need not find out by its errors.

`non_initiation`: no track begins there. `exclusion`: plots there are left out. `reflector`: a large surface, behind
which, as a radar sees it, stand the mirror images of aircraft that are elsewhere.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from farwatch.errors import ConfigError
from farwatch.geodesy import to_ecef, to_geodetic
from farwatch.kernels import kernel, leaf
from farwatch.plots import Floats, Ints
from farwatch.sensors import Radar, Sensor, place
from farwatch.sensors.measurement import measurement, measurement_table
from farwatch.sensors.radar import polar, radar_model
from farwatch.tracks import STATE

Point = Annotated[tuple[float, float], Meta(description="longitude and latitude, degrees; flat: x and y, m")]
Height = Annotated[float, Meta(ge=-1000, le=100_000)]
MOST_POINTS = 20_000  # of one ring
NO_INITIATION, EXCLUSION, REFLECTOR = 0, 1, 2
USES = ("non_initiation", "exclusion", "reflector")
# Bits of `Admitted.flags` that no sensor sets.
STARTS_NOTHING, MAY_BE_MIRRORED = 1 << 30, 1 << 31
ROUND = math.radians(0.3)  # a mirror image lies about as wide beside its surface


class Area(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A polygon: its outer ring and the rings of its holes, and the heights between which it counts.

    A plot whose height is not known lies in it whatever its height.
    """

    use: Literal["non_initiation", "exclusion", "reflector"]
    rings: Annotated[tuple[tuple[Point, ...], ...], Meta(min_length=1)]
    name: str = ""
    floor_m: Height | None = None
    ceiling_m: Height | None = None

    def __post_init__(self) -> None:
        if self.floor_m is not None and self.ceiling_m is not None and self.floor_m >= self.ceiling_m:
            raise ValueError(f"`floor_m` = {self.floor_m:g} is not below `ceiling_m` = {self.ceiling_m:g}")
        for number, ring in enumerate(self.rings):
            refuse_ring(np.array(ring, float).reshape(-1, 2), number)


class OperatorMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Areas of all sensors, or of those named: given here, or in a GeoJSON file beside the scenario's."""

    file: str = ""
    sensors: tuple[str, ...] = ()
    areas: tuple[Area, ...] = ()


class AreaModel(NamedTuple):
    """The areas of one sensor as the kernels read them."""

    edges: Floats  # (m, 4) x, y, x, y of the sides of all polygons, holes included
    first: Ints  # (n + 1,) the sides of area i are first[i]..first[i + 1]
    box: Floats  # (n, 4) least x, least y, greatest x, greatest y
    floor_m: Floats
    ceiling_m: Floats
    use: Ints
    sector: Floats  # (reflectors, 3) azimuth of the middle, half the width (rad), nearest range (m)


def refuse_ring(ring: Floats, number: int) -> None:
    """Raise ValueError for a ring (n, 2), closed or not, that bounds nothing."""
    what = "the outer ring" if number == 0 else f"hole {number}"
    if not np.isfinite(ring).all():
        raise ValueError(f"{what} has a coordinate that is not a finite number")
    if len(ring) > 1 and (ring[0] == ring[-1]).all():
        ring = ring[:-1]
    if len(ring) < 3:
        raise ValueError(f"{what} has {len(ring)} corners; a polygon needs three or more")
    if len(ring) > MOST_POINTS:
        raise ValueError(f"{what} has {len(ring)} corners, more than {MOST_POINTS}; simplify it")
    repeated = np.flatnonzero((ring == np.roll(ring, -1, axis=0)).all(axis=1))
    if len(repeated):
        raise ValueError(f"{what} repeats its corner {repeated[0]}; leave one out")
    crossing = first_crossing(np.ascontiguousarray(ring))
    if crossing[0] >= 0:
        a, b = ring[crossing[0]], ring[crossing[1]]
        raise ValueError(
            f"{what} crosses itself: the sides from corner {crossing[0]} ({a[0]:g}, {a[1]:g}) and from corner "
            f"{crossing[1]} ({b[0]:g}, {b[1]:g}) meet; put the corners in order"
        )


@leaf
def side_of(ax, ay, bx, by, px, py):  # type: ignore[no-untyped-def]
    """Twice the signed area of the triangle a, b, p."""
    return (bx - ax) * (py - ay) - (by - ay) * (px - ax)


@leaf
def within(ax, ay, bx, by, px, py):  # type: ignore[no-untyped-def]
    """Whether p, on the line through a and b, lies between them."""
    return min(ax, bx) <= px <= max(ax, bx) and min(ay, by) <= py <= max(ay, by)


@leaf
def meet(ax, ay, bx, by, cx, cy, dx, dy):  # type: ignore[no-untyped-def]
    """Whether the sides ab and cd have a point in common."""
    c, d = side_of(ax, ay, bx, by, cx, cy), side_of(ax, ay, bx, by, dx, dy)
    a, b = side_of(cx, cy, dx, dy, ax, ay), side_of(cx, cy, dx, dy, bx, by)
    if ((c > 0.0 > d) or (c < 0.0 < d)) and ((a > 0.0 > b) or (a < 0.0 < b)):
        return True
    return (
        (c == 0.0 and within(ax, ay, bx, by, cx, cy))
        or (d == 0.0 and within(ax, ay, bx, by, dx, dy))
        or (a == 0.0 and within(cx, cy, dx, dy, ax, ay))
        or (b == 0.0 and within(cx, cy, dx, dy, bx, by))
    )


@leaf
def first_crossing(ring):  # type: ignore[no-untyped-def]
    """Numbers of two sides of a ring (n, 2) that meet though they are no neighbours; -1, -1 where none do.

    Neighbours meet in their corner; where one turns back upon the other, that is a crossing too.
    """
    n = len(ring)
    for i in range(n):
        ax, ay, bx, by = ring[i, 0], ring[i, 1], ring[(i + 1) % n, 0], ring[(i + 1) % n, 1]
        cx, cy = ring[(i + 2) % n, 0], ring[(i + 2) % n, 1]
        back = (bx - ax) * (cx - bx) + (by - ay) * (cy - by) < 0.0
        if side_of(ax, ay, bx, by, cx, cy) == 0.0 and back:
            return i, (i + 1) % n
        for j in range(i + 2, n):
            if i == 0 and j == n - 1:
                continue
            k = (j + 1) % n
            if meet(ax, ay, bx, by, ring[j, 0], ring[j, 1], ring[k, 0], ring[k, 1]):
                return i, j
    return -1, -1


def refuse_places(area: Area, flat: bool) -> None:
    """Raise ValueError for corners that are nowhere on the round Earth."""
    if flat:
        return
    points = np.concatenate([np.array(ring, float) for ring in area.rings])
    low, high = points.min(axis=0), points.max(axis=0)
    if max(abs(low[1]), abs(high[1])) > 90.0:
        order = "; GeoJSON gives the longitude first" if max(abs(low[0]), abs(high[0])) <= 90.0 else ""
        raise ValueError(f"latitudes go from {low[1]:g} to {high[1]:g} degrees{order}")
    if max(abs(low[0]), abs(high[0])) > 180.0:
        raise ValueError(f"longitudes go from {low[0]:g} to {high[0]:g} degrees, outside -180..180")
    if high[0] - low[0] > 180.0:
        raise ValueError("it spans more than half the Earth; cut an area across the 180th meridian in two")


def area_model(maps: tuple[OperatorMap, ...], sensor: Sensor, flat: bool) -> AreaModel | None:
    """The areas that hold for a sensor, None where there are none; raises `ConfigError`."""
    found = []
    for n, one in enumerate(maps):
        for k, area in enumerate(one.areas):
            try:
                refuse_places(area, flat)
            except ValueError as error:
                named = f"`{area.name}`, " if area.name else ""
                raise ConfigError(f"area {named}$.tracker.maps[{n}].areas[{k}] {one.file}: {error}") from None
            if not one.sensors or sensor.id in one.sensors:
                found.append(area)
    if not found:
        return None
    sides = [sides_of(area) for area in found]
    sectors = [sector_of(area, sensor, flat) for area in found if area.use == "reflector"]
    return AreaModel(
        edges=np.concatenate(sides),
        first=np.cumsum([0, *map(len, sides)]).astype(np.int64),
        box=np.array([[s[:, 0].min(), s[:, 1].min(), s[:, 0].max(), s[:, 1].max()] for s in sides]),
        floor_m=np.array([-math.inf if area.floor_m is None else area.floor_m for area in found]),
        ceiling_m=np.array([math.inf if area.ceiling_m is None else area.ceiling_m for area in found]),
        use=np.array([USES.index(area.use) for area in found], np.int64),
        sector=np.array([one for one in sectors if one is not None], np.float64).reshape(-1, 3),
    )


def sides_of(area: Area) -> Floats:
    """All sides of an area (n, 4)."""
    parts = []
    for ring in area.rings:
        corners = np.array(ring, float)
        parts.append(np.column_stack([corners, np.roll(corners, -1, axis=0)]))
    sides = np.concatenate(parts)
    return np.asarray(sides[(sides[:, :2] != sides[:, 2:]).any(axis=1)])


def sector_of(area: Area, sensor: Sensor, flat: bool) -> NDArray[np.float64] | None:
    """In which azimuths, and beyond which range, a radar sees by way of a reflector; None for other sensors."""
    if not isinstance(sensor, Radar):
        return None
    model = radar_model(sensor, flat)
    seen = []
    for x, y in area.rings[0]:
        at = (x, y, 0.0) if flat else to_ecef(math.radians(y), math.radians(x), model.height_m)
        seen.append(polar(model, *at)[:2])
    range_m, azimuth = np.array(seen).T
    middle = float(np.angle(np.mean(np.exp(1j * azimuth))))
    aside = np.abs((azimuth - middle + math.pi) % (2.0 * math.pi) - math.pi).max()
    return np.array([middle, aside + ROUND, range_m.min()])


@leaf
def inside(areas, i, x, y):  # type: ignore[no-untyped-def]
    """Whether a point lies in area i, by the number of its sides that a ray to the east meets."""
    box = areas.box
    if not (box[i, 0] <= x <= box[i, 2] and box[i, 1] <= y <= box[i, 3]):
        return False
    odd = False
    for e in range(areas.first[i], areas.first[i + 1]):
        ay, by = areas.edges[e, 1], areas.edges[e, 3]
        if (ay > y) != (by > y):
            ax, bx = areas.edges[e, 0], areas.edges[e, 2]
            if x < ax + (y - ay) / (by - ay) * (bx - ax):
                odd = not odd
    return odd


@leaf
def behind(areas, azimuth, range_m):  # type: ignore[no-untyped-def]
    """Whether a direction and range are those of what a reflector may show."""
    for k in range(len(areas.sector)):
        aside = azimuth - areas.sector[k, 0]
        aside -= 2.0 * math.pi * math.floor((aside + math.pi) / (2.0 * math.pi))
        if abs(aside) <= areas.sector[k, 1] and range_m > areas.sector[k, 2]:
            return True
    return False


@kernel
def mark_areas(plots, before, areas, model, radar, options):  # type: ignore[no-untyped-def]
    """Mark the plots from row `before` on by the areas that they lie in; return which of all are to be left out."""
    excluded = np.zeros(len(plots.time_ns), np.bool_)
    table = measurement_table(plots, *model.variances)
    x, P = np.zeros(STATE), np.zeros((STATE, STATE))
    for j in range(before, len(excluded)):
        if len(areas.sector) and behind(areas, plots.z[j, 1], plots.z[j, 0]):
            plots.flags[j] |= np.uint32(MAY_BE_MIRRORED)
        m = measurement(table, j)
        if not place(model, radar, m, options.height_mean_m, options.height_sigma_m, x, P):
            continue
        a, b, height = x[0], x[1], x[2]
        if not model.flat:
            lat, lon, height = to_geodetic(x[0], x[1], x[2])
            a, b = math.degrees(lon), math.degrees(lat)
        if not math.isnan(m.height_m):
            height = m.height_m
        elif m.measured & 4 == 0:
            height = math.nan
        for i in range(len(areas.use)):
            if height < areas.floor_m[i] or height > areas.ceiling_m[i] or not inside(areas, i, a, b):
                continue
            if areas.use[i] == EXCLUSION:
                excluded[j] = True
            elif areas.use[i] == NO_INITIATION:
                plots.flags[j] |= np.uint32(STARTS_NOTHING)
    return excluded
