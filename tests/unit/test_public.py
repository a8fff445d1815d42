"""The public face: exactly these names, and importing it costs nothing."""

from __future__ import annotations

import subprocess
import sys

import farwatch

NAMES = {
    "Batch",
    "ConfigError",
    "FarwatchError",
    "FormatError",
    "Picture",
    "Plots",
    "Progress",
    "Scenario",
    "Tracker",
    "TrackerOptions",
    "Truth",
    "evaluate",
    "listen",
    "load",
    "open_sink",
    "replay",
    "run",
    "simulate",
    "without_identity",
}


def test_the_names_are_these() -> None:
    assert set(farwatch.__all__) == NAMES
    for name in NAMES:
        assert getattr(farwatch, name).__name__ == name
    assert set(dir(farwatch)) == NAMES | {"__version__"}


def test_importing_it_loads_nothing_heavy() -> None:
    script = "import farwatch, sys; print(sorted({'numba', 'numpy', 'pyarrow', 'scipy', 'rich'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_readme_example_runs() -> None:
    scenario = farwatch.load("s300")
    truth, batches = farwatch.simulate(scenario, duration_s=40, seed=7)
    tracker = farwatch.Tracker(scenario.sensors, scenario.tracker, scenario.frame)
    pictures = list(farwatch.run(batches, tracker))
    assert truth.states.n == 40 * 300
    assert sum(picture.n for picture in pictures) > 100
