"""Records by the presence fields seen before, beside the decoder that looks at every bit."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

import encoding
from farwatch.formats.asterix.blocks import pack
from farwatch.formats.asterix.decode import decode_records
from farwatch.formats.asterix.encode import encode
from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.remembered import NOT_PLAIN, new_memory, plain_end
from farwatch.formats.asterix.statistics import new_faults
from farwatch.formats.asterix.table import Table, load_table


def random_records(table: Table, n: int, rng: np.random.Generator) -> np.ndarray:
    """Blocks of n records, each with a handful of items out of all: many more patterns than are remembered."""
    columns = {}
    for fields in encoding.numbered_items(table).values():
        there = rng.uniform(size=n) < 0.3
        reach = rng.integers(0, max(field.row[2] for field in fields.values()), n, endpoint=True)
        for path, field in fields.items():
            low, high = encoding.limits(field)
            given = there & (field.row[2] <= reach)
            columns[path] = np.where(given, rng.integers(low, high, n, endpoint=True), ABSENT)
    return pack(table.category, encode(table, columns)).data


def decoded(data: np.ndarray, table: Table, plain: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places of items, places of records and faults of the blocks in `data`; plain: by remembered patterns."""
    program = table.program
    if not plain:  # an item that chooses between the one layout and itself: such programs go bit by bit
        program = program._replace(choice=np.array([table.slots["SP"], 0, 1, 0, 0], np.int32))
    blocks, p = [], 0
    while p + 3 <= len(data):
        length = int(data[p + 1]) * 256 + int(data[p + 2])
        blocks.append((table.category, p, min(p + length, len(data)), 0))
        p += length
    offsets, where = np.empty((len(data), len(table.slots)), np.int32), np.empty((len(data), 3), np.int64)
    faults, at = new_faults(), np.zeros(4, np.int64)
    n = decode_records(data, np.array(blocks), program, 0, at, new_memory(), offsets, where, faults)
    return offsets[:n], where[:n], faults


@pytest.mark.parametrize("category", [62, 48, 21, 34, 4])
def test_whole_and_damaged_records(category: int, rng: np.random.Generator) -> None:
    """The same places, records and faults, whatever bytes are changed (the blocks' own heads are left alone)."""
    table = load_table(category)
    data = random_records(table, 400, rng)
    assert len(decoded(data, table, True)[0]) == 400
    chance = Random(5)
    for damaged in range(20):
        for fast, slow in zip(decoded(data, table, True), decoded(data, table, False)):
            np.testing.assert_array_equal(fast, slow)
        starts = {p + k for p in block_starts(data) for k in range(3)}
        data = data.copy()
        for _ in range(20 * damaged + 1):
            if (at := chance.randrange(len(data))) not in starts:
                data[at] = chance.randrange(256)


def block_starts(data: np.ndarray) -> list[int]:
    found, p = [], 0
    while p < len(data):
        found.append(p)
        p += int(data[p + 1]) * 256 + int(data[p + 2])
    return found


def test_most_records_are_plain(rng: np.random.Generator) -> None:
    table = load_table(62)
    data = random_records(table, 200, rng)
    _, where, _ = decoded(data, table, False)
    memory, offsets = new_memory(), np.empty((1, len(table.slots)), np.int32)
    ends = [plain_end(data, int(a), len(data), table.program, memory, offsets, 0) for a, _, _ in where]
    assert [end for end in ends if end != NOT_PLAIN] == where[np.array(ends) != NOT_PLAIN, 1].tolist()
    assert sum(end == NOT_PLAIN for end in ends) < 20  # two fields of one record that fall on the same place
