"""The live socket: WebSocket clients, each with a reader and a writer; frames come from the publisher's thread."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections import Counter
from typing import Any

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from farwatch import __version__
from farwatch.scenario import Scenario
from farwatch.sensors import GeodeticSensor, Radar
from farwatch.service.client import Client
from farwatch.service.commands import CommandError, Commands, Play
from farwatch.service.frame_store import FrameStore
from farwatch.service.frames import Frame, hello_sensor, scenario_told, status_told
from farwatch.service.history import History
from farwatch.service.hits import Hits
from farwatch.service.identities import static_messages
from farwatch.service.metrics import WebState
from farwatch.service.publisher import Publisher
from farwatch.web_options import WebOptions

LOG = logging.getLogger(__name__)

POLICY_VIOLATION, TRY_LATER = 1008, 1013
GONE = (WebSocketDisconnect, RuntimeError)  # of sending to a client that has left
GOODBYE_S = 5.0  # a client that is shut out has so long to read why


class LiveSocket:
    """All clients. `offer` may be called from any thread and returns at once; all else runs in the loop."""

    def __init__(
        self,
        scenario: Scenario,
        options: WebOptions,
        publisher: Publisher,
        store: FrameStore,
        history: History,
        hits: Hits,
        web: WebState,
        from_start: bool = False,
    ) -> None:
        self._from_start = from_start
        self.session = secrets.token_hex(8)
        self.scenario = scenario_told(scenario)
        self.sensors = [
            hello_sensor(sensor) for sensor in scenario.sensors if isinstance(sensor, Radar | GeodeticSensor)
        ]
        self._ids = [sensor.id for sensor in scenario.sensors]
        self._options, self._publisher = options, publisher
        self._store, self._history, self._hits, self._web = store, history, hits, web
        self._clients: set[Client] = set()
        self._of_address: Counter[str] = Counter()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = False
        self._whole: tuple[int, asyncio.Future[list[str]]] | None = None
        self._status: tuple[Frame | None, list[str], dict[str, Any]] | None = None

    def run_in(self, loop: asyncio.AbstractEventLoop) -> None:
        """Where the clients live."""
        self._loop = loop
        self._publisher.listen(self.offer)

    def offer(self, _: Frame) -> None:
        """A frame is there: clients take the newest one."""
        if not self._told and self._loop is not None:
            self._told = True
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        self._told = False
        frame = self._publisher.newest
        if frame is not None:
            for client in self._clients:
                client.offer(frame)

    def status(self) -> dict[str, Any]:
        """What `status` says to all clients alike; made once a frame."""
        frame, said = self._publisher.newest, self.said()
        if self._status is None or self._status[0] is not frame or self._status[1] != said:
            mode = frame.health.mode if frame is not None else "live"
            self._status = frame, said, status_told(frame, mode, said)
        return self._status[2]

    def said(self) -> list[str]:
        """What an operator should know of the web side."""
        said = []
        if self._store.state != "on":
            said.append("pictures cannot be kept on disk: going back in time is not possible for now")
        if self._history.state != "on":
            said.append("the history of tracks cannot be kept on disk for now")
        return said

    def hello(self) -> dict[str, Any]:
        """The first message."""
        frame = self._publisher.newest
        return {
            "type": "hello",
            "version": 1,
            "farwatch": __version__,
            "session": self.session,
            "mode": frame.health.mode if frame is not None else "live",
            "scenario": self.scenario,
            "sensors": self.sensors,
        }

    async def _whole_static(self, frame: Frame) -> list[str]:
        """The `static` messages of a frame, made once for all clients that come at that time."""
        if self._whole is None or self._whole[0] != frame.sequence:
            made = asyncio.ensure_future(asyncio.to_thread(static_messages, frame.identities))
            self._whole = frame.sequence, made
        return await asyncio.shield(self._whole[1])

    async def serve(self, socket: WebSocket) -> None:
        """One client, from its coming to its going."""
        address = socket.client.host if socket.client else ""
        full = len(self._clients) >= self._options.max_clients
        if full or self._of_address[address] >= self._options.max_clients_per_address:
            self._web.refused += 1
            await socket.accept()
            await socket.close(TRY_LATER, "too many clients" if full else "too many clients from this address")
            return
        client = Client(self._store, self._hits, self._ids, self._whole_static)
        self._of_address[address] += 1
        self._clients.add(client)
        self._web.clients = len(self._clients)
        try:
            await socket.accept()
            await socket.send_text(msgspec.json.encode(self.hello()).decode())
            if self._publisher.newest is not None:
                client.offer(self._publisher.newest)
            kept_ns = self._store.span.times_ns
            if self._from_start and len(kept_ns):
                client.obey(Play(int(kept_ns[0]) / 1e6), time.monotonic())
            await self._both(socket, client)
        except GONE:
            pass
        finally:
            self._clients.discard(client)
            self._web.clients = len(self._clients)
            self._of_address[address] -= 1
            if not self._of_address[address]:
                del self._of_address[address]

    async def _both(self, socket: WebSocket, client: Client) -> None:
        """Read and write until either ends."""
        writer = asyncio.create_task(self._write(socket, client))
        reader = asyncio.create_task(self._read(socket, client))
        try:
            done, _ = await asyncio.wait({writer, reader}, return_when=asyncio.FIRST_COMPLETED)
            failed = [task.exception() for task in done]
            for error in failed:
                if error is not None and not isinstance(error, GONE):
                    LOG.error("a client of the live socket could not be served", exc_info=error)
            reason = reader.result() if reader in done and reader.exception() is None else None
            writer.cancel()
            if reason is not None:
                with contextlib.suppress(TimeoutError, *GONE):
                    await asyncio.wait_for(socket.close(POLICY_VIOLATION, reason), GOODBYE_S)
        finally:
            for task in (writer, reader):
                task.cancel()
            await asyncio.gather(writer, reader, return_exceptions=True)

    async def _write(self, socket: WebSocket, client: Client) -> None:
        async for message in client.messages(self.status):
            if isinstance(message, str):
                await socket.send_text(message)
            else:
                await socket.send_bytes(message)

    async def _read(self, socket: WebSocket, client: Client) -> str | None:
        """Obey the client until it goes, or until it has sent too much that is no good: then the reason."""
        commands = Commands()
        while True:
            message = await socket.receive()
            if message["type"] != "websocket.receive":
                return None
            now_s = time.monotonic()
            try:
                client.obey(commands.decode(message.get("text"), now_s), now_s)
            except CommandError as refused:
                if refused.final:
                    return "too many messages that are no commands, or too fast"
                client.notice(str(refused))
