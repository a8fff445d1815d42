"""What was last measured of tracks: I062/340 as it is sent, read back, free of the radars' errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from farwatch.api import tracker_of
from farwatch.formats import asterix
from farwatch.formats.asterix.table import load_table
from farwatch.geodesy import geodetic_to_ecef
from farwatch.picture import Status, concat_pictures, make_picture
from farwatch.plots import Kind, make_plots
from farwatch.registration.measured import LastMeasured, Measured
from farwatch.sensors.radar import polar, radar_model
from farwatch.sinks import Asterix62Options, TrackEncoder
from farwatch.sinks.measured_item import measured_columns, sources_of
from registration_scenes import batches, network, true_errors

ITEMS = ["340/SID/SIC", "340/POS/RHO", "340/POS/THETA", "340/MDC/LMC", "340/TYP/TYP", "105/LAT", "105/LON"]


def test_the_item_holds_what_a_right_radar_would_have_measured(tmp_path: Path) -> None:
    scenario = network(60, 3, positions=False)
    tracker = tracker_of(scenario)
    measured = tracker.measure()
    said = batches(scenario, 105.0, 1)
    last_ns = max(int(batch.plots.time_ns.max()) for batch in said if batch.plots.n)
    pictures = [tracker.update(batch) for batch in said if batch.until_ns <= last_ns]
    encoder = TrackEncoder(Asterix62Options(), scenario.sensors, scenario.frame, measured=measured)
    # Each track as it was at its last look: then its plot was measured. Those that have ended are forgotten.
    rows = concat_pictures(pictures[-120:])
    rows = rows.take((rows.plot >= 0) & ~np.isin(rows.track, rows.track[rows.status == Status.ENDED]))
    last = rows.take(np.sort(rows.n - 1 - np.unique(rows.track[::-1], return_index=True)[1]))
    path = tmp_path / "tracks.ast"
    path.write_bytes(encoder.encode(last).data.tobytes())
    told = asterix.columns(path, 62, ITEMS)
    assert len(told["340/SID/SIC"]) == last.n
    assert np.isin(told["340/SID/SIC"], (11, 12, 13)).all()
    assert np.isin(told["340/TYP/TYP"], (5, 7)).all()
    places = geodetic_to_ecef(np.radians(last.lat_deg), np.radians(last.lon_deg), last.height_wgs84_m)
    off_m, off_deg = np.zeros(last.n), np.zeros(last.n)
    for number, (range_m, _, azimuth_rad, _) in enumerate(true_errors(scenario)):
        own = np.flatnonzero(told["340/SID/SIC"] == 11 + number)
        model = radar_model(scenario.sensors[number], False)
        expected = np.array([polar(model, *place)[:2] for place in places[own]]).reshape(-1, 2)
        off_m[own] = (told["340/POS/RHO"][own] * 1852.0 - expected[:, 0]) * np.sign(range_m)
        turned = told["340/POS/THETA"][own] - np.degrees(expected[:, 1])
        off_deg[own] = ((turned + 180.0) % 360.0 - 180.0) * np.sign(azimuth_rad)
    # Uncorrected it would be 80, 120 and 40 m, and 0.12, 0.20 and 0.05 degrees; of one plot the noise is 40 to 50 m.
    assert abs(off_m.mean()) < 25.0
    assert abs(off_deg.mean()) < 0.04


def test_tracks_without_a_radars_plot_leave_it_out() -> None:
    scenario = network(60, 3, positions=False)
    table = load_table(62, "1.18")
    nothing = np.full(2, np.nan)
    measured = Measured(
        np.array([-1, 0]), np.array([np.nan, 5e5]), nothing, nothing, np.array([-1, 0o1234], np.int16), np.zeros(2, int)
    )
    columns = measured_columns(measured, sources_of(scenario.sensors), table)
    # 500 km are more miles than the item can say.
    assert columns["340/SID/SIC"].tolist()[1] == 11
    assert columns["340/SID/SIC"][0] != 11
    assert np.isnan(columns["340/POS/RHO"]).all()
    assert columns["340/MDA/MODE3A"][1] == 0o1234


def test_a_track_that_ends_is_forgotten() -> None:
    kept = LastMeasured()
    plots = make_plots(2, id=[5, 6], time_ns=[10, 20], sensor=[0, 1], kind=int(Kind.SSR), z=[[1e5, 1.0], [2e5, 2.0]])
    seen = make_picture(2)._replace(track=np.array([1, 2]), plot=np.array([6, 5]), status=np.ones(2, np.uint8))
    kept.hear(plots, seen)
    assert kept.at(np.array([1, 2, 3])).sensor.tolist() == [1, 0, -1]
    ended = seen._replace(plot=np.full(2, -1), status=np.array([Status.ENDED, Status.CONFIRMED], np.uint8))
    kept.hear(make_plots(0), ended)
    assert kept.at(np.array([1, 2])).sensor.tolist() == [-1, 0]
    assert kept.at(np.array([2])).range_m[0] == pytest.approx(1e5)
