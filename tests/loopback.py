"""Senders, sockets and waiting for tests on the loopback interface only."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from farwatch.network import Interface, open_receiver, open_sender, parse_url
from farwatch.plots import Batch, Plots, concat_plots
from farwatch.sensors import Place, Radar
from farwatch.sources import Feed, Live

LOCAL = "127.0.0.1"
PATIENT_S = 30.0  # machines are shared: how long a test waits before it fails


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A port that nobody uses just now."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind((LOCAL, 0))
        port: int = sock.getsockname()[1]
        return port


def group_url(last: int = 1) -> str:
    """A multicast group with a port of its own, or a skip where the loopback interface takes none."""
    url = f"udp://239.255.77.{last}:{free_port()}"
    try:
        sock, _ = open_receiver(parse_url(url), Interface(LOCAL), 1 << 16)
    except Exception as error:
        pytest.skip(f"no multicast on the loopback interface here ({error})")
    sock.close()
    return url


def send(url: str, datagrams: Sequence[bytes], source: str = LOCAL, pause_s: float = 0.0) -> None:
    """Send from an address of this machine."""
    endpoint = parse_url(url)
    with open_sender(endpoint, Interface(source), 0) as sock:
        for data in datagrams:
            sock.sendto(data, (endpoint.host, endpoint.port))
            if pause_s:
                time.sleep(pause_s)


def wait_for(true: Callable[[], bool], what: str) -> None:
    """Until something has come about."""
    end = time.monotonic() + PATIENT_S
    while not true():
        assert time.monotonic() < end, f"{what} did not come about"
        time.sleep(0.005)


def radars(*sic: int) -> list[Radar]:
    place = Place(lat_deg=47.0, lon_deg=9.0)
    return [
        Radar(id=f"R{one}", position=place, rotation_s=4.0, max_range_km=200.0, sac_sic=f"1/{one}")
        for one in sic or (10,)
    ]


class Listening:
    """A live source that is iterated in a thread of its own, so that a test can send meanwhile."""

    def __init__(self, feeds: Sequence[Feed], sensors: Sequence[Radar] | None = None, **options: object) -> None:
        self.batches: list[Batch] = []
        self.source = Live(feeds, sensors or radars(), **options)  # type: ignore[arg-type]
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        self.batches.extend(self.source)

    def __enter__(self) -> Listening:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.source.stop()
        self._thread.join(PATIENT_S)
        assert not self._thread.is_alive()

    def received(self, count: int) -> None:
        """Wait until so many datagrams have been taken in."""
        wait_for(lambda: sum(state.datagrams for state in self.source.states) >= count, f"{count} datagrams")

    @property
    def plots(self) -> Plots:
        """All that was given out."""
        return concat_plots([batch.plots for batch in self.batches])
