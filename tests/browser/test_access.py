"""The map page for everybody: the keyboard alone, 200 % zoom, contrast, names and roles."""

from __future__ import annotations

import pytest
from pages import AXE, serious, until


def test_the_keyboard_alone(watched, service_url) -> None:
    page = watched.open(service_url)
    until(page, "farwatch.model.statics.size >= 300 && document.querySelectorAll('.rows .row').length > 10")
    for _ in range(60):  # by Tab to the list: it is one stop
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement?.getAttribute('role') === 'row'"):
            break
    else:
        raise AssertionError("Tab does not reach the list")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    before = page.evaluate("Number(document.activeElement.getAttribute('aria-rowindex'))")
    for _ in range(40):
        page.keyboard.press("ArrowDown")
    after = page.evaluate("Number(document.activeElement.getAttribute('aria-rowindex'))")
    assert after >= before + 35  # a picture may have brought or taken a row meanwhile
    page.keyboard.press("Enter")
    until(page, "farwatch.model.selected === Number(document.activeElement.dataset.id)")
    page.wait_for_timeout(2500)  # pictures come, and rows move: the focus stays
    assert page.evaluate("farwatch.model.selected === Number(document.activeElement?.dataset.id)")
    page.keyboard.press("f")
    until(page, "farwatch.model.following")
    page.keyboard.press("Escape")
    until(page, "farwatch.model.selected === null && !farwatch.model.following")
    page.locator(".map").focus()
    view = page.evaluate("({...farwatch.model.view})")
    page.keyboard.press("+")
    until(page, "m => farwatch.model.view.metresPerPixel < m", view["metresPerPixel"])
    page.keyboard.press("ArrowUp")
    until(page, "lat => farwatch.model.view.latDeg !== lat", view["latDeg"])
    settings = page.evaluate("({...farwatch.model.settings})")
    for key in "lhvpr":
        page.keyboard.press(key)
    changed = page.evaluate("({...farwatch.model.settings})")
    for name in ("labels", "history", "vectorMin", "plots", "rings"):
        assert changed[name] != settings[name]
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("l")
    assert page.evaluate("farwatch.model.settings.labels") == changed["labels"]  # not while the help is open
    page.keyboard.press("Escape")
    until(page, "document.querySelector('dialog[open]') === null")


def test_200_percent(watched, service_url, shot) -> None:
    page = watched.open(service_url, 640, 400, device_scale_factor=2)
    page.wait_for_timeout(800)
    assert page.evaluate(
        "document.documentElement.scrollWidth <= innerWidth && document.body.scrollHeight <= innerHeight"
    )
    outside = page.evaluate(
        """() => [...document.querySelectorAll('header button, .maptools button, .timebar button')].filter(one => {
          const b = one.getBoundingClientRect();
          return b.width > 0 && (b.left < 0 || b.top < 0 || b.right > innerWidth + 1 || b.bottom > innerHeight + 1);
        }).map(one => one.title)"""
    )
    assert outside == []
    shot(page, "zoom-200")
    page.click("[title^='Show or hide']")
    page.locator(".rows .row").first.click()
    until(page, "farwatch.model.selected !== null")
    last = page.locator(".detail dl > div").last
    last.scroll_into_view_if_needed()
    assert last.is_visible()
    shot(page, "zoom-200-list")


@pytest.mark.parametrize("theme", ["dark", "light", "contrast"])
def test_axe_finds_nothing_serious(watched, service_url, theme: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed (npm ci in web/)")
    page = watched.open(f"{service_url}#o=%7B%22theme%22%3A%22{theme}%22%7D")
    until(page, "farwatch.model.statics.size >= 300 && document.querySelectorAll('.rows .row').length > 10")
    page.evaluate(
        """() => {
        const m = farwatch.model, [first, second] = m.picture.id;
        m.statics.get(first).modeA = '7700'; m.statics.get(second).modeA = '7500';
        m.status.said.push('RAD2 has been silent for 34 s'); m.changed('static'); m.changed('status'); }"""
    )
    page.locator(".rows .row").first.click()
    page.wait_for_selector(".detail:not([hidden])")
    page.wait_for_selector(".emergency")
    assert serious(page) == []
    page.click("#tab-sensors")
    page.click("text=Layers")
    page.wait_for_selector("#layers:popover-open")
    assert serious(page) == []
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    assert serious(page) == []
    page.keyboard.press("Escape")
