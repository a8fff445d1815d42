"""A pair: the standby follows in lock step, takes over with the same numbers, and never are two active."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
from test_asterix_udp import Heard

from farwatch.errors import ConfigError
from farwatch.network import parse_url
from farwatch.service import Job, Service
from farwatch.service.replica import Ask, Greeting, Link, Replica, peek
from farwatch.service.standby import endpoint_of, token_of
from farwatch.sinks import AsterixOutput
from farwatch.sources import Feed
from loopback import LOCAL, free_port, send, wait_for
from serving import DAY, Process, Running, night, site, site_file

TOKEN = "a secret of enough letters"


def tcp_port() -> int:
    import socket

    return free_port(socket.SOCK_STREAM)


class Twins:
    """Two services that hear the same."""

    def __init__(self, folder: Path, outputs: tuple[AsterixOutput, ...] = (), takeover_s: float = 0.5) -> None:
        self.folder = folder
        token = folder / "token"
        token.write_text(TOKEN)
        self.replicas = [f"{LOCAL}:{tcp_port()}" for _ in range(2)]
        self.feeds = [Feed(url=f"udp://{LOCAL}:{free_port()}", day=DAY) for _ in range(2)]
        self.sites = [
            site(
                [self.feeds[k]],
                outputs,
                replica=self.replicas[k],
                peer=self.replicas[1 - k],
                replica_token_file=str(token),
                takeover_s=takeover_s,
            )
            for k in range(2)
        ]
        self.jobs = [Job(state=folder / f"state{k}", record=folder / f"journal{k}", standby=k == 1) for k in range(2)]

    def start(self, number: int, standby: bool | None = None) -> Running:
        job = self.jobs[number]
        return Running(self.sites[number], job if standby is None else job._replace(standby=standby))

    def send(self, datagrams: list[bytes] | tuple[bytes, ...], only: int | None = None) -> None:
        for data in datagrams:
            for number, feed in enumerate(self.feeds):
                if only in (None, number):
                    send(str(feed.url), [data])
            time.sleep(0.002)


def in_step(one: Running, other: Running) -> None:
    """Wait until both have the same state, to the bit."""

    def same() -> bool:
        time.sleep(0.2)
        a, b = (running.service.core for running in (one, other))
        alike = a.tracker.snapshot() == b.tracker.snapshot() and a.outputs.snapshot() == b.outputs.snapshot()
        return alike and b.intake.sequence == a.intake.sequence >= 0

    wait_for(same, "lock step")


def test_the_standby_is_in_lock_step_and_takes_over(tmp_path: Path) -> None:
    twins = Twins(tmp_path, (AsterixOutput(url=f"udp://{LOCAL}:{free_port()}", status_s=0),))
    sent = night()
    third = len(sent) // 3
    with twins.start(1) as standby:
        wait_for(lambda: standby.service.mode == "standby", "standing by")
        with twins.start(0) as active:
            assert active.listening()
            wait_for(lambda: standby.service.session == active.service.session, "following")
            twins.send(sent[: 2 * third])
            in_step(active, standby)
            assert active.service.mode == "live" and standby.service.mode == "standby"
            before = standby.service.core.tracker.picture(standby.service.core.until_ns)
            assert active.service.core.outputs.clients[0].pacer.sent > 0
            assert standby.service.core.outputs.clients[0].pacer.sent == 0
        # The active one has said good-bye.
        wait_for(lambda: standby.service.mode == "live", "the take-over")
        assert standby.service.epoch == active.service.epoch + 1
        twins.send(sent[2 * third :], only=1)
        wait_for(lambda: standby.service.core.outputs.clients[0].pacer.sent > 0, "its outputs")
        time.sleep(0.5)
        after = standby.service.core.tracker.picture(standby.service.core.until_ns)
        assert before.n > 10
        assert len(set(before.track.tolist()) & set(after.track.tolist())) > 0.9 * before.n
        # The old one comes back, not told to stand by, and does.
        with twins.start(0) as returned:
            wait_for(lambda: returned.service.session == standby.service.session, "following the other way")
            in_step(standby, returned)
            assert (returned.service.mode, standby.service.mode) == ("standby", "live")


def test_what_both_heard_is_tracked_once(tmp_path: Path) -> None:
    """The standby has received what the active one has tracked; taking over, it leaves that out, to the last plot."""
    twins = Twins(tmp_path)
    sent = night()
    with twins.start(1) as standby, twins.start(0) as active:
        assert active.listening()
        wait_for(lambda: standby.service.session == active.service.session, "following")
        twins.send(sent)
        in_step(active, standby)
        taken = active.service.core.intake.taken
        active.service.stop()
        active.join()
        wait_for(lambda: standby.service.mode == "live", "the take-over")
        time.sleep(0.5)
        assert standby.service.core.intake.taken == taken > 200
        assert standby.service.core.intake.late == active.service.core.intake.late


def test_killed_without_a_word(tmp_path: Path) -> None:
    """Two processes: the active one is killed with -9, and the standby has its outputs within seconds."""
    heard = Heard(f"udp://{LOCAL}:{free_port()}")
    token = tmp_path / "token"
    token.write_text(TOKEN)
    feeds = [f"udp://{LOCAL}:{free_port()}" for _ in range(2)]
    replicas = [f"{LOCAL}:{tcp_port()}" for _ in range(2)]
    files = []
    for k in range(2):
        path = site_file(
            tmp_path / f"site{k}.toml",
            feeds[k],
            replica=replicas[k],
            peer=replicas[1 - k],
            replica_token_file=str(token),
            takeover_s=1.0,
        )
        with path.open("a") as text:
            text.write(f'[[outputs]]\nurl = "{heard.url}"\nstatus_s = 0\n')
        files.append(path)
    active = Process(files[0], "--state", tmp_path / "a", "--json")
    active.event("active")
    standby = Process(files[1], "--state", tmp_path / "b", "--standby-of", replicas[0], "--json")
    try:
        standby.event("standing by")
        sent = night()
        half = len(sent) // 2
        for data in sent[:half]:
            for feed in feeds:
                send(feed, [data])
            time.sleep(0.003)
        time.sleep(1.0)
        first = heard.all(1)
        assert first
        active.kill()
        killed_s = time.monotonic()
        took_over = standby.event("took over in epoch 2")
        took_s = time.monotonic() - killed_s
        assert took_over["level"] == "warning"
        for data in sent[half:]:
            send(feeds[1], [data])
            time.sleep(0.003)
        time.sleep(1.0)
        again = Process(files[0], "--state", tmp_path / "a", "--json")
        again.event("standing by")
        assert not any(line["event"] == "active" for line in again.log)
        assert again.end()["mode"] == "standby"
        summary = standby.end()
        assert (summary["mode"], summary["epoch"]) == ("live", 2)
        assert summary["plots"] > 200
        assert took_s < 20.0
    finally:
        for process in (active, standby):
            if process.process.poll() is None:
                process.kill()
        heard.close()


def test_two_active_ones_become_one(tmp_path: Path) -> None:
    """Both were active while they could not see each other: the later epoch stays."""
    twins = Twins(tmp_path)
    with twins.start(0) as one:
        assert one.listening()
        twins.jobs[1] = Job()
        other = twins.start(1, standby=False)
        other.service.epoch = 6
        assert other.service.pair is not None
        other.service.pair.other_is_active = lambda: False  # type: ignore[method-assign]
        with other:
            wait_for(lambda: one.service.mode == "standby", "one to step down")
            wait_for(lambda: one.service.session == other.service.session, "following")
            assert other.service.mode == "live" and other.service.epoch == 7
    assert "the other one of the pair is active in a later epoch" in one.said or one.updates == []


def test_who_may_follow(tmp_path: Path) -> None:
    endpoint = parse_url(f"tcp://{LOCAL}:{tcp_port()}")
    greeting = Greeting(True, 3, "s", "digest")
    replica = Replica(endpoint, TOKEN, lambda: msgspec.structs.replace(greeting))
    try:
        assert peek(endpoint, TOKEN, "digest") == greeting
        wrong = peek(endpoint, "another", "digest")
        assert wrong is not None and wrong.refused == "the token is wrong" and not wrong.active and wrong.session == ""
        link = Link(endpoint, Ask(TOKEN, "another scenario", True))
        assert "other sensors" in link.greeting.refused
        link.close()
        link = Link(endpoint, Ask(TOKEN, "digest", True))
        beats = [message for message, _ in zip(link.messages(0.1), range(8)) if message is not None]
        assert {message.kind for message in beats} == {"beat"} and beats[0].epoch == 3
        assert replica.followers == 1 and replica.wants()
        link.close()
    finally:
        replica.close()
    assert peek(endpoint, TOKEN, "digest", 0.2) is None


def test_garbage_harms_nobody(rng: np.random.Generator) -> None:
    import socket

    endpoint = parse_url(f"tcp://{LOCAL}:{tcp_port()}")
    replica = Replica(endpoint, "", lambda: Greeting(True, 1, "s", "d"))
    try:
        for data in (b"", b"\xff" * 8, rng.bytes(5000), b"\x04\x00\x00\x00\x00\x00\x00\x00abcd"):
            with socket.create_connection((LOCAL, endpoint.port)) as sock:
                sock.sendall(data)
        assert peek(endpoint, "", "d") == Greeting(True, 1, "s", "d")
        wait_for(lambda: replica.followers == 0, "all to be gone")
    finally:
        replica.close()


def test_what_a_pair_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give HOST:PORT"):
        endpoint_of("here", "peer")
    assert endpoint_of("http://10.0.0.1:8766", "peer").port == 8766
    short = tmp_path / "t"
    short.write_text("short")
    with pytest.raises(ConfigError, match="at least 16 characters"):
        token_of(str(short))
    with pytest.raises(ConfigError, match="the token cannot be read"):
        token_of(str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="other machines can reach it"):
        Replica(parse_url(f"tcp://0.0.0.0:{tcp_port()}"), "", lambda: Greeting(True, 1, "", ""))
    taken = tcp_port()
    replica = Replica(parse_url(f"tcp://{LOCAL}:{taken}"), "", lambda: Greeting(True, 1, "", ""))
    with pytest.raises(ConfigError, match="cannot be listened to"):
        Replica(parse_url(f"tcp://{LOCAL}:{taken}"), "", lambda: Greeting(True, 1, "", ""))
    replica.close()
    feed = Feed(url=f"udp://{LOCAL}:{free_port()}")
    with pytest.raises(ConfigError, match="give --standby-of"):
        Service(site([feed]), Job(standby=True))
    assert threading.active_count() < 20
