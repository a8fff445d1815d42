"""Do formations keep their count while the radar cannot tell their aircraft apart, and their numbers afterwards?

    python benchmarks/formation.py [--scenario formation] [--seeds 5] [--duration 900]

Count: at each scan end, every set of aircraft that shared a plot in that scan; right is a track for each of them (by
the best assignment of all tracks to all aircraft) and none left over that is nearest to them. Of aircraft that were
never seen apart no radar can tell how many they are: the first figure is of sets whose members had four plots of their
own before, the second of all.

Swaps: a pair's stretch of common plots, with gaps of up to two scans, between three scans of which and three of after
which (the first two after are left to the tracker) tell whose tracks are whose. Beside it the clairvoyant: for the
pair's difference of positions it is told which plot was whose up to the stretch, and which plots were common; after it,
it sees as many scans of the two plots as the tracker, in two rows, and decides by Bayes which row is whose. Its motion
is near-constant velocity of twice the agile class's density: exact Kalman filters, so the best that can be decided
under that motion.
"""

from __future__ import annotations

import argparse
import math
import statistics
from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.optimize import linear_sum_assignment

from farwatch.association import Pmb
from farwatch.evaluation import evaluate
from farwatch.evaluation.coverage import Coverage
from farwatch.evaluation.match import RADIUS_M
from farwatch.evaluation.scans import Live, true_ground
from farwatch.evaluation.trajectories import Trajectories
from farwatch.picture import Picture, concat_pictures
from farwatch.scenario import Scenario, load
from farwatch.sources import Simulated
from farwatch.tracker import Tracker
from farwatch.truth import LOOKS_PROPER, NO_PLOT, Illuminations, Outcome, Truth, concat_truth

GAP_SCANS = 3  # a stretch of common plots goes on until so many scans without one
WINDOW_SCANS = 3
SETTLING_SCANS = 2
OWN_PLOTS = 4  # three make a track, and the fourth may be missed by the others of its formation
Q_RELATIVE = 2.0  # m^2/s^3: twice the agile class's in straight flight


class Run(NamedTuple):
    """One run of the tracker."""

    scenario: Scenario
    picture: Picture
    pictures: list[Picture]
    truth: Truth
    positions: dict[int, tuple[float, float]]  # of each plot on the ground about the radar, m east and north
    noise: dict[int, np.ndarray]  # its covariance (2, 2)


def track(scenario: Scenario, seed: int, duration_s: float) -> Run:
    """Simulate and track; the plots' places are kept for the clairvoyant."""
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
    tracker = Tracker(scenario.sensors, scenario.tracker, scenario.frame)
    sigma = scenario.sensors[0].sigma
    pictures, positions, noise = [], {}, {}
    for batch in source:
        p = batch.plots
        for plot, r, azimuth in zip(p.id.tolist(), p.z[:, 0].tolist(), p.z[:, 1].tolist(), strict=True):
            s, c = math.sin(azimuth), math.cos(azimuth)
            positions[plot] = (r * s, r * c)
            turn = np.array([[s, c], [c, -s]])
            noise[plot] = turn @ np.diag([sigma.range_m**2, (r * math.radians(sigma.azimuth_deg)) ** 2]) @ turn.T
        pictures.append(tracker.update(batch))
    return Run(scenario, concat_pictures(pictures), pictures, concat_truth(truths), positions, noise)


