"""Receivers: a thread a feed that takes datagrams, or a stream's blocks, off the network into a bounded queue."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from farwatch.clock import now_ns
from farwatch.formats.containers import NO_PORT
from farwatch.network import SO_RXQ_OVFL, SO_TIMESTAMPNS, Endpoint, open_receiver
from farwatch.sources.feeds import Ready

_LARGEST = 65_535
_ANCILLARY = socket.CMSG_SPACE(16) + socket.CMSG_SPACE(4)
_TURN = 256  # datagrams taken from one socket before the others have their turn
_OVERHEAD = 100  # bytes that a datagram costs besides its own
_LOOK_S = 0.2  # how often a thread looks whether it shall stop
_RETRY_S, _LONGEST_RETRY_S = 0.5, 30.0
_CONNECT_S = 5.0


class Datagram(NamedTuple):
    """What came in one packet, or whole blocks of a stream."""

    received_ns: int
    data: bytes
    feed: int = 0
    port: int = NO_PORT  # that it was sent to, or that of the server


@dataclass
class FeedState:
    """What a feed has received, and what of it was lost; one thread writes, others read."""

    name: str
    datagrams: int = 0
    bytes: int = 0
    dropped: int = 0  # the oldest of a full queue
    overruns: int = 0  # those that the kernel had no room for
    refused: int = 0  # of senders that `from` does not name
    copies: int = 0  # blocks that the other network had brought already
    errors: int = 0  # of the network, or streams that are no blocks
    connects: int = 0
    connected: bool = False
    last_ns: int = 0  # received
    buffer_bytes: int = 0  # of each socket, as granted


class Inbox:
    """A queue of at most so many bytes: what is too much pushes out the oldest, which is counted."""

    def __init__(self, most_bytes: int, state: FeedState, wake: threading.Event) -> None:
        self.state = state
        self._most = most_bytes
        self._wake = wake
        self._lock = threading.Lock()
        self._held: deque[Datagram] = deque()
        self._bytes = 0

    def put(self, datagrams: list[Datagram]) -> None:
        """Append; never waits."""
        if not datagrams:
            return
        size = sum(len(one.data) for one in datagrams)
        with self._lock:
            self._held.extend(datagrams)
            self._bytes += size + _OVERHEAD * len(datagrams)
            while self._bytes > self._most and len(self._held) > 1:
                self._bytes -= len(self._held.popleft().data) + _OVERHEAD
                self.state.dropped += 1
        self.state.datagrams += len(datagrams)
        self.state.bytes += size
        self.state.last_ns = datagrams[-1].received_ns
        self._wake.set()

    def forget(self, before_ns: int) -> None:
        """Let the datagrams go that were received before a time; they do not count as dropped."""
        with self._lock:
            while self._held and self._held[0].received_ns < before_ns:
                self._bytes -= len(self._held.popleft().data) + _OVERHEAD

    def take(self) -> list[Datagram]:
        """All that is held, oldest first."""
        with self._lock:
            held, self._held, self._bytes = self._held, deque(), 0
        return list(held)


class UdpReceiver(threading.Thread):
    """Receives all groups and addresses of one feed. Opening raises `ConfigError`."""

    def __init__(self, ready: Ready, inbox: Inbox) -> None:
        super().__init__(name=f"receiver of {inbox.state.name}", daemon=True)
        self._inbox, self._state = inbox, inbox.state
        self._senders = ready.senders
        self._stopping = threading.Event()
        self._sockets: list[socket.socket] = []
        self._overruns: dict[int, int] = {}
        try:
            for endpoint in ready.endpoints:
                wanted = round(ready.feed.buffer_mb * (1 << 20))
                sock, granted = open_receiver(endpoint, ready.interface, wanted)
                self._sockets.append(sock)
                self._state.buffer_bytes = granted
        except BaseException:
            self._close()
            raise
        self._state.connected = True

    def run(self) -> None:
        """Until told to stop."""
        with selectors.DefaultSelector() as selector:
            for sock in self._sockets:
                selector.register(sock, selectors.EVENT_READ)
            while not self._stopping.is_set():
                taken: list[Datagram] = []
                for key, _ in selector.select(_LOOK_S):
                    taken += self._turn(key.fileobj)  # type: ignore[arg-type]
                self._inbox.put(sorted(taken, key=lambda one: one.received_ns))

    def stop(self) -> None:
        """End the thread and close its sockets."""
        self._stopping.set()
        if self.is_alive():
            self.join()
        self._close()

    def _close(self) -> None:
        self._state.connected = False
        for sock in self._sockets:
            sock.close()

    def _turn(self, sock: socket.socket) -> list[Datagram]:
        """What a socket holds, up to a limit."""
        taken: list[Datagram] = []
        port = sock.getsockname()[1]
        for _ in range(_TURN):
            try:
                data, ancillary, _, sender = sock.recvmsg(_LARGEST, _ANCILLARY)
            except BlockingIOError:
                break
            except OSError:
                self._state.errors += 1
                self._stopping.wait(0.01)
                break
            received_ns = self._stamp(sock, ancillary)
            if self._senders and sender[0] not in self._senders:
                self._state.refused += 1
                continue
            taken.append(Datagram(received_ns or now_ns(), data, port=port))
        return taken

    def _stamp(self, sock: socket.socket, ancillary: list[tuple[int, int, bytes]]) -> int:
        """The kernel's time of receipt (ns), 0 where it gives none; notes what the kernel has dropped."""
        stamp_ns = 0
        for level, kind, content in ancillary:
            if level != socket.SOL_SOCKET:
                continue
            if kind == SO_TIMESTAMPNS and len(content) >= 16:
                seconds, fraction = struct.unpack_from("@qq", content)
                stamp_ns = seconds * 1_000_000_000 + fraction
            elif kind == SO_RXQ_OVFL and len(content) >= 4:
                total = struct.unpack_from("@I", content)[0]
                before = self._overruns.get(sock.fileno(), 0)
                self._state.overruns += (total - before) & 0xFFFFFFFF
                self._overruns[sock.fileno()] = total
        return stamp_ns


