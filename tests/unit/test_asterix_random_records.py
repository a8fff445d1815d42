"""Random records of every category and edition: their items, numbers and Arrow columns, beside libasterix."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_asterix_libasterix import OVERRIDDEN, decoded, same_items, same_numbers

import reference_asterix as ref
from farwatch.formats.asterix.arrow import record_batch
from farwatch.formats.asterix.layout import layout
from farwatch.formats.asterix.records import batches, blocks_of
from farwatch.formats.asterix.sequence import Records
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.asterix.table import Table, categories, editions, load_table
from farwatch.formats.containers import NO_TIME, Piece
from reference_records import random_record

VARIABLE = {"120/CC/CPC"}  # what it means depends on another field; libasterix then gives no number
EVERY = [(category, edition) for category in categories() for edition in editions(category)]


def one_block(category: int, data: bytes) -> tuple[np.ndarray, np.ndarray, Piece]:
    content = np.frombuffer(ref.block(category, data), np.uint8)
    one = np.array([0], np.int64)
    piece = Piece(content, 0, one, one + len(content), one + NO_TIME, Statistics().skipped)
    return content, np.array([[category, 0, len(content), 0]], np.int64), piece


@pytest.mark.parametrize(("category", "edition"), EVERY, ids=[f"{c:03d}-{e}" for c, e in EVERY])
def test_random_records(category: int, edition: str) -> None:
    table = load_table(category, edition)
    definition = ref.libasterix_edition(category, edition)
    compared = [0]

    @settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 1 << 60))
    def check(seed: int) -> None:
        chance = Random(seed)
        sent = [random_record(chance, definition) for _ in range(4)]
        data, blocks, piece = one_block(category, b"".join(sent))
        parsed = ref.libasterix_records(definition, data[3:].tobytes())
        assert parsed is not None and [stop - start for start, stop, _ in parsed] == [len(record) for record in sent]
        ((offsets, where, whole),) = decoded(data, blocks, table)
        assert whole
        same_items(offsets, where, parsed, 3, table)
        compared[0] += same_numbers(data, offsets, parsed, table)
        same_columns(piece, blocks, parsed, table)

    check()
    assert compared[0] > 0


def same_columns(piece: Piece, blocks: np.ndarray, parsed: list, table: Table) -> None:
    """Each number of each record, as its Arrow column says it: times its step, null where the record has none."""
    (batch,) = [found for found in batches(piece, blocks, table, Statistics()) if found.n]
    none = np.full(batch.n, NO_TIME)
    records = Records(piece, table, batch.offsets[: batch.n], batch.where[: batch.n], none, none, none, {})
    arrow = record_batch(records, Statistics())
    arrow.validate(full=True)
    rows = arrow.to_pylist()
    plain = [column for column in layout(table).columns if column.row[4] and not column.repeated_bytes]
    for row, (_, _, record) in zip(rows, parsed, strict=True):
        numbers = {
            f"{name}/{path}".rstrip("/"): value
            for name, item in record.items_regular.items()
            for path, value in ref.flatten(item).items()
        }
        for column in plain:
            value, expected = row[column.name], numbers.get(column.name)
            if column.only_where or (table.category, column.name) in OVERRIDDEN or isinstance(value, str | bytes):
                continue
            if column.kind in (0, 1) and column.name not in VARIABLE:
                assert (value is None) == (expected is None), column.name
            if value is not None and expected is not None:
                assert value == pytest.approx(expected * column.lsb, rel=1e-6), column.name


def test_every_block_file() -> None:
    """One block a category and edition, as others recorded them; read with the edition in its name or the nearest."""
    folder = ref.data_folder() / "blocks"
    judged = 0
    for path in sorted(folder.glob("*.bin")):
        for category, content in ref.blocks_of_bytes(path.read_bytes()):
            if category not in categories():
                continue
            named = path.stem.split("ed")[1].split("_")[0]
            edition = named if named in editions(category) else editions(category)[-1]
            table, definition = load_table(category, edition), ref.libasterix_edition(category, edition)
            data, blocks, piece = one_block(category, content)
            parsed = ref.libasterix_records(definition, content)
            ((offsets, where, whole),) = decoded(data, blocks, table)
            assert (parsed is not None) == whole, path
            if parsed is not None:
                same_items(offsets, where, parsed, 3, table)
                judged += same_numbers(data, offsets, parsed, table)
                same_columns(piece, blocks, parsed, table)
    assert judged > 200


def test_items_of_random_records_survive_being_cut(tmp_path: Path) -> None:
    """A record cut short anywhere is one error, at its place, in every category; never a shorter record."""
    chance = Random(5)
    for category in categories():
        table = load_table(category)
        record = random_record(chance, ref.libasterix_edition(category, table.edition))
        for cut in range(1, min(len(record), 40)):
            _, _, piece = one_block(category, record[:-cut])
            counts = Statistics()
            found = sum(batch.n for batch in batches(piece, blocks_of(piece, counts), table, counts))
            assert (found, len(counts.errors), counts.broken_blocks) == ((0, 1, 1) if len(record) > cut else (0, 0, 0))
