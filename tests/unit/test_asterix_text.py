"""Callsigns as they are read."""

from __future__ import annotations

from pathlib import Path

from test_asterix_read import read_plots

import reference_asterix as ref
from farwatch.plots import NO_CALLSIGN, pack_callsign


def test_callsigns_are_reduced_to_the_alphabet(tmp_path: Path) -> None:
    """Codes that stand for no letter, digit or blank become blanks; where nothing else is left there is no callsign."""
    codes = [4, 12, 8, 0, 49, 27, 63, 32]  # D, L, H, none, 1, none, none, blank
    given = sum(code << 42 - 6 * k for k, code in enumerate(codes))
    said = (given, sum(47 << 6 * k for k in range(8)), 0, 0x820820820820)
    read = [read_plots(tmp_path, ref.plot(i240=packed.to_bytes(6, "big"))).plots.callsign[0] for packed in said]
    assert read == [pack_callsign("DLH 1"), NO_CALLSIGN, NO_CALLSIGN, NO_CALLSIGN]
