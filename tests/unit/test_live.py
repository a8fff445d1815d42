"""Live feeds on the loopback interface: what is sent is tracked, and what is lost is counted."""

from __future__ import annotations

import datetime
import socket
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import farwatch
from farwatch.clock import now_ns
from farwatch.errors import FormatError
from farwatch.formats import asterix
from farwatch.formats.asterix import Rule
from farwatch.formats.pcap import write_pcap
from farwatch.picture import Picture, concat_pictures
from farwatch.sources import Feed, Live, MergeOptions, Replay
from farwatch.sources.copies import Copies
from farwatch.sources.feeds import checked
from farwatch.sources.player import Player
from farwatch.sources.receivers import Datagram, FeedState, Inbox, Reframed, UdpReceiver
from farwatch.tracker import Tracker
from loopback import LOCAL, Listening, free_port, group_url, radars, send, wait_for
from reference_asterix import block, plot, recording, sector

DAY = datetime.date(2026, 3, 1)
DAY_NS = (DAY - datetime.date(1970, 1, 1)).days * 86_400 * 10**9


def flight(scans: int = 8, sic: int = 10, first_s: float = 3600.0) -> list[bytes]:
    """One aircraft, a datagram a plot and one a sector message."""
    out, source = [], {"i010": bytes([1, sic])}
    for scan in range(scans):
        seconds = first_s + 4.0 * scan
        out.append(block(48, plot(seconds, 40.0 + 0.4 * scan, 45.0, **source)))
        out.append(block(34, sector(seconds + 2.0, 160, **source)))
    return out


def unicast(**options: object) -> Feed:
    return Feed(url=f"udp://{LOCAL}:{free_port()}", day=DAY, **options)  # type: ignore[arg-type]


def test_unicast() -> None:
    feed = unicast()
    with Listening([feed]) as live:
        send(str(feed.url), flight())
        live.received(16)
    assert live.plots.n == 8
    assert (np.diff(live.plots.time_ns) == 4 * 10**9).all()
    assert int(live.plots.time_ns[0]) == DAY_NS + 3600 * 10**9
    assert abs(int(live.plots.received_ns[0]) - now_ns()) < 600 * 10**9
    assert (np.diff(live.plots.received_ns) >= 0).all()
    assert [batch.until_ns for batch in live.batches] == sorted(batch.until_ns for batch in live.batches)
    (state,) = live.source.states
    assert (state.datagrams, state.dropped, state.overruns, state.refused, state.errors) == (16, 0, 0, 0, 0)
    assert state.bytes == sum(map(len, flight()))
    assert set(live.source.heard_ns) == {0}


def test_multicast_of_several_groups() -> None:
    one, two, other = group_url(1), group_url(2), group_url(3)
    feed = Feed(url=(one, two), interface=LOCAL, day=DAY)
    sent = 0
    with Listening([feed], radars(10, 11)) as live:
        for first, second in zip(flight(sic=10), flight(sic=11)):
            send(one, [first])
            send(other, [second])
            send(two, [second])
            sent += 2
            live.received(sent)
    assert live.plots.n == 16
    assert live.source.states[0].datagrams == 32
    assert set(live.plots.sensor.tolist()) == {0, 1}


def test_a_group_hears_no_other_group_on_its_port() -> None:
    one = group_url(1)
    other = one.replace("239.255.77.1:", "239.255.77.9:")
    with Listening([Feed(url=one, interface=LOCAL, day=DAY)]) as live, Listening([Feed(url=other, interface=LOCAL)]):
        send(other, flight(3))
        send(one, flight(4))
        live.received(8)
    assert live.source.states[0].datagrams == 8


def test_only_the_senders_named_are_taken() -> None:
    feed = unicast(from_=("127.0.0.1",))
    with Listening([feed]) as live:
        send(str(feed.url), flight(), source="127.0.0.7")
        send(str(feed.url), flight(5))
        live.received(10)
        wait_for(lambda: live.source.states[0].refused == 16, "16 refused")
    assert live.source.states[0].datagrams == 10
    assert live.plots.n == 5


