"""Picture: the immutable output of the tracker, geodetic, with accuracy and the sensors that contributed."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.plots import N_TECHNOLOGIES, NO_CALLSIGN, Floats, Ints


class Status(IntEnum):
    """Where a track stands in its life."""

    TENTATIVE = 0
    CONFIRMED = 1
    COASTING = 2
    ENDED = 3


class Picture(NamedTuple):
    """n track states, one row each, at `time_ns` of the row; `until_ns` is the watermark that they answer to."""

    until_ns: int
    time_ns: Ints
    track: Ints
    status: NDArray[np.uint8]
    lat_deg: Floats  # in the flat frame: y_m, north
    lon_deg: Floats  # in the flat frame: x_m, east
    height_wgs84_m: Floats
    pressure_altitude_m: Floats  # NaN where never reported
    ground_speed_mps: Floats
    track_angle_deg: Floats
    vertical_rate_mps: Floats
    sigma_horizontal_m: Floats  # distance root mean square: the square root of the summed horizontal variances
    sigma_height_m: Floats
    sigma_east_m: Floats
    sigma_north_m: Floats
    correlation_east_north: Floats  # of the errors of position
    sigma_v_east_mps: Floats
    sigma_v_north_mps: Floats
    sigma_vertical_rate_mps: Floats
    existence: Floats
    address: NDArray[np.int32]
    mode_a: NDArray[np.int16]
    callsign: Ints
    flight_plan: Ints  # callsign of the flight plan that the track is of, NO_CALLSIGN where none is known
    sensors: Ints  # bit k: sensor k contributed within the last two of its scans
    plot: Ints  # id of the plot that weighed most in this update, -1 where none (a coasted scan)
    heard_ns: Ints  # (n, N_TECHNOLOGIES) the last detection by each Technology; 0: never, or not known

    @property
    def n(self) -> int:
        return len(self.time_ns)

    @property
    def flight(self) -> Ints:
        """The callsign that the aircraft says, else that of its flight plan."""
        return np.where(self.callsign == NO_CALLSIGN, self.flight_plan, self.callsign)

    def take(self, rows: Any) -> Picture:
        """The rows given by an index array, mask or slice."""
        return Picture(self.until_ns, *(column[rows] for column in self[1:]))


# The columns of measured quantities, in the public order of files; NaN where absent.
MEASURES = (
    "lat_deg",
    "lon_deg",
    "height_wgs84_m",
    "pressure_altitude_m",
    "ground_speed_mps",
    "track_angle_deg",
    "vertical_rate_mps",
    "sigma_horizontal_m",
    "sigma_height_m",
    "sigma_east_m",
    "sigma_north_m",
    "correlation_east_north",
    "sigma_v_east_mps",
    "sigma_v_north_mps",
    "sigma_vertical_rate_mps",
    "existence",
)


def make_picture(n: int) -> Picture:
    """n rows of zeros."""
    ints, floats = np.zeros(n, np.int64), np.zeros(n)
    return Picture(
        until_ns=0,
        time_ns=ints,
        track=ints,
        status=np.zeros(n, np.uint8),
        lat_deg=floats,
        lon_deg=floats,
        height_wgs84_m=floats,
        pressure_altitude_m=floats,
        ground_speed_mps=floats,
        track_angle_deg=floats,
        vertical_rate_mps=floats,
        sigma_horizontal_m=floats,
        sigma_height_m=floats,
        sigma_east_m=floats,
        sigma_north_m=floats,
        correlation_east_north=floats,
        sigma_v_east_mps=floats,
        sigma_v_north_mps=floats,
        sigma_vertical_rate_mps=floats,
        existence=floats,
        address=np.zeros(n, np.int32),
        mode_a=np.zeros(n, np.int16),
        callsign=ints,
        flight_plan=ints,
        sensors=ints,
        plot=ints,
        heard_ns=np.zeros((n, N_TECHNOLOGIES), np.int64),
    )


def concat_pictures(parts: Sequence[Picture]) -> Picture:
    """One picture out of several (at least one), rows in the order given; the last one's watermark."""
    columns = (np.concatenate(column) for column in zip(*(part[1:] for part in parts), strict=True))
    return Picture(parts[-1].until_ns, *columns)
