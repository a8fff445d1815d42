"""Births at known places: new aircraft that appear near given points, as the published benchmarks state them.

They are components of the Poisson process of undetected aircraft (Williams 2015): at each scan a Gaussian for each
place, moved on and thinned by the scans that have missed it since.
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta

from farwatch.errors import ConfigError
from farwatch.kernels import kernel
from farwatch.motion.constant_velocity import predict_constant_velocity
from farwatch.plots import Floats
from farwatch.sensors import correct, gate_coordinates
from farwatch.sensors.measurement import measurement
from farwatch.tracker.clutter import COLUMNS, column_of
from farwatch.tracker.correct import NEGLIGIBLE, moment_match
from farwatch.tracks import STATE, copy_gaussian

AGES = 4  # scans that an undetected aircraft is carried on for: few are missed so often
Six = Annotated[tuple[float, float, float, float, float, float], Meta(description="x, y, z m; vx, vy, vz m/s")]


class Birth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A Gaussian of new aircraft in the flat frame: x, y, z (m) and their velocities (m/s), with standard deviations.

    `weight` of them are expected each scan of a sensor, and `at_start` more before its first.
    """

    mean: Six
    sigma: Six
    weight: Annotated[float, Meta(ge=0, le=1e6)]
    at_start: Annotated[float, Meta(ge=0, le=1e6)] = 0.0

    def __post_init__(self) -> None:
        if min(self.sigma) < 0.0:
            raise ValueError("`sigma` holds standard deviations: none may be negative")


class BirthModel(NamedTuple):
    """All births as the kernels read them: one table, for each array costs time in every step."""

    rows: Floats  # (n, 15): age in scans, weight, at_start, mean (6), sigma (6), a place and age each


def birth_model(births: tuple[Birth, ...], flat: bool) -> BirthModel:
    """Compile the options for the kernels; raises `ConfigError` in a frame that is not flat."""
    if births and not flat:
        raise ConfigError('`births` are places in a plane: set [frame] kind = "flat", or leave them out')
    rows = [(age, b.weight, b.at_start, *b.mean, *b.sigma) for b in births for age in range(AGES)]
    return BirthModel(np.array(rows, np.float64).reshape(-1, 15))


class Unseen(NamedTuple):
    """The components at one scan: undetected aircraft by places of birth and ages."""

    weight: Floats  # (n, COLUMNS) plots expected of them, by the columns of the clutter map
    mean: Floats  # (n, 6)
    covariance: Floats  # (n, 6, 6)


class Density(NamedTuple):
    """Densities of plots from elsewhere at each plot (n,), in its own measurement space."""

    false: Floats
    anywhere: Floats  # of first plots of new aircraft that are expected anywhere
    birth: Floats  # of first plots of all new aircraft


@kernel
def unseen_births(births, clutter, model, period_s, hazard, motion):  # type: ignore[no-untyped-def]
    """The components of all births, moved on by their ages in scans of `period_s` seconds."""
    rows = births.rows
    n = len(rows)
    weight = np.zeros((n, COLUMNS))
    mean = rows[:, 3:9].copy()
    covariance = np.zeros((n, 6, 6))
    kept = (1.0 - model.detection) * math.exp(-hazard * period_s)
    for c in range(n):
        age, born_each_scan, at_start = rows[c, 0], rows[c, 1], rows[c, 2]
        for column in range(COLUMNS):
            scans = clutter.scans[column]
            if age <= scans:
                born = born_each_scan + (at_start if age == scans else 0.0)
                weight[c, column] = model.detection * born * kept**age
        for a in range(6):
            covariance[c, a, a] = rows[c, 9 + a] ** 2
        q, q_vertical = motion.q_tentative, motion.q_vertical_tentative
        predict_constant_velocity(mean[c], covariance[c], age * period_s, q, q_vertical, 0.0, 0.0, 1.0, False)
    return Unseen(weight, mean, covariance)


@kernel
def first_plot(unseen, c, z, table, j, model, radar, chi2_gate, x, P, g):  # type: ignore[no-untyped-def]
    """Density of plot j as the first of an aircraft of component c; `x` and `P` become that aircraft's state."""
    column = column_of(model, gate_coordinates(model, z, j)[0])
    if unseen.weight[c, column] <= 0.0:
        return 0.0
    copy_gaussian(unseen.mean[c], unseen.covariance[c], 6, x, P)
    log_likelihood, chi2, count = correct(model, radar, measurement(table, j), x, P, 6, g)
    return unseen.weight[c, column] * math.exp(log_likelihood) if chi2 <= chi2_gate[count] else 0.0


@kernel
def with_births(false, anywhere, unseen, plots, table, model, radar, chi2_gate):  # type: ignore[no-untyped-def]
    """Densities with the births at known places: `anywhere` and the components that a plot is near."""
    density = anywhere.copy()
    x, P, g = np.empty(STATE), np.empty((STATE, STATE)), np.empty(STATE)
    for c in range(len(unseen.mean)):
        for j in range(len(density)):
            density[j] += first_plot(unseen, c, plots.z, table, j, model, radar, chi2_gate, x, P, g)
    return Density(false, anywhere, density)


@kernel
def born_near(unseen, uniform, total, z, table, j, model, radar, chi2_gate, x, P):  # type: ignore[no-untyped-def]
    """Make `x` and `P`, the state of a track born by plot j anywhere, that of one born anywhere or near the places.

    By matching the moments of the mixture; `uniform` and `total` are the densities of its first part and of all.
    """
    most = len(unseen.mean) + 1
    weight, g = np.empty(most), np.empty(STATE)
    mean, covariance = np.empty((most, STATE)), np.empty((most, STATE, STATE))
    n = 0
    if uniform > NEGLIGIBLE * total:
        weight[0] = uniform
        copy_gaussian(x, P, 6, mean[0], covariance[0])
        n = 1
    for c in range(len(unseen.mean)):
        weight[n] = first_plot(unseen, c, z, table, j, model, radar, chi2_gate, mean[n], covariance[n], g)
        if weight[n] > NEGLIGIBLE * total:
            n += 1
    moment_match(weight, mean, covariance, n, 6, x, P)
