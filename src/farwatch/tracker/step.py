"""Step: one sensor's slice of data through the whole filter. This is the algorithm; each line is a file."""

from __future__ import annotations

import numpy as np

from farwatch.association.belief import marginals
from farwatch.association.clusters import find_clusters
from farwatch.kernels import kernel
from farwatch.sensors import measurement_table, sort_plots
from farwatch.tracker.clutter import count_clutter, learn_clutter, plot_densities
from farwatch.tracker.correct import gate, update
from farwatch.tracker.lifecycle import give_birth, merge_duplicates, settle
from farwatch.tracker.looks import look


@kernel
def step(tracks, hypotheses, slots, beams, clutter, echoes, plots, model, sensor, options, motion, next_id, until_ns):  # type: ignore[no-untyped-def]
    """Predict, gate, associate, update and settle the tracks that `sensor` has looked at by `until_ns`.

    The tables are changed in place; `slots` are free rows, one for every plot. Returns which plots are done with
    (those of clusters that the beam has not passed are not), the rows of the tracks looked at, the next track number.
    """
    false, birth = plot_densities(clutter, echoes, plots, model, options)
    table = measurement_table(model, plots)
    in_bands = sort_plots(model, plots.z)
    looks = look(tracks, hypotheses, model, beams, sensor, motion, options, in_bands, until_ns)
    candidates = gate(looks, tracks, hypotheses, plots, table, model, false, birth, options.chi2_gate)
    clusters = find_clusters(candidates.look, candidates.plot, len(plots.time_ns), looks.passed, looks.overdue)
    events = marginals(candidates, clusters, looks.existence, looks.detection, len(plots.time_ns))
    done, used = update(tracks, hypotheses, looks, candidates, events, clusters, plots, table, model, sensor, motion)
    count_clutter(clutter, echoes, plots, used, looks, events, tracks, hypotheses, model, options.memory_scans)
    learn_clutter(clutter, beams, model, sensor, until_ns, options.memory_scans)
    merge_duplicates(tracks, hypotheses, looks, candidates, clusters, done)
    next_id = settle(tracks, hypotheses, looks, candidates, done, options, motion, beams.rotation_s[sensor], next_id)
    give_birth(tracks, hypotheses, slots, plots, table, used, events, false, birth, model, sensor, options, motion)
    return used, hypotheses.track[looks.hypothesis[np.flatnonzero(done)]], next_id
