"""Live: the feeds of a scenario as a source of batches; the same decoder and merge as for a recording."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from farwatch.clock import Steady, now_ns
from farwatch.cooperative.conditioner import Conditioner
from farwatch.errors import ConfigError
from farwatch.formats import asterix
from farwatch.formats.asterix.assemble import Assembler
from farwatch.formats.asterix.targets import Wanted
from farwatch.formats.containers import Piece
from farwatch.plots import Batch, Plots, Progress, concat_plots, concat_progress, make_plots, make_progress
from farwatch.sensors import Sensor
from farwatch.sources.copies import Copies
from farwatch.sources.feeds import Feed, Ready, checked
from farwatch.sources.merge import Merge, MergeOptions
from farwatch.sources.receivers import Datagram, FeedState, Inbox, TcpReceiver, UdpReceiver
from farwatch.sources.replay import finders_of, shortest_slice_s, sources_of, with_elevations
from farwatch.sources.reports import Pending, ReportSensors, joined, pending_of

HEARTBEAT_S = 0.1  # so long a silence is told
GATHER_S = 0.01  # datagrams of at most so long a time are decoded together: a call costs as much as some hundred plots
RESTS = 10  # times as long as the last call took are waited, if that is less: a quiet network is answered at once

OnDatagrams = Callable[[Sequence[Datagram]], object]


class Live:
    """What the feeds bring from now on, until `stop` or for `duration_s`. Empty batches tell that sensors are silent.

    `states` count what each feed has received and lost, `statistics` what the decoder made of it, `late` and `ahead`
    the plots whose times were too far back or ahead; `misfits` says which edition a category's broken blocks look like.
    `heard_ns` is when each sensor was last received. `on_datagrams` hears all that is decoded, in that order: written
    down, it replays to the same tracks. `merge` takes the data in place of one of its own; `on_turn` is called at least
    ten times a second. Raises `ConfigError` for a feed that cannot be opened.
    """

    def __init__(
        self,
        feeds: Sequence[Feed],
        sensors: Sequence[Sensor],
        *,
        flat: bool = False,
        duration_s: float | None = None,
        options: MergeOptions | None = None,
        on_datagrams: OnDatagrams | None = None,
        merge: Merge | None = None,
        on_turn: Callable[[], object] | None = None,
    ) -> None:
        if not feeds:
            raise ConfigError('no [[feeds]] to listen to; add one, as format = "asterix", url = "udp://239.1.1.1:8600"')
        sources, self._reports = sources_of(sensors), ReportSensors(sensors)
        by_source = any(feed.format == "asterix" for feed in feeds)
        if by_source and not sources and not self._reports.wanted.sources:
            raise ConfigError("no sensor has a `sac_sic`, so no record can be told to be its")
        self.statistics = asterix.Statistics()
        self.ahead = 0
        self.heard_ns: dict[int, int] = {}
        self.triggered_ns = 0  # receipt of the datagram that completed the last batches
        self._sensors = tuple(sensors)
        self._finders = finders_of(sensors, flat)
        self._duration_s = duration_s
        self._on_datagrams = on_datagrams
        self._on_turn = on_turn
        own = Merge(shortest_slice_s(sensors), options, sensors=len(self._sensors))
        self._merge = own if merge is None else merge
        self._clock = Steady()
        self._copies = Copies()
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._ready = [checked(feed, number) for number, feed in enumerate(feeds)]
        self._lanes: list[_Lane | _Stream] = []
        self._lane_of = [self._lane(ready, sources) for ready in self._ready]
        self._inboxes: list[Inbox] = []
        self._receivers: list[UdpReceiver | TcpReceiver] = []
        try:
            for ready in self._ready:
                self._open(ready)
        except BaseException:
            self.close()
            raise
        for receiver in self._receivers:
            receiver.start()

    def _lane(self, ready: Ready, sources: dict[tuple[int, int], int]) -> int:
        """Number of the decoder that serves a feed; feeds of ASTERIX of the same editions and day share one."""
        if ready.feed.format != "asterix":
            self._lanes.append(_Stream(ready, self._reports))
            return len(self._lanes) - 1
        for number, lane in enumerate(self._lanes):
            if isinstance(lane, _Lane) and lane.serves(ready):
                return number
        self._lanes.append(_Lane(ready, sources, self._reports.wanted))
        return len(self._lanes) - 1

    def _open(self, ready: Ready) -> None:
        state = FeedState(", ".join(str(endpoint) for endpoint in ready.endpoints))
        inbox = Inbox(round(ready.feed.queue_mb * (1 << 20)), state, self._wake)
        kind = TcpReceiver if ready.endpoints[0].scheme == "tcp" else UdpReceiver
        self._receivers.append(kind(ready, inbox))
        self._inboxes.append(inbox)

    @property
    def states(self) -> list[FeedState]:
        """The feeds, in the order of the scenario."""
        return [inbox.state for inbox in self._inboxes]

    @property
    def closed(self) -> bool:
        """True once it has been stopped."""
        return self._stopping.is_set()

    @property
    def late(self) -> int:
        """Plots that came too late to be put in order."""
        return self._merge.late

    @property
    def misfits(self) -> dict[int, str]:
        """Editions that broken blocks look like, by category."""
        lanes = [lane for lane in self._lanes if isinstance(lane, _Lane)]
        return {category: edition for lane in lanes for category, edition in lane.assembler.misfits.items()}

    @property
    def conditioner(self) -> Conditioner:
        """What has judged the reports of positions; its `counts` say what was left out, by reason."""
        return self._reports.conditioner

    def narrow_buffers(self) -> list[str]:
        """What was asked for in vain: receive buffers smaller than the feeds want, in words."""
        said = []
        for ready, state in zip(self._ready, self.states, strict=True):
            if 0 < state.buffer_bytes < round(ready.feed.buffer_mb * (1 << 20)):
                said.append(
                    f"{state.name}: the system gives a receive buffer of {state.buffer_bytes / (1 << 20):.2g} MB, not "
                    f"{ready.feed.buffer_mb:g} MB; raise net.core.rmem_max"
                )
        return said

    def forget(self, before_ns: int) -> None:
        """Let go what was received before a time and has not been taken yet: for one who only listens."""
        for inbox in self._inboxes:
            inbox.forget(before_ns)

    def stop(self) -> None:
        """End the batches: what has been received is still given out. For signal handlers and other threads."""
        self._stopping.set()
        self._wake.set()

    def close(self) -> None:
        """Stop, and close all sockets."""
        self.stop()
        for receiver in self._receivers:
            receiver.stop()

    def __enter__(self) -> Live:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Batch]:
        began_ns, began = now_ns(), time.monotonic_ns()
        heard = gathered = began
        rest_s = 0.0
        played = any(ready.day_ns for ready in self._ready)
        end = None if self._duration_s is None else began + round(self._duration_s * 1e9)
        try:
            while not self._stopping.is_set() and (end is None or time.monotonic_ns() < end):
                self._wake.wait(HEARTBEAT_S)
                self._stopping.wait(max(0.0, rest_s - (time.monotonic_ns() - gathered) * 1e-9))
                self._wake.clear()
                gathered = time.monotonic_ns()
                if self._on_turn is not None:
                    self._on_turn()
                plots, progress = self._gather()
                rest_s = min(GATHER_S, RESTS * (time.monotonic_ns() - gathered) * 1e-9)
                if plots.n or progress.n:
                    heard = gathered
                    yield from self._merge.push(plots, progress)
                else:
                    self.triggered_ns = now_ns()
                    if self.heard_ns or not played:  # of a day that is played the clock says nothing
                        yield from self._merge.advance(gathered - heard, began_ns)
            for receiver in self._receivers:
                receiver.stop()
            yield from self._merge.push(*self._gather())
            yield from self._merge.flush(max(sensor.period_s for sensor in self._sensors))
        finally:
            self.close()

    def _gather(self) -> tuple[Plots, Progress]:
        """All that has arrived since the last time, in the order of its arrival."""
        arrived: list[tuple[Datagram, int]] = []
        feeds = zip(self._inboxes, self._ready, self._lane_of, strict=True)
        for number, (inbox, ready, own_lane) in enumerate(feeds):
            taken = inbox.take()
            if ready.feed.network is not None:
                taken = self._without_copies(taken, ready.feed.network, inbox.state)
            arrived += [(datagram._replace(feed=number), own_lane) for datagram in taken]
        if not arrived:
            return make_plots(0), make_progress(0)
        arrived.sort(key=lambda one: one[0].received_ns)
        self.triggered_ns = arrived[-1][0].received_ns
        if self._on_datagrams is not None:  # recordings of datagrams are of ASTERIX
            self._on_datagrams([one for one, of_lane in arrived if isinstance(self._lanes[of_lane], _Lane)])
        plots, progress = [], []
        behind_ns = self._clock.behind_ns()
        for number, lane in enumerate(self._lanes):
            own = [datagram for datagram, of_lane in arrived if of_lane == number]
            if not own:
                continue
            if isinstance(lane, _Stream):
                reports, counted = lane.read(own)
                self.statistics.add(counted)
            else:
                decoded = lane.decode(own)
                self.statistics.add(decoded.statistics)
                found = with_elevations(decoded.plots, decoded.height_3d_m, self._finders)
                found, said, ahead = lane.on_time(found, decoded.progress, behind_ns)
                self.ahead += ahead
                plots.append(found._replace(id=found.id * len(self._lanes) + number))
                progress.append(said)
                reports = pending_of(decoded.targets)
            if reports.plots.n:
                kept = lane.in_time(reports.plots, behind_ns)
                self.ahead += int(np.sum(~kept))
                conditioned = self._reports.conditioned(reports.take(kept))
                plots.append(conditioned._replace(id=conditioned.id * len(self._lanes) + number))
        all_plots, all_progress = concat_plots(plots), concat_progress(progress)
        for part in (all_plots, all_progress):
            for sensor in np.unique(part.sensor).tolist():
                last_ns = int(part.received_ns[part.sensor == sensor].max())
                self.heard_ns[sensor] = max(self.heard_ns.get(sensor, last_ns), last_ns)
        return all_plots, all_progress

    def _without_copies(self, taken: list[Datagram], network: str, state: FeedState) -> list[Datagram]:
        kept = []
        for datagram in taken:
            data, copies = self._copies.passed(datagram.data, network, datagram.received_ns)
            state.copies += copies
            if data:
                kept.append(datagram._replace(data=data))
        return kept


class _Lane:
    """A decoder for feeds whose editions, day and clock are the same."""

    def __init__(self, ready: Ready, sources: dict[tuple[int, int], int], wanted: Wanted) -> None:
        self._key = self._key_of(ready)
        self._ahead_ns = round(ready.feed.max_ahead_s * 1e9)
        self._played = ready.day_ns != 0
        self._base = 0
        self.assembler = Assembler("live data", sources, ready.day_ns, ready.editions, strict=False, wanted=wanted)

    @staticmethod
    def _key_of(ready: Ready) -> tuple[object, ...]:
        return ready.editions, ready.day_ns, ready.feed.max_ahead_s

    def serves(self, ready: Ready) -> bool:
        """True where a feed can be decoded here."""
        return self._key == self._key_of(ready)

    def decode(self, datagrams: Sequence[Datagram]) -> asterix.Decoded:
        """All datagrams in one call."""
        data = np.frombuffer(b"".join([one.data for one in datagrams]), np.uint8)
        stop = np.cumsum(np.array([len(one.data) for one in datagrams], np.int64))
        start = np.concatenate([np.zeros(1, np.int64), stop[:-1]])
        received_ns = np.array([one.received_ns for one in datagrams], np.int64)
        port = np.array([one.port for one in datagrams], np.int64)
        piece = Piece(data, self._base, start, stop, received_ns, Counter(), port, in_packets=True)
        self._base += len(data)
        return self.assembler.decode(piece)

    def in_time(self, plots: Plots, behind_ns: int) -> NDArray[np.bool_]:
        """Which plots (n,) are not ahead of the clock."""
        if self._played:
            return np.ones(plots.n, np.bool_)
        return plots.time_ns - plots.received_ns <= self._ahead_ns + behind_ns

    def on_time(self, plots: Plots, progress: Progress, behind_ns: int) -> tuple[Plots, Progress, int]:
        """What is not ahead of the clock, and how many rows were; the clock may have been set back by `behind_ns`."""
        if self._played:
            return plots, progress, 0
        good, good_said = (part.time_ns - part.received_ns <= self._ahead_ns + behind_ns for part in (plots, progress))
        ahead = int(np.sum(~good)) + int(np.sum(~good_said))
        return (plots.take(good), progress.take(good_said), ahead) if ahead else (plots, progress, 0)


class _Stream:
    """The reader of one feed that is no ASTERIX."""

    def __init__(self, ready: Ready, reports: ReportSensors) -> None:
        options = {"gps": True} if ready.feed.gps else {}
        self._reports = reports
        self._reader = reports.reader(ready.feed.format, **options)
        self._ahead_ns = round(ready.feed.max_ahead_s * 1e9)

    def read(self, datagrams: Sequence[Datagram]) -> tuple[Pending, asterix.Statistics]:
        """The reports that are complete by now, and what was counted meanwhile."""
        heard = [self._reader.push(one.data, one.received_ns) for one in datagrams]
        found = joined([self._reports.given(one, self._reader.statistics) for one in heard if one.plots.n])
        return found, self._reader.take_statistics()

    def in_time(self, plots: Plots, behind_ns: int) -> NDArray[np.bool_]:
        """Which plots (n,) are not ahead of the clock."""
        return plots.time_ns - plots.received_ns <= self._ahead_ns + behind_ns
