"""What a scenario says of the world in its [simulation] table: who flies, and how its radars really are."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from farwatch.simulation.adsb_options import Adsb
from farwatch.simulation.envelopes import TypeName, envelope_of
from farwatch.simulation.sensing import Sensing
from farwatch.simulation.weather import Weather

Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0, le=1e9)]
NotNegative = Annotated[float, Meta(ge=0, le=1e9)]
Height = Annotated[float, Meta(ge=-500, le=40_000)]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place on the ground: by latitude and longitude, or by kilometres east and north of the first sensor."""

    lat_deg: Annotated[float, Meta(ge=-90, le=90)] | None = None
    lon_deg: Annotated[float, Meta(ge=-180, le=360)] | None = None
    east_km: Annotated[float, Meta(ge=-5000, le=5000)] | None = None
    north_km: Annotated[float, Meta(ge=-5000, le=5000)] | None = None

    def __post_init__(self) -> None:
        by_angle = self.lat_deg is not None and self.lon_deg is not None
        by_km = self.east_km is not None and self.north_km is not None
        if by_angle + by_km != 1 or sum(getattr(self, name) is not None for name in self.__struct_fields__) != 2:
            raise ValueError("a place is `lat_deg` and `lon_deg`, or `east_km` and `north_km`")


def _ordered(name: str, pair: tuple[float, float]) -> None:
    if pair[0] > pair[1]:
        raise ValueError(f"`{name}` = [{pair[0]:g}, {pair[1]:g}]: the first is above the second")


def _within(name: str, value: float, limit: float, what: str, above: bool = True) -> None:
    if (value > limit) if above else (value < limit):
        word = "above" if above else "below"
        raise ValueError(f"`{name}` = {value:g} is {word} the {limit:g} of {what}")


class Traffic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Aircraft of one type, always so many at once: who leaves is followed by another.

    `transit` crosses the area from edge to edge by legs between waypoints, `roam` stays in it, `hold` flies racetracks
    about its centre, `approach` comes in from the edge and lands at the centre. Speeds and heights are those usual for
    the type where not given. With `manoeuvre_every_s`, hard turns interrupt the legs.
    """

    count: Count
    type: TypeName = "airliner"
    behaviour: Literal["transit", "roam", "hold", "approach"] = "transit"
    centre: Place = Place(east_km=0.0, north_km=0.0)
    radius_km: Positive = 620.0
    heights_m: tuple[Height, Height] | None = None
    speeds_mps: tuple[NotNegative, NotNegative] | None = None
    leg_km: tuple[Positive, Positive] = (60.0, 250.0)
    course_change_deg: Annotated[float, Meta(ge=0, le=180)] = 40.0  # at most, at a waypoint
    climbing: Share = 0.15  # of the legs begin with a change of height
    climb_mps: Positive = 8.0
    formation: tuple[Annotated[int, Meta(ge=1, le=100)], Annotated[int, Meta(ge=1, le=100)]] = (1, 1)
    spacing_m: tuple[Positive, Positive] = (500.0, 2000.0)
    split_every_s: Positive | None = None
    split_lasts_s: Positive = 60.0
    manoeuvre_every_s: Positive | None = None
    manoeuvre_g: tuple[Annotated[float, Meta(ge=1.05)], Annotated[float, Meta(ge=1.05)]] = (6.0, 9.0)
    manoeuvre_deg: tuple[Positive, Positive] = (60.0, 180.0)
    mean_life_s: Positive = 36_000.0
    transponders: Share = 1.0
    mode_s: Share = 1.0  # of the transponders; the others answer Mode A and C only

    def __post_init__(self) -> None:
        limits, what = envelope_of(self.type), f"the envelope of a {self.type}"
        for name in ("leg_km", "formation", "spacing_m", "manoeuvre_g", "manoeuvre_deg"):
            _ordered(name, getattr(self, name))
        if self.heights_m is not None:
            _ordered("heights_m", self.heights_m)
            _within("heights_m", self.heights_m[1], limits.ceiling_m, what)
        if self.speeds_mps is not None:
            _ordered("speeds_mps", self.speeds_mps)
            _within("speeds_mps", self.speeds_mps[1], limits.max_speed_mps, what)
            _within("speeds_mps", self.speeds_mps[0], limits.min_speed_mps, what, above=False)
        _within("climb_mps", self.climb_mps, limits.climb_mps, what)
        if self.manoeuvre_every_s is not None:
            _within("manoeuvre_g", self.manoeuvre_g[1], limits.max_load_g, what)
        if self.formation[1] > 1:
            reach_km = self.spacing_m[1] * 1e-3 * (self.formation[1] // 2 + 1)
            _within("spacing_m", reach_km, self.radius_km, "`radius_km`: the formation (its reach in km) has no room")
        if self.formation[1] > max(self.count, 1):
            raise ValueError(f"`formation` of {self.formation[1]} aircraft, and `count` is {self.count}")

    @property
    def heights(self) -> tuple[float, float]:
        """Least and greatest cruising height (m)."""
        return self.heights_m or envelope_of(self.type).heights_m

    @property
    def speeds(self) -> tuple[float, float]:
        """Least and greatest cruising speed (m/s)."""
        return self.speeds_mps or envelope_of(self.type).speeds_mps


class Leg(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One part of a flight: fly straight for a time, or turn by an angle (right is positive), or go to a place.

    A new height or speed is aimed at from its beginning. `split` sends the wingmen off, `rejoin` calls them back.
    """

    fly_s: Positive | None = None
    turn_deg: Annotated[float, Meta(ge=-3600, le=3600)] | None = None
    to: Place | None = None
    g: Annotated[float, Meta(ge=1.05)] | None = None  # load of the turn; the type's usual bank where not given
    height_m: Height | None = None
    climb_mps: Positive | None = None
    speed_mps: NotNegative | None = None
    split: bool = False
    rejoin: bool = False

    def __post_init__(self) -> None:
        if (self.fly_s is not None) + (self.turn_deg is not None) + (self.to is not None) != 1:
            raise ValueError("a leg has one of `fly_s`, `turn_deg` and `to`")
        if self.g is not None and self.fly_s is not None:
            raise ValueError("`g` is the load of a turn, and this leg is straight")


