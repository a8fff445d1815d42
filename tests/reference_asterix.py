"""The plain side of the ASTERIX tests: a small encoder, framing in pure Python, and what libasterix reads."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[1]

# Items in the order of their FSPEC bits, as the specifications list them; a dash is a spare bit. -1: a track of CAT001.
_ORDER = {
    48: "010 140 020 040 070 090 130 220 240 250 161 042 200 170 210 030 080 100 110 120 230 260 055 050 065 060 SP RE",
    34: "010 000 030 020 041 050 060 070 100 110 120 090 RE SP",
    2: "010 000 020 030 041 050 060 070 100 090 080 - SP RFS",
    1: "010 020 040 070 090 130 141 050 120 131 080 100 060 030 150 - - - - SP RFS",
    -1: "010 020 161 040 042 200 070 090 141 130 131 120 170 210 050 080 100 060 030 SP RFS 150",
}
UAP = {category: names.split() for category, names in _ORDER.items()}


def data_folder() -> Path:
    """The folder of recordings, or a skip that says why."""
    folder = Path(os.environ.get("FARWATCH_DATA", PROJECT.parent / "shared" / "data")) / "asterix"
    if not folder.is_dir():
        pytest.skip(f"the recordings are not here ({folder}); set FARWATCH_DATA")
    return folder


def recording(name: str) -> Path:
    path = data_folder() / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return path


def record(category: int, **items: bytes) -> bytes:
    """One record; items by name with a leading i: record(48, i010=b"..."). Category -1: a track of CAT001."""
    names = UAP[category]
    given = {name[1:]: content for name, content in items.items()}
    flags = [name in given for name in names]
    used = max((k for k, flag in enumerate(flags) if flag), default=0) // 7 + 1
    fspec = bytearray(used)
    for k, flag in enumerate(flags):
        if flag:
            fspec[k // 7] |= 128 >> (k % 7)
    for k in range(used - 1):
        fspec[k] |= 1
    return bytes(fspec) + b"".join(given[name] for name in names if name in given)


def block(category: int, *records: bytes) -> bytes:
    content = b"".join(records)
    return struct.pack(">BH", category, len(content) + 3) + content


def source(sac: int = 1, sic: int = 10) -> bytes:
    return bytes([sac, sic])


def time_of_day(seconds: float) -> bytes:
    return round(seconds * 128).to_bytes(3, "big")


def polar(range_nm: float, azimuth_deg: float) -> bytes:
    return struct.pack(">HH", round(range_nm * 256), round(azimuth_deg * 65536 / 360) % 65536)


def plot(seconds: float = 3600.0, range_nm: float = 50.0, azimuth_deg: float = 90.0, **items: bytes) -> bytes:
    """A CAT048 record with source, time, type (Mode S) and position; other items as given."""
    items.setdefault("i010", source())
    items.setdefault("i020", b"\xa0")
    return record(48, i140=time_of_day(seconds), i040=polar(range_nm, azimuth_deg), **items)


def sector(seconds: float, number: int, **items: bytes) -> bytes:
    """A CAT034 sector message."""
    items.setdefault("i010", source())
    return record(34, i000=b"\x02", i030=time_of_day(seconds), i020=bytes([number]), **items)


def pcap(datagrams: list[bytes], *, order: str = "<", nano: bool = False, first_s: int = 1_700_000_000) -> bytes:
    """A classic PCAP file: Ethernet, IPv4, UDP; one packet a second."""
    packets = [ethernet(ipv4(udp(payload))) for payload in datagrams]
    return pcap_file(packets, 1, order=order, nano=nano, first_s=first_s)


def pcap_file(
    packets: list[bytes], link: int, *, order: str = "<", nano: bool = False, first_s: int = 1_700_000_000
) -> bytes:
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    for k, packet in enumerate(packets):
        out += struct.pack(order + "IIII", first_s + k, 500, len(packet), len(packet)) + packet
    return out


def udp(payload: bytes) -> bytes:
    return struct.pack(">HHHH", 1000, 8600, len(payload) + 8, 0) + payload


def ipv4(content: bytes, *, options: bytes = b"", protocol: int = 17, fragment: int = 0, padding: int = 0) -> bytes:
    words = 5 + len(options) // 4
    head = struct.pack(
        ">BBHHHBBH4s4s", 64 + words, 0, 4 * words + len(content), 1, fragment, 9, protocol, 0, b"1", b"2"
    )
    return head + options + content + bytes(padding)


def ipv6(content: bytes, *, hop_by_hop: bool = False) -> bytes:
    extension = bytes([17, 0, 0, 0, 0, 0, 0, 0]) if hop_by_hop else b""
    head = struct.pack(">IHBB", 6 << 28, len(extension) + len(content), 0 if hop_by_hop else 17, 9)
    return head + bytes(32) + extension + content


def ethernet(packet: bytes, *, vlan: bool = False) -> bytes:
    kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
    return bytes(12) + (b"\x81\x00\x00\x05" if vlan else b"") + kind + packet


def blocks_of_bytes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(category, content) of each whole block."""
    p = 0
    while p + 3 <= len(data):
        length = int.from_bytes(data[p + 1 : p + 3], "big")
        if length < 3 or p + length > len(data):
            return
        yield data[p], data[p + 3 : p + length]
        p += length


