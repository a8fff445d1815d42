"""Service: the loop that can be left running. Sources, tracker, outputs, journal, checkpoints, and a pair's other half.

All that changes the state happens in the thread that calls `run`. Between two inputs, when merge and tracker belong
together, it takes checkpoints; everything that may block has a thread of its own.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Sequence

from farwatch.clock import AsFast, Clock, now_ns
from farwatch.errors import ConfigError, FarwatchError
from farwatch.journal import Datagrams, Entry, Position
from farwatch.journal import Push as Pushed
from farwatch.plots import Batch, Plots, Progress
from farwatch.scenario import Scenario
from farwatch.service import sourcing
from farwatch.service.board import Board, Mode
from farwatch.service.checkpoint import Checkpoint, CheckpointWriter, Draft
from farwatch.service.core import Core
from farwatch.service.intake import Known
from farwatch.service.job import Job, new_session
from farwatch.service.journal import JournalWriter
from farwatch.service.notify import Notify
from farwatch.service.pace import Pace
from farwatch.service.queued import QueuedSink
from farwatch.service.recovery import recover
from farwatch.service.replica import Greeting
from farwatch.service.standby import Pair
from farwatch.service.state import Folder
from farwatch.service.status import Status
from farwatch.sources import Live, Replay, Simulated
from farwatch.sources.receivers import Datagram

REMEMBERED_S = 3.0  # of datagrams by a standby, beyond the time after which it takes over
KNOWN_S = 15.0  # so long after that, what comes is compared with what the other has tracked

logger = logging.getLogger("farwatch.service")


class Ended(Exception):  # noqa: N818
    """The loop shall end here, between two inputs: no error."""


class Service:
    """One job, until it is done or `stop` is called. Raises `ConfigError` for what cannot be as it is written.

    `sinks` get every picture behind queues of their own; the board gets an update a second of data time. After `run`,
    `finished` says whether the source has ended by itself.
    """

    def __init__(
        self,
        scenario: Scenario,
        job: Job,
        board: Board | None = None,
        sinks: Sequence[QueuedSink] = (),
        notify: Notify | None = None,
    ) -> None:
        self.scenario, self.job, self.options = scenario, job, scenario.service
        self.board = board or Board()
        self.stopping = threading.Event()
        self.mode: Mode = "standby" if job.standby else job.mode
        self.session, self.epoch = new_session(), 0
        self.finished = False
        self.journal: JournalWriter | None = None
        self.checkpoints: CheckpointWriter | None = None
        self.source: Live | Replay | Simulated | None = None
        self.sinks = tuple(sinks)
        self.notify = notify or Notify()
        head_start_s = job.head_start_s
        self.pace = Pace(job.speed, self.stopping, self.notify.alive, head_start_s=head_start_s) if job.speed else None
        self.status = Status(self)
        self._checkpoint_s = time.monotonic()
        self._quiet = False  # what is taken in has been told before
        self._known_until_s = 0.0
        self._leads = False
        self._reopens = False
        self._folder: Folder | None = None
        self.pair: Pair | None = None
        self.feeds = sourcing.Feeds(scenario.feeds if job.mode == "live" else ())
        self.core = Core(
            scenario, record=self._record, between=self._between, watch=self._hear, health=self.status.sent
        )
        try:
            self._folder = Folder(job.state) if job.state is not None else None
            paired = job.mode == "live" and (self.options.replica is not None or self.options.peer is not None)
            if paired:
                self.pair = Pair(self.options, self)
        except BaseException:
            self.close()
            raise
        if job.standby and (self.pair is None or self.pair.peer is None):
            self.close()
            raise ConfigError("a standby needs live feeds and whom to follow; give --standby-of HOST:PORT")

    def run(self) -> None:
        """Recover, then go on until the source ends or a stop is asked for; a checkpoint is left behind."""
        try:
            follows = self.pair is not None and (self.job.standby or self.pair.other_is_active())
            self._recover()
            self.notify.ready(f"{self.mode}: {self.scenario.name}")
            while not self.stopping.is_set():
                if follows and (self._follow() == "stop" or self.stopping.is_set()):
                    break
                self._lead()
                follows = True
                if self.finished or self.pair is None or not self.pair.stepping_down.is_set():
                    break
            if self.core.until_ns:
                self.status.publish()
        finally:
            self.notify.stopping()
            self.close()
            self.notify.close()

    def stop(self) -> None:
        """End soon, and in order. For any thread, but not for a signal's handler."""
        self.stopping.set()
        source = self.source
        if isinstance(source, Live):
            source.stop()

    def close(self) -> None:
        """Write what waits, and end all threads."""
        if isinstance(self.source, Live):
            self.source.close()
        if self.pair is not None:
            self.pair.close()
        if self.journal is not None:
            self.journal.close()
        if self.checkpoints is not None:
            self.checkpoints.close()
        self.core.outputs.close()
        for sink in self.sinks:
            sink.close()
        if self._folder is not None:
            self._folder.close()

    # Active

    def _recover(self) -> None:
        """Go on where the last run was, or begin anew; the journal and the checkpoints are open then."""
        job = self.job
        self.core.outputs.mute(True)
        if job.state is not None and job.resumes:
            began_s = time.monotonic()
            self._quiet = True
            exact = job.mode == "replay"
            found = recover(self.core, job.state, job.record, job.source(), exact, self.session, self._take)
            self._quiet = False
            self.session, self.epoch = found.session, found.epoch
            for said in found.said:
                self.status.words.notice(said, 300.0)
            if found.resumed:
                extra = {"inputs": found.inputs, "took_s": round(time.monotonic() - began_s, 3)}
                logger.info("resumed from a checkpoint and %d inputs of the journal", found.inputs, extra=extra)
        if job.state is not None:
            self.checkpoints = CheckpointWriter(job.state, self.options.checkpoints, self._journal_reaches)

    def _lead(self) -> None:
        """Be the active one until the source ends, or a stop, or the pair's other half is to be it."""
        self.epoch += 1
        self.mode, self._leads = self.job.mode, True
        self._open_journal()
        self.core.outputs.mute(False)
        if self.pair is not None:
            self.pair.lead()
        clock: Clock = self.pace or AsFast()
        self.checkpoint()
        logger.info("active", extra={"epoch": self.epoch, "session": self.session, "mode": self.mode})
        try:
            while True:
                for batch in self._batches():
                    clock.wait_until(batch.until_ns)
                    self._take(batch)
                if not self._reopens:
                    break
            self.finished = not self.stopping.is_set()
        except Ended:
            pass
        finally:
            self._leads = False
            self.core.outputs.mute(self.pair is not None and self.pair.stepping_down.is_set())
        self.checkpoint(done=self.finished and self.job.mode == "replay", last=True)

    def _batches(self) -> Iterable[Batch]:
        """What the source brings from here on."""
        self._reopens = False
        intake = self.core.intake
        if self.job.mode == "simulated":
            self.source = sourcing.simulated(self.scenario, self.job, intake)
        elif self.job.mode == "replay":
            self.source = sourcing.replayed(self.scenario, self.job, intake)
        else:
            intake.id_base = intake.highest_id + 1
            if isinstance(self.source, Live) and self.source.closed:
                self.source.close()  # its sockets too: the new one wants their ports
                self.source = None
            live = self.source if isinstance(self.source, Live) else self._listen()
            self.source = live
            if self.stopping.is_set():
                live.stop()
        return self.source

    def _listen(self) -> Live:
        live = sourcing.live(self.scenario, self.feeds.usable, self.core.intake, self._datagrams, self._turn)
        for said in live.narrow_buffers():
            self.status.words.notice(said)
        return live

    def _open_journal(self) -> None:
        if self.journal is None and self.job.record is not None:
            head = self.core.head(self.session, self.epoch, self.job.mode)
            self.journal = JournalWriter(self.job.record / self.session, head, self.options)
            if self.journal.cut:
                cut = self.journal.cut
                self.status.words.notice(f"{self.journal.folder}: {cut} bytes of no whole frame were cut off its end")

    def _take(self, batch: Batch) -> None:
        """One batch through the tracker to everybody."""
        picture = self.core.take(batch)
        if self._quiet:
            return
        for sink in self.sinks:
            sink.write(picture)
        latency_ms = None
        if isinstance(self.source, Live) and self._leads:
            latency_ms = (now_ns() - self.source.triggered_ns) * 1e-6
        if self.status.telling.add(batch, picture, latency_ms):
            self.status.publish()
        self.notify.alive()

    # Between two inputs, when merge and tracker are at rest

    def _between(self) -> None:
        if self.stopping.is_set() and self.job.mode != "live":
            raise Ended
        if self.pair is not None:
            if self.pair.stepping_down.is_set() and self._leads:
                self.status.words.notice("the other one of the pair is active in a later epoch: standing by")
                raise Ended
            if self.pair.replica is not None and self.pair.replica.wants():
                self.pair.replica.give(self._draft())
        if time.monotonic() - self._checkpoint_s >= self.options.checkpoint_s:
            self.checkpoint()

    def _turn(self) -> None:
        """A turn of the live loop, at rest too, whether or not anything has come."""
        self.notify.alive()
        self.status.look_at_clock()
        if self.core.intake.known is not None and time.monotonic() > self._known_until_s:
            self.core.intake.known = None
        if self.feeds.more():
            self._reopens = True
            assert isinstance(self.source, Live)
            self.source.stop()
        self._between()
        self.status.publish_if_idle()

    def checkpoint(self, done: bool = False, last: bool = False) -> None:
        """Have the state written, unless the one before still is being."""
        if self.checkpoints is None or (self.checkpoints.busy and not last):
            return
        self._checkpoint_s = time.monotonic()
        self.checkpoints.offer(self._draft(done), wait=last)

    def _journal_reaches(self, sequence: int) -> None:
        journal = self.journal
        if journal is not None:
            journal.reach(sequence)

    def _draft(self, done: bool = False) -> Draft:
        position = self.journal.position if self.journal is not None else Position()
        return self.core.draft(self.session, self.epoch, self.job.source(), position, done)

    # What is heard

    def _record(self, entry: Entry) -> None:
        if self.journal is not None:
            self.journal.append(entry)
        if self.pair is not None and self.pair.replica is not None and self._leads:
            self.pair.replica.record(entry)

    def _datagrams(self, datagrams: Sequence[Datagram]) -> None:
        columns = zip(*((one.feed, one.received_ns, one.data) for one in datagrams), strict=True)
        self._record(Datagrams(*columns))

    def _hear(self, plots: Plots, progress: Progress) -> None:
        self.status.hear(plots, progress)

    # Standing by

    def _follow(self) -> str:
        """Stand by until the active one is gone: "lead", or "stop"."""
        assert self.pair is not None
        self.mode, self._leads = "standby", False
        self.core.outputs.mute(True)
        self.core.intake.known = Known()
        if self.journal is not None:
            self.journal.close()
            self.journal = None
        self.source = self._listen()
        logger.info("standing by", extra={"epoch": self.epoch, "peer": str(self.pair.peer)})
        outcome = self.pair.follow(alone=not self.job.standby)
        if outcome == "lead":
            self._known_until_s = time.monotonic() + KNOWN_S
            self.status.words.notice(f"took over in epoch {self.epoch + 1}", 300.0)
        return outcome

    def greeting(self) -> Greeting:
        """What this one is just now, for the other of the pair."""
        return Greeting(self._leads, self.epoch, self.session, self.core.digest)

    def begin_from(self, checkpoint: Checkpoint, epoch: int) -> None:
        """Take over the active one's state, and its session."""
        self.core.restore(checkpoint)
        self.epoch = epoch
        if self.journal is not None and self.session != checkpoint.session:
            self.journal.close()
            self.journal = None
        self.session = checkpoint.session
        self._open_journal()

    def take_entries(self, entries: list[Entry]) -> None:
        """Take in what the active one has taken in."""
        intake = self.core.intake
        for entry in entries:
            self._record(entry)
            if isinstance(entry, Datagrams):
                continue
            if entry.sequence != intake.sequence + 1:
                raise FarwatchError(f"input {entry.sequence} came where {intake.sequence + 1} was wanted")
            if isinstance(entry, Pushed) and intake.known is not None:
                intake.known.add(entry.plots)
            for batch in intake.apply(entry):
                self._take(batch)

    def standing_by(self, said: str) -> None:
        """A moment of standing by: what is received is remembered for a while."""
        self.notify.alive()
        assert isinstance(self.source, Live)
        self.source.forget(now_ns() - round((self.options.takeover_s + REMEMBERED_S) * 1e9))
        self.status.standby_said = said
        self.status.look_at_clock()
        if not said and time.monotonic() - self._checkpoint_s >= self.options.checkpoint_s:
            self.checkpoint()
        self.status.publish_if_idle()
