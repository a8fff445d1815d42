"""Airborne turn data as a Mode S transponder gives them: the register BDS 5,0, a little old and in coarse steps."""

from __future__ import annotations

import math

import numpy as np

from farwatch.plots import Floats, Ints
from farwatch.simulation.flights import Flights
from farwatch.simulation.secondary import MODE_S, Secondary

GRAVITY = 9.80665
OLDEST_S = 2.0  # a register is anything from new to so old: a recorded hour's lag turns by 1.5 s
TRACK_SIGMA, ROLL_SIGMA, SPEED_SIGMA_MPS = math.radians(0.3), math.radians(0.3), 1.0
TRACK_STEP, ROLL_STEP, RATE_STEP = math.radians(90.0 / 512.0), math.radians(45.0 / 256.0), math.radians(8.0 / 256.0)
SPEED_STEP_MPS = 2.0 * 1852.0 / 3600.0
MOST_RATE = math.radians(16.0)  # what the register has room for
MOST_ROLL = math.radians(90.0)


def motion_of(flights: Flights, row: Ints, late_s: Floats) -> Floats:
    """True track (rad), ground speed (m/s) and turn rate (rad/s, clockwise) of flights some time from now, (n, 3)."""
    turn = flights.turn[row]
    return np.column_stack([flights.track[row] + turn * late_s, flights.speed_mps[row], turn])


def registers(options: Secondary, motion: Floats, transponder: Ints, rng: np.random.Generator) -> dict[str, Floats]:
    """Columns of `Plots` with what the registers of `motion` (n, 3) say; none where none are asked for."""
    if options.registers == 0.0:
        return {}
    n = len(motion)
    gives = (transponder == MODE_S) & (rng.uniform(size=n) < options.registers)
    noise = rng.normal(size=(3, n))
    track, speed, turn = motion.T
    age_s = rng.uniform(0.0, OLDEST_S, n)
    roll = np.arctan(speed * turn / GRAVITY) + ROLL_SIGMA * noise[1]
    told = {
        "heading_rad": _steps(track - age_s * turn + TRACK_SIGMA * noise[0], TRACK_STEP) % (2.0 * math.pi),
        "roll_rad": np.clip(_steps(roll, ROLL_STEP), -MOST_ROLL, MOST_ROLL),
        "track_rate_rps": np.where(np.abs(turn) < MOST_RATE, _steps(turn, RATE_STEP), np.nan),
        "speed_mps": _steps(speed + SPEED_SIGMA_MPS * noise[2], SPEED_STEP_MPS),
    }
    return {name: np.where(gives, column, np.nan) for name, column in told.items()}


def _steps(value: Floats, step: float) -> Floats:
    return np.asarray(np.round(value / step) * step)
