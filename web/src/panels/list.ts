// The list of tracks: tens of thousands of rows, of which only those in sight are elements. It is also the way for those
// who do not see the map: a grid with one row in the tab order, moved by the arrow keys.
import type { App } from "../app";
import { button, el, setAttribute, setText } from "../el";
import { isFiltering } from "../filter";
import { labelOf, troubleOf, troubleText } from "../label";
import { FLAG } from "../model";
import { sortedRows, type Column, type Order } from "../rows";
import { climbArrow, countText, courseText, knots, levelText } from "../text";

const ROW_PX = 28;
const SPARE_ROWS = 4;
const LEAST_MS = 950;
const HEADS: [Column, string, string][] = [
  ["label", "Ident", "callsign, else address, Mode A or number"], ["modeA", "A", "Mode A"], ["level", "FL", "level, hundreds of feet; with ~: height above the ellipsoid"],
  ["speed", "GS", "ground speed, knots"], ["course", "TRK", "track angle, degrees"], ["state", "!", "what is the matter with it"],
];

export function makeList(app: App, visible: () => boolean): { node: HTMLElement; refresh(): void } {
  const { model } = app;
  const order: Order = { column: "label", down: false };
  let ids: number[] = [], active: number | null = null, paintedMs = -Infinity, timer = 0;
  const made = new Map<number, HTMLElement>();
  const index = new Map<number, number>(); // of the rows that are elements

  const heads = HEADS.map(([column, text, title]) => el("div", { role: "columnheader", class: `cell is-${column}`, "aria-sort": "none" },
    button(text, { title: `Sort by ${title}`, onclick: () => sortBy(column) })));
  const body = el("div", { class: "rows", role: "presentation" }), scroll = el("div", { class: "scroll", role: "rowgroup", tabindex: -1 }, body);
  // The count changes every second: it is spoken only where the filter has changed.
  const count = el("p", { class: "count" }), spoken = el("p", { class: "unseen", role: "status" });
  let spokenFilter = "";
  const grid = el("div", { class: "list", role: "grid", "aria-label": "Tracks" },
    el("div", { role: "rowgroup", class: "heads" }, el("div", { role: "row", class: "row head", "aria-rowindex": 1 }, ...heads)), scroll);

  function sortBy(column: Column): void {
    order.down = order.column === column ? !order.down : column === "level" || column === "speed";
    order.column = column;
    repaint();
  }

  function repaint(): void {
    timer = 0;
    if (!visible()) return;
    paintedMs = performance.now();
    const rows = sortedRows(model, order, ids), picture = model.picture;
    ids = rows.map((row) => picture!.id[row]);
    HEADS.forEach(([column], k) => setAttribute(heads[k], "aria-sort", column !== order.column ? "none" : order.down ? "descending" : "ascending"));
    const total = picture?.n ?? 0;
    setText(count, isFiltering(model) ? `${countText(ids.length)} of ${countText(total)} tracks pass the filter` : `${countText(total)} tracks`);
    const filter = JSON.stringify(model.filter);
    if (filter !== spokenFilter) { spokenFilter = filter; setText(spoken, count.textContent!); }
    setAttribute(grid, "aria-rowcount", String(ids.length + 1));
    body.style.height = `${ids.length * ROW_PX}px`;
    if (active !== null && model.row(active) < 0) active = null;
    layRows();
  }

  function layRows(): void {
    const first = Math.max(0, Math.floor(scroll.scrollTop / ROW_PX) - SPARE_ROWS);
    const last = Math.min(ids.length, Math.ceil((scroll.scrollTop + scroll.clientHeight) / ROW_PX) + SPARE_ROWS);
    index.clear();
    for (let k = first; k < last; k++) index.set(ids[k], k);
    if (active === null && ids.length > 0) active = ids[first];
    // The row that has the focus stays an element wherever it has gone, or the focus would be lost.
    if (active !== null && !index.has(active)) { const k = ids.indexOf(active); if (k >= 0) index.set(active, k); else active = ids[first] ?? null; }
    const focused = body.contains(document.activeElement);
    for (const [id, row] of made) if (!index.has(id)) { made.delete(id); row.remove(); }
    for (const [id, k] of index) {
      let row = made.get(id);
      if (row === undefined) { row = makeRow(id); made.set(id, row); body.append(row); }
      fill(row, id, k);
    }
    if (focused && !body.contains(document.activeElement) && active !== null) made.get(active)?.focus({ preventScroll: true });
  }

  function makeRow(id: number): HTMLElement {
    const row = el("div", { role: "row", class: "row", tabindex: -1, "data-id": id, onclick: () => { activate(id); app.goTo(id); } });
    row.addEventListener("pointerenter", () => app.hover(id));
    row.addEventListener("pointerleave", () => app.hover(null));
    for (const [column] of HEADS) row.append(el("div", { role: "gridcell", class: `cell is-${column}` }));
    return row;
  }

  function fill(row: HTMLElement, id: number, k: number): void {
    const p = model.picture!, at = model.row(id);
    if (at < 0) return;
    row.style.transform = `translateY(${k * ROW_PX}px)`;
    setAttribute(row, "aria-rowindex", String(k + 2));
    setAttribute(row, "aria-selected", String(id === model.selected));
    setAttribute(row, "tabindex", id === active ? "0" : "-1");
    const trouble = troubleOf(model, id, p.flags[at]);
    setAttribute(row, "data-trouble", trouble);
    const texts = [
      labelOf(model, id), model.statics.get(id)?.modeA ?? "", `${p.flags[at] & FLAG.geometric && p.levelFt[at] === p.levelFt[at] ? "~" : ""}${levelText(p.levelFt[at])}${climbArrow(p.climbMps[at])}`,
      String(Math.round(knots(p.speedMps[at]))), courseText(p.angleDeg[at]), trouble ?? "",
    ];
    texts.forEach((text, column) => setText(row.children[column], text));
    setAttribute(row.children[5], "title", trouble === null ? null : troubleText(trouble));
  }

  function activate(id: number): void {
    if (active !== null) made.get(active)?.setAttribute("tabindex", "-1");
    active = id;
    const k = ids.indexOf(id), top = k * ROW_PX;
    if (top < scroll.scrollTop) scroll.scrollTop = top;
    else if (top + ROW_PX > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = top + ROW_PX - scroll.clientHeight;
    layRows();
    made.get(id)?.focus({ preventScroll: true });
  }

  body.addEventListener("keydown", (event) => {
    const k = active === null ? -1 : ids.indexOf(active), page = Math.max(1, Math.floor(scroll.clientHeight / ROW_PX) - 1);
    const to = { ArrowDown: k + 1, ArrowUp: k - 1, PageDown: k + page, PageUp: k - page, Home: 0, End: ids.length - 1 }[event.key];
    if (to !== undefined && ids.length > 0) {
      event.preventDefault();
      activate(ids[Math.min(Math.max(to, 0), ids.length - 1)]);
    } else if ((event.key === "Enter" || event.key === " ") && active !== null) {
      event.preventDefault();
      app.goTo(active);
    }
  });
  scroll.addEventListener("scroll", () => layRows(), { passive: true });
  new ResizeObserver(() => { if (visible()) repaint(); }).observe(scroll);

  /** At most once a second for pictures, at once for what the user does. */
  const soon = (atOnce: boolean) => {
    if (!visible()) return;
    if (atOnce) { clearTimeout(timer); timer = window.setTimeout(repaint, 30); return; }
    if (timer === 0) timer = window.setTimeout(repaint, Math.max(0, paintedMs + LEAST_MS - performance.now()));
  };
  model.listen((what) => {
    if (what === "picture" || what === "static") soon(false);
    else if (what === "settings" || what === "hello") soon(true);
    else if (what === "selection" && visible()) for (const [id, row] of made) setAttribute(row, "aria-selected", String(id === model.selected));
  });
  document.addEventListener("visibilitychange", () => soon(true));
  return { node: el("div", { class: "tracklist" }, count, spoken, grid), refresh: repaint };
}
