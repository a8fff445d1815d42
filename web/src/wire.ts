// The live socket: what the server says goes into the model; it is connected to again and again until it answers.
import { parseFrame } from "./frames";
import { parseMessage, type Hello } from "./messages";
import type { Model, Picture, Plots, Static, Status } from "./model";

export type Command =
  | { type: "live" } | { type: "play"; time_ms?: number; speed?: number } | { type: "pause" } | { type: "step"; pictures: number }
  | { type: "select"; track: number | null } | { type: "plots"; wanted: boolean };

export interface WireCallbacks {
  /** Something that the server wants to be said. */
  notice(text: string): void;
  /** A session begins; `first`: of this page. */
  session(first: boolean): void;
  /** The service answers, but lets this page in no more. */
  denied(): void;
}

const SILENT_MS = 3000; // without a word: STALE
const STALLED_MS = 5000; // words, but live no picture: STALE too
const DEAD_MS = 9000; // an open socket that says nothing for so long is given up
const LEAST_WAIT_MS = 300, MOST_WAIT_MS = 4000;
const ASK_AFTER = 3;
const MOST_PLOTS = 200_000;
const SPARE_STATICS = 2000;

/** Whether what is shown is older than it should be. */
export function isStale(model: Model, nowMs: number): boolean {
  if (nowMs - model.heardMs > SILENT_MS) return true;
  const live = model.mode === "live" && model.status?.playback.state === "live";
  return live && model.picture !== null && nowMs - model.picture.receivedMs > STALLED_MS;
}

export class Wire {
  private socket: WebSocket | null = null;
  private waitMs = LEAST_WAIT_MS;
  private openedMs = 0;
  private failures = 0; // in a row

  constructor(private readonly model: Model, private readonly callbacks: WireCallbacks, private readonly url: string) {}

  /** Connect, and watch over it for ever. */
  start(): void {
    this.model.heardMs = performance.now();
    this.connect();
    setInterval(() => this.watch(), 250);
    document.addEventListener("visibilitychange", () => this.watch());
  }

