// The colours of the map, by theme: near-black ground, quiet land, bright tracks; hues after Okabe and Ito, which people
// with any colour vision tell apart. No critical thing is told by its colour alone.
import type { Theme } from "../model";

/** Red, green and blue, 0 to 255. */
export type Rgb = [number, number, number];

export interface Colours {
  sea: string; land: string; coast: string; border: string; ring: string; ringText: string; graticule: string;
  coverage: string; sector: string; sectorText: string; airport: string; beam: string; beamTail: string;
  track: string; primary: string; code: string; dependent: string; coasting: string; suspect: string; alarm: string;
  selected: string; halo: string; label: string; labelDim: string; labelBack: string; leader: string; vector: string; ruler: string; ellipse: string;
  plots: Rgb[]; // by sensor
}

const DARK: Colours = {
  sea: "#0b0f14", land: "#121821", coast: "#33414f", border: "#222d39", ring: "#26333f", ringText: "#617282", graticule: "#161e27",
  coverage: "#2f6f5b", sector: "#4b5b78", sectorText: "#8494b0", airport: "#5f7080", beam: "rgba(110, 200, 160, 0.55)", beamTail: "rgba(110, 200, 160, 0.10)",
  track: "#7fd6a8", primary: "#e8c15a", code: "#9fc7ee", dependent: "#c8a2dd", coasting: "#8a97a3", suspect: "#ff9d4d", alarm: "#ff6b5e",
  selected: "#ffffff", halo: "rgba(255, 255, 255, 0.16)", label: "#d7e2ea", labelDim: "#93a5b3", labelBack: "rgba(11, 15, 20, 0.62)", leader: "#51616f",
  vector: "#6f9f8a", ruler: "#f0e442", ellipse: "#f0f4f8",
  plots: [[86, 180, 233], [230, 159, 0], [204, 121, 167], [0, 158, 115], [240, 228, 66], [213, 94, 0]],
};

const LIGHT: Colours = {
  sea: "#eef2f5", land: "#fbfbf8", coast: "#9aa8b3", border: "#cfd6db", ring: "#c9d3da", ringText: "#637381", graticule: "#e0e6ea",
  coverage: "#2f8f73", sector: "#8793ad", sectorText: "#56627c", airport: "#76838f", beam: "rgba(0, 110, 80, 0.50)", beamTail: "rgba(0, 110, 80, 0.08)",
  track: "#00684c", primary: "#8a5a00", code: "#1a5a8a", dependent: "#7d3c73", coasting: "#66727d", suspect: "#b04a00", alarm: "#b3261e",
  selected: "#000000", halo: "rgba(0, 0, 0, 0.10)", label: "#16212a", labelDim: "#4d5c68", labelBack: "rgba(251, 251, 248, 0.72)", leader: "#94a2ad",
  vector: "#3e8a70", ruler: "#7a4b00", ellipse: "#101820",
  plots: [[0, 95, 155], [165, 105, 0], [150, 60, 115], [0, 110, 80], [120, 110, 0], [170, 70, 0]],
};

const CONTRAST: Colours = {
  sea: "#000000", land: "#0a0a0a", coast: "#8f8f8f", border: "#5c5c5c", ring: "#6a6a6a", ringText: "#d0d0d0", graticule: "#2c2c2c",
  coverage: "#00d49a", sector: "#a8b8e0", sectorText: "#dfe6ff", airport: "#c0c0c0", beam: "rgba(255, 255, 255, 0.6)", beamTail: "rgba(255, 255, 255, 0.07)",
  track: "#7dffc4", primary: "#ffe066", code: "#a6d8ff", dependent: "#f0b8ff", coasting: "#cfcfcf", suspect: "#ffb066", alarm: "#ff8a80",
  selected: "#ffffff", halo: "rgba(255, 255, 255, 0.3)", label: "#ffffff", labelDim: "#d8d8d8", labelBack: "rgba(0, 0, 0, 0.8)", leader: "#b0b0b0",
  vector: "#c0ffe0", ruler: "#ffff66", ellipse: "#ffffff",
  plots: [[120, 200, 255], [255, 190, 60], [255, 160, 210], [80, 230, 170], [255, 250, 110], [255, 140, 60]],
};

export const COLOURS: Record<Theme, Colours> = { dark: DARK, light: LIGHT, contrast: CONTRAST };

/** The parts of a colour written as #rrggbb. */
export function rgbOf(colour: string): Rgb {
  const word = parseInt(colour.slice(1), 16);
  return [word >> 16, (word >> 8) & 255, word & 255];
}

/** The map's font in so many CSS pixels. */
export const fontOf = (size: number) => `${size}px "B612 Mono", ui-monospace, monospace`;
