// Search and filters: what is written here holds for the list, the map and the files.
import type { App } from "../app";
import { button, el, setAttribute, setText } from "../el";
import { isFiltering } from "../filter";
import { sortedRows } from "../rows";

const WAIT_MS = 120;

export function makeFilters(app: App): { node: HTMLElement; search(): void } {
  const { model } = app;
  const input = (name: string, properties: Record<string, string | number>) => el("input", { name, autocomplete: "off", spellcheck: "false", ...properties });
  const text = input("search", { type: "search", placeholder: "Search: callsign, address, Mode A, number", "aria-label": "Search tracks", maxlength: 40 });
  const low = input("low", { type: "number", min: -10, max: 999, step: 10, placeholder: "0" });
  const high = input("high", { type: "number", min: -10, max: 999, step: 10, placeholder: "999" });
  const modeA = input("mode-a", { type: "text", inputmode: "numeric", pattern: "[0-7]{0,4}", maxlength: 4, placeholder: "0000" });
  const sensor = el("select", {}, el("option", { value: "" }, "any"));
  const clear = button("Clear", { class: "quiet", hidden: true });
  const more = el("details", { class: "filters" },
    el("summary", {}, "Filters"),
    el("div", { class: "fields" },
      el("label", {}, el("span", {}, "FL from"), low), el("label", {}, el("span", {}, "to"), high),
      el("label", {}, el("span", {}, "Mode A"), modeA), el("label", {}, el("span", {}, "Sensor"), sensor)));
  const node = el("form", { class: "searching", role: "search" }, el("div", { class: "searchline" }, text, clear), more);

  let timer = 0;
  const read = () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => app.setFilter({
      text: text.value.trim(), modeA: /^[0-7]{0,4}$/.test(modeA.value.trim()) ? modeA.value.trim() : "", sensor: sensor.value === "" ? null : Number(sensor.value),
      minLevelFt: low.value === "" || !low.validity.valid ? null : Number(low.value) * 100, maxLevelFt: high.value === "" || !high.validity.valid ? null : Number(high.value) * 100,
    }), WAIT_MS);
  };
  low.step = high.step = "any";
  node.addEventListener("input", read);
  node.addEventListener("submit", (event) => event.preventDefault());
  text.addEventListener("keydown", (event) => { // Enter: to the first that is found
    if (event.key !== "Enter") return;
    event.preventDefault();
    app.setFilter({ text: text.value.trim() });
    const [row] = sortedRows(model, { column: "label", down: false });
    if (row === undefined) app.say("No track passes the filter");
    else app.goTo(model.picture!.id[row]);
  });
  clear.addEventListener("click", () => {
    app.setFilter({ text: "", modeA: "", sensor: null, minLevelFt: null, maxLevelFt: null });
    text.focus();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (text.value === "") text.blur();
    else { text.value = ""; read(); }
    event.preventDefault();
  });

  /** What the model says, where the user is not just writing it. */
  const show = () => {
    const f = model.filter;
    const put = (field: HTMLInputElement | HTMLSelectElement, value: string) => { if (document.activeElement !== field && field.value !== value) field.value = value; };
    put(text, f.text);
    put(modeA, f.modeA);
    put(low, f.minLevelFt === null ? "" : String(f.minLevelFt / 100));
    put(high, f.maxLevelFt === null ? "" : String(f.maxLevelFt / 100));
    put(sensor, f.sensor === null ? "" : String(f.sensor));
    clear.hidden = !isFiltering(model);
    const beyondText = f.modeA !== "" || f.sensor !== null || f.minLevelFt !== null || f.maxLevelFt !== null;
    setText(more.firstElementChild!, beyondText ? "Filters (on)" : "Filters");
    setAttribute(more, "data-on", beyondText ? "" : null);
  };
  model.listen((what) => {
    if (what === "hello") {
      sensor.replaceChildren(el("option", { value: "" }, "any"), ...model.sensors.slice(0, 16).map((one, k) => el("option", { value: k }, one.id)));
      show();
    } else if (what === "settings") show();
  });
  show();
  return { node, search: () => { text.focus(); text.select(); } };
}
