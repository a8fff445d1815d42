"""Transponders: by how much each aircraft's answers lengthen the ranges of all radars alike."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.plots import Floats, Ints

PRIOR_M = 30.0  # one standard deviation of what is published; the standard of Mode S allows some 40 m
FORGOTTEN = 1e-4  # information (1/m^2) below which an aircraft is dropped: ten metres of noise a hundred times over
NO_TRACK = 1 << 32  # keys from there on are tracks without an address


class Delays(NamedTuple):
    """What is known of each aircraft by its address, in rising order: information, and information times value."""

    address: Ints
    information: Floats
    vector: Floats

    @property
    def value_m(self) -> Floats:
        """Range that the transponder adds, beyond the usual delay."""
        return self.vector / (self.information + PRIOR_M**-2)

    @property
    def sigma_m(self) -> Floats:
        """One standard deviation of that."""
        sigma: Floats = 1.0 / np.sqrt(self.information + PRIOR_M**-2)
        return sigma


def no_delays() -> Delays:
    """Of nobody."""
    return Delays(np.empty(0, np.int64), np.empty(0), np.empty(0))


def with_window(known: Delays, key: Ints, told: NDArray[np.float64], fade: float) -> Delays:
    """What is known, faded, and with what a window tells: `told` (n, 2) of the aircraft `key` (n,)."""
    own = (key < NO_TRACK) & (told[:, 0] > 0.0)
    address = np.concatenate([known.address, key[own]])
    both = np.concatenate([np.column_stack(known[1:]) * fade, told[own]])
    names, at = np.unique(address, return_inverse=True)
    total = np.zeros((len(names), 2))
    np.add.at(total, at, both)
    kept = total[:, 0] > FORGOTTEN
    return Delays(names[kept], total[kept, 0], total[kept, 1])
