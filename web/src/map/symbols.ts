// One symbol a track: its shape says what it is, its colour says it again. Circle: known by callsign or address. Square: a
// code only. Cross: primary radar alone. Tall rectangle: only its own word for where it is. Diamond: suspect. Dashed and
// grey: coasting. Hollow: new.
import { FLAG, type Model } from "../model";
import { distressOf } from "../label";
import type { Scene } from "./scene";
import { COLOURS, type Colours } from "./theme";

export const R = 4; // half the size of a symbol, CSS pixels

export type Kind = "known" | "code" | "primary" | "dependent" | "suspect";
const KINDS: Kind[] = ["known", "code", "primary", "dependent", "suspect"];

/** Which sensors, as bits of a picture's column, see aircraft for themselves. */
export function independentBits(model: Model): number {
  let bits = 0;
  model.sensors.forEach((sensor, k) => { if (sensor.kind !== "adsb") bits |= 1 << Math.min(k, 15); });
  return bits;
}

export function kindOf(model: Model, row: number, independent: number): Kind {
  const picture = model.picture!, flags = picture.flags[row];
  if (flags & FLAG.suspect) return "suspect";
  if (flags & FLAG.noIdentity) return "primary";
  if (picture.sensors[row] !== 0 && (picture.sensors[row] & independent) === 0) return "dependent";
  const known = model.statics.get(picture.id[row]);
  return known?.callsign || known?.address ? "known" : known?.modeA ? "code" : "primary";
}

export function colourOf(colours: Colours, kind: Kind): string {
  return kind === "known" ? colours.track : kind === "code" ? colours.code : kind === "primary" ? colours.primary : kind === "dependent" ? colours.dependent : colours.suspect;
}

/** Add a symbol's outline to a path. */
export function outline(path: CanvasRenderingContext2D | Path2D, kind: Kind, x: number, y: number, r = R): void {
  if (kind === "known") { path.moveTo(x + r, y); path.arc(x, y, r, 0, 2 * Math.PI); }
  else if (kind === "code") path.rect(x - r, y - r, 2 * r, 2 * r);
  else if (kind === "dependent") path.rect(x - 0.65 * r, y - 1.4 * r, 1.3 * r, 2.8 * r);
  else if (kind === "suspect") { path.moveTo(x, y - 1.5 * r); path.lineTo(x + 1.5 * r, y); path.lineTo(x, y + 1.5 * r); path.lineTo(x - 1.5 * r, y); path.closePath(); }
  else { path.moveTo(x - r, y); path.lineTo(x + r, y); path.moveTo(x, y - r); path.lineTo(x, y + r); }
}

/** All symbols and speed vectors, a path for each look: a call for each kind, not for each track. */
export function paintSymbols(context: CanvasRenderingContext2D, model: Model, scene: Scene, metresPerPixel: number): void {
  const picture = model.picture;
  if (picture === null) return;
  const colours = COLOURS[model.settings.theme], independent = independentBits(model);
  const solid = new Map<Kind, Path2D>(), hollow = new Map<Kind, Path2D>(), coasting = new Path2D(), alarms = new Path2D(), vectors = new Path2D();
  for (const kind of KINDS) { solid.set(kind, new Path2D()); hollow.set(kind, new Path2D()); }
  const ahead = (model.settings.vectorMin * 60) / metresPerPixel;
  for (let k = 0; k < scene.shown; k++) {
    const row = scene.rows[k], x = scene.sx[k], y = scene.sy[k], flags = picture.flags[row], kind = kindOf(model, row, independent);
    if ((flags & FLAG.status) === FLAG.coasting) outline(coasting, kind, x, y);
    else outline((flags & FLAG.fresh ? hollow : solid).get(kind)!, kind, x, y);
    if (distressOf(model.statics.get(picture.id[row])?.modeA) !== null) { alarms.moveTo(x + 2.6 * R, y); alarms.arc(x, y, 2.6 * R, 0, 2 * Math.PI); }
    const dx = scene.vx[row] * ahead, dy = -scene.vy[row] * ahead, length = Math.hypot(dx, dy);
    if (length > 1.5 * R) {
      vectors.moveTo(x + (dx / length) * R, y + (dy / length) * R);
      vectors.lineTo(x + dx, y + dy);
    }
  }
  context.lineWidth = 1;
  context.strokeStyle = colours.vector;
  context.stroke(vectors);
  context.lineWidth = 1.5;
  for (const kind of KINDS) {
    const colour = colourOf(colours, kind);
    context.strokeStyle = context.fillStyle = colour;
    if (kind !== "primary") { context.globalAlpha = 0.35; context.fill(solid.get(kind)!); context.globalAlpha = 1; }
    context.stroke(solid.get(kind)!);
    context.lineWidth = 1;
    context.stroke(hollow.get(kind)!);
    context.lineWidth = 1.5;
  }
  context.strokeStyle = colours.coasting;
  context.setLineDash([2.5, 2]);
  context.stroke(coasting);
  context.setLineDash([]);
  context.strokeStyle = colours.alarm;
  context.lineWidth = 2;
  context.stroke(alarms);
}
