"""Intake: the service's merge. It writes down what comes in, sheds what is too old, and knows when all is at rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from farwatch.journal import Advance, Entry, Flush, Input, Push
from farwatch.plots import Batch, Plots, Progress
from farwatch.sources import Merge, MergeOptions

Record = Callable[[Entry], object]


class Intake(Merge):
    """A merge whose inputs are numbered: `sequence` is the last one's number, in the order of the journal.

    `record` hears each input before its batches are given out. `between` is called before each, when the tracker has
    taken all batches of those before: merge and tracker then belong together. `watch` hears every chunk. Plots received
    before `oldest_ns()` are let go, and of what is left all but the newest `most`; `shed` counts them. `passed_over`
    chunks of the source are skipped at first: a recording is gone on with there. `final`: the end of the source is the
    end of the data.
    """

    def __init__(
        self,
        slice_s: float,
        options: MergeOptions,
        *,
        sensors: int,
        record: Record,
        between: Callable[[], object],
        watch: Callable[[Plots, Progress], object],
        most: int,
    ) -> None:
        super().__init__(slice_s, options, sensors=sensors)
        self.sequence = -1
        self.shed = 0
        self.taken = 0  # plots
        self.passed_over = 0
        self.final = False
        self.oldest_ns: Callable[[], int] | None = None
        self.known: Known | None = None
        self.id_base = 0  # added to the ids of plots, so that none comes twice
        self.highest_id = -1
        self._record, self._between, self._watch = record, between, watch
        self._most = most

    def push(self, plots: Plots, progress: Progress, reached_ns: int | None = None) -> Iterator[Batch]:
        """Take in a chunk from the source."""
        if self.passed_over > 0:
            self.passed_over -= 1
            return
        self._between()
        plots = self._admitted(plots)
        yield from self._go(Push(self.sequence + 1, plots, progress, reached_ns))

    def advance(self, quiet_ns: int, since_ns: int) -> Iterator[Batch]:
        """Take in a silence, where it changes anything."""
        if self.passed_over > 0:
            self.passed_over -= 1
        elif self.is_due(quiet_ns, since_ns):
            self._between()
            yield from self._go(Advance(self.sequence + 1, quiet_ns, since_ns))

    def flush(self, after_s: float = 0.0) -> Iterator[Batch]:
        """Take in the end of a recording; that of a live source is none: it will go on."""
        if self.passed_over > 0:
            self.passed_over -= 1
        elif self.final:
            self._between()
            yield from self._go(Flush(self.sequence + 1, after_s))

    def _go(self, entry: Input) -> Iterator[Batch]:
        self._record(entry)
        yield from self.apply(entry)

    def apply(self, entry: Input) -> Iterator[Batch]:
        """Take in what has been written down before, here or by another."""
        self.sequence = entry.sequence
        if isinstance(entry, Push):
            if entry.plots.n:
                self.highest_id = max(self.highest_id, int(entry.plots.id.max()))
            self.taken += entry.plots.n
            self._watch(entry.plots, entry.progress)
            yield from super().push(entry.plots, entry.progress, entry.reached_ns)
        elif isinstance(entry, Advance):
            yield from super().advance(entry.quiet_ns, entry.since_ns)
        else:
            yield from super().flush(entry.after_s)

    def _admitted(self, plots: Plots) -> Plots:
        """The plots that are neither known already nor too old, with ids of their own."""
        if self.id_base:
            plots = plots._replace(id=plots.id + self.id_base)
        if self.known is not None:
            plots = self.known.others(plots)
        if self.oldest_ns is None or not plots.n:
            return plots
        keep = plots.received_ns >= self.oldest_ns()
        if int(keep.sum()) > self._most:
            newest = np.sort(plots.received_ns[keep])[-self._most]
            keep &= plots.received_ns >= newest
        if keep.all():
            return plots
        self.shed += int(np.sum(~keep))
        return plots.take(keep)


class Known:
    """Plots that another has tracked already, told by what they are: sensor, time and measurement."""

    def __init__(self, remember_s: float = 30.0) -> None:
        self._remember_s = remember_s
        self._heard_s: dict[bytes, float] = {}
        self._swept_s = time.monotonic()

    def add(self, plots: Plots) -> None:
        """Remember plots, and forget those that were heard long before."""
        now_s = time.monotonic()
        self._heard_s.update(dict.fromkeys(_keys(plots), now_s))
        if now_s - self._swept_s > 0.2 * self._remember_s:
            self._swept_s = now_s
            self._heard_s = {key: at_s for key, at_s in self._heard_s.items() if now_s - at_s < self._remember_s}

    def others(self, plots: Plots) -> Plots:
        """Those that are not known."""
        fresh = np.array([key not in self._heard_s for key in _keys(plots)], np.bool_)
        return plots.take(fresh) if plots.n and not fresh.all() else plots


def _keys(plots: Plots) -> Sequence[bytes]:
    table = np.column_stack([plots.sensor.astype(np.int64), plots.time_ns, plots.z.view(np.int64)])
    return [row.tobytes() for row in np.ascontiguousarray(table)]
