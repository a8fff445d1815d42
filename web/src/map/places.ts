// Where a data block may stand about its symbol, and what is taken already. Pure: no canvas, no model.

export interface Box { x: number; y: number; width: number; height: number }

const CELL = 4; // CSS pixels
export const OCTANTS = 8;
const GAPS = [9, 22]; // from the symbol's middle to the block

/** Which parts of the screen are taken, in cells. */
export class Taken {
  private cells = new Uint8Array(0);
  private columns = 0;
  private lines = 0;

  clear(width: number, height: number): void {
    this.columns = Math.ceil(width / CELL) + 1;
    this.lines = Math.ceil(height / CELL) + 1;
    if (this.cells.length < this.columns * this.lines) this.cells = new Uint8Array(this.columns * this.lines);
    else this.cells.fill(0);
  }

  free(box: Box): boolean {
    const [left, top, right, bottom] = this.span(box);
    if (right < 0 || bottom < 0 || left >= this.columns || top >= this.lines) return false;
    for (let line = Math.max(0, top); line <= Math.min(bottom, this.lines - 1); line++) {
      const from = line * this.columns;
      for (let cell = from + Math.max(0, left); cell <= from + Math.min(right, this.columns - 1); cell++) if (this.cells[cell] !== 0) return false;
    }
    return true;
  }

  take(box: Box): void {
    const [left, top, right, bottom] = this.span(box);
    for (let line = Math.max(0, top); line <= Math.min(bottom, this.lines - 1); line++) {
      const from = line * this.columns;
      if (right >= 0 && left < this.columns) this.cells.fill(1, from + Math.max(0, left), from + Math.min(right, this.columns - 1) + 1);
    }
  }

  private span(box: Box): [number, number, number, number] {
    return [Math.floor(box.x / CELL), Math.floor(box.y / CELL), Math.floor((box.x + box.width) / CELL), Math.floor((box.y + box.height) / CELL)];
  }
}

/** The block in an octant (0: right and up, then clockwise), so far from its symbol. */
export function boxIn(octant: number, gap: number, x: number, y: number, width: number, height: number): Box {
  const angle = ((octant * 45 - 45) * Math.PI) / 180, dx = Math.cos(angle), dy = Math.sin(angle);
  const left = dx > 0.3 ? x + gap * dx : dx < -0.3 ? x + gap * dx - width : x - width / 2;
  const top = dy > 0.3 ? y + gap * dy : dy < -0.3 ? y + gap * dy - height : y - height / 2;
  return { x: left, y: top, width, height };
}

/** The first place that is free: the octant it had (blocks must not jump), then its neighbours, then farther out. */
export function findPlace(taken: Taken, had: number, x: number, y: number, width: number, height: number): { octant: number; box: Box } | null {
  for (const gap of GAPS) {
    for (let step = 0; step < OCTANTS; step++) {
      const octant = (had + (step % 2 === 1 ? (step + 1) / 2 : OCTANTS - step / 2)) % OCTANTS;
      const box = boxIn(octant, gap, x, y, width, height);
      if (taken.free(box)) return { octant, box };
    }
  }
  return null;
}

/** The point of a box that is nearest to another point. */
export function edgeOf(box: Box, x: number, y: number): { x: number; y: number } {
  return { x: Math.min(Math.max(x, box.x), box.x + box.width), y: Math.min(Math.max(y, box.y), box.y + box.height) };
}
