"""ADS-B reports written as CAT021 and stations as CAT023, read by libasterix and Wireshark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_asterix_tshark import compare, needs_tshark, newest_of_tshark, tshark

import encoding
from command import Command
from farwatch.errors import ConfigError, FormatError
from farwatch.formats import asterix
from farwatch.formats.asterix.adsb_out import GroundStation, report_records, station_records
from farwatch.formats.asterix.blocks import pack, pack_by_time
from farwatch.formats.asterix.table import editions, load_table
from farwatch.formats.pcap import write_pcap
from farwatch.plots import pack_callsign
from farwatch.reports import NEVER, Emitter, Reports, make_reports, make_station_states
from farwatch.simulation import AdsbStation
from farwatch.sinks.adsb_asterix import adsb_parts, ground_stations

DAY_NS = 20_454 * 86_400 * 10**9
STATIONS = (GroundStation(1, 200, 1.0, 370_400.0, 1), GroundStation(1, 201, 0.0, 185_200.0, 5))
OLD = [edition for edition in editions(21) if edition < "1"]


def drawn(n: int, rng: np.random.Generator) -> Reports:
    """Reports of which each number is there or not."""

    def some(values: Any, absent: Any) -> Any:
        return np.where(rng.uniform(size=n) < 0.7, values, absent)

    sent_ns = DAY_NS + np.sort(rng.integers(0, 86_400 * 10**9, n))
    known = rng.uniform(size=n) < 0.7
    by_air = rng.uniform(size=n) < 0.3
    indicated = rng.uniform(size=n) < 0.5
    return make_reports(
        n,
        sent_ns=sent_ns,
        position_ns=sent_ns - 100_000_000,
        velocity_ns=some(sent_ns - 300_000_000, NEVER),
        applicable_ns=some(sent_ns - 150_000_000, NEVER),
        station=rng.integers(0, 2, n),
        number=rng.integers(0, 4096, n),
        address=rng.integers(1, 0xFFFFFF, n),
        mode_a=np.where(known, rng.integers(0, 4096, n), -1),
        callsign=np.where(known, pack_callsign("FW00042"), 0),
        emitter=np.where(known, rng.choice([int(one) for one in Emitter], n), -1),
        priority=np.where(known, rng.choice([0, 1, 4, 5], n), -1),
        lat_deg=rng.uniform(-89, 89, n),
        lon_deg=rng.uniform(-180, 180, n),
        height_wgs84_m=some(rng.uniform(-100, 15_000, n), np.nan),
        pressure_altitude_m=some(rng.uniform(-300, 15_000, n), np.nan),
        ground_speed_mps=np.where(by_air, np.nan, rng.uniform(0, 600, n)),
        track_angle_deg=np.where(by_air, np.nan, rng.uniform(0, 360, n)),
        true_airspeed_mps=np.where(by_air & ~indicated, rng.uniform(0, 300, n), np.nan),
        indicated_airspeed_mps=np.where(by_air & indicated, rng.uniform(0, 300, n), np.nan),
        vertical_rate_mps=some(rng.uniform(-40, 40, n), np.nan),
        rate_is_geometric=rng.uniform(size=n) < 0.5,
        nic=rng.integers(0, 12, n),
        nacp=rng.integers(0, 12, n),
        nacv=rng.integers(0, 5, n),
        sil=rng.integers(0, 4, n),
        gva=rng.integers(0, 3, n),
        sda=rng.integers(0, 4, n),
    )


def same(found: list[dict[str, int]], path: str, given: np.ndarray, lsb: float = 1.0, wide: int = 0) -> None:
    """The item is there exactly where the number is, and its steps say the number."""
    there = ~np.isnan(given) if given.dtype.kind == "f" else given >= 0
    assert [path in one for one in found] == there.tolist(), path
    steps = np.array([one.get(path, 0) for one in found], np.float64)
    apart = steps * lsb - np.where(there, given, 0.0)
    if wide:  # goes round
        apart = (apart + wide / 2) % wide - wide / 2
    assert np.abs(apart[there]).max() <= lsb / 2 * (1 + 1e-6), path


@pytest.mark.parametrize("edition", editions(21))
def test_libasterix_reads_reports(edition: str, rng: np.random.Generator) -> None:
    """Every edition, byte for byte the same when it is written again, and the numbers that were given."""
    r, old = drawn(150, rng), edition in OLD
    found = encoding.read_by_libasterix(21, edition, report_records(r, STATIONS, edition))
    assert len(found) == r.n
    assert {(one["010/SAC"], one["010/SIC"]) for one in found} == {(1, 200), (1, 201)}
    assert [one["080"] for one in found] == r.address.tolist()
    names = {0: "040/ATP", 1: "040/ARC"}
    assert {tuple(one[path] for path in names.values()) for one in found} == {(1, 1) if old else (0, 0)}
    size = load_table(21, edition).field("130/LAT").row[4]
    lsb = load_table(21, edition).field("130/LAT").lsb
    assert lsb and size in (24, 32)
    same(found, "130/LAT", r.lat_deg, lsb)
    same(found, "130/LON", r.lon_deg, lsb, wide=360)
    same(found, "140", r.height_wgs84_m / 0.3048, 6.25)
    same(found, "145", r.pressure_altitude_m / 30.48, 0.25)
    rate = r.vertical_rate_mps * 60 / 0.3048
    rate_path = "" if old else "/BVR"
    same(found, f"155{rate_path}", np.where(r.rate_is_geometric, np.nan, rate), 6.25)
    rate_path = "" if old else "/GVR"
    same(found, f"157{rate_path}", np.where(r.rate_is_geometric, rate, np.nan), 6.25)
    same(found, "160/GS", r.ground_speed_mps / 1852, 2.0**-14)
    same(found, "160/TA", r.track_angle_deg, 360 / 65_536, wide=360)
    same(found, "150/AS", r.indicated_airspeed_mps / 1852, 2.0**-14)
    same(found, "151" if old else "151/TAS", r.true_airspeed_mps * 3600 / 1852)
    same(found, "170", np.where(r.callsign == 0, -1, r.callsign))
    if load_table(21, edition).has("070/MODE3A"):
        same(found, "070/MODE3A", r.mode_a.astype(np.int64))

    def ticks(time_ns: np.ndarray) -> np.ndarray:
        return np.where(time_ns == NEVER, np.nan, time_ns % (86_400 * 10**9) * 1e-9)

    received = ticks(r.position_ns)
    if old:
        same(found, "030", received, 1 / 128, wide=86_400)
        # Signed there; see the generator's overrides.
        assert [one["090/PA"] % 16 for one in found] == r.nacp.tolist()
        same(found, "200", r.priority.astype(np.int64))
        light = np.where(r.emitter == Emitter.SMALL, Emitter.MEDIUM, r.emitter)
        same(found, "020", np.where(light == 0, -1, light).astype(np.int64))
        return
    same(found, "073", received, 1 / 128, wide=86_400)
    same(found, "071", ticks(r.applicable_ns), 1 / 128, wide=86_400)
    same(found, "075", ticks(r.velocity_ns), 1 / 128, wide=86_400)
    same(found, "077", ticks(r.sent_ns), 1 / 128, wide=86_400)
    same(found, "131/LAT", r.lat_deg, 180 / 2**30)
    same(found, "131/LON", r.lon_deg, 180 / 2**30, wide=360)
    same(found, "161/TRNUM", r.number.astype(np.int64))
    same(found, "020", r.emitter.astype(np.int64))
    for path, given in [("NUCRNACV", r.nacv), ("NUCPNIC", r.nic), ("SIL", r.sil), ("NACP", r.nacp)]:
        same(found, f"090/{path}", given.astype(np.int64))
    for path, given in [("GVA", r.gva), ("SDA", r.sda)]:
        if load_table(21, edition).has(f"090/{path}"):
            same(found, f"090/{path}", given.astype(np.int64))
    same(found, "200/PS", r.priority.astype(np.int64))
    assert {one["210/VN"] for one in found} == {2} and {one["210/LTT"] for one in found} == {2}
    assert {one["016"] for one in found} == {0, 2}


def test_the_integrity_category_goes_with_the_nic() -> None:
    """As a recorded ground station (Barcelona, edition 2.1) pairs them."""
    nic = np.arange(12)
    found = encoding.read_by_libasterix(
        21, "2.4", report_records(make_reports(12, nic=nic, nacp=8, sil=3, gva=2, sda=2, nacv=1), STATIONS, "2.4")
    )
    pic = {one["090/NUCPNIC"]: one["090/PIC"] for one in found}
    assert [pic[k] for k in (0, 5, 7, 8, 9, 10, 11)] == [0, 6, 10, 11, 12, 13, 14]
    assert sorted(pic.values()) == list(pic.values())


@pytest.mark.parametrize("edition", editions(23))
def test_libasterix_reads_stations(edition: str) -> None:
    states = make_station_states(
        3,
        time_ns=DAY_NS + np.arange(3) * 10**9,
        station=[0, 1, 0],
        heard=[5, 70_000, 0],
        sent=[3, 40_000, 0],
    )
    found = encoding.read_by_libasterix(23, edition, station_records(states, STATIONS, edition))
    assert [one["000"] for one in found] == [1, 2, 3] * 3
    assert [one["070"] for one in found] == np.repeat(np.arange(3) * 128, 3).tolist()
    assert [one["010/SIC"] for one in found] == [200] * 3 + [201] * 3 + [200] * 3
    for one in found:
        assert ("100/NOGO" in one) == (one["000"] == 1)
        assert ("110/STAT" in one) == ("200" in one) == ("101/RP" in one) == (one["000"] == 2)
        assert one.get("015/STYP", 2) == 2 and ("015/STYP" in one) == (one["000"] != 1)
    assert [(one["101/RP"], one["200"], one["101/SSRP"]) for one in found if one["000"] == 2] == [
        (2, 200, 1),
        (0, 100, 5),
        (2, 200, 1),
    ]
    assert [one["100/GSSP"] for one in found if one["000"] == 1] == [1, 5, 1]


def test_statistics_come_back_as_counted(tmp_path: Path) -> None:
    states = make_station_states(2, time_ns=DAY_NS, station=[0, 1], heard=[5, 70_000], sent=[3, 40_000])
    path = tmp_path / "s.ast"
    path.write_bytes(pack(23, station_records(states, STATIONS)).data.tobytes())
    table = asterix.inspect(path).categories[23]
    assert table.records == 6 and table.broken_blocks == 0
    data = path.read_bytes()
    for heard, sent in ((5, 3), (70_000, 40_000)):
        counted = bytes([2, 3, 128]) + heard.to_bytes(4, "big") + bytes([4, 128]) + sent.to_bytes(4, "big")
        assert data.count(counted) == 1


@needs_tshark
def test_wireshark_reads_reports_and_stations(tmp_path: Path, rng: np.random.Generator) -> None:
    edition = newest_of_tshark(21)
    table, r = load_table(21, edition), drawn(120, rng)
    paths = ["010/SAC", "010/SIC", "040/ATP", "040/ARC", "161/TRNUM", "071", "073", "075", "077", "130/LAT", "130/LON"]
    paths += ["131/LAT", "131/LON", "140", "145", "160/GS", "160/TA", "151/TAS", "155/BVR", "157/GVR", "080", "170"]
    paths += ["020", "200/PS", "200/SS", "090/NUCRNACV", "090/NUCPNIC", "090/SIL", "090/NACP", "090/PIC", "210/VN"]
    paths += ["070/MODE3A", "016"]
    assert compare(table, report_records(r, STATIONS, edition), paths, tmp_path / "r.pcap") > 120 * 20
    states = make_station_states(20, time_ns=DAY_NS + np.arange(20) * 10**9, station=np.arange(20) % 2, heard=9, sent=8)
    told = ["010/SIC", "000", "015/STYP", "070", "100/NOGO", "100/GSSP", "101/RP", "101/SSRP", "110/STAT", "200"]
    assert compare(load_table(23, "1.3"), station_records(states, STATIONS, "1.3"), told, tmp_path / "s.pcap") > 300


def test_what_cannot_be_written_is_said() -> None:
    with pytest.raises(FormatError, match=r"no edition '2\.9' of ASTERIX category 021"):
        report_records(make_reports(1), STATIONS, "2.9")
    with pytest.raises(ConfigError, match="300/1"):
        ground_stations([AdsbStation(sac_sic="300/1")])
    with pytest.raises(TypeError, match="no such column: lat"):
        make_reports(1, lat=1.0)


def test_records_go_in_the_order_of_their_times_and_blocks_hold_one_station(rng: np.random.Generator) -> None:
    r = drawn(300, rng)
    states = make_station_states(20, time_ns=DAY_NS + np.arange(20) * 4_000_000_000_000, station=np.arange(20) % 2)
    parts = adsb_parts(r, states, STATIONS)
    blocks = pack_by_time(parts)
    assert sum(part.records.n for part in parts) == r.n + 60
    starts = [0, *blocks.ends[:-1].tolist()]
    assert {int(blocks.data[k]) for k in starts} == {21, 23}


SITE = """
name = "both"
[[sensors]]
kind = "radar"
id = "R"
sac_sic = "1/10"
position = { lat_deg = 47.0, lon_deg = 9.0, height_m = 500 }
rotation_s = 4.0
max_range_km = 200
clutter = 5
[simulation]
aircraft = 12
radius_km = 100
[simulation.adsb]
stations = [{ sac_sic = "1/200", every_s = 0 }, { sac_sic = "1/201", position = { lat_deg = 47.5, lon_deg = 9.5 } }]
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(SITE)
    return path


