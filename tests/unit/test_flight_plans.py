"""Flight plans: files are read or refused with a reason, tracks find theirs, and clients are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import encoding
from command import Command
from farwatch.errors import ConfigError
from farwatch.flight_plans import CODES, load_plans
from farwatch.formats.asterix.encode import encode
from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.system_tracks import Numbering, Origin, track_columns
from farwatch.formats.asterix.table import load_table
from farwatch.picture import make_picture
from farwatch.plots import NO_ADDRESS, NO_CALLSIGN, NO_MODE_A, callsign_text, pack_callsign

HEADINGS = "callsign,address,mode_a,departure,destination,aircraft_type,wake,begin,end\n"
Track = tuple[int, str, int]
DAY_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z
PLANS = (
    HEADINGS
    + "DLH4AB,3C65A1,2354,EDDM,LSZH,A320,M,,\n"
    + "SWR22,,1471,LSZH,EGLL,BCS3,M,2026-01-01T10:00:00Z,2026-01-01T13:00:00Z\n"
    + "AFR81,,1471,LFPG,LIRF,,,2026-01-01T14:00:00+01:00,2026-01-01T18:00:00+01:00\n"
    + "BAW7,,2200,,,,,,\n"
)


SITE = """
[[sensors]]
kind = "radar"
id = "SSR"
position = { lat_deg = 47.0, lon_deg = 9.0, height_m = 500 }
rotation_s = 4.0
max_range_km = 300

[simulation.sensors.SSR]
kind = "combined"

