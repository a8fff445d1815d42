"""Who may ask for what: tokens, cookies, Host, Origin, and what every answer carries."""

from __future__ import annotations

import logging
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus

from farwatch.errors import ConfigError
from farwatch.service.guard import ADDRESSES, COOKIE_S, FAILURES, Attempts, Pass
from farwatch.web_options import WebOptions, is_loopback, read_token
from updates import Running, updates_of

TOKEN = "a-long-random-word-0123456789"
QUIET = 45.0


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Running:  # type: ignore[misc]
    path = tmp_path_factory.mktemp("secret") / "token"
    path.write_text(TOKEN + "\n")
    with Running(token_file=str(path), hosts=("map.example",)) as running:
        running.publish(updates_of("quiet", QUIET)[-1:])
        yield running


@pytest.fixture(scope="module")
def open_one() -> Running:  # type: ignore[misc]
    with Running() as running:
        running.publish(updates_of("quiet", QUIET)[-1:])
        yield running


PATHS = ("/", "/api/v1/tracks", "/data/aircraft.json", "/metrics", "/readyz", "/version", "/nothing", "/login.js")


def test_nothing_but_livez_without_the_token(guarded: Running) -> None:
    for path in PATHS:
        answer = guarded.get(path)
        assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
        assert TOKEN not in answer.text and "track" not in answer.text
    assert guarded.get("/livez").text == "alive\n"
    assert guarded.get("/login").status_code == 200 and guarded.get("/login.css").status_code == 200
    sent = guarded.get("/", headers={"accept": "text/html"})
    assert (sent.status_code, sent.headers["location"]) == (303, "/login")
    with pytest.raises(InvalidStatus) as refused:
        guarded.connect()
    assert refused.value.response.status_code == 401


def test_the_token_opens_all(guarded: Running) -> None:
    bearer = {"authorization": f"Bearer {TOKEN}"}
    for path in PATHS[:-2]:
        assert guarded.get(path, headers=bearer).status_code == 200, path
    with guarded.connect(additional_headers=bearer) as client:
        assert client.read() == "hello"


def test_the_form_gives_a_cookie_that_is_not_the_token(guarded: Running) -> None:
    with httpx.Client(base_url=guarded.url, trust_env=False) as client:
        answer = client.post("/login", data={"token": TOKEN})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"]
        assert TOKEN not in cookie and "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Secure" not in cookie
        assert client.get("/api/v1/tracks").json()["total"] == 20
        value = client.cookies["farwatch"]
        with guarded.connect(additional_headers={"cookie": f"a=b; farwatch={value}"}) as live:
            assert live.read() == "hello"
        for wrong in (value[:-1] + ("0" if value[-1] != "0" else "1"), "9" + value, value.partition(".")[2], "..", "x"):
            assert guarded.get("/version", headers={"cookie": f"farwatch={wrong}"}).status_code == 401
        gone = client.post("/logout")
        assert gone.status_code == 303 and "Max-Age=0" in gone.headers["set-cookie"]
        assert client.get("/version").status_code == 401


def test_a_cookie_ends_after_its_week_and_with_its_token() -> None:
    mine, other = Pass(TOKEN), Pass(TOKEN + "x")
    cookie = mine.cookie(1e9)
    assert mine.is_cookie(cookie, 1e9 + COOKIE_S - 1) and not mine.is_cookie(cookie, 1e9 + COOKIE_S + 1)
    assert not other.is_cookie(cookie, 1e9) and mine.cookie(1e9) != cookie
    assert mine.is_token(TOKEN) and not mine.is_token(TOKEN[:-1]) and not mine.is_token("")


@given(st.text(max_size=80))
def test_no_other_text_is_a_token_or_a_cookie(text: str) -> None:
    assert not Pass(TOKEN).is_token(text) and not Pass(TOKEN).is_cookie(text, 0.0)


