// Data blocks: what a controller wants beside a symbol, placed so that they neither cover one another nor jump about.
import { FLAG, type Model } from "../model";
import { labelOf, troubleOf } from "../label";
import { climbArrow, knots, levelText } from "../text";
import { boxIn, edgeOf, findPlace, Taken, type Box } from "./places";
import type { Scene } from "./scene";
import { R } from "./symbols";
import { COLOURS, fontOf, type Colours } from "./theme";

export const MANY = 250, TOO_MANY = 4000; // more tracks than that: callsigns only; dots only
const SIZE = 11, LINE = 13, WIDE = 6.65; // of the font, CSS pixels
const FONT = fontOf(SIZE);
const FIRST = 0; // octant of a new block: right and up

export class Labels {
  readonly boxes: { id: number; box: Box }[] = []; // as drawn last, for the pointer
  private readonly octants = new Map<number, number>();
  private readonly dragged = new Map<number, { dx: number; dy: number }>();
  private readonly taken = new Taken();

  constructor(private readonly model: Model, private readonly scene: Scene) {}

  /** Keep a block where the user has dragged it, relative to its symbol. */
  drag(id: number, dx: number, dy: number): void {
    const old = this.dragged.get(id) ?? this.offset(id);
    this.dragged.set(id, { dx: old.dx + dx, dy: old.dy + dy });
  }

  forget(): void {
    this.octants.clear();
    this.dragged.clear();
  }

  /** The block under a point of the screen, null where there is none. */
  at(x: number, y: number): number | null {
    for (let k = this.boxes.length - 1; k >= 0; k--) {
      const { id, box } = this.boxes[k];
      if (x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height) return id;
    }
    return null;
  }

  paint(context: CanvasRenderingContext2D, width: number, height: number): void {
    const { model, scene } = this, picture = model.picture;
    this.boxes.length = 0;
    if (picture === null) return;
    const colours = COLOURS[model.settings.theme], every = model.settings.labels && scene.shown <= TOO_MANY, short = scene.shown > MANY;
    this.taken.clear(width, height);
    // A block must not cover a symbol, its own or another's.
    for (let k = 0; k < scene.shown && every; k++) this.taken.take({ x: scene.sx[k] - R, y: scene.sy[k] - R, width: 2 * R, height: 2 * R });
    context.font = FONT;
    context.textBaseline = "top";
    context.textAlign = "left";
    for (const k of this.order(every)) {
      const row = scene.rows[k], id = picture.id[row], chosen = id === model.selected || id === model.hovered;
      const lines = this.lines(row, id, short && !chosen, chosen);
      const wide = Math.max(...lines.map((line) => line.length)) * WIDE, high = lines.length * LINE;
      const x = scene.sx[k], y = scene.sy[k], by = this.dragged.get(id);
      let box: Box;
      if (by !== undefined) box = { x: x + by.dx, y: y + by.dy, width: wide, height: high };
      else {
        const had = this.octants.get(id) ?? FIRST, place = findPlace(this.taken, had, x, y, wide, high);
        const trouble = troubleOf(model, id, picture.flags[row]);
        if (place === null && !chosen && (trouble === null || trouble === "CST")) continue; // no room: its symbol must do
        box = place?.box ?? boxIn(had, 9, x, y, wide, high);
        if (place !== null) this.octants.set(id, place.octant);
      }
      this.taken.take(box);
      this.boxes.push({ id, box });
      this.block(context, colours, row, id, lines, x, y, box, chosen);
    }
  }

  /** The selected one first, then who is in trouble, then by number: who comes first has the choice. */
  private order(every: boolean): number[] {
    const { model, scene } = this, picture = model.picture!, first: number[] = [], then: number[] = [], last: number[] = [];
    for (let k = 0; k < scene.shown; k++) {
      const row = scene.rows[k], id = picture.id[row];
      if (id === model.selected || id === model.hovered) first.push(k);
      else if (!every) continue;
      else if (troubleOf(model, id, picture.flags[row]) !== null && (picture.flags[row] & FLAG.status) !== FLAG.coasting) then.push(k);
      else last.push(k);
    }
    return [...first, ...then, ...last];
  }

  private lines(row: number, id: number, short: boolean, full: boolean): string[] {
    const { model } = this, picture = model.picture!, trouble = troubleOf(model, id, picture.flags[row]), lines: string[] = [];
    if (trouble !== null && !(short && trouble === "CST")) lines.push(trouble);
    lines.push(labelOf(model, id).slice(0, 12));
    if (short) return lines;
    lines.push(`${levelText(picture.levelFt[row])}${climbArrow(picture.climbMps[row])}${String(Math.round(knots(picture.speedMps[row]) / 10)).padStart(2, "0")}`);
    if (!full) return lines;
    const known = model.statics.get(id), names = model.sensors.filter((_, k) => (picture.sensors[row] >> Math.min(k, 15)) & 1).map((sensor) => sensor.id);
    lines.push(`${known?.modeA ? `A${known.modeA}` : "A----"} ${names.join("+").slice(0, 18)}`.trim());
    return lines;
  }

  private block(context: CanvasRenderingContext2D, colours: Colours, row: number, id: number, lines: string[], x: number, y: number, box: Box, chosen: boolean): void {
    const { model } = this, flags = model.picture!.flags[row], trouble = troubleOf(model, id, flags);
    const edge = edgeOf(box, x, y), far = Math.hypot(edge.x - x, edge.y - y);
    if (far > R + 4) {
      context.strokeStyle = colours.leader;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(x + ((edge.x - x) / far) * (R + 2), y + ((edge.y - y) / far) * (R + 2));
      context.lineTo(edge.x, edge.y);
      context.stroke();
    }
    if (chosen) {
      context.fillStyle = colours.labelBack;
      context.fillRect(box.x - 3, box.y - 2, box.width + 6, box.height + 3);
    }
    const first = trouble !== null && lines[0] === trouble ? 1 : 0;
    for (let k = 0; k < lines.length; k++) {
      context.fillStyle = k < first ? (trouble === "CST" ? colours.coasting : trouble === "SPOOF" || trouble === "DUPE" ? colours.suspect : colours.alarm) : chosen || k === first ? colours.label : colours.labelDim;
      context.fillText(lines[k], box.x, box.y + k * LINE);
    }
  }

  private offset(id: number): { dx: number; dy: number } {
    const shown = this.boxes.find((one) => one.id === id), row = this.model.row(id);
    for (let k = 0; shown !== undefined && k < this.scene.shown; k++) {
      if (this.scene.rows[k] === row) return { dx: shown.box.x - this.scene.sx[k], dy: shown.box.y - this.scene.sy[k] };
    }
    return { dx: 9, dy: -20 };
  }
}
