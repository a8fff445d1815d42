"""Packing: nested tuples and lists of arrays and whole numbers as plain data, and back, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np


def copied(value: Any) -> Any:
    """The same with arrays of its own."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, tuple | list):
        return [copied(item) for item in value]
    return value


def packed(value: Any) -> Any:
    """Arrays as (dtype, shape, bytes), NamedTuples and lists of them as lists."""
    if isinstance(value, np.ndarray):
        return [value.dtype.str, list(value.shape), value.tobytes()]
    if isinstance(value, tuple | list):
        return [packed(item) for item in value]
    return int(value)


def unpacked(like: Any, data: Any) -> Any:
    """The inverse of `packed`, shaped as `like`; raises ValueError or TypeError where it cannot be that."""
    if isinstance(like, np.ndarray):
        dtype, shape, content = data
        return np.frombuffer(content, dtype).reshape(shape).copy()
    if isinstance(like, tuple):
        parts = [unpacked(item, part) for item, part in zip(like, data, strict=True)]
        return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)
    if isinstance(like, list):
        return [unpacked(item, part) for item, part in zip(like, data, strict=True)]
    return data
