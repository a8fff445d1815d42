"""Coverage: which aircraft a tracker can be expected to hold, by what the sensors could see of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from farwatch.evaluation.timeline import Timeline
from farwatch.plots import Ints
from farwatch.truth import LOOKS_PROPER, Illuminations

DETECTABLE = 0.5  # probability of a plot
LOOKS = 6  # by the sixth look a tracker can be expected to hold an aircraft
GAP_NS = 60 * 10**9
AGE_SCANS = 1.5


class Coverage:
    """The detectable looks of each aircraft, in runs without gaps."""

    def __init__(self, illuminations: Illuminations, scan_ns: int) -> None:
        proper = np.isin(illuminations.outcome, LOOKS_PROPER) & ~(illuminations.detection < DETECTABLE)
        looks = illuminations.take(proper)
        self._age_ns = round(AGE_SCANS * scan_ns)
        self._line = Timeline(looks.aircraft, looks.time_ns)
        fresh = np.ones(looks.n, bool)
        fresh[1:] = np.diff(self._line.time_ns) > GAP_NS
        fresh[self._line.starts] = True
        began = np.maximum.accumulate(np.where(fresh, np.arange(looks.n), 0)) if looks.n else np.zeros(0, np.int64)
        self._nth = np.arange(looks.n) - began + 1

    @property
    def aircraft(self) -> Ints:
        """Those that could be seen at all."""
        return self._line.owners

    def counts(self, aircraft: Ints, time_ns: int) -> NDArray[np.bool_]:
        """Whether each aircraft is one to be held at a time: from its sixth look on, until the looks have ended."""
        row = self._line.last(aircraft, time_ns)
        seen = (row >= 0) & (self._nth[row] >= LOOKS) if len(self._nth) else np.zeros(len(aircraft), bool)
        seen[seen] = time_ns - self._line.time_ns[row[seen]] <= self._age_ns
        return seen

    def looks(self, aircraft: Ints, time_ns: Ints) -> Ints:
        """Detectable looks at each aircraft up to each time."""
        row = self._line.last(aircraft, time_ns)
        first = self._line.starts[np.minimum(np.searchsorted(self._line.owners, aircraft), len(self.aircraft) - 1)]
        number: Ints = np.where(row >= 0, row - first + 1, 0)
        return number
