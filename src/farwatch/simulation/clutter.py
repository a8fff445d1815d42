"""Clutter: false plots, anywhere or in patches, drawn a turn of the antenna at a time."""

from __future__ import annotations

import math
from typing import Annotated, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta

from farwatch.plots import Floats
from farwatch.sensors.radar import RadarModel

Positive = Annotated[float, Meta(gt=0, le=1e9)]
NotNegative = Annotated[float, Meta(ge=0, le=1e9)]
Share = Annotated[float, Meta(ge=0, le=1)]
TWO_PI = 2.0 * math.pi
EFFECTIVE_RADIUS_M = 4.0 / 3.0 * 6_371_000.0
STANDING_SIGMA_M = 30.0  # how far plots of a standing echo lie about it
DOPPLER_SIGMA_MPS = 3.0


class Patch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """False plots in one place: Poisson, `plots` a turn on average, evenly over a disc or a sector of a ring.

    `weather` and `birds` drift; a `wind_farm` and a `coast` stand still and consist of fixed echoes (`echoes` many),
    each of which shows as often as gives the average.
    """

    kind: Literal["weather", "birds", "wind_farm", "coast"]
    plots: NotNegative
    range_km: NotNegative
    azimuth_deg: Annotated[float, Meta(ge=-360, le=360)]
    radius_km: Positive = 20.0
    width_deg: Annotated[float, Meta(gt=0, le=360)] | None = None  # a sector of a ring instead of a disc
    heights_m: tuple[float, float] = (0.0, 3000.0)
    speed_mps: NotNegative = 0.0
    track_deg: Annotated[float, Meta(ge=-360, le=360)] = 0.0
    drift_km: Positive = 100.0  # then it has dissolved, and another forms where it began
    echoes: Annotated[int, Meta(ge=1, le=100_000)] = 100

    def __post_init__(self) -> None:
        if self.standing and self.speed_mps:
            raise ValueError(f"a {self.kind} does not move: leave out `speed_mps`")
        if self.standing and self.plots > self.echoes:
            raise ValueError(f"{self.echoes} `echoes` cannot give {self.plots:g} plots a turn, one each at most")

    @property
    def standing(self) -> bool:
        """Whether it consists of fixed echoes."""
        return self.kind in ("wind_farm", "coast")


