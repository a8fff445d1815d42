"""Random records of any category and edition, for what is encoded here and read by others."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

import reference_asterix as ref
from farwatch.errors import FormatError
from farwatch.formats.asterix.blocks import pack
from farwatch.formats.asterix.encode import Encoded, Repeated, encode
from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.records import batches, blocks_of, numbers
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.asterix.table import Field, Table
from farwatch.formats.containers import NO_TIME, Piece

Item = dict[str, Field]


class Made(NamedTuple):
    """Records as they were drawn: each item's numbers, None where the item is not there, by record."""

    table: Table
    columns: dict[str, np.ndarray]
    repeated: dict[str, Repeated]

    def __repr__(self) -> str:
        columns = {path: column.tolist() for path, column in self.columns.items()}
        repeated = {path: (item.first.tolist(), item.values.tolist()) for path, item in self.repeated.items()}
        return f"CAT{self.table.category:03d} {self.table.edition}: {columns} {repeated}"

    def encode(self) -> Encoded:
        return encode(self.table, self.columns, self.repeated)


def numbered_items(table: Table) -> dict[str, Item]:
    """Items and subfields that hold single numbers, each with its fields by path."""
    found: dict[str, Item] = {}
    for path, slot in table.slots.items():
        item = table._items[slot]
        if item.kind in ("fixed", "extended") and all(field.size <= 63 for field in item.fields):
            paths = [f"{path}/{field.path}".rstrip("/") for field in item.fields]
            found[path] = {name: table.field(name) for name in paths}
    return found


def repeated_items(table: Table) -> dict[str, list[Field]]:
    """Items and subfields that repeat or are explicit, with the numbers of one repetition."""
    found = {}
    for path in table.slots:
        try:
            found[path] = table.repetition(path)[1]
        except FormatError:
            continue
    return found


def limits(field: Field) -> tuple[int, int]:
    """The least and the greatest step of a field."""
    size, signed = field.row[4], field.row[5]
    return (-(1 << (size - 1)), (1 << (size - 1)) - 1) if signed else (0, (1 << size) - 1)


def number(field: Field) -> st.SearchStrategy[int]:
    low, high = limits(field)
    high = min(high, (1 << 63) - 1)
    low = max(low, ABSENT + 1)
    return st.sampled_from([low, high, 0]) | st.integers(low, high)


def chooser(table: Table, profile: int) -> dict[str, int]:
    """The number that says which layout records have, and its value; nothing where there is one only."""
    slot, bit, size, *chosen = table.program.choice.tolist()
    if slot < 0:
        return {}
    fields = {path: field for item in numbered_items(table).values() for path, field in item.items()}
    (path,) = [path for path, field in fields.items() if (field.row[0], *field.row[3:5]) == (slot, bit, size)]
    return {path: chosen.index(profile)}


def items_of(table: Table, profile: int) -> set[str]:
    """The items and subfields of one layout."""
    first, count = table.program.profiles[profile, :2].tolist()
    slots = set(table.program.lists[first : first + count].tolist())
    return {path for path in table.slots if table.slots[path.split("/")[0]] in slots}


@st.composite
def records(draw: st.DrawFn, table: Table, most: int = 4) -> Made:
    """A few records with the same items to choose from, each of them with some."""
    n = draw(st.integers(1, most))
    profile = draw(st.integers(0, len(table.program.profiles) - 1))
    held = items_of(table, profile)
    items = {path: fields for path, fields in numbered_items(table).items() if path in held}
    repeats = {path: fields for path, fields in repeated_items(table).items() if path in held}
    chosen = draw(st.lists(st.sampled_from(sorted(items)), max_size=12, unique=True))
    columns: dict[str, Any] = {}
    for path in chosen:
        there = draw(st.lists(st.booleans(), min_size=n, max_size=n))
        names = sorted(items[path])
        given = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        for name in given:
            column = [draw(number(items[path][name])) if present else ABSENT for present in there]
            columns[name] = np.array(column, np.int64)
    repeated = {}
    wanted = draw(st.lists(st.sampled_from(sorted(repeats)), max_size=3, unique=True)) if repeats else []
    for path in wanted:
        counts = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
        rows = [[draw(number(field)) for field in repeats[path]] for _ in range(sum(counts))]
        values = np.array(rows, np.int64).reshape(-1, len(repeats[path]))
        repeated[path] = Repeated(np.concatenate([[0], np.cumsum(counts)]), values)
    if not columns and not repeated:
        name = sorted(items)[0]
        columns = {path: np.zeros(n, np.int64) for path in items[name]}
    columns |= {path: np.full(n, value) for path, value in chooser(table, profile).items()}
    return Made(table, columns, repeated)


def expected_numbers(made: Made, record: int) -> dict[str, int]:
    """Every number that a record must hold, by path: those given, and 0 for the others of an item that is there."""
    numbers: dict[str, int] = {}
    for fields in numbered_items(made.table).values():
        given = {
            name: int(made.columns[name][record])
            for name in fields
            if name in made.columns and made.columns[name][record] != ABSENT
        }
        if given:
            reach = max(fields[name].row[2] for name in given)
            numbers |= {name: given.get(name, 0) for name, field in fields.items() if field.row[2] <= reach}
    return numbers


def read_back(table: Table, encoded: Encoded, paths: list[str]) -> np.ndarray:
    """(n, paths) the numbers of encoded records as our decoder reads them."""
    data = pack(table.category, encoded).data
    one = np.zeros(1, np.int64)
    piece = Piece(data, 0, one, one + len(data), one + NO_TIME, Counter())
    statistics = Statistics()
    found = [
        numbers(piece, batch, [table.field(path) for path in paths])
        for batch in batches(piece, blocks_of(piece, statistics), table, statistics)
    ]
    assert not statistics.errors
    return np.concatenate(found)


def read_by_libasterix(category: int, edition: str, records: Encoded) -> list[dict[str, int]]:
    """Every number of every record as libasterix reads it, its bytes compared."""
    found = []
    for of_category, content in ref.blocks_of_bytes(pack(category, records).data.tobytes()):
        assert of_category == category
        parsed = ref.libasterix_records(ref.libasterix_edition(category, edition), content)
        assert parsed
        for start, stop, record in parsed:
            assert record.unparse().to_bytes() == content[start:stop]
            found.append(
                {
                    f"{name}/{path}".rstrip("/"): value
                    for name, item in record.items_regular.items()
                    for path, value in ref.flatten(item).items()
                }
            )
    return found
