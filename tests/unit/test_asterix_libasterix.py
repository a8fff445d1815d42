"""Every record of the recordings, beside libasterix: where each item lies, and what each number says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import reference_asterix as ref
from farwatch.formats.asterix.decode import decode_records
from farwatch.formats.asterix.fields import ABSENT, extract
from farwatch.formats.asterix.remembered import new_memory
from farwatch.formats.asterix.statistics import new_faults
from farwatch.formats.asterix.table import Table, editions, load_table

RADAR = (48, 34, 1, 2)
EDITION = {
    "lebl_adsb_cat021_ed023_2h_midnight.ast": "0.23",
    "cat021ed0.26.bin": "0.26",
    "bcn_cat021_ed21_4min.ast": "2.1",
}
# Signs that the tables put right on purpose; see the generator's overrides.
OVERRIDDEN = {(48, "090/FL"), (62, "340/HEIGHT"), (17, "050/ALT"), (21, "090/PA")}

WIDENED = {19}  # I019/553 goes on for longer than its definition says


def recordings() -> list[Path]:
    folder = ref.data_folder()
    return sorted(path for path in folder.rglob("*") if path.is_file())


def decoded(data: np.ndarray, blocks: np.ndarray, table: Table) -> Iterator[tuple[np.ndarray, np.ndarray, bool]]:
    """(offsets, (start, stop) of each record, block is whole) of each block (n, 4) of one category."""
    rows = int(np.sum(blocks[:, 2] - blocks[:, 1])) // 4  # no record is so short
    offsets, where = np.empty((rows, len(table.slots)), np.int32), np.empty((rows, 3), np.int64)
    n = decode_records(
        data, blocks, table.program, 0, np.zeros(4, np.int64), new_memory(), offsets, where, new_faults()
    )
    first = np.searchsorted(where[:n, 2], np.arange(len(blocks) + 1))
    for k, (start, stop) in enumerate(pairwise(first)):
        reached = where[stop - 1, 1] if stop > start else blocks[k, 1] + 3
        yield offsets[start:stop], where[start:stop, :2], reached == blocks[k, 2]


def same_items(offsets: np.ndarray, where: np.ndarray, found: list, content: int, table: Table) -> None:
    """Each top-level item of each record starts where libasterix starts it, and no other is present."""
    top = [(name, slot) for name, slot in table.slots.items() if "/" not in name]
    assert len(found) == len(where)
    for row, (first, last), (start, stop, record) in zip(offsets, where, found, strict=True):
        assert (first - content, last - content) == (start, stop)
        expected = dict.fromkeys((name for name, _ in top), -1)
        place = last
        for name, item in reversed(record.items_regular.items()):
            place -= len(item.unparse()) // 8
            expected[name] = place
        assert record.items_rfs in ([], [None], [[]])
        assert {name: row[slot] for name, slot in top} == expected


def same_numbers(data: np.ndarray, offsets: np.ndarray, found: list, table: Table) -> int:
    """Each number of each record is the same; returns how many were compared."""
    compared = 0
    for row, (_, _, record) in zip(offsets, found, strict=True):
        for name, item in record.items_regular.items():
            for path, expected in ref.flatten(item).items():
                full = f"{name}/{path}" if path else name
                field = table.optional(full)
                if field.row[0] < 0:  # wider than a number, or inside a repetition
                    continue
                out = np.empty((1, 1), np.int64)
                extract(data, row[None], 1, np.array([field.row], np.int64), out)
                value = int(out[0, 0])
                if (table.category, full) in OVERRIDDEN:
                    value %= 1 << field.row[4]
                    expected %= 1 << field.row[4]
                assert value == expected != ABSENT, full
                compared += 1
    return compared


def cross_check(categories: set[int] | None, every_block: int, every_value: int) -> dict[int, list[int]]:
    """Records and numbers compared by category; `every_*`: 1 for all, n for each n-th block."""
    counts: dict[int, list[int]] = {}
    for path in recordings():
        data = np.frombuffer(ref.plain_bytes(path), np.uint8)
        framed = list(ref.blocks_of_bytes(data.tobytes()))
        stops = np.cumsum([len(content) + 3 for _, content in framed], dtype=np.int64)
        for category in sorted({category for category, _ in framed} & (categories or KNOWN)):
            chosen = [k for k, (of_category, _) in enumerate(framed) if of_category == category][::every_block]
            blocks = np.zeros((len(chosen), 4), np.int64)
            blocks[:, 2] = stops[chosen]
            blocks[:, 1] = [stops[k] - len(framed[k][1]) - 3 for k in chosen]
            edition = EDITION.get(path.name) if category == 21 else None
            table = load_table(category, edition or editions(category)[-1])
            definition = ref.libasterix_edition(category, table.edition)
            count = counts.setdefault(category, [0, 0])
            for k, (offsets, where, whole) in enumerate(decoded(data, blocks, table)):
                parsed = ref.libasterix_records(definition, framed[chosen[k]][1])
                if parsed is None and category in WIDENED:
                    continue
                assert (parsed is not None) == whole, (path, category, k)
                if parsed is None:
                    continue
                same_items(offsets, where, parsed, blocks[k, 1] + 3, table)
                count[0] += len(parsed)
                if k % every_value == 0:
                    count[1] += same_numbers(data, offsets, parsed, table)
    return counts


KNOWN = {1, 2, 4, 8, 10, 19, 20, 21, 23, 34, 48, 62, 63, 65, 247}


def test_radar_categories_item_by_item() -> None:
    counts = cross_check(set(RADAR), 1, 25)
    if os.environ.get("FARWATCH_VERBOSE"):
        print(counts)
    assert counts[48][0] > 46_000 and counts[34][0] > 5_900 and counts[1][0] > 900


def test_other_categories_sampled() -> None:
    counts = cross_check(KNOWN - set(RADAR), 40, 8)
    assert counts[10][0] > 1_000 and counts[20][0] > 1_000


@pytest.mark.slow
def test_everything_item_by_item_and_number_by_number() -> None:
    counts = cross_check(None, 1, 1)
    print(counts)
    assert sum(records for records, _ in counts.values()) > 200_000
