"""How well is real traffic tracked from a real radar's hour, its aircraft's addresses being the truth?

    python benchmarks/real_radar.py [--site examples/barcelona.toml] [--recording FILE]

One hour of a Mode S radar at Barcelona (44,085 CAT048 records). A flight is what one address reports without a gap of
more than 120 s; plots on the ground, plots without a flight level and transponders that stand still are left out. Each
plot is matched, in the radar's slant range and azimuth, to a track state of the same turn of the beam within 1 km: the
flight's present track where it is that near, else the nearest one that no other flight holds, each state to one plot
(as in CLEAR MOT, Bernardin & Stiefelhagen 2008). Printed are the share of a flight's plots on its main track (those
before the first confirmed state count as lost) and the further track numbers a flight has had; once with everything
that identifies an aircraft hidden from the tracker, and once with it. The radar's own plot-to-track numbers (I048/161)
stand beside.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from farwatch.formats import asterix
from farwatch.geodesy import geodetic_to_ecef
from farwatch.picture import Picture, Status, concat_pictures
from farwatch.pipeline import run
from farwatch.plots import NO_ADDRESS, Batch, Flag, Plots, concat_plots, without_identity
from farwatch.scenario import Scenario, load
from farwatch.sensors.radar import polar, radar_model
from farwatch.sources import Replay
from farwatch.tracker import Tracker

ROOT = Path(__file__).parent.parent
GAP_NS = 120 * 10**9
NEAR_M = 3 * 1852.0
MATCH_M = 1000.0
STILL_M, STILL_PLOTS = 500.0, 30


def recording() -> Path:
    """The hour, where the data folder is."""
    return Path(os.environ.get("FARWATCH_DATA", ROOT / "../shared/data")) / "asterix" / "bcn_cat048_1h.ast"


def flights_of(plots: Plots) -> np.ndarray:
    """Number of each plot's flight, -1 for plots that are not scored."""
    scored = (plots.address != NO_ADDRESS) & np.isfinite(plots.pressure_altitude_m)
    scored &= (plots.flags & int(Flag.NOT_AIRCRAFT)) == 0
    rows = np.flatnonzero(scored)
    rows = rows[np.lexsort((plots.time_ns[rows], plots.address[rows]))]
    new = np.diff(plots.address[rows], prepend=-1) != 0
    new |= np.diff(plots.time_ns[rows], prepend=0) > GAP_NS
    flight = np.full(plots.n, -1)
    flight[rows] = np.cumsum(new) - 1
    x, y = plots.z[:, 0] * np.sin(plots.z[:, 1]), plots.z[:, 0] * np.cos(plots.z[:, 1])
    for number in range(int(flight.max()) + 1):
        of = np.flatnonzero(flight == number)
        if len(of) >= STILL_PLOTS and np.hypot(x[of] - np.median(x[of]), y[of] - np.median(y[of])).max() < STILL_M:
            flight[of] = -1
    return flight


def track(scenario: Scenario, batches: list[Batch]) -> tuple[Picture, float]:
    """All track states, and the seconds that they took."""
    tracker = Tracker(scenario.sensors, scenario.tracker, scenario.frame)
    start = time.perf_counter()
    pictures = list(run(batches, tracker))
    return concat_pictures(pictures), time.perf_counter() - start


def match(scenario: Scenario, plots: Plots, flight: np.ndarray, picture: Picture) -> np.ndarray:
    """Track number of each plot, 0 where no track is near; plots in time order."""
    radar = radar_model(scenario.sensors[0], False)
    picture = picture.take(np.flatnonzero(picture.status != Status.ENDED))
    picture = picture.take(np.argsort(picture.time_ns, kind="stable"))
    at = geodetic_to_ecef(np.radians(picture.lat_deg), np.radians(picture.lon_deg), picture.height_wgs84_m)
    seen = np.array([polar(radar, *position) for position in at])
    half_turn_ns = int(0.475 * scenario.sensors[0].rotation_s * 1e9)
    first = np.searchsorted(picture.time_ns, plots.time_ns - half_turn_ns)
    last = np.searchsorted(picture.time_ns, plots.time_ns + half_turn_ns)
    track_of = np.zeros(plots.n, np.int64)
    taken = np.zeros(picture.n, bool)
    present: dict[int, int] = {}
    for plot in np.flatnonzero(flight >= 0):
        rows = np.arange(first[plot], last[plot])
        rows = rows[~taken[rows]]
        turned = (seen[rows, 1] - plots.z[plot, 1] + np.pi) % (2 * np.pi) - np.pi
        distance = np.hypot(seen[rows, 0] - plots.z[plot, 0], turned * plots.z[plot, 0])
        rows, distance = rows[distance < MATCH_M], distance[distance < MATCH_M]
        own = picture.track[rows] == present.get(int(flight[plot]), -1)
        others = {number for f, number in present.items() if f != flight[plot]}
        free = np.array([int(number) not in others for number in picture.track[rows]], bool)
        for wanted in (own, free, np.ones(len(rows), bool)):
            if wanted.any():
                row = rows[wanted][np.argmin(distance[wanted])]
                taken[row] = True
                track_of[plot] = present[int(flight[plot])] = int(picture.track[row])
                break
    return track_of


