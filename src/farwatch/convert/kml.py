"""Positions as KML for a globe: one line for each aircraft, cut into parts so that any recording fits into memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from farwatch.convert.writer import OneFile
from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.positions import places, scaled
from farwatch.formats.asterix.sequence import Records
from farwatch.formats.asterix.statistics import Statistics

_LONGEST = 2_000  # points of one line
_WAITING = 200_000  # points in memory
_NO_POSITION = "record without a position (name a site file where positions are about a sensor)"
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>{name}</name>
<Style id="track"><LineStyle><color>ffb08030</color><width>2</width></LineStyle></Style>
"""
_LINE = """<Placemark><name>{name}</name><styleUrl>#track</styleUrl><LineString><altitudeMode>{mode}</altitudeMode>
<coordinates>{points}</coordinates></LineString></Placemark>
"""
_POINT = """<Placemark><name>{name}</name><Point><altitudeMode>{mode}</altitudeMode>
<coordinates>{points}</coordinates></Point></Placemark>
"""

_Key = tuple[str, bool]  # name, and whether heights are known


class Kml(OneFile):
    """Lines of positions by address, else by source and track number; heights are the pressure altitude."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.lines: dict[_Key, list[str]] = {}
        self.waiting = 0
        name = path.stem.replace("&", "&amp;").replace("<", "&lt;")
        self.put(_HEAD.format(name=name).encode())

    def write(self, records: Records, statistics: Statistics) -> None:
        lat, lon = records.position()
        if lat is None or lon is None:
            self.notes[_NO_POSITION] += records.n
            return
        found = places(records.table)
        out = records.numbers([found.address, found.number, found.level])
        height_m = scaled(out[:, 2], found.level)
        rows = np.flatnonzero(~np.isnan(lat))
        self.notes[_NO_POSITION] += records.n - len(rows)
        degrees = np.degrees(lat[rows]).tolist(), np.degrees(lon[rows]).tolist()
        of_rows = (out[rows, 0].tolist(), out[rows, 1].tolist(), records.source[rows].tolist(), height_m[rows].tolist())
        for address, number, source, height, *place in zip(*of_rows, *degrees):
            self._add(_name(records.table.category, address, number, source), height, *place)
        if self.waiting > _WAITING:
            self._flush(keep_ends=True)

    def _add(self, name: str, height_m: float, lat_deg: float, lon_deg: float) -> None:
        high = height_m == height_m
        key = name, high
        line = self.lines.setdefault(key, [])
        line.append(f"{lon_deg:.6f},{lat_deg:.6f}" + (f",{height_m:.0f}" if high else ""))
        self.waiting += 1
        if len(line) >= _LONGEST:
            self._put_line(key, line)
            self.waiting -= len(line) - 1
            self.lines[key] = line[-1:]

    def _flush(self, *, keep_ends: bool) -> None:
        for key, line in self.lines.items():
            self._put_line(key, line)
        self.lines = {key: line[-1:] for key, line in self.lines.items()} if keep_ends else {}
        if len(self.lines) > _WAITING // 2:
            self.lines = {}
        self.waiting = len(self.lines)

    def _put_line(self, key: _Key, line: list[str]) -> None:
        name, high = key
        template = _LINE if len(line) > 1 else _POINT
        mode = "absolute" if high else "clampToGround"
        self.put(template.format(name=name, mode=mode, points=" ".join(line)).encode())

    def finish(self) -> list[Path]:
        self._flush(keep_ends=False)
        self.put(b"</Document></kml>\n")
        self.notes = +self.notes
        return super().finish()


def _name(category: int, address: int, number: int, source: int) -> str:
    if address not in (ABSENT, 0):
        return f"{address:06X}"
    where = f"{source // 256}/{source % 256}" if source >= 0 else "?"
    return f"{where} track {number}" if number != ABSENT else f"{where} CAT{category:03d}"
