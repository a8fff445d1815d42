"""Reports: what recordings and feeds hold of positions, given to the sensors of a site and conditioned.

Whose a report is is said by its ASTERIX source, or else by its kind: the first ADS-B sensor of the site, the first of
multilateration, the first passive radar. All recordings and feeds go through one `Conditioner`, so what several
receivers have heard of an aircraft is used once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from farwatch.cooperative.conditioner import Conditioner
from farwatch.errors import FormatError
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.asterix.targets import CATEGORIES, Targets, Wanted
from farwatch.formats.heard import Heard, Reader
from farwatch.formats.modes import decoder
from farwatch.formats.streams import FORMATS
from farwatch.plots import Floats, Ints, Kind, Plots, concat_plots, make_plots
from farwatch.sensors import AdsB, GeodeticSensor, Mlat, Sensor, SurfaceRadar

OF_CATEGORY: dict[int, tuple[type[GeodeticSensor], ...]] = {
    21: (AdsB,),
    20: (Mlat,),
    10: (Mlat, AdsB, SurfaceRadar),  # the last that has the source is it
}
OF_KIND: dict[Kind, type[GeodeticSensor]] = {Kind.ADSB: AdsB, Kind.MLAT: Mlat}
RAW = ("beast", "avr", "modes_jsonl")
TAGS = {Kind.ADSB: "adsb", Kind.MLAT: "mlat"}


def source_of(sac_sic: str) -> tuple[int, int]:
    """SAC and SIC out of "20/129"."""
    sac, sic = sac_sic.split("/")
    return int(sac), int(sic)


def wanted_of(sensors: Sequence[Sensor]) -> Wanted:
    """Whose targets of CAT021, 020 and 010 the sensors of a site want."""
    sources: dict[int, dict[tuple[int, int], int]] = {}
    sites = {}
    for category in CATEGORIES:
        for kind in OF_CATEGORY[category]:
            for index, sensor in enumerate(sensors):
                if isinstance(sensor, kind) and sensor.sac_sic:
                    sources.setdefault(category, {})[source_of(sensor.sac_sic)] = index
    for index, sensor in enumerate(sensors):
        if isinstance(sensor, GeodeticSensor):
            place = sensor.position
            sites[index] = math.radians(place.lat_deg), math.radians(place.lon_deg), place.ellipsoidal_height_m
    return Wanted(sources, sites)


class Pending(NamedTuple):
    """Reports that have their sensors and are not conditioned yet."""

    plots: Plots
    number: Ints  # a sensor's own of its targets, -1 none
    sigma_m: Floats

    def take(self, rows: Any) -> Pending:
        """The rows given by an index array, mask or slice."""
        return Pending(self.plots.take(rows), self.number[rows], self.sigma_m[rows])


NO_REPORTS = Pending(make_plots(0), np.empty(0, np.int64), np.empty(0))


def joined(parts: Sequence[Pending]) -> Pending:
    """One table out of several."""
    if not parts:
        return NO_REPORTS
    return Pending(
        concat_plots([part.plots for part in parts]),
        np.concatenate([part.number for part in parts]),
        np.concatenate([part.sigma_m for part in parts]),
    )


class ReportSensors:
    """The geodetic sensors of a site: gives them their reports."""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        self.sensors = tuple(sensors)
        self._index = {
            kind: next((n for n, sensor in enumerate(sensors) if isinstance(sensor, of_kind)), -1)
            for kind, of_kind in OF_KIND.items()
        }
        self.conditioner = Conditioner(sensors)
        self.wanted = wanted_of(sensors)

    def reader(self, name: str, day_ns: int = 0, **options: Any) -> Reader:
        """A reader of a format, for a receiver at the place of the site's ADS-B sensor if that tracks what taxies."""
        sensor = self.sensors[self._index[Kind.ADSB]] if self._index[Kind.ADSB] >= 0 else None
        receiver = None
        if isinstance(sensor, AdsB) and sensor.surface:
            receiver = sensor.position.lat_deg, sensor.position.lon_deg
        if name in RAW:
            decoder()  # where it is not installed, that is said before anything is read
        return FORMATS[name].reader(receiver, day_ns, **options)

    def given(self, heard: Heard, statistics: Statistics) -> Pending:
        """Reports with their sensors; those that no sensor is for are left out and counted."""
        plots = heard.plots
        if not plots.n:
            return NO_REPORTS
        sensor = np.full(plots.n, -1, np.int32)
        for kind, index in self._index.items():
            sensor[plots.kind == kind] = index
        known = sensor >= 0
        for kind in np.unique(plots.kind[~known]).tolist():
            what = TAGS.get(Kind(kind), "passive")
            lost = int(np.sum(plots.kind[~known] == kind))
            statistics.skipped[f"report for a sensor of kind {what!r}, which the site does not have"] += lost
        none = np.full(plots.n, -1, np.int64)
        return Pending(plots._replace(sensor=sensor), none, heard.sigma_m).take(known)

    def conditioned(self, reports: Pending) -> Plots:
        """What the tracker is to have of reports, in the order of their events."""
        return self.conditioner(reports.plots, reports.number, reports.sigma_m)


def pending_of(targets: Targets | None) -> Pending:
    """The targets of ASTERIX categories as reports."""
    return NO_REPORTS if targets is None else Pending(*targets)


class Waiting:
    """Reports of several inputs until all inputs have reached their times: so they are conditioned in their order."""

    def __init__(self, sensors: ReportSensors) -> None:
        self._sensors = sensors
        self._held: list[Pending] = []
        periods = [sensor.period_s for sensor in sensors.sensors if isinstance(sensor, GeodeticSensor)]
        self.back_ns = round(max(periods, default=0.0) * 1e9)  # by so much at most a report is moved back

    def add(self, reports: Pending) -> None:
        """Take in reports."""
        if reports.plots.n:
            self._held.append(reports)

    def until(self, time_ns: int | None) -> Plots:
        """The conditioned plots of all reports before a time; of all where it is None."""
        if not self._held:
            return NO_REPORTS.plots
        held = joined(self._held)
        due = np.ones(held.plots.n, np.bool_) if time_ns is None else held.plots.time_ns < time_ns
        left = held.take(~due)
        self._held = [left] if left.plots.n else []
        return self._sensors.conditioned(held.take(due))


def refuse_nothing(path: object, given: int, statistics: Statistics) -> None:
    """Raise `FormatError` where a recording held nothing for any sensor of the site, saying why."""
    if given:
        return
    why = "; ".join(f"{count:,} times: {reason}" for reason, count in statistics.skipped.most_common(3))
    hint = why or "it holds no position that can be used"
    raise FormatError(f"{path}: nothing in it is for a sensor of the site ({hint})")
