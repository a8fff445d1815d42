"""Client: one reader of the live socket: its place in time, what it has been told, and what it shall be told next."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import numpy as np

from farwatch.picture import Status
from farwatch.service.commands import Command, Live, Pause, Play, Select, Step, WantPlots
from farwatch.service.differences import accuracy_of
from farwatch.service.frame_store import FrameStore, Kept, Span
from farwatch.service.frames import GAP_NS, Frame, detail, plots_told, sensor_names
from farwatch.service.hits import Hits
from farwatch.service.identities import Rows as IdentityRows
from farwatch.service.identities import addresses, callsigns, changed, modes_a, no_identities, static_messages
from farwatch.service.playback import LEAST_STEP_S, Playback, Show
from farwatch.service.wire import (
    CLIMB_MPS,
    DEGREES,
    GEOMETRIC,
    NONE,
    SPEED_MPS,
    STATUS,
    STEP_M,
    TURN,
    joined_plots,
    split_picture,
    with_jump,
)

WAITING = 2  # pictures; the older is dropped
STATUS_S = 1.0
FEW = 500  # tracks that may be encoded in the thread of all clients
MOST_NOTICES = 20

Message = str | bytes
Whole = Callable[[Frame], Awaitable[list[str]]]


class Client:
    """Takes frames and commands without waiting; `messages` is what shall be sent, one after the other.

    `whole` gives the `static` messages of all tracks of a frame, made once for all who come at that time.
    """

    def __init__(self, store: FrameStore, hits: Hits, ids: list[str], whole: Whole) -> None:
        self._store, self._hits, self._ids, self._whole = store, hits, ids, whole
        self._playback = Playback()
        self._frames: deque[Frame] = deque(maxlen=WAITING)
        self._newest: Frame | None = None
        self._sent: Frame | None = None  # the last live one, as long as no other has been sent since
        self._identities: IdentityRows = no_identities()  # as this client knows them, of the last picture
        self._selected: int | None = None
        self._plots = False
        self._jump = True  # the next live picture does not follow what is shown
        self._again = False  # the detail is wanted though no picture is due
        self._notices: deque[str] = deque(maxlen=MOST_NOTICES)
        self._wake = asyncio.Event()
        self._status_s = 0.0
        self._next_s = 0.0

    def offer(self, frame: Frame) -> None:
        """A new frame; it waits until the client has read what was sent before."""
        self._newest = frame
        if self._playback.state == "live":
            self._frames.append(frame)
        self._wake.set()

    def notice(self, text: str) -> None:
        """Tell the client something."""
        self._notices.append(text)
        self._wake.set()

    def obey(self, command: Command, now_s: float) -> None:
        """Do what the client asks."""
        times_ns = self._store.span.times_ns
        said: str | None = None
        was_live = self._playback.state == "live"
        match command:
            case Live():
                self._playback.live()
                if not was_live:
                    self._to_live()
            case Play(time_ms, speed):
                time_ns = None if time_ms is None else round(time_ms * 1e6)
                said = self._playback.play(now_s, times_ns, time_ns, speed)
            case Pause():
                self._playback.pause(now_s, times_ns)
            case Step(pictures):
                said = self._playback.step(now_s, times_ns, pictures)
            case Select(track):
                self._selected, self._again = track, track is not None
            case WantPlots(wanted):
                self._plots = wanted
        if self._playback.state != "live":
            self._frames.clear()
        if not isinstance(command, Select | WantPlots):
            self._status_s = 0.0  # tell at once where it is now
        if said is not None:
            self._notices.append(said)
        self._wake.set()

    def _to_live(self) -> None:
        self._frames.clear()
        if self._newest is not None:
            shown_ns = self._playback.shown_ns
            self._jump = shown_ns is None or not 0 <= self._newest.time_ns - shown_ns <= GAP_NS
            self._frames.append(self._newest)

    async def messages(self, status: Any) -> AsyncIterator[Message]:
        """What shall be sent, for ever; `status()` is what the status says to all alike."""
        while True:
            self._wake.clear()
            now_s = time.monotonic()
            while self._notices:
                yield _text({"type": "notice", "text": self._notices.popleft()})
            span = self._store.span
            was_live = self._playback.state == "live"
            show = self._playback.due(now_s, span.times_ns)
            if show is not None:
                async for message in self._kept(show, span):
                    yield message
            elif self._playback.state == "live":
                if not was_live:  # playing has come to the end
                    self._to_live()
                    self._status_s = 0.0
                if self._frames and now_s >= self._next_s:
                    self._next_s = now_s + LEAST_STEP_S
                    async for message in self._live(self._frames.popleft()):
                        yield message
            if self._again and self._selected is not None:
                async for message in self._detail_again(span):
                    yield message
            if now_s >= self._status_s + STATUS_S:
                self._status_s = now_s
                yield self._status(status(), now_s)
            await self._rest()

    async def _rest(self) -> None:
        """Until something may be due."""
        if self._notices:
            return
        now_s = time.monotonic()
        waits = [self._status_s + STATUS_S - now_s]
        if self._frames:
            waits.append(self._next_s - now_s)
        playing_s = self._playback.wait_s(now_s, self._store.span.times_ns)
        if playing_s is not None:
            waits.append(playing_s)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), max(min(waits), 0.001))

    async def _live(self, frame: Frame) -> AsyncIterator[Message]:
        """A live frame: static changes first, so that no picture shows a nameless track that has a name."""
        follows = self._sent is not None and frame.sequence == self._sent.sequence + 1 and not self._jump
        if follows:
            told: tuple[str, ...] | list[str] = frame.static
        elif not len(self._identities):
            told = await self._whole(frame)
        else:
            rows = frame.identities[changed(self._identities, frame.identities)]
            told = await _static(rows)
        for message in told:
            yield message
        self._identities, self._sent = frame.identities, frame
        jump, self._jump = self._jump or frame.jump, False
        self._playback.saw(frame.time_ns)
        yield with_jump(frame.picture, jump)
        if self._plots:
            yield with_jump(frame.plots, jump)
        if self._selected is not None:
            self._again = False
            row = frame.row(self._selected)
            if row is not None:
                yield _text(detail(frame, row, self._hits.of(self._selected), self._ids))

    async def _kept(self, show: Show, span: Span) -> AsyncIterator[Message]:
        """A picture out of the store."""
        kept = await asyncio.to_thread(self._store.read, show.k, span)
        if kept is None:
            yield _text({"type": "notice", "text": "that picture is no longer kept"})
            return
        now = split_picture(kept.picture).id
        known = kept.identities[np.isin(kept.identities["id"], now, assume_unique=True)]
        for message in await _static(known[changed(self._identities, known)]):
            yield message
        self._identities, self._sent = known, None
        yield with_jump(kept.picture, show.jump)
        if self._plots:
            plots = [kept.plots]
            if not show.jump and show.k - show.after > 1:
                between = range(max(show.after + 1, show.k - 60), show.k)
                older = await asyncio.to_thread(lambda: [self._store.read(k, span) for k in between])
                plots = [one.plots for one in older if one is not None] + plots
            yield with_jump(joined_plots(plots), show.jump)
        if self._selected is not None:
            self._again = False
            told = await asyncio.to_thread(self._kept_detail, kept, show.k, span, self._selected)
            if told is not None:
                yield told

    async def _detail_again(self, span: Span) -> AsyncIterator[Message]:
        """The detail of a track that has just been selected, of the picture that is shown."""
        self._again = False
        assert self._selected is not None
        if self._playback.state == "live":
            row = self._sent.row(self._selected) if self._sent is not None else None
            if row is not None and self._sent is not None:
                yield _text(detail(self._sent, row, self._hits.of(self._selected), self._ids))
        elif self._playback.shown_ns is not None and len(span.times_ns):
            k = max(int(np.searchsorted(span.times_ns, self._playback.shown_ns, "right")) - 1, 0)
            kept = await asyncio.to_thread(self._store.read, k, span)
            told = None
            if kept is not None:
                told = await asyncio.to_thread(self._kept_detail, kept, k, span, self._selected)
            if told is not None:
                yield told

    def _kept_detail(self, kept: Kept, k: int, span: Span, track: int) -> str | None:
        """The `detail` of a track in a picture out of the store, as far as was kept of it; None: not in it."""
        p = split_picture(kept.picture)
        row = int(np.searchsorted(p.id, track))
        if row >= len(p.id) or p.id[row] != track:
            return None
        a, flags = accuracy_of(kept.accuracy, row), int(p.flags[row])
        name = kept.identities[kept.identities["id"] == track]
        pressure = None if flags & GEOMETRIC or p.level[row] == NONE else float(p.level[row]) * STEP_M
        return _text(
            {
                "type": "detail",
                "id": track,
                "time_ms": kept.time_ns / 1e6,
                "status": Status(flags & STATUS).name.lower(),
                "callsign": callsigns(name["callsign"])[0] if len(name) else None,
                "address": addresses(name["address"])[0] if len(name) else None,
                "mode_a": modes_a(name["mode_a"])[0] if len(name) else None,
                "lat_deg": float(p.latitude[row]) / DEGREES,
                "lon_deg": float(p.longitude[row]) / DEGREES,
                "height_wgs84_m": a["height"],
                "pressure_altitude_m": pressure,
                "ground_speed_mps": float(p.speed[row]) * SPEED_MPS,
                "track_angle_deg": float(p.angle[row]) / TURN,
                "vertical_rate_mps": None if p.climb[row] == NONE else float(p.climb[row]) * CLIMB_MPS,
                "existence": a["existence"],
                "sigma_east_m": a["sigma_east"],
                "sigma_north_m": a["sigma_north"],
                "correlation_east_north": a["correlation"],
                "sigma_height_m": a["sigma_height"],
                "sigma_v_east_mps": a["sigma_v_east"],
                "sigma_v_north_mps": a["sigma_v_north"],
                "sensors": sensor_names(int(p.sensors[row]), self._ids[:16]),
                "plots": plots_told(self._store.hits_before(track, k, span), self._ids),
            }
        )

    def _status(self, told: dict[str, Any], now_s: float) -> str:
        """The status with this client's own place in time."""
        times_ns = self._store.span.times_ns
        place_ns = self._playback.time_ns(now_s, times_ns)
        return _text(
            {
                **told,
                "playback": {"state": self._playback.state, "speed": self._playback.speed, "time_ms": place_ns / 1e6},
                "range": [int(times_ns[0]) / 1e6, int(times_ns[-1]) / 1e6] if len(times_ns) else None,
                "gaps": [[start / 1e6, end / 1e6] for start, end in self._store.gaps()],
            }
        )


async def _static(rows: IdentityRows) -> list[str]:
    """`static` messages of rows: many are encoded in another thread."""
    return static_messages(rows) if len(rows) <= FEW else await asyncio.to_thread(static_messages, rows)


def _text(told: dict[str, Any]) -> str:
    return msgspec.json.encode(told).decode()
