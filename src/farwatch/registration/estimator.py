"""Estimator: what is known of the sensors' errors, window after window, and which sensors it cannot explain.

Information form: windows add up, older ones fade. A sensor whose plots no errors of its own can explain is excluded;
it is estimated on, window by window, and is back once it fits. One that fits again with other errors has moved, its
clock or its antenna: what was known of it is forgotten, and it goes on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.plots import Floats, Ints
from farwatch.registration.explain import misplaced
from farwatch.registration.fit import DISTRUST, Fit, fit, scores
from farwatch.registration.options import RegistrationOptions
from farwatch.registration.stations import ERRORS, RADAR, Layout, Station, layout_of
from farwatch.registration.window import Groups

UNEXPLAINED = 9.0  # squared residual over its variance: three times the stated noise
BACK_AFTER = 2  # windows in a row that an excluded sensor must fit
MOVED = 40.0  # chi^2 of a window's own estimate against what was known, 4 degrees of freedom
NOTABLE = np.array([15.0, 1e-4, math.radians(0.02), 0.025])  # m, 1, rad, s: what moved by less goes on as it is
MOST_FITS = 8  # in one window
UNTOLD, EXPLAINED, EXCLUDED = range(3)


class Known(NamedTuple):
    """What is known, without the priors; errors in the units of the layout."""

    information: Floats  # (n, n)
    vector: Floats  # (n,)
    standing: Ints  # (sensors,) UNTOLD: not compared yet, EXPLAINED or EXCLUDED
    fitting: Ints  # windows in a row that an excluded sensor has fitted
    score: Floats  # squared residual over its variance, NaN where not compared lately
    moves: Ints  # times that its errors were forgotten
    shift_m: Floats  # (sensors, 2) how far east and north its place seems off; NaN where it does not
    compared: Ints  # aircraft of its last window
    windows: Ints  # (1,) so many


def nothing_known(layout: Layout, sensors: int) -> Known:
    """Before the first window."""
    n, none = len(layout.scale), np.zeros(sensors, np.int64)
    return Known(
        np.zeros((n, n)),
        np.zeros(n),
        none,
        none.copy(),
        np.full(sensors, np.nan),
        none.copy(),
        np.full((sensors, 2), np.nan),
        none.copy(),
        np.zeros(1, np.int64),
    )


class Estimate(NamedTuple):
    """Errors of the sensors in metres, parts, radians and seconds, (sensors, 4), and one sigma of each."""

    errors: Floats
    sigma: Floats
    covariance: Floats  # (sensors, 4, 4) of each sensor's own
    field: Floats  # of pressure altitude against height, m at 11 km
    field_sigma: Floats


class Estimator:
    """All sensors' errors. `learn` takes in a window; `estimate` is what they are now."""

    def __init__(self, stations: Sequence[Station], options: RegistrationOptions) -> None:
        self.stations = tuple(stations)
        self.options = options
        self.layout = layout_of(stations, options)
        self.known = nothing_known(self.layout, len(self.stations))
        self.estimate = self._estimated()

    def learn(self, groups: Groups, window_s: float) -> Fit | None:
        """Take in a window of so many seconds; returns how it fits, None where no two have seen the same."""
        fade = math.exp(-window_s / self.options.memory_s)
        k = self.known
        self.known = k = k._replace(
            information=k.information * fade,
            vector=k.vector * fade,
            windows=k.windows + 1,
            score=k.score * np.nan,
        )
        if not groups.n:
            return None
        made, believed = self._judged(groups)
        if not made.weights.any():
            return None
        self._take(made, groups, believed)
        self.estimate = self._estimated()
        return made

    def _judged(self, groups: Groups) -> tuple[Fit, NDArray[np.bool_]]:
        """The window's fit, by the sensors that it can explain."""
        n = len(self.stations)
        believed = self.known.standing != EXCLUDED
        made = self._fit(groups, believed)
        tried: set[int] = set()
        for _ in range(MOST_FITS):
            score = scores(made, groups, n)
            moved = self._moved(made, believed)
            bad = np.where(believed & (score > UNEXPLAINED), score, 0.0)
            if np.sum(np.isfinite(score)) <= 2:
                bad[self.layout.reference] = 0.0  # of two, it is the other
            worst = int(np.argmax(bad))
            if bad[worst] > 0.0 and (worst in tried or not self._has_history(worst)):
                believed[worst] = False
                self._exclude(worst)
            elif bad[worst] > 0.0 or (moved and moved[0] not in tried):
                worst = worst if bad[worst] > 0.0 else moved[0]
                tried.add(worst)
                self._forget(worst)
                self.known.moves[worst] += 1
            else:
                break
            made = self._fit(groups, believed)
        score = scores(made, groups, n)
        back = []
        for sensor in np.flatnonzero(~believed & np.isfinite(score)).tolist():
            fits = score[sensor] <= UNEXPLAINED
            self.known.fitting[sensor] = self.known.fitting[sensor] + 1 if fits else 0
            if self.known.fitting[sensor] >= BACK_AFTER:
                back.append(sensor)
        if back:
            believed[back] = True
            self.known.standing[back] = EXPLAINED
            self.known.fitting[back] = 0
            made = self._fit(groups, believed)
        return made, believed

    def _fit(self, groups: Groups, believed: NDArray[np.bool_]) -> Fit:
        inflation = np.where(believed, 1.0, DISTRUST)
        prior = np.ones(len(self.layout.scale))
        prior[: ERRORS * len(self.stations)] = np.repeat(1.0 / inflation, ERRORS)
        information = self.known.information + np.diag(prior)
        start = self.estimate.errors.ravel() / self.layout.scale[: prior.size - len(self.estimate.field)]
        start = np.concatenate([start, self.estimate.field / self.layout.scale[-len(self.estimate.field) :]])
        start[np.repeat(~believed, ERRORS).nonzero()[0]] = 0.0
        return fit(groups, self.stations, self.layout, start, information, self.known.vector, inflation)

    def _has_history(self, sensor: int) -> bool:
        own = self.layout.of(sensor)
        return bool(np.trace(self.known.information[own, own]) > 1.0)

    def _moved(self, made: Fit, believed: NDArray[np.bool_]) -> list[int]:
        """Sensors whose window contradicts what was known of them, the most striking first."""
        found = []
        for sensor, station in enumerate(self.stations):
            own = [k for k in range(ERRORS * sensor, ERRORS * (sensor + 1)) if k in self._free]
            if not believed[sensor] or not own or not self._has_history(sensor) or station.kind != RADAR:
                continue
            before = self._before[own]
            mine = made.information[np.ix_(own, own)] + np.eye(len(own))
            others = made.errors.copy()
            others[own] = before
            change = np.linalg.solve(mine, made.vector[own] - made.information[own] @ others)
            spread = np.linalg.inv(mine) + self._covariance[np.ix_(own, own)]
            chi2 = float(change @ np.linalg.solve(spread, change))
            notable = np.abs(change * self.layout.scale[own]) > NOTABLE[[k % ERRORS for k in own]]
            if chi2 > MOVED and notable.any():
                found.append((chi2, sensor))
        return [sensor for _, sensor in sorted(found, reverse=True)]

    def _forget(self, sensor: int) -> None:
        """Take one sensor's errors out of what is known; what they say of the others stays."""
        own = np.arange(ERRORS * sensor, ERRORS * (sensor + 1))
        rest = np.setdiff1d(np.arange(len(self.layout.scale)), own)
        known, v = self.known.information, self.known.vector
        inner = np.linalg.inv(known[np.ix_(own, own)] + np.eye(ERRORS))
        cross = known[np.ix_(rest, own)]
        information, vector = np.zeros_like(known), np.zeros_like(v)
        information[np.ix_(rest, rest)] = known[np.ix_(rest, rest)] - cross @ inner @ cross.T
        vector[rest] = v[rest] - cross @ inner @ v[own]
        self.known = self.known._replace(information=information, vector=vector)

    def _exclude(self, sensor: int) -> None:
        self._forget(sensor)
        self.known.standing[sensor] = EXCLUDED
        self.known.fitting[sensor] = 0

    def _take(self, made: Fit, groups: Groups, believed: NDArray[np.bool_]) -> None:
        """Add a window to what is known."""
        keep = np.ones(len(self.layout.scale), bool)
        keep[: ERRORS * len(self.stations)] = np.repeat(believed, ERRORS)
        information = self.known.information + np.where(np.outer(keep, keep), made.information, 0.0)
        # What the excluded ones' errors took part in is as good as nothing: their rows weigh a millionth.
        vector = self.known.vector + np.where(keep, made.vector, 0.0)
        score = scores(made, groups, len(self.stations))
        standing = self.known.standing.copy()
        told = np.isfinite(score)
        standing[told & believed] = EXPLAINED
        shift = np.full((len(self.stations), 2), np.nan)
        for sensor in np.flatnonzero(~believed & told).tolist():
            if self.stations[sensor].kind == RADAR:
                shift[sensor] = misplaced(made, groups, sensor)
        good = np.flatnonzero(made.weights > 0.5)
        pairs = np.unique(np.column_stack([made.aircraft, groups.seen.sensor[made.rows.sighting]]), axis=0)
        pairs = pairs[np.isin(pairs[:, 0], good)]
        compared = np.bincount(pairs[:, 1], minlength=len(self.stations)).astype(np.int64)
        self.known = self.known._replace(
            information=information, vector=vector, score=score, standing=standing, shift_m=shift, compared=compared
        )

    def _estimated(self) -> Estimate:
        n, free = len(self.layout.scale), self.layout.free
        information = self.known.information + np.eye(n)
        self._free = set(free.tolist())
        self._covariance = np.zeros((n, n))
        self._covariance[np.ix_(free, free)] = np.linalg.inv(information[np.ix_(free, free)])
        self._before = self._covariance @ self.known.vector
        scale, m = self.layout.scale, len(self.stations)
        natural = self._before * scale
        covariance = self._covariance * scale[:, None] * scale
        own = np.array([covariance[self.layout.of(s), self.layout.of(s)] for s in range(m)]).reshape(m, ERRORS, ERRORS)
        sigma = np.sqrt(np.diag(covariance))
        split = ERRORS * m
        return Estimate(
            natural[:split].reshape(m, ERRORS), sigma[:split].reshape(m, ERRORS), own, natural[split:], sigma[split:]
        )

    def restore(self, known: Known) -> None:
        """Take over what was known."""
        self.known = known
        self.estimate = self._estimated()
