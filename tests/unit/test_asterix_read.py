"""Recordings of CAT048, 034, 001 and 002 as Plots and Progress."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

import reference_asterix as ref
from farwatch.errors import FormatError
from farwatch.formats.asterix import Decoded, columns, read, records, stream
from farwatch.plots import NO_ADDRESS, NO_CALLSIGN, Flag, Kind, ProgressKind, callsign_text, pack_callsign

SOURCES = {(1, 10): 0, (1, 11): 1}
SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS


def written(folder: Path, *blocks: bytes, name: str = "a.ast") -> Path:
    path = folder / name
    path.write_bytes(b"".join(blocks))
    return path


def read_plots(folder: Path, *records: bytes, **options) -> Decoded:
    return read(written(folder, ref.block(48, *records)), SOURCES, **options)


def test_a_full_mode_s_plot(tmp_path: Path) -> None:
    record = ref.plot(
        3600.5,
        51.25,
        123.75,
        i020=b"\xa0",
        i070=(0o4621).to_bytes(2, "big"),
        i090=(1400 * 1).to_bytes(2, "big"),  # FL 350
        i130=b"\x28\xc8\xc4",  # SAM -56 dBm, PAM -60 dBm
        i220=bytes.fromhex("3c6586"),
        i240=pack_callsign("DLH4YK").to_bytes(6, "big"),
        i230=b"\x20\x00",
    )
    found = read_plots(tmp_path, record, day_ns=20_000 * DAY_NS)
    (time_ns,) = found.plots.time_ns
    assert time_ns == 20_000 * DAY_NS + 3600 * SECOND_NS + SECOND_NS // 2 == found.plots.received_ns[0]
    plots = found.plots
    assert plots.id[0] == 0 and plots.sensor[0] == 0 and plots.kind[0] == Kind.MODE_S and plots.measured[0] == 3
    assert plots.z[0, 0] == pytest.approx(51.25 * 1852, abs=1e-6)
    assert plots.z[0, 1] == pytest.approx(np.radians(123.75), abs=1e-12)
    assert np.isnan(plots.z[0, 2:]).all() and np.isnan(plots.covariance).all()
    assert plots.pressure_altitude_m[0] == pytest.approx(35_000 * 0.3048)
    assert plots.mode_a[0] == 0o4621 and plots.address[0] == 0x3C6586
    assert callsign_text(int(plots.callsign[0])) == "DLH4YK"
    assert plots.amplitude_dbm[0] == -60
    assert plots.flags[0] == 0 and np.isnan(plots.roll_rad[0])
    assert found.plot_category[0] == 48 and found.plot_record[0] == 0


def test_flight_level_below_zero_is_not_far_above(tmp_path: Path) -> None:
    found = read_plots(tmp_path, ref.plot(i090=(-5 % (1 << 14)).to_bytes(2, "big")), editions={48: "1.29"})
    assert found.plots.pressure_altitude_m[0] == pytest.approx(-125 * 0.3048)


@pytest.mark.parametrize(
    ("detection", "kind"),
    list(enumerate([Kind.PSR, Kind.SSR, Kind.PSR_SSR, Kind.MODE_S, Kind.MODE_S, Kind.PSR_MODE_S, Kind.PSR_MODE_S], 1)),
)
def test_kinds(tmp_path: Path, detection: int, kind: Kind) -> None:
    assert read_plots(tmp_path, ref.plot(i020=bytes([detection << 5]))).plots.kind[0] == kind


@pytest.mark.parametrize(
    ("items", "flags"),
    [
        ({"i020": b"\xb0"}, Flag.SIMULATED),
        ({"i020": b"\xa2"}, Flag.FIXED_TRANSPONDER),
        ({"i020": b"\xa4"}, Flag.SPECIAL_POSITION),
        ({"i020": b"\xa1\x80"}, Flag.TEST),
        ({"i020": b"\xa1\x10"}, Flag.EMERGENCY),
        ({"i230": b"\x04\x00"}, Flag.ON_GROUND),
        ({"i230": b"\x0c\x00"}, Flag.ON_GROUND),
        ({"i230": b"\x08\x00"}, Flag(0)),
        ({"i230": b"\x10\x00"}, Flag.SPECIAL_POSITION),
        ({"i230": b"\x14\x00"}, Flag.SPECIAL_POSITION),
        ({"i070": b"\x80\x01"}, Flag.MODE_A_INVALID),
        ({"i070": b"\x40\x01"}, Flag.MODE_A_GARBLED),
        ({"i070": (0o7700).to_bytes(2, "big")}, Flag.EMERGENCY),
        ({"i070": (0o7600).to_bytes(2, "big")}, Flag.EMERGENCY),
        ({"i070": (0o7700 + 0x8000).to_bytes(2, "big")}, Flag.MODE_A_INVALID),
        ({"i090": b"\x80\x01"}, Flag.MODE_C_INVALID),
        ({"i090": b"\x40\x01"}, Flag.MODE_C_GARBLED),
    ],
)
def test_flags(tmp_path: Path, items: dict[str, bytes], flags: Flag) -> None:
    assert read_plots(tmp_path, ref.plot(**items)).plots.flags[0] == flags


def register_50(*, roll: int = 0, track: int = 0, speed: int = 0, rate: int = 0) -> bytes:
    """BDS 5,0 with every status bit set: raw values of 10, 11, 10 and 10 bits, true airspeed left out."""
    bits = f"1{roll % 1024:010b}1{track % 2048:011b}1{speed:010b}1{rate % 1024:010b}0{0:010b}"
    return int(bits, 2).to_bytes(7, "big") + b"\x50"


def test_turn_data_of_register_50(tmp_path: Path) -> None:
    registers = bytes(7) + b"\x40" + register_50(roll=-128, track=-512, speed=200, rate=64)
    found = read_plots(tmp_path, ref.plot(i250=b"\x02" + registers), ref.plot(i250=b"\x01" + bytes(7) + b"\x50"))
    plots = found.plots
    assert plots.roll_rad[0] == pytest.approx(np.radians(-22.5))
    assert plots.heading_rad[0] == pytest.approx(np.radians(270))
    assert plots.speed_mps[0] == pytest.approx(400 * 1852 / 3600)
    assert plots.track_rate_rps[0] == pytest.approx(np.radians(2.0))
    assert np.isnan([plots.roll_rad[1], plots.heading_rad[1], plots.speed_mps[1], plots.track_rate_rps[1]]).all()


@pytest.mark.parametrize("address", [b"\0\0\0", b"\xff\xff\xff"])
def test_identities_that_say_nothing_are_absent(tmp_path: Path, address: bytes) -> None:
    plots = read_plots(tmp_path, ref.plot(i220=address, i240=bytes.fromhex("820820820820"))).plots
    assert plots.address[0] == NO_ADDRESS and plots.callsign[0] == NO_CALLSIGN


def test_ranges_beyond_256_nm(tmp_path: Path) -> None:
    """The range field is full; the true one is in the expansion field, behind other subfields."""
    full = 65_535 / 256
    beyond = round(324.5 * 256).to_bytes(3, "big")
    mode_5 = b"\xa0\x11" + bytes(6)  # a compound subfield: SUM and POS
    expansions = (
        b"\x05\x08" + beyond,
        bytes([5 + len(mode_5), 0x88]) + mode_5 + beyond,
        b"\x03\x08\x00",  # cut off
        b"\x01",  # empty
    )
    records = [ref.plot(10, full, 45.0, iRE=expansion) for expansion in expansions]
    path = written(tmp_path, ref.block(48, *records, ref.plot(10, 5, iRE=expansions[0])))
    found = read(path, SOURCES)
    np.testing.assert_allclose(found.plots.z[:, 0], [324.5 * 1852, 324.5 * 1852, 5 * 1852])
    counted = {"absurd": 2, "expansion field of CAT048 that does not fit RE 1.13": 1}
    assert found.statistics.skipped == counted and not found.statistics.errors
    nan = np.nan
    np.testing.assert_allclose(columns(path, 48, ["RE/ERR", "161"])["RE/ERR"], [324.5, 324.5, nan, nan, 324.5])
    assert columns(path, 48, ["161", "RE/MD5/SUM/M5"])["RE/MD5/SUM/M5"].tolist() == [-1, 0, -1, -1, -1]


def test_what_is_no_plot_is_counted(tmp_path: Path) -> None:
    records = (
        ref.plot(),
        ref.plot(i020=b"\x00"),
        ref.record(48, i010=ref.source(), i140=ref.time_of_day(1), i020=b"\xa0"),
        ref.record(48, i010=ref.source(), i020=b"\xa0", i040=ref.polar(5, 5)),
        ref.plot(range_nm=0),
        ref.plot(range_nm=65535 / 256),
        ref.plot(seconds=86_400),
        ref.plot(i010=ref.source(9, 9)),
        ref.record(48, i140=ref.time_of_day(1), i020=b"\xa0", i040=ref.polar(5, 5)),
    )
    found = read_plots(tmp_path, *records)
    # A record without a source takes that of the record before it in its block.
    assert found.plots.n == 1 and found.statistics.records == len(records)
    assert found.statistics.skipped == {"no detection": 1, "no position": 1, "no time": 1, "absurd": 3}
    assert found.statistics.unknown_sources == {(9, 9): 2}


def test_no_known_source_is_an_error_that_names_both(tmp_path: Path) -> None:
    path = written(tmp_path, ref.block(48, ref.plot(i010=ref.source(7, 8)), ref.plot(i010=ref.source(7, 9))))
    with pytest.raises(FormatError, match=r"a\.ast: .*holds SAC/SIC 7/8 \(1 records\), 7/9 .*names 1/10, 1/11"):
        read(path, SOURCES)
    with pytest.raises(FormatError, match="holds no radar data"):
        read(written(tmp_path, ref.block(62, b"\x80\x01\x0a")), SOURCES)
    with pytest.raises(FormatError, match="300/1"):
        read(path, {(300, 1): 0})


def test_editions_are_checked_before_reading(tmp_path: Path) -> None:
    path = written(tmp_path, ref.block(48, ref.plot()))
    with pytest.raises(FormatError, match=r"no edition '9\.9' of ASTERIX category 048"):
        read(path, SOURCES, editions={48: "9.9"})
    with pytest.raises(FormatError, match="category 049"):
        read(path, SOURCES, editions={49: "1.0"})


def test_a_file_of_another_edition_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, *[ref.block(48, ref.plot(i020=b"\xa1\x01\x00"))] * 20)
    with pytest.raises(
        FormatError, match=r'20 of 20 CAT048 blocks do not fit edition 1\.27; .*looks like CAT048 .*"1\.3'
    ):
        read(path, SOURCES, editions={48: "1.27"})
    assert read(path, SOURCES).plots.n == 20


def test_service_messages(tmp_path: Path) -> None:
    north = ref.record(34, i010=ref.source(), i000=b"\x01", i030=ref.time_of_day(10), i041=struct.pack(">H", 512))
    crossing = ref.sector(10.5, 64)
    filtering = ref.record(34, i010=ref.source(), i000=b"\x03", i030=ref.time_of_day(11))
    untimed = ref.record(34, i010=ref.source(), i000=b"\x01")
    south = ref.record(2, i010=ref.source(1, 11), i000=b"\x03", i030=ref.time_of_day(12))
    data = (
        ref.block(34, north, crossing, filtering, untimed),
        ref.block(2, south),
        ref.block(34, ref.sector(86_400, 1)),
    )
    found = read(written(tmp_path, *data), SOURCES)
    progress = found.progress
    assert progress.kind.tolist() == [ProgressKind.NORTH, ProgressKind.SECTOR, ProgressKind.STATUS, ProgressKind.SECTOR]
    np.testing.assert_allclose(progress.azimuth_rad, [0, np.pi / 2, np.nan, np.pi])
    np.testing.assert_allclose(progress.rotation_s, [4.0, np.nan, np.nan, np.nan])
    assert progress.sensor.tolist() == [0, 0, 0, 1]
    assert (progress.time_ns / SECOND_NS).tolist() == [10, 10.5, 11, 12]
    assert found.statistics.skipped == {"no time": 1, "absurd": 1}


def test_midnight(tmp_path: Path) -> None:
    """A fall of more than 12 h is a new day, a rise of more than 12 h the day before, a small step back stays."""
    times = [86_399.0, 86_398.5, 0.5, 86_399.5, 1.0, 43_000.0]
    found = read_plots(tmp_path, *[ref.plot(time) for time in times], day_ns=10 * DAY_NS)
    days = [10, 10, 11, 10, 11, 11]
    assert found.plots.time_ns.tolist() == [
        day * DAY_NS + round(time * 1000) * 1_000_000 for day, time in zip(days, times)
    ]


def test_a_sensor_first_heard_after_midnight_is_in_the_new_day(tmp_path: Path) -> None:
    records = [ref.plot(86_399), ref.plot(1), ref.plot(2, i010=ref.source(1, 11))]
    found = read_plots(tmp_path, *records, day_ns=DAY_NS)
    assert (found.plots.time_ns // DAY_NS).tolist() == [1, 2, 2]


def test_packet_times_give_the_day(tmp_path: Path) -> None:
    """A packet received just after midnight with a plot timed just before it, and the other way round."""
    midnight_s = 19_700 * 86_400
    payloads = [ref.block(48, ref.plot(86_399.5)), ref.block(48, ref.plot(1.5))]
    path = tmp_path / "a.pcap"
    path.write_bytes(ref.pcap(payloads, first_s=midnight_s))
    found = read(path, SOURCES)
    assert found.plots.time_ns.tolist() == [
        (midnight_s * 1000 - 500) * 1_000_000,
        (midnight_s * 1000 + 1500) * 1_000_000,
    ]
    assert found.plots.received_ns.tolist() == [
        midnight_s * SECOND_NS + 500_000,
        (midnight_s + 1) * SECOND_NS + 500_000,
    ]
    given = read(path, SOURCES, day_ns=5 * DAY_NS)
    assert (given.plots.time_ns // DAY_NS).tolist() == [5, 6]


def old_plot(ticks: int | None, **items: bytes) -> bytes:
    """A CAT001 plot: source, type SSR, position and the low 16 bits of its time in 1/128 s."""
    if ticks is not None:
        items["i141"] = (ticks % 65_536).to_bytes(2, "big")
    items.setdefault("i010", ref.source())
    return ref.record(1, i020=b"\x20", i040=struct.pack(">HH", 50 * 128, 0x4000), **items)


def north(seconds: float) -> bytes:
    return ref.block(2, ref.record(2, i010=ref.source(), i000=b"\x01", i030=ref.time_of_day(seconds)))


def test_truncated_times_come_from_the_service_messages(tmp_path: Path) -> None:
    ticks = [round(s * 128) for s in (1000.5, 999.0, 1250.0, 745.5)]
    data = (ref.block(1, old_plot(ticks[0])), north(1000.0), ref.block(1, *[old_plot(t) for t in ticks[1:]]))
    found = read(written(tmp_path, *data), SOURCES)
    assert (found.plots.time_ns / SECOND_NS).tolist() == [1000.5, 999.0, 1250.0, 745.5 + 512]
    assert found.plot_category.tolist() == [1, 1, 1, 1]
    assert found.plots.kind.tolist() == [Kind.SSR] * 4
    assert found.plots.z[0, 0] == pytest.approx(50 * 1852) and found.plots.z[0, 1] == pytest.approx(np.pi / 2)


def test_truncated_times_across_midnight(tmp_path: Path) -> None:
    late, early = round(86_399.5 * 128), round(0.5 * 128)
    data = (north(86_399.0), ref.block(1, old_plot(late), old_plot(early), old_plot(late), old_plot(None)))
    found = read(written(tmp_path, *data), SOURCES, day_ns=3 * DAY_NS)
    expected = [4 * DAY_NS - SECOND_NS // 2, 4 * DAY_NS + SECOND_NS // 2, 4 * DAY_NS - SECOND_NS // 2]
    assert found.plots.time_ns[:3].tolist() == expected
    assert found.plots.time_ns[3] == expected[2]


def test_truncated_times_without_any_full_one_are_left_out(tmp_path: Path) -> None:
    found = read(written(tmp_path, ref.block(1, old_plot(5), old_plot(None))), SOURCES)
    assert found.plots.n == 0 and found.statistics.skipped == {"no time": 2}


def test_truncated_times_of_a_silent_service_come_from_its_neighbours(tmp_path: Path) -> None:
    other = ref.source(1, 11)
    data = (ref.block(1, old_plot(128 * 5000, i010=other), old_plot(None, i010=other)), north(5001.0))
    found = read(written(tmp_path, *data), SOURCES)
    assert (found.plots.time_ns / SECOND_NS).tolist() == [5000.0, 5000.0]


def test_old_plots_share_the_source_of_their_block(tmp_path: Path) -> None:
    second = ref.record(1, i020=b"\x20", i040=struct.pack(">HH", 128, 0), i141=b"\x00\x10")
    found = read(written(tmp_path, north(0.0), ref.block(1, old_plot(1), second)), SOURCES)
    assert found.plots.sensor.tolist() == [0, 0]


def test_old_tracks(tmp_path: Path) -> None:
    """A track without a measured position gives its calculated one; emergency codes; signed Mode C."""
    items = {"i010": ref.source(), "i161": b"\x00\x01", "i042": struct.pack(">hh", -64 * 30, -64 * 40), "i141": b"\0\0"}
    track = ref.record(-1, i020=b"\xb1\x60", i090=(-4 % (1 << 14)).to_bytes(2, "big"), **items)
    found = read(written(tmp_path, north(0.0), ref.block(1, track)), SOURCES)
    plots = found.plots
    assert plots.z[0, 0] == pytest.approx(50 * 1852)
    assert plots.z[0, 1] == pytest.approx(np.arctan2(-30, -40) + 2 * np.pi)
    assert plots.kind[0] == Kind.PSR_SSR
    assert plots.flags[0] == Flag.EMERGENCY
    assert plots.pressure_altitude_m[0] == pytest.approx(-100 * 0.3048)


def mixed(folder: Path, rounds: int = 4000) -> Path:
    blocks = []
    for k in range(rounds):
        second = ref.source(1, 11)
        blocks.append(
            ref.block(48, ref.plot(k * 0.5, 10 + k % 200, i161=struct.pack(">H", k % 4096)), ref.plot(k * 0.5))
        )
        blocks.append(ref.block(34, ref.sector(k * 0.5, k % 256)))
        blocks.append(ref.block(2, ref.record(2, i010=second, i000=b"\x01", i030=ref.time_of_day(k * 0.5))))
        blocks.append(ref.block(1, old_plot(round(k * 64) + 3, i010=second)))
        blocks.append(ref.block(62, b"\x80\x01\x0a"))
    return written(folder, *blocks)


def test_rows_are_in_file_order_whatever_the_category(tmp_path: Path) -> None:
    found = read(mixed(tmp_path), SOURCES)
    assert found.plots.id.tolist() == list(range(12_000))
    assert found.plot_category.tolist() == [48, 48, 1] * 4000
    assert found.plot_record[found.plot_category == 48].tolist() == list(range(8000))
    assert (np.diff(found.plots.time_ns) >= -SECOND_NS).all()
    assert found.progress.n == 8000 and found.progress.sensor.tolist() == [0, 1] * 4000
    assert found.statistics.skipped == {"block of CAT062": 4000}
    assert found.statistics.by_category == {48: 8000, 34: 4000, 2: 4000, 1: 4000}


def test_a_stream_is_the_whole_in_parts(tmp_path: Path) -> None:
    path = mixed(tmp_path)
    whole = read(path, SOURCES)
    parts = list(stream(path, SOURCES, chunk_bytes=1))
    assert len(parts) > 3
    for name, expected in whole.plots._asdict().items():
        np.testing.assert_array_equal(np.concatenate([getattr(p.plots, name) for p in parts]), expected, name)
    for name, expected in whole.progress._asdict().items():
        np.testing.assert_array_equal(np.concatenate([getattr(p.progress, name) for p in parts]), expected, name)
    np.testing.assert_array_equal(np.concatenate([p.plot_record for p in parts]), whole.plot_record)
    assert sum(p.statistics.records for p in parts) == whole.statistics.records


@pytest.mark.parametrize("batch", [1, 7, 300])
def test_batches_of_any_size_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    path = mixed(tmp_path, 300)
    whole = read(path, SOURCES)
    monkeypatch.setattr(records, "BATCH", batch)
    found = read(path, SOURCES)
    for name, expected in whole.plots._asdict().items():
        np.testing.assert_array_equal(getattr(found.plots, name), expected, name)
    for name, expected in whole.progress._asdict().items():
        np.testing.assert_array_equal(getattr(found.progress, name), expected, name)
    np.testing.assert_array_equal(found.plot_record, whole.plot_record)
    assert found.statistics == whole.statistics


def test_columns_go_with_plot_records(tmp_path: Path) -> None:
    path = mixed(tmp_path)
    found = read(path, SOURCES)
    values = columns(path, 48, ["161", "040/RHO", "230/STAT", "090/FL"])
    assert values["161"].dtype == np.int64 and values["161"][:4].tolist() == [0, -1, 1, -1]
    of_48 = found.plot_category == 48
    np.testing.assert_allclose(values["040/RHO"][found.plot_record[of_48]] * 1852, found.plots.z[of_48, 0])
    assert (values["230/STAT"] == -1).all() and np.isnan(values["090/FL"]).all()
    with pytest.raises(FormatError, match="no item '099'"):
        columns(path, 48, ["099"])


def test_a_recording_with_nothing_but_damage(tmp_path: Path) -> None:
    path = written(tmp_path, ref.block(48, b"\xff" * 20), ref.block(48, ref.plot()), b"\x30\x00\x01junk")
    found = read(path, SOURCES)
    assert found.plots.n == 1
    errors = found.statistics.errors
    assert set(errors) == {"FSPEC runs past its block", "block length below 3"}
    assert "at byte 3 (block at 0, record 0, CAT048)" in str(errors["FSPEC runs past its block"])


def test_barcelona_hour() -> None:
    """The real radar: every plot near it, its flight levels possible, its marks as counted once by hand."""
    found = read(ref.recording("bcn_cat048_1h.ast"), {(20, 129): 3})
    plots = found.plots
    assert found.statistics.records == 44_085 and plots.n == 43_913 and not found.statistics.errors
    assert set(plots.sensor.tolist()) == {3}
    assert plots.z[:, 0].max() < 60.1 * 1852
    level = plots.pressure_altitude_m / 30.48
    assert np.nanmin(level) > -10 and np.nanmax(level) < 460
    assert len(set(plots.address.tolist()) - {-1}) == 177
    assert np.ptp(plots.time_ns) + 2 * SECOND_NS >= 3600 * SECOND_NS
    assert (np.abs(plots.roll_rad[~np.isnan(plots.roll_rad)]) < np.radians(60)).all()