def test_wrong_tokens_make_an_address_wait(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    with (
        Running(token_file=str(tmp_path / "token")) as running,
        httpx.Client(base_url=running.url, trust_env=False) as friend,
    ):
        assert friend.post("/login", data={"token": TOKEN}).status_code == 303
        for _ in range(FAILURES):
            assert running.get("/version", headers={"authorization": "Bearer guess"}).status_code == 401
        late = running.get("/version", headers={"authorization": f"Bearer {TOKEN}"})
        assert late.status_code == 429 and 0 < int(late.headers["retry-after"]) <= 61
        assert httpx.post(running.url + "/login", data={"token": TOKEN}, trust_env=False).status_code == 429
        assert friend.get("/version").status_code == 200  # who is in stays in


def test_attempts_are_counted_by_address_and_forgotten() -> None:
    attempts = Attempts()
    for _ in range(FAILURES):
        assert attempts.wait_s("10.0.0.1", 100.0) == 0.0
        attempts.failed("10.0.0.1", 100.0)
    assert attempts.wait_s("10.0.0.1", 110.0) == pytest.approx(50.0)
    assert attempts.wait_s("10.0.0.2", 110.0) == 0.0 and attempts.wait_s("10.0.0.1", 161.0) == 0.0
    for k in range(FAILURES):
        attempts.failed(f"2001:db8::{k:x}", 200.0)
    assert attempts.wait_s("2001:db8::ffff", 200.0) > 0.0 and attempts.wait_s("2001:db9::1", 200.0) == 0.0
    for k in range(ADDRESSES + 10):
        attempts.failed(f"10.{k >> 16}.{k >> 8 & 255}.{k & 255}", 300.0)
    assert len(attempts._failed) == ADDRESSES


def test_names_that_others_can_take_are_refused(open_one: Running, guarded: Running) -> None:
    port = open_one.url.rpartition(":")[2]
    for host in (
        f"evil.example:{port}",
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "",
        "[::1",
    ):
        assert open_one.get("/version", headers={"host": host}).status_code == 421, host
        assert handshake(open_one, host).status_code in (400, 421)
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", "[::1]:8765", "192.0.2.7", "LOCALHOST"):
        assert open_one.get("/version", headers={"host": host}).status_code == 200, host
    assert guarded.get("/livez", headers={"host": "map.example"}).status_code == 200
    assert guarded.get("/livez", headers={"host": "evil.example"}).status_code == 421


def handshake(running: Running, host: str) -> httpx.Response:
    """The answer to a WebSocket's handshake by hand: clients do not let one lie about the host."""
    headers = {
        "host": host, "connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }  # fmt: skip
    return httpx.get(running.url + "/api/v1/live", headers=headers, trust_env=False)


def test_pages_of_others_are_refused(open_one: Running, guarded: Running) -> None:
    own = open_one.url
    for origin in ("http://evil.example", "null", "https://localhost.evil.example", own + "1", "http://127.0.0.1:1"):
        with pytest.raises(InvalidStatus) as refused:
            open_one.connect(origin=origin)
        assert refused.value.response.status_code == 403
        answer = httpx.post(guarded.url + "/login", data={"token": TOKEN}, headers={"origin": origin}, trust_env=False)
        assert answer.status_code == 403
    with open_one.connect(origin=own) as client:
        assert client.read() == "hello"
    answer = httpx.post(guarded.url + "/logout", headers={"sec-fetch-site": "cross-site"}, trust_env=False)
    assert answer.status_code == 403


def test_nothing_can_be_changed(open_one: Running) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        answer = httpx.request(method, open_one.url + "/api/v1/tracks", trust_env=False)
        assert answer.status_code == 405 and answer.headers["allow"] == "GET, HEAD"
    assert httpx.head(open_one.url + "/api/v1/tracks", trust_env=False).status_code == 200
    answer = httpx.request("GET", open_one.url + "/version", content=b"x" * 100, trust_env=False)
    assert answer.status_code == 413


def test_every_answer_is_strict(open_one: Running, guarded: Running) -> None:
    for answer in (
        open_one.get("/"), open_one.get("/nothing"), open_one.get("/version", headers={"host": "evil.example"}),
        open_one.get("/api/v1/tracks"), guarded.get("/"), guarded.get("/login"), open_one.get("/api/v1/tracks?x=1"),
    ):  # fmt: skip
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "*" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers and "server" not in answer.headers
        assert answer.headers["cache-control"] in ("no-store", "no-cache")


def test_tokens_that_will_not_do_are_told(tmp_path: Path) -> None:
    outside = WebOptions(host="0.0.0.0")
    with pytest.raises(ConfigError, match="needs a token"):
        read_token(outside, {})
    with pytest.raises(ConfigError, match="no such token file"):
        read_token(WebOptions(token_file=str(tmp_path / "none")), {})
    for text in ("short", "", "x" * 1000, "with\x00zero-0123456789"):
        (tmp_path / "token").write_text(text)
        with pytest.raises(ConfigError, match="16 to 512"):
            read_token(WebOptions(token_file=str(tmp_path / "token")), {})
        with pytest.raises(ConfigError, match="FARWATCH_TOKEN: a token has"):
            read_token(outside, {"FARWATCH_TOKEN": text})
    (tmp_path / "token").write_bytes(b"\xff" * 20)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_token(WebOptions(token_file=str(tmp_path / "token")), {})
    assert read_token(outside, {"FARWATCH_TOKEN": TOKEN}) == TOKEN and read_token(WebOptions(), {}) is None
    assert (
        is_loopback("127.0.0.9") and is_loopback("::1") and not is_loopback("0.0.0.0") and not is_loopback("x.example")
    )


def test_a_token_in_the_clear_is_warned_of(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("FARWATCH_TOKEN", TOKEN)
    with caplog.at_level(logging.WARNING), Running(host="0.0.0.0") as running:
        assert running.get("/version").status_code == 401
        assert "unencrypted" in caplog.text and TOKEN not in caplog.text
