"""Sends datagrams: at once, or spread over a time so that no client gets a whole update in one burst."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Sequence

from farwatch.network import Endpoint

_MOST = 50_000  # datagrams that wait at most


class Pacer:
    """A socket and what waits to be sent on it; `errors` counts what could not be sent, `first_error` is why.

    While it is `muted` nothing is sent, and what would have been is gone.
    """

    def __init__(self, sock: socket.socket, endpoint: Endpoint) -> None:
        self.sent = 0
        self.bytes = 0
        self.errors = 0
        self.dropped = 0  # the oldest of too many
        self.first_error = ""
        self.muted = False
        self._socket = sock
        self._to = (endpoint.host, endpoint.port)
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._change = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None

    def send(self, datagrams: Sequence[bytes]) -> None:
        """Send now."""
        if self.muted:
            return
        for data in datagrams:
            try:
                self._socket.sendto(data, self._to)
            except OSError as error:
                self.errors += 1
                self.first_error = self.first_error or (error.strerror or str(error))
            else:
                self.sent += 1
                self.bytes += len(data)

    def spread(self, datagrams: Sequence[bytes], over_s: float) -> None:
        """Send one after another in equal steps of the next `over_s`, the first now; never waits."""
        if self.muted:
            return
        now_s, step_s = time.monotonic(), over_s / max(1, len(datagrams))
        with self._change:
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run, name=f"sender to {self._to[0]}", daemon=True)
                self._thread.start()
            self._waiting.extend((now_s + k * step_s, data) for k, data in enumerate(datagrams))
            while len(self._waiting) > _MOST:
                self._waiting.popleft()
                self.dropped += 1
            self._change.notify()

    def close(self) -> None:
        """Send what waits, and close the socket."""
        with self._change:
            self._closing = True
            self._change.notify()
        if self._thread is not None:
            self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while True:
            with self._change:
                while not self._closing and (not self._waiting or self._waiting[0][0] > time.monotonic()):
                    ahead_s = self._waiting[0][0] - time.monotonic() if self._waiting else None
                    self._change.wait(None if ahead_s is None else max(0.0, ahead_s))
                if not self._waiting:
                    return
                data = self._waiting.popleft()[1]
            self.send([data])
