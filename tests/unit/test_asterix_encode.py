"""The encoder by itself: presence, extensions, rounding, what does not fit, blocks."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import encoding
import reference_asterix as ref
from farwatch.errors import FormatError
from farwatch.formats.asterix.blocks import pack, pack_parts
from farwatch.formats.asterix.encode import Encoded, Repeated, encode
from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.table import load_expansion, load_table

TRACKS, PLOTS = load_table(62, "1.18"), load_table(48)


def one(columns: dict[str, float | int], table=TRACKS, repeated=None) -> bytes:
    """The bytes of one record."""
    given = {path: np.array([value]) for path, value in columns.items()}
    return encode(table, given, repeated).data.tobytes()


def test_a_record_is_its_fspec_and_its_items_in_their_order() -> None:
    """By hand: items 010 and 070 are bits 1 and 4 of the first byte, 040 bit 5 of the second."""
    content = one({"040": 0x1234, "070": 0x010203, "010/SAC": 1, "010/SIC": 2})
    assert content == bytes([0b10010001, 0b00001000, 1, 2, 1, 2, 3, 0x12, 0x34])


def test_it_writes_what_the_plain_encoder_of_the_tests_writes() -> None:
    content = one(
        {"010/SAC": 1, "010/SIC": 10, "140": 460_800, "020/TYP": 5, "040/RHO": 50.0, "040/THETA": 90.0}, PLOTS
    )
    assert content == ref.plot(3600.0, 50.0, 90.0)


def test_extensions_are_as_many_as_needed() -> None:
    """I062/080: CNF in the first byte, TSB in the second, CST in the fourth."""
    assert one({"080/CNF": 1})[-1:] == bytes([0b10])
    assert one({"080/CNF": 0, "080/TSB": 1})[-2:] == bytes([0b1, 0b0010_0000])
    assert one({"080/CST": 1})[-4:] == bytes([1, 1, 1, 0b1000_0000])
    columns = {"080/CNF": np.array([0, 1]), "080/CST": np.array([ABSENT, 1])}
    assert np.diff(encode(TRACKS, columns).ends, prepend=0).tolist() == [2 + 1, 2 + 4]


def test_the_presence_field_of_a_compound_is_as_short_as_it_can_be() -> None:
    assert one({"380/ADR": 0xABCDEF})[-4:] == bytes([0x80, 0xAB, 0xCD, 0xEF])
    assert one({"380/BPS/BPS": 200.0})[-6:] == bytes([1, 1, 1, 0b0000_0010]) + (2000).to_bytes(2, "big")


def test_absent_everywhere_is_no_item() -> None:
    columns = {"010/SAC": np.array([1, 1]), "010/SIC": np.array([2, 2]), "136": np.array([np.nan, 100.0])}
    columns["380/ADR"] = np.array([ABSENT, ABSENT])
    encoded = encode(TRACKS, columns)
    assert np.diff(encoded.ends, prepend=0).tolist() == [1 + 2, 3 + 2 + 2]
    assert encode(TRACKS, {"136": np.array([np.nan])}).data.tolist() == [0]


@pytest.mark.parametrize(
    ("path", "value", "step"),
    [
        ("136", 100.124, 400),  # 1/4 FL: to the nearest
        ("136", 100.126, 401),
        ("136", -12.5, -50),
        ("105/LAT", -45.0, -(1 << 23)),
        ("100/X", 0.26, 1),
        ("380/MHG", 359.999, 0),  # goes round
        ("380/MHG", -90.0, 49_152),
        ("380/MHG", 720.0 + 180.0, 32_768),
    ],
)
def test_quantities_are_rounded_to_the_nearest_step(path: str, value: float, step: int) -> None:
    encoded = encode(TRACKS, {path: np.array([value])})
    assert encoding.read_back(TRACKS, encoded, [path]).tolist() == [[step]]
    assert not encoded.clamped


def test_what_is_beyond_its_item_is_clamped_and_counted() -> None:
    columns = {"136": np.array([1e6, -1e6, 100.0]), "500/APC/X": np.array([1e9, 1.0, -3.0])}
    encoded = encode(TRACKS, columns)
    assert dict(encoded.clamped) == {"136": 2, "500/APC/X": 2}
    found = encoding.read_back(TRACKS, encoded, ["136", "500/APC/X", "500/APC/Y"])
    assert found.tolist() == [[32_767, 65_535, 0], [-32_768, 2, 0], [400, 0, 0]]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"136": [1.0, np.inf]}, "CAT062 136 of record 1 is inf: give a finite number"),
        ({"040": [1, 65_536]}, "CAT062 040 of record 1 is 65536: it must be in 0 .. 65535"),
        ({"060/MODE3A": [-1, 0]}, "of record 0 is -1"),
        ({"040": [70_000.0, 1.0]}, "1 values do not fit 16 bits"),
        ({"040": [1], "070": [1, 2]}, r"of one length; there are \[1, 2\]"),
        ({"041": [1]}, "has no item '041'"),
        ({"510/IDENT": [1]}, "holds no single number"),
        ({}, "of one length"),
    ],
)
def test_what_cannot_be_written_is_refused(columns: dict[str, list[float]], said: str) -> None:
    with pytest.raises(FormatError, match=said):
        encode(TRACKS, {path: np.array(column) for path, column in columns.items()})


def test_an_error_late_in_the_records_names_its_record() -> None:
    column = np.full(5000, 1.0)
    column[4321] = -np.inf
    with pytest.raises(FormatError, match="136 of record 4321 is -inf"):
        encode(TRACKS, {"136": column})


@pytest.mark.parametrize(
    ("path", "counts", "width", "said"),
    [
        ("250", [256], 3, "at most 255 repetitions"),
        ("RE", [255], 1, "at most 254 repetitions"),
        ("250", [1], 2, "a repetition holds 3 numbers"),
        ("040", [1], 1, "040 is fixed: it does not repeat"),
    ],
)
def test_repetitions_that_cannot_be(path: str, counts: list[int], width: int, said: str) -> None:
    item = Repeated(np.concatenate([[0], np.cumsum(counts)]), np.zeros((sum(counts), width), np.int64))
    with pytest.raises(FormatError, match=said):
        encode(PLOTS, {"010/SAC": np.ones(len(counts), np.int64)}, {path: item})


def test_numbers_that_do_not_fit_their_repetition() -> None:
    for number in (256, -1):
        with pytest.raises(FormatError, match=r"RE: a repetition holds a number beyond 0 \.\. 255"):
            encode(PLOTS, {}, {"RE": Repeated(np.array([0, 1]), np.array([[number]]))})


def test_repetitions_must_be_in_order() -> None:
    with pytest.raises(FormatError, match="must rise from 0"):
        encode(PLOTS, {}, {"RE": Repeated(np.array([0, 2, 1]), np.zeros((1, 1), np.int64))})


def test_records_of_one_layout_at_a_time() -> None:
    """CAT001 holds plots and tracks, and I001/020 says which: their items, and the order of these, differ."""
    plots = {"010/SAC": np.array([1, 1]), "020/TYP": np.array([0, ABSENT]), "040/RHO": np.array([1.0, 2.0])}
    assert encode(load_table(1), plots).n == 2
    with pytest.raises(FormatError, match="CAT001: records of several layouts; encode those of each by themselves"):
        encode(load_table(1), plots | {"020/TYP": np.array([0, 1])})
    with pytest.raises(FormatError, match="CAT001: a record of this layout has no item '161'"):
        encode(load_table(1), plots | {"161": np.array([1, 2])})


def test_batches_leave_no_seam() -> None:
    """More records than are held at a time: each is as if it were alone, repetitions too."""
    n = 5000
    rng = np.random.default_rng(7)
    columns = {"040": rng.integers(0, 65_536, n), "136": rng.uniform(0, 400, n), "080/CNF": rng.integers(0, 2, n)}
    columns["136"][rng.uniform(size=n) < 0.3] = np.nan
    counts = rng.integers(0, 3, n)
    item = Repeated(np.concatenate([[0], np.cumsum(counts)]), rng.integers(0, 1 << 15, (counts.sum(), 2)) % 256)
    encoded = encode(TRACKS, columns, {"510": item})
    for k in (0, 1, 2047, 2048, 2049, 4095, 4096, 4999):
        rows = slice(item.first[k], item.first[k + 1])
        alone = Repeated(np.array([0, counts[k]]), item.values[rows])
        expected = encode(TRACKS, {path: column[k : k + 1] for path, column in columns.items()}, {"510": alone})
        assert encoded.data[encoded.starts[k] : encoded.ends[k]].tobytes() == expected.data.tobytes()


def test_an_expansion_field_has_presence_bits_without_extension() -> None:
    inner = load_expansion(48)
    assert inner is not None
    assert one({"ERR": 0x012345}, inner) == bytes([0b0000_1000, 1, 0x23, 0x45])


def test_blocks_hold_whole_records_up_to_their_size() -> None:
    encoded = encode(TRACKS, {"040": np.arange(1000)})  # 4 bytes a record: 2 of FSPEC, 2 of number
    for largest in (4 + 3, 100, 1400, 65_535):
        blocks = pack(62, encoded, largest)
        datagrams = blocks.datagrams()
        assert all(len(datagram) <= largest for datagram in datagrams)
        per_block = (largest - 3) // 4
        assert len(datagrams) == -(-1000 // per_block)
        framed = list(ref.blocks_of_bytes(blocks.data.tobytes()))
        assert b"".join(content for _, content in framed) == encoded.data.tobytes()
        assert [len(content) + 3 for _, content in framed] == [len(datagram) for datagram in datagrams]


def test_a_record_longer_than_a_block_has_one_of_its_own() -> None:
    long = Repeated(np.array([0, 0, 250, 250]), np.full((250, 1), 7))
    encoded = encode(PLOTS, {"010/SAC": np.ones(3, np.int64)}, {"RE": long})
    assert [len(datagram) for datagram in pack(48, encoded, 50).datagrams()] == [6, 3 + 6 + 251, 6]


def test_a_block_is_of_one_category_and_one_source() -> None:
    plots = encode(PLOTS, {"010/SIC": np.array([1, 1, 2, 2])})
    messages = encode(load_table(34), {"000": np.array([1, 2])})
    order = np.array([4, 0, 1, 2, 5, 3])
    group = np.array([1, 1, 2, 2, 1, 2])
    framed = list(ref.blocks_of_bytes(pack_parts({48: plots, 34: messages}, order, group).data.tobytes()))
    assert [category for category, _ in framed] == [34, 48, 48, 34, 48]
    assert [len(content) for _, content in framed] == [2, 6, 3, 2, 3]


def test_nothing_is_no_block() -> None:
    empty = encode(TRACKS, {"040": np.empty(0, np.int64)})
    assert empty.n == 0 and len(pack(62, empty).data) == 0 and pack(62, empty).datagrams() == []


def test_block_sizes_that_cannot_be() -> None:
    encoded = encode(TRACKS, {"040": np.arange(3)})
    for largest in (3, 0, -1, 65_536):
        with pytest.raises(FormatError, match=f"at most {largest} bytes cannot be"):
            pack(62, encoded, largest)
    huge = Encoded(np.zeros(70_000, np.uint8), np.array([70_000]), encoded.clamped)
    with pytest.raises(FormatError, match="a record of 70000 bytes fits no data block"):
        pack(62, huge)


_UNCOMPILED = """
import sys
sys.path[:0] = sys.argv[1:3]
import test_asterix_encode as unit
for name, test in vars(unit).items():
    if name.startswith("test_") and not getattr(test, "pytestmark", None) and "uncompiled" not in name:
        test()
print("done")
"""


def test_the_same_uncompiled_where_every_index_is_checked() -> None:
    """numba reads and writes outside arrays unnoticed; NumPy does not."""
    tests = str(ref.PROJECT / "tests")
    done = subprocess.run(
        [sys.executable, "-c", _UNCOMPILED, tests, f"{tests}/unit"],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "done", done.stderr
