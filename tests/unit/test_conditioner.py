"""Conditioner: what is believed of reported positions, and what the tracker gets of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from farwatch.cooperative.conditioner import REASONS, REBROADCAST, Conditioner
from farwatch.cooperative.lineages import Addresses
from farwatch.plots import Flag, Kind, Measured, concat_plots, make_plots
from farwatch.sensors import AdsB, Mlat, Radar, SurfaceRadar
from reported import METRES, PLACE, SECOND, START_NS, path

ADSB = AdsB(id="ADSB", position=PLACE, max_range_km=400, latency_sigma_s=0.0)


def counts(conditioner: Conditioner) -> dict[str, int]:
    return {reason: n for reason, n in conditioner.counts.items() if n}


def test_one_report_a_period_at_the_times_of_a_grid() -> None:
    conditioner = Conditioner([ADSB])
    kept = conditioner(path(np.arange(0.1, 30.0, 0.45)))
    assert (kept.time_ns % SECOND == 0).all()
    assert np.diff(kept.time_ns).tolist() == [SECOND] * (kept.n - 1)
    assert kept.n in (29, 30)
    # Moved by their own velocity they lie where the aircraft is at those times.
    seconds = (kept.time_ns - START_NS) / SECOND
    np.testing.assert_allclose(kept.z[:, 0], np.radians(47.0 + 200.0 * seconds / METRES), atol=1e-9)


def test_without_a_velocity_the_path_gives_one() -> None:
    plots = path(np.arange(0.3, 20.0, 1.0))
    plots.z[:, 3:5] = np.nan
    kept = Conditioner([ADSB])(plots._replace(measured=np.full(plots.n, int(Measured.POSITION_2D), np.uint8)))
    seconds = (kept.time_ns - START_NS) / SECOND
    np.testing.assert_allclose(kept.z[3:, 0], np.radians(47.0 + 200.0 * seconds[3:] / METRES), atol=1e-8)
    assert (kept.measured & int(Measured.VELOCITY_2D) == 0).all()


def test_a_wild_position_stays_alone() -> None:
    conditioner = Conditioner([ADSB])
    wild = path([10.3, 17.2], lat_deg=48.5, first_id=100)
    kept = conditioner(concat_plots([path(np.arange(0.0, 30.0, 1.0)), wild]))
    assert np.degrees(kept.z[:, 0]).max() < 47.1
    assert conditioner.rejected == {"position that lies on no path of its address": 2}


def test_an_address_of_two_aircraft_is_two_paths() -> None:
    conditioner = Conditioner([ADSB])
    two = path(np.arange(10.4, 30.0, 1.0), lat_deg=48.5, north_mps=-150.0, first_id=100)
    kept = conditioner(concat_plots([path(np.arange(0.0, 30.0, 1.0)), two]))
    south = np.degrees(kept.z[:, 0]) < 47.5
    assert south.sum() == 29  # the first waits for a second
    assert (~south).sum() == 16  # the other one for five


def test_a_receiver_whose_clock_is_behind_shows_no_second_aircraft() -> None:
    conditioner = Conditioner([ADSB])
    good = path(np.arange(0.0, 60.0, 1.0))
    behind = path(np.arange(0.5, 25.0, 1.0), first_id=200)
    behind = behind._replace(time_ns=behind.time_ns + 30 * SECOND)
    kept = conditioner(concat_plots([good, behind]))
    seconds = (kept.time_ns - START_NS) / SECOND
    np.testing.assert_allclose(kept.z[:, 0], np.radians(47.0 + 200.0 * seconds / METRES), atol=1e-7)
    late = "position where the aircraft was before: the receiver's clock is behind"
    assert conditioner.rejected[late] == behind.n


def test_two_receivers_of_one_aircraft_are_used_once() -> None:
    one = path(np.arange(0.1, 20.0, 0.5))
    other = one._replace(id=one.id + 1000, received_ns=one.received_ns + 40_000_000)
    alone, both = Conditioner([ADSB]), Conditioner([ADSB])
    expected, kept = alone(one), both(concat_plots([one, other]))
    np.testing.assert_array_equal(kept.z, expected.z)
    np.testing.assert_array_equal(kept.id, expected.id)
    assert both.counts["report that was there already"] == one.n
    assert not both.rejected


def test_in_whatever_order_reports_of_one_portion_come() -> None:
    plots = concat_plots([path(np.arange(0.1, 20.0, 0.7)), path(np.arange(0.2, 20.0, 0.6), 0x400001, first_id=500)])
    mixed = plots.take(np.random.default_rng(5).permutation(plots.n))
    for a, b in zip(Conditioner([ADSB])(plots), Conditioner([ADSB])(mixed)):
        if a.dtype.kind in "if" and a.ndim == 1 and len(a):
            np.testing.assert_array_equal(np.sort(a), np.sort(b))


def test_what_is_sent_on_gives_way_to_the_aircraft_itself() -> None:
    conditioner = Conditioner([ADSB])
    itself = path(np.arange(0.0, 20.0, 1.0))
    tisb = path(np.arange(0.5, 40.0, 1.0), first_id=300, flags=int(Flag.TRAFFIC_SERVICE))
    kept = conditioner(concat_plots([itself, tisb]))
    by_service = (kept.flags & np.uint32(Flag.TRAFFIC_SERVICE)) != 0
    assert conditioner.counts[REASONS[REBROADCAST]] > 25
    assert (kept.time_ns[by_service] - START_NS).min() >= 28 * SECOND  # ten seconds after the last of its own
    assert by_service.any()


def test_what_cannot_be_is_left_out_and_the_others_stay() -> None:
    conditioner = Conditioner([ADSB])
    bad = path([5.2, 6.2, 7.2, 8.2, 9.2], 0x400002, first_id=100)
    bad.z[0, 0], bad.z[1, 1], bad.z[2, 0], bad.z[3, 0] = np.nan, np.inf, 2.0, math.radians(30.0)
    bad.z[4, :2] = 0.0
    kept = conditioner(concat_plots([path(np.arange(0.0, 12.0, 1.0)), bad]))
    assert set(kept.address.tolist()) == {0x3C6586}
    assert kept.n == 11
    assert counts(conditioner)["position or time that cannot be"] == 4
    assert counts(conditioner)["position beyond the sensor's range"] == 1


def test_impossible_heights_and_speeds_are_not_used() -> None:
    plots = path(np.arange(0.0, 10.0, 1.0), pressure_altitude_m=90_000.0)
    plots.z[:, 3] = 5000.0
    kept = Conditioner([ADSB])(plots)
    assert kept.n == 9
    assert np.isnan(kept.pressure_altitude_m).all()
    assert (kept.measured & int(Measured.VELOCITY_2D) == 0).all()


def test_positions_that_stand_still_while_the_aircraft_flies_are_stale() -> None:
    conditioner = Conditioner([ADSB])
    plots = path(np.arange(0.0, 30.0, 1.0))
    plots.z[20:, 0] = plots.z[19, 0]
    kept = conditioner(plots)
    assert kept.n == 19
    assert conditioner.rejected == {"position repeated while the aircraft flies": 10}


@pytest.mark.parametrize(
    ("height", "geometric", "is_3d"),
    [("pressure", 10_300.0, False), ("geometric", 10_300.0, True), ("geometric", np.nan, False)],
)
def test_the_two_heights_are_kept_apart(height: str, geometric: float, is_3d: bool) -> None:
    sensor = AdsB(id="A", position=PLACE, height=height)  # type: ignore[arg-type]
    plots = path(np.arange(0.0, 5.0, 1.0))
    plots.z[:, 2] = geometric
    kept = Conditioner([sensor])(plots)
    assert ((kept.measured & 4) != 0).tolist() == [is_3d] * kept.n
    assert (kept.pressure_altitude_m == 10_000.0).all()
    np.testing.assert_array_equal(kept.z[:, 2], geometric)


def test_what_taxies_is_tracked_where_the_sensor_says_so() -> None:
    ground = path(np.arange(0.0, 9.0, 1.0), north_mps=5.0, flags=int(Flag.ON_GROUND), pressure_altitude_m=np.nan)
    flags = Conditioner([ADSB])(ground).flags
    assert (flags == np.uint32(Flag.ON_GROUND)).all()
    kept = Conditioner([AdsB(id="A", position=PLACE, surface=True)])(ground)
    assert (kept.flags == np.uint32(Flag.SURFACE)).all()
    assert (kept.z[:, 2] == 500.0).all()
    assert (kept.measured & 4 == 4).all()


def test_the_age_of_positions_widens_them_along_the_way() -> None:
    sure, unsure = (AdsB(id="A", position=PLACE, latency_sigma_s=s, sigma_m=10.0) for s in (0.0, 0.5))
    plots = path(np.arange(0.0, 5.0, 1.0))
    a, b = (Conditioner([sensor])(plots).covariance for sensor in (sure, unsure))
    assert b[-1, 0] - a[-1, 0] == pytest.approx(100.0**2, rel=1e-6)  # 200 m/s, half a second
    assert b[-1, 3] == pytest.approx(a[-1, 3])
    late = Conditioner([AdsB(id="A", position=PLACE, latency_s=0.5, latency_sigma_s=0.0)])(plots)
    seconds = (late.time_ns - START_NS) / SECOND  # what is stamped t was there half a second before
    np.testing.assert_allclose(late.z[:, 0], np.radians(47.0 + 200.0 * (seconds + 0.5) / METRES), atol=1e-9)


def test_a_path_that_another_technique_contradicts_waits_for_longer() -> None:
    sensors = [ADSB, Mlat(id="MLAT", position=PLACE, sigma_m=20.0)]
    conditioner = Conditioner(sensors)
    astray = path([10.2, 11.2, 12.2], lat_deg=47.01, first_id=100, kind=int(Kind.MLAT), sensor=1)
    kept = conditioner(concat_plots([path(np.arange(0.0, 20.0, 1.0)), astray]))
    assert (kept.sensor == 0).all()
    assert conditioner.rejected == {"position that another technique contradicts": 3}
    agreeing = path(np.arange(10.2, 20.0, 1.0), first_id=100, kind=int(Kind.MLAT), sensor=1)
    kept = Conditioner(sensors)(concat_plots([path(np.arange(0.0, 20.0, 1.0)), agreeing]))
    assert (kept.sensor == 1).sum() == 9


def test_radars_plots_pass_as_they_are() -> None:
    radar = Radar(id="R", position=PLACE, rotation_s=4.0, max_range_km=100)
    plots = make_plots(3, id=[5, 4, 3], time_ns=START_NS, z=[[1e4, 0.1], [2e4, 0.2], [3e4, 0.3]], measured=3)
    assert Conditioner([radar])(plots) is plots
    mixed = concat_plots([plots, path(np.arange(0.0, 4.0, 1.0), sensor=1)])
    kept = Conditioner([radar, ADSB])(mixed)
    for a, b in zip(kept.take(slice(0, 3)), plots):
        np.testing.assert_array_equal(a, b)


def test_a_surface_radars_targets_are_told_by_their_numbers() -> None:
    smr = SurfaceRadar(id="S", position=PLACE, antenna_m=20.0)
    plots = path(np.arange(0.0, 9.0, 1.0), address=-1, north_mps=5.0, kind=int(Kind.PSR), flags=int(Flag.ON_GROUND))
    twice = concat_plots([plots, plots._replace(time_ns=plots.time_ns + 200_000_000, id=plots.id + 50)])
    kept = Conditioner([smr])(twice, np.full(twice.n, 7, np.int64))
    assert kept.n == 9
    assert (kept.z[:, 2] == 480.0).all()
    unnumbered = Conditioner([smr])(plots)
    assert unnumbered.n == 9


def test_rows_of_silent_addresses_are_used_again() -> None:
    addresses = Addresses(4)
    first = addresses.rows(np.arange(4), START_NS)
    addresses.lineages.time_ns[:, 0], addresses.lineages.hits[:, 0] = START_NS, 3
    later = addresses.rows(np.array([2, 9]), START_NS + 400 * SECOND)
    assert len(addresses.lineages.hits) == 4
    assert later[0] == first[2]
    assert addresses.existing(np.array([0, 9]))[0] == -1
    addresses.rows(np.arange(100, 120), START_NS + 401 * SECOND)
    assert len(addresses.lineages.hits) >= 20
