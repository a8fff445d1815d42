"""What `inspect` says of a recording."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import reference_asterix as ref
from command import Command
from farwatch.errors import FormatError
from farwatch.formats.asterix import inspect


def test_counts_of_every_category(tmp_path: Path) -> None:
    path = tmp_path / "a.ast"
    other = ref.plot(120.5, i010=ref.source(9, 9), i130=b"\x20\xc8", i250=b"\x01" + bytes(8))
    blocks = [
        ref.block(48, ref.plot(100.5), ref.plot(101.0)),
        ref.block(34, ref.sector(90.0, 1)),
        ref.block(48, other, b"\xff"),
        ref.block(250, b"\x00"),
    ]
    path.write_bytes(b"".join(blocks))
    found = inspect(path)
    assert found.container == "raw" and found.bytes == path.stat().st_size and found.datagrams == 0
    assert list(found.categories) == [34, 48] and found.first_received_ns is None
    radar = found.categories[48]
    assert (radar.edition, radar.looks_like) == ("1.32", None)
    assert (radar.blocks, radar.records, radar.broken_blocks) == (2, 3, 1)
    assert (radar.first_time_of_day_s, radar.last_time_of_day_s) == (100.5, 120.5)
    assert radar.sources == {(1, 10): 2, (9, 9): 1}
    assert radar.items["040"] == 1.0 and radar.items["130/SAM"] == pytest.approx(1 / 3) and "161" not in radar.items
    assert radar.titles["040"].startswith("Measured Position")
    assert found.statistics.records == 4 and found.statistics.broken_blocks == 1
    assert sorted(found.statistics.errors) == ["FSPEC runs past its block", "category without a table"]


def test_the_edition_that_fits_is_taken_unless_one_is_given(tmp_path: Path) -> None:
    path = tmp_path / "a.ast"
    path.write_bytes(ref.block(48, ref.plot(i020=b"\xa1\x01\x00")) * 10)
    assert inspect(path).categories[48].edition == "1.32"
    given = inspect(path, {48: "1.27"}).categories[48]
    assert given.edition == "1.27" and given.records == 0 and given.looks_like is not None


def test_captures_say_when_they_were_received(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(ref.pcap([ref.block(48, ref.plot())] * 3, first_s=1_700_000_000))
    found = inspect(path)
    assert (found.container, found.datagrams) == ("pcap", 3)
    assert found.first_received_ns == 1_700_000_000_000_500_000
    assert found.last_received_ns == 1_700_000_002_000_500_000


def test_a_file_that_holds_no_asterix(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("This is no recording, whatever its bytes may look like.")
    with pytest.raises(FormatError, match=r"notes\.txt: holds no ASTERIX block"):
        inspect(path)


def test_recorded_ads_b_is_recognised_as_its_old_edition() -> None:
    """Read with the newest edition these bytes are three times as many records of nonsense."""
    found = inspect(ref.recording("lebl_adsb_cat021_ed023_2h_midnight.ast")).categories[21]
    assert (found.edition, found.records, found.broken_blocks) == ("0.23", 49_330, 0)
    assert found.sources == {(0, 107): 49_330}
    assert found.first_time_of_day_s > 79_000 and found.last_time_of_day_s < 100


def test_recorded_network() -> None:
    found = inspect(ref.recording("network_7radars_dual.pcap"))
    assert (found.categories[48].records, found.categories[34].records) == (128, 34)
    assert found.datagrams == 100 and len(found.categories[48].sources) == 7
    assert not np.isnan(found.categories[34].first_time_of_day_s)


def test_extent_and_rate(tmp_path: Path) -> None:
    path = tmp_path / "a.ast"
    place = [round(degrees * 2**25 / 180).to_bytes(4, "big", signed=True) for degrees in (47.0, 9.0, 48.5, -3.25)]
    tracks = [b"\x98" + ref.source() + ref.time_of_day(10) + place[k] + place[k + 1] for k in (0, 2)]
    times = [86_390.0, 86_395.0, 5.0]
    path.write_bytes(ref.block(48, *[ref.plot(time, 40.0) for time in times]) + ref.block(62, *tracks))
    found = inspect(path)
    radar, tracker = found.categories[48], found.categories[62]
    assert radar.span_s == 15.0 and radar.max_range_m == 40 * 1852 and radar.bbox_deg is None
    assert tracker.bbox_deg == pytest.approx((47.0, -3.25, 48.5, 9.0), abs=1e-5) and np.isnan(tracker.max_range_m)
    assert tracker.newest == tracker.edition


def test_what_is_not_supported_is_named(tmp_path: Path, farwatch: Command) -> None:
    path = tmp_path / "a.ast"
    path.write_bytes(ref.block(48, ref.plot()) + ref.block(250, b"abc") * 3 + ref.block(62, b"\xff\xff"))
    assert inspect(path).statistics.unsupported == {250: 3}
    ran = farwatch("inspect", path, "--json")
    assert ran.code == 3
    said = json.loads(ran.out)
    assert said["unsupported"] == {"250": 3} and said["container"] == "raw" and said["compression"] is None
    fspec = next(error for error in said["errors"] if error["kind"].startswith("FSPEC"))
    assert (fspec["count"], fspec["item"]) == (1, "CAT062") and fspec["byte"] == path.stat().st_size - 2
    assert "CAT250: 3 blocks, not supported" in farwatch("inspect", path).out


def test_the_edition_that_fits_is_told_with_how_to_choose_it(farwatch: Command) -> None:
    for name, fits in (("lebl_adsb_cat021_ed023_2h_midnight.ast", "0.23"), ("bcn_cat021_ed21_4min.ast", "2.1")):
        path = ref.recording(name)
        ran = farwatch("inspect", path)
        assert ran.code == 0 and f"CAT021 looks like edition {fits}" in ran.err and f"--edition 021={fits}" in ran.err
        ran = farwatch("inspect", path, "--edition", "021=2.7", "--json")
        (told,) = [c for c in json.loads(ran.out)["categories"] if c["category"] == 21]
        assert (told["edition"], told["looks_like"]) == ("2.7", fits if fits == "0.23" else None)


@pytest.mark.parametrize("wrong", ["0.26", "2.1", "2.7"])
def test_nonsense_is_never_read_as_an_edition(tmp_path: Path, wrong: str) -> None:
    """The old ADS-B recording in any other layout: refused, with the edition that fits."""
    path = ref.recording("lebl_adsb_cat021_ed023_2h_midnight.ast")
    found = inspect(path, {21: wrong}).categories[21]
    fits = found.looks_like or found.edition
    assert fits.startswith("0.2") or (found.records, found.broken_blocks) == (49_330, 0)
