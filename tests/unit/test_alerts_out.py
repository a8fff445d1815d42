"""CAT004 as libasterix reads it."""

from __future__ import annotations

import numpy as np
import pytest

import encoding
import reference_asterix as ref
from farwatch.errors import FormatError
from farwatch.formats.asterix.alerts_out import AlertKind, Alerts, AlertStatus, Source, alert_records, make_alerts
from farwatch.formats.asterix.encode import Encoded
from farwatch.formats.asterix.fields import ABSENT
from farwatch.formats.asterix.table import editions
from farwatch.plots import pack_callsign

DAY_NS = 86_400 * 10**9
NOON_NS = 20_454 * DAY_NS + DAY_NS // 2
SOURCE = Source((1, 201), ((1, 200), (1, 199)))
COMMON = {"010/SAC": 1, "010/SIC": 201, "020": 43_200 * 128}


def conflict(n: int = 1) -> Alerts:
    """Every column said."""
    return make_alerts(
        n,
        time_ns=NOON_NS + np.arange(n) * 10**9,
        kind=AlertKind.STCA,
        alert=17 + np.arange(n),
        status=AlertStatus.ACTIVE,
        track_1=4001,
        track_2=4002,
        conflict_s=40.0,
        closest_s=95.25,
        horizontal_m=18_520.0,
        closest_horizontal_m=2_000.5,
        vertical_m=304.8,
        closest_vertical_m=7.62,
        major=1,
        fast_lateral_divergence=0,
        fast_vertical_divergence=1,
        crossed=0,
        diverging=1,
        severe=1,
        probability=0.805,
        duration_s=12.0,
        area="TSA 22A",
    )


@pytest.mark.parametrize("edition", editions(4))
def test_a_conflict(edition: str) -> None:
    (found,) = encoding.read_by_libasterix(4, edition, alert_records(conflict(), SOURCE, edition))
    said = {"000": 7, "040": 17, "045/STAT": 1, "030": 4001, "035": 4002}
    said |= {"070/TC": 40 * 128, "070/TCA": round(95.25 * 128), "070/CHS": 37_040, "070/MHS": 4001}
    said |= {"070/CVS": 40, "070/MVS": 1, "120/CN/TYPE": 1, "120/CN/FLD": 0, "120/CN/FVD": 1, "120/CN/CROSS": 0}
    said |= {"120/CN/DIV": 1, "120/CC/CS": 1, "120/CP": 161, "120/CD": 12 * 128, "100/AN": pack_callsign("TSA 22A")}
    assert {path: found.get(path) for path in COMMON | said} == COMMON | said


def test_whose_tracks_are_meant() -> None:
    content = alert_records(conflict(3), SOURCE).data.tobytes()
    parsed = ref.libasterix_records(ref.libasterix_edition(4, "1.13"), content)
    assert parsed and len(parsed) == 3
    for _, _, record in parsed:
        found = [(int(one["SAC"]), int(one["SIC"])) for one in ref.repetitions(record, "015")]
        assert found == [(1, 200), (1, 199)]


def test_what_is_not_said_is_not_written() -> None:
    alive = make_alerts(1, time_ns=[NOON_NS], kind=[AlertKind.ALIVE])
    (found,) = encoding.read_by_libasterix(4, "1.13", alert_records(alive, Source((1, 201))))
    assert found == COMMON | {"000": 1}
    over = make_alerts(1, time_ns=NOON_NS, kind=AlertKind.END_OF_CONFLICT, alert=17, track_1=4001, status=0)
    (found,) = encoding.read_by_libasterix(4, "1.13", alert_records(over, Source((1, 201))))
    assert {path: found[path] for path in ("000", "040", "030", "045/STAT")} == {
        "000": 17,
        "040": 17,
        "030": 4001,
        "045/STAT": 0,
    }
    assert alert_records(make_alerts(0), SOURCE).n == 0


def test_what_cannot_be_said() -> None:
    past = conflict()._replace(conflict_s=np.array([-3.0]), closest_horizontal_m=np.array([40_000.0]))
    records: Encoded = alert_records(past, SOURCE)
    assert records.clamped == {"070/TC": 1, "070/MHS": 1}
    with pytest.raises(FormatError, match="needs a time and a kind"):
        alert_records(conflict()._replace(kind=np.array([ABSENT])), SOURCE)
    with pytest.raises(FormatError, match="030 of record 0 is 65536"):
        alert_records(conflict()._replace(track_1=np.array([65_536])), SOURCE)
    with pytest.raises(TypeError, match="no columns"):
        make_alerts(1, colour=3)
