// What stands still: land, borders, graticule, rings, coverage, sectors, airports. Drawn into bitmaps that reach beyond the
// screen, which are shifted and scaled while the user moves; a wide one lies beneath, so that the screen is never blank.
import type { Model, Sensor } from "../model";
import { FOOT_M } from "../text";
import { coverageM, destination, type Point } from "./plane";
import { COLOURS, fontOf, type Colours } from "./theme";
import type { Camera } from "./view";
import { shapeOf, World, type Shape } from "./world";

const NEAR_REACH = 2, WIDE_REACH = 8; // widths of the screen that the two bitmaps show
const SETTLED_MS = 70; // so long nothing must move before the near one is drawn anew
const FONT = fontOf(11);

interface Bitmap { canvas: HTMLCanvasElement; x: number; y: number; metresPerPixel: number; generation: number; stamp: number; width: number; height: number }

export class Backdrop {
  private near: Bitmap | null = null;
  private wide: Bitmap | null = null;
  private stamp = 0; // of what is drawn: settings, sectors, sensors, outlines
  private timer = 0;
  private airports: [string, number, number, number][] | null = null;
  private sectors: { of: unknown; generation: number; shapes: { shape: Shape; name: string; x: number; y: number }[] } = { of: null, generation: -1, shapes: [] };
  private readonly world: World;

  constructor(private readonly model: Model, private readonly camera: Camera, private readonly repaint: () => void) {
    this.world = new World(() => this.outdated());
  }

  /** Something that is drawn here has changed. */
  outdated(): void {
    this.stamp += 1;
    this.repaint();
  }

  /** Put the bitmaps on the screen; those that are old are drawn anew now (where there is none) or when the view rests. */
  paint(context: CanvasRenderingContext2D, ratio: number): void {
    const { camera } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = COLOURS[this.model.settings.theme].sea;
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    if (!this.sound(this.near)) this.near = this.draw(NEAR_REACH, ratio);
    if (!this.sound(this.wide)) this.wide = this.draw(WIDE_REACH, ratio);
    for (const bitmap of [this.wide, this.near]) {
      if (bitmap === null) continue;
      const scale = bitmap.metresPerPixel / camera.metresPerPixel, width = bitmap.width * scale, height = bitmap.height * scale;
      const x = camera.screenX(bitmap.x) - width / 2, y = camera.screenY(bitmap.y) - height / 2;
      context.drawImage(bitmap.canvas, x * ratio, y * ratio, width * ratio, height * ratio);
    }
    if (this.fresh(this.near) && this.covers(this.wide)) return;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      if (!this.fresh(this.near)) this.near = this.draw(NEAR_REACH, ratio);
      if (!this.covers(this.wide) || this.wide!.stamp !== this.stamp) this.wide = this.draw(WIDE_REACH, ratio);
      this.repaint();
    }, SETTLED_MS);
  }

  /** Whether a bitmap can still be shifted into place. */
  private sound(bitmap: Bitmap | null): boolean { return bitmap !== null && bitmap.generation === this.camera.generation; }

  /** Whether a bitmap shows what is there, at this scale, all over the screen. */
  private fresh(bitmap: Bitmap | null): boolean {
    return this.covers(bitmap) && bitmap!.stamp === this.stamp && bitmap!.metresPerPixel === this.camera.metresPerPixel;
  }

  private covers(bitmap: Bitmap | null): boolean {
    if (bitmap === null || bitmap.generation !== this.camera.generation) return false;
    const { camera } = this, scale = bitmap.metresPerPixel / camera.metresPerPixel;
    if (scale > 12) return false;
    const x = Math.abs(camera.screenX(bitmap.x) - camera.width / 2), y = Math.abs(camera.screenY(bitmap.y) - camera.height / 2);
    return x + camera.width / 2 <= (bitmap.width * scale) / 2 && y + camera.height / 2 <= (bitmap.height * scale) / 2;
  }

  /** A bitmap about the middle of the screen that shows `reach` times its width. */
  private draw(reach: number, ratio: number): Bitmap {
    const { camera } = this, detail = reach === NEAR_REACH;
    const width = Math.max(1, camera.width) * NEAR_REACH, height = Math.max(1, camera.height) * NEAR_REACH;
    const metresPerPixel = (camera.metresPerPixel * reach) / NEAR_REACH, sharp = detail ? ratio : 1;
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(width * sharp);
    canvas.height = Math.round(height * sharp);
    const bitmap = { canvas, x: camera.x, y: camera.y, metresPerPixel, generation: camera.generation, stamp: this.stamp, width, height };
    const context = canvas.getContext("2d", { alpha: false })!;
    new Draughtsman(context, bitmap, sharp, this.model, camera).drawAll(
      this.world.outlines(camera.plane, camera.generation, metresPerPixel), this.sectorShapes(), this.airportList(), detail,
    );
    return bitmap;
  }

  private airportList(): [string, number, number, number][] {
    if (!this.model.settings.airports) return [];
    if (this.airports === null) {
      this.airports = [];
      fetch("./airports.json").then((answer) => answer.json()).then((found) => {
        this.airports = found;
        this.outdated();
      }).catch(() => undefined); // the map goes without
    }
    return this.airports;
  }

  private sectorShapes(): { shape: Shape; name: string; x: number; y: number }[] {
    const { model, camera } = this;
    if (!model.settings.sectors || model.sectors === null) return [];
    if (this.sectors.of !== model.sectors || this.sectors.generation !== camera.generation) {
      this.sectors = { of: model.sectors, generation: camera.generation, shapes: sectorShapes(model.sectors, camera) };
    }
    return this.sectors.shapes;
  }
}

