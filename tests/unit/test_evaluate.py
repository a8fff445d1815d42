"""Evaluate as a whole: a perfect tracker, none, and trackers with one fault each."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

import farwatch as fw
from airspace import SCAN_S, START_NS, TRACKS_FROM, apart, perfect, scenario, straight, truth_of
from farwatch.evaluation import Evaluation
from farwatch.picture import Picture, Status, concat_pictures, make_picture
from farwatch.truth import AircraftType, Outcome, Truth

N = 5


def score(picture: Picture, truth: Truth) -> Evaluation:
    return fw.evaluate(picture, truth, scenario())


def seconds(picture: Picture) -> np.ndarray:
    return (picture.time_ns - START_NS) * 1e-9


def test_a_perfect_tracker() -> None:
    truth = truth_of(apart(N))
    found = score(perfect(truth), truth)
    assert (found.completeness, found.ambiguity, found.spuriousness, found.purity) == (1.0, 1.0, 0.0, 1.0)
    assert (found.missed, found.false, found.swaps, found.swaps_shallow, found.fragments) == (0, 0, 0, 0, 0)
    assert (found.scans, found.aircraft, found.tracks, found.note) == (20, N, N, "")
    assert found.gospa_m == pytest.approx(0.0, abs=1e-6)
    assert found.rmse_horizontal_m == pytest.approx(0.0, abs=1e-6)
    assert found.rmse_height_m == pytest.approx(0.0, abs=1e-6)
    assert found.nees == pytest.approx(0.0, abs=1e-9)
    assert found.longest_track_segment == 1.0
    assert found.initiation_looks == 1.0
    assert list(found.by_type) == ["airliner"]


def test_a_perfect_tracker_of_a_round_earth() -> None:
    truth = truth_of([straight(9.0 + 0.3 * k, 47.0, 0.002, 0.0) for k in range(N)])
    states = truth.states._replace(ground_speed_mps=np.full(truth.states.n, 152.0))
    found = fw.evaluate(
        perfect(Truth(states, truth.illuminations)), Truth(states, truth.illuminations), scenario(False)
    )
    assert (found.completeness, found.spuriousness, found.false) == (1.0, 0.0, 0.0)
    assert found.rmse_horizontal_m == pytest.approx(0.0, abs=1e-3)
    assert found.rmse_height_m == pytest.approx(0.0, abs=1e-3)


def test_no_tracker() -> None:
    truth = truth_of(apart(N))
    for none in (make_picture(0), []):
        found = fw.evaluate(none, truth, scenario())
        assert (found.completeness, found.tracks, found.false) == (0.0, 0, 0.0)
        assert found.missed == N * 15 / 20  # from the sixth look on
        assert math.isnan(found.spuriousness)
        assert math.isnan(found.rmse_horizontal_m)
        assert math.isnan(found.initiation_looks)
        assert b"null" in msgspec.json.encode(found)
        assert "-" in str(found)


def test_pictures_are_put_together() -> None:
    truth = truth_of(apart(N))
    whole = perfect(truth)
    parts = [
        whole.take(whole.time_ns == time_ns)._replace(until_ns=int(time_ns)) for time_ns in np.unique(whole.time_ns)
    ]
    assert fw.evaluate(iter(parts), truth, scenario()) == score(whole, truth)


def test_ghosts_are_false() -> None:
    truth = truth_of(apart(N))
    ghosts = perfect(truth_of([straight(200e3 + 10e3 * k, -200e3, 0, 100) for k in range(3)]))
    found = score(concat_pictures([perfect(truth), ghosts._replace(track=ghosts.track + 1000)]), truth)
    assert found.completeness == 1.0
    assert found.false == 3.0
    assert found.gospa_m == pytest.approx(math.sqrt(3 * 3000**2 / 2))
    # Before the sixth look the tracks of the aircraft do not count, but ghosts do.
    assert found.spuriousness == pytest.approx(3 * 20 / (3 * 20 + N * 15))
    assert found.tracks == N + 3


def test_a_second_track_is_ambiguous_but_not_spurious() -> None:
    truth = truth_of(apart(N))
    twin = perfect(truth)
    twin = twin.take(twin.track == TRACKS_FROM)._replace(track=np.full(201, 999))
    found = score(concat_pictures([perfect(truth), twin._replace(lat_deg=twin.lat_deg + 500.0)]), truth)
    assert (found.completeness, found.spuriousness) == (1.0, 0.0)
    assert found.ambiguity == pytest.approx((N + 1) / N)
    assert found.false == 15 / 20  # GOSPA has no use for it, and before the sixth look it is no fault


def test_errors_are_measured_along_the_ground(rng: np.random.Generator) -> None:
    truth = truth_of(apart(40, 4000.0))
    p = perfect(truth, sigma_m=120.0)
    east, north, up = rng.normal(0, 1, (3, p.n)) * np.array([[120.0], [120.0], [30.0]])
    p = p._replace(lon_deg=p.lon_deg + east, lat_deg=p.lat_deg + north, height_wgs84_m=p.height_wgs84_m + up)
    found = score(p, truth)
    samples = 40 * 15
    assert found.rmse_horizontal_m == pytest.approx(120.0 * math.sqrt(2), rel=4 / math.sqrt(2 * samples))
    assert found.rmse_height_m == pytest.approx(30.0, rel=4 / math.sqrt(2 * samples))
    assert found.nees == pytest.approx(1.0, abs=4 / math.sqrt(samples))
    assert found.nees_low < 1.0 < found.nees_high
    boastful = score(p._replace(sigma_east_m=p.sigma_east_m / 3, sigma_north_m=p.sigma_north_m / 3), truth)
    assert boastful.nees == pytest.approx(9.0 * found.nees)
    assert boastful.nees > boastful.nees_high


def test_tracks_are_moved_on_and_not_looked_up_in_the_future() -> None:
    truth = truth_of(apart(N))
    p = perfect(truth)
    coarse = p.take((p.time_ns - START_NS) // 10**9 % SCAN_S == 4)  # six seconds before each scan's end
    assert score(coarse, truth).rmse_horizontal_m == pytest.approx(0.0, abs=1e-6)
    slow = coarse._replace(ground_speed_mps=coarse.ground_speed_mps - 10.0)
    assert score(slow, truth).rmse_horizontal_m == pytest.approx(60.0)


def test_old_and_ended_tracks_are_gone() -> None:
    truth = truth_of(apart(N))
    p = perfect(truth)
    kept = p.take((p.track != TRACKS_FROM) | (seconds(p) <= 104))
    # At 110 s it is six seconds old, at 120 s sixteen: gone, for the last nine of 15 scans.
    assert score(kept, truth).completeness == pytest.approx(1 - 9 / (N * 15))
    status = np.where((kept.track == TRACKS_FROM) & (seconds(kept) == 104), int(Status.ENDED), kept.status)
    ended = kept._replace(status=status.astype(np.uint8))
    found = score(ended, truth)
    assert found.completeness == pytest.approx(1 - 10 / (N * 15))
    assert found.fragments == 1


def test_a_track_number_that_changes_is_a_fragment() -> None:
    truth = truth_of(apart(N))
    p = perfect(truth)
    p = p._replace(track=np.where((p.track == TRACKS_FROM) & (seconds(p) > 125), 999, p.track))
    p = p.take((p.track != TRACKS_FROM) | (seconds(p) < 105))
    found = score(p, truth)
    assert (found.completeness, found.fragments, found.swaps) == (1 - 1 / (N * 15), 1, 0)
    assert found.purity == 1.0
    assert found.longest_track_segment < 1.0
    assert found.track_number_changes_per_h > 0.0


def test_tracks_of_aircraft_that_do_not_count_are_neither_right_nor_false() -> None:
    truth = truth_of(apart(N), detection=[0.9, 0.9, 0.9, 0.3, 0.3])
    found = score(perfect(truth), truth)
    assert (found.completeness, found.false, found.spuriousness, found.aircraft) == (1.0, 0.0, 0.0, 3)
    # An aircraft that the radar has lost sight of: its track may live on or not.
    looks = truth.illuminations
    lost = looks.take((looks.aircraft != 0) | (looks.time_ns < START_NS + 100 * 10**9))
    p = perfect(truth)
    for picture in (p, p.take((p.track != TRACKS_FROM) | (seconds(p) < 116))):
        found = score(picture, Truth(truth.states, lost))
        assert (found.completeness, found.false, found.spuriousness) == (1.0, 0.0, 0.0)


def test_a_track_may_outlive_its_aircraft_for_a_minute() -> None:
    truth = truth_of(apart(N), seconds=300)
    s = truth.states
    gone = s.take((s.aircraft != 0) | (s.time_ns <= START_NS + 100 * 10**9))
    looks = truth.illuminations
    left = looks.take((looks.aircraft != 0) | (looks.time_ns < START_NS + 100 * 10**9))
    found = score(perfect(truth), Truth(gone, left))
    assert found.completeness == 1.0
    assert found.false == pytest.approx(14 / 30)  # from 170 s to 300 s


def test_looks_after_a_gap_begin_anew() -> None:
    truth = truth_of(apart(1), seconds=400)
    looks = truth.illuminations
    at_s = (looks.time_ns - START_NS) * 1e-9
    found = score(make_picture(0), Truth(truth.states, looks.take((at_s < 100) | (at_s > 170))))
    # The sixth look is at 53 s, the last before the gap at 93 s: scans 60 to 100. Again from 173 s: scans 230 to 400.
    assert found.missed == pytest.approx((5 + 18) / 40)


def test_types_are_told_apart() -> None:
    kinds = [AircraftType.AIRLINER, AircraftType.FIGHTER, AircraftType.FIGHTER]
    truth = truth_of(apart(3), types=[int(kind) for kind in kinds])
    p = perfect(truth)
    found = score(p.take(p.track != TRACKS_FROM + 1), truth)
    assert found.by_type["airliner"].completeness == 1.0
    assert found.by_type["fighter"].completeness == 0.5
    assert found.by_type["fighter"].aircraft == 2
    assert found.completeness == pytest.approx(2 / 3)
    assert "fighter:" in str(found)


def test_initiation_counts_looks() -> None:
    truth = truth_of(apart(N))
    p = perfect(truth)
    # Track k appears just before the end of scan 2 + k: held at the (2 + k)th look.
    born = p.take(seconds(p) > SCAN_S * (p.track - TRACKS_FROM + 2) - 2)
    found = score(born, truth)
    assert (found.initiation_looks, found.initiation_looks_p95) == (4.0, 6.0)
    never = score(p.take(p.track < TRACKS_FROM + 4), truth)
    assert (never.initiation_looks, math.isnan(never.initiation_looks_p95)) == (1.0, True)


def test_the_ratio_to_the_bound_leaves_out_manoeuvres_and_merged_plots(rng: np.random.Generator) -> None:
    truth = truth_of(apart(30, 4000.0), seconds=300)
    p = perfect(truth)
    p = p._replace(lon_deg=p.lon_deg + rng.normal(0, 100, p.n), lat_deg=p.lat_deg + rng.normal(0, 100, p.n))
    whole = score(p, truth)
    assert 0.1 < whole.rmse_over_bound < 10.0
    # Errors of 1 km while one half of the aircraft turn, and while the others are merged: not in the ratio.
    s, looks = truth.states, truth.illuminations
    at_s = (s.time_ns - START_NS) * 1e-9
    turn = np.where((s.aircraft < 15) & (at_s > 150) & (at_s < 190), 3.0, 0.0)
    of_merged = (
        (looks.aircraft >= 15) & (looks.time_ns > START_NS + 150 * 10**9) & (looks.time_ns < START_NS + 190 * 10**9)
    )
    outcome = np.where(of_merged, int(Outcome.MERGED), looks.outcome).astype(np.uint8)
    hard = Truth(s._replace(turn_rate_dps=turn), looks._replace(outcome=outcome))
    wrong = p._replace(lon_deg=p.lon_deg + np.where((seconds(p) > 155) & (seconds(p) < 215), 1000.0, 0.0))
    assert score(wrong, truth).rmse_over_bound > 2 * whole.rmse_over_bound
    assert score(wrong, hard).rmse_over_bound == score(p, hard).rmse_over_bound


def test_time_that_is_not_shared_is_left_out_and_told() -> None:
    truth = truth_of(apart(N), seconds=400)
    p = perfect(truth)
    late = score(p.take(seconds(p) > 200), truth)
    assert (late.completeness, late.scans) == (1.0, 20)
    assert "only part of the time" in late.note
    assert late.note in str(late)
    early = score(p.take(seconds(p) < 300), truth)
    assert (early.completeness, early.scans) == (1.0, 29)
    assert early.note
    s = truth.states
    short = score(p, Truth(s.take(s.time_ns < START_NS + 300 * 10**9), truth.illuminations))
    assert (short.completeness, short.scans, bool(short.note)) == (1.0, 29, True)
    assert not score(p.take(seconds(p) > 80), truth).note  # a tracker may be slow, and is marked down for it
    with pytest.raises(fw.FarwatchError, match="no time in common"):
        score(p._replace(time_ns=p.time_ns + 3600 * 10**9), truth)


def test_a_tracker_that_is_given_batches_in_a_row_is_scored_on_all_of_them() -> None:
    truth = truth_of(apart(N), seconds=400)
    p = perfect(truth)
    silent = make_picture(0)._replace(until_ns=START_NS + 10 * 10**9)
    found = fw.evaluate([silent, p.take(seconds(p) > 200)], truth, scenario())
    assert found.scans == 40
    assert found.completeness < 0.6
    assert not found.note