def test_two_networks_bring_one_copy_each() -> None:
    a, b = group_url(1), group_url(2)
    feeds = [Feed(url=a, interface=LOCAL, network="A", day=DAY), Feed(url=b, interface=LOCAL, network="B", day=DAY)]
    sent = flight(10)
    with Listening(feeds) as live:
        for k, datagram in enumerate(sent):
            if k != 4:  # lost on A
                send(a, [datagram])
            if k != 6:  # lost on B
                send(b, [datagram])
            live.received(2 * k + 2 - (k >= 4) - (k >= 6))
    assert live.plots.n == 10
    assert sum(state.copies for state in live.source.states) == 18
    assert live.source.statistics.records == 20


def test_a_true_repeat_is_no_copy() -> None:
    copies, data = Copies(window_s=1.0), block(48, plot())
    second = 10**9
    assert copies.passed(data, "A", 0) == (data, 0)
    assert copies.passed(data, "A", 1) == (data, 0)
    assert copies.passed(data, "B", 2) == (b"", 1)
    assert copies.passed(data, "B", 3) == (b"", 1)
    assert copies.passed(data, "B", 4) == (data, 0)
    # Told by blocks, however they were packed; and forgotten after a while.
    other = block(48, plot(3604.0))
    assert copies.passed(data + other, "A", 5) == (other, 1)
    assert copies.passed(other + data, "B", 2 * second) == (other + data, 0)
    assert copies.passed(b"\x30\x00", "A", 3 * second) == (b"\x30\x00", 0)


def test_a_full_queue_drops_the_oldest() -> None:
    state, wake = FeedState("x"), threading.Event()
    inbox = Inbox(10 * 150, state, wake)
    for k in range(5):
        inbox.put([Datagram(100 * k + j, bytes(50)) for j in range(6)])
    assert wake.is_set()
    held = inbox.take()
    assert [one.received_ns for one in held] == [302, 303, 304, 305, *range(400, 406)][-10:]
    assert (state.datagrams, state.dropped) == (30, 20)
    assert inbox.take() == []
    inbox.put([Datagram(1, bytes(60_000))])
    assert len(inbox.take()) == 1  # one alone is kept, whatever its size


def test_overload_is_told_and_the_newest_is_tracked() -> None:
    feed = unicast(queue_mb=0.02)
    source = Live([feed], radars())
    datagrams = flight(200)
    send(str(feed.url), datagrams, pause_s=0.0005)
    wait_for(lambda: source.states[0].datagrams == len(datagrams), "all datagrams")
    (state,) = source.states
    held = 400 - state.dropped
    assert 50 < held < 200
    source.stop()
    plots = [row for batch in source for row in batch.plots.time_ns.tolist()]
    assert len(plots) == held // 2
    assert max(plots) == DAY_NS + (3600 + 4 * 199) * 10**9


def test_kernel_overruns_are_counted() -> None:
    feed = unicast(buffer_mb=0.01)
    state = FeedState("x")
    receiver = UdpReceiver(checked(feed, 0), Inbox(1 << 20, state, threading.Event()))
    send(str(feed.url), [bytes(1000)] * 200)
    receiver.start()
    wait_for(lambda: state.datagrams > 0, "datagrams")
    # The kernel tells with the next datagram that it takes.
    send(str(feed.url), [b"\x30\x00\x03"])
    wait_for(lambda: state.datagrams + state.overruns == 201, "every datagram accounted for")
    receiver.stop()
    assert state.overruns > 0


def served(chunks: list[bytes], port: int, done: threading.Event) -> None:
    """A TCP server that sends chunks to its first two clients, half each."""
    with socket.create_server((LOCAL, port)) as server:
        half = len(chunks) // 2
        for part, last in ((chunks[:half], False), (chunks[half:], True)):
            client, _ = server.accept()
            with client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for chunk in part:
                    client.sendall(chunk)
                if last:
                    done.wait(30)