class Scene:
    """Truth and tracks at the ends of scans."""

    def __init__(self, run: Run) -> None:
        flat = run.scenario.frame.flat
        self.scan_ns = round(run.scenario.sensors[0].period_s * 1e9)
        self.paths = Trajectories(run.truth.states, flat)
        looks = run.truth.illuminations
        self.looks: Illuminations = looks.take(np.isin(looks.outcome, LOOKS_PROPER))
        self.start_ns = int(self.paths.first_ns)
        self.scan = (self.looks.time_ns - self.start_ns) // self.scan_ns
        self.scans = int((self.paths.last_ns - self.start_ns) // self.scan_ns)
        live, self.coverage = Live(run.picture, flat, self.scan_ns), Coverage(looks, self.scan_ns)
        ends = [self.start_ns + (scan + 1) * self.scan_ns for scan in range(self.scans)]
        self.seen = [live.at(end) for end in ends]
        self.real = [true_ground(self.paths, self.paths.aircraft, end, flat) for end in ends]
        self.ends = ends

    def sets(self, scan: int) -> list[set[int]]:
        """The sets of aircraft that shared plots in a scan."""
        now = (self.scan == scan) & (self.looks.outcome == Outcome.MERGED) & (self.looks.plot != NO_PLOT)
        plots, aircraft = self.looks.plot[now], self.looks.aircraft[now]
        sets = [set(aircraft[plots == plot].tolist()) for plot in np.unique(plots)]
        return [one for one in sets if len(one) > 1]

    def counted_right(self, aircraft: set[int], scan: int) -> bool:
        """Whether each of these aircraft has a track, and none of the tracks left over is nearest to one of them."""
        held = self.holders(scan, scan + 1)
        if not aircraft <= held.keys():
            return False
        seen, real = self.seen[scan], self.real[scan]
        over = ~np.isin(seen.name, list(held.values()))
        apart = np.linalg.norm(seen.place_m[over, None] - real.place_m[None], axis=2)
        near = np.isin(real.name[apart.argmin(axis=1)], list(aircraft)) & (apart.min(axis=1) < RADIUS_M)
        return not near.any()

    def holders(self, first: int, last: int) -> dict[int, int]:
        """Which track holds which aircraft over the scans from `first` up to `last`, by the least sum of squares."""
        scans = range(max(first, 0), min(last, self.scans))
        aircraft = self.paths.aircraft
        tracks = np.unique(np.concatenate([self.seen[scan].name for scan in scans] or [np.zeros(0, np.int64)]))
        gain = np.zeros((len(aircraft), len(tracks)))
        for scan in scans:
            seen, real = self.seen[scan], self.real[scan]
            if len(seen.name) and len(real.name):
                apart2 = ((real.place_m[:, None] - seen.place_m[None]) ** 2).sum(axis=2)
                rows, columns = np.searchsorted(aircraft, real.name), np.searchsorted(tracks, seen.name)
                gain[np.ix_(rows, columns)] += np.maximum(RADIUS_M**2 - apart2, 0.0)
        rows, columns = linear_sum_assignment(gain, maximize=True)
        return {
            int(aircraft[row]): int(tracks[column])
            for row, column in zip(rows, columns, strict=True)
            if gain[row, column] > 0.0
        }

    def stretches(self) -> list[tuple[int, int, int, int]]:
        """Pairs and the first and last scan of each of their stretches of common plots, with room before and after."""
        common: dict[tuple[int, int], list[int]] = {}
        for scan in range(self.scans):
            for one in self.sets(scan):
                for a in one:
                    for b in one:
                        if a < b:
                            common.setdefault((a, b), []).append(scan)
        found = []
        for (a, b), scans in common.items():
            cuts = [0, *(k for k in range(1, len(scans)) if scans[k] - scans[k - 1] > GAP_SCANS), len(scans)]
            for begin, end in pairwise(cuts):
                first, last = scans[begin], scans[end - 1]
                if (
                    first >= WINDOW_SCANS
                    and last + SETTLING_SCANS + WINDOW_SCANS < self.scans
                    and self.coverage.counts(np.array([a, b]), self.ends[first - 1]).all()
                ):
                    found.append((a, b, first, last))
        return found


class Outcomes(NamedTuple):
    """What became of pairs over their stretches."""

    kept: int
    swapped: int
    lost: int
    clairvoyant_swapped: int
    clairvoyant_asked: int


def counts(scene: Scene) -> tuple[int, int, int, int]:
    """Sets with the right count and all sets of which each aircraft had enough plots of its own; the same of any."""
    right = total = right_of_any = of_any = 0
    own: dict[int, int] = dict.fromkeys(scene.paths.aircraft.tolist(), 0)
    for scan in range(scene.scans):
        for one in scene.sets(scan):
            if scene.coverage.counts(np.array(sorted(one)), scene.ends[scan]).all():
                good = scene.counted_right(one, scan)
                of_any += 1
                right_of_any += good
                if min(own[aircraft] for aircraft in one) >= OWN_PLOTS:
                    total += 1
                    right += good
        alone = scene.looks.aircraft[(scene.scan == scan) & (scene.looks.outcome == Outcome.DETECTED)]
        for aircraft in alone.tolist():
            own[aircraft] += 1
    return right, total, right_of_any, of_any


def swaps(run: Run, scene: Scene) -> Outcomes:
    """Tracker and clairvoyant over all stretches."""
    kept = swapped = lost = wrong = asked = 0
    for a, b, first, last in scene.stretches():
        before = scene.holders(first - WINDOW_SCANS, first)
        after = scene.holders(last + 1 + SETTLING_SCANS, last + 1 + SETTLING_SCANS + WINDOW_SCANS)
        own, other = before.get(a, -1), before.get(b, -1)
        if own < 0 or other < 0:
            continue
        if (after.get(a), after.get(b)) == (own, other):
            kept += 1
        elif (after.get(a), after.get(b)) == (other, own):
            swapped += 1
        else:
            lost += 1
        decided = clairvoyant(run, scene, a, b, first, last + 1 + SETTLING_SCANS + WINDOW_SCANS)
        if decided is not None:
            asked += 1
            wrong += not decided
    return Outcomes(kept, swapped, lost, wrong, asked)


def clairvoyant(run: Run, scene: Scene, a: int, b: int, first: int, until: int) -> bool | None:
    """Whether Bayes's rule gives the pair's rows after their stretch to the right aircraft; None without data."""
    looks = scene.looks
    rows: dict[int, dict[int, int]] = {a: {}, b: {}}
    for aircraft in (a, b):
        mine = (looks.aircraft == aircraft) & (looks.plot != NO_PLOT) & (looks.outcome == Outcome.DETECTED)
        rows[aircraft] = dict(zip(scene.scan[mine].tolist(), looks.plot[mine].tolist(), strict=True))
    both = sorted(scan for scan in rows[a].keys() & rows[b].keys() if scan < until)
    before, after = [s for s in both if s < first], [s for s in both if s >= first]
    after = [s for s in after if not any({a, b} <= one for t in range(s, until) for one in scene.sets(t))]
    if len(before) < 2 or not after:
        return None

    def difference(scan: int) -> tuple[np.ndarray, np.ndarray]:
        i, j = rows[a][scan], rows[b][scan]
        return np.subtract(run.positions[i], run.positions[j]), run.noise[i] + run.noise[j]

    x, P = np.zeros(4), np.diag([1e7, 1e7, 2e2, 2e2])
    x[:2], P[:2, :2] = difference(before[0])
    now = before[0]
    for scan in before[1:]:
        x, P = moved(x, P, (scan - now) * scene.scan_ns * 1e-9)
        x, P, _ = corrected(x, P, *difference(scan))
        now = scan
    total = [0.0, 0.0]
    for way, sign in enumerate((1.0, -1.0)):
        y, Y, then = x.copy(), P.copy(), now
        for scan in after:
            y, Y = moved(y, Y, (scan - then) * scene.scan_ns * 1e-9)
            d, R = difference(scan)
            y, Y, log_likelihood = corrected(y, Y, sign * d, R)
            total[way] += log_likelihood
            then = scan
    return total[0] > total[1]


def moved(x: np.ndarray, P: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """Near-constant velocity in two dimensions."""
    F = np.block([[np.eye(2), dt * np.eye(2)], [np.zeros((2, 2)), np.eye(2)]])
    Q = Q_RELATIVE * np.kron([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]], np.eye(2))
    return F @ x, F @ P @ F.T + Q


def corrected(x: np.ndarray, P: np.ndarray, d: np.ndarray, R: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Kalman update by a position, and its log-likelihood."""
    S = P[:2, :2] + R
    K = P[:, :2] @ np.linalg.inv(S)
    v = d - x[:2]
    log_likelihood = -0.5 * float(v @ np.linalg.solve(S, v)) - 0.5 * float(np.log(np.linalg.det(S)))
    return x + K @ v, P - K @ S @ K.T, log_likelihood


def figures(scenario: Scenario, seed: int, duration_s: float) -> dict[str, tuple[float, float]]:
    """Each figure's numerator and denominator."""
    run = track(scenario, seed, duration_s)
    scene = Scene(run)
    right, sets, right_of_any, of_any = counts(scene)
    pairs = swaps(run, scene)
    found = evaluate(run.pictures, run.truth, run.scenario)
    agile = [found.by_type[kind] for kind in ("fighter", "heavy_fighter") if kind in found.by_type]
    decided = pairs.kept + pairs.swapped
    fighters = sum(group.aircraft for group in agile)
    return {
        "right count, unresolved, %": (100 * right, sets),
        "  also those never seen apart, %": (100 * right_of_any, of_any),
        "swapped after a stretch, %": (100 * pairs.swapped, decided),
        "  the clairvoyant, %": (100 * pairs.clairvoyant_swapped, pairs.clairvoyant_asked),
        "lost one over a stretch, %": (100 * pairs.lost, decided + pairs.lost),
        "stretches": (decided + pairs.lost, 1),
        "fighters: completeness, %": (100 * sum(g.completeness * g.aircraft for g in agile), fighters),
        "all: completeness, %": (100 * found.completeness, 1),
        "spurious, %": (100 * found.spuriousness, 1),
        "fragments": (found.fragments, 1),
        "NEES": (found.nees, 1),
        "RMSE, m": (found.rmse_horizontal_m, 1),
        "GOSPA, m": (found.gospa_m, 1),
    }


def main() -> None:
    """Run the seeds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="formation")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--coalesce", action="store_true", help="average over the ways instead")
    parser.add_argument("--duration", type=float, default=900.0, help="seconds of data")
    args = parser.parse_args()
    scenario = load(args.scenario)
    if args.coalesce:
        scenario = msgspec.structs.replace(
            scenario, tracker=msgspec.structs.replace(scenario.tracker, association=Pmb(coalesce=True))
        )
    rows = [figures(scenario, seed, args.duration) for seed in range(1, args.seeds + 1)]
    table = Table(title=f"{args.scenario}: {args.duration:g} s, seeds 1 to {args.seeds}")
    table.add_column("")
    for seed in range(1, args.seeds + 1):
        table.add_column(f"{seed}", justify="right")
    for heading in ("median", "of all"):
        table.add_column(heading, justify="right")
    for name in rows[0]:
        values = [row[name][0] / row[name][1] if row[name][1] else math.nan for row in rows]
        finite = [value for value in values if math.isfinite(value)]
        weight = sum(row[name][1] for row in rows)
        pooled = sum(row[name][0] for row in rows if math.isfinite(row[name][0])) / weight if weight else math.nan
        middle = statistics.median(finite) if finite else math.nan
        table.add_row(name, *(f"{value:,.2f}" for value in values), f"{middle:,.2f}", f"{pooled:,.2f}")
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
