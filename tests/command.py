"""Runs the command line inside the test, as a shell would see it."""

from __future__ import annotations

import sys
from typing import NamedTuple

import pytest

from farwatch.cli import main


class Ran(NamedTuple):
    """What a command left: its exit status and what it wrote."""

    code: int
    out: str
    err: str


class Command:
    """The command `farwatch` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def __call__(self, *arguments: object) -> Ran:
        self._monkeypatch.setattr(sys, "argv", ["farwatch", *(str(a) for a in arguments)])
        self._capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        captured = self._capsys.readouterr()
        return Ran(code, captured.out, captured.err)
