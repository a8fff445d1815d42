// The picture, filtered, as files.
import { FLAG, type Model } from "./model";
import { makeFilter } from "./filter";
import { knots } from "./text";

const COLUMNS = [
  "time", "track", "status", "callsign", "address", "mode_a", "lat_deg", "lon_deg", "level_ft", "level_is", "ground_speed_kt", "track_angle_deg",
  "vertical_rate_mps", "suspect", "sensors",
] as const;
type Row = Record<(typeof COLUMNS)[number], string | number | boolean | null>;

const rounded = (value: number, digits: number): number | null => (Number.isFinite(value) ? Number(value.toFixed(digits)) : null);

/** The rows that pass the filter and have a place. */
export function exportRows(model: Model): Row[] {
  const p = model.picture;
  if (p === null) return [];
  const passes = makeFilter(model), time = new Date(p.timeMs).toISOString(), rows: Row[] = [];
  for (let k = 0; k < p.n; k++) {
    if (!passes(k) || !Number.isFinite(p.latDeg[k])) continue;
    const known = model.statics.get(p.id[k]), level = rounded(p.levelFt[k], 0);
    rows.push({
      time, track: p.id[k], status: (p.flags[k] & FLAG.status) === FLAG.coasting ? "coasting" : "confirmed",
      callsign: known?.callsign ?? null, address: known?.address ?? null, mode_a: known?.modeA ?? null,
      lat_deg: p.latDeg[k], lon_deg: p.lonDeg[k], level_ft: level,
      level_is: level === null ? null : p.flags[k] & FLAG.geometric ? "height_wgs84" : "pressure_altitude",
      ground_speed_kt: rounded(knots(p.speedMps[k]), 1), track_angle_deg: rounded(p.angleDeg[k], 1), vertical_rate_mps: rounded(p.climbMps[k], 2),
      suspect: (p.flags[k] & FLAG.suspect) !== 0, sensors: sensorNames(model, p.sensors[k]).join(" "),
    });
  }
  return rows;
}

/** Names of the sensors whose bits are set; the last bit stands for all beyond. */
export function sensorNames(model: Model, bits: number): string[] {
  const names: string[] = [];
  for (let k = 0; k < 16; k++) {
    if (bits & (1 << k)) names.push(k === 15 && model.sensors.length > 16 ? "others" : model.sensors[k]?.id ?? `sensor ${k}`);
  }
  return names;
}

/** RFC 4180, with a line of names. */
export function toCsv(rows: Row[]): string {
  return [COLUMNS.join(","), ...rows.map((row) => COLUMNS.map((name) => cell(row[name])).join(","))].join("\r\n") + "\r\n";
}

function cell(value: string | number | boolean | null): string {
  if (value === null) return "";
  let text = String(value);
  if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`; // a callsign is not a formula
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** RFC 7946. */
export function toGeojson(rows: Row[]): string {
  const features = rows.map(({ lat_deg, lon_deg, ...properties }) => ({
    type: "Feature", id: properties.track, geometry: { type: "Point", coordinates: [lon_deg, lat_deg] }, properties,
  }));
  return JSON.stringify({ type: "FeatureCollection", features });
}

/** Hand a file to the user. */
export function download(content: Blob, name: string): void {
  const link = document.createElement("a"), url = URL.createObjectURL(content);
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
