"""Pictures as CAT062: every item says what the picture says, to its own step, and nothing that it does not say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pyproj import Geod, Proj

import encoding
import reference_asterix as ref
from farwatch.errors import ConfigError, FormatError
from farwatch.formats.asterix.encode import Encoded, encode
from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.system_tracks import NO_HEIGHT_SOURCE, RADAR_3D, Numbering, Origin, track_columns
from farwatch.formats.asterix.table import load_table
from farwatch.formats.asterix.text import icao_text
from farwatch.formats.asterix.time_of_day import DAY_TICKS, TICK_NS, ticks_of
from farwatch.frame import Frame
from farwatch.picture import Picture, Status, make_picture
from farwatch.plots import N_TECHNOLOGIES, NO_ADDRESS, NO_MODE_A, callsign_text, pack_callsign
from farwatch.sensors import Place, Radar, RadarSigma
from farwatch.sinks import Asterix62Options, TrackEncoder
from farwatch.sinks.asterix62 import centre_of, source_of
from farwatch.stereographic import plane_at

DAY_NS = 86_400 * 10**9
MIDNIGHT_NS = 20_454 * DAY_NS
CENTRE = (47.25, 9.34)
ORIGIN = Origin(1, 200, 3, plane_at(*CENTRE), (RADAR_3D, NO_HEIGHT_SOURCE))


def pictures(n: int, rng: np.random.Generator) -> Picture:
    """n rows of everything that a tracker may say, a third of each optional column absent."""

    def some(values: np.ndarray, absent: float) -> np.ndarray:
        return np.where(rng.uniform(size=n) < 1 / 3, absent, values)

    signs = [pack_callsign(f"FW{k:05d}") for k in range(n)]
    return make_picture(n)._replace(
        time_ns=MIDNIGHT_NS + rng.integers(0, DAY_NS, n),
        track=np.arange(n),
        status=rng.choice([Status.CONFIRMED, Status.COASTING, Status.ENDED], n).astype(np.uint8),
        lat_deg=rng.uniform(41, 53, n),
        lon_deg=rng.uniform(0, 18, n),
        height_wgs84_m=rng.uniform(0, 13_000, n),
        pressure_altitude_m=some(rng.uniform(-300, 13_000, n), np.nan),
        ground_speed_mps=rng.uniform(50, 300, n),
        track_angle_deg=rng.uniform(0, 360, n),
        vertical_rate_mps=rng.uniform(-30, 30, n),
        sigma_height_m=rng.uniform(10, 400, n),
        sigma_east_m=rng.uniform(10, 800, n),
        sigma_north_m=rng.uniform(10, 800, n),
        correlation_east_north=rng.uniform(-0.99, 0.99, n),
        sigma_v_east_mps=rng.uniform(1, 20, n),
        sigma_v_north_mps=rng.uniform(1, 20, n),
        sigma_vertical_rate_mps=rng.uniform(0.5, 4, n),
        existence=np.ones(n),
        address=some(rng.integers(1, 1 << 24, n), NO_ADDRESS).astype(np.int32),
        mode_a=some(rng.integers(0, 4096, n), NO_MODE_A).astype(np.int16),
        callsign=some(np.array(signs), 0).astype(np.int64),
        sensors=rng.integers(0, 4, n),
    )


def numbering(p: Picture, first: bool = False) -> Numbering:
    return Numbering(np.arange(1, p.n + 1), np.full(p.n, first), p.time_ns - 10 * 10**9)


def encoded(p: Picture, origin: Origin = ORIGIN, edition: str = "1.18", first: bool = False) -> Encoded:
    table = load_table(62, edition)
    return encode(table, track_columns(p, numbering(p, first), origin, table))


def quantities(records: Encoded, paths: list[str], edition: str = "1.18") -> list[np.ndarray]:
    """Columns in the unit of each item, NaN where absent; codes as they are."""
    table = load_table(62, edition)
    steps = encoding.read_back(table, records, paths)
    lsb = [table.field(path).lsb or 1.0 for path in paths]
    return [np.where(column == ABSENT, np.nan, column * size) for column, size in zip(steps.T, lsb)]


def convergence(plane: Proj, p: Picture) -> np.ndarray:
    """Angle (rad) from the plane's y axis clockwise to north, by PROJ."""
    ahead, behind = plane(p.lon_deg, p.lat_deg + 1e-5), plane(p.lon_deg, p.lat_deg - 1e-5)
    return np.arctan2(ahead[0] - behind[0], ahead[1] - behind[1])


