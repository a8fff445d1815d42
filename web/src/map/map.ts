// Dots where the tracks are, until the renderer stands here.
import type { MakeMap } from "./index";

export const makeMap: MakeMap = (host, model, callbacks) => {
  const canvas = document.createElement("canvas");
  host.append(canvas);
  const M_PER_DEG = 111_320;
  let shown: { id: number; x: number; y: number }[] = [];
  const draw = () => {
    const w = host.clientWidth, h = host.clientHeight, dpr = devicePixelRatio;
    canvas.width = w * dpr; canvas.height = h * dpr;
    canvas.style.width = `${w}px`; canvas.style.height = `${h}px`;
    const g = canvas.getContext("2d")!, p = model.picture, v = model.view;
    g.scale(dpr, dpr);
    shown = [];
    if (p === null) return;
    for (let k = 0; k < p.n; k++) {
      const x = w / 2 + ((p.lonDeg[k] - v.lonDeg) * M_PER_DEG * Math.cos((v.latDeg * Math.PI) / 180)) / v.metresPerPixel;
      const y = h / 2 - ((p.latDeg[k] - v.latDeg) * M_PER_DEG) / v.metresPerPixel;
      if (!(x > 0 && y > 0 && x < w && y < h)) continue;
      shown.push({ id: p.id[k], x, y });
      g.fillStyle = p.id[k] === model.selected ? "#f0e442" : "#56b4e9";
      g.fillRect(x - 2, y - 2, 4, 4);
    }
  };
  const turn = (dx: number, dy: number) => {
    const v = model.view;
    model.view = { ...v, latDeg: v.latDeg - (dy * v.metresPerPixel) / M_PER_DEG, lonDeg: v.lonDeg + (dx * v.metresPerPixel) / M_PER_DEG / Math.cos((v.latDeg * Math.PI) / 180) };
    draw(); callbacks.moved();
  };
  canvas.addEventListener("click", (event) => {
    const near = shown.find((one) => Math.hypot(one.x - event.offsetX, one.y - event.offsetY) < 12);
    callbacks.select(near?.id ?? null);
  });
  new ResizeObserver(draw).observe(host);
  model.listen(draw);
  return {
    refresh: draw, pan: turn, setRuler: () => {}, visible: () => shown,
    zoom: (factor) => { model.view = { ...model.view, metresPerPixel: model.view.metresPerPixel / factor }; draw(); callbacks.moved(); },
    fit: () => { model.view = { ...model.centre, metresPerPixel: (2 * model.radiusM) / Math.min(host.clientWidth, host.clientHeight) }; draw(); callbacks.moved(); },
    toPng: () => new Promise((done) => canvas.toBlob((blob) => done(blob!))),
  };
};
