// The moving things in the plane: where each track is now (dead-reckoned since its picture), where it has been, and which
// of them are wanted and on the screen. Columns, no objects: a picture may hold 30,000 tracks.
import type { Model, Picture } from "../model";
import { makeFilter } from "../filter";
import { EARTH_M, RAD, type Plane, type Point } from "./plane";
import type { Camera } from "./view";

const KEPT = 20; // past positions
const SPACING_MS = 5000; // at least, between them
const LONGEST_S = 3; // no symbol runs on for longer without a picture
const AHEAD_S = 60; // over so long a way a track's course in the plane is reckoned

export interface Past { timeMs: number; n: number; id: Uint32Array; x: Float64Array; y: Float64Array }

export class Scene {
  n = 0;
  x = new Float64Array(0); // of the picture, in the plane
  y = new Float64Array(0);
  vx = new Float64Array(0); // metres a second in the plane
  vy = new Float64Array(0);
  wanted = new Uint8Array(0); // passes the filter
  past: Past[] = []; // the oldest first
  // Of the last `place`: rows that are wanted and on the screen, and where.
  shown = 0;
  rows = new Int32Array(0);
  sx = new Float32Array(0);
  sy = new Float32Array(0);
  fastest = 0; // pixels a second of the fastest one shown
  private picture: Picture | null = null;
  private generation = -1;
  private session = "";
  private latest: { timeMs: number; latDeg: Float64Array; lonDeg: Float64Array; id: Uint32Array; n: number }[] = [];

  constructor(private readonly model: Model) {}

  /** Take over the model's picture, and place everything anew where the plane has changed. */
  take(camera: Camera): void {
    const { model } = this, picture = model.picture;
    if (this.session !== model.session || picture === null) {
      this.session = model.session;
      this.past = [];
      this.latest = [];
      this.picture = null;
      this.n = 0;
    }
    if (picture === null) return;
    const moved = this.generation !== camera.generation;
    if (picture === this.picture && !moved) return;
    if (picture !== this.picture) this.remember(picture);
    this.picture = picture;
    this.generation = camera.generation;
    this.n = picture.n;
    if (this.x.length < picture.n) {
      const room = Math.ceil(picture.n * 1.25) + 64;
      this.x = new Float64Array(room); this.y = new Float64Array(room); this.vx = new Float64Array(room); this.vy = new Float64Array(room);
      this.wanted = new Uint8Array(room); this.rows = new Int32Array(room); this.sx = new Float32Array(room); this.sy = new Float32Array(room);
    }
    locate(camera.plane, picture, this.x, this.y, this.vx, this.vy);
    if (moved) this.past = this.latest.map((one) => pastOf(one, camera.plane));
    else if (this.latest.length !== 0 && this.past[this.past.length - 1]?.timeMs !== this.latest[this.latest.length - 1].timeMs) {
      this.past = [...this.past, pastOf(this.latest[this.latest.length - 1], camera.plane)].slice(-KEPT);
    }
    this.sift();
  }

  /** Which rows pass the filter. */
  sift(): void {
    const passes = makeFilter(this.model);
    for (let row = 0; row < this.n; row++) this.wanted[row] = passes(row) ? 1 : 0;
  }

  /** Seconds since the picture, in its own time: none while paused or stale. */
  sinceS(nowMs: number): number {
    const { picture, status, stale } = this.model;
    if (picture === null || stale || status?.playback.state === "paused") return 0;
    const speed = status?.playback.state === "playing" ? status.playback.speed : 1;
    return Math.min(Math.max(0, (nowMs - picture.receivedMs) / 1000), LONGEST_S / Math.max(1, speed)) * speed;
  }

  /** Place the wanted tracks on the screen, dead-reckoned by so many seconds. */
  place(camera: Camera, sinceS: number): void {
    const { x, y, vx, vy, wanted, rows, sx, sy } = this, scale = 1 / camera.metresPerPixel;
    const right = camera.width + 20, bottom = camera.height + 20, left = camera.width / 2 - camera.x * scale, top = camera.height / 2 + camera.y * scale;
    let shown = 0, fastest = 0;
    for (let row = 0; row < this.n; row++) {
      if (wanted[row] === 0) continue;
      const px = left + (x[row] + vx[row] * sinceS) * scale, py = top - (y[row] + vy[row] * sinceS) * scale;
      if (!(px > -20 && px < right && py > -20 && py < bottom)) continue;
      rows[shown] = row;
      sx[shown] = px;
      sy[shown] = py;
      shown += 1;
      const speed = vx[row] * vx[row] + vy[row] * vy[row];
      if (speed > fastest) fastest = speed;
    }
    this.shown = shown;
    this.fastest = Math.sqrt(fastest) * scale;
  }

  /** The row shown that is nearest to a point of the screen within so many pixels, -1 where there is none. */
  nearest(px: number, py: number, within: number): number {
    let best = -1, least = within * within;
    for (let k = 0; k < this.shown; k++) {
      const dx = this.sx[k] - px, dy = this.sy[k] - py, d = dx * dx + dy * dy;
      if (d <= least) { least = d; best = this.rows[k]; }
    }
    return best;
  }

  private remember(picture: Picture): void {
    if (picture.jump) this.latest = this.past = [];
    const last = this.latest[this.latest.length - 1];
    if (last !== undefined && picture.timeMs < last.timeMs) this.latest = this.past = [];
    if (last !== undefined && picture.timeMs - last.timeMs < SPACING_MS && picture.timeMs >= last.timeMs) return;
    this.latest = [...this.latest, { timeMs: picture.timeMs, latDeg: picture.latDeg, lonDeg: picture.lonDeg, id: picture.id, n: picture.n }].slice(-KEPT);
  }
}

/** Positions and velocities of a picture in the plane. */
function locate(plane: Plane, p: Picture, x: Float64Array, y: Float64Array, vx: Float64Array, vy: Float64Array): void {
  const at: Point = { x: 0, y: 0 };
  for (let row = 0; row < p.n; row++) {
    const lat = p.latDeg[row], lon = p.lonDeg[row], angle = p.angleDeg[row] * RAD, way = (p.speedMps[row] * AHEAD_S) / EARTH_M / RAD;
    if (!plane.forward(lat, lon, at)) { x[row] = y[row] = NaN; vx[row] = vy[row] = 0; continue; }
    x[row] = at.x;
    y[row] = at.y;
    const there = plane.forward(Math.max(-90, Math.min(90, lat + way * Math.cos(angle))), lon + (way * Math.sin(angle)) / Math.max(0.02, Math.cos(lat * RAD)), at);
    vx[row] = there ? (at.x - x[row]) / AHEAD_S : 0;
    vy[row] = there ? (at.y - y[row]) / AHEAD_S : 0;
    if (!Number.isFinite(vx[row]) || !Number.isFinite(vy[row])) vx[row] = vy[row] = 0;
  }
}

function pastOf(one: { timeMs: number; latDeg: Float64Array; lonDeg: Float64Array; id: Uint32Array; n: number }, plane: Plane): Past {
  const x = new Float64Array(one.n), y = new Float64Array(one.n), at: Point = { x: 0, y: 0 };
  for (let row = 0; row < one.n; row++) {
    plane.forward(one.latDeg[row], one.lonDeg[row], at);
    x[row] = at.x;
    y[row] = at.y;
  }
  return { timeMs: one.timeMs, n: one.n, id: one.id, x, y };
}
