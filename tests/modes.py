"""Mode S messages made for tests, in plain Python from the definitions, and how receivers send them."""

from __future__ import annotations

import math

GENERATOR = 0x1FFF409


def parity(message: bytes) -> int:
    """The 24 bits of parity of a message without its own."""
    bits = int.from_bytes(message, "big") << 24
    for k in range(8 * len(message) + 23, 23, -1):
        if bits >> k & 1:
            bits ^= GENERATOR << (k - 24)
    return bits


def with_parity(message: bytes, address: int = 0) -> bytes:
    """A message with its parity, which holds an address where the format says so."""
    return message + (parity(message) ^ address).to_bytes(3, "big")


def squitter(address: int, content: int, form: int = 17, control: int = 5) -> bytes:
    """An extended squitter (DF17, DF18) with 56 bits of content."""
    return with_parity(bytes([form << 3 | control]) + address.to_bytes(3, "big") + content.to_bytes(7, "big"))


def zones(lat_deg: float) -> int:
    """NL by the table's rule: the latitudes at which the count of zones changes (Doc 9871, C.2.6.2)."""
    for count in range(59, 1, -1):
        edge = math.degrees(math.acos(math.sqrt((1 - math.cos(math.pi / 30)) / (1 - math.cos(2 * math.pi / count)))))
        if abs(lat_deg) < edge:
            return count
    return 1


def folded(lat_deg: float, lon_deg: float, odd: int, surface: bool = False) -> tuple[int, int]:
    """The two numbers of 17 bits that stand for a place."""
    span = 90.0 if surface else 360.0
    height = span / (60 - odd)
    y = math.floor(2**17 * (lat_deg % height) / height + 0.5)
    seen = height * (y / 2**17 + math.floor(lat_deg / height))
    width = span / max(zones(seen) - odd, 1)
    x = math.floor(2**17 * (lon_deg % width) / width + 0.5)
    return y % 2**17, x % 2**17


def position(
    address: int, lat_deg: float, lon_deg: float, altitude_ft: int, odd: int, code: int = 11, **df: int
) -> bytes:
    """An airborne position with a pressure altitude in steps of 25 ft (a height by satellite where the code is 20)."""
    steps = (altitude_ft + 1000) // 25
    level = (steps >> 4) << 5 | 1 << 4 | steps & 15
    y, x = folded(lat_deg, lon_deg, odd)
    return squitter(address, code << 51 | level << 36 | odd << 34 | y << 17 | x, **df)


def surface_position(address: int, lat_deg: float, lon_deg: float, odd: int) -> bytes:
    """A position on the ground, at 10 kt, eastwards."""
    y, x = folded(lat_deg, lon_deg, odd, surface=True)
    return squitter(address, 7 << 51 | 25 << 44 | 1 << 43 | 32 << 36 | odd << 34 | y << 17 | x)


def velocity(address: int, east_kt: int, north_kt: int, climb_fpm: int = 0, above_ft: int = 0) -> bytes:
    """A ground velocity, and by how much the height by satellite is above the pressure altitude."""
    ew = (int(east_kt < 0) << 10) | (abs(east_kt) + 1)
    ns = (int(north_kt < 0) << 10) | (abs(north_kt) + 1)
    rate = (int(climb_fpm < 0) << 9) | (abs(climb_fpm) // 64 + 1)
    apart = (int(above_ft < 0) << 7) | (abs(above_ft) // 25 + 1)
    content = 19 << 51 | 1 << 48 | 2 << 43 | ew << 32 | ns << 21 | 1 << 20 | rate << 10 | apart
    return squitter(address, content)


def callsign(address: int, text: str) -> bytes:
    """An identification."""
    packed = 0
    for letter in text.ljust(8):
        packed = packed << 6 | (ord(letter) & 63)
    return squitter(address, 4 << 51 | 3 << 48 | packed)


def status(address: int, nacp: int, version: int = 2) -> bytes:
    """An operational status in flight, with SIL 3 and GVA 2."""
    return squitter(address, 31 << 51 | version << 13 | nacp << 8 | 2 << 6 | 3 << 4)


def all_call(address: int) -> bytes:
    """An all-call reply (DF11)."""
    return with_parity(bytes([11 << 3 | 5]) + address.to_bytes(3, "big"))


def beast(message: bytes, counter: int, signal: int = 0x80) -> bytes:
    """A frame of the Beast format."""
    kind = {2: 0x31, 7: 0x32, 14: 0x33}[len(message)]
    body = counter.to_bytes(6, "big") + bytes([signal]) + message
    return bytes([0x1A, kind]) + body.replace(b"\x1a", b"\x1a\x1a")


def avr(message: bytes, counter: int | None = None) -> bytes:
    """A line of the AVR format."""
    start = b"*" if counter is None else b"@" + counter.to_bytes(6, "big").hex().upper().encode()
    return start + message.hex().upper().encode() + b";\n"


Timed = list[tuple[float, bytes]]


def flight(
    address: int,
    seconds: int = 30,
    lat_deg: float = 47.0,
    lon_deg: float = 8.0,
    east_kt: int = 400,
    level_ft: int = 33_000,
) -> Timed:
    """Messages of one aircraft that flies east: (seconds, message), two positions a second."""
    out: Timed = [(0.0, all_call(address)), (0.05, callsign(address, "TEST1")), (0.1, status(address, 9))]
    for k in range(2 * seconds):
        t = 0.2 + 0.5 * k
        out.append((t, position(address, lat_deg, east_of(lat_deg, lon_deg, east_kt, t), level_ft, k % 2)))
        if k % 2 == 0:
            out.append((t + 0.1, velocity(address, east_kt, 0, 0, 500)))
    return out


def east_of(lat_deg: float, lon_deg: float, east_kt: float, seconds: float) -> float:
    """The longitude (deg) after some seconds."""
    return lon_deg + east_kt * 1852 / 3600 * seconds / (111_195 * math.cos(math.radians(lat_deg)))


def beast_stream(messages: Timed, start: int = 12_345_678) -> bytes:
    """What a receiver of 12 MHz sends of messages, in the order of their times."""
    return b"".join(beast(message, start + round(12e6 * t)) for t, message in sorted(messages, key=lambda one: one[0]))