class Reframed:
    """Bytes of a stream -> whole blocks, however the stream was cut. `broken`: what follows cannot be a block."""

    def __init__(self) -> None:
        self.broken = False
        self._rest = b""

    def push(self, data: bytes) -> bytes:
        """The whole blocks that are complete by now."""
        data = self._rest + data
        end, size = 0, len(data)
        while end + 3 <= size:
            length = data[end + 1] << 8 | data[end + 2]
            if length < 3:
                self.broken = True
                break
            if end + length > size:
                break
            end += length
        self._rest = data[end:]
        return data[:end]


class Unframed:
    """Bytes of a stream as they come: their reader puts together what was cut."""

    broken = False

    def push(self, data: bytes) -> bytes:
        """The bytes."""
        return data


class TcpReceiver(threading.Thread):
    """Receives what a TCP server sends, ASTERIX in whole blocks; connects again whenever the connection is lost."""

    def __init__(self, ready: Ready, inbox: Inbox) -> None:
        super().__init__(name=f"receiver of {inbox.state.name}", daemon=True)
        self._inbox, self._state = inbox, inbox.state
        self._endpoint: Endpoint = ready.endpoints[0]
        self._framing = Reframed if ready.feed.format == "asterix" else Unframed
        self._interface = ready.interface
        self._stopping = threading.Event()

    def run(self) -> None:
        """Until told to stop; waits longer from one vain attempt to the next."""
        retry_s = _RETRY_S
        while not self._stopping.is_set():
            before = self._state.datagrams
            try:
                with self._connect() as sock:
                    self._state.connected = True
                    self._state.connects += 1
                    self._receive(sock)
            except OSError:
                self._state.errors += 1
            self._state.connected = False
            retry_s = _RETRY_S if self._state.datagrams > before else min(2.0 * retry_s, _LONGEST_RETRY_S)
            self._stopping.wait(retry_s)

    def stop(self) -> None:
        """End the thread; its connection goes with it."""
        self._stopping.set()
        if self.is_alive():
            self.join(2.0 * _LOOK_S + _CONNECT_S)

    def _connect(self) -> socket.socket:
        own = (self._interface.address, 0) if not self._interface.number else None
        sock = socket.create_connection((self._endpoint.host, self._endpoint.port), _CONNECT_S, own)
        sock.settimeout(_LOOK_S)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a server that has vanished is noticed
        return sock

    def _receive(self, sock: socket.socket) -> None:
        """Until the server closes, or what it sends cannot be of the format."""
        framed = self._framing()
        while not self._stopping.is_set():
            try:
                data = sock.recv(1 << 16)
            except TimeoutError:
                continue
            if not data:
                return
            received_ns = now_ns()
            blocks = framed.push(data)
            if blocks:
                self._inbox.put([Datagram(received_ns, blocks, port=self._endpoint.port)])
            if framed.broken:
                self._state.errors += 1
                return
