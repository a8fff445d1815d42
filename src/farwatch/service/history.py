"""History: the states of tracks in SQLite (WAL), written in batches by a thread of its own; read by any.

One state a track and slot of time is kept, the last one: what a track was at a look of a sensor, not a prediction.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np

from farwatch.errors import FarwatchError
from farwatch.picture import Picture, Status
from farwatch.service.handover import Handover
from farwatch.service.identities import addresses, callsigns, modes_a

LOG = logging.getLogger(__name__)

VERSION = 1
QUEUE = 16
LET_GO_AT_ONCE = 20_000  # rows: deleting more would hold up writing
MOST_STATES = 10_000  # in one answer

# Whole numbers take a third of the room of doubles: 1e-7 degrees, decimetres, cm/s, hundredths of a degree.
_SCHEMA = """
CREATE TABLE states (
    track INTEGER NOT NULL, slot INTEGER NOT NULL, time_ms INTEGER NOT NULL, status INTEGER NOT NULL,
    lat INTEGER NOT NULL, lon INTEGER NOT NULL, height INTEGER, level INTEGER, speed INTEGER, angle INTEGER,
    climb INTEGER, sigma INTEGER, sigma_height INTEGER, sensors INTEGER NOT NULL, PRIMARY KEY (track, slot)
) WITHOUT ROWID;
CREATE INDEX states_by_slot ON states (slot);
CREATE TABLE tracks (
    track INTEGER PRIMARY KEY, callsign TEXT, address TEXT, mode_a TEXT, last_ms INTEGER NOT NULL
);
CREATE INDEX tracks_by_time ON tracks (last_ms);
"""
_INTEGERS = (
    ("lat_deg", 1e7),
    ("lon_deg", 1e7),
    ("height_wgs84_m", 10.0),
    ("pressure_altitude_m", 10.0),
    ("ground_speed_mps", 100.0),
    ("track_angle_deg", 100.0),
    ("vertical_rate_mps", 100.0),
    ("sigma_horizontal_m", 10.0),
    ("sigma_height_m", 10.0),
)


class History:
    """Keeps states in `folder`/history.sqlite for so many hours and bytes; raises `FarwatchError` where it cannot.

    `put` never waits, unless `lossless`. `dropped` counts the updates that it could not take.
    """

    def __init__(
        self, folder: Path, hours: float, gigabytes: float, every_s: float, sensors: list[str], lossless: bool = False
    ) -> None:
        self.dropped = 0
        self.state = "on"
        self._path = folder / "history.sqlite"
        self._hours_ms = round(hours * 3600e3)
        self._bytes = round(gigabytes * 1e9)
        self._slot_ms = round(every_s * 1e3)
        self._sensors = sensors
        self._handover: Handover[Picture] = Handover(QUEUE, lossless, self._run, "history")
        self._waiting: list[Picture] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise FarwatchError(f"{self._path}: cannot keep history there ({error}); give another folder") from None
        self._handover.start()

    def _prepare(self) -> None:
        """Make the file, or look whether it is ours; one that cannot be read is put aside."""
        try:
            self._look()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "unable to open" in str(error):
                raise
            aside = self._path.with_suffix(".broken")
            LOG.error("%s: cannot be read (%s); put aside as %s", self._path, error, aside.name)
            self._path.replace(aside)
            for suffix in ("-wal", "-shm"):
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)
            self._look()

    def _look(self) -> None:
        with contextlib.closing(self._connect()) as base:
            version = base.execute("PRAGMA user_version").fetchone()[0]
            if version == 0 and not base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                base.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
            elif version != VERSION:
                raise sqlite3.DatabaseError(f"version {version}, this farwatch keeps {VERSION}")

    def _connect(self) -> sqlite3.Connection:
        base = sqlite3.connect(self._path, timeout=5.0, isolation_level=None)
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("PRAGMA synchronous = NORMAL")
        return base

    def put(self, looks: Picture) -> None:
        """Hand over the states at the looks of an update."""
        if not self._handover.put(looks):
            self.dropped += 1

    def close(self) -> None:
        """Write what is waiting and end the thread."""
        self._handover.close()

    def _run(self) -> None:
        with contextlib.closing(self._connect()) as base:
            slot = None
            while True:
                looks = self._handover.take()
                now = None if looks is None else looks.until_ns // 1_000_000 // self._slot_ms
                if self._waiting and now != slot:
                    self._write(base)
                if looks is None:
                    return
                slot = now
                if looks.n:
                    self._waiting.append(looks)

    def _write(self, base: sqlite3.Connection) -> None:
        """One transaction with what is waiting, and with what is too old going."""
        waiting, self._waiting = self._waiting, []
        try:
            base.execute("BEGIN IMMEDIATE")
            newest_ms = 0
            for part in waiting:
                newest_ms = max(newest_ms, part.until_ns // 1_000_000)
            base.executemany(f"INSERT OR REPLACE INTO states VALUES ({', '.join('?' * 14)})", self._rows(waiting))
            base.executemany(
                "INSERT INTO tracks VALUES (?, ?, ?, ?, ?) ON CONFLICT (track) DO UPDATE SET "
                "callsign = excluded.callsign, address = excluded.address, mode_a = excluded.mode_a, "
                "last_ms = excluded.last_ms",
                self._names(waiting),
            )
            self._let_go(base, newest_ms)
            base.execute("COMMIT")
            if self.state != "on":
                LOG.warning("%s: history is kept again", self._path)
                self.state = "on"
        except (sqlite3.Error, OSError) as error:
            with contextlib.suppress(sqlite3.Error):
                base.execute("ROLLBACK")
            self.dropped += len(waiting)
            if self.state == "on":
                LOG.error("%s: history cannot be kept (%s); still trying", self._path, error)
            self.state = "failed"
        except Exception:  # whatever is wrong with one update, the next one may be right
            with contextlib.suppress(sqlite3.Error):
                base.execute("ROLLBACK")
            self.dropped += len(waiting)
            LOG.exception("%s: an update could not be kept", self._path)

    def _rows(self, waiting: list[Picture]) -> list[tuple[Any, ...]]:
        """The last state of each track and slot, as rows of `states`."""
        rows: list[tuple[Any, ...]] = []
        for part in waiting:
            slot = part.time_ns // 1_000_000 // self._slot_ms
            last = part.n - 1 - np.unique(np.column_stack([part.track, slot])[::-1], axis=0, return_index=True)[1]
            p = part.take(last)
            columns: list[list[Any]] = [
                p.track.tolist(),
                slot[last].tolist(),
                (p.time_ns // 1_000_000).tolist(),
                p.status.tolist(),
            ]
            for name, scale in _INTEGERS:
                values = getattr(p, name)
                known = np.isfinite(values)
                steps = np.rint(np.where(known, values, 0.0) * scale).astype(np.int64).astype(object)
                steps[~known] = None
                columns.append(steps.tolist())
            rows.extend(zip(*columns, p.sensors.tolist(), strict=True))
        return rows

    def _names(self, waiting: list[Picture]) -> list[tuple[Any, ...]]:
        """The identities of the tracks that are waiting, as rows of `tracks`."""
        names: dict[int, tuple[Any, ...]] = {}
        for p in waiting:
            columns = callsigns(p.flight), addresses(p.address), modes_a(p.mode_a), (p.time_ns // 1_000_000).tolist()
            names.update(zip(p.track.tolist(), zip(*columns, strict=True), strict=True))
        return [(track, *name) for track, name in names.items()]

    def _let_go(self, base: sqlite3.Connection, newest_ms: int) -> None:
        """Delete some of the oldest slots where they are too old or the file is too large."""
        oldest_ms = newest_ms - self._hours_ms
        pages, free, size = (
            base.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        if (pages - free) * size > self._bytes:
            found = base.execute("SELECT slot FROM states ORDER BY slot LIMIT 1 OFFSET ?", (LET_GO_AT_ONCE,)).fetchone()
            if found:
                oldest_ms = max(oldest_ms, (found[0] + 1) * self._slot_ms)
        slot = oldest_ms // self._slot_ms
        base.execute(
            "DELETE FROM states WHERE (track, slot) IN "
            "(SELECT track, slot FROM states WHERE slot < ? ORDER BY slot LIMIT ?)",
            (slot, LET_GO_AT_ONCE),
        )
        base.execute("DELETE FROM tracks WHERE last_ms < ?", (oldest_ms - self._slot_ms,))

    def states(self, track: int, from_ms: int, to_ms: int, limit: int) -> dict[str, Any] | None:
        """The states of a track in a span of time, the oldest first, as the answer of the interface; None: unknown."""
        with contextlib.closing(sqlite3.connect(self._path, timeout=5.0)) as base:
            base.execute("PRAGMA query_only = ON")
            name = base.execute("SELECT callsign, address, mode_a FROM tracks WHERE track = ?", (track,)).fetchone()
            if name is None:
                return None
            rows = base.execute(
                "SELECT time_ms, status, lat, lon, height, level, speed, angle, climb, sigma, sigma_height, sensors "
                "FROM states WHERE track = ? AND slot >= ? AND slot <= ? AND time_ms >= ? AND time_ms <= ? "
                "ORDER BY slot LIMIT ?",
                (track, from_ms // self._slot_ms, to_ms // self._slot_ms, from_ms, to_ms, limit + 1),
            ).fetchall()
        return {
            "id": track,
            "callsign": name[0],
            "address": name[1],
            "mode_a": name[2],
            "states": [self._state(row) for row in rows[:limit]],
            "next_ms": rows[limit][0] if len(rows) > limit else None,
        }

    def _state(self, row: tuple[Any, ...]) -> dict[str, Any]:
        numbers = {
            name: None if value is None else value / scale
            for (name, scale), value in zip(_INTEGERS, row[2:11], strict=True)
        }
        sensors = [name for bit, name in enumerate(self._sensors[:63]) if row[11] >> bit & 1]
        return {"time_ms": row[0], "status": Status(row[1]).name.lower(), **numbers, "sensors": sensors}