/** The features of a checked GeoJSON as shapes, with the place of their names. */
function sectorShapes(geojson: unknown, camera: Camera): { shape: Shape; name: string; x: number; y: number }[] {
  const found: { shape: Shape; name: string; x: number; y: number }[] = [];
  const take = (geometry: GeoJSON.Geometry | null, name: string) => {
    if (geometry === null) return;
    const add = (lines: GeoJSON.Position[][], closed: boolean) => {
      const shape = shapeOf(lines, camera.plane, closed);
      if (shape !== null) found.push({ shape, name, x: (shape.west + shape.east) / 2, y: (shape.south + shape.north) / 2 });
    };
    if (geometry.type === "Polygon") add(geometry.coordinates, true);
    else if (geometry.type === "MultiPolygon") for (const rings of geometry.coordinates) add(rings, true);
    else if (geometry.type === "LineString") add([geometry.coordinates], false);
    else if (geometry.type === "MultiLineString") add(geometry.coordinates, false);
    else if (geometry.type === "GeometryCollection") for (const inner of geometry.geometries) take(inner, name);
  };
  const all = geojson as GeoJSON.FeatureCollection | GeoJSON.Feature | GeoJSON.Geometry;
  const features = all.type === "FeatureCollection" ? all.features : all.type === "Feature" ? [all] : [{ geometry: all, properties: null }];
  for (const one of features) take(one.geometry, String((one.properties as Record<string, unknown> | null)?.name ?? ""));
  return found;
}

/** Draws the still things into one bitmap. */
class Draughtsman {
  private readonly colours: Colours;
  private readonly at: Point = { x: 0, y: 0 };
  private readonly west: number;
  private readonly east: number;
  private readonly south: number;
  private readonly north: number;

  constructor(
    private readonly context: CanvasRenderingContext2D, private readonly bitmap: Bitmap, private readonly sharp: number,
    private readonly model: Model, private readonly camera: Camera,
  ) {
    this.colours = COLOURS[model.settings.theme];
    const across = (bitmap.width / 2) * bitmap.metresPerPixel, up = (bitmap.height / 2) * bitmap.metresPerPixel;
    this.west = bitmap.x - across; this.east = bitmap.x + across; this.south = bitmap.y - up; this.north = bitmap.y + up;
  }

