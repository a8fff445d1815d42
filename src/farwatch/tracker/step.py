"""Step: one sensor's slice of data through the whole filter. This is the algorithm; each line is a file."""

from __future__ import annotations

from typing import NamedTuple

from farwatch.association.belief import marginals
from farwatch.association.exact import solve_exactly
from farwatch.association.nearest import nearest
from farwatch.kernels import kernel
from farwatch.plots import Floats, Ints
from farwatch.sensors import RADAR, sort_plots
from farwatch.sensors.measurement import measurement_table
from farwatch.sensors.pressure import use_pressure_field
from farwatch.tracker.admit import Admitted, admit, left_over
from farwatch.tracker.births import unseen_births, with_births
from farwatch.tracker.branches import branch
from farwatch.tracker.clutter import count_clutter, learn_clutter, plot_densities
from farwatch.tracker.company import common_edges, near_looks, together
from farwatch.tracker.correct import update
from farwatch.tracker.duplicates import merge_duplicates
from farwatch.tracker.gate import gate
from farwatch.tracker.ghosts import find_ghosts
from farwatch.tracker.groups import find_kept_clusters, keep_apart, put_summaries
from farwatch.tracker.lifecycle import expire, free_slots, give_birth, settle
from farwatch.tracker.looks import look
from farwatch.tracker.merged import with_common
from farwatch.tracker.report import columns, mark_ended, to_be_seen

ROWS_A_PLOT = 3  # free rows at hand: a plot may begin a track, and branch others


class Step(NamedTuple):
    """What one step leaves behind, besides what it has changed in place."""

    held: Admitted  # plots of clusters that the beam has not passed
    rows: Ints  # (n,) of the tracks looked at that are to be seen
    columns: tuple[Floats, Ints, Ints]  # of the picture, of these rows
    ended: Ints  # rows of tracks that have coasted for too long
    next_id: int


@kernel
def step(  # type: ignore[no-untyped-def]
    tracks,
    hypotheses,
    kept,
    beams,
    learned,
    pressure,
    counted,
    held,
    given,
    progress,
    model,
    radar,
    sensor,
    period_s,
    options,
    motion,
    next_id,
    until_ns,
    ending_ns,
):
    """Admit, predict, gate, associate, update, settle and report the tracks that `sensor` has looked at by `until_ns`.

    One call, for each array handed over costs time: plots `given` by all sensors and those `held` from before; the
    tables are changed in place, with what has been `learned` of the sensor (`Learned`), the `pressure` field and what
    is `counted` (`Counts`). Branches and births take the free rows of the tables, ROWS_A_PLOT for each plot, as far as
    they go; branches leave one for each plot's birth. The last step of a slice ends what has coasted for too long by
    `ending_ns` (of the others 0).
    """
    clutter, echoes, detections, ghosts, met = learned
    plots = admit(held, given, progress, beams, counted, met, sensor, model, until_ns)
    slots = free_slots(tracks, ROWS_A_PLOT * len(plots.time_ns), until_ns)
    false, anywhere = plot_densities(clutter, echoes, plots, model, radar, options)
    table = measurement_table(plots, *model.variances)
    if model.kind == RADAR:
        use_pressure_field(pressure, radar, plots, table)
    unseen = unseen_births(options.births, clutter, model, beams.rotation_s[sensor], options.hazard, motion)
    density = with_births(false, anywhere, unseen, plots, table, model, radar, options.chi2_gate)
    in_bands = sort_plots(model, plots.z)
    looks = look(
        tracks, hypotheses, model, radar, beams, detections, sensor, motion, options, in_bands, until_ns, counted
    )
    seen, cell, idle = near_looks(looks, tracks, hypotheses, model, radar)
    candidates = gate(
        looks, tracks, hypotheses, plots, table, model, radar, motion, in_bands, density, options.chi2_gate, idle
    )
    near = together(looks, candidates, tracks, hypotheses, cell, model)
    if options.nearest:
        near[:] = -1  # one plot a track
    edge_look, edge_plot = common_edges(candidates, seen, cell, model, in_bands)
    clusters = find_kept_clusters(tracks, hypotheses, kept, looks, edge_look, edge_plot, len(plots.time_ns), near)
    if options.nearest:
        events = nearest(candidates, clusters, looks.existence, looks.detection, len(plots.time_ns))
    else:
        events = marginals(candidates, clusters, looks.existence, looks.detection, len(plots.time_ns))
    if options.exact_plots > 0:
        solve_exactly(candidates, clusters, looks.existence, looks.detection, events, options.exact_plots)
    apart = keep_apart(
        tracks,
        hypotheses,
        kept,
        looks,
        candidates,
        events,
        clusters,
        near,
        plots,
        table,
        density,
        model,
        radar,
        motion,
        options,
    )
    candidates, events, table = with_common(
        candidates,
        edge_look,
        edge_plot,
        events,
        clusters,
        looks,
        tracks,
        hypotheses,
        seen,
        cell,
        near,
        plots,
        table,
        model,
        radar,
        density,
        options,
    )
    spare = slots[: max(len(slots) - len(plots.time_ns), 0)]
    branched = branch(
        tracks, hypotheses, spare, looks, candidates, events, clusters, apart, plots, table, model, radar, sensor
    )
    done, used = update(
        tracks, hypotheses, looks, candidates, events, clusters, plots, table, model, radar, detections, sensor, motion
    )
    put_summaries(apart, tracks, hypotheses, kept, looks)
    count_clutter(clutter, echoes, plots, density, used, looks, events, tracks, hypotheses, model, options.memory_scans)
    learn_clutter(clutter, beams, model, sensor, until_ns, options.memory_scans)
    if options.merge_duplicates:
        merge_duplicates(tracks, hypotheses, looks, candidates, events, clusters, cell, done)
    next_id = settle(
        tracks, hypotheses, looks, candidates, done, model, options, motion, beams.rotation_s[sensor], next_id
    )
    rotation_s = beams.rotation_s[sensor]
    fresh = find_ghosts(
        ghosts, counted, plots, used, events, density, in_bands, tracks, model, radar, sensor, rotation_s
    )
    free, about = slots[branched:], (model, radar, sensor, options, motion, counted)
    give_birth(tracks, hypotheses, free, plots, table, used, fresh, events, unseen, density, *about)
    rows = to_be_seen(tracks, hypotheses, looks, done)
    told = columns(tracks, rows, tracks.time_ns, tracks.mean, tracks.covariance, rows, period_s, model.flat)
    mark_ended(tracks, rows, told[1])
    ended = expire(tracks, ending_ns, options.coast_ns) if ending_ns else rows[:0].copy()
    return Step(left_over(plots, used), rows, told, ended, next_id)
