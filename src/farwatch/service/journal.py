"""Writes the journal in a thread of its own: neither a slow disk nor a full one ever delays the tracker.

What is appended reaches the operating system within `GATHER_S`, so that a killed process loses no more than that, and
the disk within `SYNC_S`, which is what a power failure may take. Entries that the queue has no room for are counted.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from farwatch.clock import now_ns
from farwatch.errors import ConfigError
from farwatch.journal import Advance, Entry, Flush, Head, Position, Push, encode_group
from farwatch.journal.reader import end_of
from farwatch.journal.segments import framed, header, segment_name, segments_of
from farwatch.service_options import ServiceOptions

GATHER_S = 0.2
SYNC_S = 1.0
RETRY_S = 1.0
SEGMENT_S = 3600.0
QUEUE_BYTES = 64 << 20
_PLOT_BYTES, _ENTRY_BYTES = 300, 200  # that wait in memory
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

State = Literal["on", "full", "failed"]


class JournalWriter:
    """Appends to the journal in `folder`, which is one session's.

    `state` says how it goes and `failure` why not, `dropped` counts entries that were let go, `cut` the bytes of a torn
    tail that were taken away at the start, `plots` and `bytes` what has been written. Raises `ConfigError` for a folder
    that cannot be.
    """

    def __init__(self, folder: Path, head: Head, options: ServiceOptions, queue_bytes: int = QUEUE_BYTES) -> None:
        self.folder = folder
        self.state: State = "on"
        self.failure = ""
        self.dropped = 0
        self.cut = 0
        self.plots = 0
        self.bytes = 0
        self.written = head.first_sequence - 1  # number of the last input that the system has
        self._head = head
        self._segment_bytes = round(options.segment_mb * (1 << 20))
        self._keep_bytes, self._keep_s = options.keep_gb * 1e9, options.keep_hours * 3600.0
        self._most = queue_bytes
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._waiting: deque[Entry] = deque()
        self._waiting_bytes = 0
        self._closing = False
        self._file: int | None = None
        self._number, self._end, self._began_s, self._synced_s = 0, 0, 0.0, 0.0
        self.position = self._synced = Position()  # the end of what has been written, and of what the disk has
        self._prepare()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def _prepare(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            existing = segments_of(self.folder)
            if existing:
                self._number, whole = end_of(self.folder)
                self.position = Position(self._number, whole)
                path = existing[-1][1]
                self.cut = path.stat().st_size - whole
                if self.cut:
                    os.truncate(path, whole)
        except OSError as error:
            self._failed(error)
            if self.state != "full":
                raise ConfigError(f"{self.folder}: cannot record there ({error.strerror}); give --record DIR") from None

    def append(self, entry: Entry) -> None:
        """Queue an entry; never waits."""
        size = _size(entry)
        with self._lock:
            if self._waiting_bytes + size > self._most:
                self.dropped += 1
                return
            self._waiting.append(entry)
            self._waiting_bytes += size
        if size > 1 << 20:
            self._wake.set()

    def reach(self, sequence: int, patience_s: float = 2.0) -> None:
        """Wait until the system has the input of that number, as long as the disk takes anything."""
        end_s = time.monotonic() + patience_s
        while self.written < sequence and self.state == "on" and time.monotonic() < end_s:
            self._wake.set()
            time.sleep(0.005)

    def close(self, patience_s: float = 10.0) -> None:
        """Write what waits, as far as the disk takes it."""
        self._closing = True
        self._wake.set()
        self._thread.join(patience_s)

    def _run(self) -> None:
        while True:
            closing = self._closing
            self._wake.wait(0.0 if closing else GATHER_S)
            self._wake.clear()
            with self._lock:
                entries, self._waiting = list(self._waiting), deque()
            if entries:
                self._write(entries)
                with self._lock:
                    self._waiting_bytes = sum(map(_size, self._waiting))
            self._sync(closing)
            if closing:
                if self._file is not None:
                    os.close(self._file)
                    self._file = None
                return

    def _write(self, entries: Sequence[Entry]) -> None:
        """One frame, tried until the disk takes it."""
        frame = framed(encode_group(entries))
        inputs = [entry.sequence for entry in entries if isinstance(entry, Push | Advance | Flush)]
        while True:
            try:
                self._open_for(len(frame), inputs[0] if inputs else self.written + 1)
                self._put(frame)
            except OSError as error:
                self._failed(error)
                if self._closing:
                    self.dropped += len(entries)
                    return
                self._wake.wait(RETRY_S)
                self._wake.clear()
                continue
            self.state, self.failure = "on", ""
            self.bytes += len(frame)
            self.plots += sum(entry.plots.n for entry in entries if isinstance(entry, Push))
            self.written = inputs[-1] if inputs else self.written
            return

    def _open_for(self, size: int, first_sequence: int) -> None:
        """A segment with room for `size` more bytes."""
        full = self._end + size > self._segment_bytes or time.monotonic() - self._began_s > SEGMENT_S
        if self._file is not None and not full:
            return
        if self._file is not None:
            os.fsync(self._file)
            os.close(self._file)
            self._file = None
        path = self.folder / segment_name(self._number + 1)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            head = msgspec.structs.replace(self._head, first_sequence=first_sequence)
            data = header() + framed(msgspec.msgpack.encode(head))
            if os.write(file, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.close(file)
            path.unlink(missing_ok=True)
            raise
        self._file, self._number, self._end, self._began_s = file, self._number + 1, len(data), time.monotonic()
        retain(self.folder.parent, path, self._keep_bytes, self._keep_s)

    def _put(self, frame: bytes) -> None:
        """Write it whole, or leave nothing of it."""
        assert self._file is not None
        view, end = memoryview(frame), self._end
        try:
            while view:
                done = os.write(self._file, view)
                view = view[done:]
        except OSError:
            os.ftruncate(self._file, end)
            os.lseek(self._file, end, os.SEEK_SET)
            raise
        self._end = end + len(frame)
        self.position = Position(self._number, self._end)

    def _sync(self, now: bool) -> None:
        if self._file is None or self._synced == self.position:
            return
        if not now and time.monotonic() - self._synced_s < SYNC_S:
            return
        self._synced = self.position
        try:
            os.fsync(self._file)
        except OSError as error:
            self._failed(error)
        self._synced_s = time.monotonic()

    def _failed(self, error: OSError) -> None:
        self.state = "full" if error.errno in _FULL else "failed"
        self.failure = f"{self.folder}: {error.strerror or error}"


def retain(root: Path, current: Path, keep_bytes: float, keep_s: float) -> None:
    """Delete the oldest segments of all sessions beyond the limits; a session without any goes too."""
    found = []
    for folder in (one for one in root.iterdir() if one.is_dir()):
        for _, path in segments_of(folder):
            status = path.stat()
            found.append((status.st_mtime_ns, path, status.st_size))
    found.sort()
    total, oldest_ns = sum(size for _, _, size in found), now_ns() - round(keep_s * 1e9)
    for changed_ns, path, size in found:
        if path == current or (total <= keep_bytes and changed_ns >= oldest_ns):
            break
        path.unlink(missing_ok=True)
        total -= size
        if not any(path.parent.iterdir()):
            path.parent.rmdir()


def _size(entry: Entry) -> int:
    """About how many bytes an entry holds while it waits."""
    if isinstance(entry, Push):
        return _ENTRY_BYTES + _PLOT_BYTES * entry.plots.n + 50 * entry.progress.n
    if isinstance(entry, Advance | Flush):
        return _ENTRY_BYTES
    return _ENTRY_BYTES + sum(map(len, entry.data)) + 100 * len(entry.data)
