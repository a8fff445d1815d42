"""Recordings of ADS-B receivers and the like as one table of positions: Parquet, CSV or JSON lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from farwatch.errors import ConfigError, FormatError
from farwatch.formats.asterix.sequence import Selection
from farwatch.formats.asterix.statistics import Statistics
from farwatch.formats.heard import Heard
from farwatch.formats.streams import FORMATS, format_of, read_file
from farwatch.plots import NO_ADDRESS, NO_MODE_A, Flag, Kind, Measured
from farwatch.recording import NewFile, callsigns, nullable

SUFFIXES = (".parquet", ".csv", ".jsonl")
_DAY_NS = 86_400 * 1_000_000_000
_KINDS = pa.array([kind.name.lower() for kind in Kind])


@dataclass
class ConvertedReports:
    """What became of the recordings."""

    files: list[Path]
    rows: int
    dropped: int  # left out by the selection
    statistics: dict[str, Statistics] = field(default_factory=dict)  # by recording
    kinds: Counter[str] = field(default_factory=Counter)


def are_reports(recordings: Sequence[Any]) -> bool:
    """Whether recordings are of these formats; raises ConfigError where some are and some are not."""
    formats = [format_of(recording) for recording in recordings]
    if any(formats) and not all(formats):
        other = recordings[formats.index("")]
        raise ConfigError(f"{other}: is ASTERIX, and others are not; convert each kind by itself")
    return any(formats)


def convert_reports(
    recordings: Sequence[Any],
    output: Any,
    selection: Selection | None = None,
    *,
    day_ns: int = 0,
    on_bytes: Callable[[int], None] | None = None,
) -> ConvertedReports:
    """Writes the positions, or detections, of recordings to `output`, by its suffix; ConfigError, FormatError."""
    path, selection = Path(output), selection or Selection()
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"{path}: the name must end in {', '.join(SUFFIXES)}: what it holds is a table of positions")
    if selection.categories or selection.sources:
        raise ConfigError("--category and --source choose ASTERIX records; of other formats choose --address or --bbox")
    done = ConvertedReports([], 0, 0)
    file = NewFile(path)
    writer: Any = None
    out: Any = None
    try:
        for batch in _batches(recordings, selection, done, day_ns, on_bytes):
            if path.suffix.lower() == ".jsonl":
                out = out or file.part.open("wb")
                out.write(_json_lines(batch))
            elif writer is None:
                kind = pq.ParquetWriter if path.suffix.lower() == ".parquet" else pyarrow.csv.CSVWriter
                writer = kind(file.part, batch.schema)
            if writer is not None:
                writer.write_batch(batch)
            done.rows += batch.num_rows
        if not done.rows:
            raise FormatError(
                f"{', '.join(map(str, recordings))}: holds no position that is selected; nothing was written"
            )
        for one in (writer, out):
            if one is not None:
                one.close()
        file.commit()
        done.files = [path]
    except OSError as error:
        raise file.failed(error) from None
    finally:
        file.discard()
    return done


def _batches(
    recordings: Sequence[Any],
    selection: Selection,
    done: ConvertedReports,
    day_ns: int,
    on_bytes: Callable[[int], None] | None,
) -> Iterator[Any]:
    for recording in recordings:
        reader = FORMATS[format_of(recording)].reader(None, day_ns)
        for heard in read_file(recording, reader, on_bytes=on_bytes):
            kept = _selected(heard, selection)
            done.dropped += heard.plots.n - kept.plots.n
            if kept.plots.n:
                yield record_batch(kept)
        done.statistics[str(recording)] = reader.statistics
        done.kinds.update(reader.kinds)


def _selected(heard: Heard, selection: Selection) -> Heard:
    plots = heard.plots
    keep = np.ones(plots.n, np.bool_)
    time_ns = plots.time_ns % _DAY_NS if selection.of_day else plots.time_ns
    if selection.from_ns is not None:
        keep &= time_ns >= selection.from_ns
    if selection.to_ns is not None:
        keep &= time_ns <= selection.to_ns
    if selection.addresses:
        keep &= np.isin(plots.address, list(selection.addresses))
    if selection.bbox_deg is not None:
        south, west, north, east = selection.bbox_deg
        lat, lon = np.degrees(plots.z[:, 0]), np.degrees(plots.z[:, 1])
        keep &= (lat >= south) & (lat <= north) & (lon >= west) & (lon <= east)
    return Heard(plots.take(keep), heard.sigma_m[keep])


def record_batch(heard: Heard) -> Any:
    """Positions, or a passive radar's detections, as columns; what is absent is null."""
    p, n = heard.plots, heard.plots.n
    passive = n > 0 and bool((p.kind == Kind.PASSIVE).all())
    speed = np.hypot(p.z[:, 3], p.z[:, 4])
    angle = np.degrees(np.arctan2(p.z[:, 3], p.z[:, 4])) % 360.0
    columns: dict[str, Any] = {
        "time_ns": p.time_ns,
        "received_ns": p.received_ns,
        "kind": _KINDS.take(pa.array(p.kind)),
    }
    if passive:
        rate = np.where(p.measured & Measured.RANGE_RATE, p.z[:, 3], np.nan)
        quantities = {"bistatic_range_m": p.z[:, 0], "bistatic_rate_mps": rate, "snr_db": p.amplitude_dbm}
        columns |= {name: nullable(values, np.isnan(values)) for name, values in quantities.items()}
        return pa.RecordBatch.from_pydict(columns)
    columns["address"] = nullable(p.address.astype(np.uint32), p.address == NO_ADDRESS)
    columns["callsign"] = callsigns(p.callsign)
    columns["mode_a"] = nullable(p.mode_a, p.mode_a == NO_MODE_A)
    quantities = {
        "lat_deg": np.degrees(p.z[:, 0]),
        "lon_deg": np.degrees(p.z[:, 1]),
        "height_wgs84_m": p.z[:, 2],
        "pressure_altitude_m": p.pressure_altitude_m,
        "ground_speed_mps": speed,
        "track_angle_deg": np.where(np.isnan(speed), np.nan, angle),
        "vertical_rate_mps": p.z[:, 5],
        "sigma_m": heard.sigma_m,
    }
    columns |= {name: nullable(values, np.isnan(values)) for name, values in quantities.items()}
    for name in ("nic", "nacp", "sil"):
        values = getattr(p, name)
        columns[name] = nullable(values, values < 0)
    for name, flag in (
        ("on_ground", Flag.ON_GROUND),
        ("rebroadcast", Flag.REBROADCAST),
        ("traffic_service", Flag.TRAFFIC_SERVICE),
        ("own_address", Flag.NOT_ICAO),
    ):
        columns[name] = (p.flags & np.uint32(flag)) != 0
    return pa.RecordBatch.from_pydict(columns)


def _json_lines(batch: Any) -> bytes:
    import msgspec

    rows = ({name: value for name, value in row.items() if value is not None} for row in batch.to_pylist())
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
