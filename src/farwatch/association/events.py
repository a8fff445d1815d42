"""The one contract of association: candidates in, events with marginal weights out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farwatch.plots import Floats, Ints


class Looks(NamedTuple):
    """One row a hypothesis that one sensor has looked at: its state predicted to the look, for a radar the crossing."""

    hypothesis: Ints
    time_ns: Ints
    passed: NDArray[np.bool_]  # the beam has left the gate: a plot that is not there will not come
    overdue: NDArray[np.bool_]  # and that so long ago that its cluster is closed whatever the others wait for
    hidden: NDArray[np.bool_]  # in the cone of silence above the sensor
    detection: Floats  # probability of a plot, learned, by coverage
    v: Floats  # where, as the sensor gates (a radar: range, m); NaN outside its coverage
    existence: Floats
    next_due_ns: Ints  # before this time the same sensor cannot look again; 0 where that is not known
    again: NDArray[np.bool_]  # predicted anew with the agile models
    first: Ints  # (n + 1,) the plots in the window of look k are plot[first[k]:first[k + 1]]
    plot: Ints
    probability: Floats  # (n, MODES)
    mean: Floats  # (n, MODES, STATE)
    covariance: Floats  # (n, MODES, STATE, STATE)


class Candidates(NamedTuple):
    """One row a look's part in a possible event: a plot that it may belong to, alone or with others; ordered by look.

    `likelihood` is that of the plot given the hypothesis, over the density of plots from elsewhere (dimensionless).
    """

    plot: Ints
    look: Ints
    first: Ints  # (looks + 1,) the rows of look i are first[i]..first[i + 1]
    likelihood: Floats
    mode_likelihood: Floats  # (n, MODES) scaled by a common factor
    row: Ints  # of the measurement table: what the plot says of this look; the plot's own row where it is not merged
    event: Ints  # number in `Events`: several looks' rows name the event of a merged plot


class Events(NamedTuple):
    """What every associator returns: which tracks made which plot, with what probability.

    Event e says that plot[e] came from the looks look[start[e]:start[e + 1]], several where the plot is merged. The
    weights of a look's events and its `miss` sum to 1; a plot's and its `birth` (from no known track) sum to 1.
    """

    plot: Ints
    start: Ints  # (events + 1,)
    look: Ints
    weight: Floats
    miss: Floats  # (looks,)
    birth: Floats  # (plots,)


class Clusters(NamedTuple):
    """Looks and plots that compete with one another, directly or through others."""

    look: Ints  # (looks,) number of the cluster
    plot: Ints  # (plots,)
    closed: NDArray[np.bool_]  # (clusters,) the beam has passed every gate of the cluster
