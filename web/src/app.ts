// What the user can do. Panels and keys call this; it changes the model, tells the server and the map.
import type { MapView } from "./map";
import { checkSettings, readLink, writeLink } from "./permalink";
import { NO_FILTER, type Filter, type Model, type Settings } from "./model";
import type { Wire } from "./wire";

const STORE = "farwatch.settings";
const LINK_WAIT_MS = 400;
const SEEK_WAIT_MS = 150;
const STEP_WAIT_MS = 100; // a key that is held comes 30 times a second; the service closes whoever asks more than 20 times
const VECTORS = [0, 1, 2, 5] as const;
const HISTORIES = [0, 4, 8, 20] as const;

export class App {
  map!: MapView; // set by main.ts, which makes both
  wire!: Wire;
  ruler = false;
  private linkTimer = 0;
  private seekTimer = 0;
  private seekTo: number | null = null;
  private pausedSeek = false;
  private stepped = 0;
  private steppedMs = -Infinity;

  constructor(readonly model: Model, readonly say: (text: string) => void) {
    let place = "";
    model.listen((what) => { // the address follows to where the user stays in time
      const playback = model.status?.playback;
      if (what !== "status" || playback === undefined || playback.state === "playing") return;
      const now = playback.state === "paused" ? String(playback.timeMs) : "";
      if (now !== place) { place = now; this.linkSoon(); }
    });
  }

  /** Settings as remembered and as the address asks for. */
  restore(): void {
    let kept: unknown = null;
    try { kept = JSON.parse(localStorage.getItem(STORE) ?? "null"); } catch { /* no store, or nonsense in it: the defaults */ }
    const link = readLink(location.hash);
    if (matchMedia("(prefers-contrast: more)").matches) this.model.settings.theme = "contrast"; // unless the user has chosen
    Object.assign(this.model.settings, checkSettings(kept), link.settings);
    Object.assign(this.model.filter, link.filter);
    if (link.view !== null) this.model.view = link.view;
    // `replaceState` raises no such event: this is the user, who has put another address into the open page.
    window.addEventListener("hashchange", () => this.readdress());
  }

  /** Go to what another address asks for; one that asks for nothing is put right again. */
  private readdress(): void {
    const link = readLink(location.hash), { model } = this;
    if (link.view !== null) {
      model.view = link.view;
      model.following = false;
      this.map.refresh();
      this.set(link.settings);
      this.setFilter({ ...NO_FILTER, ...link.filter });
      if (link.timeMs !== null) this.goToTime(link.timeMs);
      else if (this.inThePast) this.live();
    }
    if (link.selected !== null) this.select(link.selected);
    this.viewMoved();
  }

  private goToTime(timeMs: number): void {
    this.command({ type: "play", time_ms: timeMs });
    this.wire.send({ type: "pause" });
  }

  /** A session begins: what the address asks for holds for the page's first. */
  session(first: boolean): void {
    const link = readLink(location.hash);
    if (first && link.view !== null) this.map.refresh(); else this.map.fit();
    this.linkSoon();
    if (!first) { // sensors are known by their number, and these are other sensors
      this.set({ hiddenSensors: [] });
      this.setFilter({ sensor: null });
      return;
    }
    if (link.selected !== null) { this.model.selected = link.selected; this.model.changed("selection"); } // the wire tells the server
    if (link.timeMs !== null) queueMicrotask(() => this.goToTime(link.timeMs!));
  }

  select(id: number | null): void {
    const model = this.model;
    if (model.selected === id) return;
    model.selected = id;
    model.detail = null;
    if (id === null) model.following = false;
    this.wire.send({ type: "select", track: id });
    model.changed("selection");
    this.linkSoon();
  }

  /** Select a track and bring it into the middle of the map. */
  goTo(id: number): void {
    const row = this.model.row(id);
    this.select(id);
    if (row < 0) return;
    const { latDeg, lonDeg } = this.model.picture!;
    if (!Number.isFinite(latDeg[row])) return;
    this.model.view = { ...this.model.view, latDeg: latDeg[row], lonDeg: lonDeg[row] };
    this.map.refresh();
    this.viewMoved();
  }

  hover(id: number | null): void {
    if (this.model.hovered === id) return;
    this.model.hovered = id;
    this.model.changed("selection");
  }

