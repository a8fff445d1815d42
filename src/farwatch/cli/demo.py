"""farwatch demo: simulated aircraft, tracked live in the terminal and compared with what is true."""

from __future__ import annotations

import math
import sys
import time
from typing import Any, NamedTuple

import numpy as np
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text
from scipy.optimize import linear_sum_assignment

from farwatch.cli.say import bar, err, kernels_ready, out, result
from farwatch.clock import AsFast, Clock, Paced
from farwatch.geodesy import ecef_to_polar, geodetic_to_ecef
from farwatch.picture import Picture, Status
from farwatch.pipeline import run
from farwatch.plots import callsign_text
from farwatch.scenario import Scenario, load
from farwatch.sensors import Radar
from farwatch.sources import Simulated
from farwatch.tracker import Tracker

NEAR_M = 5000.0  # a track farther from every aircraft is false
SIGHT_NS = 60 * 10**9  # an aircraft that caused no plot for so long is out of sight
SHOWN = 12
FOOT_M = 0.3048
KNOT_MPS = 1852.0 / 3600.0


class Standing(NamedTuple):
    """How the picture compares with the truth at one moment."""

    time_s: float
    in_sight: int
    held: int
    false: int
    error_m: float  # median distance of the tracks that hold an aircraft
    sigma_m: float  # median of what they say of themselves
    ms_per_scan: float


class Watched:
    """A clock that knows how long it has waited."""

    def __init__(self, clock: Clock) -> None:
        self.waited_s = 0.0
        self._clock = clock

    def wait_until(self, time_ns: int) -> None:
        """Wait as the clock does."""
        before_s = time.perf_counter()
        self._clock.wait_until(time_ns)
        self.waited_s += time.perf_counter() - before_s


def demo(name: str, duration_s: float, seed: int, speed: float, headless: bool, as_json: bool) -> None:
    """Run the scenario; live where there is a terminal, else with a summary at the end."""
    scenario = load(name)
    live = not headless and not as_json and sys.stdout.isatty()
    kernels_ready()
    tracker = Tracker(scenario.sensors, scenario.tracker, scenario.frame)
    source = Simulated(scenario.sensors, scenario.frame, scenario.simulation, duration_s, seed)
    clock = Watched(Paced(speed) if live else AsFast())
    standings: list[Standing] = []
    scan_ns = round(scenario.sensors[0].period_s * 1e9)
    scan, spent_s, first_ns = -1, 0.0, 0
    screen = Live(console=out(), refresh_per_second=8, transient=False) if live else None
    with bar("simulating and tracking", duration_s, "s of data") as progress:
        if screen:
            progress.stop()
            screen.start()
        try:
            before_s = time.perf_counter()
            for picture in run(source, tracker, clock):
                spent_s += time.perf_counter() - before_s - clock.waited_s
                clock.waited_s = 0.0
                first_ns = first_ns or picture.until_ns
                if picture.until_ns - first_ns > duration_s * 1e9:
                    break  # from here on nothing is true any more
                if picture.until_ns // scan_ns != scan:
                    scan = picture.until_ns // scan_ns
                    now = tracker.picture(picture.until_ns)
                    standings.append(compare(now, source, scenario, (now.until_ns - first_ns) * 1e-9, spent_s * 1e3))
                    progress.advance(progress.task_ids[0], scan_ns * 1e-9)
                    spent_s = 0.0
                    if screen:
                        screen.update(Group(headline(scenario, standings[-1], speed), aircraft(now, scenario)))
                before_s = time.perf_counter()
        finally:
            if screen:
                screen.stop()
    if not standings:
        err().print("farwatch: too short for a single scan")
        return
    close(scenario, standings, tracker, as_json)


def compare(now: Picture, source: Simulated, scenario: Scenario, time_s: float, ms: float) -> Standing:
    """Tracks against true positions of the same second, each to at most one."""
    truth = source.states
    at_ns = truth.time_ns[np.argmin(np.abs(truth.time_ns - now.until_ns))] if truth.n else 0
    real = truth.take(truth.time_ns == at_ns)
    lag_s = (now.until_ns - at_ns) * 1e-9
    seen = np.array([now.until_ns - source.sighted.get(int(a), 0) < SIGHT_NS for a in real.aircraft], bool)
    tracks, aircraft = position(now.lat_deg, now.lon_deg, scenario), moved(real, lag_s, scenario)
    if not len(tracks) or not len(aircraft):
        return Standing(time_s, int(seen.sum()), 0, len(tracks), math.nan, math.nan, ms)
    apart = np.linalg.norm(tracks[:, None] - aircraft[None], axis=2)
    rows, columns = linear_sum_assignment(np.minimum(apart, NEAR_M))
    near = apart[rows, columns] < NEAR_M
    held = near & seen[columns]
    error_m = float(np.median(apart[rows, columns][near])) if near.any() else math.nan
    sigma_m = float(np.median(now.sigma_horizontal_m[rows[near]])) if near.any() else math.nan
    return Standing(time_s, int(seen.sum()), int(held.sum()), len(tracks) - int(near.sum()), error_m, sigma_m, ms)


