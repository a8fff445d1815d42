"""Updates over the wire, against docs/api.md read plainly, row by row."""

from __future__ import annotations

import math
import struct

import msgspec
import numpy as np
import pytest

from farwatch.errors import FarwatchError
from farwatch.frame import Frame
from farwatch.picture import Picture, make_picture
from farwatch.plots import callsign_text, make_plots, pack_callsign
from farwatch.service.board import Update
from farwatch.service.frames import FrameEncoder, detail
from farwatch.service.identities import callsigns, changed, identities_of, static_messages
from farwatch.service.wire import joined_plots, split, with_jump
from updates import HEAD, PICTURE, PLOTS, SECOND_NS, columns, health, scenario_of, updates_of

QUIET = 45.0


def rows_of(picture: Picture) -> list[dict[str, int]]:
    """The rows of a picture as the interface says them."""
    rows = []
    for k in np.argsort(picture.track):
        pressure = float(picture.pressure_altitude_m[k])
        known = math.isfinite(pressure)
        level_m = pressure if known else float(picture.height_wgs84_m[k])
        climb = float(picture.vertical_rate_mps[k])
        nameless = picture.address[k] < 0 and picture.mode_a[k] < 0 and picture.callsign[k] == 0
        sensors = sum(1 << min(bit, 15) for bit in range(15) if int(picture.sensors[k]) >> bit & 1)
        sensors |= 0x8000 if int(picture.sensors[k]) >> 15 else 0
        rows.append(
            {
                "id": int(picture.track[k]),
                "latitude": round(float(picture.lat_deg[k]) * 1e7),
                "longitude": round(float(picture.lon_deg[k]) * 1e7),
                "level": -32768 if math.isnan(level_m) else max(min(round(level_m / 7.62), 32767), -32767),
                "speed": min(round(float(picture.ground_speed_mps[k]) * 10), 65535),
                "angle": round(float(picture.track_angle_deg[k]) * 65536 / 360) % 65536,
                "climb": -32768 if math.isnan(climb) else round(climb / 0.05),
                "flags": int(picture.status[k]) + 4 * nameless + 8 * (not known),
                "sensors": sensors,
            }
        )
    return rows


def told(data: bytes) -> list[dict[str, int]]:
    """The rows of a picture's message."""
    found = columns(data, PICTURE)
    return [{name: int(values[k]) for name, values in found.items()} for k in range(HEAD.unpack_from(data)[3])]


def some_picture(n: int, rng: np.random.Generator) -> Picture:
    """Tracks of every kind."""
    return make_picture(n)._replace(
        until_ns=1_700_000_000 * SECOND_NS,
        track=rng.permutation(np.arange(1, 5 * n, 5)),
        status=rng.integers(1, 3, n).astype(np.uint8),
        lat_deg=rng.uniform(-90, 90, n),
        lon_deg=rng.uniform(-180, 180, n),
        height_wgs84_m=rng.uniform(-100, 300_000, n),
        pressure_altitude_m=np.where(rng.random(n) < 0.5, np.nan, rng.uniform(-100, 20_000, n)),
        ground_speed_mps=rng.uniform(0, 9000, n),
        track_angle_deg=np.concatenate([[0.0, 359.9999], rng.uniform(0, 360, n - 2)]),
        vertical_rate_mps=np.where(rng.random(n) < 0.2, np.nan, rng.uniform(-100, 100, n)),
        address=np.where(rng.random(n) < 0.5, -1, rng.integers(0, 1 << 24, n)).astype(np.int32),
        mode_a=np.where(rng.random(n) < 0.5, -1, rng.integers(0, 4096, n)).astype(np.int16),
        callsign=np.where(rng.random(n) < 0.5, 0, pack_callsign("DLH4AB")),
        sensors=rng.integers(0, 1 << 40, n),
    )


def update_of(picture: Picture) -> Update:
    return Update(picture, make_picture(0), make_plots(0), health(scenario_of("quiet"), picture.until_ns, 0, 0))


def test_a_picture_is_what_the_interface_says(rng: np.random.Generator) -> None:
    picture = some_picture(500, rng)
    frame = FrameEncoder(scenario_of("quiet")).encode(update_of(picture))
    magic, version, kind, n, time_ms, sequence, flags = HEAD.unpack_from(frame.picture)
    assert (magic, version, kind, n, time_ms, sequence, flags) == (b"FW", 1, 1, 500, 1.7e12, 1, 0)
    assert len(frame.picture) == 24 + 24 * n
    assert told(frame.picture) == rows_of(picture)


def test_tentative_and_ended_tracks_are_not_shown(rng: np.random.Generator) -> None:
    picture = some_picture(8, rng)._replace(status=np.array([0, 1, 2, 3, 1, 0, 3, 2], np.uint8))
    frame = FrameEncoder(scenario_of("quiet")).encode(update_of(picture))
    assert told(frame.picture) == rows_of(picture.take(np.flatnonzero((picture.status % 3) > 0)))


def test_new_is_a_track_in_its_first_picture(rng: np.random.Generator) -> None:
    encoder, picture = FrameEncoder(scenario_of("quiet")), some_picture(20, rng)
    later = picture._replace(until_ns=picture.until_ns + SECOND_NS)
    first = encoder.encode(update_of(picture.take(slice(0, 10))))
    second = encoder.encode(update_of(later))
    third = encoder.encode(update_of(later.take(slice(5, 10))._replace(until_ns=later.until_ns + SECOND_NS)))
    fourth = encoder.encode(update_of(later._replace(until_ns=later.until_ns + 2 * SECOND_NS)))
    assert not any(row["flags"] & 32 for row in told(first.picture))
    assert {row["id"] for row in told(second.picture) if row["flags"] & 32} == set(picture.track[10:].tolist())
    assert not any(row["flags"] & 32 for row in told(third.picture) + told(fourth.picture))


