"""Traffic: the aircraft in the air, moved on step by step; they decide, leave, and are followed by others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from farwatch.plots import Floats, Ints
from farwatch.simulation.envelopes import envelope_of, envelope_table, turn_rate_of_bank, turn_rate_of_load
from farwatch.simulation.flights import (
    STRAIGHT,
    TO_WAYPOINT,
    TURN_BY,
    WING,
    advance_all,
    command_all,
    distances,
    moved,
    no_flights,
)
from farwatch.simulation.options import Place, Simulation, Traffic
from farwatch.simulation.plans import Plans
from farwatch.truth import NO_FORMATION, AircraftType

HOLD_LEG_S = 60.0
FINAL_KM, FINAL_HEIGHT_M, THRESHOLD_HEIGHT_M = 20.0, 1000.0, 300.0
SPLIT_TURN_DEG = (20.0, 70.0)
APPROACH_MPS = 80.0


class Skies:
    """All flights of a scenario."""

    def __init__(self, options: Simulation, flat: bool, lat: float, lon: float, rng: np.random.Generator) -> None:
        self.flat = flat
        self.origin = (lat, lon)
        self._groups = options.groups
        self._rng = rng
        self._envelopes = envelope_table()
        units = [_units(group, rng) for group in self._groups]
        random = sum(group.count for group in self._groups)
        scripted = sum(1 + flight.wingmen for flight in options.flights)
        self.flights = f = no_flights(random + scripted)
        self._next_aircraft, self._next_formation = 1, 1
        self._centres = [self.at(group.centre) for group in self._groups]
        row = 0
        for number, (group, sizes) in enumerate(zip(self._groups, units, strict=True)):
            leaders = row + np.concatenate([[0], np.cumsum(sizes)])[:-1].astype(np.int64)
            for leader, size in zip(leaders.tolist(), sizes, strict=True):
                f.leader[leader + 1 : leader + size] = leader
            f.group[row : row + group.count] = number
            f.type[row : row + group.count] = int(AircraftType[group.type.upper()])
            row += group.count
            if group.count:
                self._born(number, leaders, 0.0, at_edge=group.behaviour == "approach", first=True)
        self._plans = Plans(options.flights, f, row, self)
        self._plans.begin(0.0)
        command_all(flat, f, self._envelopes, 0.0, 1.0)

    def step(self, now_s: float, dt: float) -> None:
        """Move everything from `now_s` on by `dt` seconds; then flights decide, leave and come."""
        f = self.flights
        advance_all(self.flat, f, dt)
        now_s += dt
        for number, group in enumerate(self._groups):
            self._leave(number, group, now_s)
        due = np.flatnonzero((f.in_air > 0) & (f.group >= 0) & (f.task == STRAIGHT) & (now_s >= f.until_s))
        for number in np.unique(f.group[due]):
            self._decide(int(number), due[f.group[due] == number], now_s)
        self._split_and_join(now_s)
        self._plans.step(now_s)
        command_all(self.flat, f, self._envelopes, now_s, dt)

    def at(self, place: Place) -> tuple[float, float]:
        """Latitude and longitude (rad; flat: y and x in m) of a place."""
        if place.lat_deg is not None and place.lon_deg is not None:
            return math.radians(place.lat_deg), math.radians(place.lon_deg)
        east_m, north_m = (place.east_km or 0.0) * 1e3, (place.north_km or 0.0) * 1e3
        lat, lon = self.moved(
            np.array([self.origin[0]]),
            np.array([self.origin[1]]),
            np.array([math.atan2(east_m, north_m)]),
            np.array([math.hypot(east_m, north_m)]),
        )
        return float(lat[0]), float(lon[0])

    def moved(self, lat: Floats, lon: Floats, bearing: Floats, by_m: Floats) -> tuple[Floats, Floats]:
        """Places at distances and bearings from places: on the plane, or along geodesics."""
        return moved(self.flat, lat, lon, bearing, by_m)  # type: ignore[no-any-return]

    def number(self, rows: Ints) -> None:
        """Give rows new aircraft numbers."""
        self.flights.aircraft[rows] = self._next_aircraft + np.arange(len(rows))
        self._next_aircraft += len(rows)

    def form(self, leader: int, wingmen: Ints, spacing_m: Floats) -> None:
        """Put wingmen (rows) into slots about a leader, each a spacing from the next; and give them a number."""
        f, rng = self.flights, self._rng
        f.formation[leader] = f.formation[wingmen] = self._next_formation
        self._next_formation += 1
        ahead, right = np.zeros(2), np.zeros(2)  # the last slot on either side
        for k, row in enumerate(wingmen.tolist()):
            side, angle = k % 2, math.radians(rng.uniform(110.0, 150.0))
            ahead[side] += spacing_m[k] * math.cos(angle)
            right[side] += spacing_m[k] * math.sin(angle)
            f.slot_ahead_m[row], f.slot_right_m[row] = ahead[side], right[side] * (1.0 if side else -1.0)
            f.slot_up_m[row] = rng.uniform(-150.0, 150.0)

    def place_in_slots(self, wingmen: Ints) -> None:
        """Put wingmen where their slots are, flying as their leaders do."""
        f = self.flights
        lead = f.leader[wingmen]
        bearing = f.track[lead] + np.arctan2(f.slot_right_m[wingmen], f.slot_ahead_m[wingmen])
        out_m = np.hypot(f.slot_right_m[wingmen], f.slot_ahead_m[wingmen])
        f.lat[wingmen], f.lon[wingmen] = self.moved(f.lat[lead], f.lon[lead], bearing, out_m)
        for name in ("track", "speed_mps", "goal_speed_mps", "end_s"):
            getattr(f, name)[wingmen] = getattr(f, name)[lead]
        f.height_m[wingmen] = f.height_m[lead] + f.slot_up_m[wingmen]
        f.task[wingmen], f.in_air[wingmen], f.joins_s[wingmen] = WING, 1, np.inf

    def _born(self, number: int, leaders: Ints, now_s: float, at_edge: bool, first: bool = False) -> None:
        """New aircraft in the rows of leaders and of their wingmen: in the area, or at its edge and inward."""
        f, g, rng, n = self.flights, self._groups[number], self._rng, len(leaders)
        centre = self._centres[number]
        bearing = rng.uniform(0.0, 2.0 * math.pi, n)
        share = np.full(n, 0.999) if at_edge else np.sqrt(rng.uniform(0.0, 0.99, n))
        lat, lon = np.full(n, centre[0]), np.full(n, centre[1])
        f.lat[leaders], f.lon[leaders] = self.moved(lat, lon, bearing, share * g.radius_km * 1e3)
        # Those that come in over an edge so keep the area evenly filled: their courses have the cosine law.
        inward = bearing + math.pi + np.arcsin(rng.uniform(-0.98, 0.98, n))
        f.track[leaders] = inward if at_edge else rng.uniform(0.0, 2.0 * math.pi, n)
        f.height_m[leaders] = f.goal_height_m[leaders] = rng.uniform(*g.heights, n)
        f.speed_mps[leaders] = f.goal_speed_mps[leaders] = rng.uniform(*g.speeds, n)
        f.goal_climb_mps[leaders] = g.climb_mps
        f.turn[leaders] = f.climb_mps[leaders] = 0.0
        f.task[leaders], f.phase[leaders], f.in_air[leaders] = STRAIGHT, 0, 1
        leg_s = rng.uniform(*g.leg_km, n) * 1e3 / np.maximum(f.speed_mps[leaders], 1.0)
        f.until_s[leaders] = now_s + leg_s * (rng.uniform(0.0, 1.0, n) if first else 1.0)
        if g.behaviour != "transit":
            f.until_s[leaders] = now_s
        if g.manoeuvre_every_s is not None:
            f.hard_s[leaders] = now_s + rng.exponential(g.manoeuvre_every_s, n)
            f.until_s[leaders] = np.minimum(f.until_s[leaders], f.hard_s[leaders])
        f.end_s[leaders] = now_s + rng.exponential(g.mean_life_s, n)
        f.splits_s[leaders] = np.inf
        if g.split_every_s is not None:
            f.splits_s[leaders] = now_s + rng.exponential(g.split_every_s, n)
        f.formation[leaders] = NO_FORMATION
        wingmen = np.flatnonzero(np.isin(f.leader, leaders))
        for leader in np.unique(f.leader[wingmen]).tolist():
            own = wingmen[f.leader[wingmen] == leader]
            self.form(leader, own, rng.uniform(*g.spacing_m, len(own)))
        self.place_in_slots(wingmen)
        rows = np.sort(np.concatenate([leaders, wingmen]))
        self.number(rows)
        answers = rng.uniform(size=len(rows)) < g.transponders
        f.transponder[rows] = np.where(answers, np.where(rng.uniform(size=len(rows)) < g.mode_s, 2, 1), 0)
        f.mode_a[rows] = rng.integers(1, 4096, len(rows))

    def _leave(self, number: int, group: Traffic, now_s: float) -> None:
        """Who has left the area or lived its life is followed by another over the edge."""
        f = self.flights
        rows = np.flatnonzero((f.group == number) & (f.leader < 0))
        gone = now_s >= f.end_s[rows]
        if group.behaviour == "transit":
            lat, lon = self._centres[number]
            out_m = distances(self.flat, f.lat[rows], f.lon[rows], np.full(len(rows), lat), np.full(len(rows), lon))
            gone |= out_m > group.radius_km * 1e3
        if gone.any():
            self._born(number, rows[gone], now_s, at_edge=True)

    def _decide(self, number: int, rows: Ints, now_s: float) -> None:
        """What those do next whose leg has ended."""
        f, g, rng = self.flights, self._groups[number], self._rng
        alone = f.leader[rows] >= 0  # wingmen that have split off wait until they join
        f.until_s[rows[alone]] = np.inf
        rows = rows[~alone]
        n = len(rows)
        bank = np.radians(rng.uniform(*envelope_of(g.type).bank_deg, n))
        f.rate[rows] = turn_rate_of_bank(bank, f.speed_mps[rows])
        if g.manoeuvre_every_s is not None:
            hard = now_s >= f.hard_s[rows]
            self._manoeuvre(g, rows[hard])
            f.hard_s[rows[hard]] = now_s + rng.exponential(g.manoeuvre_every_s, int(hard.sum()))
            rows = rows[~hard]
            n = len(rows)
        f.straight_s[rows] = np.maximum(f.hard_s[rows] - now_s, 0.0)
        if not n:
            return
        if g.behaviour == "hold":
            f.task[rows], f.remaining[rows], f.straight_s[rows] = TURN_BY, math.pi, HOLD_LEG_S
        elif g.behaviour == "approach":
            self._approach(number, rows, now_s)
        else:
            if g.behaviour == "transit":
                change = math.radians(g.course_change_deg)
                course = f.track[rows] + rng.uniform(-change, change, n)
                leg_m = rng.uniform(*g.leg_km, n) * 1e3
                lat, lon = self.moved(f.lat[rows], f.lon[rows], course, leg_m)
            else:
                centre = self._centres[number]
                out_m = np.sqrt(rng.uniform(0.0, 1.0, n)) * g.radius_km * 1e3
                bearing = rng.uniform(0.0, 2.0 * math.pi, n)
                lat, lon = self.moved(np.full(n, centre[0]), np.full(n, centre[1]), bearing, out_m)
            self.go_to(rows, lat, lon)
            changes = rows[rng.uniform(size=n) < g.climbing]
            f.goal_height_m[changes] = rng.uniform(*g.heights, len(changes))

    def go_to(self, rows: Ints, lat: Any, lon: Any) -> None:
        """Turn rows towards waypoints and fly to them."""
        f = self.flights
        f.waypoint_lat[rows], f.waypoint_lon[rows] = lat, lon
        f.task[rows], f.remaining[rows] = TO_WAYPOINT, 2.0 * math.pi

    def _manoeuvre(self, g: Traffic, rows: Ints) -> None:
        f, rng, n = self.flights, self._rng, len(rows)
        load = rng.uniform(*g.manoeuvre_g, n)
        f.rate[rows] = [turn_rate_of_load(a, b) for a, b in zip(load, f.speed_mps[rows], strict=True)]
        f.remaining[rows] = np.radians(rng.uniform(*g.manoeuvre_deg, n)) * rng.choice((-1.0, 1.0), n)
        f.task[rows], f.straight_s[rows] = TURN_BY, 0.0

    def _approach(self, number: int, rows: Ints, now_s: float) -> None:
        """To the final, along it down to the threshold, and gone."""
        f = self.flights
        lat, lon = self._centres[number]
        for phase in (0, 1, 2):
            those = rows[f.phase[rows] == phase]
            at = np.full(len(those), lat), np.full(len(those), lon)
            if phase == 0:
                self.go_to(those, *self.moved(*at, np.zeros(len(those)), np.full(len(those), FINAL_KM * 1e3)))
                f.goal_height_m[those] = FINAL_HEIGHT_M + THRESHOLD_HEIGHT_M
            elif phase == 1:
                self.go_to(those, *at)
                f.goal_height_m[those], f.goal_climb_mps[those] = THRESHOLD_HEIGHT_M, 4.0
                f.goal_speed_mps[those] = np.minimum(f.speed_mps[those], APPROACH_MPS)
            else:
                f.end_s[those] = now_s
        f.phase[rows] += 1

    def _split_and_join(self, now_s: float) -> None:
        f, rng = self.flights, self._rng
        for leader in np.flatnonzero((f.in_air > 0) & (now_s >= f.splits_s)).tolist():
            group = self._groups[f.group[leader]]
            assert group.split_every_s is not None
            f.splits_s[leader] = now_s + group.split_lasts_s + rng.exponential(group.split_every_s)
            self.split(np.flatnonzero((f.leader == leader) & (f.task == WING)), now_s + group.split_lasts_s)
        back = np.flatnonzero(now_s >= f.joins_s)
        if len(back):
            self.join(back)

    def split(self, wingmen: Ints, joins_s: float) -> None:
        """Send wingmen off on courses of their own, until they join again."""
        f, rng, n = self.flights, self._rng, len(wingmen)
        f.task[wingmen], f.joins_s[wingmen], f.formation[wingmen] = TURN_BY, joins_s, NO_FORMATION
        side = np.where(f.slot_right_m[wingmen] >= 0.0, 1.0, -1.0)
        f.remaining[wingmen] = np.radians(rng.uniform(*SPLIT_TURN_DEG, n)) * side
        f.rate[wingmen] = [turn_rate_of_load(3.0, speed) for speed in f.speed_mps[wingmen]]
        f.straight_s[wingmen] = np.inf
        f.goal_height_m[wingmen], f.goal_speed_mps[wingmen] = f.height_m[wingmen], f.speed_mps[wingmen]

    def join(self, wingmen: Ints) -> None:
        """Call wingmen back to their slots; they belong to the formation when they are there."""
        f = self.flights
        f.task[wingmen], f.joins_s[wingmen] = WING, np.inf


def _units(group: Traffic, rng: np.random.Generator) -> list[int]:
    """Sizes of the formations (1: alone) that a group is made of."""
    sizes: list[int] = []
    left = group.count
    while left:
        size = min(int(rng.integers(group.formation[0], group.formation[1] + 1)), left)
        sizes.append(size)
        left -= size
    return sizes
