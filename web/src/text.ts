// How quantities are written: one place for each, so that the list, the detail and the files agree.

export const FOOT_M = 0.3048;
export const NM_M = 1852;
const KNOT_MPS = NM_M / 3600;

const two = (value: number) => String(value).padStart(2, "0");

/** A time as 12:34:56. */
export function clockText(timeMs: number): string {
  if (!Number.isFinite(timeMs) || timeMs <= 0) return "--:--:--";
  const t = new Date(timeMs);
  return Number.isNaN(t.getTime()) ? "--:--:--" : `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}:${two(t.getUTCSeconds())}`;
}

/** A day as 2026-11-25. */
export function dayText(timeMs: number): string {
  const t = new Date(timeMs);
  return !Number.isFinite(timeMs) || timeMs <= 0 || Number.isNaN(t.getTime()) ? "" : t.toISOString().slice(0, 10);
}

/** A level as three digits of a hundred feet. */
export function levelText(feet: number): string {
  if (!Number.isFinite(feet)) return "---";
  const level = Math.round(feet / 100);
  return level < 0 ? `-${String(-level).padStart(2, "0")}` : String(level).padStart(3, "0");
}

/** An arrow where a track climbs or descends by more than 300 ft/min. */
export function climbArrow(climbMps: number): string {
  const feetPerMinute = (climbMps / FOOT_M) * 60;
  return feetPerMinute > 300 ? "↑" : feetPerMinute < -300 ? "↓" : " ";
}

export const knots = (mps: number) => mps / KNOT_MPS;
export const feet = (m: number) => m / FOOT_M;

/** Degrees of a course as three digits. */
export function courseText(deg: number): string {
  if (!Number.isFinite(deg)) return "---";
  return String(Math.round(((deg % 360) + 360) % 360) % 360).padStart(3, "0");
}

/** A number with its thousands apart, or dashes. */
export function countText(value: number | null | undefined, digits = 0): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return (Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value).toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A latitude or longitude as 47°14.96′N. */
export function angleText(deg: number, positive: string, negative: string): string {
  if (!Number.isFinite(deg)) return "–";
  let minutes = Math.round(Math.abs(deg) * 6000);
  const whole = Math.floor(minutes / 6000);
  minutes -= whole * 6000;
  return `${whole}°${(minutes / 100).toFixed(2).padStart(5, "0")}′${deg < 0 ? negative : positive}`;
}

/** A span of time as 34 s, 5 min, 2 h 05. */
export function spanText(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  const s = Math.max(0, Math.round(seconds));
  if (s < 100) return `${s} s`;
  const minutes = Math.round(s / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${two(minutes % 60)}`;
}
