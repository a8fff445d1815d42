"""What is written, dissected by Wireshark's own decoder: nothing malformed, and the same values field by field."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from test_alerts_out import SOURCE, conflict
from test_radar_out import DAY, DAY_NS, SENSORS, scene, tall
from test_system_tracks import ORIGIN, numbering, pictures

import encoding
from farwatch.errors import FarwatchError
from farwatch.formats import asterix
from farwatch.formats.asterix.alerts_out import alert_records
from farwatch.formats.asterix.blocks import pack
from farwatch.formats.asterix.encode import Encoded, encode
from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.radar_out import conventional_records, message_records, plot_records
from farwatch.formats.asterix.system_tracks import track_columns
from farwatch.formats.asterix.table import Table, editions, load_table
from farwatch.formats.containers import open_container, pieces
from farwatch.formats.pcap import write_pcap
from farwatch.plots import callsign_text
from farwatch.sensors.height import HeightFinder
from farwatch.sinks.radar_asterix import encode_radars, station

TSHARK = shutil.which("tshark")
# Two's complement by the specifications, but not in Wireshark's tables.
UNSIGNED_THERE = {(48, "090/FL"), (34, "120/HGT")}
needs_tshark = pytest.mark.skipif(TSHARK is None, reason="tshark is not here (Debian, Ubuntu: apt install tshark)")


def tshark(path: Path, *arguments: str) -> list[str]:
    """Lines that tshark prints of a capture."""
    assert TSHARK
    command = [TSHARK, "-n", "-r", path, "-d", "udp.port==8600,asterix", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def field_of(table: Table, path: str) -> str:
    """Wireshark's name of a number."""
    name = path.replace("/", "_")
    alone = path in table.slots
    return f"asterix.{table.category:03d}_{name}{'_VALUE' if alone else ''}"


def compare(table: Table, records: Encoded, paths: list[str], path: Path) -> int:
    """One record a datagram; every number of every record is the same. Returns how many were compared."""
    write_pcap(path, pack(table.category, records, 4).datagrams(), DAY * DAY_NS + np.arange(records.n) * 1_000_001)
    assert tshark(path, "-Y", "_ws.malformed || _ws.expert.severity >= 6291456") == []
    names = [item for name in paths for item in ("-e", field_of(table, name))]
    lines = tshark(path, "-T", "fields", *names)
    steps = encoding.read_back(table, records, paths)
    assert len(lines) == records.n
    compared = 0
    for line, row in zip(lines, steps.tolist()):
        for text, step, name in zip(line.split("\t"), row, paths, strict=True):
            if step == ABSENT:
                assert text == "", name
                continue
            compared += 1
            field = table.field(name)
            if field.unit == "icao":
                assert text.strip() == callsign_text(step), name
            elif field.lsb is None:
                assert int(text, 0) == step, name
            elif (table.category, name) in UNSIGNED_THERE and step < 0:
                assert float(text) == (step + (1 << field.row[4])) * field.lsb, name
            else:
                assert float(text) == pytest.approx(step * field.lsb, rel=1e-9, abs=1e-12), name
    return compared


@needs_tshark
@pytest.mark.parametrize("edition", ["1.18", "1.19"])
def test_system_tracks(edition: str, tmp_path: Path, rng: np.random.Generator) -> None:
    table, p = load_table(62, edition), pictures(150, rng)
    columns = track_columns(p, numbering(p, first=True), ORIGIN, table)
    assert compare(table, encode(table, columns), list(columns), tmp_path / "t.pcap") > 4000


@needs_tshark
def test_radar_plots(tmp_path: Path) -> None:
    plots, _ = scene(20.0)
    plots = plots._replace(amplitude_dbm=np.full(plots.n, -61.0, np.float32))
    height_m = np.full(plots.n, np.nan)
    rows = plots.sensor == 1
    height_m[rows] = HeightFinder(tall(), False).heights_m(plots.z[rows])
    records = plot_records(plots, [station(sensor) for sensor in SENSORS], height_m)
    paths = ["010/SAC", "010/SIC", "140", "020/TYP", "020/SIM", "040/RHO", "040/THETA", "070/V", "070/MODE3A"]
    paths += ["090/FL", "130/PAM", "130/SAM", "220", "240", "110/3DH", "120/CAL/D", "120/CAL/CAL"]
    assert compare(load_table(48), records, paths, tmp_path / "p.pcap") > 2000


@needs_tshark
def test_service_messages(tmp_path: Path) -> None:
    _, progress = scene(20.0)
    records = message_records(progress, [station(sensor) for sensor in SENSORS])
    paths = ["010/SAC", "010/SIC", "000", "030", "020", "041", "120/HGT", "120/LAT", "120/LON"]
    assert compare(load_table(34), records, paths, tmp_path / "m.pcap") > 500


@needs_tshark
def test_conventional_plots_and_messages(tmp_path: Path) -> None:
    plots, progress = scene(20.0)
    stations = [station(sensor) for sensor in SENSORS]
    paths = ["010/SAC", "010/SIC", "020/TYP", "020/SSRPSR", "020/SPI", "040/RHO", "040/THETA", "070/MODE3A", "141"]
    records = conventional_records(plots, stations)
    assert compare(load_table(1), records, paths, tmp_path / "p.pcap") > 2000
    paths = ["010/SAC", "010/SIC", "000", "020", "030", "041"]
    assert compare(load_table(2), message_records(progress, stations, None, 2), paths, tmp_path / "m.pcap") > 500


