"""Operator maps: GeoJSON files (RFC 7946) of areas, as a scenario's `[[tracker.maps]]` names them.

Each feature is a Polygon or MultiPolygon; its property `use` says what it is for, `name`, `floor_m` and `ceiling_m` may
be given.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from farwatch.errors import ConfigError
from farwatch.tracker.areas import USES, Area

LARGEST_BYTES = 64_000_000


def with_areas(raw: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A scenario's plain data with the areas of the files that it names, which stand relative to `folder`."""
    tracker = raw.get("tracker")
    if not isinstance(tracker, dict) or not isinstance(maps := tracker.get("maps"), list):
        return raw
    filled = []
    for one in maps:
        if isinstance(one, dict) and isinstance(one.get("file"), str) and one["file"]:
            given = one.get("areas", [])
            one = one | {"areas": [*given, *read_areas(folder / one["file"])]} if isinstance(given, list) else one
        filled.append(one)
    return raw | {"tracker": tracker | {"maps": filled}}


def read_areas(file: Path) -> list[dict[str, Any]]:
    """The areas of a GeoJSON file as plain data; raises `ConfigError` that names the feature and what is wrong."""
    try:
        if file.stat().st_size > LARGEST_BYTES:
            raise ConfigError(f"{file}: larger than {LARGEST_BYTES // 1_000_000} MB; is this a map of areas?")
        raw = msgspec.json.decode(file.read_bytes())
    except OSError as error:
        raise ConfigError(
            f"{file}: cannot be read ({error.strerror}); `file` stands relative to the scenario"
        ) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise ConfigError(f"{file}: not JSON: {error}") from None
    kind = raw.get("type") if isinstance(raw, dict) else None
    features = raw.get("features") if kind == "FeatureCollection" else [raw] if kind == "Feature" else None
    if not isinstance(features, list):
        raise ConfigError(f"{file}: a FeatureCollection or Feature is wanted, not {kind!r}: a polygon needs its `use`")
    areas = []
    for number, feature in enumerate(features):
        try:
            areas += _areas_of(feature)
        except (ValueError, msgspec.ValidationError) as error:
            named = _properties(feature).get("name")
            who = f"feature {number}" + (f" ({named})" if isinstance(named, str) else "")
            raise ConfigError(f"{file}: {who}: {error}") from None
    return areas


def _properties(feature: Any) -> dict[str, Any]:
    found = feature.get("properties") if isinstance(feature, dict) else None
    return found if isinstance(found, dict) else {}


def _areas_of(feature: Any) -> list[dict[str, Any]]:
    """The areas of one feature, each checked; raises ValueError."""
    properties = _properties(feature)
    use = properties.get("use")
    if use not in USES:
        raise ValueError(f"its property `use` is {use!r}; allowed are {', '.join(USES)}")
    geometry = feature.get("geometry")
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValueError(f"its geometry is {kind!r}; a Polygon or MultiPolygon is wanted")
    coordinates = geometry.get("coordinates")
    polygons = coordinates if kind == "MultiPolygon" else [coordinates]
    if not isinstance(polygons, list) or not all(isinstance(rings, list) for rings in polygons):
        raise ValueError("its coordinates are no list of rings")
    areas = []
    for rings in polygons:
        # A third coordinate is a height, which the properties give.
        flat = [[_point(point) for point in ring] if isinstance(ring, list) else ring for ring in rings]
        area: dict[str, Any] = {"use": use, "rings": flat}
        area |= {name: properties[name] for name in ("name", "floor_m", "ceiling_m") if name in properties}
        msgspec.convert(area, Area, strict=True)
        areas.append(area)
    return areas


def _point(point: Any) -> list[Any]:
    if not isinstance(point, list) or len(point) < 2:
        raise ValueError(f"{point!r} is no point: longitude and latitude are wanted")
    return [float(value) if isinstance(value, int | float) else value for value in point[:2]]
