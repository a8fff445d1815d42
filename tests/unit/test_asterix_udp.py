"""Tracks sent over UDP: what each client hears, as our decoder, libasterix and Wireshark read it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from test_asterix_tshark import needs_tshark, tshark
from test_system_tracks import MIDNIGHT_NS, pictures

import reference_asterix as ref
from farwatch.errors import ConfigError
from farwatch.formats import asterix
from farwatch.formats.asterix.service_out import Condition
from farwatch.formats.pcap import write_pcap
from farwatch.frame import Frame
from farwatch.network import Interface, open_receiver, parse_url
from farwatch.picture import Picture, Status, make_picture
from farwatch.sinks import AsterixOutput, AsterixOutputs, Health, health_of
from farwatch.sinks.asterix_udp import Area
from farwatch.sinks.pacer import Pacer
from loopback import LOCAL, free_port, group_url, radars, wait_for

SECOND = 10**9
GOOD = Health((Condition.OPERATIONAL, Condition.DEGRADED))


class Heard:
    """A client's socket and all that it has heard."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._socket, _ = open_receiver(parse_url(url), Interface(LOCAL), 1 << 20)
        self._socket.settimeout(0.2)
        self.datagrams: list[bytes] = []
        self.at_s: list[float] = []

    def all(self, count: int) -> list[bytes]:
        def enough() -> bool:
            try:
                self.datagrams.append(self._socket.recv(65_535))
                self.at_s.append(time.monotonic())
            except TimeoutError:
                pass
            return len(self.datagrams) >= count

        if len(self.datagrams) < count:
            wait_for(enough, f"{count} datagrams at {self.url}")
        return self.datagrams

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def client() -> Iterator[Heard]:
    heard = Heard(f"udp://{LOCAL}:{free_port()}")
    yield heard
    heard.close()


def numbers(datagrams: list[bytes], path: Path, category: int, item: str, edition: str | None = None) -> list[float]:
    path.write_bytes(b"".join(datagrams))
    return asterix.columns(path, category, [item], edition)[item].tolist()


def whole(p: Picture):  # type: ignore[no-untyped-def]
    """Stands for the tracker: all tracks at any time."""

    def at(time_ns: int) -> Picture:
        alive = p.take(p.status != Status.ENDED)
        return alive._replace(until_ns=time_ns, time_ns=np.full(alive.n, time_ns))

    return at


def outputs(options: list[AsterixOutput], p: Picture, health=None) -> AsterixOutputs:  # type: ignore[no-untyped-def]
    return AsterixOutputs(options, radars(10, 11), Frame(), whole(p), health)


def alive(p: Picture) -> Picture:
    """All rows confirmed, of the last second."""
    until_ns = MIDNIGHT_NS + 100 * SECOND
    time_ns = until_ns - np.arange(p.n) * SECOND // max(p.n, 1)
    return p._replace(status=np.full(p.n, np.uint8(Status.CONFIRMED)), until_ns=until_ns, time_ns=time_ns)


def test_updates_reach_a_client(client: Heard, tmp_path: Path, rng: np.random.Generator) -> None:
    p = alive(pictures(100, rng))
    sink = outputs([AsterixOutput(url=client.url, sac_sic="7/8")], p, lambda: GOOD)
    sink.write(p)
    sent = sink.clients[0].pacer.sent
    datagrams = client.all(sent)
    assert all(len(one) <= 1400 for one in datagrams)
    assert {one[0] for one in datagrams} == {62, 63, 65}
    assert numbers(datagrams, tmp_path / "x.ast", 62, "010/SIC") == [8] * 100
    assert numbers(datagrams, tmp_path / "x.ast", 62, "105/LAT") == pytest.approx(p.lat_deg.tolist(), abs=1e-5)
    assert sorted(numbers(datagrams, tmp_path / "x.ast", 62, "040")) == list(range(1, 101))
    assert numbers(datagrams, tmp_path / "x.ast", 65, "000") == [2, 1]
    assert numbers(datagrams, tmp_path / "x.ast", 65, "040/NOGO") == [-1, 1]
    assert numbers(datagrams, tmp_path / "x.ast", 63, "060/CON") == [0, 1]
    assert numbers(datagrams, tmp_path / "x.ast", 63, "050/SIC") == [10, 11]
    assert sink.losses() == []
    sink.close()


