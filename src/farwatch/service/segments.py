"""Segments: the append-only files in which the frame store keeps pictures. What a cut has left behind is tolerated.

A segment is four files of one name: `.pictures` (a head, then packed records one after the other, every tenth of them
a key picture that needs none before it), `.index` (a row a record: time, offset, length, checksum, sizes), and
`.identities` and `.hits`, plain rows. The index is written after what it names, so whatever it holds is whole; what
follows the last whole row is cut off when a segment is opened.
"""

from __future__ import annotations

import contextlib
import os
import threading
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.service.differences import Chain, Columns, compressed, expanded
from farwatch.service.hits import HIT
from farwatch.service.hits import Rows as HitRows
from farwatch.service.identities import IDENTITY
from farwatch.service.identities import Rows as IdentityRows

MAGIC = b"farwatch pictures 1\n"
INDEX = np.dtype(
    [("time_ns", "<i8"), ("offset", "<u8"), ("length", "<u4"), ("checksum", "<u4"), ("picture", "<u4"),
     ("plots", "<u4"), ("since", "<u4"), ("identities", "<u4"), ("hits", "<u4")]
)  # fmt: skip
SUFFIXES = (".pictures", ".identities", ".hits", ".index")
_ROWS = {".identities": IDENTITY, ".hits": HIT}
CHAINS = 16
KEY_EVERY = 10  # records: a picture is read from the last key picture on


class Record(NamedTuple):
    """A picture with what belongs to it."""

    time_ns: int
    picture: bytes
    plots: bytes
    accuracy: Columns
    identities: IdentityRows  # what has changed; in the first record of a segment all
    hits: HitRows


class Chains:
    """Chains at pictures that were read of late: whoever plays on from there need not begin at the key picture."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[tuple[str, int, int], Chain] = {}

    def get(self, name: tuple[str, int, int]) -> Chain | None:
        """One of one's own at that picture."""
        with self._lock:
            found = self._held.get(name)
        return None if found is None else found.copy()

    def put(self, name: tuple[str, int, int], chain: Chain) -> None:
        """Remember a chain that nobody moves on; the oldest goes."""
        with self._lock:
            self._held[name] = chain
            while len(self._held) > CHAINS:
                self._held.pop(next(iter(self._held)))


