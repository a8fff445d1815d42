"""Two networks that carry the same blocks: one copy of each goes on, told by its content."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

WINDOW_S = 2.0  # how far the networks may be apart
_MOST = 200_000  # blocks that are remembered at most


class Copies:
    """Lets a block pass as often as the network that has brought it most often: so copies go, true repeats stay."""

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self._window_ns = round(window_s * 1e9)
        self._seen: OrderedDict[bytes, tuple[int, dict[str, int]]] = (
            OrderedDict()
        )  # digest -> first ns, count by network

    def passed(self, data: bytes, network: str, received_ns: int) -> tuple[bytes, int]:
        """The blocks of a datagram that are no copies, and how many were. What is no block goes with the last."""
        kept, copies = [], 0
        start, size = 0, len(data)
        while start < size:
            length = int.from_bytes(data[start + 1 : start + 3], "big") if start + 3 <= size else 0
            stop = start + length if 3 <= length <= size - start else size
            block = data[start:stop]
            if self._is_copy(block, network, received_ns):
                copies += 1
            else:
                kept.append(block)
            start = stop
        return (data if not copies else b"".join(kept)), copies

    def _is_copy(self, block: bytes, network: str, received_ns: int) -> bool:
        self._forget(received_ns)
        key = hashlib.blake2b(block, digest_size=16).digest()
        if key not in self._seen:
            self._seen[key] = received_ns, {network: 1}
            return False
        counts = self._seen[key][1]
        counts[network] = counts.get(network, 0) + 1
        return counts[network] <= max((n for other, n in counts.items() if other != network), default=0)

    def _forget(self, received_ns: int) -> None:
        while self._seen:
            first_ns = next(iter(self._seen.values()))[0]
            if received_ns - first_ns <= self._window_ns and len(self._seen) < _MOST:
                return
            self._seen.popitem(last=False)
