"""farwatch play: a recording's datagrams sent again at their own pace, to other systems or to farwatch itself."""

from __future__ import annotations

from pathlib import Path

from farwatch.cli.say import editions_of, err, out, partial, result
from farwatch.clock import AsFast, Clock, Paced, now_ns
from farwatch.errors import ConfigError, FarwatchError
from farwatch.formats.asterix.time_of_day import DAY_TICKS, ticks_of
from farwatch.network import find_interface, open_sender, parse_url
from farwatch.sinks.pacer import Pacer
from farwatch.sources.player import Player

_LARGEST = 65_507


def play(
    recording: Path,
    to: list[str],
    speed: float,
    interface: str | None,
    ttl: int,
    edition: list[str],
    now: bool,
    as_json: bool,
) -> None:
    """Send, at `speed` times the recording's own pace (0: as fast as it goes), and say how much was sent."""
    import numpy as np

    if now and speed != 1.0:
        raise ConfigError(
            "--now with --speed: times that are those of the clock pass at the clock's speed; leave one out"
        )
    endpoints = [parse_url(url, ("udp",)) for url in to]
    where = find_interface(interface)
    player = Player(recording, editions_of(edition))
    shift = None
    if now:
        shift = (int(ticks_of(np.array([now_ns()]))[0]) - player.first_ticks()) % DAY_TICKS
    clock: Clock = Paced(speed) if speed else AsFast()
    pacers = [Pacer(open_sender(endpoint, where, ttl), endpoint) for endpoint in endpoints]
    first_ns, last_ns, stopped = None, 0, False
    too_long = 0
    try:
        for due in player.datagrams(shift):
            clock.wait_until(due.time_ns)
            if len(due.data) > _LARGEST:
                too_long += 1
                continue
            first_ns = due.time_ns if first_ns is None else first_ns
            last_ns = due.time_ns
            for pacer in pacers:
                pacer.send([due.data])
    except KeyboardInterrupt:
        stopped = True
    finally:
        for pacer in pacers:
            pacer.close()
    if first_ns is None and not stopped:
        raise FarwatchError(f"{recording}: holds nothing that could be sent")
    data_s = (last_ns - (first_ns or 0)) * 1e-9
    sent, size = pacers[0].sent, pacers[0].bytes
    if as_json:
        result({"recording": str(recording), "to": to, "datagrams": sent, "bytes": size, "data_s": round(data_s, 3)})
    else:
        out().print(
            f"{recording}: {sent:,} datagrams, {size:,} bytes, {data_s:,.1f} s of data -> {', '.join(to)}"
            f"{' (stopped)' if stopped else ''}",
            markup=False,
        )
    unmoved = sum(player.unmoved.values())
    if unmoved:
        err().print(f"farwatch: {unmoved:,} records have no time of day that could be moved to now")
    lost = [
        f"{one.errors} datagrams not sent to {url} ({one.first_error})" for one, url in zip(pacers, to) if one.errors
    ]
    lost += [f"{too_long} blocks are too long for a UDP packet: not sent"] if too_long else []
    partial(lost)
