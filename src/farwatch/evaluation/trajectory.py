"""T-GOSPA: GOSPA of whole trajectories, with a price on every switch of a track from one truth to another."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array, hstack, vstack

from farwatch.evaluation.assignment import near_pairs, parts
from farwatch.plots import Floats, Ints


class TrajectoryGospa(NamedTuple):
    """distance^p = localisation^p + c^p / 2 (missed + false) + gamma^p switches; summed over all times.

    The counts are shares where the linear programme splits an assignment; one to or from nothing is half a switch.
    """

    distance: float
    localisation: float
    missed: float
    false: float
    switches: float


def trajectory_gospa(truth: Floats, tracks: Floats, cutoff: float, p: float, switch: float) -> TrajectoryGospa:
    """T-GOSPA of trajectories (n, times, d) and (m, times, d), NaN where there is none; `switch` is gamma.

    Garcia-Fernandez, Rahmathullah & Svensson 2020, by linear programming. Assigning a pair costs
    d^p - c^p against leaving both out, and nothing at times at which either is absent or they are at the cutoff or
    beyond: so a pair that is never nearer than the cutoff can be left out, and one that ever is stays at all times.
    """
    there, found = ~np.isnan(truth[..., 0]), ~np.isnan(tracks[..., 0])
    i, j = _ever_near(truth, tracks, there, found, cutoff)
    apart = np.linalg.norm(truth[i] - tracks[j], axis=2)
    near = apart < cutoff  # false where either is NaN
    located = np.where(near, apart, 0.0) ** p
    gain = np.where(near, cutoff**p - located, 0.0)
    weight = np.zeros(gain.shape)
    label = parts(i, j) if len(i) else i
    for part in range(int(label.max(initial=-1)) + 1):
        rows = np.flatnonzero(label == part)
        weight[rows] = _assigned(i[rows], j[rows], gain[rows] / cutoff**p, (switch / cutoff) ** p / 2.0)
    held = float(weight[near].sum())
    localisation = float((weight * located).sum())
    missed, false = float(there.sum()) - held, float(found.sum()) - held
    switches = float(np.abs(np.diff(weight, axis=1)).sum()) / 2.0
    total = localisation + cutoff**p / 2.0 * (missed + false) + switch**p * switches
    return TrajectoryGospa(total ** (1.0 / p), localisation ** (1.0 / p), missed, false, switches)


def _ever_near(truth: Floats, tracks: Floats, there: Floats, found: Floats, cutoff: float) -> tuple[Ints, Ints]:
    """Pairs of trajectories that are nearer than the cutoff at one time at least."""
    keys = [np.zeros(0, np.int64)]
    for k in range(truth.shape[1]):
        a, b = np.flatnonzero(there[:, k]), np.flatnonzero(found[:, k])
        i, j, _ = near_pairs(truth[a, k], tracks[b, k], cutoff)
        keys.append(a[i] * len(tracks) + b[j])
    key = np.unique(np.concatenate(keys))
    return key // max(len(tracks), 1), key % max(len(tracks), 1)


def _assigned(i: Ints, j: Ints, gain: Floats, half_switch: float) -> Floats:
    """Weights (pairs, times) that gain most, less the price of their changes; each trajectory is used at most once.

    Variables are the weights and, for each pair and step of time, the size of the weight's change.
    """
    pairs, times = gain.shape
    number = np.arange(pairs * times).reshape(pairs, times)
    a, b = np.unique(i, return_inverse=True)[1], np.unique(j, return_inverse=True)[1]
    limits = [_once(a, number), _once(b, number)]
    cost, changes = -gain.ravel(), 0
    if half_switch > 0.0 and times > 1:
        before, after = number[:, :-1].ravel(), number[:, 1:].ravel()
        changes = len(before)
        rows = np.arange(changes)
        step = csr_array(
            (np.repeat([1.0, -1.0], changes), (np.append(rows, rows), np.append(after, before))),
            shape=(changes, number.size),
        )
        size = csr_array((np.ones(changes), (rows, rows)), shape=(changes, changes))
        once = vstack([hstack([limit, csr_array((limit.shape[0], changes))]) for limit in limits])
        matrix = vstack([once, hstack([step, -size]), hstack([-step, -size])]).tocsr()
        cost = np.append(cost, np.full(changes, half_switch))
    else:
        matrix = vstack(limits).tocsr()
    most = np.zeros(matrix.shape[0])
    most[: matrix.shape[0] - 2 * changes] = 1.0
    solved = linprog(cost, A_ub=matrix, b_ub=most, bounds=(0.0, None), method="highs")
    if not solved.success:
        raise ArithmeticError(f"the linear programme of T-GOSPA was not solved: {solved.message}")
    weight: Floats = solved.x[: number.size].reshape(pairs, times)
    return weight


def _once(of: Ints, number: Ints) -> csr_array:
    """Rows that sum the weights of each trajectory at each time."""
    times = number.shape[1]
    row = of[:, None] * times + np.arange(times)
    entries = (np.ones(number.size), (row.ravel(), number.ravel()))
    return coo_array(entries, shape=((int(of.max()) + 1) * times, number.size)).tocsr()
