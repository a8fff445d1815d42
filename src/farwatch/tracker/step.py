"""Step: one sensor's slice of data through the whole filter. This is the algorithm; each line is a file."""

from __future__ import annotations

import numpy as np

from farwatch.association.belief import marginals
from farwatch.association.clusters import find_clusters
from farwatch.association.exact import solve_exactly
from farwatch.kernels import kernel
from farwatch.sensors import sort_plots
from farwatch.sensors.measurement import measurement_table
from farwatch.tracker.births import unseen_births, with_births
from farwatch.tracker.branches import branch
from farwatch.tracker.clutter import count_clutter, learn_clutter, plot_densities
from farwatch.tracker.correct import update
from farwatch.tracker.gate import gate
from farwatch.tracker.ghosts import find_ghosts
from farwatch.tracker.lifecycle import give_birth, merge_duplicates, settle
from farwatch.tracker.looks import look


@kernel
def step(  # type: ignore[no-untyped-def]
    tracks, hypotheses, slots, beams, learned, plots, model, radar, sensor, options, motion, next_id, until_ns
):
    """Predict, gate, associate, update and settle the tracks that `sensor` has looked at by `until_ns`.

    The tables are changed in place, and what has been `learned` of the sensor (`Learned`); `slots` are free rows, one
    for every plot. Returns which plots are done with (those of clusters that the beam has not passed are not), the rows
    of the tracks looked at, the next track number.
    """
    clutter, echoes, detections, ghosts = learned
    false, anywhere = plot_densities(clutter, echoes, plots, model, radar, options)
    table = measurement_table(plots, *model.variances)
    unseen = unseen_births(options.births, clutter, model, beams.rotation_s[sensor], options.hazard, motion)
    density = with_births(false, anywhere, unseen, plots, table, model, radar, options.chi2_gate)
    in_bands = sort_plots(model, plots.z)
    looks = look(tracks, hypotheses, model, radar, beams, detections, sensor, motion, options, in_bands, until_ns)
    candidates = gate(
        looks, tracks, hypotheses, plots, table, model, radar, motion, in_bands, density, options.chi2_gate
    )
    clusters = find_clusters(candidates.look, candidates.plot, len(plots.time_ns), looks.passed, looks.overdue)
    events = marginals(candidates, clusters, looks.existence, looks.detection, len(plots.time_ns))
    if options.exact_plots > 0:
        solve_exactly(candidates, clusters, looks.existence, looks.detection, events, options.exact_plots)
    branched = branch(
        tracks, hypotheses, slots, looks, candidates, events, clusters, plots, table, model, radar, sensor
    )
    done, used = update(
        tracks, hypotheses, looks, candidates, events, clusters, plots, table, model, radar, detections, sensor, motion
    )
    count_clutter(clutter, echoes, plots, density, used, looks, events, tracks, hypotheses, model, options.memory_scans)
    learn_clutter(clutter, beams, model, sensor, until_ns, options.memory_scans)
    if options.merge_duplicates:
        merge_duplicates(tracks, hypotheses, looks, candidates, clusters, done)
    next_id = settle(
        tracks, hypotheses, looks, candidates, done, model, options, motion, beams.rotation_s[sensor], next_id
    )
    rotation_s = beams.rotation_s[sensor]
    fresh = find_ghosts(ghosts, plots, used, events, density, in_bands, tracks, model, radar, sensor, rotation_s)
    free = slots[branched:]
    give_birth(
        tracks,
        hypotheses,
        free,
        plots,
        table,
        used,
        fresh,
        events,
        unseen,
        density,
        model,
        radar,
        sensor,
        options,
        motion,
    )
    return used, hypotheses.track[looks.hypothesis[np.flatnonzero(done)]], next_id
