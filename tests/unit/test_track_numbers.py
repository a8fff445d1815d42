"""16-bit track numbers: lent, kept, rested, run out, saved."""

from __future__ import annotations

import numpy as np
import pytest

from farwatch.errors import FarwatchError
from farwatch.picture import Picture, Status, make_picture
from farwatch.sinks.track_numbers import NO_NUMBER, TrackNumbers

S = 1_000_000_000


def picture(time_s: float, tracks: list[int], ended: tuple[int, ...] = ()) -> Picture:
    """Rows of the given tracks at one time; those in `ended` end."""
    n = len(tracks)
    status = [Status.ENDED if track in ended else Status.CONFIRMED for track in tracks]
    return make_picture(n)._replace(
        time_ns=np.full(n, round(time_s * S), np.int64),
        track=np.array(tracks, np.int64),
        status=np.array(status, np.uint8),
    )


def test_a_track_keeps_its_number_and_is_new_once() -> None:
    numbers = TrackNumbers()
    first = numbers.lend(picture(0, [7, 8, 7]))
    assert first.number.tolist() == [1, 2, 1]
    assert first.first.tolist() == [True, True, False]
    later = numbers.lend(picture(10, [8, 1 << 60, 7]))
    assert later.number.tolist() == [2, 3, 1]
    assert later.first.tolist() == [False, True, False]
    assert later.since_ns.tolist() == [0, 10 * S, 0]


def test_the_last_report_still_has_the_number() -> None:
    numbers = TrackNumbers()
    numbers.lend(picture(0, [7]))
    assert numbers.lend(picture(1, [7], ended=(7,))).number.tolist() == [1]
    assert numbers.lent == 0


def test_a_track_that_was_never_reported_ends_in_silence() -> None:
    numbers = TrackNumbers()
    assert numbers.lend(picture(1, [7], ended=(7,))).number.tolist() == [NO_NUMBER]
    assert (numbers.lent, numbers.exhausted) == (0, 0)


def test_a_number_rests_before_it_is_lent_again() -> None:
    numbers = TrackNumbers(quarantine_s=60, highest=2)
    numbers.lend(picture(0, [1, 2]))
    numbers.lend(picture(10, [1, 2], ended=(1,)))
    assert numbers.lend(picture(69, [3, 2])).number.tolist() == [NO_NUMBER, 2]
    assert numbers.exhausted == 1
    assert numbers.lend(picture(70, [3, 2])).number.tolist() == [1, 2]
    assert numbers.lend(picture(71, [3, 2, 4, 4])).number.tolist() == [1, 2, NO_NUMBER, NO_NUMBER]
    assert numbers.exhausted == 3


def test_the_longest_rested_goes_first() -> None:
    numbers = TrackNumbers(quarantine_s=5, highest=3)
    numbers.lend(picture(0, [1, 2, 3]))
    numbers.lend(picture(1, [2], ended=(2,)))
    numbers.lend(picture(2, [1], ended=(1,)))
    assert numbers.lend(picture(20, [4, 5])).number.tolist() == [2, 1]


def test_no_two_tracks_have_one_number_at_a_time(rng: np.random.Generator) -> None:
    """A long random life of tracks with few numbers: never shared, and never lent within the quarantine."""
    numbers, alive, given_back = TrackNumbers(quarantine_s=30, highest=60), set(), {}
    held: dict[int, int] = {}
    next_track = 0
    for step in range(2000):
        time_s = float(step)
        for _ in range(rng.poisson(0.8)):
            alive.add(next_track)
            next_track += 1
        rows = sorted(alive)
        ended = tuple(track for track in rows if rng.uniform() < 0.02)
        lent = numbers.lend(picture(time_s, rows, ended))
        for track, number, first in zip(rows, lent.number.tolist(), lent.first.tolist()):
            if number == NO_NUMBER:
                assert track not in held
                continue
            if first:
                assert number not in held.values()
                assert time_s - given_back.get(number, -100) >= 30
                held[track] = number
            assert held[track] == number
        for track in ended:
            alive.remove(track)
            if track in held:
                given_back[held.pop(track)] = time_s
    assert len(given_back) == 60  # all of them were used, most of them often
    assert next_track > 1200 and numbers.exhausted > 0


def test_tracks_that_fall_silent_give_their_numbers_back() -> None:
    numbers = TrackNumbers(quarantine_s=0, silence_s=100, highest=1)
    numbers.lend(picture(0, [1]))
    numbers.lend(picture(90, [2]))
    assert numbers.exhausted == 1
    numbers.lend(picture(140, [2]))
    assert numbers.lend(picture(141, [2])).number.tolist() == [1]


def test_a_snapshot_goes_on_as_the_original(rng: np.random.Generator) -> None:
    one, other = TrackNumbers(highest=20), TrackNumbers(highest=20)
    pictures = [picture(float(k), rng.integers(k // 10, k // 10 + 12, 8).tolist(), (k // 10,)) for k in range(400)]
    for given in pictures[:200]:
        one.lend(given)
    other.restore(one.snapshot())
    assert other.snapshot() == one.snapshot()
    for given in pictures[200:]:
        a, b = one.lend(given), other.lend(given)
        assert all(np.array_equal(x, y) for x, y in zip(a, b))
    assert other.snapshot() == one.snapshot()


def test_bytes_that_are_no_snapshot() -> None:
    for wrong in (b"", b"nonsense", b"\x80", b"\x81\xa7version\x63"):
        with pytest.raises(FarwatchError, match=r"no snapshot of track numbers|snapshot of version 99"):
            TrackNumbers().restore(wrong)
