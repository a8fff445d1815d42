"""Report: what registration knows of each sensor, beside what is stated of it, as plain data and in words."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from farwatch.registration.estimator import EXCLUDED, EXPLAINED, UNTOLD
from farwatch.registration.health import FIRST, SECOND, SECTORS, detection_of, interval_of, noise_of
from farwatch.registration.registrar import Registrar
from farwatch.registration.stations import ERRORS, RADAR

NAMES = ("range_m", "range_gain", "azimuth_deg", "time_s")
TO_SHOWN = np.array([1.0, 1.0, 180.0 / math.pi, 1.0])
KNOWN_BY = 0.5  # of the prior's sigma: what is not known better than that is not known
STANDINGS = {UNTOLD: "not compared", EXPLAINED: "ok", EXCLUDED: "not explained"}
KINDS = ("radar", "mlat", "adsb")
POINTS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")


class Quality(NamedTuple):
    """How often and how well a sensor sees, all round or in a sector; NaN where too little was seen."""

    detection: float
    interval_s: float
    noise_first: float  # range, or position (m)
    noise_azimuth_deg: float
    left_first: float  # mean residual after registration
    left_azimuth_deg: float


class SensorReport(NamedTuple):
    """One sensor. `errors` and `sigma` in m, parts, degrees and seconds; `known`: told apart from what was believed."""

    id: str
    kind: str
    standing: str
    reference: bool
    errors: tuple[float, ...]
    sigma: tuple[float, ...]
    known: tuple[bool, ...]
    score: float  # squared residual over the stated variance, 1 where the noise is as stated
    aircraft: int  # that the last window compared it by
    moves: int  # times that its errors have changed at once
    stated: Quality
    measured: Quality
    sectors: tuple[Quality, ...]
    words: str  # what an operator should know, "" where nothing


def sensor_reports(registrar: Registrar) -> tuple[SensorReport, ...]:
    """All sensors, in their order."""
    known, now, layout = registrar.estimator.known, registrar.estimate, registrar.estimator.layout
    free = set(layout.free.tolist())
    out = []
    for number, station in enumerate(registrar.stations):
        errors, sigma = now.errors[number] * TO_SHOWN, now.sigma[number] * TO_SHOWN
        prior = layout.scale[layout.of(number)] * TO_SHOWN
        told = [
            ERRORS * number + k in free and known.standing[number] == EXPLAINED and sigma[k] < KNOWN_BY * prior[k]
            for k in range(ERRORS)
        ]
        radar = station.radar
        is_radar = station.kind == RADAR
        first = math.sqrt(radar.variance_range) if is_radar else station.sigma_m
        azimuth = math.degrees(math.sqrt(radar.variance_azimuth)) if is_radar else math.nan
        sums = registrar.health[number]
        out.append(
            SensorReport(
                id=station.id,
                kind=KINDS[station.kind],
                standing=STANDINGS[int(known.standing[number])],
                reference=number == layout.reference,
                errors=tuple(errors.tolist()),
                sigma=tuple(sigma.tolist()),
                known=tuple(told),
                score=float(known.score[number]),
                aircraft=int(known.compared[number]),
                moves=int(known.moves[number]),
                stated=Quality(station.detection, station.period_s, first, azimuth, 0.0, 0.0),
                measured=quality(sums.sum(axis=0)),
                sectors=tuple(quality(sums[sector]) for sector in range(SECTORS)) if is_radar else (),
                words=_words(registrar, number),
            )
        )
    return tuple(out)


def quality(sums: np.ndarray) -> Quality:
    """What sums (COLUMNS,) of health say."""
    noise, left = noise_of(sums, FIRST)
    turn_noise, turn_left = (np.degrees(value) for value in noise_of(sums, SECOND))
    values = (detection_of(sums), interval_of(sums), noise, turn_noise, left, turn_left)
    return Quality(*(float(value) for value in values))


def _words(registrar: Registrar, number: int) -> str:
    known, station = registrar.estimator.known, registrar.stations[number]
    if known.standing[number] == EXCLUDED:
        east, north = known.shift_m[number]
        said = f"{station.id} is left out: no error of range, azimuth or time explains what it reports"
        if math.isfinite(east):
            away_m, towards = math.hypot(east, north), math.atan2(east, north)
            point = POINTS[round(towards / (math.pi / 4)) % 8]
            said += f"; it looks as if it stood {away_m * 1e-3:.1f} km {point} of its position in the file"
        return said
    if known.moves[number]:
        many = "once" if known.moves[number] == 1 else f"{known.moves[number]} times"
        return f"{station.id}: its clock or its antenna has moved {many} since the start"
    return ""


def words(registrar: Registrar) -> dict[str, str]:
    """What is wrong with sensors just now, by name."""
    standing = registrar.estimator.known.standing
    return {
        f"not explained {registrar.stations[number].id}": _words(registrar, number)
        for number in np.flatnonzero(standing == EXCLUDED).tolist()
    }


def as_values(report: SensorReport) -> dict[str, Any]:
    """Plain data for JSON: null where nothing is known."""
    errors = {
        name: {"value": report.errors[k], "sigma": report.sigma[k]} if report.known[k] else None
        for k, name in enumerate(NAMES)
    }
    return {
        "id": report.id,
        "kind": report.kind,
        "standing": report.standing,
        "reference": report.reference,
        "errors": errors,
        "score": _number(report.score),
        "aircraft": report.aircraft,
        "moves": report.moves,
        "stated": _quality(report.stated),
        "measured": _quality(report.measured),
        "sectors": [_quality(sector) for sector in report.sectors],
        "words": report.words,
    }


def _quality(q: Quality) -> dict[str, float | None]:
    return {name: _number(value) for name, value in zip(Quality._fields, q, strict=True)}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
