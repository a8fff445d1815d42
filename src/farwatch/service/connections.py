"""Connections: uvicorn's protocols with the limits that they lack: how many, how slow, and what may pile up."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

from farwatch.service.metrics import WebState

HEAD_S = 10.0  # for a whole request's head, from the connection or from the end of the answer before
SEND_S = 30.0  # for a reader to take what is under way
HEAD_BYTES = 16_384
BODY_BYTES = 65_536
UNREAD_BYTES = 4 << 20  # of what a WebSocket client was sent: it has stopped reading, and goes on asking
FRAGMENTS = 64
ABORT_S = 5.0


class Doors:
    """How many connections there are, in all and from one address."""

    def __init__(self, most: int, most_of_one: int, web: WebState) -> None:
        self._most, self._most_of_one, self._web = most, most_of_one, web
        self._open: dict[Any, str] = {}
        self._of_address: Counter[str] = Counter()

    def enter(self, transport: Any) -> bool:
        """Let a connection in; False where there are too many."""
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) else ""
        if len(self._open) >= self._most or self._of_address[address] >= self._most_of_one:
            self._web.refused += 1
            return False
        self._open[transport] = address
        self._of_address[address] += 1
        return True

    def leave(self, transport: Any) -> None:
        """A connection has ended."""
        address = self._open.pop(transport, None)
        if address is not None:
            self._of_address[address] -= 1
            if not self._of_address[address]:
                del self._of_address[address]


def protocols(doors: Doors) -> tuple[type[asyncio.Protocol], type[asyncio.Protocol]]:
    """The protocols of HTTP and of WebSocket, behind doors of their own."""

    class Http(H11Protocol):
        """HTTP/1.1 that waits for a head no longer than it takes to send one."""

        _late: asyncio.TimerHandle | None = None
        _stuck: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if doors.enter(transport):
                self._await_head()
            else:
                transport.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget()
            self.resume_writing()
            doors.leave(self.transport)
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._stuck = self.loop.call_later(SEND_S, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            if self._stuck is not None:
                self._stuck.cancel()
                self._stuck = None

        def data_received(self, data: bytes) -> None:
            before = self.cycle
            super().data_received(data)
            if self.cycle is not before:
                self._forget()
            if self.cycle is not None and len(self.cycle.body) > BODY_BYTES:
                self.transport.abort()

        def handle_websocket_upgrade(self, event: h11.Request) -> None:
            self._forget()
            super().handle_websocket_upgrade(event)

        def on_response_complete(self) -> None:
            before = self.cycle
            super().on_response_complete()
            if self.cycle is before:  # else another request had come already
                self._await_head()

        def _await_head(self) -> None:
            self._forget()
            self._late = self.loop.call_later(HEAD_S, self._give_up)

        def _forget(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

        def _give_up(self) -> None:
            self.transport.abort()

    class WebSocket(WebSocketsSansIOProtocol):
        """WebSocket whose client cannot make anything pile up."""

        def connection_lost(self, exc: Exception | None) -> None:
            doors.leave(self.transport)
            super().connection_lost(exc)

        def handle_ping(self) -> None:
            super().handle_ping()
            if self.transport.get_write_buffer_size() > UNREAD_BYTES:
                self.transport.abort()

        def handle_cont(self, event: Any) -> None:
            super().handle_cont(event)
            if len(self.frames) > FRAGMENTS:
                self.transport.abort()

        async def send(self, message: Any) -> None:
            await super().send(message)
            if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
                self.handshake_complete = True  # refused: uvicorn would log that nobody answered

        def send_receive_event_to_app(self) -> None:
            if self.curr_msg_data_type == "text":
                try:
                    b"".join(self.frames).decode()
                except UnicodeDecodeError:
                    self.frames = []
                    self.conn.fail(1007, "text that is not UTF-8")
                    self.handle_parser_exception()
                    return
            super().send_receive_event_to_app()

        def keepalive_timeout(self) -> None:
            super().keepalive_timeout()
            self._abort_soon()

        def handle_parser_exception(self) -> None:
            super().handle_parser_exception()
            self._abort_soon()

        def shutdown(self) -> None:
            if self.handshake_complete and not self.close_sent and self.conn.state is not State.OPEN:
                self.transport.abort()  # it was closing already, and uvicorn would close it again
                return
            super().shutdown()
            self._abort_soon()

        def _abort_soon(self) -> None:
            """Closing waits for what was sent to be read: not for ever."""
            self.loop.call_later(ABORT_S, self.transport.abort)

    return Http, WebSocket
