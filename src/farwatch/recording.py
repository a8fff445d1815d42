"""Recordings of our own: plots, progress, truth and tracks as Parquet, written whole or not at all.

Column names are public. Angles are degrees here, radians inside; absent values are nulls.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from farwatch.errors import FarwatchError, FormatError
from farwatch.plots import (
    NO_ADDRESS,
    NO_CALLSIGN,
    NO_MODE_A,
    Kind,
    Plots,
    Progress,
    ProgressKind,
    callsign_text,
    make_plots,
    make_progress,
    pack_callsign,
)
from farwatch.truth import (
    NO_PLOT,
    AircraftType,
    Illuminations,
    Outcome,
    States,
    Truth,
    make_illuminations,
    make_states,
)
from farwatch.wanted import check_wanted

VERSION = b"1"
_RADAR_COLUMNS = ("range_m", "azimuth_deg", "elevation_deg", "range_rate_mps")
_ANGLES = (1, 2)
_OPTIONAL = ("pressure_altitude_m", "amplitude_dbm", "roll_rad", "track_rate_rps", "heading_rad", "speed_mps")
_PLAIN = ("nic", "nacp", "sil", "flags")
_SIGMAS = (
    ("sigma_range_m", "sigma_range_m", 1.0),
    ("sigma_azimuth_rad", "sigma_azimuth_deg", 180.0 / np.pi),
    ("sigma_elevation_rad", "sigma_elevation_deg", 180.0 / np.pi),
    ("sigma_height_m", "sigma_height_m", 1.0),
)


class NewFile:
    """A temporary file `part` beside `path` that takes its name by `commit` or goes by `discard`.

    Raises `FarwatchError` where no such file can be made.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if self.path.is_dir():
            raise FarwatchError(f"{self.path}: is a folder; give the name of a file to write")
        if not self.path.parent.is_dir():
            raise FarwatchError(f"{self.path}: there is no folder {self.path.parent}; make it first")
        self.part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")

    def commit(self) -> None:
        """Give the file its name."""
        self.part.replace(self.path)

    def discard(self) -> None:
        """Remove the temporary file."""
        with contextlib.suppress(OSError):
            self.part.unlink(missing_ok=True)

    def failed(self, error: OSError) -> FarwatchError:
        """What to tell of an error while writing."""
        return FarwatchError(f"{self.path}: cannot be written ({error.strerror or error}); nothing was kept")


def write_table(path: str | os.PathLike[str], table: pa.Table, kind: str, metadata: dict[str, str]) -> None:
    """Write one table of a kind ("plots", "truth", ...) with its metadata; whole or not at all."""
    file = NewFile(path)
    try:
        pq.write_table(table.replace_schema_metadata(header(kind, metadata)), file.part, compression="zstd")
        file.commit()
    except OSError as error:
        raise file.failed(error) from None
    finally:
        file.discard()


def header(kind: str, metadata: dict[str, str]) -> dict[bytes, bytes]:
    """Metadata of a file: what it is, its version, and what else is given."""
    return {
        b"farwatch": kind.encode(),
        b"farwatch_format": VERSION,
        **{key.encode(): value.encode() for key, value in metadata.items()},
    }


def read_table(path: str | os.PathLike[str], kind: str, foreign: bool = False) -> pa.Table:
    """A table of a kind; raises `FormatError` for files that are not ours, unless `foreign` ones may be."""
    file = Path(path)
    if file.is_dir():
        raise FormatError(f"{file}: is a folder; give the file in it")
    try:
        table = pq.read_table(file)
    except FileNotFoundError:
        raise FormatError(f"{file}: no such file") from None
    except (pa.ArrowException, OSError) as error:
        raise FormatError(f"{file}: not a Parquet file that can be read ({str(error).splitlines()[0]})") from None
    found = (table.schema.metadata or {}).get(b"farwatch")
    if found != kind.encode() and not (foreign and found is None):
        said = f"holds {found.decode()}" if found else "is not of farwatch"
        raise FormatError(f"{file}: {said}, and a table of {kind} is wanted")
    return table


def nullable(values: Any, absent: Any) -> pa.Array:
    """An Arrow array with nulls where `absent` is true."""
    return pa.array(values, mask=np.asarray(absent))


def callsigns(packed: np.ndarray[Any, Any]) -> pa.Array:
    """Packed callsigns as text, null where there is none; each distinct one is unpacked once."""
    distinct, where = np.unique(packed, return_inverse=True)
    texts = pa.array([callsign_text(int(value)) or None for value in distinct], pa.string())
    return texts.take(pa.array(where))


