"""What to write where: the given columns in the order in which a record of one edition holds them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.errors import FormatError
from farwatch.formats.asterix import table as tables
from farwatch.formats.asterix.table import Field, Table

Ints = NDArray[np.int64]

# Columns of `leaves`: an item, or a subfield of a compound one.
KIND = 0
BIT = 1  # in the record's FSPEC
COMPOUND = 2  # number of the compound that it is in, -1: none
SUB_BIT = 3  # in that compound's FSPEC
SIZE = 4  # bytes of a fixed item, of the first part of an extended one, of one repetition
FIRST_COLUMN = 5  # its rows of `numbers`
LAST_COLUMN = 6
REPEATED = 7  # number of the repeated item; -1: its numbers are columns
BYTE = 8  # of the record's FSPEC that names it, and the bit in that
FLAG = 9
SUB_BYTE = 10  # the same in its compound's FSPEC
SUB_FLAG = 11
# Columns of `numbers`.
START = 0  # first bit in the item or repetition
BITS = 1
LAST_FX = 2  # extensions that must be there
MASK = 3  # its bits, lowest
SHIFT = 4  # where they lie in a fixed item of up to WORD bytes that is taken as one number
WORD = 8


class Plan(NamedTuple):
    """How records with certain columns are written."""

    leaves: Ints  # (leaves, 12)
    numbers: Ints  # (columns, then the numbers of a repetition of each repeated item; 5)
    width: tuple[int, int]  # items a byte of the FSPEC stands for: 7, or 8 where its bytes (second) are fixed
    compounds: int
    longest: int  # bytes of a record at most, without its repetitions
    fields: tuple[Field, ...]  # of each column, in the order given
    places: tuple[int, ...]  # of each column in `values`
    repeated_kinds: tuple[int, ...]
    repeated_fields: tuple[tuple[Field, ...], ...]  # numbers of one repetition
    repetition_bytes: tuple[int, ...]


@lru_cache(maxsize=64)
def make_plan(table: Table, columns: tuple[str, ...], repeated: tuple[str, ...], profile: int = 0) -> Plan:
    """The plan for columns and repeated items by their paths; `profile` is the record's layout where there are several.

    Raises FormatError: the edition, or the layout, has no such item.
    """
    program = table.program
    fields = tuple(table.field(path) for path in columns)
    repetitions = [table.repetition(path) for path in repeated]
    of_slot: dict[int, list[int]] = {}
    for k, field in enumerate(fields):
        of_slot.setdefault(field.row[0], []).append(k)
    number_of = {slot: k for k, (slot, _) in enumerate(repetitions)}
    first, count, _, longest_fspec, width = (int(value) for value in program.profiles[profile])
    leaves: list[list[int]] = []
    ordered: list[int] = []
    rows_of_repetition = len(fields)
    compounds, longest = 0, longest_fspec
    order = _in_order(table, first, count)
    held = {slot for _, _, _, slot in order}
    for path, slot in zip((*columns, *repeated), [*(field.row[0] for field in fields), *number_of]):
        if slot not in held:
            raise FormatError(f"CAT{table.category:03d}: a record of this layout has no item {path!r}")
    for bit, compound, sub_bit, slot in order:
        mine = of_slot.get(slot, [])
        if compound >= 0:
            compounds = max(compounds, compound + 1)
        kind, size, listed, parts = (
            int(program.slots[slot, k]) for k in (tables.KIND, tables.SIZE, tables.FIRST, tables.COUNT)
        )
        if mine:
            size = int(program.lists[listed]) if kind == tables.EXTENDED else size
            leaves.append([kind, bit, compound, sub_bit, size, len(ordered), len(ordered) + len(mine), -1])
            ordered += mine
            longest += size + (parts if kind == tables.EXTENDED else 0) + 8  # 8: room for a compound's own FSPEC
        elif slot in number_of:
            k = number_of[slot]
            before = sum(len(inner) for _, inner in repetitions[:k])
            start = rows_of_repetition + before
            size = 1 if kind == tables.EXPLICIT else size
            leaves.append([kind, bit, compound, sub_bit, size, start, start + len(repetitions[k][1]), k])
            longest += 8
    numbers = [fields[k].row for k in ordered] + [field.row for _, inner in repetitions for field in inner]
    places = [0] * len(fields)
    for place, k in enumerate(ordered):
        places[k] = place
    kinds = [int(program.slots[slot, tables.KIND]) for slot, _ in repetitions]
    sizes = [
        1 if kind == tables.EXPLICIT else int(program.slots[slot, tables.SIZE])
        for kind, (slot, _) in zip(kinds, repetitions)
    ]
    for leaf in leaves:
        bit, sub_bit = leaf[BIT], max(leaf[SUB_BIT], 0)
        leaf += [bit // width, 128 >> bit % width, sub_bit // 7, 128 >> sub_bit % 7]
    return Plan(
        np.array(leaves, np.int64).reshape(-1, 12),
        np.array([_number(row, int(program.slots[row[0], tables.SIZE])) for row in numbers], np.int64).reshape(-1, 5),
        (width, longest_fspec),
        compounds,
        longest,
        fields,
        tuple(places),
        tuple(kinds),
        tuple(tuple(inner) for _, inner in repetitions),
        tuple(sizes),
    )


def _number(row: tuple[int, int, int, int, int, int], item_bytes: int) -> tuple[int, int, int, int, int]:
    """A row of `numbers` for a field of an item of so many bytes."""
    _, _, last_fx, bit, size, _ = row
    return bit, size, last_fx, (1 << min(size, 63)) - 1, max(item_bytes * 8 - bit - size, 0)


def _in_order(table: Table, first: int, count: int) -> list[tuple[int, int, int, int]]:
    """(bit of the FSPEC, number of its compound or -1, bit in that, slot) of everything that holds numbers."""
    program = table.program
    found, compound = [], -1
    for bit, slot in enumerate(program.lists[first : first + count].tolist()):
        if slot < 0:  # undefined, or a random field sequence
            continue
        if program.slots[slot, tables.KIND] != tables.COMPOUND:
            found.append((bit, -1, -1, slot))
            continue
        compound += 1
        start, subfields = int(program.slots[slot, tables.FIRST]), int(program.slots[slot, tables.COUNT])
        for sub_bit, sub in enumerate(program.lists[start : start + subfields].tolist()):
            if sub >= 0:
                found.append((bit, compound, sub_bit, sub))
    return found
