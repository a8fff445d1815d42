"""Scenario: the whole configuration, composed of the options that stand beside each algorithm.

Errors name the place, the allowed values and the nearest of them: one that sends its reader to the source has failed.
"""

from __future__ import annotations

import difflib
import math
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec import inspect as types

from farwatch.errors import ConfigError
from farwatch.flight_plans import FlightPlanOptions
from farwatch.frame import Frame
from farwatch.operator_maps import with_areas
from farwatch.registration.options import RegistrationOptions
from farwatch.sensors import GeodeticSensor, PositionSensor, Sensor
from farwatch.service_options import ServiceOptions
from farwatch.simulation import Figures, Simulation
from farwatch.simulation.feasible import refuse_impossible
from farwatch.sinks.asterix_udp import AsterixOutput
from farwatch.sources.feeds import Feed
from farwatch.sources.merge import MergeOptions
from farwatch.tracker.areas import area_model
from farwatch.tracker.options import TrackerOptions

BUILTIN = Path(__file__).parent / "simulation" / "scenarios"


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A site or a scenario: its sensors, the frame of its tracks, the tracker's options, and what to simulate.

    `feeds` are where its live data comes from, `outputs` where its tracks go, `merge` how long late data is waited for,
    `flight_plans` which flights are expected, `service` how `farwatch serve` keeps all that. With a `registration` the
    sensors' errors are found and taken off. `figures` are what it states of itself, which the simulated data have.
    """

    sensors: Annotated[tuple[Sensor, ...], Meta(min_length=1)]
    name: str = ""
    feeds: tuple[Feed, ...] = ()
    outputs: tuple[AsterixOutput, ...] = ()
    merge: MergeOptions = MergeOptions()
    flight_plans: FlightPlanOptions | None = None
    service: ServiceOptions = ServiceOptions()
    frame: Frame = Frame()
    tracker: TrackerOptions = TrackerOptions()
    registration: RegistrationOptions | None = None
    simulation: Simulation = Simulation()
    figures: Figures = Figures()


def load(path: str | os.PathLike[str]) -> Scenario:
    """Read a scenario from a TOML file, or one of the built-in ones by its name; raises `ConfigError`."""
    file = Path(path)
    if not file.suffix and not file.exists():
        known = sorted(p.stem for p in BUILTIN.glob("*.toml"))
        if str(path) not in known:
            raise ConfigError(f"{path}: no such file and no built-in scenario; built in are {', '.join(known)}")
        file = BUILTIN / f"{path}.toml"
    if file.is_dir():
        raise ConfigError(f"{file}: is a folder; give the TOML file in it")
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{file}: no such file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8 text (byte {error.start}); is this a TOML file?") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})") from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not TOML: {error}") from None
    try:
        scenario = parse(with_areas(raw, file.parent))
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from None
    return _found_from(file.parent, scenario)


def _found_from(folder: Path, scenario: Scenario) -> Scenario:
    """The scenario with the files that it names found from its own folder."""
    plans = scenario.flight_plans
    if plans is None:
        return scenario
    return msgspec.structs.replace(scenario, flight_plans=FlightPlanOptions(file=str(folder / plans.file)))


def parse(raw: dict[str, Any]) -> Scenario:
    """A scenario from plain data; raises `ConfigError` that names the first wrong place."""
    _refuse_infinite(raw, "$")
    try:
        scenario = msgspec.convert(raw, Scenario, strict=True)
    except msgspec.ValidationError as error:
        raise ConfigError(_explained(str(error), raw)) from None
    for field in ("id", "sac_sic"):
        seen: dict[tuple[str, type | None], int] = {}
        for n, sensor in enumerate(scenario.sensors):
            value = getattr(sensor, field, None)
            if value is None:
                continue
            # One station may send several categories, each of a sensor of its own kind.
            key = value, type(sensor) if field == "sac_sic" else None
            if key in seen:
                raise ConfigError(
                    f"{field} = {value!r} of $.sensors[{n}] is that of $.sensors[{seen[key]}]; each must differ"
                )
            seen[key] = n
    if not scenario.frame.flat:
        _refuse_plane(scenario)
    elif any(isinstance(sensor, GeodeticSensor) for sensor in scenario.sensors):
        n, kind = next(
            (n, s.__struct_config__.tag) for n, s in enumerate(scenario.sensors) if isinstance(s, GeodeticSensor)
        )
        raise ConfigError(f'kind `{kind}` at $.sensors[{n}] gives positions on the Earth: set [frame] kind = "wgs84"')
    _refuse_maps(scenario)
    refuse_impossible(scenario.sensors, scenario.frame, scenario.simulation, scenario.figures)
    return scenario


def _refuse_plane(scenario: Scenario) -> None:
    """What lives in a plane has no meaning on the round Earth."""
    for n, sensor in enumerate(scenario.sensors):
        if isinstance(sensor, PositionSensor):
            raise ConfigError(f'kind `position` at $.sensors[{n}] measures in a plane: set [frame] kind = "flat"')
    if scenario.tracker.births:
        raise ConfigError('$.tracker.births are places in a plane: set [frame] kind = "flat", or leave them out')


def _refuse_maps(scenario: Scenario) -> None:
    """Maps of sensors that are not there, and areas that are nowhere."""
    known = [sensor.id for sensor in scenario.sensors]
    for n, one in enumerate(scenario.tracker.maps):
        for name in one.sensors:
            if name not in known:
                raise ConfigError(f"no sensor {name!r}, as $.tracker.maps[{n}].sensors has it{_hint(name, known)}")
    for sensor in scenario.sensors:
        area_model(scenario.tracker.maps, sensor, scenario.frame.flat)


def _refuse_infinite(value: Any, path: str) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_infinite(item, f"{path}.{key}")
    elif isinstance(value, list):
        for n, item in enumerate(value):
            _refuse_infinite(item, f"{path}[{n}]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{value} at {path}: give a finite number")


def _explained(message: str, raw: dict[str, Any]) -> str:
    """msgspec's message with the allowed values and the nearest one, which msgspec does not give."""
    said, _, path = message.partition(" - at `")
    path = path.rstrip("`") or "$"
    path = _named(path, raw)
    name = re.search(r"unknown field `([^`]*)`", said)
    if name:
        allowed = _fields(_at(path, raw))
        return f"unknown field `{name[1]}` at {path}{_hint(name[1], allowed)}"
    wrong = re.search(r"Invalid (?:enum )?value '?([^']*)'?$", said)
    if wrong:
        # A tagged union is told by its `kind`, whose path msgspec gives; the choices are one level up.
        allowed = _choices(_at(path.removesuffix(".kind"), raw)) if path.endswith(".kind") else []
        allowed = allowed or _choices(_at(path, raw))
        return f"invalid value {wrong[1]!r} at {path}{_hint(wrong[1], allowed)}"
    missing = re.search(r"missing required field `([^`]*)`", said)
    if missing:
        return f"`{missing[1]}` is missing at {path}"
    return f"{said[:1].lower()}{said[1:]} at {path}"


