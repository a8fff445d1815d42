"""First states out of bistatic plots: chains of one transmitter's plots, and the state that fits those of several.

A chain is what one aircraft gives in one pair: each range follows from the one before and its rate. For chains of
different pairs that overlap, a state of constant velocity is fitted by Gauss and Newton's steps with Levenberg's
damping, from a grid of places; what fits is kept, with the covariance of the fit. Combinations of different aircraft do
not fit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations, product
from typing import NamedTuple

import numpy as np

from farwatch.geodesy import ecef_to_geodetic, enu_axes, geodetic_to_ecef
from farwatch.plots import Floats, Ints
from farwatch.sensors.bistatic import Bistatic, Pair, jacobian, measured_by, pair_of

HEIGHT_MEAN_M, HEIGHT_SIGMA_M = 7000.0, 4000.0  # what is believed of any aircraft, before its plots
SPEED_SIGMA_MPS, CLIMB_SIGMA_MPS = 200.0, 10.0
AZIMUTHS = 24  # of the first places
STEPS = 40
ENOUGH = 1e-3  # a step that gains less than that is the last
ALIKE_SIGMAS = 4.0  # a plot so near to where its chain leads goes on with it
UNLIKELY_SIGMAS = 4.0  # of the fit's chi^2, beyond which the plots are not one aircraft's
FEWEST_PLOTS = 3  # in a chain
FEWEST_CHAINS = 3  # of different pairs: two leave the place along the section of two ellipsoids to the height's prior
MOST_COMBINATIONS = 20_000


class Detections(NamedTuple):
    """Plots of one pair: times (s, from any moment), bistatic ranges (m) and rates (m/s), in the order of the times."""

    time_s: Floats
    range_m: Floats
    rate_mps: Floats


class Start(NamedTuple):
    """A first state: at a time, with its covariance, chi^2 and degrees of freedom, and which chains it is of."""

    time_s: float
    x: Floats  # (6,)
    P: Floats  # (6, 6)
    chi2: float
    degrees: int
    chains: tuple[tuple[int, int], ...]  # pair, number of the chain in it


def chains_of(found: Detections, radar: Bistatic, longest_gap_s: float) -> list[Ints]:
    """The rows of each chain of a pair's plots, of FEWEST_PLOTS or more: a plot goes on with the nearest chain."""
    chains: list[list[int]] = []
    for row in range(len(found.time_s)):
        best, least = -1, ALIKE_SIGMAS**2
        for number, chain in enumerate(chains):
            last = chain[-1]
            dt = found.time_s[row] - found.time_s[last]
            if not 0.0 < dt <= longest_gap_s:
                continue
            mean_rate = 0.5 * (found.rate_mps[row] + found.rate_mps[last])
            residual = found.range_m[row] - found.range_m[last] - mean_rate * dt
            variance = 2.0 * radar.sigma_range_m**2 + 0.5 * (radar.sigma_rate_mps * dt) ** 2
            turned = (found.rate_mps[row] - found.rate_mps[last]) / dt
            distance = residual**2 / variance + max(abs(turned) - 20.0, 0.0) ** 2  # no aircraft's rate turns faster
            if distance < least:
                best, least = number, distance
        if best < 0:
            chains.append([row])
        else:
            chains[best].append(row)
    return [np.array(chain) for chain in chains if len(chain) >= FEWEST_PLOTS]


class _Fit:
    """The sum of squares of all plots of some chains and of what is believed beforehand, about one time."""

    def __init__(self, parts: Sequence[tuple[Pair, Bistatic, Detections]], time_s: float, up: Floats) -> None:
        self.parts, self.time_s, self.up = parts, time_s, up
        self.level = np.eye(3) - np.outer(up, up)

    def __call__(self, x: Floats) -> tuple[Floats, Floats]:
        """Whitened residuals (n,) and their derivatives (n, 6)."""
        residuals, rows = [], []
        for pair, radar, found in self.parts:
            dt = found.time_s - self.time_s
            states = np.tile(x, (len(dt), 1))
            states[:, :3] += dt[:, None] * x[3:6]
            ranges, rates = measured_by(pair, states)
            J = jacobian(pair, states)
            J[:, :, 3:] += dt[:, None, None] * J[:, :, :3]
            of_range, of_rate = radar.sigma_range_m, radar.sigma_rate_mps
            residuals += [(found.range_m - ranges) / of_range, (found.rate_mps - rates) / of_rate]
            rows += [J[:, 0] / of_range, J[:, 1] / of_rate]
        height = float(ecef_to_geodetic(x[:3])[0, 2])
        level = self.level / SPEED_SIGMA_MPS
        residuals += [
            np.array([(HEIGHT_MEAN_M - height) / HEIGHT_SIGMA_M, -float(self.up @ x[3:6]) / CLIMB_SIGMA_MPS]),
            -level @ x[3:6],
        ]
        zero = np.zeros((3, 3))
        rows += [
            np.array([[*self.up / HEIGHT_SIGMA_M, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, *self.up / CLIMB_SIGMA_MPS]]),
            np.hstack([zero, level]),
        ]
        return np.concatenate(residuals), np.vstack(rows)


