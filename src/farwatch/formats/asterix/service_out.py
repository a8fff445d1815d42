"""What a surveillance system says of its sensors (CAT063) and of itself (CAT065).

Item meanings: EUROCONTROL SPEC-0149-16 (CAT063) and SPEC-0149-15 (CAT065).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.formats.asterix.encode import Encoded, encode
from farwatch.formats.asterix.table import load_table
from farwatch.formats.asterix.time_of_day import ticks_of
from farwatch.plots import Floats, Ints

_NM_M = 1852.0


class Condition(IntEnum):
    """How a sensor is (I063/060, CON)."""

    OPERATIONAL = 0
    DEGRADED = 1
    INITIALISING = 2
    NOT_CONNECTED = 3


class SystemState(IntEnum):
    """How the system is (I065/040, NOGO)."""

    OPERATIONAL = 0
    DEGRADED = 1
    NOT_CONNECTED = 2
    UNKNOWN = 3


class System(NamedTuple):
    """Who reports: data source and service."""

    sac: int
    sic: int
    service: int


class Registration(NamedTuple):
    """Each sensor's estimated systematic errors, one row a sensor, NaN where there is no estimate.

    The range measured is the true one times 1 + range_gain, and range_bias_m more; the azimuth azimuth_bias_rad more.
    """

    range_gain: Floats
    range_bias_m: Floats
    azimuth_bias_rad: Floats


def sensor_status(
    time_ns: int,
    system: System,
    sources: Sequence[tuple[int, int]],
    conditions: Sequence[Condition],
    registration: Registration | None = None,
    edition: str | None = None,
) -> Encoded:
    """CAT063 records of one time, one a sensor, the sensors named by (SAC, SIC). Raises FormatError."""
    n = len(sources)
    columns = _system(system, np.full(n, time_ns)) | {
        "050/SAC": np.array([source[0] for source in sources], np.int64),
        "050/SIC": np.array([source[1] for source in sources], np.int64),
        "060/CON": np.array([int(condition) for condition in conditions], np.int64),
    }
    if registration is not None:
        known = ~np.isnan(registration.range_bias_m)
        gain = np.where(known, np.nan_to_num(registration.range_gain), np.nan)  # none estimated: none assumed
        columns |= {
            "080/SRG": gain,
            "080/SRB": registration.range_bias_m / _NM_M,
            "081": np.degrees(registration.azimuth_bias_rad),
        }
    return encode(load_table(63, edition), columns)


def system_status(
    time_ns: int,
    system: System,
    state: SystemState,
    *,
    overloaded: bool = False,
    time_valid: bool = True,
    edition: str | None = None,
) -> Encoded:
    """The CAT065 record that says how the system is (message type 1)."""
    return _message(
        time_ns,
        system,
        1,
        {"040/NOGO": int(state), "040/OVL": int(overloaded), "040/TSV": int(not time_valid)},
        edition,
    )


def end_of_batch(time_ns: int, system: System, batch: int, edition: str | None = None) -> Encoded:
    """The CAT065 record that ends a batch of tracks (message type 2); batch numbers go round at 256."""
    return _message(time_ns, system, 2, {"020": batch % 256}, edition)


def service_report(time_ns: int, system: System, report: int, edition: str | None = None) -> Encoded:
    """The CAT065 record of an event of the service (message type 3); `report` is the code of I065/050."""
    return _message(time_ns, system, 3, {"050": report}, edition)


def _message(time_ns: int, system: System, kind: int, items: dict[str, int], edition: str | None) -> Encoded:
    columns = _system(system, np.array([time_ns])) | {"000": np.array([kind])}
    return encode(load_table(65, edition), columns | {path: np.array([value]) for path, value in items.items()})


def _system(system: System, time_ns: Ints) -> dict[str, NDArray[Any]]:
    n = len(time_ns)
    return {
        "010/SAC": np.full(n, system.sac),
        "010/SIC": np.full(n, system.sic),
        "015": np.full(n, system.service),
        "030": ticks_of(time_ns),
    }
