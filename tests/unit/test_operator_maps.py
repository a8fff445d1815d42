"""Operator maps: what areas do to plots and tracks, and what is said of a map that cannot be."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farwatch.cli.check import maps_of
from farwatch.errors import ConfigError
from farwatch.geodesy import to_ecef
from farwatch.operator_maps import read_areas
from farwatch.plots import Kind, make_plots
from farwatch.scenario import load
from farwatch.sensors import Place, Radar, RadarSigma, sensor_model
from farwatch.sensors.radar import polar
from farwatch.tracker import Tracker, TrackerOptions
from farwatch.tracker.admit import Admitted
from farwatch.tracker.areas import (
    MAY_BE_MIRRORED,
    STARTS_NOTHING,
    Area,
    OperatorMap,
    area_model,
    inside,
    mark_areas,
)
from farwatch.tracker.options import tracker_model
from reference import in_polygon
from scenes import FLAT, START_NS, batches_of, confirmed, plots_of, radar, straight, track

SQUARE = ((-10e3, -10e3), (10e3, -10e3), (10e3, 10e3), (-10e3, 10e3))


def area(use: str, *rings: Any, **more: Any) -> Area:
    return Area(use=use, rings=rings or (SQUARE,), **more)  # type: ignore[arg-type]


def options(*areas: Area) -> TrackerOptions:
    return TrackerOptions(maps=(OperatorMap(areas=areas),))


def test_no_track_begins_where_none_is_to_and_one_that_comes_is_kept(rng: np.random.Generator) -> None:
    born_inside, comes = straight(-8e3, 0.0, 60, 60), straight(-60e3, -5e3, 200, 0)
    plots = plots_of([born_inside, comes], 400, rng)
    tracker = Tracker([radar()], options(area("non_initiation")), FLAT)
    picture = track(plots, tracker=tracker)
    assert len(confirmed(picture)) == 2
    begins = {n: np.flatnonzero(picture.track == n)[0] for n in confirmed(picture)}
    for row in begins.values():
        assert max(abs(picture.lon_deg[row]), abs(picture.lat_deg[row])) > 9.5e3
    through = np.hypot(picture.lon_deg, picture.lat_deg + 5e3) < 5e3
    assert through.sum() > 5  # the one that comes is not lost on its way through
    assert tracker.counts.not_initiated > 20
    assert tracker.counts.excluded == 0


def test_excluded_plots_are_left_out_and_counted(rng: np.random.Generator) -> None:
    plots = plots_of([straight(-8e3, 0.0, 10, 40), straight(60e3, 0.0, 0, 200)], 120, rng)
    tracker = Tracker([radar()], options(area("exclusion")), FLAT)
    picture = track(plots, tracker=tracker)
    assert len(confirmed(picture)) == 1
    assert (picture.lon_deg > 50e3).all()
    there = np.abs(plots.z[:, :1] * np.array([np.sin(plots.z[:, 1]), np.cos(plots.z[:, 1])]).T).max(axis=1) < 10e3
    assert tracker.counts.excluded == pytest.approx(there.sum(), abs=2)


def test_a_map_may_be_of_other_sensors_and_without_maps_nothing_is_reckoned() -> None:
    of_another = OperatorMap(sensors=("OTHER",), areas=(area("exclusion"),))
    assert area_model((of_another,), radar(), True) is None
    assert area_model((), radar(), True) is None
    assert area_model((of_another,), Radar(**{**_fields(radar()), "id": "OTHER"}), True) is not None


def _fields(sensor: Radar) -> dict[str, Any]:
    return {name: getattr(sensor, name) for name in sensor.__struct_fields__}


STATION = Radar(
    id="R", position=Place(lat_deg=47.0, lon_deg=9.0, height_m=500.0), rotation_s=4.0, max_range_km=200.0,
    sigma=RadarSigma(range_m=50.0, azimuth_deg=0.08, elevation_deg=0.3),
)  # fmt: skip


def marked(areas: tuple[Area, ...], places: Any, **columns: Any) -> tuple[np.ndarray, np.ndarray]:
    """Which of the plots of points (lat, lon, height) are left out, and their flags."""
    model, own = sensor_model(STATION, False)
    seen = [polar(own, *to_ecef(math.radians(a), math.radians(b), h)) for a, b, h in places]
    plots = make_plots(len(seen), z=np.array(seen), kind=int(Kind.PSR), time_ns=START_NS, **({"measured": 7} | columns))
    admitted = Admitted(*(getattr(plots, name).copy() for name in Admitted._fields))
    found = area_model((OperatorMap(areas=areas),), STATION, False)
    out = mark_areas(admitted, 0, found, model, own, tracker_model(TrackerOptions(), False))
    return out, admitted.flags


def test_areas_on_the_round_earth_have_heights() -> None:
    box = ((9.4, 47.2), (9.6, 47.2), (9.6, 47.4), (9.4, 47.4), (9.4, 47.2))
    low = area("exclusion", box, floor_m=0.0, ceiling_m=2000.0)
    places = [(47.3, 9.5, 1000.0), (47.3, 9.5, 5000.0), (47.3, 9.7, 1000.0), (47.1, 9.5, 1000.0)]
    assert marked((low,), places)[0].tolist() == [True, False, False, False]
    # Where no height is known, it is in there whatever its height; a pressure altitude is one.
    assert marked((low,), places[1:2], measured=3)[0].tolist() == [True]
    assert marked((low,), places[1:2], measured=3, pressure_altitude_m=5000.0)[0].tolist() == [False]
    hole = ((9.45, 47.25), (9.55, 47.25), (9.55, 47.35), (9.45, 47.35))
    assert marked((area("exclusion", box, hole),), [places[0], (47.22, 9.5, 1000.0)])[0].tolist() == [False, True]
    flags = marked((area("non_initiation", box),), places)[1]
    assert (flags & STARTS_NOTHING > 0).tolist() == [True, True, False, False]


def test_behind_a_reflector_plots_may_be_mirrored() -> None:
    wall = ((9.03, 46.99), (9.04, 46.99), (9.04, 47.01), (9.03, 47.01))  # 2.3 km to the east
    places = [(47.0, 9.5, 5000.0), (47.0, 9.01, 600.0), (47.3, 9.0, 5000.0), (47.0, 8.5, 5000.0)]
    flags = marked((area("reflector", wall),), places)[1]
    assert (flags & MAY_BE_MIRRORED > 0).tolist() == [True, False, False, False]


@given(
    st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=3, max_size=12, unique=True),
    st.lists(st.tuples(st.floats(-60, 60), st.floats(-60, 60)), min_size=1, max_size=10),
)
def test_a_point_is_in_a_polygon_as_the_winding_number_says(
    corners: list[tuple[int, int]], points: list[tuple[float, float]]
) -> None:
    try:
        one = area("exclusion", tuple((float(x), float(y)) for x, y in corners))
    except ValueError:
        return
    model = area_model((OperatorMap(areas=(one,)),), radar(), True)
    ring = np.array(corners, float)
    for x, y in points:
        said = in_polygon(ring, x, y)
        if said is not None:  # on a side either will do
            assert inside(model, 0, x, y) == said


@pytest.mark.parametrize(
    ("rings", "words"),
    [
        ((((0.0, 0.0), (1.0, 1.0)),), "2 corners"),
        ((((0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)),), "crosses itself.*corner 0.*corner 2"),
        ((((0.0, 0.0), (2.0, 0.0), (1.0, 0.0), (1.0, 1.0)),), "crosses itself"),
        ((((0.0, 0.0), (1.0, 0.0), (1.0, 0.0), (0.0, 1.0)),), "repeats its corner 1"),
        ((((0.0, 0.0), (math.nan, 0.0), (1.0, 1.0)),), "finite"),
        ((SQUARE, ((0.0, 0.0), (1.0, 1.0))), "hole 1 has 2 corners"),
    ],
)
def test_polygons_that_bound_nothing(rings: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        area("exclusion", *rings)


def test_heights_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="not below"):
        area("exclusion", floor_m=500.0, ceiling_m=100.0)


@pytest.mark.parametrize(
    ("ring", "words"),
    [
        (((47.2, 109.4), (47.4, 109.4), (47.4, 109.6)), "latitudes.*longitude first"),
        (((190.0, 47.2), (191.0, 47.2), (191.0, 47.4)), "outside -180"),
        (((-179.0, 47.2), (179.0, 47.2), (179.0, 47.4)), "180th meridian"),
    ],
)
def test_corners_that_are_nowhere(ring: Any, words: str) -> None:
    named = OperatorMap(areas=(area("exclusion", ring, name="mast"),))
    with pytest.raises(ConfigError, match=f"mast.*{words}"):
        area_model((named,), STATION, False)


SITE = """
[[sensors]]
kind = "radar"
id = "RAD1"
position = { lat_deg = 47.0, lon_deg = 9.0, height_m = 500 }
rotation_s = 4.0
max_range_km = 200
sigma = { range_m = 50, azimuth_deg = 0.08 }

