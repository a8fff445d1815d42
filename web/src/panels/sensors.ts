// The sensors: how each is doing, where its beam is, and whether its plots are drawn; below, what the service says of itself.
import type { App } from "../app";
import { checkbox, el, setAttribute, setText } from "../el";
import { clockText, countText, spanText } from "../text";
import type { Registration } from "../model";
import { conditionMark } from "./top";

const SVG = "http://www.w3.org/2000/svg";

interface Card { node: HTMLElement; mark: HTMLElement; condition: HTMLElement; rate: HTMLElement; heard: HTMLElement; errors: HTMLElement; dial: SVGSVGElement; hand: SVGLineElement }

/** What is taken off a sensor's plots, or why nothing is. */
function errorsText(known: Registration): string {
  const signed = (value: number, digits: number, unit: string) => `${value < 0 ? "\u2212" : "+"}${Math.abs(value).toFixed(digits)} ${unit}`;
  const parts = [
    ...(known.rangeM === null ? [] : [signed(known.rangeM, 0, "m")]),
    ...(known.azimuthDeg === null ? [] : [signed(known.azimuthDeg, 3, "deg")]),
    ...(known.timeS === null ? [] : [signed(known.timeS * 1000, 0, "ms")]),
  ];
  if (known.standing !== "ok") return known.standing;
  return parts.join(", ") || (known.reference ? "reference" : "none known");
}

export function makeSensors(app: App, visible: () => boolean): { node: HTMLElement; refresh(): void } {
  const { model } = app;
  const cards = el("ul", { class: "cards" }), service = el("dl", { class: "service" }), said = el("ul", { class: "words" });
  const node = el("div", { class: "sensorlist" }, cards, el("h3", {}, "Service"), said, service);
  let made: Card[] = [];

  const remake = () => {
    made = model.sensors.map((sensor, k) => {
      const hidden = model.settings.hiddenSensors.includes(k);
      const [mark, condition, rate, heard, errors] = [el("span", { class: "mark", "aria-hidden": "true" }), el("span", {}), el("dd", {}), el("dd", {}), el("dd", {})];
      const { dial, hand } = makeDial();
      const plots = checkbox("Draw its plots", !hidden, (on) => {
        const others = model.settings.hiddenSensors.filter((one) => one !== k);
        app.set({ hiddenSensors: on ? others : [...others, k] });
      });
      const facts = el("dl", {}, el("div", {}, el("dt", {}, "Plots/s"), rate), el("div", {}, el("dt", {}, "Heard"), heard));
      if (sensor.maxRangeM > 0) facts.append(el("div", {}, el("dt", {}, "Range"), el("dd", {}, `${countText(sensor.maxRangeM / 1000)} km`)));
      if (sensor.rotationS > 0) facts.append(el("div", {}, el("dt", {}, "Turn"), el("dd", {}, `${countText(sensor.rotationS, 1)} s`)));
      facts.append(el("div", { hidden: true }, el("dt", {}, "Errors"), errors));
      const card = el("li", { class: "card" }, el("header", {}, mark, el("b", {}, sensor.id), el("span", { class: "kind" }, sensor.kind), condition), dial as unknown as HTMLElement, facts, plots);
      return { node: card, mark, condition, rate, heard, errors, dial, hand };
    });
    cards.replaceChildren(...made.map((card) => card.node));
    repaint();
  };
  const repaint = () => {
    const status = model.status;
    if (status === null || !visible()) return;
    for (const [k, card] of made.entries()) {
      const one = status.sensors.find((health) => health.id === model.sensors[k].id);
      if (one === undefined) continue;
      setAttribute(card.node, "data-condition", one.condition);
      setText(card.mark, conditionMark(one.condition));
      setText(card.condition, one.condition);
      setText(card.rate, countText(one.plotsPerS, 1));
      setText(card.heard, one.heardMs > 0 ? `${clockText(one.heardMs)}, ${spanText((status.timeMs - one.heardMs) / 1000)} ago` : "not yet");
      card.errors.parentElement!.hidden = one.registration === null;
      if (one.registration !== null) setText(card.errors, errorsText(one.registration));
      card.dial.style.visibility = one.azimuthDeg === null ? "hidden" : "visible";
      if (one.azimuthDeg !== null) {
        card.hand.style.transform = `rotate(${one.azimuthDeg.toFixed(1)}deg)`;
        setAttribute(card.dial, "aria-label", `Beam at ${Math.round(one.azimuthDeg)} degrees`);
      }
    }
    said.replaceChildren(...status.said.map((line) => el("li", {}, line)));
    const facts: [string, string][] = [
      ["Plots in all", countText(status.plots)], ["Too late", countText(status.late)], ["Lost before reading", countText(status.dropped)],
      ["Shed under load", countText(status.shed)], ["Recording", status.recording || "–"], ["Messages not understood", countText(model.ignored)], ["farwatch", model.version || "–"],
    ];
    service.replaceChildren(...facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  };
  model.listen((what) => {
    if (what === "hello") remake();
    else if (what === "status") repaint();
  });
  return { node, refresh: repaint };
}

function makeDial(): { dial: SVGSVGElement; hand: SVGLineElement } {
  const dial = document.createElementNS(SVG, "svg"), ring = document.createElementNS(SVG, "circle"), hand = document.createElementNS(SVG, "line");
  for (const [name, value] of Object.entries({ viewBox: "-20 -20 40 40", class: "dial", role: "img" })) dial.setAttribute(name, value);
  ring.setAttribute("r", "17");
  for (const [name, value] of Object.entries({ x1: "0", y1: "0", x2: "0", y2: "-17" })) hand.setAttribute(name, value);
  dial.append(ring, hand);
  return { dial, hand };
}
