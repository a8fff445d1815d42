"""Predict, gate, associate, update, lifecycle: the tracker and its options."""

from __future__ import annotations

from farwatch.tracker.options import TrackerOptions
from farwatch.tracker.smoother import Smoother
from farwatch.tracker.tracker import Tracker

__all__ = ["Smoother", "Tracker", "TrackerOptions"]