def test_several_categories_in_one_file(site: Path, tmp_path: Path, farwatch: Command) -> None:
    run = tmp_path / "run"
    command = ("simulate", site, "-o", run, "--duration", 20, "--asterix", "--json")
    ran = farwatch(*command, "--category", "048", "--category", "021")
    assert ran.code == 0, ran.err
    said = json.loads(ran.out)
    records = {int(k): n for k, n in said["asterix_records"].items()}
    found = asterix.inspect(run / "plots.ast")
    assert {k: one.records for k, one in found.categories.items()} == records
    assert set(records) == {21, 23, 34, 48} and said["adsb_aircraft"] == 12
    assert set(found.categories[21].sources) == {(1, 200), (1, 201)}
    assert not any(one.broken_blocks for one in found.categories.values())
    # In the order of the times: of each category, and among them.
    newest = {}
    for category, path in ((48, "140"), (34, "030"), (21, "077"), (23, "070")):
        times = asterix.columns(run / "plots.ast", category, [path])[path]
        assert (np.diff(times) >= 0).all()
        newest[category] = times
    first = farwatch(*command)  # 048 alone is the default, and is the same bytes among the others
    assert first.code == 0 and json.loads(first.out)["asterix_records"].keys() == {"034", "048"}
    alone = asterix.columns(run / "plots.ast", 48, ["140", "040/RHO"])
    np.testing.assert_array_equal(alone["140"], newest[48])
    # CAT001 is what else the radars can be written as; commas do too.
    ran = farwatch(*command, "--category", "001,21", "--edition", "021=0.26")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["asterix_records"].keys() == {"001", "002", "021", "023"}
    lat_deg = asterix.columns(run / "plots.ast", 21, ["130/LAT"], "0.26")["130/LAT"]
    assert (np.abs(lat_deg - 47.0) < 1.5).all()


