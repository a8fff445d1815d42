"""Columns of quantities or codes -> the whole steps that items hold."""

from __future__ import annotations

import math

import numpy as np

from farwatch.formats.asterix.fields import ABSENT
from farwatch.kernels import leaf


@leaf
def steps(column, lsb, low, high, circle, place, out):  # type: ignore[no-untyped-def]
    """Fills out[:, place] with the nearest steps of `lsb` in low .. high, ABSENT for NaN; a circle goes round instead.

    Returns (values beyond low .. high, which were clamped; row of the first infinite value or -1).
    """
    clamped, wrong = 0, -1
    for r in range(len(column)):
        value = column[r]
        if math.isnan(value):
            out[r, place] = ABSENT
            continue
        if math.isinf(value):
            if wrong < 0:
                wrong = r
            out[r, place] = ABSENT
            continue
        step = math.floor(value / lsb + 0.5)
        if circle:
            turn = float(high) - float(low) + 1.0
            step -= turn * math.floor((step - low) / turn)
        if step < low:
            step = float(low)
            clamped += 1
        elif step > high:
            step = float(high)
            clamped += 1
        out[r, place] = np.int64(step)
    return clamped, wrong


@leaf
def codes(column, low, high, place, out):  # type: ignore[no-untyped-def]
    """Copies the codes to out[:, place]; returns the row of the first that is not in low .. high, or -1."""
    wrong = -1
    for r in range(len(column)):
        value = column[r]
        if wrong < 0 and value != ABSENT and (value < low or value > high):
            wrong = r
        out[r, place] = value
    return wrong
