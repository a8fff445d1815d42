"""Where batches come from: recordings and the simulator, all through one merge."""

from __future__ import annotations

from farwatch.sources.merge import Merge, merged
from farwatch.sources.replay import Replay
from farwatch.sources.simulated import Simulated

__all__ = ["Merge", "Replay", "Simulated", "merged"]
