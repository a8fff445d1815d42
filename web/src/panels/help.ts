// The help page: keys, and what the symbols mean.
import { button, el } from "../el";
import { icon, type IconName } from "../icons";
import { KEYS } from "../keys";

const SYMBOLS: [IconName, string][] = [
  ["known", "known by callsign or address"], ["code", "known by Mode A alone"], ["primary", "primary radar only"], ["dependent", "only its own word for where it is"],
  ["suspect", "suspect: its word and the radars disagree"], ["coasting", "dashed and grey: coasting, not seen lately"], ["distress", "ringed: 7700 EMRG, 7600 RADIO, 7500 HIJK"],
];

export function makeHelp(): HTMLDialogElement {
  const pairs = (rows: [string | Node, string][]) => el("dl", {}, ...rows.map(([key, text]) => el("div", {}, el("dt", {}, key), el("dd", {}, text))));
  const dialog = el("dialog", { class: "help", "aria-labelledby": "help-title" },
    el("header", {}, el("h2", { id: "help-title" }, "farwatch: the air picture"), button("", { class: "quiet close", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"))),
    el("div", { class: "columns" },
      el("section", {}, el("h3", {}, "Keys"), pairs(KEYS)),
      el("section", {}, el("h3", {}, "Symbols"), pairs(SYMBOLS.map(([name, text]) => [icon(name), text])),
        el("h3", {}, "Pointer"), el("p", {}, "Drag moves the map, the wheel zooms, a click selects. Labels can be dragged where they are in the way."),
        el("h3", {}, "Sources"), el("p", {}, "Coasts and borders: Natural Earth. Airports: OurAirports. Both public domain. Nothing is fetched from elsewhere."))));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  return dialog;
}
