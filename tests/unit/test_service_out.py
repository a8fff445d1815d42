"""CAT063 and CAT065 as libasterix reads them."""

from __future__ import annotations

import numpy as np
import pytest

import encoding
from farwatch.errors import FormatError
from farwatch.formats.asterix.service_out import (
    Condition,
    Registration,
    System,
    SystemState,
    end_of_batch,
    sensor_status,
    service_report,
    system_status,
)
from farwatch.formats.asterix.table import editions, load_table

DAY_NS = 86_400 * 10**9
NOON_NS = 20_454 * DAY_NS + DAY_NS // 2
SYSTEM = System(1, 200, 3)
NOON = {"010/SAC": 1, "010/SIC": 200, "015": 3, "030": 43_200 * 128}


@pytest.mark.parametrize("edition", editions(65))
def test_what_the_system_says_of_itself(edition: str) -> None:
    status = system_status(NOON_NS, SYSTEM, SystemState.DEGRADED, overloaded=True, edition=edition)
    said = {"000": 1, "040/NOGO": 1, "040/OVL": 1, "040/TSV": 0, "040/PSS": 0}
    (found,) = encoding.read_by_libasterix(65, edition, status)
    assert {path: found[path] for path in (NOON | said)} == NOON | said
    (found,) = encoding.read_by_libasterix(65, edition, end_of_batch(NOON_NS, SYSTEM, 257, edition))
    assert found == NOON | {"000": 2, "020": 1}
    (found,) = encoding.read_by_libasterix(65, edition, service_report(NOON_NS, SYSTEM, 9, edition))
    assert found == NOON | {"000": 3, "050": 9}


def test_a_clock_that_is_not_to_be_trusted() -> None:
    (found,) = encoding.read_by_libasterix(
        65, "1.6", system_status(NOON_NS, SYSTEM, SystemState.OPERATIONAL, time_valid=False)
    )
    assert (found["040/TSV"], found["040/NOGO"]) == (1, 0)


@pytest.mark.parametrize("edition", editions(63))
def test_what_it_says_of_its_sensors(edition: str) -> None:
    nan = np.nan
    registration = Registration(
        np.array([1e-4, nan, nan]), np.array([92.6, -185.2, nan]), np.array([np.radians(-0.11), nan, nan])
    )
    sources, conditions = (
        [(1, 10), (1, 11), (2, 1)],
        [Condition.OPERATIONAL, Condition.DEGRADED, Condition.NOT_CONNECTED],
    )
    records = sensor_status(NOON_NS, SYSTEM, sources, conditions, registration, edition)
    found = encoding.read_by_libasterix(63, edition, records)
    assert [(one["050/SAC"], one["050/SIC"]) for one in found] == sources
    assert [one["060/CON"] for one in found] == [0, 1, 3]
    assert all(one.items() >= NOON.items() for one in found)
    # 1e-4 is 10 steps of 1e-5; 92.6 m is 0.05 NM, 6.4 steps of 1/128; -0.11 deg is -20.02 steps.
    assert [(one.get("080/SRG"), one.get("080/SRB"), one.get("081")) for one in found] == [
        (10, 6, -20),
        (0, -13, None),
        (None, None, None),
    ]
    table = load_table(63, edition)
    assert encoding.read_back(table, sensor_status(NOON_NS, SYSTEM, sources, conditions), ["060/CON"]).shape == (3, 1)


def test_sources_that_do_not_fit_are_refused() -> None:
    with pytest.raises(FormatError, match="CAT063 050/SIC of record 0 is 256"):
        sensor_status(NOON_NS, SYSTEM, [(1, 256)], [Condition.OPERATIONAL])
    with pytest.raises(FormatError, match="CAT065 050 of record 0 is 256"):
        service_report(NOON_NS, SYSTEM, 256)
