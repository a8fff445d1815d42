"""What every kind of output has in common: files that take their names together, at the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from pathlib import Path
from typing import Any

from farwatch.formats.asterix.arrow import chosen_schema, record_batch
from farwatch.formats.asterix.sequence import Records
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.asterix.table import Table
from farwatch.recording import NewFile


class Writer(ABC):
    """Takes records; `finish` gives the files their names, `discard` removes what has none yet."""

    needs_columns = False  # True: `columns` must say beforehand which columns each table has

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: Counter[str] = Counter()  # what the output cannot hold, by reason
        self.columns: dict[Table, frozenset[str]] | None = None  # None: all

    @abstractmethod
    def write(self, records: Records, statistics: Statistics) -> None:
        """Adds a batch."""

    @abstractmethod
    def finish(self) -> list[Path]:
        """Completes the files and returns their paths."""

    @abstractmethod
    def discard(self) -> None:
        """Removes unfinished files."""


class OneFile(Writer):
    """Everything in one file, opened for bytes as `self.out`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.file = NewFile(path)
        try:
            self.out = self.file.part.open("wb")
        except OSError as error:
            raise self.file.failed(error) from None

    def put(self, content: bytes) -> None:
        """Writes bytes."""
        try:
            self.out.write(content)
        except OSError as error:
            raise self.file.failed(error) from None

    def finish(self) -> list[Path]:
        try:
            self.out.close()
            self.file.commit()
        except OSError as error:
            raise self.file.failed(error) from None
        return [self.path]

    def discard(self) -> None:
        try:
            self.out.close()
        except OSError as error:
            raise self.file.failed(error) from None
        finally:
            self.file.discard()


class PerCategory(Writer):
    """A table of its own for each category, and for each edition where a category has several."""

    needs_columns = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.files: dict[Table, tuple[NewFile, Any]] = {}
        NewFile(path)  # the folder is there, before anything is read

    @abstractmethod
    def open(self, schema: Any, path: Path) -> Any:
        """A new table of an Arrow schema."""

    @abstractmethod
    def add(self, sink: Any, batch: Any) -> None:
        """Adds a record batch to a table."""

    @abstractmethod
    def close(self, sink: Any) -> None:
        """Completes a table; closing twice does nothing."""

    def write(self, records: Records, statistics: Statistics) -> None:
        table = records.table
        if table not in self.files:
            name = f"{self.path.stem}.cat{table.category:03d}ed{table.edition}{self.path.suffix}"
            file = NewFile(self.path.with_name(name))
            try:
                self.files[table] = file, self.open(chosen_schema(table, self._only(table)), file.part)
            except OSError as error:
                raise file.failed(error) from None
        file, sink = self.files[table]
        try:
            self.add(sink, record_batch(records, statistics, self._only(table)))
        except OSError as error:
            raise file.failed(error) from None

    def _only(self, table: Table) -> frozenset[str] | None:
        return None if self.columns is None else self.columns.get(table, frozenset())

    def finish(self) -> list[Path]:
        for file, sink in self.files.values():
            try:
                self.close(sink)
            except OSError as error:
                raise file.failed(error) from None
        editions = Counter(table.category for table in self.files)
        paths = []
        for table, (file, _) in sorted(self.files.items(), key=lambda entry: (entry[0].category, entry[0].edition)):
            edition = f"ed{table.edition}" if editions[table.category] > 1 else ""
            named = self.path.with_name(f"{self.path.stem}.cat{table.category:03d}{edition}{self.path.suffix}")
            file.path = self.path if len(self.files) == 1 else named
            file.commit()
            paths.append(file.path)
        return paths

    def discard(self) -> None:
        for file, sink in self.files.values():
            try:
                self.close(sink)
            except OSError:
                continue  # said before, or there is nothing to keep
            finally:
                file.discard()
