"""Tracks that change over: crossings, shallow ones, formations that no plot tells apart."""

from __future__ import annotations

import math

import numpy as np
import pytest

import farwatch as fw
from airspace import START_NS, TRACKS_FROM, Course, perfect, scenario, straight, truth_of
from farwatch.evaluation import Evaluation
from farwatch.picture import Picture
from farwatch.truth import Outcome, Truth

SECONDS = 400
MEET_S = 200.0


def crossing(angle_deg: float) -> list[Course]:
    """Two that meet at MEET_S."""
    east, north = 200.0 * math.cos(math.radians(angle_deg)), 200.0 * math.sin(math.radians(angle_deg))
    return [
        straight(-200.0 * MEET_S, 60e3, 200.0, 0.0),
        straight(-east * MEET_S, 60e3 - north * MEET_S, east, north),
    ]


def splitting(spacing_m: float) -> list[Course]:
    """Two abreast that part at MEET_S."""
    return [
        straight(-40e3, 60e3, 200.0, 0.0),
        lambda t: (-40e3 + 200.0 * t, 60e3 + spacing_m + 100.0 * max(t - MEET_S, 0.0)),
    ]


def exchanged(picture: Picture, at_s: float) -> Picture:
    """The two tracks change over."""
    later = picture.time_ns >= START_NS + round(at_s * 1e9)
    first, second = TRACKS_FROM, TRACKS_FROM + 1
    return picture._replace(track=np.where(later, first + second - picture.track, picture.track))


def score(truth: Truth, at_s: float = MEET_S) -> Evaluation:
    found = fw.evaluate(exchanged(perfect(truth), at_s), truth, scenario())
    assert fw.evaluate(perfect(truth), truth, scenario()).swaps == 0
    return found


@pytest.mark.parametrize(("angle_deg", "shallow"), [(90.0, False), (25.0, False), (15.0, True), (170.0, False)])
def test_crossings_count_by_their_angle(angle_deg: float, shallow: bool) -> None:
    found = score(truth_of(crossing(angle_deg), SECONDS))
    assert (found.swaps, found.swaps_shallow) == ((0, 2) if shallow else (2, 0))
    assert found.purity < 0.8
    assert found.completeness == 1.0  # an aircraft is held, whoever's track it is


def test_a_swap_of_aircraft_far_apart_shows_at_once() -> None:
    assert score(truth_of(crossing(90.0), SECONDS), at_s=100.0).swaps == 2


def test_a_track_that_jumps_off_an_aircraft_that_has_gone_is_no_swap() -> None:
    truth = truth_of(crossing(90.0), SECONDS)
    s, looks = truth.states, truth.illuminations
    end_ns = START_NS + 150 * 10**9
    first_ends = Truth(
        s.take((s.aircraft != 0) | (s.time_ns <= end_ns)), looks.take((looks.aircraft != 0) | (looks.time_ns < end_ns))
    )
    p = perfect(truth)
    of_first, early = p.track == TRACKS_FROM, p.time_ns <= end_ns
    jumped = p.take(of_first == early)  # the track of the first goes on with the second, whose own one ends
    jumped = jumped._replace(track=np.full(jumped.n, TRACKS_FROM))
    assert fw.evaluate(jumped, first_ends, scenario()).swaps == 0
    assert fw.evaluate(jumped, truth, scenario()).swaps == 1


def test_a_close_formation_may_change_over() -> None:
    assert score(truth_of(splitting(1000.0), SECONDS, formation=[7, 7])).swaps == 0
    # The same of two that belong to no formation: they fly abreast, so it is a shallow one.
    found = score(truth_of(splitting(1000.0), SECONDS))
    assert (found.swaps, found.swaps_shallow) == (0, 2)
    found = score(truth_of(splitting(1000.0), SECONDS, formation=[7, 8]))
    assert (found.swaps, found.swaps_shallow) == (0, 2)


def test_a_wide_formation_may_not_unless_its_plots_were_merged() -> None:
    truth = truth_of(splitting(2800.0), SECONDS, formation=[7, 7])
    assert score(truth).swaps == 2
    looks = truth.illuminations
    then = np.abs(looks.time_ns - (START_NS + round(MEET_S * 1e9))) < 10 * 10**9
    outcome = np.where(then, int(Outcome.MERGED), looks.outcome).astype(np.uint8)
    together = looks._replace(outcome=outcome, plot=np.where(then, looks.time_ns // 10**10, looks.plot))
    assert score(Truth(truth.states, together)).swaps == 0
    alone = looks._replace(outcome=outcome)  # merged, but each with something else
    assert score(Truth(truth.states, alone)).swaps == 2


def test_a_formation_that_has_split_may_not() -> None:
    assert score(truth_of(splitting(1000.0), SECONDS, formation=[7, 7]), at_s=350.0).swaps == 2
