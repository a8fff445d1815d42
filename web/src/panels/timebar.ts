// The time bar: what can be gone back to, where it has gaps, and where in it the user is.
import type { App } from "../app";
import { button, choice, el, setAttribute, setText } from "../el";
import { icon, setIcon } from "../icons";
import { clockText, dayText } from "../text";

const SPEEDS = [1, 2, 5, 10, 20, 60];
const MOST_GAPS = 400; // elements; more could not be told apart

export function makeTimebar(app: App): HTMLElement {
  const { model } = app;
  const slider = el("input", { type: "range", min: 0, max: 1000, step: 1000, value: 1000, "aria-label": "Time of the picture", class: "slider" });
  const shade = el("div", { class: "gaps", "aria-hidden": "true" }), track = el("div", { class: "timeline" }, shade, slider);
  const from = el("span", { class: "edge" }), to = el("span", { class: "edge" });
  const sign = icon("pause");
  const play = button("", { class: "tool", title: "Pause (Space)", "aria-label": "Pause", onclick: () => app.pauseOrPlay() }, sign);
  const live = button("LIVE", { class: "tool live", title: "To the newest (End)", onclick: () => app.live() });
  const speed = choice("Speed", SPEEDS.map((value) => [String(value), `×${value}`]), "1", (value) => app.play(Number(value)));
  speed.classList.add("speed");
  const select = speed.querySelector("select")!;
  const node = el("footer", { class: "timebar", "aria-label": "Time" },
    el("div", { class: "transport" },
      button("", { class: "tool", title: "One picture back (,)", "aria-label": "One picture back", onclick: () => app.step(-1) }, icon("back")), play,
      button("", { class: "tool", title: "One picture on (.)", "aria-label": "One picture on", onclick: () => app.step(1) }, icon("on")), speed),
    from, track, to, live);

  let dragging = false, startMs = 0, shownGaps = "";
  slider.addEventListener("input", () => {
    dragging = true;
    const timeMs = startMs + slider.valueAsNumber;
    setAttribute(slider, "aria-valuetext", `${dayText(timeMs)} ${clockText(timeMs)} UTC`);
    app.seek(timeMs);
  });
  slider.addEventListener("change", () => { dragging = false; });
  slider.addEventListener("pointermove", (event) => {
    const box = slider.getBoundingClientRect(), share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    slider.title = `${clockText(startMs + share * Number(slider.max))} UTC`;
  });

  const repaint = () => {
    const status = model.status, range = status?.range ?? null, playback = status?.playback;
    const can = range !== null && range[1] > range[0];
    for (const control of node.querySelectorAll<HTMLInputElement>("button, input, select")) control.disabled = !can && (control as HTMLElement) !== live;
    setAttribute(node, "data-state", playback?.state ?? "live");
    const paused = playback?.state === "paused";
    setIcon(sign, paused ? "play" : "pause");
    setAttribute(play, "aria-label", paused ? "Play" : "Pause");
    setAttribute(play, "title", `${paused ? "Play" : "Pause"} (Space)`);
    setAttribute(live, "aria-pressed", String(playback?.state === "live"));
    if (document.activeElement !== select && playback !== undefined) select.value = String(SPEEDS.find((value) => value >= playback.speed) ?? 60);
    if (range === null || !can) { setText(from, "--:--:--"); setText(to, "--:--:--"); return; }
    startMs = range[0];
    const spanMs = Math.max(range[1] - range[0], 1);
    setText(from, clockText(range[0]));
    setText(to, clockText(range[1]));
    if (!dragging) {
      const timeMs = playback === undefined || playback.state === "live" ? range[1] : Math.min(Math.max(playback.timeMs, range[0]), range[1]);
      slider.max = String(Math.ceil(spanMs / 1000) * 1000); // whole seconds: what an arrow key moves
      slider.value = String(Math.round(timeMs - range[0]));
      setAttribute(slider, "aria-valuetext", `${dayText(timeMs)} ${clockText(timeMs)} UTC`);
      slider.style.setProperty("--at", `${(100 * (timeMs - range[0])) / spanMs}%`);
    }
    const gaps = status!.gaps.filter(([start, end]) => end > range[0] && start < range[1]).sort((a, b) => b[1] - b[0] - (a[1] - a[0])).slice(0, MOST_GAPS);
    const share = (timeMs: number) => Math.min(Math.max((timeMs - range[0]) / spanMs, 0), 1) * 100;
    const key = gaps.map(([start, end]) => `${share(start).toFixed(2)}-${share(end).toFixed(2)}`).join();
    if (key === shownGaps) return;
    shownGaps = key;
    shade.replaceChildren(...gaps.map(([start, end]) => {
      const gap = el("i", {});
      gap.style.left = `${share(start)}%`;
      gap.style.width = `max(1px, ${share(end) - share(start)}%)`;
      return gap;
    }));
  };
  model.listen((what) => { if (what === "status" || what === "hello") repaint(); });
  repaint();
  return node;
}
