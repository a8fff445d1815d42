"""farwatch check --sensors: how right, how often and how well each sensor sees, measured against the others."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from farwatch.api import tracker_of
from farwatch.cli.say import bar, kernels_ready, out, partial, result
from farwatch.cli.track import losses
from farwatch.errors import FarwatchError
from farwatch.plots import Batch
from farwatch.registration import RegistrationOptions
from farwatch.registration.report import NAMES, Quality, SensorReport, as_values, sensor_reports
from farwatch.scenario import Scenario, load
from farwatch.simulation import Figures, Simulation
from farwatch.sources import Replay, Simulated
from farwatch.sources.replay import size_of

UNITS = ("range\nm", "gain\n1e-4", "azimuth\ndeg", "time\nms")
FACTORS = (1.0, 1e4, 1.0, 1e3)
DIGITS = (1, 2, 4, 1)


def check_sensors(site: str, recordings: list[Path], duration_s: float, seed: int, as_json: bool) -> None:
    """Track recordings, or the scenario's own simulation, and print what that told of the sensors."""
    scenario = load(site)
    if scenario.registration is None:
        scenario = msgspec.structs.replace(scenario, registration=RegistrationOptions())
    if not recordings and scenario.simulation == Simulation() and scenario.figures == Figures():
        raise FarwatchError(f"{site}: says nothing of a simulation; name a recording: --recording FILE")
    tracker = tracker_of(scenario)
    kernels_ready()
    assert tracker.registrar is not None
    lost: list[str] = []
    if recordings:
        with bar("tracking", sum(map(size_of, recordings)) / 1e6, "MB") as progress:
            source = Replay(
                recordings,
                scenario.sensors,
                flat=scenario.frame.flat,
                on_bytes=lambda n: progress.advance(progress.task_ids[0], n / 1e6),
                merge=scenario.merge,
            )
            seconds = _through(source, tracker.update)
        lost = losses(source, tracker)
    else:
        seconds = _simulated(scenario, tracker.update, duration_s, seed)
    reports = sensor_reports(tracker.registrar)
    windows = int(tracker.registrar.estimator.known.windows[0])
    left_out = int(tracker.registrar.left_out[0])
    if as_json:
        about = {"name": scenario.name, "data_s": round(seconds, 1), "windows": windows, "plots_left_out": left_out}
        delays = tracker.registrar.delays
        columns = zip(delays.address.tolist(), delays.value_m.tolist(), delays.sigma_m.tolist(), strict=True)
        transponders = [{"address": f"{a:06X}", "delay_m": d, "sigma_m": s} for a, d, s in columns]
        result(about | {"sensors": [as_values(one) for one in reports], "transponders": transponders})
    else:
        _print(out(), site, reports, seconds, windows, left_out)
    partial(lost)


def _through(source: Iterable[Batch], update: object) -> float:
    """Hand every batch on; returns the seconds of data."""
    first_ns = last_ns = 0
    for batch in source:
        if batch.plots.n:
            first_ns, last_ns = first_ns or int(batch.plots.time_ns[0]), int(batch.plots.time_ns[-1])
        update(batch)  # type: ignore[operator]
    return (last_ns - first_ns) * 1e-9


def _simulated(scenario: Scenario, update: object, duration_s: float, seed: int) -> float:
    source = Simulated(scenario.sensors, scenario.frame, scenario.simulation, duration_s, seed, merge=scenario.merge)
    with bar("simulating and tracking", duration_s, "s of data") as progress:
        task, began_ns = progress.task_ids[0], 0

        def told(batch: Batch) -> None:
            nonlocal began_ns
            began_ns = began_ns or batch.until_ns
            update(batch)  # type: ignore[operator]
            progress.update(task, completed=(batch.until_ns - began_ns) * 1e-9)

        return _through(source, told)


def _print(
    console: Console, site: str, reports: tuple[SensorReport, ...], seconds: float, windows: int, left_out: int
) -> None:
    reference = next(report.id for report in reports if report.reference)
    console.print(
        f"{site}: {seconds:,.0f} s of data, {windows} windows; times relative to {reference}; ± one sigma",
        markup=False,
    )
    table = Table(title="systematic errors: measured minus true", box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("sensor", *UNITS, "residual\n/ stated", "aircraft", "standing"):
        table.add_column(heading, justify="left" if heading in ("sensor", "standing") else "right", no_wrap=True)
    for report in reports:
        cells = [_error(report, k) for k in range(len(NAMES))]
        score = f"{math.sqrt(report.score):.2f}" if math.isfinite(report.score) else "-"
        standing = "reference" if report.reference and report.standing == "ok" else report.standing
        table.add_row(report.id, *cells, score, f"{report.aircraft:,}", standing)
    console.print(table)
    table = Table(title="how often and how well: measured (stated)", box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("sensor", "detection", "interval, s", "range or place\nnoise, m", "azimuth\nnoise, deg"):
        table.add_column(heading, justify="left" if heading == "sensor" else "right")
    for report in reports:
        table.add_row(report.id, *_qualities(report.measured, report.stated))
    console.print(table)
    for report in reports:
        if report.sectors:
            _print_sectors(console, report)
    for report in reports:
        if report.words:
            console.print(f"  {report.words}", markup=False)
    if left_out:
        console.print(f"  {left_out:,} plots of sensors that nothing explains were left out", markup=False)


def _print_sectors(console: Console, report: SensorReport) -> None:
    table = Table(title=f"{report.id} by sector", box=SIMPLE_HEAD, pad_edge=False)
    headings = ("azimuth\ndeg", "detection", "interval\ns", "range\nnoise, m", "azimuth\nnoise, deg", "range\nleft, m")
    for heading in (*headings, "azimuth\nleft, deg"):
        table.add_column(heading, justify="right", no_wrap=True)
    width = 360 // len(report.sectors)
    for number, q in enumerate(report.sectors):
        table.add_row(
            f"{number * width}..{(number + 1) * width}",
            _cell(q.detection, 3),
            _cell(q.interval_s, 2),
            _cell(q.noise_first, 1),
            _cell(q.noise_azimuth_deg, 4),
            _cell(q.left_first, 1),
            _cell(q.left_azimuth_deg, 4),
        )
    console.print(table)


def _error(report: SensorReport, k: int) -> str:
    if not report.known[k]:
        return "-"
    value, sigma = report.errors[k] * FACTORS[k], report.sigma[k] * FACTORS[k]
    return f"{value:.{DIGITS[k]}f}\n±{sigma:.{DIGITS[k]}f}"


def _qualities(measured: Quality, stated: Quality) -> list[str]:
    pairs = zip(measured[:4], stated[:4], (3, 2, 1, 4), strict=True)
    return [f"{_cell(found, digits)} ({_cell(said, digits)})" for found, said, digits in pairs]


def _cell(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"
