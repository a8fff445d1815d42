"""Readers of streams: any bytes at all are survived, and portions change nothing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farwatch.formats.streams import FORMATS
from farwatch.plots import concat_plots
from streams import CONTENT

fields = st.sampled_from(
    [b"", b"MSG", b"MLAT", b"3", b"3C6586", b"~ABCDEF", b"2026/01/01", b"00:00:02.5", b"nan", b"inf", b"-1e400",
     b"47.1", b"\xff", b"1" * 30, b'"', b"2026/1/1/1", b"::", b"[]", b"{}",
     b'{"now":1e300,"aircraft":[{"hex":"1","lat":1e999}]}']
)  # fmt: skip
lines = st.lists(st.lists(fields, max_size=24).map(b",".join), max_size=8).map(b"\n".join)


@pytest.mark.parametrize("name", FORMATS)
@given(content=st.one_of(st.binary(max_size=600), lines), cut=st.integers(0, 600))
@settings(max_examples=60)
def test_any_bytes_are_survived(name: str, content: bytes, cut: int) -> None:
    reader = FORMATS[name].reader()
    parts = [reader.push(content[:cut]), reader.push(content[cut:]), reader.flush()]
    plots = concat_plots([one.plots for one in parts])
    assert plots.z.shape == (plots.n, 6)


@pytest.mark.parametrize("name", FORMATS)
@given(at=st.integers(0, 10_000), value=st.integers(0, 255), cuts=st.lists(st.integers(0, 10_000), max_size=4))
@settings(max_examples=40)
def test_one_damaged_byte_anywhere_and_portions_of_any_size(name: str, at: int, value: int, cuts: list[int]) -> None:
    content = bytearray(CONTENT[name])
    content[at % len(content)] = value
    whole = FORMATS[name].reader()
    expected = concat_plots([whole.push(bytes(content)).plots, whole.flush().plots])
    reader = FORMATS[name].reader()
    borders = sorted({0, len(content), *(cut % len(content) for cut in cuts)})
    found = [reader.push(bytes(content[a:b])).plots for a, b in pairwise(borders)]
    got = concat_plots([*found, reader.flush().plots])
    for a, b in zip(expected, got):
        np.testing.assert_array_equal(a, b)
    assert reader.statistics.skipped == whole.statistics.skipped
