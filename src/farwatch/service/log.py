"""The service's log: one JSON object a line on stderr. What is said over and over is said less often, and counted."""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import re
import sys
import time
from collections.abc import Iterator
from typing import Any, TextIO

MOST, WINDOW_S = 5, 60.0
_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "left_out"}


class JsonLines(logging.Formatter):
    """time, level, logger, event, and what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        at = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line: dict[str, Any] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line.update({name: value for name, value in record.__dict__.items() if name not in _OWN})
        if left_out := getattr(record, "left_out", 0):
            line["left_out"] = left_out
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class Seldom(logging.Filter):
    """Lets so many records of one wording, whatever its numbers, through in a while; the next tells of the others."""

    def __init__(self, most: int = MOST, window_s: float = WINDOW_S) -> None:
        super().__init__()
        self._most, self._window_s = most, window_s
        self._seen: dict[tuple[str, str], tuple[float, int, int]] = {}  # window's start, passed, left out

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        key, now_s = (record.name, re.sub(r"\d+", "#", record.getMessage())), time.monotonic()
        start_s, passed, left_out = self._seen.get(key, (now_s, 0, 0))
        if now_s - start_s > self._window_s:
            start_s, passed = now_s, 0
        if passed >= self._most:
            self._seen[key] = start_s, passed, left_out + 1
            return False
        record.left_out = left_out
        if len(self._seen) > 1000:
            self._seen.clear()
        self._seen[key] = start_s, passed + 1, 0
        return True


@contextlib.contextmanager
def json_log(stream: TextIO | None = None, level: int = logging.INFO) -> Iterator[None]:
    """Meanwhile, what `farwatch` logs goes to a stream (stderr) as JSON lines."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    handler.addFilter(Seldom())
    logger = logging.getLogger("farwatch")
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]
