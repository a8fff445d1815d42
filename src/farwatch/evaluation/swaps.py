"""Swaps: tracks that go over from one aircraft to another, told apart by what could have been kept apart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from farwatch.evaluation.match import Swap, moves
from farwatch.evaluation.scans import Scans, true_ground
from farwatch.evaluation.trajectories import Trajectories
from farwatch.truth import NO_FORMATION, NO_PLOT, Illuminations, Outcome

CLOSE_M = 2500.0
SHALLOW_DEG = 20.0


class Swaps(NamedTuple):
    """Aircraft that lost their track to another, one a swap."""

    proper: list[int]
    shallow: list[int]  # courses that met at so small an angle that plots hardly tell the aircraft apart
    exempt: list[int]  # within a formation whose members no plot told apart


def find_swaps(scans: Scans, paths: Trajectories, illuminations: Illuminations, flat: bool) -> Swaps:
    """Moves of tracks between aircraft that both live on.

    A pair is kept while it is valid, so a swap shows late: it took place after the last scan at which the track was
    nearer to the aircraft that it had.
    """
    merged = illuminations.take((illuminations.outcome == Outcome.MERGED) & (illuminations.plot != NO_PLOT))
    swaps = Swaps([], [], [])

    def lives(aircraft: int, scan: int) -> bool:
        return bool(paths.row(np.array([aircraft]), np.array([scans.time_ns[scan]]))[0] >= 0)

    for swap in moves(scans.matches, lives):
        scan = _took_place(swap, scans, paths, flat)
        if _unresolved(swap, scan, scans, paths, merged, flat):
            swaps.exempt.append(swap.a)
        elif not _of_one_formation(swap, scan, scans, paths) and _angle_deg(swap, scan, scans, paths) < SHALLOW_DEG:
            swaps.shallow.append(swap.a)
        else:
            swaps.proper.append(swap.a)
    return swaps


def _took_place(swap: Swap, scans: Scans, paths: Trajectories, flat: bool) -> int:
    """The last scan before the swap showed at which the track was nearer to `a` than to `b`."""
    for scan in range(swap.after - 1, -1, -1):
        seen = scans.seen[scan]
        row = np.flatnonzero(seen.name == swap.track)
        real = true_ground(paths, np.array([swap.a, swap.b]), int(scans.time_ns[scan]), flat)
        if not len(row) or len(real.name) < 2:
            break
        to_a, to_b = np.linalg.norm(real.place_m - seen.place_m[row[0]], axis=1)
        if to_a < to_b:
            return scan
    return swap.before


def _of_one_formation(swap: Swap, scan: int, scans: Scans, paths: Trajectories) -> bool:
    rows = paths.row(np.array([swap.a, swap.b]), np.full(2, scans.time_ns[scan]))
    if (rows < 0).any():
        return False
    a, b = paths.states.formation[rows]
    return bool(a == b != NO_FORMATION)


def _unresolved(swap: Swap, scan: int, scans: Scans, paths: Trajectories, merged: Illuminations, flat: bool) -> bool:
    """Whether both flew in one formation, and were close or in one plot, when the swap took place."""
    if not _of_one_formation(swap, scan, scans, paths):
        return False
    times = scans.time_ns[max(scan - 1, 0) : scan + 2]
    for end_ns in scans.time_ns[scan : scan + 2].tolist():
        real = true_ground(paths, np.array([swap.a, swap.b]), end_ns, flat)
        if len(real.name) == 2 and np.linalg.norm(real.place_m[0] - real.place_m[1]) < CLOSE_M:
            return True
    then = merged.take((merged.time_ns >= times[0]) & (merged.time_ns <= times[-1]))
    of_a, of_b = (then.plot[then.aircraft == aircraft] for aircraft in (swap.a, swap.b))
    return bool(np.isin(of_a, of_b).any())


def _angle_deg(swap: Swap, scan: int, scans: Scans, paths: Trajectories) -> float:
    """The angle between the two courses; 180 where the truth has not both."""
    a, b = paths.at(np.array([swap.a, swap.b]), np.full(2, scans.time_ns[scan]))[:, 3:]
    cosine = float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-9))
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))) if np.isfinite(cosine) else 180.0
