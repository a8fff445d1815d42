"""Time of day -> UTC: midnight crossings for every source, and CAT001's truncated time against CAT002's full one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.formats.containers import NO_TIME
from farwatch.kernels import kernel, leaf

TICK_NS = 7_812_500  # 1/128 s
DAY_TICKS = 86_400 * 128
_HALF_DAY_TICKS = DAY_TICKS // 2
_DAY_NS = 86_400 * 1_000_000_000
TRUNCATION = 65_536  # I001/141 keeps 16 bits of the time of day
_LAST_WRAP = DAY_TICKS // TRUNCATION

MISSING = -1


class Clock(NamedTuple):
    """What is known of each sensor's time: the last row is the recording's, for a sensor not heard before."""

    day: NDArray[np.int64]  # (sensors + 1,) days since the recording's first day
    ticks: NDArray[np.int64]  # (sensors + 1,) last time of day, MISSING before the first


def new_clock(n_sensors: int) -> Clock:
    """A clock for sensors 0 .. n_sensors - 1 that has heard nothing."""
    return Clock(np.zeros(n_sensors + 1, np.int64), np.full(n_sensors + 1, MISSING, np.int64))


@leaf
def _nearest_full(truncated, reference):  # type: ignore[no-untyped-def]
    """The time of day nearest to `reference` (the clock goes round) whose low 16 bits are `truncated`."""
    best, best_apart = np.int64(truncated), np.int64(DAY_TICKS)
    near = reference // TRUNCATION
    for wrap in (near - 1, near, near + 1, 0, _LAST_WRAP - 1, _LAST_WRAP):
        candidate = wrap * TRUNCATION + truncated
        if wrap < 0 or candidate >= DAY_TICKS:
            continue
        apart = abs(candidate - reference)
        apart = min(apart, DAY_TICKS - apart)
        if apart < best_apart:
            best, best_apart = candidate, apart
    return best


@kernel
def resolve_times(order, sensor, ticks, truncated, received_ns, day_ns, day, last, out):  # type: ignore[no-untyped-def]
    """Fills out (n,) with int64 ns UTC, NO_TIME where it cannot be known.

    order: rows in file order; ticks: time of day in 1/128 s, its low 16 bits where `truncated`, MISSING: as the row
    before; day_ns: start of the recording's first day, 0: from `received_ns` where that is known; `day` and `last` are
    the Clock, kept up to date. A truncated time is taken nearest to its sensor's last one, else to the packet's, else
    to the last of any sensor. A time that falls by more than 12 h starts a new day, one that rises by more than 12 h
    belongs to the day before.
    """
    everyone = len(last) - 1
    first = np.full(len(last), MISSING, np.int64)
    for i in order:
        if truncated[i]:
            continue
        if first[sensor[i]] == MISSING:
            first[sensor[i]] = ticks[i]
        if first[everyone] == MISSING:
            first[everyone] = ticks[i]
    for i in order:
        s = sensor[i]
        t = ticks[i]
        if truncated[i]:
            reference = last[s] if last[s] != MISSING else first[s]
            if reference == MISSING and received_ns[i] != NO_TIME:
                reference = received_ns[i] % _DAY_NS // TICK_NS
            elif reference == MISSING and t != MISSING:
                reference = last[everyone] if last[everyone] != MISSING else first[everyone]
            if reference == MISSING:
                out[i] = NO_TIME
                continue
            t = reference if t == MISSING else _nearest_full(t, reference)
        elif t == MISSING:
            out[i] = NO_TIME
            continue
        if day_ns == 0 and received_ns[i] != NO_TIME:
            whole = (received_ns[i] - t * TICK_NS + _DAY_NS // 2) // _DAY_NS
            last[s] = t
            out[i] = whole * _DAY_NS + t * TICK_NS
            continue
        known = s if last[s] != MISSING else everyone
        today = day[known]
        if last[known] != MISSING:
            if t - last[known] < -_HALF_DAY_TICKS:
                today += 1
            elif t - last[known] > _HALF_DAY_TICKS:
                today -= 1
        day[s], last[s] = today, t
        day[everyone], last[everyone] = today, t
        out[i] = day_ns + today * _DAY_NS + t * TICK_NS


def in_file_order(positions: list[NDArray[Any]]) -> NDArray[np.int64]:
    """The rows of several lists of file positions, put one after another, in file order."""
    position = np.concatenate(positions)
    if len(position) < 2 or bool(np.all(position[1:] >= position[:-1])):
        return np.arange(len(position))
    return np.argsort(position, kind="stable")


def ticks_of(time_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """The nearest time of day in 1/128 s, 0 .. DAY_TICKS - 1: the last half step before midnight is midnight."""
    return (time_ns % _DAY_NS + TICK_NS // 2) // TICK_NS % DAY_TICKS