@pytest.mark.parametrize("edition", ["1.18", "1.19", "1.20", "1.21"])
def test_position_and_velocity_to_half_a_step(edition: str, rng: np.random.Generator) -> None:
    p = pictures(400, rng)
    paths = ["105/LAT", "105/LON", "100/X", "100/Y", "185/VX", "185/VY", "070", "040", "010/SAC", "010/SIC", "015"]
    lat, lon, x, y, vx, vy, time_s, number, sac, sic, service = quantities(encoded(p, edition=edition), paths, edition)
    lsb = 180 / 2**25
    assert np.abs(lat - p.lat_deg).max() <= lsb / 2 and np.abs(lon - p.lon_deg).max() <= lsb / 2
    plane = Proj(proj="stere", lat_0=CENTRE[0], lon_0=CENTRE[1], ellps="WGS84")
    np.testing.assert_allclose([x, y], plane(p.lon_deg, p.lat_deg), atol=0.26)
    # The velocity is the true one, turned by the plane's own convergence.
    turn = convergence(plane, p)
    east = p.ground_speed_mps * np.sin(np.radians(p.track_angle_deg))
    north = p.ground_speed_mps * np.cos(np.radians(p.track_angle_deg))
    np.testing.assert_allclose(vx, np.cos(turn) * east + np.sin(turn) * north, atol=0.126)
    np.testing.assert_allclose(vy, -np.sin(turn) * east + np.cos(turn) * north, atol=0.126)
    np.testing.assert_allclose(np.hypot(vx, vy), p.ground_speed_mps, atol=0.2)
    apart = (time_s - (p.time_ns - MIDNIGHT_NS) * 1e-9 + 43_200) % 86_400 - 43_200
    assert np.abs(apart).max() <= 1 / 256 + 1e-9
    assert number.tolist() == list(range(1, 401))
    assert set(zip(sac, sic, service)) == {(1, 200, 3)}


def test_accuracies_are_those_of_the_turned_covariance(rng: np.random.Generator) -> None:
    p = pictures(300, rng)
    paths = ["500/APC/X", "500/APC/Y", "500/COV", "500/APW/LAT", "500/APW/LON", "500/ATV/X", "500/ATV/Y"]
    sx, sy, cov, s_lat, s_lon, svx, svy = quantities(encoded(p), paths)
    plane = Proj(proj="stere", lat_0=CENTRE[0], lon_0=CENTRE[1], ellps="WGS84")
    turn = convergence(plane, p)
    for k in range(p.n):
        rotation = np.array([[np.cos(turn[k]), np.sin(turn[k])], [-np.sin(turn[k]), np.cos(turn[k])]])
        en = p.correlation_east_north[k] * p.sigma_east_m[k] * p.sigma_north_m[k]
        local = np.array([[p.sigma_east_m[k] ** 2, en], [en, p.sigma_north_m[k] ** 2]])
        turned = rotation @ local @ rotation.T
        assert abs(sx[k] - math.sqrt(turned[0, 0])) < 0.26
        assert abs(sy[k] - math.sqrt(turned[1, 1])) < 0.26
        # I062/500 COV is the signed root of the covariance.
        assert abs(cov[k] - math.copysign(math.sqrt(abs(turned[0, 1])), turned[0, 1])) < 0.26
        speeds = rotation @ np.diag([p.sigma_v_east_mps[k] ** 2, p.sigma_v_north_mps[k] ** 2]) @ rotation.T
        assert abs(svx[k] - math.sqrt(speeds[0, 0])) < 0.13 and abs(svy[k] - math.sqrt(speeds[1, 1])) < 0.13
    # A degree of latitude or longitude is as long as PROJ says it is.
    step, geod = 1e-3, Geod(ellps="WGS84")
    _, _, north_m = geod.inv(p.lon_deg, p.lat_deg - step / 2, p.lon_deg, p.lat_deg + step / 2)
    _, _, east_m = geod.inv(p.lon_deg - step / 2, p.lat_deg, p.lon_deg + step / 2, p.lat_deg)
    np.testing.assert_allclose(s_lat, p.sigma_north_m / north_m * step, atol=3e-6)
    np.testing.assert_allclose(s_lon, p.sigma_east_m / east_m * step, atol=3e-6)


