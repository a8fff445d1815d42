// The keyboard: every key of the help page, and nothing while the user writes.
import type { App } from "./app";

export interface KeyPanels { search(): void; help(): void; togglePanel(): void }

const PAN_PX = 80;
const ZOOM = 1.5;

/** What the help page says; the same order as there. */
export const KEYS: [string, string][] = [
  ["← ↑ → ↓", "move the map"], ["+  −", "zoom in, out"], ["0", "all sensors' coverage"], ["/", "search"], ["L", "labels"],
  ["H", "history: 0, 4, 8, 20 positions"], ["V", "speed vectors: 0, 1, 2, 5 min"], ["P", "plots"], ["R", "range rings"],
  ["F", "follow the selected track"], ["M", "measure range and bearing"], ["T", "list, show or hide"], ["Space", "pause, play"], [",  .", "one picture back, on"],
  ["End", "to LIVE"], ["Esc", "ruler off, then nothing selected, then no filter"], ["?", "this page"],
];

/** Listen for keys on the whole page. */
export function listenToKeys(app: App, panels: KeyPanels): void {
  document.addEventListener("keydown", (event) => {
    const again = event.repeat && !/^(Arrow|[-+=_,.]$)/.test(event.key); // a key that is held moves, zooms and steps; it does not flicker a layer
    if (again || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") !== null) return;
    if (event.key === "Escape" && document.querySelector(":popover-open") !== null) return; // the browser closes it
    const at = event.target instanceof Element ? event.target : null;
    if (at?.closest("input:not([type=checkbox]):not([type=range]), select, textarea")) return;
    const own = at?.closest("input[type=range], [role=grid], [role=tab]") !== null && at !== null; // these have arrows of their own
    if (own && /^(Arrow|Home|End|Page)/.test(event.key)) return;
    if (event.key === " " && at?.closest("button, a, summary, input, [role=row]")) return;
    const act = actionOf(event.key, app, panels);
    if (act === null) return;
    event.preventDefault();
    act();
  });
}

function actionOf(key: string, app: App, panels: KeyPanels): (() => void) | null {
  const { settings } = app.model;
  switch (key.length === 1 ? key.toLowerCase() : key) {
    case "ArrowLeft": return () => app.map.pan(-PAN_PX, 0);
    case "ArrowRight": return () => app.map.pan(PAN_PX, 0);
    case "ArrowUp": return () => app.map.pan(0, -PAN_PX);
    case "ArrowDown": return () => app.map.pan(0, PAN_PX);
    case "+": case "=": return () => app.map.zoom(ZOOM);
    case "-": case "_": return () => app.map.zoom(1 / ZOOM);
    case "0": return () => app.map.fit();
    case "/": return panels.search;
    case "l": return () => app.set({ labels: !settings.labels });
    case "h": return () => app.nextHistory();
    case "v": return () => app.nextVector();
    case "p": return () => app.set({ plots: !settings.plots });
    case "r": return () => app.set({ rings: !settings.rings });
    case "f": return () => app.follow();
    case "m": return () => app.setRuler(!app.ruler);
    case "t": return panels.togglePanel;
    case " ": return () => app.pauseOrPlay();
    case ",": return () => app.step(-1);
    case ".": return () => app.step(1);
    case "End": return () => app.live();
    case "Escape": return () => app.clear();
    case "?": return panels.help;
    default: return null;
  }
}
