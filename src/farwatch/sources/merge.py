"""Merge: data of one or several inputs in time order, cut into slices by the data and not by their arrival.

Radars send plots a little out of order, receivers hand them on in lumps, and some radars' data come later than others'.
Slices lie on a fixed grid of time, and one is given out when every sensor has passed its end by `wait_s`: how the input
was split or mixed within that time changes nothing. No sensor is waited for longer than `patience_s` behind the newest
data: one that has fallen silent holds up nobody. A plot that comes after its slice has gone goes with the next one, for
the tracker to take up as well as it can; one that is older than that by `late_s` is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from farwatch.errors import FarwatchError
from farwatch.journal import Advance, Input, Push
from farwatch.packing import packed, unpacked
from farwatch.plots import Batch, Plots, Progress, concat_plots, concat_progress, make_plots, make_progress

SLICES_PER_ROTATION = 12
WAIT_S = 1.0  # a recorded radar's times go back by up to 0.52 s
LATE_S = 30.0
PATIENCE_S = 5.0  # radars of a network differ by a few seconds: sectors are sent whole, lines differ
SILENCE_S = 120.0  # so long silence is told slice by slice; then time jumps to the next data


class _State(msgspec.Struct):
    """What a merge remembers between two inputs."""

    reached_ns: dict[int, int]
    next: int | None
    newest_ns: int
    quiet: int
    late: int
    held: list[Any]


class MergeOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a slice is waited for: until every sensor has passed its end by `wait_s`, as times go back a little.

    A sensor that is silent or late is waited for until the newest data are `patience_s` ahead of it, and no longer.
    What comes later still is given to the tracks that it belongs to, up to `late_s` after its slice has gone.
    """

    wait_s: Annotated[float, Meta(ge=0, le=60)] = WAIT_S
    patience_s: Annotated[float, Meta(ge=0, le=600)] = PATIENCE_S
    late_s: Annotated[float, Meta(ge=0, le=600)] = LATE_S


