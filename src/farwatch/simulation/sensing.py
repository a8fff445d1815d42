"""How a scenario's radar really is: what the tracker must find out for itself, in [simulation.sensors.ID]."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from farwatch.simulation.clutter import Clutter
from farwatch.simulation.detection import BlindSpeeds, DetectionLaw
from farwatch.simulation.resolution import Resolution
from farwatch.simulation.secondary import Secondary

Share = Annotated[float, Meta(ge=0, le=1)]


class Bias(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Systematic errors: measured = true + bias, the range also times 1 + gain; `time_s` is what the clock is fast."""

    range_m: Annotated[float, Meta(ge=-10_000, le=10_000)] = 0.0
    range_gain: Annotated[float, Meta(ge=-0.1, le=0.1)] = 0.0
    azimuth_deg: Annotated[float, Meta(ge=-180, le=180)] = 0.0
    elevation_deg: Annotated[float, Meta(ge=-90, le=90)] = 0.0
    time_s: Annotated[float, Meta(ge=-60, le=60)] = 0.0


class Sensing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One radar as it really is. Without options it detects with its own `detection` wherever it sees, and whoever
    has a transponder is known.

    With `noise_by_snr` the radar's sigmas hold at the reference and go with 1 / sqrt(SNR), from half to twice as much.
    """

    kind: Literal["combined", "primary"] = "combined"
    detection: DetectionLaw | None = None
    noise_by_snr: bool = False
    resolution: Resolution | None = None
    splits: Share = 0.0  # of the plots come twice
    blind_speeds: BlindSpeeds | None = None
    clutter: Clutter = Clutter()
    secondary: Secondary = Secondary()
    bias: Bias = Bias()
