"""Ghosts: mirror images, sidelobe answers and split plots start no tracks; aircraft that come near them do."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from farwatch.evaluation import evaluate
from farwatch.plots import concat_plots
from farwatch.scenario import Scenario, parse
from farwatch.simulation import simulate
from farwatch.tracker import Tracker, TrackerOptions
from farwatch.tracker.areas import Area, OperatorMap
from farwatch.tracker.ghosts import KNOWN_REFLECTOR, make_ghost_map, reflector_range, show
from farwatch.truth import Outcome, Truth
from scenes import FLAT, batches_of, confirmed, plots_of, radar, straight, track


@pytest.mark.parametrize(("own_m", "apart"), [(20e3, 0.4), (150e3, 2.0), (80e3, np.pi)])
def test_the_place_of_a_surface_is_solved_from_what_it_shows(own_m: float, apart: float) -> None:
    at_m = 3200.0
    shown_m = at_m + np.sqrt(own_m**2 + at_m**2 - 2 * own_m * at_m * np.cos(apart))
    assert reflector_range(shown_m, own_m, apart) == pytest.approx(at_m, rel=1e-9)


def test_a_reflector_is_known_by_the_different_aircraft_that_it_has_shown() -> None:
    ghosts = make_ghost_map()
    before = [show(ghosts, 1.0, 3000.0, identity) for identity in (7, 7, 7, 7, 8, 9, 9, 10)]
    assert before[3] < 1.5  # one aircraft again and again may be two that share an address
    assert before[-1] == pytest.approx(KNOWN_REFLECTOR, rel=0.01)
    assert show(ghosts, 2.0, 3000.0, 11) == 0.0
    assert show(ghosts, 1.0, 1e6, 11) == 0.0


def world(**secondary: object) -> tuple[Scenario, Truth, list]:  # type: ignore[type-arg]
    """Forty airliners about a secondary radar of which something is amiss; and its batches."""
    scenario = parse(
        {
            "sensors": [
                {
                    "kind": "radar", "id": "R", "position": {"lat_deg": 47.0, "lon_deg": 9.0, "height_m": 600},
                    "rotation_s": 5.0, "max_range_km": 250, "sigma": {"range_m": 50, "azimuth_deg": 0.08},
                    "detection": 0.95, "clutter": 10,
                }
            ],
            "simulation": {
                "sensors": {"R": {"secondary": {"detection": 0.97, **secondary}, "clutter": {"plots": 5}}},
                "traffic": [{"type": "airliner", "count": 40, "radius_km": 230}],
            },
        }
    )  # fmt: skip
    truth, plots, progress = simulate(scenario.sensors, scenario.frame, scenario.simulation, 400.0, seed=3)
    return scenario, truth, batches_of(plots, scenario.sensors[0], progress)  # type: ignore[arg-type]


def tracked(scenario: Scenario, batches: list) -> tuple[Tracker, list]:  # type: ignore[type-arg]
    tracker = Tracker(scenario.sensors, scenario.tracker, scenario.frame)
    return tracker, [tracker.update(batch) for batch in batches]


def test_mirror_images_start_no_tracks_once_their_surface_is_known() -> None:
    scenario, truth, batches = world(reflectors=[{"azimuth_deg": 200, "range_km": 3, "probability": 0.3}])
    mirrored = int(np.sum(truth.illuminations.outcome == Outcome.REFLECTION))
    assert mirrored > 300
    tracker, pictures = tracked(scenario, batches)
    found = evaluate(pictures, truth, scenario)
    assert found.completeness > 0.98
    assert found.spuriousness < 0.03
    assert tracker.counts.mirrored + tracker.counts.sidelobes > 0.7 * mirrored
    ghosts = tracker._learned[0].ghosts
    a, d = np.unravel_index(np.argmax(ghosts.shown), ghosts.shown.shape)
    assert abs(a + 0.5 - 200) <= 1.0
    assert (d + 0.5) * 500 == pytest.approx(3000, abs=600)


def test_an_operator_who_knows_the_surface_spares_the_learning() -> None:
    scenario, truth, batches = world(reflectors=[{"azimuth_deg": 90, "range_km": 3, "probability": 0.1}])
    east = 3.0 / 111.2 / np.cos(np.radians(47.0))
    wall = tuple((9.0 + east + dx, 47.0 + dy) for dx, dy in ((0, -3e-4), (1e-3, -3e-4), (1e-3, 3e-4), (0, 3e-4)))
    maps = (OperatorMap(areas=(Area(use="reflector", rings=(wall,)),)),)
    known = msgspec.structs.replace(scenario, tracker=TrackerOptions(maps=maps))
    counts = [tracked(which, batches[:60])[0].counts for which in (scenario, known)]
    first = [one.mirrored + one.sidelobes for one in counts]
    assert first[1] > first[0]
    assert evaluate(tracked(known, batches)[1], truth, known).spuriousness < 0.03


def test_a_sidelobe_answer_starts_no_track() -> None:
    scenario, truth, batches = world(sidelobes=1.0, sidelobe_range_km=120.0)
    answers = int(np.sum(truth.illuminations.outcome == Outcome.SIDELOBE))
    assert answers > 300
    tracker, pictures = tracked(scenario, batches)
    assert tracker.counts.sidelobes > 0.7 * answers
    assert evaluate(pictures, truth, scenario).spuriousness < 0.02


def test_two_aircraft_that_share_an_address_are_both_tracked(rng: np.random.Generator) -> None:
    courses = [straight(-60e3, 40e3, 200, 0), straight(60e3, -90e3, -150, 0)]
    picture = track(plots_of(courses, 200, rng, addresses=[0x400001, 0x400001]))
    assert len(confirmed(picture)) == 2


def test_split_plots_are_counted_and_a_wingman_beside_is_tracked(rng: np.random.Generator) -> None:
    own = plots_of([straight(-60e3, 80e3, 200, 0)], 240, rng)
    twice = own.take(rng.random(own.n) < 0.1)
    off = np.zeros_like(twice.z)
    off[:, 0] = rng.uniform(150, 300, twice.n) * rng.choice([-1, 1], twice.n)
    split = twice._replace(z=twice.z + off, id=twice.id + 10**6)
    tracker = Tracker([radar()], frame=FLAT)
    assert len(confirmed(track(concat_plots([own, split]), tracker=tracker))) == 1
    assert tracker.counts.splits == pytest.approx(twice.n, abs=2)
    wingman = plots_of([straight(-60e3, 80.35e3, 200, 0)], 240, rng)
    both = concat_plots([own, wingman._replace(id=wingman.id + 10**6)])
    assert len(confirmed(track(both))) == 2
