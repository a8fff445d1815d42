// The map's public face: all that the panels may ask of it.
import type { Model } from "../model";

export interface MapCallbacks {
  select(id: number | null): void;
  hover(id: number | null): void;
  /** The user has moved the view: following ends, the permalink changes. */
  moved(): void;
}

export interface MapView {
  /** Look at `model.view` and repaint all. */
  refresh(): void;
  zoom(factor: number): void;
  /** Pan by CSS pixels. */
  pan(dx: number, dy: number): void;
  fit(): void; // all sensors' coverage
  setRuler(on: boolean): void;
  toPng(): Promise<Blob>;
  /** Rows of the picture that pass the filter, as last drawn, with their canvas positions: for tests and the list. */
  visible(): { id: number; x: number; y: number }[];
}

export type MakeMap = (host: HTMLElement, model: Model, callbacks: MapCallbacks) => MapView;
