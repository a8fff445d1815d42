"""The kernel cache: a change recompiles what depends on it, and nothing else."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from farwatch.kernels import cache_directory, is_cached, kernel, source_key

INNER = """
from farwatch.kernels import kernel
FACTOR = {factor}
@kernel
def inner(x):
    return x * FACTOR {extra}
@kernel
def outer(x):
    return inner(x) + 1
@kernel
def apart(x):
    return x - 1
"""


def keys(folder: Path, factor: int, extra: str = "") -> dict[str, str]:
    """Keys of the three kernels as a fresh interpreter sees the file."""
    (folder / "some_kernels.py").write_text(INNER.format(factor=factor, extra=extra))
    script = (
        "import some_kernels as k\nprint(k.outer(3), *(f.py_func.__kernel_key__ for f in (k.inner, k.outer, k.apart)))"
    )
    # Bytecode is told to be old by the second: two files of one length within it would be taken for one.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(folder)}
    environment["FARWATCH_CACHE"] = str(folder / "cache")
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    value, *found = out.stdout.split()
    return {"value": value, **dict(zip(("inner", "outer", "apart"), found))}


def test_a_change_reaches_what_calls_it_and_nothing_else(tmp_path: Path) -> None:
    first, constant, source = keys(tmp_path, 2), keys(tmp_path, 5), keys(tmp_path, 2, "+ 10")
    assert (first["value"], constant["value"], source["value"]) == ("7", "16", "17")
    for changed in (constant, source):
        assert changed["inner"] != first["inner"]
        assert changed["outer"] != first["outer"]
        assert changed["apart"] == first["apart"]
    # Back as it was: the compiled form is still there.
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.nbc")}
    again = keys(tmp_path, 2)
    assert again == first
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.nbc")} == before


@kernel
def twice(x):  # type: ignore[no-untyped-def]
    return 2 * x


def test_a_kernel_says_whether_it_is_compiled() -> None:
    assert twice(2) == 4
    assert is_cached(twice)
    assert source_key(twice.py_func) == twice.py_func.__kernel_key__


def test_the_cache_goes_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARWATCH_CACHE", str(tmp_path))
    assert cache_directory() == tmp_path / "kernels"
    monkeypatch.delenv("FARWATCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_directory() == tmp_path / "xdg" / "farwatch" / "kernels"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "farwatch" in str(cache_directory())


def test_no_kernel_uses_fastmath() -> None:
    step = importlib.import_module("farwatch.tracker.step").step
    assert not step.targetoptions.get("fastmath", False)
    assert np.isnan(twice(np.nan))


def test_a_kernel_below_its_caller_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its source could not enter the caller's key: a change of it would leave the caller compiled as it was."""
    (tmp_path / "below_its_caller.py").write_text(
        "from farwatch.kernels import kernel\n\n"
        "@kernel\ndef upper(x):\n    return lower(x)\n\n"
        "@kernel\ndef lower(x):\n    return x\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(TypeError, match="kernel lower stands below upper"):
        importlib.import_module("below_its_caller")
