"""Standby: follows the active one of a pair in lock step, and takes over when it falls silent.

There is never more than one active for long: who starts asks the other first and stands by where that one is active;
who is active goes on asking, and where both are, the higher epoch stays.
"""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Literal, Protocol

from farwatch.errors import ConfigError, FarwatchError
from farwatch.journal import Entry
from farwatch.network import Endpoint, parse_url
from farwatch.service.checkpoint import Checkpoint
from farwatch.service.replica import Ask, Greeting, Link, Message, Replica, peek
from farwatch.service_options import ServiceOptions

ASK_S = 1.0
_WAIT_S, _CONNECT_S = 0.1, 0.5

logger = logging.getLogger("farwatch.standby")

Outcome = Literal["lead", "stop"]


class Follows(Protocol):
    """What the pair asks of the service."""

    stopping: threading.Event

    def greeting(self) -> Greeting:
        """What this one is just now."""

    def begin_from(self, checkpoint: Checkpoint, epoch: int) -> None:
        """Take over the active one's state."""

    def take_entries(self, entries: list[Entry]) -> None:
        """Take in what the active one has taken in."""

    def standing_by(self, said: str) -> None:
        """A moment of standing by, ten times a second or oftener; `said` is how it goes, empty where well."""


class Pair:
    """This one's part in a pair: `replica` serves the other; `stepping_down` is set where the other stays active."""

    def __init__(self, options: ServiceOptions, service: Follows) -> None:
        self.stepping_down = threading.Event()
        self.replica: Replica | None = None
        self.peer = None if options.peer is None else endpoint_of(options.peer, "peer")
        self._token = token_of(options.replica_token_file)
        self._takeover_s = options.takeover_s
        self._service = service
        self._leading = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        if options.replica is not None:
            self.replica = Replica(endpoint_of(options.replica, "replica"), self._token, service.greeting)

    def other_is_active(self) -> bool:
        """Ask the other one."""
        if self.peer is None:
            return False
        greeting = self._peek()
        if greeting is not None and greeting.refused:
            raise ConfigError(f"{self.peer}: refuses to be followed: {greeting.refused}")
        return greeting is not None and greeting.active

    def lead(self) -> None:
        """This one is active from now on: go on asking whether the other is too."""
        self.stepping_down.clear()
        self._leading.set()
        if self.peer is not None and self._thread is None:
            self._thread = threading.Thread(target=self._ask, name="peer", daemon=True)
            self._thread.start()

    def follow(self, alone: bool) -> Outcome:
        """Follow the active one until it is gone (lead), or until told to stop.

        `alone`: where nobody is active and never was, lead; else wait for somebody.
        """
        assert self.peer is not None
        service = self._service
        self._leading.clear()
        if self.replica is not None:
            self.replica.drop()
        heard_s: float | None = None
        said = f"waiting for the active one at {self.peer}"
        while not service.stopping.is_set():
            try:
                link = Link(self.peer, Ask(self._token, service.greeting().scenario, True), _CONNECT_S)
            except OSError:
                if heard_s is not None and time.monotonic() - heard_s > self._takeover_s:
                    return "lead"
                if heard_s is None and alone:
                    return "lead"
                service.standing_by(said)
                service.stopping.wait(_WAIT_S)
                continue
            try:
                greeting = link.greeting
                if greeting.refused:
                    said = f"{self.peer} refuses to be followed: {greeting.refused}"
                elif greeting.active:
                    for message in link.messages(_WAIT_S):
                        if message is not None:
                            heard_s = time.monotonic()
                            if message.kind == "bye":
                                return "lead"
                            self._take(message)
                        service.standing_by("")
                        if service.stopping.is_set():
                            return "stop"
                        if heard_s is not None and time.monotonic() - heard_s > self._takeover_s:
                            return "lead"
            except OSError as error:
                logger.warning("the active one has gone: %s", error)
            except FarwatchError as error:
                said = f"cannot follow {self.peer}: {error}"
            finally:
                link.close()
            if heard_s is not None and time.monotonic() - heard_s > self._takeover_s:
                return "lead"
            service.standing_by(said)
            service.stopping.wait(_WAIT_S)
        return "stop"

    def close(self) -> None:
        """End: the other need not wait."""
        self._closing.set()
        if self.replica is not None:
            self.replica.close()
        if self._thread is not None:
            self._thread.join(2.0 * ASK_S + _CONNECT_S)

    def _take(self, message: Message) -> None:
        if message.kind == "checkpoint":
            self._service.begin_from(message.checkpoint(), message.epoch)
        elif message.kind == "entries":
            self._service.take_entries(message.entries())

    def _peek(self) -> Greeting | None:
        assert self.peer is not None
        return peek(self.peer, self._token, self._service.greeting().scenario, _CONNECT_S)

    def _ask(self) -> None:
        """While this one is active, look whether the other is too."""
        while not self._closing.wait(ASK_S):
            if not self._leading.is_set():
                continue
            other, own = self._peek(), self._service.greeting()
            if other is None or not other.active or other.refused:
                continue
            if (other.epoch, other.session) > (own.epoch, own.session):
                self.stepping_down.set()


def endpoint_of(text: str, what: str) -> Endpoint:
    """An endpoint out of "10.0.0.1:8766", with or without a scheme before it; raises `ConfigError`."""
    try:
        return parse_url("tcp://" + text.partition("://")[2] if "://" in text else "tcp://" + text, ("tcp",))
    except ConfigError:
        raise ConfigError(f"{what} = {text!r}: give HOST:PORT, as 10.0.0.1:8766") from None


def token_of(path: str | None) -> str:
    """The secret in a file; raises `ConfigError`."""
    if path is None:
        return ""
    try:
        token = Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the token cannot be read ({error})") from None
    if len(token) < 16:
        raise ConfigError(f"{path}: a token has at least 16 characters")
    return token
