"""Metrics for Prometheus, in a registry of their own. Labels are sensors' ids and fixed words, never an aircraft's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from farwatch import __version__
from farwatch.registration.estimator import EXCLUDED
from farwatch.registration.report import NAMES, STANDINGS, SensorReport
from farwatch.service.board import Update

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
CONDITIONS = ("ok", "waiting", "silent", "stuck")
MEASURED = (
    ("detection", "Probability of a plot of an aircraft in coverage"),
    ("interval_s", "Time between two plots of an aircraft"),
    ("noise_first", "One sigma of range, or of a reported position, in metres"),
    ("noise_azimuth_deg", "One sigma of azimuth, in degrees"),
)
RECORDING = ("off", "on", "full", "failed")


class WebState:
    """What the web side counts; the publisher and the sockets write, `Metrics` reads."""

    def __init__(self) -> None:
        self.clients = 0
        self.pictures_left_out = 0  # updates that the publisher had no time for
        self.refused = 0  # clients and connections beyond a limit


class Metrics:
    """What `/metrics` answers. `kept` says how many pictures and states were not kept, by what keeps them."""

    def __init__(self, web: WebState, kept: Callable[[], dict[str, int]]) -> None:
        self._web = web
        self._kept = kept
        self._update: Update | None = None
        self._updates = 0
        self._registry = CollectorRegistry()
        self._latency = Histogram(
            "farwatch_plot_to_track_latency_seconds",
            "From the receipt of a batch of plots to its tracks",
            buckets=LATENCY_S,
            registry=self._registry,
        )
        self._registry.register(self)

    def heard(self, update: Update) -> None:
        """Take in an update."""
        for latency_ms in update.health.latency_ms:
            self._latency.observe(latency_ms * 1e-3)
        self._update = update
        self._updates += 1

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """The families that are read from the latest update."""
        yield _gauge("farwatch_info", "Version of the service", {(__version__,): 1.0}, ("version",))
        yield _counter("farwatch_updates", "Pictures made since the start", self._updates)
        yield _gauge("farwatch_clients", "Clients of the live socket", {(): self._web.clients})
        yield _counter("farwatch_pictures_left_out", "Pictures that nobody was shown", self._web.pictures_left_out)
        yield _counter("farwatch_refused", "Clients and connections beyond a limit", self._web.refused)
        dropped = CounterMetricFamily("farwatch_not_kept", "Updates that could not be kept on disk", labels=("store",))
        for store, count in self._kept().items():
            dropped.add_metric((store,), count)
        yield dropped
        if self._update is not None:
            yield from self._of_update(self._update)

    def _of_update(self, update: Update) -> Iterator[Metric]:
        h = update.health
        now_ns = update.picture.until_ns
        yield _counter("farwatch_plots", "Plots received", h.plots)
        yield _counter("farwatch_plots_late", "Plots too late to be put in order", h.late)
        yield _counter("farwatch_datagrams_dropped", "Datagrams let go by a full queue or by the system", h.dropped)
        yield _counter("farwatch_plots_shed", "Plots let go because the tracker could not follow", h.shed)
        yield _gauge("farwatch_tracks", "Tracks in the picture", {(): update.picture.n})
        yield _gauge("farwatch_data_time_seconds", "Data time of the picture, since 1970", {(): now_ns * 1e-9})
        if h.checkpoint_ns:
            age_s = (now_ns - h.checkpoint_ns) * 1e-9
            yield _gauge("farwatch_checkpoint_age_seconds", "Data time since the last checkpoint", {(): age_s})
        states = {(state,): float(state == h.recording) for state in RECORDING}
        yield _gauge("farwatch_recording", "1 for the state of recording", states, ("state",))
        rates = {(one.id,): one.plots_per_s for one in h.sensors}
        yield _gauge("farwatch_sensor_plots_per_second", "Plots of a sensor", rates, ("sensor",))
        ages = {(one.id,): (now_ns - one.heard_ns) * 1e-9 for one in h.sensors if one.heard_ns}
        yield _gauge("farwatch_sensor_age_seconds", "Data time since a sensor was heard", ages, ("sensor",))
        conditions = {(one.id, word): float(word == one.condition) for one in h.sensors for word in CONDITIONS}
        labels = ("sensor", "condition")
        yield _gauge("farwatch_sensor_condition", "1 for the condition of a sensor", conditions, labels)
        if h.registration:
            yield from _of_registration(h.registration)


def _of_registration(reports: Sequence[SensorReport]) -> Iterator[Metric]:
    errors = {(one.id, NAMES[k]): one.errors[k] for one in reports for k in range(len(NAMES)) if one.known[k]}
    sigmas = {(one.id, NAMES[k]): one.sigma[k] for one in reports for k in range(len(NAMES)) if one.known[k]}
    labels = ("sensor", "error")
    yield _gauge(
        "farwatch_sensor_error", "Systematic error of a sensor: metres, parts, degrees, seconds", errors, labels
    )
    yield _gauge("farwatch_sensor_error_sigma", "One standard deviation of that", sigmas, labels)
    explained = {(one.id,): float(one.standing != STANDINGS[EXCLUDED]) for one in reports}
    yield _gauge("farwatch_sensor_explained", "0 for a sensor left out: no errors explain it", explained, ("sensor",))
    moves = {(one.id,): float(one.moves) for one in reports}
    yield _gauge("farwatch_sensor_moves", "Times that a sensor's errors have changed at once", moves, ("sensor",))
    for name, what in MEASURED:
        found = {
            (one.id, basis): getattr(quality, name)
            for one in reports
            for basis, quality in (("measured", one.measured), ("stated", one.stated))
            if math.isfinite(getattr(quality, name))
        }
        yield _gauge(f"farwatch_sensor_{name}", what, found, ("sensor", "basis"))


def _gauge(name: str, what: str, values: Mapping[Any, float], labels: tuple[str, ...] = ()) -> Metric:
    family = GaugeMetricFamily(name, what, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _counter(name: str, what: str, value: float) -> Metric:
    return CounterMetricFamily(name, what, value=value)