def test_tcp_cut_anywhere_and_connected_again(rng: np.random.Generator) -> None:
    port, done = free_port(socket.SOCK_STREAM), threading.Event()
    stream = b"".join(flight(60))
    middle = len(b"".join(flight(30)))

    def cut(data: bytes) -> list[bytes]:
        edges = [0, *sorted(rng.integers(0, len(data), 40).tolist()), len(data)]
        return [data[a:b] for a, b in pairwise(edges)]

    server = threading.Thread(
        target=served, args=(cut(stream[:middle]) + cut(stream[middle:]), port, done), daemon=True
    )
    with Listening([Feed(url=f"tcp://{LOCAL}:{port}", day=DAY)]) as live:
        wait_for(lambda: live.source.states[0].errors > 0, "a refused connection")  # nobody serves yet
        server.start()
        wait_for(lambda: live.source.states[0].bytes == len(stream), "the whole stream")
        done.set()
    assert live.plots.n == 60
    assert live.source.states[0].connects == 2
    assert not live.source.statistics.errors


def test_streams_are_cut_between_blocks() -> None:
    data = b"".join(flight(5))
    for step in (1, 2, 3, 7, 1000):
        framed = Reframed()
        parts = [framed.push(data[k : k + step]) for k in range(0, len(data), step)]
        assert b"".join(parts) == data
        assert not framed.broken
    framed = Reframed()
    assert framed.push(data + b"\x30\x00\x02") == data
    assert framed.broken


def same(one: Picture, two: Picture) -> bool:
    return all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in zip(one, two, strict=True))


def tracked(batches, sensors) -> Picture:  # type: ignore[no-untyped-def]
    tracker = Tracker(sensors)
    return concat_pictures([tracker.update(batch) for batch in batches])


def test_a_live_night_replays_to_the_same_tracks(tmp_path: Path) -> None:
    """Several feeds with their own delays, written down as they came: the capture gives the same bytes."""
    sensors = radars(10, 11)
    feeds = [unicast(), unicast()]
    kept: list[Datagram] = []
    with Listening(feeds, sensors, on_datagrams=kept.extend) as live:
        one, two = flight(40, 10), flight(40, 11, 3600.4)
        for k, (first, second) in enumerate(zip(one, two)):
            send(str(feeds[0].url), [first])
            send(str(feeds[1].url), [second])
            live.received(2 * (k + 1))
    assert live.source.late == 0
    path = tmp_path / "night.pcap"
    write_pcap(path, [one.data for one in kept], [one.received_ns for one in kept])
    replay = Replay([path], sensors, day_ns=DAY_NS)
    was, again = tracked(live.batches, sensors), tracked(replay, sensors)
    assert was.n > 40
    assert same(was, again)


def test_the_real_radar_live_and_from_its_file(tmp_path: Path) -> None:
    """A part of the real hour sent over the network: what comes out is what the file gives."""
    data = recording("bcn_cat048_1h.ast").read_bytes()[:90_000]
    part = tmp_path / "part.ast"
    part.write_bytes(data)
    datagrams = [due.data for due in Player(part).datagrams()]
    scenario = farwatch.load(Path(__file__).parents[2] / "examples" / "barcelona.toml")
    feed = unicast()
    with Listening([feed], list(scenario.sensors)) as live:  # type: ignore[arg-type]
        for k in range(0, len(datagrams), 100):
            send(str(feed.url), datagrams[k : k + 100])
            live.received(min(k + 100, len(datagrams)))
    day_ns = DAY_NS
    of_file = list(Replay([part], scenario.sensors, day_ns=day_ns))
    was, again = tracked(live.batches, scenario.sensors), tracked(of_file, scenario.sensors)
    assert was.n > 200
    assert same(was, again)