[[simulation.flights]]
type = "airliner"
transponder = "mode_ac"
start = { east_km = 40, north_km = 60 }
height_m = 9500
speed_mps = 230
track_deg = 90
legs = [{ fly_s = 300 }]
[[simulation.flights]]
type = "airliner"
transponder = "mode_ac"
start = { east_km = 40, north_km = -60 }
height_m = 7500
speed_mps = 230
track_deg = 90
legs = [{ fly_s = 300 }]
"""


@pytest.fixture
def plans_csv(tmp_path: Path) -> Path:
    path = tmp_path / "plans.csv"
    path.write_text(PLANS)
    return path


def names(packed: np.ndarray) -> list[str]:
    return [callsign_text(int(one)) for one in packed]


def correlated(
    path: Path, tracks: list[tuple[int, str, int]], hour: float, others: list[int] | None = None
) -> list[str]:
    """The plans of tracks by address, callsign and code at an hour of the day; `others` are codes seen elsewhere."""
    address, callsign, mode_a = zip(*tracks, strict=True)
    codes = np.array(mode_a, np.int16)
    shown = np.bincount([code for code in [*mode_a, *(others or [])] if code != NO_MODE_A], minlength=CODES)
    packed = np.array([pack_callsign(text) for text in callsign])
    now_ns = DAY_NS + round(hour * 3600e9)
    return names(load_plans(path).correlate(np.array(address, np.int32), packed, codes, shown, now_ns))


def test_an_address_decides_then_a_callsign_then_a_code(plans_csv: Path) -> None:
    tracks = [
        (0x3C65A1, "SWR22", 0o1471),
        (NO_ADDRESS, "AFR81", 0o2354),
        (NO_ADDRESS, "", 0o1471),
        (0x123456, "XYZ1", 0o1471 + 1),
    ]
    assert correlated(plans_csv, tracks[:3], 11.0, []) == ["DLH4AB", "AFR81", ""]  # two tracks show 1471
    assert correlated(plans_csv, [*tracks[1:3], tracks[3]], 11.0) == ["AFR81", "SWR22", ""]


def test_a_code_counts_in_its_time_and_where_nobody_else_has_it(plans_csv: Path) -> None:
    one = [(NO_ADDRESS, "", 0o1471)]
    assert correlated(plans_csv, one, 9.0) == [""]
    assert correlated(plans_csv, one, 11.0) == ["SWR22"]
    assert correlated(plans_csv, one, 13.0) == [""]  # both plans may be it
    assert correlated(plans_csv, one, 15.0) == ["AFR81"]
    assert correlated(plans_csv, one, 15.0, [0o1471]) == [""]
    assert correlated(plans_csv, [(NO_ADDRESS, "", 0o2200)], 11.0) == [""]  # a conspicuity code
    assert correlated(plans_csv, [(NO_ADDRESS, "", NO_MODE_A)], 11.0) == [""]


def test_no_plans_name_nobody(tmp_path: Path) -> None:
    (tmp_path / "plans.csv").write_text(HEADINGS)
    assert correlated(tmp_path / "plans.csv", [(1, "A1", 0o1234)], 1.0) == [""]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column `callsign`"),
        ("callsign,colour\nDLH1,red\n", "unknown column `colour`"),
        (HEADINGS + "DLH1,,9999\n", "line 2: `mode_a` '9999' is none: give four octal digits"),
        (HEADINGS + "DLH1,3C65A\n", "line 2: `address` '3C65A' is none"),
        (HEADINGS + ",3C65A1\n", "line 2: no `callsign`"),
        (HEADINGS + "DLH1\nDLH1\n", "line 3: `callsign` DLH1 has a plan already"),
        (HEADINGS + "DLH1,,,,,,,noon,\n", "line 2: `begin` 'noon' is no time"),
        (HEADINGS + "DLH1,,,,,,,2026-01-01T10:00:00,\n", "has no zone"),
        (HEADINGS + "DLH1,,,,,,,2026-01-02T10:00:00Z,2026-01-01T10:00:00Z\n", "`begin` is after `end`"),
        (HEADINGS + "DLH1,,,,,,,,,,,\n", "line 2 has more fields"),
    ],
)
def test_a_bad_file_is_refused_with_the_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "plans.csv"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_plans(path)
    assert said in str(error.value) and str(path) in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.csv: cannot be read"):
        load_plans(tmp_path / "none.csv")


def test_clients_are_told_of_the_plan(plans_csv: Path) -> None:
    plans, table = load_plans(plans_csv), load_table(62, "1.18")
    picture = make_picture(2)._replace(
        time_ns=np.full(2, DAY_NS),
        address=np.array([0x3C65A1, NO_ADDRESS], np.int32),
        flight_plan=np.array([pack_callsign("DLH4AB"), NO_CALLSIGN]),
    )
    numbering = Numbering(np.array([1, 2]), np.zeros(2, np.bool_), picture.time_ns)
    records = encode(table, track_columns(picture, numbering, Origin(1, 2, None, None, (), plans), table))
    paths = ["390/CS", "390/DEP", "390/DST", "390/TAC", "390/WTC"]
    told = [int(value).to_bytes(7, "big").strip(b"\0") for value in encoding.read_back(table, records, paths)[0]]
    assert told == [b"DLH4AB ", b"EDDM", b"LSZH", b"A320", b"M"]
    assert (encoding.read_back(table, records, paths)[1] == ABSENT).all()


def test_a_site_names_its_plans(tmp_path: Path, farwatch: Command, plans_csv: Path) -> None:
    """A radar that hears codes alone: the track that shows the plan's is SWR22's."""
    site = tmp_path / "site.toml"
    site.write_text(SITE)
    assert farwatch("simulate", site, "-o", tmp_path / "run", "--duration", 120).code == 0
    plots = pq.read_table(tmp_path / "run" / "plots.parquet")
    conspicuous, code = sorted({value for value in plots["mode_a"].to_pylist() if value is not None})
    plans_csv.write_text(f"callsign,mode_a,departure\nSWR22,{code:04o},LSZH\n")
    site.write_text(SITE + '\n[flight_plans]\nfile = "plans.csv"\n')
    assert "flight plans: 1 in" in farwatch("check", site).out
    done = farwatch("track", tmp_path / "run" / "plots.parquet", "--site", site, "-o", tmp_path / "tracks.parquet")
    assert done.code == 0
    tracks = pq.read_table(tmp_path / "tracks.parquet")
    named = dict(zip(tracks["mode_a"].to_pylist(), tracks["flight_plan"].to_pylist()))
    assert named == {conspicuous: None, code: "SWR22"} and set(tracks["callsign"].to_pylist()) == {None}
    plans_csv.write_text("callsign,mode_a\nSWR22,99\n")
    refused = farwatch("track", tmp_path / "run" / "plots.parquet", "--site", site, "-o", tmp_path / "again.parquet")
    assert refused.code == 1 and "line 2: `mode_a` '99'" in refused.err
