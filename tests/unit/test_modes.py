"""Raw Mode S: parity, positions, what belongs together; against a textbook pair and other programs' decoding."""

from __future__ import annotations

import gzip
import json
import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farwatch.cooperative.accuracy import EPU_BY_NACP, nic_of, position_sigma_m
from farwatch.cooperative.cpr import AIRBORNE, SURFACE, from_pair, near, zones_of_longitude
from farwatch.errors import FormatError
from farwatch.formats.avr import Avr
from farwatch.formats.beast import Beast
from farwatch.formats.modes import BAD_PARITY, UNKNOWN_PARITY
from farwatch.formats.streams import FORMATS, format_of, read_file
from farwatch.plots import Flag, Plots, callsign_text, concat_plots
from farwatch.sensors import AdsB
from farwatch.sources.reports import ReportSensors
from modes import (
    all_call,
    avr,
    beast,
    beast_stream,
    east_of,
    flight,
    folded,
    position,
    surface_position,
    velocity,
    with_parity,
    zones,
)
from recordings import recording_path
from reported import PLACE

ADDRESS = 0x3C6586
latitudes = st.floats(-86.9, 86.9)
longitudes = st.floats(-180.0, 179.99)


def read(data: bytes, **options: object) -> tuple[Plots, Beast]:
    reader = Beast(**options)  # type: ignore[arg-type]
    return concat_plots([reader.push(data).plots, reader.flush().plots]), reader


def apart(a: float, b: float) -> float:
    """Degrees between two longitudes."""
    return abs((a - b + 180.0) % 360.0 - 180.0)


@given(latitudes, longitudes, st.booleans())
def test_a_pair_gives_its_place_back(lat: float, lon: float, odd_is_newer: bool) -> None:
    even, odd = folded(lat, lon, 0), folded(lat, lon, 1)
    good, a, b = from_pair(*even, *odd, odd_is_newer)
    if good:  # not where the two round to different counts of zones
        assert abs(a - lat) < 5e-5
        assert apart(b, lon) * math.cos(math.radians(lat)) < 1e-4
    else:
        assert zones(lat - 5e-5) != zones(lat + 5e-5)


@given(latitudes, longitudes, st.integers(0, 1), st.booleans(), st.floats(-0.3, 0.3), st.floats(-0.3, 0.3))
def test_one_report_is_unfolded_near_a_place(
    lat: float, lon: float, odd: int, surface: bool, north: float, east: float
) -> None:
    kind = SURFACE if surface else AIRBORNE
    a, b = near(*folded(lat, lon, odd, surface), odd, kind, lat + north, lon + east)
    assert abs(a - lat) < 5e-5
    assert apart(b, lon) * math.cos(math.radians(lat)) < 1e-4


@given(st.floats(-89.9, 89.9).filter(lambda lat: abs(lat) != 87.0))
def test_the_count_of_zones_is_the_tables(lat: float) -> None:
    assert zones_of_longitude(lat) == zones(lat)


def test_the_textbook_pair() -> None:
    even, odd = bytes.fromhex("8D40621D58C382D690C8AC2863A7"), bytes.fromhex("8D40621D58C386435CC412692AD6")
    plots, _ = read(beast(odd, 12_000_000) + beast(even, 24_000_000))
    assert plots.address.tolist() == [0x40621D]
    np.testing.assert_allclose(np.degrees(plots.z[0, :2]), [52.25720, 3.91937], atol=1e-5)
    assert plots.pressure_altitude_m[0] == pytest.approx(38_000 * 0.3048)
    assert math.isnan(plots.z[0, 2])  # the height above the ellipsoid is not known of it


