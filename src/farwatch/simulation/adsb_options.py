"""What a scenario says of ADS-B in [simulation.adsb]: who sends it, how well, and the ground stations that hear it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from farwatch.sensors.place import Place
from farwatch.simulation.envelopes import TypeName

Share = Annotated[float, Meta(ge=0, le=1)]
Code = Annotated[int, Meta(ge=0, le=11)]
Seconds = Annotated[float, Meta(ge=0, le=2)]

# Shares of aircraft with a Mode S transponder. Fighters may be equipped, and rarely say where they are.
EQUIPPED: dict[str, float] = {
    "airliner": 1.0,
    "business_jet": 1.0,
    "propeller": 0.7,
    "helicopter": 0.7,
    "fighter": 0.0,
    "heavy_fighter": 0.0,
    "other": 0.5,
}


class AdsbStation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ground station: it hears what is above its horizon and within range, but for a share of the messages.

    Without a `position` it stands at the first radar. It reports an aircraft when it hears its position, at most once
    in `every_s` (0: each time), `delay_s` later; and how it is itself every `status_s` (0: never).
    """

    sac_sic: Annotated[str, Meta(pattern=r"^\d{1,3}/\d{1,3}$")] = "0/200"
    position: Place | None = None
    range_km: Annotated[float, Meta(gt=0, le=1000)] = 400.0
    loss: Share = 0.1
    every_s: Annotated[float, Meta(ge=0, le=30)] = 1.0
    delay_s: Seconds = 0.1
    status_s: Annotated[int, Meta(ge=0, le=127)] = 1


class Adsb(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Version-2 ADS-B of the aircraft with a Mode S transponder, of which `equipped` sends: a share for each type.

    `nacp`: what accuracy they state, the least and the greatest; true errors are `error_share` of what it allows. A
    position is `latency_s` old when it is sent as new, but for the `utc_coupled` share of aircraft, whose positions
    hold at a known time. The `airspeed` share sends its speed through the air in place of that over the ground.
    """

    stations: tuple[AdsbStation, ...] = (AdsbStation(),)
    equipped: dict[TypeName, Share] = {}
    nacp: tuple[Annotated[int, Meta(ge=1, le=11)], Annotated[int, Meta(ge=1, le=11)]] = (8, 10)
    nic: Code = 8
    sil: Annotated[int, Meta(ge=0, le=3)] = 3
    error_share: Annotated[float, Meta(ge=0, le=10)] = 0.3
    latency_s: tuple[Seconds, Seconds] = (0.0, 0.2)
    utc_coupled: Share = 0.2
    airspeed: Share = 0.02

    def __post_init__(self) -> None:
        for name in ("nacp", "latency_s"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"`{name}` = [{low:g}, {high:g}]: the first is above the second")
        seen = [station.sac_sic for station in self.stations]
        for sac_sic in seen:
            if seen.count(sac_sic) > 1:
                raise ValueError(f"sac_sic = {sac_sic!r} is that of two stations; each must differ")

    def share_of(self, kind: str) -> float:
        """The share of a type of aircraft that sends."""
        return {str(name): share for name, share in self.equipped.items()}.get(kind, EQUIPPED[kind])
