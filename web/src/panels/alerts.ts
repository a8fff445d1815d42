// What must not be missed: STALE, emergencies, what the service says of itself, and short answers to what the user did.
import type { App } from "../app";
import { button, el, setText } from "../el";
import { isFiltering, makeFilter } from "../filter";
import { distressOf, labelOf, troubleText } from "../label";
import { NO_FILTER, type Model } from "../model";
import { clockText, countText, spanText } from "../text";

const TOAST_MS = 6000;
const MOST_TOASTS = 4;
const MOST_EMERGENCIES = 6;

export interface Alerts { node: HTMLElement; say(text: string): void }

/** Short answers: made before all else, since everything may have something to say. */
export function makeToasts(): Alerts {
  const node = el("div", { class: "toasts", role: "status", "aria-live": "polite" });
  const say = (text: string) => {
    const toast = el("p", { class: "toast" }, text);
    node.append(toast);
    while (node.childElementCount > MOST_TOASTS) node.firstElementChild!.remove();
    setTimeout(() => toast.remove(), TOAST_MS);
  };
  return { node, say };
}

/** The banner of STALE; it counts while it is there. */
export function makeBanner(model: Model): HTMLElement {
  const login = el("a", { href: "./", hidden: true }, "The service wants you to log in again");
  login.addEventListener("click", (event) => { event.preventDefault(); location.reload(); });
  const said = el("span", {}), since = el("span", { class: "since", "aria-hidden": "true" });
  const banner = el("div", { class: "banner", role: "alert", hidden: true });
  let timer = 0;
  const repaint = () => {
    const s = (performance.now() - model.heardMs) / 1000;
    setText(since, `no data for ${spanText(s)}`);
  };
  model.listen((what) => {
    if (what !== "link" && what !== "picture") return;
    document.documentElement.classList.toggle("stale", model.stale);
    login.hidden = !model.denied;
    if (model.stale && timer === 0) {
      const seen = model.picture === null ? "Nothing has been received yet." : `The picture is that of ${clockText(model.picture.timeMs)} UTC and does not move.`;
      setText(said, seen);
      banner.replaceChildren(el("strong", {}, "STALE"), said, since, login);
      banner.hidden = false;
      repaint();
      timer = window.setInterval(repaint, 1000);
    } else if (!model.stale && timer !== 0) {
      clearInterval(timer);
      timer = 0;
      banner.hidden = true;
      banner.replaceChildren();
    }
  });
  return banner;
}

/** Aircraft in distress, each a way to it; that a filter hides tracks; and the service's own words below. */
export function makeWarnings(app: App): HTMLElement {
  const { model } = app;
  const emergencies = el("div", { class: "emergencies", role: "alert" });
  const said = el("div", { class: "said", role: "status" });
  const hiding = el("span", {});
  const filtered = el("div", { class: "filtered", role: "group", "aria-label": "Filter", hidden: true }, hiding,
    button("Show all", { class: "quiet", onclick: () => app.setFilter(NO_FILTER) }));
  let shownEmergencies = "", shownSaid = "";

  const repaintFiltered = () => {
    filtered.hidden = !isFiltering(model);
    if (filtered.hidden) return;
    const passes = makeFilter(model), n = model.picture?.n ?? 0;
    let shown = 0;
    for (let row = 0; row < n; row++) if (passes(row)) shown += 1;
    setText(hiding, `Filter on: ${countText(n - shown)} of ${countText(n)} tracks are hidden`);
  };
  const repaintEmergencies = () => {
    const found: { id: number; code: string }[] = [];
    for (const [id, known] of model.statics) if (distressOf(known.modeA) !== null && model.row(id) >= 0) found.push({ id, code: known.modeA! });
    const key = found.map((one) => `${one.id} ${one.code} ${labelOf(model, one.id)}`).join();
    if (key === shownEmergencies) return;
    shownEmergencies = key;
    emergencies.replaceChildren(...found.slice(0, MOST_EMERGENCIES).map(({ id, code }) => {
      const trouble = distressOf(code)!;
      return button("", { class: "emergency", title: troubleText(trouble), onclick: () => app.goTo(id) },
        el("span", { class: "mark", "aria-hidden": "true" }, "◆"), el("b", {}, `${trouble} ${code}`), el("span", {}, ` ${labelOf(model, id)}`));
    }), ...(found.length > MOST_EMERGENCIES ? [el("p", { class: "more" }, `and ${found.length - MOST_EMERGENCIES} more`)] : []));
  };
  const repaintSaid = () => {
    const lines = model.status?.said ?? [];
    const key = lines.join("\n");
    if (key === shownSaid) return;
    shownSaid = key;
    said.replaceChildren(...lines.slice(0, 3).map((line) => el("p", {}, el("span", { class: "mark", "aria-hidden": "true" }, "▲"), ` ${line}`)),
      ...(lines.length > 3 ? [el("p", {}, `and ${lines.length - 3} more, under Sensors`)] : []));
  };
  let due = false;
  model.listen((what) => {
    if (what === "status" || what === "hello") repaintSaid();
    if ((what === "static" || what === "picture" || what === "hello" || what === "settings") && !due) {
      due = true; // pictures may come ten times a second in a replay; alerts need not
      setTimeout(() => { due = false; repaintEmergencies(); repaintFiltered(); }, what === "settings" ? 0 : 400);
    }
  });
  return el("div", { class: "warnings" }, emergencies, filtered, said);
}
