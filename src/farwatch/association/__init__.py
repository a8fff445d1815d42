"""Candidates to marginal weights: gating, clusters, and the associators that return `Events`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class Pmb(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="pmb"):
    """Track-oriented Poisson multi-Bernoulli filter with belief propagation (Williams 2015)."""

    gate_probability: Annotated[float, Meta(gt=0.5, lt=1)] = 0.9995


Association = Pmb

__all__ = ["Association", "Pmb"]
