"""Candidates to marginal weights: gating, clusters, and the associators that return `Events`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class Pmb(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="pmb"):
    """Track-oriented Poisson multi-Bernoulli filter with belief propagation (Williams 2015).

    Clusters of several tracks and at most `exact_plots` plots are solved exactly instead; time grows as 2 to its power.
    Aircraft that fly together may have changed plots: the likeliest way counts or, with `coalesce`, the mean of all.
    """

    gate_probability: Annotated[float, Meta(gt=0.5, lt=1)] = 0.9995
    exact_plots: Annotated[int, Meta(ge=0, le=16)] = 0
    coalesce: bool = False


Association = Pmb

__all__ = ["Association", "Pmb"]
