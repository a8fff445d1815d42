"""The map page when things go wrong: a dead service, another one, hostile messages, senseless files."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from pages import AXE, BUSY, Service, serious, until

STALE_S = 5.0
MARKUP = "<img src=x onerror=window.hit=1>"


def test_stale_when_the_service_dies_and_gone_when_it_returns(watched, service: Service, shot) -> None:
    watched.expected = ("ERR_CONNECTION_REFUSED",)
    page = watched.open(service.url)
    until(page, "farwatch.model.status !== null && !farwatch.model.stale")
    assert not page.locator(".banner").is_visible()
    service.kill()
    killed = time.monotonic()
    until(page, "document.documentElement.classList.contains('stale')")
    assert time.monotonic() - killed < STALE_S
    assert page.locator(".banner strong").inner_text() == "STALE"
    assert "STALE" in page.title() and "STALE" in page.inner_text(".state")
    assert "grayscale" in page.evaluate("getComputedStyle(document.querySelector('.map')).filter")
    shot(page, "stale")
    for theme in ("dark", "light", "contrast") if AXE.is_file() else ():
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        assert [one for one in serious(page) if ".banner" in one or ".state" in one] == []
    service.start(BUSY)
    until(page, "!farwatch.model.stale && farwatch.model.link === 'open'")
    assert not page.locator(".banner").is_visible()
    assert "STALE" not in page.title()


def test_another_scenario_takes_the_place(watched, service: Service) -> None:
    watched.expected = ("ERR_CONNECTION_REFUSED",)
    page = watched.open(service.url)
    until(page, "farwatch.model.statics.size >= 300")
    page.locator(".rows .row").first.click()
    until(page, "farwatch.model.selected !== null")
    session = page.evaluate("farwatch.model.session")
    service.kill()
    service.start("quiet")
    until(page, "session => farwatch.model.session !== session && farwatch.model.picture?.n > 0", session)
    assert page.evaluate("farwatch.model.selected") is None
    assert page.evaluate("farwatch.model.statics.size <= 40 && farwatch.model.picture.n <= 40")
    assert page.inner_text(".scenario") == "Quiet"


def test_a_new_token_asks_for_a_login(watched, tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("a-first-token-of-some-length")
    service = Service("quiet", token_file)
    try:
        watched.expected = "ERR_CONNECTION_REFUSED", "401", "WebSocket"
        page = watched.open(service.url, token="a-first-token-of-some-length")
        assert "token" not in page.url
        service.kill()
        token_file.write_text("another-token-of-some-length")
        service.start("quiet")
        page.wait_for_selector(".banner a:visible")
        page.click(".banner a")
        page.fill("[name=token]", "another-token-of-some-length")
        page.click("button")
        until(page, "window.farwatch?.model.picture?.n > 0 && !farwatch.model.stale")
    finally:
        service.kill()


def test_hostile_messages_are_ignored_and_counted(watched, service_url) -> None:
    junk: list[bytes | str] = [
        b"", b"FW", b"\x00" * 24, b"FW\x01\x01\xff\xff\xff\xff" + b"\xff" * 40,
        b"FW\x01\x02\x05\x00\x00\x00" + b"\x00" * 30, "", "{", "null", "[" * 50_000, '{"type":"hello","version":9}',
        '{"type":"detail"}', '{"type":"status","sensors":5,"said":{},"gaps":7}',
    ]  # fmt: skip

    def through(socket) -> None:
        server = socket.connect_to_server()

        def pass_on(message: bytes | str) -> None:
            for one in junk:
                socket.send(one)
            if isinstance(message, bytes) and message[3:4] == b"\x01":
                socket.send(message[:-5])  # cut
            socket.send(message)

        server.on_message(pass_on)

    context_page = watched.browser.new_context().new_page()
    context_page.route_web_socket("**/api/v1/live", through)
    errors: list[str] = []
    context_page.on("pageerror", lambda error: errors.append(str(error)))
    context_page.goto(service_url)
    until(context_page, "window.farwatch?.model.picture?.n >= 300")
    sequence = context_page.evaluate("farwatch.model.picture.sequence")
    until(context_page, "sequence => farwatch.model.picture.sequence >= sequence + 2", sequence)
    assert context_page.evaluate("farwatch.model.ignored") > 20
    assert errors == []
    context_page.context.close()


def test_pictures_out_of_order_are_ignored(watched, service_url) -> None:
    page = watched.open(service_url)
    held: list[bytes] = []

    def through(socket) -> None:
        server = socket.connect_to_server()

        def pass_on(message: bytes | str) -> None:
            socket.send(message)
            if isinstance(message, bytes) and message[3:4] == b"\x01":
                held.append(message)
                if len(held) > 1 and held[-2][20] & 1 == 0:  # one that jumps may go back
                    socket.send(held[-2])  # the one before, late

        server.on_message(pass_on)

    page.route_web_socket("**/api/v1/live", through)
    page.reload()
    until(page, "window.farwatch?.model.picture?.n > 0")
    page.evaluate(
        """window.times = [];
        farwatch.model.listen(what => { if (what === 'picture') times.push(farwatch.model.picture.timeMs); })"""
    )
    until(page, "times.length >= 3 && farwatch.model.ignored >= 2")
    times = page.evaluate("times")
    assert times == sorted(times)


def test_sensors_without_a_place_and_hundreds_of_them(watched, service_url) -> None:
    page = watched.open(service_url)

    def through(socket) -> None:
        server = socket.connect_to_server()

        def pass_on(message: bytes | str) -> None:
            if isinstance(message, str) and '"type":"hello"' in message.replace(" ", ""):
                told = json.loads(message)
                told["sensors"] += [{"id": f"MLAT{k}", "kind": "mlat", "lat_deg": None} for k in range(300)]
                message = json.dumps(told)
            socket.send(message)

        server.on_message(pass_on)

    page.route_web_socket("**/api/v1/live", through)
    page.reload()
    until(page, "window.farwatch?.model.picture?.n >= 300 && farwatch.model.sensors.length === 302")
    page.click("text=Layers")
    page.check("#layers >> text=Radar coverage")
    page.keyboard.press("Escape")
    page.click("#tab-sensors")
    assert page.locator(".card").count() == 302
    until(
        page,
        "sequence => farwatch.model.picture.sequence > sequence + 1",
        page.evaluate("farwatch.model.picture.sequence"),
    )


def test_markup_in_a_callsign_stays_letters(watched, service_url) -> None:
    page = watched.open(service_url)
    until(page, "farwatch.model.statics.size >= 300")
    page.evaluate(
        """text => { const m = farwatch.model; const id = m.picture.id[0]; const known = m.statics.get(id);
        known.callsign = text; known.modeA = '7700'; m.changed('static'); }""",
        MARKUP,
    )
    page.wait_for_selector(".emergency")
    assert MARKUP in page.inner_text(".emergency")
    page.click(".emergency")
    until(page, "farwatch.model.selected !== null")
    assert page.inner_text(".detail h2") == MARKUP
    assert page.evaluate("document.querySelector('img') === null && window.hit === undefined")


@pytest.mark.parametrize("copies", [30, pytest.param(300, marks=pytest.mark.slow)])  # 9 MB, 95 MB
def test_senseless_and_large_files_of_sectors(watched, service_url, tmp_path: Path, shot, copies: int) -> None:
    page = watched.open(service_url)

    def load(name: str, content: bytes) -> str:
        path = tmp_path / name
        path.write_bytes(content)
        page.set_input_files("#layers .file", str(path))
        return until(
            page,
            "name => [...document.querySelectorAll('.toast')].map(one => one.textContent)"
            ".find(text => text.startsWith(name) && !text.startsWith('Reading'))",
            name,
            patient_s=60.0,
        )

    assert "not JSON" in load("a.geojson", b"\x00\xff{{{")
    assert "drawn" in load("b.geojson", b'{"type":"Point","coordinates":[1e300,5]}')
    assert "not loaded" in load("c.geojson", b"[" * 2_000_000)
    assert page.evaluate("farwatch.model.sectors") is None
    ring = [[8 + k % 1000 / 1000, 47 + (k % 7) / 100] for k in range(20_000)]
    ring.append(ring[0])
    feature = {"type": "Feature", "properties": {"name": "x"}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    large = json.dumps({"type": "FeatureCollection", "features": [feature] * copies}).encode()
    assert len(large) > 300_000 * copies
    said = load("d.geojson", large)
    assert "thinned" in said
    points = page.evaluate(
        "farwatch.model.sectors.features.flatMap(f => f.geometry.coordinates).reduce((n, ring) => n + ring.length, 0)"
    )
    assert 1000 < points <= 200_000
    sequence = page.evaluate("farwatch.model.picture.sequence")
    until(page, "sequence => farwatch.model.picture.sequence > sequence + 1", sequence)
    shot(page, "sectors")


def test_30000_rows_are_few_elements(watched, service_url) -> None:
    page = watched.open(service_url)
    page.wait_for_selector(".rows .row")
    rows = page.evaluate(
        """async () => {
        const m = farwatch.model, n = 30000, p = m.picture;
        const id = Uint32Array.from({length: n}, (_, k) => 1000000 + k);
        const big = {...p, n, id, timeMs: p.timeMs + 1e9};  // so late that none of the service's comes after it
        for (const [name, column] of Object.entries(p)) {
          if (name === 'id' || !ArrayBuffer.isView(column)) continue;
          big[name] = column.constructor.from(id, (_, k) => column[k % p.n]);
        }
        const callsign = k => 'T' + (k * 7919 % n).toString().padStart(6, '0');
        for (let k = 0; k < n; k++) m.statics.set(id[k], {callsign: callsign(k), address: null, modeA: null});
        m.picture = big; m.changed('static'); m.changed('picture');
        await new Promise(done => setTimeout(done, 1500));
        return document.querySelector('.list').getAttribute('aria-rowcount');
        }"""
    )
    assert int(rows) == 30_001
    assert page.locator(".rows .row").count() < 60
    page.locator(".rows .row").first.focus()
    page.keyboard.press("End")
    until(page, "document.activeElement?.querySelector('.is-label')?.textContent === 'T029999'")
    assert page.locator(".rows .row").count() < 60
