"""Reports of positions from files and networks through the command line and the pipeline."""

from __future__ import annotations

import json
import math
import socket
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import farwatch
from command import Command
from farwatch.errors import ConfigError
from farwatch.formats import asterix
from farwatch.plots import Kind, concat_plots
from farwatch.scenario import Scenario, load, parse
from farwatch.sensors import AdsB
from farwatch.sources import Feed, Live, Replay
from farwatch.sources.feeds import checked
from farwatch.sources.reports import wanted_of
from farwatch.tracker import Tracker
from loopback import LOCAL, Listening
from modes import avr, beast_stream, flight
from recordings import recording_path
from reported import PLACE
from streams import CONTENT, PASSIVE, SBS

DAY = 86_400 * 10**9
SITE = """
[[sensors]]
kind = "adsb"
id = "ADSB"
position = { lat_deg = 47, lon_deg = 8 }
max_range_km = 300

[[sensors]]
kind = "mlat"
id = "MLAT"
position = { lat_deg = 47, lon_deg = 8 }
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("site.toml").write_text(SITE)
    three = [*flight(0x3C6586, 60), *flight(0x400001, 60, 47.5, 8.3), *flight(0x400002, 60, 46.6, 7.4, -300)]
    Path("night.bin").write_bytes(beast_stream(three))
    return tmp_path


def test_inspect(here: Path, farwatch: Command) -> None:
    ran = farwatch("inspect", "night.bin", "--json")
    found = json.loads(ran.out)
    assert ran.code == 0
    assert (found["format"], found["aircraft"], found["positions"]) == ("beast", 3, 357)
    assert found["kinds"]["DF17"] == found["records"] - found["kinds"]["DF11"]
    ran = farwatch("inspect", "night.bin")
    assert "357 positions of 3 aircraft" in ran.out
    Path("broken.bin").write_bytes(Path("night.bin").read_bytes()[:-5])
    ran = farwatch("inspect", "broken.bin")
    assert ran.code == 3
    assert "message cut off at the end: 1 times" in ran.err


def test_convert(here: Path, farwatch: Command) -> None:
    ran = farwatch("convert", "night.bin", "-o", "all.parquet", "--day", "2026-01-01", "--json")
    assert ran.code == 0
    assert json.loads(ran.out)["rows"] == 357
    table = pq.read_table("all.parquet")
    assert set(table["address"].to_pylist()) == {0x3C6586, 0x400001, 0x400002}
    assert table["time_ns"][0].as_py() // DAY == 20_454  # 2026-01-01
    assert table["pressure_altitude_m"][0].as_py() == pytest.approx(33_000 * 0.3048)
    ran = farwatch("convert", "night.bin", "-o", "one.csv", "--address", "400001")
    assert (ran.code, len(Path("one.csv").read_text().splitlines())) == (0, 120)
    Path("passive.jsonl").write_bytes(PASSIVE)
    assert farwatch("convert", "passive.jsonl", "-o", "passive.csv").code == 0
    assert Path("passive.csv").read_text().splitlines()[0].count("bistatic") == 2
    assert farwatch("convert", "night.bin", "-o", "near.jsonl", "--bbox", "47.4,8,47.6,9").code == 0
    rows = [json.loads(line) for line in Path("near.jsonl").read_text().splitlines()]
    assert {row["address"] for row in rows} == {0x400001}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "a.kml"), "must end in .parquet, .csv, .jsonl"),
        (("-o", "a.csv", "--category", "21"), "choose ASTERIX records"),
        (("-o", "a.csv", "--bbox", "0,0,1,1"), "no position that is selected"),
        (("plain.ast", "-o", "a.csv"), "plain.ast: is ASTERIX, and others are not"),
    ],
)
def test_convert_says_what_it_cannot(here: Path, farwatch: Command, arguments: tuple[str, ...], said: str) -> None:
    Path("plain.ast").write_bytes(b"\x30\x00\x0a\xfd\xf7\x02\x01\x0a\x00\x00")
    ran = farwatch("convert", "night.bin", *arguments)
    assert ran.code == 1
    assert said in ran.err
    assert not Path("a.csv").exists()


def test_track(here: Path, farwatch: Command) -> None:
    ran = farwatch("track", "night.bin", "-s", "site.toml", "-o", "t.parquet", "--day", "2026-01-01", "--json")
    done = json.loads(ran.out)
    assert (ran.code, done["tracks"], done["late"]) == (0, 3, 0)
    table = pq.read_table("t.parquet").to_pylist()
    assert {row["address"] for row in table} == {0x3C6586, 0x400001, 0x400002}
    assert {row["callsign"] for row in table if row["callsign"]} == {"TEST1"}
    last = [row for row in table if row["address"] == 0x3C6586][-1]
    assert last["lat_deg"] == pytest.approx(47.0, abs=2e-4)
    assert last["ground_speed_mps"] == pytest.approx(400 * 1852 / 3600, abs=5.0)


def test_track_writes_cat062_of_a_site_without_radars(here: Path, farwatch: Command) -> None:
    ran = farwatch("track", "night.bin", "-s", "site.toml", "-o", "t.ast", "--day", "2026-01-01")
    assert ran.code == 0
    addresses = asterix.columns("t.ast", 62, ["380/ADR"], "1.18")["380/ADR"]
    assert {0x3C6586, 0x400001, 0x400002} <= set(addresses.tolist())


def test_track_counts_what_it_does_not_believe(here: Path, farwatch: Command) -> None:
    wild = flight(0x3C6586, 1, lat_deg=45.5, lon_deg=9.0)
    shifted = [(t + 30.0, message) for t, message in wild if len(message) == 14]
    Path("wild.bin").write_bytes(beast_stream([*flight(0x3C6586, 60), *shifted]))
    ran = farwatch("track", "wild.bin", "-s", "site.toml", "-o", "t.csv", "--json")
    assert json.loads(ran.out)["rejected"]
    assert json.loads(ran.out)["tracks"] == 1
    assert "lies on no path" in farwatch("track", "wild.bin", "-s", "site.toml", "-o", "t.csv").out


def test_two_receivers_make_one_picture(here: Path) -> None:
    scenario = load("site.toml")
    Path("other.avr").write_bytes(
        b"".join(avr(message, round(12e6 * t) + 99) for t, message in sorted(flight(0x3C6586, 60)))
    )
    source = Replay(["night.bin", "other.avr"], scenario.sensors)
    plots = concat_plots([batch.plots for batch in source])
    of_one = plots.take(plots.address == 0x3C6586)
    assert len(np.unique(of_one.time_ns)) == of_one.n  # once a period
    assert source.late == 0


def test_nothing_for_the_site_is_an_error_that_says_why(here: Path, farwatch: Command) -> None:
    Path("radar.toml").write_text('[[sensors]]\nkind="mlat"\nid="M"\nposition={lat_deg=47,lon_deg=8}\n')
    ran = farwatch("track", "night.bin", "-s", "radar.toml", "-o", "t.csv")
    assert ran.code == 1
    assert "nothing in it is for a sensor of the site" in ran.err
    assert "'adsb'" in ran.err
    Path("timeless.txt").write_bytes(b"".join(avr(message) for _, message in flight(1, 3)))
    ran = farwatch("track", "timeless.txt", "-s", "site.toml", "-o", "t.csv")
    assert ran.code == 1
    assert "message without a time" in ran.err


def test_check_says_what_they_are(here: Path, farwatch: Command) -> None:
    ran = farwatch("check", "site.toml")
    assert ran.code == 0
    assert "ADSB: adsb without SAC/SIC, a report of an aircraft every 1 s" in ran.out
    assert json.loads(farwatch("check", "site.toml", "--json").out)["sensors"][1]["kind"] == "mlat"


class Server:
    """A TCP server on the loopback interface that sends its bytes in small pieces to whoever comes, and hangs up."""

    def __init__(self, content: bytes, step: int) -> None:
        self._listening = socket.create_server((LOCAL, 0))
        self.url = f"tcp://{LOCAL}:{self._listening.getsockname()[1]}"
        self._content, self._step = content, step
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        with connection:
            for at in range(0, len(self._content), self._step):
                connection.sendall(self._content[at : at + self._step])
            connection.recv(1)  # until the receiver hangs up

    def close(self) -> None:
        self._listening.close()


@pytest.mark.parametrize("name", ["beast", "avr", "sbs"])
def test_a_receiver_over_tcp(name: str) -> None:
    server = Server(CONTENT[name] if name != "sbs" else SBS * 3, 5)
    sensors = parse({"sensors": [{"kind": kind, "id": kind, "position": {"lat_deg": 47, "lon_deg": 8}} for kind in
                                 ("adsb", "mlat")]}).sensors  # fmt: skip
    with Listening([Feed(url=server.url, format=name)], sensors) as live:  # type: ignore[arg-type]
        wait = live.source
        from loopback import wait_for

        wait_for(lambda: wait.statistics.records >= 20 or sum(wait.conditioner.counts.values()) >= 5, "its messages")
    server.close()
    assert live.source.states[0].connects >= 1
    assert set(live.plots.kind.tolist()) <= {Kind.ADSB, Kind.MLAT}
    assert live.plots.n + sum(live.source.conditioner.counts.values()) >= 5
    assert not live.source.statistics.skipped


@pytest.mark.parametrize(
    ("feed", "said"),
    [
        (Feed(url="tcp://127.0.0.1:30005", format="beast", network="A"), "`network` says nothing for"),
        (Feed(url="tcp://127.0.0.1:30003", format="sbs", gps=True), "`gps` says nothing for"),
        (Feed(url=("udp://127.0.0.1:1", "udp://127.0.0.1:2"), format="avr"), "give each receiver a feed"),
        (Feed(url="udp://127.0.0.1:8600", gps=True), "`gps` says nothing for the format 'asterix'"),
    ],
)
def test_options_that_a_format_does_not_have(feed: Feed, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        checked(feed, 0)


def test_a_site_of_receivers_needs_no_source_for_its_feeds() -> None:
    sensor = AdsB(id="A", position=PLACE)
    with pytest.raises(ConfigError, match="sac_sic"):
        Live([Feed(url="udp://127.0.0.1:8600")], [sensor])
    Live([Feed(url="tcp://127.0.0.1:1", format="beast")], [sensor]).close()


LEBL = {
    "name": "LEBL",
    "sensors": [
        # Its multilateration is that of an airport: beyond 20 km its errors reach a kilometre.
        {"kind": "mlat", "id": "MLAT", "sac_sic": "0/107", "surface": True, "max_range_km": 20, "sigma_m": 10,
         "sigma_m_per_km": 4, "position": {"lat_deg": 41.29706278, "lon_deg": 2.07844722, "height_m": 55}},
        # Transponders of that time are late by up to 1.5 s, and do not say how much.
        {"kind": "adsb", "id": "ADSB", "sac_sic": "0/107", "surface": True, "max_range_km": 300,
         "latency_sigma_s": 0.6, "position": {"lat_deg": 41.29706278, "lon_deg": 2.07844722, "height_m": 55}},
    ],
}  # fmt: skip
SMR = {"kind": "smr", "id": "SMR", "sac_sic": "0/7", "antenna_m": 20, "max_range_km": 6,
       "position": {"lat_deg": 41.29561833, "lon_deg": 2.095114167, "height_m": 75}}  # fmt: skip
FILES = ("asterix/lebl_mlat_cat020_2h_midnight.ast", "asterix/lebl_adsb_cat021_ed023_2h_midnight.ast")


def live_tracks(scenario: Scenario, paths: list[Path]) -> tuple[Counter[int], Replay]:
    """How many seconds each address has had more than one track, over a recording that begins at 22 h."""
    source = Replay(paths, scenario.sensors, day_ns=20_454 * DAY, editions={21: "0.23"})
    tracker, twice, seen = Tracker(scenario.sensors, scenario.tracker), Counter[int](), set()
    due_ns = 0
    for picture in farwatch.run(source, tracker):
        seen |= set(picture.address.tolist())
        if picture.until_ns >= due_ns:
            due_ns = picture.until_ns + 10 * 10**9
            now = tracker.picture(picture.until_ns)
            twice.update({a: 10 for a, n in Counter(now.address.tolist()).items() if a >= 0 and n > 1})
    live_tracks.seen = seen - {-1}  # type: ignore[attr-defined]
    live_tracks.last_ns = due_ns  # type: ignore[attr-defined]
    return twice, source


def test_adsb_and_multilateration_across_midnight_are_one_track_an_address() -> None:
    paths = [recording_path(name) for name in FILES]
    twice, source = live_tracks(parse(LEBL), paths)
    assert len(live_tracks.seen) == 49  # type: ignore[attr-defined]
    assert live_tracks.last_ns > 20_455 * DAY  # type: ignore[attr-defined]
    assert not twice
    assert source.late == 0
    assert source.conditioner.rejected["position beyond the sensor's range"] > 0  # latitudes of -72 and 84 among them


def test_reports_of_cat010_020_and_021_are_read() -> None:
    scenario = parse(LEBL | {"sensors": [SMR, *LEBL["sensors"]]})  # type: ignore[operator, misc]
    wanted = wanted_of(scenario.sensors)
    found = {}
    for name, editions in (
        ("asterix/lebl_smr_cat010_2h_midnight.ast", None),
        *((name, {21: "0.23"}) for name in FILES),
    ):
        parts = asterix.stream(recording_path(name), {}, day_ns=20_454 * DAY, editions=editions, wanted=wanted)
        plots = concat_plots([part.targets.plots for part in parts if part.targets])
        (kind,) = set(plots.kind.tolist())
        found[kind] = plots
        assert (plots.time_ns[0] // DAY, plots.time_ns[-1] // DAY) == (20_454, 20_455)
        assert plots.time_ns[-1] - plots.time_ns[0] == pytest.approx(7261 * 10**9, abs=2 * 10**9)
    assert {kind: plots.n for kind, plots in found.items()} == {Kind.PSR: 62_097, Kind.MLAT: 69_933, Kind.ADSB: 49_330}
    on_field = found[Kind.PSR]
    east = (np.degrees(on_field.z[:, 1]) - 2.0951) * 111_195 * math.cos(math.radians(41.3))
    north = (np.degrees(on_field.z[:, 0]) - 41.2956) * 111_195
    assert np.percentile(np.hypot(east, north), 99) < 4000.0
    assert len(set(found[Kind.ADSB].address.tolist())) == 47
    assert len(set(found[Kind.MLAT].address.tolist())) == 37
