"""farwatch convert: every kind of output, every filter, and what goes wrong."""

from __future__ import annotations

import csv
import json
import struct
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import reference_asterix as ref
import reference_containers as packed
from command import Command
from farwatch.convert import convert
from farwatch.errors import ConfigError, FormatError
from farwatch.formats.asterix import inspect
from farwatch.formats.asterix.editions import Rule
from farwatch.formats.asterix.sequence import Selection
from farwatch.plots import pack_callsign

DAY_NS = 86_400 * 10**9
SITE = """
[[sensors]]
kind = "radar"
id = "A"
sac_sic = "1/10"
position = { lat_deg = 47.0, lon_deg = 9.0, height_m = 800 }
rotation_s = 4.0
max_range_km = 150
"""


def plot(k: int, sic: int = 10) -> bytes:
    return ref.plot(
        3600.0 + k,
        10.0 + k,
        90.0,
        i010=ref.source(1, sic),
        i090=(400).to_bytes(2, "big"),
        i070=(0o0421).to_bytes(2, "big"),
        i220=(0x3C6580 + k % 3).to_bytes(3, "big"),
        i240=pack_callsign("DLH4YK").to_bytes(6, "big"),
        i250=b"\x02" + bytes(range(16)),
        i161=struct.pack(">H", k),
        iSP=b"\x03\xaa\xbb",
    )


def track(lat_deg: float, lon_deg: float, number: int) -> bytes:
    """A CAT062 record: source, time, WGS-84 position, track number."""
    place = struct.pack(">ii", round(lat_deg * 2**25 / 180), round(lon_deg * 2**25 / 180))
    return b"\x99\x08" + ref.source(1, 10) + ref.time_of_day(3605) + place + struct.pack(">H", number)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    blocks = [ref.block(48, plot(2 * k), plot(2 * k + 1)) for k in range(10)]
    blocks.insert(5, ref.block(34, ref.sector(3605.0, 3)))
    blocks.insert(7, ref.block(48, plot(50, sic=11)))
    path = tmp_path / "in.ast"
    path.write_bytes(b"".join(blocks))
    return path


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(SITE)
    return path


def test_parquet_of_each_category(recording: Path, tmp_path: Path) -> None:
    done = convert([recording], tmp_path / "out.parquet", day_ns=100 * DAY_NS)
    assert [path.name for path in done.files] == ["out.cat034.parquet", "out.cat048.parquet"]
    assert done.records == {34: 1, 48: 21}
    table = pq.read_table(done.files[1])
    row = table.slice(3, 1).to_pylist()[0]
    assert row["time_ns"] == 100 * DAY_NS + 3603 * 10**9 and row["received_ns"] is None and row["lat_deg"] is None
    assert (row["010/SAC"], row["010/SIC"], row["220"], row["161/TRN"]) == (1, 10, 0x3C6580, 3)
    assert row["040/RHO"] == 13.0 and row["040/THETA"] == 90.0 and row["090/FL"] == 100.0
    assert row["070/MODE3A"] == "0421" and row["240"] == "DLH4YK"
    assert row["250/MBDATA"] == [bytes(range(7)), bytes(range(8, 15))] and row["250/BDS2"] == [7, 15]
    assert row["SP"] == b"\xaa\xbb"
    assert table.schema.field("040/RHO").metadata[b"unit"] == b"NM"
    assert "020/SIM" in table.column_names and "110/3DH" not in table.column_names
    everything = convert([recording], tmp_path / "all.parquet", Selection(frozenset({48})), all_columns=True)
    assert [path.name for path in everything.files] == ["all.parquet"]
    complete = pq.read_table(everything.files[0])
    assert "110/3DH" in complete.column_names and complete["RE/ERR"].null_count == complete.num_rows == 21
    assert complete.select(table.column_names).equals(
        pq.read_table(convert([recording], tmp_path / "b.parquet", Selection(frozenset({48}))).files[0])
    )


