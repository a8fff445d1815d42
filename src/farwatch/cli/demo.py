"""farwatch demo: simulated aircraft, tracked live in the terminal and compared with what is true."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from farwatch.cli.evaluate import as_values, tables
from farwatch.cli.say import bar, kernels_ready, out, result
from farwatch.clock import AsFast, Clock, Paced
from farwatch.errors import FarwatchError
from farwatch.evaluation import evaluate
from farwatch.evaluation.match import Matcher
from farwatch.evaluation.trajectories import Trajectories, in_frame, on_ground
from farwatch.geodesy import ecef_to_polar, geodetic_to_ecef
from farwatch.picture import Picture, Status
from farwatch.pipeline import run
from farwatch.plots import Batch, Floats, Ints, callsign_text, make_plots, make_progress
from farwatch.registration import RegisteredTracker
from farwatch.scenario import Scenario, load
from farwatch.sensors import Radar
from farwatch.sources import Simulated
from farwatch.truth import Truth, concat_truth

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
    scan_ms: float


class Timed(RegisteredTracker):
    """A tracker that knows how long its updates took, scan by scan."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario.sensors, scenario.tracker, scenario.frame, scenario.registration)
        self.plots = 0
        self._scan_ns = round(scenario.sensors[0].period_s * 1e9)
        self._spent_ms: dict[int, float] = {}

    def update(self, batch: Batch) -> Picture:
        """As the tracker's, timed."""
        before_s = time.perf_counter()
        picture = super().update(batch)
        spent_ms = (time.perf_counter() - before_s) * 1e3
        scan = (batch.until_ns - 1) // self._scan_ns
        self._spent_ms[scan] = self._spent_ms.get(scan, 0.0) + spent_ms
        self.plots += batch.plots.n
        return picture

    @property
    def scans_ms(self) -> Floats:
        """Time spent on each scan that is over."""
        return np.array(list(self._spent_ms.values())[:-1])


def demo(name: str, duration_s: float, seed: int, speed: float, headless: bool, as_json: bool) -> None:
    """Run the scenario, live where there is a terminal, and sum up at the end."""
    scenario = load(name)
    live = not headless and not as_json and sys.stdout.isatty()
    kernels_ready()
    Timed(scenario).update(Batch(make_plots(0), make_progress(0), 0))  # compiles or loads the kernels, untimed
    tracker = Timed(scenario)
    truths: list[Truth] = []
    source = Simulated(
        scenario.sensors,
        scenario.frame,
        scenario.simulation,
        duration_s,
        seed,
        on_truth=truths.append,
        merge=scenario.merge,
    )
    clock: Clock = Paced(speed) if live else AsFast()
    with bar("simulating and tracking", duration_s, "s of data") as progress:
        if live:
            progress.stop()
            pictures = watched(scenario, source, tracker, clock, speed)
        else:
            pictures = []
            for picture in run(source, tracker, clock):
                pictures.append(picture)
                progress.update(progress.task_ids[0], completed=(picture.until_ns - pictures[0].until_ns) * 1e-9)
    if len(tracker.scans_ms) < 2:
        raise FarwatchError(f"--duration {duration_s:g}: too short for a single scan; give some minutes")
    close(scenario, concat_truth(truths), pictures, tracker, as_json)


def watched(scenario: Scenario, source: Simulated, tracker: Timed, clock: Clock, speed: float) -> list[Picture]:
    """All pictures, while the screen shows how they compare with the truth."""
    scan_ns = round(scenario.sensors[0].period_s * 1e9)
    scan, first_ns, matcher = -1, 0, Matcher()
    pictures: list[Picture] = []
    with Live(console=out(), refresh_per_second=8, transient=False) as screen:
        for picture in run(source, tracker, clock):
            pictures.append(picture)
            first_ns = first_ns or picture.until_ns
            if picture.until_ns // scan_ns != scan and len(tracker.scans_ms):
                scan = picture.until_ns // scan_ns
                now = tracker.picture(picture.until_ns)
                time_s, scan_ms = (now.until_ns - first_ns) * 1e-9, float(tracker.scans_ms[-1])
                standing = compare(now, source, matcher, scenario.frame.flat, time_s, scan_ms)
                screen.update(Group(headline(scenario, standing, speed), aircraft(now, scenario)))
    return pictures


def compare(now: Picture, source: Simulated, matcher: Matcher, flat: bool, time_s: float, scan_ms: float) -> Standing:
    """Tracks against the true positions of the same moment."""
    paths = Trajectories(source.states, flat)
    time_ns = np.full(len(paths.aircraft), min(now.until_ns, paths.last_ns))
    flying = paths.row(paths.aircraft, time_ns) >= 0
    names: Ints = paths.aircraft[flying]
    real = on_ground(paths.at(names, time_ns[flying])[:, :3], flat)[0]
    moving = in_frame(
        now.lat_deg,
        now.lon_deg,
        now.height_wgs84_m,
        now.ground_speed_mps,
        now.track_angle_deg,
        now.vertical_rate_mps,
        flat,
    )
    seen = np.array([now.until_ns - source.sighted.get(int(name), 0) < SIGHT_NS for name in names], bool)
    i, j, distance = matcher.match(names, real, now.track, on_ground(moving[:, :3], flat)[0])
    error_m = float(np.median(distance)) if len(i) else math.nan
    sigma_m = float(np.median(now.sigma_horizontal_m[j])) if len(i) else math.nan
    return Standing(time_s, int(seen.sum()), int(seen[i].sum()), now.n - len(j), error_m, sigma_m, scan_ms)


def headline(scenario: Scenario, s: Standing, speed: float) -> Text:
    """One line of figures."""
    share = 100 * s.held / max(s.in_sight, 1)
    text = Text()
    text.append(f"{scenario.name}  ", style="bold")
    text.append(f"t = {s.time_s:,.0f} s at {speed:g} x   ", style="dim")
    text.append(f"holds {s.held} of {s.in_sight} in sight ({share:.1f} %)   ", style="green")
    text.append(f"{s.false} false   ", style="red" if s.false else "dim")
    text.append(f"median error {s.error_m:,.0f} m, sigma {s.sigma_m:,.0f} m   ")
    text.append(f"{s.scan_ms:.0f} ms a scan", style="cyan")
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
            f"{level / FOOT_M / 100:.0f}" if math.isfinite(level) else f"~{now.height_wgs84_m[row] / FOOT_M / 100:.0f}",
            f"{now.ground_speed_mps[row] / KNOT_MPS:.0f}",
            f"{now.track_angle_deg[row]:03.0f}",
            f"{range_m[row] / 1e3:.1f}",
            f"{math.degrees(azimuth[row]) % 360:05.1f}",
            f"{now.sigma_horizontal_m[row]:.0f}",
            Status(now.status[row]).name.lower(),
        )
    return table


def close(scenario: Scenario, truth: Truth, pictures: Sequence[Picture], tracker: Timed, as_json: bool) -> None:
    """Print how the tracks compare with the truth, and what a scan took."""
    found = evaluate(pictures, truth, scenario)
    median, p99 = np.quantile(tracker.scans_ms, [0.5, 0.99])
    if as_json:
        timing = {"scan_ms_median": median, "scan_ms_p99": p99, "plots": tracker.plots}
        result({"scenario": scenario.name, **as_values(found), **timing})
        return
    further = {
        "plots": f"{tracker.plots:,}",
        "scan_ms_median": f"{median:,.1f}",
        "scan_ms_p99": f"{p99:,.1f}",
    }
    out().print(tables(found, scenario.name, further))
