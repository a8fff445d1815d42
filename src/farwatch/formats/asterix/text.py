"""Callsigns as ASTERIX holds them: eight characters of six bits, A to Z, 0 to 9 and blank (ICAO Annex 10, vol. IV)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from farwatch.formats.asterix.fields import ABSENT
from farwatch.kernels import kernel

_BLANK = 32
_BLANKS = 0x820820820820


@kernel
def _reduce(packed, out):  # type: ignore[no-untyped-def]
    for k in range(len(packed)):
        reduced = np.int64(0)
        for shift in range(42, -1, -6):
            code = packed[k] >> shift & 63
            if not (1 <= code <= 26 or 48 <= code <= 57):
                code = _BLANK
            reduced = reduced << 6 | code
        out[k] = ABSENT if reduced == _BLANKS else reduced


def icao_text(packed: NDArray[np.int64]) -> NDArray[np.int64]:
    """Packed callsigns with a blank for every code outside the alphabet; ABSENT where nothing is left."""
    out = np.empty(len(packed), np.int64)
    _reduce(packed, out)
    return out