def test_status_in_other_editions(client: Heard, tmp_path: Path, rng: np.random.Generator) -> None:
    """Of CAT063 and CAT065 as of CAT062; libasterix writes the same bytes again."""
    p = alive(pictures(5, rng))
    options = AsterixOutput(url=client.url, editions={"063": "1.6", "65": "1.4"})
    sink = outputs([options], p, lambda: GOOD)
    sink.write(p)
    datagrams = client.all(sink.clients[0].pacer.sent)
    sink.close()
    assert numbers(datagrams, tmp_path / "x.ast", 63, "060/CON", "1.6") == [0, 1]
    assert len(numbers(datagrams, tmp_path / "x.ast", 65, "000", "1.4")) == 2
    for data in datagrams:
        edition = {62: "1.18", 63: "1.6", 65: "1.4"}[data[0]]
        for start, stop, record in ref.libasterix_records(ref.libasterix_edition(data[0], edition), data[3:]):
            assert record.unparse().to_bytes() == data[3:][start:stop]
    for wrong, said in [
        ({"062": "1.18"}, "names '062'"),
        ({"063": "9.9"}, "no edition '9.9'"),
        ({"x": "1"}, "names 'x'"),
    ]:
        with pytest.raises(ConfigError, match=said):
            outputs([AsterixOutput(url=client.url, editions=wrong)], p)


def test_clients_of_their_own_areas_and_editions(tmp_path: Path, rng: np.random.Generator) -> None:
    p = alive(pictures(200, rng))
    group = group_url(4)
    heard = [Heard(f"udp://{LOCAL}:{free_port()}"), Heard(f"udp://{LOCAL}:{free_port()}"), Heard(group)]
    north = Area(min_lat_deg=47, max_lat_deg=90, min_lon_deg=-180, max_lon_deg=180)
    sink = outputs(
        [
            AsterixOutput(url=heard[0].url, status_s=0),
            AsterixOutput(url=heard[1].url, area=north, edition="1.21", status_s=0),
            AsterixOutput(url=group, interface=LOCAL, area=north, edition="1.19", sac_sic="1/9", status_s=0),
        ],
        p,
    )
    sink.write(p)
    of_all = {}
    for one, client, edition in zip(heard, sink.clients, ("1.18", "1.21", "1.19")):
        datagrams = one.all(client.pacer.sent)
        path = tmp_path / "x.ast"
        of_all[edition] = dict(
            zip(numbers(datagrams, path, 62, "040", edition), numbers(datagrams, path, 62, "105/LAT", edition))
        )
        for category, content in ref.blocks_of_bytes(b"".join(datagrams)):
            newest = edition if category == 62 else asterix.editions(category)[-1]
            for start, stop, record in ref.libasterix_records(ref.libasterix_edition(category, newest), content):
                assert record.unparse().to_bytes() == content[start:stop]
    inside = int(np.sum(p.lat_deg >= 47))
    assert 50 < inside < 150
    assert (len(of_all["1.18"]), len(of_all["1.21"]), len(of_all["1.19"])) == (200, inside, inside)
    # One aircraft has one number, whoever hears it.
    assert of_all["1.21"].items() <= of_all["1.18"].items()
    assert of_all["1.21"] == of_all["1.19"]
    sink.close()
    for one in heard:
        one.close()


def test_a_track_ends_where_it_leaves_the_area(client: Heard, tmp_path: Path) -> None:
    area = Area(min_lat_deg=46, max_lat_deg=48, min_lon_deg=170, max_lon_deg=-170)  # across the antimeridian
    base = make_picture(2)._replace(track=np.array([5, 6]), status=np.array([1, 1], np.uint8), existence=np.ones(2))
    sink = outputs([AsterixOutput(url=client.url, area=area, status_s=0)], base)
    for k, (lat, lon) in enumerate([(47, 175), (47, -175), (49, -175), (49, -174), (47, -175)]):
        time_ns = MIDNIGHT_NS + k * SECOND
        sink.write(
            base._replace(
                until_ns=time_ns,
                time_ns=np.full(2, time_ns),
                lat_deg=np.array([lat, 10.0]),
                lon_deg=np.array([lon, 175.0]),
            )
        )
    datagrams = client.all(sink.clients[0].pacer.sent)
    path = tmp_path / "x.ast"
    assert numbers(datagrams, path, 62, "040") == [1] * 4
    assert numbers(datagrams, path, 62, "080/TSB") == [1, -1, 0, 1]
    assert numbers(datagrams, path, 62, "080/TSE") == [0, -1, 1, 0]
    assert sink.clients[0].tracks == 1
    sink.close()


