"""Detections of the passive radar blah2: JSON lines of {"timestamp": ms, "delay": [km], "doppler": [Hz], "snr": [dB]}.

The delay is the bistatic range: how much longer the way over the aircraft is than that from the transmitter.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from farwatch.formats.heard import BROKEN, Heard, LineReader, Report
from farwatch.plots import Kind, Measured, make_plots

LATEST_MS = 4e12
LIGHT_MPS = 299_792_458.0
MOST = 100_000  # detections in a line


class _Line(msgspec.Struct):
    timestamp: float
    delay: list[float]
    doppler: list[float]
    snr: list[float] = []


_DECODER = msgspec.json.Decoder(_Line)


class Blah2(LineReader):
    """Reads one radar. Plots have z = bistatic range (m) and, as the fourth, its rate (m/s) where `frequency_hz`, that
    of the transmitter, is known: a positive Doppler shift is a range that grows shorter. The strength is the SNR."""

    name = "blah2"

    def __init__(
        self, receiver: tuple[float, float] | None = None, day_ns: int = 0, *, frequency_hz: float = math.nan
    ) -> None:
        super().__init__()
        self._wavelength_m = LIGHT_MPS / frequency_hz
        self._found: list[tuple[int, float, float, float]] = []

    def push(self, data: bytes, received_ns: int = 0) -> Heard:
        self._read(data, received_ns, False)
        return self._plots(received_ns)

    def flush(self) -> Heard:
        self._read(b"", 0, True)
        return self._plots(0)

    def _lines(self, lines: list[bytes], received_ns: int) -> list[Report]:
        for line in lines:
            try:
                found = _DECODER.decode(line)
            except ValueError:  # msgspec's too
                self.skip(BROKEN)
                continue
            n = len(found.delay)
            same = len(found.doppler) == n and len(found.snr) in (0, n)
            if not same or n > MOST or not 0.0 < found.timestamp < LATEST_MS:
                self.skip(BROKEN)
                continue
            self.statistics.records += 1
            self.kinds["detection"] += n
            time_ns = round(found.timestamp * 1e6)
            strengths = found.snr or [math.nan] * n
            self._found += [(time_ns, *one) for one in zip(found.delay, found.doppler, strengths, strict=True)]
        return []

    def _plots(self, received_ns: int) -> Heard:
        """The detections since the last time."""
        n = len(self._found)
        rows = np.array(self._found, np.float64).reshape(n, 4)
        z = np.full((n, 6), np.nan)
        z[:, 0], z[:, 3] = rows[:, 1] * 1000.0, -rows[:, 2] * self._wavelength_m
        measured = np.where(np.isnan(z[:, 3]), int(Measured.RANGE), int(Measured.RANGE | Measured.RANGE_RATE))
        time_ns = np.array([one[0] for one in self._found], np.int64)
        plots = make_plots(
            n,
            id=np.arange(self._next_id, self._next_id + n),
            time_ns=time_ns,
            received_ns=received_ns if received_ns else time_ns,
            kind=int(Kind.PASSIVE),
            z=z,
            measured=measured,
            amplitude_dbm=rows[:, 3],
        )
        self._next_id += n
        self._found = []
        return Heard(plots, np.full(n, np.nan))


def is_blah2(head: bytes) -> bool:
    """Whether the first line of a file is one."""
    try:
        _DECODER.decode(head.split(b"\n", 1)[0])
    except ValueError:
        return False
    return True
