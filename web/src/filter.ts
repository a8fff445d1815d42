// The filter: which tracks of the picture the user wants to see. The list, the map and the files go by it.
import type { Model } from "./model";
import { labelOf } from "./label";

/** Whether anything is filtered at all. */
export function isFiltering(model: Model): boolean {
  const f = model.filter;
  return f.text !== "" || f.modeA !== "" || f.sensor !== null || f.minLevelFt !== null || f.maxLevelFt !== null;
}

/** A test of the picture's rows. A row without a level passes no level band. */
export function makeFilter(model: Model): (row: number) => boolean {
  const { picture, filter, statics } = model;
  if (picture === null || !isFiltering(model)) return () => true;
  const text = filter.text.trim().toUpperCase(), modeA = filter.modeA.trim();
  const low = filter.minLevelFt ?? -Infinity, high = filter.maxLevelFt ?? Infinity;
  const banded = filter.minLevelFt !== null || filter.maxLevelFt !== null;
  const bit = filter.sensor === null ? 0 : 1 << Math.min(filter.sensor, 15);
  return (row) => {
    if (bit !== 0 && (picture.sensors[row] & bit) === 0) return false;
    if (banded && !(picture.levelFt[row] >= low && picture.levelFt[row] <= high)) return false;
    if (text === "" && modeA === "") return true;
    const id = picture.id[row], known = statics.get(id);
    if (modeA !== "" && !(known?.modeA ?? "").startsWith(modeA)) return false;
    if (text === "") return true;
    return labelOf(model, id).toUpperCase().includes(text) || (known?.address ?? "").toUpperCase().includes(text)
      || known?.modeA === text || String(id) === text;
  };
}