def plain_bytes(path: Path) -> bytes:
    """The blocks of a recording one after another, whatever it is packed in (read here without the package)."""
    data = path.read_bytes()
    if data[:4] == b"\xd4\xc3\xb2\xa1":
        out, p = b"", 24
        while p + 16 <= len(data):
            size = struct.unpack_from("<I", data, p + 8)[0]
            udp_length = int.from_bytes(data[p + 16 + 38 : p + 16 + 40], "big")
            payload = data[p + 16 + 42 : p + 16 + 34 + udp_length]
            if int.from_bytes(payload[:2], "big") == int.from_bytes(payload[7:9], "big") + 6:
                while payload:
                    length = int.from_bytes(payload[:2], "big")
                    out, payload = out + payload[6:length], payload[length:]
            out, p = out + payload, p + 16 + size
        return out
    if path.suffix == ".gps":
        out, p = b"", 2200
        while p + 3 <= len(data):
            length = int.from_bytes(data[p + 1 : p + 3], "big")
            if length < 3 or p + length > len(data):
                break
            out, p = out + data[p : p + length], p + length + 10
        return out
    return data


def libasterix_edition(category: int, edition: str) -> Any:
    from asterix import generated

    wanted = tuple(int(part) for part in edition.split("."))
    return next(found for found in generated.manifest["CATS"][category] if found.cv_edition == wanted)


def libasterix_records(definition: Any, content: bytes) -> list[tuple[int, int, Any]] | None:
    """(start, stop, record) of the records of one block's content; None where libasterix refuses the block."""
    from asterix import base

    uap, bits = definition.cv_uap, base.Bits.from_bytes(content)
    found = []
    while len(bits):
        if issubclass(uap, base.UapSingle):
            result = uap.cv_record._parse(base.ParsingMode.StrictParsing, bits)
        else:
            result = _parse_choosing(uap, bits)
        if isinstance(result, ValueError):
            return None
        parsed, rest = result
        start, stop = len(content) - len(bits) // 8, len(content) - len(rest) // 8
        found.append((start, stop, parsed))
        bits = rest
    return found


def _parse_choosing(uap: Any, bits: Any) -> Any:
    """A record of a category with several profiles: CAT001 chooses by a bit of I001/020, CAT007 by I007/410."""
    from asterix import base

    (name,), cases = uap.cv_selector[0][:1], uap.cv_selector[1]
    for profile, record_class in uap.cv_uaps.items():
        result = record_class._parse(base.ParsingMode.StrictParsing, bits)
        if isinstance(result, ValueError):
            continue
        item = result[0].items_regular.get(name)
        bits_of = item.unparse() if item is not None else None
        if bits_of is not None and len(uap.cv_selector[0]) > 1:
            bits_of = bits_of.take(1)
        value = bits_of.to_uinteger() if bits_of is not None else 0
        if cases.get(value, profile) == profile:
            return result
    return ValueError("no profile fits")


def flatten(non_spare: Any) -> dict[str, int]:
    """Every number in an item as libasterix reads it: {path inside the item: integer, signed where it says so}."""
    rule = non_spare.arg
    variation = getattr(rule, "arg", None)
    return dict(_numbers(variation, "")) if variation is not None else {}


def repetitions(record: Any, path: str) -> list[dict[str, int]]:
    """The repetitions of an item or subfield as libasterix reads them, numbers unsigned; [] where it is not there.

    An explicit item is a list of its bytes.
    """
    from asterix import base

    name, _, sub = path.partition("/")
    item = record.items_regular.get(name)
    if item is not None and sub:
        item = item.arg.arg.arg.get(sub)
    if item is None:
        return []
    variation = item.arg.arg
    if isinstance(variation, base.Explicit):
        return [{"": byte} for byte in item.unparse().to_bytes()[1:]]
    return [dict(_numbers(one, "")) for one in variation.arg]


def _numbers(variation: Any, path: str) -> Iterator[tuple[str, int]]:
    from asterix import base

    if isinstance(variation, base.Element):
        content = getattr(variation.cv_rule, "cv_content", None) or variation.cv_rule.cv_default_content
        value, size = variation.as_uint(), len(variation.bs)
        if getattr(content, "cv_signedness", None) is base.Signed and value >> (size - 1):
            value -= 1 << size
        yield path, value
    elif isinstance(variation, base.Group):
        yield from _members(variation.arg, path)
    elif isinstance(variation, base.Extended):
        for part in variation.arg:
            yield from _members([member for member in part if member is not None], path)
    elif isinstance(variation, base.Compound):
        for name, item in variation.arg.items():
            inner = getattr(item.arg, "arg", None)
            if inner is not None:
                yield from _numbers(inner, f"{path}/{name}".lstrip("/"))


def _members(members: Any, path: str) -> Iterator[tuple[str, int]]:
    for member in members:
        if hasattr(member, "arg"):
            inner = getattr(member.arg.arg, "arg", None)
            if inner is not None:
                yield from _numbers(inner, f"{path}/{member.arg.cv_name}".lstrip("/"))
