"""False plots: Poisson and even where they should be, in patches that stand or drift, in bursts, under a ceiling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from farwatch.frame import Frame
from farwatch.plots import Kind, Plots
from farwatch.sensors import Place, Radar, RadarSigma
from farwatch.simulation import Sensing, Simulation, simulate
from farwatch.simulation.clutter import Bursts, Clutter, Patch
from farwatch.simulation.feasible import expected_clutter

TURN_S = 5.0
TURNS = 120
SIGMA = RadarSigma(range_m=60.0, azimuth_deg=0.1, elevation_deg=0.3, range_rate_mps=1.0)


def plots_of(clutter: Clutter, flat: bool = True, turns: int = TURNS, believed: float = 50.0) -> Plots:
    site = Place(lat_deg=47.0, lon_deg=9.0, height_m=500.0)
    radar = Radar(id="R", position=site, rotation_s=TURN_S, max_range_km=200.0, sigma=SIGMA, clutter=believed)
    options = Simulation(aircraft=0, sensors={"R": Sensing(clutter=clutter)})
    frame = Frame(kind="flat" if flat else "wgs84")
    _, plots, _ = simulate([radar], frame, options, turns * TURN_S, seed=4)
    return plots


def counts(plots: Plots, turns: int = TURNS) -> np.ndarray:
    turn = (plots.time_ns - 1_767_225_600_000_000_000) // round(TURN_S * 1e9)
    return np.bincount(turn, minlength=turns)


def assert_poisson(values: np.ndarray, mean: float) -> None:
    """Mean and dispersion of counts, each within four standard errors or so."""
    assert values.mean() == pytest.approx(mean, abs=4 * math.sqrt(mean / len(values)))
    dispersion = np.sum((values - values.mean()) ** 2) / values.mean()
    assert stats.chi2.cdf(dispersion, len(values) - 1) == pytest.approx(0.5, abs=0.49995)


def places(plots: Plots) -> tuple[np.ndarray, np.ndarray]:
    """East and north (km)."""
    return plots.z[:, 0] * np.sin(plots.z[:, 1]) * 1e-3, plots.z[:, 0] * np.cos(plots.z[:, 1]) * 1e-3


@pytest.mark.parametrize("plots", [None, 80.0])
def test_clutter_is_poisson_and_even(plots: float | None) -> None:
    false = plots_of(Clutter(plots=plots))
    assert_poisson(counts(false), 50.0 if plots is None else plots)
    assert stats.kstest(false.z[:, 0] / 200e3, "uniform").pvalue > 1e-3
    assert stats.kstest(false.z[:, 1] / (2 * math.pi), "uniform").pvalue > 1e-3
    assert np.all(false.kind == Kind.PSR)
    assert np.all(false.address < 0)
    assert np.all(np.isnan(false.pressure_altitude_m))
    # Each where the beam is.
    beam = 2 * math.pi * ((false.time_ns - 1_767_225_600_000_000_000) * 1e-9 / TURN_S)
    assert np.abs((false.z[:, 1] - beam + math.pi) % (2 * math.pi) - math.pi).max() < 1e-6


def test_nothing_lies_above_the_ceiling_or_below_the_horizon() -> None:
    false = plots_of(Clutter(plots=200.0, ceiling_m=12_000.0), flat=False)
    r, elevation = false.z[:, 0], false.z[:, 2]
    height = 500.0 + r * np.sin(elevation) + r**2 / (2 * 4 / 3 * 6.371e6)
    assert height.max() < 12_050.0
    assert np.degrees(elevation.min()) == pytest.approx(-0.65, abs=0.15)  # the horizon of a height of 500 m
    far = r > 100e3
    assert np.percentile(height[far], 95) > 10_000.0
    assert np.degrees(elevation.max()) > 40.0


def test_a_drifting_patch_is_a_disc_that_moves_and_forms_anew() -> None:
    patch = Patch(
        kind="weather", plots=30.0, range_km=100.0, azimuth_deg=90.0, radius_km=20.0, heights_m=(1000.0, 5000.0),
        speed_mps=50.0, track_deg=0.0, drift_km=15.0,
    )  # fmt: skip
    false = plots_of(Clutter(plots=0.0, patches=(patch,)))
    assert_poisson(counts(false), 30.0)
    east, north = places(false)
    late_s = (false.time_ns - 1_767_225_600_000_000_000) * 1e-9 // TURN_S * TURN_S
    off = np.hypot(east - 100.0, north - late_s * 0.05 % 15.0)
    assert off.max() <= 20.0 + 1e-6
    assert stats.kstest((off / 20.0) ** 2, "uniform").pvalue > 1e-3
    height = 500.0 + false.z[:, 0] * np.sin(false.z[:, 2])
    assert 900.0 < height.min() < 1200.0
    assert 4800.0 < height.max() < 5100.0
    # The echo moves with the wind: northward at 50 m/s.
    expected = 50.0 * north / np.hypot(east, north)
    assert np.std(false.z[:, 3] - expected) == pytest.approx(3.0, rel=0.1)


def test_a_standing_patch_consists_of_fixed_echoes() -> None:
    patch = Patch(kind="wind_farm", plots=12.0, range_km=60.0, azimuth_deg=350.0, radius_km=5.0, echoes=40)
    false = plots_of(Clutter(plots=0.0, patches=(patch,)))
    shown = counts(false)
    # Forty echoes, each shown with 0.3 a turn: binomial, so less spread than Poisson.
    assert shown.mean() == pytest.approx(12.0, abs=4 * math.sqrt(40 * 0.3 * 0.7 / TURNS))
    assert np.var(shown) == pytest.approx(8.4, abs=4 * 8.4 * math.sqrt(2 / TURNS))
    east, north = places(false)
    points = np.column_stack([east, north]) * 1e3
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    together = np.sum(apart < 250.0, axis=1)
    assert np.median(together) > 0.2 * TURNS  # every turn's plots lie on those of others
    assert np.hypot(east + 60 * math.sin(math.radians(10)), north - 60 * math.cos(math.radians(10))).max() < 5.2


def test_a_coast_is_a_sector_of_a_ring() -> None:
    patch = Patch(
        kind="coast", plots=50.0, range_km=120.0, azimuth_deg=0.0, radius_km=3.0, width_deg=60.0, echoes=200,
        heights_m=(0.0, 50.0),
    )  # fmt: skip
    false = plots_of(Clutter(plots=0.0, patches=(patch,)))
    assert np.abs(false.z[:, 0] * 1e-3 - 120.0).max() < 3.3
    azimuth = np.degrees((false.z[:, 1] + math.pi) % (2 * math.pi) - math.pi)
    assert -30.5 < azimuth.min() < -25.0
    assert 25.0 < azimuth.max() < 30.5


def test_bursts_fill_a_wedge_now_and_then() -> None:
    turns = 400
    false = plots_of(Clutter(plots=0.0, bursts=Bursts(share=0.2, plots=60.0, width_deg=8.0)), turns=turns)
    per_turn = counts(false, turns)
    burst = per_turn > 0
    assert burst.mean() == pytest.approx(0.2, abs=4 * math.sqrt(0.16 / turns))
    assert_poisson(per_turn[burst], 60.0)
    turn = (false.time_ns - 1_767_225_600_000_000_000) // round(TURN_S * 1e9)
    for number in np.flatnonzero(burst)[:30]:
        azimuth = false.z[turn == number, 1]
        middle = np.angle(np.mean(np.exp(1j * azimuth)))
        assert np.degrees(np.abs((azimuth - middle + math.pi) % (2 * math.pi) - math.pi)).max() < 8.0


def test_the_expected_number_is_what_comes() -> None:
    clutter = Clutter(
        plots=20.0,
        bursts=Bursts(share=0.5, plots=20.0, width_deg=90.0),
        patches=(
            Patch(kind="birds", plots=5.0, range_km=50.0, azimuth_deg=10.0),
            Patch(kind="coast", plots=7.0, range_km=90.0, azimuth_deg=200.0, width_deg=20.0),
        ),
    )
    even, patchy = expected_clutter(clutter, 1.0)
    assert (even, patchy) == (30.0, 12.0)
    n = plots_of(clutter).n
    assert n / TURNS == pytest.approx(42.0, abs=4 * math.sqrt((42.0 + 20.0**2 * 0.25) / TURNS))


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"speed_mps": 5.0}, "does not move"), ({"plots": 200.0}, "cannot give")],
)
def test_a_patch_that_cannot_be(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Patch(**({"kind": "coast", "plots": 10.0, "range_km": 50.0, "azimuth_deg": 0.0} | changes))
