"""Evaluation: tracks against truth, one file a measure."""

from __future__ import annotations

from farwatch.evaluation.evaluate import Evaluation, Figures, evaluate, rows

__all__ = ["Evaluation", "Figures", "evaluate", "rows"]
