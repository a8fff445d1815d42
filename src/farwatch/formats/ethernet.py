"""From captured packets to the UDP payloads in them (RFC 791, 8200, 768; IEEE 802.1Q; libpcap's link types)."""

from __future__ import annotations

import numpy as np

from farwatch.kernels import kernel

PACKET_HEADER = 16
SKIPS = (
    "no IP packet",
    "no UDP datagram",
    "IP fragment (not put together)",
    "packet captured only in part",
    "damaged headers",
)
N_SKIPS = len(SKIPS)
_NO_IP, _NO_UDP, _FRAGMENT, _PARTIAL, _DAMAGED = -1, -2, -3, -4, -5

_IPV4, _IPV6 = 0x0800, 0x86DD
_VLAN, _SERVICE_VLAN, _OLD_VLAN = 0x8100, 0x88A8, 0x9100
_UDP = 17
_FRAME_HEADER = 6
SMALLEST_DATAGRAM = 9  # bytes that one can take: a frame header and an empty block
_HOP_BY_HOP, _ROUTING, _FRAGMENT_HEADER, _DESTINATION = 0, 43, 44, 60
_NULL, _ETHERNET, _RAW_IP, _LOOPBACK, _COOKED, _COOKED_2 = 0, 1, 101, 108, 113, 276


@kernel
def _big(data, p, size):  # type: ignore[no-untyped-def]
    value = np.int64(0)
    for k in range(size):
        value = value << 8 | np.int64(data[p + k])
    return value


@kernel
def _word(data, p, little):  # type: ignore[no-untyped-def]
    value = np.int64(0)
    for k in range(4):
        value = value << 8 | np.int64(data[p + 3 - k] if little else data[p + k])
    return value


@kernel
def _ip_start(data, p, stop, link):  # type: ignore[no-untyped-def]
    """Where the IP header starts in a captured packet, or a negative skip."""
    if link == _RAW_IP:
        return p
    if link in (_NULL, _LOOPBACK):
        return p + 4  # the address family is in the capturing machine's byte order; the IP version says the same
    if link == _ETHERNET:
        p += 12
    elif link == _COOKED:
        p += 14
    elif link == _COOKED_2:
        if p + 2 > stop:
            return _DAMAGED
        kind = _big(data, p, 2)
        return p + 20 if kind in (_IPV4, _IPV6) else _NO_IP
    while True:
        if p + 2 > stop:
            return _DAMAGED
        kind = _big(data, p, 2)
        p += 2
        if kind in (_VLAN, _SERVICE_VLAN, _OLD_VLAN):
            p += 2
        elif kind in (_IPV4, _IPV6):
            return p
        else:
            return _NO_IP


@kernel
def _udp_payload(data, p, stop):  # type: ignore[no-untyped-def]
    """(start, stop) of the UDP payload of the IP packet at p; start is a negative skip where there is none."""
    if p >= stop:
        return _DAMAGED, 0
    version = data[p] >> 4
    if version == 4:
        if p + 20 > stop:
            return _DAMAGED, 0
        header = int(data[p] & 15) * 4
        total = _big(data, p + 2, 2)
        if total == 0:  # left to the network card by the sender
            total = stop - p
        if header < 20 or total < header:
            return _DAMAGED, 0
        if _big(data, p + 6, 2) & 0x3FFF:
            return _FRAGMENT, 0
        if data[p + 9] != _UDP:
            return _NO_UDP, 0
        if p + total > stop:
            return _PARTIAL, 0
        end = p + total
        p += header
    elif version == 6:
        if p + 40 > stop:
            return _DAMAGED, 0
        end = p + 40 + _big(data, p + 4, 2)
        following = int(data[p + 6])
        p += 40
        while following in (_HOP_BY_HOP, _ROUTING, _DESTINATION):
            if p + 2 > stop:
                return _DAMAGED, 0
            following = int(data[p])
            p += 8 * (int(data[p + 1]) + 1)
        if following == _FRAGMENT_HEADER:
            return _FRAGMENT, 0
        if following != _UDP:
            return _NO_UDP, 0
        if end > stop:
            return _PARTIAL, 0
    else:
        return _NO_IP, 0
    if p + 8 > end:
        return _DAMAGED, 0
    length = _big(data, p + 4, 2)
    if length < 8 or p + length > end:
        return _DAMAGED, 0
    return p + 8, p + length


@kernel
def _frames(data, p, stop):  # type: ignore[no-untyped-def]
    """How many frames of length (2 bytes, of all), time stamp (4 bytes) and one ASTERIX block fill data[p:stop]."""
    n = 0
    while p < stop:
        if p + _FRAME_HEADER + 3 > stop:
            return 0
        length = _big(data, p, 2)
        if length != _FRAME_HEADER + _big(data, p + _FRAME_HEADER + 1, 2) or p + length > stop:
            return 0
        n += 1
        p += length
    return n


@kernel
def find_datagrams(data, little, tick_ns, link, largest, start, stop, received_ns, skips):  # type: ignore[no-untyped-def]
    """Fills start, stop, received_ns with the UDP payloads of the whole packets at the start of `data`.

    data: a piece of a PCAP file that starts at a packet header; tick_ns: ns in one step of its time fraction; skips
    (5,): counts by reason, in the order of SKIPS. Returns (datagrams, bytes used, True where a header is impossible).
    """
    n, p, size = 0, 0, len(data)
    while p + 16 <= size:
        seconds = _word(data, p, little)
        fraction = _word(data, p + 4, little)
        captured = _word(data, p + 8, little)
        if captured > largest:
            return n, p, True
        if p + 16 + captured > size:
            break
        first, end = _ip_start(data, p + 16, p + 16 + captured, link), np.int64(0)
        if first >= 0:
            first, end = _udp_payload(data, first, p + 16 + captured)
        if first < 0:
            skips[-1 - first] += 1
        elif end > first:
            # Some recorders put a header before each block; a datagram that is all such frames is taken apart.
            frames = _frames(data, first, end)
            for _ in range(max(1, frames)):
                start[n] = first + _FRAME_HEADER if frames else first
                stop[n] = first + _big(data, first, 2) if frames else end
                received_ns[n] = seconds * 1_000_000_000 + fraction * tick_ns
                first = stop[n]
                n += 1
        p += 16 + captured
    return n, p, False
