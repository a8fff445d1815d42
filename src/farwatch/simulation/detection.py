"""Detection: how likely a radar makes a plot of what its beam crosses.

The mean signal-to-noise ratio goes with cross section over the fourth power of range; targets fluctuate from scan to
scan (Swerling 1), so the amplitude is complex Gaussian and Pd = Pfa^(1 / (1 + SNR)). What stands in one resolution
cell adds up: the sum of Gaussian amplitudes is Gaussian again, of the summed variance.
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta

from farwatch.plots import Floats

Positive = Annotated[float, Meta(gt=0, le=1e9)]
Probability = Annotated[float, Meta(gt=0, lt=1)]

FALSE_ALARM = 1e-4
SURELY = 1.0 - 1e-12  # a probability of 1 would want an infinite signal


class DetectionLaw(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The radar equation by a reference: this cross section at this range has this probability of detection."""

    reference_rcs_m2: Positive = 20.0
    reference_range_km: Positive = 400.0
    reference_pd: Probability = 0.9
    false_alarm: Probability = FALSE_ALARM

    def __post_init__(self) -> None:
        if self.reference_pd <= self.false_alarm:
            raise ValueError("`reference_pd` must be above `false_alarm`")

    def snr(self, cross_section_m2: Floats | float, range_m: Floats | float) -> Floats:
        """Mean signal-to-noise ratio (a ratio of powers)."""
        reference = snr_of_pd(self.reference_pd, self.false_alarm)
        nearer = self.reference_range_km * 1e3 / np.maximum(range_m, 1.0)
        return np.asarray(reference * np.asarray(cross_section_m2) / self.reference_rcs_m2 * nearer**4)

    def pd(self, cross_section_m2: Floats | float, range_m: Floats | float) -> Floats:
        """Probability of detection."""
        return pd_of_snr(self.snr(cross_section_m2, range_m), self.false_alarm)


class BlindSpeeds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Moving-target indication: about each multiple of `speed_mps` of radial speed, none at all included, the signal
    fades by 1 - exp(-d^2 / 2 width^2)."""

    speed_mps: Positive
    width_mps: Positive = 5.0

    def passes(self, radial_mps: Floats) -> Floats:
        """Share of the power that is left."""
        off = np.abs((radial_mps + 0.5 * self.speed_mps) % self.speed_mps - 0.5 * self.speed_mps)
        return np.asarray(1.0 - np.exp(-0.5 * (off / self.width_mps) ** 2))


def snr_of_pd(pd: float, false_alarm: float) -> float:
    """Mean SNR at which a Swerling 1 target is detected with a probability."""
    return math.log(false_alarm) / math.log(min(pd, SURELY)) - 1.0


def pd_of_snr(snr: Floats, false_alarm: float) -> Floats:
    """Probability of detection of a Swerling 1 target: Pfa^(1 / (1 + SNR))."""
    return np.asarray(false_alarm ** (1.0 / (1.0 + snr)))


class Returns(NamedTuple):
    """What came back of the targets (n) of which each stands in one of m resolution cells."""

    detected: np.ndarray[tuple[int], np.dtype[np.bool_]]  # (m)
    pd: Floats  # (m)
    power: Floats  # (n) of each target alone


def returns(
    snr: Floats, cell: np.ndarray[tuple[int], np.dtype[np.int64]], false_alarm: float, rng: np.random.Generator
) -> Returns:
    """One look: complex Gaussian amplitudes of variance `snr` (n), summed in their cells with noise of variance 1.

    `cell` (n) numbers the cells 0, 1, ... without gaps.
    """
    m = int(cell.max()) + 1 if len(cell) else 0
    parts = rng.normal(size=(2, len(snr))) * np.sqrt(0.5 * snr)
    noise = rng.normal(size=(2, m)) * math.sqrt(0.5)
    total = (noise[0] + np.bincount(cell, parts[0], m)) ** 2 + (noise[1] + np.bincount(cell, parts[1], m)) ** 2
    pd = pd_of_snr(np.bincount(cell, snr, m).astype(np.float64), false_alarm)
    return Returns(total > -math.log(false_alarm), pd, parts[0] ** 2 + parts[1] ** 2)
