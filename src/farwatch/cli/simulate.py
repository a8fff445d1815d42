"""farwatch simulate: a scenario's plots and truth, as files."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from farwatch.cli.say import bar, err, out, result
from farwatch.errors import ConfigError, FarwatchError
from farwatch.plots import concat_plots, concat_progress
from farwatch.recording import write_plots, write_progress, write_truth
from farwatch.scenario import load
from farwatch.simulation import stream
from farwatch.simulation.feasible import unseen_flights
from farwatch.sinks.radar_asterix import station, write_radars
from farwatch.truth import NO_PLOT, concat_truth

CATEGORIES = {"048": False, "001": True}  # of radars' plots: are they the conventional ones?


def simulate(
    scenario_name: str, folder: Path, duration_s: float, seed: int, asterix: bool, category: str, as_json: bool
) -> None:
    """Simulate and write plots.parquet, progress.parquet, truth.parquet, illuminations.parquet, if asked plots.ast."""
    scenario = load(scenario_name)
    if asterix:
        if category not in CATEGORIES:
            raise ConfigError(f"--category {category}: radars' plots are written as {' or '.join(CATEGORIES)}")
        for sensor in scenario.sensors:
            station(sensor)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FarwatchError(f"{folder}: is no folder and cannot be made one ({error.strerror})") from None
    for number in unseen_flights(scenario.sensors, scenario.frame, scenario.simulation):
        err().print(f"farwatch: no radar sees $.simulation.flights[{number}] while it flies its legs", markup=False)
    parts = []
    with bar("simulating", duration_s, "s") as progress:
        for part in stream(scenario.sensors, scenario.frame, scenario.simulation, duration_s, seed):
            parts.append(part)
            progress.advance(progress.task_ids[0])
    truths, plots_parts, messages = zip(*parts, strict=True)
    truth, plots, said = concat_truth(truths), concat_plots(plots_parts), concat_progress(messages)
    by_time = np.argsort(truth.illuminations.time_ns, kind="stable")
    truth = truth._replace(illuminations=truth.illuminations.take(by_time))
    names = [sensor.id for sensor in scenario.sensors]
    write_plots(folder / "plots.parquet", plots, names)
    write_progress(folder / "progress.parquet", said, names)
    if asterix:
        blocks = write_radars(
            folder / "plots.ast",
            plots,
            said,
            scenario.sensors,
            flat=scenario.frame.flat,
            conventional=CATEGORIES[category],
        )
        for item, count in blocks.clamped.items():
            err().print(f"farwatch: plots.ast: {count:,} values are beyond what {item} can say, and are at its end")
    about = {"scenario": msgspec.json.encode(scenario).decode(), "seed": str(seed)}
    write_truth(folder / "truth.parquet", folder / "illuminations.parquet", truth, names, about)
    causes = np.unique(truth.illuminations.plot)
    clutter = plots.n - len(causes[causes != NO_PLOT])
    if as_json:
        result(
            {
                "folder": str(folder),
                "duration_s": duration_s,
                "seed": seed,
                "plots": plots.n,
                "clutter": clutter,
                "states": truth.states.n,
                "aircraft": len(set(truth.states.aircraft.tolist())),
            }
        )
        return
    out().print(
        f"{folder}: {plots.n:,} plots ({clutter:,} of them clutter), {truth.states.n:,} true states", markup=False
    )
