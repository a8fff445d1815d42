"""Segments: the files of a journal. A header, then frames of length, checksum and content; a torn tail is told."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from farwatch.errors import FormatError

JOURNAL_VERSION = 1
MAGIC = b"FWJRNL\r\n"
HEADER = struct.Struct("<8sII")  # magic, version, reserved
FRAME = struct.Struct("<II")  # length of the content, CRC-32 of the length and the content
LARGEST_FRAME = 1 << 30
SUFFIX = ".fwj"


class Frame(NamedTuple):
    """One frame and where it ends in its file."""

    content: bytes
    end: int


def segment_name(number: int) -> str:
    """File name of a segment; names sort as numbers."""
    return f"{number:08d}{SUFFIX}"


def segments_of(folder: Path) -> list[tuple[int, Path]]:
    """The segments in a folder, in order."""
    found = [(int(path.stem), path) for path in folder.glob(f"*{SUFFIX}") if path.stem.isdecimal()]
    return sorted(found)


def header() -> bytes:
    """The first bytes of a segment."""
    return HEADER.pack(MAGIC, JOURNAL_VERSION, 0)


def framed(content: bytes) -> bytes:
    """A frame's bytes."""
    return FRAME.pack(len(content), checksum(content)) + content


def checksum(content: bytes) -> int:
    """CRC-32 of the length and the content."""
    return zlib.crc32(content, zlib.crc32(len(content).to_bytes(4, "little")))


def scan_frames(path: Path, offset: int = 0) -> Iterator[Frame]:
    """The whole frames from `offset` on, until the end of the file or the first that is not whole.

    Raises `FormatError` for a file that is no segment or of another version. A file that was cut within its header has
    no frames.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEADER.size)
            if len(head) < HEADER.size and MAGIC.startswith(head[: len(MAGIC)]):
                return
            magic, version, _ = HEADER.unpack(head) if len(head) == HEADER.size else (head, 0, 0)
            if magic != MAGIC:
                raise FormatError(f"{path}: is no segment of a journal")
            if version != JOURNAL_VERSION:
                raise FormatError(f"{path}: journal of version {version}; this farwatch reads {JOURNAL_VERSION}")
            end = max(offset, HEADER.size)
            file.seek(end)
            while len(lead := file.read(FRAME.size)) == FRAME.size:
                length, given = FRAME.unpack(lead)
                if length > LARGEST_FRAME:
                    return
                content = file.read(length)
                if len(content) < length or checksum(content) != given:
                    return
                end += FRAME.size + length
                yield Frame(content, end)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from None


def whole_bytes(path: Path) -> int:
    """How many bytes of a segment are whole: behind them nothing is to be trusted."""
    end = 0
    if path.stat().st_size >= HEADER.size:
        end = HEADER.size
    for frame in scan_frames(path):
        end = frame.end
    return end
