// Mouse, pen and fingers on the map: pan, zoom about the pointer, pinch, select, hover, drag a data block, measure.

const CLICK_PX = 4; // what moves less is a click
const WHEEL = 0.0016;

export interface Hands {
  pan(dx: number, dy: number): void;
  zoom(factor: number, x: number, y: number): void;
  click(x: number, y: number): void;
  hover(x: number | null, y: number): void;
  /** A press: true where it takes hold of a data block, whose drags follow. */
  grasp(x: number, y: number): boolean;
  drag(dx: number, dy: number): void;
  /** Whether the ruler is out, and what it does. */
  measuring(): boolean;
  measure(phase: "from" | "to", x: number, y: number): void;
}

/** Listen on an element; positions are CSS pixels from its corner. */
export function listen(host: HTMLElement, hands: Hands): void {
  const down = new Map<number, { x: number; y: number }>();
  let moved = 0, grasped = false, measured = false;
  const at = (event: PointerEvent | WheelEvent | MouseEvent) => {
    const box = host.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  host.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const point = at(event);
    down.set(event.pointerId, point);
    try { host.setPointerCapture(event.pointerId); } catch { /* the pointer has gone already */ }
    if (down.size > 1) { grasped = measured = false; return; }
    moved = 0;
    measured = hands.measuring();
    grasped = !measured && hands.grasp(point.x, point.y);
    if (measured) hands.measure("from", point.x, point.y);
  });
  host.addEventListener("pointermove", (event) => {
    const point = at(event), before = down.get(event.pointerId);
    if (before === undefined) { hands.hover(point.x, point.y); return; }
    if (down.size === 2) {
      const other = [...down.entries()].find(([id]) => id !== event.pointerId)![1];
      const apart = Math.hypot(before.x - other.x, before.y - other.y), now = Math.hypot(point.x - other.x, point.y - other.y);
      if (apart > 10 && now > 10) hands.zoom(now / apart, (point.x + other.x) / 2, (point.y + other.y) / 2);
      hands.pan((point.x - before.x) / 2, (point.y - before.y) / 2);
      moved = Infinity;
    } else {
      const dx = point.x - before.x, dy = point.y - before.y;
      moved += Math.hypot(dx, dy);
      if (measured) hands.measure("to", point.x, point.y);
      else if (grasped) hands.drag(dx, dy);
      else if (moved > CLICK_PX) hands.pan(dx, dy);
    }
    down.set(event.pointerId, point);
  });
  const up = (event: PointerEvent) => {
    const point = down.get(event.pointerId);
    down.delete(event.pointerId);
    if (point === undefined || down.size > 0) return;
    if (event.type === "pointerup" && moved <= CLICK_PX && !measured) hands.click(point.x, point.y);
  };
  host.addEventListener("pointerup", up);
  host.addEventListener("pointercancel", up);
  host.addEventListener("pointerleave", () => hands.hover(null, 0));
  host.addEventListener("wheel", (event) => {
    event.preventDefault();
    const point = at(event), lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
    hands.zoom(Math.exp(-Math.max(-400, Math.min(400, event.deltaY * lines)) * WHEEL), point.x, point.y);
  }, { passive: false });
  host.addEventListener("dblclick", (event) => {
    const point = at(event);
    hands.zoom(2, point.x, point.y);
  });
}
