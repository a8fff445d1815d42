"""Alerts of safety nets -> CAT004 records. Item meanings: EUROCONTROL SPEC-0149-17 (CAT004)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from farwatch.errors import FormatError
from farwatch.formats.asterix.encode import Encoded, Repeated, encode
from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.table import load_table
from farwatch.formats.asterix.text import icao_text
from farwatch.formats.asterix.time_of_day import ticks_of
from farwatch.plots import Floats, Ints, pack_callsign

_FOOT_M = 0.3048


class AlertKind(IntEnum):
    """What a message says (I004/000): the function of the safety nets that gives the alert, or the end of one."""

    ALIVE = 1
    MSAW = 4  # minimum safe altitude
    APW = 5  # area proximity
    CLAM = 6  # cleared level adherence
    STCA = 7  # short term conflict
    APM = 8  # approach path
    END_OF_CONFLICT = 17


class AlertStatus(IntEnum):
    """How far an alert has come (I004/045, STAT)."""

    INACTIVE = 0
    ACTIVE = 1
    PRE_ACTIVE = 2


class Source(NamedTuple):
    """Who reports, and whose tracks are meant: (SAC, SIC) each."""

    reporter: tuple[int, int]
    systems: Sequence[tuple[int, int]] = ()  # the track numbers are theirs (I004/015)


class Alerts(NamedTuple):
    """n messages, one row each; times to come and separations of the two aircraft, or of one and what it must avoid."""

    time_ns: Ints
    kind: Ints  # AlertKind
    alert: Ints  # the alert's number, 0 to 65535; the same from its first message to its last
    status: Ints  # AlertStatus
    track_1: Ints  # CAT062 track numbers
    track_2: Ints
    conflict_s: Floats  # until separation is lost
    closest_s: Floats  # until the closest approach
    horizontal_m: Floats
    closest_horizontal_m: Floats
    vertical_m: Floats
    closest_vertical_m: Floats
    major: Ints  # 1: a major infringement of separation, 0: a minor one
    fast_lateral_divergence: Ints  # now
    fast_vertical_divergence: Ints
    crossed: Ints  # when the conflict begins
    diverging: Ints
    severe: Ints  # 1: of high severity, 0: of low
    probability: Floats  # 0 to 1
    duration_s: Floats
    area: NDArray[np.str_]  # name of the area that is violated, eight characters of A to Z, 0 to 9 and blank

    @property
    def n(self) -> int:
        return len(self.time_ns)


_REAL = {"conflict_s", "closest_s", "horizontal_m", "closest_horizontal_m", "vertical_m", "closest_vertical_m"}
_REAL |= {"probability", "duration_s"}


def make_alerts(n: int, **columns: ArrayLike) -> Alerts:
    """n alerts with the given columns; the others are absent (ABSENT, NaN, "")."""
    if unknown := sorted(columns.keys() - set(Alerts._fields)):
        raise TypeError(f"alerts have no columns {unknown}")
    out: list[Any] = []
    for name in Alerts._fields:
        dtype, absent = (
            (np.float64, np.nan) if name in _REAL else (np.str_, "") if name == "area" else (np.int64, ABSENT)
        )
        out.append(np.broadcast_to(np.asarray(columns.get(name, absent), dtype), (n,)))
    return Alerts(*out)


def alert_records(alerts: Alerts, source: Source, edition: str | None = None) -> Encoded:
    """CAT004 records. Raises FormatError: no time or kind, a number that fits no item.

    Times and separations beyond their items are counted as `Encoded.clamped`; none of them is below 0.
    """
    if (alerts.time_ns == ABSENT).any() or (alerts.kind == ABSENT).any():
        raise FormatError("every CAT004 message needs a time and a kind")
    packed = np.array([pack_callsign(name) for name in alerts.area.tolist()], np.int64)
    named = icao_text(packed) if alerts.n else packed
    columns: dict[str, NDArray[Any]] = {
        "010/SAC": np.full(alerts.n, source.reporter[0]),
        "010/SIC": np.full(alerts.n, source.reporter[1]),
        "000": alerts.kind,
        "020": ticks_of(alerts.time_ns),
        "040": alerts.alert,
        "045/STAT": alerts.status,
        "030": alerts.track_1,
        "035": alerts.track_2,
        "070/TC": alerts.conflict_s,
        "070/TCA": alerts.closest_s,
        "070/CHS": alerts.horizontal_m,
        "070/MHS": alerts.closest_horizontal_m,
        "070/CVS": alerts.vertical_m / _FOOT_M,
        "070/MVS": alerts.closest_vertical_m / _FOOT_M,
        "120/CN/TYPE": alerts.major,
        "120/CN/FLD": alerts.fast_lateral_divergence,
        "120/CN/FVD": alerts.fast_vertical_divergence,
        "120/CN/CROSS": alerts.crossed,
        "120/CN/DIV": alerts.diverging,
        "120/CC/CS": alerts.severe,
        "120/CP": alerts.probability * 100.0,
        "120/CD": alerts.duration_s,
        "100/AN": named,
    }
    return encode(load_table(4, edition), columns, _systems(alerts.n, source.systems))


def _systems(n: int, systems: Sequence[tuple[int, int]]) -> Mapping[str, Repeated]:
    """I004/015 of every record."""
    if not systems:
        return {}
    each = np.array(systems, np.int64).reshape(-1, 2)
    return {"015": Repeated(np.arange(n + 1) * len(each), np.tile(each, (n, 1)))}
