"""What ASTERIX comes packed in: plain blocks, captures of UDP datagrams, recorders' own frames; each may be compressed.

A file is read in pieces of bounded size. Each piece says which of its bytes are datagrams; a plain file counts as one
datagram, cut only between blocks. What a file is packed in is told by its first bytes, never by its name.
"""

from __future__ import annotations

import os
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.errors import FormatError
from farwatch.formats import framed
from farwatch.formats.captures import (
    LARGEST_PACKET,
    N_INTERFACES,
    RAW_IP,
    RAW_LINKS,
    SMALLEST_PACKET,
    find_packets,
    find_packets_ng,
)
from farwatch.formats.captures import NO_TIME as NO_TIME
from farwatch.formats.ethernet import FRAGMENTS_LOST, N_SKIPS, SKIPS, SMALLEST_DATAGRAM, find_datagrams
from farwatch.formats.fragments import LARGEST, WAITING, given_up, new_fragments
from farwatch.formats.window import Unpacked, Window, compression_of, first_bytes
from farwatch.journal import Datagrams, Journal, is_journal
from farwatch.kernels import kernel

CHUNK_BYTES = 2 << 20
NO_PORT = -1
_LARGEST_BLOCK = 65_535
_NO_PLACES = np.empty((0, 2), np.int64)
_CUT_OFF = "capture cut off or damaged"


