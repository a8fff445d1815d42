"""The commands of the pages for users run, in their order and with their site, and leave what the pages say."""

from __future__ import annotations

import json
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from command import Command
from farwatch.formats import asterix
from farwatch.formats.streams import FORMATS
from farwatch.scenario import parse
from farwatch.sources.feeds import checked
from loopback import free_port
from modes import beast_stream, flight

PAGES = Path(__file__).parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return [part.split("```")[0] for part in page.split(f"```{language}\n")[1:]]


@pytest.fixture(scope="module")
def page() -> str:
    """The page about ASTERIX, its ports taken from those that nobody uses."""
    text = (PAGES / "asterix.md").read_text("utf-8")
    for port in ("8600", "8700"):
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}")
    return text


def commands(page: str) -> Iterator[list[str]]:
    for block in blocks(page, "sh"):
        for line in block.splitlines():
            program, *arguments = shlex.split(line)
            assert program == "farwatch"
            yield arguments


def test_every_command_about_asterix_runs(
    page: str, farwatch: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site.toml").write_text(blocks(page, "toml")[0])
    given = list(commands(page))
    verbs = {"check", "simulate", "inspect", "convert", "track", "play", "listen"}
    assert {arguments[0] for arguments in given} == verbs
    for arguments in given:
        ran = farwatch(*arguments)
        assert ran.code == 0, (arguments, ran.err)
        if "--json" in arguments:
            found = [one["category"] for one in json.loads(ran.out)["categories"]]
            assert sorted(found) == [21, 23, 34, 48]
    items = asterix.inspect(tmp_path / "run" / "plots.ast").categories[21].items
    said = page.split("In CAT021 (from edition 2.1 on) go")[1].split(";")[0]
    listed = {word for word in said.replace("I021/", "").replace("(", " ").replace(",", " ").split() if word.isdigit()}
    assert set(items) <= listed and listed - set(items) <= {"150", "151", "157", "071"}, (set(items), listed)
    near = asterix.inspect(tmp_path / "near.ast").categories
    assert set(near) == {21, 23} and set(near[21].sources) == {(1, 201)}
    assert set(asterix.inspect(tmp_path / "tracks.ast", {62: "1.18"}).categories) == {62}


def test_the_page_names_every_category(page: str) -> None:
    text = page.split("- **Categories**: ")[1].split(", in all")[0]
    named: set[int] = set()
    for part in text.replace(" and ", ", ").split(", "):
        first, _, last = part.strip().partition(" to ")
        named |= set(range(int(first), int(last or first) + 1))
    assert named >= set(asterix.categories())
    assert sum(len(asterix.editions(category)) for category in asterix.categories()) == 68
    # The ranges hold no category that there is no table for, but 012 to 014, which have none.
    assert named == set(asterix.categories())


def test_the_site_of_the_page_has_its_defaults(page: str) -> None:
    site = tomllib.loads(blocks(page, "toml")[0])
    without = {key: value for key, value in site.items() if key != "merge"}
    assert parse(site) == parse(without)


@pytest.fixture(scope="module")
def adsb_page() -> str:
    """The page about ADS-B."""
    return (PAGES / "adsb.md").read_text("utf-8")


def test_every_command_about_adsb_runs(
    adsb_page: str, farwatch: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site.toml").write_text(blocks(adsb_page, "toml")[0])
    night = [*flight(0x3C6586, 30, 47.2, 9.1), *flight(0x400001, 30, 47.6, 9.5)]
    (tmp_path / "night.bin").write_bytes(beast_stream(night))
    for arguments in commands(adsb_page):
        ran = farwatch(*arguments)
        assert ran.code == 0, (arguments, ran.err)
    fused = pq.read_table(tmp_path / "fused.parquet")
    assert ["RAD1", "ADSB"] in fused["sensors"].to_pylist()


def test_the_page_about_adsb_names_all_formats_and_its_feed_is_right(adsb_page: str) -> None:
    site = tomllib.loads(blocks(adsb_page, "toml")[0] + blocks(adsb_page, "toml")[1])
    (feed,) = parse(site).feeds
    checked(feed, 0)
    rows = [row.split("|")[1] for row in adsb_page.splitlines() if row.startswith("| `")]
    assert {name.strip(" `") for row in rows for name in row.split(",")} == set(FORMATS)
