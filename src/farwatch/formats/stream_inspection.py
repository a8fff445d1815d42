"""What is in a recording of an ADS-B receiver or the like: messages, aircraft, positions, and what is not believed."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from farwatch.cooperative.conditioner import REASONS, USUAL, Conditioner
from farwatch.errors import FormatError
from farwatch.formats.heard import Heard
from farwatch.formats.streams import FORMATS, read_file
from farwatch.formats.window import first_bytes
from farwatch.plots import NO_ADDRESS, Kind, Plots, concat_plots
from farwatch.sensors import AdsB, Mlat, Place

WIDEST_KM = 2000.0  # about the middle of all positions
_USUAL = frozenset(REASONS[code] for code in USUAL)


@dataclass
class StreamInspection:
    """A recording and what it holds."""

    path: str
    format: str
    compression: str
    bytes: int
    records: int  # messages, lines, or aircraft of a document
    kinds: Counter[str]
    aircraft: int
    positions: int
    first_ns: int | None
    last_ns: int | None
    bbox_deg: tuple[float, float, float, float] | None  # south, west, north, east of the positions that are believed
    skipped: Counter[str]  # what could not be read or used
    rejected: Counter[str]  # what was read and is not believed
    repeated: Counter[str] = field(default_factory=Counter)  # what every feed has: more than is needed


def inspect_stream(path: str | os.PathLike[str], name: str) -> StreamInspection:
    """Read a recording of a format of `streams.FORMATS`; raises FormatError where nothing in it can be read."""
    reader = FORMATS[name].reader()
    found = [heard for heard in read_file(path, reader) if heard.plots.n]
    statistics = reader.statistics
    if not statistics.records and not reader.kinds:
        raise FormatError(f"{path}: looks like {name}, but no message in it can be read")
    plots = concat_plots([heard.plots for heard in found])
    kept, counts = _judged(plots, found)
    rejected = statistics.rejected + Counter({name: n for name, n in counts.items() if name not in _USUAL})
    placed = kept.take(~np.isnan(kept.z[:, 0])) if kept.n and not (kept.kind == Kind.PASSIVE).any() else kept.take([])
    box = None
    if placed.n:
        lat, lon = np.degrees(placed.z[:, 0]), np.degrees(placed.z[:, 1])
        box = float(lat.min()), float(lon.min()), float(lat.max()), float(lon.max())
    file = Path(path)
    return StreamInspection(
        str(file),
        name,
        first_bytes(file, 4)[1],
        file.stat().st_size,
        statistics.records,
        reader.kinds,
        len(np.unique(plots.address[plots.address != NO_ADDRESS])),
        plots.n,
        int(plots.time_ns.min()) if plots.n else None,
        int(plots.time_ns.max()) if plots.n else None,
        box,
        statistics.skipped,
        rejected,
        Counter({name: n for name, n in counts.items() if name in _USUAL}),
    )


def _judged(plots: Plots, found: list[Heard]) -> tuple[Plots, Counter[str]]:
    """The positions that sensors in the middle of all of them would take, and why not the others."""
    positions = plots.kind != Kind.PASSIVE
    if not positions.any():
        return plots, Counter()
    lat, lon = np.degrees(plots.z[positions, 0]), np.degrees(plots.z[positions, 1])
    good = (np.abs(lat) <= 90.0) & (np.abs(lon) <= 180.0)
    if not good.any():
        return plots.take(positions & False), Counter({REASONS[-1]: int(positions.sum())})
    place = Place(lat_deg=float(np.median(lat[good])), lon_deg=float(np.median(lon[good])))
    sensors = AdsB(id="A", position=place, max_range_km=WIDEST_KM), Mlat(id="M", position=place, max_range_km=WIDEST_KM)
    conditioner = Conditioner(sensors)
    sensor = np.where(plots.kind == Kind.MLAT, 1, 0).astype(np.int32)
    sigma_m = np.concatenate([heard.sigma_m for heard in found])
    kept = conditioner(plots._replace(sensor=sensor).take(positions), None, sigma_m[positions])
    return kept, conditioner.counts
