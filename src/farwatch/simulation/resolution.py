"""Resolution: targets in one cell of range and azimuth give one plot, and now and then one target gives two."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from farwatch.kernels import kernel

Positive = Annotated[float, Meta(gt=0, le=1e9)]


class Resolution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The resolution cell: two targets closer than this in range and in azimuth, when the beam is there, are one plot.

    Where a third lies within a cell of one of them, all three are.
    """

    range_m: Positive = 150.0
    azimuth_deg: Annotated[float, Meta(gt=0, le=90)] = 1.4


@kernel
def cells(range_m, azimuth, cell_range_m, cell_azimuth):  # type: ignore[no-untyped-def]
    """Number (n) of the resolution cell of each target, 0, 1, ... by the first of its targets; azimuths in order.

    Azimuths (rad) must not fall along the rows, but for one step back over north.
    """
    n = len(range_m)
    root = np.arange(n)
    for i in range(n):
        for j in range(i + 1, n):
            apart = (azimuth[j] - azimuth[i] + 1e-9) % (2.0 * math.pi)
            if apart >= cell_azimuth + 1e-9:
                break
            if abs(range_m[j] - range_m[i]) < cell_range_m:
                a, b = i, j
                while root[a] != a:
                    a = root[a]
                while root[b] != b:
                    b = root[b]
                root[max(a, b)] = min(a, b)
    cell = np.empty(n, np.int64)
    m = 0
    for i in range(n):
        a = i
        while root[a] != a:
            a = root[a]
        if a == i:
            cell[i] = m
            m += 1
        else:
            cell[i] = cell[a]
    return cell
