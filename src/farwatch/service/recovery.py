"""Recovery: the newest good checkpoint, and what the journal holds behind it, through merge and tracker, unsent."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from farwatch.errors import FarwatchError, FormatError
from farwatch.journal import Datagrams, Journal, Position
from farwatch.plots import Batch
from farwatch.service.checkpoint import newest_checkpoint
from farwatch.service.core import Core

logger = logging.getLogger("farwatch.service")


class Recovered(NamedTuple):
    """What a service goes on with; `resumed` False: it begins anew, in a session of its own. `said`: what to know."""

    session: str
    epoch: int
    resumed: bool
    inputs: int = 0  # out of the journal
    said: tuple[str, ...] = ()


def recover(
    core: Core,
    state: Path,
    record: Path | None,
    source: str,
    exact: bool,
    fresh: str,
    take: Callable[[Batch], object],
) -> Recovered:
    """Bring the core to where it was. `exact`: the source can give again what the journal lacks, and will.

    `fresh` names the session to begin where there is nothing to go on with; `take` takes each batch.
    """
    checkpoint, refused = newest_checkpoint(state)
    said = list(refused)
    if checkpoint is None:
        return Recovered(fresh, 0, False, 0, tuple(said))
    if checkpoint.done or (exact and checkpoint.source != source):
        return Recovered(fresh, checkpoint.epoch, False, 0, tuple(said))
    try:
        core.restore(checkpoint)
    except FarwatchError as error:
        said.append(f"{state}: begun anew: {error}")
        return Recovered(fresh, checkpoint.epoch, False, 0, tuple(said))
    inputs = 0
    if record is not None:
        folder, since = record / checkpoint.session, Position(*checkpoint.position)
        try:
            inputs, lacks = _replayed(core, folder, since, exact, take)
        except Exception as error:
            if exact:
                raise
            # What has ended the last run would end this one too, and the next: it is gone on without it.
            core.restore(checkpoint)
            core.intake.sequence = _last_sequence(folder, since, checkpoint.sequence)
            logger.exception("an input of the journal cannot be tracked")
            inputs, lacks = (
                0,
                [f"{folder}: an input cannot be tracked ({error}): gone on from the checkpoint, without it"],
            )
        said += lacks
    return Recovered(checkpoint.session, checkpoint.epoch, True, inputs, tuple(said))


def _last_sequence(folder: Path, since: Position, least: int) -> int:
    """Number of the journal's last input."""
    entries = (entry for entry, _ in Journal(folder).entries(since))
    return max([least, *(entry.sequence for entry in entries if not isinstance(entry, Datagrams))])


def _replayed(
    core: Core, folder: Path, since: Position, exact: bool, take: Callable[[Batch], object]
) -> tuple[int, list[str]]:
    """How many inputs were taken out of the journal, and what it lacks."""
    inputs = 0
    try:
        journal = Journal(folder)
        for entries, _ in journal.groups(since):
            for entry in entries:
                if isinstance(entry, Datagrams) or entry.sequence <= core.intake.sequence:
                    continue
                if exact and entry.sequence != core.intake.sequence + 1:
                    return inputs, journal.torn
                for batch in core.intake.apply(entry):
                    take(batch)
                inputs += 1
    except FormatError as error:
        return inputs, [f"{error}; gone on from the checkpoint"]
    return inputs, journal.torn
