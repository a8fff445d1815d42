"""Short ways into the pipeline for scripts and notebooks."""

from __future__ import annotations

import os

from farwatch.flight_plans import plans_of
from farwatch.plots import Batch, Plots, make_progress
from farwatch.registration import RegisteredTracker
from farwatch.scenario import Scenario
from farwatch.sources import Live, Merge, Replay, merged
from farwatch.sources.replay import shortest_slice_s
from farwatch.truth import Truth


def simulate(scenario: Scenario, duration_s: float, seed: int = 0) -> tuple[Truth, list[Batch]]:
    """What is true and what the sensors say of it, as batches for `run`."""
    from farwatch.simulation import simulate as simulated

    truth, plots, progress = simulated(scenario.sensors, scenario.frame, scenario.simulation, duration_s, seed)
    merge = _merge(scenario)
    return truth, list(merged([(plots, progress)], merge, _longest_s(scenario)))


def tracker_of(scenario: Scenario) -> RegisteredTracker:
    """The tracker of a scenario, with registration where it has a table of it, and with its flight plans.

    Raises `ConfigError` where the plans' file cannot be used, or a sensor cannot be registered.
    """
    tracker = RegisteredTracker(scenario.sensors, scenario.tracker, scenario.frame, scenario.registration)
    tracker.plans = plans_of(scenario.flight_plans)
    return tracker


def replay(recordings: str | os.PathLike[str] | list[str | os.PathLike[str]], scenario: Scenario) -> Replay:
    """One recording or several as batches for `run`; raises `FormatError` where they cannot be used."""
    paths = recordings if isinstance(recordings, list) else [recordings]
    return Replay(paths, scenario.sensors, flat=scenario.frame.flat, merge=scenario.merge)


def listen(scenario: Scenario, duration_s: float | None = None) -> Live:
    """The scenario's live feeds as batches for `run`, until `stop()`; raises `ConfigError` where one cannot open."""
    return Live(
        scenario.feeds,
        scenario.sensors,
        flat=scenario.frame.flat,
        duration_s=duration_s,
        options=scenario.merge,
    )


def batches(plots: Plots, scenario: Scenario) -> list[Batch]:
    """Plots of your own as batches for `run`."""
    merge = _merge(scenario)
    return list(merged([(plots, make_progress(0))], merge, _longest_s(scenario)))


def _merge(scenario: Scenario) -> Merge:
    return Merge(shortest_slice_s(scenario.sensors), scenario.merge)


def _longest_s(scenario: Scenario) -> float:
    return max(sensor.period_s for sensor in scenario.sensors)
