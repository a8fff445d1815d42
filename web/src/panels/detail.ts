// All that is known of the selected track, with how sure the tracker is.
import type { App } from "../app";
import { button, el, setAttribute, setText } from "../el";
import { sensorNames } from "../export";
import { icon } from "../icons";
import { labelOf, troubleOf, troubleText } from "../label";
import { FLAG, type Detail } from "../model";
import { angleText, climbArrow, clockText, countText, courseText, feet, knots, levelText } from "../text";

export function makeDetail(app: App): HTMLElement {
  const { model } = app;
  const title = el("h2", {}), trouble = el("p", { class: "trouble" });
  const follow = button("Follow", { class: "quiet", "aria-pressed": "false", title: "Keep it in the middle of the map (F)", onclick: () => app.follow() });
  const facts = new Map<string, HTMLElement>();
  const list = el("dl", {});
  const node = el("section", { class: "detail", "aria-label": "Selected track", hidden: true },
    el("header", {}, title, follow, button("", { class: "quiet close", "aria-label": "Select nothing", title: "Select nothing (Esc)", onclick: () => app.select(null) }, icon("close"))),
    trouble, list);

  const put = (name: string, value: string) => {
    let fact = facts.get(name);
    if (fact === undefined) { fact = el("dd", {}); facts.set(name, fact); list.append(el("div", {}, el("dt", {}, name), fact)); }
    setText(fact, value);
  };
  const repaint = () => {
    const id = model.selected;
    node.hidden = id === null;
    if (id === null) return;
    setText(title, labelOf(model, id));
    setAttribute(follow, "aria-pressed", String(model.following));
    const row = model.row(id), p = model.picture;
    setAttribute(node, "data-gone", row < 0 ? "" : null);
    if (row < 0 || p === null) {
      setText(trouble, p === null ? "" : "Not in this picture: the track has ended, or has not begun yet.");
      setAttribute(trouble, "data-trouble", "CST");
      return;
    }
    const what = troubleOf(model, id, p.flags[row]), known = model.statics.get(id);
    setText(trouble, what === null ? "" : troubleText(what));
    setAttribute(trouble, "data-trouble", what);
    const d = model.detail?.id === id ? model.detail : null;
    const geometric = (p.flags[row] & FLAG.geometric) !== 0, level = p.levelFt[row];
    put("Status", d?.status ?? ((p.flags[row] & FLAG.status) === FLAG.coasting ? "coasting" : "confirmed"));
    put("Track", `#${id}`);
    put("Callsign", known?.callsign ?? "–");
    put("Address", known?.address ?? "–");
    put("Mode A", known?.modeA ?? "–");
    put("Level", Number.isNaN(level) ? "–" : geometric ? `${countText(level)} ft above the ellipsoid` : `FL ${levelText(level)} ${climbArrow(p.climbMps[row])}`);
    put("Height", d?.heightWgs84M == null ? "–" : `${countText(d.heightWgs84M)} m WGS-84${plusMinus(d.sigmaHeightM)}`);
    put("Speed", `${countText(knots(p.speedMps[row]))} kt, ${courseText(p.angleDeg[row])}°`);
    put("Climb", Number.isNaN(p.climbMps[row]) ? "–" : `${countText(Math.round(feet(p.climbMps[row] * 60) / 50) * 50)} ft/min`);
    put("Position", `${angleText(p.latDeg[row], "N", "S")} ${angleText(p.lonDeg[row], "E", "W")}`);
    put("Accuracy", d === null ? "–" : accuracy(d));
    put("Existence", d === null || Number.isNaN(d.existence) ? "–" : `${(100 * d.existence).toFixed(1)} %`);
    put("Sensors", (d?.sensors ?? sensorNames(model, p.sensors[row])).join(", ") || "none lately");
    put("Last plot", lastPlot(d));
  };
  model.listen((what) => { if (what !== "plots" && what !== "status" && what !== "view") repaint(); });
  return node;
}

const plusMinus = (sigma: number | null) => (sigma === null ? "" : ` ± ${countText(sigma)}`);

function accuracy(d: Detail): string {
  const major = ellipseMajor(d.sigmaEastM, d.sigmaNorthM, d.correlationEastNorth);
  const speed = Math.hypot(d.sigmaVEastMps, d.sigmaVNorthMps);
  return Number.isNaN(major) ? "–" : `± ${countText(major)} m, ± ${countText(knots(speed))} kt`;
}

/** Longer half axis of the ellipse of one sigma. */
function ellipseMajor(sx: number, sy: number, correlation: number): number {
  const a = sx * sx, c = sy * sy, b = correlation * sx * sy;
  return Math.sqrt((a + c) / 2 + Math.sqrt(((a - c) / 2) ** 2 + b * b));
}

function lastPlot(d: Detail | null): string {
  if (d === null || d.plots.length === 0) return "–";
  const last = d.plots.reduce((newest, plot) => (plot.timeMs > newest.timeMs ? plot : newest));
  return `${clockText(last.timeMs)} by ${last.sensor}, ${countText(Math.max(0, (d.timeMs - last.timeMs) / 1000), 0)} s ago`;
}
