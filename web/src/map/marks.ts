// What is drawn about single things: the radars' beams, the selected track's ellipse and plots, the ruler.
import type { Model } from "../model";
import { NM_M } from "../text";
import { RAD, wayBetween, type Point } from "./plane";
import type { Scene } from "./scene";
import { R } from "./symbols";
import { COLOURS, fontOf } from "./theme";
import type { Camera } from "./view";

const SIGMAS = 2; // of the ellipse
const TAIL_DEG = 14;

/** Each radar's beam as it turns: from the last word of where it was. */
export function paintBeams(context: CanvasRenderingContext2D, model: Model, camera: Camera, nowMs: number, moving: boolean): boolean {
  const { status, settings } = model, at: Point = { x: 0, y: 0 };
  // Of the past nothing is known of the beam: what the service says is where it is now.
  if (!settings.beam || status === null || model.stale || status.playback.state !== "live") return false;
  const colours = COLOURS[settings.theme];
  let drawn = false;
  for (const [k, sensor] of model.sensors.entries()) {
    const health = status.sensors[k];
    if (health?.azimuthDeg == null || !(health.rotationS > 0) || health.condition !== "ok") continue;
    if (!camera.plane.forward(sensor.latDeg, sensor.lonDeg, at)) continue;
    const since = moving ? Math.min(Math.max(0, (nowMs - model.heardMs) / 1000), 3) : 0;
    const azimuth = health.azimuthDeg + (since / health.rotationS) * 360 + convergence(sensor.lonDeg, sensor.latDeg, camera);
    const x = camera.screenX(at.x), y = camera.screenY(at.y), reach = sensor.maxRangeM / camera.metresPerPixel, angle = (azimuth - 90) * RAD;
    if (x + reach < 0 || y + reach < 0 || x - reach > camera.width || y - reach > camera.height) continue;
    context.fillStyle = colours.beamTail;
    for (const part of [1, 0.4]) {
      context.beginPath();
      context.moveTo(x, y);
      context.arc(x, y, reach, angle - TAIL_DEG * part * RAD, angle);
      context.fill();
    }
    context.strokeStyle = colours.beam;
    context.lineWidth = 1.2;
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + reach * Math.cos(angle), y + reach * Math.sin(angle));
    context.stroke();
    drawn = true;
  }
  return drawn;
}

/** By how many degrees north at a place is turned in the plane. */
function convergence(lonDeg: number, latDeg: number, camera: Camera): number {
  const a: Point = { x: 0, y: 0 }, b: Point = { x: 0, y: 0 };
  if (!camera.plane.forward(latDeg, lonDeg, a) || !camera.plane.forward(Math.min(89.9, latDeg + 0.05), lonDeg, b)) return 0;
  return Math.atan2(b.x - a.x, b.y - a.y) / RAD;
}

/** The selected track: a ring, its ellipse of two sigmas, and lines to the plots that made it. */
export function paintSelection(context: CanvasRenderingContext2D, model: Model, scene: Scene, camera: Camera): void {
  const colours = COLOURS[model.settings.theme], picture = model.picture;
  for (let k = 0; picture !== null && k < scene.shown; k++) {
    const id = picture.id[scene.rows[k]];
    if (id !== model.selected && id !== model.hovered) continue;
    context.strokeStyle = colours.selected;
    context.lineWidth = id === model.selected ? 1.5 : 1;
    context.beginPath();
    context.arc(scene.sx[k], scene.sy[k], 2.2 * R, 0, 2 * Math.PI);
    context.stroke();
  }
  const { detail } = model, at: Point = { x: 0, y: 0 };
  if (detail === null || detail.id !== model.selected || !camera.plane.forward(detail.latDeg, detail.lonDeg, at)) return;
  const x = camera.screenX(at.x), y = camera.screenY(at.y), trail: [number, number][] = [];
  for (const plot of detail.plots) {
    if (camera.plane.forward(plot.latDeg, plot.lonDeg, at)) trail.push([camera.screenX(at.x), camera.screenY(at.y)]);
  }
  context.strokeStyle = colours.leader;
  context.lineWidth = 1;
  context.setLineDash([2, 3]);
  context.beginPath();
  trail.slice(-6).forEach(([px, py]) => { context.moveTo(x, y); context.lineTo(px, py); });
  context.stroke();
  context.setLineDash([]);
  context.strokeStyle = colours.ellipse;
  context.beginPath();
  for (const [px, py] of trail) { context.moveTo(px - 3, py - 3); context.lineTo(px + 3, py + 3); context.moveTo(px - 3, py + 3); context.lineTo(px + 3, py - 3); }
  context.stroke();
  ellipse(context, x, y, detail.sigmaEastM / camera.metresPerPixel, detail.sigmaNorthM / camera.metresPerPixel, detail.correlationEastNorth, -convergence(detail.lonDeg, detail.latDeg, camera));
}

