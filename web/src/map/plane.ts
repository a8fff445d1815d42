// The plane of the map: stereographic about a point, in which circles on the Earth are circles. Pan and zoom move the view
// in it, so what has been drawn once is only shifted and scaled; the plane itself moves when the view has gone far.

export const EARTH_M = 6_371_000;
export const RAD = Math.PI / 180;
const NEARLY_OPPOSITE = -0.95; // cosine of the angle from the middle beyond which nothing is drawn

export interface Point { x: number; y: number }

export class Plane {
  private readonly sinLat: number;
  private readonly cosLat: number;

  constructor(readonly latDeg: number, readonly lonDeg: number) {
    this.sinLat = Math.sin(latDeg * RAD);
    this.cosLat = Math.cos(latDeg * RAD);
  }

  /** Metres east and north in the plane, into `out`; false (and NaN) where there is no such place, or nearly opposite. */
  forward(latDeg: number, lonDeg: number, out: Point): boolean {
    const sin = Math.sin(latDeg * RAD), cos = Math.cos(latDeg * RAD), turn = (lonDeg - this.lonDeg) * RAD;
    const level = cos * Math.cos(turn), along = this.sinLat * sin + this.cosLat * level;
    if (!(along > NEARLY_OPPOSITE) || !(Math.abs(latDeg) <= 90)) {
      out.x = NaN;
      out.y = NaN;
      return false;
    }
    const scale = (2 * EARTH_M) / (1 + along);
    out.x = scale * cos * Math.sin(turn);
    out.y = scale * (this.cosLat * sin - this.sinLat * level);
    return true;
  }

  /** The place at a point of the plane: latitude and longitude in degrees. */
  inverse(x: number, y: number): { latDeg: number; lonDeg: number } {
    const far = Math.hypot(x, y), angle = 2 * Math.atan(far / (2 * EARTH_M)), sin = Math.sin(angle), cos = Math.cos(angle);
    if (far === 0) return { latDeg: this.latDeg, lonDeg: this.lonDeg };
    const lat = Math.asin(Math.min(1, Math.max(-1, cos * this.sinLat + (y * sin * this.cosLat) / far)));
    const lon = Math.atan2(x * sin, far * this.cosLat * cos - y * this.sinLat * sin);
    return { latDeg: lat / RAD, lonDeg: ((this.lonDeg + lon / RAD + 540) % 360) - 180 };
  }

  /** How much longer than on the Earth a short way is at a point. */
  stretch(x: number, y: number): number { return 1 + (x * x + y * y) / (4 * EARTH_M * EARTH_M); }
}

/** The place that lies so many metres away in a direction (degrees from north), along the great circle. */
export function destination(latDeg: number, lonDeg: number, bearingDeg: number, distanceM: number): { latDeg: number; lonDeg: number } {
  const lat = latDeg * RAD, angle = distanceM / EARTH_M, bearing = bearingDeg * RAD;
  const sin = Math.sin(lat) * Math.cos(angle) + Math.cos(lat) * Math.sin(angle) * Math.cos(bearing);
  const lon = Math.atan2(Math.sin(bearing) * Math.sin(angle) * Math.cos(lat), Math.cos(angle) - Math.sin(lat) * sin);
  return { latDeg: Math.asin(Math.min(1, Math.max(-1, sin))) / RAD, lonDeg: ((lonDeg + lon / RAD + 540) % 360) - 180 };
}

/** Distance (m) and first bearing (degrees) from one place to another along the great circle. */
export function wayBetween(fromLat: number, fromLon: number, toLat: number, toLon: number): { distanceM: number; bearingDeg: number } {
  const a = fromLat * RAD, b = toLat * RAD, turn = (toLon - fromLon) * RAD;
  const h = Math.sin((b - a) / 2) ** 2 + Math.cos(a) * Math.cos(b) * Math.sin(turn / 2) ** 2;
  const bearing = Math.atan2(Math.sin(turn) * Math.cos(b), Math.cos(a) * Math.sin(b) - Math.sin(a) * Math.cos(b) * Math.cos(turn));
  return { distanceM: 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(h))), bearingDeg: (bearing / RAD + 360) % 360 };
}

/** How far (m) a radar sees an aircraft at a height, over an Earth of 4/3 its radius: by its lowest beam and its range. */
export function coverageM(antennaM: number, minElevationDeg: number, maxRangeM: number, heightM: number): number {
  const radius = (4 / 3) * EARTH_M, above = heightM - antennaM, sin = Math.sin(minElevationDeg * RAD);
  const horizon = Math.sqrt(2 * radius * Math.max(antennaM, 0)) + Math.sqrt(2 * radius * Math.max(heightM, 0));
  const under = sin * sin + (2 * above) / radius;
  if (under < 0) return 0;
  // Below its own height a radar that looks down sees from the near edge of its beam to the horizon: the far edge counts.
  const beam = radius * (-sin + Math.sqrt(under));
  return Math.max(0, Math.min(beam, horizon, maxRangeM));
}
