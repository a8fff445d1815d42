"""PCAPNG, IP fragments, recorders' own frames, compressed files, and what networks append to packets."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import reference_asterix as ref
import reference_containers as packed
from farwatch.errors import FormatError
from farwatch.formats.asterix import inspect, read
from farwatch.formats.containers import open_container, pieces
from farwatch.formats.fragments import WAITING
from reference_containers import payloads, write

BLOCK = ref.block(48, ref.plot())
SECOND_NS = 1_000_000_000
SOURCES = {(1, 10): 0}


def packet(payload: bytes = BLOCK) -> bytes:
    return ref.ethernet(ref.ipv4(ref.udp(payload)))


def zstd(content: bytes) -> bytes:
    return pa.compress(content, codec="zstd", asbytes=True)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("resolution", "ticks_per_s"), [(None, 10**6), (3, 10**3), (9, 10**9), (12, 10**12), (0x80 + 20, 1 << 20)]
)
def test_pcapng_times(tmp_path: Path, order: str, resolution: int | None, ticks_per_s: int) -> None:
    ticks = 1_700_000_000 * ticks_per_s + ticks_per_s // 2 if ticks_per_s < 10**12 else 1_000_000 * ticks_per_s
    content = packed.section(order) + packed.interface(1, order, resolution=resolution)
    path = write(tmp_path, content + packed.enhanced(packet(), ticks, order=order))
    assert open_container(path).kind == "pcapng"
    found, received, skipped = payloads(path)
    assert found == [BLOCK] and not skipped
    assert received == [ticks * SECOND_NS // ticks_per_s]


def test_pcapng_of_several_sections_interfaces_and_blocks(tmp_path: Path) -> None:
    """Each section has its own byte order and interfaces; other blocks, however long, are passed over."""
    noise = packed.pcapng_block(0x0BAD, bytes(700_000))
    content = (
        packed.section()
        + packed.interface(101)
        + packed.interface(1, offset_s=100)
        + noise
        + packed.enhanced(ref.ipv4(ref.udp(BLOCK)), 5 * 10**6, 0)
        + packed.enhanced(packet(), 5 * 10**6, 1)
        + packed.simple(ref.ipv4(ref.udp(BLOCK)))
        + packed.enhanced(packet(), 5 * 10**6, 7)
        + packed.section(">")
        + packed.interface(147, ">")
        + packed.interface(12, ">")
        + packed.enhanced(packet(), 10**6, 0, ">")
        + packed.enhanced(ref.ipv4(ref.udp(BLOCK)), 10**6, 1, ">")
        + noise
    )
    path = write(tmp_path, content)
    for chunk_bytes in (1, 1 << 20):
        found, received, skipped = payloads(path, chunk_bytes)
        assert found == [BLOCK] * 4 and skipped == {"unknown link type": 2}
        assert received[:2] == [5 * SECOND_NS, 105 * SECOND_NS]
        assert received[2] < 0 and received[3] == SECOND_NS


@pytest.mark.parametrize("cut", [1, 4, 30, 60])
def test_pcapng_cut_off(tmp_path: Path, cut: int) -> None:
    whole = packed.section() + packed.interface() + packed.enhanced(packet(), 1) + packed.enhanced(packet(), 2)
    found, _, skipped = payloads(write(tmp_path, whole[:-cut]))
    assert found == [BLOCK] and skipped == {"capture cut off or damaged": 1}


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 0, 0, 2]])
def test_fragments_are_put_together(tmp_path: Path, version: int, order: list[int]) -> None:
    payload = ref.block(48, *[ref.plot(k) for k in range(60)])
    split = packed.fragments_v4 if version == 4 else packed.fragments_v6
    parts = split(ref.udp(payload), [200, 400])
    packets = [ref.ethernet(parts[k]) for k in order]
    path = write(tmp_path, ref.pcap_file([packet(), *packets, packet()], 1))
    for chunk_bytes in (1, 1 << 20):
        found, received, skipped = payloads(path, chunk_bytes)
        assert found == [BLOCK, payload, BLOCK]
        # A part that comes again after the whole has been read waits for a rest that never comes.
        assert skipped == {}
        assert received == sorted(received)
    assert read(path, SOURCES).plots.n == 62


def test_faults_in_a_datagram_out_of_fragments_are_found_in_the_file(tmp_path: Path) -> None:
    payload = BLOCK * 30 + ref.block(48, ref.plot(), b"\xff")
    parts = packed.fragments_v4(ref.udp(payload), [200])
    content = ref.pcap_file([ref.ethernet(part) for part in parts], 1)
    found = read(write(tmp_path, content), SOURCES)
    (error,) = found.statistics.errors.values()
    assert content[error.byte] == 0xFF and error.byte == len(content) - 1
    assert content[error.block : error.block + 3] == payload[len(BLOCK) * 30 :][:3]


def test_fragments_without_their_rest(tmp_path: Path) -> None:
    """So many that some must make way; those left at the end are counted as well."""
    first_parts = [packed.fragments_v4(ref.udp(BLOCK), [8], number=k)[0] for k in range(WAITING + 5)]
    packets = [ref.ethernet(part) for part in first_parts] + [packet()]
    found, _, skipped = payloads(write(tmp_path, ref.pcap_file(packets, 1)))
    assert found == [BLOCK] and skipped == {"IP fragments without the rest of their datagram": WAITING + 5}


def test_fragments_that_contradict_each_other(tmp_path: Path) -> None:
    parts = packed.fragments_v4(ref.udp(BLOCK * 9), [64])
    longer = packed.fragments_v4(ref.udp(BLOCK * 12), [64])
    found, _, skipped = payloads(write(tmp_path, ref.pcap_file([ref.ethernet(p) for p in (parts[1], longer[1])], 1)))
    assert found == [] and skipped == {"IP fragments without the rest of their datagram": 1}


@pytest.mark.parametrize(
    ("link", "wrapped"),
    [
        (1, bytes(12) + b"\x88\xa8\x00\x05\x81\x00\x00\x06\x08\x00"),
        (1, bytes(12) + b"\x91\x00\x00\x05\x81\x00\x00\x06\x08\x00"),
        (113, bytes(14) + b"\x81\x00\x00\x05\x08\x00"),
        (276, b"\x81\x00" + bytes(18) + b"\x00\x05\x08\x00"),
    ],
)
def test_stacked_vlans(tmp_path: Path, link: int, wrapped: bytes) -> None:
    path = write(tmp_path, ref.pcap_file([wrapped + ref.ipv4(ref.udp(BLOCK))], link))
    assert payloads(path)[::2] == ([BLOCK], {})


def blocks(n: int, first_s: float) -> list[bytes]:
    return [ref.block(48, ref.plot((first_s + k) % 86_400)) for k in range(n)]


@pytest.mark.parametrize("kind", ["gps", "gps of blanks", "final", "rff"])
def test_recorders_frames_across_midnight(tmp_path: Path, kind: str) -> None:
    """The recorder's time tells the midnight; the day is the one given, or the one in the file."""
    day_ns = 19_844 * 86_400 * SECOND_NS  # 2024-05-01
    sent = blocks(6, 86_398.0)
    content = {
        "gps": packed.gps(sent, 86_398.0),
        "gps of blanks": packed.gps(sent, 86_398.0, filling=b" "),
        "final": packed.final(sent, 86_398.0),
        "rff": packed.rff(sent),
    }[kind]
    path = write(tmp_path, content, "recording.ast")
    assert open_container(path).kind == kind.split()[0]
    found = read(path, SOURCES, day_ns=day_ns)
    expected = [day_ns + (86_398 + k) * SECOND_NS for k in range(6)]
    assert found.plots.time_ns.tolist() == expected == found.plots.received_ns.tolist()
    assert not found.statistics.skipped and not found.statistics.errors
    if kind == "rff":
        assert read(path, SOURCES).plots.time_ns.tolist() == expected
    cut = write(tmp_path, content[:-5])
    assert len(payloads(cut)[0]) == 5 and payloads(cut)[2] == {"recording cut off or damaged": 1}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("begin", [b"2024-05-01 23:59:58", b"01-May-2024 23:59:58", b"01.05.2024 23:59:58"])
