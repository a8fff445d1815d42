"""Probability of detection, learned by range from what confirmed tracks have met."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from farwatch.kernels import kernel
from farwatch.plots import Floats
from farwatch.tracker.clutter import ROWS

PRIOR_LOOKS = 20.0  # what the configured probability is worth in each row
MEMORY_LOOKS = 2000.0
LEAST, MOST = 0.2, 0.95  # never certain: the misses of real radars come in runs


class DetectionMap(NamedTuple):
    """Looks at confirmed tracks in coverage, and how many of them gave a plot, by rows of v (ROWS,)."""

    looks: Floats
    hits: Floats


def make_detection_map(detection: float) -> DetectionMap:
    """A map that starts from the configured probability."""
    return DetectionMap(np.full(ROWS, PRIOR_LOOKS), np.full(ROWS, PRIOR_LOOKS * detection))


@kernel
def row_of(model, v):  # type: ignore[no-untyped-def]
    """Row of the map at v."""
    return min(max(int(v / model.span_v * ROWS), 0), ROWS - 1)


@kernel
def detection_at(detections, model, v):  # type: ignore[no-untyped-def]
    """Probability of a plot at v in coverage: learned where the sensor's clutter is learned too, else configured."""
    if not model.learns_clutter:
        return model.detection
    r = row_of(model, v)
    return min(max(detections.hits[r] / detections.looks[r], LEAST), MOST)


@kernel
def learn_detection(detections, model, v, seen):  # type: ignore[no-untyped-def]
    """Count one look at v that gave the track's plot with probability `seen`."""
    r = row_of(model, v)
    if detections.looks[r] >= MEMORY_LOOKS:
        detections.looks[r] *= 0.5
        detections.hits[r] *= 0.5
    detections.looks[r] += 1.0
    detections.hits[r] += seen
