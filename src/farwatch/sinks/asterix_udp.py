"""Tracks as CAT062 over UDP to several clients, each with its own area, rate and edition; CAT063 and CAT065 with them.

Without `every_s` a client gets each track when it is updated. With it, it gets all tracks at one time at that interval,
in the order of their azimuth and spread over the interval: a sector after the other, as a turning radar would.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from farwatch.errors import ConfigError, FarwatchError, FormatError
from farwatch.flight_plans import FlightPlans
from farwatch.formats.asterix.blocks import pack
from farwatch.formats.asterix.encode import Encoded
from farwatch.formats.asterix.service_out import (
    Condition,
    System,
    SystemState,
    end_of_batch,
    sensor_status,
    system_status,
)
from farwatch.formats.asterix.table import load_table
from farwatch.frame import Frame
from farwatch.network import find_interface, open_sender, parse_url
from farwatch.packing import packed, unpacked
from farwatch.picture import Picture, Status, concat_pictures, make_picture
from farwatch.registration.measured import LastMeasured
from farwatch.sensors import GeodeticSensor, Radar, Sensor
from farwatch.sinks.asterix62 import Asterix62Options, TrackEncoder, centre_of, source_of
from farwatch.sinks.pacer import Pacer
from farwatch.sinks.track_numbers import NO_NUMBER, Lent, TrackNumbers

_SPREAD = 0.9  # of the interval: the rest is room for the next update
_LOST_TURNS, _LOST_S = 3.0, 5.0  # a sensor silent for longer than both is not connected

Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]


class Area(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A box of latitudes and longitudes; across the antimeridian where min_lon_deg is the greater."""

    min_lat_deg: Latitude
    max_lat_deg: Latitude
    min_lon_deg: Longitude
    max_lon_deg: Longitude

    def holds(self, p: Picture) -> NDArray[np.bool_]:
        """(n,) which rows lie in it."""
        lon_deg = (p.lon_deg + 180.0) % 360.0 - 180.0
        east, west = lon_deg >= self.min_lon_deg, lon_deg <= self.max_lon_deg
        across = east | west if self.min_lon_deg > self.max_lon_deg else east & west
        inside: NDArray[np.bool_] = (p.lat_deg >= self.min_lat_deg) & (p.lat_deg <= self.max_lat_deg) & across
        return inside


