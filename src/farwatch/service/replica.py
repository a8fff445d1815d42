"""Replica: the active one of a pair hands its checkpoint and then every input to the one that stands by.

A plain TCP connection carries frames of length, checksum and content. The follower says a secret that both know, what
it tracks and what it wants; it gets a greeting, a checkpoint, then the inputs in their order, and a beat where there
are none. Each message of the active one carries its epoch: a new one begins with every change of who is active.
"""

from __future__ import annotations

import contextlib
import hmac
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from farwatch.errors import ConfigError, FarwatchError
from farwatch.journal import Entry, decode_group, encode_group
from farwatch.journal.segments import FRAME, LARGEST_FRAME, checksum, framed
from farwatch.network import Endpoint
from farwatch.service.checkpoint import Checkpoint, Draft, decode_checkpoint, encode_checkpoint

BEAT_S = 0.2
_GATHER_S = 0.05
_TIMEOUT_S = 5.0
_MOST_FOLLOWERS = 4
_MOST_ENTRIES = 100_000  # that wait for a follower: one that does not read is let go
_LARGEST_ASK = 4096

logger = logging.getLogger("farwatch.replica")


class Ask(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """What a follower says first."""

    token: str
    scenario: str
    follow: bool  # or only wants to know who is active


class Greeting(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """What is answered; `refused` says why nothing follows."""

    active: bool
    epoch: int
    session: str
    scenario: str
    refused: str = ""


class Message(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """`kind`: "checkpoint", "entries", "beat" or "bye"."""

    kind: str
    epoch: int
    content: bytes = b""

    def checkpoint(self) -> Checkpoint:
        """The checkpoint in it; raises `FarwatchError`."""
        return decode_checkpoint(self.content, "the active one")

    def entries(self) -> list[Entry]:
        """The inputs in it; raises `FormatError`."""
        return decode_group(self.content)


class Replica:
    """The active side: listens, and serves whoever follows. `greet` says what it is just now. Raises `ConfigError`."""

    def __init__(self, endpoint: Endpoint, token: str, greet: Callable[[], Greeting]) -> None:
        if not token and endpoint.host not in ("127.0.0.1", "localhost"):
            raise ConfigError(f"replica {endpoint}: other machines can reach it: give `replica_token_file`")
        self._token, self._greet = token, greet
        self._lock = threading.Lock()
        self._followers: list[_Follower] = []
        self._closing = threading.Event()
        try:
            self._socket = socket.create_server((endpoint.host, endpoint.port))
        except OSError as error:
            raise ConfigError(f"replica {endpoint}: cannot be listened to ({error.strerror})") from None
        self._thread = threading.Thread(target=self._accept, name="replica", daemon=True)
        self._thread.start()

    @property
    def followers(self) -> int:
        """How many follow."""
        with self._lock:
            return len(self._followers)

    def wants(self) -> bool:
        """True where somebody waits for a checkpoint."""
        with self._lock:
            return any(one.wants for one in self._followers)

    def give(self, draft: Draft) -> None:
        """A checkpoint for those who wait for one; they follow from there."""
        with self._lock:
            for one in self._followers:
                if one.wants:
                    one.begin(draft)

    def record(self, entry: Entry) -> None:
        """An input, for all; never waits."""
        with self._lock:
            for one in self._followers:
                one.put(entry)

    def drop(self) -> None:
        """Send everybody away: this one is active no more."""
        with self._lock:
            followers, self._followers = self._followers, []
        for one in followers:
            one.end(bye=False)

    def close(self) -> None:
        """Say that this one ends, so that another need not wait, and close."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with self._lock:
            followers = list(self._followers)
        for one in followers:
            one.end(bye=True)
        for one in followers:
            one.thread.join(_TIMEOUT_S)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                sock, _ = self._socket.accept()
            except OSError:
                if self._closing.wait(0.1):
                    return
                continue
            if self.followers >= _MOST_FOLLOWERS:
                sock.close()
                continue
            threading.Thread(target=self._serve, args=(sock,), name="replica follower", daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            with sock:
                sock.settimeout(_TIMEOUT_S)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                ask = msgspec.msgpack.decode(_one_frame(sock, _LARGEST_ASK), type=Ask)
                greeting = self._greet()
                if not hmac.compare_digest(ask.token.encode(), self._token.encode()):
                    greeting = Greeting(False, 0, "", "", "the token is wrong")
                elif ask.follow and ask.scenario != greeting.scenario:
                    greeting.refused = "it tracks with other sensors, another tracker or another frame"
                _send(sock, greeting)
                if greeting.refused:
                    logger.warning("a follower was refused: %s", greeting.refused)
                elif ask.follow and greeting.active:
                    follower = _Follower(sock, greeting.epoch)
                    with self._lock:
                        self._followers.append(follower)
                    try:
                        follower.run()
                    finally:
                        with self._lock:
                            if follower in self._followers:
                                self._followers.remove(follower)
        except (OSError, FarwatchError, msgspec.MsgspecError) as error:
            logger.info("a follower has gone: %s", error)


class _Follower:
    """One who follows, served in a thread of its own."""

    def __init__(self, sock: socket.socket, epoch: int) -> None:
        self.wants = True
        self.thread = threading.current_thread()
        self._socket, self._epoch = sock, epoch
        self._change = threading.Condition()
        self._draft: Draft | None = None
        self._waiting: deque[Entry] = deque()
        self._ending = self._bye = False

    def begin(self, draft: Draft) -> None:
        with self._change:
            self._draft, self.wants = draft, False
            self._change.notify()

    def put(self, entry: Entry) -> None:
        if self.wants:
            return
        with self._change:
            self._waiting.append(entry)
            if len(self._waiting) > _MOST_ENTRIES:
                self._ending = True

    def end(self, bye: bool) -> None:
        with self._change:
            self._ending, self._bye = True, bye
            self._change.notify()

    def run(self) -> None:
        """Until it has gone, or is sent away."""
        beat_s = 0.0
        while True:
            with self._change:
                if not self._ending:
                    self._change.wait(_GATHER_S)
                draft, self._draft = self._draft, None
                entries, self._waiting = list(self._waiting), deque()
                ending, bye = self._ending, self._bye
            if draft is not None:
                _send(self._socket, Message("checkpoint", self._epoch, encode_checkpoint(draft.finished())))
            if entries:
                _send(self._socket, Message("entries", self._epoch, encode_group(entries)))
            if ending:
                if bye:
                    _send(self._socket, Message("bye", self._epoch))
                return
            if draft is None and not entries and time.monotonic() - beat_s < BEAT_S:
                continue
            if not entries:
                _send(self._socket, Message("beat", self._epoch))
            beat_s = time.monotonic()


class Link:
    """The other side: a connection to the one that may be active. Raises OSError where there is none.

    `greeting` says what it is.
    """

    def __init__(self, endpoint: Endpoint, ask: Ask, timeout_s: float = 1.0) -> None:
        self._socket = socket.create_connection((endpoint.host, endpoint.port), timeout_s)
        self._rest = bytearray()
        try:
            _send(self._socket, ask)
            self.greeting = msgspec.msgpack.decode(_one_frame(self._socket, LARGEST_FRAME), type=Greeting)
        except (OSError, FarwatchError, msgspec.MsgspecError) as error:
            self._socket.close()
            raise ConnectionError(str(error)) from None

    def messages(self, wait_s: float) -> Iterator[Message | None]:
        """Messages as they come, None where there was none for `wait_s`; raises OSError where the other has gone."""
        self._socket.settimeout(wait_s)
        while True:
            while (content := self._frame()) is not None:
                try:
                    yield msgspec.msgpack.decode(content, type=Message)
                except msgspec.MsgspecError as error:
                    raise ConnectionError(str(error)) from None
            try:
                data = self._socket.recv(1 << 20)
            except TimeoutError:
                yield None
                continue
            if not data:
                raise ConnectionError("closed by the other side")
            self._rest += data

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _frame(self) -> bytes | None:
        if len(self._rest) < FRAME.size:
            return None
        length, given = FRAME.unpack_from(self._rest)
        if length > LARGEST_FRAME:
            raise ConnectionError("a frame that cannot be")
        if len(self._rest) < FRAME.size + length:
            return None
        content = bytes(self._rest[FRAME.size : FRAME.size + length])
        del self._rest[: FRAME.size + length]
        if checksum(content) != given:
            raise ConnectionError("a frame with a wrong checksum")
        return content


def peek(endpoint: Endpoint, token: str, scenario: str, timeout_s: float = 1.0) -> Greeting | None:
    """What the other one is, None where nobody answers."""
    try:
        link = Link(endpoint, Ask(token, scenario, False), timeout_s)
    except OSError:
        return None
    link.close()
    return link.greeting


def _send(sock: socket.socket, message: Any) -> None:
    sock.sendall(framed(msgspec.msgpack.encode(message)))


def _one_frame(sock: socket.socket, most: int) -> bytes:
    """One frame, byte by byte where need be; nothing behind it is read."""
    head = _exactly(sock, FRAME.size)
    length, given = FRAME.unpack(head)
    if length > most:
        raise FarwatchError(f"a message of {length} bytes where {most} are the most")
    content = _exactly(sock, length)
    if checksum(content) != given:
        raise FarwatchError("a message with a wrong checksum")
    return content


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise FarwatchError("the connection ended within a message")
        data += part
    return data
