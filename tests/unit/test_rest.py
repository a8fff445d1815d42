"""REST: every endpoint of docs/api.md and its examples, filters, pages, and requests that mean no good."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from farwatch.errors import FarwatchError
from farwatch.service.app import make_app
from updates import SECOND_NS, Running, health, scenario_of, updates_of

QUIET = 45.0
DOCS = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with Running(lossless=True) as running:
        running.publish(updates_of("quiet", QUIET))
        running.wait_for(lambda: len(running.get("/api/v1/track/1/history").json().get("states", [])) > 3, "history")
        yield running


def examples() -> list[tuple[str, Any]]:
    """Path and answer of every example of the interface's page."""
    found = []
    for path, answer in re.findall(r"^    GET (\S+)\n((?:    .*\n)+)", DOCS.read_text("utf-8"), re.MULTILINE):
        found.append((path, json.loads(answer)))
    return found


def shape(value: Any) -> Any:
    """What kind of thing it is: keys and types, lists by their first."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def like(example: Any, found: Any) -> bool:
    """Whether an answer is of the shape of an example."""
    if isinstance(example, dict) and isinstance(found, dict):
        return example.keys() == found.keys() and all(like(example[key], found[key]) for key in example)
    if isinstance(example, list) and isinstance(found, list):
        return not example or not found or like(example[0], found[0])
    return found is None or type(example) is type(found)


def test_the_examples_hold(running: Running) -> None:
    assert len(examples()) == 11
    for path, example in examples():
        answer = running.get(path)
        assert answer.status_code == 200, path
        assert like(example, answer.json()), (path, shape(example), shape(answer.json()))


def test_every_endpoint_has_an_example_or_a_word(running: Running) -> None:
    text = DOCS.read_text("utf-8")
    source = Path(make_app.__code__.co_filename).read_text("utf-8")
    paths = re.findall(r'Route\("([^"]+)"', source)
    assert len(paths) == 18
    for path in paths:
        assert path in text or path in ("/login.css", "/{path:path}"), path


def test_tracks_are_the_picture(running: Running) -> None:
    truth = updates_of("quiet", QUIET)[-1].picture
    told = running.get("/api/v1/tracks").json()
    assert told["total"] == truth.n == len(told["tracks"]) and told["next"] is None
    assert told["time_ms"] == truth.until_ns / 1e6
    order = np.argsort(truth.track)
    assert [one["id"] for one in told["tracks"]] == truth.track[order].tolist()
    for name in ("lat_deg", "height_wgs84_m", "ground_speed_mps", "sigma_horizontal_m", "existence"):
        assert np.allclose([one[name] for one in told["tracks"]], getattr(truth, name)[order], atol=0.06)
    one = running.get(f"/api/v1/track/{truth.track[0]}").json()
    assert one["id"] == truth.track[0] and 0 <= told["time_ms"] - one["seen_ms"] < 11_000
    features = running.get("/api/v1/tracks.geojson").json()["features"]
    assert [feature["properties"] for feature in features] == told["tracks"]
    assert running.get("/api/v1/tracks.geojson").headers["content-type"].startswith("application/geo+json")


def test_filters_and_pages(running: Running) -> None:
    every = running.get("/api/v1/tracks").json()["tracks"]
    paged: list[Any] = []
    following: int | None = 0
    while following is not None:
        page = running.get(f"/api/v1/tracks?limit=3&after={following}").json()
        assert len(page["tracks"]) <= 3 and page["total"] == len(every)
        paged, following = paged + page["tracks"], page["next"]
    assert paged == every
    lon, lat = float(np.median([one["lon_deg"] for one in every])), float(np.median([one["lat_deg"] for one in every]))

    def ids(query: str) -> list[int]:
        return [one["id"] for one in running.get(f"/api/v1/tracks?{query}").json()["tracks"]]

    assert ids(f"bbox=-180,-90,{lon},{lat}") == [o["id"] for o in every if o["lon_deg"] <= lon and o["lat_deg"] <= lat]
    assert ids(f"bbox={lon},-90,{lon - 1e-6},90") == [o["id"] for o in every]  # round the Earth
    feet = [(one["id"], (one["pressure_altitude_m"] or one["height_wgs84_m"]) / 0.3048) for one in every]
    middle = float(np.median([value for _, value in feet]))
    low, high = ids(f"max_level_ft={middle}"), ids(f"min_level_ft={middle}")
    assert low == [one for one, value in feet if value <= middle + 0.2] and set(low) | set(high) == {
        o["id"] for o in every
    }


def test_what_cannot_be_understood_is_told(running: Running) -> None:
    for path, word in (
        ("tracks?bbox=1,2,3", "bbox"), ("tracks?bbox=a,b,c,d", "bbox"), ("tracks?bbox=1,9,3,2", "bbox"),
        ("tracks?bbox=nan,0,1,1", "bbox"), ("tracks?limit=0", "limit"), ("tracks?limit=x", "limit"),
        ("tracks?limit=1&limit=2", "twice"), ("tracks?colour=red", "colour"), ("tracks?after=-1", "after"),
        ("tracks?min_level_ft=inf", "min_level_ft"), ("track/x", "track number"), ("track/-1", "track number"),
        ("track/" + "9" * 400, "track number"), ("track/1/history?from=yesterday", "from"),
        ("track/%00", "track number"),
        ("track/1/history?to=1e300", "to"), ("track/1;DROP TABLE states", "track number"),
    ):  # fmt: skip
        answer = running.get("/api/v1/" + path)
        assert answer.status_code == 400 and word in answer.json()["error"], path
    assert running.get("/api/v1/track/999999").status_code == 404
    assert running.get("/api/v1/track/999999/history").status_code == 404
    assert running.get("/api/v1/nothing").status_code == 404 and running.get("/api/v2/tracks").status_code == 404


def test_before_the_first_picture() -> None:
    with Running() as running:
        for path in ("/api/v1/tracks", "/api/v1/tracks.geojson", "/api/v1/track/1", "/data/aircraft.json"):
            assert running.get(path).status_code == 503 and "yet" in running.get(path).json()["error"]
        assert running.get("/readyz").status_code == 503
        assert running.get("/api/v1/sensors").json()["sensors"][0]["condition"] == "waiting"
        assert running.get("/metrics").status_code == 200 and running.get("/livez").status_code == 200


def test_ready_while_pictures_come_and_checkpoints_are_made() -> None:
    update = updates_of("quiet", QUIET)[-1]
    with Running(ready_s=0.5) as running:
        running.publish([update])
        assert running.get("/readyz").json() == {"ready": True, "reasons": []}
        running.wait_for(lambda: running.get("/readyz").status_code == 503, "silence")
        assert "no picture has been made for" in running.get("/readyz").json()["reasons"][0]
        now_ns = update.picture.until_ns + SECOND_NS
        state = update.health._replace(checkpoint_ns=now_ns - 300 * SECOND_NS)
        running.publish([update._replace(picture=update.picture._replace(until_ns=now_ns), health=state)])
        assert any("checkpoint is 300 s old" in reason for reason in running.get("/readyz").json()["reasons"])
        assert "farwatch_checkpoint_age_seconds 300.0" in running.get("/metrics").text


def test_aircraft_json_is_what_tar1090_reads(running: Running) -> None:
    told = running.get("/data/aircraft.json").json()
    tracks = {one["address"]: one for one in running.get("/api/v1/tracks").json()["tracks"] if one["address"]}
    assert told["now"] == pytest.approx(updates_of("quiet", QUIET)[-1].picture.until_ns / 1e9)
    assert len(told["aircraft"]) == 20 and len(tracks) > 10
    for one in told["aircraft"]:
        assert re.fullmatch("~?[0-9a-f]{6}", one["hex"]) and 0 <= one["seen_pos"] < 60
        if one["hex"].startswith("~"):
            continue
        track = tracks[one["hex"].upper()]
        assert one["lat"] == pytest.approx(track["lat_deg"], abs=1e-6)
        assert one["alt_baro"] == pytest.approx(track["pressure_altitude_m"] / 0.3048, abs=1)
        assert one["gs"] == pytest.approx(track["ground_speed_mps"] * 3600 / 1852, abs=0.1)
        assert one["geom_rate"] == pytest.approx(track["vertical_rate_mps"] * 60 / 0.3048, abs=2)
        assert one.get("squawk") == track["mode_a"] and one.get("flight", "").strip() == (track["callsign"] or "")


def test_metrics_are_those_of_the_update_and_name_no_aircraft(running: Running) -> None:
    text = running.get("/metrics").text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    update = updates_of("quiet", QUIET)[-1]
    assert families["farwatch_plots"].samples[0].value == update.health.plots
    assert families["farwatch_tracks"].samples[0].value == 20
    count = next(s for s in families["farwatch_plot_to_track_latency_seconds"].samples if s.name.endswith("_count"))
    assert count.value == 2 * len(updates_of("quiet", QUIET))
    conditions = {s.labels["condition"]: s.value for s in families["farwatch_sensor_condition"].samples}
    assert conditions == {"ok": 1.0, "waiting": 0.0, "silent": 0.0, "stuck": 0.0}
    labels = {name for family in families.values() for sample in family.samples for name in sample.labels}
    assert labels <= {"sensor", "condition", "state", "le", "version", "store"}
    for track in running.get("/api/v1/tracks").json()["tracks"]:
        assert all(str(track[name]) not in text for name in ("address", "callsign") if track[name])
    assert families["farwatch_not_kept"].samples and all(s.value == 0 for s in families["farwatch_not_kept"].samples)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A page as it is built, with what must not be served beside and below it."""
    root = tmp_path / "page"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html><title>map</title>" + "x" * 2000)
    (root / "assets" / "index-abc.js").write_text("let a = 1;\n" * 200)
    (root / "assets" / "font.woff2").write_bytes(b"wOF2" + bytes(1000))
    (tmp_path / "secret.txt").write_text("a secret")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    (root / "up").symlink_to(tmp_path)
    return root