def _named(path: str, raw: dict[str, Any]) -> str:
    """The path with the name of the wrong entry of a table, for which msgspec writes `[...]`."""
    before, mark, after = path.partition("[...]")
    if not mark:
        return path
    keys: list[str] = re.findall(r"\.([^.\[\]]+)", before)

    def only(value: Any, keys: list[str], name: str) -> Any:
        if not keys:
            return {name: value[name]}
        return value | {keys[0]: only(value[keys[0]], keys[1:], name)}

    table: Any = raw
    for key in keys:
        table = table[key]
    for name in table:
        try:
            msgspec.convert(only(raw, keys, name), Scenario, strict=True)
        except msgspec.ValidationError as error:
            if "[...]" in str(error):
                return f"{before}.{name}{after}"
    return path


def _hint(given: str, allowed: list[str]) -> str:
    if not allowed:
        return ""
    near = difflib.get_close_matches(given, allowed, n=1, cutoff=0.5)
    guess = f"; did you mean `{near[0]}`?" if near else ";"
    return f"{guess} Allowed: {', '.join(allowed)}"


def _at(path: str, raw: Any) -> types.Type:
    """The type that the configuration has at a path such as `$.sensors[0].sigma`."""
    node: types.Type = types.type_info(Scenario)
    value: Any = raw
    for key, index in re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", path):
        node = _struct(node, value)
        if index:
            node = node.item_type if isinstance(node, types.VarTupleType | types.ListType) else node
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
        elif isinstance(node, types.DictType):
            node = node.value_type
            value = value.get(key) if isinstance(value, dict) else None
        elif isinstance(node, types.StructType):
            node = next((f.type for f in node.fields if f.encode_name == key), node)
            value = value.get(key) if isinstance(value, dict) else None
    return _struct(node, value)


def _struct(node: types.Type, value: Any) -> types.Type:
    """The member of a union that a value is of, by its tag; wrappers are taken off."""
    while isinstance(node, types.Metadata):
        node = node.type
    if not isinstance(node, types.UnionType):
        return node
    structs = [t for t in node.types if isinstance(t, types.StructType)]
    if len(structs) <= 1:
        return structs[0] if structs else node
    kind = value.get("kind") if isinstance(value, dict) else None
    return next((t for t in structs if t.tag == kind), node)


def _fields(node: types.Type) -> list[str]:
    if not isinstance(node, types.StructType):
        return []
    return ([str(node.tag_field)] if node.tag_field else []) + [field.encode_name for field in node.fields]


def _choices(node: types.Type) -> list[str]:
    """What a value may be: the words of a literal, or the tags of a union."""
    members = node.types if isinstance(node, types.UnionType) else (node,)
    words = [str(value) for t in members if isinstance(t, types.LiteralType) for value in t.values]
    return words + [str(t.tag) for t in members if isinstance(t, types.StructType) and t.tag is not None]
