// What the page knows. The map and the panels read it; `wire.ts` writes what the server says, the panels what the user
// wants. Whoever changes something calls `changed` with what it was; readers repaint on that.

export type Mode = "live" | "replay" | "simulated" | "standby";
export type Theme = "dark" | "light" | "contrast";
export type What = "hello" | "picture" | "plots" | "static" | "status" | "detail" | "selection" | "settings" | "view" | "backdrop" | "link";

export interface Sensor {
  id: string; kind: string; latDeg: number; lonDeg: number; heightM: number;
  maxRangeM: number; minElevationDeg: number; rotationS: number;
}

/** What is known of a sensor's systematic errors; null is not known. */
export interface Registration { standing: string; reference: boolean; rangeM: number | null; azimuthDeg: number | null; timeS: number | null }

export interface SensorStatus {
  id: string; condition: "ok" | "waiting" | "silent" | "stuck"; heardMs: number; plotsPerS: number;
  azimuthDeg: number | null; rotationS: number;
  registration: Registration | null;
}

/** A picture as columns, one row a track, in rising id; `levelFt` and `climbMps` are NaN where there is none. */
export interface Picture {
  n: number; timeMs: number; sequence: number; jump: boolean;
  receivedMs: number; // performance.now() of its arrival: symbols are dead-reckoned from it
  id: Uint32Array; latDeg: Float64Array; lonDeg: Float64Array; levelFt: Float32Array; speedMps: Float32Array;
  angleDeg: Float32Array; climbMps: Float32Array; flags: Uint16Array; sensors: Uint16Array;
}

export const FLAG = { status: 3, confirmed: 1, coasting: 2, noIdentity: 4, geometric: 8, suspect: 16, fresh: 32 } as const;

/** Plots since the picture before, as columns; `timeMs` is each plot's own time. */
export interface Plots {
  n: number; timeMs: Float64Array; latDeg: Float64Array; lonDeg: Float64Array; sensor: Uint16Array; kind: Uint8Array; used: Uint8Array;
}

export interface Static { callsign: string | null; address: string | null; modeA: string | null }

export interface Detail {
  id: number; timeMs: number; status: string; latDeg: number; lonDeg: number;
  heightWgs84M: number | null; pressureAltitudeM: number | null; groundSpeedMps: number; trackAngleDeg: number;
  verticalRateMps: number | null; existence: number; sigmaEastM: number; sigmaNorthM: number; correlationEastNorth: number;
  sigmaHeightM: number | null; sigmaVEastMps: number; sigmaVNorthMps: number; sensors: string[];
  plots: { timeMs: number; latDeg: number; lonDeg: number; sensor: string }[];
}

export interface Status {
  timeMs: number; mode: Mode; tracks: number; plots: number; plotsPerS: number; latencyMs: number | null;
  late: number; dropped: number; shed: number; recording: string; said: string[];
  playback: { state: "live" | "playing" | "paused"; speed: number; timeMs: number };
  range: [number, number] | null; gaps: [number, number][]; sensors: SensorStatus[];
}

/** Where the map looks: the point in its middle, and metres to a CSS pixel there. */
export interface View { latDeg: number; lonDeg: number; metresPerPixel: number }

export interface Filter {
  text: string; minLevelFt: number | null; maxLevelFt: number | null; sensor: number | null; modeA: string;
}

export const NO_FILTER: Filter = { text: "", minLevelFt: null, maxLevelFt: null, sensor: null, modeA: "" };

export interface Settings {
  theme: Theme; vectorMin: 0 | 1 | 2 | 5; history: number; labels: boolean; plots: boolean; rings: boolean; ringStepKm: number;
  coverage: boolean; coverageFt: number; airports: boolean; graticule: boolean; sectors: boolean; borders: boolean; beam: boolean;
  hiddenSensors: number[]; // whose plots are not drawn
}

export const DEFAULTS: Settings = {
  theme: "dark", vectorMin: 1, history: 8, labels: true, plots: true, rings: true, ringStepKm: 100,
  coverage: false, coverageFt: 10000, airports: false, graticule: false, sectors: true, borders: true, beam: true,
  hiddenSensors: [],
};

export class Model {
  session = "";
  mode: Mode = "live";
  name = "";
  centre = { latDeg: 0, lonDeg: 0 };
  radiusM = 600_000;
  sensors: Sensor[] = [];
  picture: Picture | null = null;
  statics = new Map<number, Static>();
  doubles = new Set<number>(); // tracks of the picture that say one address
  plots: Plots[] = []; // of the last scans, the newest last; `wire.ts` lets the old go
  status: Status | null = null;
  detail: Detail | null = null;
  version = ""; // of the server
  ignored = 0; // messages that were cut, foreign or out of order
  link: "connecting" | "open" | "lost" = "connecting";
  denied = false; // the service wants a login
  heardMs = 0; // performance.now() of the last picture or status
  stale = false;
  selected: number | null = null;
  hovered: number | null = null;
  following = false;
  filter: Filter = { ...NO_FILTER };
  settings: Settings = { ...DEFAULTS };
  view: View = { latDeg: 0, lonDeg: 0, metresPerPixel: 1000 };
  sectors: unknown = null; // GeoJSON that the user has loaded and `geojson.ts` has checked

  private readonly readers: ((what: What) => void)[] = [];

  /** Have `reader` told of every change. */
  listen(reader: (what: What) => void): void { this.readers.push(reader); }

  /** Tell all readers that something has changed. */
  changed(what: What): void { for (const reader of this.readers) reader(what); }

  /** Row of a track in the picture, -1 where it is not in it: ids rise, so it is found by halving. */
  row(id: number): number {
    if (this.picture === null) return -1;
    const ids = this.picture.id;
    let low = 0, high = this.picture.n - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (ids[middle] === id) return middle;
      if (ids[middle] < id) low = middle + 1; else high = middle - 1;
    }
    return -1;
  }
}
