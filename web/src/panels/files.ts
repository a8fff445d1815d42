// The menu of what can be taken away: the map as a picture, the tracks as files, this view as an address.
import type { App } from "../app";
import { button, el } from "../el";
import { isFiltering } from "../filter";
import { download, exportRows, toCsv, toGeojson } from "../export";

export function makeFiles(app: App): HTMLElement {
  const { model } = app;
  const node = el("section", { id: "export", popover: "auto", class: "popover menu", "aria-label": "Export" });
  const stamp = () => `farwatch-${new Date(model.picture?.timeMs ?? 0).toISOString().slice(0, 19).replaceAll(":", "")}Z`;
  const act = (text: string, hint: string, run: () => void | Promise<void>) => button(text, { onclick: async () => {
    node.hidePopover();
    try { await run(); } catch (error) { app.say(`${text}: ${error instanceof Error ? error.message : "it did not work"}`); }
  } }, el("span", { class: "hint" }, hint));
  const table = (write: (rows: ReturnType<typeof exportRows>) => string, kind: string, ending: string) => {
    if (model.picture === null) { app.say("There is no picture yet"); return; }
    const rows = exportRows(model);
    download(new Blob([write(rows)], { type: kind }), `${stamp()}.${ending}`);
    app.say(`${rows.length} tracks written${isFiltering(model) ? ", those that pass the filter" : ""}`);
  };
  node.append(
    act("Map as PNG", "as it is drawn now", async () => download(await app.map.toPng(), `${stamp()}.png`)),
    act("Tracks as CSV", "those that pass the filter", () => table(toCsv, "text/csv;charset=utf-8", "csv")),
    act("Tracks as GeoJSON", "those that pass the filter", () => table(toGeojson, "application/geo+json", "geojson")),
    act("Copy link", "this view, its time where it is not the newest, and the settings", async () => {
      const link = app.link();
      history.replaceState(null, "", link);
      try { await navigator.clipboard.writeText(link); app.say("The link is copied"); } catch { app.say("The link is in the address bar"); }
    }));
  return node;
}
