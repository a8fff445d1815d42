"""UDP datagrams -> a classic PCAP file (Ethernet, IPv4), as a capture of a network would hold them.

Times are to the nanosecond; checksums are right, so that dissectors have nothing to complain of.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path

from farwatch.errors import FarwatchError

PORT = 8600
GROUP = "239.1.1.1"
_MAGIC_NS, _ETHERNET, _IPV4, _UDP = 0xA1B23C4D, 1, 0x0800, 17
_SOURCE = "192.0.2.1"  # of the addresses kept for documentation (RFC 5737)
_LARGEST = 65_507


def write_pcap(
    path: str | os.PathLike[str],
    datagrams: Sequence[bytes],
    time_ns: Sequence[int],
    *,
    address: str = GROUP,
    port: int = PORT,
) -> None:
    """One packet a datagram, sent to `address` and `port` at its time (int ns UTC). Raises `FarwatchError`."""
    try:
        to = IPv4Address(address)
    except ValueError:
        raise FarwatchError(f"{address}: is no IPv4 address; give one such as {GROUP}") from None
    if not 0 < port < 65_536:
        raise FarwatchError(f"UDP port {port}: give one from 1 to 65535")
    too_long = next((k for k, datagram in enumerate(datagrams) if len(datagram) > _LARGEST), None)
    if too_long is not None:
        raise FarwatchError(f"{path}: datagram {too_long} of {len(datagrams[too_long])} bytes fits no UDP packet")
    parts = [struct.pack("<IHHiIII", _MAGIC_NS, 2, 4, 0, 0, 262_144, _ETHERNET)]
    for datagram, at_ns in zip(datagrams, time_ns, strict=True):
        frame = _ethernet(to) + _ip_and_udp(datagram, to, port)
        seconds, fraction = divmod(int(at_ns), 1_000_000_000)
        parts += [struct.pack("<IIII", seconds, fraction, len(frame), len(frame)), frame]
    try:
        Path(path).write_bytes(b"".join(parts))
    except OSError as error:
        raise FarwatchError(f"{path}: cannot be written ({error.strerror or error})") from None


def _ethernet(to: IPv4Address) -> bytes:
    """Addresses and type; a multicast group has a hardware address of its own (RFC 1112)."""
    group = b"\x01\x00\x5e" + struct.pack(">I", int(to) & 0x7FFFFF)[1:]
    hardware = group if to.is_multicast else b"\x02\x00" + to.packed
    return hardware + b"\x02\x00" + IPv4Address(_SOURCE).packed + struct.pack(">H", _IPV4)


def _ip_and_udp(payload: bytes, to: IPv4Address, port: int) -> bytes:
    source, size = IPv4Address(_SOURCE).packed, len(payload) + 8
    pseudo = source + to.packed + struct.pack(">BBH", 0, _UDP, size)
    udp = struct.pack(">HHHH", port, port, size, 0)
    udp = udp[:6] + struct.pack(">H", _checksum(pseudo + udp + payload) or 0xFFFF) + payload
    head = struct.pack(">BBHHHBBH", 0x45, 0, size + 20, 0, 0x4000, 16, _UDP, 0) + source + to.packed
    return head[:10] + struct.pack(">H", _checksum(head)) + head[12:] + udp


def _checksum(data: bytes) -> int:
    """The one's complement of the one's complement sum of 16-bit words (RFC 1071)."""
    data += b"\x00" * (len(data) % 2)
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
