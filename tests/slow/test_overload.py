"""Far more than the tracker can take, for minutes: plots go, with a count; memory does not."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import msgspec
import pytest

import farwatch
from farwatch.network import parse_url
from farwatch.service import Job
from farwatch.simulation import simulate
from farwatch.sinks.radar_asterix import encode_radars
from loopback import wait_for
from serving import Running, played_feed
from soak import resident_mb


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_flood(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    s300 = farwatch.load("s300")
    _, plots, progress = simulate(s300.sensors, s300.frame, s300.simulation, 1800.0, 1)
    datagrams = encode_radars(plots, progress, s300.sensors).datagrams()
    feed = played_feed(queue_mb=4.0)
    options = msgspec.structs.replace(s300.service, backlog_s=0.5)
    site = msgspec.structs.replace(s300, feeds=(feed,), service=options)
    to = parse_url(str(feed.url))
    with Running(site, Job(state=tmp_path / "s", record=tmp_path / "j")) as running:
        assert running.listening()
        running.play(str(feed.url), datagrams[:2000], pause_s=0.0005)
        before_mb, most_mb = resident_mb(), 0.0
        real = running.service.core.tracker.update

        def slow(batch):  # type: ignore[no-untyped-def]
            time.sleep(0.02)
            return real(batch)

        running.service.core.tracker.update = slow  # type: ignore[method-assign]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for number, data in enumerate(datagrams[2000:]):
                sock.sendto(data, (to.host, to.port))
                if number % 20 == 0:
                    time.sleep(0.002)
                if number % 2000 == 0:
                    most_mb = max(most_mb, resident_mb())
        running.service.core.tracker.update = real  # type: ignore[method-assign]
        wait_for(lambda: running.service.core.intake.shed > 0, "shedding")
        time.sleep(2.0)
        most_mb = max(most_mb, resident_mb())
        running.updates.clear()  # a test that keeps all updates is itself a leak
        health = None
        running.service.status.publish()
        health = running.updates[-1].health
    with capsys.disabled():
        print(
            f"\nflood of {plots.n:,} plots: {health.shed:,} shed, {health.dropped:,} datagrams dropped, "
            f"{health.plots:,} tracked; {before_mb:.0f} MB before, at most {most_mb:.0f}"
        )
    assert health.shed + health.dropped > 0
    assert most_mb < before_mb + 150.0
