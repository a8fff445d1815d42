"""How aircraft move: one file a model, and the IMM that mixes them. The union is the registry."""

from __future__ import annotations

from farwatch.motion.constant_velocity import Cv
from farwatch.motion.imm import Imm, ImmModel, imm_model

Motion = Imm | Cv


def motion_model(options: Motion) -> ImmModel:
    """Compile the options for the kernels; `cv` is the one model of tentative tracks, kept for life."""
    if isinstance(options, Cv):
        return imm_model(Imm(q_tentative=options.q, q_vertical_tentative=options.q_vertical))._replace(modes=1)
    return imm_model(options)


__all__ = ["Cv", "Imm", "Motion", "motion_model"]
