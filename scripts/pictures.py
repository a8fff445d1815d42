"""The pictures of the README and the docs, taken from the running demo.

    python scripts/pictures.py [--seconds 90] [--out docs/pictures]

Needs Chromium and the development dependencies; the page must be built. Starts `farwatch demo --map`, waits until the
picture is full, and writes the map in its themes and a selected aircraft.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SIZE = {"width": 1440, "height": 900}
THEMES = ("dark", "light", "contrast")


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=90.0, help="of the demo before the first one is taken")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs" / "pictures")
    chosen = parser.parse_args()
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        sys.exit("no Chromium on this machine (Debian, Ubuntu: apt install chromium)")
    chosen.out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "farwatch.cli", "demo", "--map", "--no-browser", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    ) as demo:
        try:
            take(program, address_of(demo), chosen.out, chosen.seconds)
        finally:
            demo.terminate()


def address_of(demo: Any) -> str:
    """Where the demo says that its map is."""
    for line in demo.stdout:
        if found := re.search(r"http://\S+", line):
            return found[0]
    sys.exit("the demo has not said where its map is")


def take(program: str, url: str, out: Path, seconds: float) -> None:
    """Open the map and take the pictures."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page(viewport=SIZE)
        page.goto(url)
        time.sleep(seconds)
        for theme in THEMES:
            page.evaluate(f"localStorage.setItem('farwatch.settings', JSON.stringify({{theme: '{theme}'}}))")
            page.reload()
            time.sleep(8)
            page.screenshot(path=out / f"map-{theme}.png")
        page.evaluate("localStorage.setItem('farwatch.settings', JSON.stringify({theme: 'dark'}))")
        page.reload()
        time.sleep(6)
        page.get_by_role("row").nth(4).click()
        time.sleep(4)
        page.screenshot(path=out / "map-selected.png")
        browser.close()


if __name__ == "__main__":
    main()
