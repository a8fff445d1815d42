"""The frame that tracks live in: the round Earth, or the plane of the published benchmarks."""

from __future__ import annotations

from typing import Literal

import msgspec

from farwatch.geodesy import height_and_up
from farwatch.kernels import leaf


class Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """ "wgs84": Earth-centred metres; "flat": x east, y north, z up in metres about the origin."""

    kind: Literal["wgs84", "flat"] = "wgs84"

    @property
    def flat(self) -> bool:
        """Whether the world is a plane."""
        return self.kind == "flat"


@leaf
def vertical(flat, x, y, z):  # type: ignore[no-untyped-def]
    """Height (m) and the unit vector of the local vertical at a point of the frame."""
    if flat:
        return z, 0.0, 0.0, 1.0
    return height_and_up(x, y, z)
