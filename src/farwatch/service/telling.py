"""Telling: what passes by in a second of data time becomes an update on the board; what is wrong is put in words."""

from __future__ import annotations

import logging
import time

from farwatch.picture import Picture, concat_pictures, make_picture
from farwatch.plots import Batch, Plots, concat_plots, make_plots

SECOND_NS = 1_000_000_000
MOST_LATENCIES = 1000

logger = logging.getLogger("farwatch.service")


class Telling:
    """Collects the looks, plots and latencies since the last update."""

    def __init__(self) -> None:
        self.until_ns = 0
        self._told = 0  # the second of the last update
        self._looks: list[Picture] = []
        self._plots: list[Plots] = []
        self._latency_ms: list[float] = []
        self._taken = 0
        self._then_ns = 0

    def add(self, batch: Batch, picture: Picture, latency_ms: float | None) -> bool:
        """Take in what a batch has come to; true where an update is due."""
        self.until_ns = batch.until_ns
        if picture.n:
            self._looks.append(picture)
        if batch.plots.n:
            self._plots.append(batch.plots)
            self._taken += batch.plots.n
        if latency_ms is not None and len(self._latency_ms) < MOST_LATENCIES:
            self._latency_ms.append(latency_ms)
        return batch.until_ns // SECOND_NS > self._told

    def looks(self) -> Picture:
        """The looks since the update before."""
        return concat_pictures([make_picture(0), *self._looks])._replace(until_ns=self.until_ns)

    def plots(self) -> Plots:
        """The plots since the update before."""
        return concat_plots([make_plots(0), *self._plots])

    def latency_ms(self) -> tuple[float, ...]:
        """One of each batch."""
        return tuple(self._latency_ms)

    def since_s(self) -> float:
        """Data time since the update before."""
        return (self.until_ns - self._then_ns) * 1e-9 if self._then_ns else 1.0

    def plots_per_s(self) -> float:
        """Of data time, since the update before."""
        return self._taken / max(self.since_s(), 1e-3)

    def begin(self) -> None:
        """The update has been made: collect for the next one."""
        self._told, self._then_ns = self.until_ns // SECOND_NS, self.until_ns
        self._looks, self._plots, self._latency_ms, self._taken = [], [], [], 0


class Words:
    """What an operator should know: standing conditions by name, and notices that are shown for a while.

    The log is told when each comes and goes.
    """

    def __init__(self) -> None:
        self._standing: dict[str, str] = {}
        self._notices: dict[str, float] = {}

    def standing(self, now: dict[str, str]) -> None:
        """The conditions that hold now, by name."""
        for name, text in now.items():
            if name not in self._standing:
                logger.warning("%s", text, extra={"condition": name})
        for name, text in self._standing.items():
            if name not in now:
                logger.info("over: %s", text, extra={"condition": name})
        self._standing = now

    def notice(self, text: str, for_s: float = 60.0, level: int = logging.WARNING) -> None:
        """Something that has happened."""
        logger.log(level, "%s", text)
        self._notices[text] = time.monotonic() + for_s

    def said(self) -> tuple[str, ...]:
        """All that holds."""
        now_s = time.monotonic()
        self._notices = {text: end_s for text, end_s in self._notices.items() if end_s > now_s}
        return (*self._standing.values(), *self._notices)
