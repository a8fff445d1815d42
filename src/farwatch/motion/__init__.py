"""How aircraft move: one file a model, and the IMM that mixes them. The union is the registry."""

from __future__ import annotations

from farwatch.motion.imm import Imm

Motion = Imm

__all__ = ["Imm", "Motion"]
