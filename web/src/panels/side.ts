// The side panel: the list of tracks or the sensors, and below it the selected track.
import type { App } from "../app";
import { el, setAttribute } from "../el";
import { makeDetail } from "./detail";
import { makeFilters } from "./filters";
import { makeList } from "./list";
import { makeSensors } from "./sensors";

const STORE = "farwatch.side";
const NARROW = "(max-width: 860px)";

export interface Side { node: HTMLElement; open(): boolean; toggle(open?: boolean): void; search(): void; sensors(): void }

export function makeSide(app: App, changed: () => void): Side {
  let isOpen = !matchMedia(NARROW).matches, at = 0;
  try { if (localStorage.getItem(STORE) === "closed") isOpen = false; } catch { /* not remembered then */ }
  const showing = (tab: number) => () => isOpen && at === tab && !document.hidden;
  const filters = makeFilters(app), list = makeList(app, showing(0)), sensors = makeSensors(app, showing(1));
  const panels = [el("div", { class: "panel", role: "tabpanel", id: "panel-tracks", "aria-labelledby": "tab-tracks" }, filters.node, list.node),
    el("div", { class: "panel", role: "tabpanel", id: "panel-sensors", "aria-labelledby": "tab-sensors", tabindex: 0 }, sensors.node)];
  const tabs = (["tracks", "sensors"] as const).map((name, k) => el("button", {
    type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`, onclick: () => show(k),
  }, name === "tracks" ? "Tracks" : "Sensors"));
  const tablist = el("div", { class: "tabs", role: "tablist", "aria-label": "Lists" }, ...tabs);
  tablist.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    event.preventDefault();
    show(1 - at);
    tabs[at].focus();
  });
  const node = el("aside", { class: "side", "aria-label": "Tracks and sensors" }, tablist, ...panels, makeDetail(app));

  function show(tab: number): void {
    at = tab;
    tabs.forEach((button, k) => {
      setAttribute(button, "aria-selected", String(k === tab));
      setAttribute(button, "tabindex", k === tab ? "0" : "-1");
      panels[k].hidden = k !== tab;
    });
    if (tab === 0) list.refresh(); else sensors.refresh();
  }
  function toggle(open = !isOpen): void {
    isOpen = open;
    document.documentElement.classList.toggle("side-closed", !open);
    if (!matchMedia(NARROW).matches) try { localStorage.setItem(STORE, open ? "open" : "closed"); } catch { /* as above */ }
    if (open) show(at);
    changed();
  }
  show(0);
  document.documentElement.classList.toggle("side-closed", !isOpen);
  return {
    node, open: () => isOpen, toggle,
    search: () => { toggle(true); show(0); filters.search(); },
    sensors: () => { toggle(true); show(1); tabs[1].focus(); },
  };
}
