"""REST: what docs/api.md lists. Answers for all tracks are made once a picture, in another thread, and shared."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlencode

import msgspec
import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from farwatch import __version__
from farwatch.plots import Ints
from farwatch.service.documents import (
    Pieces,
    aircraft_json,
    receiver_json,
    track_objects,
    tracks_geojson,
    tracks_json,
)
from farwatch.service.frames import Frame, sensors_told
from farwatch.service.guard import Guard
from farwatch.service.history import MOST_STATES, History
from farwatch.service.live_socket import LiveSocket
from farwatch.service.metrics import CONTENT_TYPE, Metrics
from farwatch.service.page import LOGIN, LOGIN_CSS, Asset
from farwatch.service.publisher import Publisher

FOOT = 0.3048
MOST_TRACKS = 100_000
MOST_DOCUMENTS = 8  # of filters and formats, remembered
FORM_BYTES, FORM_S = 4096, 5.0
PIECE_BYTES = 1 << 17
OLDEST_CHECKPOINT_S = 120.0
_QUERY = {"bbox", "min_level_ft", "max_level_ft", "limit", "after"}


class RequestError(Exception):
    """What is wrong with a request, in words."""


class NotYetError(RequestError):
    """What was asked for is not there yet."""


class Shared:
    """Documents of the newest frame: each is made once, for all who ask, and one after the other in one thread."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[int, asyncio.Future[Pieces]]] = {}
        self._thread = ThreadPoolExecutor(1, "documents")

    async def get(self, name: str, frame: Frame, make: Callable[[], Pieces]) -> Pieces:
        """The document of a frame, by its name."""
        found = self._made.pop(name, None)
        if found is None or found[0] != frame.sequence:
            loop = asyncio.get_running_loop()
            found = frame.sequence, asyncio.ensure_future(loop.run_in_executor(self._thread, make))
        self._made[name] = found
        while len(self._made) > MOST_DOCUMENTS:
            self._made.pop(next(iter(self._made)))
        return await asyncio.shield(found[1])

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(cancel_futures=True)