def test_periodic_updates_are_spread_by_sector(client: Heard, tmp_path: Path, rng: np.random.Generator) -> None:
    p = alive(pictures(300, rng))
    sink = outputs([AsterixOutput(url=client.url, every_s=1.0, status_s=0)], p)
    gone = p.take(slice(0, 3))._replace(status=np.full(3, np.uint8(Status.ENDED)))
    start_ns = p.until_ns // SECOND * SECOND
    sink.write(p._replace(until_ns=start_ns + SECOND // 2))  # the first is of no whole interval
    assert sink.clients[0].pacer.sent == 0
    sink.write(p._replace(until_ns=start_ns + SECOND))
    first = client.all(5)[:]
    while first[-1][0] != 65:
        first = client.all(len(first) + 1)[:]
    spread_s = client.at_s[-1] - client.at_s[0]
    assert spread_s > 0.5
    path = tmp_path / "x.ast"
    assert len(numbers(first, path, 62, "040")) == 300
    assert set(numbers(first, path, 62, "070")) == {(start_ns + SECOND) % (86_400 * SECOND) / SECOND}
    lat, lon = numbers(first, path, 62, "105/LAT"), numbers(first, path, 62, "105/LON")
    azimuth = np.arctan2((np.array(lon) - 9.0) * np.cos(np.radians(47.0)), np.array(lat) - 47.0) % (2 * np.pi)
    assert (np.diff(azimuth) > -1e-3).all()
    # Those that end in between are told with the next update, once.
    sink.write(gone._replace(until_ns=start_ns + SECOND + 1))
    sink._whole = whole(p.take(slice(3, None)))
    sink.write(make_picture(0)._replace(until_ns=start_ns + 2 * SECOND))
    sink.close()  # sends what waits
    second = client.all(sink.clients[0].pacer.sent)[len(first) :]
    assert len(numbers(second, path, 62, "040")) == 300
    assert sum(value == 1 for value in numbers(second, path, 62, "080/TSE")) == 3
    assert numbers(second, path, 65, "020") == [2]


@needs_tshark
def test_wireshark_finds_nothing_malformed(client: Heard, tmp_path: Path, rng: np.random.Generator) -> None:
    p = alive(pictures(100, rng))
    sink = outputs([AsterixOutput(url=client.url)], p, lambda: GOOD)
    sink.write(p)
    sink.write(p._replace(until_ns=p.until_ns + 2 * SECOND, status=np.full(p.n, np.uint8(Status.ENDED))))
    datagrams = client.all(sink.clients[0].pacer.sent)
    sink.close()
    path = tmp_path / "x.pcap"
    write_pcap(path, datagrams, MIDNIGHT_NS + np.arange(len(datagrams)))
    assert tshark(path, "-Y", "_ws.malformed || _ws.expert.severity >= 6291456") == []
    seen = tshark(path, "-T", "fields", "-e", "asterix.062_040_VALUE")
    assert sum(len(line.split(",")) for line in seen if line) == 200


def test_what_cannot_be_sent_is_counted(rng: np.random.Generator) -> None:
    p = alive(pictures(50, rng))
    sink = outputs([AsterixOutput(url=f"udp://{LOCAL}:{free_port()}", status_s=0)], p)
    pacer = sink.clients[0].pacer
    pacer._socket.close()
    sink.write(p)
    assert pacer.sent == 0
    assert pacer.errors > 1
    assert "Bad file descriptor" in sink.losses()[0]
    sink.close()


def test_a_pacer_sends_in_order_and_in_time(client: Heard) -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    pacer = Pacer(sock, parse_url(client.url))
    began = time.monotonic()
    pacer.spread([bytes([k]) for k in range(20)], 0.4)
    assert time.monotonic() - began < 0.3
    assert [one[0] for one in client.all(20)] == list(range(20))
    assert client.at_s[-1] - began > 0.35
    pacer.spread([b"x"] * 100, 3600.0)
    pacer.close()
    client.all(120)
    assert pacer.sent == 120


def test_sensors_that_fall_silent() -> None:
    sensors = radars(10, 11, 12)
    found = health_of(sensors, {0: 100 * SECOND, 1: 80 * SECOND}, 105 * SECOND)
    assert found.conditions == (Condition.OPERATIONAL, Condition.NOT_CONNECTED, Condition.INITIALISING)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"url": "tcp://127.0.0.1:1"}, r"\$\.outputs\[0\]: tcp://127.0.0.1:1: no such kind of address; give udp"),
        ({"url": "udp://127.0.0.1:1", "interface": "nope0"}, "no network interface 'nope0'"),
        ({"url": "udp://127.0.0.1:1", "edition": "0.1"}, "no edition '0.1' of ASTERIX category 062"),
        ({"url": "udp://127.0.0.1:1", "sac_sic": "300/1"}, "SAC/SIC 300/1"),
    ],
)
def test_clients_that_cannot_be(options: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        outputs([AsterixOutput(**options)], make_picture(0))  # type: ignore[arg-type]
    area = Area(min_lat_deg=0, max_lat_deg=1, min_lon_deg=0, max_lon_deg=1)
    with pytest.raises(ConfigError, match="flat frame"):
        AsterixOutputs([AsterixOutput(url="udp://127.0.0.1:1", area=area)], radars(), Frame(kind="flat"), make_picture)
