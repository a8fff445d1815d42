"""How the sensors are: heard, silent, stuck on one time; and where their beams are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from farwatch.plots import Plots, Progress
from farwatch.sensors import Sensor
from farwatch.service.board import Condition, SensorHealth

_LOST_TURNS, _LOST_S = 3.0, 5.0  # silent or stuck is what has been so for longer than both
_TURN = 2.0 * math.pi


class Watch:
    """Hears all that comes of the sensors. `now_ns` is any time that only goes on: a clock's, or that of the data."""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        n = len(sensors)
        self._sensors = tuple(sensors)
        self.newest_ns = [0] * n  # data time
        self._heard_ns: list[int | None] = [None] * n
        self._moved_ns = [0] * n  # when its time went on
        self._plots = [0] * n
        self._told = [0] * n
        self._azimuth = [math.nan] * n
        self._azimuth_ns = [0] * n
        self._rotation_s = [sensor.period_s for sensor in sensors]

    def hear(self, plots: Plots, progress: Progress, now_ns: int) -> None:
        """Take note of a chunk."""
        for part in (plots, progress):
            for sensor in np.unique(part.sensor).tolist():
                newest_ns = int(part.time_ns[part.sensor == sensor].max())
                self._heard_ns[sensor] = now_ns
                if newest_ns > self.newest_ns[sensor]:
                    self.newest_ns[sensor], self._moved_ns[sensor] = newest_ns, now_ns
        for sensor, count in enumerate(np.bincount(plots.sensor, minlength=len(self._sensors)).tolist()):
            self._plots[sensor] += count
        for row in np.flatnonzero(np.isfinite(progress.azimuth_rad)).tolist():
            sensor = int(progress.sensor[row])
            if progress.time_ns[row] >= self._azimuth_ns[sensor]:
                self._azimuth[sensor] = float(progress.azimuth_rad[row])
                self._azimuth_ns[sensor] = int(progress.time_ns[row])
                if math.isfinite(progress.rotation_s[row]) and progress.rotation_s[row] > 0.0:
                    self._rotation_s[sensor] = float(progress.rotation_s[row])

    def condition(self, sensor: int, now_ns: int) -> Condition:
        """How a sensor is."""
        heard_ns = self._heard_ns[sensor]
        if heard_ns is None:
            return "waiting"
        lost_ns = self._lost_ns(sensor)
        if now_ns - heard_ns > lost_ns:
            return "silent"
        return "stuck" if heard_ns - self._moved_ns[sensor] > lost_ns else "ok"

    def health(self, until_ns: int, now_ns: int, since_s: float) -> tuple[SensorHealth, ...]:
        """All sensors, at data time `until_ns`, with the plots of the last `since_s`."""
        out = []
        for number, sensor in enumerate(self._sensors):
            rate = (self._plots[number] - self._told[number]) / max(since_s, 1e-9)
            self._told[number] = self._plots[number]
            turned = (until_ns - self._azimuth_ns[number]) * 1e-9 / self._rotation_s[number]
            condition = self.condition(number, now_ns)
            known = condition == "ok" and abs(turned) < 2.0
            azimuth = (self._azimuth[number] + _TURN * turned) % _TURN if known else math.nan
            heard = self.newest_ns[number]
            out.append(SensorHealth(sensor.id, condition, heard, rate, azimuth, self._rotation_s[number]))
        return tuple(out)

    def words(self, now_ns: int) -> dict[str, str]:
        """What is wrong with sensors, by what and whose it is."""
        said = {}
        for number, sensor in enumerate(self._sensors):
            condition, heard_ns = self.condition(number, now_ns), self._heard_ns[number]
            if condition == "silent" and heard_ns is not None:
                said[f"silent {sensor.id}"] = f"{sensor.id} has been silent for {(now_ns - heard_ns) * 1e-9:.0f} s"
            elif condition == "stuck":
                stuck_s = (now_ns - self._moved_ns[number]) * 1e-9
                said[f"stuck {sensor.id}"] = f"{sensor.id} is stuck: it has sent no later time for {stuck_s:.0f} s"
        return said

    def _lost_ns(self, sensor: int) -> int:
        return round(max(_LOST_TURNS * self._sensors[sensor].period_s, _LOST_S) * 1e9)
