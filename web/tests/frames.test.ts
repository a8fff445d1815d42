import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFrame } from "../src/frames";
import { dice, pictureBytes, plotBytes } from "./made";

test("a picture comes out in units", () => {
  const frame = parseFrame(pictureBytes([
    { id: 3, lat: 472494000, lon: -93433000, level: 1400, speed: 2500, angle: 16384, climb: -100, flags: 2 | 16, sensors: 5 },
    { id: 9, level: -32768, climb: -32768 },
  ], 1000.5, 1), 42);
  assert.equal(frame?.kind, "picture");
  if (frame?.kind !== "picture") return;
  const p = frame.picture;
  assert.deepEqual([p.n, p.timeMs, p.sequence, p.jump, p.receivedMs], [2, 1000.5, 7, true, 42]);
  assert.deepEqual([...p.id], [3, 9]);
  assert.deepEqual([p.latDeg[0], p.lonDeg[0], p.levelFt[0], p.speedMps[0], p.angleDeg[0], p.climbMps[0]], [47.2494, -9.3433, 35000, 250, 90, -5]);
  assert.deepEqual([p.flags[0], p.sensors[0]], [18, 5]);
  assert.ok(Number.isNaN(p.levelFt[1]) && Number.isNaN(p.climbMps[1]));
});

test("plots carry their own times", () => {
  const frame = parseFrame(plotBytes([{ lat: 1e7, lon: 2e7, age: 1500, sensor: 300, kind: 2, used: 1 }], 10_000), 0);
  assert.equal(frame?.kind, "plots");
  if (frame?.kind !== "plots") return;
  const p = frame.plots;
  assert.deepEqual([p.n, p.timeMs[0], p.latDeg[0], p.lonDeg[0], p.sensor[0], p.kind[0], p.used[0]], [1, 8500, 1, 2, 300, 2, 1]);
});

test("empty pictures and plots are good", () => {
  assert.equal(parseFrame(pictureBytes([]), 0)?.kind, "picture");
  assert.equal(parseFrame(plotBytes([]), 0)?.kind, "plots");
});

test("a place off the Earth is nowhere, and the others stay", () => {
  const frame = parseFrame(pictureBytes([{ id: 1, lat: 910_000_000 }, { id: 2, lat: 450_000_000 }, { id: 3, lon: 1_810_000_000 }]), 0);
  assert.ok(frame?.kind === "picture");
  assert.deepEqual([...frame.picture.latDeg], [NaN, 45, NaN]);
});

test("whatever is cut, longer, foreign or out of order is no frame", () => {
  const good = pictureBytes([{ id: 1 }, { id: 2 }]);
  for (let length = 0; length < good.byteLength; length++) assert.equal(parseFrame(good.slice(0, length), 0), null, `${length} bytes`);
  const longer = new Uint8Array(good.byteLength + 1);
  longer.set(new Uint8Array(good));
  assert.equal(parseFrame(longer.buffer, 0), null);
  const changed = (at: number, value: number) => { const copy = new Uint8Array(good.slice(0)); copy[at] = value; return copy.buffer; };
  for (const [at, value] of [[0, 0x47], [1, 0], [2, 2], [3, 0], [3, 3], [4, 3], [7, 255]]) assert.equal(parseFrame(changed(at, value), 0), null, `byte ${at}`);
  assert.equal(parseFrame(pictureBytes([{ id: 2 }, { id: 1 }]), 0), null);
  assert.equal(parseFrame(pictureBytes([{ id: 1 }, { id: 1 }]), 0), null);
  for (const timeMs of [NaN, Infinity, -1, 1e300]) assert.equal(parseFrame(pictureBytes([{ id: 1 }], timeMs), 0), null);
});

test("random bytes never throw, and random changes never give senseless rows", () => {
  const roll = dice(1);
  for (let round = 0; round < 5000; round++) {
    const bytes = new Uint8Array(roll(120));
    for (let k = 0; k < bytes.length; k++) bytes[k] = roll(256);
    if (round % 2 === 0 && bytes.length >= 4) bytes.set([0x46, 0x57, 1, 1 + roll(2)]);
    parseFrame(bytes.buffer, 0);
  }
  const rows = Array.from({ length: 20 }, (_, k) => ({ id: 10 * k, lat: roll(9e8), lon: roll(1.8e9) }));
  for (let round = 0; round < 5000; round++) {
    const bytes = new Uint8Array(pictureBytes(rows));
    for (let k = roll(4); k >= 0; k--) bytes[roll(bytes.length)] = roll(256);
    const frame = parseFrame(bytes.buffer, 0);
    if (frame?.kind !== "picture") continue;
    const p = frame.picture;
    for (let k = 0; k < p.n; k++) {
      assert.ok(k === 0 || p.id[k] > p.id[k - 1]);
      assert.ok(Number.isNaN(p.latDeg[k]) || (Math.abs(p.latDeg[k]) <= 90 && Math.abs(p.lonDeg[k]) <= 180));
    }
  }
});
