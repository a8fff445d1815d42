"""Job: what a service is to do: live feeds, recordings or a simulation, how fast, and where it is kept."""

from __future__ import annotations

import datetime
import hashlib
import math
import os
import re
import secrets
from pathlib import Path
from typing import NamedTuple

import msgspec

from farwatch.clock import now_ns
from farwatch.errors import ConfigError
from farwatch.formats.asterix.editions import Editions
from farwatch.scenario import Scenario
from farwatch.service.board import Mode


class Job(NamedTuple):
    """`speed` None: as fast as it goes, as the first `head_start_s` of data always do.

    `record` and `state` are folders, None: nothing is kept.
    """

    mode: Mode = "live"
    recordings: tuple[Path, ...] = ()
    day_ns: int = 0
    editions: Editions | None = None
    speed: float | None = None
    duration_s: float = math.inf  # of a simulation
    seed: int = 1
    record: Path | None = None
    state: Path | None = None
    head_start_s: float = 0.0
    standby: bool = False  # wait for the active one, and never begin alone

    @property
    def resumes(self) -> bool:
        """Whether it goes on where it was when it starts again; a simulation begins anew."""
        return self.state is not None and self.mode != "simulated"

    def source(self) -> str:
        """What the data comes from: a checkpoint of another source is of no use to a recording."""
        if self.mode == "replay":
            sizes = [f"{path.resolve()}:{path.stat().st_size if path.is_file() else 0}" for path in self.recordings]
            return "replay " + " ".join(sizes)
        return self.mode


def digest_of(scenario: Scenario) -> str:
    """What a state belongs to: the sensors, their registration, the tracker and the frame."""
    parts = [scenario.sensors, scenario.tracker, scenario.frame]
    content = msgspec.json.encode(parts if scenario.registration is None else [*parts, scenario.registration])
    return hashlib.sha256(content).hexdigest()[:16]


def new_session() -> str:
    """A name that sorts by time and is nobody else's."""
    at = datetime.datetime.fromtimestamp(now_ns() // 10**9, datetime.UTC)
    return f"{at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def default_state(scenario: Scenario, site: str) -> Path:
    """Where a live service keeps its state: what systemd gives it, or the user's own folder of states."""
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", scenario.name or Path(site).stem).strip("-.") or "site"
    if given:
        return Path(given) / name
    base = os.environ.get("XDG_STATE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".local" / "state") / "farwatch" / name
    except RuntimeError:
        raise ConfigError("no home folder to keep the state in; give --state DIR") from None