class AsterixOutput(Asterix62Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A client: where it is (`udp://ADDRESS:PORT`, one host or a group), and what it gets of the tracks.

    `status_s` is how often it is told how the sensors (CAT063) and the system (CAT065) are; 0: never. `editions` are
    those of these two, as { 063 = "1.6" }, by default the newest; that of the tracks is `edition`.
    """

    url: str
    format: Literal["asterix62"] = "asterix62"
    interface: str | None = None
    ttl: Annotated[int, Meta(ge=0, le=255)] = 1
    area: Area | None = None
    every_s: Annotated[float, Meta(ge=0.1, le=3600)] | None = None
    status_s: Annotated[float, Meta(ge=0, le=3600)] = 1.0
    editions: dict[str, str] = msgspec.field(default_factory=dict)


class Health(NamedTuple):
    """How the sensors are, in their order, and whether the system gets more than it can take."""

    conditions: Sequence[Condition]
    overloaded: bool = False


def health_of(sensors: Sequence[Sensor], heard_ns: dict[int, int], now_ns: int, overloaded: bool = False) -> Health:
    """What is known of sensors that were last received at `heard_ns`, by their number."""
    conditions = []
    for number, sensor in enumerate(sensors):
        last_ns = heard_ns.get(number)
        lost_ns = round(max(_LOST_TURNS * sensor.period_s, _LOST_S) * 1e9)
        if last_ns is None:
            conditions.append(Condition.INITIALISING)
        else:
            conditions.append(Condition.NOT_CONNECTED if now_ns - last_ns > lost_ns else Condition.OPERATIONAL)
    return Health(tuple(conditions), overloaded)


class AsterixOutputs:
    """The clients of a scenario as one sink: a track has the same 16-bit number for all of them.

    `whole` gives all tracks at a time (`Tracker.picture`), `health` what CAT063 and CAT065 say; without it neither is
    sent; `measured` what was last measured of tracks (I062/340). Raises `ConfigError` for a client that cannot be.
    """

    def __init__(
        self,
        options: Sequence[AsterixOutput],
        sensors: Sequence[Sensor],
        frame: Frame,
        whole: Callable[[int], Picture],
        health: Callable[[], Health] | None = None,
        plans: FlightPlans | None = None,
        measured: LastMeasured | None = None,
    ) -> None:
        self.numbers = TrackNumbers(max((one.quarantine_s for one in options), default=60.0))
        self.clients: list[Client] = []
        self._whole, self._health = whole, health
        try:
            for number, one in enumerate(options):
                try:
                    self.clients.append(Client(one, sensors, frame, plans, measured))
                except (ConfigError, FormatError) as error:
                    raise ConfigError(f"$.outputs[{number}]: {error}") from None
        except ConfigError:
            self.close()
            raise

    def write(self, picture: Picture) -> None:
        """Send what each client shall have by the time of the picture."""
        lent = self.numbers.lend(picture)
        wholes: dict[int, tuple[Picture, Lent]] = {}
        for client in self.clients:
            due_ns = client.due(picture.until_ns)
            if due_ns is None:
                client.updates(picture, lent)
            else:
                client.keep_ended(picture, lent)
                if due_ns:
                    if due_ns not in wholes:
                        everything = self._whole(due_ns)
                        wholes[due_ns] = everything, self.numbers.lend(everything)
                    client.everything(*wholes[due_ns], due_ns)
            if self._health is not None:
                client.status(picture.until_ns, self._health)

    def mute(self, muted: bool) -> None:
        """Send nothing, or send again; what is remembered of tracks and clients goes on either way."""
        for client in self.clients:
            client.pacer.muted = muted

    def snapshot(self) -> bytes:
        """What is remembered of numbers and clients, as bytes."""
        clients = {client.url: client.snapshot() for client in self.clients}
        return msgspec.msgpack.encode([self.numbers.snapshot(), clients])

    def restore(self, snapshot: bytes) -> None:
        """Take over the state of `snapshot()`; a client that it does not know begins anew. Raises `FarwatchError`."""
        try:
            numbers, clients = msgspec.msgpack.decode(snapshot, type=tuple[bytes, dict[str, bytes]])
            states = {url: msgspec.msgpack.decode(state, type=_ClientState) for url, state in clients.items()}
        except msgspec.DecodeError as error:
            raise FarwatchError(f"no snapshot of outputs ({error}): take one with snapshot()") from None
        self.numbers.restore(numbers)
        for client in self.clients:
            if client.url in states:
                client.restore(states[client.url])

    def close(self) -> None:
        """Send what waits, and close all sockets."""
        for client in self.clients:
            client.pacer.close()

    def losses(self) -> list[str]:
        """What could not be sent, in words."""
        lost = []
        for client in self.clients:
            if client.pacer.errors:
                lost.append(f"{client.url}: {client.pacer.errors} datagrams not sent ({client.pacer.first_error})")
            if client.pacer.dropped:
                lost.append(f"{client.url}: {client.pacer.dropped} datagrams dropped: too many waited")
        if self.numbers.exhausted:
            lost.append(f"{self.numbers.exhausted} track states had no free 16-bit track number: not sent")
        return lost


class _ClientState(msgspec.Struct):
    """What a client has been told."""

    sent: list[int]
    ended: list[Any]
    batch: int
    due_ns: int
    status_due_ns: int


def refuse_outputs(options: Sequence[AsterixOutput], sensors: Sequence[Sensor], frame: Frame) -> None:
    """Raise `ConfigError` for the first client that cannot be; nothing is opened."""
    for number, one in enumerate(options):
        try:
            parse_url(one.url, ("udp",))
            find_interface(one.interface)
            _refuse_area(one, frame)
            status_editions(one.editions)
            TrackEncoder(one, sensors, frame)
        except (ConfigError, FormatError) as error:
            raise ConfigError(f"$.outputs[{number}]: {error}") from None


def status_editions(given: dict[str, str]) -> dict[int, str]:
    """Editions of CAT063 and CAT065 by category; raises `ConfigError` or `FormatError`."""
    editions = {}
    for text, edition in given.items():
        if not text.isdecimal() or int(text) not in (63, 65):
            raise ConfigError(
                f"`editions` names {text!r}; give those of 063 and 065, as {{ 063 = {edition!r} }}, and that of the "
                "tracks as `edition`"
            )
        editions[int(text)] = load_table(int(text), edition).edition
    return editions


def _refuse_area(options: AsterixOutput, frame: Frame) -> None:
    if options.area is not None and frame.flat:
        raise ConfigError("`area` is in latitude and longitude: the flat frame has neither")


class Client:
    """One receiver of tracks. A track that leaves its area ends for it, and begins anew where it comes back."""

    def __init__(
        self,
        options: AsterixOutput,
        sensors: Sequence[Sensor],
        frame: Frame,
        plans: FlightPlans | None = None,
        measured: LastMeasured | None = None,
    ) -> None:
        self.url = options.url
        endpoint = parse_url(options.url, ("udp",))
        _refuse_area(options, frame)
        self._area = options.area
        self._every_ns = None if options.every_s is None else round(options.every_s * 1e9)
        self._status_ns = round(options.status_s * 1e9)
        self._due_ns = self._status_due_ns = 0
        self._encoder = TrackEncoder(options, sensors, frame, plans, measured)
        self._editions = status_editions(options.editions)
        self._system = System(*source_of(options.sac_sic), 0 if options.service is None else options.service)
        self._largest = options.largest_block
        self._centre = (0.0, 0.0) if frame.flat else centre_of(options, sensors)
        self._named = [
            (number, source_of(sensor.sac_sic))
            for number, sensor in enumerate(sensors)
            if isinstance(sensor, Radar | GeodeticSensor) and sensor.sac_sic
        ]
        self._sent: set[int] = set()  # tracks that it has
        self._ended: list[tuple[Picture, Lent]] = []
        self._batch = 0
        self.pacer = Pacer(open_sender(endpoint, find_interface(options.interface), options.ttl), endpoint)

    @property
    def tracks(self) -> int:
        """How many tracks it has."""
        return len(self._sent)

    def due(self, until_ns: int) -> int | None:
        """Time (ns) of the update that is due by `until_ns`, 0: none is, None: it gets each track when it changes."""
        if self._every_ns is None:
            return None
        latest_ns = until_ns // self._every_ns * self._every_ns
        if latest_ns <= self._due_ns:
            return 0
        first, self._due_ns = self._due_ns == 0, latest_ns
        return 0 if first else latest_ns

    def updates(self, picture: Picture, lent: Lent) -> None:
        """Send the rows that concern it, now."""
        datagrams = self._tracks(picture, lent)
        if datagrams:
            self.pacer.send([*datagrams, self._end(picture.until_ns)])

    def keep_ended(self, picture: Picture, lent: Lent) -> None:
        """Remember tracks that have ended until the next update."""
        rows = np.flatnonzero(picture.status == Status.ENDED)
        if len(rows):
            self._ended.append((picture.take(rows), lent.take(rows)))

    def everything(self, picture: Picture, lent: Lent, due_ns: int) -> None:
        """Send all tracks, and those that have ended since the last update, sector by sector over the interval."""
        gone = [part for part, _ in self._ended]
        parts = [lent, *(part for _, part in self._ended)]
        self._ended = []
        whole = concat_pictures([*gone, picture]) if gone else picture
        lent = Lent(*(np.concatenate([*column[1:], column[0]]) for column in zip(*parts, strict=True)))
        east = np.radians((whole.lon_deg - self._centre[1] + 180.0) % 360.0 - 180.0)
        azimuth = np.arctan2(east * np.cos(np.radians(self._centre[0])), np.radians(whole.lat_deg - self._centre[0]))
        order = np.argsort(azimuth % (2.0 * np.pi), kind="stable")
        datagrams = self._tracks(whole.take(order), lent.take(order))
        assert self._every_ns is not None
        self.pacer.spread([*datagrams, self._end(due_ns)], _SPREAD * self._every_ns * 1e-9)

    def status(self, until_ns: int, health: Callable[[], Health]) -> None:
        """Say how the sensors and the system are, where it is time."""
        if not self._status_ns or until_ns // self._status_ns <= self._status_due_ns:
            return
        self._status_due_ns = until_ns // self._status_ns
        found = health()
        named = [found.conditions[number] for number, _ in self._named]
        datagrams = []
        if named:
            sources = [source for _, source in self._named]
            states = sensor_status(until_ns, self._system, sources, named, edition=self._editions.get(63))
            datagrams = self._packed(63, states)
        good = all(condition == Condition.OPERATIONAL for condition in found.conditions)
        state = SystemState.OPERATIONAL if good else SystemState.DEGRADED
        said = system_status(until_ns, self._system, state, overloaded=found.overloaded, edition=self._editions.get(65))
        self.pacer.send([*datagrams, *self._packed(65, said)])

    def snapshot(self) -> bytes:
        """What it has been told, as bytes."""
        ended = [packed(list(both)) for both in self._ended]
        return msgspec.msgpack.encode(
            _ClientState(sorted(self._sent), ended, self._batch, self._due_ns, self._status_due_ns)
        )

    def restore(self, state: _ClientState) -> None:
        """Take over what it has been told."""
        nothing = np.empty(0, np.int64)
        like = make_picture(0), Lent(nothing, np.empty(0, np.bool_), nothing)
        self._sent, self._ended = set(state.sent), [unpacked(like, both) for both in state.ended]
        self._batch, self._due_ns, self._status_due_ns = state.batch, state.due_ns, state.status_due_ns

    def _tracks(self, picture: Picture, lent: Lent) -> list[bytes]:
        """The rows that concern this client as datagrams."""
        known = np.isin(picture.track, np.fromiter(self._sent, np.int64, len(self._sent)))
        inside = np.ones(picture.n, np.bool_) if self._area is None else self._area.holds(picture)
        ended = (picture.status == Status.ENDED) | ~inside
        rows = np.flatnonzero((lent.number != NO_NUMBER) & (known | ~ended))
        if not len(rows):
            return []
        part, ended = picture.take(rows), ended[rows]
        part = part._replace(status=np.where(ended, np.uint8(Status.ENDED), part.status))
        first = np.zeros(len(rows), np.bool_)
        first[np.unique(part.track, return_index=True)[1]] = True
        numbers = lent.take(rows)._replace(first=first & ~known[rows])
        self._sent.update(part.track[~ended].tolist())
        self._sent.difference_update(part.track[ended].tolist())
        return self._encoder.encode_as(part, numbers).datagrams()

    def _end(self, time_ns: int) -> bytes:
        self._batch += 1
        return self._packed(65, end_of_batch(time_ns, self._system, self._batch, self._editions.get(65)))[0]

    def _packed(self, category: int, records: Encoded) -> list[bytes]:
        return pack(category, records, self._largest).datagrams()
