"""Plans: flights that fly exactly what the scenario says, leg by leg."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from farwatch.simulation.envelopes import envelope_of, turn_rate_of_bank, turn_rate_of_load
from farwatch.simulation.flights import STRAIGHT, TURN_BY, WING, Flights
from farwatch.simulation.options import Flight, Leg
from farwatch.truth import AircraftType

if TYPE_CHECKING:
    from farwatch.simulation.traffic import Skies

TRANSPONDERS = {"none": 0, "mode_ac": 1, "mode_s": 2}


class Plans:
    """The scripted flights in the rows of a table from `first` on: each a leader and its wingmen."""

    def __init__(self, plans: Sequence[Flight], flights: Flights, first: int, skies: Skies) -> None:
        self._plans = plans
        self._flights = flights
        self._skies = skies
        self._rows: list[int] = []
        self._next_leg = [0] * len(plans)
        for plan in plans:
            self._rows.append(first)
            flights.leader[first + 1 : first + 1 + plan.wingmen] = first
            flights.type[first : first + 1 + plan.wingmen] = int(AircraftType[plan.type.upper()])
            first += 1 + plan.wingmen

    def step(self, now_s: float) -> None:
        """Flights begin, go on to their next leg, and end."""
        self.begin(now_s)
        f = self._flights
        for number, (plan, row) in enumerate(zip(self._plans, self._rows, strict=True)):
            own = slice(row, row + 1 + plan.wingmen)
            if f.in_air[row] and plan.until_s is not None and now_s >= plan.until_s:
                f.in_air[own] = 0
                self._next_leg[number] = len(plan.legs)
            elif f.in_air[row] and f.task[row] == STRAIGHT and now_s >= f.until_s[row]:
                self._go_on(number, now_s)

    def begin(self, now_s: float) -> None:
        """Put those into the air whose time has come."""
        f, skies = self._flights, self._skies
        for number, (plan, row) in enumerate(zip(self._plans, self._rows, strict=True)):
            if f.aircraft[row] or now_s < plan.at_s:
                continue
            rows = np.arange(row, row + 1 + plan.wingmen)
            f.lat[row], f.lon[row] = skies.at(plan.start)
            f.height_m[row] = f.goal_height_m[row] = plan.height_m
            f.speed_mps[row] = f.goal_speed_mps[row] = plan.speed_mps
            f.track[row], f.in_air[row] = math.radians(plan.track_deg), 1
            if plan.wingmen:
                skies.form(row, rows[1:], np.full(plan.wingmen, plan.spacing_m))
                skies.place_in_slots(rows[1:])
            skies.number(rows)
            f.transponder[rows], f.mode_a[rows] = TRANSPONDERS[plan.transponder], 0o1000 + rows
            self._go_on(number, now_s)

    def _go_on(self, number: int, now_s: float) -> None:
        """Begin the next leg of a flight."""
        f, plan, row = self._flights, self._plans[number], self._rows[number]
        leg = plan.legs[self._next_leg[number]] if self._next_leg[number] < len(plan.legs) else None
        self._next_leg[number] += 1
        if leg is None:
            f.task[row], f.until_s[row] = STRAIGHT, math.inf
            return
        self._aim(leg, plan, row)
        if leg.fly_s is not None:
            f.task[row], f.until_s[row] = STRAIGHT, now_s + leg.fly_s
        elif leg.turn_deg is not None:
            f.task[row], f.straight_s[row] = TURN_BY, 0.0
            f.remaining[row] = math.radians(leg.turn_deg)
        elif leg.to is not None:
            self._skies.go_to(np.array([row]), *self._skies.at(leg.to))
            f.straight_s[row] = math.inf
        wingmen = np.arange(row + 1, row + 1 + plan.wingmen)
        if leg.split:
            self._skies.split(wingmen[f.task[wingmen] == WING], math.inf)
        if leg.rejoin:
            self._skies.join(wingmen)

    def _aim(self, leg: Leg, plan: Flight, row: int) -> None:
        """A leg's height, speed and rate of turn."""
        f, limits = self._flights, envelope_of(plan.type)
        f.goal_climb_mps[row] = leg.climb_mps or limits.climb_mps
        if leg.height_m is not None:
            f.goal_height_m[row] = leg.height_m
        if leg.speed_mps is not None:
            f.goal_speed_mps[row] = leg.speed_mps
        speed = f.speed_mps[row]
        usual = turn_rate_of_bank(np.radians(limits.bank_deg[0]), speed)
        f.rate[row] = float(usual) if leg.g is None else turn_rate_of_load(leg.g, speed)
