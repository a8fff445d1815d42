// The top bar: what is shown (LIVE, REPLAY, STALE), its time, how much of it there is, and how the sensors are.
import { button, el, setAttribute, setText } from "../el";
import { icon } from "../icons";
import type { Model, SensorStatus } from "../model";
import { clockText, countText, dayText } from "../text";

export interface TopCallbacks { sensors(): void; help(): void; toggleSide(): void; side(): boolean }

const SHOWN_SENSORS = 6;
const MARKS = { ok: "●", waiting: "○", silent: "▲", stuck: "■" } as const;

export function conditionMark(condition: SensorStatus["condition"]): string { return MARKS[condition]; }

/** What is shown, in one word, and its kind for the style. */
export function stateOf(model: Model): { word: string; kind: string } {
  if (model.stale) return { word: "STALE", kind: "stale" };
  if (model.status === null) return { word: "CONNECTING", kind: "standby" };
  const playback = model.status.playback;
  if (playback.state === "paused") return { word: "REPLAY ❚❚", kind: "replay" };
  if (playback.state === "playing") return { word: `REPLAY ×${playback.speed}`, kind: "replay" };
  switch (model.mode) {
    case "live": return { word: "LIVE", kind: "live" };
    case "simulated": return { word: "LIVE SIM", kind: "live" };
    case "replay": return { word: "REPLAY", kind: "replay" };
    case "standby": return { word: "STANDBY", kind: "standby" };
  }
}

export function makeTop(model: Model, callbacks: TopCallbacks): HTMLElement {
  const state = el("span", { class: "state", "data-kind": "standby" }, "CONNECTING");
  const name = el("span", { class: "scenario" });
  const clock = el("time", { class: "clock" }, "--:--:--"), day = el("span", { class: "day" });
  const tracks = figure("tracks"), plots = figure("plots/s"), latency = figure("ms");
  const sensors = button("", { class: "sensors", title: "The sensors and their health", onclick: callbacks.sensors });
  const side = button("", { class: "tool", title: "Show or hide the list (T)", onclick: callbacks.toggleSide }, icon("list"), el("span", {}, "List"));
  const bar = el("header", { class: "top" },
    state, name, el("span", { class: "when" }, clock, el("span", { class: "utc" }, "UTC"), day),
    el("span", { class: "figures" }, tracks.node, plots.node, latency.node), sensors,
    el("nav", { class: "tools", "aria-label": "Tools" },
      button("", { class: "tool", popovertarget: "layers", title: "Layers and settings" }, icon("layers"), el("span", {}, "Layers")),
      button("", { class: "tool", popovertarget: "export", title: "Picture, table, link" }, icon("download"), el("span", {}, "Export")),
      side, button("?", { class: "tool", title: "Keys and help (?)", "aria-label": "Help", onclick: callbacks.help })));

  const repaint = () => {
    const { word, kind } = stateOf(model), status = model.status;
    setText(state, word);
    setAttribute(state, "data-kind", kind);
    setText(name, model.name);
    const timeMs = model.picture?.timeMs ?? status?.timeMs ?? 0;
    setText(clock, clockText(timeMs));
    setText(day, dayText(timeMs));
    setText(tracks.value, countText(model.picture?.n ?? status?.tracks));
    setText(plots.value, countText(status?.plotsPerS));
    setText(latency.value, status?.latencyMs == null ? "–" : countText(status.latencyMs, status.latencyMs < 10 ? 1 : 0));
    setAttribute(side, "aria-expanded", String(callbacks.side()));
    document.title = `${word === "STALE" ? "⚠ STALE" : clockText(timeMs)} · ${model.name || "farwatch"} · farwatch`;
  };
  let shown = "";
  const repaintSensors = () => {
    const all = model.status?.sensors ?? [];
    const bad = all.filter((one) => one.condition !== "ok");
    const some = all.length <= SHOWN_SENSORS ? all : bad.slice(0, SHOWN_SENSORS);
    const key = JSON.stringify([some.map((one) => [one.id, one.condition]), all.length, bad.length]);
    if (key === shown) return;
    shown = key;
    sensors.replaceChildren(...some.map((one) => el("span", { class: "sensor", "data-condition": one.condition },
      el("span", { class: "mark", "aria-hidden": "true" }, MARKS[one.condition]), one.id, el("em", one.condition === "ok" ? { class: "unseen" } : {}, ` ${one.condition}`))));
    if (all.length > SHOWN_SENSORS) sensors.append(el("span", { class: "sensor" }, `${all.length - bad.length} of ${all.length} ok`));
  };
  model.listen((what) => {
    if (what === "status" || what === "hello") repaintSensors();
    if (what !== "plots" && what !== "static" && what !== "detail" && what !== "view") repaint();
  });
  repaint();
  return bar;
}

function figure(unit: string): { node: HTMLElement; value: HTMLElement } {
  const value = el("b", {}, "–");
  return { node: el("span", { class: "figure" }, value, el("span", {}, unit)), value };
}
