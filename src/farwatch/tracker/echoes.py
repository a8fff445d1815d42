"""Fixed echoes: masts, wind turbines, coasts, which return plots at one place scan after scan.

They are far too sharp for the cells that clutter is learned in: a mast fills a thousandth of one, and its plots look
like an aircraft that stands still. So the places of the last unexplained primary plots are remembered, each cell of
about the radar's accuracy; one that has been met before is where the next false plot is to be expected. Aircraft do not
come back to a place.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from farwatch.kernels import kernel
from farwatch.plots import Floats, Ints, Kind

BUCKETS, WAYS = 8192, 4  # the places of some 30 scans with 1,000 false plots each
PRIMARY = int(Kind.PSR)
UNEXPLAINED = 0.5


class EchoMap(NamedTuple):
    """Places (BUCKETS, WAYS) of one sensor by their key, -1 where free: how often met of late, and when last."""

    key: Ints
    hits: Floats  # as of `last_ns`; fades
    last_ns: Ints


def make_echo_map() -> EchoMap:
    """A map that knows no echo."""
    shape = (BUCKETS, WAYS)
    return EchoMap(np.full(shape, -1, np.int64), np.zeros(shape), np.zeros(shape, np.int64))


@kernel
def key_of(u, v, cell_u, cell_v):  # type: ignore[no-untyped-def]
    """Key and bucket of the cell at gate coordinates u, v."""
    key = int(u / cell_u) * 4_000_000 + int(v / cell_v)
    return key, (key * 2_654_435_761 >> 7) % BUCKETS


@kernel
def echo_hits(echoes, u, v, cell_u, cell_v, time_ns, memory_ns):  # type: ignore[no-untyped-def]
    """How often the cell at u, v has been met within the memory, but for the first time."""
    key, bucket = key_of(u, v, cell_u, cell_v)
    for way in range(WAYS):
        if echoes.key[bucket, way] == key:
            age = (time_ns - echoes.last_ns[bucket, way]) / memory_ns
            return max(echoes.hits[bucket, way] * math.exp(-age) - 1.0, 0.0)
    return 0.0


@kernel
def remember_echo(echoes, u, v, cell_u, cell_v, time_ns, memory_ns):  # type: ignore[no-untyped-def]
    """Count a plot in the cell at u, v; in a full bucket the cell that has faded most makes room."""
    key, bucket = key_of(u, v, cell_u, cell_v)
    least, faintest = 0, 1e30
    for way in range(WAYS):
        left = 0.0
        if echoes.key[bucket, way] >= 0:
            left = echoes.hits[bucket, way] * math.exp(-(time_ns - echoes.last_ns[bucket, way]) / memory_ns)
        if echoes.key[bucket, way] == key:
            echoes.hits[bucket, way], echoes.last_ns[bucket, way] = left + 1.0, time_ns
            return
        if left < faintest:
            least, faintest = way, left
    echoes.key[bucket, least], echoes.hits[bucket, least], echoes.last_ns[bucket, least] = key, 1.0, time_ns
