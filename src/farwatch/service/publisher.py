"""Publisher: takes updates off the tracker's thread and hands frames to the clients, the stores and the metrics."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence

from farwatch.service.board import Board, Update
from farwatch.service.frame_store import FrameStore
from farwatch.service.frames import Frame, FrameEncoder
from farwatch.service.history import History
from farwatch.service.metrics import Metrics, WebState

LOG = logging.getLogger(__name__)

QUEUE = 4


class Publisher:
    """A thread between the board and all that shows or keeps pictures.

    The tracker never waits for it: where it cannot follow, the oldest update is left out and counted; `lossless`, the
    tracker waits instead. `listeners` get each frame in this thread and must return at once.
    """

    def __init__(
        self,
        board: Board,
        encoder: FrameEncoder,
        store: FrameStore,
        history: History,
        metrics: Metrics,
        web: WebState,
        lossless: bool,
    ) -> None:
        self.newest: Frame | None = None
        self.heard_s = 0.0  # when the last update came, by the monotonic clock; 0: none yet
        self._encoder, self._store, self._history = encoder, store, history
        self._metrics, self._web, self._lossless = metrics, web, lossless
        self._queue: queue.Queue[Update | None] = queue.Queue(QUEUE)
        self._listeners: Sequence[Callable[[Frame], object]] = ()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._thread.start()
        self._end = board.listen(self.hear)
        if board.latest is not None:
            self.hear(board.latest)

    def listen(self, listener: Callable[[Frame], object]) -> None:
        """Have a listener get each frame from now on."""
        self._listeners = (*self._listeners, listener)

    def hear(self, update: Update) -> None:
        """Called in the tracker's thread."""
        self.heard_s = time.monotonic()
        while not self._stopping.is_set():
            try:
                self._queue.put(update, block=self._lossless, timeout=0.5)
                return
            except queue.Full:
                if not self._lossless:
                    self._leave_out()

    def _leave_out(self) -> None:
        with contextlib.suppress(queue.Empty):
            if self._queue.get_nowait() is None:
                self._queue.put(None)  # the end has been asked for meanwhile
            else:
                self._web.pictures_left_out += 1

    def close(self) -> None:
        """Finish what is waiting and end."""
        self._end()
        self._stopping.set()
        while self._thread.is_alive():
            try:
                self._queue.put(None, timeout=0.5)
                break
            except queue.Full:
                continue
        self._thread.join()

    def _run(self) -> None:
        while True:
            update = self._queue.get()
            if update is None:
                return
            try:
                frame = self._encoder.encode(update)
                self.newest = frame
                self._metrics.heard(update)
                self._store.put(frame)
                if update.looks.n:
                    self._history.put(update.looks)
                for listener in self._listeners:
                    listener(frame)
            except Exception:  # whatever is wrong with one picture, the next one may be right
                LOG.exception("a picture could not be shown")
