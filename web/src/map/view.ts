// From the plane to the screen: where the view stands in the plane, and how many metres a CSS pixel is.
import type { Model } from "../model";
import { Plane, type Point } from "./plane";

const FAR_M = 1_500_000; // so far from its middle the plane is laid anew

export class Camera {
  plane: Plane;
  x = 0; // of the middle of the screen, in the plane
  y = 0;
  metresPerPixel = 1000;
  width = 1;
  height = 1;
  generation = 0; // of the plane: what was placed in another is placed again

  constructor(model: Model) {
    this.plane = new Plane(model.view.latDeg, model.view.lonDeg);
    this.follow(model);
  }

  /** Take over `model.view`; lays the plane anew where the view has gone far from its middle. */
  follow(model: Model): void {
    const { latDeg, lonDeg, metresPerPixel } = model.view, at: Point = { x: 0, y: 0 };
    this.metresPerPixel = Math.min(Math.max(metresPerPixel, 1), 40_000);
    if (!this.plane.forward(latDeg, lonDeg, at) || Math.hypot(at.x, at.y) > FAR_M) {
      const sound = Number.isFinite(latDeg) && Number.isFinite(lonDeg);
      this.plane = new Plane(sound ? Math.max(-89, Math.min(89, latDeg)) : 0, sound ? lonDeg : 0);
      this.generation += 1;
      at.x = 0;
      at.y = 0;
    }
    this.x = at.x;
    this.y = at.y;
  }

  /** Write the camera's place into `model.view`. */
  tell(model: Model): void {
    model.view = { ...this.plane.inverse(this.x, this.y), metresPerPixel: this.metresPerPixel };
  }

  screenX(x: number): number { return (x - this.x) / this.metresPerPixel + this.width / 2; }
  screenY(y: number): number { return (this.y - y) / this.metresPerPixel + this.height / 2; }

  /** The place under a point of the screen. */
  placeAt(sx: number, sy: number): { latDeg: number; lonDeg: number } {
    return this.plane.inverse(this.x + (sx - this.width / 2) * this.metresPerPixel, this.y - (sy - this.height / 2) * this.metresPerPixel);
  }

  pan(dx: number, dy: number): void {
    this.x -= dx * this.metresPerPixel;
    this.y += dy * this.metresPerPixel;
  }

  /** Zoom by a factor (above 1: nearer) about a point of the screen. */
  zoom(factor: number, sx: number, sy: number): void {
    const before = this.metresPerPixel, after = Math.min(Math.max(before / factor, 1), 40_000);
    this.x += (sx - this.width / 2) * (before - after);
    this.y -= (sy - this.height / 2) * (before - after);
    this.metresPerPixel = after;
  }
}