def _kinds(values: np.ndarray[Any, Any], enum: Any) -> pa.Array:
    names = pa.array([member.name.lower() for member in enum])
    position = {int(member): n for n, member in enumerate(enum)}
    return pa.DictionaryArray.from_arrays(pa.array([position[int(v)] for v in values], pa.int8()), names)


def _from_kinds(column: pa.ChunkedArray, enum: Any) -> np.ndarray[Any, Any]:
    by_name = {member.name.lower(): int(member) for member in enum}
    return np.array([by_name[name] for name in column.to_pylist()], np.uint8)


def write_plots(path: str | os.PathLike[str], plots: Plots, sensors: Sequence[str]) -> None:
    """Write radar plots with the ids of their sensors."""
    columns: dict[str, Any] = {
        "id": plots.id,
        "time_ns": plots.time_ns,
        "received_ns": plots.received_ns,
        "sensor": pa.DictionaryArray.from_arrays(pa.array(plots.sensor), pa.array(list(sensors))),
        "kind": _kinds(plots.kind, Kind),
    }
    for k, name in enumerate(_RADAR_COLUMNS):
        values = np.degrees(plots.z[:, k]) if k in _ANGLES else plots.z[:, k]
        columns[name] = nullable(values, plots.measured >> k & 1 == 0)
    for name in _OPTIONAL:
        values = getattr(plots, name)
        columns[name] = nullable(values, np.isnan(values))
    columns["address"] = nullable(plots.address.astype(np.uint32), plots.address == NO_ADDRESS)
    columns["mode_a"] = nullable(plots.mode_a, plots.mode_a == NO_MODE_A)
    columns["callsign"] = callsigns(plots.callsign)
    columns["covariance"] = nullable_rows(plots.covariance)
    for name in _PLAIN:
        columns[name] = getattr(plots, name)
    write_table(path, pa.table(columns), "plots", {"sensors": "\n".join(sensors)})


def nullable_rows(values: np.ndarray[Any, Any]) -> pa.Array:
    """Rows (n, k) as fixed-size lists, null where the first value is NaN."""
    flat = pa.array(values.ravel())
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1], mask=pa.array(np.isnan(values[:, 0])))


def _sensor_index(table: pa.Table, path: Any, sensors: Sequence[str]) -> np.ndarray[Any, Any]:
    known = {name: n for n, name in enumerate(sensors)}
    column = table["sensor"].combine_chunks()
    missing = sorted({name for name in column.dictionary.to_pylist() if name not in known})
    if missing and len(missing) == len(column.dictionary):
        raise FormatError(
            f"{path}: holds the sensors {', '.join(missing)}, the site file names {', '.join(sensors)}; none is both"
        )
    index = np.array([known.get(name, -1) for name in column.dictionary.to_pylist()], np.int32)
    chosen: np.ndarray[Any, Any] = index[column.indices.to_numpy()]
    return chosen


def read_plots(path: str | os.PathLike[str], sensors: Sequence[str]) -> Plots:
    """Plots of the named sensors, `sensor` being the index into them; those of others are left out."""
    table = read_table(path, "plots")
    try:
        z, measured = np.full((len(table), 6), np.nan), np.zeros(len(table), np.uint8)
        for k, name in enumerate(_RADAR_COLUMNS):
            values = table[name].to_numpy()
            z[:, k] = np.radians(values) if k in _ANGLES else values
            measured |= (table[name].is_valid().to_numpy().astype(np.uint8) << k).astype(np.uint8)
        covariance = np.full((len(table), 6), np.nan)
        has = table["covariance"].is_valid().to_numpy()
        if has.any():
            covariance[has] = np.array(table["covariance"].filter(pa.array(has)).to_pylist())
        plots = make_plots(
            len(table),
            id=table["id"].to_numpy(),
            time_ns=table["time_ns"].to_numpy(),
            received_ns=table["received_ns"].to_numpy(),
            sensor=_sensor_index(table, path, sensors),
            kind=_from_kinds(table["kind"], Kind),
            z=z,
            measured=measured,
            covariance=covariance,
            address=table["address"].fill_null(0xFFFFFFFF).to_numpy().astype(np.int64),
            mode_a=table["mode_a"].fill_null(NO_MODE_A).to_numpy(),
            callsign=[pack_callsign(text) if text else NO_CALLSIGN for text in table["callsign"].to_pylist()],
            pressure_altitude_m=table["pressure_altitude_m"].to_numpy(),
        )
        address = np.where(table["address"].is_valid().to_numpy(), plots.address, NO_ADDRESS).astype(np.int32)
        rest = {name: table[name].to_numpy() for name in (*_OPTIONAL[1:], *_PLAIN)}
        dtypes = {name: getattr(plots, name).dtype for name in rest}
        plots = plots._replace(address=address, **{name: rest[name].astype(dtypes[name]) for name in rest})
    except (KeyError, pa.ArrowException, ValueError, OverflowError) as error:
        raise FormatError(f"{path}: its columns are not those of plots ({error})") from None
    return plots.take(plots.sensor >= 0)


