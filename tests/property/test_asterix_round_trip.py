"""What is encoded is what is read, to the last step of each item, however the bytes are cut."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reference_asterix as ref
from farwatch.formats.asterix import Decoded, read, stream
from farwatch.plots import Flag, callsign_text, pack_callsign

SOURCES = {(1, 10): 0, (1, 11): 1}
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
TEXT = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=8)

PLOT = st.fixed_dictionaries(
    {
        "ticks": st.integers(0, 86_400 * 128 - 1),
        "rho": st.integers(1, 65_534),
        "theta": st.integers(0, 65_535),
        "level": st.none() | st.integers(-(1 << 13), (1 << 13) - 1),
        "mode_a": st.none() | st.tuples(st.booleans(), st.booleans(), st.integers(0, 4095)),
        "address": st.none() | st.integers(1, (1 << 24) - 2),
        "callsign": st.none() | TEXT,
        "sensor": st.integers(0, 1),
    }
)


def encoded(plot: dict) -> bytes:
    items = {"i010": ref.source(1, 10 + plot["sensor"]), "i020": b"\xa0"}
    items["i140"] = plot["ticks"].to_bytes(3, "big")
    items["i040"] = struct.pack(">HH", plot["rho"], plot["theta"])
    if plot["level"] is not None:
        items["i090"] = (plot["level"] % (1 << 14)).to_bytes(2, "big")
    if plot["mode_a"] is not None:
        invalid, garbled, code = plot["mode_a"]
        items["i070"] = (invalid << 15 | garbled << 14 | code).to_bytes(2, "big")
    if plot["address"] is not None:
        items["i220"] = plot["address"].to_bytes(3, "big")
    if plot["callsign"] is not None:
        items["i240"] = pack_callsign(plot["callsign"]).to_bytes(6, "big")
    return ref.record(48, **items)


def check(found: Decoded, plots: list[dict]) -> None:
    assert found.plots.n == len(plots) and not found.statistics.errors and not found.statistics.skipped
    for row, plot in enumerate(plots):
        one = found.plots.take(slice(row, row + 1))
        assert one.sensor[0] == plot["sensor"]
        assert one.time_ns[0] % (86_400 * 10**9) == plot["ticks"] * 7_812_500
        np.testing.assert_allclose(one.z[0, 0], plot["rho"] * 1852 / 256, rtol=1e-15)
        np.testing.assert_allclose(one.z[0, 1], plot["theta"] * 2 * np.pi / 65_536, rtol=1e-14)
        level = np.nan if plot["level"] is None else plot["level"] * 25 * 0.3048
        np.testing.assert_allclose(one.pressure_altitude_m[0], level, rtol=1e-14)
        invalid, garbled, code = plot["mode_a"] or (False, False, -1)
        assert one.mode_a[0] == code
        assert bool(one.flags[0] & Flag.MODE_A_INVALID) == invalid
        assert bool(one.flags[0] & Flag.MODE_A_GARBLED) == garbled
        assert one.address[0] == (-1 if plot["address"] is None else plot["address"])
        assert callsign_text(int(one.callsign[0])) == (plot["callsign"] or "")


@QUICK
@given(st.lists(st.lists(PLOT, min_size=1, max_size=5), min_size=1, max_size=6), st.booleans())
def test_plots_come_back(blocks: list[list[dict]], in_packets: bool) -> None:
    payloads = [ref.block(48, *map(encoded, plots)) for plots in blocks]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("a.pcap" if in_packets else "a.ast")
        path.write_bytes(ref.pcap(payloads) if in_packets else b"".join(payloads))
        check(read(path, SOURCES), [plot for plots in blocks for plot in plots])


@QUICK
@given(st.lists(st.integers(0, 86_400 * 128 - 1), min_size=1, max_size=40))
def test_times_never_step_by_more_than_half_a_day(ticks: list[int]) -> None:
    plots = [{"ticks": t, "rho": 1, "theta": 0, "sensor": 0} for t in ticks]
    empty = dict.fromkeys(("level", "mode_a", "address", "callsign"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.ast"
        path.write_bytes(b"".join(ref.block(48, encoded(plot | empty)) for plot in plots))
        time_ns = read(path, SOURCES, day_ns=100 * 86_400 * 10**9).plots.time_ns
        parts = [part.plots.time_ns for part in stream(path, SOURCES, chunk_bytes=1, day_ns=100 * 86_400 * 10**9)]
    assert (np.abs(np.diff(time_ns)) <= 43_200 * 10**9).all()
    assert time_ns[0] // (86_400 * 10**9) == 100
    np.testing.assert_array_equal(np.concatenate(parts), time_ns)
