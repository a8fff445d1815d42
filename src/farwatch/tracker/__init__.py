"""Predict, gate, associate, update, lifecycle: the tracker and its options."""

from __future__ import annotations

from farwatch.tracker.options import TrackerOptions
from farwatch.tracker.tracker import Tracker

__all__ = ["Tracker", "TrackerOptions"]
