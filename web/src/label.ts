// What a track is called, and what is the matter with it.
import { FLAG, type Model } from "./model";

export type Trouble = "EMRG" | "RADIO" | "HIJK" | "DUPE" | "SPOOF" | "CST";

const CODES: Record<string, Trouble> = { "7700": "EMRG", "7600": "RADIO", "7500": "HIJK" };
const WORDS: Record<Trouble, string> = {
  EMRG: "emergency, 7700", RADIO: "radio failure, 7600", HIJK: "unlawful interference, 7500", SPOOF: "suspect: its reports and the radars disagree",
  DUPE: "duplicate: another track has the same address", CST: "coasting: not seen lately",
};

/** Callsign, else address, else Mode A, else track number. */
export function labelOf(model: Model, id: number): string {
  const known = model.statics.get(id);
  return known?.callsign ?? known?.address ?? (known?.modeA ? `A${known.modeA}` : `#${id}`);
}

/** The code's meaning where it is one of the three of distress. */
export function distressOf(modeA: string | null | undefined): Trouble | null {
  return modeA ? CODES[modeA] ?? null : null;
}

/** The worst that is to be said of a track, null where nothing is. */
export function troubleOf(model: Model, id: number, flags: number): Trouble | null {
  const distress = distressOf(model.statics.get(id)?.modeA);
  if (distress !== null) return distress;
  if (flags & FLAG.suspect) return "SPOOF";
  if (model.doubles.has(id)) return "DUPE";
  return (flags & FLAG.status) === FLAG.coasting ? "CST" : null;
}

/** A trouble in words. */
export function troubleText(trouble: Trouble): string { return WORDS[trouble]; }
