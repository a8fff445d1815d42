// The map alone, with made-up traffic: ?n=300&theme=dark&km=600. For looking at it and measuring it; not part of the page.
import "@fontsource/b612-mono/400.css";
import { makeMap } from "../src/map/map";
import { Model, FLAG, type Picture, type Theme } from "../src/model";

const query = new URLSearchParams(location.search), n = Number(query.get("n") ?? 300), km = Number(query.get("km") ?? 580);
const model = new Model();
model.session = "dev"; model.name = "Harness"; model.settings.theme = (query.get("theme") ?? "dark") as Theme;
for (const name of ["coverage", "airports", "graticule"] as const) if (query.has(name)) model.settings[name] = true;
model.sensors = [{ id: "RAD1", kind: "radar", latDeg: 47.2494, lonDeg: 9.3433, heightM: 2500, maxRangeM: 600_000, minElevationDeg: -0.5, rotationS: 10 }];
model.centre = { latDeg: 47.2494, lonDeg: 9.3433 };
let seed = 7;
const random = () => ((seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648);
const id = new Uint32Array(n), lat = new Float64Array(n), lon = new Float64Array(n), angle = new Float32Array(n), speed = new Float32Array(n), level = new Float32Array(n), flags = new Uint16Array(n);
for (let k = 0; k < n; k++) {
  id[k] = k + 1;
  const r = Math.sqrt(random()) * km, b = random() * 2 * Math.PI;
  lat[k] = 47.2494 + (r * Math.cos(b)) / 111.2; lon[k] = 9.3433 + (r * Math.sin(b)) / (111.2 * Math.cos((lat[k] * Math.PI) / 180));
  angle[k] = random() * 360; speed[k] = 120 + random() * 140; level[k] = Math.round(random() * 390) * 100;
  const what = random();
  flags[k] = FLAG.confirmed | (what < 0.08 ? FLAG.noIdentity : what < 0.1 ? FLAG.suspect : 0);
  if (random() < 0.04) flags[k] = (flags[k] & ~3) | FLAG.coasting;
  if ((flags[k] & FLAG.noIdentity) === 0) model.statics.set(k + 1, { callsign: random() < 0.9 ? ["DLH", "SWR", "AFR", "KLM", "EZY", "RYR"][k % 6] + (100 + Math.floor(random() * 899)) : null, address: null, modeA: k === 5 ? "7700" : "1000" });
}
let sequence = 0;
function step() {
  const picture: Picture = { n, timeMs: 1_796_000_000_000 + sequence * 1000, sequence: sequence++, jump: false, receivedMs: performance.now(), id,
    latDeg: new Float64Array(n), lonDeg: new Float64Array(n), levelFt: level, speedMps: speed, angleDeg: angle, climbMps: new Float32Array(n).map((_, k) => ((k % 5) - 2) * 4), flags, sensors: new Uint16Array(n).fill(1) };
  for (let k = 0; k < n; k++) {
    lat[k] += (speed[k] * Math.cos((angle[k] * Math.PI) / 180)) / 111_200;
    lon[k] += (speed[k] * Math.sin((angle[k] * Math.PI) / 180)) / (111_200 * Math.cos((lat[k] * Math.PI) / 180));
  }
  picture.latDeg.set(lat); picture.lonDeg.set(lon);
  model.picture = picture;
  model.heardMs = performance.now();
  const plots = Math.min(n, 600), m = { n: plots, timeMs: new Float64Array(plots).fill(picture.timeMs), latDeg: new Float64Array(plots), lonDeg: new Float64Array(plots), sensor: new Uint16Array(plots), kind: new Uint8Array(plots), used: new Uint8Array(plots) };
  for (let k = 0; k < plots; k++) { const j = Math.floor(random() * n); m.latDeg[k] = lat[j] + (random() - 0.5) * 0.02; m.lonDeg[k] = lon[j] + (random() - 0.5) * 0.02; m.used[k] = random() < 0.6 ? 1 : 0; }
  model.plots = [...model.plots, m].slice(-20);
  model.status = { timeMs: picture.timeMs, mode: "live", tracks: n, plots: 0, plotsPerS: 130, latencyMs: 4, late: 0, dropped: 0, shed: 0, recording: "on", said: [], playback: { state: "live", speed: 1, timeMs: picture.timeMs }, range: null, gaps: [], sensors: [{ id: "RAD1", condition: "ok", heardMs: picture.timeMs, plotsPerS: 130, azimuthDeg: (sequence * 36) % 360, rotationS: 10, registration: null }] };
  model.changed("picture"); model.changed("plots"); model.changed("status");
}
const map = makeMap(document.getElementById("map")!, model, {
  select: (chosen) => { model.selected = chosen; model.changed("selection"); }, hover: (over) => { if (model.hovered !== over) { model.hovered = over; model.changed("selection"); } }, moved: () => { model.following = false; } });
map.fit();
model.changed("hello");
for (let k = 0; k < 60; k++) step();
setInterval(step, 1000);
Object.assign(window, { map, model });
