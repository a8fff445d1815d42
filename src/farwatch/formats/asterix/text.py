"""Callsigns as ASTERIX holds them: eight characters of six bits, A to Z, 0 to 9 and blank (ICAO Annex 10, vol. IV)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from farwatch.formats.asterix.fields import ABSENT
from farwatch.kernels import leaf

_BLANK = 32
_BLANKS = 0x820820820820
_ALPHABET = sum(1 << code for code in (*range(1, 27), *range(48, 58)))  # the codes that stand for a letter or digit


@leaf
def icao_code(code):  # type: ignore[no-untyped-def]
    """The code of one character (0 to 63), a blank where it is outside the alphabet."""
    return code if _ALPHABET >> code & 1 else np.int64(_BLANK)


@leaf
def icao_callsign(packed):  # type: ignore[no-untyped-def]
    """A packed callsign with a blank for every code outside the alphabet; ABSENT where nothing is left, or was."""
    if packed == ABSENT:
        return np.int64(ABSENT)
    reduced = np.int64(0)
    for shift in range(42, -1, -6):
        reduced = reduced << 6 | icao_code(packed >> shift & 63)
    return np.int64(ABSENT) if reduced == _BLANKS else reduced


@leaf
def _reduce(packed, out):  # type: ignore[no-untyped-def]
    for k in range(len(packed)):
        out[k] = icao_callsign(packed[k])


def icao_text(packed: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same for packed callsigns (n,)."""
    out = np.empty(len(packed), np.int64)
    _reduce(packed, out)
    return out