  follow(): void {
    const model = this.model;
    if (model.selected === null) { this.say("Select a track to follow it"); return; }
    model.following = !model.following;
    if (model.following) this.goTo(model.selected);
    model.changed("selection");
  }

  /** The user has moved the map. */
  moved(): void {
    if (this.model.following) { this.model.following = false; this.model.changed("selection"); }
    this.viewMoved();
  }

  private viewMoved(): void {
    this.model.changed("view");
    this.linkSoon();
  }

  clear(): void {
    if (this.ruler) this.setRuler(false);
    else if (this.model.selected !== null) this.select(null);
    else this.setFilter(NO_FILTER);
  }

  setRuler(on: boolean): void {
    this.ruler = on;
    this.map.setRuler(on);
    this.model.changed("settings");
  }

  set(changes: Partial<Settings>): void {
    const model = this.model, plots = model.settings.plots;
    Object.assign(model.settings, changes);
    if (model.settings.plots !== plots) {
      this.wire.send({ type: "plots", wanted: model.settings.plots });
      if (plots) model.plots = [];
    }
    // Which sensors are hidden is not remembered: by number, it would hide others of the next site, and nobody would know.
    try { localStorage.setItem(STORE, JSON.stringify({ ...model.settings, hiddenSensors: [] })); } catch { /* not remembered then */ }
    model.changed("settings");
    this.linkSoon();
  }

  setFilter(changes: Partial<Filter>): void {
    Object.assign(this.model.filter, changes);
    this.model.changed("settings");
    this.linkSoon();
  }

  nextVector(): void {
    const next = VECTORS[(VECTORS.indexOf(this.model.settings.vectorMin) + 1) % VECTORS.length];
    this.set({ vectorMin: next });
    this.say(next === 0 ? "Speed vectors off" : `Speed vectors of ${next} min`);
  }

  nextHistory(): void {
    const now = this.model.settings.history;
    const next = HISTORIES.find((count) => count > now) ?? 0;
    this.set({ history: next });
    this.say(next === 0 ? "History off" : `History of ${next} positions`);
  }

  /** Whether the user watches another time than the newest. */
  get inThePast(): boolean {
    const playback = this.model.status?.playback;
    return playback !== undefined && playback.state !== "live";
  }

  live(): void { this.command({ type: "live" }); }

  pauseOrPlay(): void {
    this.command(this.model.status?.playback.state === "paused" ? { type: "play" } : { type: "pause" });
  }

  play(speed: number): void { this.command({ type: "play", speed }); }

  step(pictures: number): void {
    const nowMs = performance.now();
    if (pictures === this.stepped && nowMs - this.steppedMs < STEP_WAIT_MS) return; // a key that is held
    this.stepped = pictures;
    this.steppedMs = nowMs;
    this.command({ type: "step", pictures });
  }

  /** Go to a time, and stay there if it was paused. Called as often as the slider moves; the server is asked a few times a second. */
  seek(timeMs: number): void {
    this.seekTo = timeMs;
    this.pausedSeek = this.model.status?.playback.state === "paused";
    if (this.seekTimer !== 0) return;
    const go = () => {
      this.seekTimer = 0;
      if (this.seekTo === null) return;
      this.command({ type: "play", time_ms: Math.round(this.seekTo) });
      if (this.pausedSeek) this.wire.send({ type: "pause" });
      this.seekTo = null;
      this.seekTimer = window.setTimeout(go, SEEK_WAIT_MS);
    };
    go();
  }

  private command(command: Parameters<Wire["send"]>[0]): void {
    if (!this.wire.send(command)) this.say("The service cannot be reached: nothing was done");
  }

  /** This view as an address; with its time where that is not the newest. */
  link(): string {
    const { view, selected, status, settings, filter } = this.model;
    const hash = writeLink(view, selected, this.inThePast ? status!.playback.timeMs : null, settings, filter);
    return `${location.origin}${location.pathname}#${hash}`;
  }

  linkSoon(): void {
    if (this.linkTimer !== 0) return;
    this.linkTimer = window.setTimeout(() => {
      this.linkTimer = 0;
      history.replaceState(null, "", this.link());
    }, LINK_WAIT_MS);
  }
}
