// Everything that is a dot: plots that fade, past positions, and the tracks themselves where there are thousands. Written
// straight into the pixels of one image: cheaper than any drawing call, on a machine without a graphics card most of all.
import { FLAG, type Model } from "../model";
import { distressOf } from "../label";
import type { Point } from "./plane";
import type { Scene } from "./scene";
import { COLOURS, rgbOf } from "./theme";
import type { Camera } from "./view";

const NO_ROTATION_S = 5; // of a sensor that does not turn

export class Pixels {
  private image: ImageData | null = null;
  private words = new Uint32Array(0);

  constructor(private readonly model: Model, private readonly scene: Scene) {}

  /** Draw all dots; `far` says that the tracks themselves are dots. */
  paint(context: CanvasRenderingContext2D, camera: Camera, ratio: number, far: boolean): void {
    const { width, height } = context.canvas;
    if (this.image === null || this.image.width !== width || this.image.height !== height) {
      this.image = context.createImageData(width, height);
      this.words = new Uint32Array(this.image.data.buffer);
    } else {
      this.words.fill(0);
    }
    const size = Math.max(1, Math.round(ratio));
    if (this.model.settings.plots) this.plots(camera, ratio, size, width, height);
    if (this.model.settings.history > 0) this.history(camera, ratio, size, width, height);
    if (far) this.tracks(ratio, size, width, height);
    context.putImageData(this.image, 0, 0);
  }

  private plots(camera: Camera, ratio: number, size: number, width: number, height: number): void {
    const { model } = this, now = model.picture?.timeMs ?? 0, colours = COLOURS[model.settings.theme].plots, at: Point = { x: 0, y: 0 };
    const hidden = new Set(model.settings.hiddenSensors);
    for (const batch of model.plots) {
      for (let k = 0; k < batch.n; k++) {
        const sensor = batch.sensor[k];
        if (hidden.has(sensor)) continue;
        const lasts = 2000 * (model.sensors[sensor]?.rotationS || NO_ROTATION_S), left = 1 - (now - batch.timeMs[k]) / lasts;
        if (!(left > 0 && left <= 1.01) || !camera.plane.forward(batch.latDeg[k], batch.lonDeg[k], at)) continue;
        const [red, green, blue] = colours[sensor % colours.length];
        const alpha = Math.round(255 * Math.min(1, left) * (batch.used[k] ? 0.85 : 0.45));
        this.dot(camera.screenX(at.x) * ratio, camera.screenY(at.y) * ratio, size + (batch.used[k] ? 1 : 0), (alpha << 24) | (blue << 16) | (green << 8) | red, width, height);
      }
    }
  }

  /** Past positions of the wanted tracks; both lists of ids rise, so one pass finds them. */
  private history(camera: Camera, ratio: number, size: number, width: number, height: number): void {
    const { scene, model } = this, picture = model.picture;
    if (picture === null) return;
    const [red, green, blue] = rgbOf(COLOURS[model.settings.theme].track), scale = 1 / camera.metresPerPixel;
    const left = camera.width / 2 - camera.x * scale, top = camera.height / 2 + camera.y * scale;
    const chosen = scene.past.slice(-model.settings.history - 1);
    if (chosen.length > 0 && chosen[chosen.length - 1].timeMs === picture.timeMs) chosen.pop();
    const count = Math.min(chosen.length, model.settings.history);
    for (let age = 0; age < count; age++) {
      const past = chosen[chosen.length - 1 - age], alpha = Math.round(150 * (1 - age / (model.settings.history + 1)));
      const word = (alpha << 24) | (blue << 16) | (green << 8) | red;
      let row = 0;
      for (let k = 0; k < past.n; k++) {
        const id = past.id[k];
        while (row < scene.n && picture.id[row] < id) row += 1;
        if (row === scene.n) break;
        if (picture.id[row] !== id || scene.wanted[row] === 0) continue;
        this.dot((left + past.x[k] * scale) * ratio, (top - past.y[k] * scale) * ratio, size, word, width, height);
      }
    }
  }

  private tracks(ratio: number, size: number, width: number, height: number): void {
    const { scene, model } = this, picture = model.picture!, colours = COLOURS[model.settings.theme];
    const word = (colour: string) => { const [red, green, blue] = rgbOf(colour); return (255 << 24) | (blue << 16) | (green << 8) | red; };
    const plain = word(colours.track), coasting = word(colours.coasting), alarm = word(colours.alarm);
    for (let k = 0; k < scene.shown; k++) {
      const row = scene.rows[k], flags = picture.flags[row];
      const hot = (flags & FLAG.suspect) !== 0 || distressOf(model.statics.get(picture.id[row])?.modeA) !== null;
      this.dot(scene.sx[k] * ratio, scene.sy[k] * ratio, hot ? 4 * size : 2 * size, hot ? alarm : (flags & FLAG.status) === FLAG.coasting ? coasting : plain, width, height);
    }
  }

  private dot(x: number, y: number, size: number, word: number, width: number, height: number): void {
    const left = Math.round(x - size / 2), top = Math.round(y - size / 2);
    if (!(left >= 0 && top >= 0 && left + size <= width && top + size <= height)) return;
    for (let j = top; j < top + size; j++) this.words.fill(word, j * width + left, j * width + left + size);
  }
}