def test_without_asterix_nothing_is_said_of_it(site: Path, tmp_path: Path, farwatch: Command) -> None:
    ran = farwatch("simulate", site, "-o", tmp_path / "run", "--duration", 5, "--json")
    assert ran.code == 0 and json.loads(ran.out)["asterix_records"] is None
    assert not (tmp_path / "run" / "plots.ast").exists()


@needs_tshark
def test_wireshark_reads_the_whole_file(site: Path, tmp_path: Path, farwatch: Command) -> None:
    run = tmp_path / "run"
    ran = farwatch(
        *("simulate", site, "-o", run, "--duration", 10, "--asterix", "--category", "048", "--category", "021"),
        *("--edition", f"021={newest_of_tshark(21)}", "--json"),
    )
    assert ran.code == 0, ran.err
    data = (run / "plots.ast").read_bytes()
    datagrams = []
    while data:
        size = int.from_bytes(data[1:3], "big")
        datagrams.append(data[:size])
        data = data[size:]
    write_pcap(run / "plots.pcap", datagrams, np.full(len(datagrams), DAY_NS))
    assert tshark(run / "plots.pcap", "-Y", "_ws.malformed || _ws.expert.severity >= 6291456") == []
    lines = tshark(run / "plots.pcap", "-T", "fields", "-e", "asterix.021_080_VALUE")
    seen = [text for line in lines for text in line.split(",") if text]
    assert len(seen) == json.loads(ran.out)["asterix_records"]["021"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--category", "062"], "--category 062: a simulation is written as 048 (with 034), 001 (with 002), 021"),
        (["--category", "23"], "--category 023 comes with 021: give --category 021"),
        (["--category", "48", "--category", "1"], "say the same plots twice"),
        (["--category", "021", "--edition", "021=9.9"], "no edition '9.9' of ASTERIX category 021"),
        (["--category", "021", "--edition", "048=1.31"], "--edition 048: that category is not written"),
        (["--edition", "048@1/10=1.31"], "give one edition for a category"),
    ],
)
def test_wrong_categories_are_explained(
    options: list[str], said: str, site: Path, tmp_path: Path, farwatch: Command
) -> None:
    ran = farwatch("simulate", site, "-o", tmp_path / "run", "--asterix", *options)
    assert ran.code == 1 and said in " ".join(ran.err.split()), ran.err
    assert not (tmp_path / "run").exists()


def test_no_reports_make_no_records() -> None:
    assert report_records(make_reports(0), STATIONS).n == 0
    assert station_records(make_station_states(0), STATIONS).n == 0