def test_a_flight_says_who_it_is_and_how_it_moves() -> None:
    plots, reader = read(beast_stream(flight(ADDRESS)))
    assert plots.n == 59  # of 60: the first lacks its other half
    assert set(plots.address.tolist()) == {ADDRESS}
    last = plots.n - 1
    t = 0.2 + 0.5 * 59
    assert np.degrees(plots.z[last, 0]) == pytest.approx(47.0, abs=5e-5)
    assert np.degrees(plots.z[last, 1]) == pytest.approx(east_of(47.0, 8.0, 400, t), abs=5e-5)
    assert plots.z[last, 3:5] == pytest.approx([400 * 1852 / 3600, 0.0], abs=0.01)
    assert callsign_text(int(plots.callsign[last])) == "TEST1"
    assert plots.nacp[last] == 9
    assert plots.pressure_altitude_m[last] == pytest.approx(33_000 * 0.3048)
    assert plots.z[last, 2] == pytest.approx(33_500 * 0.3048)  # the two heights are kept apart
    assert np.diff(plots.time_ns).tolist() == pytest.approx([0.5e9] * (plots.n - 1), abs=200)
    assert reader.statistics.records == len(flight(ADDRESS))


def test_broken_parity_is_not_believed_and_no_other_message_suffers() -> None:
    good = beast_stream(flight(ADDRESS))
    wrong = bytearray(position(ADDRESS, 10.0, 10.0, 5000, 0))
    wrong[6] ^= 0x10
    plots, reader = read(good + beast(bytes(wrong), 12_000_000 * 40))
    assert plots.n == 59
    assert reader.statistics.rejected[BAD_PARITY] == 1


def test_replies_are_taken_of_aircraft_that_are_known() -> None:
    def reply(address: int) -> bytes:
        return with_parity(bytes([5 << 3, 0, 0x0A, 0xAA]), address)

    stream = (
        beast(all_call(ADDRESS), 12_000_000) + beast(reply(ADDRESS), 13_000_000) + beast(reply(0x123456), 14_000_000)
    )
    _, reader = read(stream)
    assert reader.statistics.rejected[UNKNOWN_PARITY] == 1
    assert reader.kinds["DF5"] == 2


def test_half_messages_at_any_border_are_kept() -> None:
    stream = beast_stream(flight(ADDRESS, 4))
    whole, _ = read(stream)
    reader = Beast()
    parts = [reader.push(stream[k : k + 1]).plots for k in range(len(stream))]
    one_by_one = concat_plots([*parts, reader.flush().plots])
    np.testing.assert_array_equal(one_by_one.time_ns, whole.time_ns)
    np.testing.assert_array_equal(one_by_one.z, whole.z)
    assert not reader.statistics.skipped


def test_on_the_ground_a_place_near_by_is_needed() -> None:
    lat, lon = 41.29, 2.08
    stream = b"".join(
        beast(surface_position(ADDRESS, lat, lon + 1e-5 * k, k % 2), 12_000_000 * (k + 1)) for k in range(6)
    )
    nowhere, reader = read(stream)
    assert nowhere.n == 0
    assert sum(reader.statistics.rejected.values()) == 6
    plots, _ = read(stream, receiver=(41.3, 2.1))
    assert plots.n == 6
    assert (plots.flags & np.uint32(Flag.ON_GROUND)).all()
    np.testing.assert_allclose(np.degrees(plots.z[:, 0]), lat, atol=2e-5)
    elsewhere, _ = read(stream, receiver=(42.0, 2.1))  # 79 km away: no such airport is in sight of it
    assert elsewhere.n == 0


def test_a_landing_goes_on_from_its_last_place() -> None:
    air = [(0.5 * k, position(ADDRESS, 41.29, 2.0 + 4e-4 * k, 100, k % 2)) for k in range(10)]
    ground = [(5.0 + k, surface_position(ADDRESS, 41.29, 2.004 + 2e-4 * k, k % 2)) for k in range(5)]
    plots, _ = read(beast_stream([*air, *ground]))
    assert ((plots.flags & np.uint32(Flag.ON_GROUND)) != 0).sum() == 5
    np.testing.assert_allclose(np.degrees(plots.z[-1, :2]), [41.29, 2.0048], atol=3e-5)


