"""The only loop: batches go through the tracker, pictures come out and reach every sink."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from farwatch.clock import AsFast, Clock
from farwatch.picture import Picture
from farwatch.plots import Batch

if TYPE_CHECKING:
    from farwatch.sinks import Sink
    from farwatch.tracker import Tracker


def run(
    batches: Iterable[Batch], tracker: Tracker, clock: Clock | None = None, sinks: Sequence[Sink] = ()
) -> Iterator[Picture]:
    """Track batch by batch as the clock allows, write each picture to the sinks, and yield it."""
    clock = clock or AsFast()
    for batch in batches:
        clock.wait_until(batch.until_ns)
        picture = tracker.update(batch)
        for sink in sinks:
            sink.write(picture)
        yield picture