def test_text_outputs_say_the_same(recording: Path, tmp_path: Path) -> None:
    only = Selection(frozenset({48}))
    rows = pq.read_table(convert([recording], tmp_path / "a.parquet", only).files[0]).to_pylist()
    convert([recording], tmp_path / "a.csv", only)
    with (tmp_path / "a.csv").open() as file:
        lines = list(csv.DictReader(file))
    convert([recording], tmp_path / "a.jsonl", only)
    objects = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert len(rows) == len(lines) == len(objects) == 21
    for row, line, item in zip(rows, lines, objects):
        assert item.pop("category") == 48
        for name, value in row.items():
            if value is None:
                assert line[name] == "" and name not in item
            elif name == "250/MBDATA":
                assert line[name].split(" ") == item[name] == [one.hex() for one in value]
            elif isinstance(value, bytes):
                assert line[name] == item[name] == value.hex()
            elif isinstance(value, list):
                assert [int(one) for one in line[name].split(" ")] == item[name] == value
            elif isinstance(value, float):
                assert float(line[name]) == pytest.approx(value) == pytest.approx(item[name])
            else:
                assert line[name] == str(value) and item[name] == value


def test_filtered_asterix_keeps_the_bytes_of_records(recording: Path, tmp_path: Path) -> None:
    sent = recording.read_bytes()
    convert([recording], tmp_path / "all.ast", Selection(frozenset({48})))
    radar = b"".join(ref.block(category, content) for category, content in ref.blocks_of_bytes(sent) if category == 48)
    assert (tmp_path / "all.ast").read_bytes() == radar
    chosen = Selection(frozenset({48}), addresses=frozenset({0x3C6580}))
    convert([recording], tmp_path / "one.ast", chosen)
    kept = [content for _, content in ref.blocks_of_bytes((tmp_path / "one.ast").read_bytes())]
    # Plots 0 and 3 came in blocks of their own, so did none of their neighbours.
    assert kept == [plot(k) for k in range(20) if k % 3 == 0][: len(kept)] and len(kept) == 7


@pytest.mark.parametrize(
    ("selection", "records"),
    [
        (Selection(sources=frozenset({(1, 11)})), {48: 1}),
        (Selection(from_ns=3603 * 10**9, to_ns=3606 * 10**9), {34: 1, 48: 3}),
        (Selection(from_ns=3603 * 10**9, to_ns=3606 * 10**9, of_day=True), {34: 1, 48: 3}),
        (Selection(from_ns=3648 * 10**9, to_ns=3601 * 10**9, of_day=True), {48: 2}),
        (Selection(addresses=frozenset({0x3C6581, 0x3C6582})), {48: 14}),
        (
            Selection(bbox_deg=(46.5, 9.0, 47.5, 9.4), sites={(1, 10): (np.radians(47.0), np.radians(9.0), 800.0)}),
            {48: 7},
        ),
    ],
)
def test_filters(recording: Path, tmp_path: Path, selection: Selection, records: dict[int, int]) -> None:
    done = convert([recording], tmp_path / "out.ast", selection)
    assert done.records == records and sum(records.values()) + done.dropped == 22
    assert inspect(tmp_path / "out.ast").statistics.by_category == records


def test_areas_of_wgs84_positions(tmp_path: Path) -> None:
    path = tmp_path / "in.ast"
    path.write_bytes(ref.block(62, track(47.0, 9.0, 1), track(-33.0, 179.5, 2), track(-33.0, -179.5, 3)))
    across = Selection(bbox_deg=(-40.0, 179.0, -30.0, -179.0))
    done = convert([path], tmp_path / "out.parquet", across)
    rows = pq.read_table(done.files[0]).to_pylist()
    assert [row["040"] for row in rows] == [2, 3] and done.dropped == 1
    assert rows[0]["lat_deg"] == pytest.approx(-33.0) == pytest.approx(rows[0]["105/LAT"], abs=1e-5)


def test_a_radar_is_placed_by_its_site(recording: Path, site: Path, tmp_path: Path, farwatch: Command) -> None:
    """Due east of the site by the plot's range, within what the Earth's curvature and height make of it."""
    ran = farwatch(
        "convert", recording, "-o", tmp_path / "a.parquet", "-s", site, "--category", "48", "--source", "1/10"
    )
    assert ran.code == 0, ran.err
    table = pq.read_table(tmp_path / "a.parquet")
    east_km = (table["lon_deg"].to_numpy() - 9.0) * 111.32 * np.cos(np.radians(47.0))
    np.testing.assert_allclose(east_km, table["040/RHO"].to_numpy() * 1.852, rtol=0.01)
    assert np.all(np.abs(table["lat_deg"].to_numpy() - 47.0) < 0.01)


