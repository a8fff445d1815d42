"""Step: one sensor's slice of data through the whole filter. This is the algorithm; each line is a file."""

from __future__ import annotations

import numpy as np

from farwatch.association.belief import marginals
from farwatch.association.clusters import find_clusters
from farwatch.association.gate import sort_into_bands
from farwatch.kernels import kernel
from farwatch.sensors.radar import measurement_table
from farwatch.tracker.clutter import count_clutter, learn_clutter, plot_densities
from farwatch.tracker.correct import gate, update
from farwatch.tracker.lifecycle import give_birth, merge_duplicates, settle
from farwatch.tracker.looks import look


@kernel
def step(tracks, hypotheses, slots, beams, clutter, plots, radar, sensor, options, motion, next_id, until_ns):  # type: ignore[no-untyped-def]
    """Predict, gate, associate, update and settle the tracks that the beam of `sensor` has reached by `until_ns`.

    The tables are changed in place; `slots` are free rows, one for every plot. Returns which plots are done with
    (those of clusters that the beam has not passed are not), the rows of the tracks looked at, the next track number.
    """
    false, birth = plot_densities(clutter, plots, radar, options.births_per_scan, options.aircraft_at_start)
    table = measurement_table(radar, plots)
    in_bands = sort_into_bands(plots.z[:, 1], plots.z[:, 0], plots.z[:, 2])
    looks = look(tracks, hypotheses, radar, beams, sensor, motion, options, in_bands, until_ns)
    candidates = gate(looks, tracks, hypotheses, plots, table, radar, false, birth, options.chi2_gate)
    clusters = find_clusters(candidates.look, candidates.plot, len(plots.time_ns), looks.passed, looks.overdue)
    events = marginals(candidates, clusters, looks.existence, looks.detection, len(plots.time_ns))
    done, used = update(tracks, hypotheses, looks, candidates, events, clusters, plots, table, radar, sensor, motion)
    count_clutter(clutter, plots, used, events.birth, radar.max_range_m)
    learn_clutter(clutter, beams, sensor, until_ns, options.memory_scans)
    merge_duplicates(tracks, hypotheses, looks, candidates, clusters, done)
    next_id = settle(tracks, hypotheses, looks, done, options, motion, beams.rotation_s[sensor], next_id)
    give_birth(tracks, hypotheses, slots, plots, table, used, events, false, birth, radar, sensor, options, motion)
    return used, hypotheses.track[looks.hypothesis[np.flatnonzero(done)]], next_id