def test_identity_and_heights_where_they_are_known_and_only_there(rng: np.random.Generator) -> None:
    p = pictures(400, rng)
    paths = ["380/ADR", "060/MODE3A", "245/CHR", "380/ID", "245/STI", "136", "130", "500/AGA", "220", "500/ARC"]
    address, code, sign, again, kind, level, height, sigma, climb, sigma_climb = quantities(encoded(p), paths)
    np.testing.assert_array_equal(address, np.where(p.address == NO_ADDRESS, np.nan, p.address))
    np.testing.assert_array_equal(code, np.where(p.mode_a == NO_MODE_A, np.nan, p.mode_a))
    np.testing.assert_array_equal(sign, np.where(p.callsign == 0, np.nan, p.callsign))
    np.testing.assert_array_equal(again, sign)
    np.testing.assert_array_equal(kind, np.where(p.callsign == 0, np.nan, 0.0))
    np.testing.assert_allclose(level, p.pressure_altitude_m / 30.48, atol=0.1251)
    measured = p.sensors & 1 == 1
    np.testing.assert_allclose(height, np.where(measured, p.height_wgs84_m / 0.3048, np.nan), atol=3.13)
    clipped = np.minimum(p.sigma_height_m / 0.3048, 255 * 6.25)
    np.testing.assert_allclose(sigma, np.where(measured, clipped, np.nan), atol=3.13)
    known = measured | ~np.isnan(p.pressure_altitude_m)
    np.testing.assert_allclose(climb, np.where(known, p.vertical_rate_mps * 196.8503937, np.nan), atol=3.13)
    np.testing.assert_allclose(sigma_climb, np.where(known, p.sigma_vertical_rate_mps * 196.8503937, np.nan), atol=3.13)


def test_status_says_first_last_coasting_and_alone(rng: np.random.Generator) -> None:
    p = pictures(200, rng)
    for first in (False, True):
        paths = ["080/MON", "080/CNF", "080/TSE", "080/TSB", "080/CST", "080/SRC", "080/MRH", "290/TRK"]
        alone, tentative, last, begun, coasting, source, geometric, age_s = quantities(encoded(p, first=first), paths)
        assert not tentative.any()
        np.testing.assert_array_equal(alone == 1, p.sensors != 3)
        np.testing.assert_array_equal(last == 1, p.status == Status.ENDED)
        np.testing.assert_array_equal(begun == 1, np.full(p.n, first))
        np.testing.assert_array_equal(coasting == 1, p.status == Status.COASTING)
        np.testing.assert_array_equal(source, np.where(p.sensors & 1, RADAR_3D, 0))
        np.testing.assert_array_equal(geometric == 1, (p.sensors & 1 == 1) & np.isnan(p.pressure_altitude_m))
        assert set(age_s) == {10.0}


