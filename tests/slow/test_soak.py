"""Left running: a day of 300 aircraft that come and go, as fast as it goes, in memory that stays what it is."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SOAK = Path(__file__).parents[1] / "soak.py"


def soaked(hours: float, folder: Path) -> list[dict[str, Any]]:
    """What the service said of its memory."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(SOAK), str(hours), str(folder / "state"), str(folder / "journal")]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert ran.returncode == 0, ran.stderr
    *rows, end = (json.loads(line) for line in ran.stdout.splitlines())
    assert end == {"done": True, "not_recorded": 0}
    return rows


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_day(tmp_path: Path) -> None:
    rows = soaked(24.0, tmp_path)
    after = [row for row in rows if row["hour"] >= 1.0]
    assert after[-1]["hour"] > 23.9
    # Twelve readings an hour, some of them while a checkpoint is being packed: the middle one is the hour's.
    by_hour = [[row["rss_mb"] for row in after if int(row["hour"]) == hour] for hour in range(1, 24)]
    middle = [statistics.median(readings) for readings in by_hour]
    assert max(middle) < 1.05 * middle[0]
    assert all(abs(row["tracks"] - 285) < 40 for row in after)  # traffic is born and dies, and its number stays
    assert after[-1]["plots"] > 23.5 * 400_000
    assert {row["threads"] for row in after} == {after[0]["threads"]}
