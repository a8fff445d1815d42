"""Tracks: the tracker's own table of Bernoullis, and the local hypotheses that they own. Structure of arrays.

Rows are slots: `alive` says which are in use, and a row never moves while its track lives. In the Poisson
multi-Bernoulli filter a track owns one hypothesis, in the row of the same number; a filter that keeps several lets
several rows of `Hypotheses` name one track.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.kernels import leaf
from farwatch.plots import (
    N_TECHNOLOGIES,
    NO_ADDRESS,
    NO_CALLSIGN,
    NO_MODE_A,
    Floats,
    Ints,
    Kind,
    Technology,
)

STATE = 7  # position m, velocity m/s, turn rate rad/s about the local vertical (clockwise from above is negative)
VAGUE_M = 5000.0
MODES = 3  # straight, turn, manoeuvre


class Tracks(NamedTuple):
    """One row a track. Times are of the last state, look (the beam passed) and detection, for each sensor."""

    alive: NDArray[np.bool_]
    shown: NDArray[np.bool_]  # in the picture, as of its last report
    id: Ints
    status: NDArray[np.uint8]
    born_ns: Ints
    time_ns: Ints
    existence: Floats
    born_existence: Floats
    agile: Floats  # probability of the agile class; the rest is civil
    address: NDArray[np.int32]
    mode_a: NDArray[np.int16]
    callsign: Ints
    pressure_altitude_m: Floats
    strikes: Ints  # how often its registers have contradicted it
    detections: Ints  # looks with a plot since birth
    misses: Ints  # looks without one since the last detection
    looked_ns: Ints  # (n, sensors)
    seen_ns: Ints  # (n, sensors)
    heard_ns: Ints  # (n, N_TECHNOLOGIES) the last detection by each Technology; 0: never
    due_ns: Ints  # (n, sensors) before this time the beam cannot reach the gate; 0: not reckoned yet
    detected_ns: Ints  # the last detection by any sensor
    plot: Ints  # id of the plot that weighed most in the last look, -1 where none
    company: NDArray[np.bool_]  # at its last look it may have shared a resolution cell with others
    mean: Floats  # (n, 6) over all modes
    covariance: Floats  # (n, 6, 6)


class Hypotheses(NamedTuple):
    """Local hypotheses: the Gaussian of each motion mode and the modes' probabilities."""

    track: Ints
    modes: Ints  # how many modes are in use: one while tentative
    probability: Floats  # (n, MODES)
    mean: Floats  # (n, MODES, STATE)
    covariance: Floats  # (n, MODES, STATE, STATE)


def make_tracks(capacity: int, sensors: int) -> Tracks:
    """An empty table with room for `capacity` tracks seen by `sensors` sensors."""
    return Tracks(
        alive=np.zeros(capacity, np.bool_),
        shown=np.zeros(capacity, np.bool_),
        id=np.zeros(capacity, np.int64),
        status=np.zeros(capacity, np.uint8),
        born_ns=np.zeros(capacity, np.int64),
        time_ns=np.zeros(capacity, np.int64),
        existence=np.zeros(capacity),
        born_existence=np.zeros(capacity),
        agile=np.zeros(capacity),
        address=np.full(capacity, NO_ADDRESS, np.int32),
        mode_a=np.full(capacity, NO_MODE_A, np.int16),
        callsign=np.full(capacity, NO_CALLSIGN, np.int64),
        pressure_altitude_m=np.full(capacity, np.nan),
        strikes=np.zeros(capacity, np.int64),
        detections=np.zeros(capacity, np.int64),
        misses=np.zeros(capacity, np.int64),
        looked_ns=np.zeros((capacity, sensors), np.int64),
        seen_ns=np.zeros((capacity, sensors), np.int64),
        heard_ns=np.zeros((capacity, N_TECHNOLOGIES), np.int64),
        due_ns=np.zeros((capacity, sensors), np.int64),
        detected_ns=np.zeros(capacity, np.int64),
        plot=np.full(capacity, -1, np.int64),
        company=np.zeros(capacity, np.bool_),
        mean=np.zeros((capacity, 6)),
        covariance=np.zeros((capacity, 6, 6)),
    )


def make_hypotheses(capacity: int) -> Hypotheses:
    """An empty table with room for `capacity` hypotheses."""
    return Hypotheses(
        track=np.arange(capacity, dtype=np.int64),
        modes=np.zeros(capacity, np.int64),
        probability=np.zeros((capacity, MODES)),
        mean=np.zeros((capacity, MODES, STATE)),
        covariance=np.zeros((capacity, MODES, STATE, STATE)),
    )


_TECHNOLOGIES = {
    Kind.PSR: (Technology.PSR,),
    Kind.SSR: (Technology.SSR,),
    Kind.MODE_S: (Technology.MODE_S,),
    Kind.PSR_SSR: (Technology.PSR, Technology.SSR),
    Kind.PSR_MODE_S: (Technology.PSR, Technology.MODE_S),
    Kind.ADSB: (Technology.ADSB,),
    Kind.MLAT: (Technology.MLAT,),
    Kind.PASSIVE: (),
}
_HELD = tuple(sum(1 << one for one in _TECHNOLOGIES[kind]) for kind in Kind)  # bits, by kind of plot


@leaf
def note_heard(heard_ns, kind, time_ns):  # type: ignore[no-untyped-def]
    """Note a plot of a kind in the (N_TECHNOLOGIES,) times at which a track was heard."""
    held = _HELD[kind]
    for k in range(len(heard_ns)):
        if held >> k & 1:
            heard_ns[k] = time_ns


def grow(table: Any, fresh: Any) -> Any:
    """The rows of `table` at the start of the larger, empty table `fresh` of the same type."""
    for old, new in zip(table, fresh, strict=True):
        new[: len(old)] = old
    return fresh


@leaf
def copy_gaussian(mean, covariance, n, x, P):  # type: ignore[no-untyped-def]
    """Copy the first n components of a Gaussian into `x` and `P`."""
    for a in range(n):
        x[a] = mean[a]
        for b in range(n):
            P[a, b] = covariance[a, b]


@leaf
def vague(covariance):  # type: ignore[no-untyped-def]
    """Whether a state is too uncertain for lying on it to mean anything."""
    return covariance[0, 0] + covariance[1, 1] + covariance[2, 2] > VAGUE_M * VAGUE_M