[[tracker.maps]]
file = "areas.geojson"
sensors = ["RAD1"]
"""
BOX = [[[9.4, 47.2], [9.6, 47.2], [9.6, 47.4], [9.4, 47.4], [9.4, 47.2]]]


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def test_a_scenario_names_a_file_beside_it(tmp_path: Path) -> None:
    features = [
        feature(
            {"type": "Polygon", "coordinates": BOX}, use="exclusion", name="wind farm", ceiling_m=500, colour="red"
        ),
        feature({"type": "MultiPolygon", "coordinates": [BOX, BOX]}, use="non_initiation"),
    ]
    (tmp_path / "areas.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    (tmp_path / "site.toml").write_text(SITE)
    (one,) = load(tmp_path / "site.toml").tracker.maps
    assert [a.use for a in one.areas] == ["exclusion", "non_initiation", "non_initiation"]
    assert one.areas[0].name == "wind farm"
    assert one.areas[0].ceiling_m == 500.0
    (said,) = maps_of(load(tmp_path / "site.toml"))
    assert said["sensors"] == ["RAD1"]
    assert said["areas"] == {"non_initiation": 2, "exclusion": 1, "reflector": 0}
    (tmp_path / "site.toml").write_text(SITE.replace('["RAD1"]', '["RAD2"]'))
    with pytest.raises(ConfigError, match=r"no sensor 'RAD2'.*did you mean `RAD1`"):
        load(tmp_path / "site.toml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "FeatureCollection"),
        (json.dumps({"type": "Polygon", "coordinates": BOX}), "FeatureCollection.*'Polygon'"),
        (
            json.dumps(feature({"type": "Polygon", "coordinates": BOX}, use="excluded")),
            "feature 0.*'excluded'.*exclusion",
        ),
        (json.dumps(feature({"type": "Point", "coordinates": [9, 47]}, use="exclusion")), "Point"),
        (json.dumps(feature(None, use="exclusion", name="tower")), r"feature 0 \(tower\)"),
        (json.dumps(feature({"type": "Polygon", "coordinates": [[[9]]]}, use="exclusion")), "no point"),
        (json.dumps(feature({"type": "Polygon", "coordinates": [[["a", 1]]]}, use="exclusion")), "float"),
        (json.dumps(feature({"type": "Polygon", "coordinates": 7}, use="exclusion")), "rings"),
        (json.dumps(feature({"type": "Polygon", "coordinates": [BOX[0][:2]]}, use="exclusion")), "2 corners"),
        (json.dumps(feature({"type": "Polygon", "coordinates": BOX}, use="exclusion", floor_m="low")), "floor_m"),
    ],
)
def test_maps_that_are_none(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "areas.geojson"
    file.write_text(text)
    with pytest.raises(ConfigError, match=words) as said:
        read_areas(file)
    assert str(file) in str(said.value)


def test_a_map_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_areas(tmp_path / "none.geojson")


def test_slices_with_maps_are_bit_for_bit_restored(rng: np.random.Generator) -> None:
    plots = plots_of([straight(-60e3, -5e3, 200, 0), straight(-8e3, 0.0, 60, 60)], 200, rng)
    chosen = options(area("non_initiation"), area("exclusion", ((-35e3, -9e3), (-25e3, -9e3), (-30e3, 9e3))))
    batches = batches_of(plots)
    one = Tracker([radar()], chosen, FLAT)
    for batch in batches[:20]:
        one.update(batch)
    other = Tracker([radar()], chosen, FLAT)
    other.restore(one.snapshot())
    for batch in batches[20:]:
        a, b = one.update(batch), other.update(batch)
        np.testing.assert_array_equal(a.lat_deg, b.lat_deg)
    assert one.counts == other.counts
    assert one.counts.excluded > 0
