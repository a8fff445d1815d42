import assert from "node:assert/strict";
import { test } from "node:test";
import { boxIn, edgeOf, findPlace, OCTANTS, Taken } from "../src/map/places";

test("a block keeps its octant while that is free", () => {
  const taken = new Taken();
  for (let had = 0; had < OCTANTS; had++) {
    taken.clear(800, 600);
    assert.equal(findPlace(taken, had, 400, 300, 50, 26)?.octant, had);
  }
});

test("blocks do not cover one another, and one without room is left out", () => {
  const taken = new Taken(), boxes: { x: number; y: number; width: number; height: number }[] = [];
  taken.clear(400, 400);
  let left = 0;
  for (let k = 0; k < 60; k++) {
    const place = findPlace(taken, 0, 200 + (k % 5), 200, 60, 26);
    if (place === null) { left += 1; continue; }
    for (const other of boxes) {
      const apart = place.box.x >= other.x + other.width || other.x >= place.box.x + place.box.width || place.box.y >= other.y + other.height || other.y >= place.box.y + place.box.height;
      assert.ok(apart);
    }
    boxes.push(place.box);
    taken.take(place.box);
  }
  assert.deepEqual([boxes.length, left], [4, 56]); // all about one place: a block for each corner, and no more
});

test("a block stands beside its symbol in every octant", () => {
  for (let octant = 0; octant < OCTANTS; octant++) {
    const box = boxIn(octant, 9, 100, 100, 40, 26), edge = edgeOf(box, 100, 100), far = Math.hypot(edge.x - 100, edge.y - 100);
    assert.ok(far >= 5 && far <= 15, `${octant}: ${far}`);
  }
});

test("nothing is free off the screen", () => {
  const taken = new Taken();
  taken.clear(100, 100);
  assert.equal(taken.free({ x: -500, y: -500, width: 10, height: 10 }), false);
  taken.take({ x: -50, y: 50, width: 500, height: 5 });
  assert.equal(taken.free({ x: 40, y: 48, width: 10, height: 10 }), false);
});
