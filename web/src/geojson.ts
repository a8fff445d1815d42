// A user's GeoJSON, checked and thinned: what comes out is flat, bounded, on the Earth, and drawn without second thoughts.
import type { FeatureCollection, Feature, Geometry, Position } from "geojson";

export interface Checked { sectors: FeatureCollection; said: string }

export const LARGEST_BYTES = 256 << 20;
const MOST_FEATURES = 20_000;
const MOST_POINTS = 200_000;
const DEEPEST = 8; // collections in collections

interface Tally { points: number; refused: number }

/** Features that can be drawn, and what to tell the user; throws an `Error` in words where there are none. */
export function checkGeojson(told: unknown): Checked {
  const tally: Tally = { points: 0, refused: 0 }, features: Feature[] = [];
  const pile: { value: unknown; properties: unknown; depth: number }[] = [{ value: told, properties: null, depth: 0 }];
  let cut = false;
  while (pile.length > 0) {
    const { value, properties, depth } = pile.pop()!;
    if (typeof value !== "object" || value === null || depth > DEEPEST) { tally.refused++; continue; }
    const one = value as Record<string, unknown>;
    const inner = one.type === "FeatureCollection" ? one.features : one.type === "GeometryCollection" ? one.geometries : null;
    if (Array.isArray(inner)) {
      for (let k = inner.length - 1; k >= 0; k--) pile.push({ value: inner[k], properties, depth: depth + 1 });
    } else if (one.type === "Feature") {
      pile.push({ value: one.geometry, properties: one.properties, depth: depth + 1 });
    } else if (features.length >= MOST_FEATURES) {
      cut = true;
    } else {
      const geometry = checkGeometry(one, tally);
      if (geometry === null) tally.refused++;
      else features.push({ type: "Feature", properties: { name: nameOf(properties) }, geometry });
    }
  }
  if (features.length === 0) {
    throw new Error(tally.refused > 0 ? "nothing in it can be drawn: give GeoJSON with longitude and latitude in degrees (WGS-84)"
      : "it holds no features; give a GeoJSON FeatureCollection");
  }
  const before = tally.points, after = thin(features, before);
  const said = [`${features.length} features, ${after} points`];
  if (after < before) said.push(`thinned from ${before}`);
  if (cut) said.push(`more than ${MOST_FEATURES} features: the rest is left out`);
  if (tally.refused > 0) said.push(`${tally.refused} left out that cannot be drawn`);
  return { sectors: { type: "FeatureCollection", features }, said: said.join("; ") };
}

function nameOf(properties: unknown): string {
  if (typeof properties !== "object" || properties === null) return "";
  const given = properties as Record<string, unknown>;
  const name = given.name ?? given.Name ?? given.NAME ?? given.id ?? "";
  return typeof name === "string" || typeof name === "number" ? String(name).slice(0, 60) : "";
}

function checkGeometry(one: Record<string, unknown>, tally: Tally): Geometry | null {
  const at = one.coordinates;
  switch (one.type) {
    case "Point": { const point = position(at); return point === null ? null : (tally.points++, { type: "Point", coordinates: point }); }
    case "MultiPoint": { const points = line(at, 1, tally); return points === null ? null : { type: "MultiPoint", coordinates: points }; }
    case "LineString": { const points = line(at, 2, tally); return points === null ? null : { type: "LineString", coordinates: points }; }
    case "MultiLineString": { const lines = many(at, (part) => line(part, 2, tally)); return lines === null ? null : { type: "MultiLineString", coordinates: lines }; }
    case "Polygon": { const rings = area(at, tally); return rings === null ? null : { type: "Polygon", coordinates: rings }; }
    case "MultiPolygon": {
      const areas = many(at, (part) => area(part, tally));
      return areas === null ? null : { type: "MultiPolygon", coordinates: areas };
    }
    default: return null;
  }
}

/** The good ones among parts; null where there are none. */
function many<T>(told: unknown, check: (part: unknown) => T | null): T[] | null {
  if (!Array.isArray(told)) return null;
  const good = told.map(check).filter((part) => part !== null);
  return good.length > 0 ? good : null;
}

/** The rings of an area: without a good outer one, its holes are not an area. */
function area(told: unknown, tally: Tally): Position[][] | null {
  if (!Array.isArray(told)) return null;
  const outer = line(told[0], 4, tally);
  return outer === null ? null : [outer, ...(many(told.slice(1), (ring) => line(ring, 4, tally)) ?? [])];
}

/** A line all of whose points are on the Earth: with one that is not, nobody knows what it was to be. */
function line(told: unknown, fewest: number, tally: Tally): Position[] | null {
  if (!Array.isArray(told) || told.length < fewest) return null;
  const points: Position[] = new Array(told.length);
  for (let k = 0; k < told.length; k++) {
    const point = position(told[k]);
    if (point === null) return null;
    points[k] = point;
  }
  tally.points += points.length;
  return points;
}

function position(told: unknown): Position | null {
  if (!Array.isArray(told)) return null;
  const [lon, lat] = told as unknown[];
  return typeof lon === "number" && typeof lat === "number" && Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? [lon, lat] : null;
}

/** Leave out points closer to the last one kept than a step that grows until there are few enough; how many are left. */
function thin(features: Feature[], points: number): number {
  for (let stepDeg = 0.0005; points > MOST_POINTS && stepDeg < 45; stepDeg *= 2) {
    points = 0;
    for (const feature of features) points += thinGeometry(feature.geometry, stepDeg);
  }
  while (points > MOST_POINTS) points -= lengthOf(features.pop()!.geometry);
  return points;
}

function thinGeometry(geometry: Geometry, stepDeg: number): number {
  switch (geometry.type) {
    case "MultiPoint": case "LineString": geometry.coordinates = thinLine(geometry.coordinates, stepDeg, 2); break;
    case "MultiLineString": geometry.coordinates = geometry.coordinates.map((part) => thinLine(part, stepDeg, 2)); break;
    case "Polygon": geometry.coordinates = geometry.coordinates.map((ring) => thinLine(ring, stepDeg, 4)); break;
    case "MultiPolygon": geometry.coordinates = geometry.coordinates.map((rings) => rings.map((ring) => thinLine(ring, stepDeg, 4))); break;
    default: break;
  }
  return lengthOf(geometry);
}

function thinLine(points: Position[], stepDeg: number, fewest: number): Position[] {
  if (points.length <= fewest) return points;
  const kept = [points[0]], step2 = stepDeg * stepDeg;
  for (let k = 1; k < points.length - 1; k++) {
    const last = kept[kept.length - 1], dx = points[k][0] - last[0], dy = points[k][1] - last[1];
    // The ends and, of a short ring, enough points to enclose something are always kept.
    if (dx * dx + dy * dy >= step2 || points.length - k <= fewest - kept.length) kept.push(points[k]);
  }
  kept.push(points[points.length - 1]);
  return kept;
}

function lengthOf(geometry: Geometry): number {
  switch (geometry.type) {
    case "Point": return 1;
    case "MultiPoint": case "LineString": return geometry.coordinates.length;
    case "MultiLineString": case "Polygon": return geometry.coordinates.reduce((sum, part) => sum + part.length, 0);
    case "MultiPolygon": return geometry.coordinates.reduce((sum, rings) => sum + rings.reduce((inner, ring) => inner + ring.length, 0), 0);
    default: return 0;
  }
}