def test_kml_holds_a_line_for_each_aircraft(recording: Path, site: Path, tmp_path: Path, farwatch: Command) -> None:
    ran = farwatch("convert", recording, "-o", tmp_path / "a.kml", "-s", site, "--source", "1/10", "--category", "48")
    assert ran.code == 0, ran.err
    names = {"k": "http://www.opengis.net/kml/2.2"}
    marks = ElementTree.parse(tmp_path / "a.kml").getroot().findall(".//k:Placemark", names)
    lines = {m.findtext("k:name", None, names): m.findtext(".//k:coordinates", "", names).split() for m in marks}
    assert {name: len(points) for name, points in lines.items()} == {"3C6580": 7, "3C6581": 7, "3C6582": 6}
    lon, lat, height = (float(word) for word in lines["3C6580"][0].split(","))
    assert 9.2 < lon < 9.3 and lat == pytest.approx(47.0, abs=0.01) and height == pytest.approx(3048)
    ran = farwatch("convert", recording, "-o", tmp_path / "b.kml", "--category", "48")
    assert ran.code == 3 and "record without a position" in ran.err


def test_the_edition_of_one_source_or_port(tmp_path: Path) -> None:
    """Two sources send CAT021, one in an old edition."""
    old = ref.recording("lebl_adsb_cat021_ed023_2h_midnight.ast").read_bytes()[:3700]
    new = ref.recording("bcn_cat021_ed21_4min.ast").read_bytes()[:4000]
    blocks = [ref.block(c, r) for data in (old, new) for c, r in ref.blocks_of_bytes(data) if c == 21]
    path = tmp_path / "both.pcap"
    path.write_bytes(ref.pcap(blocks))
    for key in (Rule(21, 0, 107), Rule(21, sac=0, sic=107, port=8600)):
        done = convert([path], tmp_path / "both.parquet", editions={21: "2.1", key: "0.23"})
        assert [file.name for file in done.files] == ["both.cat021ed0.23.parquet", "both.cat021ed2.1.parquet"]
        assert not done.statistics[str(path)].errors and sum(done.records.values()) == len(blocks)
        assert done.records[21] == sum(pq.read_metadata(file).num_rows for file in done.files)
    with pytest.raises(
        FormatError, match=r"of source 0/107.*looks like CAT021 edition 0\.23.*--edition 021@0/107=0\.23"
    ):
        convert([path], tmp_path / "both.parquet", editions={21: "2.1", Rule(21, port=9): "0.23"})


def test_a_wrong_edition_is_refused_and_the_right_one_named(tmp_path: Path, farwatch: Command) -> None:
    for name, fits in (("lebl_adsb_cat021_ed023_2h_midnight.ast", "0.23"), ("bcn_cat021_ed21_4min.ast", "2.1")):
        ran = farwatch("convert", ref.recording(name), "-o", tmp_path / "a.parquet")
        assert ran.code == 1 and f"this file looks like CAT021 edition {fits}" in ran.err
        assert f"--edition 021={fits}" in ran.err and not list(tmp_path.glob("*a*"))
        ran = farwatch("convert", ref.recording(name), "-o", tmp_path / "a.parquet", "--edition", f"021={fits}")
        assert ran.code == 0, ran.err
        for file in tmp_path.glob("*.parquet"):
            file.unlink()


