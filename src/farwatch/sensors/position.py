"""Position: a sensor that reports x, y and perhaps z of all that it sees at once, snapshot after snapshot.

It stands for no real sensor, but for those of the published benchmarks: a plane, a rectangle of it, uniform clutter.
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from farwatch.association.gate import Window
from farwatch.errors import ConfigError
from farwatch.kernels import kernel
from farwatch.sensors.scalar import scalar_correction

Metres = Annotated[float, Meta(ge=-1e9, le=1e9)]
Positive = Annotated[float, Meta(gt=0, le=1e9)]
Probability = Annotated[float, Meta(gt=0, lt=1)]

OUTSIDE = 0.1  # share of the detection probability that is left outside the area
MARGIN = 0.1  # of the area's size: so far outside it noise may carry a plot
HEIGHT_SPAN_M = 15_000.0
BANDS = 64


class Area(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rectangle of the plane."""

    min_x_m: Metres
    max_x_m: Metres
    min_y_m: Metres
    max_y_m: Metres

    def __post_init__(self) -> None:
        for low, high in (("min_x_m", "max_x_m"), ("min_y_m", "max_y_m")):
            if getattr(self, low) >= getattr(self, high):
                raise ValueError(f"`{low}` must be below `{high}`")


class PositionSensor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="position"):
    """A sensor of the flat frame that measures positions in a rectangle, all of one snapshot at one time.

    All plots of a snapshot carry its time stamp; a NORTH message marks one that brought none. `sigma_m` is the standard
    deviation of each coordinate. `clutter` is the expected number of false plots a snapshot, uniform over the area, and
    taken as known unless `learn_clutter` is set.
    """

    id: str
    period_s: Annotated[float, Meta(ge=0.01, le=3600)]
    area: Area
    sigma_m: Positive
    detection: Probability = 0.9
    clutter: Positive = 10.0
    learn_clutter: bool = False


class PositionModel(NamedTuple):
    """A position sensor as the kernels read it."""

    min_x_m: float
    max_x_m: float
    min_y_m: float
    max_y_m: float
    variance: float


def position_model(sensor: PositionSensor, flat: bool) -> PositionModel:
    """Compile the options of one sensor for the kernels; raises `ConfigError` in a frame that is not flat."""
    if not flat:
        raise ConfigError(f'sensor {sensor.id!r} of kind `position` measures in a plane: set [frame] kind = "flat"')
    a = sensor.area
    return PositionModel(
        float(a.min_x_m), float(a.max_x_m), float(a.min_y_m), float(a.max_y_m), float(sensor.sigma_m) ** 2
    )


NO_POSITION = PositionModel(0.0, 0.0, 0.0, 0.0, 0.0)  # in the models of other kinds


@kernel
def correct(m, x, P, n, g):  # type: ignore[no-untyped-def]
    """Correct one Gaussian in place by the position m; return its log-likelihood, chi^2 and number of measurements.

    Scalars in turn: x; what y says that x does not; what z says that neither does (the rows of the inverse Cholesky
    factor of m's covariance). `g` (n) is scratch.
    """
    log_likelihood, chi2 = scalar_correction(x, P, n, g, (1.0, 0.0, 0.0), 0, m.z0 - x[0], m.c00)
    by_x = m.c01 / m.c00
    residual = m.z1 - x[1] - by_x * (m.z0 - x[0])
    left = m.c11 - by_x * m.c01
    ll, c = scalar_correction(x, P, n, g, (-by_x, 1.0, 0.0), 0, residual, left)
    log_likelihood += ll
    chi2 += c
    if m.measured & 4 == 0:
        return log_likelihood, chi2, 2
    by_y = (m.c12 - by_x * m.c02) / left
    by_x = m.c02 / m.c00 - by_y * by_x
    residual = m.z2 - x[2] - by_x * (m.z0 - x[0]) - by_y * (m.z1 - x[1])
    ll, c = scalar_correction(x, P, n, g, (-by_x, -by_y, 1.0), 0, residual, m.c22 - by_x * m.c02 - by_y * m.c12)
    return log_likelihood + ll, chi2 + c, 3


@kernel
def place(m, prior_height, prior_sigma, x, P):  # type: ignore[no-untyped-def]
    """Position (x[:3]) and its covariance (P[:3, :3]) from one plot alone, with a prior where it has no height."""
    x[0], x[1], x[2] = m.z0, m.z1, prior_height
    P[0, 0], P[1, 1], P[2, 2] = m.c00, m.c11, prior_sigma * prior_sigma
    P[0, 1] = P[1, 0] = m.c01
    P[0, 2] = P[2, 0] = P[1, 2] = P[2, 1] = 0.0
    if m.measured & 4:
        x[2], P[2, 2] = m.z2, m.c22
        P[0, 2] = P[2, 0] = m.c02
        P[1, 2] = P[2, 1] = m.c12
    return True


@kernel
def window(position, x, y, S, sigmas):  # type: ignore[no-untyped-def]
    """`Window` in x and y from the area's corner (m) of a gate of so many sigmas about a position; S as for radars."""
    half_x = sigmas * math.sqrt(max(S[0], 0.0) + position.variance)
    half_y = sigmas * math.sqrt(max(S[3], 0.0) + position.variance)
    return Window(x - position.min_x_m, half_x, y - position.min_y_m, half_y, 0.0, 1e30)


@kernel
def coverage(position, u, v):  # type: ignore[no-untyped-def]
    """Share of the detection probability that is left at a point, given from the area's corner (m)."""
    inside = 0.0 <= u <= position.max_x_m - position.min_x_m and 0.0 <= v <= position.max_y_m - position.min_y_m
    return 1.0 if inside else OUTSIDE


@kernel
def further_space(measured):  # type: ignore[no-untyped-def]
    """One over the size of what a plot measures besides x and y."""
    return 1.0 / HEIGHT_SPAN_M if measured & 4 else 1.0
