"""The slow truth beside the fast kernels: plain NumPy from the papers' equations, never imported by the package."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm
from scipy.stats import multivariate_normal

Floats = NDArray[np.float64]


def skew(u: Floats) -> Floats:
    """The matrix of the cross product with u."""
    return np.array([[0, -u[2], u[1]], [u[2], 0, -u[0]], [-u[1], u[0], 0]], float)


def constant_velocity(dt: float, q_horizontal: float, q_vertical: float, u: Floats) -> tuple[Floats, Floats]:
    """Transition and noise (6, 6) of near-constant velocity. Bar-Shalom, Li & Kirubarajan 2001, eq. 6.2.2-12."""
    density = q_horizontal * (np.eye(3) - np.outer(u, u)) + q_vertical * np.outer(u, u)
    F = np.block([[np.eye(3), dt * np.eye(3)], [np.zeros((3, 3)), np.eye(3)]])
    return F, np.kron(np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]]), density)


def coordinated_turn(x: Floats, dt: float, u: Floats) -> Floats:
    """State (7,) after a turn about u at the rate x[6], by the exponential of the linear system."""
    A = np.zeros((6, 6))
    A[:3, 3:] = np.eye(3)
    A[3:, 3:] = x[6] * skew(u)
    return np.append(expm(A * dt) @ x[:6], x[6])


def jacobian(function, x: Floats, step: Floats) -> Floats:  # type: ignore[no-untyped-def]
    """Central differences of a vector function."""
    columns = []
    for k in range(len(x)):
        d = np.zeros(len(x))
        d[k] = step[k]
        columns.append((function(x + d) - function(x - d)) / (2 * step[k]))
    return np.array(columns).T


def kalman_update(x: Floats, P: Floats, H: Floats, residual: Floats, R: Floats) -> tuple[Floats, Floats, float]:
    """Joint Kalman update and the log-likelihood of the residual."""
    S = H @ P @ H.T + R
    K = P @ H.T @ np.linalg.inv(S)
    likelihood = multivariate_normal(np.zeros(len(residual)), S).logpdf(residual)
    return x + K @ residual, P - K @ S @ K.T, float(likelihood)


def imm_mix(probability: Floats, mean: Floats, covariance: Floats, matrix: Floats) -> tuple[Floats, Floats, Floats]:
    """Mixed probabilities (n,), means (n, d) and covariances (n, d, d). Blom & Bar-Shalom 1988."""
    predicted = matrix.T @ probability
    means, covariances = np.zeros_like(mean), np.zeros_like(covariance)
    for j in range(len(probability)):
        w = matrix[:, j] * probability / predicted[j]
        means[j] = w @ mean
        for i in range(len(probability)):
            d = mean[i] - means[j]
            covariances[j] += w[i] * (covariance[i] + np.outer(d, d))
    return predicted, means, covariances


def association_marginals(ratio: Floats) -> tuple[Floats, Floats, Floats]:
    """Exact marginals by enumeration: weights (looks, plots), misses (looks,), births (plots,).

    `ratio[i, j]` is the weight of look i with plot j relative to both alone; 0 outside the gate.
    """
    looks, plots = ratio.shape
    weight, miss, birth, total = np.zeros_like(ratio), np.zeros(looks), np.zeros(plots), 0.0
    for choice in itertools.product(range(-1, plots), repeat=looks):
        taken = [j for j in choice if j >= 0]
        if len(taken) != len(set(taken)):
            continue
        w = float(np.prod([ratio[i, j] for i, j in enumerate(choice) if j >= 0]))
        total += w
        for i, j in enumerate(choice):
            if j < 0:
                miss[i] += w
            else:
                weight[i, j] += w
        for j in range(plots):
            if j not in taken:
                birth[j] += w
    return weight / total, miss / total, birth / total


def linked(place: Floats, cell: Floats) -> list[int]:
    """The lowest target (n,) that each is linked to by pairs closer than `cell` (2,) in both coordinates."""
    near = (np.abs(place[:, None] - place[None]) < cell).all(axis=2)
    for _ in range(len(place)):
        near = near @ near
    return [int(np.flatnonzero(row)[0]) for row in near]


def joint_ways(
    alone: Floats, common: Floats, detection: Floats, labels: list[list[int]], weights: Floats, absent: int
) -> dict[tuple[tuple[int, int], ...], float]:
    """Every way in which looks may have made plots, with its weight: for each look its plot (-1: none) and its cell.

    `labels` are partitions of the looks into cells, and `weights` theirs; `common` is by the mask of a cell's looks.
    """
    looks, plots = alone.shape
    ways: dict[tuple[tuple[int, int], ...], float] = {}
    for label, weight in zip(labels, weights):
        cells = sorted({one for one in label if one != absent})
        members = [[i for i in range(looks) if label[i] == one] for one in cells]
        for choice in itertools.product(range(-1, plots), repeat=len(cells)):
            taken = [j for j in choice if j >= 0]
            if len(taken) != len(set(taken)):
                continue
            w, who = float(weight), [(-1, 0)] * looks
            for of, j in zip(members, choice):
                # Swerling 1: strengths add up, and 1 / log(Pd) goes with them.
                q = np.exp(1 / sum(1 / np.log(detection[i]) for i in of)) if len(of) > 1 else detection[of[0]]
                mask = sum(1 << i for i in of)
                w *= 1 - q if j < 0 else q * (alone[of[0], j] if len(of) == 1 else common[mask, j])
                for i in of:
                    who[i] = (j, mask) if j >= 0 else (-1, 0)
            if w > 0.0:
                ways[tuple(who)] = ways.get(tuple(who), 0.0) + w
    return ways


def moment_match(weights: Floats, means: Floats, covariances: Floats) -> tuple[Floats, Floats]:
    """Mean and covariance of a Gaussian mixture whose weights sum to 1."""
    mean = weights @ means
    covariance = sum(w * (c + np.outer(m - mean, m - mean)) for w, m, c in zip(weights, means, covariances))
    return mean, np.asarray(covariance)


def rts(means: Floats, covariances: Floats, F: list[Floats], Q: list[Floats]) -> tuple[Floats, Floats]:
    """Smoothed states of a linear filter; F and Q lead from row k to row k + 1. Rauch, Tung & Striebel 1965."""
    means, covariances = means.copy(), covariances.copy()
    for k in range(len(means) - 2, -1, -1):
        ahead = F[k] @ covariances[k] @ F[k].T + Q[k]
        gain = covariances[k] @ F[k].T @ np.linalg.inv(ahead)
        means[k] = means[k] + gain @ (means[k + 1] - F[k] @ means[k])
        covariances[k] = covariances[k] + gain @ (covariances[k + 1] - ahead) @ gain.T
    return means, covariances


def turning_state(q: Floats) -> Floats:
    """Position and velocity in a plane of range, azimuth, radial and transverse velocity: velocity axes that turn."""
    s, c = np.sin(q[1]), np.cos(q[1])
    return np.array([q[0] * s, q[0] * c, q[2] * s + q[3] * c, q[2] * c - q[3] * s])


def polar_update(x: Floats, P: Floats, z: Floats, R: Floats) -> tuple[Floats, Floats]:
    """Kalman update in polar coordinates, where range and azimuth are linear, of a state x (4) in the plane.

    Mean and covariance stand for the Gaussian in polar coordinates by the derivatives at the mean.
    """
    r, azimuth = np.hypot(x[0], x[1]), np.arctan2(x[0], x[1])
    s, c = np.sin(azimuth), np.cos(azimuth)
    q = np.array([r, azimuth, x[2] * s + x[3] * c, x[2] * c - x[3] * s])
    step = np.array([1.0, 1e-6, 0.1, 0.1])
    back = np.linalg.inv(jacobian(turning_state, q, step))
    H = np.eye(4)[:2]
    off = z - q[:2]
    off[1] = (off[1] + np.pi) % (2 * np.pi) - np.pi
    q, covariance, _ = kalman_update(q, back @ P @ back.T, H, off, R)
    J = jacobian(turning_state, q, step)
    return turning_state(q), J @ covariance @ J.T


def airborne_update(x: Floats, P: Floats, rate: float, velocity: Floats, R: Floats) -> tuple[Floats, Floats]:
    """Joint update of a state (7) in the flat frame by a turn rate, and by velocity east and north."""
    H = np.eye(7)[[3, 4, 6]]
    x, P, _ = kalman_update(x, P, H, np.array([*velocity, rate]) - H @ x, R)
    return x, P


def in_polygon(ring: Floats, x: float, y: float) -> bool | None:
    """Whether a point lies in a simple polygon (n, 2), by its winding number; None on a side, or all but."""
    to = ring - [x, y]
    after = np.roll(to, -1, axis=0)
    cross, dot = to[:, 0] * after[:, 1] - to[:, 1] * after[:, 0], np.sum(to * after, axis=1)
    if np.any((np.abs(cross) < 1e-6) & (dot <= 1e-6)):
        return None
    return bool(round(np.sum(np.arctan2(cross, dot)) / (2 * np.pi)) != 0)


def clutter_posterior(mean: float, scans: float, ring: float) -> float:
    """Mean of the Gamma posterior of a cell's rate after `scans` scans of mean `mean`.

    Its prior has the ring's mean and the weight of 4 scans, or of half a scan where the plots exceed three times what
    the ring gives and three more.
    """
    count = mean * scans
    weight = 0.5 if count > 3.0 * (ring * scans + 1.0) else 4.0
    shape, rate = weight * ring + count, weight + scans
    return shape / rate
