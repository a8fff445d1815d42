"""Documents: pictures as JSON, GeoJSON and aircraft.json, made in pieces so that no other thread waits for long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np

from farwatch import __version__
from farwatch.picture import Picture, Status
from farwatch.plots import NO_ADDRESS, Ints
from farwatch.service.frames import Frame, sensor_names
from farwatch.service.identities import addresses, callsigns, modes_a

PIECE = 500  # tracks encoded at a time
FOOT, KNOT, FOOT_A_MINUTE = 0.3048, 1852.0 / 3600.0, 0.3048 / 60.0

Pieces = list[bytes]
_ENCODER = msgspec.json.Encoder()
_STATUS = [status.name.lower() for status in Status]
_ROUNDED = (
    ("lat_deg", 7),
    ("lon_deg", 7),
    ("height_wgs84_m", 1),
    ("pressure_altitude_m", 1),
    ("ground_speed_mps", 2),
    ("track_angle_deg", 2),
    ("vertical_rate_mps", 2),
    ("sigma_horizontal_m", 1),
    ("sigma_height_m", 1),
    ("existence", 4),
)


def track_objects(p: Picture, rows: Ints, ids: list[str]) -> list[dict[str, Any]]:
    """Tracks as the interface tells them; NaN becomes null."""
    p = p.take(rows)
    names = dict(zip(masks := np.unique(p.sensors).tolist(), [sensor_names(mask, ids) for mask in masks], strict=True))
    measures = [np.round(getattr(p, name), digits).tolist() for name, digits in _ROUNDED]
    keys = [name for name, _ in _ROUNDED]
    columns = p.track.tolist(), p.status.tolist(), callsigns(p.flight), addresses(p.address), modes_a(p.mode_a)
    return [
        {
            "id": track,
            "status": _STATUS[status],
            "callsign": callsign,
            "address": address,
            "mode_a": mode_a,
            **dict(zip(keys, values, strict=True)),
            "sensors": names[mask],
        }
        for track, status, callsign, address, mode_a, mask, *values in zip(
            *columns, p.sensors.tolist(), *measures, strict=True
        )
    ]


def tracks_json(frame: Frame, rows: Ints, ids: list[str], total: int, following: int | None) -> Pieces:
    """The tracks of a frame in rows, out of so many that were asked for."""
    head = {"time_ms": frame.time_ns / 1e6, "sequence": frame.sequence, "total": total, "next": following}
    return _document(head, "tracks", rows, lambda part: track_objects(frame.states, part, ids))


def tracks_geojson(frame: Frame, rows: Ints, ids: list[str]) -> Pieces:
    """The same as a GeoJSON FeatureCollection of points (RFC 7946)."""

    def features(part: Ints) -> list[dict[str, Any]]:
        made = []
        for track in track_objects(frame.states, part, ids):
            place = [track["lon_deg"], track["lat_deg"]]
            if track["height_wgs84_m"] == track["height_wgs84_m"]:
                place.append(track["height_wgs84_m"])
            geometry = {"type": "Point", "coordinates": place}
            made.append({"type": "Feature", "id": track["id"], "geometry": geometry, "properties": track})
        return made

    return _document({"type": "FeatureCollection", "time_ms": frame.time_ns / 1e6}, "features", rows, features)


def aircraft_json(frame: Frame) -> Pieces:
    """The tracks as readsb's aircraft.json has them: feet, knots, feet a minute; what is not known is left out.

    An address marked `~` is none of ICAO's: the track number stands for the aircraft, as for radar tracks in TIS-B.
    """

    def aircraft(part: Ints) -> list[dict[str, Any]]:
        p = frame.states.take(part)
        columns = (
            p.track.tolist(), p.address.tolist(), callsigns(p.flight), modes_a(p.mode_a), p.lat_deg.tolist(),
            p.lon_deg.tolist(), (p.pressure_altitude_m / FOOT).tolist(), (p.height_wgs84_m / FOOT).tolist(),
            (p.ground_speed_mps / KNOT).tolist(), p.track_angle_deg.tolist(),
            (p.vertical_rate_mps / FOOT_A_MINUTE).tolist(), p.sigma_horizontal_m.tolist(),
            ((frame.time_ns - frame.seen_ns[part]) * 1e-9).tolist(),
        )  # fmt: skip
        made = []
        for track, address, callsign, mode_a, lat, lon, baro, geom, gs, angle, rate, sigma, seen_s in zip(
            *columns, strict=True
        ):
            known = address != NO_ADDRESS
            one: dict[str, Any] = {"hex": f"{address:06x}" if known else f"~{track & 0xFFFFFF:06x}"}
            one["type"] = "tisb_icao" if known else "tisb_trackfile"
            if callsign:
                one["flight"] = callsign.ljust(8)
            if baro == baro:
                one["alt_baro"] = round(baro)
            if geom == geom:
                one["alt_geom"] = round(geom)
            if rate == rate:
                one["geom_rate"] = round(rate)
            if mode_a:
                one["squawk"] = mode_a
            one |= {"gs": round(gs, 1), "track": round(angle, 2), "lat": round(lat, 6), "lon": round(lon, 6)}
            if sigma == sigma:
                one["rc"] = round(2.0 * sigma)
            seen = round(max(seen_s, 0.0), 1)
            one |= {"seen_pos": seen, "seen": seen, "mlat": [], "tisb": ["lat", "lon", "gs", "track"]}
            made.append(one)
        return made

    head = {"now": frame.time_ns * 1e-9, "messages": frame.health.plots}
    return _document(head, "aircraft", np.arange(frame.states.n), aircraft)


def receiver_json(centre: dict[str, float]) -> dict[str, Any]:
    """readsb's receiver.json."""
    return {
        "version": f"farwatch {__version__}",
        "refresh": 1000,
        "history": 0,
        "lat": centre["lat_deg"],
        "lon": centre["lon_deg"],
    }


def _document(head: dict[str, Any], name: str, rows: Ints, make: Callable[[Ints], list[dict[str, Any]]]) -> Pieces:
    """An object of the head's fields and a list that is made piece by piece."""
    return list(_pieces(head, name, rows, make))


def _pieces(
    head: dict[str, Any], name: str, rows: Ints, make: Callable[[Ints], list[dict[str, Any]]]
) -> Iterator[bytes]:
    yield _ENCODER.encode(head)[:-1] + f',"{name}":['.encode()
    for start in range(0, len(rows), PIECE):
        listed = _ENCODER.encode(make(rows[start : start + PIECE]))[1:-1]
        yield b"," + listed if start else listed
    yield b"]}\n"
