// The map: four canvases, one above the other (what stands still, dots, beams, symbols and labels), each painted when what
// it shows has changed: the symbols when the fastest of them has moved by half a pixel, not sixty times a second.
import type { What } from "../model";
import type { MakeMap, MapView } from "./index";
import { Backdrop } from "./backdrop";
import { Labels, TOO_MANY } from "./labels";
import { paintBeams, paintRuler, paintSelection, type End } from "./marks";
import { Pixels } from "./pixels";
import { listen } from "./pointer";
import { Scene } from "./scene";
import { paintSymbols } from "./symbols";
import { Camera } from "./view";

const HIT_PX = 12;
const STEP_PX = 0.5; // a symbol moves on by so much
const SOONEST_MS = 40, LATEST_MS = 1000;
const BEAM_MS = 400;
const MARGIN = 1.12; // about all sensors' coverage
const NO_RANGE_M = 200_000; // of a sensor that has none

export const makeMap: MakeMap = (host, model, callbacks) => {
  const [ground, dots, sweep, top] = ["ground", "dots", "sweep", "top"].map((name) => {
    const canvas = document.createElement("canvas");
    canvas.className = `map-layer map-${name}`;
    canvas.setAttribute("aria-hidden", "true");
    Object.assign(canvas.style, { position: "absolute", left: "0", top: "0", width: "100%", height: "100%", pointerEvents: "none" });
    host.append(canvas);
    return canvas.getContext("2d", name === "ground" ? { alpha: false } : undefined)!;
  });
  host.style.touchAction = "none";
  const camera = new Camera(model), scene = new Scene(model), labels = new Labels(model, scene), pixels = new Pixels(model, scene);
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  const dirty = { ground: true, dots: true, top: true };
  let ratio = 1, frame = 0, timer = 0, beamTimer = 0, beamShown = false, ruling = false;
  let ruler: { from: End; to: End } | null = null, grasped: number | null = null, session = "";
  const backdrop = new Backdrop(model, camera, () => soon("ground"));

  function soon(...what: (keyof typeof dirty)[]): void {
    for (const one of what) dirty[one] = true;
    if (frame === 0) frame = requestAnimationFrame(paint);
  }

  function paint(): void {
    frame = 0;
    const now = performance.now();
    if (model.following && model.selected !== null) follow();
    scene.take(camera);
    scene.place(camera, scene.sinceS(now));
    if (dirty.ground) backdrop.paint(ground, ratio);
    if (dirty.dots) pixels.paint(dots, camera, ratio, scene.shown > TOO_MANY);
    if (dirty.top) paintTop();
    dirty.ground = dirty.dots = dirty.top = false;
    window.clearTimeout(timer);
    const moving = scene.sinceS(now + 1000) > scene.sinceS(now) || model.picture === null;
    const wait = scene.fastest > 0 && moving && !still.matches ? (STEP_PX / scene.fastest) * 1000 : LATEST_MS;
    if (model.picture !== null && moving) timer = window.setTimeout(() => soon("top", ...(scene.shown > TOO_MANY ? (["dots"] as const) : [])), Math.min(LATEST_MS, Math.max(SOONEST_MS, wait)));
  }

  function paintTop(): void {
    top.setTransform(1, 0, 0, 1, 0, 0);
    top.clearRect(0, 0, top.canvas.width, top.canvas.height);
    top.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (scene.shown <= TOO_MANY) paintSymbols(top, model, scene, camera.metresPerPixel);
    paintSelection(top, model, scene, camera);
    labels.paint(top, camera.width, camera.height);
    if (ruler !== null) paintRuler(top, model, camera, ruler.from, ruler.to);
  }

  function paintSweep(): void {
    if (document.hidden) return;
    sweep.setTransform(1, 0, 0, 1, 0, 0);
    if (beamShown) sweep.clearRect(0, 0, sweep.canvas.width, sweep.canvas.height);
    sweep.setTransform(ratio, 0, 0, ratio, 0, 0);
    beamShown = paintBeams(sweep, model, camera, performance.now(), !still.matches);
  }

  function keepSweeping(): void {
    window.clearInterval(beamTimer);
    beamTimer = window.setInterval(paintSweep, still.matches ? 1000 : BEAM_MS);
  }

  function follow(): void {
    const row = model.row(model.selected!);
    if (row < 0) return;
    model.view = { ...model.view, latDeg: model.picture!.latDeg[row], lonDeg: model.picture!.lonDeg[row] };
    camera.follow(model);
    dirty.ground = dirty.dots = dirty.top = true;
  }

  function resize(): void {
    const box = host.getBoundingClientRect();
    ratio = Math.min(3, window.devicePixelRatio || 1);
    camera.width = Math.max(1, box.width);
    camera.height = Math.max(1, box.height);
    for (const context of [ground, dots, sweep, top]) {
      context.canvas.width = Math.max(1, Math.round(box.width * ratio));
      context.canvas.height = Math.max(1, Math.round(box.height * ratio));
    }
    // Now, not with the next frame: a canvas that has a new size is blank.
    dirty.ground = dirty.dots = dirty.top = true;
    cancelAnimationFrame(frame);
    paint();
    paintSweep();
  }

  function told(): void {
    camera.tell(model);
    callbacks.moved();
    soon("ground", "dots", "top");
    paintSweep();
  }

  function endAt(x: number, y: number): End {
    const row = scene.nearest(x, y, HIT_PX);
    return row >= 0 ? { id: model.picture!.id[row], latDeg: model.picture!.latDeg[row], lonDeg: model.picture!.lonDeg[row] } : { id: null, ...camera.placeAt(x, y) };
  }

  const idAt = (x: number, y: number): number | null => {
    const row = scene.nearest(x, y, HIT_PX);
    return row >= 0 ? model.picture!.id[row] : labels.at(x, y);
  };

  listen(host, {
    pan: (dx, dy) => { camera.pan(dx, dy); told(); },
    zoom: (factor, x, y) => { camera.zoom(factor, x, y); told(); },
    click: (x, y) => callbacks.select(idAt(x, y)),
    hover: (x, y) => callbacks.hover(x === null ? null : idAt(x, y)),
    grasp: (x, y) => (grasped = scene.nearest(x, y, HIT_PX / 2) >= 0 ? null : labels.at(x, y)) !== null,
    drag: (dx, dy) => { if (grasped !== null) { labels.drag(grasped, dx, dy); soon("top"); } },
    measuring: () => ruling,
    measure: (phase, x, y) => {
      const end = endAt(x, y);
      ruler = phase === "from" || ruler === null ? { from: end, to: end } : { ...ruler, to: end };
      soon("top");
    },
  });

  const changed: Partial<Record<What, () => void>> = {
    hello: () => {
      if (session !== model.session) { session = model.session; labels.forget(); ruler = null; }
      backdrop.outdated();
      soon("ground", "dots", "top");
    },
    picture: () => soon("dots", "top"),
    plots: () => soon("dots"),
    static: () => { scene.sift(); soon("top"); },
    status: () => { if (model.stale) soon("top"); },
    detail: () => soon("top"),
    selection: () => soon("top"),
    settings: () => { scene.sift(); backdrop.outdated(); soon("ground", "dots", "top"); paintSweep(); },
    backdrop: () => backdrop.outdated(),
    link: () => soon("top"),
  };
  model.listen((what) => changed[what]?.());
  new ResizeObserver(resize).observe(host);
  still.addEventListener("change", keepSweeping);
  resize();
  keepSweeping();
  void document.fonts?.load('11px "B612 Mono"').then(() => { backdrop.outdated(); soon("ground", "top"); });

  const view: MapView = {
    refresh: () => { camera.follow(model); soon("ground", "dots", "top"); paintSweep(); },
    zoom: (factor) => { camera.zoom(factor, camera.width / 2, camera.height / 2); told(); },
    pan: (dx, dy) => { camera.pan(-dx, -dy); told(); },
    fit: () => {
      const reach = Math.max(1000, model.radiusM || 0, ...model.sensors.map((sensor) => sensor.maxRangeM || NO_RANGE_M));
      const [only, ...others] = model.sensors, middle = only !== undefined && others.length === 0 && Number.isFinite(only.latDeg) ? only : model.centre;
      model.view = { latDeg: middle.latDeg, lonDeg: middle.lonDeg, metresPerPixel: (2 * reach * MARGIN) / Math.min(camera.width, camera.height) };
      camera.follow(model);
      soon("ground", "dots", "top");
      paintSweep();
    },
    setRuler: (on) => { ruling = on; ruler = null; host.style.cursor = on ? "crosshair" : ""; soon("top"); },
    toPng: () => {
      paint();
      const canvas = document.createElement("canvas");
      canvas.width = top.canvas.width;
      canvas.height = top.canvas.height;
      const context = canvas.getContext("2d")!;
      for (const layer of [ground, dots, sweep, top]) context.drawImage(layer.canvas, 0, 0);
      return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob === null ? reject(new Error("the picture could not be made")) : resolve(blob)), "image/png"));
    },
    visible: () => {
      const found: { id: number; x: number; y: number }[] = [];
      for (let k = 0; k < scene.shown; k++) found.push({ id: model.picture!.id[scene.rows[k]], x: scene.sx[k], y: scene.sy[k] });
      return found;
    },
  };
  return view;
};