  drawAll(outlines: { land: Shape[]; borders: Shape[] }, sectors: { shape: Shape; name: string; x: number; y: number }[], airports: [string, number, number, number][], detail: boolean): void {
    const { context, colours, model } = this, { settings } = model;
    context.fillStyle = colours.sea;
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    context.lineJoin = "round";
    this.inPlane();
    for (const shape of outlines.land) {
      if (!this.meets(shape)) continue;
      context.fillStyle = colours.land;
      context.fill(shape.path, "evenodd");
      this.stroke(shape.path, colours.coast, 0.9);
    }
    if (settings.borders) for (const shape of outlines.borders) if (this.meets(shape)) this.stroke(shape.path, colours.border, 0.8);
    if (settings.graticule) this.graticule();
    for (const { shape } of sectors) if (this.meets(shape)) this.stroke(shape.path, colours.sector, 1);
    if (settings.coverage) for (const sensor of model.sensors) this.coverage(sensor);
    if (settings.rings) for (const sensor of model.sensors) this.rings(sensor, detail);
    this.onScreen();
    if (!detail) return;
    context.font = FONT;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (const { name, x, y, shape } of sectors) {
      if (name && this.meets(shape) && (shape.east - shape.west) / this.bitmap.metresPerPixel > 40) this.text(name.slice(0, 40), this.sx(x), this.sy(y), colours.sectorText);
    }
    this.airports(airports);
    for (const sensor of model.sensors) this.mast(sensor);
  }

  private inPlane(): void {
    const scale = this.sharp / this.bitmap.metresPerPixel;
    this.context.setTransform(scale, 0, 0, -scale, -this.west * scale, this.north * scale);
  }

  private onScreen(): void { this.context.setTransform(this.sharp, 0, 0, this.sharp, 0, 0); }

  private sx(x: number): number { return (x - this.west) / this.bitmap.metresPerPixel; }
  private sy(y: number): number { return (this.north - y) / this.bitmap.metresPerPixel; }

  private meets(s: Shape): boolean { return s.west < this.east && s.east > this.west && s.south < this.north && s.north > this.south; }

  private stroke(path: Path2D, colour: string, pixels: number, dash: number[] = []): void {
    this.context.strokeStyle = colour;
    this.context.lineWidth = pixels * this.bitmap.metresPerPixel;
    this.context.setLineDash(dash.map((length) => length * this.bitmap.metresPerPixel));
    this.context.stroke(path);
    this.context.setLineDash([]);
  }

  /** A ring on the Earth about a sensor, as a path in the plane. */
  private ring(sensor: Sensor, distanceM: number): Path2D {
    const path = new Path2D();
    for (let bearing = 0; bearing <= 360; bearing += 3) {
      const place = destination(sensor.latDeg, sensor.lonDeg, bearing, distanceM);
      if (!this.camera.plane.forward(place.latDeg, place.lonDeg, this.at)) continue;
      if (bearing === 0) path.moveTo(this.at.x, this.at.y); else path.lineTo(this.at.x, this.at.y);
    }
    return path;
  }

  private rings(sensor: Sensor, detail: boolean): void {
    const step = Math.max(1, this.model.settings.ringStepKm) * 1000;
    if (!(sensor.maxRangeM > 0) || sensor.maxRangeM / step > 60) return;
    const { colours, context } = this;
    for (let distance = step; distance <= sensor.maxRangeM * 1.0001; distance += step) {
      const last = distance + step > sensor.maxRangeM * 1.0001;
      this.stroke(this.ring(sensor, distance), colours.ring, last ? 1.2 : 0.8);
    }
    const outer = Math.floor((sensor.maxRangeM * 1.0001) / step) * step;
    const path = new Path2D();
    for (let bearing = 0; bearing < 360; bearing += 30) {
      for (const distance of [outer * 0.975, outer]) {
        const place = destination(sensor.latDeg, sensor.lonDeg, bearing, distance);
        if (!this.camera.plane.forward(place.latDeg, place.lonDeg, this.at)) continue;
        if (distance < outer) path.moveTo(this.at.x, this.at.y); else path.lineTo(this.at.x, this.at.y);
      }
    }
    this.stroke(path, colours.ring, 1.2);
    if (!detail) return;
    this.onScreen();
    context.font = FONT;
    context.textAlign = "center";
    context.textBaseline = "middle";
    const label = (text: string, bearing: number, distance: number) => {
      const place = destination(sensor.latDeg, sensor.lonDeg, bearing, distance);
      if (this.camera.plane.forward(place.latDeg, place.lonDeg, this.at)) this.text(text, this.sx(this.at.x), this.sy(this.at.y), colours.ringText);
    };
    if (step / this.bitmap.metresPerPixel > 45) for (let distance = step; distance < outer * 1.0001; distance += step) label(`${Math.round(distance / 1000)} km`, 135, distance);
    if (outer / this.bitmap.metresPerPixel > 120) for (let bearing = 0; bearing < 360; bearing += 30) label(String(bearing).padStart(3, "0"), bearing, outer * 1.03);
    this.inPlane();
  }

