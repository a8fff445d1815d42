"""Simulated: the simulator as a source of batches, with what is true at each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from farwatch.frame import Frame
from farwatch.plots import Batch
from farwatch.sensors import Sensor
from farwatch.simulation import Simulation, stream
from farwatch.sources.merge import Merge, MergeOptions
from farwatch.sources.replay import merge_of
from farwatch.truth import LOOKS_PROPER, NO_PLOT, States, Truth, concat_states, make_states


class Simulated:
    """A simulated scenario, without end where `duration_s` is infinite. `merge` takes the data in place of its own.

    While it is iterated, `states` holds the true states of the last seconds, and `sighted` when each aircraft last
    caused a plot (ns). `on_truth` is told all that is true, part by part.
    """

    def __init__(
        self,
        sensors: Sequence[Sensor],
        frame: Frame,
        options: Simulation,
        duration_s: float,
        seed: int,
        on_truth: Callable[[Truth], object] | None = None,
        merge: Merge | MergeOptions | None = None,
    ) -> None:
        self.states: States = make_states(0)
        self.sighted: dict[int, int] = {}
        self._sensors = tuple(sensors)
        self._on_truth = on_truth
        self._stream = stream(self._sensors, frame, options, duration_s, seed)
        self._merge = merge if isinstance(merge, Merge) else merge_of(sensors, merge or MergeOptions())

    @property
    def late(self) -> int:
        """Plots that came too late to be put in order: none, in a simulation."""
        return self._merge.late

    def __iter__(self) -> Iterator[Batch]:
        for truth, plots, progress in self._stream:
            if self._on_truth is not None:
                self._on_truth(truth)
            if truth.states.n:
                # The merge waits for a second: what was true then is still wanted.
                since_ns = int(truth.states.time_ns.max()) - 20_000_000_000
                self.states = concat_states([self.states.take(self.states.time_ns >= since_ns), truth.states])
            looks = truth.illuminations
            seen = looks.take((looks.plot != NO_PLOT) & np.isin(looks.outcome, LOOKS_PROPER))
            self.sighted.update(zip(seen.aircraft.tolist(), seen.time_ns.tolist(), strict=True))
            if truth.states.n and len(self.sighted) > 2 * truth.states.n + 1000:
                flying = set(truth.states.aircraft.tolist())
                self.sighted = {number: at_ns for number, at_ns in self.sighted.items() if number in flying}
            yield from self._merge.push(plots, progress)
        yield from self._merge.flush(max(sensor.period_s for sensor in self._sensors))
