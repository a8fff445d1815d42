"""Handover: a bounded queue to a thread of its own. What hands over never waits for what is behind it."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

LOOK_S = 0.5  # how often a `put` that waits looks whether the thread is still there


class Handover(Generic[T]):
    """Starts a thread that calls `run`, which takes items until `take` gives None.

    `put` never waits, unless `lossless`: then it waits for room, for replays as fast as possible.
    """

    def __init__(self, room: int, lossless: bool, run: Callable[[], None], name: str) -> None:
        self._lossless = lossless
        self._queue: queue.Queue[T | None] = queue.Queue(room)
        self._thread = threading.Thread(target=run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread: once all that it works with is there."""
        self._thread.start()

    def put(self, item: T) -> bool:
        """Hand an item over; False where there is no room for it."""
        if self._lossless:
            while self._thread.is_alive():
                with contextlib.suppress(queue.Full):
                    self._queue.put(item, timeout=LOOK_S)
                    return True
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            return False
        return True

    def take(self) -> T | None:
        """The next item, waited for; None: the end. For the thread."""
        return self._queue.get()

    def close(self) -> None:
        """Have what waits taken, and end the thread."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