def test_the_page_and_nothing_else(site: Path) -> None:
    with Running(web_root=site) as running:
        assert running.get("/").text == running.get("/index.html").text == (site / "index.html").read_text()
        script = running.get("/assets/index-abc.js")
        assert (
            script.headers["content-type"] == "text/javascript; charset=utf-8"
            and "immutable" in script.headers["cache-control"]
        )
        assert script.headers["content-encoding"] == "gzip" and script.text.startswith("let a")
        plain = running.get("/assets/index-abc.js", headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers and plain.text == script.text
        assert running.get("/assets/font.woff2").headers["content-type"] == "font/woff2"
        host, port = running.url.removeprefix("http://").split(":")
        for path in (
            "/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/assets/../../secret.txt", "/link.txt",
            "/up/secret.txt", "//etc/passwd", "/etc/passwd", "/%2fetc%2fpasswd", "/..%5csecret.txt", "/assets/%00",
            "/assets",
            "/assets/", "/%252e%252e/secret.txt", "/.", "/..",
        ):  # fmt: skip
            answer = raw_get(host, int(port), path)
            assert answer.startswith(b"HTTP/1.1 404") and b"secret" not in answer, path


def raw_get(host: str, port: int, path: str) -> bytes:
    """An answer to a path as it stands: clients tidy it up."""
    import socket

    with socket.create_connection((host, port), timeout=30.0) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        parts = []
        while part := sock.recv(65_536):
            parts.append(part)
        return b"".join(parts)


def test_without_a_page_a_stub_says_so(running: Running, tmp_path: Path) -> None:
    with Running(web_root=tmp_path / "none") as bare:
        text = bare.get("/").text
        assert "has not been built" in text and "Node" in text and "<script" not in text and " style=" not in text
        for path in re.findall(r'href="([^"]+)"', text):
            assert running.get(path).status_code == 200


def test_an_answer_is_made_once_a_picture(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    from farwatch.service import rest

    made: list[int] = []
    make = rest.tracks_geojson

    def counted(frame: Any, rows: Any, ids: Any) -> Any:
        made.append(frame.sequence)
        return make(frame, rows, ids)

    monkeypatch.setattr(rest, "tracks_geojson", counted)
    update = updates_of("quiet", QUIET)[-1]
    with Running() as fresh, httpx.Client(base_url=fresh.url, trust_env=False) as client:
        for shift in range(3):
            now_ns = update.picture.until_ns + shift * SECOND_NS
            state = health(scenario_of("quiet"), now_ns, 1, 1)
            fresh.publish([update._replace(picture=update.picture._replace(until_ns=now_ns), health=state)])
            answers = {client.get("/api/v1/tracks.geojson").text for _ in range(10)}
            assert len(answers) == 1
    assert made == [1, 2, 3]


def test_a_flat_scenario_is_refused() -> None:
    import msgspec

    from farwatch.frame import Frame
    from farwatch.service.board import Board
    from farwatch.service.server import start_server
    from farwatch.web_options import WebOptions

    flat = msgspec.structs.replace(scenario_of("quiet"), frame=Frame(kind="flat"))
    with pytest.raises(FarwatchError, match="shows the Earth"):
        start_server(Board(), flat, WebOptions(port=0))
