"""Radar plots and messages written as CAT048 and CAT034, read back, and tracked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import reference_asterix as ref
from command import Command
from farwatch.errors import ConfigError, FarwatchError, FormatError
from farwatch.formats import asterix
from farwatch.formats.asterix.radar_out import message_records, plot_records
from farwatch.frame import Frame
from farwatch.picture import make_picture
from farwatch.plots import (
    Flag,
    Kind,
    Measured,
    Plots,
    Progress,
    ProgressKind,
    concat_plots,
    concat_progress,
    make_plots,
    make_progress,
    pack_callsign,
)
from farwatch.sensors import Place, Radar, RadarSigma
from farwatch.sensors.height import HeightFinder
from farwatch.simulation import Simulation, simulate
from farwatch.sinks import SinkOptions, open_sink
from farwatch.sinks.radar_asterix import encode_radars, station, write_radars
from farwatch.sources import Replay

DAY_NS = 86_400 * 10**9
DAY = 20_454
RANGE_STEP_M, AZIMUTH_STEP = 1852 / 256, 2 * np.pi / 65_536
HEIGHT_STEP_M, LEVEL_STEP_M = 25 * 0.3048, 7.62


def far(**changes: object) -> Radar:
    """A two-dimensional radar that sees beyond what I048/040 can say."""
    given = {
        "id": "FAR",
        "sac_sic": "1/10",
        "position": Place(lat_deg=47.2, lon_deg=9.3, height_m=2500),
        "rotation_s": 10.0,
        "max_range_km": 600.0,
    }
    return Radar(**(given | changes))  # type: ignore[arg-type]


def tall() -> Radar:
    """A radar that measures elevation and radial speed."""
    return far(
        id="TALL",
        sac_sic="1/11",
        position=Place(lat_deg=48.0, lon_deg=10.0, height_m=450, msl=True, geoid_m=48.0),
        rotation_s=4.0,
        max_range_km=300.0,
        sigma=RadarSigma(elevation_deg=0.2, range_rate_mps=2.0),
        clutter=10.0,
    )


SENSORS = (far(), tall())


def scene(duration_s: float = 60.0) -> tuple[Plots, Progress]:
    _, plots, progress = simulate(SENSORS, Frame(), Simulation(aircraft=60), duration_s, 5)
    return plots, progress


def replayed(path: Path, day: int = DAY, editions: dict[int, str] | None = None) -> tuple[Plots, Progress]:
    batches = list(Replay([path], SENSORS, day_ns=day * DAY_NS, editions=editions))
    return concat_plots([b.plots for b in batches]), concat_progress([b.progress for b in batches])


def assert_same_plots(found: Plots, given: Plots) -> None:
    """Row by row, to half a step of each item."""
    assert found.n == given.n
    given = given.take(np.argsort(given.time_ns, kind="stable"))
    assert np.abs(found.time_ns - given.time_ns).max() <= 3_906_250
    for name in ("sensor", "kind", "address", "mode_a", "callsign", "flags"):
        np.testing.assert_array_equal(getattr(found, name), getattr(given, name), name)
    np.testing.assert_allclose(found.z[:, 0], given.z[:, 0], atol=RANGE_STEP_M / 2 + 1e-6)
    turn = np.abs((found.z[:, 1] - given.z[:, 1] + np.pi) % (2 * np.pi) - np.pi)
    assert turn.max() <= AZIMUTH_STEP / 2 + 1e-12
    np.testing.assert_allclose(found.pressure_altitude_m, given.pressure_altitude_m, atol=LEVEL_STEP_M / 2 + 1e-9)
    np.testing.assert_allclose(found.z[:, 3], given.z[:, 3], atol=0.5)


@pytest.fixture(scope="module")
def made() -> tuple[Plots, Progress]:
    return scene()


@pytest.mark.parametrize("edition", [None, "1.27"])
def test_a_simulation_reads_back_as_it_was(edition: str | None, made: tuple[Plots, Progress], tmp_path: Path) -> None:
    plots, progress = made
    editions = {48: edition} if edition else None
    path = tmp_path / "plots.ast"
    path.write_bytes(encode_radars(plots, progress, SENSORS, editions=editions).data.tobytes())
    found, messages = replayed(path, editions=editions)
    assert (found.z[:, 0] > 256 * 1852).sum() > 20  # in the expansion field
    assert_same_plots(found, plots)
    assert messages.n == progress.n
    for column in ("sensor", "kind", "azimuth_rad"):
        np.testing.assert_allclose(getattr(messages, column), getattr(progress, column), atol=1e-12)
    np.testing.assert_allclose(messages.rotation_s, progress.rotation_s, atol=1 / 256)


def test_an_elevation_comes_back_through_the_height_that_it_means(made: tuple[Plots, Progress], tmp_path: Path) -> None:
    """To half a step of 25 feet, and of the range, across the ray; only what is too high to say is left out."""
    plots, progress = made
    plots = plots.take(np.argsort(plots.time_ns, kind="stable"))
    path = tmp_path / "plots.ast"
    write_radars(path, plots, progress, SENSORS)
    found, _ = replayed(path)
    had = plots.measured & Measured.ELEVATION != 0
    has = found.measured & Measured.ELEVATION != 0
    np.testing.assert_array_equal(has, ~np.isnan(found.z[:, 2]))
    assert not has[~had].any()
    heights = HeightFinder(tall(), False).heights_m(plots.z[had & ~has])
    assert (heights > 62_000).all()
    both = had & has
    assert both.sum() > 200
    across_m = np.abs(found.z[both, 2] - plots.z[both, 2]) * plots.z[both, 0] * np.cos(plots.z[both, 2])
    steps_m = HEIGHT_STEP_M / 2 + RANGE_STEP_M / 2 * np.abs(np.sin(plots.z[both, 2]))
    assert (across_m <= steps_m + 1.0).all(), across_m.max()


def test_heights_are_above_mean_sea_level() -> None:
    """Straight up from a radar at 450 m above the sea, 10 km: 10,450 m, whatever the ellipsoid does there."""
    z = np.full((1, 6), np.nan)
    z[0, :3] = 10_000.0, 0.0, np.radians(89.0)
    radar = tall()
    finder = HeightFinder(radar, False)
    np.testing.assert_allclose(finder.heights_m(z), 450 + 10_000 * np.sin(np.radians(89.0)), atol=5.0)
    np.testing.assert_allclose(HeightFinder(far(refraction="none"), True).heights_m(z), 2500 + 9998.5, atol=0.1)


def test_a_2d_radar_does_not_take_heights_for_elevations(made: tuple[Plots, Progress], tmp_path: Path) -> None:
    plots, progress = made
    write_radars(tmp_path / "plots.ast", plots, progress, SENSORS)
    flat_site = [far(), far(id="TALL", sac_sic="1/11")]
    batches = list(Replay([tmp_path / "plots.ast"], flat_site, day_ns=DAY * DAY_NS))
    found = concat_plots([batch.plots for batch in batches])
    assert not (found.measured & Measured.ELEVATION).any()


def test_every_mark_of_a_plot_comes_back(tmp_path: Path) -> None:
    flags = [Flag(0), *Flag, Flag.MODE_A_INVALID | Flag.MODE_C_GARBLED | Flag.SIMULATED, Flag.TEST | Flag.EMERGENCY]
    flags = [flag for flag in flags if flag != Flag.NOT_AIRCRAFT and not flag & Flag.OF_REPORTS]
    n = len(flags)
    kinds = [Kind.PSR, Kind.SSR, Kind.MODE_S, Kind.PSR_SSR, Kind.PSR_MODE_S]
    plots = make_plots(
        n,
        time_ns=DAY * DAY_NS + np.arange(n) * 10**9,
        kind=np.resize(kinds, n),
        z=np.column_stack([np.linspace(1.0, 700e3, n), np.linspace(0, 2 * np.pi - 1e-9, n)]),
        measured=3,
        mode_a=np.resize([0o1234, 0o7777, 0], n),
        pressure_altitude_m=np.resize([-60.96, 10_000.0, 0.0], n),
        amplitude_dbm=np.resize([-80, np.nan, -31, 5], n),
        address=np.arange(n) + 1,
        callsign=np.resize([pack_callsign("ABC123"), 0], n),
        flags=np.array([int(flag) for flag in flags]),
    )
    write_radars(tmp_path / "p.ast", plots, make_progress(0), SENSORS)
    found, _ = replayed(tmp_path / "p.ast")
    found_again = found._replace(z=found.z.copy())
    found_again.z[0, 0] = plots.z[0, 0]  # a range of 1 m is written as one step: 0 would be no plot at all
    assert abs(found.z[0, 0] - RANGE_STEP_M) < 1e-9
    assert_same_plots(found_again, plots)
    np.testing.assert_array_equal(found.amplitude_dbm, plots.amplitude_dbm)


def test_how_an_aircraft_turns_comes_back(tmp_path: Path, rng: np.random.Generator) -> None:
    """BDS 5,0: each of four values there or not, to half a step; a plot without any has no register."""
    n = 400
    given = {
        "roll_rad": np.radians(rng.uniform(-89, 89, n)),
        "heading_rad": rng.uniform(0, 2 * np.pi, n),
        "speed_mps": rng.uniform(0, 1000, n),
        "track_rate_rps": np.radians(rng.uniform(-15, 15, n)),
    }
    given = {name: np.where(rng.uniform(size=n) < 0.5, np.nan, column) for name, column in given.items()}
    z = np.column_stack([rng.uniform(1e4, 6e5, n), rng.uniform(0, 6, n)])
    plots = make_plots(n, time_ns=DAY * DAY_NS + np.arange(n) * 10**8, kind=int(Kind.MODE_S), z=z, measured=3, **given)
    write_radars(tmp_path / "p.ast", plots, make_progress(0), SENSORS)
    found, _ = replayed(tmp_path / "p.ast")
    steps = {"roll_rad": np.radians(45 / 256), "heading_rad": np.radians(90 / 512), "speed_mps": 2 * 1852 / 3600}
    for name, step in (steps | {"track_rate_rps": np.radians(1 / 32)}).items():
        a, b = getattr(found, name).astype(float), getattr(plots, name).astype(float)
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b), name)
        apart = np.abs(a - b)
        if name == "heading_rad":
            apart = np.minimum(apart, 2 * np.pi - apart)
        assert np.nanmax(apart) <= step / 2 + 1e-4 * step, name
    nothing = np.all([np.isnan(column) for column in given.values()], axis=0)
    registers = asterix.inspect(tmp_path / "p.ast").categories[48].items["250"]
    assert registers == pytest.approx(1 - nothing.mean())


def test_the_distress_codes_are_an_emergency_of_their_own(tmp_path: Path) -> None:
    plots = make_plots(
        2,
        time_ns=DAY * DAY_NS + np.arange(2) * 10**9,
        kind=int(Kind.SSR),
        z=np.full((2, 2), 1e4),
        measured=3,
        mode_a=[0o7700, 0o7700],
        flags=[int(Flag.EMERGENCY), int(Flag.EMERGENCY | Flag.MODE_A_INVALID)],
    )
    plots = plots._replace(z=np.column_stack([plots.z[:, 0], np.ones(2), np.full((2, 4), np.nan)]))
    write_radars(tmp_path / "p.ast", plots, make_progress(0), SENSORS)
    found, _ = replayed(tmp_path / "p.ast")
    np.testing.assert_array_equal(found.flags, plots.flags)
    table = asterix.columns(tmp_path / "p.ast", 48, ["020/ME"])
    assert table["020/ME"].tolist() == [-1, 1]


def test_across_midnight(made: tuple[Plots, Progress], tmp_path: Path) -> None:
    plots, progress = made
    shift_ns = (DAY + 1) * DAY_NS - 30 * 10**9 - int(plots.time_ns.min())
    plots = plots._replace(time_ns=plots.time_ns + shift_ns)
    progress = progress._replace(time_ns=progress.time_ns + shift_ns)
    write_radars(tmp_path / "p.ast", plots, progress, SENSORS)
    found, _ = replayed(tmp_path / "p.ast")
    assert_same_plots(found, plots)
    assert found.time_ns.min() < (DAY + 1) * DAY_NS < found.time_ns.max()


def test_blocks_are_in_order_of_time_and_of_one_radar_each(made: tuple[Plots, Progress]) -> None:
    plots, progress = made
    blocks = encode_radars(plots, progress, SENSORS)
    newest, seen = 0, set()
    for category, content in ref.blocks_of_bytes(blocks.data.tobytes()):
        definition = ref.libasterix_edition(category, {48: "1.32", 34: "1.29"}[category])
        parsed = ref.libasterix_records(definition, content)
        assert parsed
        sources = set()
        for start, stop, record in parsed:
            assert record.unparse().to_bytes() == content[start:stop]
            sources.add(record.items_regular["010"].unparse().to_uinteger())
            ticks = record.items_regular["140" if category == 48 else "030"].unparse().to_uinteger()
            assert ticks >= newest
            newest = ticks
        assert len(sources) == 1
        seen.add((category, sources.pop()))
        assert len(content) + 3 <= 1400
    assert seen == {(category, 256 + sic) for category in (34, 48) for sic in (10, 11)}


def test_the_north_message_says_where_the_radar_stands(tmp_path: Path) -> None:
    north = make_progress(1, time_ns=DAY * DAY_NS, sensor=1, kind=int(ProgressKind.NORTH), rotation_s=4.0)
    write_radars(tmp_path / "p.ast", make_plots(0), north, SENSORS)
    found = asterix.columns(tmp_path / "p.ast", 34, ["120/HGT", "120/LAT", "120/LON", "041", "000", "020"])
    assert found["120/HGT"][0] == 498.0  # above the ellipsoid
    np.testing.assert_allclose([found["120/LAT"][0], found["120/LON"][0]], [48.0, 10.0], atol=1.1e-5)
    assert (found["041"][0], found["000"][0]) == (4.0, 1) and np.isnan(found["020"][0])


def test_what_is_no_radar_plot_is_refused(tmp_path: Path) -> None:
    stations = [station(sensor) for sensor in SENSORS]
    plot = make_plots(1, kind=int(Kind.PSR), z=[[1e4, 1.0]], measured=3)
    for change, said in [
        ({"kind": np.array([Kind.ADSB], np.uint8)}, "1 plots are no radar's"),
        ({"measured": np.array([1], np.uint8)}, "without range and azimuth"),
        ({"z": np.full((1, 6), np.inf)}, "range or azimuth of plot 0 is no finite number"),
    ]:
        with pytest.raises(FormatError, match=said):
            plot_records(plot._replace(**change), stations)
    with pytest.raises(FormatError, match="only north and sector messages"):
        message_records(make_progress(1, kind=int(ProgressKind.STATUS)), stations)
    with pytest.raises(ConfigError, match="sensor 'FAR' has no `sac_sic`"):
        write_radars(tmp_path / "p.ast", plot, make_progress(0), [far(sac_sic=None)])
    with pytest.raises(ConfigError, match="300/1"):
        station(far(sac_sic="300/1"))
    with pytest.raises(FarwatchError, match="there is no folder"):
        write_radars(tmp_path / "no" / "p.ast", plot, make_progress(0), SENSORS)


SITE = """
name = "small"
[[sensors]]
kind = "radar"
id = "R"
sac_sic = "1/10"
position = { lat_deg = 47.0, lon_deg = 9.0, height_m = 500 }
rotation_s = 4.0
max_range_km = 200
clutter = 5
[simulation]
aircraft = 12
radius_km = 100
"""


def test_from_the_command_line_and_back(tmp_path: Path, farwatch: Command) -> None:
    site, run = tmp_path / "site.toml", tmp_path / "run"
    site.write_text(SITE)
    ran = farwatch("simulate", site, "-o", run, "--duration", 120, "--asterix", "--json")
    assert ran.code == 0, ran.err
    tracked = {}
    for name in ("plots.ast", "plots.parquet"):
        output = tmp_path / f"{name}.ast"
        ran = farwatch(
            "track", run / name, "-s", site, "-o", output, "--day", "2026-01-01", "--sac-sic", "1/200", "--json"
        )
        assert ran.code == 0, ran.err
        tracked[name] = json.loads(ran.out)
        rows = asterix.inspect(output, {62: "1.18"}).categories[62]
        assert dict(rows.sources) == {(1, 200): tracked[name]["rows"]}
        assert rows.broken_blocks == 0
    assert tracked["plots.ast"]["plots"] == tracked["plots.parquet"]["plots"]
    assert abs(tracked["plots.ast"]["tracks"] - tracked["plots.parquet"]["tracks"]) <= 1
    said = farwatch("inspect", tmp_path / "plots.ast.ast", "--json")
    assert json.loads(said.out)["categories"]


def test_a_file_of_tracks_counts_what_it_holds(tmp_path: Path) -> None:
    """70,000 tracks have not numbers enough: what is left out is said and not counted as written."""
    path = tmp_path / "t.ast"
    sink = open_sink(path, ["FAR", "TALL"], SinkOptions(SENSORS))
    n = 70_000
    sink.write(make_picture(n)._replace(track=np.arange(n), status=np.ones(n, np.uint8), lat_deg=np.full(n, 47.0)))
    sink.close()
    assert sink.rows == 65_535 == asterix.inspect(path, {62: "1.18"}).categories[62].records
    assert sink.losses() == ["4465 track states had no free 16-bit track number: left out"]


def test_bad_options_on_the_command_line(tmp_path: Path, farwatch: Command) -> None:
    site = tmp_path / "site.toml"
    site.write_text(SITE.replace('sac_sic = "1/10"\n', ""))
    ran = farwatch("simulate", site, "-o", tmp_path / "run", "--asterix")
    assert ran.code == 1 and "sensor 'R' has no `sac_sic`" in ran.err
    site.write_text(SITE)
    ran = farwatch("track", tmp_path / "x.ast", "-s", site, "-o", tmp_path / "t.ast", "--sac-sic", "1/400")
    assert ran.code == 1 and "SAC/SIC 1/400: give two numbers" in ran.err
    ran = farwatch("track", tmp_path / "x.ast", "-s", site, "-o", tmp_path / "t.ast", "--edition", "062=9.9")
    assert ran.code == 1 and "no edition '9.9' of ASTERIX category 062" in ran.err
    assert list(tmp_path.glob("*t.ast*")) == []
    ran = farwatch("simulate", site, "-o", tmp_path / "run", "--asterix", "--category", "62")
    assert ran.code == 1 and "--category 62: a simulation is written as 048 (with 034), 001 (with 002), 021" in ran.err
    ran = farwatch("simulate", site, "-o", tmp_path / "run", "--duration", 20, "--asterix", "--category", "001")
    assert ran.code == 0, ran.err
    assert set(asterix.inspect(tmp_path / "run" / "plots.ast").categories) == {1, 2}
