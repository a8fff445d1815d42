"""Simulate: traffic and radars stepped through time; the same seed gives the same bytes, whole or slice by slice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import count

import numpy as np

from farwatch.errors import ConfigError
from farwatch.frame import Frame
from farwatch.plots import Plots, Progress, concat_plots, concat_progress, make_plots, make_progress
from farwatch.sensors import AdsB, Mlat, Radar, Sensor
from farwatch.simulation.flights import Flights
from farwatch.simulation.options import Simulation
from farwatch.simulation.positions import SimulatedPositions
from farwatch.simulation.radar import SimulatedRadar
from farwatch.simulation.sensing import Sensing
from farwatch.simulation.traffic import Skies
from farwatch.truth import (
    NO_PLOT,
    Illuminations,
    States,
    Truth,
    concat_illuminations,
    concat_truth,
    make_illuminations,
    make_states,
    make_truth,
)

START_NS = 1_767_225_600_000_000_000  # 2026-01-01, 00:00 UTC
STEP_S = 1.0

Slice = tuple[Truth, Plots, Progress]


def simulate(
    sensors: Sequence[Sensor],
    frame: Frame,
    options: Simulation,
    duration_s: float,
    seed: int,
    start_ns: int = START_NS,
) -> Slice:
    """Truth, plots and progress of `duration_s` seconds, in time order."""
    parts = list(stream(sensors, frame, options, duration_s, seed, start_ns))
    if not parts:
        return make_truth(), make_plots(0), make_progress(0)
    truths, plots, progress = zip(*parts, strict=True)
    truth = concat_truth(truths)
    by_time = np.argsort(truth.illuminations.time_ns, kind="stable")
    return (
        truth._replace(illuminations=truth.illuminations.take(by_time)),
        concat_plots(plots),
        concat_progress(progress),
    )


def stream(
    sensors: Sequence[Sensor],
    frame: Frame,
    options: Simulation,
    duration_s: float,
    seed: int,
    start_ns: int = START_NS,
    on_step: Callable[[Flights, float], object] | None = None,
) -> Iterator[Slice]:
    """The same as `simulate`, a second at a time, without end where `duration_s` is infinite.

    `on_step` is shown the flights at the begin of each step and how many seconds after the start that is. Raises
    `ConfigError` where there is no radar to simulate.
    """
    known = [(n, sensor) for n, sensor in enumerate(sensors) if isinstance(sensor, Radar)]
    if not known:
        raise ConfigError("there is no radar among the sensors, and the simulator knows no other kind")
    centre = known[0][1].position
    at = (0.0, 0.0) if frame.flat else (math.radians(centre.lat_deg), math.radians(centre.lon_deg))
    # Streams of their own: how a radar sees changes nothing in how the aircraft fly.
    seeds = np.random.SeedSequence(seed).spawn(1 + len(known))
    skies = Skies(options, frame.flat, *at, np.random.default_rng(seeds[0]))
    radars = [
        SimulatedRadar(n, sensor, options.sensors.get(sensor.id, Sensing()), options.weather, frame.flat, own)
        for (n, sensor), own in zip(known, seeds[1:], strict=True)
    ]
    others = [(n, sensor) for n, sensor in enumerate(sensors) if isinstance(sensor, AdsB | Mlat)]
    reporters = [
        SimulatedPositions(n, sensor, options.sensors.get(sensor.id, Sensing()), options.adsb, options.weather, own)
        for (n, sensor), own in zip(others, np.random.SeedSequence([seed, 2]).spawn(len(others)), strict=True)
    ]
    late_s = [radar.hold_s - radar.sensing.bias.time_s for radar in radars]
    order = _Order(max(late_s + [-reporter.sensing.bias.time_s for reporter in reporters]))
    steps = None if math.isinf(duration_s) else math.ceil(duration_s / STEP_S)
    for step in count() if steps is None else range(steps):
        now_s, last = step * STEP_S, steps is not None and step == steps - 1
        now_ns = start_ns + round(now_s * 1e9)
        if on_step is not None:
            on_step(skies.flights, now_s)
        made = [radar.observe(skies.flights, now_s, STEP_S, start_ns, last) for radar in radars]
        until_ns = 2**62 if last else now_ns + round(STEP_S * 1e9)
        told = [reporter.observe(skies.flights, now_s, STEP_S, start_ns) for reporter in reporters]
        every = [part[0] for part in made] + told
        looks = [part[1] for part in made] + [make_illuminations(0)] * len(told)
        plots, illuminations = order.push(every, looks, until_ns)
        progress = concat_progress([part[2] for part in made])
        progress = progress.take(np.argsort(progress.time_ns, kind="stable"))
        due = step % options.truth_every_s == 0
        states = _states(skies.flights, now_ns, frame.flat) if due else make_states(0)
        yield Truth(states, illuminations), plots, progress
        skies.step(now_s, STEP_S)


class _Order:
    """All radars' plots by time with their final ids, and the illuminations that name them: what `late_s` may pass."""

    def __init__(self, late_s: float) -> None:
        self._late_ns = round(max(late_s, 0.0) * 1e9)
        self._plots = make_plots(0)
        self._looks = make_illuminations(0)
        self._given = 0  # plots that have got a number of their own, of either kind
        self._taken = 0

    def push(
        self, plots: Sequence[Plots], looks: Sequence[Illuminations], until_ns: int
    ) -> tuple[Plots, Illuminations]:
        """Take in a step of every radar, and give out what nothing can precede any more."""
        waiting_plots, waiting_looks = [self._plots], [self._looks]
        for made, seen in zip(plots, looks, strict=True):
            # The radars count for themselves; here all have one count.
            shift = self._taken - (int(made.id[0]) if made.n else 0)
            waiting_plots.append(made._replace(id=made.id + shift))
            caused = np.where(seen.plot == NO_PLOT, NO_PLOT, seen.plot + shift)
            waiting_looks.append(seen._replace(plot=caused))
            self._taken += made.n
        together, seen = concat_plots(waiting_plots), concat_illuminations(waiting_looks)
        together = together.take(np.argsort(together.time_ns, kind="stable"))
        go = together.time_ns < until_ns - self._late_ns
        out, self._plots = together.take(go), together.take(~go)
        # The illuminations of a plot go with it.
        by_id = np.argsort(out.id)
        sorted_ids = out.id[by_id]
        at = np.minimum(np.searchsorted(sorted_ids, seen.plot), max(out.n - 1, 0))
        named = (sorted_ids[at] == seen.plot) if out.n else np.zeros(seen.n, bool)
        unseen = (seen.plot == NO_PLOT) & (seen.time_ns < until_ns - self._late_ns)
        plot = seen.plot.copy()
        plot[named] = self._given + by_id[at[named]]
        self._looks = seen.take(~(named | unseen))
        looked = seen._replace(plot=plot).take(named | unseen)
        out = out._replace(id=self._given + np.arange(out.n))
        self._given += out.n
        return out, looked.take(np.argsort(looked.time_ns, kind="stable"))


def _states(f: Flights, time_ns: int, flat: bool) -> States:
    row = np.flatnonzero(f.in_air)
    return make_states(
        len(row),
        time_ns=time_ns,
        aircraft=f.aircraft[row],
        lat_deg=f.lat[row] if flat else np.degrees(f.lat[row]),
        lon_deg=f.lon[row] if flat else np.degrees(f.lon[row]),
        height_wgs84_m=f.height_m[row],
        ground_speed_mps=f.speed_mps[row],
        track_angle_deg=np.degrees(f.track[row]) % 360.0,
        vertical_rate_mps=f.climb_mps[row],
        turn_rate_dps=np.degrees(f.turn[row]),
        type=f.type[row],
        formation=f.formation[row],
    )
