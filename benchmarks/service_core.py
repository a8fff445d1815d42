"""What the service costs: a checkpoint at 300 and 30,000 tracks, the journal's bytes a plot, and coming back.

Limits that stand beside the figures: a checkpoint may keep the tracker for 20 ms at 300 tracks; back within 3 s.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import farwatch
from farwatch.journal import Datagrams, Push, decode_group, encode_group
from farwatch.picture import Status
from farwatch.service.checkpoint import Checkpoint, decode_checkpoint, encode_checkpoint
from farwatch.simulation import simulate
from farwatch.sinks.radar_asterix import encode_radars
from farwatch.sources import Simulated
from farwatch.tracker.tracker import packed_state


def best_ms(call, times: int = 5) -> float:  # type: ignore[no-untyped-def]
    """The quickest of several calls."""
    out = []
    for _ in range(times):
        began_s = time.perf_counter()
        call()
        out.append(time.perf_counter() - began_s)
    return 1e3 * min(out)


def checkpoint_costs() -> None:
    """In the tracker's thread, and beside it."""
    scenario = farwatch.load("s300")
    tracker = farwatch.Tracker(scenario.sensors, scenario.tracker, scenario.frame)
    for batch in Simulated(scenario.sensors, scenario.frame, scenario.simulation, 120.0, 1):
        tracker.update(batch)
    for tracks in (300, 30_000):
        if tracks > 300:
            _multiply(tracker, tracks)
        alive = int(np.sum(tracker._tracks.alive & (tracker._tracks.status == Status.CONFIRMED)))
        state = tracker.state()
        data = packed_state(state)
        plain = Checkpoint("", "", 1, 0, "", (0, 0), 0, 0, data, b"", b"")
        file = encode_checkpoint(plain)
        print(
            f"checkpoint at {alive:,} confirmed tracks: {best_ms(tracker.state):.1f} ms in the tracker's thread, "
            f"{best_ms(lambda held=state: packed_state(held)):.0f} ms to pack and "
            f"{best_ms(lambda held=plain: encode_checkpoint(held)):.0f} ms to compress beside it, "
            f"{best_ms(lambda held=file: decode_checkpoint(held, '')):.0f} ms to read, "
            f"{len(data) / 1e6:.1f} MB, {len(file) / 1e6:.2f} MB in the file"
        )


def _multiply(tracker: farwatch.Tracker, tracks: int) -> None:
    """As many confirmed tracks as wanted: the same ones many times over, beside the tentative ones that there are."""
    from farwatch.tracks import grow, make_hypotheses, make_tracks

    t = tracker._tracks
    confirmed = np.flatnonzero(t.alive & (t.status == Status.CONFIRMED))
    rows = np.concatenate([np.flatnonzero(t.born_ns)] + [confirmed] * (tracks // len(confirmed)))
    tables = []
    for table, fresh in ((t, make_tracks(len(rows), 1)), (tracker._hypotheses, make_hypotheses(len(rows)))):
        tables.append(grow(type(fresh)(*(column[rows] for column in table)), fresh))
    tracker._tracks, tracker._hypotheses = tables
    tracker._hypotheses.track[:] = np.arange(len(rows))


def journal_costs() -> None:
    """Bytes a plot, decoded and raw, for groups of 0.2 s as they come live and of 10 s."""
    scenario = farwatch.load("s300")
    _, plots, progress = simulate(scenario.sensors, scenario.frame, scenario.simulation, 60.0, 1)
    datagrams = encode_radars(plots, progress, scenario.sensors).datagrams()
    for group_s in (0.2, 10.0):
        step_ns = round(group_s * 1e9)
        size = raw = 0
        spent_s = 0.0
        for number in np.unique(plots.time_ns // step_ns).tolist():
            own = plots.take(plots.time_ns // step_ns == number)
            said = progress.take(progress.time_ns // step_ns == number)
            began_s = time.perf_counter()
            data = encode_group([Push(number, own, said)])
            spent_s += time.perf_counter() - began_s
            size += len(data)
            assert len(decode_group(data)) == 1
        step = max(1, round(group_s / 60.0 * len(datagrams)))
        for part in (datagrams[k : k + step] for k in range(0, len(datagrams), step)):
            raw += len(encode_group([Datagrams((0,) * len(part), tuple(range(len(part))), tuple(part))]))
        sent = sum(map(len, datagrams)) / plots.n
        print(
            f"journal of s300 in groups of {group_s:g} s: {size / plots.n:.0f} B a plot, of raw datagrams "
            f"{raw / plots.n:.0f} ({sent:.0f} as sent); {1e6 * spent_s / plots.n:.1f} us a plot to encode"
        )


def coming_back() -> None:
    """From the start of the process until it goes on, after kill -9 at 300 tracks."""
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        code = "from farwatch.cli import main; main()"
        made = [sys.executable, "-c", code, "simulate", "s300", "-o", folder, "--duration", "900"]
        subprocess.run(made, check=True, capture_output=True)
        site = Path(farwatch.scenario.BUILTIN) / "s300.toml"
        serve = [sys.executable, "-c", code, "serve", site, "--replay", where / "plots.parquet", "--speed", "20"]
        serve += ["--state", where / "state", "--record", where / "journal"]
        took = []
        for _ in range(4):
            began_s = time.monotonic()
            process = subprocess.Popen([str(one) for one in serve], stderr=subprocess.PIPE, text=True)
            assert process.stderr is not None
            while '"active"' not in process.stderr.readline():
                pass
            took.append(time.monotonic() - began_s)
            time.sleep(6.5)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        print(
            f"from start to going on: {took[0]:.2f} s fresh, after kill -9 {', '.join(f'{s:.2f}' for s in took[1:])} s"
        )


if __name__ == "__main__":
    checkpoint_costs()
    journal_costs()
    coming_back()