def test_silence_is_told_in_empty_batches() -> None:
    feed = Feed(url=f"udp://{LOCAL}:{free_port()}")
    with Listening([feed], options=MergeOptions(wait_s=0.1, patience_s=0.2)) as live:
        wait_for(lambda: len(live.batches) >= 3, "batches without data")
        before = len(live.batches)
        ticks = (now_ns() // 10**6 % 86_400_000) / 1000
        send(str(feed.url), [block(48, plot(ticks, 40.0, 45.0))])
        live.received(1)
        wait_for(lambda: any(batch.plots.n for batch in live.batches), "the plot")
        wait_for(lambda: len(live.batches) >= before + 6, "batches after the plot")
    assert live.plots.n == 1
    until = [batch.until_ns for batch in live.batches]
    assert set(np.diff(until).tolist()) == {round(4.0 / 12 * 1e9)}
    assert abs(until[-1] - now_ns()) < 60 * 10**9
    assert live.source.late == 0


def test_a_wild_time_is_left_out() -> None:
    feed = Feed(url=f"udp://{LOCAL}:{free_port()}")
    seconds = (now_ns() // 10**6 % 86_400_000) / 1000
    ahead = (seconds + 3600.0) % 86_400
    with Listening([feed]) as live:
        send(str(feed.url), [block(48, plot(ahead)), block(34, sector(ahead, 1)), block(48, plot(seconds))])
        live.received(3)
    assert live.plots.n == 1
    assert live.source.ahead == 2
    assert live.source.late == 0


def test_broken_blocks_are_counted_and_nothing_stops() -> None:
    feed = unicast()
    with Listening([feed]) as live:
        send(str(feed.url), [b"\x30\x00\x02", b"\x30", b"\xff" * 20, block(48, b"\xff\xff\xff\xff\xfe"), *flight(4)])
        live.received(12)
    assert live.plots.n == 4
    assert len(live.source.statistics.errors) >= 3


def test_feeds_of_several_editions() -> None:
    feeds = [unicast(), unicast(editions={"048": "1.31"})]
    sent = 0
    with Listening(feeds, radars(10, 11)) as live:
        for first, second in zip(flight(6, 10), flight(6, 11)):
            send(str(feeds[0].url), [first])
            send(str(feeds[1].url), [second])
            sent += 2
            live.received(sent)
    assert live.plots.n == 12
    assert len(np.unique(live.plots.id)) == 12


def test_editions_by_port() -> None:
    """Two groups of one feed: I048/020 of three bytes is from edition 1.31 on, and broken in 1.30."""
    ports = [free_port(), free_port()]
    urls = tuple(f"udp://{LOCAL}:{port}" for port in ports)
    feed = Feed(url=urls, day=DAY, editions={f"048@:{ports[1]}": "1.30"})
    long = [block(48, plot(3600.0 + k, i020=b"\xa1\x01\x00")) for k in range(4)]
    with Listening([feed]) as live:
        send(urls[0], long)
        live.received(4)
        send(urls[1], long)
        live.received(8)
        send(urls[1], flight(2, first_s=3660.0))
        live.received(12)
    assert live.plots.n == 4 + 2
    assert live.source.statistics.broken_blocks == 4


def test_the_most_particular_edition_goes_first(tmp_path: Path) -> None:
    """Whatever the order in which they are given: source and port, then one of them, then the category."""
    path = tmp_path / "x.pcap"
    write_pcap(path, [block(48, plot(3600.0 + k, i020=b"\xa1\x01\x00")) for k in range(4)], [10**18] * 4, port=8600)
    good, bad = (Rule(48, 1, 10, 8600), "1.31"), [(Rule(48, 1, 10), "1.30"), (Rule(48), "1.30")]
    for rules in ([good, *bad], [*bad, good]):
        assert asterix.read(path, {(1, 10): 0}, editions=dict(rules)).plots.n == 4
    with pytest.raises(FormatError, match="looks like CAT048 edition"):
        asterix.read(path, {(1, 10): 0}, editions=dict(bad))


def test_it_ends_after_its_time_and_frees_its_port() -> None:
    feed = unicast()
    for _ in range(2):
        assert list(Live([feed], radars(), duration_s=0.05)) is not None
    source = Live([feed], radars())
    source.close()
    assert list(source) == []
