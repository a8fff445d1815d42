"""The one pass over the bytes: items of every kind, and every kind of fault, counted with its place."""

from __future__ import annotations

import numpy as np
import pytest

import reference_asterix as ref
from farwatch.formats.asterix.records import batches, blocks_of
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.asterix.table import load_table
from farwatch.formats.containers import NO_TIME, Piece


def decode(data: bytes, category: int = 48, edition: str | None = None) -> tuple[list[dict[str, int]], Statistics]:
    """Each record as {item: position}, present items only, and the counts."""
    table = load_table(category, edition)
    one = np.array([0], np.int64)
    piece_data = np.frombuffer(data, np.uint8)
    piece = Piece(piece_data, 1000, one, np.array([len(data)]), np.array([NO_TIME]), Statistics().skipped)
    statistics = Statistics()
    blocks = blocks_of(piece, statistics)
    records = []
    for batch in batches(piece, blocks[blocks[:, 0] == category], table, statistics):
        for row in batch.offsets[: batch.n]:
            records.append({path: int(row[slot]) for path, slot in table.slots.items() if row[slot] >= 0})
    return records, statistics


def only_error(statistics: Statistics) -> tuple[str, int, int, int, int, str]:
    ((kind, error),) = statistics.errors.items()
    return kind, error.count, error.byte, error.block, error.record, error.item


def test_items_of_every_kind() -> None:
    record = ref.record(
        48,
        i010=b"\x01\x0a",
        i020=b"\xa1\x11\x02",  # three parts
        i130=b"\x60\x11\x22",  # subfields SRR and SAM
        i250=b"\x02" + bytes(16),
        i030=b"\x03\x05\x06",  # repeated while the low bit is set
        iSP=b"\x03\xaa\xbb",
    )
    records, statistics = decode(ref.block(48, record, record))
    start = 3 + 4
    first = {
        "010": start,
        "020": start + 2,
        "130": start + 5,
        "130/SRR": start + 6,
        "130/SAM": start + 7,
        "250": start + 8,
        "030": start + 25,
        "SP": start + 28,
    }
    assert records == [first, {path: offset + len(record) for path, offset in first.items()}]
    assert not statistics.errors and statistics.records == 2 and statistics.by_category == {48: 2}


@pytest.mark.parametrize(
    ("broken", "kind", "item"),
    [
        (b"\xff", "FSPEC runs past its block", "CAT048"),
        (b"\x01\x01\x01\x01\x01", "FSPEC runs past its block", "CAT048"),
        (b"\x01\x01\x01\x01\x00", "FSPEC longer than the edition allows", "CAT048"),
        (b"\x80\x01", "item runs past its block", "CAT048 item 010"),
        (b"\x20" + b"\xff" * 6, "item extended beyond what the edition has", "CAT048 item 020"),
        (b"\x20" + b"\xff" * 5, "item runs past its block", "CAT048 item 020"),
        (b"\x02\x60\x11", "item runs past its block", "CAT048 item 130/SAM"),
        (b"\x02", "item runs past its block", "CAT048 item 130"),
        (b"\x02\x03\x01\x01", "item runs past its block", "CAT048 item 130"),
        (b"\x02\x01\x00", "FSPEC longer than the edition allows", "CAT048 item 130"),
        (b"\x01\x20\x02" + bytes(15), "item runs past its block", "CAT048 item 250"),
        (b"\x01\x20", "item runs past its block", "CAT048 item 250"),
        (b"\x01\x01\x01\x04\x00", "explicit item of length 0", "CAT048 item SP"),
        (b"\x01\x01\x01\x04\x05", "item runs past its block", "CAT048 item SP"),
        (b"\x01\x01\x40\x03\x05", "item runs past its block", "CAT048 item 030"),
    ],
)
def test_a_fault_ends_its_block_and_nothing_else(broken: bytes, kind: str, item: str) -> None:
    good = ref.plot()
    data = ref.block(48, good, broken) + ref.block(48, good)
    records, statistics = decode(data)
    assert len(records) == 2 and statistics.broken_blocks == 1
    assert only_error(statistics) == (kind, 1, 1000 + 3 + len(good), 1000, 1, item)


def test_undefined_items() -> None:
    """A spare bit of a record (CAT002, bit 12), a spare bit of a compound item."""
    named = "FSPEC names an item that the edition does not have"
    assert only_error(decode(ref.block(2, b"\x01\x08"), 2)[1])[0] == named
    assert only_error(decode(ref.block(34, ref.record(34, i050=b"\x40\x00")), 34)[1])[::5] == (named, "CAT034 item 050")


@pytest.mark.parametrize(
    ("tail", "kind"),
    [
        (b"\x30\x00\x02", "block length below 3"),
        (b"\x30\x00\x00", "block length below 3"),
        (b"\x30\x00", "block longer than what holds it"),
        (b"\x30", "block longer than what holds it"),
        (b"\x30\x00\x20\x00", "block longer than what holds it"),
    ],
)
def test_broken_framing_keeps_what_is_before_it(tail: bytes, kind: str) -> None:
    whole = ref.block(48, ref.plot())
    records, statistics = decode(whole + tail)
    assert len(records) == 1
    assert only_error(statistics) == (kind, 1, 1000 + len(whole), 1000 + len(whole), 0, "framing")


def test_unknown_categories_are_counted_and_passed_over() -> None:
    records, statistics = decode(ref.block(250, b"abc") + ref.block(48, ref.plot()) + ref.block(3, b""))
    assert len(records) == 1 and statistics.blocks == 3
    assert only_error(statistics)[:3] == ("category without a table", 2, 1000)


def test_many_records_in_batches() -> None:
    data = ref.block(48, *[b"\x00"] * 60_000)
    records, statistics = decode(data)
    assert len(records) == statistics.records == 60_000 and records[-1] == {}


def test_plot_and_track_of_one_category() -> None:
    """CAT001: the first bit of I001/020 chooses which items the later bits stand for."""
    plot = ref.record(1, i010=b"\x01\x0a", i020=b"\x20", i040=bytes(4))
    track = ref.record(-1, i010=b"\x01\x0a", i020=b"\xa0", i161=b"\x00\x07", i040=bytes(4), i042=bytes(4))
    records, statistics = decode(ref.block(1, plot, track, plot), 1)
    assert not statistics.errors
    assert [sorted(record) for record in records] == [
        ["010", "020", "040"],
        ["010", "020", "040", "042", "161"],
        ["010", "020", "040"],
    ]


def test_random_field_sequence() -> None:
    """CAT002: the last bit names a list of (bit number, item)."""
    record = ref.record(2, i010=b"\x01\x0a", iRFS=b"\x02\x02\x01\x05\x02\x00")
    records, statistics = decode(ref.block(2, record), 2)
    assert not statistics.errors
    (found,) = records
    assert found == {"010": 5, "000": 9, "041": 11}
    for bad in (b"\x01\x63\x00", b"\x02\x02\x01", b"\x01\x0c\x00", b"\x01\x00\x00", b"\x01\x0e\x00"):
        _, statistics = decode(ref.block(2, ref.record(2, iRFS=bad)), 2)
        assert len(statistics.errors) == 1


def test_edition_decides_what_is_defined() -> None:
    """I048/020 has three parts in edition 1.30 and two before."""
    record = ref.record(48, i020=b"\xa1\x01\x00")
    assert len(decode(ref.block(48, record))[0]) == 1
    assert len(decode(ref.block(48, record), edition="1.27")[0]) == 0