class Rest:
    """The handlers. `ready_s` is how old the last update may be for the service to be ready."""

    def __init__(
        self,
        ids: list[str],
        live: LiveSocket,
        publisher: Publisher,
        history: History,
        metrics: Metrics,
        assets: dict[str, Asset],
        ready_s: float,
    ) -> None:
        self._ids, self._live, self._publisher = ids, live, publisher
        self._history, self._metrics, self._assets, self._ready_s = history, metrics, assets, ready_s
        self._shared = Shared()

    def close(self) -> None:
        """End what runs beside the server."""
        self._shared.close()

    async def scenario(self, _: Request) -> Response:
        """The scenario's name, middle and reach, and its sensors."""
        return _json({**self._live.scenario, "session": self._live.session, "sensors": self._live.sensors})

    async def sensors(self, _: Request) -> Response:
        """The sensors with how they are."""
        frame = self._publisher.newest
        told = {} if frame is None else {one["id"]: one for one in sensors_told(frame.health)}
        waiting = {"condition": "waiting", "heard_ms": 0.0, "plots_per_s": 0.0, "azimuth_deg": None}
        return _json({"sensors": [{**one, **(told.get(one["id"]) or waiting)} for one in self._live.sensors]})

    async def status(self, _: Request) -> Response:
        """What `status` says to all clients."""
        return _json({name: value for name, value in self._live.status().items() if name != "type"})

    async def tracks(self, request: Request) -> Response:
        """The tracks of the newest picture."""
        return await self._tracks(request, False)

    async def tracks_geojson(self, request: Request) -> Response:
        """The same as GeoJSON."""
        return await self._tracks(request, True)

    async def _tracks(self, request: Request, geojson: bool) -> Response:
        frame = self._frame()
        query = _query(request, _QUERY)
        limit = _number(query, "limit", 1, MOST_TRACKS, MOST_TRACKS)
        rows = _selected(frame, query)
        total, after = len(rows), _number(query, "after", 0, 1 << 62, -1)
        rows = rows[frame.states.track[rows] > after]
        following = int(frame.states.track[rows[int(limit) - 1]]) if len(rows) > limit else None
        rows = rows[: int(limit)]

        def make() -> Pieces:
            if geojson:
                return tracks_geojson(frame, rows, self._ids)
            return tracks_json(frame, rows, self._ids, total, following)

        kind = "application/geo+json" if geojson else "application/json"
        name = kind + urlencode(sorted(query.items()))
        return _stream(await self._shared.get(name, frame, make), kind)

    async def track(self, request: Request) -> Response:
        """One track of the newest picture."""
        frame, number = self._frame(), _track(request)
        row = frame.row(number)
        if row is None:
            return _problem(404, f"no track {number} in the picture; its past may be at /api/v1/track/{number}/history")
        told = track_objects(frame.states, np.array([row]), self._ids)[0]
        return _json({"time_ms": frame.time_ns / 1e6, "seen_ms": int(frame.seen_ns[row]) / 1e6, **told})

    async def history(self, request: Request) -> Response:
        """The states of one track."""
        number, query = _track(request), _query(request, {"from", "to", "limit"})
        from_ms, to_ms = _number(query, "from", 0, 4e12, 0), _number(query, "to", 0, 4e12, 4e12)
        limit = _number(query, "limit", 1, MOST_STATES, MOST_STATES)
        found = await asyncio.to_thread(self._history.states, number, int(from_ms), int(to_ms), int(limit))
        if found is None:
            return _problem(404, f"no track {number} in the history")
        return _json(found)

    async def aircraft(self, _: Request) -> Response:
        """readsb's aircraft.json."""
        frame = self._frame()
        pieces = await self._shared.get("aircraft", frame, lambda: aircraft_json(frame))
        return _stream(pieces, "application/json")

    async def receiver(self, _: Request) -> Response:
        """readsb's receiver.json."""
        return _json(receiver_json(self._live.scenario["centre"]))

    async def metrics(self, _: Request) -> Response:
        """For Prometheus."""
        return Response(self._metrics.text(), media_type=CONTENT_TYPE)

    async def livez(self, _: Request) -> Response:
        """The process answers."""
        return Response("alive\n", media_type="text/plain")

    async def readyz(self, _: Request) -> Response:
        """Whether the picture can be relied on, and if not, why."""
        reasons = self._unready()
        return _json({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    def _unready(self) -> list[str]:
        frame, heard_s = self._publisher.newest, self._publisher.heard_s
        if frame is None:
            return ["no picture has been made yet"]
        reasons = []
        silent_s = time.monotonic() - heard_s
        if silent_s > self._ready_s:
            reasons.append(f"no picture has been made for {silent_s:.0f} s")
        age_s = (frame.time_ns - frame.health.checkpoint_ns) * 1e-9
        if frame.health.checkpoint_ns and age_s > OLDEST_CHECKPOINT_S:
            reasons.append(f"the last checkpoint is {age_s:.0f} s old")
        return reasons

    async def version(self, _: Request) -> Response:
        """The version of the program."""
        return _json({"name": "farwatch", "version": __version__})

    async def page(self, request: Request) -> Response:
        """A file of the page: one of those that were read at the start, never a path."""
        asset = self._assets.get(request.scope["path"])
        if asset is None:
            return _problem(404, "there is nothing of that name")
        packed = asset.packed is not None and "gzip" in request.headers.get("accept-encoding", "")
        headers = {"cache-control": asset.cache, "vary": "accept-encoding"}
        if packed:
            headers["content-encoding"] = "gzip"
        content = asset.packed if packed and asset.packed is not None else asset.content
        pieces = [content[start : start + PIECE_BYTES] for start in range(0, len(content), PIECE_BYTES)]
        return _stream(pieces, asset.content_type, headers)

    async def login(self, request: Request) -> Response:
        """The form, and what it sends: the token, for a cookie."""
        guard: Guard = request.scope["state"]["guard"]
        if request.method != "POST":
            return Response(LOGIN, media_type="text/html")
        try:
            async with asyncio.timeout(FORM_S):
                form = await _form(request)
        except TimeoutError:
            return _problem(408, "the form did not come in time", {"connection": "close"})
        address = request.client.host if request.client else ""
        refused = guard.attempt(address, form.get("token", ""))
        if refused is not None:
            status, text, headers = refused
            return Response(text, status, headers, "text/plain")
        cookie = {"set-cookie": guard.cookie_header()} if guard.asks else {}
        return Response(status_code=303, headers={"location": "/", **cookie})

    async def logout(self, request: Request) -> Response:
        """Takes the cookie away."""
        guard: Guard = request.scope["state"]["guard"]
        gone = guard.cookie_header().partition("=")[0] + "=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"
        return Response(status_code=303, headers={"location": "/login", "set-cookie": gone})

    async def login_style(self, _: Request) -> Response:
        """The form's looks."""
        return Response(LOGIN_CSS, media_type="text/css")

    def _frame(self) -> Frame:
        if self._publisher.newest is None:
            raise NotYetError("no picture has been made yet; ask again later")
        return self._publisher.newest


async def bad_request(_: Request, error: Exception) -> Response:
    """The answer to a request that cannot be understood, or not yet."""
    return _problem(503 if isinstance(error, NotYetError) else 400, str(error), {"connection": "close"})


async def not_found(_: Request, __: Exception) -> Response:
    """The answer to what there is not."""
    return _problem(404, "there is nothing of that name")


def _json(told: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(told) + b"\n", status, media_type="application/json")


def _problem(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": text}, status, headers)


def _stream(pieces: Pieces, kind: str, headers: dict[str, str] | None = None) -> Response:
    """Pieces one after the other, each when the one before has been taken: nothing is copied into a long queue."""
    length = sum(len(piece) for piece in pieces)
    return StreamingResponse(_each(pieces), 200, {"content-length": str(length), **(headers or {})}, kind)


async def _each(pieces: Pieces) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _form(request: Request) -> dict[str, str]:
    """A small form, URL-encoded."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES:
            raise RequestError(f"the form is longer than {FORM_BYTES} bytes")
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=8, errors="strict")
    except (UnicodeDecodeError, ValueError):
        raise RequestError("the form cannot be read; send token=... URL-encoded") from None
    return {name: values[-1] for name, values in fields.items()}


def _query(request: Request, allowed: set[str]) -> dict[str, str]:
    """The parameters, each once and each known."""
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in allowed:
            raise RequestError(f"unknown parameter {name[:40]!r}; allowed are {', '.join(sorted(allowed))}")
        if name in found:
            raise RequestError(f"parameter {name} is given twice")
        found[name] = value
    return found


def _number(query: dict[str, str], name: str, low: float, high: float, default: float) -> float:
    if name not in query:
        return default
    try:
        value = float(query[name])
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise RequestError(f"{name} = {query[name][:40]!r}: give a number from {low:g} to {high:g}")
    return value


def _track(request: Request) -> int:
    text = str(request.path_params["id"])
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise RequestError(f"{text[:40]!r} is no track number")
    return int(text)


def _selected(frame: Frame, query: dict[str, str]) -> Ints:
    """Rows of the tracks that the filters let through."""
    p = frame.states
    wanted = np.ones(p.n, np.bool_)
    if "bbox" in query:
        try:
            west, south, east, north = (float(part) for part in query["bbox"].split(","))
        except ValueError:
            west = float("nan")
        if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
            raise RequestError("bbox: give west,south,east,north in degrees, as 5.5,45,11,48.5")
        lon = (p.lon_deg + 180.0) % 360.0 - 180.0
        inside = (lon >= west) & (lon <= east) if west <= east else (lon >= west) | (lon <= east)
        wanted &= inside & (p.lat_deg >= south) & (p.lat_deg <= north)
    level_ft = np.where(np.isnan(p.pressure_altitude_m), p.height_wgs84_m, p.pressure_altitude_m) / FOOT
    if "min_level_ft" in query:
        wanted &= level_ft >= _number(query, "min_level_ft", -5000, 200_000, 0)
    if "max_level_ft" in query:
        wanted &= level_ft <= _number(query, "max_level_ft", -5000, 200_000, 0)
    return np.flatnonzero(wanted)
