"""However data arrives, the slices are the same."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from farwatch.plots import Batch, Plots, concat_plots, make_plots, make_progress
from farwatch.sources import Merge, MergeOptions, merged

SECOND = 10**9


def data(seed: int, n: int) -> Plots:
    rng = np.random.default_rng(seed)
    time_ns = 1_700_000_000 * SECOND + np.sort(rng.integers(0, 60 * SECOND, n))
    return make_plots(n, id=np.arange(n), time_ns=time_ns, measured=3)


def slices(chunks: list[Plots], wait_s: float = 1.0) -> tuple[list[Batch], int]:
    merge = Merge(1 / 3, MergeOptions(wait_s))
    return list(merged([(chunk, make_progress(0)) for chunk in chunks], merge, 0.0)), merge.late


def signature(batches: list[Batch]) -> list[tuple[int, list[int]]]:
    return [(batch.until_ns, batch.plots.id.tolist()) for batch in batches]


@given(st.integers(0, 10**6), st.integers(1, 120), st.data())
def test_chunks_and_small_disorder_change_nothing(seed: int, n: int, draw: st.DataObject) -> None:
    plots = data(seed, n)
    whole, late = slices([plots])
    assert late == 0
    # Every plot arrives up to 0.9 s late, in chunks cut anywhere.
    delay = draw.draw(st.lists(st.integers(0, 9 * SECOND // 10), min_size=n, max_size=n))
    arrived = plots.take(np.argsort(plots.time_ns + np.array(delay), kind="stable"))
    cuts = sorted(draw.draw(st.lists(st.integers(0, n), max_size=6)))
    edges = [0, *cuts, n]
    chunks = [arrived.take(slice(a, b)) for a, b in pairwise(edges)]
    mixed, late = slices(chunks)
    assert late == 0
    with_plots = [item for item in signature(whole) if item[1]]
    assert [item for item in signature(mixed) if item[1]] == with_plots


@given(st.integers(0, 10**6), st.integers(1, 200))
def test_slices_are_whole_ordered_and_on_the_grid(seed: int, n: int) -> None:
    plots = data(seed, n)
    batches, _ = slices([plots])
    step = round(SECOND / 3)
    for before, after in pairwise(batches):
        assert after.until_ns - before.until_ns == step
    for batch in batches:
        assert batch.until_ns % step == 0
        assert (batch.plots.time_ns < batch.until_ns).all()
        assert (batch.plots.time_ns >= batch.until_ns - step).all()
        assert (np.diff(batch.plots.time_ns) >= 0).all()
    assert concat_plots([batch.plots for batch in batches]).id.tolist() == plots.id.tolist()


def test_what_comes_late_goes_with_the_next_slice_and_what_comes_too_late_is_counted() -> None:
    plots = data(1, 200)
    first, last = int(plots.time_ns[0]), int(plots.time_ns[-1])
    for late_s, missing in ((60.0, 0), (0.0, 20)):
        merge = Merge(1 / 3, MergeOptions(late_s=late_s))
        chunks = [(part, make_progress(0)) for part in (plots.take(slice(20, None)), plots.take(slice(0, 20)))]
        batches = list(merged(chunks, merge, 0.0))
        assert merge.late == missing
        assert sorted(concat_plots([batch.plots for batch in batches]).id.tolist()) == list(range(missing, 200))
        told_late = [batch for batch in batches if batch.plots.n and batch.plots.time_ns[0] <= first]
        assert len(told_late) == (1 if missing == 0 else 0)
        assert all(batch.until_ns > last - 2 * SECOND for batch in told_late)


def test_a_night_of_silence_is_not_told_slice_by_slice() -> None:
    early, later = data(1, 20), data(2, 20)
    later = later._replace(time_ns=later.time_ns + 36_000 * SECOND, id=later.id + 100)
    batches, late = slices([early, later])
    assert late == 0
    assert len(batches) < 3 * (60 + 60 + 125)
    assert sum(batch.plots.n for batch in batches) == 40
    together, _ = slices([concat_plots([early, later])])
    assert signature(together) == signature(batches)


@given(st.integers(0, 10**6), st.lists(st.integers(0, 35 * SECOND // 10), min_size=3, max_size=3))
def test_sensors_of_a_network_may_lag_behind_one_another(seed: int, lags: list[int]) -> None:
    """Three radars in one stream, each late by its own constant: nothing is lost, and slices are those of no lag."""
    plots = data(seed, 200)
    plots = plots._replace(sensor=(plots.id % 3).astype(np.int32))
    arrival = np.argsort(plots.time_ns + np.array(lags)[plots.sensor], kind="stable")
    merge = Merge(1 / 3, sensors=3)
    chunks = [(plots.take(arrival[k : k + 7]), make_progress(0)) for k in range(0, 200, 7)]
    batches = list(merged(chunks, merge, 0.0))
    assert merge.late == 0
    assert [item for item in signature(batches) if item[1]] == [
        item for item in signature(slices([plots])[0]) if item[1]
    ]


def test_no_sensor_is_waited_for_longer_than_patience() -> None:
    """One radar falls silent: slices go on, five seconds behind the newest data."""
    plots = data(5, 2000)
    silent_from = int(plots.time_ns[0]) + 20 * SECOND
    plots = plots._replace(sensor=(plots.id % 2).astype(np.int32))
    plots = plots.take((plots.sensor == 0) | (plots.time_ns < silent_from))
    merge = Merge(1 / 3, MergeOptions(patience_s=5.0), sensors=2)
    waits = []
    for k in range(plots.n):
        for batch in merge.push(plots.take(slice(k, k + 1)), make_progress(0)):
            waits.append((int(plots.time_ns[k]) - batch.until_ns) / SECOND)
    before = np.array(waits[:50])
    after = np.array(waits[-50:])
    assert merge.late == 0
    assert before.max() < 2.5
    assert 5.9 < after.max() < 6.5