def position(lat_deg: Any, lon_deg: Any, scenario: Scenario) -> np.ndarray[Any, Any]:
    """Points (n, 3) on the ground, so that heights do not count."""
    if scenario.frame.flat:
        return np.column_stack([lon_deg, lat_deg, np.zeros(len(lat_deg))])
    return geodetic_to_ecef(np.radians(lat_deg), np.radians(lon_deg), np.zeros(len(lat_deg)))


def moved(real: Any, lag_s: float, scenario: Scenario) -> np.ndarray[Any, Any]:
    """True points on the ground after a fraction of a second more."""
    track = np.radians(real.track_angle_deg)
    north_m, east_m = real.ground_speed_mps * np.cos(track) * lag_s, real.ground_speed_mps * np.sin(track) * lag_s
    if scenario.frame.flat:
        return position(real.lat_deg + north_m, real.lon_deg + east_m, scenario)
    radius_m = 6.371e6 + real.height_wgs84_m
    lat = real.lat_deg + np.degrees(north_m / radius_m)
    return position(lat, real.lon_deg + np.degrees(east_m / radius_m / np.cos(np.radians(lat))), scenario)


def headline(scenario: Scenario, s: Standing, speed: float) -> Text:
    """One line of figures."""
    share = 100 * s.held / max(s.in_sight, 1)
    text = Text()
    text.append(f"{scenario.name}  ", style="bold")
    text.append(f"t = {s.time_s:,.0f} s at {speed:g} x   ", style="dim")
    text.append(f"holds {s.held} of {s.in_sight} in sight ({share:.1f} %)   ", style="green")
    text.append(f"{s.false} false   ", style="red" if s.false else "dim")
    text.append(f"median error {s.error_m:,.0f} m, sigma {s.sigma_m:,.0f} m   ")
    text.append(f"{s.ms_per_scan:.0f} ms a scan", style="cyan")
    return text


def aircraft(now: Picture, scenario: Scenario) -> Table:
    """The farthest tracks, as a controller would list them."""
    table = Table(box=None, padding=(0, 2))
    for heading in ("track", "callsign", "FL", "kt", "track angle", "range, km", "azimuth", "sigma, m", "status"):
        table.add_column(heading, justify="left" if heading in ("callsign", "status") else "right")
    first = scenario.sensors[0]
    if scenario.frame.flat or not isinstance(first, Radar):
        range_m, azimuth = np.hypot(now.lat_deg, now.lon_deg), np.arctan2(now.lon_deg, now.lat_deg)
    else:
        at = geodetic_to_ecef(np.radians(now.lat_deg), np.radians(now.lon_deg), now.height_wgs84_m)
        site = first.position
        polar = ecef_to_polar(math.radians(site.lat_deg), math.radians(site.lon_deg), site.ellipsoidal_height_m, at)
        range_m, azimuth = polar[:, 0], polar[:, 1]
    for row in np.argsort(-range_m)[:SHOWN]:
        level = now.pressure_altitude_m[row]
        table.add_row(
            f"{now.track[row]}",
            callsign_text(int(now.callsign[row])) or "-",
            f"{level / FOOT_M / 100:.0f}" if math.isfinite(level) else "-",
            f"{now.ground_speed_mps[row] / KNOT_MPS:.0f}",
            f"{now.track_angle_deg[row]:03.0f}",
            f"{range_m[row] / 1e3:.1f}",
            f"{math.degrees(azimuth[row]) % 360:05.1f}",
            f"{now.sigma_horizontal_m[row]:.0f}",
            Status(now.status[row]).name.lower(),
        )
    return table


def close(scenario: Scenario, standings: list[Standing], tracker: Tracker, as_json: bool) -> None:
    """Sum up the second half, when the picture has settled."""
    late = standings[len(standings) // 2 :]
    values = {
        "scenario": scenario.name,
        "data_s": round(standings[-1].time_s, 1),
        "plots": tracker.counts.given,
        "in_sight": int(np.median([s.in_sight for s in late])),
        "held": int(np.median([s.held for s in late])),
        "completeness": round(float(np.mean([s.held / max(s.in_sight, 1) for s in late])), 4),
        "false_tracks": round(float(np.mean([s.false for s in late])), 2),
        "error_m": round(float(np.nanmedian([s.error_m for s in late])), 1),
        "sigma_m": round(float(np.nanmedian([s.sigma_m for s in late])), 1),
        "ms_per_scan": round(float(np.median([s.ms_per_scan for s in late])), 2),
    }
    if as_json:
        result(values)
        return
    table = Table(show_header=False, title=f"{scenario.name}: the second half of {values['data_s']:g} s")
    table.add_column()
    table.add_column(justify="right")
    table.add_row("aircraft in sight of the radar", f"{values['in_sight']}")
    table.add_row("held by a track", f"{values['held']} ({100 * float(str(values['completeness'])):.1f} %)")
    table.add_row("false tracks", f"{values['false_tracks']}")
    table.add_row("median horizontal error", f"{values['error_m']:,} m")
    table.add_row("median one sigma that tracks report", f"{values['sigma_m']:,} m")
    table.add_row("time a scan, simulation included", f"{values['ms_per_scan']} ms")
    out().print(table)
