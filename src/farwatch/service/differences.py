"""Packing: pictures as what has changed since the one before, which compresses three times as well as they do.

Every column is a difference from what the track's row before says, positions from where they would be by now had they
moved as before; all in whole numbers that wrap, so that what comes back is the same to the bit. Differences are told by
zigzag (0, -1, 1, -2, ...) and laid out byte by byte of their size, so that what is nearly always zero stands together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from farwatch.picture import Picture
from farwatch.plots import Floats
from farwatch.service.wire import HEAD, PICTURE_COLUMNS, split

CODEC = pa.Codec("zstd", compression_level=1)

# What the detail of a past picture needs besides the picture's own columns: sigmas in steps of a twelfth of an octave.
ACCURACY = (
    "height", "sigma_east", "sigma_north", "sigma_height", "sigma_v_east", "sigma_v_north", "correlation", "existence",
)  # fmt: skip
ACCURACY_COLUMNS = ("<u2", "u1", "u1", "u1", "u1", "u1", "u1", "u1")
_COLUMNS = tuple(np.dtype(one).str.replace("i", "u") for one in (*PICTURE_COLUMNS, *ACCURACY_COLUMNS))
_LATITUDE, _LONGITUDE = 1, 2
_LEAST, _OCTAVE = 0.05, 12.0
_BELOW_M = 1000.0

Columns = list[NDArray[Any]]  # unsigned, the first of them the rising track numbers


def accuracy_columns(states: Picture) -> Columns:
    """The columns of ACCURACY of a picture's tracks."""
    height = np.rint(np.clip(np.nan_to_num(states.height_wgs84_m) + _BELOW_M, 0.0, 65_535.0)).astype(np.uint16)
    sigmas = (
        states.sigma_east_m,
        states.sigma_north_m,
        states.sigma_height_m,
        states.sigma_v_east_mps,
        states.sigma_v_north_mps,
    )
    correlation = np.rint(np.clip(np.nan_to_num(states.correlation_east_north), -1.0, 1.0) * 127 + 128).astype(np.uint8)
    existence = np.rint(np.clip(np.nan_to_num(states.existence), 0.0, 1.0) * 255).astype(np.uint8)
    return [height, *(_steps(values) for values in sigmas), correlation, existence]


def _steps(sigmas: Floats) -> NDArray[np.uint8]:
    """Standard deviations in steps, 1 to 255; 0 where there is none."""
    known = np.isfinite(sigmas)
    steps = np.rint(np.log2(np.where(known, np.maximum(sigmas, _LEAST), _LEAST) / _LEAST) * _OCTAVE) + 1.0
    return np.where(known, np.minimum(steps, 255.0), 0.0).astype(np.uint8)


def accuracy_of(columns: Columns, row: int) -> dict[str, float | None]:
    """The numbers of one row of ACCURACY: metres, m/s; None where there was none."""
    found: dict[str, float | None] = {}
    for name, column in zip(ACCURACY, columns, strict=True):
        value = int(column[row])
        if name == "height":
            found[name] = value - _BELOW_M
        elif name == "correlation":
            found[name] = (value - 128) / 127.0
        elif name == "existence":
            found[name] = value / 255.0
        else:
            found[name] = _LEAST * 2.0 ** ((value - 1) / _OCTAVE) if value else None
    return found


class Chain:
    """The picture before, as both who packs and who unpacks has it; a new one stands before a key picture."""

    def __init__(self) -> None:
        self._columns: Columns = [np.empty(0, dtype) for dtype in _COLUMNS]
        self._moved: Columns = [np.empty(0, np.uint32), np.empty(0, np.uint32)]

    def pack(self, picture: bytes, accuracy: Columns) -> bytes:
        """A picture's message and its accuracy as bytes; the chain is then at that picture."""
        columns = [column.view(dtype) for column, dtype in zip((*split(picture, PICTURE_COLUMNS), *accuracy), _COLUMNS)]
        expected = self._expected(columns[0])
        differences = [np.diff(columns[0], prepend=np.uint32(0))]
        differences += [column - one for column, one in zip(columns[1:], expected, strict=True)]
        self._advance(columns)
        return picture[: HEAD.size] + b"".join(_spread(_zigzag(one)) for one in differences)

    def unpack(self, packed: bytes) -> tuple[bytes, Columns]:
        """The message and the accuracy that were packed; the chain is then at that picture."""
        n, start = HEAD.unpack_from(packed)[3], HEAD.size
        differences = []
        for dtype in _COLUMNS:
            size = n * np.dtype(dtype).itemsize
            differences.append(_straight(_gathered(packed[start : start + size], dtype)))
            start += size
        ids = np.cumsum(differences[0], dtype=np.uint32)
        columns = [ids]
        columns += [one + change for one, change in zip(self._expected(ids), differences[1:], strict=True)]
        self._advance(columns)
        own = len(PICTURE_COLUMNS)
        return packed[: HEAD.size] + b"".join(column.tobytes() for column in columns[:own]), columns[own:]

    def copy(self) -> Chain:
        """Another at the same picture."""
        other = Chain()
        other._columns, other._moved = self._columns, self._moved
        return other

    def _before(self, ids: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Rows of the picture before, and which of them are the tracks that are asked for."""
        before = self._columns[0]
        if not len(before):
            return np.zeros(len(ids), np.int64), np.zeros(len(ids), np.bool_)
        at = np.minimum(np.searchsorted(before, ids), len(before) - 1)
        return at, before[at] == ids

    def _expected(self, ids: NDArray[np.uint32]) -> Columns:
        """What each column but the first would be; zero for new tracks."""
        at, same = self._before(ids)
        if not same.any():
            return [np.zeros(len(ids), dtype) for dtype in _COLUMNS[1:]]
        expected = [np.where(same, column[at], column.dtype.type(0)) for column in self._columns[1:]]
        for place, moved in zip((_LATITUDE, _LONGITUDE), self._moved, strict=True):
            expected[place - 1] = expected[place - 1] + np.where(same, moved[at], np.uint32(0))
        return expected

    def _advance(self, columns: Columns) -> None:
        at, same = self._before(columns[0])
        moved = []
        for place in (_LATITUDE, _LONGITUDE):
            before = self._columns[place][at] if same.any() else columns[place]
            moved.append(np.where(same, columns[place] - before, np.uint32(0)))
        self._columns, self._moved = columns, moved


def _zigzag(values: NDArray[Any]) -> NDArray[Any]:
    signed = values.view(values.dtype.str.replace("u", "i"))
    told: NDArray[Any] = ((signed << 1) ^ (signed >> (8 * values.itemsize - 1))).view(values.dtype)
    return told


def _straight(values: NDArray[Any]) -> NDArray[Any]:
    one = values.dtype.type(1)
    meant: NDArray[Any] = (values >> one) ^ (~(values & one) + one)
    return meant


def _spread(values: NDArray[Any]) -> bytes:
    """The first bytes of all values, then the second ones, and so on."""
    return np.ascontiguousarray(values).view(np.uint8).reshape(len(values), values.itemsize).T.tobytes()


def _gathered(data: bytes, dtype: str) -> NDArray[Any]:
    size = np.dtype(dtype).itemsize
    return np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(size, -1).T).view(dtype).reshape(-1)


def compressed(parts: Sequence[bytes]) -> bytes:
    """Parts in one, by zstd."""
    packed: bytes = CODEC.compress(b"".join(parts), asbytes=True)
    return packed


def expanded(data: bytes, size: int) -> bytes:
    """The inverse; raises `OSError` where that is not what was compressed."""
    whole: bytes = CODEC.decompress(data, decompressed_size=size, asbytes=True)
    return whole
