// The map's box: its own few buttons, and the place where a file of sectors may be dropped.
import type { App } from "../app";
import { button, el, setAttribute } from "../el";
import { icon, type IconName } from "../icons";
import { loadSectors } from "./settings";

const ZOOM = 1.5;

export function makeMapbox(app: App, ...over: HTMLElement[]): { node: HTMLElement; host: HTMLElement } {
  const host = el("div", { class: "map", tabindex: 0, role: "application", "aria-label": "Map of the air picture. Arrow keys move it, plus and minus zoom. The list of tracks holds the same in words." });
  const tool = (shape: IconName, name: string, key: string, run: () => void) => button("", { "aria-label": name, title: `${name} (${key})`, onclick: run }, icon(shape));
  const ruler = tool("ruler", "Measure range and bearing", "M", () => app.setRuler(!app.ruler));
  const follow = tool("follow", "Follow the selected track", "F", () => app.follow());
  const tools = el("div", { class: "maptools", role: "toolbar", "aria-label": "Map" },
    tool("plus", "Zoom in", "+", () => app.map.zoom(ZOOM)), tool("minus", "Zoom out", "−", () => app.map.zoom(1 / ZOOM)),
    tool("fit", "All sensors' coverage", "0", () => app.map.fit()), ruler, follow);
  const repaint = () => {
    setAttribute(ruler, "aria-pressed", String(app.ruler));
    setAttribute(follow, "aria-pressed", String(app.model.following));
  };
  app.model.listen((what) => { if (what === "settings" || what === "selection") repaint(); });
  repaint();
  const node = el("main", { class: "mapbox" }, host, tools, ...over);
  node.addEventListener("dragover", (event) => event.preventDefault());
  node.addEventListener("drop", (event) => {
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file !== undefined) loadSectors(app, file);
  });
  return { node, host };
}
