"""What comes with the service: the unit for systemd and the container file say what they should."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

CONTRIB = Path(__file__).parents[2] / "contrib"


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(CONTRIB / "farwatch.service")
    return parser


def test_the_unit_is_hardened_and_watched() -> None:
    service = unit()["Service"]
    wanted = {
        "Type": "notify",
        "Restart": "on-failure",
        "DynamicUser": "yes",
        "StateDirectory": "farwatch",
        "ProtectSystem": "strict",
        "NoNewPrivileges": "yes",
        "CapabilityBoundingSet": "",
    }
    assert {name: service[name] for name in wanted} == wanted
    assert int(service["WatchdogSec"]) >= 5
    assert service["ExecStart"].split()[1:] == ["serve", "/etc/farwatch/site.toml"]
    assert unit()["Install"]["WantedBy"] == "multi-user.target"


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("no systemd-analyze here")
    text = (CONTRIB / "farwatch.service").read_text().replace("/opt/farwatch/bin/farwatch", shutil.which("true") or "")
    (tmp_path / "farwatch.service").write_text(text)
    ran = subprocess.run(
        [tool, "verify", "--man=no", str(tmp_path / "farwatch.service")], capture_output=True, text=True
    )
    ours = [line for line in ran.stderr.splitlines() if "farwatch.service" in line]
    assert ran.returncode == 0 and ours == [], ran.stderr


def test_the_container_runs_as_nobody_special() -> None:
    lines = (CONTRIB / "Containerfile").read_text().splitlines()
    steps = [
        line.split(maxsplit=1) for line in lines if line and line.split()[0].isupper() and not line.startswith("#")
    ]
    verbs = [verb for verb, _ in steps]
    assert verbs.count("FROM") == 2  # what builds is not what runs
    last = dict(steps[len(verbs) - 1 - verbs[::-1].index("FROM") :])
    assert last["USER"] == "farwatch" and last["STOPSIGNAL"] == "SIGTERM"
    assert last["ENTRYPOINT"] == '["farwatch"]' and '"serve"' in last["CMD"]
    assert "--from=build" in last["COPY"]
    for source in ("pyproject.toml", "README.md", "LICENSE", "src"):
        assert (CONTRIB.parent / source).exists()
        assert any(verb == "COPY" and source in rest for verb, rest in steps)
