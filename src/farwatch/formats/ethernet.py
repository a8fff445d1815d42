"""From captured packets to the UDP payloads in them (RFC 791, 8200, 768; IEEE 802.1Q; libpcap's link types)."""

from __future__ import annotations

import numpy as np

from farwatch.formats.fragments import KEY, add_fragment, total_bytes
from farwatch.kernels import kernel

SKIPS = (
    "no IP packet",
    "no UDP datagram",
    "packet captured only in part",
    "damaged headers",
    "unknown link type",
)
N_SKIPS = len(SKIPS)
FRAGMENTS_LOST = "IP fragments without the rest of their datagram"
_NO_IP, _NO_UDP, _PARTIAL, _DAMAGED, _LINK = -1, -2, -3, -4, -5

_IPV4, _IPV6 = 0x0800, 0x86DD
_VLAN, _SERVICE_VLAN, _OLD_VLAN = 0x8100, 0x88A8, 0x9100
_UDP = 17
_FRAME_HEADER = 6
SMALLEST_DATAGRAM = 9  # bytes that one can take: a frame header and an empty block
_FIRST_HALF = 0x1FFF  # of the IPv4 flags and offset
_MORE = 0x2000
_HOP_BY_HOP, _ROUTING, _FRAGMENT_HEADER, _DESTINATION = 0, 43, 44, 60
_NULL, _ETHERNET, _RAW_IP, _LOOPBACK, _COOKED, _COOKED_2 = 0, 1, 101, 108, 113, 276


@kernel
def _big(data, p, size):  # type: ignore[no-untyped-def]
    value = np.int64(0)
    for k in range(size):
        value = value << 8 | np.int64(data[p + k])
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
        if p + 20 > stop:
            return _DAMAGED
        kind = _big(data, p, 2)
        if kind in (_IPV4, _IPV6):
            return p + 20
        if kind not in (_VLAN, _SERVICE_VLAN, _OLD_VLAN):
            return _NO_IP
        p += 22
    else:
        return _LINK
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
def _ip_payload(data, p, stop, key):  # type: ignore[no-untyped-def]
    """(start, stop, offset, more) of the UDP part of the IP packet at p; start is a negative skip where there is none.

    A fragment fills key (KEY,); offset is -1 where the packet is none.
    """
    if p >= stop:
        return _DAMAGED, 0, -1, False
    version = data[p] >> 4
    if version == 4:
        if p + 20 > stop:
            return _DAMAGED, 0, -1, False
        header = int(data[p] & 15) * 4
        total = _big(data, p + 2, 2)
        if total == 0:  # left to the network card by the sender
            total = stop - p
        if header < 20 or total < header:
            return _DAMAGED, 0, -1, False
        if data[p + 9] != _UDP:
            return _NO_UDP, 0, -1, False
        if p + total > stop:
            return _PARTIAL, 0, -1, False
        flags = _big(data, p + 6, 2)
        if flags & (_MORE | _FIRST_HALF):
            key[:] = 0
            key[0], key[1] = 4, _UDP
            for k in range(2):
                key[2 + k] = data[p + 4 + k]
            for k in range(8):
                key[6 + k] = data[p + 12 + k]
            return p + header, p + total, (flags & _FIRST_HALF) * 8, flags & _MORE != 0
        return p + header, p + total, -1, False
    if version != 6:
        return _NO_IP, 0, -1, False
    if p + 40 > stop:
        return _DAMAGED, 0, -1, False
    first = p
    end = p + 40 + _big(data, p + 4, 2)
    following = int(data[p + 6])
    p += 40
    offset, more = -1, False
    while following in (_HOP_BY_HOP, _ROUTING, _DESTINATION, _FRAGMENT_HEADER):
        if p + 8 > stop:
            return _DAMAGED, 0, -1, False
        if following == _FRAGMENT_HEADER:
            flags = _big(data, p + 2, 2)
            key[0], key[1] = 6, _UDP
            for k in range(4):
                key[2 + k] = data[p + 4 + k]
            for k in range(32):
                key[6 + k] = data[first + 8 + k]
            following = int(data[p])
            p += 8
            offset, more = flags & 0xFFF8, flags & 1 != 0
            break
        following = int(data[p])
        p += 8 * (int(data[p + 1]) + 1)
    if following != _UDP:
        return _NO_UDP, 0, -1, False
    if end > stop:
        return _PARTIAL, 0, -1, False
    if p > end:
        return _DAMAGED, 0, -1, False
    return p, end, (-1 if offset == 0 and not more else offset), more


@kernel
def _udp_payload(data, p, end):  # type: ignore[no-untyped-def]
    """(start, stop) of the payload of the UDP datagram data[p:end]; start is a negative skip where it is damaged."""
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
def find_datagrams(data, packets, n_packets, fragments, extra, moved, start, stop, received_ns, port, skips):  # type: ignore[no-untyped-def]
    """Fills start, stop, received_ns, port (UDP destination) with the UDP payloads of packets (n, 4).

    skips (5,): counts by reason, in the order of SKIPS. A datagram out of fragments is put into `extra`: its start and
    stop count from len(data), and moved (rows, 2) takes its start and where in `data` its last fragment ends.
    Returns (datagrams, those in `extra`, bytes of `extra`).
    """
    n, n_moved, used = 0, 0, 0
    key = np.zeros(KEY, np.uint8)
    for k in range(n_packets):
        first, end, offset, more = _ip_start(data, packets[k, 0], packets[k, 1], packets[k, 3]), np.int64(0), -1, False
        if first >= 0:
            first, end, offset, more = _ip_payload(data, first, packets[k, 1], key)
        if first < 0:
            skips[-1 - first] += 1
            continue
        if offset >= 0:
            row = add_fragment(fragments, key, data, first, end, offset, more)
            if row < 0:
                continue
            begin, finish = _udp_payload(fragments.content[row], np.int64(0), total_bytes(fragments, row))
            if begin < 0:
                skips[-1 - begin] += 1
                continue
            size = finish - begin
            if size == 0 or used + size > len(extra):
                continue
            for byte in range(size):
                extra[used + byte] = fragments.content[row, begin + byte]
            start[n] = len(data) + used
            stop[n] = len(data) + used + size
            moved[n_moved, 0] = start[n]
            moved[n_moved, 1] = end
            received_ns[n] = packets[k, 2]
            port[n] = _big(fragments.content[row], 2, 2)
            n_moved += 1
            used += size
            n += 1
            continue
        udp = first
        first, end = _udp_payload(data, udp, end)
        if first < 0:
            skips[-1 - first] += 1
            continue
        if end == first:
            continue
        # Some recorders put a header before each block; a datagram that is all such frames is taken apart.
        frames = _frames(data, first, end)
        for _ in range(max(1, frames)):
            start[n] = first + _FRAME_HEADER if frames else first
            stop[n] = first + _big(data, first, 2) if frames else end
            received_ns[n] = packets[k, 2]
            port[n] = _big(data, udp + 2, 2)
            first = stop[n]
            n += 1
    return n, n_moved, used
