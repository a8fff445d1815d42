"""Killed with -9 fifty times at random, a replay ends as one left alone."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from killing import killed_and_whole


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_fifty_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    starts = killed_and_whole(tmp_path, kills=50, duration_s=3600.0, speed=40.0, seed=50)
    with capsys.disabled():
        print(f"\n50 kills: from start to going on {statistics.median(starts):.2f} s, at most {max(starts):.2f} s")
