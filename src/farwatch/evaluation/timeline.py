"""Timeline: rows of many owners in order of time, and the last row of an owner at any time."""

from __future__ import annotations

import numpy as np

from farwatch.plots import Ints


class Timeline:
    """`order` sorts rows by owner, time, and as they came; all other row numbers are positions in that order."""

    def __init__(self, owner: Ints, time_ns: Ints) -> None:
        self.order: Ints = np.lexsort((time_ns, owner))
        self.time_ns: Ints = time_ns[self.order]
        self.owners, self.starts = np.unique(owner[self.order], return_index=True)
        self.stops: Ints = np.append(self.starts[1:], len(owner))
        self.first_ns = int(time_ns.min()) if len(owner) else 0
        self.last_ns = int(time_ns.max()) if len(owner) else 0
        self._keys = self._key(np.repeat(np.arange(len(self.owners)), self.stops - self.starts), self.time_ns)

    def last(self, owner: Ints, time_ns: Ints | int) -> Ints:
        """The last row of each owner at or before each time; -1 where there is none."""
        owner, time_ns = np.broadcast_arrays(owner, np.asarray(time_ns, np.int64))
        if not len(self.owners):
            return np.full(owner.shape, -1)
        index = np.minimum(np.searchsorted(self.owners, owner), len(self.owners) - 1)
        row = np.searchsorted(self._keys, self._key(index, time_ns), side="right") - 1
        found: Ints = np.where((self.owners[index] == owner) & (row >= self.starts[index]), row, -1)
        return found

    def _key(self, index: Ints, time_ns: Ints) -> Ints:
        """A number that grows with owner and time: each owner has a span of its own, with room at both ends."""
        span = self.last_ns - self.first_ns + 2
        key: Ints = index * span + np.clip(time_ns - self.first_ns + 1, 0, span - 1)
        return key