def test_what_is_lost_is_told(recording: Path, tmp_path: Path, farwatch: Command) -> None:
    recording.write_bytes(recording.read_bytes() + ref.block(48, plot(0), b"\xff") + ref.block(250, b"abc"))
    ran = farwatch("convert", recording, "-o", tmp_path / "a.jsonl", "--json")
    assert ran.code == 3
    done = json.loads(ran.out)
    assert done["records"] == {"034": 1, "048": 22} and len(done["lost"]) == 2
    assert "FSPEC runs past its block: 1 times, first at byte" in ran.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "a.xlsx"], ".parquet, .csv"),
        (["-o", "none/a.csv"], "no folder"),
        (["-o", "a.csv", "--category", "49"], "no table for that category"),
        (["-o", "a.csv", "--category", "x"], "numbers from 0 to 255"),
        (["-o", "a.csv", "--source", "20-129"], "SAC/SIC"),
        (["-o", "a.csv", "--address", "XYZ"], "hexadecimal"),
        (["-o", "a.csv", "--bbox", "1,2,3"], "south,west,north,east"),
        (["-o", "a.csv", "--bbox", "50,0,40,1"], "south,west,north,east"),
        (["-o", "a.csv", "--from", "soon"], "time of day"),
        (["-o", "a.csv", "--from", "08:30", "--to", "2024-05-01T09:00"], "both"),
        (["-o", "a.csv", "--edition", "21@0=0.23"], "021@0/107=0.23"),
        (["-o", "a.csv", "--edition", "21=9.9"], "no edition '9.9'"),
        (["-o", "a.csv", "--category", "62"], "no record is selected; the recording holds CAT034, 048"),
        (["-o", "a.csv", "--bbox", "40,0,50,10"], "name a site file"),
        (["-o", "in.ast"], "is one of the recordings"),
    ],
)
def test_what_cannot_be_done_says_why(
    recording: Path,
    tmp_path: Path,
    farwatch: Command,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = recording.read_bytes()
    ran = farwatch("convert", "in.ast", *arguments)
    assert ran.code == 1 and words in ran.err and ran.out == ""
    assert recording.read_bytes() == before and [path.name for path in tmp_path.iterdir()] == ["in.ast"]


def test_an_output_that_is_its_input_is_refused(recording: Path) -> None:
    with pytest.raises(ConfigError, match="is one of the recordings"):
        convert([recording], recording)


def test_old_plots_take_their_time_from_the_service_messages(tmp_path: Path) -> None:
    """Whatever the categories and however the file is cut, as `read` resolves it."""
    blocks = []
    for k in range(3000):
        second = ref.record(2, i010=ref.source(), i000=b"\x01", i030=ref.time_of_day(k * 0.5))
        old = ref.record(
            1, i010=ref.source(), i020=b"\x20", i040=b"\x10\x00\x10\x00", i141=struct.pack(">H", k * 64 % 65536)
        )
        blocks += [ref.block(2, second), ref.block(1, old)]
    path = tmp_path / "in.ast"
    path.write_bytes(packed.gps(blocks, 0.0, 0.25))
    done = convert([path], tmp_path / "a.parquet", day_ns=DAY_NS)
    times = pq.read_table(done.files[0])["time_ns"].to_numpy()
    assert done.files[0].name == "a.cat001.parquet"
    assert times.tolist() == [DAY_NS + k * 500_000_000 for k in range(3000)]


def test_text_is_reduced_to_its_alphabet(tmp_path: Path) -> None:
    """Six-bit codes that stand for nothing, and control characters in ASCII, are blanks."""
    codes = [1, 27, 48, 63, 0, 26, 32, 32]
    bits = "".join(f"{code:06b}" for code in codes)
    path = tmp_path / "in.ast"
    path.write_bytes(ref.block(48, ref.plot(i240=int(bits, 2).to_bytes(6, "big")), ref.plot(i240=bytes(6))))
    table = pq.read_table(convert([path], tmp_path / "a.parquet").files[0])
    assert table["240"].to_pylist() == ["A 0  Z", None]
    name = b'\x1b]"\\x\x07\xff'
    path.write_bytes(ref.block(62, b"\x81\x01\x02" + ref.source() + b"\x40" + name))
    row = pq.read_table(convert([path], tmp_path / "a.parquet").files[0]).to_pylist()[0]
    assert row["390/CS"] == ' ]"\\x'
    convert([path], tmp_path / "a.jsonl")
    assert json.loads((tmp_path / "a.jsonl").read_text())["390/CS"] == ' ]"\\x'
