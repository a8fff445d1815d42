"""What ASTERIX comes packed in: plain blocks one after another, or UDP datagrams in a classic PCAP file.

A file is read in pieces of bounded size. Each piece says which of its bytes are datagrams; a plain file counts as one
datagram, cut only between blocks.
"""

from __future__ import annotations

import os
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.errors import FormatError
from farwatch.formats.ethernet import N_SKIPS, PACKET_HEADER, SKIPS, SMALLEST_DATAGRAM, find_datagrams
from farwatch.kernels import kernel

CHUNK_BYTES = 2 << 20
NO_TIME = -(2**63)
_LARGEST_BLOCK = 65_535
_LARGEST_PACKET = 1 << 18  # what capture programs write at most; more means a broken packet header


class Piece(NamedTuple):
    """Part of a file: datagrams data[start[i]:stop[i]], received at received_ns[i] (NO_TIME: not recorded).

    `data` is written over by the next piece.
    """

    data: NDArray[np.uint8]
    base: int  # position of data[0] in the file
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    received_ns: NDArray[np.int64]
    skipped: Counter[str]  # packets without a usable datagram, by reason


class Container(NamedTuple):
    """A recording's file and how it is packed: "raw" or "pcap"."""

    path: Path
    kind: str
    size: int


_PCAP_MAGIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
_REFUSED: list[tuple[bytes, str, str]] = [
    (b"\x0a\x0d\x0d\x0a", "a PCAPNG capture", "convert it with: editcap -F pcap IN OUT"),
    (b"\x1f\x8b", "gzip-compressed", "unpack it with: gunzip -k"),
    (b"\x28\xb5\x2f\xfd", "zstandard-compressed", "unpack it with: zstd -d"),
    (b"BZh", "bzip2-compressed", "unpack it with: bunzip2 -k"),
    (b"\xfd7zXZ\x00", "xz-compressed", "unpack it with: unxz -k"),
    (b"PK\x03\x04", "a ZIP archive", "unpack it with: unzip"),
    (b"PAR1", "a Parquet file", "it is no ASTERIX recording"),
]
_GPS_FILLING = b"\xcd"  # what the header of a GPS recording is filled with
_FRAMED = {
    ".gps": "a GPS recording (2,200-byte header, blocks with trailers)",
    ".rff": "an RFF recording",
    ".ff": "a final-format recording",
    ".final": "a final-format recording",
    ".pcapng": "a PCAPNG capture",
}
_LINK_TYPES = {0: "null", 1: "Ethernet", 101: "raw IP", 108: "loopback", 113: "Linux cooked", 276: "Linux cooked 2"}
_RAW_LINKS = {12: 101, 14: 101, 228: 101, 229: 101}  # other numbers for "the packet starts with its IP header"


def open_container(path: str | os.PathLike[str]) -> Container:
    """How the recording at `path` is packed. Raises FormatError: unreadable, empty or of a kind that is not read."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(24)
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise FormatError(f"{path}: is a folder; name the recordings in it") from None
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from None
    if not head:
        raise FormatError(f"{path}: the file is empty")
    if head == _GPS_FILLING * len(head):
        raise FormatError(_refusal(path, _FRAMED[".gps"]))
    for magic, what, remedy in _REFUSED:
        if head.startswith(magic):
            raise FormatError(f"{path}: is {what}, which is not read yet; {remedy}")
    if head[:4] in _PCAP_MAGIC:
        if len(head) < 24:
            raise FormatError(f"{path}: the PCAP header is cut off after {len(head)} of 24 bytes")
        return Container(path, "pcap", size)
    if path.suffix.lower() in _FRAMED:
        raise FormatError(_refusal(path, _FRAMED[path.suffix.lower()]))
    return Container(path, "raw", size)


def _refusal(path: Path, what: str) -> str:
    return (
        f"{path}: looks like {what}, which is not read yet; "
        "export plain ASTERIX blocks (.ast) or a classic PCAP from the program that recorded it"
    )


def pieces(container: Container, chunk_bytes: int = CHUNK_BYTES) -> Iterator[Piece]:
    """The file in pieces of about `chunk_bytes`. Raises FormatError: it cannot be read, or an unknown PCAP link."""
    try:
        with container.path.open("rb", buffering=0) as file:
            if container.kind == "pcap":
                yield from _pcap_pieces(file, container.path, chunk_bytes)
            else:
                yield from _raw_pieces(file, chunk_bytes)
    except OSError as error:
        raise FormatError(f"{container.path}: cannot be read: {error.strerror}") from None


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


class _Window:
    """Part of a file in memory: what the reader has not used stays at the front, the rest is read behind it."""

    def __init__(self, file: BinaryIO, chunk_bytes: int, smallest: int, base: int) -> None:
        self.file, self.base = file, base
        self.room = np.empty(max(chunk_bytes, smallest) + smallest, np.uint8)
        self.chunk_bytes = max(chunk_bytes, smallest)
        self.held = 0
        self.at_end = False

    def read(self) -> NDArray[np.uint8]:
        """What was left over and up to chunk_bytes more."""
        target = min(self.held + self.chunk_bytes, len(self.room))
        while self.held < target and not self.at_end:
            got = self.file.readinto(self.room[self.held : target])  # type: ignore[attr-defined]
            self.held += got
            self.at_end = got == 0
        return self.room[: self.held]

    def use(self, count: int) -> None:
        """Drops the first `count` bytes."""
        rest = self.room[count : self.held].copy()
        self.room[: len(rest)] = rest
        self.held = len(rest)
        self.base += count


def _raw_pieces(file: BinaryIO, chunk_bytes: int) -> Iterator[Piece]:
    window = _Window(file, chunk_bytes, _LARGEST_BLOCK, 0)
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


def _pcap_pieces(file: BinaryIO, path: Path, chunk_bytes: int) -> Iterator[Piece]:
    header = file.read(24)
    order, tick_ns = _PCAP_MAGIC[header[:4]]
    link = struct.unpack(order + "I", header[20:24])[0] & 0x0FFFFFFF
    link = _RAW_LINKS.get(link, link)
    if link not in _LINK_TYPES:
        known = ", ".join(f"{number} ({name})" for number, name in _LINK_TYPES.items())
        raise FormatError(f"{path}: PCAP link type {link} is not read; there are {known}")
    window = _Window(file, chunk_bytes, _LARGEST_PACKET + PACKET_HEADER, len(header))
    while len(data := window.read()):
        size = len(data) // SMALLEST_DATAGRAM + 1
        start, stop, received_ns = (np.empty(size, np.int64) for _ in range(3))
        skips = np.zeros(N_SKIPS, np.int64)
        n, used, broken = find_datagrams(
            data, order == "<", tick_ns, link, _LARGEST_PACKET, start, stop, received_ns, skips
        )
        skipped = Counter({name: int(count) for name, count in zip(SKIPS, skips) if count})
        broken = broken or (window.at_end and used < len(data))
        if broken:
            skipped["capture cut off or damaged"] += 1
        yield Piece(data, window.base, start[:n], stop[:n], received_ns[:n], skipped)
        if broken:
            return
        window.use(used)
