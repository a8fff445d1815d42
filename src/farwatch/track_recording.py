"""Tracks from Parquet: the inverse of the Parquet sink, for tables of others too where they have the columns."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pyarrow as pa

from farwatch.errors import FormatError
from farwatch.picture import Picture, Status, make_picture
from farwatch.plots import NO_ADDRESS, NO_MODE_A, pack_callsign
from farwatch.recording import read_table
from farwatch.wanted import check_wanted

WANTED = (
    "time_ns",
    "track",
    "lat_deg",
    "lon_deg",
    "height_wgs84_m",
    "ground_speed_mps",
    "track_angle_deg",
    "vertical_rate_mps",
)
FURTHER = (
    "pressure_altitude_m",
    "sigma_horizontal_m",
    "sigma_height_m",
    "sigma_east_m",
    "sigma_north_m",
    "correlation_east_north",
    "sigma_v_east_mps",
    "sigma_v_north_mps",
    "sigma_vertical_rate_mps",
    "existence",
)


def read_tracks(path: str | os.PathLike[str]) -> Picture:
    """All rows of a file of tracks; what it does not say is absent, and tracks without a status are confirmed.

    Raises `FormatError` where a column is missing or of another unit.
    """
    table = read_table(path, "tracks", foreign=True)
    check_wanted(table, path, "tracks", WANTED)
    columns: dict[str, Any] = {name: table[name].to_numpy() for name in WANTED}
    try:
        for name in FURTHER:
            columns[name] = table[name].to_numpy() if name in table.column_names else np.full(len(table), np.nan)
        columns["status"] = _statuses(table)
        columns["address"] = _absent(table, "address", NO_ADDRESS)
        columns["mode_a"] = _absent(table, "mode_a", NO_MODE_A)
        columns["callsign"] = _callsigns(table)
        columns["sensors"] = _sensors(table)
    except (KeyError, pa.ArrowException, ValueError, OverflowError) as error:
        raise FormatError(f"{path}: its columns are not those of tracks ({error})") from None
    blank = make_picture(len(table))
    columns["plot"] = np.full(len(table), -1)
    dtypes = {name: getattr(blank, name).dtype for name in columns}
    picture = blank._replace(**{name: values.astype(dtypes[name]) for name, values in columns.items()})
    return picture._replace(until_ns=int(picture.time_ns.max()) if picture.n else 0)


def _statuses(table: pa.Table) -> np.ndarray[Any, Any]:
    if "status" not in table.column_names:
        return np.full(len(table), int(Status.CONFIRMED))
    by_name = {status.name.lower(): int(status) for status in Status}
    return np.array([by_name[name] for name in table["status"].to_pylist()], np.int64)


def _absent(table: pa.Table, name: str, absent: int) -> np.ndarray[Any, Any]:
    """A column of whole numbers with what stands for its nulls."""
    if name not in table.column_names:
        return np.full(len(table), absent)
    has = table[name].is_valid().to_numpy()
    values = table[name].fill_null(0).to_numpy().astype(np.int64)
    chosen: np.ndarray[Any, Any] = np.where(has, values, absent)
    return chosen


def _callsigns(table: pa.Table) -> np.ndarray[Any, Any]:
    """Packed callsigns; each distinct one is packed once."""
    if "callsign" not in table.column_names:
        return np.zeros(len(table), np.int64)
    column = table["callsign"].combine_chunks().dictionary_encode()
    packed = np.array([pack_callsign(text) for text in column.dictionary.to_pylist()] + [0], np.int64)
    chosen: np.ndarray[Any, Any] = packed[column.indices.fill_null(len(packed) - 1).to_numpy()]
    return chosen


def _sensors(table: pa.Table) -> np.ndarray[Any, Any]:
    """Bits of the contributing sensors, by their order in the file's metadata."""
    names = (table.schema.metadata or {}).get(b"sensors", b"").decode().split("\n")
    bits = {name: 1 << number for number, name in enumerate(names)}
    if "sensors" not in table.column_names:
        return np.zeros(len(table), np.int64)
    return np.array([sum(bits.get(name, 0) for name in row or ()) for row in table["sensors"].to_pylist()], np.int64)