@needs_tshark
def test_alerts(tmp_path: Path) -> None:
    records = alert_records(conflict(40), SOURCE, "1.12")
    paths = ["010/SAC", "010/SIC", "000", "020", "030", "035", "040", "045/STAT", "070/TC", "070/TCA", "070/CHS"]
    paths += ["070/MHS", "070/CVS", "070/MVS", "120/CN/TYPE", "120/CN/FVD", "120/CC/CS", "120/CP", "120/CD", "100/AN"]
    assert compare(load_table(4, "1.12"), records, paths, tmp_path / "a.pcap") == 40 * len(paths)


@needs_tshark
@pytest.mark.parametrize("category", [62, 48, 34, 63, 65, 1, 2, 21])
def test_every_number_of_an_edition(category: int, tmp_path: Path, rng: np.random.Generator) -> None:
    """Random records that hold any item, in the newest edition that this Wireshark knows."""
    table, n = load_table(category, newest_of_tshark(category)), 60
    columns = {}
    held = encoding.items_of(table, 0)
    for name, fields in encoding.numbered_items(table).items():
        if name not in held:
            continue
        there = rng.uniform(size=n) < 0.5
        extensions = rng.integers(0, max(field.row[2] for field in fields.values()), n, endpoint=True)
        for path, field in fields.items():
            low, high = encoding.limits(field)
            given = there & (field.row[2] <= extensions)
            columns[path] = np.where(given, rng.integers(low, high, n, endpoint=True), ABSENT)
    columns |= {path: np.full(n, value) for path, value in encoding.chooser(table, 0).items()}
    names = fields_of_tshark()
    paths = [path for path in columns if field_of(table, path) in names and table.field(path).unit != "ascii"]
    assert len(paths) > 0.9 * len(columns) - 2  # some nested names differ
    assert compare(table, encode(table, columns), paths, tmp_path / "r.pcap") > 0.25 * n * len(paths)


def newest_of_tshark(category: int) -> str:
    """The edition that tshark takes where none is chosen, or a skip."""
    assert TSHARK
    said = subprocess.run([TSHARK, "-G", "defaultprefs"], capture_output=True, text=True, check=True).stdout
    found = re.search(rf"asterix\.i{category:03d}_version: Version (\S+) \(latest\)", said)
    edition = found[1] if found else "none"
    if edition not in editions(category):
        pytest.skip(f"this tshark reads edition {edition} of CAT{category:03d}, which there is no table for")
    return edition


def fields_of_tshark() -> set[str]:
    assert TSHARK
    said = subprocess.run([TSHARK, "-G", "fields"], capture_output=True, text=True, check=True).stdout
    return {line.split("\t")[2] for line in said.splitlines() if line.startswith("F\t")}


@needs_tshark
def test_whole_blocks_in_packets(tmp_path: Path) -> None:
    plots, progress = scene(20.0)
    blocks = encode_radars(plots, progress, SENSORS)
    write_pcap(tmp_path / "b.pcap", blocks.datagrams(), np.full(len(blocks.ends), DAY * DAY_NS))
    assert tshark(tmp_path / "b.pcap", "-Y", "_ws.malformed || _ws.expert.severity >= 6291456") == []
    bad = ("-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE")
    assert tshark(tmp_path / "b.pcap", *bad, "-Y", "ip.checksum.status != 1 || udp.checksum.status != 1") == []
    counted = tshark(tmp_path / "b.pcap", "-T", "fields", "-e", "asterix.048_010_SIC", "-e", "asterix.034_010_SIC")
    found = [text for line in counted for text in line.replace("\t", ",").split(",") if text]
    assert len(found) == plots.n + progress.n


def test_packets_that_cannot_be_written(tmp_path: Path) -> None:
    for change, said in [
        ({"address": "239.1.1"}, "239.1.1: is no IPv4 address"),
        ({"port": 70_000}, "UDP port 70000: give one from 1 to 65535"),
        ({"datagrams": [bytes(65_508)]}, "datagram 0 of 65508 bytes fits no UDP packet"),
        ({"path": tmp_path / "no" / "x.pcap"}, "cannot be written"),
    ]:
        given = {"path": tmp_path / "x.pcap", "datagrams": [b"\x30\x00\x03"], "time_ns": [0]} | change
        with pytest.raises(FarwatchError, match=said):
            write_pcap(**given)


@needs_tshark
def test_a_broken_block_is_seen(tmp_path: Path) -> None:
    """The judge can say no: a record cut off in its item is malformed."""
    block = bytes([48, 0, 7, 0b1001_0000, 1, 10, 0])
    write_pcap(tmp_path / "x.pcap", [block], [0])
    assert tshark(tmp_path / "x.pcap", "-Y", "_ws.malformed") != []


def test_a_capture_reads_back(tmp_path: Path) -> None:
    """Our own reader: the same datagrams at the same nanoseconds, and the same plots."""
    plots, progress = scene(20.0)
    blocks = encode_radars(plots, progress, SENSORS)
    sent_ns = DAY * DAY_NS + np.arange(len(blocks.ends)) * 1_000_003
    path = tmp_path / "b.pcap"
    write_pcap(path, blocks.datagrams(), sent_ns, address="192.0.2.77", port=1234)
    (piece,) = pieces(open_container(path))
    found = [piece.data[a:b].tobytes() for a, b in zip(piece.start.tolist(), piece.stop.tolist())]
    assert found == blocks.datagrams()
    np.testing.assert_array_equal(piece.received_ns, sent_ns)
    assert not piece.skipped
    assert asterix.read(path, {(1, 10): 0, (1, 11): 1}).plots.n == plots.n
