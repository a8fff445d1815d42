"""What all sinks to files share: rows are collected, and the file appears whole under its name or not at all."""

from __future__ import annotations

import contextlib
import os
from abc import ABC, abstractmethod

from farwatch.picture import Picture, concat_pictures, make_picture
from farwatch.recording import NewFile

ROWS = 65_536  # collected before they are written


class FileSink(ABC):
    """A sink to one file: `write` pictures, then `close`; `abort` leaves nothing behind. Raises `FarwatchError`."""

    def __init__(self, path: str | os.PathLike[str], sensors: tuple[str, ...]) -> None:
        self.sensors = sensors
        self.file = NewFile(path)
        self.rows = 0
        self._waiting: list[Picture] = [make_picture(0)]  # so that a file without rows has its columns too
        self._waiting_rows = 0

    def write(self, picture: Picture) -> None:
        """Take in one picture."""
        if picture.n:
            self._waiting.append(picture)
            self._waiting_rows += picture.n
            self.rows += picture.n
        if self._waiting_rows >= ROWS:
            self._drain()

    def close(self) -> None:
        """Write what is left and give the file its name."""
        self._drain()
        try:
            self._finish()
            self.file.commit()
        except OSError as error:
            self.abort()
            raise self.file.failed(error) from None

    def losses(self) -> list[str]:
        """What could not be written as it is, in words."""
        return []

    def abort(self) -> None:
        """Give up: no file appears."""
        with contextlib.suppress(OSError, ValueError):
            self._finish()
        self.file.discard()

    def _drain(self) -> None:
        if not self._waiting:
            return
        picture = concat_pictures(self._waiting)
        self._waiting, self._waiting_rows = [], 0
        try:
            self._write(picture)
        except OSError as error:
            self.abort()
            raise self.file.failed(error) from None

    @abstractmethod
    def _write(self, picture: Picture) -> None:
        """Append a picture's rows; the first time there may be none."""

    @abstractmethod
    def _finish(self) -> None:
        """Flush and close the file."""
