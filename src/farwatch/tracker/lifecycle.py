"""Lifecycle: births from plots that no track explains, confirmation, coasting, and the end."""

from __future__ import annotations

import math

import numpy as np

from farwatch.frame import vertical
from farwatch.kernels import kernel, leaf
from farwatch.picture import Status
from farwatch.plots import NO_ADDRESS, NO_MODE_A, Flag
from farwatch.sensors import place, start_motion
from farwatch.sensors.measurement import measurement
from farwatch.tracker.admit import CROWDED
from farwatch.tracker.births import born_near
from farwatch.tracker.looks import spent
from farwatch.tracks import MODES, STATE, note_heard

TENTATIVE, CONFIRMED, COASTING = int(Status.TENTATIVE), int(Status.CONFIRMED), int(Status.COASTING)
LEAST_BIRTH = 1e-4  # a less likely first plot stands among so many false ones that no second can be told from them
REACH_M = 5_000.0  # besides what an aircraft may have flown
REMEMBERED_NS = 180_000_000_000  # so long the number of an ended track waits for its address to come back
FEWEST_DETECTIONS = 3  # two plots make a velocity; the third is the first that tests it
FEWEST_OF_ADDRESS = 2  # two plots that give the same address are one aircraft
COASTING_MISSES = 2
LOST_M, LOST_IN_CLUTTER_M = 10_000.0, 2_500.0  # one standard deviation of position
MANY_PLOTS = 5
MODE_A_DOUBTFUL = int(Flag.MODE_A_INVALID | Flag.MODE_A_GARBLED)


@leaf
def within_reach(tracks, i, o, since_ns):  # type: ignore[no-untyped-def]
    """Whether what track o was `since_ns` ago, or since, may be where track i is: two aircraft may share an address."""
    gone2, fastest2 = 0.0, 0.0
    for a in range(3):
        gone2 += (tracks.mean[i, a] - tracks.mean[o, a]) ** 2
    for row in (i, o):
        v = tracks.mean[row, 3:6]
        fastest2 = max(fastest2, v[0] * v[0] + v[1] * v[1] + v[2] * v[2])
    reach = REACH_M + 1.5 * math.sqrt(fastest2) * since_ns * 1e-9
    return gone2 <= reach * reach


@leaf
def lost_with_address(tracks, i, rotation_s):  # type: ignore[no-untyped-def]
    """Row of a confirmed track of the address of track i that has not been seen in this turn of the beam, -1: none.

    A manoeuvre or a long silence has taken the aircraft out of that track's gate: a new track of its address within
    its reach is the same aircraft. The track may have ended some time ago.
    """
    address, now_ns = tracks.address[i], tracks.time_ns[i]
    if address == NO_ADDRESS:
        return -1
    for o in range(len(tracks.alive)):
        if o != i and tracks.address[o] == address and tracks.status[o] != TENTATIVE:
            last = tracks.born_ns[o]
            for sensor in range(tracks.seen_ns.shape[1]):
                last = max(last, tracks.seen_ns[o, sensor])
            unseen_ns = now_ns - last
            recent = tracks.alive[o] or unseen_ns < REMEMBERED_NS
            if recent and unseen_ns > int(0.5e9 * rotation_s) and within_reach(tracks, i, o, unseen_ns):
                return o
    return -1


@leaf
def spread_modes(hypotheses, h, motion):  # type: ignore[no-untyped-def]
    """Give a confirmed track its IMM: every mode starts from the one state of the tentative tier."""
    hypotheses.modes[h] = MODES
    for mode in range(1, MODES):
        for a in range(STATE):
            hypotheses.mean[h, mode, a] = hypotheses.mean[h, 0, a]
            for b in range(STATE):
                hypotheses.covariance[h, mode, a, b] = hypotheses.covariance[h, 0, a, b]
    for mode in range(MODES):
        hypotheses.mean[h, mode, 6] = 0.0
        for a in range(STATE):
            hypotheses.covariance[h, mode, a, 6] = 0.0
            hypotheses.covariance[h, mode, 6, a] = 0.0
        hypotheses.covariance[h, mode, 6, 6] = motion.rate_variance[0]
        hypotheses.probability[h, mode] = 0.9 if mode == 0 else 0.1 / (MODES - 1)


@leaf
def implausible(mean, covariance, plots, max_speed_mps):  # type: ignore[no-untyped-def]
    """Whether a state with so many plots in its gate is no aircraft's: faster than any, or lost.

    A gate that holds many false plots each scan is as likely to be hit without an aircraft as with one: existence,
    which only likelihoods move, says nothing any more.
    """
    speed2 = mean[3] * mean[3] + mean[4] * mean[4] + mean[5] * mean[5]
    variance = covariance[0, 0] + covariance[1, 1] + covariance[2, 2]
    limit = LOST_IN_CLUTTER_M if plots >= MANY_PLOTS else LOST_M
    # What is not a number is no less than anything: such a state ends here too.
    return not (speed2 <= max_speed_mps * max_speed_mps and 0.0 <= variance <= limit * limit)


