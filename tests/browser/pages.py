"""What the tests in a browser share: a service in a process of its own, and pages that are watched."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BUSY = str(HERE / "busy.toml")
PAGE_VARIABLE = "FARWATCH_PAGE_ROOT"  # another built page than the package's
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
PATIENT_S = 20.0  # machines are shared


def until(page: Any, true: str, arg: object = None, patient_s: float = PATIENT_S) -> Any:
    """Ask the page until an expression, or a function of `arg`, holds; what it gave.

    The page forbids code made of strings, and so what the driver brings for this: each question is put from outside.
    """
    end = time.monotonic() + patient_s
    while not (found := page.evaluate(true, arg)):
        assert time.monotonic() < end, f"did not come about: {true}"
        time.sleep(0.05)
    return found


def serious(page: Any) -> list[str]:
    """What axe finds that is serious or critical."""
    page.evaluate(AXE.read_text())
    return page.evaluate(
        """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
        .filter(one => one.impact === 'serious' || one.impact === 'critical')
        .map(one => `${one.id}: ${one.nodes.map(node => `${node.target} ${node.failureSummary}`).join(' | ')}`)"""
    )


class Service:
    """`map_service.py` in a process of its own, that can be killed and started again on the same port."""

    def __init__(self, scenario: str, token_file: Path | None = None) -> None:
        self._token_file = token_file
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/"
        self._process: subprocess.Popen[str] | None = None
        self.start(scenario)

    def start(self, scenario: str) -> None:
        """Start, and wait until the first minutes are there."""
        command = [
            sys.executable,
            str(HERE / "map_service.py"),
            str(self.port),
            scenario,
            os.environ.get(PAGE_VARIABLE, ""),
        ]
        if self._token_file is not None:
            command.append(str(self._token_file))
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert said.startswith("ready"), f"the service did not start: {said!r}"

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None


class Watched:
    """Pages of a context that notes what they say on the console and whom they ask."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser
        self._contexts: list[Any] = []
        self.expected: tuple[str, ...] = ()  # parts of errors that a test brings about
        self.errors: list[str] = []
        self.requests: list[str] = []

    def open(self, url: str, width: int = 1280, height: int = 800, token: str | None = None, **options: Any) -> Any:
        """A page of an empty profile, with a picture on it."""
        context = self.browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(PATIENT_S * 1000)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", lambda told: self.errors.append(told.text) if told.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda socket: self.requests.append(socket.url))
        page.goto(url)
        if token is not None:
            page.fill("[name=token]", token)
            page.click("button")
        until(page, "window.farwatch?.model.picture?.n > 0")
        return page

    def close(self) -> None:
        """Close, and see that nothing went wrong and nothing left the machine."""
        for context in self._contexts:
            context.close()
        unexpected = [text for text in self.errors if not any(part in text for part in self.expected)]
        assert unexpected == []
        hosts = {urlsplit(url).hostname for url in self.requests if not url.startswith(("data:", "blob:"))}
        assert hosts <= {"127.0.0.1", "localhost"}, hosts
