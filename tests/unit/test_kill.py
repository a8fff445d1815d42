"""Killed with -9 at random, a replay ends as one left alone: the short form of the slow tier's fifty times."""

from __future__ import annotations

from pathlib import Path

from killing import killed_and_whole


def test_killed_three_times(tmp_path: Path) -> None:
    starts = killed_and_whole(tmp_path, kills=3, duration_s=300.0, speed=40.0, seed=3)
    assert len(starts) == 3
