"""Reads a journal: its folder holds the segments of one unbroken run of inputs, from a fresh start on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from farwatch.errors import FormatError
from farwatch.journal.entries import Datagrams, Entry, decode_group
from farwatch.journal.segments import scan_frames, segments_of, whole_bytes


class Position(NamedTuple):
    """A place between two frames: number of the segment, and bytes from its start (0: its first frame)."""

    segment: int = 0
    offset: int = 0


class Head(msgspec.Struct, frozen=True):
    """What the first frame of each segment says of the whole journal, and the first input that follows."""

    session: str
    sensors: tuple[str, ...]
    slice_ns: int
    wait_ns: int
    patience_ns: int
    flat: bool = False
    mode: str = "live"
    epoch: int = 0
    first_sequence: int = 0
    began_ns: int = 0
    scenario: str = ""


class Journal:
    """The entries of a journal's folder. `torn` says in words what was cut off or missing, once it has been read.

    Raises `FormatError` for a folder that holds no journal.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = journal_folder(Path(folder))
        self.torn: list[str] = []
        self._files = segments_of(self.folder)
        self.head = self._first_head()

    @property
    def bytes(self) -> int:
        """Size of all segments."""
        return sum(path.stat().st_size for _, path in self._files if path.exists())

    def _first_head(self) -> Head:
        for _, path in self._files:
            for frame in scan_frames(path):
                return _head(frame.content, path)
        raise FormatError(f"{self.folder}: the journal is empty: nothing was recorded in it")

    def entries(self, since: Position | None = None) -> Iterator[tuple[Entry, Position]]:
        """All entries from a position on, each with the position behind the frame that it came in."""
        for entries, position in self.groups(since):
            for entry in entries:
                yield entry, position

    def groups(self, since: Position | None = None) -> Iterator[tuple[list[Entry], Position]]:
        """The same, frame by frame; a gap in the numbers of the inputs is noted in `torn`."""
        since = since or Position()
        self.torn = []
        expected: int | None = None
        for number, path in self._files:
            if number < since.segment:
                continue
            end = since.offset if number == since.segment else 0
            for frame in scan_frames(path, end):
                first, end = end == 0, frame.end
                if first:
                    head = _head(frame.content, path)
                    expected = head.first_sequence if expected is None else expected
                    continue
                entries = decode_group(frame.content)
                for entry in entries:
                    if isinstance(entry, Datagrams):
                        continue
                    if expected is not None and entry.sequence > expected:
                        self.torn.append(f"{path}: {entry.sequence - expected} inputs were not recorded before this")
                    expected = entry.sequence + 1
                yield entries, Position(number, end)
            size = path.stat().st_size
            if size > max(end, 0):
                self.torn.append(f"{path}: {size - end} bytes at its end are of no whole frame: left out")


def is_journal(path: str | os.PathLike[str]) -> bool:
    """True for a folder that holds the segments of a journal, or of several."""
    folder = Path(path)
    return folder.is_dir() and (bool(segments_of(folder)) or bool(_sessions(folder)))


def journal_folder(path: Path) -> Path:
    """The folder with the segments: `path`, or the only one in it; raises `FormatError`."""
    if segments_of(path):
        return path
    sessions = _sessions(path) if path.is_dir() else []
    if len(sessions) == 1:
        return sessions[0]
    if sessions:
        names = ", ".join(str(folder) for folder in sessions[-8:])
        raise FormatError(f"{path}: holds {len(sessions)} journals; give one of them: {names}")
    raise FormatError(f"{path}: holds no journal (no *.fwj)")


def _sessions(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.is_dir() and segments_of(one))


def end_of(folder: Path) -> Position:
    """The position behind the last whole frame of a folder with segments."""
    number, path = segments_of(folder)[-1]
    return Position(number, whole_bytes(path))


def _head(content: bytes, path: Path) -> Head:
    try:
        return msgspec.msgpack.decode(content, type=Head)
    except msgspec.DecodeError as error:
        raise FormatError(f"{path}: the head of the segment cannot be read ({error})") from None
