"""Commands: what a client of the live socket may say, and how often."""

from __future__ import annotations

from collections import deque
from typing import Annotated

import msgspec
from msgspec import Meta

from farwatch.service.playback import FASTEST, SLOWEST

LONGEST = 4096  # bytes of a message
RATE = 20  # messages in a second
PATIENCE = 10  # messages that are no good, before the client is shut out

TimeMs = Annotated[float, Meta(ge=0, le=4e12)]


class Live(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="live"):
    """To the newest."""


class Play(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="play"):
    """From a time, at a speed."""

    time_ms: TimeMs | None = None
    speed: Annotated[float, Meta(ge=SLOWEST, le=FASTEST)] | None = None


class Pause(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="pause"):
    """Stay where it is."""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="step"):
    """So many pictures on or back."""

    pictures: Annotated[int, Meta(ge=-1000, le=1000)]


class Select(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="select"):
    """Of this track the detail is wanted."""

    track: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)] | None


class WantPlots(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="plots"):
    """Whether plots are wanted."""

    wanted: bool


Command = Live | Play | Pause | Step | Select | WantPlots
_DECODER = msgspec.json.Decoder(Command)


class CommandError(Exception):
    """A message that is no good, and why; `final`: the client has sent too many of them."""

    def __init__(self, text: str, final: bool) -> None:
        super().__init__(text)
        self.final = final


class Commands:
    """The messages of one client, decoded. `now_s` is told."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=RATE)
        self._refused = 0

    def decode(self, message: str | bytes | None, now_s: float) -> Command:
        """The command that a message is; raises `CommandError`."""
        if len(self._times) == RATE and now_s - self._times[0] < 1.0:
            raise self._refuse(f"more than {RATE} messages in a second; this one was not read")
        self._times.append(now_s)
        if not isinstance(message, str):
            raise self._refuse("commands are text messages of JSON; see docs/api.md")
        try:
            command: Command = _DECODER.decode(message)
            return command
        except msgspec.DecodeError as error:
            raise self._refuse(f"not a command ({error}); see docs/api.md") from None
        except RecursionError:
            raise self._refuse("not a command (nested too deeply); see docs/api.md") from None

    def _refuse(self, text: str) -> CommandError:
        self._refused += 1
        return CommandError(text, self._refused > PATIENCE)