def score(flight: np.ndarray, track_of: np.ndarray, chosen: np.ndarray) -> tuple[int, int, float, float, int, float]:
    """Flights, plots, % on the main track, % on no track, further numbers, further numbers a hundred flights."""
    numbers: dict[int, list[int]] = defaultdict(list)
    for plot in np.flatnonzero((flight >= 0) & chosen):
        numbers[int(flight[plot])].append(int(track_of[plot]))
    plots = sum(len(of) for of in numbers.values())
    counts = [Counter(number for number in of if number > 0) for of in numbers.values()]
    main = sum(max(count.values(), default=0) for count in counts)
    lost = sum(of.count(0) for of in numbers.values())
    further = sum(max(len(count) - 1, 0) for count in counts)
    return len(numbers), plots, 100 * main / plots, 100 * lost / plots, further, 100 * further / len(numbers)


def main() -> None:
    """Run, score and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--site", default=ROOT / "examples" / "barcelona.toml")
    parser.add_argument("--recording", default=recording())
    args = parser.parse_args()
    scenario = load(args.site)
    batches = list(Replay([args.recording], scenario.sensors))
    plots = concat_plots([batch.plots for batch in batches])
    flight = flights_of(plots)
    bands = {
        "all": np.ones(plots.n, bool),
        "inside 3 NM": plots.z[:, 0] < NEAR_M,
        "beyond 3 NM": plots.z[:, 0] >= NEAR_M,
    }
    table = Table(title=f"{Path(args.recording).name}: {plots.n:,} plots, {int(flight.max()) + 1} flights")
    for heading in ("identity", "band", "flights", "plots", "on main", "on none", "further", "per 100"):
        table.add_column(heading, justify="right" if heading not in ("identity", "band") else "left")
    hidden = [batch._replace(plots=without_identity(batch.plots)) for batch in batches]
    speeds = []
    for identity, given in (("hidden", hidden), ("used", batches)):
        track(scenario, given)  # kernels compile
        picture, spent_s = track(scenario, given)
        speeds.append(f"{plots.n / spent_s:,.0f} plots/s with identity {identity}")
        track_of = match(scenario, plots, flight, picture)
        for band, chosen in bands.items():
            row(table, identity, band, score(flight, track_of, chosen))
    numbers = radars_own_numbers(args.recording, scenario, plots)
    for band, chosen in bands.items():
        row(table, "I048/161", band, score(flight, numbers, chosen))
    console = Console()
    console.print(table)
    console.print(
        "on main: plots on the flight's main track; further: track numbers beyond one a flight; I048/161: the"
    )
    console.print("radar's own numbering")
    console.print("wanted of all: hidden >= 97 % and <= 6 per 100; used >= 99 % and <= 1 per 100")
    console.print("tracked: " + ", ".join(speeds))


def row(table: Table, identity: str, band: str, s: tuple[int, int, float, float, int, float]) -> None:
    """Add one line."""
    table.add_row(identity, band, f"{s[0]}", f"{s[1]:,}", f"{s[2]:.2f} %", f"{s[3]:.2f} %", f"{s[4]}", f"{s[5]:.1f}")


def radars_own_numbers(path: str | Path, scenario: Scenario, plots: Plots) -> np.ndarray:
    """I048/161 of each plot, by its id, 0 where absent."""
    sac, sic = (int(part) for part in str(scenario.sensors[0].sac_sic).split("/"))
    decoded = asterix.read(path, {(sac, sic): 0})
    numbers = np.maximum(asterix.columns(path, 48, ["161"])["161"][decoded.plot_record], -1) + 1
    return numbers[plots.id]


if __name__ == "__main__":
    main()
