"""The live socket with real clients: every message of docs/api.md, and clients that mean no good."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from farwatch.service import server as server_module
from updates import SECOND_NS, LiveClient, Running, updates_of

QUIET = 45.0
START = 20  # updates before a test begins


@pytest.fixture
def running() -> Iterator[Running]:
    with Running(lossless=True) as running:
        running.publish(updates_of("quiet", QUIET)[:START])
        running.kept(START)
        yield running


def at_ms(k: int) -> float:
    """Time of an update."""
    return updates_of("quiet", QUIET)[k].picture.until_ns / 1e6


def test_hello_static_picture_status_in_this_order(running: Running) -> None:
    with running.connect() as client:
        client.until(lambda: client.status, "a status")
        assert client.order == ["hello", "static", "picture", "status"]
        (hello,) = client.of_type("hello")
        assert hello["version"] == 1 and hello["mode"] == "simulated" and hello["scenario"]["name"] == "Quiet"
        assert hello["sensors"][0]["id"] == "RAD1" and hello["sensors"][0]["max_range_m"] == 250_000
        states = running.server.publisher.newest.states  # type: ignore[union-attr]
        assert client.last_picture["id"].tolist() == states.track.tolist() == sorted(client.statics)
        status = client.status
        assert status is not None and status["playback"] == {"state": "live", "speed": 1.0, "time_ms": at_ms(START - 1)}
        assert status["range"] == [at_ms(0), at_ms(START - 1)] and status["gaps"] == [] and status["tracks"] == states.n
        assert status["sensors"][0]["condition"] == "ok" and status["latency_ms"] == 4.5
    with running.connect() as other:
        other.read()
        assert other.of_type("hello")[0]["session"] == hello["session"]


def test_before_the_first_picture() -> None:
    with Running() as running, running.connect() as client:
        client.until(lambda: client.status, "a status")
        assert client.order == ["hello", "status"] and client.status is not None
        assert client.status["time_ms"] == 0 and client.status["range"] is None and client.status["said"]
        client.say(type="play")
        client.until(lambda: client.of_type("notice"), "a notice")
        running.publish(updates_of("quiet", QUIET)[:1])
        client.until(lambda: client.pictures, "the first picture")


def test_pictures_follow_with_what_has_changed(running: Running) -> None:
    with running.connect() as client:
        client.until(lambda: client.pictures, "a picture")
        before = set(client.statics)
        for update in updates_of("quiet", QUIET)[START:]:
            running.publish([update])
            client.until(lambda at=update: client.pictures[-1][4] == at.picture.until_ns / 1e6, "its picture")
            assert set(client.last_picture["id"].tolist()) <= set(client.statics)
        sequences = [head[5] for head in client.pictures]
        assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
        assert client.pictures[0][6] == 1 and not any(head[6] for head in client.pictures[1:])
        assert not client.plots and set(client.statics) >= before
        names = {track: told["callsign"] for track, told in client.statics.items()}
        tracks = running.get("/api/v1/tracks").json()["tracks"]
        assert names == {track["id"]: track["callsign"] for track in tracks} and any(names.values())


def test_plots_and_detail_where_wanted(running: Running) -> None:
    updates = updates_of("quiet", QUIET)[START:]
    with running.connect() as client:
        client.say(type="plots", wanted=True)
        client.until(lambda: client.pictures, "a picture")
        track = int(client.last_picture["id"][0])
        client.say(type="select", track=track)
        client.until(lambda: client.of_type("detail"), "the detail at once")
        for update in updates[:10]:
            running.publish([update])
            client.until(lambda at=update: client.pictures[-1][4] == at.picture.until_ns / 1e6, "its picture")
        client.until(lambda: client.of_type("detail")[-1]["time_ms"] == client.pictures[-1][4], "its detail")
        assert [head[5] for head in client.plots[-10:]] == [head[5] for head in client.pictures[-10:]]
        assert [head[3] for head in client.plots[-10:]] == [update.plots.n for update in updates[:10]]
        detail = client.of_type("detail")[-1]
        assert detail["id"] == track and detail["plots"] and detail["sensors"] == ["RAD1"]
        assert detail["callsign"] == client.statics[track]["callsign"]
        assert abs(detail["lat_deg"] - client.last_picture["latitude"][0] / 1e7) < 1e-6
        count = len(client.of_type("detail"))
        client.say(type="select", track=None)
        client.say(type="plots", wanted=False)
        plots = len(client.plots)
        client.say(type="step", pictures=-1)  # an answer to which all before has been done
        client.until(lambda: client.pictures[-1][4] == at_ms(START + 8), "the picture before")
        assert len(client.plots) == plots and len(client.of_type("detail")) == count


def test_back_in_time_and_live_again(running: Running) -> None:
    with running.connect() as client:
        client.say(type="plots", wanted=True)
        client.until(lambda: client.status, "a status")
        count = len(client.pictures)
        client.say(type="play", time_ms=at_ms(3), speed=10)
        client.until(lambda: client.pictures[-1][4] == at_ms(START - 1) and len(client.pictures) > count, "the end")
        shown = client.pictures[count:]
        assert [head[4] for head in shown] == [at_ms(k) for k in range(3, START)]
        assert [head[6] for head in shown] == [1] + [0] * (len(shown) - 1)
        assert [head[5] for head in shown] == list(range(4, START + 1))
        client.until(lambda: client.status["playback"]["state"] == "live", "live again")  # type: ignore[index]
        running.publish(updates_of("quiet", QUIET)[START : START + 1])
        client.until(lambda: client.pictures[-1][4] == at_ms(START), "the next live picture")
        assert client.pictures[-1][6] == 0
        client.say(type="pause")
        client.say(type="step", pictures=-2)
        client.until(lambda: client.pictures[-1][4] == at_ms(START - 2), "two back")
        assert client.pictures[-1][6] == 1
        running.publish(updates_of("quiet", QUIET)[START + 1 : START + 3])
        paused = {"state": "paused", "speed": 10.0, "time_ms": at_ms(START - 2)}
        client.until(lambda: client.status["playback"] | {"speed": 10.0} == paused, "the status")  # type: ignore[index]
        client.say(type="live")
        client.until(lambda: client.pictures[-1][4] == at_ms(START + 2), "the newest")


def test_the_past_is_as_it_was(running: Running) -> None:
    updates = updates_of("quiet", QUIET)
    with running.connect() as client:
        client.until(lambda: client.pictures, "a picture")
        track = int(client.last_picture["id"][0])
        client.say(type="select", track=track)
        client.say(type="pause")
        for k in (10, 4, 15):
            client.say(type="play", time_ms=at_ms(k) + 300, speed=0.1)
            client.until(lambda at=k: client.pictures[-1][4] == at_ms(at), "that picture")
            truth = updates[k].picture
            order = np.argsort(truth.track)
            assert (client.last_picture["id"] == truth.track[order]).all()
            assert np.allclose(client.last_picture["latitude"], truth.lat_deg[order] * 1e7, atol=0.51)
            if track in truth.track:
                client.until(
                    lambda at=k: at_ms(at) in [one["time_ms"] for one in client.of_type("detail")], "its detail"
                )
                row, told = int(np.flatnonzero(truth.track == track)[0]), client.of_type("detail")[-1]
                for name in ("sigma_east_m", "sigma_north_m", "sigma_v_east_mps", "height_wgs84_m"):
                    assert told[name] == pytest.approx(float(getattr(truth, name)[row]), rel=0.03)
                assert all(plot["time_ms"] <= at_ms(k) for plot in told["plots"])


def test_gaps_are_told_and_jumped_over(running: Running) -> None:
    later = [
        update._replace(picture=update.picture._replace(until_ns=update.picture.until_ns + 600 * SECOND_NS))
        for update in updates_of("quiet", QUIET)[START : START + 5]
    ]
    running.publish(later)
    running.kept(START + 5)
    with running.connect() as client:
        client.until(lambda: client.status, "a status")
        assert client.status["gaps"] == [[at_ms(START - 1), later[0].picture.until_ns / 1e6]]  # type: ignore[index]
        count = len(client.pictures)
        client.say(type="play", time_ms=at_ms(START - 2), speed=8)
        client.until(lambda: client.pictures[-1][4] == later[1].picture.until_ns / 1e6, "beyond the gap")
        assert [head[6] for head in client.pictures[count : count + 4]] == [1, 0, 1, 0]
        client.say(type="play", time_ms=0)
        client.until(lambda: client.of_type("notice"), "a notice")
        client.until(lambda: client.pictures[-1][4] == at_ms(0), "the oldest")


NONSENSE = (
    "", "{", "[]", "null", '"live"', '{"type": "fly"}', '{"type": "play", "speed": 0}',
    '{"type": "play", "speed": "x"}',
    '{"type": "play", "time_ms": 1e400}', '{"type": "step"}', '{"type": "select", "track": -1}',
    '{"type": "live", "x": 1}', '{"type": "play", "time_ms": NaN}', "[" * 2000, b"\x00\xff",
)  # fmt: skip


def test_nonsense_is_answered_and_then_shut_out(running: Running) -> None:
    with running.connect() as other, running.connect() as client:
        for text in NONSENSE[:10]:
            client.socket.send(text)
            time.sleep(0.06)
        client.until(lambda: len(client.of_type("notice")) == 10, "ten notices")
        with pytest.raises(ConnectionClosed) as closed:
            for text in NONSENSE[10:]:
                client.socket.send(text)
            while True:
                client.read()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008
        fine(other)


def fine(client: LiveClient) -> None:
    """A client that is still served."""
    count = len(client.of_type("status"))
    client.until(lambda: len(client.of_type("status")) > count, "a status")


def test_too_many_messages_are_not_read(running: Running) -> None:
    with running.connect() as client:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(200):
                client.say(type="pause")
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                client.read()
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008
    assert any("20 messages" in told["text"] for told in client.of_type("notice"))


def test_a_long_message_closes(running: Running) -> None:
    with running.connect() as other, running.connect() as client:
        client.say(type="pause", x="y" * 4000)
        client.until(lambda: client.of_type("notice"), "a notice")
        with pytest.raises(ConnectionClosed) as closed:
            client.socket.send("x" * 5000)
            while True:
                client.read()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1009
        fine(other)


def raw(running: Running) -> socket.socket:
    """A connection that has shaken hands, for what no client library would send."""
    host, port = running.url.removeprefix("http://").split(":")
    sock = socket.create_connection((host, int(port)), timeout=30.0)
    sock.sendall(
        f"GET /api/v1/live HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    assert sock.recv(12) == b"HTTP/1.1 101"
    return sock


def send_on(sock: socket.socket, data: bytes, most: int) -> int:
    """Send until the other side has had enough; how many bytes it took."""
    sent = 0
    try:
        while sent < most:
            sent += sock.send(data)
    except OSError:
        pass
    return sent


def test_a_gigabyte_is_not_taken(running: Running) -> None:
    mask = b"\x00" * 4
    with running.connect() as other:
        with raw(running) as sock:  # one message that says so
            sock.sendall(b"\x81\xff" + (1 << 30).to_bytes(8, "big") + mask)
            assert send_on(sock, b"x" * 65_536, 1 << 30) < 64 << 20
        with raw(running) as sock:  # fragments without end
            assert send_on(sock, (b"\x00\x80" + mask) * 10_000, 1 << 28) < 64 << 20
        with raw(running) as sock:  # fragments that add up
            sock.sendall(b"\x01\x84" + mask + b"abcd")
            assert send_on(sock, (b"\x00\xfe\x0f\xa0" + mask + b"y" * 4000) * 10, 1 << 28) < 64 << 20
        with raw(running) as sock:  # pings whose answers are not read
            assert send_on(sock, (b"\x89\xfd" + mask + b"z" * 125) * 500, 1 << 28) < 64 << 20
        with raw(running) as sock:  # no UTF-8, no frame
            sock.sendall(b"\x81\x82" + mask + b"\xff\xfe")
        with raw(running) as sock:
            sock.sendall(os.urandom(4096))
        host, port = running.url.removeprefix("http://").split(":")
        for head in (
            b"GET / HTTP/1.1\r\nX: ",
            b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1073741824\r\n\r\n",
        ):
            with socket.create_connection((host, int(port)), timeout=30.0) as sock:
                sock.sendall(head)
                assert send_on(sock, b"a" * 65_536, 1 << 28) < 64 << 20
        fine(other)


def test_clients_that_are_cut_off_are_forgotten(running: Running) -> None:
    clients = [raw(running) for _ in range(5)]
    running.wait_for(lambda: running.get("/metrics").text.find("farwatch_clients 5.0") > 0, "five clients")
    for sock in clients:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        sock.close()
    running.wait_for(lambda: running.get("/metrics").text.find("farwatch_clients 0.0") > 0, "no client")


def test_a_client_that_does_not_read_misses_pictures_and_no_static(running: Running) -> None:
    updates = updates_of("quiet", QUIET)
    with running.connect() as client, running.connect() as other:
        client.until(lambda: client.pictures, "a picture")
        slow = next(iter(running.server.live._clients))
        for update in updates[START:]:
            running.publish([update])
        assert len(slow._frames) <= 2
        client.until(lambda: client.pictures[-1][4] == at_ms(len(updates) - 1), "the newest")
        assert set(client.last_picture["id"].tolist()) <= set(client.statics)
        assert len(client.pictures) < 1 + len(updates) - START  # published faster than ten a second
        fine(other)


def test_a_stopped_reader_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "PING_S", 0.3)
    with Running() as running:
        running.publish(updates_of("quiet", QUIET)[:1])
        sock = raw(running)
        running.wait_for(lambda: running.server.live._clients, "a client")
        running.wait_for(lambda: not running.server.live._clients, "its end")
        sock.close()


def test_limits_of_clients() -> None:
    with Running(max_clients=3, max_clients_per_address=2) as running:
        with running.connect() as one, running.connect() as two:
            assert one.read() == two.read() == "hello"
            with running.connect() as three, pytest.raises(ConnectionClosed) as closed:
                three.read()
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1013
            assert "farwatch_refused_total 1.0" in running.get("/metrics").text
        running.wait_for(lambda: not running.server.live._clients, "their end")
        with running.connect() as four:
            assert four.read() == "hello"


TEXTS = st.one_of(
    st.text(max_size=200),
    st.binary(max_size=200),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["live", "play", "pause", "step", "select", "plots"])},
        optional={
            "time_ms": st.one_of(st.none(), st.floats(allow_nan=False), st.integers()),
            "speed": st.one_of(st.none(), st.floats(0.1, 60.0), st.integers()),
            "pictures": st.integers(-5, 5),
            "track": st.one_of(st.none(), st.integers(0, 50)),
            "wanted": st.booleans(),
        },
    ).map(json.dumps),
)


@pytest.fixture(scope="module")
def steady() -> Iterator[Running]:
    with Running(lossless=True) as running:
        running.publish(updates_of("quiet", QUIET)[:START])
        running.kept(START)
        yield running


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXTS, max_size=8))
def test_whatever_a_client_says_the_others_go_on(steady: Running, messages: list[str | bytes]) -> None:
    with steady.connect() as client:
        client.read()
        for message in messages:
            client.socket.send(message)
        try:
            client.until(lambda: client.status, "a status")
        except ConnectionClosed as closed:
            assert closed.rcvd is not None and closed.rcvd.code == 1008
    with steady.connect() as other:
        other.until(lambda: other.pictures, "a picture")
        assert other.last_picture["id"].tolist() == steady.server.publisher.newest.states.track.tolist()  # type: ignore[union-attr]


def test_a_replay_is_shown_from_its_start() -> None:
    with Running(lossless=True, from_start=True) as running:
        running.publish(updates_of("quiet", QUIET)[:START])
        running.kept(START)
        with running.connect() as client:
            client.until(lambda: client.status, "a status")
            playback = client.status["playback"]
            assert playback["state"] == "playing" and playback["speed"] == 1.0
            assert abs(playback["time_ms"] - at_ms(0)) < 3_000
            client.say(type="live")
            client.until(lambda: client.status["playback"]["state"] == "live", "to be live")
