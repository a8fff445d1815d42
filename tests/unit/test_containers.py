"""What recordings come packed in, and how each wrong file is refused."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest

import reference_asterix as ref
from farwatch.errors import FormatError
from farwatch.formats.containers import Piece, open_container, pieces
from reference_containers import payloads, write

BLOCK = ref.block(48, ref.plot())


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_pcap_of_either_byte_order_and_resolution(tmp_path: Path, order: str, nano: bool) -> None:
    path = write(tmp_path, ref.pcap([BLOCK, BLOCK * 2], order=order, nano=nano, first_s=1_700_000_000))
    assert open_container(path).kind == "pcap"
    found, received, skipped = payloads(path)
    assert found == [BLOCK, BLOCK * 2] and not skipped
    fraction = 500 if nano else 500_000
    assert received == [1_700_000_000 * 10**9 + fraction, 1_700_000_001 * 10**9 + fraction]


@pytest.mark.parametrize(
    ("link", "packet"),
    [
        (1, ref.ethernet(ref.ipv4(ref.udp(BLOCK)))),
        (1, ref.ethernet(ref.ipv4(ref.udp(BLOCK), padding=9))),
        (1, ref.ethernet(ref.ipv4(ref.udp(BLOCK), options=bytes(8)))),
        (1, ref.ethernet(ref.ipv4(ref.udp(BLOCK)), vlan=True)),
        (1, ref.ethernet(ref.ipv6(ref.udp(BLOCK)))),
        (1, ref.ethernet(ref.ipv6(ref.udp(BLOCK), hop_by_hop=True), vlan=True)),
        (101, ref.ipv4(ref.udp(BLOCK))),
        (101, ref.ipv6(ref.udp(BLOCK))),
        (12, ref.ipv4(ref.udp(BLOCK))),
        (0, b"\x02\0\0\0" + ref.ipv4(ref.udp(BLOCK))),
        (108, b"\0\0\0\x02" + ref.ipv4(ref.udp(BLOCK))),
        (113, bytes(14) + b"\x08\x00" + ref.ipv4(ref.udp(BLOCK))),
        (276, b"\x08\x00" + bytes(18) + ref.ipv4(ref.udp(BLOCK))),
        (1, ref.ethernet(ref.ipv4(ref.udp(struct.pack(">HI", len(BLOCK) + 6, 7) + BLOCK)))),
    ],
)
def test_links_and_headers(tmp_path: Path, link: int, packet: bytes) -> None:
    assert payloads(write(tmp_path, ref.pcap_file([packet], link)))[::2] == ([BLOCK], {})


def test_framed_blocks_are_taken_apart(tmp_path: Path) -> None:
    frame = struct.pack(">HI", len(BLOCK) + 6, 7) + BLOCK
    assert payloads(write(tmp_path, ref.pcap([frame * 3])))[0] == [BLOCK] * 3
    assert payloads(write(tmp_path, ref.pcap([frame * 2 + b"\0"])))[0] == [frame * 2 + b"\0"]


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (bytes(12) + b"\x08\x06" + bytes(28), "no IP packet"),
        (ref.ethernet(ref.ipv4(ref.udp(BLOCK), protocol=6)), "no UDP datagram"),
        (ref.ethernet(ref.ipv4(ref.udp(BLOCK)))[:-5], "packet captured only in part"),
        (ref.ethernet(ref.ipv4(ref.udp(BLOCK)))[:20], "damaged headers"),
        (ref.ethernet(ref.ipv6(ref.udp(BLOCK)))[:-1], "packet captured only in part"),
        (b"", "damaged headers"),
        (ref.ethernet(ref.ipv4(struct.pack(">HHHH", 1, 2, 7, 0))), "damaged headers"),
        (ref.ethernet(ref.ipv4(struct.pack(">HHHH", 1, 2, 900, 0))), "damaged headers"),
        (ref.ethernet(b"\x15" + bytes(30)), "no IP packet"),
    ],
)
def test_packets_without_a_datagram_are_counted(tmp_path: Path, packet: bytes, reason: str) -> None:
    good = ref.ethernet(ref.ipv4(ref.udp(BLOCK)))
    found, _, skipped = payloads(write(tmp_path, ref.pcap_file([good, packet, good], 1)))
    assert found == [BLOCK, BLOCK] and skipped == {reason: 1}


def test_a_capture_that_is_cut_off(tmp_path: Path) -> None:
    whole = ref.pcap([BLOCK, BLOCK])
    for cut in (1, 30, len(whole) - 24 - 80):
        found, _, skipped = payloads(write(tmp_path, whole[:-cut]))
        assert len(found) == (1 if cut < 100 else 0) or cut > 30
        assert skipped == {"capture cut off or damaged": 1}
    assert payloads(write(tmp_path, whole[:24]))[0] == []
    with pytest.raises(FormatError, match="cut off after 10 of 24"):
        open_container(write(tmp_path, whole[:10]))


def test_an_impossible_packet_length_ends_the_capture(tmp_path: Path) -> None:
    broken = ref.pcap([BLOCK]) + struct.pack("<IIII", 0, 0, 0xFFFFFFFF, 0) + bytes(500)
    found, _, skipped = payloads(write(tmp_path, broken))
    assert found == [BLOCK] and skipped == {"capture cut off or damaged": 1}


def test_pieces_of_a_capture_leave_nothing_out(tmp_path: Path) -> None:
    sent = [ref.block(48, *[ref.plot(k)] * (1 + k % 60)) for k in range(3000)]
    path = write(tmp_path, ref.pcap(sent))
    assert path.stat().st_size > 3 * (1 << 18)
    assert payloads(path, 1)[0] == sent


def test_pieces_of_a_plain_file_are_cut_between_blocks(tmp_path: Path) -> None:
    sent = b"".join(ref.block(48, bytes(k % 3000)) for k in range(1500))
    path = write(tmp_path, sent, "a.ast")
    found = [Piece(p.data[: p.stop[0]].copy(), *p[1:]) for p in pieces(open_container(path), 1)]
    assert len(found) > 3 and b"".join(bytes(p.data) for p in found) == sent
    assert [p.base for p in found] == np.cumsum([0] + [len(p.data) for p in found[:-1]]).tolist()
    for piece in found:
        assert sum(len(content) + 3 for _, content in ref.blocks_of_bytes(bytes(piece.data))) == len(piece.data)


def test_files_that_are_no_recording(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such file"):
        open_container(tmp_path / "none.ast")
    with pytest.raises(FormatError, match="is a folder"):
        open_container(tmp_path)
    with pytest.raises(FormatError, match="is empty"):
        open_container(write(tmp_path, b""))
    if os.geteuid() != 0:
        closed = write(tmp_path, b"abc", "closed.ast")
        closed.chmod(0)
        with pytest.raises(FormatError, match="cannot be read"):
            open_container(closed)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"BZh9" + bytes(30), "a.ast.bz2", "bunzip2"),
        (b"PK\x03\x04" + bytes(30), "a.zip", "unzip"),
        (ref.pcap_file([], 147), "a.pcap", "link type 147"),
    ],
)
def test_containers_that_are_not_read_say_what_to_do(tmp_path: Path, content: bytes, name: str, message: str) -> None:
    path = write(tmp_path, content, name)
    with pytest.raises(FormatError, match=message) as raised:
        list(pieces(open_container(path)))
    assert str(path) in str(raised.value)


def test_recorded_captures() -> None:
    found, received, skipped = payloads(ref.recording("uis_cat048_23min.pcap"))
    assert len(found) == 7576 and not skipped
    assert b"".join(found) == ref.plain_bytes(ref.recording("uis_cat048_23min.pcap"))
    assert (np.diff(received) >= 0).all()
