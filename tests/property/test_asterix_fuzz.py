"""The fuzzer: every category and container, damaged, with every array access checked. Longer in the slow tier."""

from __future__ import annotations

import subprocess
import sys

import pytest

import reference_asterix as ref


def fuzz(blocks: int, seed: int) -> None:
    script = ref.PROJECT / "benchmarks" / "fuzz.py"
    command = [sys.executable, "-W", "error", script, f"--blocks={blocks}", f"--seed={seed}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{blocks:,} damaged blocks" in done.stdout and "tables: read" in done.stdout


def test_damaged_recordings_of_every_kind() -> None:
    fuzz(4_000, 7)


@pytest.mark.slow
@pytest.mark.timeout(7_200)
def test_many_damaged_recordings() -> None:
    fuzz(500_000, 8)
