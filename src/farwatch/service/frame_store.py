"""FrameStore: pictures kept on disk for going back in time, by a thread of its own that nobody waits for.

Bounded by size and by hours: the oldest segment goes first. Times rise: what was kept of a time that comes again, as
after a start from a checkpoint, is let go.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np

from farwatch.errors import FarwatchError
from farwatch.plots import Ints
from farwatch.service.differences import Columns, accuracy_columns
from farwatch.service.frames import GAP_NS, Frame
from farwatch.service.handover import Handover
from farwatch.service.hits import HIT, SHOWN, latest
from farwatch.service.hits import Rows as HitRows
from farwatch.service.identities import Rows as IdentityRows
from farwatch.service.identities import changed, no_identities
from farwatch.service.segments import SUFFIXES, Chains, Record, Segment

LOG = logging.getLogger(__name__)

SEGMENT_NS = 600_000_000_000
SEGMENTS = 24  # into so many parts the size is divided: that much is let go at once
QUEUE = 8
MOST_GAPS = 1000
BACK_NS = 600_000_000_000  # so far back the plots of a track are looked for


class Kept(NamedTuple):
    """A picture out of the store."""

    time_ns: int
    picture: bytes
    plots: bytes
    accuracy: Columns
    identities: IdentityRows  # of its segment so far, in rising id


class Span(NamedTuple):
    """What is kept: the times (ns) of all pictures, in order, and which segment holds which."""

    times_ns: Ints
    segments: tuple[Segment, ...]
    starts: Ints  # number of the first picture of each segment


NOTHING = Span(np.empty(0, np.int64), (), np.empty(0, np.int64))


class FrameStore:
    """Keeps frames in a folder; raises `FarwatchError` where that cannot be used.

    `put` never waits, unless `lossless`: then it waits for the disk, for replays as fast as possible. `dropped` counts
    the pictures that it could not take; `state` says whether the disk takes them.
    """

    def __init__(self, folder: Path, hours: float, gigabytes: float, lossless: bool = False) -> None:
        self.dropped = 0
        self.state = "on"
        self._folder = folder
        self._hours_ns = round(hours * 3600e9)
        self._bytes = round(gigabytes * 1e9)
        self._handover: Handover[Frame] = Handover(QUEUE, lossless, self._run, "frame store")
        self._segments: list[Segment] = []
        self._told = no_identities()
        self._begun = False  # whether anything was written since the start
        self._chains = Chains()
        self._identities: dict[tuple[str, int], IdentityRows] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.iterdir():
                if path.suffix in SUFFIXES and not path.with_suffix(".index").exists():
                    path.unlink()  # of a segment that was being made or removed
            opened = [_opened(path.with_suffix("")) for path in sorted(folder.glob("*.index"))]
        except OSError as error:
            raise FarwatchError(
                f"{folder}: cannot keep pictures there ({error.strerror}); give another folder"
            ) from None
        self._segments = ordered([segment for segment in opened if segment is not None])
        self.span = NOTHING
        self._times, self._end = NOTHING.times_ns, 0
        self._gaps: tuple[Span, list[tuple[int, int]]] = (NOTHING, [])
        self._publish()
        self._handover.start()

    def put(self, frame: Frame) -> None:
        """Hand over a frame to be kept."""
        if not self._handover.put(frame):
            self.dropped += 1

    def close(self) -> None:
        """Write what is waiting and end the thread."""
        self._handover.close()
        for segment in self._segments:
            segment.close()

    def read(self, k: int, span: Span) -> Kept | None:
        """Picture number k of a span; None where it has been let go since."""
        at = int(np.searchsorted(span.starts, k, "right")) - 1
        segment, own = span.segments[at], k - int(span.starts[at])
        try:
            found = segment.read(own, self._chains)
            if found is None:
                return None
            return Kept(int(span.times_ns[k]), *found, self._identities_of(segment, own + 1))
        except (IndexError, OSError):
            return None

    def _identities_of(self, segment: Segment, end: int) -> IdentityRows:
        """The identities of all tracks of a segment as they were by its record `end`, in rising id."""
        count = int(segment.rows["identities"][:end].sum())
        key = segment.base.name, count
        found = self._identities.get(key)
        if found is None:
            found = last_of_each(segment.side_rows(".identities", end))
            while len(self._identities) > 8:
                self._identities.pop(next(iter(self._identities)), None)
            self._identities[key] = found
        return found

    def hits_before(self, track: int, k: int, span: Span) -> HitRows:
        """The last hits of a track by picture number k of a span."""
        parts: list[HitRows] = []
        at = int(np.searchsorted(span.starts, k, "right")) - 1
        while at >= 0:
            segment = span.segments[at]
            end = k - int(span.starts[at]) + 1 if not parts and k >= span.starts[at] else segment.n
            rows = segment.side_rows(".hits", min(end, segment.n))
            parts.append(rows[rows["track"] == track])
            enough = sum(len(part) for part in parts) >= SHOWN
            if enough or span.times_ns[span.starts[at]] <= span.times_ns[k] - BACK_NS:
                break
            at -= 1
        return latest(parts) if parts else np.empty(0, HIT)

    def gaps(self) -> list[tuple[int, int]]:
        """From when to when (ns) nothing is kept within the range; the latest of them."""
        span, (told, gaps) = self.span, self._gaps
        if told is not span:
            times = span.times_ns
            at = np.flatnonzero(np.diff(times) > GAP_NS)[-MOST_GAPS:]
            gaps = [(int(times[k]), int(times[k + 1])) for k in at]
            self._gaps = span, gaps
        return gaps

    def _run(self) -> None:
        while (frame := self._handover.take()) is not None:
            try:
                if self._take(frame) and self.state != "on":
                    LOG.warning("%s: pictures are kept again", self._folder)
                    self.state = "on"
            except OSError as error:
                self.dropped += 1
                if self.state == "on":
                    LOG.error("%s: pictures cannot be kept (%s); still trying", self._folder, error.strerror)
                self.state = "failed"
            except Exception:  # whatever is wrong with one picture, the next one may be right
                self.dropped += 1
                LOG.exception("%s: a picture could not be kept", self._folder)

    def _take(self, frame: Frame) -> bool:
        """Write a frame; False where its time has been kept already."""
        last = self._segments[-1] if self._segments else None
        if last is not None and frame.time_ns <= last.last_ns:
            if self._begun:
                return False
            self._cut_back(frame.time_ns)
            last = self._segments[-1] if self._segments else None
        fresh = last is None or not self._begun or self._full(last, frame.time_ns)
        self._begun = True
        if fresh:
            last = self._begin(frame.time_ns)
        assert last is not None
        identities = frame.identities if fresh else frame.identities[changed(self._told, frame.identities)]
        last.append(
            Record(frame.time_ns, frame.picture, frame.plots, accuracy_columns(frame.states), identities, frame.hits)
        )
        self._told = frame.identities
        if fresh:
            self._segments.append(last)
        self._let_go()
        self._publish()
        return True

    def _full(self, segment: Segment, time_ns: int) -> bool:
        return segment.size > self._bytes // SEGMENTS or time_ns - segment.first_ns >= SEGMENT_NS

    def _begin(self, time_ns: int) -> Segment:
        """A new segment after all others."""
        if self._segments:
            self._segments[-1].close()
        segment = Segment(self._folder / f"{time_ns:020d}")
        segment.remove()  # what an earlier run may have left of that name
        return segment

    def _cut_back(self, time_ns: int) -> None:
        """Let go what is kept from a time on."""
        LOG.info("%s: pictures from where this run begins are made anew", self._folder)
        while self._segments and self._segments[-1].first_ns >= time_ns:
            self._segments.pop().remove()
        if self._segments:
            last = self._segments[-1]
            last.cut(int(np.searchsorted(last.times_ns, time_ns)))
        self._identities.clear()
        self._publish()

    def _let_go(self) -> None:
        """Delete the oldest segments while there is too much, or they are too old."""
        newest_ns = self._segments[-1].last_ns
        while len(self._segments) > 1:
            oldest = self._segments[0]
            too_old = oldest.last_ns < newest_ns - self._hours_ns
            if not too_old and sum(segment.size for segment in self._segments) <= self._bytes:
                return
            self._segments.pop(0).remove()

    def _publish(self) -> None:
        """Let readers see what there is now."""
        counts = np.array([segment.n for segment in self._segments], np.int64)
        total = int(counts.sum())
        # Times are appended where no reader looks; whatever else happens to them makes a new array.
        added = total - len(self.span.times_ns) == 1 and self.span.segments[:1] == tuple(self._segments[:1])
        if added and self._end < len(self._times):
            self._times[self._end] = self._segments[-1].last_ns
            self._end += 1
        else:
            self._times = np.empty(2 * total + 64, np.int64)
            self._end = total
            if total:
                self._times[:total] = np.concatenate([segment.times_ns for segment in self._segments])
        starts = np.cumsum(counts) - counts
        self.span = Span(self._times[: self._end], tuple(self._segments), starts)

    def remove(self) -> None:
        """Close and delete the folder: for one that was only lent."""
        self.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _opened(base: Path) -> Segment | None:
    """The segment that is there, None where there is nothing whole in it."""
    segment = Segment.opened(base)
    if segment.lost_bytes:
        LOG.warning("%s: %d bytes after the last whole picture were cut off", base, segment.lost_bytes)
    if segment.n:
        return segment
    segment.remove()
    return None


def ordered(segments: list[Segment]) -> list[Segment]:
    """Segments one after the other: where two cover a time, what the later one covers of the earlier is let go."""
    kept: list[Segment] = []
    for segment in segments:
        if kept and kept[-1].last_ns >= segment.first_ns:
            kept[-1].cut(int(np.searchsorted(kept[-1].times_ns, segment.first_ns)))
        kept.append(segment)
    return kept


def last_of_each(rows: IdentityRows) -> IdentityRows:
    """The last row of each track, in rising id."""
    if not len(rows):
        return no_identities()
    backwards = rows[::-1]
    _, at = np.unique(backwards["id"], return_index=True)
    return backwards[at]
