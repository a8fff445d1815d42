"""Checkpoints: the whole state of tracker, merge and outputs in a file, so that a killed service goes on where it was.

A file is whole or refused: magic, version, length and checksum stand before what was packed. It is written beside its
name, brought to the disk and then renamed; the last few are kept.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from farwatch.errors import FarwatchError
from farwatch.tracker.tracker import packed_state

CHECKPOINT_VERSION = 1
MAGIC = b"FWCHKP\r\n"
_HEADER = struct.Struct("<8sIIQQ")  # magic, version, CRC-32, length packed, length unpacked
_MOST_BYTES = 16 << 30
SUFFIX = ".fwc"


class Checkpoint(msgspec.Struct):
    """What a service must know to go on.

    `sequence` is the number of the last input that is in the state; those behind it stand in the journal from
    `position` on, and in a recording behind as many chunks.
    """

    scenario: str  # digest of sensors, tracker and frame
    session: str
    epoch: int
    sequence: int
    source: str
    position: tuple[int, int]
    until_ns: int
    next_plot_id: int
    tracker: bytes
    merge: bytes
    outputs: bytes
    done: bool = False
    shed: int = 0
    taken: int = 0


class Draft(NamedTuple):
    """A checkpoint whose tracker is not packed yet."""

    checkpoint: Checkpoint
    state: dict[str, Any]

    def finished(self) -> Checkpoint:
        """The checkpoint, packed: takes a while, in whatever thread."""
        return msgspec.structs.replace(self.checkpoint, tracker=packed_state(self.state))


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    """A checkpoint as the bytes of its file."""
    plain = msgspec.msgpack.encode(checkpoint)
    data = pa.Codec("zstd", 1).compress(plain, asbytes=True)
    return _HEADER.pack(MAGIC, CHECKPOINT_VERSION, _checksum(data, len(plain)), len(data), len(plain)) + bytes(data)


def _checksum(data: bytes, size: int) -> int:
    return zlib.crc32(data, zlib.crc32(size.to_bytes(8, "little")))


def decode_checkpoint(data: bytes, where: str) -> Checkpoint:
    """The checkpoint out of the bytes of a file; raises `FarwatchError` that says what is wrong with them."""
    if len(data) < _HEADER.size:
        raise FarwatchError(f"{where}: checkpoint cut off after {len(data)} bytes")
    magic, version, checksum, length, size = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise FarwatchError(f"{where}: is no checkpoint")
    if version != CHECKPOINT_VERSION:
        raise FarwatchError(f"{where}: checkpoint of version {version}; this farwatch reads {CHECKPOINT_VERSION}")
    content = data[_HEADER.size :]
    if len(content) != length or size > _MOST_BYTES:
        raise FarwatchError(f"{where}: checkpoint cut off: {len(content)} of {length} bytes")
    if _checksum(content, size) != checksum:
        raise FarwatchError(f"{where}: checkpoint damaged: its checksum is wrong")
    try:
        return msgspec.msgpack.decode(pa.Codec("zstd").decompress(content, size, asbytes=True), type=Checkpoint)
    except (msgspec.DecodeError, pa.ArrowException, OSError) as error:
        raise FarwatchError(f"{where}: checkpoint cannot be read ({error})") from None


def checkpoints_of(folder: Path) -> list[Path]:
    """The checkpoints in a folder, newest first."""
    return sorted((one for one in folder.glob(f"*{SUFFIX}") if one.stem.isdecimal()), reverse=True)


def newest_checkpoint(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest checkpoint that can be read, and why newer ones cannot."""
    refused: list[str] = []
    for path in checkpoints_of(folder):
        try:
            return decode_checkpoint(path.read_bytes(), str(path)), refused
        except FarwatchError as error:
            refused.append(f"{error}; the one before is used")
        except OSError as error:
            refused.append(f"{path}: cannot be read ({error.strerror}); the one before is used")
    return None, refused


class CheckpointWriter:
    """Packs and writes checkpoints in a thread of its own; where one is still being written, the next is left out.

    `written_ns` is the data time of the last one that is on the disk, `failure` why there is none newer. `before` is
    called with the number of a checkpoint's last input, and returns when the journal has it: so the journal never lacks
    what a checkpoint holds.
    """

    def __init__(self, folder: Path, keep: int, before: Callable[[int], object]) -> None:
        self.folder = folder
        self.written_ns = 0
        self.failure = ""
        self.count = 0
        self._keep = keep
        self._before = before
        self._number = max((int(path.stem) for path in checkpoints_of(folder)), default=0)
        self._change = threading.Condition()
        self._draft: Draft | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """True while one is being written."""
        return self._draft is not None

    def offer(self, draft: Draft, wait: bool = False) -> bool:
        """Have it written, unless one still is; with `wait`, after that one. Returns whether it will be."""
        with self._change:
            if wait:
                self._change.wait_for(lambda: self._draft is None, 30.0)
            if self._draft is not None or self._closing:
                return False
            self._draft = draft
            self._change.notify_all()
        return True

    def close(self, patience_s: float = 30.0) -> None:
        """Write what was offered, and end."""
        with self._change:
            self._closing = True
            self._change.notify_all()
        self._thread.join(patience_s)

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._draft is not None or self._closing)
                draft = self._draft
            if draft is None:
                return
            try:
                checkpoint = draft.finished()
                self._before(checkpoint.sequence)
                self._number = write_checkpoint(self.folder, self._number + 1, checkpoint, self._keep)
                self.written_ns, self.failure = checkpoint.until_ns, ""
                self.count += 1
            except OSError as error:
                self.failure = f"{self.folder}: no checkpoint could be written ({error.strerror or error})"
            finally:
                with self._change:
                    self._draft = None
                    self._change.notify_all()


def write_checkpoint(folder: Path, number: int, checkpoint: Checkpoint, keep: int) -> int:
    """Write a checkpoint under its number, and delete all but the newest `keep`; raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number:012d}{SUFFIX}"
    beside = path.with_suffix(".part")
    try:
        with beside.open("wb") as file:
            file.write(encode_checkpoint(checkpoint))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    for old in checkpoints_of(folder)[keep:]:
        old.unlink(missing_ok=True)
    return number