def test_ages_by_kind_of_sensor(rng: np.random.Generator) -> None:
    """Time since each has seen the track, to a quarter of a second; more than can be said is the most; never is not."""
    p = pictures(300, rng)
    ages_s = rng.uniform(0, 90, (p.n, N_TECHNOLOGIES))
    never = rng.uniform(size=ages_s.shape) < 0.4
    heard_ns = np.where(never, 0, p.time_ns[:, None] - np.round(ages_s * 1e9).astype(np.int64))
    names = ["PSR", "SSR", "MDS", "ES", "MLT"]
    records = encoded(p._replace(heard_ns=heard_ns))
    assert not records.clamped
    found = np.array(quantities(records, [f"290/{name}" for name in names])).T
    np.testing.assert_array_equal(np.isnan(found), never)
    np.testing.assert_allclose(found[~never], np.minimum(ages_s, 63.75)[~never], atol=0.126)
    assert (found[(ages_s > 64) & ~never] == 63.75).all()
    other = quantities(encoded(p._replace(heard_ns=heard_ns)), ["290/ADS", "290/VDL", "290/UAT", "290/LOP"])
    assert np.isnan(np.array(other)).all()


def test_time_of_day_is_rounded_and_goes_round_at_midnight() -> None:
    half = TICK_NS // 2
    before = np.array([0, half - 1, half, TICK_NS, DAY_NS - half - 1, DAY_NS - half, DAY_NS - 1, DAY_NS])
    expected = [0, 0, 1, 1, DAY_TICKS - 1, 0, 0, 0]
    assert ticks_of(MIDNIGHT_NS + before).tolist() == expected
    assert ticks_of(before).tolist() == expected
    p = make_picture(8)._replace(time_ns=MIDNIGHT_NS + before)
    assert encoding.read_back(load_table(62, "1.18"), encoded(p), ["070"])[:, 0].tolist() == expected


def test_the_plane_ends_where_its_item_does() -> None:
    """Beyond 4,194 km I062/100 is left out, not clamped to a false place; I062/105 goes on."""
    p = make_picture(3)._replace(lat_deg=np.array([47.0, 20.0, -60.0]), lon_deg=np.array([9.0, 60.0, -150.0]))
    x, y, lat = quantities(encoded(p), ["100/X", "100/Y", "105/LAT"])
    assert np.isnan(x).tolist() == [False, True, True] == np.isnan(y).tolist()
    assert not np.isnan(lat).any()


def test_longitudes_go_round() -> None:
    p = make_picture(4)._replace(lat_deg=np.zeros(4), lon_deg=np.array([190.0, -180.0, 180.0, 359.0]))
    (lon,) = quantities(encoded(p), ["105/LON"])
    np.testing.assert_allclose(lon, [-170.0, -180.0, -180.0, -1.0], atol=1e-5)


def test_the_flat_frame_has_no_latitude() -> None:
    p = make_picture(1)._replace(lat_deg=np.array([1000.0]), lon_deg=np.array([-2000.0]), sensors=np.array([1]))
    encoder = TrackEncoder(Asterix62Options(), [radar("R")], Frame(kind="flat"))
    origin = encoder._origin
    assert origin.plane is None
    x, y, lat, sigma = quantities(encoded(p, origin), ["100/X", "100/Y", "105/LAT", "500/APW/LAT"])
    assert (x[0], y[0]) == (-2000.0, 1000.0) and np.isnan([lat[0], sigma[0]]).all()


def test_callsigns_are_reduced_to_the_alphabet() -> None:
    def packed(*codes: int) -> int:
        return sum(code << shift for code, shift in zip(codes, range(42, -1, -6)))

    given = np.array([pack_callsign("ABC123"), packed(1, 0, 27, 31, 33, 47, 58, 63), packed(*[63] * 8), 0])
    found = icao_text(given)
    assert [callsign_text(int(value)) if value != ABSENT else None for value in found] == ["ABC123", "A", None, None]
    assert icao_text(np.array([given[0]])).tolist() == [given[0]]
    # Letters and digits beyond ASCII are no codes either.
    assert callsign_text(pack_callsign("ÉA²٣1")) == "A  1"
    assert 0 < pack_callsign("ÉÑ²A") < 1 << 48


