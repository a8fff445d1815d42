// Text messages of docs/api.md, read with suspicion: what has the wrong type is left out, and what is no message gives null.
import type { Detail, Mode, Registration, Sensor, SensorStatus, Static, Status } from "./model";

export interface Hello { session: string; mode: Mode; name: string; centre: { latDeg: number; lonDeg: number }; radiusM: number; sensors: Sensor[]; version: string }

export type Message =
  | { type: "hello"; hello: Hello }
  | { type: "static"; tracks: [number, Partial<Static>][] }
  | { type: "status"; status: Status }
  | { type: "detail"; detail: Detail }
  | { type: "notice"; text: string };

type Fields = Record<string, unknown>;

const MOST_SENSORS = 4096;
const LONGEST = 400; // characters of a text

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const number = (value: unknown, otherwise: number): number => (typeof value === "number" && Number.isFinite(value) ? value : otherwise);
const maybe = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);
const text = (value: unknown): string => (typeof value === "string" ? value.slice(0, LONGEST) : "");
const word = (value: unknown): string | null => (typeof value === "string" && value.trim() !== "" ? value.trim().slice(0, 16) : null);
const oneOf = <T extends string>(value: unknown, allowed: readonly T[], otherwise: T): T => (allowed.includes(value as T) ? (value as T) : otherwise);
const place = (lat: unknown, lon: unknown): { latDeg: number; lonDeg: number } | null => {
  const latDeg = number(lat, NaN), lonDeg = number(lon, NaN);
  return Math.abs(latDeg) <= 90 && Math.abs(lonDeg) <= 180 ? { latDeg, lonDeg } : null;
};

const MODES = ["live", "replay", "simulated", "standby"] as const;

/** One message, null where it is none that this page knows. */
export function parseMessage(data: string): Message | null {
  let told: unknown;
  try { told = JSON.parse(data); } catch { return null; }
  if (!isFields(told)) return null;
  switch (told.type) {
    case "hello": return hello(told);
    case "static": return { type: "static", tracks: list(told.tracks).flatMap(statics) };
    case "status": return { type: "status", status: status(told) };
    case "detail": return detail(told);
    case "notice": return { type: "notice", text: text(told.text) };
    default: return null;
  }
}

function hello(told: Fields): Message | null {
  if (told.version !== 1 || typeof told.session !== "string") return null;
  const scenario = isFields(told.scenario) ? told.scenario : {};
  const sensors = list(told.sensors).slice(0, MOST_SENSORS).map(sensor);
  const centre = isFields(scenario.centre) ? place(scenario.centre.lat_deg, scenario.centre.lon_deg) : null;
  return {
    type: "hello",
    hello: {
      session: told.session, mode: oneOf(told.mode, MODES, "live"), name: text(scenario.name), version: text(told.farwatch),
      centre: centre ?? { latDeg: 0, lonDeg: 0 }, radiusM: Math.min(Math.max(number(scenario.radius_m, 600_000), 1000), 2e7), sensors,
    },
  };
}

function sensor(told: unknown): Sensor {
  const one = isFields(told) ? told : {};
  const at = place(one.lat_deg, one.lon_deg);
  return {
    id: text(one.id), kind: text(one.kind), latDeg: at?.latDeg ?? NaN, lonDeg: at?.lonDeg ?? NaN, heightM: number(one.height_m, 0),
    maxRangeM: number(one.max_range_m, 0), minElevationDeg: number(one.min_elevation_deg, 0), rotationS: number(one.rotation_s, 0),
  };
}

function statics(told: unknown): [number, Partial<Static>][] {
  if (!isFields(told) || typeof told.id !== "number") return [];
  const fields: Partial<Static> = {};
  if ("callsign" in told) fields.callsign = word(told.callsign);
  if ("address" in told) fields.address = word(told.address);
  if ("mode_a" in told) fields.modeA = word(told.mode_a);
  return [[told.id, fields]];
}

function status(told: Fields): Status {
  const playback = isFields(told.playback) ? told.playback : {};
  const span = (value: unknown): [number, number] | null => {
    const [from, to] = list(value).map(maybe);
    return typeof from === "number" && typeof to === "number" && from <= to ? [from, to] : null;
  };
  return {
    timeMs: number(told.time_ms, 0), mode: oneOf(told.mode, MODES, "live"), tracks: number(told.tracks, 0), plots: number(told.plots, 0),
    plotsPerS: number(told.plots_per_s, 0), latencyMs: maybe(told.latency_ms), late: number(told.late, 0), dropped: number(told.dropped, 0),
    shed: number(told.shed, 0), recording: text(told.recording), said: list(told.said).map(text).filter((line) => line !== "").slice(0, 50),
    playback: {
      state: oneOf(playback.state, ["live", "playing", "paused"] as const, "live"), speed: number(playback.speed, 1),
      timeMs: number(playback.time_ms, number(told.time_ms, 0)),
    },
    range: span(told.range), gaps: list(told.gaps).slice(0, 10_000).map(span).filter((gap) => gap !== null),
    sensors: list(told.sensors).slice(0, MOST_SENSORS).filter(isFields).map(sensorStatus),
  };
}

function sensorStatus(told: Fields): SensorStatus {
  return {
    id: text(told.id), condition: oneOf(told.condition, ["ok", "waiting", "silent", "stuck"] as const, "waiting"), heardMs: number(told.heard_ms, 0),
    plotsPerS: number(told.plots_per_s, 0), azimuthDeg: maybe(told.azimuth_deg), rotationS: number(told.rotation_s, 0),
    registration: isFields(told.registration) ? registration(told.registration) : null,
  };
}

function registration(told: Fields): Registration {
  const errors = isFields(told.errors) ? told.errors : {};
  const value = (one: unknown) => (isFields(one) ? maybe(one.value) : null);
  return {
    standing: text(told.standing), reference: told.reference === true,
    rangeM: value(errors.range_m), azimuthDeg: value(errors.azimuth_deg), timeS: value(errors.time_s),
  };
}

function detail(told: Fields): Message | null {
  const at = place(told.lat_deg, told.lon_deg);
  if (typeof told.id !== "number" || at === null) return null;
  const plots = list(told.plots).slice(0, 200).filter(isFields).flatMap((plot) => {
    const where = place(plot.lat_deg, plot.lon_deg);
    return where === null ? [] : [{ timeMs: number(plot.time_ms, 0), ...where, sensor: text(plot.sensor) }];
  });
  return {
    type: "detail",
    detail: {
      id: told.id, timeMs: number(told.time_ms, 0), status: text(told.status), ...at,
      heightWgs84M: maybe(told.height_wgs84_m), pressureAltitudeM: maybe(told.pressure_altitude_m),
      groundSpeedMps: number(told.ground_speed_mps, NaN), trackAngleDeg: number(told.track_angle_deg, NaN), verticalRateMps: maybe(told.vertical_rate_mps),
      existence: number(told.existence, NaN), sigmaEastM: number(told.sigma_east_m, NaN), sigmaNorthM: number(told.sigma_north_m, NaN),
      correlationEastNorth: number(told.correlation_east_north, 0), sigmaHeightM: maybe(told.sigma_height_m),
      sigmaVEastMps: number(told.sigma_v_east_mps, NaN), sigmaVNorthMps: number(told.sigma_v_north_mps, NaN),
      sensors: list(told.sensors).map(text), plots,
    },
  };
}
