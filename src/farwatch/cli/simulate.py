"""farwatch simulate: a scenario's plots and truth, as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from farwatch.cli.say import bar, editions_of, err, out, result
from farwatch.errors import ConfigError, FarwatchError
from farwatch.formats.asterix.blocks import pack_by_time
from farwatch.formats.asterix.editions import Choice
from farwatch.formats.asterix.table import load_table
from farwatch.plots import Plots, Progress, concat_plots, concat_progress
from farwatch.recording import write_plots, write_progress, write_truth
from farwatch.reports import Reports, StationStates, concat_reports, concat_station_states
from farwatch.scenario import Scenario, load
from farwatch.simulation import START_NS, STEP_S, SimulatedAdsb, stream
from farwatch.simulation.feasible import unseen_flights
from farwatch.simulation.flights import Flights
from farwatch.sinks.adsb_asterix import adsb_parts, ground_stations
from farwatch.sinks.radar_asterix import RadarEncoder, write_blocks
from farwatch.truth import NO_PLOT, concat_truth

WITH = {48: 34, 1: 2, 21: 23}  # categories that can be written, and the messages that come with each


class Written(NamedTuple):
    """How many records there are of each category, and of how many aircraft there is ADS-B."""

    records: dict[int, int]
    adsb_aircraft: int


class Recorder:
    """What goes into plots.ast: radars' plots as CAT048 or CAT001, ADS-B as CAT021, each with its messages."""

    def __init__(self, scenario: Scenario, categories: list[str], editions: list[str], seed: int) -> None:
        self.categories = chosen_categories(categories)
        self._editions = written_editions(editions, self.categories)
        self._radars: RadarEncoder | None = None
        self._adsb: SimulatedAdsb | None = None
        self._heard: list[tuple[Reports, StationStates]] = []
        if {48, 1} & set(self.categories):
            self._radars = RadarEncoder(
                scenario.sensors,
                flat=scenario.frame.flat,
                editions=self._editions,
                conventional=1 in self.categories,
            )
        if 21 in self.categories:
            self._adsb = SimulatedAdsb(scenario.simulation, scenario.sensors, scenario.frame, seed)
            self._stations = ground_stations(self._adsb.stations)

    def step(self, flights: Flights, now_s: float) -> None:
        """Let the ADS-B stations listen for a step of the simulation."""
        if self._adsb is not None:
            self._heard.append(self._adsb.observe(flights, now_s, STEP_S, START_NS))

    def write(self, path: Path, plots: Plots, progress: Progress) -> Written:
        """Write all in the order of the times; says so where values are beyond what their items can say."""
        parts = [] if self._radars is None else self._radars.parts(plots, progress)
        reports, states = (
            concat_reports([r for r, _ in self._heard]),
            concat_station_states([s for _, s in self._heard]),
        )
        if self._adsb is not None:
            parts += adsb_parts(reports, states, self._stations, self._editions)
        blocks = write_blocks(path, pack_by_time(parts))
        for item, count in blocks.clamped.items():
            err().print(f"farwatch: {path.name}: {count:,} values are beyond what {item} can say, and are at its end")
        return Written({part.category: part.records.n for part in parts}, len(np.unique(reports.address)))


def chosen_categories(given: list[str]) -> list[int]:
    """The categories of options such as 048 or 048,021; raises `ConfigError`."""
    words = [word.strip() for text in given for word in text.split(",")]
    allowed = ", ".join(f"{category:03d} (with {other:03d})" for category, other in WITH.items())
    for word in words:
        if not (word.isdecimal() and int(word) in {*WITH, *WITH.values()}):
            raise ConfigError(f"--category {word}: a simulation is written as {allowed}")
    numbers = {int(word) for word in words}
    for category, other in WITH.items():
        if other in numbers and category not in numbers:
            raise ConfigError(f"--category {other:03d} comes with {category:03d}: give --category {category:03d}")
    if {48, 1} <= numbers:
        raise ConfigError("--category 048 and 001 say the same plots twice: choose one of them")
    return sorted(numbers & set(WITH))


def written_editions(given: list[str], categories: list[int]) -> Mapping[int, str]:
    """Editions by category out of options such as 021=2.4; raises `ConfigError` for what is not written."""
    choice = Choice(editions_of(given))
    if choice.rules:
        raise ConfigError("--edition: give one edition for a category that is written, as 021=2.4")
    held = {*categories, *(WITH[category] for category in categories)}
    for category in choice.given:
        if category not in held:
            raise ConfigError(f"--edition {category:03d}: that category is not written")
    return {category: choice.given.get(category, load_table(category)).edition for category in held}


def simulate(
    scenario_name: str,
    folder: Path,
    duration_s: float,
    seed: int,
    asterix: bool,
    category: list[str],
    edition: list[str],
    as_json: bool,
) -> None:
    """Simulate and write plots.parquet, progress.parquet, truth.parquet, illuminations.parquet, if asked plots.ast."""
    scenario = load(scenario_name)
    recorder = Recorder(scenario, category, edition, seed) if asterix else None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FarwatchError(f"{folder}: is no folder and cannot be made one ({error.strerror})") from None
    for number in unseen_flights(scenario.sensors, scenario.frame, scenario.simulation):
        err().print(f"farwatch: no radar sees $.simulation.flights[{number}] while it flies its legs", markup=False)
    parts = []
    listen = None if recorder is None else recorder.step
    with bar("simulating", duration_s, "s") as progress:
        for part in stream(scenario.sensors, scenario.frame, scenario.simulation, duration_s, seed, on_step=listen):
            parts.append(part)
            progress.advance(progress.task_ids[0])
    truths, plots_parts, messages = zip(*parts, strict=True)
    truth, plots, said = concat_truth(truths), concat_plots(plots_parts), concat_progress(messages)
    by_time = np.argsort(truth.illuminations.time_ns, kind="stable")
    truth = truth._replace(illuminations=truth.illuminations.take(by_time))
    names = [sensor.id for sensor in scenario.sensors]
    write_plots(folder / "plots.parquet", plots, names)
    write_progress(folder / "progress.parquet", said, names)
    written = None if recorder is None else recorder.write(folder / "plots.ast", plots, said)
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
                "asterix_records": None if written is None else {f"{k:03d}": n for k, n in written.records.items()},
                "adsb_aircraft": None if written is None else written.adsb_aircraft,
            }
        )
        return
    out().print(
        f"{folder}: {plots.n:,} plots ({clutter:,} of them clutter), {truth.states.n:,} true states", markup=False
    )
    if written is not None:
        held = ", ".join(f"{n:,} of CAT{k:03d}" for k, n in sorted(written.records.items()))
        out().print(f"{folder / 'plots.ast'}: records in the order of their times: {held}", markup=False)
