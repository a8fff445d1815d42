"""What the kernel for radar plots takes for granted of the tables, and the columns that no radar fills."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import reference_asterix as ref
from farwatch.formats.asterix import monoradar, read
from farwatch.formats.asterix.table import ABSENT_FIELD, editions, load_table
from farwatch.plots import concat_plots, empty_plots, make_plots, without_identity
from farwatch.recording import read_plots, write_plots
from farwatch.sources.merge import Merge, merged

SOURCES = {(1, 10): 0}
TOGETHER = (
    *(("sac", "sic"), ("rho", "theta"), ("x", "y"), ("type", "simulated", "spi", "rab"), ("test", "emergency")),
    *(("mode_a", "a_invalid", "a_garbled"), ("level", "c_invalid", "c_garbled"), ("doppler", "doubtful")),
)
EDITIONS = [(category, edition) for category in (48, 1) for edition in editions(category)]


@pytest.mark.parametrize(("category", "edition"), EDITIONS)
def test_numbers_taken_from_one_word_lie_in_one(category: int, edition: str) -> None:
    """`fill_plots` reads the bytes of one item once, by the first of these names."""
    todo = monoradar.layout(load_table(category, edition)).todo
    row = dict(zip(monoradar._NAMES, todo, strict=True))
    for first, *others in TOGETHER:
        for other in others:
            if row[other][0] >= 0:  # CAT001 does not say whether its radial speed is doubtful
                np.testing.assert_array_equal(row[first][:5], row[other][:5], f"{first} and {other}")
    assert ((todo[:, 4] - todo[:, 3]) < 7).all()  # a word is never negative


def decoded(folder: Path):
    path = folder / "a.ast"
    path.write_bytes(b"".join(ref.block(48, *[ref.plot(3600.0 + k, 50.0 + k, 10.0 * k)]) for k in range(20)))
    return read(path, SOURCES, day_ns=20_000 * 86_400 * 10**9)


def test_columns_that_no_radar_fills_are_one_row(tmp_path: Path) -> None:
    plots = decoded(tmp_path).plots
    absent = make_plots(plots.n)
    for name in monoradar.NOT_SAID:
        column = getattr(plots, name)
        np.testing.assert_array_equal(column, getattr(absent, name), name)
        assert column.strides[0] == 0 and not column.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1
    for name in set(plots._fields) - monoradar.NOT_SAID:
        assert getattr(plots, name).flags.writeable, name


def test_they_are_columns_like_any_other(tmp_path: Path) -> None:
    found = decoded(tmp_path)
    plots, rows = found.plots, np.array([3, 1, 7])
    plain = make_plots(plots.n, **plots._asdict())
    for got, expected in (
        (plots.take(rows), plain.take(rows)),
        (plots.take(slice(2, 5)), plain.take(slice(2, 5))),
        (concat_plots([plots, plots]), concat_plots([plain, plain])),
        (concat_plots([plots, plain]), concat_plots([plain, plain])),
        (without_identity(plots), without_identity(plain)),
    ):
        for name, column in expected._asdict().items():
            np.testing.assert_array_equal(getattr(got, name), column, name)
    paths = [tmp_path / "shared.parquet", tmp_path / "plain.parquet"]
    for path, written in zip(paths, (plots, plain), strict=True):
        write_plots(path, written, ["R"])
    for name, column in read_plots(paths[1], ["R"])._asdict().items():
        np.testing.assert_array_equal(getattr(read_plots(paths[0], ["R"]), name), column, name)


def test_the_merge_hands_on_columns_of_their_own(tmp_path: Path) -> None:
    """Kernels of the tracker are compiled for arrays that lie in one piece and may be written."""
    found = decoded(tmp_path)
    batches = list(merged([(found.plots, found.progress)], Merge(1.0), 1.0))
    assert sum(batch.plots.n for batch in batches) == found.plots.n
    for batch in batches:
        for name, column in batch.plots._asdict().items():
            assert column.flags.c_contiguous and column.flags.writeable, name


def test_no_plots_have_columns_too() -> None:
    plots = empty_plots(0, monoradar.NOT_SAID)
    assert plots.n == 0 and plots.covariance.shape == (0, 6) and plots.nic.shape == (0,)


def test_optional_items_are_looked_up_without_an_error() -> None:
    table = load_table(48)
    assert table.optional("140").row[0] == table.slot("140")
    for path in ("999", "130/NONE", "020/NONE", "250", "040/RHO/MORE"):
        assert table.optional(path) is ABSENT_FIELD and not table.has(path)