def fit(
    parts: Sequence[tuple[Pair, Bistatic, Detections]], time_s: float, x: Floats, up: Floats
) -> tuple[Floats, Floats, float]:
    """State (6,), covariance (6, 6) and chi^2 that fit plots of several pairs, from a first guess x."""
    problem, damping = _Fit(parts, time_s, up), 1e-2
    residual, J = problem(x)
    cost = float(residual @ residual)
    for _ in range(STEPS):
        A = J.T @ J
        step = np.linalg.solve(A + damping * np.diag(np.diag(A)), J.T @ residual)
        tried, tried_J = problem(x + step)
        tried_cost = float(tried @ tried)
        if not tried_cost < cost:
            damping *= 10.0
            if damping > 1e8:
                break
            continue
        gain, x, residual, J, cost = cost - tried_cost, x + step, tried, tried_J, tried_cost
        damping = max(0.1 * damping, 1e-9)
        if gain < ENOUGH:
            break
    return x, np.asarray(np.linalg.inv(J.T @ J), np.float64), cost


def places_on(pair: Pair, range_m: float) -> Floats:
    """First guesses (n, 3): points of the ellipsoid of a bistatic range, all round, at the height that is believed."""
    lat, lon, _ = ecef_to_geodetic(pair.receiver)[0]
    axes = enu_axes(float(lat), float(lon))
    out = []
    for azimuth in np.arange(AZIMUTHS) * (2.0 * math.pi / AZIMUTHS):
        ray = math.sin(azimuth) * axes[0] + math.cos(azimuth) * axes[1]
        to = pair.transmitter - pair.receiver
        # |d| + |d ray - to| = range + baseline, solved for the distance d along the ray.
        total = range_m + pair.baseline_m
        d = (total * total - pair.baseline_m**2) / (2.0 * (total - float(ray @ to)))
        there = ecef_to_geodetic(pair.receiver + d * ray)[0]
        out.append(geodetic_to_ecef(there[0], there[1], HEIGHT_MEAN_M)[0])
    return np.array(out)


def starts(radars: Sequence[Bistatic], found: Sequence[Detections], longest_gap_s: float = 5.0) -> list[Start]:
    """First states of the aircraft that pairs have seen, the best fit first; no chain is used for two of them."""
    pairs = [pair_of(radar) for radar in radars]
    chains = [chains_of(one, radar, longest_gap_s) for one, radar in zip(found, radars, strict=True)]
    candidates: list[Start] = []
    for chosen in combinations(range(len(radars)), FEWEST_CHAINS):
        choices = product(*(range(len(chains[k])) for k in chosen))
        for number, picked in enumerate(choices):
            if number >= MOST_COMBINATIONS:
                break
            names = tuple(zip(chosen, picked, strict=True))
            parts = []
            for k, c in names:
                rows = chains[k][c]
                parts.append((pairs[k], radars[k], Detections(*(column[rows] for column in found[k]))))
            if start := _start(parts, names):
                candidates.append(start)
    taken: set[tuple[int, int]] = set()
    kept = []
    for one in sorted(candidates, key=lambda start: start.chi2 / start.degrees):
        if not taken & set(one.chains):
            taken |= set(one.chains)
            kept.append(one)
    return kept


def _start(parts: Sequence[tuple[Pair, Bistatic, Detections]], names: tuple[tuple[int, int], ...]) -> Start | None:
    """The best fit to some chains from all first places, None where they do not overlap or none fits."""
    first, last = max(part[2].time_s[0] for part in parts), min(part[2].time_s[-1] for part in parts)
    if first > last:
        return None
    time_s = 0.5 * (first + last)
    pair, _, found = parts[0]
    range_m = float(np.interp(time_s, found.time_s, found.range_m))
    lat, lon, _ = ecef_to_geodetic(pair.receiver)[0]
    up = enu_axes(float(lat), float(lon))[2]
    guesses = np.hstack([places_on(pair, range_m), np.zeros((AZIMUTHS, 3))])
    far = np.zeros(AZIMUTHS)
    for other, radar, seen in parts[1:]:
        miss = measured_by(other, guesses)[0] - np.interp(time_s, seen.time_s, seen.range_m)
        far += (miss / (radar.sigma_range_m + 0.2 * abs(range_m))) ** 2
    best: tuple[Floats, Floats, float] | None = None
    for guess in guesses[np.argsort(far)[:6]]:
        tried = fit(parts, time_s, guess, up)
        if best is None or tried[2] < best[2]:
            best = tried
    assert best is not None
    degrees = sum(2 * len(part[2].time_s) for part in parts) - 6
    if best[2] > degrees + UNLIKELY_SIGMAS * math.sqrt(2.0 * degrees) + 5.0:
        return None
    return Start(time_s, best[0], best[1], best[2], degrees, names)