def test_a_pair_of_two_aircraft_of_one_address_leads_nowhere() -> None:
    """Two aircraft take turns with one address: nothing is put between them."""
    one, two = flight(ADDRESS, 60), flight(ADDRESS, 60, lat_deg=52.0, lon_deg=3.0, level_ft=21_000)
    plots, _ = read(beast_stream([*one, *[(t + 0.25, message) for t, message in two]]))
    lat = np.degrees(plots.z[:, 0])
    near_one, near_two = np.abs(lat - 47.0) < 0.01, np.abs(lat - 52.0) < 0.01
    assert (near_one | near_two).mean() > 0.95
    assert near_one.sum() > 80
    assert near_two.sum() > 80


def test_rebroadcasts_and_own_addresses_are_marked() -> None:
    stream = beast_stream(
        [(0.5 * k, position(ADDRESS, 47.0, 8.0, 9000, k % 2, form=18, control=6)) for k in range(4)]
        + [(0.5 * k + 0.1, position(0xABCDEF, 47.5, 8.0, 9000, k % 2, form=18, control=2)) for k in range(4)]
        + [(0.5 * k + 0.2, position(0x000001, 47.7, 8.0, 9000, k % 2, form=18, control=1)) for k in range(4)]
    )
    plots, _ = read(stream)
    marks = {int(a): int(f) for a, f in zip(plots.address, plots.flags)}
    assert marks == {
        ADDRESS: int(Flag.REBROADCAST),
        0xABCDEF: int(Flag.TRAFFIC_SERVICE),
        0x000001: int(Flag.NOT_ICAO),
    }


def test_the_counter_of_a_receiver_that_jumps_is_tied_anew() -> None:
    messages = flight(ADDRESS, 20)
    early = beast_stream([m for m in messages if m[0] < 10.0])
    late = beast_stream([m for m in messages if m[0] >= 10.0], start=2**46)
    plots, reader = read(early + late)
    assert reader.statistics.rejected["jump of the receiver's clock"] == 1
    assert (np.diff(plots.time_ns) >= 0).all()
    assert (plots.time_ns[-1] - plots.time_ns[0]) * 1e-9 == pytest.approx(19.0, abs=0.7)


@pytest.mark.parametrize(("per_s", "jumps"), [(12e6, False), (15e6, False), (9e6, True)])
def test_live_a_counter_that_runs_wrong_is_tied_to_the_arrivals(per_s: float, jumps: bool) -> None:
    reader = Beast()
    now_ns, found = 1_800_000_000 * 10**9, []
    for t, message in flight(ADDRESS, 20):
        found.append(reader.push(beast(message, round(per_s * t) + 1), now_ns + round(t * 1e9)).plots)
    plots = concat_plots(found)
    assert (np.abs(plots.time_ns - plots.received_ns) < 2.1e9).all()
    assert (reader.statistics.rejected["jump of the receiver's clock"] > 0) == jumps


def test_avr_lines_say_the_same_as_frames() -> None:
    messages = sorted(flight(ADDRESS, 10))
    reader = Avr()
    plots = reader.push(b"".join(avr(message, round(12e6 * t) + 7) for t, message in messages)).plots
    framed, _ = read(b"".join(beast(message, round(12e6 * t) + 7) for t, message in messages))
    np.testing.assert_array_equal(plots.z, framed.z)
    np.testing.assert_array_equal(plots.time_ns, framed.time_ns)
    without = Avr()
    received_ns = 1_800_000_000 * 10**9
    parts = [without.push(avr(message), received_ns + round(t * 1e9)).plots for t, message in messages]
    np.testing.assert_allclose(concat_plots(parts).z, framed.z)
    timeless = Avr()
    assert timeless.push(avr(messages[-1][1])).plots.n == 0
    assert timeless.statistics.skipped["message without a time"] == 1


def test_without_the_decoder_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rs1090", None)
    with pytest.raises(FormatError, match=r"pip install 'farwatch\[adsb\]'"):
        Beast().push(beast_stream(flight(ADDRESS, 1)))
    with pytest.raises(FormatError, match="rs1090"):
        ReportSensors([AdsB(id="A", position=PLACE)]).reader("avr")


