// The permalink: view, selection, time and settings in the address after its "#", never anything secret.
import { DEFAULTS, type Filter, type Settings, type Theme, type View } from "./model";

export interface Link { view: View | null; selected: number | null; timeMs: number | null; settings: Partial<Settings>; filter: Partial<Filter> }

const THEMES: readonly Theme[] = ["dark", "light", "contrast"];
const VECTORS = [0, 1, 2, 5] as const;
const SWITCHES = ["labels", "plots", "rings", "coverage", "airports", "graticule", "sectors", "borders", "beam"] as const;
const SENSORS = 64; // that a link may hide

const within = (value: number, low: number, high: number) => Number.isFinite(value) && value >= low && value <= high;

/** Settings of which nothing is taken on trust: what does not fit is left out. */
export function checkSettings(told: unknown): Partial<Settings> {
  if (typeof told !== "object" || told === null) return {};
  const given = told as Record<string, unknown>, good: Partial<Settings> = {};
  for (const name of SWITCHES) if (typeof given[name] === "boolean") good[name] = given[name];
  if (THEMES.includes(given.theme as Theme)) good.theme = given.theme as Theme;
  const vector = VECTORS.find((minutes) => minutes === given.vectorMin);
  if (vector !== undefined) good.vectorMin = vector;
  if (Number.isInteger(given.history) && within(given.history as number, 0, 20)) good.history = given.history as number;
  if (within(given.ringStepKm as number, 1, 1000)) good.ringStepKm = given.ringStepKm as number;
  if (within(given.coverageFt as number, 0, 100_000)) good.coverageFt = given.coverageFt as number;
  if (Array.isArray(given.hiddenSensors)) {
    good.hiddenSensors = given.hiddenSensors.filter((k) => Number.isInteger(k) && within(k as number, 0, 4095)).slice(0, SENSORS) as number[];
  }
  return good;
}

/** The address's part after "#"; `timeMs` null: live. */
export function writeLink(view: View, selected: number | null, timeMs: number | null, settings: Settings, filter: Filter): string {
  const parts = [`v=${view.latDeg.toFixed(5)},${view.lonDeg.toFixed(5)},${Number(view.metresPerPixel.toPrecision(5))}`];
  if (selected !== null) parts.push(`s=${selected}`);
  if (timeMs !== null) parts.push(`t=${Math.round(timeMs)}`);
  const changed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(settings)) {
    if (JSON.stringify(value) !== JSON.stringify(DEFAULTS[name as keyof Settings])) changed[name] = value;
  }
  if (Object.keys(changed).length > 0) parts.push(`o=${encodeURIComponent(JSON.stringify(changed))}`);
  const wanted = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== null && value !== ""));
  if (Object.keys(wanted).length > 0) parts.push(`f=${encodeURIComponent(JSON.stringify(wanted))}`);
  return parts.join("&");
}

/** What an address asks for; of nonsense, nothing. */
export function readLink(hash: string): Link {
  const link: Link = { view: null, selected: null, timeMs: null, settings: {}, filter: {} };
  for (const part of hash.replace(/^#/, "").slice(0, 8192).split("&")) {
    const [name, value] = [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)];
    if (name === "v") {
      const [latDeg, lonDeg, metresPerPixel, ...more] = value.split(",").map((number) => (number === "" ? NaN : Number(number)));
      if (more.length === 0 && within(latDeg, -90, 90) && within(lonDeg, -180, 180) && within(metresPerPixel, 0.1, 100_000)) {
        link.view = { latDeg, lonDeg, metresPerPixel };
      }
    } else if (name === "s" && /^\d{1,10}$/.test(value) && Number(value) <= 0xffffffff) link.selected = Number(value);
    else if (name === "t" && /^\d{1,13}$/.test(value) && Number(value) <= 4e12) link.timeMs = Number(value);
    else if (name === "o") link.settings = checkSettings(decoded(value));
    else if (name === "f") link.filter = checkFilter(decoded(value));
  }
  return link;
}

function checkFilter(told: unknown): Partial<Filter> {
  if (typeof told !== "object" || told === null) return {};
  const given = told as Record<string, unknown>, good: Partial<Filter> = {};
  if (typeof given.text === "string") good.text = given.text.slice(0, 40);
  if (typeof given.modeA === "string" && /^[0-7]{0,4}$/.test(given.modeA)) good.modeA = given.modeA;
  if (within(given.minLevelFt as number, -2000, 100_000)) good.minLevelFt = given.minLevelFt as number;
  if (within(given.maxLevelFt as number, -2000, 100_000)) good.maxLevelFt = given.maxLevelFt as number;
  if (Number.isInteger(given.sensor) && within(given.sensor as number, 0, 4095)) good.sensor = given.sensor as number;
  return good;
}

function decoded(value: string): unknown {
  try { return JSON.parse(decodeURIComponent(value)); } catch { return null; }
}
