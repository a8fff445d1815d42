"""Recordings that the project does not carry: found through FARWATCH_DATA."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]


def recording_path(name: str) -> Path:
    """A recording by its path in the folder, or a skip where that is not here."""
    folder = Path(os.environ.get("FARWATCH_DATA", PROJECT.parent / "shared" / "data"))
    path = folder / name
    if not path.exists():
        pytest.skip(f"{name} is not here ({folder}); set FARWATCH_DATA")
    return path
