"""Every recording of the data folder decodes to the counts that are known of it."""

from __future__ import annotations

import pytest

import reference_asterix as ref
from farwatch.formats.asterix import inspect
from farwatch.formats.asterix.sequence import Sequence
from farwatch.formats.asterix.statistics import Statistics

# Records by category; CAT021 of bcn_cat021 is 7,565 in edition 2.1, of which 2.7 loses 234.
COUNTS = {
    "bcn_cat048_1h.ast": ("raw", {48: 44_085}),
    "lebl_smr_cat010_2h_midnight.ast": ("raw", {10: 77_345}),
    "lebl_mlat_cat020_2h_midnight.ast": ("raw", {20: 69_933, 19: 7_381}),
    "lebl_adsb_cat021_ed023_2h_midnight.ast": ("raw", {21: 49_330}),
    "bcn_cat021_ed21_4min.ast": ("raw", {21: 7_565, 23: 58}),
    "network_5radars_8s.gps": ("gps", {48: 770, 1: 1_534, 2: 66, 8: 10, 19: 2, 20: 10, 34: 5}),
    "network_7radars_dual.pcap": ("pcap", {48: 128, 34: 34}),
    "uis_cat048_23min.pcap": ("pcap", {48: 1_640, 34: 5_936}),
    "midnight_cross.gps": ("gps", {10: 5}),
    "cat_062_065.pcap": ("pcap", {62: 2, 65: 1}),
    "cat_001_002.pcap": ("pcap", {1: 7, 2: 1}),
}
EDITIONS = {"lebl_adsb_cat021_ed023_2h_midnight.ast": {21: "0.23"}, "bcn_cat021_ed21_4min.ast": {21: "2.1"}}


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name: str) -> None:
    kind, counts = COUNTS[name]
    found = inspect(ref.recording(name))
    assert found.container == kind
    assert found.statistics.by_category == counts
    assert not found.statistics.errors and not found.statistics.skipped and not found.statistics.trailers
    assert {number: c.edition for number, c in found.categories.items() if c.edition != c.newest} == EDITIONS.get(
        name, {}
    )


@pytest.mark.parametrize("name", COUNTS)
def test_records_in_sequence(name: str) -> None:
    """All of them, each at its place, in time, with a source."""
    sequence = Sequence(ref.recording(name), editions=EDITIONS.get(name))
    counts: dict[int, int] = {}
    for records in sequence:
        number = records.table.category
        counts[number] = counts.get(number, 0) + records.n
        assert (records.source >= 0).all()
        places = records.piece.places(records.where[:, 0])
        assert (places[1:] > places[:-1]).all()
        if number not in (2, 8, 19, 65):
            assert (abs(records.time_ns[1:] - records.time_ns[:-1]) < 3600 * 10**9).all(), number
    assert counts == COUNTS[name][1]
    assert sequence.statistics.errors == Statistics().errors


def test_midnight_is_crossed_once() -> None:
    sequence = Sequence(ref.recording("lebl_smr_cat010_2h_midnight.ast"))
    days = [set((records.time_ns // (86_400 * 10**9)).tolist()) for records in sequence]
    assert set().union(*days) == {0, 1} and days[0] == {0} and 1 in days[-1]


def test_no_recording_is_left_out() -> None:
    assert {path.name for path in ref.data_folder().iterdir() if path.is_file()} <= set(COUNTS)
