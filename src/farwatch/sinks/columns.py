"""The public columns of tracks: a Picture as an Arrow table, nulls in place of what is absent."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from farwatch.picture import MEASURES, Picture, Status
from farwatch.plots import NO_ADDRESS, NO_MODE_A
from farwatch.recording import callsigns, nullable

_STATUS = pa.array([status.name.lower() for status in Status])


def track_table(picture: Picture, sensors: tuple[str, ...]) -> pa.Table:
    """One row a track and update or coasted scan; `sensors` are the ids that bits of `Picture.sensors` stand for."""
    columns: dict[str, pa.Array] = {
        "time_ns": pa.array(picture.time_ns),
        "track": pa.array(picture.track),
        "status": pa.DictionaryArray.from_arrays(pa.array(picture.status.astype(np.int8)), _STATUS).cast(pa.string()),
    }
    for name in MEASURES:
        values = getattr(picture, name)
        columns[name] = nullable(values, np.isnan(values))
    columns["address"] = nullable(picture.address.astype(np.uint32), picture.address == NO_ADDRESS)
    columns["mode_a"] = nullable(picture.mode_a, picture.mode_a == NO_MODE_A)
    columns["callsign"] = callsigns(picture.callsign)
    columns["flight_plan"] = callsigns(picture.flight_plan)
    masks, where = np.unique(picture.sensors, return_inverse=True)
    lists = [[name for bit, name in enumerate(sensors) if int(mask) >> bit & 1] for mask in masks]
    columns["sensors"] = pa.array(lists, pa.list_(pa.string())).take(pa.array(where))
    return pa.table(columns)
