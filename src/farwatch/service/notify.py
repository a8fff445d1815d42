"""Tells the service manager how it goes, over the socket that systemd names (sd_notify(3)); without one, nothing."""

from __future__ import annotations

import contextlib
import os
import socket
import time


class Notify:
    """READY=1 once, WATCHDOG=1 at half the time that the manager allows, STOPPING=1 at the end."""

    def __init__(self, path: str | None = None, watchdog_us: str | None = None) -> None:
        path = os.environ.get("NOTIFY_SOCKET") if path is None else path
        watchdog_us = os.environ.get("WATCHDOG_USEC", "") if watchdog_us is None else watchdog_us
        self._every_s = int(watchdog_us) / 2e6 if watchdog_us.isdecimal() and int(watchdog_us) > 0 else None
        self._then_s = 0.0
        self._socket: socket.socket | None = None
        if path:
            self._address = "\0" + path[1:] if path.startswith("@") else path
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)

    def ready(self, status: str) -> None:
        """Say that the service is up."""
        self._send(f"READY=1\nSTATUS={status}")

    def alive(self) -> None:
        """Say that the tracker's thread goes on; does so only as often as the manager wants it."""
        if self._every_s is not None and time.monotonic() - self._then_s >= self._every_s:
            self._then_s = time.monotonic()
            self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={text}")

    def stopping(self) -> None:
        """Say that the service ends."""
        self._send("STOPPING=1")

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, text: str) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.sendto(text.encode(), self._address)
