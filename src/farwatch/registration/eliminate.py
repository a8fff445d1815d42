"""Eliminate: what the rows of each aircraft say of the sensors' errors once its own course is left open.

The course x and the errors b of one window: y = Hx x + Hb b + noise, with a prior of x. Its information about b alone
is the Schur complement Hb' W Hb - Hb' W Hx (Hx' W Hx + prior)^-1 Hx' W Hb: each plot counts once, however many
sensors have seen the aircraft, and what the course leaves open (a common shift, a common time) stays open.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from farwatch.cholesky import factorise, solve
from farwatch.kernels import kernel, leaf
from farwatch.plots import Floats, Ints
from farwatch.registration.rows import COURSE
from farwatch.registration.stations import ERRORS, FIELD


class Parts(NamedTuple):
    """One row an aircraft: what it says of the errors of its members, four each, and of the field behind them."""

    members: Ints  # (groups, most) sensors, -1 beyond
    known: Ints  # how many members
    rows: Ints  # how many scalar measurements
    information: Floats  # (groups, size, size)
    vector: Floats  # (groups, size): information times the errors' change from what is believed
    misfit: Floats  # squared residuals, weighed, with the errors as they are believed
    change: Floats  # (groups, COURSE): of the course, with the errors as they are believed
    slope: Floats  # (groups, COURSE, size): of that change, by the errors


def make_parts(n: int, members: int) -> Parts:
    """n aircraft with so many members at most."""
    size = ERRORS * members + FIELD
    return Parts(
        np.full((n, members), -1, np.int64),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        np.zeros((n, size, size)),
        np.zeros((n, size)),
        np.zeros(n),
        np.zeros((n, COURSE)),
        np.zeros((n, COURSE, size)),
    )


@leaf
def member(members, count, sensor):  # type: ignore[no-untyped-def]
    """Where a sensor stands among the members of an aircraft; -1 where nowhere."""
    for m in range(count):
        if members[m] == sensor:
            return m
    return -1


@leaf
def normal_equations(rows, order, begin, end, sensor, inflation, course, prior, J, v, members, count):  # type: ignore[no-untyped-def]
    """J (COURSE, COURSE) and v (COURSE,) of one aircraft's rows and of its prior, variances (COURSE,).

    The prior of position and velocity is about where they stand, that of all others about zero.
    """
    for a in range(COURSE):
        v[a] = 0.0
        for b in range(COURSE):
            J[a, b] = 0.0
        J[a, a] = 1.0 / prior[a]
        if a >= 6:
            v[a] = -course[a] / prior[a]
    for k in range(begin, end):
        r = order[k]
        s = sensor[rows.sighting[r]]
        if member(members, count, s) < 0:
            continue
        w = 1.0 / (rows.variance[r] * inflation[s])
        for a in range(COURSE):
            ha = rows.by_course[r, a]
            if ha == 0.0:
                continue
            v[a] += w * ha * rows.residual[r]
            for b in range(a + 1):
                J[a, b] += w * ha * rows.by_course[r, b]


@kernel
def eliminate(rows, order, begin, sensor, inflation, courses, priors, parts):  # type: ignore[no-untyped-def]
    """Fill `parts`: rows order[begin[g]:begin[g + 1]] are those of aircraft g, and `sensor` says whose a sighting is.

    `inflation` (sensors,) times the variances: large for a sensor that is heard, but not believed. `priors`
    (groups, COURSE) are variances.
    """
    most = parts.members.shape[1]
    size = ERRORS * most + FIELD
    J, v = np.empty((COURSE, COURSE)), np.empty(COURSE)
    cross, column = np.empty((COURSE, size)), np.empty(COURSE)
    where = np.empty(ERRORS + FIELD, np.int64)
    for g in range(len(begin) - 1):
        members = parts.members[g]
        count = 0
        for k in range(begin[g], begin[g + 1]):
            s = sensor[rows.sighting[order[k]]]
            if member(members, count, s) < 0 and count < most:
                members[count] = s
                count += 1
        parts.known[g] = count
        normal_equations(
            rows, order, begin[g], begin[g + 1], sensor, inflation, courses[g], priors[g], J, v, members, count
        )
        S, t = parts.information[g], parts.vector[g]
        S[:] = 0.0
        t[:] = 0.0
        cross[:] = 0.0
        misfit, used = 0.0, 0
        for a in range(6, COURSE):
            misfit += courses[g, a] * courses[g, a] / priors[g, a]
        for k in range(begin[g], begin[g + 1]):
            r = order[k]
            s = sensor[rows.sighting[r]]
            m = member(members, count, s)
            if m < 0:
                continue
            w = 1.0 / (rows.variance[r] * inflation[s])
            used += 1 if inflation[s] <= 1.0 else 0
            misfit += w * rows.residual[r] * rows.residual[r]
            for c in range(ERRORS + FIELD):
                where[c] = ERRORS * m + c if c < ERRORS else ERRORS * most + c - ERRORS
            for c in range(ERRORS + FIELD):
                hc = rows.by_errors[r, c]
                if hc == 0.0:
                    continue
                t[where[c]] += w * hc * rows.residual[r]
                for d in range(ERRORS + FIELD):
                    S[where[c], where[d]] += w * hc * rows.by_errors[r, d]
                for a in range(COURSE):
                    cross[a, where[c]] += w * hc * rows.by_course[r, a]
        parts.rows[g] = used
        if not factorise(J, COURSE, 0.0, 0.0):
            parts.known[g] = 0
            continue
        column[:] = v
        solve(J, COURSE, column)
        parts.change[g] = column
        for a in range(COURSE):
            misfit -= v[a] * column[a]
        parts.misfit[g] = misfit
        for c in range(size):
            for a in range(COURSE):
                column[a] = cross[a, c]
            solve(J, COURSE, column)
            for a in range(COURSE):
                parts.slope[g, a, c] = column[a]
        for c in range(size):
            for a in range(COURSE):
                if cross[a, c] == 0.0:
                    continue
                t[c] -= cross[a, c] * parts.change[g, a]
                for d in range(size):
                    S[c, d] -= cross[a, c] * parts.slope[g, a, d]


@leaf
def locate(members, count, most, n, where):  # type: ignore[no-untyped-def]
    """Where the errors of an aircraft's members stand in the vector of all; -1 for members that there are none of."""
    for c in range(ERRORS * most):
        m = c // ERRORS
        where[c] = ERRORS * members[m] + c % ERRORS if m < count else -1
    for c in range(FIELD):
        where[ERRORS * most + c] = n - FIELD + c


