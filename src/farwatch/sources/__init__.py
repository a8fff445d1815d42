"""Where batches come from: recordings, the simulator and live feeds, all through one merge."""

from __future__ import annotations

from farwatch.sources.feeds import Feed
from farwatch.sources.live import Live
from farwatch.sources.merge import Merge, MergeOptions, merged
from farwatch.sources.replay import Replay
from farwatch.sources.simulated import Simulated

__all__ = ["Feed", "Live", "Merge", "MergeOptions", "Replay", "Simulated", "merged"]
