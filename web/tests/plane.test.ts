import assert from "node:assert/strict";
import { test } from "node:test";
import { coverageM, destination, Plane, wayBetween } from "../src/map/plane";

test("a place comes back from the plane", () => {
  for (const [lat, lon] of [[47, 9], [-33, 151], [80, -170], [0, 0]]) {
    const plane = new Plane(lat, lon), at = { x: 0, y: 0 };
    for (let bearing = 0; bearing < 360; bearing += 37) {
      for (const distance of [1, 1e3, 6e5, 4e6]) {
        const there = destination(lat, lon, bearing, distance);
        assert.ok(plane.forward(there.latDeg, there.lonDeg, at));
        const back = plane.inverse(at.x, at.y);
        assert.ok(wayBetween(there.latDeg, there.lonDeg, back.latDeg, back.lonDeg).distanceM < 0.5);
      }
    }
  }
});

test("a ring about the middle is a circle", () => {
  const plane = new Plane(47, 9), at = { x: 0, y: 0 }, radii: number[] = [];
  for (let bearing = 0; bearing < 360; bearing += 15) {
    const there = destination(47, 9, bearing, 6e5);
    plane.forward(there.latDeg, there.lonDeg, at);
    radii.push(Math.hypot(at.x, at.y));
  }
  assert.ok(Math.max(...radii) - Math.min(...radii) < 1);
  assert.ok(Math.abs(radii[0] / 6e5 - 1) < 0.0008);
});

test("nonsense and the other side of the Earth are nowhere", () => {
  const plane = new Plane(47, 9), at = { x: 0, y: 0 };
  for (const [lat, lon] of [[NaN, 9], [47, NaN], [Infinity, 0], [91, 0], [-47, -171]]) assert.equal(plane.forward(lat, lon, at), false);
});

test("a way along the great circle", () => {
  const way = wayBetween(50, 0, 50, 10);
  assert.ok(Math.abs(way.distanceM - 713_000) < 3000);
  assert.ok(way.bearingDeg > 80 && way.bearingDeg < 90);
});

test("what a radar sees at a height ends at the horizon, its lowest beam or its range", () => {
  // 20 m antenna, airliner at 12 km: 470 km (4/3 Earth).
  assert.ok(Math.abs(coverageM(20, -1, 600_000, 12_000) / 470_000 - 1) < 0.02);
  assert.equal(coverageM(2500, -1, 300_000, 12_000), 300_000);
  assert.ok(coverageM(100, 2, 600_000, 3000) < 100_000);
  assert.equal(coverageM(2500, 1, 600_000, 500), 0);
});
