"""The interpreter's settings while the web side runs beside the tracker in one process.

Measured at 30,000 tracks with 20 clients and a REST hammer (benchmarks/service.py): a full garbage collection walks all
objects of all libraries and holds every thread for 60 to 140 ms; a thread that wants the interpreter gets it only after
the 5 ms that it may be held.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable

SWITCH_S = 0.001


def settle() -> Callable[[], None]:
    """Take what is there now out of garbage collection and let threads switch sooner; what is returned undoes it."""
    before_s = sys.getswitchinterval()
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(min(SWITCH_S, before_s))

    def undo() -> None:
        sys.setswitchinterval(before_s)
        gc.unfreeze()

    return undo
