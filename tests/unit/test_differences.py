"""Pictures packed as changes: the same to the bit when they are unpacked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farwatch.picture import make_picture
from farwatch.service.differences import Chain, accuracy_columns, accuracy_of, compressed, expanded
from farwatch.service.frames import FrameEncoder
from farwatch.service.wire import PICTURE, PICTURE_COLUMNS, message
from updates import scenario_of, updates_of

QUIET = 45.0


def test_real_pictures_come_back_and_shrink() -> None:
    encoder, there, back = FrameEncoder(scenario_of("quiet")), Chain(), Chain()
    plain = packed_size = 0
    for update in updates_of("quiet", QUIET):
        frame = encoder.encode(update)
        accuracy = accuracy_columns(frame.states)
        packed = there.pack(frame.picture, accuracy)
        picture, unpacked = back.unpack(packed)
        assert picture == frame.picture
        assert all((a == b).all() for a, b in zip(accuracy, unpacked, strict=True))
        plain += len(compressed([frame.picture, *(column.tobytes() for column in accuracy)]))
        packed_size += len(compressed([packed]))
        assert expanded(compressed([packed]), len(packed)) == packed
    assert packed_size < 0.7 * plain  # so few tracks have little to gain


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2**32 - 1)), min_size=1, max_size=6))
def test_any_columns_come_back(pictures: list[tuple[int, int]]) -> None:
    there, back = Chain(), Chain()
    for n, seed in pictures:
        rng = np.random.default_rng(seed)
        ids = np.sort(rng.choice(20, n, replace=False)).astype(np.uint32) * np.uint32(214_748_364)
        columns = [np.frombuffer(rng.bytes(n * np.dtype(dtype).itemsize), dtype) for dtype in PICTURE_COLUMNS[1:]]
        data = message(PICTURE, seed, 7, [ids, *columns], jump=bool(seed & 1))
        accuracy = [np.frombuffer(rng.bytes(2 * n), "<u2"), *(np.frombuffer(rng.bytes(n), "u1") for _ in range(7))]
        picture, unpacked = back.unpack(there.pack(data, accuracy))
        assert picture == data and all((a == b).all() for a, b in zip(accuracy, unpacked, strict=True))


def test_a_copy_goes_its_own_way() -> None:
    encoder = FrameEncoder(scenario_of("quiet"))
    frames = [encoder.encode(update) for update in updates_of("quiet", QUIET)[20:23]]
    there, back = Chain(), Chain()
    packed = [there.pack(frame.picture, accuracy_columns(frame.states)) for frame in frames]
    back.unpack(packed[0])
    other = back.copy()
    assert back.unpack(packed[1])[0] == other.unpack(packed[1])[0] == frames[1].picture
    assert other.unpack(packed[2])[0] == back.unpack(packed[2])[0] == frames[2].picture


def test_accuracy_within_three_per_cent(rng: np.random.Generator) -> None:
    sigmas = np.exp(rng.uniform(np.log(0.06), np.log(90_000.0), 200))
    states = make_picture(200)._replace(
        sigma_east_m=sigmas,
        sigma_north_m=np.full(200, np.nan),
        height_wgs84_m=rng.uniform(-900, 60_000, 200),
        correlation_east_north=rng.uniform(-1, 1, 200),
        existence=rng.uniform(0, 1, 200),
    )
    columns = accuracy_columns(states)
    for row in range(200):
        told = accuracy_of(columns, row)
        assert told["sigma_east"] == pytest.approx(sigmas[row], rel=0.03) and told["sigma_north"] is None
        assert told["height"] == pytest.approx(states.height_wgs84_m[row], abs=0.51)
        assert told["correlation"] == pytest.approx(states.correlation_east_north[row], abs=0.005)
        assert told["existence"] == pytest.approx(states.existence[row], abs=0.003)
