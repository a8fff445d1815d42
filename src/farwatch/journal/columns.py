"""Columns of plots and progress as bytes that compress well: what is absent throughout is left out, bytes by place.

Exact to the bit: a column is only ever differenced (whole numbers) and its bytes put in another order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from farwatch.plots import Plots, Progress, make_plots, make_progress

_STEADY = ("id", "time_ns", "callsign")  # differences of neighbours are small


def packed_plots(plots: Plots) -> dict[str, bytes]:
    """Columns by name; `received_ns` as its distance from `time_ns`."""
    return _packed(plots, make_plots(plots.n))


def unpacked_plots(columns: dict[str, bytes], n: int) -> Plots:
    """n plots; raises ValueError where the columns are not theirs."""
    return Plots(*_unpacked(columns, make_plots(n)))


def packed_progress(progress: Progress) -> dict[str, bytes]:
    """Columns by name."""
    return _packed(progress, make_progress(progress.n))


def unpacked_progress(columns: dict[str, bytes], n: int) -> Progress:
    """n rows; raises ValueError where the columns are not theirs."""
    return Progress(*_unpacked(columns, make_progress(n)))


def packed_ints(values: NDArray[np.int64]) -> bytes:
    """Whole numbers by their differences."""
    return _shuffled(np.diff(values, prepend=np.int64(0)))


def unpacked_ints(data: bytes, n: int) -> NDArray[np.int64]:
    """The inverse of `packed_ints`."""
    return np.cumsum(_unshuffled(data, np.dtype(np.int64), n), dtype=np.int64)


def _packed(table: Any, absent: Any) -> dict[str, bytes]:
    out: dict[str, bytes] = {}
    for name, column, empty in zip(table._fields, table, absent, strict=True):
        if name == "received_ns":
            column = column - table.time_ns
            empty = np.zeros_like(column)
        if column.dtype != empty.dtype or column.shape != empty.shape:
            raise ValueError(f"column {name} is {column.dtype} {column.shape}, not {empty.dtype} {empty.shape}")
        if column.ndim == 1:
            if not _same(column, empty):
                out[name] = packed_ints(column) if name in _STEADY else _shuffled(column)
            continue
        for k in range(column.shape[1]):
            part = np.ascontiguousarray(column[:, k])
            if not _same(part, empty[:, k]):
                out[f"{name}{k}"] = _shuffled(part)
    return out


def _unpacked(columns: dict[str, bytes], table: Any) -> Sequence[NDArray[Any]]:
    n = len(table.time_ns)
    for name, column in zip(table._fields, table, strict=True):
        if column.ndim == 1:
            if name in columns:
                data = columns[name]
                column[:] = unpacked_ints(data, n) if name in _STEADY else _unshuffled(data, column.dtype, n)
            elif name == "received_ns":
                column[:] = 0
            continue
        for k in range(column.shape[1]):
            if f"{name}{k}" in columns:
                column[:, k] = _unshuffled(columns[f"{name}{k}"], column.dtype, n)
    table.received_ns[:] += table.time_ns
    done: Sequence[NDArray[Any]] = list(table)
    return done


def _same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return a.tobytes() == b.tobytes()  # NaN by NaN too, and bit by bit


def _shuffled(column: NDArray[Any]) -> bytes:
    """All first bytes, all second bytes, and so on."""
    size = column.dtype.itemsize
    return column.view(np.uint8).reshape(-1, size).T.tobytes() if len(column) else b""


def _unshuffled(data: bytes, dtype: np.dtype[Any], n: int) -> NDArray[Any]:
    if len(data) != n * dtype.itemsize:
        raise ValueError(f"{len(data)} bytes for {n} rows of {dtype}")
    values: NDArray[Any] = np.frombuffer(data, np.uint8).reshape(dtype.itemsize, n).T.copy().view(dtype)
    return values.reshape(math.prod((n,)))
