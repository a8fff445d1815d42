// The rows of the track list: which, and in which order. No elements here.
import { makeFilter } from "./filter";
import { labelOf, troubleOf } from "./label";
import type { Model } from "./model";

export type Column = "label" | "modeA" | "level" | "speed" | "course" | "state";
export interface Order { column: Column; down: boolean }

const SEVERITY = { EMRG: 0, HIJK: 1, RADIO: 2, SPOOF: 3, CST: 4 } as const;

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
  const sign = order.down ? -1 : 1;
  const key = keyOf(model, order.column);
  const keys: (number | string)[] = new Array(picture.n);
  for (const row of rows) keys[row] = key(row);
  return rows.sort((a, b) => {
    const x = keys[a], y = keys[b];
    const unknownX = x === "" || x !== x, unknownY = y === "" || y !== y; // what is not known comes last, whichever way
    if (unknownX || unknownY) return unknownX === unknownY ? a - b : unknownX ? 1 : -1;
    return x < y ? -sign : x > y ? sign : a - b;
  });
}

function keyOf(model: Model, column: Column): (row: number) => number | string {
  const picture = model.picture!;
  switch (column) {
    case "label": return (row) => { // those without a name come after those with one, by number
      const label = labelOf(model, picture.id[row]);
      return label.startsWith("#") ? `\uffff${label.slice(1).padStart(10, "0")}` : label;
    };
    case "modeA": return (row) => model.statics.get(picture.id[row])?.modeA ?? "";
    case "level": return (row) => picture.levelFt[row];
    case "speed": return (row) => picture.speedMps[row];
    case "course": return (row) => picture.angleDeg[row];
    case "state": return (row) => {
      const trouble = troubleOf(model, picture.id[row], picture.flags[row]);
      return trouble === null ? 5 : SEVERITY[trouble];
    };
  }
}
