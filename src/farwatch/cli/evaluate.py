"""farwatch evaluate: tracks against truth, as one table of figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from rich.box import SIMPLE
from rich.console import Group
from rich.table import Table

from farwatch.cli.say import out, partial, result
from farwatch.errors import ConfigError, FormatError
from farwatch.evaluation import Evaluation, evaluate, rows
from farwatch.recording import read_illuminations, read_states
from farwatch.scenario import Scenario, load, parse
from farwatch.track_recording import read_tracks
from farwatch.truth import Truth

OF_TYPES = {
    "aircraft": "number",
    "completeness": "complete",
    "rmse_horizontal_m": "RMSE, m",
    "rmse_over_bound": "/ bound",
    "nees": "NEES",
    "fragments": "breaks",
    "swaps": "swaps",
}


def evaluate_files(tracks: Path, truth: Path, illuminations: Path | None, site: str | None, as_json: bool) -> None:
    """Read, score, print; exits 3 where only part of the time could be scored."""
    picture = read_tracks(tracks)
    if not picture.n:
        raise FormatError(f"{tracks}: holds no tracks, so there is nothing to score")
    states, about = read_states(truth)
    scenario = load(site) if site else scenario_of(truth, about)
    beside = illuminations or truth.with_name("illuminations.parquet")
    looks = read_illuminations(beside, [sensor.id for sensor in scenario.sensors])
    found = evaluate(picture, Truth(states, looks), scenario)
    if as_json:
        result(as_values(found))
    else:
        out().print(tables(found, f"{tracks} against {truth}"))
    partial([found.note] if found.note else [])


def scenario_of(truth: Path, about: dict[str, str]) -> Scenario:
    """The scenario that a file of truth carries; raises `ConfigError` where there is none that can be read."""
    text = about.get("scenario")
    if text is None:
        raise ConfigError(f"{truth}: does not carry its scenario; give it with -s")
    try:
        return parse(msgspec.json.decode(text))
    except (msgspec.DecodeError, ConfigError) as error:
        raise ConfigError(f"{truth}: the scenario that it carries cannot be used ({error}); give one with -s") from None


def as_values(found: Evaluation) -> dict[str, Any]:
    """The evaluation as plain values; what is not a number becomes null when it is written."""
    values: dict[str, Any] = msgspec.to_builtins(found)
    return values


def tables(found: Evaluation, title: str, further: dict[str, str] | None = None) -> Group:
    """All figures of all aircraft, then the main ones of each type; `further` rows come with the first."""
    whole = Table(title=title, show_header=False)
    whole.add_column()
    whole.add_column(justify="right")
    for name, value in [*rows(found), *(further or {}).items()]:
        whole.add_row(name, value)
    if len(found.by_type) < 2:
        return Group(whole)
    types = Table(title="by type of aircraft", box=SIMPLE)
    for heading in ("", *OF_TYPES.values()):
        types.add_column(heading, justify="right" if heading else "left")
    for kind, figures in found.by_type.items():
        values = dict(rows(figures))
        types.add_row(kind.replace("_", " "), *(values[name] for name in OF_TYPES))
    return Group(whole, types)
