"""The short form of the slow tier's day: a simulation without end keeps its traffic, and the service its threads."""

from __future__ import annotations

import math
import threading
from itertools import islice

import numpy as np

import farwatch
from farwatch.service import Job
from farwatch.simulation import stream
from farwatch.sources import Simulated
from loopback import wait_for
from serving import Running


def test_the_stream_without_end_is_the_one_with_an_end_gone_on() -> None:
    scenario = farwatch.load("quiet")
    given = scenario.sensors, scenario.frame, scenario.simulation
    for endless, ended in zip(islice(stream(*given, math.inf, 3), 59), stream(*given, 60.0, 3)):
        assert all(a.tobytes() == b.tobytes() for a, b in zip(endless[1], ended[1], strict=True))


def test_traffic_goes_on_being_born_and_dying() -> None:
    """Hours of it, stepped coarsely: nobody who was there at first is left, and there are as many as ever."""
    scenario = farwatch.load("quiet")
    source = Simulated(scenario.sensors, scenario.frame, scenario.simulation, math.inf, 1)
    first: set[int] = set()
    for number, _ in enumerate(source):
        flying = set(source.states.aircraft[source.states.time_ns == source.states.time_ns.max()].tolist())
        assert len(flying) == 20
        first = first or flying
        if number > 1000 and not first & flying:
            break
        assert number < 60_000
    assert len(source.sighted) <= 2 * 20 * 21 + 1000


def test_a_service_of_endless_traffic_until_it_is_stopped() -> None:
    before = threading.active_count()
    with Running(farwatch.load("quiet"), Job("simulated")) as running:
        wait_for(lambda: len(running.updates) > 300, "minutes of data")
    assert not running.service.finished
    assert np.mean([update.picture.n for update in running.updates[100:]]) > 15
    assert threading.active_count() == before
