"""ADS-B out of the simulator: who is heard, how well, and what CAT021 and CAT023 say of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from test_asterix_tshark import compare, needs_tshark

import encoding
from command import Command
from farwatch.formats.asterix.adsb_out import Reports, report_records, station_records
from farwatch.formats.asterix.table import editions, load_table
from farwatch.frame import Frame
from farwatch.plots import NO_ADDRESS
from farwatch.recording import read_states
from farwatch.sensors import Place, Radar, RadarSigma
from farwatch.simulation import Simulation, Traffic, simulate
from farwatch.simulation.adsb import EPU_M, NINETY_FIVE, GroundStation, adsb_reports, scattered
from farwatch.simulation.weather import Weather
from farwatch.sinks.adsb_asterix import adsb_records
from farwatch.truth import States

RADAR = Radar(
    id="R",
    sac_sic="1/10",
    position=Place(lat_deg=47.2, lon_deg=9.3, height_m=1500),
    rotation_s=10.0,
    max_range_km=400,
    sigma=RadarSigma(range_m=50, azimuth_deg=0.07),
)
STATION = GroundStation(sac_sic="1/20", position=RADAR.position)
DAY_NS = 86_400 * 10**9
SITE = """
[[sensors]]
kind = "radar"
id = "R"
sac_sic = "1/10"
position = { lat_deg = 47.2, lon_deg = 9.3, height_m = 1500 }
rotation_s = 10.0
max_range_km = 300
[simulation]
traffic = [{ count = 30, radius_km = 200, transponders = 0.9, mode_s = 0.7, adsb = 0.8 }]
"""


def states_of(seconds: float = 120, **traffic: object) -> States:
    world = Simulation(traffic=(Traffic(count=60, radius_km=380, **traffic),))  # type: ignore[arg-type]
    return simulate([RADAR], Frame(), world, seconds, 3)[0].states


@pytest.fixture(scope="module")
def states() -> States:
    return states_of()


@pytest.fixture(scope="module")
def reports(states: States) -> Reports:
    return adsb_reports(states, [STATION], Weather(), 5)


def true_place(states: States, aircraft: int, time_ns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    own = states.take(states.aircraft == aircraft)
    lat, lon = (np.interp(time_ns, own.time_ns, column) for column in (own.lat_deg, own.lon_deg))
    return lat, lon, np.interp(time_ns, own.time_ns, own.height_wgs84_m)


def test_each_aircraft_in_sight_reports_once_a_second(states: States, reports: Reports) -> None:
    assert (np.diff(reports.time_ns) >= 0).all()
    for aircraft in np.unique(reports.aircraft).tolist()[:20]:
        own = reports.take(reports.aircraft == aircraft)
        steps_s = np.diff(own.time_ns) * 1e-9
        assert steps_s.min() >= 0.79 and np.median(steps_s) == pytest.approx(1.0, abs=0.05)
    lost = 1.0 - reports.n / adsb_reports(states, [GroundStation("1/20", RADAR.position, loss=0.0)], Weather(), 5).n
    assert lost == pytest.approx(STATION.loss, abs=0.01)


def test_errors_are_those_of_the_accuracy_and_last(states: States) -> None:
    """NACp 9: 95 % within 30 m; a minute later the error has forgotten two thirds of itself."""
    reports = adsb_reports(states_of(300), [STATION], Weather(), 5)
    truth = states_of(300)
    north, again = [], []
    for aircraft in np.unique(reports.aircraft).tolist():
        own = reports.take(reports.aircraft == aircraft)
        own = own.take((own.time_ns > truth.time_ns.min()) & (own.time_ns < truth.time_ns.max() - 10**9))
        if own.n < 200:
            continue
        lat, _, _ = true_place(truth, aircraft, own.time_ns)
        error = (own.lat_deg - lat) * 111_195.0
        north.append(error)
        later = np.searchsorted(own.time_ns, own.time_ns + 60 * 10**9)
        known = later < own.n
        again.append(np.mean(error[known] * error[later[known]]))
    sigma = EPU_M[9] / NINETY_FIVE
    assert np.std(np.concatenate(north)) == pytest.approx(sigma, rel=0.2)
    assert np.mean(again) / sigma**2 == pytest.approx(np.exp(-1), abs=0.25)


def test_nobody_is_heard_below_the_horizon_or_beyond_the_range() -> None:
    states = states_of(30, type="propeller", heights_m=(2000.0, 5000.0))
    low = GroundStation("1/20", Place(lat_deg=47.2, lon_deg=9.3, height_m=0.0), range_km=1000)
    heard = set(adsb_reports(states, [low], Weather(), 1).aircraft.tolist())
    every = set(states.aircraft.tolist())
    assert heard < every
    near = adsb_reports(states, [GroundStation("1/20", RADAR.position, range_km=100)], Weather(), 1)
    assert 0 < len(set(near.aircraft.tolist())) < len(heard)
    assert np.hypot((near.lat_deg - 47.2) * 111.2, (near.lon_deg - 9.3) * 75.6).max() < 102


def test_only_who_has_it_sends(tmp_path: Path) -> None:
    mixed = states_of(30, mode_s=0.7, adsb=0.5)
    assert 0.2 < mixed.adsb.mean() < 0.5
    assert (mixed.address[mixed.adsb] != NO_ADDRESS).all()
    heard = set(adsb_reports(mixed, [STATION], Weather(), 1).address.tolist())
    assert heard <= set(mixed.address[mixed.adsb].tolist())
    assert not states_of(5, transponders=0.0).adsb.any()
    assert scattered(np.arange(10_000)).mean() == pytest.approx(0.5, abs=0.01)


def test_states_keep_who_they_are_in_a_file(tmp_path: Path, farwatch: Command) -> None:
    site = tmp_path / "site.toml"
    site.write_text(SITE)
    assert farwatch("simulate", site, "-o", tmp_path / "run", "--duration", 5).code == 0
    found, _ = read_states(tmp_path / "run" / "truth.parquet")
    table = pq.read_table(tmp_path / "run" / "truth.parquet")
    assert table["adsb"].to_pylist() == found.adsb.tolist()
    assert table["address"].null_count == (found.address == NO_ADDRESS).sum() > 0


@pytest.mark.parametrize("edition", editions(21))
def test_libasterix_reads_reports(edition: str, reports: Reports) -> None:
    some = reports.take(slice(0, 300))
    records = report_records(some, [(1, 20)], edition)
    found = encoding.read_by_libasterix(21, edition, records)
    assert len(found) == some.n and not records.clamped
    assert [one["080"] for one in found] == some.address.tolist()
    fine = "131/LAT" if "131/LAT" in found[0] else "130/LAT"
    field = load_table(21, edition).field(fine)
    signed = np.array([one[fine] for one in found])
    signed = np.where(signed >= 1 << (field.row[4] - 1), signed - (1 << field.row[4]), signed)
    assert field.lsb is not None
    np.testing.assert_allclose(signed * field.lsb, some.lat_deg, atol=field.lsb)
    time = "071" if "071" in found[0] else "030"
    assert [one[time] for one in found] == [round(ns % DAY_NS / 7_812_500) for ns in some.time_ns.tolist()]


def test_libasterix_reads_the_stations_status() -> None:
    records = station_records(np.arange(4) * 10**9, np.array([0, 1, 0, 1]), [(1, 20), (1, 21)])
    found = encoding.read_by_libasterix(23, editions(23)[-1], records)
    assert [one["010/SIC"] for one in found] == [20, 21, 20, 21]
    assert all(one["000"] == 1 and one["100/NOGO"] == 0 for one in found)


@needs_tshark
def test_wireshark_reads_the_same(reports: Reports, tmp_path: Path) -> None:
    table = load_table(21, "2.4")
    records = report_records(reports.take(slice(0, 100)), [(1, 20)], "2.4")
    paths = ["010/SAC", "010/SIC", "080", "145", "160/GS", "160/TA", "090/NUCPNIC", "090/NACP", "210/VN", "161/TRNUM"]
    assert compare(table, records, paths, tmp_path / "a.pcap") == 100 * len(paths)


def test_reports_go_out_in_the_order_of_their_sending(reports: Reports) -> None:
    status, sent = adsb_records(reports, [STATION])
    assert (np.diff(sent.time_ns) >= 0).all() and sent.records.n == reports.n
    assert np.diff(status.time_ns).tolist() == [10**9] * (status.records.n - 1)


def test_several_categories_in_one_file(tmp_path: Path, farwatch: Command) -> None:
    site, run = tmp_path / "site.toml", tmp_path / "run"
    site.write_text(SITE)
    ran = farwatch("simulate", site, "-o", run, "--duration", 60, "--category", "048", "--category", "021")
    assert ran.code == 0, ran.err
    said = json.loads(farwatch("inspect", run / "plots.ast", "--json").out)
    assert {c["category"] for c in said["categories"]} == {21, 23, 34, 48}
    assert not any(c["broken_blocks"] for c in said["categories"] if "broken_blocks" in c)
    ran = farwatch(
        "convert", run / "plots.ast", "-o", tmp_path / "a.parquet", "--category", "21", "--day", "2026-01-01"
    )
    assert ran.code == 0, ran.err


def test_what_cannot_be_written_is_said(tmp_path: Path, farwatch: Command) -> None:
    site = tmp_path / "site.toml"
    site.write_text(SITE.replace('sac_sic = "1/10"\n', ""))
    ran = farwatch("simulate", site, "-o", tmp_path / "run", "--category", "021")
    assert ran.code == 1 and "add [[simulation.adsb]]" in ran.err
    site.write_text(SITE.replace("[simulation]", '[frame]\nkind = "flat"\n[simulation]'))
    ran = farwatch("simulate", site, "-o", tmp_path / "run", "--category", "021")
    assert ran.code == 1 and "lies in a plane" in ran.err
    assert not (tmp_path / "run").exists()
