import assert from "node:assert/strict";
import { test } from "node:test";
import { checkGeojson } from "../src/geojson";
import { dice } from "./made";

const square = [[8, 46], [9, 46], [9, 47], [8, 47], [8, 46]];
const feature = (geometry: unknown, properties: unknown = {}) => ({ type: "Feature", properties, geometry });

test("good features come through, with their names", () => {
  const { sectors, said } = checkGeojson({ type: "FeatureCollection", features: [
    feature({ type: "Polygon", coordinates: [square] }, { name: "<b>TMA</b>", secret: 1 }),
    feature({ type: "GeometryCollection", geometries: [{ type: "Point", coordinates: [8.5, 47.4, 400] }, { type: "LineString", coordinates: [[1, 2], [3, 4]] }] }),
  ] });
  assert.equal(sectors.features.length, 3);
  assert.deepEqual(sectors.features[0], feature({ type: "Polygon", coordinates: [square] }, { name: "<b>TMA</b>" })); // drawn as text
  assert.deepEqual(sectors.features[1].geometry, { type: "Point", coordinates: [8.5, 47.4] });
  assert.match(said, /^3 features, 8 points$/);
});

test("nonsense coordinates are left out, and that is said", () => {
  const bad = [[NaN, 1], [1, Infinity], [1, 91], [181, 0], ["1", 2], [1], null, {}, [[1, 2]]];
  const { sectors, said } = checkGeojson({ type: "FeatureCollection", features: [
    ...bad.map((at) => feature({ type: "Point", coordinates: at })), ...bad.map((at) => feature({ type: "LineString", coordinates: [[1, 2], at] })),
    feature({ type: "Polygon", coordinates: [[[1, 1], [2, 2], [3, 99], [1, 1]], square] }), // a hole without its area
    feature(null), 5, null, feature({ type: "Circle" }), feature({ type: "LineString", coordinates: [[1, 2], [3, 4]] }),
  ] });
  assert.equal(sectors.features.length, 1);
  assert.match(said, /23 left out/);
});

test("what holds nothing is refused in words", () => {
  for (const told of [null, 5, "x", [], {}, { type: "FeatureCollection" }, { type: "FeatureCollection", features: [] }, { type: "Topology", objects: {} }]) {
    assert.throws(() => checkGeojson(told), /GeoJSON/);
  }
  assert.throws(() => checkGeojson(feature({ type: "Point", coordinates: [500, 500] })), /degrees/);
});

test("deep nesting ends", () => {
  let nested: unknown = { type: "Point", coordinates: [1, 2] };
  for (let k = 0; k < 20_000; k++) nested = { type: "GeometryCollection", geometries: [nested] };
  assert.throws(() => checkGeojson(nested), /drawn/);
  let array: unknown = [1, 2];
  for (let k = 0; k < 20_000; k++) array = [array];
  assert.throws(() => checkGeojson(feature({ type: "MultiPolygon", coordinates: array })), /drawn/);
});

test("a million points are thinned to a bounded number, ends and rings whole", () => {
  const roll = dice(7), features = Array.from({ length: 100 }, (_, k) => {
    const ring = Array.from({ length: 10_000 }, (_, j) => [k + 0.4 * Math.cos(j / 1591.5), 45 + 0.4 * Math.sin(j / 1591.5) + roll(100) / 1e7]);
    return feature({ type: "Polygon", coordinates: [[...ring, ring[0]]] });
  });
  const { sectors, said } = checkGeojson({ type: "FeatureCollection", features });
  let points = 0;
  for (const { geometry } of sectors.features) {
    assert.ok(geometry.type === "Polygon");
    const [ring] = geometry.coordinates;
    points += ring.length;
    assert.ok(ring.length >= 4);
    assert.deepEqual(ring[0], ring[ring.length - 1]);
  }
  assert.ok(points <= 200_000, `${points}`);
  assert.match(said, /thinned from 1000100/);
});
