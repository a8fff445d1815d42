"""Secondary radar: what transponders answer, and the plots that answers make where no aircraft is."""

from __future__ import annotations

import math
from typing import Annotated, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta

from farwatch.plots import NO_ADDRESS, NO_CALLSIGN, Flag, Floats, Ints
from farwatch.sensors.radar import RadarModel
from farwatch.simulation.flights import Flights
from farwatch.simulation.observe import TWO_PI, polar_rows
from farwatch.simulation.resolution import cells
from farwatch.truth import Outcome

Positive = Annotated[float, Meta(gt=0, le=1e9)]
NotNegative = Annotated[float, Meta(ge=0, le=1e9)]
Share = Annotated[float, Meta(ge=0, le=1)]
Probability = Annotated[float, Meta(gt=0, lt=1)]

FOOT_M = 0.3048
MODE_AC, MODE_S = 1, 2  # of a flight's transponder
FIRST_ADDRESS = 0x400000
REPLY_M = 20.3e-6 * 299_792_458.0 / 2.0  # in range: the length of a Mode A or C reply


class Reflector(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A large flat thing: in its direction the radar sees aircraft by way of it, farther off than they are."""

    azimuth_deg: Annotated[float, Meta(ge=-360, le=360)]
    range_km: Positive = 2.0
    probability: Share = 0.1


class Secondary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Answers. Without `detection` whoever the radar detects is known by its answer too.

    Mode A and C heights come in 100 ft, those of Mode S in `height_step_ft`. `garble` is the share of Mode A and C
    answers spoilt where two overlap; `sidelobes` the plots a turn of each aircraft within `sidelobe_range_km` in
    directions where it is not; `fruit` the plots at each crossing of answers that someone else had asked for.
    `registers` is the share of Mode S answers that bring airborne turn data (BDS 5,0).
    """

    detection: Probability | None = None
    height_step_ft: Literal[25, 100] = 25
    garble: Share = 0.0
    reflectors: tuple[Reflector, ...] = ()
    sidelobes: NotNegative = 0.0
    sidelobe_range_km: Positive = 40.0
    fruit: NotNegative = 0.0
    registers: Share = 0.0


class Ghosts(NamedTuple):
    """Plots of answers where their aircraft is not: its row, seconds into the step, range, azimuth, elevation."""

    row: Ints
    late_s: Floats
    range_m: Floats
    azimuth: Floats
    elevation: Floats
    outcome: Ints


def coded_height_m(height_m: Floats, transponder: Ints, step_ft: int) -> Floats:
    """Pressure altitude as transponders code it, NaN where there is none."""
    step_m = np.where(transponder == MODE_S, float(step_ft), 100.0) * FOOT_M
    return np.where(transponder > 0, np.round(height_m / step_m) * step_m, np.nan)


def callsigns_of(aircraft: Ints) -> Ints:
    """The packed callsigns FW00001, FW00002, ... of aircraft by their numbers."""
    packed = np.full(len(aircraft), (6 << 6 | 23) << 36, np.int64)
    left = aircraft % 100_000
    for digit in range(5):
        packed |= (48 + left % 10) << (6 * (digit + 1))
        left = left // 10
    return packed | 32


def identities(aircraft: Ints, transponder: Ints) -> tuple[Ints, Ints]:
    """Addresses and packed callsigns of those that answer in Mode S."""
    known = transponder == MODE_S
    address = np.where(known, FIRST_ADDRESS + aircraft, NO_ADDRESS)
    return address, np.where(known, callsigns_of(aircraft), NO_CALLSIGN)


def garbled(
    options: Secondary, range_m: Floats, azimuth: Floats, transponder: Ints, beam: float, rng: np.random.Generator
) -> Ints:
    """Flags of looks (n, in order of azimuth) of which Mode A and C answers overlap and are spoilt."""
    flags = np.zeros(len(range_m), np.int64)
    if options.garble == 0.0:
        return flags
    rows = np.flatnonzero(transponder == MODE_AC)
    cell = cells(range_m[rows], azimuth[rows], REPLY_M, beam)
    crowded = np.bincount(cell, minlength=1)[cell] > 1
    spoilt = rows[crowded & (rng.uniform(size=len(rows)) < options.garble)]
    flags[spoilt] = int(Flag.MODE_A_GARBLED | Flag.MODE_C_GARBLED)
    return flags


def overlaid(code: Ints, flags: Ints, rng: np.random.Generator) -> Ints:
    """Mode A codes with further pulses set where they are garbled."""
    noise = rng.integers(0, 4096, len(code)) & rng.integers(0, 4096, len(code))
    return np.where(flags & int(Flag.MODE_A_GARBLED) > 0, code | noise, code)


def ghosts(
    options: Secondary,
    model: RadarModel,
    flights: Flights,
    beam: float,
    dt: float,
    crossed: Ints,
    rng: np.random.Generator,
) -> Ghosts:
    """The step's reflections, sidelobe answers and FRUIT; `crossed` are the rows that the beam crosses in it."""
    parts = []
    rate = TWO_PI / model.rotation_s
    answers = np.flatnonzero((flights.in_air > 0) & (flights.transponder > 0))
    if options.reflectors or options.sidelobes:
        seen = polar_rows(model, flights, answers)
        reachable = (seen[:, 0] < model.max_range_m) & (seen[:, 2] > model.min_elevation)
    for reflector in options.reflectors:
        late = ((math.radians(reflector.azimuth_deg) - beam) % TWO_PI) / rate
        if late >= dt:
            continue
        chosen = np.flatnonzero(reachable & (rng.uniform(size=len(answers)) < reflector.probability))
        own_m, mirror_m = seen[chosen, 0], reflector.range_km * 1e3
        apart = seen[chosen, 1] - math.radians(reflector.azimuth_deg)
        onward = np.sqrt(own_m**2 + mirror_m**2 - 2.0 * own_m * mirror_m * np.cos(apart))
        n = len(chosen)
        azimuth = np.full(n, math.radians(reflector.azimuth_deg) % TWO_PI)
        parts.append(
            Ghosts(
                answers[chosen],
                np.full(n, late),
                mirror_m + onward,
                azimuth,
                seen[chosen, 2],
                np.full(n, int(Outcome.REFLECTION)),
            )
        )
    if options.sidelobes:
        near = np.flatnonzero(reachable & (seen[:, 0] < options.sidelobe_range_km * 1e3))
        chosen = np.repeat(near, rng.poisson(options.sidelobes * dt / model.rotation_s, len(near)))
        late_s = rng.uniform(0.0, dt, len(chosen))
        parts.append(
            Ghosts(
                answers[chosen],
                late_s,
                seen[chosen, 0],
                (beam + rate * late_s) % TWO_PI,
                seen[chosen, 2],
                np.full(len(chosen), int(Outcome.SIDELOBE)),
            )
        )
    if options.fruit:
        able = crossed[flights.transponder[crossed] == MODE_AC]
        row = np.repeat(able, rng.poisson(options.fruit, len(able)))
        own = polar_rows(model, flights, row)
        range_m = rng.uniform(max(model.min_range_m, 1.0), model.max_range_m, len(row))
        late_s = np.clip(((own[:, 1] - beam) % TWO_PI) / rate, 0.0, dt - 1e-6)
        parts.append(Ghosts(row, late_s, range_m, own[:, 1], own[:, 2], np.full(len(row), int(Outcome.FRUIT))))
    if not parts:
        none = np.zeros(0, np.int64)
        return Ghosts(none, np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0), none)
    return Ghosts(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
