"""The folder of a service's state: one service at a time may have it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from farwatch.errors import ConfigError

try:
    import fcntl
except ImportError:  # pragma: no cover - not on Windows
    fcntl = None  # type: ignore[assignment]


class Folder:
    """Holds the folder until it is closed or the process ends; raises `ConfigError` where another has it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise ConfigError(f"{path}: the state cannot be kept there ({error.strerror}); give --state DIR") from None
        if fcntl is not None:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(self._lock)
                raise ConfigError(
                    f"{path}: another farwatch serve keeps its state there; end it, or give --state DIR"
                ) from None

    def close(self) -> None:
        """Let another have it."""
        with contextlib.suppress(OSError):
            os.close(self._lock)
