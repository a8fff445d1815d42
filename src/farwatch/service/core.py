"""Core: tracker, intake and outputs, which belong together: what one checkpoint holds and one input changes."""

from __future__ import annotations

from collections.abc import Callable

from farwatch.api import tracker_of
from farwatch.clock import now_ns
from farwatch.errors import FarwatchError
from farwatch.journal import Entry, Head, Position
from farwatch.picture import Picture
from farwatch.plots import Batch, Plots, Progress
from farwatch.scenario import Scenario
from farwatch.service.board import Mode
from farwatch.service.checkpoint import Checkpoint, Draft
from farwatch.service.intake import Intake
from farwatch.service.job import digest_of
from farwatch.sinks import AsterixOutputs, Health
from farwatch.sources.replay import shortest_slice_s


class Core:
    """The state of a service. It is changed in one thread, input by input; raises `ConfigError` for outputs."""

    def __init__(
        self,
        scenario: Scenario,
        *,
        record: Callable[[Entry], object],
        between: Callable[[], object],
        watch: Callable[[Plots, Progress], object],
        health: Callable[[], Health],
    ) -> None:
        self.scenario = scenario
        self.digest = digest_of(scenario)
        self.tracker = tracker_of(scenario)
        self.intake = Intake(
            shortest_slice_s(scenario.sensors),
            scenario.merge,
            sensors=len(scenario.sensors),
            record=record,
            between=between,
            watch=watch,
            most=scenario.service.backlog_plots,
        )
        sensors, frame = scenario.sensors, scenario.frame
        measured = self.tracker.measure() if scenario.outputs else None
        self.outputs = AsterixOutputs(
            scenario.outputs, sensors, frame, self.tracker.picture, health, self.tracker.plans, measured
        )
        self.until_ns = 0

    def take(self, batch: Batch) -> Picture:
        """Track a batch, and send what the clients shall have."""
        picture = self.tracker.update(batch)
        self.outputs.write(picture)
        self.until_ns = batch.until_ns
        return picture

    def head(self, session: str, epoch: int, mode: Mode) -> Head:
        """What each segment of the journal says of it."""
        intake = self.intake
        return Head(
            session=session,
            sensors=tuple(sensor.id for sensor in self.scenario.sensors),
            slice_ns=intake.slice_ns,
            wait_ns=intake.wait_ns,
            patience_ns=intake.patience_ns,
            flat=self.scenario.frame.flat,
            mode=mode,
            epoch=epoch,
            first_sequence=intake.sequence + 1,
            began_ns=now_ns(),
            scenario=self.scenario.name,
        )

    def draft(self, session: str, epoch: int, source: str, position: Position, done: bool = False) -> Draft:
        """The whole state, cheap to take. Only between two inputs."""
        intake = self.intake
        checkpoint = Checkpoint(
            scenario=self.digest,
            session=session,
            epoch=epoch,
            sequence=intake.sequence,
            source=source,
            position=(position.segment, position.offset),
            until_ns=self.until_ns,
            next_plot_id=intake.highest_id + 1,
            tracker=b"",
            merge=intake.snapshot(),
            outputs=self.outputs.snapshot(),
            done=done,
            shed=intake.shed,
            taken=intake.taken,
        )
        return Draft(checkpoint, self.tracker.state())

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take over a state; raises `FarwatchError` where it is of another scenario."""
        if checkpoint.scenario != self.digest:
            raise FarwatchError("the checkpoint is of other sensors or another tracker")
        self.tracker.restore(checkpoint.tracker)
        self.intake.restore(checkpoint.merge)
        self.outputs.restore(checkpoint.outputs)
        intake = self.intake
        intake.sequence, intake.highest_id = checkpoint.sequence, checkpoint.next_plot_id - 1
        intake.shed, intake.taken = checkpoint.shed, checkpoint.taken
        self.until_ns = checkpoint.until_ns
