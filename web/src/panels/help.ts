// The help page: keys, and what the symbols mean.
import { button, el } from "../el";
import { icon } from "../icons";
import { KEYS } from "../keys";

const SYMBOLS: [string, string][] = [
  ["○", "identified"], ["□", "unknown: a track without identity"], ["+", "primary radar only"], ["◇", "suspect: its reports and the radars disagree"],
  ["╌", "dashed and grey: coasting, not seen lately"], ["EMRG", "7700 emergency"], ["RADIO", "7600 radio failure"], ["HIJK", "7500 unlawful interference"],
];

export function makeHelp(): HTMLDialogElement {
  const pairs = (rows: [string, string][]) => el("dl", {}, ...rows.map(([key, text]) => el("div", {}, el("dt", {}, key), el("dd", {}, text))));
  const dialog = el("dialog", { class: "help", "aria-labelledby": "help-title" },
    el("header", {}, el("h2", { id: "help-title" }, "farwatch: the air picture"), button("", { class: "quiet close", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"))),
    el("div", { class: "columns" },
      el("section", {}, el("h3", {}, "Keys"), pairs(KEYS)),
      el("section", {}, el("h3", {}, "Symbols"), pairs(SYMBOLS),
        el("h3", {}, "Pointer"), el("p", {}, "Drag moves the map, the wheel zooms, a click selects. Labels can be dragged where they are in the way."),
        el("h3", {}, "Sources"), el("p", {}, "Coasts and borders: Natural Earth. Airports: OurAirports. Both public domain. Nothing is fetched from elsewhere."))));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  return dialog;
}
