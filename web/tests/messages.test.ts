import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMessage } from "../src/messages";
import { dice } from "./made";

const HELLO = {
  type: "hello", version: 1, farwatch: "0.1.0", session: "5f0c", mode: "replay",
  scenario: { name: "Alpine", centre: { lat_deg: 47.2, lon_deg: 9.3 }, radius_m: 600000 },
  sensors: [{ id: "RAD1", kind: "radar", lat_deg: 47.2, lon_deg: 9.3, height_m: 2500, max_range_m: 600000, min_elevation_deg: 0.2, rotation_s: 10 }],
};
const STATUS = {
  type: "status", time_ms: 1732512345000, mode: "live", tracks: 287, plots: 812345, plots_per_s: 131, latency_ms: 4.2, late: 0, dropped: 0, shed: 0,
  recording: "on", said: ["RAD2 has been silent for 34 s"], playback: { state: "playing", speed: 10, time_ms: 1732505000000 },
  range: [1732500000000, 1732512345000], gaps: [[1732501000000, 1732501060000]],
  sensors: [{ id: "RAD1", condition: "silent", heard_ms: 1732512344900, plots_per_s: 131, azimuth_deg: null, rotation_s: 10 }],
};

test("hello", () => {
  const message = parseMessage(JSON.stringify(HELLO));
  assert.ok(message?.type === "hello");
  assert.equal(message.hello.session, "5f0c");
  assert.equal(message.hello.mode, "replay");
  assert.deepEqual(message.hello.centre, { latDeg: 47.2, lonDeg: 9.3 });
  assert.equal(message.hello.sensors[0].maxRangeM, 600000);
  assert.equal(parseMessage(JSON.stringify({ ...HELLO, version: 2 })), null);
});

test("status", () => {
  const message = parseMessage(JSON.stringify(STATUS));
  assert.ok(message?.type === "status");
  const s = message.status;
  assert.deepEqual([s.playback.state, s.playback.speed, s.playback.timeMs], ["playing", 10, 1732505000000]);
  assert.deepEqual(s.range, STATUS.range);
  assert.deepEqual(s.gaps, STATUS.gaps);
  assert.deepEqual([s.sensors[0].condition, s.sensors[0].azimuthDeg], ["silent", null]);
});

test("status: what is known of a sensor's errors, and what is not", () => {
  const registration = { standing: "ok", reference: false, errors: { range_m: { value: -80.2, sigma: 1 }, azimuth_deg: null, time_s: { value: "x" } } };
  const sensors = [{ ...STATUS.sensors[0], registration }, { ...STATUS.sensors[0], registration: 7 }];
  const message = parseMessage(JSON.stringify({ ...STATUS, sensors }));
  assert.ok(message?.type === "status");
  assert.deepEqual(message.status.sensors[0].registration, { standing: "ok", reference: false, rangeM: -80.2, azimuthDeg: null, timeS: null });
  assert.equal(message.status.sensors[1].registration, null);
});

test("static: what is not said stays as it was, null takes it away", () => {
  const message = parseMessage('{"type":"static","tracks":[{"id":1,"callsign":" DLH4AB "},{"id":2,"mode_a":null},{"id":"x"},5]}');
  assert.ok(message?.type === "static");
  assert.deepEqual(message.tracks, [[1, { callsign: "DLH4AB" }], [2, { modeA: null }]]);
});

test("detail off the Earth is none", () => {
  assert.equal(parseMessage('{"type":"detail","id":1,"lat_deg":99,"lon_deg":0}'), null);
  const message = parseMessage('{"type":"detail","id":1,"lat_deg":9,"lon_deg":0,"plots":[{"lat_deg":1,"lon_deg":2,"sensor":"A","time_ms":3},{"lat_deg":1e9}]}');
  assert.ok(message?.type === "detail");
  assert.equal(message.detail.plots.length, 1);
});

test("nonsense gives null or safe values, never an error", () => {
  for (const text of ["", "{", "null", "[]", "5", '"x"', '{"type":"other"}', '{"type":5}']) assert.equal(parseMessage(text), null);
  const junk = [null, 5, -1e308, "x", [], {}, [[]], [null], true, "<b>", { lat_deg: "9" }], roll = dice(2);
  for (let round = 0; round < 4000; round++) {
    const told: Record<string, unknown> = { ...(round % 2 ? HELLO : STATUS) };
    const names = Object.keys(told).filter((name) => name !== "type");
    for (let k = 0; k < 3; k++) told[names[roll(names.length)]] = junk[roll(junk.length)];
    const message = parseMessage(JSON.stringify(told));
    if (message?.type === "status") {
      assert.ok(message.status.gaps.every(([from, to]) => from <= to));
      assert.ok(message.status.said.every((line) => typeof line === "string"));
      assert.ok(Number.isFinite(message.status.playback.timeMs));
    }
    if (message?.type === "hello") assert.ok(Number.isFinite(message.hello.centre.latDeg) && message.hello.radiusM > 0);
  }
});
