"""The slow truth beside the measures: by permutation, by enumeration and in information form, from the papers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from reference import constant_velocity

Floats = NDArray[np.float64]


def assignments(n: int, m: int) -> Iterator[tuple[int, ...]]:
    """Every way to give each of n at most one of m, each of those to at most one; -1: none."""
    for choice in itertools.product(range(-1, m), repeat=n):
        taken = [j for j in choice if j >= 0]
        if len(taken) == len(set(taken)):
            yield choice


def gospa(truth: Floats, tracks: Floats, c: float, p: float) -> float:
    """The least over all assignments of any size. Rahmathullah et al. 2017, proposition 1."""
    least = np.inf
    for choice in assignments(len(truth), len(tracks)):
        pairs = [(i, j) for i, j in enumerate(choice) if j >= 0]
        located = sum(min(float(np.linalg.norm(truth[i] - tracks[j])), c) ** p for i, j in pairs)
        least = min(least, located + c**p / 2 * (len(truth) + len(tracks) - 2 * len(pairs)))
    return float(least ** (1 / p))


def ospa(truth: Floats, tracks: Floats, c: float, p: float) -> float:
    """The least over all permutations of the larger set. Schuhmacher, Vo & Vo 2008."""
    few, many = sorted((truth, tracks), key=len)
    if not len(many):
        return 0.0
    costs = [
        sum(min(float(np.linalg.norm(few[i] - many[j])), c) ** p for i, j in enumerate(order))
        for order in itertools.permutations(range(len(many)), len(few))
    ]
    return float(((min(costs) + c**p * (len(many) - len(few))) / len(many)) ** (1 / p))


def trajectory_gospa(truth: Floats, tracks: Floats, c: float, p: float, gamma: float) -> float:
    """The least over all sequences of assignments. Garcia-Fernandez et al. 2020, by dynamic programming."""
    choices = list(assignments(len(truth), len(tracks)))

    def cost(k: int, choice: tuple[int, ...]) -> float:
        total = 0.0
        for i, j in enumerate(choice):
            here = not np.isnan(truth[i, k, 0])
            if j < 0:
                total += c**p / 2 * here
                continue
            there = not np.isnan(tracks[j, k, 0])
            if here and there:
                total += min(float(np.linalg.norm(truth[i, k] - tracks[j, k])), c) ** p
            else:
                total += c**p / 2 * (here + there)
        free = [j for j in range(len(tracks)) if j not in choice]
        return total + c**p / 2 * sum(not np.isnan(tracks[j, k, 0]) for j in free)

    def switch(before: tuple[int, ...], after: tuple[int, ...]) -> float:
        halves = sum((a >= 0) + (b >= 0) for a, b in zip(before, after) if a != b)
        return gamma**p / 2 * halves

    least = np.array([cost(0, choice) for choice in choices])
    between = np.array([[switch(before, after) for after in choices] for before in choices])
    for k in range(1, truth.shape[1]):
        least = (least[:, None] + between).min(axis=0) + [cost(k, choice) for choice in choices]
    return float(least.min() ** (1 / p))


def bound(
    dt_s: Floats, up: Floats, slopes: Floats, variance: Floats, q: Floats, prior: Floats
) -> tuple[list[Floats], list[Floats]]:
    """Information matrices (6, 6) after each look, and their inverses. Tichavsky et al. 1998, eq. 21.

    `slopes` (n, 4, 3) and `variance` (n, 4) of each look, NaN where nothing was measured; `q` (n, 2) densities along
    the ground and the vertical up to each look; `prior` (6, 6) information before the first look.
    """
    informations, covariances = [], []
    J = prior
    for k in range(len(dt_s)):
        if k:
            F, Q = constant_velocity(dt_s[k], q[k, 0], q[k, 1], up[k])
            J = np.linalg.inv(Q + F @ np.linalg.inv(J) @ F.T)
        for h, r in zip(slopes[k], variance[k]):
            if not np.isnan(r):
                full = np.concatenate([h, np.zeros(3)])
                J = J + np.outer(full, full) / r
        informations.append(J)
        covariances.append(np.linalg.inv(J))
    return informations, covariances
