"""Identities: the rows of what changes seldom of a track, and the `static` messages that tell them."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from farwatch.picture import Picture
from farwatch.plots import NO_ADDRESS, NO_CALLSIGN, NO_MODE_A, Ints

IDENTITY = np.dtype([("id", "<u4"), ("address", "<i4"), ("mode_a", "<i2"), ("callsign", "<i8")])
Rows = NDArray[Any]  # of IDENTITY
TOLD_AT_ONCE = 1000  # tracks in one message: encoding a longer one would keep other threads waiting

_LETTERS = np.frombuffer(b" ABCDEFGHIJKLMNOPQRSTUVWXYZ" + b" " * 21 + b"0123456789" + b" " * 6, np.uint8)
_SHIFTS = np.arange(42, -1, -6)


def no_identities() -> Rows:
    """No rows."""
    return np.empty(0, IDENTITY)


def identities_of(picture: Picture) -> Rows:
    """A row a track of a picture, in its order."""
    rows = np.empty(picture.n, IDENTITY)
    rows["id"] = picture.track & 0xFFFFFFFF
    rows["address"], rows["mode_a"], rows["callsign"] = picture.address, picture.mode_a, picture.flight
    return rows


def changed(before: Rows, now: Rows) -> NDArray[np.bool_]:
    """(n,) which rows of `now` are new or other than in `before`; both in rising id."""
    if not len(before):
        return np.ones(len(now), np.bool_)
    at = np.minimum(np.searchsorted(before["id"], now["id"]), len(before) - 1)
    result: NDArray[np.bool_] = before[at] != now
    return result


def callsigns(packed: Ints) -> list[str | None]:
    """Packed callsigns as texts, None where there is none."""
    letters = _LETTERS[packed[:, None] >> _SHIFTS & 63]
    texts = letters.view("S8")[:, 0].astype("U8").tolist() if len(packed) else []
    return [text.strip() or None for text in texts]


def addresses(values: NDArray[np.int32]) -> list[str | None]:
    """24-bit addresses as six hexadecimal digits, None where there is none."""
    return [None if value == NO_ADDRESS else f"{value:06X}" for value in values.tolist()]


def modes_a(values: NDArray[np.int16]) -> list[str | None]:
    """Mode A codes as four octal digits, None where there is none."""
    return [None if value == NO_MODE_A else f"{value:04o}" for value in values.tolist()]


def static_messages(rows: Rows) -> list[str]:
    """The rows as `static` messages of at most so many tracks each; none for no rows."""
    messages = []
    for start in range(0, len(rows), TOLD_AT_ONCE):
        part = rows[start : start + TOLD_AT_ONCE]
        columns = part["id"].tolist(), callsigns(part["callsign"]), addresses(part["address"]), modes_a(part["mode_a"])
        tracks = [
            {"id": number, "callsign": callsign, "address": address, "mode_a": mode_a}
            for number, callsign, address, mode_a in zip(*columns, strict=True)
        ]
        messages.append(msgspec.json.encode({"type": "static", "tracks": tracks}).decode())
    return messages


def has_none(picture: Picture) -> NDArray[np.bool_]:
    """(n,) which tracks have no identity at all: seen by primary radar only."""
    nameless: NDArray[np.bool_] = (
        (picture.address == NO_ADDRESS) & (picture.mode_a == NO_MODE_A) & (picture.flight == NO_CALLSIGN)
    )
    return nameless
