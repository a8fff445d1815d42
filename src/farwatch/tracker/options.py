"""The tracker's options, as a scenario's [tracker] table gives them."""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from farwatch.association import Association, Pmb
from farwatch.motion import Imm, Motion
from farwatch.tracker.areas import OperatorMap
from farwatch.tracker.births import Birth, BirthModel, birth_model

Positive = Annotated[float, Meta(gt=0, le=1e9)]
NotNegative = Annotated[float, Meta(ge=0, le=1e9)]
Probability = Annotated[float, Meta(gt=0, lt=1)]


class HeightPrior(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is believed of a height that no sensor has measured."""

    mean_m: float = 6000.0
    sigma_m: Positive = 4000.0


class TrackerOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of the tracker; the defaults serve every scenario and benchmark of the project."""

    motion: Motion = Imm()
    association: Association = Pmb()
    height_prior: HeightPrior = HeightPrior()
    births_per_scan: NotNegative = 1.0  # new aircraft, anywhere, that a sensor first sees in one of its scans
    aircraft_at_start: NotNegative = 100.0  # expected anywhere before the first scan
    births: tuple[Birth, ...] = ()  # besides: at known places
    maps: tuple[OperatorMap, ...] = ()  # what the operator knows of places
    birth_speed_mps: Positive = 180.0  # standard deviation of each horizontal component
    birth_climb_mps: Positive = 10.0
    min_speed_mps: NotNegative = 30.0  # what is slower and has no transponder is a fixed echo; 0: nothing is
    max_speed_mps: Positive = 1000.0  # what flies faster is no aircraft
    confirm_existence: Probability = 0.9
    delete_existence: Probability = 1.5e-4  # of a tentative track that has not gained since its birth
    survival_per_minute: Probability = 0.99
    coast_s: Positive = 60.0  # a confirmed track without a plot for so long ends
    clutter_memory_scans: Positive = 30.0
    merge_duplicates: bool = True  # off: targets may stay for long where a sensor cannot tell them apart


class TrackerModel(NamedTuple):
    """The options as the kernels read them."""

    chi2_gate: NDArray[np.float64]  # by number of scalar measurements
    height_mean_m: float
    height_sigma_m: float
    births_per_scan: float
    aircraft_at_start: float
    birth_speed_mps: float
    birth_climb_mps: float
    min_speed_mps: float
    max_speed_mps: float
    births: BirthModel
    confirm_existence: float
    delete_existence: float
    hazard: float  # 1/s
    coast_ns: int
    memory_scans: float
    merge_duplicates: bool
    exact_plots: int
    coalesce: bool


def tracker_model(options: TrackerOptions, flat: bool) -> TrackerModel:
    """Compile the options; a flat world is a plane at height 0, so its height is known."""
    return TrackerModel(
        chi2_gate=np.array([chi2_quantile(options.association.gate_probability, max(n, 1)) for n in range(6)]),
        height_mean_m=0.0 if flat else float(options.height_prior.mean_m),
        height_sigma_m=1.0 if flat else float(options.height_prior.sigma_m),
        births_per_scan=float(options.births_per_scan),
        aircraft_at_start=float(options.aircraft_at_start),
        birth_speed_mps=float(options.birth_speed_mps),
        birth_climb_mps=float(options.birth_climb_mps),
        min_speed_mps=float(options.min_speed_mps),
        max_speed_mps=float(options.max_speed_mps),
        births=birth_model(options.births, flat),
        confirm_existence=options.confirm_existence,
        delete_existence=options.delete_existence,
        hazard=-math.log(options.survival_per_minute) / 60.0,
        coast_ns=round(options.coast_s * 1e9),
        memory_scans=float(options.clutter_memory_scans),
        merge_duplicates=options.merge_duplicates,
        exact_plots=options.association.exact_plots,
        coalesce=options.association.coalesce,
    )


def chi2_quantile(probability: float, degrees: int) -> float:
    """Quantile of the chi-square distribution, by bisection on its survival function (series for whole degrees)."""
    low, high = 0.0, 200.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        half = middle / 2.0
        if degrees % 2 == 0:
            tail = sum(math.exp(-half) * half**k / math.factorial(k) for k in range(degrees // 2))
        else:
            tail = math.erfc(math.sqrt(half)) + sum(
                math.exp(-half) * half ** (k - 0.5) / math.gamma(k + 0.5) for k in range(1, degrees // 2 + 1)
            )
        low, high = (middle, high) if 1.0 - tail < probability else (low, middle)
    return low
