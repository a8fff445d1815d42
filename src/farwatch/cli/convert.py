"""farwatch convert: recordings as tables, maps or filtered recordings."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

from farwatch.cli.say import bar, editions_of, err, out, partial, result
from farwatch.cli.track import day_of
from farwatch.convert import Converted
from farwatch.convert import convert as converted
from farwatch.convert.reports import are_reports, convert_reports
from farwatch.errors import ConfigError
from farwatch.formats.asterix.sequence import Selection
from farwatch.formats.asterix.table import categories
from farwatch.scenario import load
from farwatch.sensors import Radar

_DAY_S = 86_400


def convert(
    recordings: list[Path],
    output: Path,
    filters: dict[str, str | None],
    site: Path | None,
    edition: list[str],
    day: str | None,
    all_columns: bool,
    as_json: bool,
) -> None:
    """Convert, then say what was written and what was lost."""
    selection = selection_of(filters, site)
    if are_reports(recordings):
        reports(recordings, output, selection, day, as_json)
        return
    total = sum(path.stat().st_size for path in recordings if path.is_file())
    with bar("converting", total / 1e6, "MB") as progress:
        task = progress.task_ids[0]
        done = converted(
            recordings,
            output,
            selection,
            editions=editions_of(edition) or None,
            day_ns=day_of(day),
            all_columns=all_columns,
            on_bytes=lambda size: progress.advance(task, size / 1e6),
        )
    if as_json:
        result(as_data(done))
    else:
        for category, count in sorted(done.records.items()):
            out().print(f"CAT{category:03d}: {count:,} records", markup=False)
        for path in done.files:
            out().print(f"wrote {path}", markup=False)
        if done.dropped:
            err().print(f"farwatch: {done.dropped:,} records were not selected")
    partial(losses(done))


def reports(recordings: list[Path], output: Path, selection: Selection, day: str | None, as_json: bool) -> None:
    """The same for recordings that are no ASTERIX."""
    total = sum(path.stat().st_size for path in recordings if path.is_file())
    with bar("converting", total / 1e6, "MB") as progress:
        task = progress.task_ids[0]
        done = convert_reports(
            recordings, output, selection, day_ns=day_of(day), on_bytes=lambda size: progress.advance(task, size / 1e6)
        )
    lost = [
        f"{name}: {reason}: {count:,} times"
        for name, statistics in done.statistics.items()
        for reason, count in statistics.skipped.items()
    ]
    rejected = {reason: n for one in done.statistics.values() for reason, n in one.rejected.items()}
    if as_json:
        files = [str(path) for path in done.files]
        result({"files": files, "rows": done.rows, "not_selected": done.dropped, "rejected": rejected, "lost": lost})
    else:
        out().print(f"{done.rows:,} rows; wrote {done.files[0]}", markup=False)
        if done.dropped:
            err().print(f"farwatch: {done.dropped:,} were not selected")
        for reason, count in rejected.items():
            err().print(f"farwatch: not believed: {reason}: {count:,} times", markup=False)
    partial(lost)


def as_data(done: Converted) -> dict[str, Any]:
    """What was done as plain data."""
    return {
        "files": [str(path) for path in done.files],
        "records": {f"{category:03d}": count for category, count in sorted(done.records.items())},
        "not_selected": done.dropped,
        "lost": losses(done),
    }


def losses(done: Converted) -> list[str]:
    """What of the recordings is not in the output, though it was asked for."""
    lost = [f"{count:,} times: {reason}" for reason, count in done.notes.items()]
    for name, statistics in done.statistics.items():
        lost += [f"{name}: {kind}: {error}" for kind, error in statistics.errors.items()]
        lost += [f"{name}: {reason}: {count:,} times" for reason, count in statistics.skipped.items()]
    return lost


def selection_of(filters: dict[str, str | None], site: Path | None) -> Selection:
    """The selection that the options say; raises `ConfigError`."""
    known = categories()
    chosen = frozenset(_integers(filters["category"], "--category", "48,34"))
    for number in chosen - set(known):
        names = ", ".join(f"{category:03d}" for category in known)
        raise ConfigError(f"--category {number}: there is no table for that category; there are {names}")
    first, of_day = _time(filters["from"], "--from")
    last, also_of_day = _time(filters["to"], "--to")
    if first is not None and last is not None and of_day != also_of_day:
        raise ConfigError("--from and --to: give both as times of day, or both with a date")
    return Selection(
        chosen,
        frozenset(_source(text) for text in _words(filters["source"])),
        first,
        last,
        of_day or also_of_day,
        _box(filters["bbox"]),
        frozenset(_address(text) for text in _words(filters["address"])),
        sites_of(site) if site else {},
    )


def sites_of(site: Path) -> dict[tuple[int, int], tuple[float, float, float]]:
    """Latitude, longitude (rad) and height (m) of the sensors of a site file that have a SAC/SIC."""
    from math import radians

    found = {}
    for sensor in load(site).sensors:
        if isinstance(sensor, Radar) and sensor.sac_sic:
            place = sensor.position
            sac, sic = (int(part) for part in sensor.sac_sic.split("/"))
            found[sac, sic] = radians(place.lat_deg), radians(place.lon_deg), place.ellipsoidal_height_m
    return found


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def _integers(text: str | None, option: str, example: str) -> list[int]:
    words = _words(text)
    if not all(word.isdecimal() and int(word) < 256 for word in words):
        raise ConfigError(f"{option} {text}: write numbers from 0 to 255 with commas between them, as {example}")
    return [int(word) for word in words]


def _source(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,3})/(\d{1,3})", text)
    if not found or int(found[1]) > 255 or int(found[2]) > 255:
        raise ConfigError(f"--source {text}: write SAC/SIC, each from 0 to 255, as 20/129")
    return int(found[1]), int(found[2])


def _address(text: str) -> int:
    if not re.fullmatch(r"[0-9a-fA-F]{1,6}", text):
        raise ConfigError(f"--address {text}: write up to six hexadecimal digits, as 3C6586")
    return int(text, 16)


def _box(text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    try:
        south, west, north, east = (float(word) for word in text.split(","))
    except ValueError:
        south, west, north, east = 1.0, 0.0, 0.0, 0.0
    if not (-90 <= south <= north <= 90 and abs(west) <= 180 and abs(east) <= 180):
        raise ConfigError(f"--bbox {text}: write south,west,north,east in degrees, as 40.5,1.0,42.0,3.5")
    return south, west, north, east


def _time(text: str | None, option: str) -> tuple[int | None, bool]:
    """(ns, True where it is a time of day)."""
    if text is None:
        return None, False
    if found := re.fullmatch(r"(\d\d?):(\d\d)(?::(\d\d(?:\.\d{1,9})?))?", text.strip()):
        seconds = int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3] or 0)
        if int(found[2]) < 60 and float(found[3] or 0) < 60 and seconds <= _DAY_S:
            return round(seconds * 1e9), True
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{option} {text}: write a time of day (UTC) as 08:30 or 08:30:15.5, or a date with a time as "
            "2024-05-01T08:30:00"
        ) from None
    moment = moment.replace(tzinfo=datetime.UTC) if moment.tzinfo is None else moment
    return round(moment.timestamp()) * 10**9 + moment.microsecond * 1000, False
