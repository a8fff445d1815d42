"""How the command line speaks: results on stdout, the rest on stderr, errors as one message and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from farwatch.errors import ConfigError, FarwatchError

if TYPE_CHECKING:
    from farwatch.formats.asterix.editions import Editions

FAILED, PARTIAL, INTERRUPTED = 1, 3, 130


def out() -> Console:
    """The console of results."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def err() -> Console:
    """The console of everything else."""
    return Console(stderr=True, highlight=False)


def answer(app: Callable[[], Any]) -> None:
    """Run a command; what a user's input can cause ends in one message and an exit status, never in a traceback."""
    try:
        app()
    except FarwatchError as error:
        err().print(f"farwatch: {error}", markup=False, soft_wrap=True)
        sys.exit(FAILED)
    except KeyboardInterrupt:
        err().print("farwatch: stopped; nothing was left half written")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)


def result(value: dict[str, Any]) -> None:
    """Print one JSON object to stdout."""
    import msgspec

    sys.stdout.write(
        msgspec.json.format(msgspec.json.encode(value, enc_hook=lambda number: number.item()), indent=2).decode() + "\n"
    )


def partial(reasons: list[str]) -> None:
    """Exit with 3 where something was lost, after saying what."""
    if reasons:
        for reason in reasons:
            err().print(f"farwatch: {reason}", markup=False, soft_wrap=True)
        raise typer.Exit(PARTIAL)


def bar(what: str, total: float, unit: str) -> Progress:
    """A progress bar on stderr with one task, silent where stderr is no terminal."""
    console = err()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn(f"{{task.completed:.0f}} of {{task.total:.0f}} {unit}"),
        TimeRemainingColumn(),
    )
    progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    progress.add_task(what, total=total)
    return progress


def kernels_ready() -> None:
    """Say so where the kernels must be compiled first: it takes a while, once."""
    from farwatch.kernels import is_cached
    from farwatch.tracker.step import step

    if not is_cached(step):
        err().print("farwatch: compiling kernels, once (some minutes)")


def editions_of(given: list[str]) -> Editions:
    """Editions out of options such as 048=1.31, 021@0/107=0.23 or 021@:8600=2.1."""
    from farwatch.formats.asterix.editions import Rule, rule_of

    editions: dict[int | Rule, str] = {}
    for text in given:
        key, _, edition = text.partition("=")
        rule = rule_of(key)
        if rule is None or not edition:
            raise ConfigError(
                f"--edition {text}: write category=edition, as 048=1.31; for one source 021@0/107=0.23, "
                "for one port 021@:8600=2.1"
            )
        editions[rule] = edition
    return editions
