"""Kept: local and global hypotheses of the tracks that cannot be told apart, from scan to scan.

Tracks that contend for plots form a group. Each of its global hypotheses names one local hypothesis a track: what that
track has been given, scan by scan, together with what all others have. Every other track goes on with the one
hypothesis in its own row of `Hypotheses`; those of a group have there what stands for all of theirs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from farwatch.kernels import kernel, leaf
from farwatch.motion.imm import AGILE, CIVIL, TURN
from farwatch.plots import Floats, Ints
from farwatch.tracker.correct import moment_match
from farwatch.tracker.looks import predict_hypothesis
from farwatch.tracks import MODES, STATE, copy_gaussian

MEMBERS = 8  # tracks in a group; more go on with marginal weights
GLOBALS = 200
GROUPS, ROWS = 512, 8192  # room; tracks for which there is none go on with marginal weights


class Kept(NamedTuple):
    """Groups (one row each, of at most MEMBERS tracks and GLOBALS hypotheses), then local hypotheses (one row each)."""

    size: Ints  # (GROUPS,) tracks of the group; 0: free
    hypotheses: Ints  # (GROUPS,) global hypotheses
    member: Ints  # (GROUPS, MEMBERS) rows of the tracks
    weight: Floats  # (GROUPS, GLOBALS) largest first
    choice: Ints  # (GROUPS, GLOBALS, MEMBERS) rows of the local hypotheses
    track: Ints  # (ROWS,) whose; -1: free
    existence: Floats  # given the global hypotheses that name it
    modes: Ints
    probability: Floats  # (ROWS, MODES)
    mean: Floats  # (ROWS, MODES, STATE)
    covariance: Floats  # (ROWS, MODES, STATE, STATE)


_BY_GROUP = 5  # so many columns of `Kept` are by group


def make_kept() -> Kept:
    """Empty tables; what is never used of them never takes memory."""
    return Kept(
        size=np.zeros(GROUPS, np.int64),
        hypotheses=np.zeros(GROUPS, np.int64),
        member=np.zeros((GROUPS, MEMBERS), np.int64),
        weight=np.zeros((GROUPS, GLOBALS)),
        choice=np.zeros((GROUPS, GLOBALS, MEMBERS), np.int64),
        track=np.full(ROWS, -1, np.int64),
        existence=np.zeros(ROWS),
        modes=np.zeros(ROWS, np.int64),
        probability=np.zeros((ROWS, MODES)),
        mean=np.zeros((ROWS, MODES, STATE)),
        covariance=np.zeros((ROWS, MODES, STATE, STATE)),
    )


def kept_rows(kept: Kept) -> list[Any]:
    """A copy of what is in use, for a snapshot: numbers of the groups and of the rows, then their columns."""
    groups, rows = np.flatnonzero(kept.size), np.flatnonzero(kept.track >= 0)
    return [groups, rows, *(column[groups if n < _BY_GROUP else rows] for n, column in enumerate(kept))]


def restored_rows(state: list[Any]) -> Kept:
    """The inverse of `kept_rows`; raises IndexError or ValueError where it cannot be that."""
    out = make_kept()
    groups, rows, *columns = state
    for n, (column, values) in enumerate(zip(out, columns, strict=True)):
        column[groups if n < _BY_GROUP else rows] = values
    return out


@leaf
def copy_state(p, m, c, modes, p_out, m_out, c_out):  # type: ignore[no-untyped-def]
    """Copy the modes of one hypothesis."""
    for mode in range(MODES):
        p_out[mode] = p[mode] if mode < modes else 0.0
    for mode in range(modes):
        copy_gaussian(m[mode], c[mode], STATE if mode == TURN else 6, m_out[mode], c_out[mode])


@leaf
def in_group(tracks, kept, g, m):  # type: ignore[no-untyped-def]
    """Whether the m-th member of group g is still in it: tracks end and join others without telling the group."""
    i = kept.member[g, m]
    return tracks.alive[i] and tracks.group[i] == g


@leaf
def free_group(tracks, kept, g):  # type: ignore[no-untyped-def]
    """Give back the rows of a group; its tracks go on with what is in their rows of `Hypotheses`."""
    for n in range(kept.hypotheses[g]):
        for m in range(kept.size[g]):
            kept.track[kept.choice[g, n, m]] = -1
    for m in range(kept.size[g]):
        if tracks.group[kept.member[g, m]] == g:
            tracks.group[kept.member[g, m]] = -1
    kept.size[g] = 0
    kept.hypotheses[g] = 0


@leaf
def likeliest_row(tracks, kept, i):  # type: ignore[no-untyped-def]
    """Row of the local hypothesis of track i in its group's likeliest global one."""
    g = tracks.group[i]
    for m in range(kept.size[g]):
        if kept.member[g, m] == i:
            return kept.choice[g, 0, m]
    return -1


@kernel
def likeliest_existence(tracks, kept):  # type: ignore[no-untyped-def]
    """Existence of all tracks; of those in groups, as their likeliest global hypothesis has it."""
    out = tracks.existence.copy()
    for g in range(len(kept.size)):
        for m in range(kept.size[g]):
            if in_group(tracks, kept, g, m):
                out[kept.member[g, m]] = kept.existence[kept.choice[g, 0, m]]
    return out


@kernel
def predict_likeliest(tracks, kept, rows, time_ns, motion, flat, mean, covariance):  # type: ignore[no-untyped-def]
    """Put the states of the likeliest global hypotheses, predicted to one time, where a row's track is in a group."""
    p, m, c = np.empty(MODES), np.empty((MODES, STATE)), np.empty((MODES, STATE, STATE))
    matrix = np.empty((MODES, MODES))
    for k in range(len(rows)):
        i = rows[k]
        if tracks.group[i] < 0:
            continue
        row = likeliest_row(tracks, kept, i)
        if row < 0:
            continue
        predict_hypothesis(
            kept.modes[row],
            AGILE if tracks.agile[i] > 0.5 else CIVIL,
            kept.probability[row],
            kept.mean[row],
            kept.covariance[row],
            (time_ns - tracks.time_ns[i]) * 1e-9,
            motion,
            flat,
            p,
            m,
            c,
            matrix,
        )
        moment_match(p, m, c, kept.modes[row], 6, mean[k], covariance[k])
