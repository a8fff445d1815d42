"""Feeds as a scenario declares them: what cannot be is told with its place and what to write instead."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

import farwatch
from command import Command
from farwatch.errors import ConfigError
from farwatch.scenario import parse
from farwatch.sources import Feed, Live
from loopback import LOCAL, free_port, radars


def unicast(**options: object) -> Feed:
    return Feed(url=f"udp://{LOCAL}:{free_port()}", **options)  # type: ignore[arg-type]


SITE = {
    "sensors": [
        {
            "kind": "radar",
            "id": "A",
            "sac_sic": "1/10",
            "position": {"lat_deg": 47.0, "lon_deg": 9.0},
            "rotation_s": 4.0,
            "max_range_km": 100,
        }
    ]
}


@pytest.mark.parametrize(
    ("feed", "says"),
    [
        ({"url": "http://x:1"}, r"\$\.feeds\[0\]: http://x:1: no such kind of address; give udp://ADDRESS:PORT or tcp"),
        ({"url": "udp://239.1.1.1"}, "has no port from 1 to 65535"),
        ({"url": "udp://239.1.1.1:99999"}, "has no port from 1 to 65535"),
        ({"url": "udp://host:8600"}, "host is no IPv4 address"),
        ({"url": "udp://192.0.2.99:8600"}, "is no address of this machine and no multicast group"),
        ({"url": "udp://127.0.0.1:8600", "interface": "nope0"}, "no network interface 'nope0'; give one of lo"),
        ({"url": "udp://127.0.0.1:8600", "interface": "192.0.2.99"}, "no network interface here has the address"),
        ({"url": "udp://127.0.0.1:8600", "from": ["x"]}, "`from` = 'x' is no IPv4 address"),
        ({"url": "udp://127.0.0.1:8600", "editions": {"048": "9.9"}}, "no edition '9.9' of ASTERIX category 048"),
        ({"url": "udp://127.0.0.1:8600", "editions": {"x": "1.1"}}, "`editions` names 'x'"),
        ({"url": "udp://127.0.0.1:8600", "editions": {"048@": "1.31"}}, "those of a source or a port, as"),
        ({"url": "udp://127.0.0.1:8600", "editions": {"048@:8600": "9.9"}}, "no edition '9.9' of ASTERIX category 048"),
        ({"url": []}, "`url` is empty"),
        ({"url": ["udp://127.0.0.1:8600", "tcp://127.0.0.1:8600"]}, "UDP and TCP in one feed"),
    ],
)
def test_feeds_that_cannot_be(feed: dict[str, object], says: str) -> None:
    scenario = parse(SITE | {"feeds": [feed]})
    with pytest.raises(ConfigError, match=says):
        farwatch.listen(scenario)


SITE_TOML = """
[[sensors]]
kind = "radar"
id = "A"
sac_sic = "1/10"
position = { lat_deg = 47.0, lon_deg = 9.0 }
rotation_s = 4.0
max_range_km = 100
"""


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('[[feeds]]\nurl = "udp://239.1.1.1"', "$.feeds[0]: udp://239.1.1.1: has no port from 1 to 65535"),
        ('[[feeds]]\nurl = "udp://239.1.1.1:1"\neditions = { 048 = "9" }', "$.feeds[0]: no edition '9' of ASTERIX"),
        ('[[outputs]]\nurl = "tcp://127.0.0.1:8601"', "$.outputs[0]: tcp://127.0.0.1:8601: no such kind of address"),
        ('[[outputs]]\nurl = "udp://127.0.0.1:1"\ninterface = "nope0"', "$.outputs[0]: no network interface 'nope0'"),
        ('[[outputs]]\nurl = "udp://127.0.0.1:1"\nsac_sic = "1/300"', "$.outputs[0]: SAC/SIC 1/300"),
        (
            '[[outputs]]\nurl = "udp://127.0.0.1:1"\nedition = "3"',
            "$.outputs[0]: no edition '3' of ASTERIX",
        ),
        ('[[outputs]]\nurl = "udp://127.0.0.1:1"\neditions = { 062 = "1.18" }', "$.outputs[0]: `editions` names '062'"),
        ('[[outputs]]\nurl = "udp://127.0.0.1:1"\neditions = { 063 = "9" }', "no edition '9' of ASTERIX category 063"),
        ("[merge]\nwait_s = -1", ">= 0.0 at $.merge.wait_s"),
        ("[merge]\nwaits_s = 1", "did you mean `wait_s`"),
    ],
)
def test_check_tells_what_of_the_network_cannot_be(table: str, says: str, farwatch: Command, tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(SITE_TOML + table)
    ran = farwatch("check", site)
    assert ran.code == 1
    assert says in " ".join(ran.err.split()), ran.err


def test_check_opens_nothing_and_lists_what_there_is(farwatch: Command, tmp_path: Path) -> None:
    port = free_port()
    site = tmp_path / "site.toml"
    site.write_text(
        f'{SITE_TOML}[[feeds]]\nurl = ["udp://239.1.1.1:{port}", "udp://239.1.1.2:{port}"]\n'
        f'[[outputs]]\nurl = "udp://127.0.0.1:{port}"\neditions = {{ 065 = "1.4" }}\n'
    )
    said = json.loads(farwatch("check", site, "--json").out)
    assert said["feeds"] == [{"format": "asterix", "urls": [f"udp://239.1.1.1:{port}", f"udp://239.1.1.2:{port}"]}]
    assert said["outputs"] == [{"format": "asterix62", "url": f"udp://127.0.0.1:{port}"}]
    shown = farwatch("check", site).out
    assert f"feed: asterix from udp://239.1.1.1:{port}, udp://239.1.1.2:{port}" in shown
    assert f"output: asterix62 to udp://127.0.0.1:{port}" in shown


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({"feeds": [{"url": "udp://127.0.0.1:1", "formt": "x"}]}, r"unknown field `formt` at \$.feeds\[0\]"),
        ({"feeds": [{"url": "udp://127.0.0.1:1", "format": "asterx"}]}, "did you mean `asterix`"),
        ({"feeds": [{"url": "udp://127.0.0.1:1", "network": "C"}]}, "Allowed: A, B"),
        ({"outputs": [{"url": "udp://127.0.0.1:1", "evry_s": 1}]}, "did you mean `every_s`"),
        ({"outputs": [{"url": "udp://127.0.0.1:1", "ttl": 300}]}, r"<= 255 at \$.outputs\[0\].ttl"),
    ],
)
def test_wrong_words(raw: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse(SITE | raw)


def test_a_port_in_use_and_no_feeds() -> None:
    feed = unicast()
    with Live([feed], radars()), pytest.raises(ConfigError, match="the port is in use by another program"):
        Live([feed], radars())
    with pytest.raises(ConfigError, match=r"no \[\[feeds\]\] to listen to"):
        farwatch.listen(parse(SITE))
    nameless = [msgspec.structs.replace(radar, sac_sic=None) for radar in radars()]
    with pytest.raises(ConfigError, match="sac_sic"):
        Live([unicast()], nameless)


def test_a_buffer_that_the_system_refuses_is_told() -> None:
    with Live([unicast(buffer_mb=0.05)], radars()) as live:
        assert live.narrow_buffers() == []
    with Live([unicast()], radars()) as live:
        live.states[0].buffer_bytes = 1 << 20
        assert "1 MB, not 8 MB; raise net.core.rmem_max" in live.narrow_buffers()[0]
