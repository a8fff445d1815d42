"""A sink behind a bounded queue and a thread: a slow disk or client never makes the tracker wait."""

from __future__ import annotations

import threading
from collections import deque

from farwatch.errors import FarwatchError
from farwatch.picture import Picture
from farwatch.sinks import FileSink

MOST_ROWS = 500_000  # about 90 MB


class QueuedSink:
    """Writes to a file in a thread of its own. `dropped` counts the rows that the queue had no room for.

    `failure` says why the file has been given up.
    """

    def __init__(self, sink: FileSink, most_rows: int = MOST_ROWS) -> None:
        self.sink = sink
        self.dropped = 0
        self.failure = ""
        self._most = most_rows
        self._waiting: deque[Picture] = deque()
        self._rows = 0
        self._change = threading.Condition()
        self._closing = self._aborting = False
        self._thread = threading.Thread(target=self._run, name=f"writer of {sink.file.path}", daemon=True)
        self._thread.start()

    def write(self, picture: Picture) -> None:
        """Queue a picture; never waits."""
        if not picture.n:
            return
        with self._change:
            if self.failure or self._rows + picture.n > self._most:
                self.dropped += picture.n
                return
            self._waiting.append(picture)
            self._rows += picture.n
            self._change.notify()

    def close(self, patience_s: float = 60.0) -> None:
        """Write what waits and give the file its name."""
        with self._change:
            self._closing = True
            self._change.notify()
        self._thread.join(patience_s)

    def abort(self) -> None:
        """Give up: no file appears."""
        with self._change:
            self._waiting.clear()
            self._aborting = self._closing = True
            self._change.notify()
        self._thread.join()
        self.sink.abort()

    def losses(self) -> list[str]:
        """What could not be written, in words."""
        lost = [self.failure] if self.failure else self.sink.losses()
        if self.dropped:
            lost.append(f"{self.sink.file.path}: {self.dropped} track states were not written")
        return lost

    def _run(self) -> None:
        try:
            while True:
                with self._change:
                    self._change.wait_for(lambda: self._waiting or self._closing)
                    if not self._waiting:
                        break
                    picture = self._waiting.popleft()
                self.sink.write(picture)
                with self._change:
                    self._rows -= picture.n
            if not self._aborting:
                self.sink.close()
        except FarwatchError as error:
            with self._change:
                self.failure = str(error)
                self._waiting.clear()
                self._rows = 0