@leaf
def speaks(tracks, i):  # type: ignore[no-untyped-def]
    """Whether a transponder speaks for a track."""
    answers = not math.isnan(tracks.pressure_altitude_m[i])
    return answers or tracks.address[i] != NO_ADDRESS or tracks.mode_a[i] != NO_MODE_A


@leaf
def speed_and_doubt(tracks, i):  # type: ignore[no-untyped-def]
    """Speed of a track and its standard deviation over all directions, m/s."""
    v2, variance = 0.0, 0.0
    for a in range(3, 6):
        v2 += tracks.mean[i, a] * tracks.mean[i, a]
        variance += tracks.covariance[i, a, a]
    return math.sqrt(v2), math.sqrt(variance)


@leaf
def surely_moves(tracks, i, min_speed_mps):  # type: ignore[no-untyped-def]
    """Whether a track is no fixed echo: a transponder speaks for it, or it is faster by more than its doubt."""
    speed, doubt = speed_and_doubt(tracks, i)
    return min_speed_mps == 0.0 or speed > min_speed_mps + doubt or speaks(tracks, i)


@leaf
def stands_still(tracks, i, min_speed_mps):  # type: ignore[no-untyped-def]
    """Whether a track that no transponder speaks for is a fixed echo: slow beyond doubt."""
    speed, doubt = speed_and_doubt(tracks, i)
    return speed + doubt < min_speed_mps and not speaks(tracks, i)


@leaf
def settle(tracks, hypotheses, looks, candidates, done, model, options, motion, rotation_s, next_id):  # type: ignore[no-untyped-def]
    """Confirm, mark as coasting or drop each track that has just been looked at; return the next track number."""
    for k in range(len(done)):
        h = looks.hypothesis[k]
        i = hypotheses.track[h]
        if not done[k] or not tracks.alive[i]:
            continue
        plots = 0
        for e in range(candidates.first[k], candidates.first[k + 1]):
            plots += 1 if candidates.row[e] == candidates.plot[e] else 0
        if implausible(tracks.mean[i], tracks.covariance[i], plots, options.max_speed_mps) or (
            model.learns_clutter and tracks.status[i] != TENTATIVE and stands_still(tracks, i, options.min_speed_mps)
        ):
            tracks.alive[i] = False
        elif tracks.status[i] == TENTATIVE:
            fewest = FEWEST_OF_ADDRESS if tracks.address[i] != NO_ADDRESS else FEWEST_DETECTIONS
            if spent(tracks.existence[i], tracks.born_existence[i], options.delete_existence):
                tracks.alive[i] = False
            elif (
                tracks.existence[i] > options.confirm_existence
                and tracks.detections[i] >= fewest
                and (not model.learns_clutter or surely_moves(tracks, i, options.min_speed_mps))
            ):
                tracks.status[i] = CONFIRMED
                before = lost_with_address(tracks, i, rotation_s)
                if before >= 0:
                    tracks.id[i] = tracks.id[before]
                    tracks.born_ns[i] = tracks.born_ns[before]
                    tracks.status[before] = TENTATIVE  # it ends without a word: its number lives on
                    tracks.alive[before], tracks.shown[before] = False, False
                else:
                    tracks.id[i] = next_id
                    next_id += 1
                if motion.modes > 1:
                    spread_modes(hypotheses, h, motion)
        else:
            tracks.status[i] = COASTING if tracks.misses[i] >= COASTING_MISSES else CONFIRMED
    return next_id


@kernel
def expire(tracks, until_ns, coast_ns):  # type: ignore[no-untyped-def]
    """End the tracks that no sensor has seen for too long, whether or not one has looked; return their rows.

    `detected_ns` stands still while a track is out of every sensor's sight, so that one may coast through a cone of
    silence; three times the coasting time ends it all the same.
    """
    rows = np.empty(len(tracks.alive), np.int64)
    n = 0
    for i in range(len(tracks.alive)):
        if not tracks.alive[i]:
            continue
        last = tracks.born_ns[i]
        for sensor in range(tracks.seen_ns.shape[1]):
            last = max(last, tracks.seen_ns[i, sensor])
        if until_ns - tracks.detected_ns[i] > coast_ns or until_ns - last > 3 * coast_ns:
            tracks.alive[i] = False
            if tracks.status[i] != TENTATIVE:
                rows[n] = i
                n += 1
    return rows[:n].copy()


@leaf
def is_free(tracks, i, until_ns):  # type: ignore[no-untyped-def]
    """Whether row i can be given away: that of a confirmed track that has ended is kept while its address is
    remembered."""
    if tracks.alive[i]:
        return False
    nameless = tracks.status[i] == TENTATIVE or tracks.address[i] == NO_ADDRESS
    return nameless or until_ns - tracks.detected_ns[i] >= REMEMBERED_NS


