"""Containers written plainly, for the tests: PCAPNG, recorders' frames, IP fragments."""

from __future__ import annotations

import struct
from itertools import pairwise
from pathlib import Path

from farwatch.formats.containers import open_container, pieces


def pcapng_block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def section(order: str = "<") -> bytes:
    return pcapng_block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link: int = 1, order: str = "<", *, resolution: int | None = None, offset_s: int | None = None) -> bytes:
    options = b""
    if resolution is not None:
        options += struct.pack(order + "HHB3x", 9, 1, resolution)
    if offset_s is not None:
        options += struct.pack(order + "HHq", 14, 8, offset_s)
    return pcapng_block(1, struct.pack(order + "HHI", link, 0, 65535) + options + bytes(4), order)


def enhanced(packet: bytes, ticks: int, number: int = 0, order: str = "<") -> bytes:
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(packet), len(packet))
    return pcapng_block(6, head + packet, order)


def simple(packet: bytes, order: str = "<") -> bytes:
    return pcapng_block(3, struct.pack(order + "I", len(packet)) + packet, order)


def fragments_v4(datagram: bytes, at: list[int], number: int = 77) -> list[bytes]:
    """IPv4 packets with the parts of `datagram` (a UDP header and payload), cut at multiples of 8."""
    cuts = [0, *at, len(datagram)]
    packets = []
    for first, stop in pairwise(cuts):
        flags = first // 8 | (0x2000 if stop < len(datagram) else 0)
        head = struct.pack(">BBHHHBBH4s4s", 69, 0, 20 + stop - first, number, flags, 9, 17, 0, b"1234", b"5678")
        packets.append(head + datagram[first:stop])
    return packets


def fragments_v6(datagram: bytes, at: list[int], number: int = 77) -> list[bytes]:
    cuts = [0, *at, len(datagram)]
    packets = []
    for first, stop in pairwise(cuts):
        extension = struct.pack(">BBHI", 17, 0, first | (1 if stop < len(datagram) else 0), number)
        head = struct.pack(">IHBB", 6 << 28, 8 + stop - first, 44, 9) + bytes(range(32))
        packets.append(head + extension + datagram[first:stop])
    return packets


def gps(blocks: list[bytes], first_s: float = 3600.0, step_s: float = 1.0, filling: bytes = b"\xcd") -> bytes:
    out = filling * 2200
    for k, block in enumerate(blocks):
        ticks = round((first_s + k * step_s) % 86_400 * 128)
        out += block + bytes(6) + ticks.to_bytes(3, "big") + b"\x15"
    return out


def final(datagrams: list[bytes], first_s: float = 3600.0, step_s: float = 1.0) -> bytes:
    out = b""
    for k, datagram in enumerate(datagrams):
        centi = round((first_s + k * step_s) % 86_400 * 100)
        out += struct.pack(">HBBB", len(datagram) + 12, 1, 2, 3) + centi.to_bytes(3, "big") + datagram + b"\xa5" * 4
    return out


def rff(datagrams: list[bytes], begin: bytes = b"2024-05-01 23:59:58", step_ms: int = 1000, order: str = "<") -> bytes:
    out = begin.ljust(20, b"\0") + b"2024-05-02 01:00:00".ljust(20, b"\0") + bytes(88)
    for k, datagram in enumerate(datagrams):
        out += struct.pack(order + "I", k * step_ms) + struct.pack("<H", len(datagram)) + datagram
    return out


def payloads(path: Path, chunk_bytes: int = 1 << 20) -> tuple[list[bytes], list[int], dict[str, int]]:
    """What `pieces` finds: the datagrams, when each was received, and how many packets were left out, by reason."""
    found: list[bytes] = []
    received: list[int] = []
    skipped: dict[str, int] = {}
    for piece in pieces(open_container(path), chunk_bytes):
        found += [bytes(piece.data[a:b]) for a, b in zip(piece.start, piece.stop)]
        received += piece.received_ns.tolist()
        for reason, count in piece.skipped.items():
            skipped[reason] = skipped.get(reason, 0) + count
    return found, received, skipped


def write(folder: Path, content: bytes, name: str = "a.pcap") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path
