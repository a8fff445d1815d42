"""The map page in a real browser: what is shown, found, selected, gone back to, and taken away."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from pages import until

POSITIONS = "Object.fromEntries(farwatch.map.visible().map(one => [one.id, [one.x, one.y]]))"
LONELY = """() => {
  const all = farwatch.map.visible(), box = document.querySelector('.map').getBoundingClientRect();
  const inside = a => a.x > 150 && a.y > 60 && a.x < box.width - 150 && a.y < box.height - 60;
  return all.filter(a => inside(a) && all.every(b => a === b || Math.hypot(a.x - b.x, a.y - b.y) > 25))
    .map(a => ({id: a.id, x: a.x + box.x, y: a.y + box.y}));
}"""


def label_of(page, track: int) -> str:
    """What the page calls a track."""
    return page.evaluate("id => farwatch.model.statics.get(id)?.callsign ?? `#${id}`", track)


def test_300_tracks_that_move(watched, service_url, shot) -> None:
    page = watched.open(service_url, 1440, 860)
    until(page, "farwatch.model.picture.n >= 300 && farwatch.map.visible().length >= 300")
    before, sequence = page.evaluate(POSITIONS), page.evaluate("farwatch.model.picture.sequence")
    until(page, "sequence => farwatch.model.picture.sequence >= sequence + 5", sequence)
    after = page.evaluate(POSITIONS)
    both = before.keys() & after.keys()
    moved = [abs(before[k][0] - after[k][0]) + abs(before[k][1] - after[k][1]) > 0.2 for k in both]
    assert len(both) >= 290
    assert sum(moved) > 0.8 * len(moved)
    assert page.inner_text(".state").endswith("LIVE SIM")
    assert int(page.inner_text(".figure b >> nth=0")) >= 300
    until(page, "document.querySelectorAll('.rows .row').length > 10")
    shot(page, "tracks")


def test_a_click_selects_and_tells_all(watched, service_url, shot) -> None:
    page = watched.open(service_url)
    until(page, "farwatch.model.picture.n >= 300 && farwatch.map.visible().length >= 100")
    chosen = page.evaluate(LONELY)[0]
    page.mouse.click(chosen["x"], chosen["y"])
    until(page, "id => farwatch.model.selected === id", chosen["id"])
    assert page.inner_text(".detail h2") == label_of(page, chosen["id"])
    until(page, "farwatch.model.detail?.plots.length > 0")
    facts = dict(line.split("\n") for line in page.locator(".detail dl > div").all_inner_texts())
    assert facts["Status"] == "confirmed" and facts["Track"] == f"#{chosen['id']}"
    assert facts["Accuracy"].startswith("± ") and "RAD1" in facts["Sensors"]
    shot(page, "selected")
    page.keyboard.press("Escape")
    until(page, "farwatch.model.selected === null && document.querySelector('.detail').hidden")


def test_search_finds(watched, service_url) -> None:
    page = watched.open(service_url)
    until(page, "farwatch.model.statics.size >= 300")
    track = page.evaluate("farwatch.model.picture.id[40]")
    name = page.evaluate("id => farwatch.model.statics.get(id).callsign", track)
    page.keyboard.press("/")
    page.keyboard.type(name.lower())
    until(page, "document.querySelector('.count').textContent.startsWith('1 of')")
    assert page.locator(".rows .row .is-label").all_inner_texts() == [name]
    page.keyboard.press("Enter")
    until(page, "id => farwatch.model.selected === id", track)
    away = page.evaluate(
        """id => { const m = farwatch.model, row = m.row(id);
        return Math.hypot(m.view.latDeg - m.picture.latDeg[row], m.view.lonDeg - m.picture.lonDeg[row]); }""",
        track,
    )
    assert away < 0.05  # it is in the middle
    page.keyboard.type("XYZ")
    until(page, "document.querySelector('.count').textContent.startsWith('0 of')")
    page.click("text=Clear")
    until(page, "document.querySelectorAll('.rows .row').length > 5")


def test_filters_by_level_sensor_and_mode_a(watched, service_url) -> None:
    page = watched.open(service_url)
    until(page, "farwatch.model.statics.size >= 300")
    page.click(".filters summary")
    page.fill("[name=low]", "350")
    page.fill("[name=high]", "380")
    until(page, "farwatch.model.filter.minLevelFt === 35000 && farwatch.model.filter.maxLevelFt === 38000")
    until(page, "document.querySelector('.count').textContent.includes('pass the filter')")
    page.click(".is-level button")
    page.wait_for_timeout(200)
    levels = [int(text.strip(" ~↑↓")) for text in page.locator(".rows .is-level").all_inner_texts()]
    assert levels and all(350 <= level <= 380 for level in levels)
    page.select_option(".fields select", label="RAD2")
    until(page, "farwatch.model.filter.sensor === 1")
    page.fill("[name=mode-a]", "89")  # no Mode A has these digits
    page.wait_for_timeout(400)
    assert page.evaluate("farwatch.model.filter.modeA") == ""


def test_replay_seeks_plays_steps_and_returns(watched, service_url, shot) -> None:
    page = watched.open(service_url)
    until(page, "farwatch.model.status?.range?.[1] - farwatch.model.status?.range?.[0] > 60000")
    first, last = page.evaluate("farwatch.model.status.range")
    box = page.locator(".slider").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
    until(page, "farwatch.model.status.playback.state === 'playing'")
    wanted = first + 0.3 * (last - first)
    until(page, "t => Math.abs(farwatch.model.picture.timeMs - t) < 15000", wanted)
    assert "REPLAY" in page.inner_text(".state")
    assert "REPLAY" not in page.title()
    page.keyboard.press("Escape")
    page.locator(".map").focus()
    page.keyboard.press("Space")
    until(page, "farwatch.model.status.playback.state === 'paused'")
    page.wait_for_timeout(600)
    paused = page.evaluate("farwatch.model.picture.timeMs")
    page.keyboard.press(".")
    until(page, "t => farwatch.model.picture.timeMs === t + 1000", paused)
    page.keyboard.press(",")
    until(page, "t => farwatch.model.picture.timeMs === t", paused)
    shot(page, "replay")
    page.wait_for_timeout(3500)
    assert not page.evaluate("farwatch.model.stale"), "a picture that is paused is not stale"
    page.select_option(".speed select", "10")
    until(page, "farwatch.model.status.playback.speed === 10")
    until(page, "t => farwatch.model.picture.timeMs > t + 8000", paused)
    page.click(".live")
    until(page, "farwatch.model.status.playback.state === 'live'")
    until(page, "t => farwatch.model.picture.timeMs >= t", last)


def test_gaps_are_shaded_where_they_are(watched, service_url) -> None:
    page = watched.open(service_url)
    until(page, "farwatch.model.status?.range?.[1] - farwatch.model.status?.range?.[0] > 60000")
    page.evaluate(
        """() => {
        const m = farwatch.model, [from, to] = m.status.range, at = share => from + share * (to - from);
        m.status.gaps = [[at(0.25), at(0.5)], [at(0.9), at(0.9) + 1], [from - 9e6, from - 8e6]];
        m.changed('status');
        }"""
    )
    line = page.locator(".timeline").bounding_box()
    gaps = [gap.bounding_box() for gap in page.locator(".gaps i").all()]
    assert len(gaps) == 2
    assert (gaps[0]["x"] - line["x"]) / line["width"] == pytest.approx(0.25, abs=0.01)
    assert gaps[0]["width"] / line["width"] == pytest.approx(0.25, abs=0.01)
    assert gaps[1]["width"] >= 1.0


def test_files_hold_the_filtered_picture(watched, service_url, tmp_path: Path) -> None:
    page = watched.open(service_url, accept_downloads=True)
    until(page, "farwatch.model.statics.size >= 300")
    page.keyboard.press("/")
    page.keyboard.type("FW0010")
    until(page, "document.querySelector('.count').textContent.includes('pass the filter')")

    def saved(name: str, path: Path) -> bytes:
        page.click("text=Export")
        with page.expect_download() as started:
            page.click(f"#export >> text={name}")
        started.value.save_as(path)
        return path.read_bytes()

    rows = list(csv.DictReader(io.StringIO(saved("CSV", tmp_path / "a.csv").decode())))
    assert rows and all(row["callsign"].startswith("FW0010") for row in rows)
    assert all(abs(float(row["lat_deg"]) - 47) < 5 for row in rows)
    features = json.loads(saved("GeoJSON", tmp_path / "a.geojson"))["features"]
    assert {one["properties"]["callsign"] for one in features} == {row["callsign"] for row in rows}
    assert saved("PNG", tmp_path / "a.png").startswith(b"\x89PNG")


def test_a_permalink_shows_the_same(watched, service_url) -> None:
    page = watched.open(service_url)
    until(page, "farwatch.model.statics.size >= 300")
    page.locator(".map").focus()
    for key in ("+", "ArrowRight", "v", "r"):
        page.keyboard.press(key)
    track = page.evaluate("farwatch.model.picture.id[7]")
    page.keyboard.press("/")
    page.keyboard.type(page.evaluate("id => farwatch.model.statics.get(id).callsign", track))
    page.wait_for_timeout(300)
    page.keyboard.press("Enter")
    first = page.evaluate("farwatch.model.status.range[0]")
    box = page.locator(".slider").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] / 2)
    until(page, "farwatch.model.status.playback.state === 'playing'")
    page.click(".timebar [aria-label=Pause]")
    until(page, "farwatch.model.status.playback.state === 'paused'")
    page.wait_for_timeout(700)
    page.click("text=Export")
    page.click("#export >> text=Copy link")
    address = page.url
    assert "token" not in address and f"s={track}" in address and "t=" in address
    state = (
        "JSON.stringify([farwatch.model.view, farwatch.model.selected, farwatch.model.settings, farwatch.model.filter])"
    )
    other = watched.open(address)
    until(other, "farwatch.model.status?.playback.state === 'paused'")
    until(other, "t => farwatch.model.picture.timeMs === t", page.evaluate("farwatch.model.picture.timeMs"))
    seen, wanted = json.loads(other.evaluate(state)), json.loads(page.evaluate(state))
    for key, value in wanted[0].items():
        assert seen[0][key] == pytest.approx(value, rel=1e-3)
    assert seen[1:] == wanted[1:]
    assert page.evaluate("farwatch.model.picture.timeMs") > first


def test_themes_are_remembered(watched, service_url, shot) -> None:
    page = watched.open(service_url, 1440, 860)
    for theme in ("light", "contrast", "dark"):
        page.click("text=Layers")
        page.select_option("#layers select >> nth=1", theme)
        until(page, "theme => document.documentElement.dataset.theme === theme", theme)
        page.keyboard.press("Escape")
        page.evaluate("history.replaceState(null, '', location.pathname)")
        page.reload()
        until(page, "window.farwatch?.model.picture?.n > 0")
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        page.wait_for_timeout(1200)
        shot(page, f"theme-{theme}")
