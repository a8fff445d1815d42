"""farwatch simulate: a scenario's plots and truth, as files."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from farwatch.cli.say import bar, err, out, result
from farwatch.errors import ConfigError, FarwatchError
from farwatch.formats.asterix.blocks import Timed, pack_timed
from farwatch.plots import Plots, Progress, concat_plots, concat_progress
from farwatch.recording import write_plots, write_progress, write_truth
from farwatch.scenario import Scenario, load
from farwatch.simulation import stream
from farwatch.simulation.adsb import adsb_reports
from farwatch.simulation.feasible import unseen_flights
from farwatch.sinks.adsb_asterix import adsb_records, stations_of
from farwatch.sinks.radar_asterix import radar_records, station, write_blocks
from farwatch.truth import NO_PLOT, Truth, concat_truth

CATEGORIES = ("048", "001", "021")
CONVENTIONAL = "001"


def simulate(
    scenario_name: str, folder: Path, duration_s: float, seed: int, categories: list[str], as_json: bool
) -> None:
    """Simulate and write plots, progress, truth and illuminations as Parquet; plots.ast of the categories, if any."""
    scenario = load(scenario_name)
    refuse_unwritable(scenario, categories)
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
    if categories:
        blocks = pack_timed(records_of(scenario, categories, truth, plots, said, seed))
        write_blocks(folder / "plots.ast", blocks)
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


def refuse_unwritable(scenario: Scenario, categories: list[str]) -> None:
    """Raise `ConfigError` where the scenario's sensors cannot say what the categories of ASTERIX need."""
    for category in categories:
        if category not in CATEGORIES:
            raise ConfigError(f"--category {category}: a simulation is written as {', '.join(CATEGORIES)}")
    if "021" in categories:
        if scenario.frame.flat:
            raise ConfigError("--category 021: ADS-B gives latitudes and longitudes, and this scenario lies in a plane")
        stations_of(scenario.simulation.adsb, scenario.sensors)
    if set(categories) - {"021"}:
        for sensor in scenario.sensors:
            station(sensor)


def records_of(
    scenario: Scenario, categories: list[str], truth: Truth, plots: Plots, said: Progress, seed: int
) -> list[Timed]:
    """Records of all the categories asked for."""
    parts: list[Timed] = []
    for category in dict.fromkeys(categories):
        if category == "021":
            world = scenario.simulation
            stations = stations_of(world.adsb, scenario.sensors)
            reports = adsb_reports(truth.states, stations, world.weather, seed, world.truth_every_s)
            parts += adsb_records(reports, stations)
        else:
            parts += radar_records(
                plots, said, scenario.sensors, flat=scenario.frame.flat, conventional=category == CONVENTIONAL
            )
    return parts
