"""A short run of the fuzzer: every category and container, damaged, with every array access checked."""

from __future__ import annotations

import subprocess
import sys

import reference_asterix as ref


def test_damaged_recordings_of_every_kind() -> None:
    script = ref.PROJECT / "benchmarks" / "fuzz.py"
    command = [sys.executable, "-W", "error", script, "--blocks=20000", "--seed=7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "20,000 damaged blocks" in done.stdout and "tables: read" in done.stdout