def test_a_velocity_has_both_signs() -> None:
    messages = flight(ADDRESS, 4)
    messages += [(t + 0.01, velocity(ADDRESS, -250, -300, -1280)) for t, _ in messages]
    plots, _ = read(beast_stream(messages))
    knots = 1852 / 3600
    assert plots.z[-1, 3:] == pytest.approx([-250 * knots, -300 * knots, -1280 * 0.3048 / 60], abs=0.2)


@pytest.mark.parametrize(
    ("code", "version", "supplements", "nic"),
    [(9, 2, (0, 0, 0), 11), (11, 2, (1, 1, 0), 9), (11, 2, (0, 0, 0), 8), (16, 1, (1, 1, 0), 3), (18, 2, (0, 0, 0), 0),
     (11, 0, (0, 0, 0), 7), (9, 0, (0, 0, 0), 9), (18, 0, (0, 0, 0), 0), (7, 2, (1, 0, 0), 9), (5, 0, (0, 0, 0), 9)],
)  # fmt: skip
def test_nic_by_type_code(code: int, version: int, supplements: tuple[int, int, int], nic: int) -> None:
    assert nic_of(code, version, *supplements) == nic


def test_a_better_category_is_a_smaller_sigma() -> None:
    sigmas = [position_sigma_m(2, nacp, 0) for nacp in range(1, len(EPU_BY_NACP))]
    assert sigmas == sorted(sigmas, reverse=True)
    # 95 % of a circular Gaussian lie within 2.4477 sigma.
    share = np.mean(np.hypot(*np.random.default_rng(3).normal(0, position_sigma_m(2, 9, 8), (2, 100_000))) <= 30.0)
    assert share == pytest.approx(0.95, abs=0.01)


def test_a_recorded_minute_gives_what_another_program_made_of_it() -> None:
    reader, other = FORMATS["beast"].reader(), FORMATS["sbs"].reader()
    stream, text = recording_path("adsb/beast_1min.bin"), recording_path("adsb/beast_1min_sbs.txt")
    assert (format_of(stream), format_of(text)) == ("beast", "sbs")
    own = concat_plots([heard.plots for heard in read_file(stream, reader)])
    theirs = concat_plots([heard.plots for heard in read_file(text, other)])
    assert own.n == theirs.n == 1456
    np.testing.assert_array_equal(own.address, theirs.address)
    assert len(set(own.address.tolist())) == 11
    np.testing.assert_allclose(np.degrees(own.z[:, :2]), np.degrees(theirs.z[:, :2]), atol=5.1e-6)  # five decimals
    np.testing.assert_allclose(own.pressure_altitude_m, theirs.pressure_altitude_m)
    np.testing.assert_allclose(own.time_ns - own.time_ns[0], theirs.time_ns - theirs.time_ns[0], atol=1.1e6)
    assert not reader.statistics.skipped


def test_recorded_frames_give_the_positions_that_another_program_gave_them() -> None:
    path = recording_path("adsb/modes_17aircraft_138min.jsonl.gz")
    assert format_of(path) == "modes_jsonl"
    reader = FORMATS["modes_jsonl"].reader()
    own = concat_plots([heard.plots for heard in read_file(path, reader)])
    theirs = {}
    with gzip.open(path, "rt") as lines:
        for line in lines:
            one = json.loads(line)
            if "latitude" in one:
                key = int(one["icao24"], 16), round(one["timestamp"] * 1e6) * 1000, one["bds"] == "06"
                theirs[key] = one["latitude"], one["longitude"]
    on_ground = (own.flags & np.uint32(Flag.ON_GROUND)) != 0
    keys = zip(own.address.tolist(), own.time_ns.tolist(), on_ground.tolist())
    expected = np.array([theirs[key] for key in keys])  # all of ours are among theirs
    assert own.n > 12_000
    np.testing.assert_allclose(np.degrees(own.z[:, :2]), expected, atol=1e-9)