def test_static_changes_are_told_once_and_those_that_come_back_again(rng: np.random.Generator) -> None:
    picture = some_picture(6, rng)
    order = np.argsort(picture.track)
    now = identities_of(picture.take(order))
    renamed = now.copy()
    renamed["callsign"][2] = pack_callsign("AFR12")
    assert changed(now[:0], now).all() and not changed(now, now).any()
    assert changed(now, renamed).tolist() == [False, False, True, False, False, False]
    assert changed(now[1:], now).tolist() == [True] + [False] * 5
    (message,) = static_messages(renamed[2:3])
    assert '"callsign":"AFR12"' in message and message.startswith('{"type":"static"')
    assert len(static_messages(np.repeat(now, 500))) == 3 and static_messages(now[:0]) == []


def test_callsigns_are_those_of_the_plain_decoder(rng: np.random.Generator) -> None:
    packed = np.array([0, pack_callsign("A"), pack_callsign("DLH 4AB"), *rng.integers(0, 1 << 48, 200).tolist()])
    assert callsigns(packed) == [callsign_text(int(one)) or None for one in packed]


def test_jumps_and_gaps_are_marked(rng: np.random.Generator) -> None:
    encoder, picture = FrameEncoder(scenario_of("quiet")), some_picture(3, rng)
    flags = []
    for seconds in (0, 1, 5, 11, 3):
        frame = encoder.encode(update_of(picture._replace(until_ns=picture.until_ns + seconds * SECOND_NS)))
        flags.append(HEAD.unpack_from(frame.picture)[6])
        assert frame.jump == bool(flags[-1])
    assert flags == [0, 0, 0, 1, 1]
    assert with_jump(frame.picture, False)[24:] == frame.picture[24:]
    assert HEAD.unpack_from(with_jump(frame.picture, False))[6] == 0 and with_jump(frame.picture, True) is frame.picture


def test_plots_lie_where_their_tracks_are_and_name_what_was_taken() -> None:
    scenario, encoder = scenario_of("quiet"), FrameEncoder(scenario_of("quiet"))
    used = every = 0
    for update in updates_of("quiet", QUIET):
        frame = encoder.encode(update)
        plots = columns(frame.plots, PLOTS)
        assert HEAD.unpack_from(frame.plots)[2] == 2 and HEAD.unpack_from(frame.plots)[5] == frame.sequence
        assert HEAD.unpack_from(frame.plots)[3] == update.plots.n
        seen_ms = frame.time_ns / 1e6 - plots["age"].astype(float)
        wanted_ms = np.minimum(update.plots.time_ns, frame.time_ns) / 1e6  # one that is ahead is as new as can be
        assert np.abs(seen_ms - wanted_ms).max(initial=0.0) <= 1.0
        assert (plots["kind"] == update.plots.kind).all() and (plots["sensor"] == 0).all()
        used, every = used + int(plots["used"].sum()), every + len(plots["used"])
        for row in frame.hits:
            at = frame.row(int(row["track"]))
            if at is not None:  # a plot's error at 250 km is some 350 m
                assert abs(row["lat"] / 1e7 - frame.states.lat_deg[at]) < 0.05
    assert 0.5 < used / every < 1.0
    track = int(frame.states.track[0])
    hits = encoder.hits.of(track)
    told = detail(frame, 0, hits, [sensor.id for sensor in scenario.sensors])
    assert 5 <= len(hits) <= 30 and (np.diff(hits["time_ns"]) > 0).all()
    assert told["id"] == track and told["sensors"] == ["RAD1"] and len(told["plots"]) == len(hits)
    assert told["sigma_east_m"] > 0 and abs(told["correlation_east_north"]) <= 1


def test_plots_of_pictures_left_out_are_joined() -> None:
    encoder = FrameEncoder(scenario_of("quiet"))
    frames = [encoder.encode(update) for update in updates_of("quiet", QUIET)[20:24]]
    joined = joined_plots([frame.plots for frame in frames])
    assert HEAD.unpack_from(joined)[3] == sum(HEAD.unpack_from(frame.plots)[3] for frame in frames)
    assert HEAD.unpack_from(joined)[4] == frames[-1].time_ns / 1e6
    at = np.concatenate([frame.time_ns / 1e6 - columns(frame.plots, PLOTS)["age"] for frame in frames])
    assert np.allclose(frames[-1].time_ns / 1e6 - columns(joined, PLOTS)["age"], at)
    assert joined_plots([frames[0].plots]) is frames[0].plots


def test_a_cut_message_is_told() -> None:
    frame = FrameEncoder(scenario_of("quiet")).encode(updates_of("quiet", QUIET)[-1])
    with pytest.raises(ValueError):
        split(frame.picture[:-1], [dtype for _, dtype in PICTURE])
    with pytest.raises(struct.error):
        split(b"FW", ["<u4"])


def test_the_plane_is_refused() -> None:
    with pytest.raises(FarwatchError, match="wgs84"):
        FrameEncoder(msgspec.structs.replace(scenario_of("quiet"), frame=Frame(kind="flat")))
