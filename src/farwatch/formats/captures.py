"""Packets of capture files: classic PCAP (libpcap's savefile format) and PCAPNG (draft-ietf-opsawg-pcapng)."""

from __future__ import annotations

import numpy as np

from farwatch.kernels import kernel

NO_TIME = -(2**63)
LARGEST_PACKET = 1 << 18  # what capture programs write at most; more means a broken header
SMALLEST_PACKET = 12  # bytes of the file that one takes at least: the shortest block of a PCAPNG file
N_INTERFACES = 256
RAW_IP = 101
RAW_LINKS = (12, 14, 228, 229)  # other numbers for "the packet starts with its IP header"

_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 0x0A0D0D0A, 1, 2, 3, 6
_RESOLUTION, _OFFSET = 9, 14  # options of an interface
_SECOND_NS = 1_000_000_000
_LAST_SECOND = 1 << 33  # no clock is set beyond the year 2242


@kernel
def word(data, p, size, little):  # type: ignore[no-untyped-def]
    """An unsigned number of `size` bytes."""
    value = np.int64(0)
    for k in range(size):
        value = value << 8 | np.int64(data[p + size - 1 - k] if little else data[p + k])
    return value


@kernel
def find_packets(data, little, tick_ns, link, packets):  # type: ignore[no-untyped-def]
    """Fills packets (n, 4) start, stop, ns, link from a piece of a PCAP file that starts at a packet header.

    tick_ns: ns in one step of the time fraction. Returns (packets, bytes used, True where a header is impossible).
    """
    n, p = 0, 0
    while p + 16 <= len(data):
        captured = word(data, p + 8, 4, little)
        if captured > LARGEST_PACKET:
            return n, p, True
        if p + 16 + captured > len(data):
            break
        packets[n, 0] = p + 16
        packets[n, 1] = p + 16 + captured
        packets[n, 2] = word(data, p, 4, little) * _SECOND_NS + word(data, p + 4, 4, little) * tick_ns
        packets[n, 3] = link
        n += 1
        p += 16 + captured
    return n, p, False


@kernel
def _time_ns(high, low, resolution, offset_s):  # type: ignore[no-untyped-def]
    """ns of a PCAPNG time stamp in the resolution of its interface (its top bit set: a power of 2, else of 10)."""
    power = resolution & 127
    if high >> 31:
        return NO_TIME
    ticks = high << 32 | low
    if resolution & 128:
        if power > 62:
            return NO_TIME
        seconds = ticks >> power
        rest = ticks & ((np.int64(1) << power) - 1)
        fraction = rest * _SECOND_NS >> power if power <= 32 else (rest >> (power - 32)) * _SECOND_NS >> 32
    else:
        if power > 18:
            return NO_TIME
        per_second = np.int64(1)
        for _ in range(power):
            per_second *= 10
        seconds = ticks // per_second
        rest = ticks % per_second
        fraction = rest * (_SECOND_NS // per_second) if power <= 9 else rest // (per_second // _SECOND_NS)
    seconds += offset_s
    if seconds < 0 or seconds > _LAST_SECOND:
        return NO_TIME
    return seconds * _SECOND_NS + fraction


@kernel
def _add_interface(data, p, stop, little, state, interfaces):  # type: ignore[no-untyped-def]
    """Takes the link, resolution and offset of the interface block whose body is data[p:stop]."""
    k = state[1]
    state[1] += 1
    if k >= N_INTERFACES:
        return
    link = word(data, p, 2, little)
    interfaces[k, 0] = RAW_IP if link in RAW_LINKS else link
    interfaces[k, 1] = 6  # microseconds
    interfaces[k, 2] = 0
    p += 8
    while p + 4 <= stop:
        code, size = word(data, p, 2, little), word(data, p + 2, 2, little)
        p += 4
        if code == 0 or p + size > stop:
            return
        if code == _RESOLUTION and size >= 1:
            interfaces[k, 1] = data[p]
        elif code == _OFFSET and size >= 8:
            interfaces[k, 2] = word(data, p, 8, little)
        p += (size + 3) // 4 * 4


@kernel
def find_packets_ng(data, state, interfaces, packets):  # type: ignore[no-untyped-def]
    """The same from a piece of a PCAPNG file that starts at a block.

    state (2,): 1 where the section is little-endian, interfaces in it so far; interfaces (256, 3): link, resolution,
    offset in s. Both are kept up to date. Bytes used may lie beyond `data`: a long block without packets is skipped.
    """
    n, p, size = 0, 0, len(data)
    while p + 12 <= size:
        little = state[0] == 1
        kind = word(data, p, 4, little)
        if kind == _SECTION:
            magic = word(data, p + 8, 4, False)
            if magic != 0x1A2B3C4D and magic != 0x4D3C2B1A:
                return n, p, True
            little = magic == 0x4D3C2B1A
            state[0] = little
            state[1] = 0
        length = word(data, p + 4, 4, little)
        if length < 12 or length % 4 != 0:
            return n, p, True
        of_packet = kind in (_PACKET, _OLD_PACKET, _SIMPLE_PACKET)
        if of_packet or kind == _INTERFACE:
            if length > LARGEST_PACKET:
                return n, p, True
            if p + length > size:
                break
        if kind == _INTERFACE:
            if length < 20:
                return n, p, True
            _add_interface(data, p + 8, p + length - 4, little, state, interfaces)
        elif of_packet:
            first = p + 12 if kind == _SIMPLE_PACKET else p + 28
            if first > p + length - 4:
                return n, p, True
            if kind == _SIMPLE_PACKET:
                interface, captured = np.int64(0), word(data, p + 8, 4, little)
                captured = min(captured, p + length - 4 - first)
            else:
                interface = word(data, p + 8, 4 if kind == _PACKET else 2, little)
                captured = word(data, p + 20, 4, little)
            if first + captured > p + length - 4:
                return n, p, True
            packets[n, 0] = first
            packets[n, 1] = first + captured
            packets[n, 2] = NO_TIME
            packets[n, 3] = -1
            if interface < min(state[1], N_INTERFACES):
                packets[n, 3] = interfaces[interface, 0]
                if kind != _SIMPLE_PACKET:
                    high, low = word(data, p + 12, 4, little), word(data, p + 16, 4, little)
                    packets[n, 2] = _time_ns(high, low, interfaces[interface, 1], interfaces[interface, 2])
            n += 1
        p += length
    return n, p, False
