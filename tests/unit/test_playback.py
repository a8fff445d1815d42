"""A client's own place in time, without a clock or a socket."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from farwatch.service.playback import LEAST_STEP_S, Playback

S = 1_000_000_000
TIMES = np.arange(100, 200, dtype=np.int64) * S
GAPPED = np.concatenate([np.arange(100, 110), np.arange(700, 710)]).astype(np.int64) * S


def played(playback: Playback, times: np.ndarray, start_s: float, seconds: float, step_s: float = 0.02) -> list:
    """What is shown while time passes: (seconds, picture)."""
    shown = []
    for k in range(round(seconds / step_s)):
        now_s = start_s + k * step_s
        show = playback.due(now_s, times)
        if show is not None:
            shown.append((now_s, show))
    return shown


def test_live_until_told_otherwise() -> None:
    playback = Playback()
    assert playback.due(5.0, TIMES) is None and playback.wait_s(5.0, TIMES) is None and playback.state == "live"


def test_plays_in_real_time_from_a_time() -> None:
    playback = Playback()
    assert playback.play(0.0, TIMES, 150 * S + S // 2) is None
    shown = played(playback, TIMES, 0.0, 3.9)
    assert [TIMES[show.k] // S for _, show in shown] == [150, 151, 152, 153, 154]
    assert [show.jump for _, show in shown] == [True, False, False, False, False]
    assert abs(shown[1][0] - 0.5) < 0.03 and abs(shown[4][0] - 3.5) < 0.03
    assert playback.time_ns(3.9, TIMES) == 150 * S + round(4.4 * S)


def test_fast_playing_leaves_pictures_out_but_names_them() -> None:
    playback = Playback()
    playback.play(0.0, TIMES, 100 * S, 60.0)
    shown = played(playback, TIMES, 0.0, 1.5)
    assert all(b[0] - a[0] >= LEAST_STEP_S - 1e-9 for a, b in itertools.pairwise(shown))
    covered = [k for _, show in shown for k in range(show.after + 1, show.k + 1)]
    assert covered == list(range(covered[0], covered[-1] + 1)) and covered[-1] > 80
    assert any(show.k - show.after > 3 for _, show in shown)


def test_slow_playing() -> None:
    playback = Playback()
    playback.play(0.0, TIMES, 100 * S, 0.1)
    assert len(played(playback, TIMES, 0.0, 25.0)) == 3


def test_a_gap_is_jumped_over() -> None:
    playback = Playback()
    playback.play(0.0, GAPPED, 108 * S)
    shown = played(playback, GAPPED, 0.0, 5.0)
    assert [GAPPED[show.k] // S for _, show in shown][:4] == [108, 109, 700, 701]
    assert [show.jump for _, show in shown][:4] == [True, False, True, False]
    assert shown[2][0] < 3.0


def test_at_the_end_it_is_live_again_unless_slow() -> None:
    fast, slow = Playback(), Playback()
    fast.play(0.0, TIMES, 198 * S, 2.0)
    slow.play(0.0, TIMES, 198 * S, 0.5)
    played(fast, TIMES, 0.0, 3.0)
    played(slow, TIMES, 0.0, 30.0)
    assert fast.state == "live" and slow.state == "playing"
    assert slow.time_ns(30.0, TIMES) == 199 * S


def test_pause_step_and_go_on() -> None:
    playback = Playback()
    playback.saw(199 * S)
    playback.pause(0.0, TIMES)
    assert playback.state == "paused" and playback.due(1.0, TIMES) is None
    assert playback.step(1.0, TIMES, -1) is None
    show = playback.due(1.0, TIMES)
    assert show is not None and TIMES[show.k] == 198 * S and show.jump
    assert playback.step(2.0, TIMES, 1) is None
    show = playback.due(2.0, TIMES)
    assert show is not None and TIMES[show.k] == 199 * S and not show.jump
    assert "no picture" in (playback.step(3.0, TIMES, 1) or "")
    playback.step(4.0, TIMES, -50)
    playback.due(4.0, TIMES)
    playback.play(10.0, TIMES)
    assert [TIMES[show.k] // S for _, show in played(playback, TIMES, 10.0, 2.5)] == [150, 151]


def test_steps_in_a_hurry_are_not_lost() -> None:
    playback = Playback()
    playback.saw(199 * S)
    for _ in range(5):
        playback.step(0.0, TIMES, -1)
    shown = played(playback, TIMES, 0.0, 1.0)
    assert [TIMES[show.k] // S for _, show in shown] == [194]


def test_what_was_let_go_is_told() -> None:
    playback = Playback()
    assert "old" in (playback.play(0.0, TIMES, 5 * S) or "")
    assert playback.due(0.0, TIMES).k == 0  # type: ignore[union-attr]
    later = TIMES[50:]  # retention has taken what it was at
    show = playback.due(1.0, later)
    assert show is not None and show.k == 0 and show.jump
    assert "nothing" in (Playback().play(0.0, TIMES[:0]) or "")
    assert "nothing" in (Playback().step(0.0, TIMES[:0], 1) or "")


COMMANDS = st.lists(
    st.tuples(
        st.sampled_from(["play", "from", "pause", "step", "live", "wait"]),
        st.integers(-200, 1000),
        st.floats(0.1, 60.0),
    ),
    max_size=30,
)


@given(COMMANDS, st.integers(0, 15))
def test_any_commands_in_any_order(commands: list[tuple[str, int, float]], let_go: int) -> None:
    playback, now_s, times = Playback(), 0.0, GAPPED
    before: int | None = None
    for n, (name, number, speed) in enumerate(commands):
        if n == len(commands) // 2:
            times = times[let_go:]
        if name == "play":
            playback.play(now_s, times, None, speed)
        elif name == "from":
            playback.play(now_s, times, number * S, speed)
        elif name == "pause":
            playback.pause(now_s, times)
        elif name == "step":
            playback.step(now_s, times, number)
        elif name == "live":
            playback.live()
        moved = name in ("from", "step")
        for _ in range(6):
            show = playback.due(now_s, times)
            if show is not None:
                assert 0 <= show.k < len(times) and -1 <= show.after < show.k and playback.shown_ns == times[show.k]
                if before is not None and not show.jump:
                    assert times[show.k] > before
                before, moved = int(times[show.k]), False
            wait_s = playback.wait_s(now_s, times)
            assert wait_s is None or 0.0 <= wait_s <= max(1.0, 0.25 / playback.speed)
            now_s += 0.07
        assert playback.state in ("live", "playing", "paused") and not (moved and playback.state == "live")