class Merge:
    """Batches out of chunks of plots and progress of `sensors` sensors.

    `late` counts the plots that came so long after their slice had gone that they were left out.
    """

    def __init__(self, slice_s: float, options: MergeOptions | None = None, *, sensors: int = 1) -> None:
        options = options or MergeOptions()
        self.slice_ns = round(slice_s * 1e9)
        self.wait_ns = round(options.wait_s * 1e9)
        self.patience_ns = round(options.patience_s * 1e9)
        self.late_ns = round(options.late_s * 1e9)
        self.late = 0
        self._reached_ns: dict[int, int] = {}  # the newest time of each sensor that has been heard
        self._sensors = sensors
        self._plots: list[Plots] = []
        self._progress: list[Progress] = []
        self._next: int | None = None  # number of the first slice that has not gone, once one has
        self._newest_ns = 0
        self._quiet = 0  # empty slices given out in a row of a long silence

    def push(self, plots: Plots, progress: Progress, reached_ns: int | None = None) -> Iterator[Batch]:
        """Take in a chunk and give out the slices that it completes.

        `reached_ns`, if given, is the time that every input has reached; else it is told from the sensors' data.
        """
        newest = newest_ns(plots, progress)
        if newest is None:
            return
        self._newest_ns = max(self._newest_ns, newest)
        self._plots.append(plots)
        self._progress.append(progress)
        for part in (plots, progress):
            for sensor in np.unique(part.sensor).tolist():
                last_ns = int(part.time_ns[part.sensor == sensor].max())
                self._reached_ns[sensor] = max(self._reached_ns.get(sensor, last_ns), last_ns)
        patient_ns = self._newest_ns - self.patience_ns
        slowest_ns = min(self._reached_ns.values()) if len(self._reached_ns) >= self._sensors else patient_ns
        until_ns = max(slowest_ns, patient_ns)
        yield from self._give((until_ns if reached_ns is None else min(until_ns, reached_ns)) - self.wait_ns)

    def advance(self, quiet_ns: int, since_ns: int) -> Iterator[Batch]:
        """Give out the slices that silence completes: nothing has come for `quiet_ns`, and the clock has gone on.

        `since_ns` is when the silence began, for a merge that has heard nothing yet.
        """
        until_ns = self._silent_until(quiet_ns, since_ns)
        if self._next is None and not self._newest_ns:
            self._next = until_ns // self.slice_ns
        yield from self._give(until_ns)

    def take_in(self, entry: Input) -> Iterator[Batch]:
        """Take in what a journal has written down."""
        if isinstance(entry, Push):
            yield from self.push(entry.plots, entry.progress, entry.reached_ns)
        elif isinstance(entry, Advance):
            yield from self.advance(entry.quiet_ns, entry.since_ns)
        else:
            yield from self.flush(entry.after_s)

    def is_due(self, quiet_ns: int, since_ns: int) -> bool:
        """True where `advance` would change anything."""
        return self._next is None or self._silent_until(quiet_ns, since_ns) // self.slice_ns > self._next

    def _silent_until(self, quiet_ns: int, since_ns: int) -> int:
        return (self._newest_ns or since_ns) + quiet_ns - self.patience_ns - self.wait_ns

    def flush(self, after_s: float = 0.0) -> Iterator[Batch]:
        """Give out what is left, and empty slices for `after_s` more seconds, so that the last looks are closed."""
        if self._plots:
            end_ns = self._newest_ns + round(after_s * 1e9)
            yield from self._give((end_ns // self.slice_ns + 1) * self.slice_ns)

    def snapshot(self) -> bytes:
        """The whole state as bytes, taken between two inputs; a merge that restores it goes on as this one."""
        held = [packed(concat_plots(self._plots)), packed(concat_progress(self._progress))]
        return msgspec.msgpack.encode(
            _State(self._reached_ns, self._next, self._newest_ns, self._quiet, self.late, held)
        )

    def restore(self, snapshot: bytes) -> None:
        """Take over the state of `snapshot()`; raises `FarwatchError` for bytes that are none."""
        try:
            state = msgspec.msgpack.decode(snapshot, type=_State)
            plots, progress = unpacked((make_plots(0), make_progress(0)), state.held)
        except (msgspec.DecodeError, TypeError, ValueError) as error:
            raise FarwatchError(f"no snapshot of a merge ({error}): take one with snapshot()") from None
        self._plots, self._progress = [plots], [progress]
        self._reached_ns, self._next, self._newest_ns = state.reached_ns, state.next, state.newest_ns
        self._quiet, self.late = state.quiet, state.late

    def _give(self, until_ns: int) -> Iterator[Batch]:
        """Slices that end by `until_ns`."""
        end = until_ns // self.slice_ns
        if self._next is not None and end <= self._next:
            return
        plots, progress = concat_plots(self._plots), concat_progress(self._progress)
        plots = plots.take(np.lexsort((plots.id, plots.time_ns)))
        progress = progress.take(np.argsort(progress.time_ns, kind="stable"))
        if self._next is None:
            first = min(int(part.time_ns[0]) for part in (plots, progress) if part.n) // self.slice_ns
            if end <= first:
                self._plots, self._progress = [plots], [progress]
                return
            self._next = first
        start_ns = self._next * self.slice_ns
        late = int(np.searchsorted(plots.time_ns, start_ns - self.late_ns))
        self.late += late
        kept, kept_progress = (int(np.searchsorted(part.time_ns, end * self.slice_ns)) for part in (plots, progress))
        self._plots = [plots.take(slice(kept, None))]
        self._progress = [progress.take(slice(kept_progress, None))]
        begin, begin_progress = late, int(np.searchsorted(progress.time_ns, start_ns))
        while self._next < end:
            self._next = self._after_silence(plots, progress, begin, begin_progress, end)
            if self._next >= end:
                break
            stop_ns = (self._next + 1) * self.slice_ns
            stop = begin + int(np.searchsorted(plots.time_ns[begin:kept], stop_ns))
            stop_progress = begin_progress + int(
                np.searchsorted(progress.time_ns[begin_progress:kept_progress], stop_ns)
            )
            self._next += 1
            yield Batch(plots.take(slice(begin, stop)), progress.take(slice(begin_progress, stop_progress)), stop_ns)
            begin, begin_progress = stop, stop_progress

    def _after_silence(self, plots: Plots, progress: Progress, begin: int, begin_progress: int, end: int) -> int:
        """Number of the next slice: a long silence is passed over once it has been told for a while."""
        assert self._next is not None
        ahead = [int(part.time_ns[row]) for part, row in ((plots, begin), (progress, begin_progress)) if row < part.n]
        following = min(min(ahead) // self.slice_ns if ahead else end, end)
        quiet = round(SILENCE_S * 1e9) // self.slice_ns
        if following - self._next > quiet + 1:
            self._quiet += 1
            if self._quiet > quiet:
                self._quiet = 0
                return following
        else:
            self._quiet = 0
        return self._next


def newest_ns(plots: Plots, progress: Progress) -> int | None:
    """The latest time in a chunk, None where it is empty."""
    return max((int(part.time_ns.max()) for part in (plots, progress) if part.n), default=None)


def merged(chunks: Iterable[tuple[Plots, Progress]], merge: Merge, after_s: float) -> Iterator[Batch]:
    """All chunks of one input through a merge, with its end flushed."""
    for plots, progress in chunks:
        yield from merge.push(plots, progress)
    yield from merge.flush(after_s)
