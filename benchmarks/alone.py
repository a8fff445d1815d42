"""One aircraft alone, its plots known to be its own, through the tracker's own kernels: to measure the filter on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from farwatch.kernels import kernel
from farwatch.motion.imm import AGILE, CIVIL, class_evidence
from farwatch.sensors import components, correct, place, start_motion
from farwatch.sensors.measurement import measurement, says_motion
from farwatch.tracker.correct import Mixture, merge_modes, moment_match
from farwatch.tracker.lifecycle import spread_modes, start_velocity
from farwatch.tracker.looks import predict_hypothesis
from farwatch.tracker.registers import believed, strikes_after, weigh_modes
from farwatch.tracks import MODES, STATE, copy_gaussian

THIRD = 2  # the row of the plot that confirms a track


class States(NamedTuple):
    """What the tracker has after each plot: all modes matched, and the probability of the agile class."""

    mean: np.ndarray  # (n, 6)
    covariance: np.ndarray  # (n, 6, 6)
    agile: np.ndarray  # (n,)
    modes: np.ndarray  # (n, MODES)


def room(n: int) -> States:
    """Rows for n plots."""
    return States(np.empty((n, 6)), np.empty((n, 6, 6)), np.empty(n), np.zeros((n, MODES)))


@kernel
def follow(table, time_ns, model, radar, motion, options, hypotheses, out):  # type: ignore[no-untyped-def]
    """The plots of `table`, one a look, as the tracker would take them: three on one model, then the IMM."""
    x, P, g = np.zeros(STATE), np.zeros((STATE, STATE)), np.empty(STATE)
    p, m, c = np.zeros(MODES), np.zeros((MODES, STATE)), np.zeros((MODES, STATE, STATE))
    matrix = np.empty((MODES, MODES))
    scratch = Mixture(np.empty(2), np.empty((2, STATE)), np.empty((2, STATE, STATE)))
    likelihood = np.zeros((1, MODES))
    end, end_covariance = np.empty(6), np.empty((6, 6))
    probability, mean, covariance = hypotheses.probability[0], hypotheses.mean[0], hypotheses.covariance[0]
    kind, modes, agile, strikes, said, alike = CIVIL, 1, motion.agile_prior, 0, np.empty(MODES), np.empty(MODES)
    place(model, radar, measurement(table, 0), options.height_mean_m, options.height_sigma_m, x, P)
    start_velocity(model.flat, options.birth_speed_mps, options.birth_climb_mps, x, P)
    start_motion(model, radar, measurement(table, 0), x, P, g)
    copy_gaussian(x, P, 6, mean[0], covariance[0])
    probability[0] = 1.0
    for k in range(len(table)):
        if k > 0:
            one = measurement(table, k)
            dt = (time_ns[k] - time_ns[k - 1]) * 1e-9
            kind = AGILE if agile > 0.5 else CIVIL
            predict_hypothesis(modes, kind, probability, mean, covariance, dt, motion, model.flat, p, m, c, matrix)
            highest, size = -1e300, components(model, one)
            for mode in range(modes):
                copy_gaussian(m[mode], c[mode], size, x, P)
                likelihood[0, mode], _, _ = correct(model, radar, one, x, P, size, g)
                highest = max(highest, likelihood[0, mode])
            for mode in range(modes):
                likelihood[0, mode] = np.exp(likelihood[0, mode] - highest)
            if believed(strikes, table, k):
                weigh_modes(model, radar, table, k, 0.0, modes, kind, motion, p, m, c, x, P, g, said, likelihood[0])
            if modes > 1:
                agile = class_evidence(agile, probability, likelihood[0], motion, dt, matrix)
            merge_modes(
                model,
                radar,
                modes,
                time_ns[k],
                p,
                m,
                c,
                0.0,
                np.ones(1),
                np.full(1, k),
                np.full(1, k),
                likelihood,
                time_ns,
                table,
                scratch,
                probability,
                mean,
                covariance,
                strikes,
            )
        moment_match(probability, mean, covariance, modes, 6, x, P)
        if k > 0 and says_motion(table, k):
            copy_gaussian(x, P, 6, end, end_covariance)
            strikes = strikes_after(
                strikes,
                model,
                radar,
                table,
                k,
                0.0,
                modes,
                kind,
                motion,
                m,
                c,
                x,
                P,
                g,
                said,
                alike,
                likelihood[0],
                end,
                end_covariance,
            )
            copy_gaussian(end, end_covariance, 6, x, P)
        out.mean[k], out.covariance[k], out.agile[k], out.modes[k] = x[:6], P[:6, :6], agile, probability
        if k == THIRD and motion.modes > 1:
            spread_modes(hypotheses, 0, motion)
            modes = MODES
