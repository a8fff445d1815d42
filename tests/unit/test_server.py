"""The server as a whole: starts, stops, ports, restarts, slow connections, TLS; and it never holds up who publishes."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pytest

from farwatch.errors import FarwatchError
from farwatch.service import connections
from farwatch.service.board import Board
from farwatch.service.server import start_server
from farwatch.web_options import WebOptions
from loopback import free_port
from updates import Running, scenario_of, updates_of

QUIET = 45.0


def start(**options: object) -> None:
    """A server that is expected not to start."""
    start_server(Board(), scenario_of("quiet"), WebOptions(**options)).stop()  # type: ignore[arg-type]


def test_a_port_in_use_is_told() -> None:
    with Running() as running:
        port = int(running.url.rpartition(":")[2])
        threads = threading.active_count()
        with pytest.raises(FarwatchError, match=f"port {port} of 127.0.0.1 is in use.*another `port`"):
            start(port=port)
        assert threading.active_count() == threads and running.get("/livez").status_code == 200
    with Running(port=port) as again:
        assert again.url == f"http://127.0.0.1:{port}"


def test_hosts_that_are_none_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARWATCH_TOKEN", "a-long-random-word-0123456789")
    for host in ("192.0.2.1", "no such host", "999.1.1.1", ""):
        if host:
            with pytest.raises(FarwatchError, match="no address of this machine"):
                start(host=host, port=0)
    monkeypatch.delenv("FARWATCH_TOKEN")
    with pytest.raises(FarwatchError, match="needs a token"):
        start(host="0.0.0.0", port=0)


def test_a_restart_keeps_what_was_kept(tmp_path: Path) -> None:
    updates = updates_of("quiet", QUIET)
    with Running(folder=tmp_path, lossless=True) as first:
        first.publish(updates[:30])
        session = first.get("/api/v1/scenario").json()["session"]
    with Running(folder=tmp_path, lossless=True) as second:
        second.publish(updates[28:])  # from a checkpoint two seconds back
        second.kept(len(updates))
        assert second.get("/api/v1/scenario").json()["session"] != session
        times = [update.picture.until_ns for update in updates]
        assert second.server.store.span.times_ns.tolist() == times
        with second.connect() as client:
            client.until(lambda: client.status, "a status")
            assert client.status["range"] == [times[0] / 1e6, times[-1] / 1e6]  # type: ignore[index]
            client.say(type="play", time_ms=times[20] / 1e6)
            client.until(lambda: client.pictures[-1][4] == times[20] / 1e6, "a picture of the run before")
            assert set(client.last_picture["id"].tolist()) <= set(client.statics)
        states = second.get("/api/v1/track/1/history").json()["states"]
        assert [one["time_ms"] for one in states] == sorted({one["time_ms"] for one in states}) and len(states) > 5


def test_stopping_tells_clients_and_is_done_once() -> None:
    running = Running()
    running.publish(updates_of("quiet", QUIET)[:1])
    before = threading.active_count()
    with running.connect() as client:
        client.read()
        running.server.stop()
        running.server.stop()
        with pytest.raises(Exception, match="1012"):
            while True:
                client.read()
    with pytest.raises(httpx.ConnectError):
        running.get("/livez")
    assert threading.active_count() < before


def test_publishing_never_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    update = updates_of("quiet", QUIET)[0]
    with Running() as running:
        held = threading.Event()
        encode = running.server.publisher._encoder.encode
        monkeypatch.setattr(running.server.publisher._encoder, "encode", lambda one: (held.wait(30.0), encode(one))[1])
        began = time.monotonic()
        for _ in range(100):
            running.board.publish(update)
        spent = time.monotonic() - began
        held.set()
        assert spent < 15.0  # half of what one would have waited for the other
        assert running.server.publisher._web.pictures_left_out >= 90
        running.wait_for(lambda: "farwatch_pictures_left_out_total 9" in running.get("/metrics").text, "the count")


def test_lossless_publishing_loses_nothing(tmp_path: Path) -> None:
    updates = updates_of("quiet", QUIET)
    with Running(folder=tmp_path, lossless=True) as running:
        for update in updates:
            running.board.publish(update)
        running.kept(len(updates))
        assert running.server.publisher._web.pictures_left_out == 0 and running.server.store.dropped == 0


def test_slow_connections_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.5)
    with Running() as running:
        host, port = running.url.removeprefix("http://").split(":")
        silent = socket.create_connection((host, int(port)), timeout=30.0)
        drip = socket.create_connection((host, int(port)), timeout=30.0)
        with pytest.raises(OSError):
            for letter in b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: " + b"a" * 1000:
                drip.sendall(bytes([letter]))
                time.sleep(0.05)
        silent.settimeout(30.0)
        with contextlib.suppress(ConnectionResetError):
            assert silent.recv(1) == b""
        for sock in (silent, drip):
            sock.close()
        assert running.get("/livez").status_code == 200


def test_requests_that_come_together_are_all_answered() -> None:
    with Running() as running:
        host, port = running.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30.0) as sock:
            one = b"GET /version HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            sock.sendall((one + b"\r\n") * 3 + one + b"Connection: close\r\n\r\n")
            parts = []
            while part := sock.recv(65_536):
                parts.append(part)
        assert b"".join(parts).count(b"HTTP/1.1 200 OK") == 4 and b"".join(parts).count(b'"farwatch"') == 4


def test_readers_that_stop_are_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(connections, "SEND_S", 0.5)
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "large.bin").write_bytes(bytes(48 << 20))
    with Running(web_root=tmp_path, max_connections_per_address=1) as running:
        host, port = running.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30.0) as sock:
            sock.sendall(b"GET /large.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert sock.recv(12) == b"HTTP/1.1 200"
            assert not _answers(running)
            running.wait_for(lambda: _answers(running), "its end")
        assert len(running.get("/large.bin").content) == 48 << 20


def test_connections_are_limited() -> None:
    with Running(max_connections=10, max_connections_per_address=3) as running:
        host, port = running.url.removeprefix("http://").split(":")
        held = [socket.create_connection((host, int(port)), timeout=30.0) for _ in range(3)]
        for sock in held:  # an answer shows that it has been let in
            sock.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert sock.recv(12) == b"HTTP/1.1 200"
        with pytest.raises(httpx.TransportError):
            running.get("/livez")
        held.pop().close()
        running.wait_for(lambda: _answers(running), "room for another")
        for sock in held:
            sock.close()


def _answers(running: Running) -> bool:
    try:
        return running.get("/livez").status_code == 200
    except httpx.TransportError:
        return False


def test_tls(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
        capture_output=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    (tmp_path / "token").write_text("a-long-random-word-0123456789")
    given = {"certificate": str(certificate), "key": str(key)}
    with Running(token_file=str(tmp_path / "token"), **given) as running:
        assert running.url.startswith("https://")
        context = ssl.create_default_context(cafile=str(certificate))
        with httpx.Client(base_url=running.url, verify=context, trust_env=False) as client:
            answer = client.post("/login", data={"token": "a-long-random-word-0123456789"})
            assert "Secure" in answer.headers["set-cookie"]
            assert client.get("/version").headers["strict-transport-security"]
        bearer = {"authorization": "Bearer a-long-random-word-0123456789"}
        with running.connect(ssl=context, additional_headers=bearer) as live:
            assert live.read() == "hello"
    key.write_text("no key")
    with pytest.raises(FarwatchError, match="PEM"):
        start(port=0, **given)
    with pytest.raises(FarwatchError, match="both"):
        start(port=0, certificate=str(certificate))


def test_two_servers_of_one_board() -> None:
    board, port = Board(), free_port(socket.SOCK_STREAM)
    update = updates_of("quiet", QUIET)[-1]
    board.publish(update)  # before they start
    with (
        start_server(board, scenario_of("quiet"), WebOptions(port=port)) as one,
        start_server(board, scenario_of("quiet"), WebOptions(port=0)) as two,
    ):
        end = time.monotonic() + 30.0
        while any(server.publisher.newest is None for server in (one, two)):
            assert time.monotonic() < end
            time.sleep(0.01)
        told = [httpx.get(server.url + "/api/v1/tracks", trust_env=False).json() for server in (one, two)]
        assert told[0] == told[1] and told[0]["total"] == 20
