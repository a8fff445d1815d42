// The rows of the track list: which, and in which order. No elements here.
import { makeFilter } from "./filter";
import { labelOf, troubleOf } from "./label";
import type { Model } from "./model";

export type Column = "label" | "modeA" | "level" | "speed" | "course" | "state";
export interface Order { column: Column; down: boolean }

const SEVERITY = { EMRG: 0, HIJK: 1, RADIO: 2, SPOOF: 3, DUPE: 4, CST: 5 } as const;

/** Numbers of the picture's rows that pass the filter, in the order wanted; equals stay in the order of `before`, their ids. */
export function sortedRows(model: Model, order: Order, before: readonly number[] = []): number[] {
  const picture = model.picture;
  if (picture === null) return [];
  const passes = makeFilter(model);
  const rows: number[] = [], seen = new Uint8Array(picture.n);
  // Begun with the order that it had: a list that is all but sorted is sorted in no time.
  for (const id of before) {
    const row = model.row(id);
    if (row >= 0 && seen[row] === 0) { seen[row] = 1; if (passes(row)) rows.push(row); }
  }
  for (let row = 0; row < picture.n; row++) if (seen[row] === 0 && passes(row)) rows.push(row);
  // Keys are numbers, those that are not known the greatest either way.
  const sign = order.down ? -1 : 1, key = keyOf(model, order.column), keys = new Float64Array(picture.n);
  for (const row of rows) {
    const value = key(row);
    keys[row] = value === value ? sign * value : Infinity;
  }
  return rows.sort((a, b) => (keys[a] < keys[b] ? -1 : keys[a] > keys[b] ? 1 : a - b));
}

const LETTERS = 8;
const NAMELESS = 2 ** 50; // beyond every word

/** A word as a number that sorts as it does, by its first eight letters of six bits. */
function wordKey(word: string): number {
  let key = 0;
  for (let k = 0; k < LETTERS; k++) key = key * 64 + (k < word.length ? Math.min(Math.max(word.charCodeAt(k) - 31, 1), 63) : 0);
  return key;
}

function keyOf(model: Model, column: Column): (row: number) => number {
  const picture = model.picture!;
  switch (column) {
    case "label": return (row) => { // those without a name come after those with one, by number
      const label = labelOf(model, picture.id[row]);
      return label.startsWith("#") ? NAMELESS + picture.id[row] : wordKey(label);
    };
    case "modeA": return (row) => {
      const code = model.statics.get(picture.id[row])?.modeA;
      return code ? wordKey(code) : NaN;
    };
    case "level": return (row) => picture.levelFt[row];
    case "speed": return (row) => picture.speedMps[row];
    case "course": return (row) => picture.angleDeg[row];
    case "state": return (row) => {
      const trouble = troubleOf(model, picture.id[row], picture.flags[row]);
      return trouble === null ? 5 : SEVERITY[trouble];
    };
  }
}
