"""A service with a real tracker behind it, and a real browser before it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import BUSY, PAGE_VARIABLE, ROOT, Service, Watched

OUT = ROOT / "out" / "browser"
URL_VARIABLE = "FARWATCH_SERVICE_URL"  # another service to test against, already running
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a window; skips where there is none, or no page to look at."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    pytest.importorskip("farwatch.service.server", reason="the service is not there")
    program = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium on this machine (Debian, Ubuntu: apt install chromium)")
    page = Path(os.environ.get(PAGE_VARIABLE, ROOT / "src" / "farwatch" / "page"))
    if not (page / "index.html").is_file():
        pytest.skip("the map page is not built (FARWATCH_PAGE=require pip install -e .)")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def service_url(browser: Any) -> Iterator[str]:
    """A service with more than 300 tracks that no test ends."""
    if given := os.environ.get(URL_VARIABLE):
        yield given
        return
    service = Service(BUSY)
    yield service.url
    service.kill()


@pytest.fixture
def service(browser: Any) -> Iterator[Service]:
    """A service of the test's own, to be killed."""
    own = Service(BUSY)
    yield own
    own.kill()


@pytest.fixture
def watched(browser: Any) -> Iterator[Watched]:
    """Opens pages; at the end no error may stand on the console, and no request may have left the machine."""
    pages = Watched(browser)
    yield pages
    pages.close()


@pytest.fixture
def shot() -> Callable[[Any, str], Any]:
    """Keeps a picture of a page under out/browser/."""
    OUT.mkdir(parents=True, exist_ok=True)
    return lambda page, name: page.screenshot(path=str(OUT / f"{name}.png"))
