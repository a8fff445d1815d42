"""Radar plots and messages written as CAT001 and CAT002, read back, and read by libasterix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_radar_out import DAY_NS, LEVEL_STEP_M, SENSORS, replayed, scene

import encoding
from farwatch.errors import FormatError
from farwatch.formats import asterix
from farwatch.formats.asterix.radar_out import conventional_records, message_records
from farwatch.formats.asterix.table import editions
from farwatch.plots import NO_ADDRESS, Kind, Measured, Plots, Progress, ProgressKind
from farwatch.sinks.radar_asterix import station, write_radars

CONVENTIONAL_STEP_M = 1852.0 / 128
_AS_CONVENTIONAL = {Kind.MODE_S: Kind.SSR, Kind.PSR_MODE_S: Kind.PSR_SSR}


@pytest.fixture(scope="module")
def made() -> tuple[Plots, Progress]:
    return scene()


def test_a_conventional_radar_reads_back(made: tuple[Plots, Progress], tmp_path: Path) -> None:
    """CAT001 and 002: no identity but Mode A, coarser ranges, and the full times by way of the messages."""
    plots, progress = made
    plots = plots._replace(amplitude_dbm=np.full(plots.n, -61.0, np.float32))
    path = tmp_path / "plots.ast"
    write_radars(path, plots, progress, SENSORS, conventional=True)
    assert set(asterix.inspect(path).categories) == {1, 2}
    found, messages = replayed(path)
    given = plots.take(np.argsort(plots.time_ns, kind="stable"))
    assert found.n == given.n and messages.n == progress.n
    assert np.abs(found.time_ns - given.time_ns).max() <= 3_906_250
    for name in ("sensor", "mode_a", "flags", "amplitude_dbm"):
        np.testing.assert_array_equal(getattr(found, name), getattr(given, name), name)
    assert found.kind.tolist() == [_AS_CONVENTIONAL.get(Kind(kind), kind) for kind in given.kind.tolist()]
    np.testing.assert_allclose(found.z[:, 0], given.z[:, 0], atol=CONVENTIONAL_STEP_M / 2 + 1e-6)
    np.testing.assert_allclose(found.pressure_altitude_m, given.pressure_altitude_m, atol=LEVEL_STEP_M / 2 + 1e-9)
    assert (found.address == NO_ADDRESS).all()
    assert (found.measured & int(Measured.RANGE_RATE) != 0).sum() > 200
    np.testing.assert_allclose(found.z[:, 3], given.z[:, 3], atol=1852.0 / 512 + 1e-9)  # steps of 7.2 m/s
    for column in ("sensor", "kind", "azimuth_rad"):
        np.testing.assert_allclose(getattr(messages, column), getattr(progress, column), atol=1e-12)


@pytest.mark.parametrize("edition", editions(1))
def test_libasterix_reads_conventional_plots(edition: str, made: tuple[Plots, Progress]) -> None:
    plots = made[0].take(slice(0, 200))
    records = conventional_records(plots, [station(sensor) for sensor in SENSORS], edition)
    found = encoding.read_by_libasterix(1, edition, records)
    assert len(found) == plots.n
    assert all(one["020/TYP"] == 0 for one in found)
    ticks = [round(ns % DAY_NS / 7_812_500) % 65_536 for ns in plots.time_ns.tolist()]
    assert [one["141"] for one in found] == ticks
    rates = np.array([one.get("120", np.nan) for one in found]) * 1852.0 / 256
    np.testing.assert_allclose(rates, plots.z[:, 3], atol=1852.0 / 512 + 1e-9)
    assert np.nanmin(rates) < 0 < np.nanmax(rates)
    ranges = np.array([one["040/RHO"] for one in found]) * CONVENTIONAL_STEP_M
    np.testing.assert_allclose(ranges, plots.z[:, 0], atol=CONVENTIONAL_STEP_M / 2 + 1e-6)
    with pytest.raises(FormatError, match="is beyond what CAT001 can say"):
        far_off = plots._replace(z=np.where(np.arange(6) == 0, 950_000.0, plots.z))
        conventional_records(far_off, [station(sensor) for sensor in SENSORS], edition)


@pytest.mark.parametrize("edition", editions(2))
def test_libasterix_reads_conventional_messages(edition: str, made: tuple[Plots, Progress]) -> None:
    progress = made[1].take(slice(0, 100))
    records = message_records(progress, [station(sensor) for sensor in SENSORS], edition, 2)
    found = encoding.read_by_libasterix(2, edition, records)
    assert [one["000"] for one in found] == [1 if kind == ProgressKind.NORTH else 2 for kind in progress.kind]
    assert all(("020" in one) == (one["000"] == 2) for one in found)
