"""The generated tables: every edition compiles, the overrides hold, wrong names are explained."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import reference_asterix as ref
from farwatch.errors import FormatError
from farwatch.formats.asterix.fields import extract
from farwatch.formats.asterix.table import ABSENT_FIELD, categories, editions, load_table


def every_edition() -> list[tuple[int, str]]:
    return [(category, edition) for category in categories() for edition in editions(category)]


@pytest.mark.parametrize(("category", "edition"), every_edition())
def test_every_edition_compiles(category: int, edition: str) -> None:
    table = load_table(category, edition)
    for path, slot in table.slots.items():
        assert table.slot(path) == slot
    assert (table.program.profiles[:, 1] <= 7 * table.program.profiles[:, 2]).all()


def test_tables_are_those_that_the_script_writes() -> None:
    script = ref.PROJECT / "scripts" / "make_asterix_tables.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("edition", editions(48))
def test_flight_level_below_zero(edition: str) -> None:
    """FL -1.25 is 14 bits of two's complement, 25 ft a step, in every edition."""
    field = load_table(48, edition).field("090/FL")
    assert field.row[5] == 1 and field.lsb == 0.25
    data = np.frombuffer((-5 % (1 << 14)).to_bytes(2, "big"), np.uint8)
    row = np.array([(0, *field.row[1:])], np.int64)
    out = np.empty((1, 1), np.int64)
    extract(data, np.zeros((1, 1), np.int32), 1, row, out)
    assert out[0, 0] * field.lsb == -1.25


@pytest.mark.parametrize(
    ("category", "edition", "path"),
    [(62, "1.16", "340/HEIGHT"), (62, "1.18", "340/HEIGHT"), (17, "1.3", "050/ALT"), (1, "1.4", "090/HGT")],
)
def test_heights_are_signed(category: int, edition: str, path: str) -> None:
    assert load_table(category, edition).field(path).row[5] == 1


@pytest.mark.parametrize("edition", [edition for edition in editions(21) if edition < "1"])
def test_a_category_of_accuracy_is_no_signed_number(edition: str) -> None:
    assert load_table(21, edition).field("090/PA").row[4:] == (4, 0)


def test_newest_edition_is_the_default() -> None:
    assert load_table(48).edition == "1.32" == editions(48)[-1]
    assert editions(21)[0] == "0.23"


def test_wrong_names_are_explained() -> None:
    with pytest.raises(FormatError, match=r"category 049.*048"):
        load_table(49)
    with pytest.raises(FormatError, match=r"no edition '1\.33' of ASTERIX category 048; there are 1\.27, .*nearest is"):
        load_table(48, "1.33")
    table = load_table(48)
    with pytest.raises(FormatError, match=r"did you mean '130/SAM'"):
        table.field("130/SAN")
    with pytest.raises(FormatError, match="RHO, THETA"):
        table.field("040/RANGE")
    with pytest.raises(FormatError, match="is repetitive"):
        table.field("250")
    with pytest.raises(FormatError, match="is compound"):
        table.field("130")
    assert table.optional("999") is ABSENT_FIELD


def test_a_name_may_stop_at_an_item_with_one_number() -> None:
    table = load_table(48)
    assert table.field("161") == table.field("161/TRN")


def test_extension_is_counted() -> None:
    """I048/020 TST lies in the first extension: one byte must have its extension bit set."""
    assert load_table(48).field("020/TYP").row[1:3] == (0, 0)
    assert load_table(48).field("020/TST").row[1:3] == (0, 1)
    assert load_table(48).field("020/ADSB/EP").row[1:3] == (0, 2)
