"""A tracker whose plots come through a registrar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from farwatch.errors import FarwatchError
from farwatch.frame import Frame
from farwatch.picture import Picture
from farwatch.plots import Batch
from farwatch.registration.measured import LastMeasured
from farwatch.registration.options import RegistrationOptions
from farwatch.registration.registrar import Registrar
from farwatch.sensors import Sensor
from farwatch.tracker import Tracker
from farwatch.tracker.options import TrackerOptions


class RegisteredTracker(Tracker):
    """`Tracker` behind a `Registrar`: the same calls, the sensors' errors found and taken off on the way.

    Without options of `registration` it is the tracker alone, and `registrar` is None.
    """

    def __init__(
        self,
        sensors: Sequence[Sensor],
        options: TrackerOptions | None = None,
        frame: Frame | None = None,
        registration: RegistrationOptions | None = None,
    ) -> None:
        super().__init__(sensors, options, frame)
        self.measured: LastMeasured | None = None
        self.registrar = None if registration is None else Registrar(sensors, registration, self.flat)

    def measure(self) -> LastMeasured | None:
        """Keep what is last measured of each track, free of known errors, from now on; None without registration."""
        if self.registrar is not None:
            self.measured = LastMeasured()
        return self.measured

    def update(self, batch: Batch) -> Picture:
        """Correct the batch, track it, and learn from both."""
        if self.registrar is None:
            return super().update(batch)
        right = self.registrar.correct(batch)
        picture = super().update(right)
        self.registrar.hear(batch, picture)
        if self.measured is not None:
            self.measured.hear(right.plots, picture)
        return picture

    def state(self) -> dict[str, Any]:
        """The tracker's state and the registrar's."""
        state = super().state()
        return state if self.registrar is None else {**state, "registration": self.registrar.state()}

    def restore(self, snapshot: bytes) -> None:
        """Take over the state of `snapshot()`; raises `FarwatchError` for one without registration, or of another."""
        super().restore(snapshot)
        if self.registrar is None:
            return
        state = msgspec.msgpack.decode(snapshot).get("registration")
        if state is None:
            raise FarwatchError("snapshot of a tracker without registration: restore it with the same scenario")
        self.registrar.restore(state)
