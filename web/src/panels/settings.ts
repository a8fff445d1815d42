// Layers and settings: every one of the model's, and the user's own sectors.
import type { App } from "../app";
import { button, checkbox, choice, el } from "../el";
import type { Settings, Theme } from "../model";
import type { Answer } from "../geojson_worker";
import { LARGEST_BYTES } from "../geojson";

type Switch = { [K in keyof Settings]: Settings[K] extends boolean ? K : never }[keyof Settings];

const LAYERS: [Switch, string][] = [
  ["labels", "Labels (L)"], ["plots", "Plots (P)"], ["beam", "Radar beams"], ["rings", "Range rings (R)"], ["borders", "Borders"], ["airports", "Airports"],
  ["graticule", "Lat/lon grid"], ["sectors", "Your sectors"], ["coverage", "Radar coverage"],
];

export function makeSettings(app: App): HTMLElement {
  const { model } = app;
  const fields = el("div", {});
  const file = el("input", { type: "file", accept: ".geojson,.json,application/geo+json,application/json", class: "file", "aria-label": "Sectors, a GeoJSON file", tabindex: -1 });
  const remove = button("Remove them", { class: "quiet", hidden: true, onclick: () => { model.sectors = null; model.changed("backdrop"); } });
  const node = el("section", { id: "layers", popover: "auto", class: "popover", "aria-label": "Layers and settings" }, fields,
    el("div", { class: "group" }, el("h3", {}, "Your sectors"),
      el("p", { class: "hint" }, `GeoJSON, up to ${LARGEST_BYTES >> 20} MB; it stays in this browser. You may also drop it on the map.`),
      button("Load GeoJSON…", { class: "quiet", onclick: () => file.click() }),
      remove, file));
  model.listen((what) => { if (what === "backdrop") remove.hidden = model.sectors === null; });

  const remake = () => {
    const s = model.settings;
    const number = (text: string, value: number, min: number, max: number, step: number, changed: (value: number) => void) => {
      const input = el("input", { type: "number", min, max, step, value, onchange: () => {
        const given = input.valueAsNumber;
        if (given >= min && given <= max) changed(given);
        else { input.value = String(value); app.say(`${text}: from ${min} to ${max}`); }
      } });
      return el("label", { class: "choice" }, el("span", {}, text), input);
    };
    const focused = fields.contains(document.activeElement) ? [...fields.querySelectorAll("input, select")].indexOf(document.activeElement!) : -1;
    fields.replaceChildren(
      el("div", { class: "group" }, el("h3", {}, "Layers"), el("div", { class: "switches" }, ...LAYERS.map(([name, text]) => checkbox(text, s[name], (on) => app.set({ [name]: on }))))),
      el("div", { class: "group" }, el("h3", {}, "Tracks"),
        choice("Speed vector (V)", [["0", "off"], ["1", "1 min"], ["2", "2 min"], ["5", "5 min"]], String(s.vectorMin), (value) => app.set({ vectorMin: Number(value) as Settings["vectorMin"] })),
        number("History, positions (H)", s.history, 0, 20, 1, (history) => app.set({ history: Math.round(history) }))),
      el("div", { class: "group" }, el("h3", {}, "Map"),
        number("Rings every, km", s.ringStepKm, 1, 1000, 1, (ringStepKm) => app.set({ ringStepKm })),
        number("Coverage at, ft", s.coverageFt, 0, 100_000, 100, (coverageFt) => app.set({ coverageFt })),
        choice("Theme", [["dark", "dark"], ["light", "light"], ["contrast", "high contrast"]], s.theme, (value) => app.set({ theme: value as Theme }))));
    if (focused >= 0) (fields.querySelectorAll("input, select")[focused] as HTMLElement | undefined)?.focus();
  };
  let shown = "";
  model.listen((what) => {
    if (what !== "settings" || shown === JSON.stringify(model.settings)) return;
    shown = JSON.stringify(model.settings);
    document.documentElement.dataset.theme = model.settings.theme;
    remake();
  });
  document.documentElement.dataset.theme = model.settings.theme;
  remake();
  file.addEventListener("change", () => {
    const [given] = file.files ?? [];
    if (given !== undefined) loadSectors(app, given);
    file.value = "";
  });
  return node;
}

/** Read a user's file in a worker; what comes of it is said. */
export function loadSectors(app: App, file: File): void {
  const worker = new Worker(new URL("../geojson_worker.ts", import.meta.url), { type: "module" });
  const done = (said: string) => { worker.terminate(); app.say(said); };
  worker.onmessage = (event: MessageEvent<Answer>) => {
    const answer = event.data;
    if (!answer.ok) { done(`${file.name} was not loaded: ${answer.why}`); return; }
    app.model.sectors = answer.checked.sectors;
    app.set({ sectors: true });
    app.model.changed("backdrop");
    done(`${file.name}: ${answer.checked.said}`);
  };
  worker.onerror = () => done(`${file.name} was not loaded: it is too large for this browser`);
  app.say(`Reading ${file.name}…`);
  worker.postMessage(file);
}
