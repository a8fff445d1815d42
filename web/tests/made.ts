// Frames and models made by hand, for the tests.
import { Model } from "../src/model";
import { parseFrame } from "../src/frames";

export interface Row { id: number; lat?: number; lon?: number; level?: number; speed?: number; angle?: number; climb?: number; flags?: number; sensors?: number }

/** A picture as docs/api.md has it: integers of the wire, not units. */
export function pictureBytes(rows: Row[], timeMs = 1_732_512_345_000, flags = 0): ArrayBuffer {
  const n = rows.length, data = new ArrayBuffer(24 + 24 * n), view = new DataView(data);
  head(view, 1, n, timeMs, flags);
  rows.forEach((row, k) => {
    view.setUint32(24 + 4 * k, row.id, true);
    view.setInt32(24 + 4 * n + 4 * k, row.lat ?? 0, true);
    view.setInt32(24 + 8 * n + 4 * k, row.lon ?? 0, true);
    [row.level ?? 0, row.speed ?? 0, row.angle ?? 0, row.climb ?? 0, row.flags ?? 1, row.sensors ?? 1].forEach((value, column) => {
      view.setUint16(24 + 12 * n + 2 * (column * n + k), value & 0xffff, true);
    });
  });
  return data;
}

export function plotBytes(plots: { lat: number; lon: number; age: number; sensor: number; kind: number; used: number }[], timeMs = 1_732_512_345_000): ArrayBuffer {
  const n = plots.length, data = new ArrayBuffer(24 + 16 * n), view = new DataView(data);
  head(view, 2, n, timeMs, 0);
  plots.forEach((plot, k) => {
    view.setInt32(24 + 4 * k, plot.lat, true);
    view.setInt32(24 + 4 * n + 4 * k, plot.lon, true);
    view.setUint32(24 + 8 * n + 4 * k, plot.age, true);
    view.setUint16(24 + 12 * n + 2 * k, plot.sensor, true);
    view.setUint8(24 + 14 * n + k, plot.kind);
    view.setUint8(24 + 15 * n + k, plot.used);
  });
  return data;
}

function head(view: DataView, kind: number, n: number, timeMs: number, flags: number): void {
  view.setUint8(0, 0x46);
  view.setUint8(1, 0x57);
  view.setUint8(2, 1);
  view.setUint8(3, kind);
  view.setUint32(4, n, true);
  view.setFloat64(8, timeMs, true);
  view.setUint32(16, 7, true);
  view.setUint32(20, flags, true);
}

/** A model that shows rows, with names where given. */
export function modelOf(rows: Row[], names: Record<number, { callsign?: string; address?: string; modeA?: string }> = {}): Model {
  const model = new Model(), frame = parseFrame(pictureBytes(rows), 0);
  if (frame?.kind !== "picture") throw new Error("no picture");
  model.picture = frame.picture;
  for (const [id, name] of Object.entries(names)) model.statics.set(Number(id), { callsign: name.callsign ?? null, address: name.address ?? null, modeA: name.modeA ?? null });
  return model;
}

/** Numbers that look random and are the same every time (a linear congruence). */
export function dice(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