  private coverage(sensor: Sensor): void {
    if (sensor.kind !== "radar") return;
    const reach = coverageM(sensor.heightM, sensor.minElevationDeg, sensor.maxRangeM, this.model.settings.coverageFt * FOOT_M);
    if (reach <= 0) return;
    const path = this.ring(sensor, reach);
    this.context.fillStyle = this.colours.coverage;
    this.context.globalAlpha = 0.08;
    this.context.fill(path);
    this.context.globalAlpha = 1;
    this.stroke(path, this.colours.coverage, 1.2, [6, 4]);
  }

  private graticule(): void {
    const widthDeg = ((this.east - this.west) / 111_000), step = [0.5, 1, 2, 5, 10, 20, 30].find((one) => widthDeg / one < 14) ?? 30;
    const centre = this.camera.plane.inverse(this.bitmap.x, this.bitmap.y), reach = Math.min(85, widthDeg * 0.75 + step);
    const path = new Path2D();
    const line = (place: (t: number) => [number, number]) => {
      let down = false;
      for (let t = 0; t <= 60; t++) {
        const [lat, lon] = place(t / 60);
        if (!this.camera.plane.forward(lat, lon, this.at)) { down = false; continue; }
        if (down) path.lineTo(this.at.x, this.at.y); else path.moveTo(this.at.x, this.at.y);
        down = true;
      }
    };
    const low = Math.max(-85, centre.latDeg - reach), high = Math.min(85, centre.latDeg + reach);
    const spread = Math.min(180, reach / Math.max(0.1, Math.cos((Math.min(85, Math.abs(centre.latDeg) + reach / 2) * Math.PI) / 180)));
    for (let lat = Math.ceil(low / step) * step; lat <= high; lat += step) line((t) => [lat, centre.lonDeg - spread + 2 * spread * t]);
    for (let lon = Math.ceil((centre.lonDeg - spread) / step) * step; lon <= centre.lonDeg + spread; lon += step) line((t) => [low + (high - low) * t, lon]);
    this.stroke(path, this.colours.graticule, 1);
  }

  private airports(airports: [string, number, number, number][]): void {
    const { context, colours } = this, near = this.bitmap.metresPerPixel;
    context.textAlign = "left";
    for (const [name, lat, lon, importance] of airports) {
      if (near > 1200 && importance < 2) continue;
      if (!this.camera.plane.forward(lat, lon, this.at)) continue;
      const x = this.sx(this.at.x), y = this.sy(this.at.y);
      if (x < -20 || y < -20 || x > this.bitmap.width + 20 || y > this.bitmap.height + 20) continue;
      context.strokeStyle = colours.airport;
      context.lineWidth = 1;
      context.beginPath();
      context.arc(x, y, 2.5, 0, 2 * Math.PI);
      context.stroke();
      if (near < 700) this.text(name, x + 6, y, colours.airport);
    }
    context.textAlign = "center";
  }

  private mast(sensor: Sensor): void {
    if (!this.camera.plane.forward(sensor.latDeg, sensor.lonDeg, this.at)) return;
    const { context, colours } = this, x = this.sx(this.at.x), y = this.sy(this.at.y);
    context.strokeStyle = colours.ringText;
    context.lineWidth = 1.2;
    context.beginPath();
    context.moveTo(x - 5, y + 4); context.lineTo(x, y - 5); context.lineTo(x + 5, y + 4); context.closePath();
    context.stroke();
    this.text(sensor.id, x, y + 14, colours.ringText);
  }

  private text(text: string, x: number, y: number, colour: string): void {
    this.context.fillStyle = colour;
    this.context.fillText(text, x, y);
  }
}
