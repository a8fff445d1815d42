// Binary frames of docs/api.md as columns. Whatever is cut, foreign or senseless gives null: the page counts it and goes on.
import type { Picture, Plots } from "./model";

export type Frame = { kind: "picture"; picture: Picture } | { kind: "plots"; plots: Plots; timeMs: number; sequence: number; jump: boolean };

const HEAD = 24;
const PICTURE_ROW = 24;
const PLOT_ROW = 16;
const NONE = -32768;
const LEVEL_FT = 25;
const SPEED_MPS = 0.1;
const CLIMB_MPS = 0.05;
const MOST_ROWS = 1_000_000;
const LATEST_MS = 4e12; // the year 2096

/** One frame, null where it is none. `nowMs` is performance.now() of its arrival. */
export function parseFrame(data: ArrayBuffer, nowMs: number): Frame | null {
  if (data.byteLength < HEAD) return null;
  const head = new DataView(data);
  if (head.getUint8(0) !== 0x46 || head.getUint8(1) !== 0x57 || head.getUint8(2) !== 1) return null;
  const kind = head.getUint8(3), n = head.getUint32(4, true), timeMs = head.getFloat64(8, true);
  if (!(timeMs >= 0 && timeMs <= LATEST_MS) || n > MOST_ROWS) return null;
  const sequence = head.getUint32(16, true), jump = (head.getUint32(20, true) & 1) === 1;
  if (kind === 1 && data.byteLength === HEAD + n * PICTURE_ROW) {
    const picture = parsePicture(data, n, timeMs, sequence, jump, nowMs);
    return picture === null ? null : { kind: "picture", picture };
  }
  if (kind === 2 && data.byteLength === HEAD + n * PLOT_ROW) return { kind: "plots", plots: parsePlots(data, n, timeMs), timeMs, sequence, jump };
  return null;
}

function parsePicture(data: ArrayBuffer, n: number, timeMs: number, sequence: number, jump: boolean, nowMs: number): Picture | null {
  const id = new Uint32Array(data.slice(HEAD, HEAD + 4 * n));
  for (let k = 1; k < n; k++) if (id[k] <= id[k - 1]) return null; // rows are found by halving
  const latDeg = new Float64Array(n), lonDeg = new Float64Array(n);
  places(data, HEAD + 4 * n, n, latDeg, lonDeg);
  let at = HEAD + 12 * n;
  const column = <T>(make: (part: ArrayBuffer) => T): T => { at += 2 * n; return make(data.slice(at - 2 * n, at)); };
  const level = column((part) => new Int16Array(part)), speed = column((part) => new Uint16Array(part));
  const angle = column((part) => new Uint16Array(part)), climb = column((part) => new Int16Array(part));
  const flags = column((part) => new Uint16Array(part)), sensors = column((part) => new Uint16Array(part));
  const levelFt = new Float32Array(n), speedMps = new Float32Array(n), angleDeg = new Float32Array(n), climbMps = new Float32Array(n);
  for (let k = 0; k < n; k++) {
    levelFt[k] = level[k] === NONE ? NaN : level[k] * LEVEL_FT;
    speedMps[k] = speed[k] * SPEED_MPS;
    angleDeg[k] = angle[k] * (360 / 65536);
    climbMps[k] = climb[k] === NONE ? NaN : climb[k] * CLIMB_MPS;
  }
  return { n, timeMs, sequence, jump, receivedMs: nowMs, id, latDeg, lonDeg, levelFt, speedMps, angleDeg, climbMps, flags, sensors };
}

function parsePlots(data: ArrayBuffer, n: number, timeMs: number): Plots {
  const latDeg = new Float64Array(n), lonDeg = new Float64Array(n), time = new Float64Array(n);
  places(data, HEAD, n, latDeg, lonDeg);
  const age = new Uint32Array(data.slice(HEAD + 8 * n, HEAD + 12 * n));
  for (let k = 0; k < n; k++) time[k] = timeMs - age[k];
  return {
    n, timeMs: time, latDeg, lonDeg, sensor: new Uint16Array(data.slice(HEAD + 12 * n, HEAD + 14 * n)),
    kind: new Uint8Array(data.slice(HEAD + 14 * n, HEAD + 15 * n)), used: new Uint8Array(data.slice(HEAD + 15 * n, HEAD + 16 * n)),
  };
}

/** Places off the Earth become NaN: such a row is not drawn, and the others are. */
function places(data: ArrayBuffer, at: number, n: number, latDeg: Float64Array, lonDeg: Float64Array): void {
  const lat = new Int32Array(data.slice(at, at + 4 * n)), lon = new Int32Array(data.slice(at + 4 * n, at + 8 * n));
  for (let k = 0; k < n; k++) {
    const good = Math.abs(lat[k]) <= 900_000_000 && Math.abs(lon[k]) <= 1_800_000_000;
    latDeg[k] = good ? lat[k] / 1e7 : NaN;
    lonDeg[k] = good ? lon[k] / 1e7 : NaN;
  }
}