/** An ellipse of SIGMAS from the standard deviations (pixels) east and north and their correlation. */
function ellipse(context: CanvasRenderingContext2D, x: number, y: number, east: number, north: number, correlation: number, turnDeg: number): void {
  if (!(east > 0 && north > 0 && Math.abs(correlation) < 1)) return;
  const ee = east * east, nn = north * north, en = correlation * east * north, mean = (ee + nn) / 2, spread = Math.hypot((ee - nn) / 2, en);
  const major = SIGMAS * Math.sqrt(mean + spread), minor = SIGMAS * Math.sqrt(Math.max(mean - spread, 0));
  if (major < 2 || major > 5000) return;
  context.beginPath();
  context.ellipse(x, y, major, Math.max(minor, 0.5), -0.5 * Math.atan2(2 * en, ee - nn) - turnDeg * RAD, 0, 2 * Math.PI);
  context.stroke();
}

/** An end of the ruler: a place, or a track that it goes along with. */
export interface End { id: number | null; latDeg: number; lonDeg: number }

export function paintRuler(context: CanvasRenderingContext2D, model: Model, camera: Camera, from: End, to: End): void {
  const colours = COLOURS[model.settings.theme], at: Point = { x: 0, y: 0 };
  const places = [from, to].map((end) => placeOf(model, end));
  const points = places.map((place) => (camera.plane.forward(place.latDeg, place.lonDeg, at) ? [camera.screenX(at.x), camera.screenY(at.y)] : null));
  if (points[0] === null || points[1] === null) return;
  const [[ax, ay], [bx, by]] = points as [number, number][];
  const way = wayBetween(places[0].latDeg, places[0].lonDeg, places[1].latDeg, places[1].lonDeg);
  context.strokeStyle = context.fillStyle = colours.ruler;
  context.lineWidth = 1.2;
  context.beginPath();
  context.moveTo(ax, ay); context.lineTo(bx, by);
  context.moveTo(ax + 3, ay); context.arc(ax, ay, 3, 0, 2 * Math.PI);
  context.moveTo(bx + 3, by); context.arc(bx, by, 3, 0, 2 * Math.PI);
  context.stroke();
  const bearing = String(Math.round(way.bearingDeg) % 360).padStart(3, "0");
  const text = `${bearing}°  ${(way.distanceM / NM_M).toFixed(1)} NM  ${(way.distanceM / 1000).toFixed(1)} km`;
  context.font = fontOf(12);
  context.textAlign = "left";
  context.textBaseline = "middle";
  const width = context.measureText(text).width, left = Math.min(Math.max(4, bx + 10), camera.width - width - 8), top = Math.min(Math.max(12, by - 12), camera.height - 12);
  context.fillStyle = colours.labelBack;
  context.fillRect(left - 4, top - 9, width + 8, 18);
  context.fillStyle = colours.ruler;
  context.fillText(text, left, top);
}

function placeOf(model: Model, end: End): { latDeg: number; lonDeg: number } {
  const row = end.id === null ? -1 : model.row(end.id);
  return row < 0 ? end : { latDeg: model.picture!.latDeg[row], lonDeg: model.picture!.lonDeg[row] };
}