def test_rff_times_of_either_order(tmp_path: Path, order: str, begin: bytes) -> None:
    path = write(tmp_path, packed.rff(blocks(300, 86_398.0), begin, order=order))
    received = payloads(path)[1]
    assert received[0] == (19_844 * 86_400 + 86_398) * SECOND_NS
    assert set(np.diff(received)) == {SECOND_NS}


def test_frames_in_pieces_leave_nothing_out(tmp_path: Path) -> None:
    sent = [ref.block(48, *[ref.plot(k)] * (1 + k % 60)) for k in range(1500)]
    for content in (packed.gps(sent, 0, 0.01), packed.final(sent, 0, 0.01), packed.rff(sent)):
        assert payloads(write(tmp_path, content), 1)[0] == sent


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
@pytest.mark.parametrize("inside", ["raw", "pcap", "gps"])
def test_compressed_recordings(tmp_path: Path, pack: object, inside: str) -> None:
    sent = blocks(4000, 0.0)
    content = {"raw": b"".join(sent), "pcap": ref.pcap(sent), "gps": packed.gps(sent, 0.0)}[inside]
    assert callable(pack)
    path = write(tmp_path, pack(content), "recording")
    container = open_container(path)
    assert (container.kind, container.compression) == (inside, "gzip" if pack is gzip.compress else "zstd")
    assert b"".join(payloads(path, 1)[0]) == b"".join(sent)
    assert read(path, SOURCES).plots.n == 4000


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_a_compressed_recording_that_is_cut_off_gives_what_is_good(tmp_path: Path, pack: object) -> None:
    rng = np.random.default_rng(1)
    sent = [ref.block(48, ref.plot(k % 86_400, i250=b"\x01" + rng.bytes(8))) for k in range(20_000)]
    assert callable(pack)
    whole = pack(b"".join(sent))
    found = read(write(tmp_path, whole[: len(whole) // 2]), SOURCES)
    assert 5_000 < found.plots.n < 11_000
    assert found.statistics.skipped == {"compressed data cut off or damaged": 1}
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    damaged = read(write(tmp_path, bytes(flipped)), SOURCES)
    assert damaged.plots.n > 5_000


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_an_archive_of_any_ratio_costs_no_memory(tmp_path: Path, pack: object) -> None:
    """300 MB of blocks of a category that is passed over, in a small archive."""
    assert callable(pack)
    path = write(tmp_path, pack(ref.block(250, bytes(65_000)) * 4600))
    assert path.stat().st_size < 1_500_000
    tracemalloc.start()
    try:
        assert sum(int(piece.stop[0]) for piece in pieces(open_container(path), 1 << 20)) > 290_000_000
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_archives_that_are_not_read(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="compressed twice"):
        open_container(write(tmp_path, gzip.compress(gzip.compress(BLOCK))))
    with pytest.raises(FormatError, match="empty once it is unpacked"):
        open_container(write(tmp_path, gzip.compress(b"")))


@pytest.mark.parametrize("trailer", [b"\xff", b"\x00" * 10, b"\x30\x00\x40" + bytes(7), b"\xfa" * 30])
def test_what_a_network_appends_is_counted_and_costs_nothing(tmp_path: Path, trailer: bytes) -> None:
    found = read(write(tmp_path, ref.pcap([BLOCK + trailer, BLOCK])), SOURCES)
    assert found.plots.n == 2 and not found.statistics.errors and found.statistics.trailers == 1
    plain = read(write(tmp_path, BLOCK + trailer), SOURCES)
    assert plain.plots.n == 1 and plain.statistics.errors and plain.statistics.trailers == 0


def test_a_block_cut_off_is_no_trailer(tmp_path: Path) -> None:
    long = ref.block(48, *[ref.plot()] * 3)
    found = read(write(tmp_path, ref.pcap([BLOCK + long[:-4]])), SOURCES)
    assert list(found.statistics.errors) == ["block longer than what holds it"] and found.statistics.trailers == 0


def test_recorded_gps_files() -> None:
    found = inspect(ref.recording("network_5radars_8s.gps"))
    assert found.container == "gps" and found.datagrams == 1718 and not found.statistics.errors
    assert found.categories[48].records == 770 and found.categories[1].blocks == 944
    assert {sic for sac, sic in found.categories[48].sources if sac == 20} == {1, 4, 7, 9, 11}
    crossing = inspect(ref.recording("midnight_cross.gps")).categories[10]
    assert crossing.records == 5 and crossing.span_s < 1
