// Land and borders out of world-atlas (Natural Earth), as paths in the plane: the coarse ones at once, the fine ones when
// someone looks closely.
import { feature, mesh } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import coarseUrl from "world-atlas/countries-50m.json?url";
import fineUrl from "world-atlas/countries-10m.json?url";
import type { Plane, Point } from "./plane";

const FINE_BELOW_M = 180; // metres to a pixel
type Line = ArrayLike<ArrayLike<number>>;
type Atlas = Topology<{ countries: GeometryCollection; land: GeometryCollection }>;

/** A path in the plane, and the box that holds it. */
export interface Shape { path: Path2D; west: number; south: number; east: number; north: number }

export interface Outlines { land: Shape[]; borders: Shape[] }

/** The lines as one path in the plane, null where nothing of them can be drawn; rings that cannot be closed are left out. */
export function shapeOf(lines: Line[], plane: Plane, closed: boolean): Shape | null {
  const path = new Path2D(), at: Point = { x: 0, y: 0 };
  let west = Infinity, south = Infinity, east = -Infinity, north = -Infinity, drawn = false;
  for (const line of lines) {
    const xs = new Float64Array(line.length), ys = new Float64Array(line.length);
    let whole = true;
    for (let k = 0; k < line.length; k++) {
      whole = plane.forward(line[k][1], line[k][0], at) && whole;
      xs[k] = at.x;
      ys[k] = at.y;
    }
    if (closed && !whole) continue;
    let down = false;
    for (let k = 0; k < line.length; k++) {
      if (!Number.isFinite(xs[k])) { down = false; continue; }
      if (down) path.lineTo(xs[k], ys[k]); else path.moveTo(xs[k], ys[k]);
      down = drawn = true;
      west = Math.min(west, xs[k]); east = Math.max(east, xs[k]);
      south = Math.min(south, ys[k]); north = Math.max(north, ys[k]);
    }
    if (closed) path.closePath();
  }
  return drawn ? { path, west, south, east, north } : null;
}

function polygons(geometry: GeoJSON.Geometry): Line[][] {
  if (geometry.type === "Polygon") return [geometry.coordinates];
  if (geometry.type === "MultiPolygon") return geometry.coordinates;
  return geometry.type === "GeometryCollection" ? geometry.geometries.flatMap(polygons) : [];
}

export class World {
  private atlas: Partial<Record<"coarse" | "fine", Atlas>> = {};
  private asked = new Set<string>();
  private made = new Map<string, Outlines>();

  constructor(private readonly loaded: () => void) {}

  /** The outlines for a scale, the best of what has been loaded; empty until then. */
  outlines(plane: Plane, generation: number, metresPerPixel: number): Outlines {
    this.load("coarse", coarseUrl);
    if (metresPerPixel < FINE_BELOW_M) this.load("fine", fineUrl);
    const which = metresPerPixel < FINE_BELOW_M && this.atlas.fine ? "fine" : "coarse", atlas = this.atlas[which];
    if (atlas === undefined) return { land: [], borders: [] };
    const key = `${which} ${generation}`;
    let found = this.made.get(key);
    if (found === undefined) {
      found = outlinesOf(atlas, plane);
      this.made.clear();
      this.made.set(key, found);
    }
    return found;
  }

  private load(which: "coarse" | "fine", url: string): void {
    if (this.asked.has(which)) return;
    this.asked.add(which);
    fetch(url).then((answer) => answer.json() as Promise<Atlas>).then((atlas) => {
      this.atlas[which] = atlas;
      this.loaded();
    }).catch(() => { window.setTimeout(() => this.asked.delete(which), 10_000); }); // the map goes without, and asks again
  }
}

function outlinesOf(atlas: Atlas, plane: Plane): Outlines {
  const land: Shape[] = [], borders: Shape[] = [];
  const found = feature(atlas, atlas.objects.land) as GeoJSON.FeatureCollection | GeoJSON.Feature;
  for (const one of found.type === "FeatureCollection" ? found.features : [found]) {
    for (const rings of polygons(one.geometry)) {
      const shape = shapeOf(rings, plane, true);
      if (shape !== null) land.push(shape);
    }
  }
  for (const line of mesh(atlas, atlas.objects.countries, (a, b) => a !== b).coordinates) {
    const shape = shapeOf([line], plane, false);
    if (shape !== null) borders.push(shape);
  }
  return { land, borders };
}
