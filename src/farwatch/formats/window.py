"""A file read in pieces of bounded size, plain or compressed (gzip, zstandard).

What is unpacked is never larger than the piece that is asked for, so an archive of any ratio costs time, not memory.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from farwatch.errors import FormatError

COMPRESSED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
CUT_OFF = "compressed data cut off or damaged"
_STEP = 1 << 16


def compression_of(head: bytes) -> str:
    """ "gzip", "zstd" or "" by the first bytes of a file."""
    return next((name for magic, name in COMPRESSED.items() if head.startswith(magic)), "")


class Unpacked:
    """The bytes of a file, unpacked where it is compressed; a damaged archive ends early and says so in `fault`."""

    def __init__(self, path: Path, compression: str) -> None:
        self.path, self.compression = path, compression
        self.fault = ""
        self._raw: BinaryIO = path.open("rb", buffering=0)
        self._stream: Any = self._raw
        self._done = 0
        self._open()

    def _open(self) -> None:
        if self.compression == "gzip":
            self._stream = gzip.GzipFile(fileobj=self._raw, mode="rb")
        elif self.compression == "zstd":
            import pyarrow as pa

            self._stream = pa.CompressedInputStream(pa.PythonFile(self._raw, "r"), "zstd")

    @property
    def position(self) -> int:
        """How many bytes of the file on disk have been read."""
        return self._raw.tell()

    def close(self) -> None:
        self._raw.close()

    def readinto(self, room: NDArray[np.uint8]) -> int:
        """Fills the start of `room`; 0 at the end. Raises OSError where the file itself cannot be read."""
        if not self.compression:
            return self._raw.readinto(room)  # type: ignore[attr-defined, no-any-return]
        if self.fault:
            return 0
        try:
            got = self._stream.read(min(len(room), _STEP))
        except (EOFError, gzip.BadGzipFile, zlib.error, OSError) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            self.fault = CUT_OFF
            got = self._last(len(room)) if self.compression == "zstd" else b""
        room[: len(got)] = np.frombuffer(got, np.uint8)
        self._done += len(got)
        return len(got)

    def _last(self, size: int) -> bytes:
        """What can still be unpacked of a damaged archive: a failed read loses what it had, so byte by byte again."""
        self._raw = self.path.open("rb", buffering=0)  # the stream that failed closes the old one
        self._open()
        got = bytearray()
        try:
            left = self._done
            while left:
                left -= len(self._stream.read(min(left, _STEP)))
            while len(got) < size and (one := self._stream.read(1)):
                got += one
        except OSError:
            pass
        return bytes(got)


def first_bytes(path: Path, size: int) -> tuple[bytes, str]:
    """(the first `size` bytes of a file, unpacked; how it is compressed). Raises FormatError: it cannot be read."""
    try:
        with path.open("rb") as file:
            compression = compression_of(file.read(4))
        source = Unpacked(path, compression)
        try:
            room, held = np.empty(size, np.uint8), 0
            while held < size and (got := source.readinto(room[held:])):
                held += got
        finally:
            source.close()
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise FormatError(f"{path}: is a folder; name the recordings in it") from None
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from None
    return room[:held].tobytes(), compression


class Window:
    """Part of a file in memory: what the reader has not used stays at the front, the rest is read behind it."""

    def __init__(self, file: Unpacked, chunk_bytes: int, smallest: int) -> None:
        self.file, self.base = file, 0
        self.room = np.empty(max(chunk_bytes, smallest) + smallest, np.uint8)
        self.chunk_bytes = max(chunk_bytes, smallest)
        self.held = 0
        self.at_end = False

    def read(self) -> NDArray[np.uint8]:
        """What was left over and up to chunk_bytes more."""
        target = min(self.held + self.chunk_bytes, len(self.room))
        while self.held < target and not self.at_end:
            got = self.file.readinto(self.room[self.held : target])
            self.held += got
            self.at_end = got == 0
        return self.room[: self.held]

    def use(self, count: int) -> None:
        """Drops the first `count` bytes, those that have not been read yet included."""
        self.base += count
        while count > self.held and not self.at_end:
            count -= self.held
            self.held = 0
            self.read()
        rest = self.room[min(count, self.held) : self.held].copy()
        self.room[: len(rest)] = rest
        self.held = len(rest)
