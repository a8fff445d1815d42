"""The map page's build: when it is current, what it takes, what it weighs, and the unit tests of its own language."""

from __future__ import annotations

import gzip
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent.parent
WEB, PAGE = ROOT / "web", ROOT / "src" / "farwatch" / "page"
LIMIT_BYTES = 60_000


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    """hatch_build.py as a module."""
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hatch_build"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Sources of a page, small ones."""
    (tmp_path / "web" / "src").mkdir(parents=True)
    (tmp_path / "web" / "package.json").write_text("{}")
    (tmp_path / "web" / "src" / "main.ts").write_text("1")
    return tmp_path


def built(hook: ModuleType, root: Path) -> None:
    """As if its page had been built."""
    page = hook.page_of(root)
    page.mkdir(parents=True, exist_ok=True)
    (page / "index.html").write_text("<!doctype html>")
    (page / "stamp.txt").write_text(hook.stamp(root) + "\n")


def test_a_page_is_current_until_a_source_changes(hook: ModuleType, checkout: Path) -> None:
    assert not hook.is_current(checkout)
    built(hook, checkout)
    assert hook.is_current(checkout)
    for other in ("node_modules/a.js", "tests/a.test.ts", "dev/index.html"):  # none of these is in the page
        (checkout / "web" / other).parent.mkdir(exist_ok=True)
        (checkout / "web" / other).write_text("x")
    assert hook.is_current(checkout)
    (checkout / "web" / "src" / "main.ts").write_text("2")
    assert not hook.is_current(checkout)
    (checkout / "web" / "src" / "main.ts").write_text("1")
    (checkout / "web" / "src" / "main.ts").rename(checkout / "web" / "src" / "other.ts")
    assert not hook.is_current(checkout)


def test_a_page_without_its_sources_is_taken_as_it_is(hook: ModuleType, checkout: Path) -> None:
    built(hook, checkout)
    shutil.rmtree(checkout / "web")
    assert hook.stamp(checkout) is None and hook.is_current(checkout)
    shutil.rmtree(hook.page_of(checkout))
    assert not hook.is_current(checkout)


def test_the_switch(hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FARWATCH_PAGE", raising=False)
    assert hook.switch() == "auto"
    for value in ("auto", "require", "skip"):
        monkeypatch.setenv("FARWATCH_PAGE", value)
        assert hook.switch() == value
    monkeypatch.setenv("FARWATCH_PAGE", "perhaps")
    with pytest.raises(ValueError, match="FARWATCH_PAGE=perhaps: give auto, require or skip"):
        hook.switch()


@pytest.mark.parametrize(
    ("version", "good"),
    [
        ((18, 20), False),
        ((20, 18), False),
        ((20, 19), True),
        ((21, 7), False),
        ((22, 11), False),
        ((22, 12), True),
        ((24, 0), True),
    ],
)
def test_which_node_will_do(hook: ModuleType, version: tuple[int, int], good: bool) -> None:
    assert hook.fits(*version) is good


def test_a_build_that_cannot_be_says_why_and_leaves_the_page(
    hook: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(hook, checkout)
    (checkout / "web" / "src" / "main.ts").write_text("2")
    monkeypatch.setenv("PATH", str(checkout))
    assert hook.node_of_path() is None
    with pytest.raises(hook.PageError, match=r"Node 20\.19 or newer"):
        hook.build(checkout, None)
    failing = hook.Node(checkout, [sys.executable, "-c", "import sys; sys.exit('no such package')"])
    with pytest.raises(hook.PageError, match=r"`npm ci .*` in web/ failed:\nno such package"):
        hook.build(checkout, failing)
    assert (hook.page_of(checkout) / "index.html").is_file()


def test_the_lock_names_no_registry() -> None:
    lock = (WEB / "package-lock.json").read_text()
    assert '"resolved"' not in lock and "http" not in re.sub(r'"url": "[^"]*"', "", lock)


def page_files(pattern: str) -> list[Path]:
    """Files of the built page; skips where it is not built."""
    if not (PAGE / "index.html").is_file():
        pytest.skip("the map page is not built (FARWATCH_PAGE=require pip install -e .)")
    return sorted(PAGE.rglob(pattern))


def test_script_and_style_weigh_little() -> None:
    parts = [*page_files("assets/*.js"), *page_files("assets/*.css")]
    weight = sum(len(gzip.compress(path.read_bytes(), 9)) for path in parts)
    assert len(parts) >= 2 and weight < LIMIT_BYTES


def test_nothing_in_the_page_is_inline_or_from_elsewhere() -> None:
    page_files("index.html")
    html = (PAGE / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", html)
    for address in re.findall(r'(?:src|href)="([^"]*)"', html):
        assert address.startswith("./") and (PAGE / address).is_file()
    names = [path.name for path in page_files("assets/*")]
    assert all(re.search(r"-[\w-]{8}\.\w+$", name) for name in names), names


def test_the_pages_own_unit_tests(hook: ModuleType) -> None:
    node = hook.node_of_path()
    if node is None or not (WEB / "node_modules" / "vite").is_dir():
        pytest.skip("no Node that will do, or web/node_modules is not there (npm ci in web/)")
    for step in ("check", "test"):
        done = subprocess.run(
            [*node.npm, "run", step], cwd=WEB, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert re.search(r"^# pass [1-9]", done.stdout, re.M) and re.search(r"^# fail 0$", done.stdout, re.M)
