"""Item tables of the ASTERIX categories, compiled into the flat integer arrays that the decoder walks.

The tables (one JSON file a category, every edition in it) are generated; see `scripts/make_asterix_tables.py`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from farwatch.errors import FormatError

_FOLDER = Path(__file__).parent / "tables"

FIXED, EXTENDED, REPETITIVE, REPETITIVE_FX, EXPLICIT, COMPOUND = range(6)
_KINDS = {
    "fixed": FIXED,
    "extended": EXTENDED,
    "repetitive": REPETITIVE,
    "repetitive_fx": REPETITIVE_FX,
    "explicit": EXPLICIT,
    "compound": COMPOUND,
}
UNDEFINED, RANDOM_SEQUENCE = -1, -2  # in a profile: a bit that stands for no item; a random field sequence

Ints32 = NDArray[np.int32]


class _Field(msgspec.Struct, array_like=True, frozen=True):
    path: str
    bit: int
    size: int
    signed: int
    lsb: float | None
    unit: str
    depends: Any = None


class _Item(msgspec.Struct, frozen=True):
    kind: str
    title: str = ""
    bytes: int = 0
    parts: list[int] = []
    open_end: bool = False
    fields: list[_Field] = []
    fspec_bytes: int = 0
    subfields: list[str | None] = []
    items: dict[str, _Item] = {}


class _Edition(msgspec.Struct, frozen=True):
    profiles: dict[str, list[str | None]]
    fspec_bytes: dict[str, int]
    select: tuple[str, dict[str, str]] | None
    items: dict[str, int]


class _Expansion(msgspec.Struct, frozen=True):
    presence_bytes: int
    subfields: list[str | None]
    items: dict[str, int]


class _Category(msgspec.Struct, frozen=True):
    category: int
    pool: list[_Item]
    editions: dict[str, _Edition]
    expansions: dict[str, _Expansion]


class Program(NamedTuple):
    """One edition as flat arrays; a slot is an item or a subfield of a compound item.

    A handful of arrays, because a kernel pays for every array that it hands to another.
    """

    slots: Ints32  # (slots, 5) KIND, SIZE, FIRST, COUNT, OPEN_END of each, as below
    lists: Ints32  # bytes of the parts of extended items; slot of each FSPEC bit, or UNDEFINED or RANDOM_SEQUENCE
    profiles: Ints32  # (profiles, 5) where its bits start in `lists`, how many, bytes of its longest FSPEC and of any;
    # 8 where every bit of a presence field stands for an item (an expansion), 7 where one of eight continues it
    choice: Ints32  # slot (-1: one profile only), bit and size of the field that chooses; then profile by its value


KIND = 0  # FIXED .. COMPOUND
SIZE = 1  # bytes of a fixed item or of one repetition; largest FSPEC of a compound
FIRST = 2  # where its parts or subfields start in `lists`
COUNT = 3  # how many there are
OPEN_END = 4  # 1: the last part of an extended item has no extension bit


class Field(NamedTuple):
    """Where a number lies in an item: `row` for the kernels, and what one step of it is worth."""

    row: tuple[int, int, int, int, int, int]  # slot, first extension byte, extension bytes, bit, size, signed
    lsb: float | None
    unit: str


ABSENT_FIELD = Field((-1, 0, 0, 0, 0, 0), None, "")


@dataclass(frozen=True, eq=False)
class Table:
    """One category in one edition; there is one object of each."""

    category: int
    edition: str
    program: Program
    slots: dict[str, int]  # "130" and "130/SAM"
    titles: dict[str, str]
    _items: dict[int, _Item]

    def item(self, slot: int) -> _Item:
        """The definition of an item or subfield."""
        return self._items[slot]

    def extension(self, slot: int, bit: int) -> tuple[int, int]:
        """(first extension byte, how many must have their bit set) before the field at `bit` of an item is there."""
        return _extension(self._items[slot], bit)

    def slot(self, path: str) -> int:
        """The slot of an item or subfield such as "040" or "130/SAM". Raises FormatError: none of that name."""
        if path not in self.slots:
            raise FormatError(
                f"CAT{self.category:03d} edition {self.edition} has no item {path!r}{_near(path, self.slots)}"
            )
        return self.slots[path]

    def field(self, path: str) -> Field:
        """The number at a path such as "161", "040/RHO" or "130/SAM". Raises FormatError: no such single number."""
        item_path = self._holder(path)
        rest = path[len(item_path) + 1 :]
        if not item_path:
            raise FormatError(
                f"CAT{self.category:03d} edition {self.edition} has no item {path!r}{_near(path, self.slots)}"
            )
        slot = self.slots[item_path]
        item = self._items[slot]
        if item.kind not in ("fixed", "extended"):
            raise FormatError(f"CAT{self.category:03d} {path} is {item.kind}: it holds no single number")
        by_name = {field.path: field for field in item.fields}
        if rest == "" and "" not in by_name and len(by_name) == 1:
            rest = item.fields[0].path
        if rest not in by_name:
            known = ", ".join(by_name)
            raise FormatError(f"CAT{self.category:03d} edition {self.edition} {path!r} is no field; there are: {known}")
        field = by_name[rest]
        if field.size > 63:
            raise FormatError(f"CAT{self.category:03d} {path} is {field.size} bits wide: more than a number holds")
        first_fx, n_fx = _extension(item, field.bit)
        return Field((slot, first_fx, n_fx, field.bit, field.size, field.signed), field.lsb, field.unit)

    def repetition(self, path: str) -> tuple[int, list[Field]]:
        """(slot, numbers of one repetition) of a repetitive item; the one number of an explicit item is a byte.

        Raises FormatError: no such item, not one of that kind, or numbers wider than 64 bits.
        """
        slot = self.slot(path)
        item = self._items[slot]
        if item.kind == "explicit":
            return slot, [Field((slot, 0, 0, 0, 8, 0), None, "")]
        if item.kind not in ("repetitive", "repetitive_fx"):
            raise FormatError(f"CAT{self.category:03d} {path} is {item.kind}: it does not repeat")
        if any(field.size > 64 or (field.size == 64 and field.bit % 8) for field in item.fields):
            raise FormatError(f"CAT{self.category:03d} {path} holds more than numbers of 64 bits")
        return slot, [
            Field((slot, 0, 0, field.bit, field.size, field.signed), field.lsb, field.unit) for field in item.fields
        ]

    def has(self, path: str) -> bool:
        """True where this edition has a single number at that path."""
        return self.optional(path) is not ABSENT_FIELD

    def optional(self, path: str) -> Field:
        """The same, or ABSENT_FIELD where this edition has no such field."""
        return _optional(self, path)

    def _holder(self, path: str) -> str:
        """The path of the item or subfield that holds the number at `path`, "" where there is none."""
        found = next((known for known in _prefixes(path) if known in self.slots), "")
        within_compound = found and found != path and self._items[self.slots[found]].kind == "compound"
        return "" if within_compound else found


@cache
def _optional(table: Table, path: str) -> Field:
    if not table._holder(path):  # the error would look for names that are like it
        return ABSENT_FIELD
    try:
        return table.field(path)
    except FormatError:
        return ABSENT_FIELD


def _prefixes(path: str) -> list[str]:
    steps = path.split("/")
    return ["/".join(steps[:n]) for n in range(len(steps), 0, -1)]


def _near(name: str, names: Any) -> str:
    close = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; it has: {', '.join(names)}"


def _extension(item: _Item, bit: int) -> tuple[int, int]:
    """(first extension byte, how many must have their bit set) before a field of an extended item is there."""
    if item.kind != "extended":
        return 0, 0
    end = part = 0
    while True:
        end += item.parts[part]
        if bit < end * 8:
            return item.parts[0] - 1, part
        part += 1


def categories() -> list[int]:
    """The categories that there are tables for."""
    return sorted(int(path.stem[3:]) for path in _FOLDER.glob("cat*.json"))


@cache
def _load(category: int) -> _Category:
    path = _FOLDER / f"cat{category:03d}.json"
    if not path.exists():
        known = ", ".join(f"{number:03d}" for number in categories())
        raise FormatError(f"no table for ASTERIX category {category:03d}; there are tables for {known}")
    return msgspec.json.decode(path.read_bytes(), type=_Category)


def editions(category: int) -> list[str]:
    """Editions of a category, oldest first. Raises FormatError: no such category."""
    return list(_load(category).editions)


@cache
def load_table(category: int, edition: str | None = None) -> Table:
    """A category in the given edition, by default the newest. Raises FormatError: no such category or edition."""
    content = _load(category)
    if edition is None:
        edition = list(content.editions)[-1]
    if edition not in content.editions:
        near = difflib.get_close_matches(edition, list(content.editions), n=1)
        hint = f"; the nearest is {near[0]}" if near else ""
        known = ", ".join(content.editions)
        raise FormatError(f"no edition {edition!r} of ASTERIX category {category:03d}; there are {known}{hint}")
    chosen = content.editions[edition]
    return _compile(content, edition, chosen.items, chosen.profiles, chosen.fspec_bytes, chosen.select, 7)


@cache
def load_expansion(category: int) -> Table | None:
    """The newest Reserved Expansion Field of a category, decoded like a record; None where there is no definition."""
    content = _load(category)
    if not content.expansions:
        return None
    edition, chosen = list(content.expansions.items())[-1]
    size = {"": chosen.presence_bytes}
    return _compile(content, f"RE {edition}", chosen.items, {"": chosen.subfields}, size, None, 8)


def _compile(
    content: _Category,
    edition: str,
    pooled: dict[str, int],
    bits_of: dict[str, list[str | None]],
    fspec_bytes: dict[str, int],
    select: tuple[str, dict[str, str]] | None,
    width: int,
) -> Table:
    slots: dict[str, int] = {}
    items: dict[int, _Item] = {}
    for name, index in pooled.items():
        items[slots.setdefault(name, len(slots))] = content.pool[index]
    for name, index in pooled.items():
        for sub, sub_item in content.pool[index].items.items():
            items[slots.setdefault(f"{name}/{sub}", len(slots))] = sub_item
    rows = np.zeros((len(slots), 5), np.int32)
    lists: list[int] = []
    for path, slot in slots.items():
        item = items[slot]
        rows[slot, KIND], rows[slot, SIZE], rows[slot, FIRST] = _KINDS[item.kind], item.bytes, len(lists)
        if item.kind == "extended":
            # A field is found by counting one-byte extensions; only the first part may be longer.
            assert all(part == 1 for part in item.parts[1:])
            rows[slot, COUNT], rows[slot, OPEN_END] = len(item.parts), item.open_end
            lists += item.parts
        elif item.kind == "compound":
            rows[slot, SIZE], rows[slot, COUNT] = item.fspec_bytes, len(item.subfields)
            lists += [UNDEFINED if sub is None else slots[f"{path}/{sub}"] for sub in item.subfields]
    names = list(bits_of)
    profiles = np.zeros((len(names), 5), np.int32)
    for row, name in enumerate(names):
        entries = bits_of[name]
        profiles[row] = len(lists), len(entries), fspec_bytes[name], max(fspec_bytes.values()), width
        for entry in entries:
            lists.append(UNDEFINED if entry is None else RANDOM_SEQUENCE if entry == "RFS" else slots[entry])
    program = Program(rows, np.array(lists, np.int32), profiles, _choice(select, names, slots, items))
    titles = {name: content.pool[index].title for name, index in pooled.items()}
    return Table(content.category, edition, program, slots, titles, items)


def _choice(
    select: tuple[str, dict[str, str]] | None, names: list[str], slots: dict[str, int], items: dict[int, _Item]
) -> Ints32:
    if select is None:
        return np.array([-1, 0, 0], np.int32)
    path, cases = select
    name, _, rest = path.partition("/")
    field = next(f for f in items[slots[name]].fields if f.path == rest)
    selected = [names.index(cases.get(str(value), names[0])) for value in range(1 << field.size)]
    return np.array([slots[name], field.bit, field.size, *selected], np.int32)
