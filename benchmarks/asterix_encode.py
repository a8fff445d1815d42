"""How fast are CAT062 and CAT048 records encoded, beside libasterix on the same records in the same run, on one core?

    python benchmarks/asterix_encode.py [records]

The tracks are a picture made here (16 items, 36 numbers: both positions, accuracies, identity), the plots those of a
radar with Mode S. "Records" is from columns of numbers to bytes, "blocks" puts those into data blocks of 1,400 bytes,
"all" is from a Picture or Plots to blocks, as the sinks do it. Each figure is that of the median run, in processor
time. libasterix, written in Python, makes a sample of the same records out of the same numbers; its bytes are compared
with ours.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table as Grid

from farwatch.formats.asterix.blocks import pack
from farwatch.formats.asterix.encode import Encoded, encode
from farwatch.formats.asterix.radar_out import Station, plot_records
from farwatch.formats.asterix.system_tracks import RADAR_3D, Numbering, Origin, track_columns
from farwatch.formats.asterix.table import load_table
from farwatch.picture import Picture, Status, make_picture
from farwatch.plots import Kind, Plots, make_plots, pack_callsign
from farwatch.stereographic import plane_at

RECORDS = 200_000
PEER_RECORDS = 1_000
RUNS = 5
TARGET_PER_S = 1_000_000
ORIGIN = Origin(1, 200, 1, plane_at(47.25, 9.34), (RADAR_3D,))
STATIONS = [Station(1, 10, 47.25, 9.34, 2500.0)]


def main(records: int = RECORDS, runs: int = RUNS) -> dict[str, float]:
    """Prints the table and returns records/s by row."""
    rng = np.random.default_rng(1)
    picture, plots = picture_of(records, rng), plots_of(records, rng)
    numbering = Numbering(np.arange(records) % 65_535 + 1, np.zeros(records, np.bool_), picture.time_ns - 10**10)
    tracks = load_table(62, "1.18")
    columns = track_columns(picture, numbering, ORIGIN, tracks)
    encoded = {62: encode(tracks, columns), 48: plot_records(plots, STATIONS)}
    rows = {
        "CAT062 records": rate(lambda: encode(tracks, columns), records, runs),
        "CAT062 blocks": rate(lambda: pack(62, encoded[62]), records, runs),
        "CAT062 all": rate(
            lambda: pack(62, encode(tracks, track_columns(picture, numbering, ORIGIN, tracks))), records, runs
        ),
        "CAT048 all": rate(lambda: pack(48, plot_records(plots, STATIONS)), records, runs),
    }
    peers = {62: libasterix(62, "1.18", encoded[62], runs), 48: libasterix(48, "1.32", encoded[48], runs)}
    grid = Grid(title=f"records/s encoded, one core, medians of {runs} runs ({records:,} records)")
    for heading in ("what", "bytes/record", "records/s", "beside libasterix"):
        grid.add_column(heading, justify="left" if heading == "what" else "right")
    for what, per_s in rows.items():
        category = int(what[3:6])
        size = len(encoded[category].data) / records
        grid.add_row(f"farwatch: {what}", f"{size:.0f}", f"{per_s:,.0f}", f"{per_s / peers[category]:,.0f} x")
    for category, per_s in peers.items():
        rows[f"libasterix CAT{category:03d}"] = per_s
        grid.add_row(f"libasterix: CAT{category:03d} ({PEER_RECORDS:,} records)", "", f"{per_s:,.0f}", "1 x")
    console = Console()
    console.print(grid)
    for what, row in (("columns", "CAT062 records"), ("a picture to blocks", "CAT062 all")):
        reached = "reached" if rows[row] >= TARGET_PER_S else "missed"
        console.print(f"target {TARGET_PER_S:,} CAT062 records/s from {what}: {reached}")
    return rows


def rate(work: Callable[[], Any], records: int, runs: int) -> float:
    """Records a second of processor time: the median of `runs` after one run that compiles the kernels."""
    work()
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return records / statistics.median(seconds)


def libasterix(category: int, edition: str, records: Encoded, runs: int) -> float:
    """Records a second that libasterix makes of the same numbers, after a comparison of the bytes."""
    from asterix import base, generated

    wanted = tuple(int(part) for part in edition.split("."))
    definition = next(found for found in generated.manifest["CATS"][category] if found.cv_edition == wanted)
    record_class = definition.cv_uap.cv_record
    n = min(PEER_RECORDS, records.n)
    expected = records.data[: records.ends[n - 1]].tobytes()
    parsed = definition.cv_uap.parse(base.Bits.from_bytes(expected))
    given = [{name: value_of(item.arg.arg) for name, item in record.items_regular.items()} for record in parsed]

    def work() -> bytes:
        return b"".join(record_class.create(values).unparse().to_bytes() for values in given)

    if work() != expected:
        raise SystemExit(f"libasterix makes other bytes of the same CAT{category:03d} records")
    return rate(work, n, runs)


def value_of(variation: Any) -> Any:
    """What libasterix wants to be given for an item, out of one that it has parsed."""
    from asterix import base

    if isinstance(variation, base.Element):
        return variation.as_uint()
    if isinstance(variation, base.Group):
        return tuple(member_of(member) for member in variation.arg)
    if isinstance(variation, base.Extended):
        return [tuple(None if member is None else member_of(member) for member in part) for part in variation.arg]
    if isinstance(variation, base.Compound):
        return {name: value_of(item.arg.arg) for name, item in variation.arg.items()}
    if isinstance(variation, base.Explicit):
        return variation.unparse().to_bytes()[1:]
    return [value_of(one) for one in variation.arg]


def member_of(member: Any) -> Any:
    """(name, value) of a named part, 0 for spare bits."""
    return (member.arg.cv_name, value_of(member.arg.arg.arg)) if hasattr(member, "arg") else 0


def picture_of(n: int, rng: np.random.Generator) -> Picture:
    """Tracks over Central Europe; a quarter without address, code and callsign."""
    known = rng.uniform(size=n) > 0.25
    sign = pack_callsign("FW123456")
    return make_picture(n)._replace(
        time_ns=1_767_225_600_000_000_000 + np.sort(rng.integers(0, 86_400 * 10**9, n)),
        track=np.arange(n),
        status=np.where(rng.uniform(size=n) < 0.1, Status.COASTING, Status.CONFIRMED).astype(np.uint8),
        lat_deg=rng.uniform(43, 52, n),
        lon_deg=rng.uniform(2, 17, n),
        height_wgs84_m=rng.uniform(1_000, 12_000, n),
        pressure_altitude_m=np.where(known, rng.uniform(1_000, 12_000, n), np.nan),
        ground_speed_mps=rng.uniform(80, 280, n),
        track_angle_deg=rng.uniform(0, 360, n),
        vertical_rate_mps=rng.uniform(-15, 15, n),
        sigma_height_m=rng.uniform(20, 400, n),
        sigma_east_m=rng.uniform(20, 400, n),
        sigma_north_m=rng.uniform(20, 400, n),
        correlation_east_north=rng.uniform(-0.9, 0.9, n),
        sigma_v_east_mps=rng.uniform(1, 10, n),
        sigma_v_north_mps=rng.uniform(1, 10, n),
        sigma_vertical_rate_mps=rng.uniform(0.5, 3, n),
        address=np.where(known, rng.integers(1, 1 << 24, n), -1).astype(np.int32),
        mode_a=np.where(known, rng.integers(0, 4096, n), -1).astype(np.int16),
        callsign=np.where(known, sign, 0),
        sensors=np.ones(n, np.int64),
    )


def plots_of(n: int, rng: np.random.Generator) -> Plots:
    """Plots of a Mode S radar; a quarter primary alone."""
    known = rng.uniform(size=n) > 0.25
    return make_plots(
        n,
        time_ns=1_767_225_600_000_000_000 + np.sort(rng.integers(0, 86_400 * 10**9, n)),
        kind=np.where(known, int(Kind.PSR_MODE_S), int(Kind.PSR)),
        z=np.column_stack([rng.uniform(1e3, 450e3, n), rng.uniform(0, 2 * np.pi, n)]),
        measured=3,
        pressure_altitude_m=np.where(known, rng.uniform(1_000, 12_000, n), np.nan),
        address=np.where(known, rng.integers(1, 1 << 24, n), -1),
        mode_a=np.where(known, rng.integers(0, 4096, n), -1),
        callsign=np.where(known, pack_callsign("FW123456"), 0),
        amplitude_dbm=-60.0,
    )


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:2]))
