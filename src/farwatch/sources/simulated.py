"""Simulated: the simulator as a source of batches, with what is true at each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from farwatch.frame import Frame
from farwatch.plots import Batch
from farwatch.sensors import Sensor
from farwatch.simulation import Simulation, stream
from farwatch.sources.merge import Merge
from farwatch.sources.replay import shortest_slice_s
from farwatch.truth import Truth, concat_truth, make_truth


class Simulated:
    """A simulated scenario.

    While it is iterated, `truth` holds the true states of the last seconds, and `sighted` when each aircraft last
    caused a plot (ns).
    """

    def __init__(
        self, sensors: Sequence[Sensor], frame: Frame, options: Simulation, duration_s: float, seed: int
    ) -> None:
        self.truth: Truth = make_truth(0)
        self.sighted: dict[int, int] = {}
        self._sensors = tuple(sensors)
        self._stream = stream(self._sensors, frame, options, duration_s, seed)
        self._merge = Merge(shortest_slice_s(sensors))

    @property
    def late(self) -> int:
        """Plots that came too late to be put in order: none, in a simulation."""
        return self._merge.late

    def __iter__(self) -> Iterator[Batch]:
        for truth, plots, progress in self._stream:
            if truth.n:
                # The merge waits for a second: what was true then is still wanted.
                self.truth = concat_truth([self.truth.since(int(truth.time_ns.max()) - 20_000_000_000), truth])
            seen_ns = plots.time_ns[np.searchsorted(plots.id, truth.plot)]
            self.sighted.update(zip(truth.caused_by.tolist(), seen_ns.tolist(), strict=True))
            yield from self._merge.push(plots, progress)
        yield from self._merge.flush(max(sensor.rotation_s for sensor in self._sensors))