class Flight(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One aircraft or formation that flies exactly this; after its last leg it flies straight on."""

    start: Place
    height_m: Height
    speed_mps: NotNegative
    track_deg: Annotated[float, Meta(ge=-360, le=360)]
    type: TypeName = "fighter"
    at_s: NotNegative = 0.0
    until_s: Positive | None = None
    wingmen: Annotated[int, Meta(ge=0, le=99)] = 0
    spacing_m: Positive = 1000.0
    legs: tuple[Leg, ...] = ()
    transponder: Literal["none", "mode_ac", "mode_s"] = "mode_s"

    def __post_init__(self) -> None:
        limits, what = envelope_of(self.type), f"the envelope of a {self.type}"
        _within("height_m", self.height_m, limits.ceiling_m, what)
        _within("speed_mps", self.speed_mps, limits.max_speed_mps, what)
        _within("speed_mps", self.speed_mps, limits.min_speed_mps, what, above=False)
        for n, leg in enumerate(self.legs):
            for name, limit in (
                ("g", limits.max_load_g),
                ("height_m", limits.ceiling_m),
                ("speed_mps", limits.max_speed_mps),
                ("climb_mps", limits.climb_mps),
            ):
                value = getattr(leg, name)
                if value is not None:
                    _within(f"legs[{n}].{name}", value, limit, what)
            if leg.speed_mps is not None:
                _within(f"legs[{n}].speed_mps", leg.speed_mps, limits.min_speed_mps, what, above=False)
        if self.until_s is not None and self.until_s <= self.at_s:
            raise ValueError(f"`until_s` = {self.until_s:g} is not after `at_s` = {self.at_s:g}")


class Simulation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who flies, in what weather, and how the sensors really are: the tracker is told nothing of it.

    Without `traffic` and `flights`, `aircraft` airliners cross the area of `radius_km` about the first sensor.
    """

    aircraft: Count = 300
    radius_km: Positive = 620.0
    traffic: tuple[Traffic, ...] = ()
    flights: tuple[Flight, ...] = ()
    weather: Weather = Weather()
    sensors: dict[str, Sensing] = {}
    adsb: Adsb = Adsb()
    truth_every_s: Annotated[int, Meta(ge=1, le=3600)] = 1

    @property
    def groups(self) -> tuple[Traffic, ...]:
        """The traffic, or what stands for it where none is given."""
        if self.traffic or self.flights:
            return self.traffic
        return (Traffic(count=self.aircraft, radius_km=self.radius_km),)
