"""Place: where on the Earth a sensor stands."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place on the Earth; `height_m` above the WGS-84 ellipsoid, or above mean sea level where `msl` is true.

    Where `msl` is true, `geoid_m` must say how far mean sea level lies above the ellipsoid there (EGM96).
    """

    lat_deg: Annotated[float, Meta(ge=-90, le=90)]
    lon_deg: Annotated[float, Meta(ge=-180, le=360)]
    height_m: Annotated[float, Meta(ge=-500, le=20_000)] = 0.0
    msl: bool = False
    geoid_m: Annotated[float, Meta(ge=-120, le=120)] | None = None

    def __post_init__(self) -> None:
        if self.msl and self.geoid_m is None:
            raise ValueError("`msl = true` needs `geoid_m`, the height of mean sea level above the ellipsoid there")

    @property
    def ellipsoidal_height_m(self) -> float:
        """Height above the WGS-84 ellipsoid."""
        return self.height_m + (self.geoid_m or 0.0) if self.msl else self.height_m