@kernel
def gathered(parts, weights, n):  # type: ignore[no-untyped-def]
    """Information (n, n) and vector (n,) of all aircraft together, each by its weight; the field stands last."""
    most = parts.members.shape[1]
    size = ERRORS * most + FIELD
    information, vector = np.zeros((n, n)), np.zeros(n)
    where = np.empty(size, np.int64)
    for g in range(len(weights)):
        w = weights[g]
        if w <= 0.0 or parts.known[g] == 0:
            continue
        locate(parts.members[g], parts.known[g], most, n, where)
        for c in range(size):
            if where[c] < 0:
                continue
            vector[where[c]] += w * parts.vector[g, c]
            for d in range(size):
                if where[d] >= 0:
                    information[where[c], where[d]] += w * parts.information[g, c, d]
    return information, vector


@kernel
def misfits(parts, change):  # type: ignore[no-untyped-def]
    """Each aircraft's misfit were the errors (n,) to change so, and its course's change with them (groups, COURSE)."""
    most = parts.members.shape[1]
    size = ERRORS * most + FIELD
    n = len(change)
    out, course = np.empty(len(parts.known)), np.empty((len(parts.known), COURSE))
    where = np.empty(size, np.int64)
    for g in range(len(parts.known)):
        out[g] = parts.misfit[g]
        course[g] = parts.change[g]
        if parts.known[g] == 0:
            continue
        locate(parts.members[g], parts.known[g], most, n, where)
        for c in range(size):
            if where[c] < 0:
                continue
            b = change[where[c]]
            out[g] -= 2.0 * b * parts.vector[g, c]
            for a in range(COURSE):
                course[g, a] -= parts.slope[g, a, c] * b
            for d in range(size):
                if where[d] >= 0:
                    out[g] += b * parts.information[g, c, d] * change[where[d]]
    return out, course


@kernel
def leverages(rows, order, begin, sensor, inflation, courses, priors, parts):  # type: ignore[no-untyped-def]
    """Share of each row that the course has taken up: what is left of a residual's variance is 1 - that."""
    J, v, column = np.empty((COURSE, COURSE)), np.empty(COURSE), np.empty(COURSE)
    out = np.ones(len(rows.residual))
    for g in range(len(begin) - 1):
        members, count = parts.members[g], parts.known[g]
        normal_equations(
            rows, order, begin[g], begin[g + 1], sensor, inflation, courses[g], priors[g], J, v, members, count
        )
        if count == 0 or not factorise(J, COURSE, 0.0, 0.0):
            continue
        for k in range(begin[g], begin[g + 1]):
            r = order[k]
            s = sensor[rows.sighting[r]]
            if member(members, count, s) < 0:
                continue
            column[:] = rows.by_course[r]
            solve(J, COURSE, column)
            total = 0.0
            for a in range(COURSE):
                total += column[a] * rows.by_course[r, a]
            out[r] = total / (rows.variance[r] * inflation[s])
    return out


@kernel
def variances_of(component, rows, order, begin, sensor, inflation, courses, priors, parts):  # type: ignore[no-untyped-def]
    """Variance (groups,) of one component of each aircraft's course; its prior's where nothing was measured."""
    J, v, column = np.empty((COURSE, COURSE)), np.empty(COURSE), np.empty(COURSE)
    out = priors[:, component].copy()
    for g in range(len(begin) - 1):
        members, count = parts.members[g], parts.known[g]
        normal_equations(
            rows, order, begin[g], begin[g + 1], sensor, inflation, courses[g], priors[g], J, v, members, count
        )
        if count > 0 and factorise(J, COURSE, 0.0, 0.0):
            column[:] = 0.0
            column[component] = 1.0
            solve(J, COURSE, column)
            out[g] = column[component]
    return out
