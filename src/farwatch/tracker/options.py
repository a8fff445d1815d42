"""The tracker's options, as a scenario's [tracker] and [frame] tables give them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Positive = Annotated[float, Meta(gt=0, le=1e9)]
Probability = Annotated[float, Meta(gt=0, lt=1)]


class Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where states live: Earth-centred ("wgs84"), or a flat plane with x east, y north, z up ("flat")."""

    kind: Literal["wgs84", "flat"] = "wgs84"