class Piece(NamedTuple):
    """Part of a file: datagrams data[start[i]:stop[i]], received at received_ns[i] (NO_TIME: not recorded).

    `data` is written over by the next piece. Datagrams put together out of fragments stand behind what was read:
    moved (k, 2) says where each starts in `data` and where in the file its last fragment ended.
    """

    data: NDArray[np.uint8]
    base: int  # position of data[0] in the file (unpacked, where it is compressed)
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    received_ns: NDArray[np.int64]
    skipped: Counter[str]  # packets without a usable datagram, by reason
    port: NDArray[np.int64] | None = None  # UDP destination of each datagram
    dated: bool = True  # False: received_ns counts from the midnight before the file's first time
    consumed: int = 0  # bytes of the file on disk that have been read
    moved: NDArray[np.int64] = _NO_PLACES
    in_packets: bool = False  # each datagram is a packet of its own, which may end with a few bytes of the network's

    def places(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions in `data` as positions in the file."""
        if len(self.moved) == 0:
            return at + self.base
        row = np.searchsorted(self.moved[:, 0], at, side="right") - 1
        put_together = at >= self.moved[0, 0]
        # The end of a datagram is the end of its last fragment; what stands before it is counted back from there.
        ends = np.append(self.moved[1:, 0], len(self.data))
        place = self.moved[row, 1] - (ends[row] - at)
        return np.where(put_together, np.maximum(place, 0), at) + self.base


class Container(NamedTuple):
    """A recording and how it is packed: "raw", "pcap", "pcapng", "gps", "final", "rff" or a folder's "journal"."""

    path: Path
    kind: str
    size: int
    compression: str = ""  # "gzip", "zstd" or none


_PCAP_MAGIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
_PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"
_REFUSED: list[tuple[bytes, str, str]] = [
    (b"BZh", "bzip2-compressed", "unpack it with: bunzip2 -k"),
    (b"\xfd7zXZ\x00", "xz-compressed", "unpack it with: unxz -k"),
    (b"PK\x03\x04", "a ZIP archive", "unpack it with: unzip"),
    (b"PAR1", "a Parquet file", "it is no ASTERIX recording"),
]
_LINK_TYPES = {0: "null", 1: "Ethernet", 101: "raw IP", 108: "loopback", 113: "Linux cooked", 276: "Linux cooked 2"}


def open_container(path: str | os.PathLike[str]) -> Container:
    """How the recording at `path` is packed. Raises FormatError: unreadable, empty or of a kind that is not read."""
    path = Path(path)
    if is_journal(path):
        journal = Journal(path)
        return Container(journal.folder, "journal", journal.bytes)
    head, compression = first_bytes(path, framed.HEAD_BYTES)
    if not head:
        raise FormatError(f"{path}: the file is empty" + (" once it is unpacked" if compression else ""))
    if again := compression_of(head) if compression else "":
        raise FormatError(f"{path}: is compressed twice ({compression} around {again}); unpack it once")
    for magic, what, remedy in _REFUSED:
        if head.startswith(magic):
            raise FormatError(f"{path}: is {what}, which is not read; {remedy}")
    size = path.stat().st_size
    if head[:4] in _PCAP_MAGIC:
        if len(head) < 24:
            raise FormatError(f"{path}: the PCAP header is cut off after {len(head)} of 24 bytes")
        return Container(path, "pcap", size, compression)
    if head[:4] == _PCAPNG_MAGIC:
        return Container(path, "pcapng", size, compression)
    return Container(path, framed.kind_of(head) or "raw", size, compression)


def pieces(container: Container, chunk_bytes: int = CHUNK_BYTES) -> Iterator[Piece]:
    """The file in pieces of about `chunk_bytes`. Raises FormatError: it cannot be read, or an unknown PCAP link."""
    if container.kind == "journal":
        yield from _journal(container)
        return
    try:
        file = Unpacked(container.path, container.compression)
        try:
            if container.kind in ("pcap", "pcapng"):
                found = _captured(file, container, chunk_bytes)
            elif container.kind == "raw":
                found = _raw(file, chunk_bytes)
            else:
                found = _framed(file, container, chunk_bytes)
            told = False
            for piece in found:
                if file.fault and not told:
                    piece.skipped[file.fault] += 1
                    told = True
                yield piece._replace(consumed=file.position)
            if file.fault and not told:
                nothing = np.empty(0, np.int64)
                yield Piece(np.empty(0, np.uint8), 0, nothing, nothing, nothing, Counter({file.fault: 1}))
        finally:
            file.close()
    except OSError as error:
        raise FormatError(f"{container.path}: cannot be read: {error.strerror or error}") from None


def _journal(container: Container) -> Iterator[Piece]:
    """The raw datagrams of a journal, a piece for each of its frames that holds any."""
    journal, base = Journal(container.path), 0
    for entries, position in journal.groups():
        raw = [entry for entry in entries if isinstance(entry, Datagrams)]
        if not raw:
            continue
        contents = [content for entry in raw for content in entry.data]
        stop = np.cumsum([len(content) for content in contents])
        start = np.concatenate([np.zeros(1, np.int64), stop[:-1]])
        received_ns = np.array([time_ns for entry in raw for time_ns in entry.received_ns], np.int64)
        data = np.frombuffer(b"".join(contents), np.uint8)
        yield Piece(data, base, start, stop, received_ns, Counter(), consumed=position.offset, in_packets=True)
        base += len(data)
    nothing = np.empty(0, np.int64)
    yield Piece(np.empty(0, np.uint8), base, nothing, nothing, nothing, Counter(journal.torn), in_packets=True)


@kernel
def _whole_blocks(data):  # type: ignore[no-untyped-def]
    """(bytes of the whole blocks at the start of data, True where what follows cannot be a block)."""
    p, n = 0, len(data)
    while p + 3 <= n:
        length = int(data[p + 1]) * 256 + int(data[p + 2])
        if length < 3:
            return p, True
        if p + length > n:
            break
        p += length
    return p, False


def _raw(file: Unpacked, chunk_bytes: int) -> Iterator[Piece]:
    window = Window(file, chunk_bytes, _LARGEST_BLOCK)
    while len(data := window.read()):
        stop, broken = _whole_blocks(data)
        if window.at_end or broken:
            # The last piece takes what is left, so that the decoder counts it as broken, once.
            stop = len(data)
        yield Piece(data, window.base, _one(0), _one(stop), _one(NO_TIME), Counter())
        if broken:
            return
        window.use(stop)


def _one(value: int) -> NDArray[np.int64]:
    return np.array([value], np.int64)


def _framed(file: Unpacked, container: Container, chunk_bytes: int) -> Iterator[Piece]:
    kind = framed.KINDS[container.kind]
    window = Window(file, chunk_bytes, framed.LARGEST_FRAME)
    clock, little, dated = np.array([-1, 0, 0], np.int64), True, False
    if container.kind == "rff":
        head, _ = first_bytes(container.path, 1 << 16)
        little, begin_ns = framed.times_are_little(head), framed.begin_ns(head)
        clock[2], dated = begin_ns or 0, begin_ns is not None
    window.use(framed.HEADER_BYTES[container.kind])
    while len(data := window.read()):
        size = len(data) // framed.SMALLEST_FRAME + 1
        start, stop, received_ns = (np.empty(size, np.int64) for _ in range(3))
        n, used, broken = framed.find_frames(data, kind, little, clock, start, stop, received_ns)
        broken = broken or (window.at_end and used < len(data))
        skipped = Counter({"recording cut off or damaged": 1} if broken else {})
        yield Piece(data, window.base, start[:n], stop[:n], received_ns[:n], skipped, None, dated, in_packets=True)
        if broken:
            return
        window.use(used)


def _captured(file: Unpacked, container: Container, chunk_bytes: int) -> Iterator[Piece]:
    window = Window(file, chunk_bytes, LARGEST_PACKET + 64)
    order, tick_ns, link = "<", 0, 0
    if container.kind == "pcap":
        header = window.read()[:24].tobytes()
        order, tick_ns = _PCAP_MAGIC[header[:4]]
        link = struct.unpack(order + "I", header[20:24])[0] & 0x0FFFFFFF
        link = RAW_IP if link in RAW_LINKS else link
        if link not in _LINK_TYPES:
            known = ", ".join(f"{number} ({name})" for number, name in _LINK_TYPES.items())
            raise FormatError(f"{container.path}: PCAP link type {link} is not read; there are {known}")
        window.use(24)
    state, interfaces = np.zeros(2, np.int64), np.zeros((N_INTERFACES, 3), np.int64)
    fragments = new_fragments()
    while len(data := window.read()):
        packets = np.empty((len(data) // SMALLEST_PACKET + 1, 4), np.int64)
        if container.kind == "pcap":
            n_packets, used, broken = find_packets(data, order == "<", tick_ns, link, packets)
        else:
            n_packets, used, broken = find_packets_ng(data, state, interfaces, packets)
        at_end = window.at_end and used >= len(data)
        broken = broken or (window.at_end and used != len(data))
        skips = np.zeros(N_SKIPS, np.int64)
        size = len(data) // SMALLEST_DATAGRAM + 1
        start, stop, received_ns, port = (np.empty(size, np.int64) for _ in range(4))
        extra = np.empty(len(data) + WAITING * LARGEST, np.uint8)
        moved = np.empty((n_packets, 2), np.int64)
        n, n_moved, put_together = find_datagrams(
            data, packets, n_packets, fragments, extra, moved, start, stop, received_ns, port, skips
        )
        skipped = Counter({name: int(count) for name, count in zip(SKIPS, skips) if count})
        if lost := given_up(fragments, at_end=at_end or broken):
            skipped[FRAGMENTS_LOST] += lost
        if broken:
            skipped[_CUT_OFF] += 1
        if put_together:
            data = np.concatenate([data, extra[:put_together]])
        yield Piece(
            data,
            window.base,
            start[:n],
            stop[:n],
            received_ns[:n],
            skipped,
            port[:n],
            moved=moved[:n_moved],
            in_packets=True,
        )
        if broken:
            return
        window.use(used)