def write_progress(path: str | os.PathLike[str], progress: Progress, sensors: Sequence[str]) -> None:
    """Write sensors' service messages."""
    columns = {
        "time_ns": progress.time_ns,
        "received_ns": progress.received_ns,
        "sensor": pa.DictionaryArray.from_arrays(pa.array(progress.sensor), pa.array(list(sensors))),
        "kind": _kinds(progress.kind, ProgressKind),
        "azimuth_deg": nullable(np.degrees(progress.azimuth_rad), np.isnan(progress.azimuth_rad)),
        "rotation_s": nullable(progress.rotation_s, np.isnan(progress.rotation_s)),
    }
    write_table(path, pa.table(columns), "progress", {"sensors": "\n".join(sensors)})


def read_progress(path: str | os.PathLike[str], sensors: Sequence[str]) -> Progress:
    """Service messages of the named sensors."""
    table = read_table(path, "progress")
    try:
        progress = make_progress(
            len(table),
            time_ns=table["time_ns"].to_numpy(),
            received_ns=table["received_ns"].to_numpy(),
            sensor=_sensor_index(table, path, sensors),
            kind=_from_kinds(table["kind"], ProgressKind),
            azimuth_rad=np.radians(table["azimuth_deg"].to_numpy()),
            rotation_s=table["rotation_s"].to_numpy(),
        )
    except (KeyError, pa.ArrowException, ValueError) as error:
        raise FormatError(f"{path}: its columns are not those of progress ({error})") from None
    return progress.take(progress.sensor >= 0)


def write_truth(
    path: str | os.PathLike[str],
    illuminations: str | os.PathLike[str],
    truth: Truth,
    sensors: Sequence[str],
    metadata: dict[str, str],
) -> None:
    """Write the states, and beside them what the sensors could see of them; `metadata` goes into the states' file."""
    states: dict[str, Any] = truth.states._asdict()
    states["type"] = _kinds(truth.states.type, AircraftType)
    write_table(path, pa.table(states), "truth", metadata)
    rows = truth.illuminations
    columns: dict[str, Any] = {
        "time_ns": rows.time_ns,
        "aircraft": rows.aircraft,
        "sensor": pa.DictionaryArray.from_arrays(pa.array(rows.sensor), pa.array(list(sensors))),
        "outcome": _kinds(rows.outcome, Outcome),
        "plot": nullable(rows.plot, rows.plot == NO_PLOT),
        "detection": nullable(rows.detection, np.isnan(rows.detection)),
    }
    for name, public, factor in _SIGMAS:
        values = getattr(rows, name) * factor
        columns[public] = nullable(values, np.isnan(values))
    write_table(illuminations, pa.table(columns), "illuminations", {"sensors": "\n".join(sensors)})


def read_states(path: str | os.PathLike[str]) -> tuple[States, dict[str, str]]:
    """States of aircraft, and the metadata of their file; columns beyond those of a position may be absent."""
    table = read_table(path, "truth", foreign=True)
    needed = States._fields[:8]
    check_wanted(table, path, "truth", needed)
    try:
        columns: dict[str, Any] = {name: table[name].to_numpy() for name in needed}
        for name in States._fields[8:]:
            if name in table.column_names:
                column = table[name]
                columns[name] = _from_kinds(column, AircraftType) if name == "type" else column.to_numpy()
        states = make_states(len(table), **columns)
    except (KeyError, pa.ArrowException, ValueError) as error:
        raise FormatError(f"{path}: its columns are not those of truth ({error})") from None
    return states, {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}


def read_illuminations(path: str | os.PathLike[str], sensors: Sequence[str]) -> Illuminations:
    """What the named sensors could see of the aircraft, `sensor` being the index into them."""
    table = read_table(path, "illuminations")
    try:
        rows = make_illuminations(
            len(table),
            time_ns=table["time_ns"].to_numpy(),
            aircraft=table["aircraft"].to_numpy(),
            sensor=_sensor_index(table, path, sensors),
            outcome=_from_kinds(table["outcome"], Outcome),
            plot=table["plot"].fill_null(NO_PLOT).to_numpy(),
            detection=table["detection"].to_numpy(),
            **{name: table[public].to_numpy() / factor for name, public, factor in _SIGMAS},
        )
    except (KeyError, pa.ArrowException, ValueError) as error:
        raise FormatError(f"{path}: its columns are not those of illuminations ({error})") from None
    return rows.take(rows.sensor >= 0)
