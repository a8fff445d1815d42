"""What ADS-B receivers, multilateration servers and a passive radar write: told by content, read, or counted."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest

from farwatch.errors import FormatError
from farwatch.formats.blah2 import LIGHT_MPS, Blah2
from farwatch.formats.heard import BROKEN, Reader
from farwatch.formats.stream_inspection import inspect_stream
from farwatch.formats.streams import FORMATS, format_of, read_file
from farwatch.plots import Flag, Kind, Plots, callsign_text, concat_plots
from streams import AIRCRAFT, CONTENT, CSV, OLD, PASSIVE, SBS

KNOT = 1852 / 3600


def read(name: str, content: bytes) -> tuple[Plots, Reader, np.ndarray]:
    reader = FORMATS[name].reader()
    parts = [reader.push(content), reader.flush()]
    return concat_plots([one.plots for one in parts]), reader, np.concatenate([one.sigma_m for one in parts])


def test_every_format_has_a_sample_here() -> None:
    assert set(CONTENT) == set(FORMATS)


@pytest.mark.parametrize("name", CONTENT)
@pytest.mark.parametrize("packed", [False, True])
def test_a_format_is_told_by_its_content(name: str, packed: bool, tmp_path: Path) -> None:
    path = tmp_path / "anything"
    path.write_bytes(gzip.compress(CONTENT[name]) if packed else CONTENT[name])
    assert format_of(path) == name
    found = inspect_stream(path, name)
    assert (found.format, found.compression) == (name, "gzip" if packed else "")
    assert found.positions > 0
    assert not found.skipped


@pytest.mark.parametrize("name", CONTENT)
def test_borders_of_portions_change_nothing(name: str, tmp_path: Path) -> None:
    whole, counted, _ = read(name, CONTENT[name])
    path = tmp_path / "recording"
    path.write_bytes(CONTENT[name])
    for size in (1, 7, 64):
        reader = FORMATS[name].reader()
        parts = concat_plots([heard.plots for heard in read_file(path, reader, chunk_bytes=size)])
        for a, b in zip(whole, parts):
            np.testing.assert_array_equal(a, b)
        assert reader.kinds == counted.kinds


def test_other_files_are_none_of_these(tmp_path: Path) -> None:
    for content in (b"", b"hello\n", b"{}\n", b"1,2,3\n", bytes(range(256)), b"\x30\x00\x05\xff\xff"):
        path = tmp_path / "file"
        path.write_bytes(content)
        assert format_of(path) == ""
    with pytest.raises(FormatError, match="no such file"):
        format_of(tmp_path / "missing")


def test_sbs() -> None:
    plots, reader, sigma_m = read("sbs", SBS)
    assert [f"{a:06X}" for a in plots.address] == ["3C6586", "4B1234", "4B9999", "4BAAAA"]
    assert plots.kind.tolist() == [Kind.ADSB, Kind.MLAT, Kind.MLAT, Kind.ADSB]
    assert (plots.time_ns[0] - 1_767_225_600 * 10**9) == 2_500_000_000
    np.testing.assert_allclose(np.degrees(plots.z[0, :2]), [47.1, 8.2])
    np.testing.assert_allclose(plots.z[0, 3:], [250 * KNOT, 0.0, -640 * 0.3048 / 60], atol=1e-9)
    assert callsign_text(int(plots.callsign[0])) == "DLH123"
    assert plots.pressure_altitude_m[0] == pytest.approx(12_000 * 0.3048)
    assert sigma_m[1] == pytest.approx(120 / math.sqrt(2))
    assert math.isnan(sigma_m[2])
    assert plots.mode_a[1] == 0o2000
    assert plots.flags[3] == Flag.ON_GROUND
    assert math.isnan(plots.pressure_altitude_m[3])
    assert not reader.statistics.skipped


def test_sbs_with_a_clock_that_is_wrong() -> None:
    received_ns = (1_767_225_600 + 7200) * 10**9  # as by a receiver in another time zone
    reader = FORMATS["sbs"].reader()
    plots = reader.push(SBS, received_ns).plots
    assert (plots.time_ns == received_ns).all()
    assert sum(reader.statistics.rejected.values()) >= plots.n


def test_sbs_with_uptimes() -> None:
    text = b"START,Wed Sep 2 04:23:37 +0000 UTC 2015\n"
    text += b"2000000000,MSG,3,,,AA6A76,,,,,,,35000,,,42.67905,-83.94497,,,0,0,0,0\n"
    plots, reader, _ = read("sbs", text)
    assert plots.time_ns.tolist() == [1_441_167_819 * 10**9]
    assert not reader.statistics.skipped


def test_aircraft_json() -> None:
    plots, reader, sigma_m = read("aircraft_json", CONTENT["aircraft_json"])
    assert [f"{a:06x}" for a in plots.address] == ["3c6586", "4b1234", "abc123"]
    assert plots.kind.tolist() == [Kind.ADSB, Kind.MLAT, Kind.ADSB]
    assert (plots.time_ns - 1_767_225_600 * 10**9).tolist() == [250_000_000, -1_000_000_000, -1_500_000_000]
    assert plots.pressure_altitude_m[0] == pytest.approx(35_000 * 0.3048)
    assert plots.z[0, 2] == pytest.approx(35_425 * 0.3048)
    assert sigma_m[0] == pytest.approx(30 / 2.4477, rel=0.02)
    assert math.isnan(sigma_m[1])
    assert plots.flags[2] == Flag.TRAFFIC_SERVICE | Flag.NOT_ICAO | Flag.ON_GROUND
    assert reader.statistics.records == 4
    pretty, _, _ = read("aircraft_json", json.dumps(AIRCRAFT, indent=2).encode())
    np.testing.assert_array_equal(pretty.z, plots.z)
    lines = b"\n".join(json.dumps(AIRCRAFT | {"now": AIRCRAFT["now"] + k}).encode() for k in range(3))
    assert read("aircraft_json", lines)[0].n == 9
    old, _, old_sigma = read("aircraft_json", json.dumps(OLD).encode())
    assert old.z[0, 3:].tolist() == pytest.approx([0.0, 300 * KNOT, 128 * 0.3048 / 60], abs=1e-9)
    assert old_sigma[0] == pytest.approx(92.6 / 2.4477, rel=0.02)  # NUCp 7


def test_positions_by_multilateration() -> None:
    plots, _, sigma_m = read("mlat_csv", CSV)
    assert (plots.kind == Kind.MLAT).all()
    assert sigma_m.tolist() == pytest.approx([90 / math.sqrt(3), math.nan, 60 / math.sqrt(3)], nan_ok=True)
    assert plots.z[:, 2] == pytest.approx(30_500 * 0.3048)
    assert np.isnan(plots.z[:2, 3]).all()
    assert math.hypot(plots.z[2, 3], plots.z[2, 4]) == pytest.approx(350 * KNOT)


def test_a_passive_radar() -> None:
    reader = Blah2(frequency_hz=100e6)
    plots = reader.push(PASSIVE).plots
    assert plots.n == 2
    assert (plots.kind == Kind.PASSIVE).all()
    assert plots.z[:, 0].tolist() == [12_500.0, 40_000.0]
    assert plots.z[:, 3].tolist() == pytest.approx([-100.0 * LIGHT_MPS / 100e6, 50.0 * LIGHT_MPS / 100e6])
    assert plots.amplitude_dbm.tolist() == [15.0, 9.5]
    unknown, _, _ = read("blah2", PASSIVE)
    assert np.isnan(unknown.z[:, 3]).all()
    assert (unknown.measured == 1).all()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("sbs", b"MSG,3,1,1,XYZXYZ,1,2026/01/01,00:00:02.500,2026/01/01,00:00:02.600,,12000,,,47.1,8.2,,,0,0,0,0"),
        ("sbs", b"MSG,3,1,1,3C6586,1,2026/13/41,25:00:02.500,,,,12000,,,47.1,8.2,,,0,0,0,0"),
        ("sbs", b"MSG,3,1,1,3C6586,1,2026/01/01,00:00:02.5,,,,much,,,47.1,8.2,,,0,0,0,0"),
        ("sbs", b"MSG,3"),
        ("avr", b"*8D40621D58C382D690C8AC2863A;"),
        ("modes_jsonl", b'{"timestamp": -1, "frame": "5d4001594b0fbb"}'),
        ("modes_jsonl", b'{"timestamp": 1, "frame": "zz"}'),
        ("mlat_csv", b"1767225600.250,4B1234,SWR1,2000,north,8.2000,30500,90,5,4,a"),
        ("blah2", b'{"timestamp": 1767225600000, "delay": [1.0], "doppler": []}'),
        ("aircraft_json", b'{"now": "never", "aircraft": []}'),
        ("aircraft_json", b'{"now": 1767225600, "aircraft": [{"hex": "what", "lat": 1, "lon": 2}]}'),
    ],
)
def test_a_broken_line_is_counted_and_the_others_are_read(name: str, line: bytes) -> None:
    good, _, _ = read(name, CONTENT[name])
    plots, reader, _ = read(name, line + b"\n" + CONTENT[name])
    assert plots.n == good.n
    assert reader.statistics.skipped == {BROKEN: 1}


def test_frames_that_are_cut_or_foreign_are_counted() -> None:
    stream = CONTENT["beast"]
    plots, reader, _ = read("beast", b"noise" + stream[:-3])
    assert reader.statistics.skipped == {"bytes between messages": 5, "message cut off at the end": 1}
    assert plots.n >= 8


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    reader = FORMATS["sbs"].reader()
    for _ in range(40):
        reader.push(b"x" * 10_000)
    plots = reader.push(b"\n" + SBS).plots
    assert plots.n == 4
    assert reader.statistics.skipped[BROKEN] >= 1
