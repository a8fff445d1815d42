"""The journal: everything received, in arrival order, as it went into the merge. What is kept of a live night."""

from __future__ import annotations

from farwatch.journal.entries import Advance, Datagrams, Entry, Flush, Input, Push, decode_group, encode_group
from farwatch.journal.reader import Head, Journal, Position, is_journal
from farwatch.journal.segments import JOURNAL_VERSION, scan_frames

__all__ = [
    "JOURNAL_VERSION",
    "Advance",
    "Datagrams",
    "Entry",
    "Flush",
    "Head",
    "Input",
    "Journal",
    "Position",
    "Push",
    "decode_group",
    "encode_group",
    "is_journal",
    "scan_frames",
]
