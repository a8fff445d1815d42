"""Random records of our encoder: libasterix reads the same numbers and writes the same bytes; our decoder agrees."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import encoding
import reference_asterix as ref
from farwatch.formats.asterix.blocks import pack
from farwatch.formats.asterix.encode import Repeated, encode
from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.plan import make_plan
from farwatch.formats.asterix.records import batches, blocks_of, expansion, numbers
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.asterix.table import categories, editions, load_expansion, load_table
from farwatch.formats.containers import NO_TIME, Piece

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
DEPENDENT = {"120/CC/CPC"}  # libasterix leaves the bits of an item whose layout depends on another one alone
EDITIONS = [(62, "1.18"), (62, "1.19"), (62, "1.20"), (62, "1.21"), (48, "1.32"), (48, "1.27"), (34, "1.29")]
EDITIONS += [(63, "1.7"), (65, "1.6"), (4, None), (21, None), (1, None), (2, None), (20, None), (10, None)]


def same_as_libasterix(made: encoding.Made) -> None:
    """Every record and every number in it, and the bytes when they are written again."""
    table, encoded = made.table, made.encode()
    blocks = pack(table.category, encoded)
    definition = ref.libasterix_edition(table.category, table.edition)
    parsed = []
    for category, content in ref.blocks_of_bytes(blocks.data.tobytes()):
        assert category == table.category
        found = ref.libasterix_records(definition, content)
        assert found is not None
        parsed += [(record, content[start:stop]) for start, stop, record in found]
    assert len(parsed) == encoded.n
    for k, (record, content) in enumerate(parsed):
        assert record.unparse().to_bytes() == content
        found_numbers = {}
        for name, item in record.items_regular.items():
            for path, value in ref.flatten(item).items():
                full = f"{name}/{path}" if path else name
                if (field := table.optional(full)).row[0] >= 0:
                    found_numbers[full] = value % (1 << field.row[4])
        expected = encoding.expected_numbers(made, k)
        sizes = {path: 1 << table.field(path).row[4] for path in expected}
        assert expected.keys() - found_numbers.keys() <= DEPENDENT
        assert found_numbers == {path: expected[path] % sizes[path] for path in expected.keys() - DEPENDENT}
        for path, item in made.repeated.items():
            fields = encoding.repeated_items(table)[path]
            rows = item.values[item.first[k] : item.first[k + 1]]
            wide = [[int(v) % (1 << f.row[4]) for v, f in zip(row, fields)] for row in rows.tolist()]
            read = [
                [v % (1 << f.row[4]) for v, f in zip(one.values(), fields)] for one in ref.repetitions(record, path)
            ]
            assert read == wide, path


def same_as_decoded(made: encoding.Made) -> None:
    """Our decoder gives the numbers that were encoded."""
    every = [path for item in encoding.numbered_items(made.table).values() for path in item]
    for k, found in enumerate(encoding.read_back(made.table, made.encode(), every)):
        there = {path: int(value) for path, value in zip(every, found) if value != ABSENT}
        assert there == encoding.expected_numbers(made, k)


@pytest.mark.parametrize(("category", "edition"), EDITIONS)
def test_libasterix_reads_what_is_written(category: int, edition: str | None) -> None:
    table = load_table(category, edition)

    @QUICK
    @given(encoding.records(table))
    def check(made: encoding.Made) -> None:
        same_as_libasterix(made)

    check()


@QUICK
@given(st.data())
def test_our_decoder_reads_what_is_written_in_any_category(data: st.DataObject) -> None:
    table = load_table(data.draw(st.sampled_from(categories()), label="category"))
    same_as_decoded(data.draw(encoding.records(table), label="records"))


@QUICK
@given(st.data())
def test_quantities_come_back_to_half_a_step(data: st.DataObject) -> None:
    """Any quantity of any category, in its unit, within what its item can say."""
    table = load_table(data.draw(st.sampled_from(categories()), label="category"))
    profile = data.draw(st.integers(0, len(table.program.profiles) - 1), label="layout")
    items, held = encoding.numbered_items(table), encoding.items_of(table, profile)
    fields = {path: field for name in items.keys() & held for path, field in items[name].items()}
    quantities = {path: field for path, field in fields.items() if field.lsb is not None}
    if not quantities:
        return
    path = data.draw(st.sampled_from(sorted(quantities)), label="path")
    field = quantities[path]
    low, high = (step * (field.lsb or 1.0) for step in encoding.limits(field))
    given_values = np.array(data.draw(st.lists(st.floats(low, high), min_size=1, max_size=20)))
    chooser = {name: np.full(len(given_values), value) for name, value in encoding.chooser(table, profile).items()}
    encoded = encode(table, {path: given_values} | chooser)
    assert not encoded.clamped
    back = encoding.read_back(table, encoded, [path])[:, 0] * (field.lsb or 1.0)
    apart = np.abs(back - given_values)
    if field.unit == "°":
        apart = np.minimum(apart, np.abs(apart - 360.0))
    assert (apart <= (field.lsb or 1.0) * 0.5000001 + 1e-9 * np.abs(given_values)).all()


@QUICK
@given(st.lists(st.none() | st.integers(65_535, (1 << 24) - 1), min_size=1, max_size=6))
def test_expansion_fields_are_records_in_an_item(ranges: list[int | None]) -> None:
    """RE/ERR of CAT048: written by the same encoder, read by the same decoder."""
    inner, outer = load_expansion(48), load_table(48)
    assert inner is not None
    far = np.array([k is not None for k in ranges])
    field = encode(inner, {"ERR": np.array([k for k in ranges if k is not None], np.int64)})
    sizes = np.where(far, 4, 0)
    made = encode(
        outer,
        {"010/SAC": np.ones(len(ranges), np.int64), "010/SIC": np.ones(len(ranges), np.int64)},
        {"RE": Repeated(np.concatenate([[0], np.cumsum(sizes)]), field.as_explicit().values)},
    )
    data = pack(48, made).data
    one = np.zeros(1, np.int64)
    piece = Piece(data, 0, one, one + len(data), one + NO_TIME, Counter())
    statistics = Statistics()
    (batch,) = batches(piece, blocks_of(piece, statistics), outer, statistics)
    inside = expansion(piece, batch, outer, statistics)
    found = [ABSENT] * len(ranges) if inside is None else numbers(piece, inside, [inner.field("ERR")])[:, 0].tolist()
    assert found == [ABSENT if k is None else k for k in ranges]


def test_every_edition_of_every_category_can_be_planned() -> None:
    for category in categories():
        for edition in editions(category):
            table = load_table(category, edition)
            for profile in range(len(table.program.profiles)):
                held = encoding.items_of(table, profile)
                items = encoding.numbered_items(table)
                paths = [path for name, item in items.items() if name in held for path in item]
                repeated = [path for path in encoding.repeated_items(table) if path in held]
                plan = make_plan(table, tuple(paths), tuple(repeated), profile)
                assert sorted(plan.places) == list(range(len(paths)))
