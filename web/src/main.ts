// The page: model, map, panels and the wire, put together.
import "./style/fonts.css";
import "./style/tokens.css";
import "./style/layout.css";
import "./style/panels.css";
import { App } from "./app";
import { listenToKeys } from "./keys";
import { makeMap } from "./map/map";
import { Model } from "./model";
import { makeBanner, makeToasts, makeWarnings } from "./panels/alerts";
import { makeFiles } from "./panels/files";
import { makeHelp } from "./panels/help";
import { makeMapbox } from "./panels/mapbox";
import { makeSettings } from "./panels/settings";
import { makeSide } from "./panels/side";
import { makeTimebar } from "./panels/timebar";
import { makeTop } from "./panels/top";
import { Wire } from "./wire";

function start(): void {
  const model = new Model(), toasts = makeToasts(), app = new App(model, toasts.say);
  app.restore();
  const url = new URL("api/v1/live", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  app.wire = new Wire(model, { notice: toasts.say, session: (first) => app.session(first), denied: () => { model.denied = true; model.changed("link"); } }, url.href);
  const help = makeHelp(), side = makeSide(app, () => model.changed("settings"));
  const top = makeTop(model, { sensors: side.sensors, help: () => help.showModal(), toggleSide: () => side.toggle(), side: side.open });
  const mapbox = makeMapbox(app, makeBanner(model), makeWarnings(app), toasts.node);
  document.getElementById("app")!.append(top, mapbox.node, side.node, makeTimebar(app), makeSettings(app), makeFiles(app), help);
  app.map = makeMap(mapbox.host, model, { select: (id) => app.select(id), hover: (id) => app.hover(id), moved: () => app.moved() });
  listenToKeys(app, { search: side.search, help: () => help.showModal(), togglePanel: () => side.toggle() });
  app.wire.start();
  // For tests in a browser, and for whoever wants to look inside.
  Object.assign(window, { farwatch: { model, map: app.map } });
}

start();