class Bursts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Now and then, in a share of the turns, a wedge of azimuth fills with plots: interference."""

    share: Share = 0.05
    plots: Positive = 50.0
    width_deg: Annotated[float, Meta(gt=0, le=360)] = 5.0


class Clutter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """False plots a turn: `plots` of them evenly in range and azimuth, and patches, and bursts.

    None lies above `ceiling_m`: the radar's extractor drops those. Without `plots` they are the radar's own `clutter`.
    """

    plots: NotNegative | None = None
    ceiling_m: Positive = 30_000.0
    patches: tuple[Patch, ...] = ()
    bursts: Bursts | None = None


class Echoes(NamedTuple):
    """False plots: seconds since the turn began, range, azimuth, elevation, range rate."""

    late_s: Floats
    range_m: Floats
    azimuth: Floats
    elevation: Floats
    rate_mps: Floats


class ClutterField:
    """The false plots of one radar, turn by turn."""

    def __init__(
        self, options: Clutter, plots: float, model: RadarModel, horizon: float, rng: np.random.Generator
    ) -> None:
        self._options = options
        self._plots = plots
        self._model = model
        self._horizon = horizon
        self._rng = rng
        self._standing = [
            self._scattered(patch, patch.echoes, 0.0) if patch.standing else None for patch in options.patches
        ]

    def turn(self, begins_s: float) -> Echoes:
        """All false plots of the turn that begins at a time, in no order."""
        parts = [self._anywhere()]
        for patch, fixed in zip(self._options.patches, self._standing, strict=True):
            parts.append(self._patch(patch, fixed, begins_s))
        if self._options.bursts is not None and self._rng.uniform() < self._options.bursts.share:
            parts.append(self._burst(self._options.bursts))
        rows = np.concatenate(parts)
        model = self._model
        rows = rows[(rows[:, 0] >= max(model.min_range_m, 1.0)) & (rows[:, 0] <= model.max_range_m)]
        late_s = rows[:, 1] / TWO_PI * model.rotation_s
        return Echoes(late_s, rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3])

    def _anywhere(self) -> Floats:
        n, model, rng = int(self._rng.poisson(self._plots)), self._model, self._rng
        range_m = rng.uniform(max(model.min_range_m, 1.0), model.max_range_m, n)
        return self._row(range_m, rng.uniform(0.0, TWO_PI, n), rng.uniform(-300.0, 300.0, n))

    def _burst(self, bursts: Bursts) -> Floats:
        n, model, rng = int(self._rng.poisson(bursts.plots)), self._model, self._rng
        range_m = rng.uniform(max(model.min_range_m, 1.0), model.max_range_m, n)
        azimuth = rng.uniform(0.0, TWO_PI) + rng.uniform(-0.5, 0.5, n) * math.radians(bursts.width_deg)
        return self._row(range_m, azimuth % TWO_PI, rng.uniform(-300.0, 300.0, n))

    def _row(self, range_m: Floats, azimuth: Floats, rate_mps: Floats) -> Floats:
        """False plots evenly over the elevations that the radar has under the ceiling."""
        model = self._model
        drop = 0.0 if model.flat else range_m / (2.0 * EFFECTIVE_RADIUS_M)
        rise = (self._options.ceiling_m - model.height_m) / range_m - drop
        lowest = max(model.min_elevation, self._horizon)
        highest = np.clip(np.arcsin(np.clip(rise, -1.0, 1.0)), lowest, model.max_elevation)
        elevation = lowest + self._rng.uniform(size=len(range_m)) * (highest - lowest)
        return np.column_stack([range_m, azimuth, elevation, rate_mps])

    def _patch(self, patch: Patch, fixed: Floats | None, begins_s: float) -> Floats:
        rng = self._rng
        if fixed is None:
            return self._scattered(patch, int(rng.poisson(patch.plots)), begins_s)
        seen = fixed[rng.uniform(size=len(fixed)) < patch.plots / patch.echoes]
        noise = rng.normal(size=(len(seen), 4)) * STANDING_SIGMA_M
        noise[:, 1] = noise[:, 1] / np.maximum(seen[:, 0], 1e3)
        noise[:, 2:] = 0.0
        seen = seen + noise
        seen[:, 1] %= TWO_PI
        return seen

    def _scattered(self, patch: Patch, n: int, begins_s: float) -> Floats:
        """n places of a patch as it lies at a time: range, azimuth, elevation, range rate."""
        rng, model = self._rng, self._model
        azimuth = math.radians(patch.azimuth_deg)
        if patch.width_deg is None:
            out_m = patch.radius_km * 1e3 * np.sqrt(rng.uniform(size=n))
            bearing = rng.uniform(0.0, TWO_PI, n)
            east = patch.range_km * 1e3 * math.sin(azimuth) + out_m * np.sin(bearing)
            north = patch.range_km * 1e3 * math.cos(azimuth) + out_m * np.cos(bearing)
        else:
            near_m, far_m = (max(patch.range_km + side * patch.radius_km, 0.0) * 1e3 for side in (-1.0, 1.0))
            out_m = np.sqrt(rng.uniform(near_m**2, far_m**2, n))
            bearing = azimuth + rng.uniform(-0.5, 0.5, n) * math.radians(patch.width_deg)
            east, north = out_m * np.sin(bearing), out_m * np.cos(bearing)
        track = math.radians(patch.track_deg)
        v_east, v_north = patch.speed_mps * math.sin(track), patch.speed_mps * math.cos(track)
        drifting_s = begins_s % (patch.drift_km * 1e3 / patch.speed_mps) if patch.speed_mps else 0.0
        east, north = east + v_east * drifting_s, north + v_north * drifting_s
        ground = np.maximum(np.hypot(east, north), 1.0)
        drop = 0.0 if model.flat else ground / (2.0 * EFFECTIVE_RADIUS_M)
        height = rng.uniform(patch.heights_m[0], patch.heights_m[1], n) - model.height_m
        lowest = max(model.min_elevation, self._horizon)
        elevation = np.clip(np.arctan(height / ground - drop), lowest, model.max_elevation)
        rate = (v_east * east + v_north * north) / ground + rng.normal(size=n) * DOPPLER_SIGMA_MPS
        return np.column_stack([ground, np.arctan2(east, north) % TWO_PI, elevation, rate])
