"""Compact position reporting: 17 bits of latitude and of longitude in zones -> degrees. ICAO Doc 9871, appendix C.2.6.

Airborne zones are 360/60 (even) and 360/59 (odd) degrees high, those on the ground a quarter of that; a place is known
from an even and an odd message of nearly one time, or from one message and a place within half a zone of it.
"""

from __future__ import annotations

import math

from farwatch.kernels import leaf

AIRBORNE, SURFACE = 0, 1
STEPS = 131_072.0
SPAN_DEG = (360.0, 90.0)  # of all zones together, by AIRBORNE and SURFACE


@leaf
def zones_of_longitude(lat_deg):  # type: ignore[no-untyped-def]
    """NL: how many zones of longitude there are at a latitude."""
    a = abs(lat_deg)
    if a < 1e-9:
        return 59
    if a >= 87.0:
        return 1 if a > 87.0 else 2
    c = math.cos(math.radians(a))
    return math.floor(2.0 * math.pi / math.acos(1.0 - (1.0 - math.cos(math.pi / 30.0)) / (c * c)))


@leaf
def modulo(a, b):  # type: ignore[no-untyped-def]
    """a modulo b, never negative."""
    return a - b * math.floor(a / b)


@leaf
def near(lat_cpr, lon_cpr, odd, kind, lat_deg, lon_deg):  # type: ignore[no-untyped-def]
    """Latitude and longitude (deg) of a message, nearest to a place."""
    y, x = lat_cpr / STEPS, lon_cpr / STEPS
    height = SPAN_DEG[kind] / (60.0 - odd)
    zone = math.floor(lat_deg / height) + math.floor(0.5 + modulo(lat_deg, height) / height - y)
    lat = height * (zone + y)
    width = SPAN_DEG[kind] / max(zones_of_longitude(lat) - odd, 1)
    zone = math.floor(lon_deg / width) + math.floor(0.5 + modulo(lon_deg, width) / width - x)
    return lat, width * (zone + x)


@leaf
def from_pair(even_lat, even_lon, odd_lat, odd_lon, odd_is_newer):  # type: ignore[no-untyped-def]
    """Whether an even and an odd airborne message belong to one place, and latitude and longitude (deg) of the newer.

    Not where the two lie in different counts of zones: the aircraft has passed a border between them.
    """
    y0, y1 = even_lat / STEPS, odd_lat / STEPS
    j = math.floor(59.0 * y0 - 60.0 * y1 + 0.5)
    lat0 = 360.0 / 60.0 * (modulo(j, 60.0) + y0)
    lat1 = 360.0 / 59.0 * (modulo(j, 59.0) + y1)
    if lat0 >= 270.0:
        lat0 -= 360.0
    if lat1 >= 270.0:
        lat1 -= 360.0
    if abs(lat0) > 90.0 or abs(lat1) > 90.0:
        return False, 0.0, 0.0
    zones = zones_of_longitude(lat0)
    if zones != zones_of_longitude(lat1):
        return False, 0.0, 0.0
    odd = 1 if odd_is_newer else 0
    lat = lat1 if odd_is_newer else lat0
    x0, x1 = even_lon / STEPS, odd_lon / STEPS
    m = math.floor(x0 * (zones - 1.0) - x1 * zones + 0.5)
    count = max(zones - odd, 1)
    lon = 360.0 / count * (modulo(m, float(count)) + (x1 if odd_is_newer else x0))
    return True, lat, modulo(lon + 180.0, 360.0) - 180.0