class Segment:
    """One segment: appended to by one thread, read by any. `rows` are its index; a record is read by its number."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.rows: NDArray[Any] = np.empty(0, INDEX)
        self.lost_bytes = 0  # cut off when it was opened
        self._n = 0
        self._ends = dict.fromkeys(SUFFIXES, 0) | {".pictures": len(MAGIC)}
        self._chain: Chain | None = None  # where writing is
        self._out: dict[str, Any] = {}

    @classmethod
    def opened(cls, base: Path) -> Segment:
        """One that is there, cut back to its last whole record; raises `OSError`."""
        segment = cls(base)
        data = segment.path(".index").read_bytes()
        rows = np.frombuffer(data[: len(data) // INDEX.itemsize * INDEX.itemsize], INDEX)
        size = segment._size(".pictures")
        ends = rows["offset"].astype(np.int64) + rows["length"]
        starts = np.concatenate([[len(MAGIC)], ends[:-1]]) if len(rows) else ends
        whole = (rows["offset"] == starts) & (ends <= size) & (np.diff(rows["time_ns"], prepend=-(1 << 62)) > 0)
        for suffix, dtype in _ROWS.items():
            whole &= np.cumsum(rows[suffix[1:]].astype(np.int64)) * dtype.itemsize <= segment._size(suffix)
        n = len(rows) if whole.all() else int(np.argmin(whole))
        if not size or segment._head() != MAGIC:
            n = 0
        segment.rows, segment._n = rows, n
        while segment._n and segment.packed(segment._n - 1) is None:  # a page that never reached the disk
            segment._n -= 1
        segment.cut(segment._n)
        segment.lost_bytes = size + len(data) - segment._ends[".pictures"] - segment._ends[".index"]
        return segment

    def _size(self, suffix: str) -> int:
        """Bytes of one of its files; 0 where it is missing."""
        return self.path(suffix).stat().st_size if self.path(suffix).exists() else 0

    def _head(self) -> bytes:
        with self.path(".pictures").open("rb") as file:
            return file.read(len(MAGIC))

    def path(self, suffix: str) -> Path:
        """One of its files."""
        return self.base.with_suffix(suffix)

    @property
    def n(self) -> int:
        """How many records it holds."""
        return self._n

    @property
    def times_ns(self) -> NDArray[np.int64]:
        """The times of its records."""
        times: NDArray[np.int64] = self.rows["time_ns"][: self._n].astype(np.int64)
        return times

    @property
    def first_ns(self) -> int:
        """The time of its first record."""
        return int(self.rows[0]["time_ns"])

    @property
    def last_ns(self) -> int:
        """The time of its last record."""
        return int(self.rows[self._n - 1]["time_ns"])

    @property
    def size(self) -> int:
        """What all its records take."""
        return sum(self._ends.values())

    def _reckon(self) -> None:
        """Where its records end in each file."""
        rows = self.rows[: self._n]
        ends = {suffix: int(rows[suffix[1:]].sum()) * dtype.itemsize for suffix, dtype in _ROWS.items()}
        ends[".index"] = self._n * INDEX.itemsize
        ends[".pictures"] = int(rows["length"].sum()) + len(MAGIC)
        self._ends = ends

    def cut(self, n: int) -> None:
        """Let the records from number n on go."""
        self.close()
        self.rows, self._n, self._chain = self.rows[:n].copy(), n, None
        self._reckon()
        for suffix in SUFFIXES:
            if self._size(suffix) > self._ends[suffix]:
                os.truncate(self.path(suffix), self._ends[suffix])

    def append(self, record: Record) -> None:
        """Write a record; raises `OSError`, and then holds what it held before."""
        since = int(self.rows[self._n - 1]["since"]) + 1 if self._n else 0
        if self._chain is None or since >= KEY_EVERY:
            self._chain, since = Chain(), 0
        packed = self._chain.pack(record.picture, record.accuracy)
        data = compressed((packed, record.plots))
        offset = self._ends[".pictures"]
        row = np.array(
            [(record.time_ns, offset, len(data), zlib.crc32(data), len(packed), len(record.plots), since,
              len(record.identities), len(record.hits))],
            INDEX,
        )  # fmt: skip
        try:
            if not self._out:
                for suffix in SUFFIXES:
                    self._out[suffix] = self.path(suffix).open("ab", buffering=0)
                if not self._n:
                    _write(self._out[".pictures"], MAGIC)
            _write(self._out[".pictures"], data)
            _write(self._out[".identities"], record.identities.tobytes())
            _write(self._out[".hits"], record.hits.tobytes())
            _write(self._out[".index"], row.tobytes())
        except OSError:
            with contextlib.suppress(OSError):
                self.cut(self._n)
            raise
        if self._n == len(self.rows):
            grown = np.empty(max(2 * self._n, 64), INDEX)
            grown[: self._n] = self.rows
            self.rows = grown  # readers keep the array that they have
        self.rows[self._n] = row[0]
        self._n += 1
        self._ends[".pictures"] += len(data)
        self._ends[".identities"] += record.identities.nbytes
        self._ends[".hits"] += record.hits.nbytes
        self._ends[".index"] += INDEX.itemsize

    def packed(self, k: int) -> bytes | None:
        """Record k as it lies in the file; None where that is gone or not what was written."""
        row = self.rows[k]
        try:
            with self.path(".pictures").open("rb") as file:
                data = os.pread(file.fileno(), int(row["length"]), int(row["offset"]))
        except OSError:
            return None
        return data if zlib.crc32(data) == row["checksum"] else None

    def read(self, k: int, chains: Chains) -> tuple[bytes, bytes, Columns] | None:
        """Picture, plots and accuracy of record k; None where they are gone or not what was written.

        Every record since the last key picture is needed, but for those that have been read just before.
        """
        first, chain = k - int(self.rows[k]["since"]), Chain()
        for j in range(k - 1, first - 1, -1):
            found = chains.get(self._name(j))
            if found is not None:
                first, chain = j + 1, found
                break
        for j in range(first, k + 1):
            data, row = self.packed(j), self.rows[j]
            if data is None:
                return None
            size = int(row["picture"])
            whole = expanded(data, size + int(row["plots"]))
            picture, accuracy = chain.unpack(whole[:size])
        chains.put(self._name(k), chain)
        return picture, whole[size:], accuracy

    def _name(self, k: int) -> tuple[str, int, int]:
        """What tells record k from all others, also from one that took its place."""
        return self.base.name, k, int(self.rows[k]["checksum"])

    def side_rows(self, suffix: str, end: int) -> NDArray[Any]:
        """The identities or hits of the records before number `end`; none where they are gone."""
        count = int(self.rows[suffix[1:]][:end].sum())
        if not count:
            return np.empty(0, _ROWS[suffix])
        try:
            return np.fromfile(self.path(suffix), _ROWS[suffix], count)
        except OSError:
            return np.empty(0, _ROWS[suffix])

    def close(self) -> None:
        """Close its files."""
        for file in self._out.values():
            file.close()
        self._out = {}

    def remove(self) -> None:
        """Delete its files, the index first."""
        self.close()
        for suffix in reversed(SUFFIXES):
            with contextlib.suppress(OSError):
                self.path(suffix).unlink(missing_ok=True)


def _write(file: Any, data: bytes) -> None:
    """Write all of it: a file without a buffer may take less than it is given, as when the disk is full."""
    view = memoryview(data)
    while len(view):
        view = view[file.write(view) :]