def radar(name: str, lat_deg: float = 0.0, lon_deg: float = 0.0, elevation: float | None = None) -> Radar:
    return Radar(
        id=name,
        position=Place(lat_deg=lat_deg, lon_deg=lon_deg),
        rotation_s=4.0,
        max_range_km=400.0,
        sigma=RadarSigma(elevation_deg=elevation),
    )


def test_the_centre_is_the_mean_of_the_sensors_unless_given() -> None:
    pair = [radar("A", 50.0, 179.0), radar("B", 50.0, -179.0)]
    lat, lon = centre_of(Asterix62Options(), pair)
    assert abs(abs(lon) - 180.0) < 1e-9 and 50.0 < lat < 50.1
    assert centre_of(Asterix62Options(centre_lat_deg=1.0, centre_lon_deg=2.0), pair) == (1.0, 2.0)
    with pytest.raises(ConfigError, match="needs both its latitude and its longitude"):
        centre_of(Asterix62Options(centre_lat_deg=1.0), pair)
    with pytest.raises(ConfigError, match="no sensor has a position"):
        centre_of(Asterix62Options(), [])


def test_a_3d_radar_is_a_source_of_heights() -> None:
    encoder = TrackEncoder(Asterix62Options(), [radar("A"), radar("B", elevation=0.2)], Frame())
    assert encoder._origin.height_source == (NO_HEIGHT_SOURCE, RADAR_3D)


@pytest.mark.parametrize("text", ["1", "1/", "256/1", "1/256", "-1/2", "a/b", "1/2/3", "²/1"])
def test_sources_that_cannot_be(text: str) -> None:
    with pytest.raises(ConfigError, match="give two numbers from 0 to 255, as 1/200"):
        source_of(text)


def test_an_edition_that_there_is_none_of() -> None:
    with pytest.raises(FormatError, match=r"no edition '1.17x' of ASTERIX category 062.*the nearest is 1.17"):
        TrackEncoder(Asterix62Options(edition="1.17x"), [radar("A")], Frame())


def test_a_life_has_one_first_and_one_last_report(rng: np.random.Generator) -> None:
    """TSB with the first report, TSE with the last, one number all along, and the age counted from the first."""
    encoder = TrackEncoder(Asterix62Options(), [radar("A", 47.0, 9.0)], Frame())
    rows = []
    for k, status in enumerate([Status.CONFIRMED, Status.CONFIRMED, Status.COASTING, Status.ENDED]):
        p = pictures(2, rng)._replace(
            track=np.array([10**15, 3]),
            time_ns=np.full(2, MIDNIGHT_NS + k * 4 * 10**9),
            status=np.array([status, Status.CONFIRMED], np.uint8),
        )
        content = encoder.encode(p).datagrams()[0][3:]
        table = load_table(62, "1.18")
        for _, _, record in ref.libasterix_records(ref.libasterix_edition(62, table.edition), content) or []:
            said = record.items_regular
            status_said = ref.flatten(said["080"])
            age = ref.flatten(said["290"])["TRK"]
            rows.append(
                (said["040"].unparse().to_uinteger(), *(status_said.get(bit, 0) for bit in ("TSB", "TSE", "CST")), age)
            )
    assert rows[0::2] == [(1, 1, 0, 0, 0), (1, 0, 0, 0, 16), (1, 0, 0, 1, 32), (1, 0, 1, 0, 48)]
    assert rows[1::2] == [(2, 1, 0, 0, 0), (2, 0, 0, 0, 16), (2, 0, 0, 0, 32), (2, 0, 0, 0, 48)]


def test_rows_without_a_free_number_are_left_out_and_counted(rng: np.random.Generator) -> None:
    encoder = TrackEncoder(Asterix62Options(), [radar("A", 47.0, 9.0)], Frame())
    encoder.numbers.highest = 5
    p = pictures(9, rng)._replace(status=np.full(9, Status.CONFIRMED, np.uint8))
    blocks = encoder.encode(p)
    assert (encoder.records, encoder.unnumbered) == (5, 4)
    assert blocks.data[0] == 62