@kernel
def free_rows(tracks, until_ns):  # type: ignore[no-untyped-def]
    """How many rows can be given away."""
    n = 0
    for i in range(len(tracks.alive)):
        n += is_free(tracks, i, until_ns)
    return n


@kernel
def free_slots(tracks, wanted, until_ns):  # type: ignore[no-untyped-def]
    """The lowest `wanted` rows that can be given away, fewer where the table is full."""
    out = np.empty(wanted, np.int64)
    n = 0
    for i in range(len(tracks.alive)):
        if n == wanted:
            break
        if is_free(tracks, i, until_ns):
            out[n] = i
            n += 1
    return out[:n]


@leaf
def start_velocity(flat, speed_mps, climb_mps, x, P):  # type: ignore[no-untyped-def]
    """Fill the velocity's part of P (6, 6) with the prior of an aircraft of unknown course; no cross terms."""
    _, ux, uy, uz = vertical(flat, x[0], x[1], x[2])
    for a in range(3):
        ua = ux if a == 0 else (uy if a == 1 else uz)
        for b in range(3):
            ub = ux if b == 0 else (uy if b == 1 else uz)
            level = speed_mps * speed_mps * ((1.0 if a == b else 0.0) - ua * ub)
            P[a + 3, b + 3] = level + climb_mps * climb_mps * ua * ub
            P[a, b + 3] = 0.0
            P[b + 3, a] = 0.0


@kernel
def give_birth(  # type: ignore[no-untyped-def]
    tracks,
    hypotheses,
    slots,
    plots,
    table,
    used,
    fresh,
    events,
    unseen,
    density,
    model,
    radar,
    sensor,
    options,
    motion,
    counted,
):
    """Start a tentative track on every plot that may be the first of a new aircraft.

    Existence is that of an adaptive Poisson birth: the share of new aircraft among the plots that no track explains;
    `fresh` (n,) is how much each is to be believed. A plot for which the tables have no room is counted.
    """
    false, anywhere, birth = density.false, density.anywhere, density.birth
    n = 0
    x, P, g = np.zeros(STATE), np.zeros((STATE, STATE)), np.empty(STATE)
    for j in range(len(used)):
        existence = fresh[j] * events.birth[j] * birth[j] / (birth[j] + false[j])
        if not used[j] or existence < min(LEAST_BIRTH, options.delete_existence):
            continue
        if n == len(slots):
            counted[CROWDED] += 1
            continue
        if not place(model, radar, measurement(table, j), options.height_mean_m, options.height_sigma_m, x, P):
            continue
        start_velocity(model.flat, options.birth_speed_mps, options.birth_climb_mps, x, P)
        if birth[j] > anywhere[j]:
            born_near(unseen, anywhere[j], birth[j], plots.z, table, j, model, radar, options.chi2_gate, x, P)
        start_motion(model, radar, measurement(table, j), x, P, g)
        i = slots[n]
        n += 1
        for a in range(6):
            hypotheses.mean[i, 0, a] = x[a]
            tracks.mean[i, a] = x[a]
            for b in range(6):
                hypotheses.covariance[i, 0, a, b] = P[a, b]
                tracks.covariance[i, a, b] = P[a, b]
        hypotheses.track[i] = i
        hypotheses.modes[i] = 1
        hypotheses.probability[i, 0] = 1.0
        tracks.alive[i], tracks.shown[i] = True, False
        tracks.id[i] = 0
        tracks.status[i] = TENTATIVE
        tracks.born_ns[i] = plots.time_ns[j]
        tracks.group[i] = -1
        tracks.existence[i] = existence
        tracks.born_existence[i] = existence
        tracks.agile[i] = motion.agile_prior
        tracks.address[i] = plots.address[j]
        tracks.mode_a[i] = NO_MODE_A if plots.flags[j] & MODE_A_DOUBTFUL else plots.mode_a[j]
        tracks.callsign[i] = plots.callsign[j]
        tracks.pressure_altitude_m[i] = plots.pressure_altitude_m[j]
        tracks.strikes[i] = 0
        tracks.detections[i] = 1
        tracks.misses[i] = 0
        for other in range(tracks.looked_ns.shape[1]):
            tracks.looked_ns[i, other] = 0
            tracks.seen_ns[i, other] = 0
            tracks.due_ns[i, other] = 0
        tracks.heard_ns[i, :] = 0
        note_heard(tracks.heard_ns[i], plots.kind[j], plots.time_ns[j])
        tracks.time_ns[i] = plots.time_ns[j]
        tracks.looked_ns[i, sensor] = plots.time_ns[j]
        tracks.seen_ns[i, sensor] = plots.time_ns[j]
        tracks.detected_ns[i] = plots.time_ns[j]
        tracks.plot[i] = plots.id[j]
        tracks.company[i] = False