  /** Tell the server; false where nobody is there to hear it. */
  send(command: Command): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(command));
    return true;
  }

  private connect(): void {
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.openedMs = performance.now();
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      if (socket !== this.socket) return;
      try { this.hear(event.data); } catch (error) { // a reader has failed: the next message may do better
        this.model.ignored++;
        console.error(error);
      }
    };
    socket.onclose = () => { if (socket === this.socket) this.lost(); };
  }

  private lost(): void {
    this.socket = null;
    if (this.model.link !== "lost") { this.model.link = "lost"; this.model.changed("link"); }
    if (++this.failures % ASK_AFTER === 0) void this.ask();
    setTimeout(() => this.connect(), this.waitMs * (0.75 + Math.random() / 2));
    this.waitMs = Math.min(this.waitMs * 1.7, MOST_WAIT_MS);
  }

  /** A socket that is refused does not say why: whether it is for want of a login, another question tells. */
  private async ask(): Promise<void> {
    try {
      const answer = await fetch(this.url.replace(/^ws/, "http").replace(/live$/, "status"), { cache: "no-store" });
      if (answer.status === 401) this.callbacks.denied();
    } catch { /* nobody is there: it is tried again anyway */ }
  }

  private watch(): void {
    const nowMs = performance.now(), stale = isStale(this.model, nowMs);
    if (stale !== this.model.stale) { this.model.stale = stale; this.model.changed("link"); }
    if (this.socket !== null && nowMs - Math.max(this.model.heardMs, this.openedMs) > DEAD_MS) {
      const socket = this.socket;
      this.lost();
      socket.close();
    }
  }

  private hear(data: string | ArrayBuffer): void {
    const model = this.model, nowMs = performance.now();
    if (typeof data !== "string") {
      const frame = parseFrame(data, nowMs);
      if (frame === null || model.session === "") { model.ignored++; return; }
      if (frame.kind === "picture") this.picture(frame.picture, nowMs);
      else this.plots(frame.plots, frame.timeMs, frame.jump);
      return;
    }
    const message = parseMessage(data);
    if (message === null) { model.ignored++; return; }
    switch (message.type) {
      case "hello": return this.hello(message.hello);
      case "static": return this.statics(message.tracks);
      case "status": return this.status(message.status, nowMs);
      case "detail":
        if (message.detail.id === model.selected) { model.detail = message.detail; model.changed("detail"); }
        return;
      case "notice": return this.callbacks.notice(message.text);
    }
  }

  private hello(hello: Hello): void {
    const model = this.model, before = model.status?.playback;
    const first = model.session === "", same = model.session === hello.session;
    if (!same) forget(model);
    model.session = hello.session;
    model.mode = hello.mode;
    model.name = hello.name;
    model.version = hello.version;
    model.centre = hello.centre;
    model.radiusM = hello.radiusM;
    model.sensors = hello.sensors;
    model.link = "open";
    model.denied = false;
    this.waitMs = LEAST_WAIT_MS;
    this.failures = 0;
    model.changed("link");
    model.changed("hello");
    if (!same) this.callbacks.session(first);
    this.send({ type: "plots", wanted: model.settings.plots });
    if (model.selected !== null) this.send({ type: "select", track: model.selected });
    if (same && before !== undefined && before.state !== "live") { // back to the place in time that the user was at
      this.send({ type: "play", time_ms: before.timeMs, speed: before.speed });
      if (before.state === "paused") this.send({ type: "pause" });
    }
  }

  private picture(picture: Picture, nowMs: number): void {
    const model = this.model, last = model.picture;
    if (last !== null && !picture.jump && picture.timeMs < last.timeMs) { model.ignored++; return; } // out of order
    model.picture = picture;
    if (picture.jump) model.plots = [];
    prune(model);
    findDoubles(model);
    this.heard(nowMs);
    model.changed("picture");
  }

  private plots(plots: Plots, timeMs: number, jump: boolean): void {
    const model = this.model;
    const kept = jump ? [] : model.plots;
    const turnS = Math.max(...model.sensors.map((sensor) => sensor.rotationS), 4);
    const oldestMs = timeMs - Math.min(2 * turnS, 60) * 1000;
    let total = plots.n;
    const young = kept.filter((one) => one.n > 0 && one.timeMs[one.n - 1] >= oldestMs && one.timeMs[0] <= timeMs + 60_000);
    model.plots = [...young, plots].reverse().filter((one) => one === plots || (total += one.n) <= MOST_PLOTS).reverse();
    model.changed("plots");
  }

  private statics(tracks: [number, Partial<Static>][]): void {
    for (const [id, fields] of tracks) {
      const known = this.model.statics.get(id) ?? { callsign: null, address: null, modeA: null };
      this.model.statics.set(id, { ...known, ...fields });
    }
    this.model.changed("static");
  }

  private status(status: Status, nowMs: number): void {
    this.model.status = status;
    this.model.mode = status.mode;
    this.heard(nowMs);
    this.model.changed("status");
  }

  private heard(nowMs: number): void {
    this.model.heardMs = nowMs;
    if (this.model.stale) this.watch();
  }
}

/** Another session: nothing of the old one holds. */
function forget(model: Model): void {
  model.picture = null;
  model.plots = [];
  model.statics.clear();
  model.doubles.clear();
  model.status = null;
  model.detail = null;
  model.hovered = null;
  if (model.session !== "") { model.selected = null; model.following = false; }
}

/** Let go what is known of tracks that have gone: the server says it again where they come back. */
function prune(model: Model): void {
  if (model.picture === null || model.statics.size < 2 * model.picture.n + SPARE_STATICS) return;
  for (const id of model.statics.keys()) if (model.row(id) < 0) model.statics.delete(id);
}

/** Which tracks of the picture share an address: two aircraft that say one, or one that is tracked twice. */
export function findDoubles(model: Model): void {
  const first = new Map<string, number>(), { picture, statics, doubles } = model;
  doubles.clear();
  for (let row = 0; picture !== null && row < picture.n; row++) {
    const id = picture.id[row], address = statics.get(id)?.address;
    if (!address) continue;
    const other = first.get(address);
    if (other === undefined) first.set(address, id);
    else doubles.add(other).add(id);
  }
}
